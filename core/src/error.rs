#[cfg(feature = "alloc")]
mod join;

use core::fmt;

#[cfg(feature = "alloc")]
pub use join::{JoinError, TakeError};

use crate::TaskId;
use crate::spawner::Refusal;
use crate::unwind::let_go;

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
    /// The registry was shut down (law 12), or the scope that the task was to be in, or one around it, was cancelled.
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
            SpawnError::Closed => f.write_str("the registry was shut down, or the scope cancelled"),
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

/// Drops the future; what its destructor panics with goes nowhere (law 14).
impl<F> From<TrySpawnError<F>> for SpawnError {
    fn from(error: TrySpawnError<F>) -> Self {
        let TrySpawnError { kind, future } = error;
        let_go(Some(future));
        kind
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
