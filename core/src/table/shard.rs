//! One shard: a part of the names, and the references to its slots.

use alloc::vec::Vec;
use core::ptr::NonNull;

use hashbrown::HashTable;

use super::memory::{CHUNK, Memory};
use super::tally::Tally;
use super::{Core, CoreRef, slot};
use crate::mode::{Init, Mode, Word};
use crate::slot::{GONE, Slot, SlotRef};

/// Aligned so that two shards share no cache line.
#[repr(align(128))]
pub(super) struct Shard<M: Mode> {
    pub(super) lock: M::Lock<Inner<M>>,
    /// How many tasks were spawned here. Written under the lock.
    pub(super) spawned: M::Word,
    pub(super) tally: Tally<M>,
}

pub(super) struct Inner<M: Mode> {
    pub(super) closed: bool,
    pub(super) names: HashTable<NonNull<Slot<M>>>,
    pub(super) memory: Memory<M>,
    /// How many slots are referred to.
    pub(super) referred: u32,
    /// The table itself, while any slot is (invariant 2).
    pub(super) keep: Option<CoreRef<M>>,
}

impl<M: Mode> Shard<M> {
    pub(super) fn new() -> Self {
        Self { lock: Init::INIT, spawned: Init::INIT, tally: Tally::new() }
    }
}

impl<M: Mode> Init for Inner<M> {
    const INIT: Self = Self {
        closed: false,
        names: HashTable::new(),
        memory: Init::INIT,
        referred: 0,
        keep: None,
    };
}

pub(super) fn rehash<M: Mode>(at: &NonNull<Slot<M>>) -> u64 {
    slot(at).head().hash()
}

/// Names.
impl<M: Mode> Inner<M> {
    /// The slot that the name leads to.
    #[inline]
    pub(super) fn known(&self, hash: u64, name: &[u8]) -> Option<NonNull<Slot<M>>> {
        self.names.find(hash, |at| slot(at).head().name.as_bytes() == name).copied()
    }

    /// The slot of which `name` is the name, ended or not.
    #[inline]
    pub(super) fn named(&self, hash: u64, name: &[u8]) -> Option<NonNull<Slot<M>>> {
        let found = self.known(hash, name)?;
        (slot(&found).settled() & GONE == 0).then_some(found)
    }

    /// Gives the name of `new` to `new`.
    pub(super) fn name(&mut self, hash: u64, new: NonNull<Slot<M>>) {
        let same = |at: &NonNull<Slot<M>>| slot(at).head().name == slot(&new).head().name;
        match self.names.find_mut(hash, same) {
            Some(at) => *at = new,
            None => {
                self.names.insert_unique(hash, new, rehash);
            }
        }
    }

    /// Takes the name from `old`, unless another task has it by now.
    #[inline]
    pub(super) fn unname(&mut self, core: &Core<M>, old: NonNull<Slot<M>>) {
        let head = slot(&old).head();
        if head.name.is_empty() {
            return;
        }
        if let Ok(entry) = self.names.find_entry(head.hash(), |at| *at == old) {
            entry.remove();
            // A burst is over: its memory goes back.
            let (len, capacity) = (self.names.len(), self.names.capacity());
            if capacity > 4 * core.spare() as usize * CHUNK && len < capacity / 8 {
                self.names.shrink_to(2 * len, rehash);
            }
        }
    }

    /// A reference to a task that is in use.
    #[inline]
    pub(super) fn refer(&mut self, core: &CoreRef<M>, found: NonNull<Slot<M>>) -> SlotRef<M> {
        if slot(&found).refs.load() == 0 {
            self.hold(core);
        }
        self.refer_live(found)
    }

    /// A reference to a task that has others.
    #[inline]
    pub(super) fn refer_live(&self, found: NonNull<Slot<M>>) -> SlotRef<M> {
        slot(&found).count();
        // SAFETY: it was just counted.
        unsafe { SlotRef::from_counted(found, ()) }
    }

    /// Notes that one more slot is referred to.
    #[inline]
    pub(super) fn hold(&mut self, core: &CoreRef<M>) {
        self.referred += 1;
        if self.keep.is_none() {
            self.keep = Some(core.clone());
        }
    }

    /// Refers to all tasks of a chunk of which there is a record. `false` if there is no such chunk.
    pub(super) fn records(
        &mut self,
        core: &CoreRef<M>,
        chunk: usize,
        found: &mut Vec<SlotRef<M>>,
    ) -> bool {
        let Some(slots) = self.memory.chunks.get(chunk).map(|chunk| chunk.slots) else {
            return false;
        };
        for index in 0..if slots.is_some() { CHUNK } else { 0 } {
            let at =
                self.memory.at((chunk * CHUNK + index) as u32).filter(|at| slot(at).has_record());
            if let Some(at) = at {
                found.push(self.refer(core, at));
            }
        }
        true
    }
}
