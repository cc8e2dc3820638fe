//! [task-registry](https://docs.rs/task-registry) on smol and on any `async_executor::Executor`.
//!
//! - [`Smol`] runs `Send` futures on smol's global executor.
//! - [`OnExecutor`] runs them on an executor of yours; they may borrow what the executor may.
//!
//! ```
//! use task_registry_core::Registry;
//! use task_registry_smol::Smol;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tasks = Registry::new(Smol);
//! assert_eq!(smol::block_on(tasks.spawn("sum", async { 41 + 1 })?)?, 42);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use std::future::Future;
use std::sync::Weak;

use async_executor::{Executor, Task};
use task_registry_core::{
    JoinHandle, Refusal, Refused, Spawn, SpawnBlocking, SpawnSend, Spawner, mode,
};

/// A task of the executor's, which would be cancelled by dropping this; detaching lets it run.
#[derive(Debug)]
pub struct Attached(Task<()>);

impl JoinHandle for Attached {
    fn detach(self) {
        self.0.detach();
    }
}

/// Spawns `Send` futures on smol's global executor, which is never gone.
#[derive(Clone, Copy, Debug)]
pub struct Smol;

impl Spawner for Smol {
    type Handle = Attached;
    type Mode = mode::Sync;
}

impl SpawnSend for Smol {
    #[inline]
    fn spawn_send<F>(&self, future: F) -> Result<Attached, Refused<F>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Ok(Attached(smol::spawn(future)))
    }
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for Smol {
    #[inline]
    fn spawn(&self, future: F) -> Result<Attached, Refused<F>> {
        self.spawn_send(future)
    }
}

impl SpawnBlocking for Smol {
    fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
        smol::unblock(work).detach();
        Ok(())
    }
}

/// Spawns on an `async_executor::Executor`: `OnExecutor(&executor)`, or `OnExecutor(Arc::downgrade(&executor))`.
///
/// By reference, futures may borrow whatever outlives the executor. With a `Weak` it does not keep the executor: that
/// is the one to use in tasks that own their registry, and once the executor is gone a spawn is refused and gives the
/// future back (law 11).
///
/// An `Executor` has no threads for work that blocks: `spawn_blocking` uses those of [`smol::unblock`], which are the
/// program's.
///
/// ```
/// use async_executor::Executor;
/// use futures_lite::future::block_on;
/// use task_registry_core::Registry;
/// use task_registry_smol::OnExecutor;
///
/// let numbers = vec![1, 2, 3];
/// let executor = Executor::new();
/// let tasks = Registry::new(OnExecutor(&executor));
/// let sum = tasks.spawn("sum", async { numbers.iter().sum::<i32>() })?; // borrows `numbers`
/// assert_eq!(block_on(executor.run(sum))?, 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OnExecutor<P>(pub P);

impl Spawner for OnExecutor<&Executor<'_>> {
    type Handle = Attached;
    type Mode = mode::Sync;
}

impl Spawner for OnExecutor<Weak<Executor<'_>>> {
    type Handle = Attached;
    type Mode = mode::Sync;
}

impl<'a, F: Future<Output = ()> + Send + 'a> Spawn<F> for OnExecutor<&Executor<'a>> {
    #[inline]
    fn spawn(&self, future: F) -> Result<Attached, Refused<F>> {
        Ok(Attached(self.0.spawn(future)))
    }
}

impl<'a, F: Future<Output = ()> + Send + 'a> Spawn<F> for OnExecutor<Weak<Executor<'a>>> {
    #[inline]
    fn spawn(&self, future: F) -> Result<Attached, Refused<F>> {
        match self.0.upgrade() {
            Some(executor) => Ok(Attached(executor.spawn(future))),
            None => Err(Refused::gone(future)),
        }
    }
}

impl SpawnSend for OnExecutor<&Executor<'_>> {
    #[inline]
    fn spawn_send<F>(&self, future: F) -> Result<Attached, Refused<F>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn(future)
    }
}

impl SpawnSend for OnExecutor<Weak<Executor<'_>>> {
    #[inline]
    fn spawn_send<F>(&self, future: F) -> Result<Attached, Refused<F>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn(future)
    }
}

impl SpawnBlocking for OnExecutor<&Executor<'_>> {
    fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
        smol::unblock(work).detach();
        Ok(())
    }
}

impl SpawnBlocking for OnExecutor<Weak<Executor<'_>>> {
    fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
        // Its threads are there for ever, but whoever let go of the executor wants nothing more of it (law 11).
        if self.0.strong_count() == 0 {
            return Err(Refusal::ExecutorGone);
        }
        smol::unblock(work).detach();
        Ok(())
    }
}
