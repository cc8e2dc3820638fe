//! The end of a task: the one place where an outcome is decided and told.

use super::{Core, SlotRef, TaskEnd};
use crate::mode::{Mode, Word as _};
use crate::slot::{
    CANCEL, CHAINED, ENDED, ENDING, End, GONE, HANDLE, KEEP, Payload, STARTED, UNLISTED,
};
use crate::unwind::{Panic, contain, message};
use crate::wait::wake_all;
use crate::{Cleanup, Text};

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
        let tally = core.tally(self.home.place);
        let now = core.now();
        let keep = !matches!(fate, Fate::NeverStarted);
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
            if self.flags() & ENDING != 0 {
                return None;
            }
            // From here on nobody can ask it to stop, replace it, or let go of its output.
            let flags = self.set_ending();
            let stopped = flags & CANCEL != 0;
            body.end = Some(end.unwrap_or(if stopped { End::Cancelled } else { End::Abandoned }));
            if message.is_some() {
                body.extras().message = message;
            }
            if cleanup.is_some() {
                body.extras().cleanup = cleanup;
            }
            if let (Some(now), Some(extras)) = (now, body.some_extras()) {
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
            let wanted = if added.kept { HANDLE | KEEP } else { HANDLE };
            if flags & wanted != 0 {
                body.payload = payload.take();
            }
            if stopped {
                tally.stopped_ended.add(1);
            }
            tally.ended.add(1);
            self.set(if added.kept { ENDED } else { ENDED | GONE | UNLISTED });
            let (scope, hooks) = match body.some_extras() {
                Some(extras) => (extras.scope.take(), core::mem::take(&mut extras.hooks)),
                None => (None, alloc::vec::Vec::new()),
            };
            let wakers = (body.joiner.take(), !body.waiters.is_empty());
            Some((flags, added, (body.waker.take(), hooks), wakers, scope))
        });
        // An output that nobody will take is dropped before anybody is woken (law 15).
        contain(|| drop(payload));
        let Some((flags, added, waker, (joiner, awaited), scope)) = told else { return };
        if flags & CHAINED != 0 {
            core.pass_on(self);
        }
        if let Some(record) = added.evicted {
            core.evict(record);
        }
        if let Some(scope) = scope {
            scope.leave();
        }
        contain(|| drop(waker));
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
