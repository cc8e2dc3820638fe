use core::time::Duration;

use crate::Observer;
use crate::observer::Observed;

/// How many records of ended tasks a registry keeps (law 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retain {
    /// None: a task that ended is gone from the registry, though not from who holds a handle of it.
    Nothing,
    /// The newest so many; the oldest makes room.
    Newest(usize),
    /// All of them, until they are purged. Memory then grows with every task.
    Everything,
}

impl Retain {
    pub(crate) fn limit(self) -> usize {
        match self {
            Retain::Nothing => 0,
            Retain::Newest(n) => n,
            Retain::Everything => usize::MAX,
        }
    }
}

impl Default for Retain {
    /// The newest 1,024.
    fn default() -> Self {
        Retain::Newest(1024)
    }
}

/// The settings of a registry, for [`Registry::with_options`](crate::Registry::with_options) and
/// [`Tasks::new`](crate::Tasks::new).
///
/// ```
/// use task_registry_core::{Options, Retain};
/// let options = Options::new().retain(Retain::Newest(100)).capacity(10_000);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Options {
    pub(crate) retain: Retain,
    pub(crate) capacity: Option<u32>,
    pub(crate) clock: Option<fn() -> Duration>,
    pub(crate) newest_first: bool,
    pub(crate) observer: Observed,
}

impl Options {
    /// The newest 1,024 records are kept, any number of tasks may live, nothing is timed.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records of ended tasks are kept.
    pub fn retain(mut self, retain: Retain) -> Self {
        self.retain = retain;
        self
    }

    /// How many tasks may live at once, reserved places included. One more is refused with
    /// [`SpawnError::Full`](crate::SpawnError::Full).
    pub fn capacity(mut self, live: usize) -> Self {
        self.capacity = Some(u32::try_from(live).unwrap_or(u32::MAX));
        self
    }

    /// Makes each task a stage of its own, so that [`shutdown_in_stages`](crate::Tasks::shutdown_in_stages) ends them in the
    /// reverse order of spawning. Costs each spawn a lock and an allocation.
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// A clock, so that lists say when a task was spawned, started and ended.
    ///
    /// It is read up to three times per task, outside every lock, and may count from any origin; with std,
    /// [`monotonic`](crate::monotonic) is one. Without a clock no time is taken and no memory spent on it.
    pub fn clock(mut self, clock: fn() -> Duration) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Who is told of every task that is added, starts, is asked to stop, ends: see [`Observer`]. One; a pair
    /// `(first, second)` is an observer too, and so is an `Arc` of one.
    ///
    /// The table keeps it. An observer that keeps the table's [`Tasks`](crate::Tasks) in turn makes a cycle that leaks both,
    /// unless it lets go of them at the end.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Observed::by(observer);
        self
    }
}

/// The time since this function was first called in this process: a clock for [`Options::clock`].
///
/// Not on wasm32-unknown-unknown, where std has no clock: in a browser, `task-registry-wasm` has one.
#[cfg(all(feature = "std", not(all(target_family = "wasm", target_os = "unknown"))))]
#[must_use]
pub fn monotonic() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed()
}
