//! Tables of fixed size, without an allocator: an array of slots that is scanned.
//!
//! `table` keeps the slots, `store` does what a fixed table does at the steps of a task's life; the steps themselves are
//! those of every table, in [`slot`](crate::slot).

mod in_place;
mod outcome;
mod result;
mod run;
mod shutdown;
mod store;
mod table;

use core::fmt;
use core::future::Future;
use core::num::NonZeroU8;

pub use in_place::InPlace;
pub use outcome::StaticOutcome;
pub use result::ResultCell;
pub use run::StaticRun;
pub use shutdown::{StaticIdle, StaticReport, StaticShutdown};

use table::{Policy, Table};

use crate::mode::{Fixed, Init, Locking};
use crate::slot::{Slot, Urgency};
use crate::{Cancel, Cancelling, Counts, SpawnError, State, TaskId, TaskRef, Ticket};

/// A task of a [`StaticRegistry`].
pub type StaticTask<L> = TaskRef<Fixed<L>>;

/// A place in a [`StaticRegistry`], waiting for a future.
pub type StaticTicket<L> = Ticket<Fixed<L>>;

/// A registry of at most `N` tasks that needs no allocator: for a `static`, and for executors whose tasks are statics.
///
/// `L` chooses its locks: [`mode::Interrupt`](crate::mode::Interrupt) for firmware, [`mode::Sync`](crate::mode::Sync)
/// under std, [`mode::Unsync`](crate::mode::Unsync) for one thread. All is done by way of
/// [`tasks`](StaticRegistry::tasks), which does not bear the `N`. In the mode `Unsync` it is not `Sync` and so cannot be in a
/// `static` itself: a `StaticCell` of the crate `static_cell` has room for it, and gives the `&'static` to one owner.
///
/// The wrapper of a task lets go of its slot before the last of those who await the end is woken, so that one may reserve at
/// once; of several, those who are woken before find the slot taken still.
///
/// A slot takes 40 bytes on 32-bit targets in the mode `Interrupt`. Ended tasks keep their slots, so that their outcomes
/// can be read, until the slots are needed or purged; a slot whose task somebody refers to is not taken: by a
/// [`StaticTask`], or a future or guard that was made of one. In which order tasks ended is told of those of which one is among the
/// last 2³¹ to end: who refers to one for longer may find it taken for a later one, by its name and in a shutdown's counts.
///
/// ```
/// use task_registry_core::{StaticOutcome, StaticRegistry, mode};
///
/// static TASKS: StaticRegistry<mode::Sync, 4> = StaticRegistry::new();
///
/// # futures_lite::future::block_on(async {
/// let ticket = TASKS.tasks().reserve("blink")?;
/// let blink = ticket.task().clone();
/// // In the body of the executor's own task:
/// let outcome = ticket.run(async { /* toggle the light */ })?.await;
/// assert_eq!(outcome, StaticOutcome::Completed);
/// assert_eq!(blink.outcome(), Some(StaticOutcome::Completed));
/// # Ok::<(), task_registry_core::SpawnError>(())
/// # }).unwrap();
/// ```
pub struct StaticRegistry<L: Locking, const N: usize> {
    table: Table<L, [Slot<Fixed<L>>; N]>,
}

impl<L: Locking, const N: usize> StaticRegistry<L, N> {
    /// An empty registry. In a constant expression, too. `N` is at most 65,534; more does not compile.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(N < u16::MAX as usize, "a StaticRegistry has at most 65,534 slots") };
        Self { table: <Table<L, [Slot<Fixed<L>>; N]> as Init>::INIT }
    }

    /// The registry to work with.
    pub fn tasks(&'static self) -> StaticTasks<L> {
        StaticTasks(&self.table)
    }
}

impl<L: Locking, const N: usize> Default for StaticRegistry<L, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L: Locking, const N: usize> fmt::Debug for StaticRegistry<L, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticRegistry").field("capacity", &N).finish_non_exhaustive()
    }
}

/// The tasks of a [`StaticRegistry`], whatever its capacity: a reference to it. `Copy`; in a mode that several threads or
/// interrupts share it goes to any of them (law 16).
///
/// What looks for a name looks at every slot: O(capacity). Ids and handles are O(1).
///
/// # How long interrupts wait
///
/// In the mode `Interrupt` each step is a critical section. The longest, where there are fewer waiters than slots, is that of
/// `reserve` and its kin: two looks at each slot, one for the name and one for room. [`get`](StaticTasks::get) and what goes by a name
/// take one look, which is repeated for each task of that name that has ended and was not yet taken out of its chain; names are
/// compared byte by byte where their hashes, of 11 bits, are the same and they are not the same static. One look at each slot take
/// [`wait_idle`](StaticTasks::wait_idle) when it is polled and every end while somebody awaits that, and the end of a task that
/// replaced another or was replaced. Lists, [`purge`](StaticTasks::purge) and [`counts`](StaticTasks::counts) take a section for each
/// slot. All else is a few instructions, whatever the capacity: polling a task, and cancelling it by id or handle, if it has begun.
/// Waking takes a section for each who waits at the task, in which those are passed over who wait there for something else:
/// O(waiters). Whoever puts an output into a [`ResultCell`] or takes it moves it inside a section.
///
/// How many instructions that is on a Cortex-M3 and on a Cortex-M0, with 4, 16 and 64 slots, is in README's table of what the registry
/// costs firmware. It is most where all slots are records of the very name that is looked for, spelt anew; a
/// [`purge`](StaticTasks::purge) now and then keeps them few.
///
/// Wakers are taken inside a section and woken outside, so that an executor's own sections do not add up with these. A ticket
/// that has no future yet ends in the call that cancels it, at the cost of an end: of a task whose body may run before an
/// interrupt cancels it, that is the case until it does. Who cancels also wakes who waits for the token of the task,
/// [`cancelled`](crate::TaskRef::cancelled).
pub struct StaticTasks<L: Locking>(pub(crate) &'static Table<L, [Slot<Fixed<L>>]>);

impl<L: Locking> Clone for StaticTasks<L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: Locking> Copy for StaticTasks<L> {}

impl<L: Locking> StaticTasks<L> {
    /// How many tasks there can be.
    #[must_use]
    pub fn capacity(self) -> usize {
        self.0.slots.len()
    }

    /// Takes a slot and a name for a task whose future comes later.
    ///
    /// The oldest record that nobody holds makes room if there is none.
    ///
    /// # Errors
    ///
    /// [`NameTaken`](SpawnError::NameTaken), [`EmptyName`](SpawnError::EmptyName), [`Full`](SpawnError::Full),
    /// [`Closed`](SpawnError::Closed).
    pub fn reserve(self, name: &'static str) -> Result<StaticTicket<L>, SpawnError> {
        self.named(name, Policy::Fail)
    }

    /// The same for a task without a name.
    ///
    /// # Errors
    ///
    /// [`Full`](SpawnError::Full), [`Closed`](SpawnError::Closed).
    pub fn reserve_unnamed(self) -> Result<StaticTicket<L>, SpawnError> {
        self.0.admit(None, Policy::Fail)
    }

    /// Takes the name from the live task that has it and asks that one to stop; the newcomer is queued until that one, and
    /// what that one was to replace itself, has ended (law 6). Never do two of them run.
    ///
    /// # Errors
    ///
    /// As [`reserve`](StaticTasks::reserve), but for the name that is taken.
    pub fn reserve_replacing(self, name: &'static str) -> Result<StaticTicket<L>, SpawnError> {
        self.named(name, Policy::Replace)
    }

    /// Takes the name from the live task that has it, which runs on without, and for good: for one that will not stop (law 6).
    ///
    /// # Errors
    ///
    /// As [`reserve`](StaticTasks::reserve), but for the name that is taken.
    pub fn reserve_detaching(self, name: &'static str) -> Result<StaticTicket<L>, SpawnError> {
        self.named(name, Policy::Detach)
    }

    fn named(self, name: &'static str, policy: Policy) -> Result<StaticTicket<L>, SpawnError> {
        if name.is_empty() {
            return Err(SpawnError::EmptyName);
        }
        self.0.admit(Some(name), policy)
    }

    /// The task that has this name: the live one, or else the record of the last that ended with it. O(capacity).
    ///
    /// What lost its name to another, because it was replaced or detached, is found by its id only. A record is found again if a
    /// ticket of its name comes to nothing.
    #[must_use]
    pub fn get(self, name: &str) -> Option<StaticTask<L>> {
        self.0.find(name)
    }

    /// The live task that has this name: that lived when it was looked up. O(capacity).
    #[must_use]
    pub fn get_live(self, name: &str) -> Option<StaticTask<L>> {
        self.0.find_live(name)
    }

    /// The task with this id, while it lives or its record is kept. O(1).
    #[must_use]
    pub fn by_id(self, id: TaskId) -> Option<StaticTask<L>> {
        self.0.by_id(id)
    }

    /// The task whose slot comes next after that of `id`, or the first of all: a list without a buffer, and without a lock
    /// between its steps. O(1) for each slot that is passed over.
    ///
    /// What is added or ends between the steps may or may not be seen, nothing is seen twice. Of an id that is gone, or another
    /// registry's, the place alone counts.
    #[must_use]
    pub fn next_after(self, id: Option<TaskId>) -> Option<StaticTask<L>> {
        self.0.next_from(id.map_or(0, |id| id.place.saturating_add(1)))
    }

    /// All tasks, one after the other: see [`next_after`](StaticTasks::next_after).
    pub fn iter(self) -> StaticIter<L> {
        StaticIter { tasks: self, next: 0 }
    }

    /// Asks the task of this name to stop, now; the returned future only waits until it has (laws 1, 2). O(capacity).
    ///
    /// `None` if no task has this name. For a task that has ended the future is ready.
    pub fn cancel(self, name: &str) -> Option<Cancelling<Fixed<L>>> {
        Some(self.get(name)?.cancel())
    }

    /// [`cancel`](StaticTasks::cancel), with a code or a grace: see [`Cancel::code`].
    pub fn cancel_with<G: Future>(
        self,
        name: &str,
        cancel: impl Into<Cancel<G, Option<NonZeroU8>>>,
    ) -> Option<Cancelling<Fixed<L>, G>> {
        Some(self.get(name)?.cancel_with(cancel))
    }

    /// Asks the task with this id to stop. O(1), and so for interrupts; see above for a ticket that has no future yet.
    pub fn cancel_id(self, id: TaskId) -> Option<Cancelling<Fixed<L>>> {
        Some(self.by_id(id)?.cancel())
    }

    /// Asks all tasks to stop. O(capacity). The registry stays open; [`shutdown`](StaticTasks::shutdown) closes it.
    pub fn cancel_all(self) {
        for task in self {
            task.0.cancel(None, Urgency::Own);
        }
    }

    /// Forgets the records of all tasks that have ended; returns how many. O(capacity).
    ///
    /// Who holds a handle of one can still read it; its slot is free when nobody does.
    pub fn purge(self) -> usize {
        self.0.purge()
    }

    /// How many tasks are in which state. O(capacity).
    #[must_use]
    pub fn counts(self) -> Counts {
        let mut counts = Counts::default();
        for state in self.0.states() {
            let count = match state {
                State::Queued => &mut counts.queued,
                State::Running => &mut counts.running,
                State::Stopping => &mut counts.stopping,
                State::Ended => &mut counts.ended,
            };
            *count = count.wrapping_add(1);
        }
        counts
    }

    /// How many tasks are known: live ones and records. O(capacity).
    #[must_use]
    pub fn len(self) -> usize {
        self.0.states().count()
    }

    /// Whether no task is known.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.next_after(None).is_none()
    }

    /// How many tasks have not ended. O(capacity).
    #[must_use]
    pub fn live(self) -> usize {
        self.0.states().filter(|state| *state != State::Ended).count()
    }

    /// Whether the registry was shut down.
    #[must_use]
    pub fn is_closed(self) -> bool {
        self.0.is_closed()
    }

    /// Waits until no task lives. Cancel safe.
    pub fn wait_idle(self) -> StaticIdle<L> {
        StaticIdle::new(self)
    }

    /// Closes the registry for good, asks every task to stop, and waits until all have ended or `deadline`, any future, is
    /// ready (laws 12, 13). The gate is shut and the requests stand when this returns.
    pub fn shutdown<D: Future>(self, deadline: D) -> StaticShutdown<L, D> {
        StaticShutdown::new(self, deadline)
    }
}

impl<L: Locking> IntoIterator for StaticTasks<L> {
    type Item = StaticTask<L>;
    type IntoIter = StaticIter<L>;
    fn into_iter(self) -> StaticIter<L> {
        self.iter()
    }
}

impl<L: Locking> fmt::Debug for StaticTasks<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The tasks of a [`StaticRegistry`], one after the other: what [`StaticTasks::iter`] returns. No lock is held between two
/// steps.
pub struct StaticIter<L: Locking> {
    tasks: StaticTasks<L>,
    next: u32,
}

impl<L: Locking> Iterator for StaticIter<L> {
    type Item = StaticTask<L>;

    fn next(&mut self) -> Option<StaticTask<L>> {
        let task = self.tasks.0.next_from(self.next)?;
        self.next = task.0.place().saturating_add(1);
        Some(task)
    }
}

impl<L: Locking> fmt::Debug for StaticIter<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticIter").field("next", &self.next).finish_non_exhaustive()
    }
}
