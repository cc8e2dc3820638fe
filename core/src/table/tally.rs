//! How many tasks are where. Some of that is counted here, without a lock; what leaves a record is counted with it, in `ended`.

use super::Core;
use crate::mode::{Init, Mode, Word};

/// Counts that only ever grow, so that their differences, and that to how many were spawned, mean something although they are not
/// read at one instant: see [`Core::is_idle`].
///
/// On a cache line of its own: who runs tasks writes here, who spawns them writes to what the shard's lock guards.
#[repr(align(64))]
pub(crate) struct Tally<M: Mode> {
    /// Left the queue: started, asked to stop, or ended.
    pub(super) unqueued: M::Word,
    /// Asked to stop.
    pub(super) stopped: M::Word,
    /// Ended without having been asked to stop, and left no trace: the others are counted where they left one, in `Ended`.
    pub(super) ended_unasked: M::Word,
    /// Ended after that, so too.
    pub(super) ended_asked: M::Word,
}

impl<M: Mode> Tally<M> {
    pub(super) fn new() -> Self {
        Self {
            unqueued: Init::INIT,
            stopped: Init::INIT,
            ended_unasked: Init::INIT,
            ended_asked: Init::INIT,
        }
    }
}

impl<M: Mode> Core<M> {
    /// Whether there was an instant during this call at which no task lived. O(1): a pass over the shards.
    ///
    /// All that ended is counted before all that was spawned. Each count only grows, so if they are equal, nothing
    /// lived at the instant between the two passes.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        let ended = self.ended();
        self.spawned() == ended.all
    }

    #[inline]
    fn spawned(&self) -> u32 {
        self.shards.iter().fold(0, |sum, shard| sum.wrapping_add(shard.spawned.load()))
    }

    /// How many ended, and how many of these after they had been asked to stop, each of which only grows; and how many records
    /// there were then.
    #[inline]
    fn ended(&self) -> Ended {
        let (unasked, asked) =
            (self.sum(|tally| &tally.ended_unasked), self.sum(|tally| &tally.ended_asked));
        let books = self.ended.books();
        let asked = asked.wrapping_add(books.asked);
        let all = asked.wrapping_add(unasked).wrapping_add(books.unasked);
        Ended { all, asked, records: books.records }
    }

    /// One count over all shards.
    #[inline]
    fn sum(&self, count: impl Fn(&Tally<M>) -> &M::Word) -> u32 {
        self.shards.iter().fold(0, |sum, shard| sum.wrapping_add(count(&shard.tally).load()))
    }

    /// How many tasks are queued, running and stopping, and how many records there are: none counts as both.
    pub(crate) fn counts(&self) -> ([usize; 3], usize) {
        self.steady(|ended| {
            let stopped = self.sum(|tally| &tally.stopped);
            let unqueued = self.sum(|tally| &tally.unqueued);
            let spawned = self.spawned();
            let queued = spawned.wrapping_sub(unqueued);
            let stopping = stopped.wrapping_sub(ended.asked);
            let live = spawned.wrapping_sub(ended.all);
            let running = live.saturating_sub(queued).saturating_sub(stopping);
            ([queued, running, stopping].map(|n| n as usize), ended.records)
        })
    }

    /// How many tasks live.
    pub(crate) fn live(&self) -> usize {
        self.steady(|ended| self.spawned().wrapping_sub(ended.all) as usize)
    }

    /// How many live or have a record.
    pub(crate) fn known(&self) -> usize {
        self.steady(|ended| self.spawned().wrapping_sub(ended.all) as usize + ended.records)
    }

    /// Reads counts at an instant at which nothing ended, if there is one within a few tries.
    ///
    /// What leaves a state is read before what enters it, so that no difference is ever below nought; of what ends in between,
    /// and what is spawned after that, more would seem to live than ever did at once.
    fn steady<R>(&self, read: impl Fn(&Ended) -> R) -> R {
        let mut tries = 8;
        loop {
            let ended = self.ended();
            let result = read(&ended);
            tries -= 1;
            if tries == 0 || self.ended().all == ended.all {
                return result;
            }
        }
    }
}

/// What was counted of those that ended.
struct Ended {
    all: u32,
    asked: u32,
    records: usize,
}
