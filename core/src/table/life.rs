//! A task's steps before its end: a future comes, the first poll comes, somebody asks it to stop.

use super::{Fate, SlotRef, news};
use crate::mode::{Mode, Word};
use crate::slot::{CANCEL, ENDING, FOR_CANCEL, RESERVED, Request, STARTED, Slot, Urgency};
use crate::unwind::contain;
use crate::wait::wake_all;
use crate::{SpawnError, Text};

impl<M: Mode> Slot<M> {
    /// Counts the first request to stop, under the lock of the body, as `end` does: so the one comes before the other.
    pub(crate) fn count_request(&self, was_queued: bool) {
        let tally = self.core().tally(self.home.place);
        if was_queued {
            tally.unqueued.add(1);
        }
        tally.stopped.add(1);
    }
}

impl<M: Mode> SlotRef<M> {
    /// Follows up on a request to stop, outside all locks.
    pub(crate) fn after_request(&self, request: Request) {
        if request.unborn {
            self.end(Fate::Dropped, None, None);
        }
        if request.awaited {
            wake_all(self, Some(FOR_CANCEL));
        }
        for hook in request.hooks {
            contain(|| hook.wake());
        }
        if let Some(waker) = request.waker {
            contain(|| waker.wake());
        }
        if request.news {
            self.tell();
        }
    }

    /// Asks the task to stop (law 1). O(1).
    pub(crate) fn cancel(&self, reason: Option<Text>, urgency: Urgency) {
        let request = self.with(|body| self.request(body, reason, urgency));
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
        let observed = self.core().options.observer.get().is_some();
        let asked = match observed {
            false => self.set(STARTED) & CANCEL != 0,
            // As requests are, under the lock: so the one is noted before the other.
            true => self.with(|body| {
                let asked = self.set(STARTED) & CANCEL != 0;
                if let Some(news) = body.news().filter(|_| !asked) {
                    news.note(news::STARTED);
                }
                asked
            }),
        };
        if asked {
            return false;
        }
        self.core().tally(self.home.place).unqueued.add(1);
        if observed {
            self.tell();
        }
        true
    }

    /// Takes the place for a future that now comes.
    pub(crate) fn claim(&self) -> Result<(), SpawnError> {
        if self.core().is_closed() {
            return Err(SpawnError::Closed);
        }
        let claimed = self.with(|_| {
            let free = self.flags() & (CANCEL | ENDING) == 0;
            if free {
                self.clear(RESERVED);
            }
            free
        });
        if claimed { Ok(()) } else { Err(SpawnError::Cancelled) }
    }
}
