//! How a record leaves the table.

use core::ptr::NonNull;

use super::chain::Loose;
use super::extras::Garbage;
use super::shard::Inner;
use super::{Core, news, slot};
use crate::TaskInfo;
use crate::mode::{Lock, Mode, Word};
use crate::slot::{CHAINED, HANDLE, OUTPUT, PANIC, Slot};
use crate::unwind::{contain, discard, in_turn};

impl<M: Mode> Core<M> {
    /// Takes a record, which is in no list any more and marked `GONE`, from the table.
    // Compiled into a purge, as is what it calls: else a purge is measurably slower. A closure with two callers is not compiled in,
    // so each caller (`ONE` record, or many) has its own.
    #[inline(always)]
    fn evict<const ONE: bool>(&self, record: NonNull<Slot<M>>) {
        let flags = slot(&record).flags();
        // What a handle has a claim to, that handle takes, or lets go of when it sees `GONE`.
        let left = if flags & HANDLE == 0 { OUTPUT | PANIC } else { 0 };
        if flags & (left | CHAINED) == 0 {
            self.strike::<ONE>(record, |_| {});
        } else {
            self.evict_with_all(record);
        }
    }

    /// The same, for who evicts one.
    #[inline(never)]
    pub(super) fn evict_one(&self, record: NonNull<Slot<M>>) {
        self.evict::<true>(record);
    }

    /// The same, of a task that may have left something, or still be in a chain.
    #[cold]
    fn evict_with_all(&self, record: NonNull<Slot<M>>) {
        let task = slot(&record);
        // An output that waited for whoever asks by name waits no longer; a handle still has a claim to its own.
        let (output, panic) = task.with(|body| match task.flags() & HANDLE {
            0 => (task.take_output(), task.take_panic(body)),
            _ => (None, None),
        });
        let told = match (self.options.observer.get(), panic) {
            (Some(observer), Some(panic)) => Some((observer, TaskInfo::of(task), panic)),
            (_, panic) => {
                if let Some(panic) = panic {
                    discard(panic);
                }
                None
            }
        };
        let mut loose = Loose::new();
        // Afterwards the slot may be gone, and what led to it with this call.
        self.strike::<true>(record, |inner| {
            if slot(&record).flags() & CHAINED != 0 {
                // Whoever ended it is still on the way to do this, and would find the name gone.
                inner.unchain(record, &mut loose);
            }
        });
        in_turn! {
            loose.tie_up(self);
            if let Some(output) = output {
                contain(|| drop(output));
            };
            if let Some((observer, info, panic)) = told {
                news::give(observer, &info, panic);
            };
        }
    }

    /// Strikes a record out, after `first`, under the shard's lock. Without another reference the slot is free then.
    // As `evict`.
    #[inline(always)]
    fn strike<const ONE: bool>(&self, record: NonNull<Slot<M>>, first: impl FnOnce(&mut Inner<M>)) {
        let mut garbage = Garbage::none();
        slot(&record).shard().lock.with(|inner| {
            first(inner);
            inner.unname(self, record);
            let task = slot(&record);
            // Where the record's is the only reference there will be no other, since the shard is locked.
            if task.refs.load() == 1 || task.refs.sub(1) == 1 {
                inner.memory.free(self, record, &mut garbage);
                if inner.memory.is_done() {
                    // Not the last to leave: who strikes a record out has a reference, to the table or to a task.
                    self.keepers.sub(1);
                }
            }
        });
        garbage.drop();
    }

    /// Forgets all that has ended; says how much that was. O(of that).
    pub(crate) fn purge(&self) -> usize {
        /// How many are taken from the list under one lock. Without std the panic of one would pass, and the others be lost.
        const BATCH: usize = if cfg!(feature = "std") { 16 } else { 1 };
        // What ends meanwhile may stay, so that this ends.
        let (mut purged, most) = (0, self.ended.len());
        let mut records = [None; BATCH];
        while purged < most {
            let room = BATCH.min(most - purged);
            let popped = self.ended.pop(&mut records[..room]);
            if popped == 0 {
                break;
            }
            for record in records[..popped].iter().flatten() {
                self.evict::<false>(*record);
                purged += 1;
            }
        }
        purged
    }
}
