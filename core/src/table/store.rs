//! What a growing table does at the steps of a task's life: see [`Store`].

use alloc::vec::Vec;
use core::task::Waker;

use super::end::Left;
use super::extras::{Back, Home, More};
use super::payload::Payload;
use super::{STOPPING, news, reference};
use crate::mode::{Mode, Parts, Store, Vocabulary, Word as _};
use crate::slot::{Body, ENDED, ENDING, End, HANDLE, KEEP, Legacy, PLAIN, Slot, SlotRef, Words};
use crate::unwind::{Panic, contain, each, in_turn};
use crate::wait::{Linked, wake_all};
use crate::{Outcome, TaskId, Text};

/// What a first request to stop leaves to be done.
#[derive(Default)]
pub(crate) struct Asked {
    hooks: Vec<Waker>,
    /// Whether an observer is to be told.
    news: bool,
}

impl<M: Parts> Vocabulary for M {
    type Outcome = Outcome;
    type Reason = Option<Text>;
}

impl<M: Parts> Store for M {
    const IN_STEPS: bool = true;

    type Home = Home<M>;
    type Back = Back;
    type How = ();
    type Waker = ();
    type More = More<M>;
    type Why = ();
    type Table = ();
    type Output = Payload;
    type Mark = ();
    type Inside = Option<news::Inside>;
    type Asked = Asked;
    type Left = Left<M>;
    type Seen = ();

    fn id(task: &SlotRef<M>) -> TaskId {
        Slot::id(task)
    }

    fn name(task: &SlotRef<M>) -> Option<&str> {
        let name = task.text();
        (!name.is_empty()).then(|| name.as_str())
    }

    fn is_closed(task: &SlotRef<M>) -> bool {
        task.core().is_closed()
    }

    #[inline]
    fn release(task: &mut SlotRef<M>) {
        reference::release(task);
    }

    #[inline]
    fn is_watched(task: &SlotRef<M>) -> bool {
        task.core().notes
    }

    #[inline]
    fn stop(task: &SlotRef<M>) {
        task.stop();
    }

    #[inline]
    fn ask(task: &Slot<M>, body: &mut Body<M>, reason: Option<Text>, was_queued: bool) -> Asked {
        if reason.is_some() {
            task.extras(body).reason = reason;
        }
        // Under the lock of the body, as the end is: so the one is counted before the other.
        let tally = &task.shard().tally;
        if was_queued {
            tally.unqueued.add(1);
        }
        tally.stopped.add(1);
        let Some(extras) = body.some_extras() else { return Asked::default() };
        let hooks = core::mem::take(&mut extras.hooks);
        let news = body.news().map(|news| news.note(STOPPING)).is_some();
        Asked { hooks, news }
    }

    #[inline]
    fn asked(task: &SlotRef<M>, asked: Asked) {
        in_turn! {
            each(asked.hooks, |hook| contain(|| hook.wake()));
            if asked.news {
                task.tell();
            };
        }
    }

    fn timed_out() -> Option<Text> {
        Some("timed out".into())
    }

    #[inline]
    fn start(task: &SlotRef<M>) -> bool {
        if task.core().notes {
            return start_noted(task);
        }
        let started = task.set_started();
        if started {
            task.shard().tally.unqueued.add(1);
        }
        started
    }

    #[inline]
    fn has_waker(task: &SlotRef<M>, (): &(), waker: &Waker) -> bool {
        task.has_waker(waker)
    }

    #[inline]
    fn put_waker(task: &SlotRef<M>, (): &mut (), waker: Waker) -> Option<Waker> {
        task.with(|body| task.put_waker(body, waker))
    }

    #[inline]
    fn take_waker(task: &Slot<M>, body: &mut Body<M>) -> Option<Waker> {
        task.take_waker(body)
    }

    #[inline]
    fn awaited(task: &SlotRef<M>) {
        task.needs_more();
    }

    #[inline]
    fn enter(task: &SlotRef<M>) -> Option<news::Inside> {
        task.enter()
    }

    #[inline]
    fn unclaimed(task: &SlotRef<M>, panic: Panic) {
        task.unclaimed(panic);
    }

    fn reason(task: &SlotRef<M>) -> Option<Text> {
        task.with(|body| body.reason())
    }

    #[inline]
    fn keep<T: 'static>(task: &SlotRef<M>, output: T) -> Result<Payload, T> {
        let wanted = task.flags() & (HANDLE | KEEP) != 0;
        if wanted { Ok(Payload::new(output)) } else { Err(output) }
    }

    #[inline]
    fn last(task: &SlotRef<M>, output: &mut Option<Payload>, words: &mut Words) {
        task.last(output, words);
    }

    #[inline]
    fn complete<T: 'static>(task: SlotRef<M>, output: T) -> Result<(), (SlotRef<M>, T)> {
        task.complete(output)
    }

    #[inline]
    fn stopped(task: SlotRef<M>) -> Result<(), SlotRef<M>> {
        task.stopped()
    }

    #[inline]
    fn decide(task: &Slot<M>, _: &mut Body<M>, end: End) -> u32 {
        task.set_alone(ENDING | end.bits())
    }

    #[inline]
    fn is_ending(body: &Body<M>) -> bool {
        body.is_ending()
    }

    #[inline]
    fn bequeath(
        task: &SlotRef<M>,
        body: &mut Body<M>,
        end: End,
        output: &mut Option<Payload>,
    ) -> Legacy {
        task.bequeath(body, end, output)
    }

    #[inline]
    fn tell(task: &SlotRef<M>) {
        task.tell();
    }

    #[inline]
    fn book(task: &SlotRef<M>, body: &mut Body<M>, flags: u32, end: End, left: &mut Left<M>) {
        task.book(body, flags, end, left);
    }

    #[inline]
    fn settle(task: &SlotRef<M>, flags: u32, left: Left<M>) {
        task.settle(flags, left);
    }

    #[inline]
    fn wake(task: SlotRef<M>, awaited: bool) {
        in_turn! {
            if awaited {
                wake_all(&task, None);
            };
            task.core().tell_of_end();
        }
    }

    #[inline]
    fn seen(_: &SlotRef<M>, _: &Body<M>) {}

    #[inline]
    fn end(task: &Slot<M>, _: &Body<M>) -> Option<End> {
        End::of(task.flags())
    }

    #[inline]
    fn outcome(task: &Slot<M>, body: &Body<M>) -> Option<Outcome> {
        task.outcome(body)
    }

    #[inline]
    fn is_plain(body: &Body<M>) -> bool {
        body.has_no_extras()
    }

    #[inline]
    fn plain_end(task: &Slot<M>, node: &Linked<'_>) -> Option<End> {
        let flags = task.flags();
        let plain = flags & (ENDED | PLAIN) == ENDED | PLAIN && !node.is_linked();
        if plain { End::of(flags) } else { None }
    }

    #[inline]
    fn plain(end: End) -> Outcome {
        end.outcome(|| None, || None)
    }
}

/// `start`, where there is a clock, an observer or an order.
#[cold]
fn start_noted<M: Mode>(task: &SlotRef<M>) -> bool {
    let now = task.core().now();
    // As requests are, under the lock: so the one is noted before the other, and when it started with that it did.
    let (started, observed) = task.with(|body| {
        let started = task.set_started();
        let Some(extras) = body.some_extras().filter(|_| started) else { return (started, false) };
        if let (Some(now), Some(times)) = (now, extras.times.as_mut()) {
            times.start(now);
        }
        let news = body.news().map(|news| news.note(news::STARTED));
        (true, news.is_some())
    });
    if started {
        task.shard().tally.unqueued.add(1);
    }
    if observed {
        task.tell();
    }
    started
}
