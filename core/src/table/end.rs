//! The end of a task in a growing table: what is kept of it, and who is told.

use alloc::vec::Vec;
use core::mem::needs_drop;
use core::ptr::NonNull;
use core::task::Waker;

use super::payload::Payload;
use super::{Core, TaskEnd};
use crate::TaskId;
use crate::mode::{Mode, Word as _};
use crate::slot::{
    Body, CANCEL, CHAINED, ENDING, End, GRACE, HANDLE, KEEP, Legacy, MORE, PLAIN, RESERVED,
    STARTED, STOP, Slot, SlotRef, Urgency, Words,
};
use crate::unwind::{contain, each, in_turn, let_go, wake};
use crate::wait::wake_all;

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
    /// Asks the task to stop, without a reason. What few tasks have takes the long way, [`SlotRef::cancel`].
    #[inline]
    pub(super) fn stop(&self) {
        let asked = self.with(|body| {
            let flags = self.flags();
            let others = RESERVED | ENDING | CANCEL | STOP | GRACE;
            if flags & (STARTED | others) != STARTED
                || flags & MORE != 0 && !(body.has_no_extras() && body.waiters.is_empty())
            {
                return None;
            }
            // Before it counts as ended, which is under this lock, too.
            self.shard().tally.stopped.add(1);
            self.set_alone(CANCEL | STOP);
            Some(self.take_waker(body))
        });
        match asked {
            Some(waker) => wake(waker),
            None => self.cancel(None, Urgency::Own),
        }
    }
}

/// What the end of a task without extras leaves to be done. Each part is known at one place, and goes on from there in a register:
/// unlike what a longer end leaves, which is filled in where it is.
struct Plain<M: Mode> {
    evicted: Option<NonNull<Slot<M>>>,
    joiner: Option<Waker>,
    waiter: Option<Waker>,
    /// Whether there are more of those who wait.
    awaited: bool,
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
            let extras = self.extras(body);
            (extras.message, extras.cleanup) = (message, cleanup);
            if let (Some(now), Some(times)) = (now, extras.times.as_mut()) {
                times.end(now);
            }
        });
    }

    /// See [`Store::complete`](crate::mode::Store::complete). What few tasks have (extras, a name that others wait for, an output
    /// that is kept or needs a box) takes the long way, [`SlotRef::end`].
    #[inline]
    pub(super) fn complete<T: 'static>(self, output: T) -> Result<(), (Self, T)> {
        if !Payload::fits::<T>() || self.core().notes {
            return Err((self, output));
        }
        // Out here, so that nothing foreign is dropped under the lock, not even while a panic passes.
        let mut waker = None;
        let closed = self.with(|body| {
            let flags = self.flags();
            let wanted = flags & HANDLE != 0;
            if flags & (ENDING | CANCEL | CHAINED | KEEP) != 0
                || !wanted && needs_drop::<T>()
                || flags & MORE != 0 && !body.has_no_extras()
            {
                return Err(output);
            }
            waker = self.take_waker(body);
            if wanted {
                self.leave_payload(body, Payload::new(output), true);
            }
            Ok(self.close::<false>(body, flags))
        });
        match closed {
            Ok(left) => {
                self.farewell(waker, left);
                Ok(())
            }
            Err(output) => Err((self, output)),
        }
    }

    /// See [`Store::stopped`](crate::mode::Store::stopped).
    #[inline]
    pub(super) fn stopped(self) -> Result<(), Self> {
        let mut waker = None;
        let left = self.with(|body| {
            let flags = self.flags();
            if flags & (ENDING | STARTED | CANCEL | CHAINED | KEEP) != STARTED | CANCEL
                || flags & MORE != 0 && !body.has_no_extras()
            {
                return None;
            }
            waker = self.take_waker(body);
            Some(self.close::<true>(body, flags))
        });
        match left {
            Some(left) => {
                self.farewell(waker, left);
                Ok(())
            }
            None => Err(self),
        }
    }

    /// Ends a task without extras, under the lock of its body.
    // Each in one piece, which a compiler makes only of what is called once: so it is generic over what it is told.
    #[inline(always)]
    fn close<const STOPPED: bool>(&self, body: &mut Body<M>, flags: u32) -> Plain<M> {
        let core = self.core();
        // From here on nobody can ask it to stop, replace it, or let go of its output.
        let end = if STOPPED { End::Cancelled } else { End::Completed };
        self.set_alone(ENDING | PLAIN | end.bits());
        core.give_place();
        let evicted = core.ended.add(self, body, true, STOPPED);
        if flags & MORE == 0 {
            return Plain { evicted, joiner: None, waiter: None, awaited: false };
        }
        let joiner = body.more.joiner.take();
        // As in `book`.
        let waiter = if cfg!(feature = "std") { body.waiters.pop_first() } else { None };
        Plain { evicted, joiner, waiter, awaited: !body.waiters.is_empty() }
    }

    /// Does what follows from such an end, outside the lock.
    #[inline(always)]
    fn farewell(self, waker: Option<Waker>, left: Plain<M>) {
        let Plain { evicted, joiner, waiter, awaited } = left;
        in_turn! {
            let_go(waker);
            if let Some(record) = evicted {
                self.core().evict_one(record);
            };
            wake(joiner);
            wake(waiter);
            if awaited {
                wake_all(&self, None);
            };
            self.core().tell_of_end();
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
        if let Some(output) = output.take_if(|_| wanted) {
            self.leave_payload(body, output, end != End::Panicked);
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
            self.shard().tally.unqueued.add(1);
        }
        core.give_place();
        let asked = flags & CANCEL != 0;
        let record = end != End::NeverStarted;
        left.evicted = core.ended.add(self, body, record, asked);
        left.extras = body.some_extras().is_some();
        left.joiner = body.more.joiner.take();
        // Where a panic of another's waker passes, nobody is taken from the list before he is woken.
        if cfg!(feature = "std") {
            left.waiter = body.waiters.pop_first();
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
                core.evict_one(record);
            };
            if left.extras {
                self.settle_extras();
            };
            wake(left.joiner);
            wake(left.waiter);
        }
    }

    #[cold]
    fn settle_extras(&self) {
        let (scope, hooks, follows) = self.with(|body| match body.some_extras() {
            Some(extras) => {
                (extras.scope.take(), core::mem::take(&mut extras.hooks), extras.follows)
            }
            None => (None, Vec::new(), None),
        });
        in_turn! {
            if End::of(self.flags()) == Some(End::NeverStarted) {
                self.give_name_back(follows);
            };
            if let Some(scope) = scope {
                scope.leave();
            };
            each(hooks, |hook| contain(|| drop(hook)));
        }
    }

    /// Gives the name of a task that came to nothing back to the one that it was to be in place of. Whoever stands behind it has the
    /// name, and then knows whom that was.
    fn give_name_back(&self, follows: Option<TaskId>) {
        let core = self.core();
        if let Some(old) = follows.and_then(|id| core.by_id(id)) {
            core.restore_name(&old);
        }
    }

    /// Forgets the record of this task, if it has ended and there still is one.
    pub(crate) fn purge(&self) -> bool {
        let core = self.core();
        let listed = core.ended.remove(self.as_ptr());
        if listed {
            core.evict_one(self.as_ptr());
        }
        listed
    }
}

impl<M: Mode> Slot<M> {
    /// What readers of the endings are told.
    #[cold]
    pub(super) fn ending(&self, body: &Body<M>) -> Option<TaskEnd> {
        let (name, outcome) = (self.text().clone(), self.outcome(body)?);
        Some(TaskEnd { id: self.id(), name, outcome })
    }
}

impl<M: Mode> Core<M> {
    #[inline]
    fn give_place(&self) {
        if self.options.capacity.is_some() {
            self.admitted.sub(1);
        }
    }

    #[inline(always)]
    pub(super) fn tell_of_end(&self) {
        in_turn! {
            self.ended.arrived.wake_all(None);
            if self.idle.awaited() && self.is_idle() {
                self.idle.wake_all(None);
            };
        }
    }
}
