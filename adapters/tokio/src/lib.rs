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

#[cfg(feature = "token")]
mod token;

#[cfg(feature = "token")]
pub use token::{CxToken, shutdown_on};

use std::fmt;
use std::future::Future;
use std::io;
use std::rc::{Rc, Weak};

use task_registry_core::{
    JoinHandle, Refusal, Refused, Runtime, Spawn, SpawnBlocking, SpawnLocal, SpawnSend, Spawner,
    mode,
};
use tokio::runtime::{Builder, Handle, TryCurrentError};
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

const NO_RUNTIME: Refusal = Refusal::Other("there is no tokio runtime here");

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
                Err(_) => Err(Refused::new(future, NO_RUNTIME)),
            },
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for Tokio {
    fn spawn(&self, future: F) -> Result<Detached, Refused<F>> {
        self.spawn_send(future)
    }
}

impl Tokio {
    fn handle(&self) -> Option<Handle> {
        self.0.clone().or_else(|| Handle::try_current().ok())
    }
}

impl SpawnBlocking for Tokio {
    fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
        let handle = self.handle().ok_or(NO_RUNTIME)?;
        // Detached by being dropped.
        drop(handle.spawn_blocking(work));
        Ok(())
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

/// A current-thread runtime with a `LocalSet` for each of [`Workers`](task_registry_core::Workers).
///
/// The registry's tasks run on the `LocalSet`; `tokio::spawn` and `tokio::task::spawn_local` work there as well. When a
/// worker is done its `LocalSet` is dropped, then its runtime, which waits for its `spawn_blocking` (law 18).
///
/// ```
/// use std::time::Duration;
/// use task_registry_core::Workers;
/// use task_registry_tokio::CurrentThread;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let workers = Workers::new(2, CurrentThread::new());
/// let workers = workers.start("the app", |cx| async move { cx.cancelled().await }).await?;
/// assert!(workers.shutdown(std::future::pending::<()>()).await.is_clean());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct CurrentThread(fn() -> io::Result<tokio::runtime::Runtime>);

impl CurrentThread {
    /// With what tokio was built with: I/O, time.
    #[must_use]
    pub const fn new() -> Self {
        Self(|| Builder::new_current_thread().enable_all().build())
    }

    /// Runtimes made by a function of yours.
    #[must_use]
    pub const fn built_by(build: fn() -> io::Result<tokio::runtime::Runtime>) -> Self {
        Self(build)
    }
}

impl Default for CurrentThread {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CurrentThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurrentThread")
    }
}

impl Runtime for CurrentThread {
    type Spawner = TokioLocal<Weak<LocalSet>>;

    fn run<F: Future>(&self, body: impl FnOnce(Self::Spawner) -> F) -> io::Result<F::Output> {
        let runtime = (self.0)()?;
        // What is dropped with the set, also while a panic passes, finds its runtime.
        let _context = runtime.enter();
        let set = Rc::new(LocalSet::new());
        Ok(set.block_on(&runtime, body(TokioLocal(Rc::downgrade(&set)))))
    }
}
