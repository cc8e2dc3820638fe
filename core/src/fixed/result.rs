use core::fmt;

use crate::mode::{Init, Lock, Locking};

/// Where a task's output waits for whoever takes it, owned by the caller: a `static`, or a part of one.
///
/// A [`StaticRegistry`](crate::StaticRegistry) has no room for outputs; [`Ticket::run_into`](crate::Ticket::run_into)
/// and [`Ticket::track_into`](crate::Ticket::track_into) put one here before the task has ended. It is moved inside the
/// lock, so for a critical section's sake keep it small.
///
/// ```
/// use task_registry_core::{ResultCell, StaticRegistry, mode};
///
/// static TASKS: StaticRegistry<mode::Sync, 1> = StaticRegistry::new();
/// static SUM: ResultCell<mode::Sync, u32> = ResultCell::new();
///
/// # futures_lite::future::block_on(async {
/// TASKS.tasks().reserve("sum")?.run_into(&SUM, async { 41 + 1 })?.await;
/// assert_eq!(SUM.take(), Some(42));
/// # Ok::<(), task_registry_core::SpawnError>(())
/// # }).unwrap();
/// ```
pub struct ResultCell<L: Locking, T> {
    /// Guards the value alone.
    value: L::Lock<Option<T>>,
}

impl<L: Locking, T> ResultCell<L, T> {
    /// An empty one. In a constant expression, too.
    #[must_use]
    pub const fn new() -> Self {
        Self { value: Init::INIT }
    }

    /// Takes the output, if it is there.
    pub fn take(&self) -> Option<T> {
        self.value.with(Option::take)
    }

    /// Puts an output here; what was there before is dropped, outside the lock.
    pub(super) fn put(&self, value: T) {
        let old = self.value.with(|place| place.replace(value));
        drop(old);
    }
}

impl<L: Locking, T> Default for ResultCell<L, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L: Locking, T> fmt::Debug for ResultCell<L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultCell").finish_non_exhaustive()
    }
}
