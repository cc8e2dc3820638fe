use core::fmt;

/// Where a task is in its life. It only ever moves downwards in this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Its name is taken, its body has not run: reserved, in the executor's queue, or behind the task it replaces.
    Queued,
    /// Its body was polled and nobody asked it to stop.
    Running,
    /// It was asked to stop and its future is not yet gone.
    Stopping,
    /// Its future is gone and its outcome is known.
    Ended,
}

impl State {
    /// The state in lower case, as lists print it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Running => "running",
            State::Stopping => "stopping",
            State::Ended => "ended",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How many tasks are in which state. Exact while nothing moves. While tasks come and go in other threads, one that moves
/// during the call may be counted in two states or in none, and one that ended during it as if it lived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Their bodies have not run.
    pub queued: usize,
    /// Their bodies run and nobody asked them to stop.
    pub running: usize,
    /// They were asked to stop and have not.
    pub stopping: usize,
    /// Records of those that ended.
    pub ended: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { queued, running, stopping, ended } = self;
        write!(f, "{queued} queued, {running} running, {stopping} stopping, {ended} ended")
    }
}
