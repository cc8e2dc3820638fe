use core::fmt;

use crate::spawner::Refusal;
use crate::unwind::Panic;
use crate::{Outcome, TaskId};

/// Why a task was not added. Small, `'static`, `Send` and `Sync`; [`TrySpawnError`] has the future too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnError {
    /// A live task has this name (law 6).
    NameTaken {
        /// That task.
        holder: TaskId,
    },
    /// The name is empty. A task without a name is spawned by `spawn_unnamed`.
    EmptyName,
    /// The registry was shut down (law 12).
    Closed,
    /// As many tasks live as [`Options::capacity`](crate::Options::capacity) allows.
    Full {
        /// That many.
        capacity: usize,
    },
    /// The executor did not take the future.
    Refused(Refusal),
    /// The reserved place was cancelled before its future came.
    Cancelled,
    /// A [`Plan`](crate::Plan) has a task of this name already.
    Planned,
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnError::NameTaken { holder } => {
                write!(f, "a live task has this name: task {holder}")
            }
            SpawnError::EmptyName => f.write_str("a task's name cannot be empty"),
            SpawnError::Closed => f.write_str("the registry was shut down"),
            SpawnError::Full { capacity } => {
                write!(f, "the registry is full: {capacity} tasks live")
            }
            SpawnError::Refused(refusal) => refusal.fmt(f),
            SpawnError::Planned => f.write_str("the plan has a task of this name already"),
            SpawnError::Cancelled => {
                f.write_str("the task was cancelled before its future was given")
            }
        }
    }
}

impl core::error::Error for SpawnError {}

/// Why a task was not added, with the future that was to be its body: nothing is lost.
pub struct TrySpawnError<F> {
    /// Why.
    pub kind: SpawnError,
    pub(crate) future: F,
}

impl<F> TrySpawnError<F> {
    pub(crate) fn new(kind: SpawnError, future: F) -> Self {
        Self { kind, future }
    }

    /// The future, never polled.
    pub fn into_future(self) -> F {
        self.future
    }

    /// Why, and the future.
    pub fn into_parts(self) -> (SpawnError, F) {
        (self.kind, self.future)
    }
}

impl<F> From<TrySpawnError<F>> for SpawnError {
    fn from(error: TrySpawnError<F>) -> Self {
        error.kind
    }
}

impl<F> fmt::Debug for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrySpawnError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl<F> fmt::Display for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl<F> core::error::Error for TrySpawnError<F> {}

/// Why awaiting a [`TaskHandle`](crate::TaskHandle) gave no output: how the task ended instead.
pub struct JoinError {
    outcome: Outcome,
    #[cfg_attr(not(feature = "std"), expect(dead_code, reason = "read with std alone"))]
    panic: PanicCell,
}

impl JoinError {
    pub(crate) fn new(outcome: Outcome, panic: Option<Panic>) -> Self {
        Self { outcome, panic: PanicCell::new(panic) }
    }

    /// How the task ended. [`Outcome::Completed`] when its output was taken before (law 17).
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Whether the task was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.outcome.is_cancelled()
    }

    /// Whether the task panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.outcome.is_panicked()
    }

    /// The reason of the cancellation, if one was given.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.outcome.reason()
    }

    /// What the task panicked with, for [`std::panic::resume_unwind`] or a downcast.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn into_panic(self) -> Option<Panic> {
        self.panic.into_inner()
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JoinError").field(&self.outcome).finish()
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Completed | Outcome::Failed { .. } => {
                f.write_str("the task's output was taken before")
            }
            outcome => write!(f, "the task ended without an output: {outcome}"),
        }
    }
}

impl core::error::Error for JoinError {}

/// Why [`take_result`](crate::Tasks::take_result) gave no output.
#[derive(Debug)]
#[non_exhaustive]
pub enum TakeError {
    /// No task of this name is known.
    NotFound,
    /// The task has not ended.
    NotEnded,
    /// Its output is of another type, and still there.
    WrongType,
    /// It completed, and its output is not there: it was taken before, or nobody asked for it to be kept.
    NoResult,
    /// It ended without an output.
    Join(JoinError),
}

impl fmt::Display for TakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TakeError::NotFound => f.write_str("no task has this name"),
            TakeError::NotEnded => f.write_str("the task has not ended"),
            TakeError::WrongType => f.write_str("the task's output is of another type"),
            TakeError::NoResult => f.write_str("the task's output was taken before, or not kept"),
            TakeError::Join(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for TakeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            TakeError::Join(error) => Some(error),
            _ => None,
        }
    }
}

/// A panic's payload is `Send` but not `Sync`, and an error that is not `Sync` does not go through `?` into most
/// error types. A mutex that is only ever opened by value makes it so.
#[cfg(feature = "std")]
struct PanicCell(Option<std::sync::Mutex<Panic>>);

#[cfg(feature = "std")]
impl PanicCell {
    fn new(panic: Option<Panic>) -> Self {
        Self(panic.map(std::sync::Mutex::new))
    }

    fn into_inner(self) -> Option<Panic> {
        self.0.map(|cell| cell.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

#[cfg(not(feature = "std"))]
struct PanicCell;

#[cfg(not(feature = "std"))]
impl PanicCell {
    fn new(_: Option<Panic>) -> Self {
        Self
    }
}
