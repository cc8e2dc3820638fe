//! The end of a task: the one place where an outcome is decided and told.

use alloc::vec::Vec;
use core::task::Waker;
use core::time::Duration;

use super::ended::Added;
use super::{Core, SlotRef, TaskEnd};
use crate::mode::{Mode, Word as _};
use crate::scope::Membership;
use crate::slot::{
    Body, CANCEL, CHAINED, ENDED, ENDING, End, GONE, HANDLE, KEEP, Payload, STARTED, UNLISTED,
};
use crate::unwind::{Panic, contain, message};
use crate::wait::wake_all;
use crate::{Cleanup, TaskInfo, Text};

/// What became of a task's future. It is gone by now.
pub(crate) enum Fate {
    /// It returned `Ready`.
    Completed,
    /// It returned `Ready` with an error, which says this.
    Failed(Text),
    /// It panicked, in `poll` or when it was dropped; with what, where that is known.
    Panicked(Option<Panic>),
    /// It was dropped unfinished: by its wrapper because of a cancel, or by its executor.
    Dropped,
    /// There never was one that an executor took. No record is kept.
    NeverStarted,
}

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

/// What an end leaves to be done once the lock is released.
pub(super) struct Concluded<M: Mode> {
    flags: u32,
    added: Added<M>,
    waker: Option<Waker>,
    hooks: Vec<Waker>,
    joiner: Option<Waker>,
    /// Whether anybody waits through other handles.
    awaited: bool,
    scope: Option<Membership<M>>,
}

impl<M: Mode> SlotRef<M> {
    /// Whether anybody may take the output.
    pub(crate) fn output_is_wanted(&self) -> bool {
        self.flags() & (HANDLE | KEEP) != 0
    }

    /// Reports the end of the task (law 2: its future has been dropped). Only the first report counts.
    ///
    /// O(1), and O(of those who wait) to wake them.
    pub(crate) fn end(&self, fate: Fate, output: Option<Payload>, cleanup: Option<Cleanup>) {
        let core = self.core();
        let now = core.now();
        let (end, mut payload, message) = match fate {
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
        let told = self.with(|body| {
            let flags = self.flags();
            if flags & ENDING != 0 || body.is_ending() {
                return None;
            }
            let asked = flags & CANCEL != 0;
            let end = end.unwrap_or(if asked { End::Cancelled } else { End::Abandoned });
            let kept = core.ended.keeps() && !matches!(end, End::NeverStarted);
            if !kept && flags & KEEP != 0 {
                self.clear(KEEP);
            }
            let wanted = if kept { HANDLE | KEEP } else { HANDLE };
            if flags & wanted != 0 {
                body.payload = payload.take();
            }
            let ending = Ending { end, message, cleanup, now };
            match body.news() {
                None => Some(Some(self.conclude(body, ending))),
                Some(news) => {
                    let panicked = matches!(end, End::Panicked);
                    let panic = if panicked { payload.take() } else { None };
                    news.end(ending, panic.and_then(|panic| panic.take().ok()));
                    Some(None)
                }
            }
        });
        // An output that nobody will take is dropped before anybody is woken (law 15).
        contain(|| drop(payload));
        match told {
            Some(Some(concluded)) => self.follow_up(concluded),
            Some(None) => self.tell(),
            None => {}
        }
    }

    /// Changes the books, under the lock of the body.
    pub(super) fn conclude(&self, body: &mut Body<M>, ending: Ending) -> Concluded<M> {
        let core = self.core();
        let tally = core.tally(self.home.place);
        // From here on nobody can ask it to stop, replace it, or let go of its output.
        let flags = self.set_ending();
        let keep = !matches!(ending.end, End::NeverStarted);
        body.end = Some(ending.end);
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
        self.set(if added.kept { ENDED } else { ENDED | GONE | UNLISTED });
        let (scope, hooks) = match body.some_extras() {
            Some(extras) => (extras.scope.take(), core::mem::take(&mut extras.hooks)),
            None => (None, Vec::new()),
        };
        let (waker, joiner) = (body.waker.take(), body.joiner.take());
        let awaited = !body.waiters.is_empty();
        Concluded { flags, added, waker, hooks, joiner, awaited, scope }
    }

    /// Does what follows from an end, outside the lock.
    pub(super) fn follow_up(&self, concluded: Concluded<M>) {
        let core = self.core();
        let Concluded { flags, added, waker, hooks, joiner, awaited, scope } = concluded;
        if flags & CHAINED != 0 {
            core.pass_on(self);
        }
        if let Some(record) = added.evicted {
            core.evict(record);
        }
        if let Some(scope) = scope {
            scope.leave();
        }
        contain(|| drop((waker, hooks)));
        if let Some(joiner) = joiner {
            contain(|| joiner.wake());
        }
        if awaited {
            wake_all(self, None);
        }
        core.tell_of_end();
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

    /// Ends a place that no future was given to.
    pub(crate) fn withdraw(&self) {
        self.end(Fate::NeverStarted, None, None);
    }
}

impl<M: Mode> Core<M> {
    fn tell_of_end(&self) {
        self.ended.arrived.wake_all(None);
        if self.idle.awaited() && self.is_idle() {
            self.idle.wake_all(None);
        }
    }
}
