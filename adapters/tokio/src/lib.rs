//! [task-registry](https://docs.rs/task-registry) on tokio.
//!
//! - [`Tokio`] runs `Send` futures on a runtime: the current one, a given `Handle`, or whichever is current at each
//!   spawn.
//! - [`TokioLocal`] runs any futures, `Send` or not, on a given `LocalSet`.
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

use std::future::Future;
use std::rc::Weak;

use task_registry_core::{
    JoinHandle, Refusal, Refused, Spawn, SpawnLocal, SpawnSend, Spawner, mode,
};
use tokio::runtime::{Handle, TryCurrentError};
use tokio::task::{self, LocalSet};

/// Spawns `Send` futures on a tokio runtime.
#[derive(Clone, Debug)]
pub struct Tokio(Option<Handle>);

impl Tokio {
    /// On the runtime this is called in.
    ///
    /// # Panics
    ///
    /// Outside a runtime, as tokio's own `Handle::current` does; [`try_current`](Tokio::try_current) does not.
    #[must_use]
    #[track_caller]
    pub fn current() -> Self {
        Self(Some(Handle::current()))
    }

    /// On the runtime this is called in, if there is one.
    ///
    /// # Errors
    ///
    /// tokio's own, outside a runtime.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        Handle::try_current().map(|handle| Self(Some(handle)))
    }

    /// On the runtime in which each spawn is called, to be made before there is any.
    ///
    /// A spawn outside every runtime is refused, and gives the future back.
    #[must_use]
    pub const fn ambient() -> Self {
        Self(None)
    }
}

impl From<Handle> for Tokio {
    /// On the runtime of this handle.
    fn from(handle: Handle) -> Self {
        Self(Some(handle))
    }
}

impl From<&tokio::runtime::Runtime> for Tokio {
    /// On this runtime. Does not keep it running.
    fn from(runtime: &tokio::runtime::Runtime) -> Self {
        runtime.handle().clone().into()
    }
}

/// tokio's handle of a task. Detached by being dropped.
#[derive(Debug)]
pub struct Detached(#[expect(dead_code, reason = "held until it is dropped")] task::JoinHandle<()>);

impl JoinHandle for Detached {
    fn detach(self) {}
}

impl Spawner for Tokio {
    type Handle = Detached;
    type Mode = mode::Sync;
}

impl SpawnSend for Tokio {
    fn spawn_send<F>(&self, future: F) -> Result<Detached, Refused<F>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        match &self.0 {
            Some(handle) => Ok(Detached(handle.spawn(future))),
            None => match Handle::try_current() {
                Ok(handle) => Ok(Detached(handle.spawn(future))),
                Err(_) => {
                    Err(Refused::new(future, Refusal::Other("there is no tokio runtime here")))
                }
            },
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for Tokio {
    fn spawn(&self, future: F) -> Result<Detached, Refused<F>> {
        self.spawn_send(future)
    }
}

/// Spawns futures on a tokio `LocalSet`, `Send` or not: `TokioLocal(&set)`, or `TokioLocal(Rc::downgrade(&set))`.
///
/// They run while the set is driven (`set.run_until(…)`, or awaiting the set). With a `Weak` it does not keep the set:
/// that is the one to use in tasks that own their registry, and once the set is gone a spawn is refused (law 11).
///
/// ```
/// use std::rc::Rc;
/// use task_registry_core::Registry;
/// use task_registry_tokio::TokioLocal;
/// use tokio::task::LocalSet;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let set = LocalSet::new();
/// let tasks = Registry::new(TokioLocal(&set));
/// let shared = Rc::new(42);
/// let answer = tasks.spawn("rc", async move { shared })?;
/// assert_eq!(*set.run_until(answer).await?, 42);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TokioLocal<P>(pub P);

/// Leads to a `LocalSet`, if it is still there.
trait ToLocalSet {
    fn with<R>(&self, found: impl FnOnce(Option<&LocalSet>) -> R) -> R;
}

impl ToLocalSet for &LocalSet {
    fn with<R>(&self, found: impl FnOnce(Option<&LocalSet>) -> R) -> R {
        found(Some(self))
    }
}

impl ToLocalSet for Weak<LocalSet> {
    fn with<R>(&self, found: impl FnOnce(Option<&LocalSet>) -> R) -> R {
        found(self.upgrade().as_deref())
    }
}

impl<P: ToLocalSet> Spawner for TokioLocal<P> {
    type Handle = Detached;
    type Mode = mode::Unsync;
}

impl<P: ToLocalSet> SpawnLocal for TokioLocal<P> {
    fn spawn_local<F>(&self, future: F) -> Result<Detached, Refused<F>>
    where
        F: Future<Output = ()> + 'static,
    {
        self.0.with(|set| match set {
            Some(set) => Ok(Detached(set.spawn_local(future))),
            None => Err(Refused::gone(future)),
        })
    }
}

impl<P: ToLocalSet, F: Future<Output = ()> + 'static> Spawn<F> for TokioLocal<P> {
    fn spawn(&self, future: F) -> Result<Detached, Refused<F>> {
        self.spawn_local(future)
    }
}
