//! The end of a task in a growing table: what is kept of it, and who is told.

use alloc::vec::Vec;
use core::task::Waker;
use core::time::Duration;

use super::ended::Added;
use super::payload::Payload;
use super::{Core, TaskEnd};
use crate::mode::{Mode, Word as _};
use crate::scope::Membership;
use crate::slot::{Body, CANCEL, CHAINED, End, Fate, HANDLE, KEEP, STARTED, SlotRef};
use crate::unwind::{contain, message};
use crate::{Cleanup, TaskInfo, Text};

/// How a task ended, decided but for what comes of it.
pub(crate) struct Ending {
    pub(crate) end: End,
    message: Option<Text>,
    cleanup: Option<Cleanup>,
    now: Option<Duration>,
}

impl Ending {
    /// What will be known of the task, whose reason to stop this is.
    pub(super) fn info(&self, task: TaskInfo, reason: Option<Text>) -> TaskInfo {
        let outcome = self.end.outcome(|| reason, || self.message.clone());
        task.ended(outcome, self.cleanup, self.now)
    }
}

/// All that is known of an end before it is decided.
pub(crate) struct Last {
    payload: Option<Payload>,
    message: Option<Text>,
    cleanup: Option<Cleanup>,
    now: Option<Duration>,
    /// Whether an observer is told, before anybody sees the end.
    told: bool,
}

/// What an end leaves to be done once the lock is released.
pub(crate) struct Left<M: Mode> {
    added: Added<M>,
    hooks: Vec<Waker>,
    joiner: Option<Waker>,
    scope: Option<Membership<M>>,
}

impl Last {
    #[inline]
    pub(super) fn new<M: Mode>(
        task: &SlotRef<M>,
        fate: Fate,
        output: Option<Payload>,
        cleanup: Option<Cleanup>,
    ) -> (Option<End>, Self) {
        let (end, payload, message) = match fate {
            Fate::Completed => (Some(End::Completed), output, None),
            Fate::Failed(message) => (Some(End::Failed), output, Some(message)),
            Fate::Panicked(None) => (Some(End::Panicked), None, None),
            Fate::Panicked(Some(panic)) => {
                let message = message(&panic);
                (Some(End::Panicked), Some(Payload::new(panic)), message)
            }
            Fate::Dropped => (None, None, None),
            Fate::NeverStarted => (Some(End::NeverStarted), None, None),
        };
        (end, Self { payload, message, cleanup, now: task.core().now(), told: false })
    }

    #[inline]
    pub(super) fn let_go<M: Mode>(self, task: &SlotRef<M>) {
        contain(|| drop(self.payload));
        if self.told {
            task.tell();
        }
    }
}

impl<M: Mode> SlotRef<M> {
    /// Whether a record will be kept of a task that ends so.
    #[inline]
    fn leaves_record(&self, end: End) -> bool {
        self.core().ended.keeps() && !matches!(end, End::NeverStarted)
    }

    /// Whether anybody can take the output, or the panic, of a task that ends so.
    #[inline]
    fn is_wanted(&self, end: End) -> bool {
        self.flags() & if self.leaves_record(end) { HANDLE | KEEP } else { HANDLE } != 0
    }

    #[inline]
    pub(super) fn unwanted(&self, end: End, last: &mut Last) -> Option<Payload> {
        // What it panicked with may still be for the observer.
        if self.is_wanted(end) || end == End::Panicked { None } else { last.payload.take() }
    }

    #[inline]
    pub(super) fn decide(&self, body: &mut Body<M>, end: End, last: &mut Last) -> Option<Ending> {
        if self.is_wanted(end) {
            body.more.payload = last.payload.take();
        }
        if !self.leaves_record(end) && self.flags() & KEEP != 0 {
            self.clear(KEEP);
        }
        let ending =
            Ending { end, message: last.message.take(), cleanup: last.cleanup, now: last.now };
        let Some(news) = body.news() else { return Some(ending) };
        let panic = if end == End::Panicked { last.payload.take() } else { None };
        news.end(ending, panic.and_then(|panic| panic.take().ok()));
        last.told = true;
        None
    }

    /// Changes the books, under the lock of the body.
    #[inline]
    pub(super) fn book(&self, body: &mut Body<M>, flags: u32, ending: Ending) -> (bool, Left<M>) {
        let core = self.core();
        let tally = core.tally(self.home.place);
        let keep = !matches!(ending.end, End::NeverStarted);
        if ending.message.is_some() {
            body.extras().message = ending.message;
        }
        if ending.cleanup.is_some() {
            body.extras().cleanup = ending.cleanup;
        }
        if let (Some(now), Some(extras)) = (ending.now, body.some_extras()) {
            if let Some(times) = extras.times.as_mut() {
                times.end(now);
            }
        }
        if flags & (STARTED | CANCEL) == 0 {
            tally.unqueued.add(1);
        }
        if core.options.capacity.is_some() {
            core.admitted.sub(1);
        }
        let added = core.ended.add(self.as_ptr(), keep, || {
            let (name, outcome) = (self.head().name.clone(), body.outcome()?);
            Some(TaskEnd { id: self.id(), name, outcome })
        });
        if flags & CANCEL != 0 {
            tally.stopped_ended.add(1);
        }
        tally.ended.add(1);
        let (scope, hooks) = match body.some_extras() {
            Some(extras) => (extras.scope.take(), core::mem::take(&mut extras.hooks)),
            None => (None, Vec::new()),
        };
        let joiner = body.more.joiner.take();
        (added.kept, Left { added, hooks, joiner, scope })
    }

    /// Does what follows from an end, outside the lock.
    #[inline]
    pub(super) fn settle(&self, flags: u32, left: Left<M>) {
        let core = self.core();
        if flags & CHAINED != 0 {
            core.pass_on(self);
        }
        if let Some(record) = left.added.evicted {
            core.evict(record);
        }
        if let Some(scope) = left.scope {
            scope.leave();
        }
        contain(|| drop(left.hooks));
        if let Some(joiner) = left.joiner {
            contain(|| joiner.wake());
        }
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
        self.ended.arrived.wake_all(None);
        if self.idle.awaited() && self.is_idle() {
            self.idle.wake_all(None);
        }
    }
}
