//! A task's steps, the same in every table: a future comes, the first poll comes, somebody asks it to stop, it ends.

use core::task::Waker;

use super::{Body, CANCEL, ENDING, End, FOR_CANCEL, RESERVED, Request, SlotRef, Urgency};
use crate::mode::Storage;
use crate::unwind::{Panic, both, contain, guarded, in_turn, let_go, wake};
use crate::wait::wake_all;
use crate::{Cleanup, SpawnError, Text};

/// What became of a task's future. It is gone by now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It returned `Ready`.
    Completed,
    /// It returned `Ready` with an error.
    Failed,
    /// It panicked, in `poll` or when it was dropped.
    Panicked,
    /// It was dropped unfinished: by its wrapper because of a cancel, or by its executor.
    Dropped,
    /// There never was one that an executor took. No record is kept.
    NeverStarted,
}

/// What few tasks have to say beside that.
#[derive(Default)]
pub(crate) struct Words {
    /// Of the error.
    pub(crate) message: Option<Text>,
    /// What it panicked with, where that is known.
    pub(crate) panic: Option<Panic>,
    pub(crate) cleanup: Option<Cleanup>,
}

/// What becomes of an output.
#[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "of growing tables"))]
pub(crate) enum Legacy {
    /// It is where whoever may take it finds it, or there is none.
    Settled,
    /// Nobody can take it any more: it is to be dropped, and then this is to be asked again.
    Unwanted,
    /// As settled, but an observer is to be told before anybody sees the end.
    Told,
}

/// How far an attempt to end a task came.
enum Step<S> {
    Ended(S),
    Unwanted,
    Told,
    /// Another report was first.
    Over,
}

/// What an end leaves to be done once the lock is released. Filled in where it is: moving it costs more than filling it in.
pub(crate) struct Concluded<M: Storage> {
    flags: u32,
    waker: Option<Waker>,
    /// Whether anybody waits in the slot's list.
    awaited: bool,
    left: M::Left,
}

impl<M: Storage> Concluded<M> {
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn nothing() -> Self {
        Self { flags: 0, waker: None, awaited: false, left: M::Left::default() }
    }
}

impl<M: Storage> SlotRef<M> {
    /// Takes the place for a future that now comes.
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn claim(&self) -> Result<(), SpawnError> {
        if M::is_closed(self) {
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

    /// Ends a place that no future was given to.
    pub(crate) fn withdraw(self) {
        self.end(Fate::NeverStarted, &mut None, &mut Words::default());
    }

    /// Asks the task to stop (law 1). O(1).
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn cancel(&self, reason: M::Reason, urgency: Urgency) {
        let request = self.with(|body| self.request(body, reason, urgency));
        self.after_request(request);
    }

    /// Follows up on a request to stop, outside all locks.
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn after_request(&self, request: Request<M>) {
        in_turn! {
            if request.unborn {
                self.end_unborn();
            };
            if request.awaited {
                wake_all(self, Some(FOR_CANCEL));
            };
            wake(request.waker);
            M::asked(self, request.asked);
        }
    }

    /// Ends a place that no future was given to and that was asked to stop.
    #[cfg_attr(feature = "alloc", cold)]
    fn end_unborn(&self) {
        self.clone().end(Fate::Dropped, &mut None, &mut Words::default());
    }

    /// Reports the end of the task (law 2: its future has been dropped). Only the first report counts. Says how the task
    /// ended, where its table has whoever ran it told.
    ///
    /// O(1), and O(of those who wait) to wake them.
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn end(
        self,
        fate: Fate,
        output: &mut Option<M::Output>,
        words: &mut Words,
    ) -> M::Seen {
        let anyway = || drop(self.clone().end_noted(fate, &mut None));
        guarded(|| M::last(&self, output, words), anyway);
        self.end_noted(fate, output)
    }

    /// The same, when what there is to say was noted.
    #[inline(always)]
    fn end_noted(self, fate: Fate, output: &mut Option<M::Output>) -> M::Seen {
        let mut concluded = Concluded::nothing();
        loop {
            let step = self.with(|body| {
                let flags = self.flags();
                if flags & ENDING != 0 || M::is_ending(body) {
                    return Step::Over;
                }
                let asked = flags & CANCEL != 0;
                let end = match fate {
                    Fate::Completed => End::Completed,
                    Fate::Failed => End::Failed,
                    Fate::Panicked => End::Panicked,
                    Fate::Dropped if asked => End::Cancelled,
                    Fate::Dropped => End::Abandoned,
                    // The request was first, and whoever made it is still on the way to report this.
                    Fate::NeverStarted if asked && flags & RESERVED != 0 => End::Cancelled,
                    Fate::NeverStarted => End::NeverStarted,
                };
                // What is left takes the waker's place.
                if concluded.waker.is_none() {
                    concluded.waker = M::take_waker(&self, body);
                }
                match M::bequeath(&self, body, end, output) {
                    Legacy::Settled => {
                        self.conclude(body, end, &mut concluded);
                        Step::Ended(M::seen(&self, body))
                    }
                    Legacy::Unwanted => Step::Unwanted,
                    Legacy::Told => Step::Told,
                }
            });
            match step {
                Step::Ended(seen) => {
                    self.follow_up(concluded);
                    return seen;
                }
                // Dropped before anybody can see the end (law 15), and then there is none: this comes round once.
                Step::Unwanted => {
                    let again = || drop(self.clone().end_noted(fate, &mut None));
                    guarded(|| contain(|| drop(output.take())), again);
                }
                Step::Told => {
                    in_turn! {
                        let_go(concluded.waker.take());
                        M::tell(&self);
                    }
                    return M::Seen::default();
                }
                Step::Over => {
                    in_turn! {
                        let_go(concluded.waker.take());
                        contain(|| drop(output.take()));
                    }
                    return M::Seen::default();
                }
            }
        }
    }

    /// Lets everybody see the end, under the lock of the body.
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn conclude(&self, body: &mut Body<M>, end: End, concluded: &mut Concluded<M>) {
        // From here on nobody can ask it to stop, replace it, or let go of its output.
        concluded.flags = M::decide(self, body, end);
        M::book(self, body, concluded.flags, end, &mut concluded.left);
        concluded.awaited = !body.waiters.is_empty();
    }

    /// Does what follows from an end, outside the lock.
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn follow_up(self, concluded: Concluded<M>) {
        let Concluded { flags, waker, awaited, left } = concluded;
        in_turn! {
            let_go(waker);
            both(self, |task| M::settle(task, flags, left), |task| M::wake(task, awaited));
        }
    }
}
