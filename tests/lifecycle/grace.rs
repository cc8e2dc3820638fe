//! Two-phase cancel: the token fires at once, the future goes when the grace ends or the task does.

use std::future::{pending, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use task_registry::{Cancel, Outcome, SpawnError, State, conflict};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn a_grace_fires_the_token_at_once_and_drops_the_future_at_its_end<H: Lives>(
    tasks: Reg<H>,
) {
    let a = patient(&tasks, "a").await;
    let over = Gate::default();
    let mut end =
        pin!(tasks.cancel_with("a", Cancel::new().reason("bye").grace(over.pass())).unwrap());
    assert_eq!(a.task.state(), State::Stopping);
    // The token needs nobody who awaits the cancel.
    a.heard.pass().await;
    assert_pending(poll_once(&mut end));
    assert!(!a.dropped.is_set() && !a.task.is_ended());
    over.open();
    assert_eq!(end.await.reason(), Some("bye"));
    assert!(a.dropped.is_set());
    assert_eq!(a.task.await.unwrap_err().reason(), Some("bye"));
}

pub(crate) async fn a_task_that_ends_within_its_grace_has_completed<H: Lives>(tasks: Reg<H>) {
    let a = patient(&tasks, "a").await;
    let let_go = Flag::default();
    let grace = noted(&let_go);
    let mut end = pin!(tasks.cancel_with("a", Cancel::new().reason("bye").grace(grace)).unwrap());
    assert_pending(poll_once(&mut end));
    a.heard.pass().await;
    a.finish.open();
    assert_eq!(end.as_mut().await, Outcome::Completed);
    assert!(let_go.is_set(), "the grace goes with the task, not with its canceller");
    assert_eq!(a.task.await.unwrap(), 7);
}

async fn noted(let_go: &Flag) {
    let _guard = let_go.on_drop();
    pending::<()>().await;
}

pub(crate) async fn a_grace_that_is_ready_at_once_is_none<H: Lives>(tasks: Reg<H>) {
    let held = hold(&tasks, "a").await;
    let end = tasks.cancel_with("a", Cancel::new().reason("now").grace(ready(()))).unwrap();
    assert_eq!(end.await.reason(), Some("now"));
    assert!(held.dropped.is_set());

    // Between the request and the stop the body is not polled once more.
    let hand = in_hand(&tasks);
    let polls = Count::default();
    let count = polls.clone();
    let task = hand.spawn(
        "b",
        std::future::poll_fn(move |_| {
            count.add();
            std::task::Poll::<()>::Pending
        }),
    );
    let (task, mut wrapper) = (task.unwrap(), take(&hand));
    assert!(!step(&mut wrapper));
    let mut end = pin!(task.cancel_with(Cancel::new().grace(ready(()))));
    assert_pending(poll_once(&mut end));
    assert!(step(&mut wrapper));
    assert_eq!(polls.get(), 1);
    assert!(assert_ready(poll_once(&mut end)).is_cancelled());
}

pub(crate) async fn a_canceller_dropped_in_the_middle_of_a_grace_ends_it<H: Lives>(tasks: Reg<H>) {
    let a = patient(&tasks, "a").await;
    {
        let grace = Cancel::new().reason("bye").grace(pending::<()>());
        let mut end = pin!(tasks.cancel_with("a", grace).unwrap());
        a.heard.pass().await;
        assert_pending(poll_once(&mut end));
        assert!(!a.dropped.is_set());
    }
    assert_eq!(a.task.wait().await.reason(), Some("bye"));
    assert!(a.dropped.is_set());

    // One that was never polled.
    let b = patient(&tasks, "b").await;
    drop(tasks.cancel_with("b", Cancel::new().grace(pending::<()>())));
    assert!(b.task.wait().await.is_cancelled());

    // A canceller that is a task, and is cancelled itself.
    let c = patient(&tasks, "c").await;
    let inner = tasks.tasks().clone();
    let canceller = tasks.spawn(
        "canceller",
        body(async move {
            inner
                .cancel_with("c", Cancel::new().reason("by it").grace(pending::<()>()))
                .unwrap()
                .await;
        }),
    );
    c.heard.pass().await;
    assert!(canceller.unwrap().cancel().await.is_cancelled());
    assert_eq!(c.task.await.unwrap_err().reason(), Some("by it"));
}

pub(crate) async fn of_two_graces_the_one_that_ends_first_counts<H: Lives>(tasks: Reg<H>) {
    for dropped in [false, true] {
        let a = patient(&tasks, "a").await;
        let (long, short) = (Gate::default(), Gate::default());
        let cancel = |reason, gate: &Gate| {
            Box::pin(a.task.cancel_with(Cancel::new().reason(reason).grace(gate.pass())))
        };
        let (mut first, mut second) = (cancel("first", &long), cancel("second", &short));
        assert_pending(poll_once(&mut first.as_mut()));
        assert_pending(poll_once(&mut second.as_mut()));
        a.heard.pass().await;
        assert!(!a.dropped.is_set());
        if dropped {
            drop(second);
        } else {
            short.open();
            assert_eq!(second.await.reason(), Some("first"));
        }
        assert_eq!(first.await.reason(), Some("first"));
        assert!(a.dropped.is_set());
    }
}

pub(crate) async fn a_plain_cancel_starts_the_tasks_own_grace<H: Lives>(tasks: Reg<H>) {
    let (over, made) = (Gate::default(), Count::default());
    let a = patient_with(
        &tasks,
        "a",
        make({
            let (over, made) = (over.clone(), made.clone());
            move || {
                made.add();
                over.pass()
            }
        }),
    )
    .await;
    assert_eq!(made.get(), 0, "made when it begins");
    // Nobody awaits the cancel: the task's own wrapper polls the grace.
    drop(tasks.cancel_with("a", "bye"));
    assert_eq!(a.task.state(), State::Stopping);
    a.heard.pass().await;
    // Asking again neither cuts the grace nor begins another.
    drop(tasks.cancel("a"));
    drop(a.task.drop_guard());
    drop(tasks.cancel_all());
    yield_now().await;
    assert!(!a.dropped.is_set());
    over.open();
    assert_eq!(a.task.wait().await.reason(), Some("bye"));
    assert!(a.dropped.is_set());
    assert_eq!(made.get(), 1);

    // And one that ends within it.
    let b = patient_with(&tasks, "b", never()).await;
    let end = tasks.cancel("b").unwrap();
    b.heard.pass().await;
    b.finish.open();
    assert_eq!(end.await, Outcome::Completed);
    assert_eq!(b.task.await.unwrap(), 7);
}

pub(crate) async fn an_own_grace_wakes_a_task_that_sleeps<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let (over, dropped) = (Gate::default(), Flag::default());
    let gate = over.clone();
    let graced = hand.task("a").grace(move || gate.pass());
    let task = graced.spawn(noted_pending(dropped.on_drop())).unwrap();
    let mut wrapper = take(&hand);
    let (waker, wakes) = counting_waker();
    let mut poll = || poll_with(&mut Pin::new(&mut wrapper), &waker);
    assert_pending(poll());
    drop(task.cancel());
    assert_eq!(wakes.get(), 1, "to begin the grace");
    assert_pending(poll());
    assert!(!dropped.is_set());
    over.open();
    assert_eq!(wakes.get(), 2, "because it is over");
    assert_ready(poll());
    assert!(dropped.is_set());

    // On the executor, which alone wakes it.
    let (started, over) = (Gate::default(), Gate::default());
    let open = started.clone();
    let sleeps = body(async move {
        open.open();
        pending::<()>().await;
    });
    let task = tasks.task("b").grace(until(&over)).spawn(sleeps).unwrap();
    started.pass().await;
    drop(task.cancel_with("bye"));
    over.open();
    assert_eq!(task.wait().await.reason(), Some("bye"));
}

pub(crate) async fn an_own_grace_that_is_ready_at_once_is_none<H: Lives>(tasks: Reg<H>) {
    let a = patient_with(&tasks, "a", make(|| ready(()))).await;
    assert_eq!(tasks.cancel_with("a", "bye").unwrap().await.reason(), Some("bye"));
    assert!(a.dropped.is_set());
}

pub(crate) async fn a_cancellers_grace_goes_before_the_tasks_own<H: Lives>(tasks: Reg<H>) {
    // The task's own would be over at once.
    let made = Flag::default();
    let own = {
        let made = made.clone();
        make(move || {
            made.set();
            ready(())
        })
    };
    let a = patient_with(&tasks, "a", own).await;
    let over = Gate::default();
    let mut end = pin!(tasks.cancel_with("a", Cancel::new().grace(over.pass())).unwrap());
    a.heard.pass().await;
    assert_pending(poll_once(&mut end));
    assert!(!a.dropped.is_set());
    over.open();
    assert!(end.await.is_cancelled());
    assert!(!made.is_set());
}

pub(crate) async fn a_plain_cancel_during_a_cancellers_grace_leaves_the_task_its_own<H: Lives>(
    tasks: Reg<H>,
) {
    let own = Gate::default();
    let a = patient_with(&tasks, "a", until(&own)).await;
    let mut slow = pin!(a.task.cancel_with(Cancel::new().grace(pending::<()>())));
    assert_pending(poll_once(&mut slow));
    drop(a.task.cancel());
    a.heard.pass().await;
    assert!(!a.dropped.is_set());
    own.open();
    assert!(slow.await.is_cancelled());

    // A task without one is stopped by the plain request.
    let b = patient(&tasks, "b").await;
    let mut slow = pin!(b.task.cancel_with(Cancel::new().grace(pending::<()>())));
    assert_pending(poll_once(&mut slow));
    drop(b.task.cancel());
    assert!(slow.await.is_cancelled());
}

pub(crate) async fn now_cuts_both_graces<H: Lives>(tasks: Reg<H>) {
    let a = patient_with(&tasks, "a", never()).await;
    let graceful = Cancel::new().reason("gently").grace(pending::<()>());
    let mut gently = pin!(a.task.cancel_with(graceful));
    assert_pending(poll_once(&mut gently));
    drop(a.task.cancel());
    a.heard.pass().await;
    assert!(!a.dropped.is_set());
    let end = a.task.cancel_with(Cancel::new().reason("now").now()).await;
    assert_eq!(end.reason(), Some("gently"), "the first reason");
    assert_eq!(gently.await, end);
    assert!(a.dropped.is_set());

    // As the first request.
    let b = patient_with(&tasks, "b", never()).await;
    assert!(b.task.cancel_with(Cancel::new().now()).await.is_cancelled());
    assert!(b.dropped.is_set());
}

pub(crate) async fn a_task_that_ignores_its_token_goes_when_its_grace_does<H: Lives>(
    tasks: Reg<H>,
) {
    let started = Gate::default();
    let inner = started.clone();
    let busy = tasks.spawn(
        "busy",
        body(async move {
            loop {
                inner.open();
                yield_now().await;
            }
        }),
    );
    let busy: task_registry::TaskHandle<(), _> = busy.unwrap();
    started.pass().await;
    let over = Gate::default();
    let mut end = pin!(busy.cancel_with(Cancel::new().grace(over.pass())));
    assert_pending(poll_once(&mut end));
    yield_now().await;
    assert_eq!(busy.state(), State::Stopping);
    over.open();
    assert!(end.await.is_cancelled());

    let deaf = hold(&tasks, "deaf").await;
    let mut end = pin!(deaf.task.cancel_with(Cancel::new().grace(pending::<()>())));
    assert_pending(poll_once(&mut end));
    assert!(!deaf.dropped.is_set());
    drop(deaf.task.cancel_with(Cancel::new().now()));
    assert!(end.await.is_cancelled());
    assert!(deaf.dropped.is_set());
}

pub(crate) async fn a_task_cancelled_with_a_grace_before_its_first_poll_never_runs<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let ran = Flag::default();
    let run = || {
        let ran = ran.clone();
        async move { ran.set() }
    };
    let task = hand.spawn("a", run()).unwrap();
    let mut end = pin!(task.cancel_with(Cancel::new().reason("early").grace(pending::<()>())));
    assert_pending(poll_once(&mut end));
    assert!(step(&mut take(&hand)), "it waits for no grace");
    assert_eq!(assert_ready(poll_once(&mut end)).reason(), Some("early"));

    let task = hand.task("b").grace(pending::<()>).spawn(run()).unwrap();
    drop(task.cancel());
    assert!(step(&mut take(&hand)));
    assert!(task.outcome().unwrap().is_cancelled());
    assert!(!ran.is_set());

    // A place that no future was given to.
    let ticket = tasks.reserve("c").unwrap();
    let mut end = pin!(tasks.cancel_with("c", Cancel::new().grace(pending::<()>())).unwrap());
    assert!(assert_ready(poll_once(&mut end)).is_cancelled());
    assert_eq!(ticket.track(run()).unwrap_err().kind, SpawnError::Cancelled);
    assert!(!ran.is_set());
}

pub(crate) async fn a_replaced_task_has_its_grace_and_the_newcomer_waits_for_it<H: Lives>(
    tasks: Reg<H>,
) {
    let over = Gate::default();
    let old = patient_with(&tasks, "a", until(&over)).await;
    let new = tasks.task("a").on_conflict(conflict::Replace).spawn(body(async { 8u32 })).unwrap();
    old.heard.pass().await;
    yield_now().await;
    assert_eq!((old.task.state(), new.state()), (State::Stopping, State::Queued));
    over.open();
    assert_eq!(new.await.unwrap(), 8);
    assert_eq!(old.task.await.unwrap_err().reason(), Some("replaced"));

    // The canceller's grace is the canceller's: replacing asks on top of it, and such a task has no other.
    let old = patient(&tasks, "b").await;
    let mut end = pin!(old.task.cancel_with(Cancel::new().reason("mine").grace(pending::<()>())));
    assert_pending(poll_once(&mut end));
    let new = tasks.task("b").on_conflict(conflict::Replace).spawn(body(async { 9u32 })).unwrap();
    assert_eq!(new.await.unwrap(), 9);
    assert_eq!(end.await.reason(), Some("mine"));

    // A newcomer that is cancelled with a grace while it is queued never runs, and lets nobody wait for the grace.
    let over = Gate::default();
    let old = patient_with(&tasks, "c", until(&over)).await;
    let ran = Flag::default();
    let inner = ran.clone();
    let queued = body(async move { inner.set() });
    let new = tasks.task("c").on_conflict(conflict::Replace).spawn(queued).unwrap();
    assert!(new.cancel_with(Cancel::new().grace(pending::<()>())).await.is_cancelled());
    over.open();
    assert!(old.task.await.unwrap_err().is_cancelled());
    assert!(!ran.is_set());
}

pub(crate) async fn a_shutdown_grants_tasks_their_own_grace<H: Lives>(tasks: Reg<H>) {
    let (short, long) = (Gate::default(), Gate::default());
    let ends = patient_with(&tasks, "ends within it", never()).await;
    let goes = patient_with(&tasks, "goes after it", until(&short)).await;
    let stays = patient_with(&tasks, "stays", until(&long)).await;
    let deadline = Gate::default();
    let mut shutdown = pin!(tasks.shutdown(deadline.pass()));
    for task in [&ends, &goes, &stays] {
        task.heard.pass().await;
    }
    assert_pending(poll_once(&mut shutdown));
    ends.finish.open();
    short.open();
    assert_eq!(ends.task.await.unwrap(), 7);
    assert_eq!(goes.task.await.unwrap_err().reason(), Some("shutdown"));
    assert_pending(poll_once(&mut shutdown));
    deadline.open();
    let report = shutdown.await;
    assert_eq!((report.completed(), report.cancelled()), (1, 1));
    let remaining: Vec<_> = report.remaining().iter().map(|task| task.name().unwrap()).collect();
    assert_eq!(remaining, ["stays"]);
    assert_eq!(report.remaining()[0].state(), State::Stopping);
    assert_eq!(tasks.counts().stopping, 1);
    // A second, impatient one cuts what is left.
    drop(tasks.cancel_all_with(Cancel::new().now()));
    assert!(tasks.shutdown(pending::<()>()).await.is_clean());
    assert!(stays.dropped.is_set());
}

pub(crate) async fn a_shutdown_cuts_the_grace_of_a_canceller<H: Lives>(tasks: Reg<H>) {
    let a = patient(&tasks, "a").await;
    let mut end = pin!(a.task.cancel_with(Cancel::new().reason("mine").grace(pending::<()>())));
    assert_pending(poll_once(&mut end));
    let report = tasks.shutdown(pending::<()>()).await;
    assert_eq!(report.cancelled(), 1);
    assert_eq!(end.await.reason(), Some("mine"));
}

pub(crate) async fn one_grace_serves_all_that_are_cancelled_together<H: Lives>(tasks: Reg<H>) {
    for drop_it in [false, true] {
        let (a, b) = (patient(&tasks, "feed:a").await, patient(&tasks, "feed:b").await);
        let c = patient(&tasks, "other").await;
        let over = Gate::default();
        let cancel = Cancel::new().reason("bye").grace(over.pass());
        let mut ends = Box::pin(tasks.cancel_prefix_with("feed:", cancel));
        assert_eq!(ends.len(), 2);
        a.heard.pass().await;
        b.heard.pass().await;
        assert!(poll_once(&mut ends.as_mut()).is_pending());
        a.finish.open();
        assert_eq!(a.task.await.unwrap(), 7);
        assert!(poll_once(&mut ends.as_mut()).is_pending());
        assert!(!b.dropped.is_set());
        if drop_it {
            drop(ends);
        } else {
            over.open();
            let mut outcomes: Vec<_> = ends.await.iter().map(|end| end.to_string()).collect();
            outcomes.sort();
            assert_eq!(outcomes.len(), 2);
        }
        assert_eq!(b.task.wait().await.reason(), Some("bye"));
        assert!(b.dropped.is_set() && !c.heard.is_open());
        c.task.cancel().await;
    }
}

pub(crate) async fn a_grace_that_panics_harms_its_owner_only<H: Lives>(tasks: Reg<H>) {
    // The task's own, when it is made and when it is polled: the task panicked.
    for grace in [
        make(|| -> std::future::Ready<()> { blow_up("made") }),
        make(|| async { blow_up("polled") }),
    ] {
        let a = patient_with(&tasks, "a", grace).await;
        assert!(tasks.cancel("a").unwrap().await.is_panicked());
        assert!(a.dropped.is_set());
        assert!(a.task.await.unwrap_err().into_panic().is_some());
    }
    // The canceller's: the canceller panicked, and with it the grace is over.
    let b = patient(&tasks, "b").await;
    let inner = tasks.tasks().clone();
    let canceller = tasks.spawn(
        "canceller",
        body(async move {
            let cancel = Cancel::new().reason("bye").grace(async { blow_up("the canceller's") });
            inner.cancel_with("b", cancel).unwrap().await;
        }),
    );
    assert!(canceller.unwrap().wait().await.is_panicked());
    assert_eq!(b.task.await.unwrap_err().reason(), Some("bye"));
}

/// Is ready, and panics when it is dropped.
struct Bitter;

impl Future for Bitter {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Drop for Bitter {
    fn drop(&mut self) {
        blow_up("the destructor of the canceller's");
    }
}

pub(crate) async fn a_grace_whose_destructor_panics_is_over_all_the_same<H: Lives>(tasks: Reg<H>) {
    for all in [false, true] {
        let b = patient(&tasks, "b").await;
        let inner = tasks.tasks().clone();
        let canceller = tasks.spawn(
            "canceller",
            body(async move {
                let cancel = Cancel::new().reason("bye").grace(Bitter);
                if all {
                    inner.cancel_prefix_with("b", cancel).await;
                } else {
                    inner.cancel_with("b", cancel).unwrap().await;
                }
            }),
        );
        assert!(canceller.unwrap().wait().await.is_panicked());
        assert_eq!(b.task.await.unwrap_err().reason(), Some("bye"));
    }
}

pub(crate) async fn a_grace_is_gone_before_waiters_are_woken<H: Lives>(tasks: Reg<H>) {
    // Neither made nor begun; begun and not over.
    for cancelled in [false, true] {
        let hand = in_hand(&tasks);
        let (trace, finish) = (Trace::default(), Gate::default());
        let (of_make, of_grace) = (note_the_drop(&trace, "make"), note_the_drop(&trace, "grace"));
        let task = hand.task("a").grace(move || {
            drop(of_make);
            noted_pending(of_grace)
        });
        let task = task.spawn(finish.pass()).unwrap();
        let mut wrapper = take(&hand);
        let _wait = note_the_wake(&task, &trace);
        assert!(!step(&mut wrapper));
        if cancelled {
            drop(task.cancel());
            assert!(!step(&mut wrapper));
        }
        finish.open();
        assert!(step(&mut wrapper));
        assert_eq!(task.outcome(), Some(Outcome::Completed));
        let mut dropped = trace.read();
        assert_eq!(dropped.pop().as_deref(), Some("woken"));
        dropped.sort();
        assert_eq!(dropped, ["grace", "make"]);
    }
}
