//! One shard: a part of the names, and of the slots.

use alloc::vec::Vec;
use core::cell::Cell;
use core::ptr::NonNull;

use super::memory::{CHUNK, Memory};
use super::names::{At, Names};
use super::tally::Tally;
use super::{Core, slot};
use crate::Text;
use crate::mode::{Init, Mode};
use crate::slot::{CHAINED, ENDED, GONE, Slot, SlotRef};
use crate::text::Key;

/// Aligned so that two shards share no cache line.
// In this order: how many were spawned is with the gate, which who comes in looks at.
#[repr(C, align(128))]
pub(super) struct Shard<M: Mode> {
    pub(super) lock: M::Lock<Inner<M>>,
    /// How many tasks were spawned here. Written under the lock.
    pub(super) spawned: M::Word,
    pub(super) tally: Tally<M>,
    pub(super) owner: Owner<M>,
}

/// The table. Written once, before there is a slot. On a cache line that is only ever read: who runs a task looks for it here,
/// while others are asked to stop, or spawned.
#[repr(align(64))]
pub(super) struct Owner<M: Mode>(pub(super) Cell<NonNull<Core<M>>>);

// In this order: with the lock before it, what a look-up needs has one line of cache, what an end does two.
#[repr(C)]
pub(super) struct Inner<M: Mode> {
    pub(super) names: Names,
    pub(super) memory: Memory<M>,
    pub(super) closed: bool,
}

impl<M: Mode> Shard<M> {
    pub(super) fn new() -> Self {
        Self {
            lock: Init::INIT,
            spawned: Init::INIT,
            tally: Tally::new(),
            owner: Owner(Cell::new(NonNull::dangling())),
        }
    }
}

impl<M: Mode> Init for Inner<M> {
    const INIT: Self = Self { names: Names::new(), memory: Init::INIT, closed: false };
}

/// Names.
impl<M: Mode> Inner<M> {
    #[inline(always)]
    fn at(&self, hash: u32, is: impl Fn(&Text) -> bool) -> Option<(At, NonNull<Slot<M>>)> {
        for (at, place) in self.names.of(hash) {
            if let Some(found) = self.memory.at(place).filter(|at| is(slot(at).text())) {
                return Some((at, found));
            }
        }
        None
    }

    /// The slot that the name leads to.
    #[inline(always)]
    pub(super) fn known(&self, hash: u32, name: &Key<'_>) -> Option<NonNull<Slot<M>>> {
        let (_, place) = self.names.of(hash).next()?;
        match self.memory.at(place) {
            Some(found) if slot(&found).text().is(name) => Some(found),
            _ => self.known_among(hash, name.as_bytes()),
        }
    }

    /// The same, where several names have that hash.
    // Not given the key, which else would be written to memory for each look-up.
    #[cold]
    fn known_among(&self, hash: u32, name: &[u8]) -> Option<NonNull<Slot<M>>> {
        Some(self.at(hash, |known| known.as_bytes() == name)?.1)
    }

    /// Whether the name leads to a slot.
    #[inline]
    pub(super) fn knows(&self, hash: u32, name: &Text) -> bool {
        self.at(hash, |known| known == name).is_some()
    }

    /// The slot of which `name` is the name, ended or not.
    #[inline]
    pub(super) fn named(&self, hash: u32, name: &Key<'_>) -> Option<NonNull<Slot<M>>> {
        let found = self.known(hash, name)?;
        (slot(&found).settled() & GONE == 0).then_some(found)
    }

    /// Whether the slot there is of an ended task of that name, which yields it to whoever wants it (law 6).
    // Not compiled into an admission, of which most have a new name.
    #[cold]
    pub(super) fn yields(&self, place: u32, name: &Text) -> bool {
        self.memory.at(place).is_some_and(|known| {
            let known = slot(&known);
            known.flags() & (ENDED | CHAINED) == ENDED && known.text() == name
        })
    }

    /// Gives the name of `new` to `new`.
    pub(super) fn name(&mut self, core: &Core<M>, new: NonNull<Slot<M>>) {
        let (name, hash) = (slot(&new).text(), slot(&new).head().hash);
        let place = core.split(slot(&new).home.place).1;
        match self.at(hash, |known| known == name) {
            Some((at, _)) => self.names.lead(at, place),
            None => self.names.insert(hash, place, core.spare_slots()),
        }
    }

    /// Leads the name of `old` to `new`, if it leads to `old`; says whether it did.
    pub(super) fn rename(
        &mut self,
        core: &Core<M>,
        old: NonNull<Slot<M>>,
        new: NonNull<Slot<M>>,
    ) -> bool {
        let place = |slot: NonNull<Slot<M>>| core.split(super::slot(&slot).home.place).1;
        let found = self.names.find(slot(&old).head().hash, place(old));
        found.map(|at| self.names.lead(at, place(new))).is_some()
    }

    /// Takes the name from `old`, unless another task has it by now.
    // Inlined on purpose: see `Core::evict`.
    #[inline(always)]
    pub(super) fn unname(&mut self, core: &Core<M>, old: NonNull<Slot<M>>) {
        let old = slot(&old);
        let place = core.split(old.home.place).1;
        if let Some(at) = self.names.find(old.head().hash, place) {
            self.names.remove(at);
            self.names.shrink(core.spare_slots());
        }
    }

    /// A reference to a task that is in use.
    #[inline]
    pub(super) fn refer(&self, found: NonNull<Slot<M>>) -> SlotRef<M> {
        slot(&found).count();
        // SAFETY: it was just counted.
        unsafe { SlotRef::from_counted(found, ()) }
    }

    /// Refers to all tasks of a chunk of which there is a record. `false` if there is no such chunk.
    pub(super) fn records(&self, chunk: usize, found: &mut Vec<SlotRef<M>>) -> bool {
        let Some(slots) = self.memory.firsts.get(chunk) else {
            return false;
        };
        for index in 0..if slots.is_some() { CHUNK } else { 0 } {
            let at =
                self.memory.at((chunk * CHUNK + index) as u32).filter(|at| slot(at).has_record());
            if let Some(at) = at {
                found.push(self.refer(at));
            }
        }
        true
    }
}
