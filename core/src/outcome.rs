use core::fmt;

use crate::Text;

/// How a task ended. A task has exactly one outcome and keeps it (law 3).
///
/// Where several things happened at once the first of this list stands: the future returned `Ready`; it, or its
/// destructor, panicked; it was cancelled; its executor let go of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Its future returned `Ready`.
    Completed,
    /// Its future returned an `Err`, where it was spawned as fallible.
    Failed {
        /// What the error displays, cut to 256 bytes.
        message: Text,
    },
    /// Somebody asked it to stop, and its future was dropped.
    Cancelled {
        /// The first reason that was given, if any was.
        reason: Option<Text>,
    },
    /// Its future panicked, in `poll` or in its destructor.
    Panicked {
        /// The panic's message where it is a string, cut to 256 bytes. Without std it is not known.
        message: Option<Text>,
    },
    /// Its executor dropped it unfinished, without having been asked to.
    Abandoned,
    /// It never had a future that an executor accepted.
    NeverStarted,
}

impl Outcome {
    /// Whether the future returned `Ready`.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        matches!(self, Outcome::Completed)
    }

    /// Whether the future returned an `Err`.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self, Outcome::Failed { .. })
    }

    /// Whether the task was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Outcome::Cancelled { .. })
    }

    /// Whether the task panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        matches!(self, Outcome::Panicked { .. })
    }

    /// The reason of a cancellation.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Cancelled { reason } => reason.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, note) = match self {
            Outcome::Completed => ("completed", None),
            Outcome::Failed { message } => ("failed", Some(message)),
            Outcome::Cancelled { reason } => ("cancelled", reason.as_ref()),
            Outcome::Panicked { message } => ("panicked", message.as_ref()),
            Outcome::Abandoned => ("abandoned", None),
            Outcome::NeverStarted => ("never started", None),
        };
        match note {
            Some(note) => write!(f, "{word}: {note}"),
            None => f.pad(word),
        }
    }
}

/// How a task's cleanup went, beside its [`Outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cleanup {
    /// It ran to its end.
    Ran,
    /// It did not run to its end, because the executor let go of the task.
    Skipped,
    /// Its deadline came first, and it was dropped.
    TimedOut,
    /// It panicked.
    Panicked,
}

impl fmt::Display for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Cleanup::Ran => "cleaned up",
            Cleanup::Skipped => "cleanup skipped",
            Cleanup::TimedOut => "cleanup timed out",
            Cleanup::Panicked => "cleanup panicked",
        })
    }
}
