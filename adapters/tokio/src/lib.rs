//! [task-registry](https://docs.rs/task-registry) on tokio.
//!
//! - [`Tokio`] runs `Send` futures on a runtime: the current one, a given `Handle`, or whichever is current at each
//!   spawn.
//! - [`TokioLocal`] runs any futures, `Send` or not, on a given `LocalSet`.
//! - [`CurrentThread`] gives each of [`Workers`](task_registry_core::Workers) a runtime and a `LocalSet` of its own.
//!
//! ```
//! use task_registry_core::Registry;
//! use task_registry_tokio::Tokio;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tasks = Registry::new(Tokio::current());
//! assert_eq!(tasks.spawn("sum", async { 41 + 1 })?.await?, 42);
//! # Ok(())
//! # }
//! ```
//!
//! # When the runtime is gone
//!
//! A `Handle` does not keep its runtime running. When the runtime shuts down it drops its tasks, which then end as
//! `Abandoned`; a task spawned after that is dropped by tokio at once, so the spawn returns `Ok` and the task has ended
//! as `Abandoned` (law 11). A blocked worker thread, and `spawn_blocking`, end when they end (law 18).
#![forbid(unsafe_code)]

mod local;
mod send;
#[cfg(feature = "token")]
mod token;
mod workers;

use task_registry_core::{JoinHandle, Kept};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task;

pub use local::TokioLocal;
pub use send::Tokio;
#[cfg(feature = "token")]
pub use token::{CxToken, shutdown_on};
pub use workers::CurrentThread;

/// tokio's handle of a task. Detached by being dropped.
#[derive(Debug)]
pub struct Detached(Option<task::JoinHandle<()>>);

impl Detached {
    /// Where other threads run the task, the handle is to be kept: see [`JoinHandle::keep`]. On one thread it is dropped at once:
    /// before the task has run that costs least, and its memory goes back while it is still in the cache.
    #[inline]
    fn new(task: task::JoinHandle<()>, runtime: &Handle) -> Self {
        Self((runtime.runtime_flavor() != RuntimeFlavor::CurrentThread).then_some(task))
    }

    #[inline]
    fn at_once(task: task::JoinHandle<()>) -> Self {
        drop(task);
        Self(None)
    }
}

impl JoinHandle for Detached {
    fn detach(self) {}

    #[inline]
    fn keep(self) -> Kept {
        match self.0 {
            Some(_) => Kept::new(self),
            None => Kept::nothing(),
        }
    }
}

// What is kept has to fit into a word: else nothing would be, and nobody would see why all is slower.
const _: () = assert!(size_of::<Detached>() <= size_of::<usize>());
