use core::fmt;

use crate::Outcome;
use crate::unwind::Panic;
#[cfg(feature = "std")]
use crate::unwind::discard;

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
    pub fn into_panic(mut self) -> Option<Panic> {
        self.panic.take()
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
impl Drop for PanicCell {
    /// What the payload's own destructor panics with concerns nobody: whoever lets go of an error did not ask for it.
    fn drop(&mut self) {
        if let Some(panic) = self.take() {
            discard(panic);
        }
    }
}

#[cfg(feature = "std")]
impl PanicCell {
    fn new(panic: Option<Panic>) -> Self {
        Self(panic.map(std::sync::Mutex::new))
    }

    fn take(&mut self) -> Option<Panic> {
        let cell = self.0.take()?;
        Some(cell.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
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
