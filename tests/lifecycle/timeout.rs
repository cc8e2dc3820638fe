//! Timeouts: any future, after which the task is asked to stop.

use std::future::{pending, ready};
use std::task::Poll;

use task_registry::{Outcome, State};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn a_timeout_stops_the_task_and_is_the_reason<H: Lives>(tasks: Reg<H>) {
    let (over, dropped) = (Gate::default(), Flag::default());
    let guard = dropped.on_drop();
    let never_ready = body(async move {
        noted_pending(guard).await;
        7u32
    });
    let task = tasks.task("a").timeout(body(over.pass())).spawn(never_ready).unwrap();
    assert!(!task.is_ended());
    over.open();
    assert_eq!(task.wait().await.reason(), Some("timed out"));
    assert!(dropped.is_set());
}

pub(crate) async fn a_task_that_is_ready_before_its_timeout_completes<H: Lives>(tasks: Reg<H>) {
    let task = tasks.task("a").timeout(body(pending())).spawn(body(async { 7u32 })).unwrap();
    assert_eq!(task.await.unwrap(), 7);
    // In the very same poll, the task comes first.
    let task = tasks.task("a").timeout(body(ready(()))).spawn(body(async { 8u32 })).unwrap();
    assert_eq!(task.await.unwrap(), 8);
}

pub(crate) async fn a_timeout_grants_the_task_its_own_grace<H: Lives>(tasks: Reg<H>) {
    for in_time in [true, false] {
        let (over, grace) = (Gate::default(), Gate::default());
        let (heard, finish) = (Gate::default(), Gate::default());
        let timed = tasks.task("a").grace(until(&grace)).timeout(body(over.pass()));
        let (hears, pass) = (heard.clone(), finish.clone());
        let task = timed.spawn_with((), move |cx| {
            body(async move {
                cx.cancelled().await;
                hears.open();
                pass.pass().await;
                7u32
            })
        });
        let task = task.unwrap();
        over.open();
        heard.pass().await;
        assert_eq!(task.state(), State::Stopping);
        if in_time {
            finish.open();
            assert_eq!(task.await.unwrap(), 7);
        } else {
            grace.open();
            assert_eq!(task.await.unwrap_err().reason(), Some("timed out"));
        }
    }
}

pub(crate) async fn a_timeout_is_polled_from_the_first_poll_to_the_end_only<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let polls = Count::default();
    let count = polls.clone();
    let timeout = std::future::poll_fn(move |_| match count.add() {
        3 => Poll::Ready(()),
        4.. => panic!("polled after it was ready"),
        _ => Poll::Pending,
    });
    let task = hand.task("a").grace(pending::<()>).timeout(timeout).spawn(pending::<()>()).unwrap();
    let mut wrapper = take(&hand);
    assert_eq!(polls.get(), 0, "queued tasks have all the time");
    for polled in 1..=3 {
        assert!(!step(&mut wrapper));
        assert_eq!(polls.get(), polled);
    }
    assert_eq!(task.state(), State::Stopping);
    assert!(!step(&mut wrapper));
    drop(task.cancel_with(task_registry::Cancel::new().now()));
    assert!(step(&mut wrapper));
    assert_eq!(task.outcome().unwrap().reason(), Some("timed out"));
}

pub(crate) async fn a_reason_given_before_the_timeout_stands<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let over = Gate::default();
    let timed = hand.task("a").grace(pending::<()>).timeout(over.pass());
    let task = timed.spawn(pending::<()>()).unwrap();
    let mut wrapper = take(&hand);
    assert!(!step(&mut wrapper));
    drop(task.cancel_with("bye"));
    over.open();
    assert!(!step(&mut wrapper), "its grace goes on");
    drop(task.cancel_with(task_registry::Cancel::new().now()));
    assert!(step(&mut wrapper));
    assert_eq!(task.outcome().unwrap().reason(), Some("bye"));
}

pub(crate) async fn a_timeout_before_the_first_poll_lets_the_body_run_once<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let polls = Count::default();
    let count = polls.clone();
    let body = std::future::poll_fn(move |_| {
        count.add();
        Poll::<()>::Pending
    });
    let task = hand.task("a").timeout(ready(())).spawn(body).unwrap();
    assert!(step(&mut take(&hand)));
    assert_eq!(polls.get(), 1);
    assert_eq!(task.outcome().unwrap().reason(), Some("timed out"));
}

pub(crate) async fn a_timeout_that_panics_is_the_tasks_panic<H: Lives>(tasks: Reg<H>) {
    let dropped = Flag::default();
    let guard = dropped.on_drop();
    let future = body(async move {
        noted_pending(guard).await;
        7u32
    });
    let timeout = body(async { blow_up("in the timeout") });
    let task = tasks.task("a").timeout(timeout).spawn(future).unwrap();
    assert!(task.wait().await.is_panicked());
    assert!(dropped.is_set());
    assert_eq!(tasks.live(), 0);
}

pub(crate) async fn a_timeout_is_gone_before_waiters_are_woken<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    for cancelled in [false, true] {
        let (trace, finish) = (Trace::default(), Gate::default());
        let timeout = noted_pending(note_the_drop(&trace, "timeout"));
        let task = hand.task("a").timeout(timeout).spawn(finish.pass()).unwrap();
        let mut wrapper = take(&hand);
        let _wait = note_the_wake(&task, &trace);
        assert!(!step(&mut wrapper));
        if cancelled {
            drop(task.cancel());
        } else {
            finish.open();
        }
        assert!(step(&mut wrapper));
        assert_eq!(task.outcome().unwrap() == Outcome::Completed, !cancelled);
        assert_eq!(trace.read(), ["timeout", "woken"]);
    }
}

pub(crate) async fn a_timeout_whose_destructor_panics_holds_nothing_back<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let (trace, finish) = (Trace::default(), Gate::default());
    let of_grace = note_the_drop(&trace, "grace");
    let graced = hand.task("a").grace(move || noted_pending(of_grace));
    let timeout = noted_pending(OnDrop::new(|| blow_up("in the destructor")));
    let task = graced.timeout(timeout).spawn(finish.pass()).unwrap();
    let mut wrapper = take(&hand);
    let _wait = note_the_wake(&task, &trace);
    assert!(!step(&mut wrapper));
    finish.open();
    assert!(step(&mut wrapper));
    assert_eq!(task.outcome(), Some(Outcome::Completed));
    assert_eq!(trace.read(), ["grace", "woken"]);
}
