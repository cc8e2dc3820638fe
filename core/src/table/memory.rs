//! Where slots live: chunks, which go back to the allocator when they are empty.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::extras::{Back, Garbage, Home};
use super::{Core, CoreRef, slot};
use crate::mode::{Init, Mode};
use crate::slot::Slot;

/// Slots are allocated so many at a time; two in models, which then see chunks come and go.
pub(super) const CHUNK: usize = if cfg!(loom) { 2 } else { 32 };

/// How many chunks without a task a whole table keeps for the next ones, so that a load that comes and goes does not have to ask
/// the allocator each time: 2 MB, if there were ever so many tasks. Fewer in tests, for which a burst is smaller.
pub(super) const SPARE: u32 = if cfg!(loom) {
    1
} else if cfg!(test) {
    32
} else {
    512
};

/// How many chunks are added at once, if there are as many.
const AT_ONCE: u32 = 16;

/// The end of a chunk's list of free slots, and the place of a chunk that is in no list.
const NONE: u32 = u32::MAX;

/// As aligned as lines of cache are, so that a slot takes two of them and no more.
#[repr(C, align(64))]
pub(super) struct Slots<M: Mode>([Slot<M>; CHUNK]);

pub(super) struct Chunk<M: Mode> {
    /// `None` once it was returned to the allocator.
    pub(super) slots: Option<NonNull<Slots<M>>>,
    /// The first free slot, as an index into the chunk.
    free: u32,
    used: u32,
    /// Where it stands in `open`, or `NONE`.
    open_at: u32,
    /// The first generation of the slots that will stand here next.
    generation: u32,
}

/// A shard's chunks.
pub(super) struct Memory<M: Mode> {
    pub(super) chunks: Vec<Chunk<M>>,
    /// The chunks that have a free slot, in no order.
    open: Vec<u32>,
    /// The chunks that were returned to the allocator, in no order.
    vacant: Vec<u32>,
    /// How many chunks are wholly free; some are kept for the next tasks.
    spare: u32,
    /// How many slots are in use.
    pub(super) in_use: u32,
}

impl<M: Mode> Init for Memory<M> {
    const INIT: Self =
        Self { chunks: Vec::new(), open: Vec::new(), vacant: Vec::new(), spare: 0, in_use: 0 };
}

impl<M: Mode> Memory<M> {
    #[inline]
    pub(super) fn at(&self, place: u32) -> Option<NonNull<Slot<M>>> {
        let chunk = self.chunks.get(place as usize / CHUNK)?;
        chunk.at(place % CHUNK as u32)
    }

    /// A free slot, which is to be furnished, and its place.
    #[inline]
    pub(super) fn allocate(&mut self, core: &CoreRef<M>, shard: u32) -> (NonNull<Slot<M>>, u32) {
        let index = match self.open.last() {
            Some(&index) => index,
            None => self.grow(core, shard),
        };
        let chunk = &mut self.chunks[index as usize];
        let place = index * CHUNK as u32 + chunk.free;
        let found = chunk.at(chunk.free).expect("an open chunk has a free slot");
        // SAFETY: the slot is free, and the shard's lock is held.
        chunk.free = unsafe { *slot(&found).home.link.get() };
        if chunk.used == 0 {
            self.spare -= 1;
        }
        chunk.used += 1;
        self.in_use += 1;
        if chunk.free == NONE {
            self.shut(index);
        }
        (found, place)
    }

    /// Adds chunks, as many as there are, within bounds; returns the index of one.
    ///
    /// What is allocated in one go lies together, and not between what others allocate meanwhile: their memory lies together, too.
    #[cold]
    fn grow(&mut self, core: &CoreRef<M>, shard: u32) -> u32 {
        let there = (self.chunks.len() - self.vacant.len()) as u32;
        for _ in 1..there.clamp(1, AT_ONCE.min(core.spare())) {
            self.add(core, shard);
        }
        self.add(core, shard)
    }

    /// Adds a chunk and returns its index.
    fn add(&mut self, core: &CoreRef<M>, shard: u32) -> u32 {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.chunks.push(Chunk {
                slots: None,
                free: NONE,
                used: 0,
                open_at: NONE,
                generation: 0,
            });
            self.chunks.len() as u32 - 1
        });
        let chunk = &mut self.chunks[index as usize];
        chunk.slots = Some(new_slots(|at| {
            let place = (index * CHUNK as u32 + at) << core.shard_bits | shard;
            let next_free = if at + 1 < CHUNK as u32 { at + 1 } else { NONE };
            let home = Home::new(&core.shards[shard as usize], place, chunk.generation, next_free);
            Slot::new(home, Back::new())
        }));
        chunk.free = 0;
        self.spare += 1;
        self.open(index);
        index
    }

    /// Notes that a chunk has a free slot.
    fn open(&mut self, index: u32) {
        let chunk = &mut self.chunks[index as usize];
        if chunk.open_at == NONE {
            chunk.open_at = self.open.len() as u32;
            self.open.push(index);
        }
    }

    /// Notes that a chunk has no free slot, or no slots at all.
    fn shut(&mut self, index: u32) {
        let at = core::mem::replace(&mut self.chunks[index as usize].open_at, NONE);
        self.open.swap_remove(at as usize);
        if let Some(&moved) = self.open.get(at as usize) {
            self.chunks[moved as usize].open_at = at;
        }
    }

    /// Takes back a slot to which nobody refers. The garbage is to be dropped outside the lock.
    // As `Core::evict`.
    #[inline(always)]
    pub(super) fn free(&mut self, core: &Core<M>, old: NonNull<Slot<M>>, garbage: &mut Garbage<M>) {
        self.in_use -= 1;
        // SAFETY: the caller says so.
        unsafe { Slot::let_go(old, garbage) };
        // SAFETY: nobody refers to it, and the shard's lock is held.
        let (head, link) =
            unsafe { (&mut *slot(&old).home.head.get(), &mut *slot(&old).home.link.get()) };
        let (_, place) = core.split(slot(&old).home.place);
        // A slot whose generation would wrap is never used again: it stays counted as used.
        if let Some(next) = head.generation.checked_add(1) {
            head.generation = next;
            let index = place / CHUNK as u32;
            let chunk = &mut self.chunks[index as usize];
            chunk.generation = chunk.generation.max(next);
            *link = core::mem::replace(&mut chunk.free, place % CHUNK as u32);
            chunk.used -= 1;
            let empty = chunk.used == 0;
            if chunk.open_at == NONE {
                self.open(index);
            }
            if empty {
                self.spare += 1;
                if self.spare > core.spare() {
                    self.give_back(index);
                }
            }
        }
    }

    /// Returns a wholly free chunk to the allocator.
    fn give_back(&mut self, index: u32) {
        if let Some(slots) = self.chunks[index as usize].slots.take() {
            // SAFETY: nobody has a pointer to a free slot, and there is nothing in one (`Slot::let_go`).
            unsafe { drop_slots(slots) };
        }
        self.shut(index);
        self.vacant.push(index);
        self.spare -= 1;
    }
}

impl<M: Mode> Chunk<M> {
    #[inline]
    fn at(&self, index: u32) -> Option<NonNull<Slot<M>>> {
        let first = self.slots?.cast::<Slot<M>>();
        // SAFETY: all callers give an index below `CHUNK`, and the chunk stands.
        (index < CHUNK as u32).then(|| unsafe { first.add(index as usize) })
    }
}

/// Slots on the heap, made there: on the stack they would be some kilobytes.
fn new_slots<M: Mode>(make: impl Fn(u32) -> Slot<M>) -> NonNull<Slots<M>> {
    let mut slots = Box::<Slots<M>>::new_uninit();
    let first = slots.as_mut_ptr().cast::<Slot<M>>();
    for at in 0..CHUNK as u32 {
        // SAFETY: there are `CHUNK` slots behind the pointer.
        unsafe { first.add(at as usize).write(make(at)) };
    }
    // SAFETY: all of them were made, and a box's pointer is not null.
    unsafe { NonNull::new_unchecked(Box::into_raw(slots.assume_init())) }
}

/// Returns memory to the allocator, and looks at no slot for it.
///
/// # Safety
///
/// The slots were made by `new_slots`, nobody has a pointer to one any more, and nothing in them is to be dropped.
unsafe fn drop_slots<M: Mode>(slots: NonNull<Slots<M>>) {
    // SAFETY: the caller says so.
    drop(unsafe { Box::from_raw(slots.as_ptr().cast::<MaybeUninit<Slots<M>>>()) });
}

impl<M: Mode> Drop for Chunk<M> {
    /// With the table, which stands while a slot is in use (invariant 2).
    fn drop(&mut self) {
        if let Some(slots) = self.slots.take() {
            // SAFETY: all of its slots are free, and there is nothing in one (`Slot::let_go`).
            unsafe { drop_slots(slots) };
        }
    }
}
