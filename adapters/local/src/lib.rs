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

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};

use async_executor::{LocalExecutor, Task};
use task_registry_core::{JoinHandle, Refused, Runtime, Spawn, SpawnLocal, Spawner, mode};

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
///
/// There is no `spawn_blocking`, nor is there on a [`LocalThread`]: neither the executor nor this crate has threads for work
/// that blocks. Where your program has some, `reserve(name)?.track(async { work() })` is what to block on there.
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
    #[inline]
    fn spawn(&self, future: F) -> Result<Attached, Refused<F>> {
        Ok(Attached(self.0.spawn(future)))
    }
}

impl<'a, F: Future<Output = ()> + 'a> Spawn<F> for OnLocalExecutor<Weak<LocalExecutor<'a>>> {
    #[inline]
    fn spawn(&self, future: F) -> Result<Attached, Refused<F>> {
        match self.0.upgrade() {
            Some(executor) => Ok(Attached(executor.spawn(future))),
            None => Err(Refused::gone(future)),
        }
    }
}

impl SpawnLocal for OnLocalExecutor<&LocalExecutor<'_>> {
    #[inline]
    fn spawn_local<F>(&self, future: F) -> Result<Attached, Refused<F>>
    where
        F: Future<Output = ()> + 'static,
    {
        self.spawn(future)
    }
}

impl SpawnLocal for OnLocalExecutor<Weak<LocalExecutor<'_>>> {
    #[inline]
    fn spawn_local<F>(&self, future: F) -> Result<Attached, Refused<F>>
    where
        F: Future<Output = ()> + 'static,
    {
        self.spawn(future)
    }
}

/// Drives a future on this thread until it is ready.
type BlockOn = fn(Pin<&mut dyn Future<Output = ()>>);

/// A `LocalExecutor` for each of [`Workers`](task_registry_core::Workers).
///
/// ```
/// use futures_lite::future::block_on;
/// use task_registry_core::Workers;
/// use task_registry_local::LocalThread;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let workers = Workers::new(2, LocalThread::new()).start("the app", |cx| async move {
///     cx.cancelled().await;
/// });
/// let workers = block_on(workers)?;
/// assert!(block_on(workers.shutdown(std::future::pending::<()>())).is_clean());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct LocalThread(BlockOn);

impl LocalThread {
    /// Driven by `futures_lite::future::block_on`: whatever I/O and timers there are run on threads of their own.
    #[must_use]
    pub const fn new() -> Self {
        Self(|future| futures_lite::future::block_on(future))
    }

    /// Driven by what you say. With smol, each worker then polls I/O and timers itself:
    /// `LocalThread::driven_by(|future| smol::block_on(future))`.
    ///
    /// It has to go on until the future is ready. A worker where it comes back before that panics, once all that is on it was
    /// dropped. If it came back before the worker was ready, that is, without polling once, the start says so; later, also
    /// while other workers are not ready yet, [`Running::join`](task_registry_core::Running::join) does.
    #[must_use]
    pub const fn driven_by(block_on: fn(Pin<&mut dyn Future<Output = ()>>)) -> Self {
        Self(block_on)
    }
}

impl Default for LocalThread {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LocalThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalThread")
    }
}

impl Runtime for LocalThread {
    type Spawner = OnLocalExecutor<Weak<LocalExecutor<'static>>>;

    fn run<F: Future>(&self, body: impl FnOnce(Self::Spawner) -> F) -> io::Result<F::Output> {
        let executor = Rc::new(LocalExecutor::new());
        let future = executor.run(body(OnLocalExecutor(Rc::downgrade(&executor))));
        let mut output = None;
        (self.0)(pin!(async { output = Some(future.await) }));
        drop(executor);
        // No error: `body` was called.
        let Some(output) = output else {
            panic!("what drives a worker came back before the worker's future was ready")
        };
        Ok(output)
    }
}
