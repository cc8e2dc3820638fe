//! Names to slots, slots to memory: the shards, admission, lookup, eviction.
//!
//! # Locks
//!
//! In the order in which they nest; each is held for a few instructions and never while foreign code runs (law 9).
//!
//! 1. A **shard**'s guards its part of the names, its chunks of slots, every [`Shelf`] in them, the number of slots
//!    that are referred to, the gate, and the chains of tasks that replace each other under its names.
//! 2. A slot's **body**, see [`slot`](crate::slot).
//! 3. The **ended** list's guards the list, the [`Links`] of the slots in it and the ring of the endings' readers.
//! 4. An **event**'s, see [`wait`](crate::wait).
//!
//! # Invariants
//!
//! 1. A slot is in use while it is referred to (`refs > 0`) or has a record (`shelf.record`); only then is it not
//!    free, and both change between nought and something under the shard's lock alone.
//! 2. While a shard has slots that are referred to, it holds the table itself (`keep`). So a [`SlotRef`] needs no
//!    count of its own to keep the table, and a record keeps nothing alive.
//! 3. A chunk is returned to the allocator only when all of its slots are free, and the next chunk in its place
//!    starts with a later generation than any of them had (law 7).
#![allow(unsafe_code, reason = "slots live in chunks that handles point into; see the invariants")]

mod end;
mod ended;
mod reference;

use alloc::alloc::Layout;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hasher};
use core::ops::Deref;
use core::ptr::NonNull;
use core::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};

pub(crate) use end::Fate;
pub(crate) use ended::Links;
pub use ended::TaskEnd;
pub(crate) use reference::SlotRef;

use crate::mode::{self, Lock, Mode, Shared, Word};
use crate::slot::{CANCEL, CHAINED, ENDED, ENDING, GONE, HELD, RESERVED, Request, Slot};
use crate::unwind::contain;
use crate::wait::Event;
use crate::{Options, SpawnError, TaskId, Text};
use ended::Ended;

/// Slots are allocated so many at a time.
const CHUNK: usize = 32;

/// The end of a chunk's list of free slots.
const NONE: u32 = u32::MAX;

pub(crate) struct Core<M: Mode> {
    number: u32,
    pub(crate) options: Options,
    hasher: DefaultHashBuilder,
    shard_bits: u32,
    shards: Box<[Shard<M>]>,
    pub(crate) ended: Ended<M>,
    /// How many tasks live, where a capacity is set.
    admitted: M::Word,
    /// Spreads the tasks without a name.
    unnamed: M::Word,
    /// The last live task ended, or the registry was closed.
    pub(crate) idle: Event<M>,
    /// A name appeared; waiters have its hash as their key.
    pub(crate) named: Event<M>,
}

/// Aligned so that two shards share no cache line.
#[repr(align(128))]
struct Shard<M: Mode> {
    lock: M::Lock<Inner<M>>,
    tally: Tally<M>,
}

/// Counts that only ever grow, so that their differences can be read without a lock: see [`Core::is_idle`].
pub(crate) struct Tally<M: Mode> {
    spawned: M::Word,
    /// Left the queue: started, asked to stop, or ended.
    unqueued: M::Word,
    /// Asked to stop.
    stopped: M::Word,
    /// Ended.
    ended: M::Word,
    /// Ended after having been asked to stop.
    stopped_ended: M::Word,
}

struct Inner<M: Mode> {
    closed: bool,
    names: HashTable<NonNull<Slot<M>>>,
    chunks: Vec<Chunk<M>>,
    /// The chunks that have a free slot, in no order.
    open: Vec<u32>,
    /// The chunks that were returned to the allocator, in no order.
    vacant: Vec<u32>,
    /// How many chunks are wholly free; one is kept for the next task.
    spare: u32,
    /// How many slots are referred to.
    referred: u32,
    /// The table itself, while any slot is (invariant 2).
    keep: Option<CoreRef<M>>,
}

struct Chunk<M: Mode> {
    /// `None` once it was returned to the allocator.
    slots: Option<NonNull<[Slot<M>; CHUNK]>>,
    /// The first free slot, as an index into the chunk.
    free: u32,
    used: u32,
    /// Where it stands in `open`, or `NONE`.
    open_at: u32,
    /// The first generation of the slots that will stand here next.
    generation: u32,
}

/// Which table a slot belongs to, and where it is in it.
pub(crate) struct Home<M: Mode> {
    core: NonNull<Core<M>>,
    place: u32,
}

/// A slot's entry in its shard's books.
pub(crate) struct Shelf {
    record: bool,
    next_free: u32,
}

/// The table, shared.
pub(crate) struct CoreRef<M: Mode>(M::Ptr<Core<M>>);

// SAFETY: everything in a table is behind the locks and words of its mode, which a `Shared` mode makes of what may
// be used by several threads; what the slots carry from one thread to another is argued in `slot::payload`.
unsafe impl<M: Shared> Send for CoreRef<M> {}
// SAFETY: as above.
unsafe impl<M: Shared> core::marker::Sync for CoreRef<M> {}

impl<M: Mode> Clone for CoreRef<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Mode> Deref for CoreRef<M> {
    type Target = Core<M>;
    fn deref(&self) -> &Core<M> {
        &self.0
    }
}

/// What to do when a live task has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Fail,
    Replace,
    Keep,
    Detach,
}

pub(crate) enum NotAdmitted<M: Mode> {
    Error(SpawnError),
    Existing(SlotRef<M>),
}

impl<M: Mode> CoreRef<M> {
    pub(crate) fn new(options: Options) -> Self {
        let shard_bits = M::shard_bits();
        let shards = (0..1 << shard_bits).map(|_| Shard::new()).collect();
        CoreRef(M::ptr(Core {
            number: mode::next_registry(),
            options,
            hasher: DefaultHashBuilder::default(),
            shard_bits,
            shards,
            ended: Ended::new(options.retain.limit()),
            admitted: M::Word::new(0),
            unnamed: M::Word::new(0),
            idle: Event::new(),
            named: Event::new(),
        }))
    }

    /// Gives a new task its place: two references to it, for its wrapper and for its handle.
    pub(crate) fn admit(
        &self,
        name: Text,
        policy: Policy,
        flags: u32,
    ) -> Result<(SlotRef<M>, SlotRef<M>), NotAdmitted<M>> {
        let hash = if name.is_empty() {
            u64::from(self.unnamed.add(1)) << 32
        } else {
            self.hash(name.as_bytes())
        };
        let named = !name.is_empty();
        let spawned = self.now();
        let (index, shard) = self.shard(hash);
        let (admitted, request) = shard.lock.with(|inner| {
            let mut request = None;
            if inner.closed {
                return (Err(NotAdmitted::Error(SpawnError::Closed)), request);
            }
            let holder = if named { inner.live(hash, name.as_bytes()) } else { None };
            if let Some(holder) = holder {
                match policy {
                    Policy::Fail => {
                        let holder = slot(&holder).id();
                        return (
                            Err(NotAdmitted::Error(SpawnError::NameTaken { holder })),
                            request,
                        );
                    }
                    Policy::Keep => {
                        return (Err(NotAdmitted::Existing(inner.refer(self, holder))), request);
                    }
                    Policy::Replace | Policy::Detach => {}
                }
            }
            if let Err(error) = self.take_place() {
                return (Err(NotAdmitted::Error(error)), request);
            }
            let new = inner.allocate(self, index);
            let mut refs = 2;
            let mut flags = flags;
            if let (Some(old), Policy::Replace) = (holder, policy) {
                request = inner.chain(old, new);
                if request.is_some() {
                    refs += 1;
                    flags |= HELD | CHAINED;
                }
            }
            // SAFETY: `new` was free until now (invariant 1), so nobody else can reach it.
            unsafe { (*slot(&new).head.get()).name = name };
            slot(&new).reset(flags, refs);
            if let Some(spawned) = spawned {
                slot(&new).with(|body| body.extras().times = Some(crate::Times::at(spawned)));
            }
            if named {
                inner.name(self, hash, new);
            }
            inner.hold(self);
            shard.tally.spawned.add(1);
            (Ok(new), request)
        });
        if let Some((old, request)) = request {
            old.after_request(request);
        }
        let new = admitted?;
        if named {
            self.named.wake_all(Some(hash));
        }
        // SAFETY: `reset` counted these two.
        Ok(unsafe { (SlotRef::from_counted(new), SlotRef::from_counted(new)) })
    }

    pub(crate) fn find(&self, name: &str) -> Option<SlotRef<M>> {
        let hash = self.hash(name.as_bytes());
        self.shard(hash).1.lock.with(|inner| {
            let slot = inner.named(hash, name.as_bytes())?;
            Some(inner.refer(self, slot))
        })
    }

    pub(crate) fn by_id(&self, id: TaskId) -> Option<SlotRef<M>> {
        if id.registry != self.number {
            return None;
        }
        let (shard, place) = self.split(id.place);
        self.shards.get(shard)?.lock.with(|inner| {
            let found = inner.at(place)?;
            let known = slot(&found).has_record() && slot(&found).generation() == id.generation;
            known.then(|| inner.refer(self, found))
        })
    }

    /// Calls `visit` for each task of which there is a record, no lock being held meanwhile. O(all tasks).
    ///
    /// What is added or ends while this runs may or may not be seen.
    pub(crate) fn walk(&self, mut visit: impl FnMut(SlotRef<M>)) {
        let mut found = Vec::with_capacity(CHUNK);
        for shard in &self.shards {
            let mut chunk = 0;
            while shard.lock.with(|inner| inner.records(self, chunk, &mut found)) {
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
    #[inline]
    pub(crate) fn hash(&self, name: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name);
        hasher.finish()
    }

    fn shard(&self, hash: u64) -> (u32, &Shard<M>) {
        // Not the bits that the table inside the shard goes by.
        let index = (hash >> 32) as u32 & ((1 << self.shard_bits) - 1);
        (index, &self.shards[index as usize])
    }

    /// A place of the whole table as a shard and a place in it.
    fn split(&self, place: u32) -> (usize, u32) {
        ((place & ((1 << self.shard_bits) - 1)) as usize, place >> self.shard_bits)
    }

    pub(crate) fn now(&self) -> Option<Duration> {
        self.options.clock.map(|clock| clock())
    }

    fn take_place(&self) -> Result<(), SpawnError> {
        match self.options.capacity {
            Some(capacity) if !self.admitted.update(|n| (n < capacity).then_some(n + 1)) => {
                Err(SpawnError::Full { capacity: capacity as usize })
            }
            _ => Ok(()),
        }
    }

    fn tally(&self, place: u32) -> &Tally<M> {
        &self.shards[self.split(place).0].tally
    }

    pub(crate) fn is_closed(&self) -> bool {
        // The last one is closed last.
        self.shards.last().is_some_and(|shard| shard.lock.with(|inner| inner.closed))
    }

    /// Whether there was an instant during this call at which no task lived. O(1): a pass over the shards.
    ///
    /// All that ended is counted before all that was spawned. Each count only grows, so if they are equal, nothing
    /// lived at the instant between the two passes.
    pub(crate) fn is_idle(&self) -> bool {
        let ended = self.sum(|tally| &tally.ended);
        self.sum(|tally| &tally.spawned) == ended
    }

    /// One count over all shards.
    fn sum(&self, count: impl Fn(&Tally<M>) -> &M::Word) -> u32 {
        self.shards.iter().fold(0, |sum, shard| sum.wrapping_add(count(&shard.tally).load()))
    }

    /// How many tasks are queued, running and stopping.
    ///
    /// What leaves a state is counted before what enters it, so that no difference is ever below nought.
    pub(crate) fn live_by_state(&self) -> [usize; 3] {
        let ended = self.sum(|tally| &tally.ended);
        let stopped_ended = self.sum(|tally| &tally.stopped_ended);
        let stopped = self.sum(|tally| &tally.stopped);
        let unqueued = self.sum(|tally| &tally.unqueued);
        let spawned = self.sum(|tally| &tally.spawned);
        let queued = spawned.wrapping_sub(unqueued);
        let stopping = stopped.wrapping_sub(stopped_ended);
        let live = spawned.wrapping_sub(ended);
        let running = live.saturating_sub(queued).saturating_sub(stopping);
        [queued, running, stopping].map(|n| n as usize)
    }

    /// How many tasks live.
    pub(crate) fn live(&self) -> usize {
        let ended = self.sum(|tally| &tally.ended);
        self.sum(|tally| &tally.spawned).wrapping_sub(ended) as usize
    }

    /// Takes a record, which is in no list any more and marked `GONE`, from the table.
    fn evict(&self, record: NonNull<Slot<M>>) {
        let (shard, _) = self.split(slot(&record).home.place);
        let garbage = self.shards[shard].lock.with(|inner| {
            if !slot(&record).head().name.is_empty() {
                inner.unname(self, record);
            }
            // SAFETY: the shard's lock is held.
            unsafe { (*slot(&record).shelf.get()).record = false };
            (slot(&record).refs.load() == 0).then(|| inner.free(self, record))
        });
        contain(|| drop(garbage));
    }

    /// Forgets all that has ended; says how much that was. O(of that).
    pub(crate) fn purge(&self) -> usize {
        // What ends meanwhile may stay, so that this ends.
        let mut purged = 0;
        let most = self.ended.len();
        while purged < most {
            let Some(record) = self.ended.pop() else { break };
            self.evict(record);
            purged += 1;
        }
        purged
    }
}

impl<M: Mode> Shard<M> {
    fn new() -> Self {
        Self {
            lock: M::Lock::new(Inner {
                closed: false,
                names: HashTable::new(),
                chunks: Vec::new(),
                open: Vec::new(),
                vacant: Vec::new(),
                spare: 0,
                referred: 0,
                keep: None,
            }),
            tally: Tally {
                spawned: M::Word::new(0),
                unqueued: M::Word::new(0),
                stopped: M::Word::new(0),
                ended: M::Word::new(0),
                stopped_ended: M::Word::new(0),
            },
        }
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

fn rehash<M: Mode>(core: &Core<M>) -> impl Fn(&NonNull<Slot<M>>) -> u64 {
    |at| core.hash(slot(at).head().name.as_bytes())
}

/// Names.
impl<M: Mode> Inner<M> {
    /// The slot of which `name` is the name, ended or not.
    fn named(&self, hash: u64, name: &[u8]) -> Option<NonNull<Slot<M>>> {
        let found = *self.names.find(hash, |at| slot(at).head().name.as_bytes() == name)?;
        (slot(&found).settled() & GONE == 0).then_some(found)
    }

    /// The live task of this name.
    fn live(&self, hash: u64, name: &[u8]) -> Option<NonNull<Slot<M>>> {
        self.named(hash, name).filter(|found| slot(found).settled() & ENDED == 0)
    }

    /// Gives the name of `new` to `new`.
    fn name(&mut self, core: &Core<M>, hash: u64, new: NonNull<Slot<M>>) {
        let same = |at: &NonNull<Slot<M>>| slot(at).head().name == slot(&new).head().name;
        match self.names.find_mut(hash, same) {
            Some(at) => *at = new,
            None => {
                self.names.insert_unique(hash, new, rehash(core));
            }
        }
    }

    /// Takes the name from `old`, unless another task has it by now.
    fn unname(&mut self, core: &Core<M>, old: NonNull<Slot<M>>) {
        let hash = rehash(core)(&old);
        if let Ok(entry) = self.names.find_entry(hash, |at| *at == old) {
            entry.remove();
            // A burst is over: its memory goes back.
            let (len, capacity) = (self.names.len(), self.names.capacity());
            if capacity > 4 * CHUNK && len < capacity / 8 {
                self.names.shrink_to(2 * len, rehash(core));
            }
        }
    }

    /// Asks `old` to stop and puts `new` behind it, unless `old` has ended.
    fn chain(&self, old: NonNull<Slot<M>>, new: NonNull<Slot<M>>) -> Option<(SlotRef<M>, Request)> {
        let request = slot(&old).with(|body| {
            if slot(&old).flags() & ENDING != 0 {
                return None;
            }
            // SAFETY: `admit` counts this reference.
            body.extras().after = Some(unsafe { SlotRef::from_counted(new) });
            slot(&old).set(CHAINED);
            Some(slot(&old).request(body, Some("replaced".into())))
        })?;
        let before = self.refer_live(old);
        slot(&new).with(|body| body.extras().before = Some(before));
        Some((self.refer_live(old), request))
    }

    /// A reference to a task that is in use.
    fn refer(&mut self, core: &CoreRef<M>, found: NonNull<Slot<M>>) -> SlotRef<M> {
        if slot(&found).refs.load() == 0 {
            self.hold(core);
        }
        self.refer_live(found)
    }

    /// A reference to a task that has others.
    fn refer_live(&self, found: NonNull<Slot<M>>) -> SlotRef<M> {
        slot(&found).refs.add(1);
        // SAFETY: it was just counted.
        unsafe { SlotRef::from_counted(found) }
    }

    /// Notes that one more slot is referred to.
    fn hold(&mut self, core: &CoreRef<M>) {
        self.referred += 1;
        if self.keep.is_none() {
            self.keep = Some(core.clone());
        }
    }

    /// Refers to all tasks of a chunk of which there is a record. `false` if there is no such chunk.
    fn records(&mut self, core: &CoreRef<M>, chunk: usize, found: &mut Vec<SlotRef<M>>) -> bool {
        let Some(slots) = self.chunks.get(chunk).map(|chunk| chunk.slots) else { return false };
        for index in 0..if slots.is_some() { CHUNK } else { 0 } {
            let at = self.at((chunk * CHUNK + index) as u32).filter(|at| slot(at).has_record());
            if let Some(at) = at {
                found.push(self.refer(core, at));
            }
        }
        true
    }
}

impl<M: Mode> Slot<M> {
    pub(crate) fn core(&self) -> &Core<M> {
        // SAFETY: who has a `&Slot` has its table: a reference to the slot keeps it (invariant 2), and the table's
        // own methods run on it.
        unsafe { self.home.core.as_ref() }
    }

    pub(crate) fn head(&self) -> &crate::slot::Head {
        // SAFETY: it is written only while the slot is free, by `admit` and `free` under the shard's lock.
        unsafe { &*self.head.get() }
    }

    fn generation(&self) -> u32 {
        self.head().generation
    }

    pub(crate) fn id(&self) -> TaskId {
        TaskId {
            registry: self.core().number,
            place: self.home.place,
            generation: self.generation(),
        }
    }

    /// Whether lists show it. For the table, under the shard's lock.
    fn has_record(&self) -> bool {
        // SAFETY: the shard's lock is held.
        unsafe { (*self.shelf.get()).record && self.settled() & GONE == 0 }
    }
}

/// Memory: chunks of slots.
impl<M: Mode> Inner<M> {
    fn at(&self, place: u32) -> Option<NonNull<Slot<M>>> {
        let chunk = self.chunks.get(place as usize / CHUNK)?;
        chunk.at(place % CHUNK as u32)
    }

    /// A free slot, from now on with a record.
    fn allocate(&mut self, core: &CoreRef<M>, shard: u32) -> NonNull<Slot<M>> {
        let index = match self.open.last() {
            Some(&index) => index,
            None => self.grow(core, shard),
        };
        let chunk = &mut self.chunks[index as usize];
        let found = chunk.at(chunk.free).expect("an open chunk has a free slot");
        // SAFETY: the shard's lock is held.
        let shelf = unsafe { &mut *slot(&found).shelf.get() };
        shelf.record = true;
        chunk.free = shelf.next_free;
        if chunk.used == 0 {
            self.spare -= 1;
        }
        chunk.used += 1;
        if chunk.free == NONE {
            self.shut(index);
        }
        found
    }

    /// Adds a chunk and returns its index.
    fn grow(&mut self, core: &CoreRef<M>, shard: u32) -> u32 {
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
            let home = Home { core: NonNull::from(&**core), place };
            Slot::new(home, chunk.generation, Shelf { record: false, next_free })
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

    /// Takes back a slot that has neither references nor a record. What it returns is dropped outside the lock.
    fn free(&mut self, core: &Core<M>, old: NonNull<Slot<M>>) -> impl Sized + use<M> {
        let body = slot(&old).let_go();
        // SAFETY: nobody refers to it, and the shard's lock is held.
        let (head, shelf) = unsafe { (&mut *slot(&old).head.get(), &mut *slot(&old).shelf.get()) };
        let name = core::mem::replace(&mut head.name, Text::EMPTY);
        let (_, place) = core.split(slot(&old).home.place);
        // A slot whose generation would wrap is never used again: it stays counted as used.
        if let Some(next) = head.generation.checked_add(1) {
            head.generation = next;
            let index = place / CHUNK as u32;
            let chunk = &mut self.chunks[index as usize];
            shelf.next_free = core::mem::replace(&mut chunk.free, place % CHUNK as u32);
            chunk.used -= 1;
            let empty = chunk.used == 0;
            self.open(index);
            if empty {
                self.spare += 1;
                if self.spare > 1 {
                    self.give_back(index);
                }
            }
        }
        (body, name)
    }

    /// Returns a wholly free chunk to the allocator.
    fn give_back(&mut self, index: u32) {
        let chunk = &mut self.chunks[index as usize];
        for at in 0..CHUNK as u32 {
            if let Some(at) = chunk.at(at) {
                chunk.generation = chunk.generation.max(slot(&at).generation());
            }
        }
        if let Some(slots) = chunk.slots.take() {
            // SAFETY: it was made by `new_slots`, and nobody has a pointer to a free slot.
            drop(unsafe { Box::from_raw(slots.as_ptr()) });
        }
        self.shut(index);
        self.vacant.push(index);
        self.spare -= 1;
    }
}

impl<M: Mode> Chunk<M> {
    fn at(&self, index: u32) -> Option<NonNull<Slot<M>>> {
        let first = self.slots?.cast::<Slot<M>>();
        // SAFETY: all callers give an index below `CHUNK`, and the chunk stands.
        (index < CHUNK as u32).then(|| unsafe { first.add(index as usize) })
    }
}

/// A chunk on the heap, made there: on the stack it would be some kilobytes.
fn new_slots<M: Mode>(make: impl Fn(u32) -> Slot<M>) -> NonNull<[Slot<M>; CHUNK]> {
    let slots: Box<[Slot<M>]> = (0..CHUNK as u32).map(make).collect();
    debug_assert_eq!(Layout::for_value(&*slots), Layout::new::<[Slot<M>; CHUNK]>());
    // SAFETY: a box's pointer is not null, and there are `CHUNK` slots behind it.
    unsafe { NonNull::new_unchecked(Box::into_raw(slots).cast()) }
}

impl<M: Mode> Drop for Chunk<M> {
    /// With the table: what is left are records, to which nobody refers (invariant 2).
    fn drop(&mut self) {
        for index in 0..CHUNK as u32 {
            if let Some(at) = self.at(index) {
                let garbage = slot(&at).let_go();
                contain(|| drop(garbage));
            }
        }
        if let Some(slots) = self.slots.take() {
            // SAFETY: it was made by `new_slots`, and nobody refers to a slot of it.
            drop(unsafe { Box::from_raw(slots.as_ptr()) });
        }
    }
}

/// Counted by the tests that show which operations cost O(all tasks).
#[inline(always)]
pub(crate) fn step() {
    #[cfg(test)]
    crate::tests::step();
}

impl<M: Mode> SlotRef<M> {
    /// Follows up on a request to stop, outside all locks.
    pub(crate) fn after_request(&self, request: Request) {
        if request.first {
            let tally = self.core().tally(self.home.place);
            if request.was_queued {
                tally.unqueued.add(1);
            }
            tally.stopped.add(1);
        }
        if request.unborn {
            self.end(Fate::Dropped, None);
        }
        if let Some(waker) = request.waker {
            contain(|| waker.wake());
        }
    }

    /// Asks the task to stop (law 1). O(1).
    pub(crate) fn cancel(&self, reason: Option<Text>) {
        let request = self.with(|body| self.request(body, reason));
        self.after_request(request);
    }

    /// Notes that the first poll comes. `false` if a request to stop came before it (law 4).
    pub(crate) fn start(&self) -> bool {
        let now = self.core().now();
        if let Some(now) = now {
            self.with(|body| {
                if let Some(times) = body.extras().times.as_mut() {
                    times.start(now);
                }
            });
        }
        if self.set(crate::slot::STARTED) & CANCEL != 0 {
            return false;
        }
        self.core().tally(self.home.place).unqueued.add(1);
        true
    }

    /// Takes the place for a future that now comes.
    pub(crate) fn claim(&self) -> Result<(), SpawnError> {
        let claimed = self.with(|_| {
            let free = self.flags() & (CANCEL | ENDING) == 0;
            if free {
                self.clear(RESERVED);
            }
            free
        });
        match claimed {
            true => Ok(()),
            false if self.core().is_closed() => Err(SpawnError::Closed),
            false => Err(SpawnError::Cancelled),
        }
    }
}

impl<M: Mode> core::fmt::Debug for CoreRef<M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Core").field("registry", &self.number).finish_non_exhaustive()
    }
}

/// A place to wait for an event of the whole table.
pub(crate) struct Watch<M: Mode> {
    pub(crate) core: CoreRef<M>,
    event: fn(&Core<M>) -> &Event<M>,
}

impl<M: Mode> Watch<M> {
    pub(crate) fn new(core: CoreRef<M>, event: fn(&Core<M>) -> &Event<M>) -> Self {
        Self { core, event }
    }
}

// SAFETY: always the same event of the same table, which `core` keeps.
unsafe impl<M: Mode> crate::wait::Place for Watch<M> {
    fn with_list<R>(&self, body: impl FnOnce(&mut crate::wait::WaitList) -> R) -> R {
        (&(self.event)(&self.core)).with_list(body)
    }
}

#[cfg(test)]
impl<M: Mode> Core<M> {
    /// How many chunks are allocated.
    pub(crate) fn chunks(&self) -> usize {
        let count =
            |inner: &mut Inner<M>| inner.chunks.iter().filter(|c| c.slots.is_some()).count();
        self.shards.iter().map(|shard| shard.lock.with(count)).sum()
    }
}

#[cfg(test)]
impl SlotRef<crate::mode::Unsync> {
    pub(crate) fn watch_table(&self) -> alloc::rc::Weak<Core<crate::mode::Unsync>> {
        let keep = |inner: &mut Inner<_>| {
            inner.keep.as_ref().map(|core| alloc::rc::Rc::downgrade(&core.0))
        };
        let (shard, _) = self.core().split(self.home.place);
        self.core().shards[shard].lock.with(keep).expect("a reference keeps the table")
    }

    pub(crate) fn set_generation(&self, generation: u32) {
        // SAFETY: the test has no reference to the head.
        unsafe { (*self.head.get()).generation = generation };
    }
}
