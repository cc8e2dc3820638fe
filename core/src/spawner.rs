//! What an adapter implements, and nothing else: [`Spawner`], [`Spawn`] and [`JoinHandle`]; [`SpawnSend`] and [`SpawnLocal`], as far as
//! its executor can, for code that is generic over runtimes; [`SpawnBlocking`], where the runtime has threads for work that blocks.

use core::fmt;
use core::future::Future;

#[cfg(feature = "alloc")]
use crate::Kept;
use crate::mode::{Mode, Shared};

/// An executor, wrapped so that futures can be put on it.
///
/// What it can run is said by its [`Spawn`] impls; `Mode` says where the registry's table may be used from when the
/// user does not choose: [`mode::Sync`](crate::mode::Sync) for executors that may be reached from several threads,
/// [`mode::Unsync`](crate::mode::Unsync) for single-threaded ones.
///
/// ```
/// use task_registry_core::{JoinHandle, Refused, Spawn, Spawner, mode};
/// use std::future::Future;
///
/// /// One thread per task.
/// struct Threads;
///
/// impl Spawner for Threads {
///     type Handle = (); // nothing to detach
///     type Mode = mode::Sync;
/// }
///
/// impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for Threads {
///     fn spawn(&self, future: F) -> Result<(), Refused<F>> {
///         std::thread::spawn(|| futures_lite::future::block_on(future));
///         Ok(())
///     }
/// }
///
/// let tasks = task_registry_core::Registry::new(Threads);
/// let sum = tasks.spawn("sum", async { 41 + 1 })?;
/// assert_eq!(sum.wait_blocking()?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Spawner {
    /// What the executor returns for a spawned future. `()` where it returns nothing.
    type Handle: JoinHandle;
    /// The mode that [`Registry::new`](crate::Registry::new) gives its table.
    type Mode: Mode;
}

/// An executor that takes futures of type `F`.
///
/// The bounds of the executor (`Send`, a lifetime) stand in the adapter's impl, not here: that is how one
/// `Registry::spawn` serves executors of all kinds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run this future",
    label = "this future does not meet what the executor asks of it (`Send`, `'static`, or a lifetime)",
    note = "a future that holds an `Rc`, a `Cell` or a `MutexGuard` across an await is not `Send`: spawn it through an adapter for one thread, `TokioLocal(&local_set)` or `OnLocalExecutor(&executor)`",
    note = "a table that other threads use (`mode::Sync`) goes with `Send` executors, `mode::Unsync` with those of one thread"
)]
pub trait Spawn<F: Future<Output = ()>>: Spawner {
    /// Puts `future` on the executor, to be polled until it is ready or the executor goes away.
    ///
    /// No lock is held while this is called. A registry bears a spawner that polls the future at once, or drops it; users do
    /// not (laws 4 and 11), and the crate `task-registry-conformance`, which tells whether a spawner is right, finds it.
    ///
    /// # Errors
    ///
    /// An executor that cannot take the future gives it back, unpolled.
    fn spawn(&self, future: F) -> Result<Self::Handle, Refused<F>>;
}

/// A spawner for every `Send + 'static` future: what code generic over the runtime builds on, because it cannot
/// write `S: Spawn<Tracked<…>>` for an async block.
///
/// ```
/// use task_registry_core::{Registry, SpawnError, SpawnSend, TaskHandle};
///
/// fn heartbeat<S: SpawnSend>(tasks: &Registry<S>) -> Result<TaskHandle<u32, S::Mode>, SpawnError> {
///     tasks.spawn_send("heartbeat", async { 1 + 1 })
/// }
/// ```
pub trait SpawnSend: Spawner<Mode: Shared> {
    /// As [`Spawn::spawn`].
    ///
    /// # Errors
    ///
    /// As [`Spawn::spawn`].
    fn spawn_send<F>(&self, future: F) -> Result<Self::Handle, Refused<F>>
    where
        F: Future<Output = ()> + Send + 'static;
}

/// A spawner for every `'static` future, `Send` or not.
pub trait SpawnLocal: Spawner {
    /// As [`Spawn::spawn`].
    ///
    /// # Errors
    ///
    /// As [`Spawn::spawn`].
    fn spawn_local<F>(&self, future: F) -> Result<Self::Handle, Refused<F>>
    where
        F: Future<Output = ()> + 'static;
}

/// A runtime with threads for work that blocks.
pub trait SpawnBlocking: Spawner {
    /// Runs `work` on such a thread.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] where there is no runtime, or it is known to be gone; the work is dropped. A runtime that takes the work and
    /// drops it, as tokio's does once it was shut down, is no error: its task is abandoned.
    fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Refusal>;
}

/// The executor's own handle of a spawned future.
///
/// The registry joins and cancels without it; it only has to be let go of without stopping the task.
pub trait JoinHandle: Sized {
    /// Lets the task run on its own. Called once: right after the spawn, unless [`keep`](JoinHandle::keep) says otherwise.
    fn detach(self);

    /// What the [`TaskHandle`](crate::TaskHandle) keeps of this handle. By default nothing: the handle is detached right after the
    /// spawn. An adapter that returns [`Kept::new(self)`](Kept::new) has it kept until the `TaskHandle` has yielded the task's result, or
    /// is dropped; then it is detached.
    ///
    /// That pays where a task of the executor is freed by whoever lets go of it last. If the handle was detached at once, that is
    /// the thread that ran the task. If it is kept, it is mostly the thread that joins the task, which is mostly the one that
    /// spawned it; and allocators are faster where memory is freed by the thread that allocated it. The price is that the executor's
    /// memory for a task is not freed before its `TaskHandle` lets go.
    ///
    /// The handle is detached at once all the same
    ///
    /// - in a table that stays on its thread, [`mode::Unsync`](crate::mode::Unsync);
    /// - if it is larger than a pointer, or has to be aligned more;
    /// - if the table keeps handles of another type: it keeps those of one type, that of the first one kept;
    /// - if the task can be [restarted](crate::TaskBuilder::spawn_restartable).
    #[cfg(feature = "alloc")]
    fn keep(self) -> Kept {
        self.detach();
        Kept::nothing()
    }
}

impl JoinHandle for () {
    fn detach(self) {}
}

/// Why a spawner did not take a future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The executor is gone, or it is shutting down.
    ExecutorGone,
    /// The executor has no room.
    Full,
    /// Something else, in the adapter's words.
    Other(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::ExecutorGone => "the executor is gone",
            Refusal::Full => "the executor has no room",
            Refusal::Other(why) => why,
        })
    }
}

/// A future that a spawner did not take, and why.
pub struct Refused<F> {
    future: F,
    refusal: Refusal,
}

impl<F> Refused<F> {
    /// Gives `future` back.
    pub fn new(future: F, refusal: Refusal) -> Self {
        Self { future, refusal }
    }

    /// Gives `future` back because the executor is gone.
    pub fn gone(future: F) -> Self {
        Self::new(future, Refusal::ExecutorGone)
    }

    /// Why it was refused.
    pub fn refusal(&self) -> Refusal {
        self.refusal
    }

    /// The future.
    pub fn into_future(self) -> F {
        self.future
    }

    /// The future, and why it was refused.
    pub fn into_parts(self) -> (F, Refusal) {
        (self.future, self.refusal)
    }
}

impl<F> fmt::Debug for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("refusal", &self.refusal).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl<F> core::error::Error for Refused<F> {}
