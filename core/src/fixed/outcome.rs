use core::num::NonZeroU8;

/// How a task of a [`StaticRegistry`](crate::StaticRegistry) ended: [`Outcome`](crate::Outcome) without texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StaticOutcome {
    /// Its future returned `Ready`.
    Completed,
    /// Somebody asked it to stop, and its future was dropped.
    Cancelled {
        /// The first code that was given, if any was.
        code: Option<NonZeroU8>,
    },
    /// Its future panicked, in `poll` or in its destructor. Seen only where a panic does not end the program.
    Panicked,
    /// Its executor dropped it unfinished, without having been asked to.
    Abandoned,
    /// It never had a future that an executor accepted.
    NeverStarted,
}

impl StaticOutcome {
    /// The code of a cancellation. 0 if none was given, or it was not cancelled.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            StaticOutcome::Cancelled { code } => code.map_or(0, NonZeroU8::get),
            _ => 0,
        }
    }
}
