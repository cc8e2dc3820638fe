//! What a fixed table does at the steps of a task's life: see [`Store`].

use core::num::NonZeroU8;
use core::task::Waker;

use super::StaticOutcome;
use super::table::{Before, Home, Table};
use crate::mode::{Fixed, Locking, Store, Vocabulary, Word};
use crate::slot::{
    Body, CANCEL, CHAINED, ENDED, ENDING, End, GONE, Legacy, Mark, SATURATED, STARTED, Slot,
    SlotRef, UNLISTED, Urgency, Words,
};
use crate::unwind::{Panic, discard, guarded, in_turn, wake};
use crate::wait::{Linked, pop_first};
use crate::{Never, TaskId, Text};

impl<L: Locking> Vocabulary for Fixed<L> {
    type Outcome = StaticOutcome;
    type Reason = Option<NonZeroU8>;
}

impl<L: Locking> Store for Fixed<L> {
    const IN_STEPS: bool = false;

    type Home = Home<L>;
    type Back = ();
    type How = Option<End>;
    type Waker = Option<Waker>;
    type More = Before;
    type Why = u8;
    type Table = &'static Table<L, [Slot<Self>]>;
    type Output = Never;
    type Mark = Mark;
    type Inside = ();
    type Asked = ();
    type Left = ();
    type Seen = Option<StaticOutcome>;

    fn id(task: &SlotRef<Self>) -> TaskId {
        SlotRef::id(task)
    }

    fn name(task: &SlotRef<Self>) -> Option<&str> {
        Slot::name(task)
    }

    fn is_closed(task: &SlotRef<Self>) -> bool {
        task.table().is_closed()
    }

    #[inline(never)]
    fn release(task: &mut SlotRef<Self>) {
        if task.refs.load() < SATURATED {
            // From here on the slot may be used anew.
            task.refs.sub(1);
        }
    }

    fn is_watched(_: &SlotRef<Self>) -> bool {
        false
    }

    fn stop(task: &SlotRef<Self>) {
        task.cancel(None, Urgency::Own);
    }

    fn ask(_: &Slot<Self>, body: &mut Body<Self>, code: Option<NonZeroU8>, _: bool) {
        body.why = code.map_or(0, NonZeroU8::get);
    }

    fn asked(_: &SlotRef<Self>, (): ()) {}

    fn timed_out() -> Option<NonZeroU8> {
        None
    }

    fn start(task: &SlotRef<Self>) -> bool {
        task.set(STARTED) & CANCEL == 0
    }

    fn has_waker(task: &SlotRef<Self>, own: &Mark, waker: &Waker) -> bool {
        // While it is stopping others take the waker out again and again.
        task.flags() & CANCEL == 0 && *own == Mark::of(waker)
    }

    fn put_waker(task: &SlotRef<Self>, own: &mut Mark, waker: Waker) -> Option<Waker> {
        // Before the old one is dropped, whose panic may pass.
        *own = Mark::of(&waker);
        task.with(|body| body.waker.replace(waker))
    }

    fn take_waker(_: &Slot<Self>, body: &mut Body<Self>) -> Option<Waker> {
        body.waker.take()
    }

    fn awaited(_: &SlotRef<Self>) {}

    fn enter(_: &SlotRef<Self>) {}

    fn unclaimed(_: &SlotRef<Self>, panic: Panic) {
        discard(panic);
    }

    fn reason(_: &SlotRef<Self>) -> Option<Text> {
        None
    }

    fn keep<T: 'static>(_: &SlotRef<Self>, output: T) -> Result<Never, T> {
        Err(output)
    }

    fn last(_: &SlotRef<Self>, _: &mut Option<Never>, words: &mut Words) {
        if let Some(panic) = words.panic.take() {
            discard(panic);
        }
    }

    fn complete<T: 'static>(
        task: SlotRef<Self>,
        output: T,
    ) -> Result<Option<StaticOutcome>, (SlotRef<Self>, T)> {
        Err((task, output))
    }

    fn stopped(task: SlotRef<Self>) -> Result<Option<StaticOutcome>, SlotRef<Self>> {
        Err(task)
    }

    fn decide(task: &Slot<Self>, body: &mut Body<Self>, end: End) -> u32 {
        body.how = Some(end);
        task.flags()
    }

    fn is_ending(_: &Body<Self>) -> bool {
        false
    }

    fn bequeath(_: &SlotRef<Self>, _: &mut Body<Self>, _: End, _: &mut Option<Never>) -> Legacy {
        Legacy::Settled
    }

    fn tell(_: &SlotRef<Self>) {}

    fn book(task: &SlotRef<Self>, _: &mut Body<Self>, _: u32, end: End, (): &mut ()) {
        task.home.set_order(task.table().ended.add(1));
        let kept = end != End::NeverStarted;
        task.set(ENDING | if kept { ENDED } else { ENDED | GONE | UNLISTED });
    }

    fn settle(task: &SlotRef<Self>, flags: u32, (): ()) {
        if flags & CHAINED != 0 {
            task.table().pass_on(task);
        }
    }

    fn wake(task: SlotRef<Self>, awaited: bool) {
        let table = task.table();
        in_turn! {
            wake_those(task, awaited, None);
            if table.idle.awaited() && table.is_idle() {
                table.idle.wake_all(None);
            };
        }
    }

    fn seen(task: &SlotRef<Self>, body: &Body<Self>) -> Option<StaticOutcome> {
        Self::outcome(task, body)
    }

    fn end(_: &Slot<Self>, body: &Body<Self>) -> Option<End> {
        body.how
    }

    fn outcome(_: &Slot<Self>, body: &Body<Self>) -> Option<StaticOutcome> {
        Some(outcome(body.how?, body.why))
    }

    fn is_plain(body: &Body<Self>) -> bool {
        body.why == 0
    }

    #[inline]
    fn plain_end(_: &Slot<Self>, _: &Linked<'_>) -> Option<End> {
        None
    }

    fn plain(end: End) -> StaticOutcome {
        outcome(end, 0)
    }
}

fn outcome(end: End, why: u8) -> StaticOutcome {
    match end {
        End::Completed | End::Failed => StaticOutcome::Completed,
        End::Cancelled => StaticOutcome::Cancelled { code: NonZeroU8::new(why) },
        End::Panicked => StaticOutcome::Panicked,
        End::Abandoned => StaticOutcome::Abandoned,
        End::NeverStarted => StaticOutcome::NeverStarted,
    }
}

/// Who is woken may want the slot: the last of them, mostly the only one, finds it without a reference.
fn wake_those<L: Locking>(task: SlotRef<Fixed<L>>, awaited: bool, mut last: Option<Waker>) {
    while let Some(waker) = if awaited { pop_first(&task) } else { None } {
        let next = last.replace(waker);
        guarded(|| wake(next), || wake_those(task.clone(), awaited, last.take()));
    }
    drop(task);
    wake(last);
}
