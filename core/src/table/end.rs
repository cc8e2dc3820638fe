//! The end of a task in a growing table: what is kept of it, and who is told.

use alloc::vec::Vec;
use core::ptr::NonNull;
use core::task::Waker;

use super::payload::Payload;
use super::{Core, TaskEnd};
use crate::mode::{Mode, Word as _};
use crate::slot::{
    Body, CANCEL, CHAINED, Concluded, ENDING, End, HANDLE, KEEP, Legacy, STARTED, Slot, SlotRef,
    Words,
};
use crate::unwind::{contain, in_turn};

/// What an end leaves to be done once the lock is released.
pub(crate) struct Left<M: Mode> {
    evicted: Option<NonNull<Slot<M>>>,
    joiner: Option<Waker>,
    /// The first of those who wait, mostly the only one.
    waiter: Option<Waker>,
    /// Whether the task had any.
    extras: bool,
}

impl<M: Mode> Default for Left<M> {
    #[inline]
    fn default() -> Self {
        Self { evicted: None, joiner: None, waiter: None, extras: false }
    }
}

impl<M: Mode> SlotRef<M> {
    #[inline]
    pub(super) fn last(&self, output: &mut Option<Payload>, words: &mut Words) {
        if let Words { message: None, panic: None, cleanup: None } = words {
            if self.core().options.clock.is_none() {
                return;
            }
        }
        self.note_last(output, words);
    }

    /// Notes what few tasks have to say at their end. It is shown once they have ended.
    #[cold]
    fn note_last(&self, output: &mut Option<Payload>, words: &mut Words) {
        let Words { mut message, panic, cleanup } = core::mem::take(words);
        if let Some(panic) = panic {
            message = crate::unwind::message(&panic);
            *output = Some(Payload::new(panic));
        }
        let now = self.core().now();
        self.with(|body| {
            if self.flags() & ENDING != 0 || body.is_ending() {
                return;
            }
            let extras = body.extras();
            (extras.message, extras.cleanup) = (message, cleanup);
            if let (Some(now), Some(times)) = (now, extras.times.as_mut()) {
                times.end(now);
            }
        });
    }

    /// See [`Store::complete`](crate::mode::Store::complete). What few tasks have (extras, an observer, a clock), and an output
    /// that needs a box or that nobody wants, takes the long way.
    #[inline]
    pub(super) fn complete<T: 'static>(self, output: T) -> Result<(), (Self, T)> {
        if !Payload::fits::<T>() || self.core().options.clock.is_some() {
            return Err((self, output));
        }
        let (mut output, mut concluded) = (Some(output), Concluded::nothing());
        self.with(|body| {
            let flags = self.flags();
            let claims = if self.core().ended.keeps() { HANDLE | KEEP } else { HANDLE };
            if flags & ENDING != 0 || flags & claims == 0 || body.some_extras().is_some() {
                return;
            }
            self.leave_payload(body, output.take().map(Payload::new), true);
            if claims == HANDLE && flags & KEEP != 0 {
                self.clear(KEEP);
            }
            self.conclude(body, End::Completed, &mut concluded);
        });
        match output {
            Some(output) => Err((self, output)),
            None => {
                self.follow_up(concluded);
                Ok(())
            }
        }
    }

    #[inline]
    pub(super) fn bequeath(
        &self,
        body: &mut Body<M>,
        end: End,
        output: &mut Option<Payload>,
    ) -> Legacy {
        let leaves_record = self.core().ended.keeps() && end != End::NeverStarted;
        let flags = self.flags();
        let wanted = flags & if leaves_record { HANDLE | KEEP } else { HANDLE } != 0;
        if wanted && output.is_some() {
            self.leave_payload(body, output.take(), end != End::Panicked);
        }
        let observed = body.news().is_some();
        if output.is_some() && !(observed && end == End::Panicked) {
            return Legacy::Unwanted;
        }
        if !leaves_record && flags & KEEP != 0 {
            self.clear(KEEP);
        }
        let Some(news) = body.news() else { return Legacy::Settled };
        news.end(end, output.take().and_then(|panic| panic.take().ok()));
        Legacy::Told
    }

    /// Changes the books, under the lock of the body.
    #[inline]
    pub(super) fn book(&self, body: &mut Body<M>, flags: u32, end: End, left: &mut Left<M>) {
        let core = self.core();
        if flags & (STARTED | CANCEL) == 0 {
            core.tally(self.home.place).unqueued.add(1);
        }
        if core.options.capacity.is_some() {
            core.admitted.sub(1);
        }
        let asked = flags & CANCEL != 0;
        left.evicted = core.ended.add(self, end != End::NeverStarted, asked, || {
            let (name, outcome) = (self.head().name.clone(), body.outcome()?);
            Some(TaskEnd { id: self.id(), name, outcome })
        });
        left.extras = body.some_extras().is_some();
        left.joiner = body.more.joiner.take();
        // Where a panic of another's waker passes, nobody is taken from the list before he is woken.
        if cfg!(feature = "std") {
            left.waiter = body.waiters.pop(None);
        }
    }

    /// Does what follows from an end, outside the lock.
    #[inline]
    pub(super) fn settle(&self, flags: u32, left: Left<M>) {
        let core = self.core();
        in_turn! {
            if flags & CHAINED != 0 {
                core.pass_on(self);
            };
            if let Some(record) = left.evicted {
                core.evict(record);
            };
            if left.extras {
                self.settle_extras();
            };
            if let Some(joiner) = left.joiner {
                contain(|| joiner.wake());
            };
            if let Some(waiter) = left.waiter {
                contain(|| waiter.wake());
            };
        }
    }

    #[cold]
    fn settle_extras(&self) {
        let (scope, hooks) = self.with(|body| match body.some_extras() {
            Some(extras) => (extras.scope.take(), core::mem::take(&mut extras.hooks)),
            None => (None, Vec::new()),
        });
        if let Some(scope) = scope {
            scope.leave();
        }
        contain(|| drop(hooks));
    }

    /// Forgets the record of this task, if it has ended and there still is one.
    pub(crate) fn purge(&self) -> bool {
        let core = self.core();
        let listed = core.ended.remove(self.as_ptr());
        if listed {
            core.evict(self.as_ptr());
        }
        listed
    }
}

impl<M: Mode> Core<M> {
    #[inline]
    pub(super) fn tell_of_end(&self) {
        in_turn! {
            self.ended.arrived.wake_all(None);
            if self.idle.awaited() && self.is_idle() {
                self.idle.wake_all(None);
            };
        }
    }
}
