use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::ptr;
use core::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use crate::mode::Mode;
use crate::slot::{CANCEL, HELD, Payload, STARTED};
use crate::table::{Fate, SlotRef};
use crate::unwind::{Panic, catch, contain};

pin_project! {
    /// A future under the registry's eyes: what is really put on the executor.
    ///
    /// It polls the future it wraps, drops it when the task was asked to stop, and reports how it ended, after the
    /// future has been dropped (law 2). Its own output is `()`: the output of the future goes to the
    /// [`TaskHandle`](crate::TaskHandle). When an executor drops it unfinished, it reports that (law 11).
    ///
    /// Polling one that is pending costs, beyond polling the future itself, two loads and a comparison; no lock is
    /// taken unless the waker changed. Adds three words to the size of the future.
    #[must_use = "a tracked future must be polled, or its task stays queued"]
    pub struct Tracked<F: Future, M: Mode> {
        #[pin]
        future: Option<F>,
        task: Task<M>,
        output: PhantomData<F::Output>,
    }

    impl<F: Future, M: Mode> PinnedDrop for Tracked<F, M> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(report) = this.task.report() {
                report.after(|| set_none(this.future));
            }
        }
    }
}

/// The part of a wrapper that does not depend on the future.
struct Task<M: Mode> {
    /// `None` once the end was reported.
    slot: Option<SlotRef<M>>,
    seen: Seen,
    /// Whether a poll is under way. Found by the destructor, that means a panic which nobody could catch.
    polling: bool,
}

/// Which waker the slot holds, so that it is replaced only when it changed.
///
/// As long as the slot holds the waker its data is not freed, so the same pair is the same waker. A canceller that
/// takes it out has set `CANCEL` before, so the pair is not looked at again.
#[derive(PartialEq)]
struct Seen(Option<(usize, usize)>);

impl Seen {
    /// The waker's data and functions, as addresses that are only ever compared.
    fn of(waker: &Waker) -> Self {
        Seen(Some((waker.data().addr(), ptr::from_ref(waker.vtable()).addr())))
    }
}

impl<F: Future, M: Mode> Tracked<F, M>
where
    F::Output: 'static,
{
    pub(crate) fn new(future: F, slot: SlotRef<M>) -> Self {
        let task = Task { slot: Some(slot), seen: Seen(None), polling: false };
        Self { future: Some(future), task, output: PhantomData }
    }

    /// Takes the future out again, when no executor took it. The place is given up.
    pub(crate) fn into_future(mut self) -> Option<F> {
        if let Some(slot) = self.task.slot.take() {
            slot.withdraw();
        }
        self.future.take()
    }
}

impl<F: Future, M: Mode> Future for Tracked<F, M>
where
    F::Output: 'static,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        if this.task.admit(cx.waker()).is_pending() {
            return Poll::Pending;
        }
        let polled = if this.task.is_cancelled() {
            Ok(Poll::Pending)
        } else {
            this.task.polling = true;
            let polled = catch(|| future.poll(cx));
            this.task.polling = false;
            polled
        };
        match polled {
            Ok(Poll::Pending) => {
                this.task.keep_waker(cx.waker());
                if !this.task.is_cancelled() {
                    return Poll::Pending;
                }
                if let Some(report) = this.task.report() {
                    report.after(|| set_none(this.future));
                }
            }
            Ok(Poll::Ready(output)) => {
                if let Some(report) = this.task.report() {
                    report.with_output(output, || set_none(this.future));
                }
            }
            Err(panic) => {
                if let Some(report) = this.task.report() {
                    report.with_panic(panic, || set_none(this.future));
                }
            }
        }
        Poll::Ready(())
    }
}

fn set_none<F>(mut future: Pin<&mut Option<F>>) {
    future.set(None);
}

impl<M: Mode> Task<M> {
    fn is_cancelled(&self) -> bool {
        self.slot.as_ref().is_some_and(|slot| slot.flags() & CANCEL != 0)
    }

    /// Whether the body may be polled: not while a predecessor lives. Marks the first poll.
    fn admit(&mut self, waker: &Waker) -> Poll<()> {
        let Some(slot) = &self.slot else { return Poll::Ready(()) };
        let flags = slot.flags();
        if flags & (STARTED | HELD | CANCEL) == STARTED || flags & CANCEL != 0 {
            return Poll::Ready(());
        }
        if flags & HELD != 0 {
            self.keep_waker(waker);
            // Whoever lets the task go on takes the waker out: it has to be put there again by the next poll.
            self.seen = Seen(None);
            if self.slot.as_ref().is_some_and(|slot| slot.flags() & (HELD | CANCEL) == HELD) {
                return Poll::Pending;
            }
        }
        if let Some(slot) = &self.slot {
            // If it was cancelled meanwhile, the caller sees that.
            slot.start();
        }
        Poll::Ready(())
    }

    /// Leaves the waker where cancellers find it, unless it is there.
    fn keep_waker(&mut self, waker: &Waker) {
        let Some(slot) = &self.slot else { return };
        if self.seen == Seen::of(waker) || slot.flags() & CANCEL != 0 {
            return;
        }
        let new = waker.clone();
        self.seen = Seen::of(&new);
        let old = slot.with(|body| body.waker.replace(new));
        contain(|| drop(old));
    }

    /// The duty to report the end. Given once.
    fn report(&mut self) -> Option<Report<M>> {
        let fate = if self.polling { Fate::Panicked(None) } else { Fate::Dropped };
        Some(Report { slot: self.slot.take()?, fate, output: None })
    }
}

/// Reports the end when it is dropped, so that a destructor's panic which nobody catches is reported as well.
struct Report<M: Mode> {
    slot: SlotRef<M>,
    fate: Fate,
    output: Option<Payload>,
}

impl<M: Mode> Report<M> {
    /// The future is dropped unfinished.
    fn after(mut self, drop_future: impl FnOnce()) {
        let fate = core::mem::replace(&mut self.fate, Fate::Panicked(None));
        self.fate = match catch(drop_future) {
            Ok(()) => fate,
            Err(panic) => Fate::Panicked(Some(panic)),
        };
    }

    /// The future returned `Ready`: what its destructor does now changes nothing about that (law 3).
    fn with_output<T: 'static>(mut self, output: T, drop_future: impl FnOnce()) {
        self.fate = Fate::Completed;
        contain(drop_future);
        if self.slot.output_is_wanted() {
            self.output = Some(Payload::new(output));
        } else {
            contain(|| drop(output));
        }
    }

    /// The future panicked; a second panic, of its destructor, is not told.
    fn with_panic(mut self, panic: Panic, drop_future: impl FnOnce()) {
        self.fate = Fate::Panicked(Some(panic));
        contain(drop_future);
    }
}

impl<M: Mode> Drop for Report<M> {
    fn drop(&mut self) {
        let fate = core::mem::replace(&mut self.fate, Fate::Dropped);
        self.slot.end(fate, self.output.take());
    }
}

impl<F: Future, M: Mode> fmt::Debug for Tracked<F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracked").field("task", &self.task.slot).finish_non_exhaustive()
    }
}
