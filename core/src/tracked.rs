mod report;

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;
use report::Report;

use crate::Cleanup;
use crate::mode::Storage;
use crate::slot::{CANCEL, Fate, GRACING, HELD, SHIELD, STARTED, STOP, SlotRef, Urgency, Words};
use crate::terms::{Terms, sealed};
use crate::unwind::{Panic, catch, guarded, let_go};

pin_project! {
    /// A future under the registry's eyes: what is really put on the executor.
    ///
    /// It polls the future it wraps, drops it when the task was asked to stop, runs the cleanup if there is one, and
    /// reports how the task ended (law 2). Its own output is `()`: the output of the future goes to the
    /// [`TaskHandle`](crate::TaskHandle). When an executor drops it unfinished, it reports that (law 11).
    ///
    /// Polling one that is pending costs, beyond polling the future itself, two loads and a comparison; no lock is
    /// taken unless the waker changed. Adds one or two words to the size of the future, five or six in a fixed table,
    /// and one more without std.
    #[must_use = "a tracked future must be polled, or its task stays queued"]
    #[project = TrackedProj]
    pub struct Tracked<F: Future, M: Storage, X: Terms<F::Output> = ()> {
        #[pin]
        stage: Stage<F, X::Cleanup, X::Held<M::Output>>,
        #[pin]
        terms: X,
        task: Task<M>,
        output: PhantomData<F::Output>,
    }

    impl<F: Future, M: Storage, X: Terms<F::Output>> PinnedDrop for Tracked<F, M, X> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(mut report) = this.task.report() {
                if let Some(held) = this.stage.as_mut().held() {
                    let held = X::held(held);
                    // The cleanup is dropped: how the task ended was decided before it was made (law 3).
                    report.hold(held);
                    report.words.cleanup = Some(Cleanup::Skipped);
                    report.run_last(|| this.stage.set(Stage::Gone));
                } else {
                    if this.terms.has_cleanup() {
                        report.words.cleanup = Some(Cleanup::Skipped);
                    }
                    report.dropping(|| this.stage.set(Stage::Gone));
                }
                report.clear(|| this.terms.clear());
            }
        }
    }
}

pin_project! {
    /// The future and its cleanup share their place.
    #[project = StageProj]
    enum Stage<F, C, H> {
        Running { #[pin] future: F },
        Cleaning { #[pin] cleanup: C, held: Option<H> },
        Gone,
    }
}

impl<F, C, H> Stage<F, C, H> {
    fn held(self: Pin<&mut Self>) -> Option<H> {
        match self.project() {
            StageProj::Cleaning { held, .. } => held.take(),
            _ => None,
        }
    }
}

/// The part of a wrapper that does not depend on the future.
struct Task<M: Storage> {
    /// `None` once the end was reported.
    slot: Option<SlotRef<M>>,
    mark: M::Mark,
    polling: Polling,
}

/// Whether a poll is under way. Found by the destructor, that means a panic which nobody could catch: without std.
#[derive(Default)]
struct Polling(#[cfg(not(feature = "std"))] bool);

impl Polling {
    #[inline]
    fn set(&mut self, _polling: bool) {
        #[cfg(not(feature = "std"))]
        (self.0 = _polling);
    }

    #[inline]
    fn get(&self) -> bool {
        #[cfg(not(feature = "std"))]
        return self.0;
        #[cfg(feature = "std")]
        false
    }
}

impl<F: Future, M: Storage, X: Terms<F::Output>> Tracked<F, M, X>
where
    F::Output: 'static,
{
    pub(crate) fn new(future: F, slot: SlotRef<M>, terms: X) -> Self {
        let (mark, polling) = (M::Mark::default(), Polling::default());
        let task = Task { slot: Some(slot), mark, polling };
        Self { stage: Stage::Running { future }, terms, task, output: PhantomData }
    }

    /// Takes the future out again, when no executor took it. The place is given up.
    pub(crate) fn into_future(mut self) -> Option<F> {
        let future = match core::mem::replace(&mut self.stage, Stage::Gone) {
            Stage::Running { future } => Some(future),
            _ => None,
        };
        let mut this = pin!(self);
        let this = this.as_mut().project();
        let slot = this.task.slot.take();
        let withdraw = |slot: Option<SlotRef<M>>| {
            if let Some(slot) = slot {
                slot.withdraw();
            }
        };
        guarded(|| this.terms.clear(), || withdraw(slot.clone()));
        withdraw(slot);
        future
    }
}

impl<F: Future, M: Storage, X: Terms<F::Output>> Future for Tracked<F, M, X>
where
    F::Output: 'static,
{
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_to_end(cx).map(drop)
    }
}

impl<F: Future, M: Storage, X: Terms<F::Output>> Tracked<F, M, X>
where
    F::Output: 'static,
{
    /// Polls the task; at its end says what its table has whoever ran it told.
    #[inline]
    pub(crate) fn poll_to_end(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<M::Seen> {
        let mut this = self.project();
        if let StageProj::Running { future } = this.stage.as_mut().project() {
            let polled = match this.task.begin(cx.waker()) {
                Ok(Begin::Wait) => return Poll::Pending,
                Ok(Begin::Stop) => Ok(Poll::Pending),
                Ok(Begin::Run) => match this.task.poll(|| future.poll(cx)) {
                    Ok(Poll::Ready(output)) if this.task.is_plain::<X, _>() => {
                        return this.complete(output, cx);
                    }
                    Ok(Poll::Pending) => match this.task.wait(this.terms.as_mut(), cx) {
                        Ok(Begin::Wait) => return Poll::Pending,
                        Ok(_) => Ok(Poll::Pending),
                        Err(panic) => Err(panic),
                    },
                    polled => polled,
                },
                Ok(Begin::Late) => match this.task.wait(this.terms.as_mut(), cx) {
                    Ok(Begin::Wait) => return Poll::Pending,
                    Ok(_) => Ok(Poll::Pending),
                    Err(panic) => Err(panic),
                },
                Err(panic) => Err(panic),
            };
            return match polled {
                Ok(Poll::Pending) if this.task.is_plain::<X, _>() => this.stop(cx),
                polled => this.finish_with(polled, cx),
            };
        }
        this.clean(cx)
    }
}

impl<F: Future, M: Storage, X: Terms<F::Output>> TrackedProj<'_, F, M, X>
where
    F::Output: 'static,
{
    /// Drops the future, and reports the end of a plain task that returned `Ready`.
    #[cfg_attr(feature = "alloc", inline(always))]
    fn complete(mut self, output: F::Output, cx: &mut Context<'_>) -> Poll<M::Seen> {
        let Some(slot) = self.task.slot.take() else {
            return Poll::Ready(M::Seen::default());
        };
        let stage = self.stage.as_mut();
        if let Err(panic) = catch(|| set_gone(stage)) {
            M::unclaimed(&slot, panic);
        }
        match M::complete(slot, output) {
            Ok(seen) => Poll::Ready(seen),
            Err((slot, output)) => {
                self.task.slot = Some(slot);
                self.finish_with(Ok(Poll::Ready(output)), cx)
            }
        }
    }

    /// Drops the future of a plain task that was asked to stop, and reports its end.
    #[cfg_attr(feature = "alloc", inline)]
    fn stop(mut self, cx: &mut Context<'_>) -> Poll<M::Seen> {
        let Some(slot) = self.task.slot.take() else {
            return Poll::Ready(M::Seen::default());
        };
        let stage = self.stage.as_mut();
        let (polled, slot) = match catch(|| set_gone(stage)) {
            Ok(()) => match M::stopped(slot) {
                Ok(seen) => return Poll::Ready(seen),
                Err(slot) => (Ok(Poll::Pending), slot),
            },
            Err(panic) => (Err(panic), slot),
        };
        self.task.slot = Some(slot);
        self.finish_with(polled, cx)
    }

    /// Drops the future, and goes on to the cleanup, or to the end.
    #[cfg_attr(feature = "alloc", inline)]
    fn finish_with(
        mut self,
        polled: Result<Poll<F::Output>, Panic>,
        cx: &mut Context<'_>,
    ) -> Poll<M::Seen> {
        let Some(mut report) = self.task.report() else {
            return Poll::Ready(M::Seen::default());
        };
        let stage = self.stage.as_mut();
        match polled {
            Ok(Poll::Pending) => report.dropping(|| set_gone(stage)),
            Ok(Poll::Ready(output)) => {
                // First of all, for where a panic of the destructor passes.
                let failed = X::is_failure(&output);
                report.fate = if failed { Fate::Failed } else { Fate::Completed };
                report.run_last(|| set_gone(stage));
                report.words.message = X::failure(&output);
                report.keep(output);
            }
            Err(panic) => {
                report.run_last(|| set_gone(stage));
                report.panicked(panic);
            }
        }
        if !self.terms.has_cleanup() {
            report.clear(|| self.terms.clear());
            return Poll::Ready(report.give());
        }
        let terms = self.terms.as_mut();
        match report.run(|| terms.cleanup(|| report.outcome())) {
            Ok(Some(cleanup)) => {
                let (slot, held) = report.postpone();
                self.task.slot = slot;
                let held = Some(X::hold(&cleanup, held));
                self.stage.set(Stage::Cleaning { cleanup, held });
                self.clean(cx)
            }
            Ok(None) => Poll::Ready(report.give()),
            Err(panic) => {
                report.lose(panic);
                report.words.cleanup = Some(Cleanup::Panicked);
                report.clear(|| self.terms.clear());
                Poll::Ready(report.give())
            }
        }
    }

    /// Polls the cleanup and its deadline.
    fn clean(mut self, cx: &mut Context<'_>) -> Poll<M::Seen> {
        let StageProj::Cleaning { cleanup, .. } = self.stage.as_mut().project() else {
            return Poll::Ready(M::Seen::default());
        };
        let terms = self.terms.as_mut();
        let polled = self.task.poll(|| match cleanup.poll(cx) {
            Poll::Ready(()) => Poll::Ready(Cleanup::Ran),
            Poll::Pending => terms.poll_deadline(cx).map(|()| Cleanup::TimedOut),
        });
        let how = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(how)) => how,
            Err(panic) => {
                if let Some(slot) = &self.task.slot {
                    M::unclaimed(slot, panic);
                }
                Cleanup::Panicked
            }
        };
        if let (Some(mut report), Some(held)) = (self.task.report(), self.stage.as_mut().held()) {
            report.hold(X::held(held));
            report.words.cleanup = Some(how);
            let stage = self.stage.as_mut();
            if let Err(panic) = report.run(|| set_gone(stage)) {
                report.lose(panic);
                report.words.cleanup = Some(Cleanup::Panicked);
            }
            report.clear(|| self.terms.clear());
            return Poll::Ready(report.give());
        }
        Poll::Ready(M::Seen::default())
    }
}

fn set_gone<F, C, H>(mut stage: Pin<&mut Stage<F, C, H>>) {
    stage.set(Stage::Gone);
}

enum Begin {
    /// A predecessor lives.
    Wait,
    Run,
    /// The future is to be dropped without another poll.
    Stop,
    /// So too, and without a first one, unless a shield defers it.
    Late,
}

/// Leaves a clone of the waker in the slot.
#[inline(never)]
fn leave_waker<M: Storage>(
    slot: &SlotRef<M>,
    waker: &Waker,
    mark: &mut M::Mark,
) -> Result<(), Panic> {
    let new = catch(|| waker.clone())?;
    let_go(M::put_waker(slot, mark, new));
    Ok(())
}

impl<M: Storage> Task<M> {
    #[cfg_attr(feature = "alloc", inline)]
    fn flags(&self) -> u32 {
        let flags = self.slot.as_ref().map_or(0, |slot| slot.flags());
        // A planted fault: a wrapper that is blind for requests to stop. Only ever set by the scripts that see the suites of
        // other targets fail by it, `RUSTFLAGS='--cfg task_registry_fault="no_abort"'`.
        if cfg!(task_registry_fault = "no_abort") { flags & !STOP } else { flags }
    }

    #[cfg_attr(feature = "alloc", inline)]
    fn must_stop(&self) -> bool {
        self.flags() & (STOP | SHIELD) == STOP
    }

    /// Whether there is nothing to say of the end but the output, and nothing to be entered; and no panic can pass, so that the
    /// report needs no guard.
    #[cfg_attr(feature = "alloc", inline)]
    fn is_plain<X: sealed::Terms<T>, T>(&self) -> bool {
        let short = X::NONE && M::IN_STEPS && cfg!(feature = "std");
        short && self.slot.as_ref().is_some_and(|slot| !M::is_watched(slot))
    }

    /// Polls what the task consists of.
    #[cfg_attr(feature = "alloc", inline)]
    fn poll<R>(&mut self, foreign: impl FnOnce() -> R) -> Result<R, Panic> {
        let _inside = self.slot.as_ref().map(M::enter);
        self.poll_limit(foreign)
    }

    /// The same, not entered.
    #[cfg_attr(feature = "alloc", inline)]
    fn poll_limit<R>(&mut self, foreign: impl FnOnce() -> R) -> Result<R, Panic> {
        self.polling.set(true);
        let polled = catch(foreign);
        self.polling.set(false);
        polled
    }

    /// Whether the body may be polled: not while a predecessor lives. Marks the first poll.
    #[cfg_attr(feature = "alloc", inline(always))]
    fn begin(&mut self, waker: &Waker) -> Result<Begin, Panic> {
        let flags = self.flags();
        if flags & STARTED != 0 {
            return Ok(if flags & (STOP | SHIELD) == STOP { Begin::Stop } else { Begin::Run });
        }
        let plain = M::IN_STEPS && flags & (HELD | CANCEL) == 0;
        if plain && self.slot.as_ref().is_some_and(M::start) {
            return Ok(Begin::Run);
        }
        self.begin_late(waker)
    }

    /// The same, of a task that waits for a predecessor, or was asked to stop before its first poll.
    #[cfg_attr(feature = "alloc", cold)]
    fn begin_late(&mut self, waker: &Waker) -> Result<Begin, Panic> {
        let flags = self.flags();
        if flags & (HELD | CANCEL) == HELD {
            self.keep_waker(waker)?;
            // Whoever lets the task go on takes the waker out: it has to be put there again by the next poll.
            self.mark = M::Mark::default();
            if self.flags() & (HELD | CANCEL) == HELD {
                return Ok(Begin::Wait);
            }
        }
        Ok(match &self.slot {
            // Asked to stop before its first poll, it never runs, whatever grace it has (law 4).
            Some(slot) if slot.flags() & (STARTED | CANCEL) == 0 && M::start(slot) => Begin::Run,
            _ => {
                if let Some(slot) = &self.slot {
                    slot.cancel(M::Reason::default(), Urgency::Now);
                }
                Begin::Late
            }
        })
    }

    /// After a poll that was pending: leaves the waker, looks at the limits, and says whether to wait or to stop.
    #[cfg_attr(feature = "alloc", inline)]
    fn wait<T>(
        &mut self,
        terms: Pin<&mut impl sealed::Terms<T>>,
        cx: &mut Context<'_>,
    ) -> Result<Begin, Panic> {
        self.keep_waker(cx.waker())?;
        if !self.must_stop() {
            self.poll_limits(terms, cx)?;
        }
        Ok(if self.must_stop() { Begin::Stop } else { Begin::Wait })
    }

    /// Leaves the waker where cancellers find it, unless it is there.
    #[cfg_attr(feature = "alloc", inline)]
    fn keep_waker(&mut self, waker: &Waker) -> Result<(), Panic> {
        let Some(slot) = &self.slot else { return Ok(()) };
        if M::has_waker(slot, &self.mark, waker) {
            return Ok(());
        }
        leave_waker(slot, waker, &mut self.mark)
    }

    /// Asks the task to stop if its timeout is over, and to stop now if its grace is.
    fn poll_limits<T>(
        &mut self,
        mut terms: Pin<&mut impl sealed::Terms<T>>,
        cx: &mut Context<'_>,
    ) -> Result<(), Panic> {
        if self.poll_limit(|| terms.as_mut().poll_timeout(cx))?.is_ready() {
            if let Some(slot) = &self.slot {
                slot.cancel(M::timed_out(), Urgency::Own);
            }
        }
        if self.flags() & GRACING != 0 && self.poll_limit(|| terms.poll_grace(cx))?.is_ready() {
            if let Some(slot) = &self.slot {
                slot.cancel(M::Reason::default(), Urgency::Now);
            }
        }
        Ok(())
    }

    /// The duty to report the end. Given once.
    #[cfg_attr(feature = "alloc", inline)]
    fn report(&mut self) -> Option<Report<M>> {
        let fate = if self.polling.get() { Fate::Panicked } else { Fate::Dropped };
        let slot = self.slot.take()?;
        Some(Report { slot: Some(slot), fate, output: None, words: Words::default() })
    }
}

impl<F: Future, M: Storage, X: Terms<F::Output>> fmt::Debug for Tracked<F, M, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracked").field("task", &self.task.slot).finish_non_exhaustive()
    }
}
