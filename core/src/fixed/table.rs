//! The array of slots: admission, lookup, eviction, and the tasks that replace each other.
//!
//! # Locks
//!
//! The table's guards the heads of the slots, the gate, and the links between a task and the one that it waits for; under
//! it a slot's body may be locked. Both for a few instructions a slot, and never while foreign code runs (law 9).
//!
//! Every loop is over the slots, once; that of `known` is repeated for each task that it takes out of a chain.
//!
//! # Invariants
//!
//! 1. A slot is free while it has neither references nor a record; only admission, under the table's lock, makes it
//!    otherwise, and only then is its head written.
//! 2. A task that waits for another (`before`) does so until that one has ended *and* was taken out of the chain by
//!    whoever ended it, who still refers to it then: so that one's slot is not used anew meanwhile.
#![allow(
    unsafe_code,
    reason = "the heads of slots, which the table's lock guards; each block says so"
)]

use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use core::task::Waker;

use crate::mode::{AnyThread, Fixed, Init, Lock, Locking, Word};
use crate::slot::{
    CHAINED, ENDED, ENDING, GONE, HELD, NAMELESS, RESERVED, Request, Slot, SlotRef, Urgency,
};
use crate::unwind::wake;
use crate::wait::Event;
use crate::{SpawnError, State, TaskId, TaskRef, Ticket};

pub(crate) struct Table<L: Locking, S: ?Sized> {
    /// What ids bear, where addresses do not tell registries apart.
    #[cfg(not(target_pointer_width = "32"))]
    number: L::Word,
    lock: L::Lock<Gate>,
    /// How many tasks have ended.
    pub(super) ended: L::Word,
    /// The last live task ended.
    pub(super) idle: Event<L>,
    pub(super) slots: S,
}

/// Whether the registry was shut down.
pub(super) struct Gate {
    closed: bool,
}

impl Init for Gate {
    const INIT: Self = Gate { closed: false };
}

// SAFETY: everything in a table is behind the locks and words of its mode, which a shared mode makes of what may be
// used by several threads and interrupts.
unsafe impl<L: Locking + AnyThread, const N: usize> Sync for Table<L, [Slot<Fixed<L>>; N]> {}
// SAFETY: as above.
unsafe impl<L: Locking + AnyThread> Sync for Table<L, [Slot<Fixed<L>>]> {}

impl<L: Locking, const N: usize> Init for Table<L, [Slot<Fixed<L>>; N]> {
    const INIT: Self = Table {
        #[cfg(not(target_pointer_width = "32"))]
        number: Init::INIT,
        lock: Init::INIT,
        ended: Init::INIT,
        idle: Init::INIT,
        slots: [const { Slot::new(Home::INIT, ()) }; N],
    };
}

/// What a slot holds for its table.
pub(crate) struct Home<L: Locking> {
    /// Written under the table's lock while the slot is free; constant otherwise.
    head: UnsafeCell<Head>,
    /// How many tasks had ended before this one.
    order: L::Word,
}

struct Head {
    name: Option<&'static str>,
    /// How often the slot was used. 0: never.
    generation: u32,
}

impl<L: Locking> Init for Home<L> {
    const INIT: Self =
        Home { head: UnsafeCell::new(Head { name: None, generation: 0 }), order: Init::INIT };
}

impl<L: Locking> Home<L> {
    /// Whether the task ended after so many had.
    pub(super) fn is_since(&self, then: u32) -> bool {
        self.order.load().wrapping_sub(then) < 1 << 31
    }

    pub(super) fn set_order(&self, order: u32) {
        self.order.store(order);
    }
}

/// The task that has to end before this one may start: its place and one, or nought for nobody. Behind the slot's lock, and
/// changed under the table's alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Before(u16);

impl Before {
    const NOBODY: Self = Before(0);

    fn at(place: u32) -> Self {
        Before(place as u16 + 1)
    }

    fn slot<L: Locking>(self, table: View<L>) -> Option<&'static Slot<Fixed<L>>> {
        table.slots.get(usize::from(self.0).checked_sub(1)?)
    }
}

impl Init for Before {
    const INIT: Self = Before::NOBODY;
}

/// What to do when a live task has the name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    Fail,
    Replace,
    Detach,
}

/// The upper bits of a slot's flags, which no table uses for flags: a hash of its name. Names are told apart by it mostly, so that
/// a look at all slots compares few of them byte by byte; interrupts wait meanwhile.
const HASH: u32 = !0 << 21;

/// A name that is looked for.
#[derive(Clone, Copy)]
struct Sought<'a> {
    text: &'a str,
    hash: u32,
}

impl<'a> Sought<'a> {
    #[inline(never)]
    fn new(text: &'a str) -> Self {
        // A factor that is odd carries each byte into the lowest bits, and of those 11 go up.
        let mixed =
            text.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Self { text, hash: mixed << HASH.trailing_zeros() }
    }
}

type View<L> = &'static Table<L, [Slot<Fixed<L>>]>;

/// A task that was asked to stop, and what is still to be done about that.
type Asked<L> = (SlotRef<Fixed<L>>, Request<Fixed<L>>);

impl<L: Locking> Slot<Fixed<L>> {
    fn head(&self) -> &Head {
        // SAFETY: it is written only while the slot is free, under the table's lock, which the caller holds or has a
        // reference that keeps the slot from being free.
        unsafe { &*self.home.head.get() }
    }

    pub(super) fn name(&self) -> Option<&'static str> {
        self.head().name
    }

    /// Whether there is a task in this slot and none of these can be said of it. Under the table's lock.
    fn is_none_of(&self, flags: u32) -> bool {
        self.head().generation != 0 && self.flags() & flags == 0
    }

    /// Whether the table knows a task in this slot.
    fn has_record(&self) -> bool {
        self.is_none_of(GONE)
    }

    fn is_live(&self) -> bool {
        self.is_none_of(ENDED)
    }

    /// Whether this task ended before that one; both have.
    fn ended_before(&self, other: &Self) -> bool {
        !self.home.is_since(other.home.order.load())
    }

    /// Whether it bears this name, whoever the name leads to. A slot that was never used has none.
    fn bears(&self, name: Sought<'_>) -> bool {
        (self.flags() ^ name.hash) & HASH == 0
            && self.head().name.is_some_and(|own| ptr::eq(own, name.text) || own == name.text)
    }
}

impl<L: Locking> SlotRef<Fixed<L>> {
    pub(super) fn place(&self) -> u32 {
        place(self.table(), self)
    }

    pub(super) fn id(&self) -> TaskId {
        self.table().id_of(self)
    }
}

/// Where a slot stands in the array.
fn place<L: Locking>(table: View<L>, slot: &Slot<Fixed<L>>) -> u32 {
    // SAFETY: all slots of this kind are in the array of their table, which callers give with them. (Known to be exact, the
    // division needs no divider, which small chips lack.)
    unsafe { core::ptr::from_ref(slot).offset_from(table.slots.as_ptr()) as u32 }
}

impl<L: Locking> Table<L, [Slot<Fixed<L>>]> {
    /// What tells this registry from all others of the program. The upper half of the numbers belongs to static ones.
    #[cfg(target_pointer_width = "32")]
    fn number(&self) -> u32 {
        core::ptr::from_ref(self).addr() as u32 >> 2 | 1 << 31
    }

    #[cfg(not(target_pointer_width = "32"))]
    fn number(&self) -> u32 {
        use core::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(1 << 31);
        let known = self.number.load();
        if known != 0 {
            return known;
        }
        let new = NEXT.fetch_add(1, Ordering::Relaxed);
        self.number.update(|known| (known == 0).then_some(new));
        self.number.load()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock.with(|gate| gate.closed)
    }

    /// Shuts the gate (law 12). How many tasks had ended by then.
    pub(super) fn close(&self) -> u32 {
        self.lock.with(|gate| {
            gate.closed = true;
            self.ended.load()
        })
    }

    fn id_of(&'static self, slot: &Slot<Fixed<L>>) -> TaskId {
        let generation = slot.head().generation;
        TaskId { registry: self.number(), place: place(self, slot), generation }
    }

    /// One more reference to a slot that has a record. Under the table's lock.
    fn refer(&'static self, slot: &'static Slot<Fixed<L>>) -> SlotRef<Fixed<L>> {
        slot.count();
        // SAFETY: it was just counted, and the table is static.
        unsafe { SlotRef::from_counted(NonNull::from(slot), self) }
    }

    /// Gives a new task its place.
    pub(super) fn admit(
        &'static self,
        name: Option<&'static str>,
        policy: Policy,
    ) -> Result<Ticket<Fixed<L>>, SpawnError> {
        let mut replaced = None;
        // No task bears the empty name.
        let sought = Sought::new(name.unwrap_or(""));
        let new = self.lock.with(|gate| {
            if gate.closed {
                return Err(SpawnError::Closed);
            }
            let mut holder = self.holder(sought);
            if let (Some(holder), Policy::Fail) = (holder, policy) {
                return Err(SpawnError::NameTaken { holder: self.id_of(holder) });
            }
            let slot = self.room().ok_or(SpawnError::Full { capacity: self.slots.len() })?;
            let mut before = Before::NOBODY;
            while let Some(old) = holder {
                if policy == Policy::Replace {
                    replaced = self.chain(old);
                    before = Before::at(place(self, old));
                }
                if policy == Policy::Detach || replaced.is_some() {
                    old.set(NAMELESS);
                    break;
                }
                // It ended meanwhile; there may be one that it was to replace itself.
                before = Before::NOBODY;
                holder = self.holder(sought);
            }
            let held = if before == Before::NOBODY { 0 } else { HELD | CHAINED };
            // SAFETY: the slot is free (invariant 1), and the table's lock is held.
            let head = unsafe { &mut *slot.home.head.get() };
            *head = Head { name, generation: head.generation.wrapping_add(1) };
            slot.with(|body| {
                body.how = None;
                body.why = 0;
                body.more = before;
            });
            slot.reset(RESERVED | held | sought.hash, 2);
            Ok(slot)
        });
        if let Some((task, request)) = replaced {
            task.after_request(request);
        }
        let new = NonNull::from(new?);
        // SAFETY: `reset` counted these two, and the table is static.
        let refs = unsafe { (SlotRef::from_counted(new, self), SlotRef::from_counted(new, self)) };
        Ok(Ticket::new(refs.0, refs.1))
    }

    /// The live task of this name, and the last that ended with it. Under the table's lock.
    ///
    /// Between threads a task may end meanwhile: its flags are read once. One that has ended and is not yet taken out of its
    /// chain, because whoever ended it is still on the way to this lock, is taken out here: its name may have to go back to one
    /// that lives.
    fn known(&'static self, name: Sought<'_>) -> [Option<&'static Slot<Fixed<L>>>; 2] {
        loop {
            let (mut live, mut record, mut late) = (None, None, None);
            for slot in self.slots.iter().filter(|slot| slot.bears(name)) {
                let flags = slot.flags();
                let has_ended = flags & ENDED != 0;
                if has_ended
                    && flags & CHAINED != 0
                    && slot.with(|body| body.more != Before::NOBODY)
                {
                    late = Some(slot);
                } else if flags & (GONE | NAMELESS) != 0 {
                    continue;
                } else if !has_ended {
                    live = Some(slot);
                } else if record.is_none_or(|record: &Slot<_>| record.ended_before(slot)) {
                    record = Some(slot);
                }
            }
            let Some(late) = late else { return [live, record] };
            // It waited for another, so nobody goes on. Each pass takes one out.
            let nobody = self.unchain(late);
            debug_assert!(nobody.is_none());
        }
    }

    /// The live task of this name. Under the table's lock.
    fn holder(&'static self, name: Sought<'_>) -> Option<&'static Slot<Fixed<L>>> {
        let [live, _] = self.known(name);
        live
    }

    /// Asks `old`, which lives, to stop, so that a newcomer can be put behind it. `None` if it has ended meanwhile. Under the
    /// table's lock; what is returned is followed up outside.
    fn chain(&'static self, old: &'static Slot<Fixed<L>>) -> Option<Asked<L>> {
        let request = old.with(|body| {
            if old.flags() & ENDING != 0 {
                return None;
            }
            old.set(CHAINED);
            Some(old.request(body, None, Urgency::Own))
        })?;
        Some((self.refer(old), request))
    }

    /// A free slot, or that of the oldest record that nobody refers to. Under the table's lock.
    fn room(&'static self) -> Option<&'static Slot<Fixed<L>>> {
        let mut oldest = None;
        for slot in &self.slots {
            // A slot whose generation would wrap is never used again (law 7).
            if slot.refs.load() != 0 || slot.head().generation == u32::MAX {
                continue;
            }
            if !slot.has_record() {
                return Some(slot);
            }
            if oldest.is_none_or(|oldest| slot.ended_before(oldest)) {
                oldest = Some(slot);
            }
        }
        oldest
    }

    /// The live task of this name, or else the last that ended with it.
    pub(super) fn find(&'static self, name: &str) -> Option<TaskRef<Fixed<L>>> {
        let name = Sought::new(name);
        self.lock.with(|_| {
            let [live, record] = self.known(name);
            Some(TaskRef(self.refer(live.or(record)?)))
        })
    }

    /// The live task of this name. Looked up in one section, so that a name which goes from one live task to another is never
    /// found without one.
    pub(super) fn find_live(&'static self, name: &str) -> Option<TaskRef<Fixed<L>>> {
        let name = Sought::new(name);
        self.lock.with(|_| Some(TaskRef(self.refer(self.holder(name)?))))
    }

    pub(super) fn by_id(&'static self, id: TaskId) -> Option<TaskRef<Fixed<L>>> {
        if id.registry != self.number() {
            return None;
        }
        let slot = self.slots.get(id.place as usize)?;
        self.lock.with(|_| {
            let known = slot.has_record() && slot.head().generation == id.generation;
            known.then(|| TaskRef(self.refer(slot)))
        })
    }

    /// The first task from this place on.
    pub(super) fn next_from(&'static self, place: u32) -> Option<TaskRef<Fixed<L>>> {
        self.slots.get(place as usize..)?.iter().find_map(|slot| {
            self.lock.with(|_| slot.has_record().then(|| TaskRef(self.refer(slot))))
        })
    }

    /// The state of each task, without a reference that would keep a record from making room.
    pub(super) fn states(&'static self) -> impl Iterator<Item = State> {
        self.slots
            .iter()
            .filter_map(|slot| self.lock.with(|_| slot.has_record().then(|| slot.state())))
    }

    pub(super) fn purge(&'static self) -> usize {
        let purge = |slot: &&'static Slot<Fixed<L>>| {
            self.lock.with(|_| {
                let ended = slot.has_record() && slot.flags() & ENDED != 0;
                if ended {
                    slot.set(GONE);
                }
                ended
            })
        };
        self.slots.iter().filter(purge).count()
    }

    /// Whether there was an instant during this call at which no task lived: nothing is admitted meanwhile.
    pub(super) fn is_idle(&self) -> bool {
        self.lock.with(|_| !self.slots.iter().any(Slot::is_live))
    }

    /// Takes a task that has ended out of its chain.
    pub(super) fn pass_on(&'static self, ended: &SlotRef<Fixed<L>>) {
        wake(self.lock.with(|_| self.unchain(ended)));
    }

    /// Who waited for a task that has ended goes on, or waits for what that one waited for itself; if there is nobody, the name
    /// goes back to what it waited for. Nothing is left to be done the second time. Under the table's lock; who goes on, which
    /// is only where nothing was waited for, is to be woken outside.
    #[inline(never)]
    fn unchain(&'static self, ended: &Slot<Fixed<L>>) -> Option<Waker> {
        let here = Before::at(place(self, ended));
        let before = ended.with(|body| core::mem::replace(&mut body.more, Before::NOBODY));
        // Also one that has ended and is not taken out yet: it then passes on what is passed to it here.
        let next = self.slots.iter().find(|slot| slot.with(|body| body.more == here));
        match (next, before.slot(self)) {
            (Some(next), _) => next.with(|body| {
                body.more = before;
                if before != Before::NOBODY {
                    return None;
                }
                next.clear(HELD);
                body.waker.take()
            }),
            (None, Some(last)) => {
                if ended.flags() & NAMELESS == 0 {
                    last.clear(NAMELESS);
                }
                None
            }
            (None, None) => None,
        }
    }
}

/// What README says of a slot's size.
#[cfg(all(target_pointer_width = "32", feature = "interrupt"))]
const _: () = assert!(size_of::<Slot<Fixed<crate::mode::Interrupt>>>() == 40);

#[cfg(test)]
impl<L: Locking> Slot<Fixed<L>> {
    pub(crate) fn set_generation(&self, generation: u32) {
        // SAFETY: the test has no reference to the head, and no other thread.
        unsafe { (*self.home.head.get()).generation = generation };
    }
}
