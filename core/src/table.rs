//! Names to slots, slots to memory: the shards, admission, lookup, eviction.
//!
//! # Locks
//!
//! In the order in which they nest; each is held for a few instructions, a shard's also while its names or its memory grow, and
//! never while foreign code runs (law 9).
//!
//! 1. A **shard**'s guards its part of the names, its chunks of slots, what is in those that are free, the gate, and the chains of
//!    tasks that replace each other under its names.
//! 2. A slot's **body**, see [`slot`](crate::slot).
//! 3. The **ended** list's guards the list, the places in it that its slots know, and the ring of the endings' readers.
//! 4. An **event**'s, see [`wait`](crate::wait); a scope's members', see [`scope`](crate::scope); the order of spawning.
//!
//! # Invariants
//!
//! 1. A slot is in use while it is referred to (`refs > 0`); only then is it not free. Until it is struck out, a record is one of
//!    those references. They change between none and some under the shard's lock alone.
//!    What leads to a slot is a pointer that its chunk gave out, never one made of a `&Slot`, which must not be written through.
//! 2. Registries keep the table, and the last one that goes leaves it to the tasks (`Core::retire`): there are no records from then
//!    on, and each shard keeps the table while it has slots in use. So a [`SlotRef`] needs no count of its own to keep the table,
//!    and a record keeps nothing alive.
//! 3. A chunk is returned to the allocator only when all of its slots are free, and the next chunk in its place
//!    starts with a later generation than any of them had (law 7).
#![allow(unsafe_code, reason = "slots live in chunks that handles point into; see the invariants")]

mod admission;
mod chain;
mod end;
mod ended;
mod evict;
mod extras;
mod keepers;
mod kept;
mod memory;
mod names;
mod news;
mod payload;
mod reference;
mod room;
mod shard;
mod store;
mod tally;
mod watch;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::Cell;
use core::ptr::NonNull;
use core::time::Duration;

use foldhash::fast::RandomState;

pub(crate) use admission::{Brought, NotAdmitted, Policy};
pub use ended::TaskEnd;
pub(crate) use extras::Head;
pub(crate) use keepers::CoreRef;
pub use kept::Kept;
pub(crate) use kept::{Claim, Kind};
pub(crate) use news::{News, STOPPING};
pub(crate) use payload::Payload;
pub(crate) use watch::Watch;

use crate::mode::{self, Init, Lock, Mode};
use crate::slot::{CHAINED, ENDED, ENDING, GONE, RECORD, Slot, SlotRef};
use crate::text::Key;
use crate::unwind::{catch, discard};
use crate::wait::Event;
use crate::{Options, State, TaskId, Text};
use chain::Loose;
use ended::Ended;
use memory::{CHUNK, SPARE};
use shard::{Inner, Shard};

pub(crate) struct Core<M: Mode> {
    number: u32,
    pub(crate) options: Options,
    /// Whether tasks have extras from the beginning: for a clock, an observer, an order.
    notes: bool,
    hasher: RandomState,
    shard_bits: u32,
    shards: Box<[Shard<M>]>,
    pub(crate) ended: Ended<M>,
    /// How many tasks live, where a capacity is set.
    admitted: M::Word,
    /// Spreads the tasks without a name.
    unnamed: M::Word,
    /// How many tasks were spawned, where that is their stage. Guards only itself; taken under a shard's lock.
    order: M::Lock<i64>,
    /// The last live task ended, or the registry was closed.
    pub(crate) idle: Event<M>,
    /// How many `CoreRef`s lead here; once there are none, how many shards have slots in use (invariant 2).
    keepers: M::Word,
    /// The memory of all this, until nobody keeps it.
    own: Cell<Option<M::Ptr<Core<M>>>>,
    /// Of which type the executor's handles are that are kept here: see `kept`.
    pub(crate) keeper: M::Keeper,
    /// A name appeared; waiters have its short hash as their key.
    pub(crate) named: Event<M>,
}

impl<M: Mode> CoreRef<M> {
    pub(crate) fn new(options: Options) -> Self {
        let shard_bits = M::shard_bits();
        let shards = (0..1 << shard_bits).map(|_| Shard::new()).collect();
        let limit = options.retain.limit();
        let own: M::Ptr<Core<M>> = M::ptr(Core {
            number: mode::next_registry(),
            notes: options.clock.is_some()
                || options.observer.get().is_some()
                || options.newest_first,
            options,
            hasher: RandomState::default(),
            shard_bits,
            shards,
            ended: Ended::new(limit),
            admitted: Init::INIT,
            unnamed: Init::INIT,
            order: Init::INIT,
            idle: Init::INIT,
            named: Init::INIT,
            keepers: Init::INIT,
            own: Cell::new(None),
            keeper: Init::INIT,
        });
        for shard in &own.shards {
            shard.owner.0.set(NonNull::from(&*own));
        }
        Self::first(own)
    }

    /// The live task of this name, or else the last that ended with it.
    pub(crate) fn find(&self, name: &str) -> Option<SlotRef<M>> {
        self.find_here(name)
    }

    /// The same, compiled into a cancel, which is one call then.
    #[inline(always)]
    pub(crate) fn find_here(&self, name: &str) -> Option<SlotRef<M>> {
        let key = Key::new(name);
        let hash = self.hash(&key);
        let live = self.shard(hash).1.lock.with(|inner| {
            let found = inner.known(hash, &key)?;
            let lives = slot(&found).flags() & ENDING == 0;
            Some(lives.then(|| inner.refer(found)))
        });
        live?.or_else(|| self.find_ended(name))
    }

    // Not compiled into a look-up, which mostly finds a task that lives.
    #[inline(never)]
    fn find_ended(&self, name: &str) -> Option<SlotRef<M>> {
        self.find_or(name, Inner::named)
    }

    /// The live task of this name.
    pub(crate) fn find_live(&self, name: &str) -> Option<SlotRef<M>> {
        self.find_or(name, |_, _, _| None)
    }

    /// The live task of this name, or else what `other` knows. Under one lock, so that a name which goes from one live task to
    /// another is never found without one.
    fn find_or(
        &self,
        name: &str,
        other: impl FnOnce(&Inner<M>, u32, &Key<'_>) -> Option<NonNull<Slot<M>>>,
    ) -> Option<SlotRef<M>> {
        let name = Key::new(name);
        let hash = self.hash(&name);
        let mut loose = Loose::new();
        let found = self.shard(hash).1.lock.with(|inner| {
            let mut found = inner.known(hash, &name)?;
            if slot(&found).settled() & ENDED != 0 {
                let live = inner.holder(hash, &name, &mut loose);
                found = live.or_else(|| other(inner, hash, &name))?;
            }
            Some(inner.refer(found))
        });
        loose.tie_up(self);
        found
    }

    /// Where the task is that `find` finds.
    pub(crate) fn state(&self, name: &str) -> Option<State> {
        let key = Key::new(name);
        let hash = self.hash(&key);
        let flags = self.shard(hash).1.lock.with(|inner| {
            let found = inner.known(hash, &key)?;
            Some(slot(&found).settled())
        })?;
        match flags & (ENDED | GONE | CHAINED) {
            // Another task may have the name again: who looks longer finds out.
            found if found & ENDED != 0 && found != ENDED => Some(self.find_ended(name)?.state()),
            _ => Some(State::of(flags)),
        }
    }

    /// Calls `visit` for each task of which there is a record, no lock being held meanwhile. O(all tasks).
    ///
    /// What is added or ends while this runs may or may not be seen.
    pub(crate) fn walk(&self, mut visit: impl FnMut(SlotRef<M>)) {
        let mut found = Vec::with_capacity(CHUNK);
        for shard in &self.shards {
            let mut chunk = 0;
            while shard.lock.with(|inner| inner.records(chunk, &mut found)) {
                found.drain(..).for_each(&mut visit);
                chunk += 1;
            }
        }
    }

    /// Shuts the gate (law 12): who is inside was admitted before, and nobody will be after.
    pub(crate) fn close(&self) {
        for shard in &self.shards {
            shard.lock.with(|inner| inner.closed = true);
        }
    }
}

impl<M: Mode> Core<M> {
    pub(crate) fn by_id(&self, id: TaskId) -> Option<SlotRef<M>> {
        if id.registry != self.number {
            return None;
        }
        let (shard, place) = self.split(id.place);
        let lock = &self.shards.get(shard)?.lock;
        lock.with(|inner| Some(inner.refer(inner.memory.task(place, id.generation)?)))
    }

    /// Gives a record its name again, if no other task has it. Not where the task lives and another stands behind it by now, which has
    /// been admitted under that name.
    pub(crate) fn restore_name(&self, record: &SlotRef<M>) {
        let (name, hash) = (record.text().key(), record.head().hash);
        let mut loose = Loose::new();
        let lives_on = self.shard(hash).1.lock.with(|inner| {
            let is_free = inner.holder(hash, &name, &mut loose).is_none()
                && inner.named(hash, &name).is_none();
            let has_ended = record.settled() & ENDED != 0;
            let is_last = has_ended || !record.is_followed();
            let restored = record.has_record() && is_last && is_free;
            if restored {
                inner.name(self, record.as_ptr());
            }
            restored && !has_ended
        });
        loose.tie_up(self);
        if lives_on {
            self.named.wake_all(Some(hash));
        }
    }

    /// The hash of a name, for which slots have room.
    #[inline(always)]
    pub(crate) fn hash(&self, name: &Key<'_>) -> u32 {
        name.hash(&self.hasher)
    }

    #[inline]
    fn shard_bits(&self) -> u32 {
        if M::ONE_SHARD { 0 } else { self.shard_bits }
    }

    #[inline]
    fn shard(&self, hash: u32) -> (u32, &Shard<M>) {
        // The uppermost bits: the index inside the shard begins with the others.
        let index = (u64::from(hash) << self.shard_bits() >> u32::BITS) as u32;
        (index, &self.shards[index as usize])
    }

    /// A place of the whole table as a shard and a place in it.
    #[inline]
    fn split(&self, place: u32) -> (usize, u32) {
        ((place & ((1 << self.shard_bits()) - 1)) as usize, place >> self.shard_bits())
    }

    /// The time, unless there is no clock, or it panics.
    #[inline]
    pub(crate) fn now(&self) -> Option<Duration> {
        let clock = self.options.clock?;
        catch(clock).map_err(discard).ok()
    }

    /// How many chunks without a task each shard keeps.
    #[inline]
    fn spare(&self) -> u32 {
        (SPARE >> self.shard_bits()).max(1)
    }

    #[inline]
    fn spare_slots(&self) -> usize {
        self.spare() as usize * CHUNK
    }

    pub(crate) fn is_closed(&self) -> bool {
        // The last one is closed last.
        self.shards.last().is_some_and(|shard| shard.lock.with(|inner| inner.closed))
    }
}

/// The slot behind a pointer that the caller knows to be good: it is in use, or the shard's lock is held.
#[inline]
fn slot<M: Mode>(pointer: &NonNull<Slot<M>>) -> &Slot<M> {
    step();
    // SAFETY: chunks stand while one of their slots is in use (invariant 3); pointers to free slots are made and
    // used only under the shard's lock, under which chunks are returned.
    unsafe { pointer.as_ref() }
}

impl<M: Mode> Slot<M> {
    #[inline]
    pub(crate) fn core(&self) -> &Core<M> {
        // SAFETY: as `shard`, whose table it is.
        unsafe { self.shard().owner.0.get().as_ref() }
    }

    #[inline]
    fn shard(&self) -> &Shard<M> {
        // SAFETY: who has a `&Slot` has its table: a reference to the slot keeps it (invariant 2), and the table's
        // own methods run on it. Shards stand as long as their table does.
        unsafe { self.home.shard.as_ref() }
    }

    #[inline]
    pub(crate) fn head(&self) -> &Head {
        // SAFETY: it is written only while the slot is free, by `furnish` and `free` under the shard's lock.
        unsafe { &*mode::reading(&self.home.head) }
    }

    #[inline]
    pub(crate) fn text(&self) -> &Text {
        // SAFETY: as `head`.
        unsafe { &*mode::reading(&self.back.name) }
    }

    #[inline]
    fn generation(&self) -> u32 {
        self.head().generation
    }

    #[inline]
    pub(crate) fn id(&self) -> TaskId {
        TaskId {
            registry: self.core().number,
            place: self.home.place,
            generation: self.generation(),
        }
    }

    /// Whether lists show it. For the table, under the shard's lock.
    #[inline]
    fn has_record(&self) -> bool {
        self.settled() & (RECORD | GONE) == RECORD
    }
}

/// Counted by the tests that show which operations cost O(all tasks).
#[inline(always)]
pub(crate) fn step() {
    #[cfg(test)]
    crate::tests::step();
}

#[cfg(test)]
impl<M: Mode> Core<M> {
    /// How many chunks are allocated.
    pub(crate) fn chunks(&self) -> usize {
        let count = |inner: &mut shard::Inner<M>| inner.memory.firsts.iter().flatten().count();
        self.shards.iter().map(|shard| shard.lock.with(count)).sum()
    }

    /// How many names lead somewhere.
    pub(crate) fn names(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock.with(|inner| inner.names.len())).sum()
    }
}

#[cfg(test)]
impl SlotRef<crate::mode::Unsync> {
    pub(crate) fn watch_table(&self) -> alloc::rc::Weak<Core<crate::mode::Unsync>> {
        let own = self.core().own.take().expect("a reference keeps the table");
        let weak = alloc::rc::Rc::downgrade(&own);
        self.core().own.set(Some(own));
        weak
    }

    pub(crate) fn set_generation(&self, generation: u32) {
        // SAFETY: the test has no reference to the head.
        unsafe { (*self.home.head.get()).generation = generation };
    }
}
