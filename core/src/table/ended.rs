//! What has ended, in the order of ending: the records that are kept, and the ring that readers of endings follow.

use alloc::collections::VecDeque;
use core::fmt;
use core::ptr::NonNull;

use super::CoreRef;
use crate::mode::{Borrower, Init, Lock, Mode, Word};
use crate::slot::{Body, CHAINED, ENDED, GONE, KEEP, OUTPUT, PANIC, Slot, SlotRef, UNLISTED};
use crate::wait::Event;
use crate::{Outcome, TaskId, Text};

/// How many endings a reader may be behind before it loses some.
const RING: usize = 1024;

/// How many gaps there may be among few records.
const GAPS: usize = if cfg!(any(test, loom)) { 2 } else { 32 };

/// Room for so many records stays once they were purged.
const SPARE: usize = if cfg!(any(test, loom)) { 8 } else { 4096 };

/// On lines of cache of its own: every end writes here, and what else a table has every spawn and look reads.
#[repr(align(128))]
pub(crate) struct Ended<M: Mode> {
    /// How many records are kept. Written under the lock.
    limit: M::Word,
    /// How many follow the endings, readable without the lock.
    readers: M::Word,
    list: M::Lock<List<M>>,
    /// Something was added to the ring, or nothing ever will be.
    pub(crate) arrived: Event<M>,
}

// In this order: with the lock before it, what every end writes is one line of cache.
#[repr(C)]
struct List<M: Mode> {
    /// The records, the oldest first; gaps where one was taken out of the middle. Neither end is a gap.
    records: VecDeque<Option<NonNull<Slot<M>>>>,
    books: Books,
    /// The number of the oldest; those of the others follow, modulo 2³². Each slot knows its own (`Home::number`).
    oldest: u32,
    ring: VecDeque<TaskEnd>,
    /// The number of the first ending in the ring; the first ending that was ever followed has the number 0.
    first: u64,
}

/// What was counted under the lock of the list. Who waits for idleness counts himself first and takes that lock then, as `wait`
/// explains.
#[derive(Clone, Copy)]
pub(super) struct Books {
    /// How many records there are.
    pub(super) records: usize,
    /// How many ended without having been asked to stop. This and the next only grow.
    pub(super) unasked: u32,
    /// How many after that.
    pub(super) asked: u32,
}

impl<M: Mode> Init for List<M> {
    const INIT: Self = List {
        records: VecDeque::new(),
        books: Books { records: 0, unasked: 0, asked: 0 },
        oldest: 0,
        ring: VecDeque::new(),
        first: 0,
    };
}

/// That a task ended, and how: what [`Endings`](crate::Endings) reads.
#[derive(Clone, Debug)]
pub struct TaskEnd {
    pub(crate) id: TaskId,
    pub(crate) name: Text,
    pub(crate) outcome: Outcome,
}

impl TaskEnd {
    /// The task.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Its name, if it had one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        (!self.name.is_empty()).then(|| self.name.as_str())
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }
}

impl fmt::Display for TaskEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(_) => write!(f, "{} {}", self.name, self.outcome),
            None => write!(f, "task {} {}", self.id, self.outcome),
        }
    }
}

impl<M: Mode> Ended<M> {
    pub(crate) fn new(limit: usize) -> Self {
        let new =
            Self { limit: Init::INIT, readers: Init::INIT, list: Init::INIT, arrived: Event::INIT };
        // There are never so many slots.
        new.limit.store(u32::try_from(limit).unwrap_or(u32::MAX));
        new
    }

    /// From now on no records are kept: who adds one all the same takes one out. Those that are there stay.
    pub(super) fn close(&self) {
        self.list.with(|_| self.limit.store(0));
    }

    /// Whether records are kept at all.
    #[inline]
    pub(crate) fn keeps(&self) -> bool {
        self.limit.load() > 0
    }

    /// How many records are kept.
    pub(crate) fn len(&self) -> usize {
        self.books().records
    }

    pub(super) fn books(&self) -> Books {
        self.list.with(|list| list.books)
    }

    /// Adds a task that ends, under the lock of its body, counts its end, and lets everybody see that it has. Returns the
    /// oldest record if that had to make room, marked `GONE`: it is to be evicted.
    ///
    /// Under one lock, which whoever reads a count takes, too: so who finds the registry at rest finds what ended in the list and the
    /// ring, and who sees that a task has ended does not find it counted as live. Where there is nothing to take it for, the count
    /// comes before the end.
    ///
    /// Readers are looked for under the lock under which they begin to follow, so that whoever does so while the task is counted
    /// as live is told of its end. Where nothing is kept that lock is not worth taking for nobody: there whoever begins to
    /// follow [waits](CoreRef::follow) for those who have looked.
    #[inline(always)]
    pub(crate) fn add(
        &self,
        task: &SlotRef<M>,
        body: &Body<M>,
        keep: bool,
        asked: bool,
    ) -> Option<NonNull<Slot<M>>> {
        let keeps = self.keeps();
        // What is kept was left because there was to be a record, which is looked at once (see `bequeath`): the last registry may have
        // gone since, and then this record goes at once.
        let keep = keep && (keeps || task.flags() & KEEP != 0);
        if !(keeps || keep) && self.readers.load() == 0 {
            // It leaves no trace: there is nothing to take the list's lock for.
            let tally = &task.shard().tally;
            if asked { &tally.ended_asked } else { &tally.ended_unasked }.add(1);
            task.set_alone(ENDED | GONE | UNLISTED);
            return None;
        }
        self.list.lend(Add { ended: self, task, body, keep, asked })
    }

    /// Takes out the oldest records, as many as there is room for, and marks them `GONE`; whoever has them evicts them. Says how many
    /// places of the room it filled, some maybe with gaps: nought only if there is no record.
    // Compiled into a purge, as `Core::evict`.
    #[inline(always)]
    pub(crate) fn pop(&self, room: &mut [Option<NonNull<Slot<M>>>]) -> usize {
        self.list.with(|list| list.pop_some(room))
    }

    /// Takes out this record, if it is in the list, and marks it `GONE`; the caller evicts it.
    pub(crate) fn remove(&self, slot: NonNull<Slot<M>>) -> bool {
        self.list.with(|list| list.remove(slot))
    }

    /// How many places the list has, gaps included.
    #[cfg(test)]
    pub(crate) fn places(&self) -> usize {
        self.list.with(|list| list.records.len())
    }

    /// Starts to follow: the number of the next ending.
    fn subscribe(&self) -> u64 {
        self.list.with(|list| {
            self.readers.add(1);
            list.first + list.ring.len() as u64
        })
    }

    pub(crate) fn unsubscribe(&self) {
        let ring = self.list.with(|list| {
            let last = self.readers.sub(1) == 1;
            list.first += if last { list.ring.len() as u64 } else { 0 };
            if last { core::mem::take(&mut list.ring) } else { VecDeque::new() }
        });
        drop(ring);
    }

    /// The ending with this number, or how many were lost since. `None` if it is yet to come.
    pub(crate) fn read(&self, number: u64) -> Option<Result<TaskEnd, u64>> {
        self.list.with(|list| match number.checked_sub(list.first) {
            Some(index) => list.ring.get(usize::try_from(index).ok()?).cloned().map(Ok),
            None => Some(Err(list.first - number)),
        })
    }
}

/// See [`Ended::add`].
struct Add<'a, M: Mode> {
    ended: &'a Ended<M>,
    task: &'a SlotRef<M>,
    body: &'a Body<M>,
    keep: bool,
    asked: bool,
}

impl<M: Mode> Borrower<List<M>> for Add<'_, M> {
    type Output = Option<NonNull<Slot<M>>>;

    // Inlined on purpose: see `Core::evict`.
    #[inline(always)]
    fn run(self, list: &mut List<M>) -> Self::Output {
        let Self { ended, task, body, keep, asked } = self;
        if ended.readers.load() != 0 {
            if let Some(end) = task.ending(body) {
                list.follow(end);
            }
        }
        let count = if asked { &mut list.books.asked } else { &mut list.books.unasked };
        *count = count.wrapping_add(1);
        // Under this lock, so that nobody takes it out, and says so, before it has ended.
        if keep {
            list.push(task.as_ptr());
            task.set_alone(ENDED);
        } else {
            task.set_alone(ENDED | GONE | UNLISTED);
        }
        if list.books.records > ended.limit.load() as usize { list.pop() } else { None }
    }
}

impl<M: Mode> CoreRef<M> {
    /// Starts to follow the endings: the number of the next one. O(1), and O(all tasks) where no records are kept.
    pub(crate) fn follow(&self) -> u64 {
        let next = self.ended.subscribe();
        if !self.ended.keeps() {
            // Who found no reader counts the end before it lets go of the body. From here on everybody finds one.
            self.walk(|task| task.with(|_| ()));
        }
        next
    }
}

impl<M: Mode> List<M> {
    fn follow(&mut self, end: TaskEnd) {
        if self.ring.len() == RING {
            self.ring.pop_front();
            self.first += 1;
        }
        self.ring.push_back(end);
    }

    #[inline]
    fn push(&mut self, slot: NonNull<Slot<M>>) {
        *number(&slot) = self.oldest.wrapping_add(self.records.len() as u32);
        self.records.push_back(Some(slot));
        self.books.records += 1;
    }

    #[inline]
    fn pop(&mut self) -> Option<NonNull<Slot<M>>> {
        let oldest = self.records.pop_front()??;
        self.oldest = self.oldest.wrapping_add(1);
        self.taken(oldest);
        self.skip_gaps();
        Some(oldest)
    }

    /// The same for many of them, gaps included.
    #[inline(always)]
    fn pop_some(&mut self, room: &mut [Option<NonNull<Slot<M>>>]) -> usize {
        let (oldest, _) = self.records.as_slices();
        let popped = oldest.len().min(room.len());
        room[..popped].copy_from_slice(&oldest[..popped]);
        self.records.drain(..popped);
        self.oldest = self.oldest.wrapping_add(popped as u32);
        for record in room[..popped].iter().flatten() {
            self.taken(*record);
        }
        self.skip_gaps();
        popped
    }

    fn remove(&mut self, slot: NonNull<Slot<M>>) -> bool {
        let index = number(&slot).wrapping_sub(self.oldest) as usize;
        // What a slot has there that is not in the list is not the number of a record, or of another's.
        match self.records.get_mut(index) {
            Some(record) if *record == Some(slot) => *record = None,
            _ => return false,
        }
        self.taken(slot);
        while let Some(None) = self.records.back() {
            self.records.pop_back();
        }
        self.skip_gaps();
        if self.records.len() > 2 * self.books.records + GAPS {
            self.close_gaps();
        }
        true
    }

    #[inline]
    fn taken(&mut self, slot: NonNull<Slot<M>>) {
        self.books.records -= 1;
        let task = super::slot(&slot);
        // Nobody refers to it who did before it ended, and it left nothing: so nobody else writes its flags (see `slot`).
        if task.refs.load() == 1 && task.flags() & (OUTPUT | PANIC | CHAINED) == 0 {
            task.set_alone(GONE);
        } else {
            task.set(GONE);
        }
    }

    #[inline]
    fn skip_gaps(&mut self) {
        if self.records.len() > self.books.records {
            while let Some(None) = self.records.front() {
                self.records.pop_front();
                self.oldest = self.oldest.wrapping_add(1);
            }
        }
        if self.records.capacity() > SPARE {
            self.shrink();
        }
    }

    #[cold]
    fn shrink(&mut self) {
        if self.records.len() * 8 < self.records.capacity() {
            self.records.shrink_to(self.records.capacity() / 4);
        }
    }

    /// Numbers the records anew. There are more gaps than records, and each was paid for when it was made.
    #[cold]
    fn close_gaps(&mut self) {
        self.records.retain(Option::is_some);
        for (slot, after) in self.records.iter().flatten().zip(0..) {
            *number(slot) = self.oldest.wrapping_add(after);
        }
    }
}

/// The number of a slot that is in use.
#[expect(
    clippy::mut_from_ref,
    reason = "the lock of the list is held, and callers keep one at a time"
)]
#[inline]
fn number<M: Mode>(slot: &NonNull<Slot<M>>) -> &mut u32 {
    // SAFETY: of slots in use the list's lock guards it, and only methods of `List` call this, each with `&mut self`.
    unsafe { &mut *super::slot(slot).home.number.get() }
}
