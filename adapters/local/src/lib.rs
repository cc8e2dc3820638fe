//! [task-registry](https://docs.rs/task-registry) on a single thread: `async_executor::LocalExecutor`.
//!
//! ```
//! use std::rc::Rc;
//!
//! use async_executor::LocalExecutor;
//! use futures_lite::future::block_on;
//! use task_registry_core::Registry;
//! use task_registry_local::OnLocalExecutor;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let executor = LocalExecutor::new();
//! let tasks = Registry::new(OnLocalExecutor(&executor));
//! let shared = Rc::new(42); // neither the future nor its output has to be `Send`
//! let answer = tasks.spawn("rc", async move { shared })?;
//! assert_eq!(*block_on(executor.run(answer))?, 42);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use std::future::Future;
use std::rc::Weak;

use async_executor::{LocalExecutor, Task};
use task_registry_core::{JoinHandle, Refused, Spawn, SpawnLocal, Spawner, mode};

/// A task of the executor's, which would be cancelled by dropping this; detaching lets it run.
#[derive(Debug)]
pub struct Attached(Task<()>);

impl JoinHandle for Attached {
    fn detach(self) {
        self.0.detach();
    }
}

/// Spawns on a `LocalExecutor`: `OnLocalExecutor(&executor)`, or `OnLocalExecutor(Rc::downgrade(&executor))`.
///
/// By reference, futures may borrow whatever outlives the executor. With a `Weak` it does not keep the executor: that
/// is the one to use in tasks that own their registry, and once the executor is gone a spawn is refused and gives the
/// future back (law 11).
///
/// The registry's table stays on the thread too ([`mode::Unsync`]), without locks or atomics. To list and cancel these
/// tasks from other threads give the registry a [`mode::Sync`] table, with `Registry::with_tasks`.
#[derive(Clone, Copy, Debug)]
pub struct OnLocalExecutor<P>(pub P);

impl Spawner for OnLocalExecutor<&LocalExecutor<'_>> {
    type Handle = Attached;
    type Mode = mode::Unsync;
}

impl Spawner for OnLocalExecutor<Weak<LocalExecutor<'_>>> {
    type Handle = Attached;
    type Mode = mode::Unsync;
}

impl<'a, F: Future<Output = ()> + 'a> Spawn<F> for OnLocalExecutor<&LocalExecutor<'a>> {
    fn spawn(&self, future: F) -> Result<Attached, Refused<F>> {
        Ok(Attached(self.0.spawn(future)))
    }
}

impl<'a, F: Future<Output = ()> + 'a> Spawn<F> for OnLocalExecutor<Weak<LocalExecutor<'a>>> {
    fn spawn(&self, future: F) -> Result<Attached, Refused<F>> {
        match self.0.upgrade() {
            Some(executor) => Ok(Attached(executor.spawn(future))),
            None => Err(Refused::gone(future)),
        }
    }
}

impl SpawnLocal for OnLocalExecutor<&LocalExecutor<'_>> {
    fn spawn_local<F>(&self, future: F) -> Result<Attached, Refused<F>>
    where
        F: Future<Output = ()> + 'static,
    {
        self.spawn(future)
    }
}

impl SpawnLocal for OnLocalExecutor<Weak<LocalExecutor<'_>>> {
    fn spawn_local<F>(&self, future: F) -> Result<Attached, Refused<F>>
    where
        F: Future<Output = ()> + 'static,
    {
        self.spawn(future)
    }
}
