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

/// All slots of a chunk, a bit each.
const ALL: u32 = u32::MAX >> (u32::BITS as usize - CHUNK);

/// The place of a chunk that is in no list.
const NONE: u32 = u32::MAX;

/// As aligned as lines of cache are, so that a slot takes two of them and no more.
#[repr(C, align(64))]
pub(super) struct Slots<M: Mode>([Slot<M>; CHUNK]);

/// The first slot of a chunk, whose memory this is.
pub(super) struct First<M: Mode>(NonNull<Slot<M>>);

/// What is needed of a chunk where a slot of it comes or goes.
struct Chunk {
    /// Which slots are free, a bit each.
    free: u32,
    /// Where it stands in `open`, or `NONE`; of a chunk that was returned to the allocator the next such one.
    open_at: u32,
    /// The first generation of the slots that will stand here next.
    generation: u32,
}

/// A shard's chunks.
// In this order: what a look-up needs, then what who comes or goes does.
#[repr(C)]
pub(super) struct Memory<M: Mode> {
    /// The chunks' slots; `None` where they were returned to the allocator. On its own, so that a look-up finds many of them in
    /// a line of cache.
    pub(super) firsts: Vec<Option<First<M>>>,
    /// What else there is to know of each.
    chunks: Vec<Chunk>,
    /// The chunks that have a free slot, in no order.
    open: Vec<u32>,
    /// The first of the chunks that were returned to the allocator, or `NONE`.
    vacant: u32,
    /// How many chunks are wholly free; some are kept for the next tasks.
    spare: u32,
    /// How many slots are in use.
    in_use: u32,
    /// Whether no registry is left, and this shard keeps the table while it has slots in use (invariant 2).
    retired: bool,
}

impl<M: Mode> Init for Memory<M> {
    const INIT: Self = Self {
        firsts: Vec::new(),
        chunks: Vec::new(),
        open: Vec::new(),
        vacant: NONE,
        spare: 0,
        in_use: 0,
        retired: false,
    };
}

impl<M: Mode> Memory<M> {
    #[inline]
    pub(super) fn at(&self, place: u32) -> Option<NonNull<Slot<M>>> {
        let First(first) = self.firsts.get(place as usize / CHUNK)?.as_ref()?;
        // SAFETY: the chunk has `CHUNK` slots, and stands.
        Some(unsafe { first.add(place as usize % CHUNK) })
    }

    /// The task of this generation that has a record there.
    pub(super) fn task(&self, place: u32, generation: u32) -> Option<NonNull<Slot<M>>> {
        let known =
            |at: &NonNull<Slot<M>>| slot(at).has_record() && slot(at).generation() == generation;
        self.at(place).filter(known)
    }

    /// From now on this shard keeps the table, if it has slots in use, which this says.
    pub(super) fn retire(&mut self) -> bool {
        self.retired = true;
        self.in_use > 0
    }

    /// Whether this shard, of which a slot was taken back just now, keeps the table no more.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.retired && self.in_use == 0
    }

    /// A free slot, which is to be furnished, and its place.
    // Inlined on purpose: see `Core::evict`.
    #[inline(always)]
    pub(super) fn allocate(&mut self, core: &CoreRef<M>, shard: u32) -> (NonNull<Slot<M>>, u32) {
        let index = match self.open.last() {
            Some(&index) => index,
            None => self.grow(core, shard),
        };
        let First(first) = self.firsts[index as usize].as_ref().expect("an open chunk stands");
        let free = &mut self.chunks[index as usize].free;
        assert!(*free != 0, "an open chunk has a free slot");
        // The first one, so that tasks that come one after another lie in a row.
        let at = free.trailing_zeros();
        // SAFETY: the chunk stands, and `free` is of `ALL`, so that it has a slot there.
        let found = unsafe { first.add(at as usize) };
        if *free == ALL {
            self.spare -= 1;
        }
        self.in_use += 1;
        *free &= *free - 1;
        if *free == 0 {
            self.shut(index);
        }
        (found, index * CHUNK as u32 + at)
    }

    /// Adds chunks, as many as there are, within bounds; returns the index of one.
    ///
    /// What is allocated in one go lies together, and not between what others allocate meanwhile: their memory lies together, too.
    #[cold]
    fn grow(&mut self, core: &CoreRef<M>, shard: u32) -> u32 {
        // Those that there are have no free slot.
        let there = self.in_use / CHUNK as u32;
        for _ in 1..there.clamp(1, AT_ONCE.min(core.spare())) {
            self.add(core, shard);
        }
        self.add(core, shard)
    }

    /// Adds a chunk and returns its index.
    fn add(&mut self, core: &CoreRef<M>, shard: u32) -> u32 {
        let index = match self.vacant {
            NONE => {
                self.firsts.push(None);
                self.chunks.push(Chunk { free: 0, open_at: NONE, generation: 0 });
                self.chunks.len() as u32 - 1
            }
            vacant => vacant,
        };
        let chunk = &mut self.chunks[index as usize];
        self.firsts[index as usize] = Some(First::new(|at| {
            let place = (index * CHUNK as u32 + at) << core.shard_bits() | shard;
            let home = Home::new(&core.shards[shard as usize], place, chunk.generation);
            Slot::new(home, Back::new())
        }));
        chunk.free = ALL;
        if index == self.vacant {
            self.vacant = core::mem::replace(&mut chunk.open_at, NONE);
        }
        self.spare += 1;
        self.open(index);
        index
    }

    /// Notes that a chunk has a free slot by now.
    fn open(&mut self, index: u32) {
        self.chunks[index as usize].open_at = self.open.len() as u32;
        self.open.push(index);
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
    // Inlined on purpose: see `Core::evict`.
    #[inline(always)]
    pub(super) fn free(&mut self, core: &Core<M>, old: NonNull<Slot<M>>, garbage: &mut Garbage<M>) {
        self.in_use -= 1;
        // SAFETY: the caller says so.
        unsafe { Slot::let_go(old, garbage) };
        // SAFETY: nobody refers to it, and the shard's lock is held.
        let head = unsafe { &mut *slot(&old).home.head.get() };
        let (_, place) = core.split(slot(&old).home.place);
        // A slot whose generation would wrap is never used again: it stays counted as used.
        if let Some(next) = head.generation.checked_add(1) {
            head.generation = next;
            let index = place / CHUNK as u32;
            let chunk = &mut self.chunks[index as usize];
            chunk.generation = chunk.generation.max(next);
            let before = chunk.free;
            chunk.free |= 1 << (place % CHUNK as u32);
            let empty = chunk.free == ALL;
            if before == 0 {
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
        self.firsts[index as usize] = None;
        self.shut(index);
        self.chunks[index as usize].open_at = core::mem::replace(&mut self.vacant, index);
        self.spare -= 1;
    }
}

impl<M: Mode> First<M> {
    /// Makes slots where they will stand: on the stack they would be some kilobytes.
    fn new(make: impl Fn(u32) -> Slot<M>) -> Self {
        let slots = Box::into_raw(Box::<Slots<M>>::new_uninit());
        let first = slots.cast::<Slot<M>>();
        for at in 0..CHUNK as u32 {
            // SAFETY: there are `CHUNK` slots behind the pointer.
            unsafe { first.add(at as usize).write(make(at)) };
        }
        // SAFETY: a box's pointer is not null.
        First(unsafe { NonNull::new_unchecked(first) })
    }
}

impl<M: Mode> Drop for First<M> {
    /// Returns the memory to the allocator, and looks at no slot for it: all of them are free, and there is nothing in a free one
    /// (`Slot::let_go`). So it is when an empty chunk goes back, and with the table, which stands while a slot is in use
    /// (invariant 2).
    fn drop(&mut self) {
        // SAFETY: this is the pointer of the box, and nobody has one to a free slot.
        drop(unsafe { Box::from_raw(self.0.as_ptr().cast::<MaybeUninit<Slots<M>>>()) });
    }
}
