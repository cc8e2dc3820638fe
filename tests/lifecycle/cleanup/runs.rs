//! When it runs, what it is given, and who waits for it.

use std::future::{pending, ready};
use std::pin::pin;

use task_registry::mode::Carry;
use task_registry::{Cleanup, Outcome, SpawnError, State, TaskHandle, conflict};

use super::{how, news, noted, noting};
use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn a_cleanup_runs_after_the_future_whatever_its_end<H: Lives>(tasks: Reg<H>) {
    let trace = Trace::default();
    let spawn =
        |future: Body<u32>| tasks.task("a").cleanup(noting(&trace), never()).spawn(future).unwrap();
    let run = |task: TaskHandle<u32, H::Mode>| async {
        let outcome = task.wait().await;
        trace.note(outcome.to_string());
        assert_eq!(how(&task), Some(Cleanup::Ran));
        task.await
    };

    assert_eq!(run(spawn(noted(&trace, || 7))).await.unwrap(), 7);
    let error = run(spawn(noted(&trace, || blow_up("in poll")))).await.unwrap_err();
    assert_eq!(*error.into_panic().unwrap().downcast::<&'static str>().unwrap(), "in poll");

    let (started, inner) = (Gate::default(), trace.clone());
    let open = started.clone();
    let asked = spawn(body(async move {
        open.open();
        noted_pending(note_the_drop(&inner, "dropped")).await;
        7
    }));
    started.pass().await;
    drop(asked.cancel_with("bye"));
    assert_eq!(run(asked).await.unwrap_err().reason(), Some("bye"));

    let (started, inner) = (Gate::default(), trace.clone());
    let open = started.clone();
    let bomb = spawn(body(async move {
        let _bomb = OnDrop::new(move || {
            inner.note("dropped");
            blow_up("in drop");
        });
        open.open();
        pending::<u32>().await
    }));
    started.pass().await;
    drop(bomb.cancel_with("bye"));
    assert!(run(bomb).await.unwrap_err().is_panic());

    assert_eq!(
        trace.read(),
        [
            "dropped",
            "cleanup: completed",
            "completed",
            "dropped",
            "cleanup: panicked: in poll",
            "panicked: in poll",
            "dropped",
            "cleanup: cancelled: bye",
            "cancelled: bye",
            "dropped",
            "cleanup: panicked: in drop",
            "panicked: in drop",
        ]
    );
}

pub(crate) async fn law_02_a_waiter_is_woken_after_the_cleanup_and_all_that_it_owned<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let (trace, finish) = (Trace::default(), Gate::default());
    let future = {
        let guard = note_the_drop(&trace, "future");
        async move {
            let _guard = guard;
            7u32
        }
    };
    let cleanup = {
        let (trace, finish) = (trace.clone(), finish.clone());
        let guard = note_the_drop(&trace, "cleanup");
        move |end: Outcome| async move {
            let _guard = guard;
            trace.note(format!("{end}"));
            finish.pass().await;
        }
    };
    let guard = note_the_drop(&trace, "deadline");
    let deadline = move || noted_pending(guard);
    let mut task = hand.task("a").cleanup(cleanup, deadline).spawn(future).unwrap();
    let mut wrapper = take(&hand);
    let _wait = note_the_wake(&task, &trace);
    assert!(!step(&mut wrapper));
    assert_eq!(trace.read(), ["future", "completed"]);
    // It has not ended, for nobody.
    assert_eq!((task.outcome(), task.is_ended(), how(&task)), (None, false, None));
    assert!(poll_once(&mut pin!(&mut task)).is_pending());
    assert!(matches!(tasks.reserve("a"), Err(SpawnError::NameTaken { .. })));
    assert_eq!((tasks.live(), tasks.purge()), (1, 0));
    assert!(!step(&mut wrapper));
    finish.open();
    assert!(step(&mut wrapper));
    let mut after = trace.read().split_off(2);
    assert_eq!(after.pop().unwrap(), "woken");
    after.sort();
    assert_eq!(after, ["cleanup", "deadline"]);
    assert_eq!(how(&task), Some(Cleanup::Ran));
    assert_eq!(task.await.unwrap(), 7);
}

pub(crate) async fn a_task_cancelled_before_its_first_poll_is_cleaned_up<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let (trace, ran) = (Trace::default(), Flag::default());
    let inner = ran.clone();
    let cleaned = hand.task("a").cleanup(noting(&trace), never());
    let task = cleaned.spawn(async move { inner.set() }).unwrap();
    drop(task.cancel_with("early"));
    assert!(step(&mut take(&hand)));
    assert!(!ran.is_set());
    assert_eq!(trace.read(), ["cleanup: cancelled: early"]);
    assert_eq!(how(&task), Some(Cleanup::Ran));
    assert_eq!(task.outcome().unwrap().reason(), Some("early"));
}

pub(crate) async fn an_output_is_kept_over_the_cleanup<H: Lives>(tasks: Reg<H>)
where
    H::Mode: Carry<u32>,
{
    let held_up = |finish: &Gate| {
        let finish = finish.clone();
        make_of_end(move |_| finish.pass())
    };
    // For its handle, which waits.
    let finish = Gate::default();
    let cleaned = tasks.task("a").cleanup(held_up(&finish), never());
    let task = cleaned.spawn(body(async { 7u32 })).unwrap();
    finish.open();
    assert_eq!(task.await.unwrap(), 7);
    // For whoever asks by name.
    let cleaned = tasks.task("b").keep_result().cleanup(held_up(&finish), never());
    let task = cleaned.spawn(body(async { 8u32 })).unwrap();
    let waits = task.task().clone();
    drop(task);
    waits.wait().await;
    assert_eq!(tasks.take_result::<u32>("b").unwrap(), 8);
    // For nobody: it goes before waiters are woken (law 15).
    let hand = in_hand(&tasks);
    let (trace, finish) = (Trace::default(), Gate::default());
    let output = note_the_drop(&trace, "output");
    let over = finish.clone();
    let cleaned = hand.task("c").cleanup(move |_| over.pass(), pending::<()>);
    let task = cleaned.spawn(async move { output }).unwrap();
    let mut wrapper = take(&hand);
    assert!(!step(&mut wrapper));
    let waits = task.task().clone();
    drop(task);
    let _wait = note_the_wake(&waits, &trace);
    finish.open();
    assert!(step(&mut wrapper));
    assert_eq!(trace.read(), ["output", "woken"]);
    // Nor had it been kept at all if the handle had gone before.
    let output = note_the_drop(&trace, "second output");
    let inner = trace.clone();
    let cleanup = move |_| async move { inner.note("second cleanup") };
    let task = hand.task("d").cleanup(cleanup, pending::<()>).spawn(async move { output }).unwrap();
    drop(task);
    assert!(step(&mut take(&hand)));
    assert_eq!(trace.read()[2..], ["second output", "second cleanup"]);
}

pub(crate) async fn law_15_an_output_let_go_of_during_the_cleanup_goes_before_the_end_is_seen<
    H: Lives,
>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let (seen, finish) = (Trace::default(), Gate::default());
    let output = {
        let (seen, registry) = (seen.clone(), hand.clone());
        OnDrop::new(move || seen.note(registry.get("a").expect("a record").state().to_string()))
    };
    let over = finish.clone();
    let cleaned = hand.task("a").cleanup(move |_| over.pass(), pending::<()>);
    let task = cleaned.spawn(async move { output }).unwrap();
    let mut wrapper = take(&hand);
    assert!(!step(&mut wrapper));
    drop(task);
    assert!(seen.read().is_empty(), "its end is not decided yet");
    finish.open();
    assert!(step(&mut wrapper));
    assert_eq!(seen.read(), ["running"]);
}

pub(crate) async fn a_newcomer_waits_for_its_predecessors_cleanup<H: Lives>(tasks: Reg<H>) {
    let (began, finish, trace) = (Gate::default(), Gate::default(), Trace::default());
    let cleanup = make_of_end({
        let (began, finish, trace) = (began.clone(), finish.clone(), trace.clone());
        move |end| async move {
            trace.note(end.to_string());
            began.open();
            finish.pass().await;
            trace.note("cleaned up");
        }
    });
    let old = tasks.task("a").cleanup(cleanup, never()).spawn(body(pending::<()>())).unwrap();
    let inner = trace.clone();
    let newcomer = body(async move { inner.note("newcomer") });
    let new = tasks.task("a").on_conflict(conflict::Replace).spawn(newcomer).unwrap();
    began.pass().await;
    yield_now().await;
    assert_eq!(new.state(), State::Queued);
    finish.open();
    new.await.unwrap();
    assert!(old.is_ended());
    assert_eq!(trace.read(), ["cancelled: replaced", "cleaned up", "newcomer"]);
}

pub(crate) async fn a_task_that_never_came_to_be_has_no_cleanup<H: Lives>(tasks: Reg<H>) {
    let (trace, mut seen) = (Trace::default(), 0);
    let _holder = hold(&tasks, "a").await;
    let guarded = || {
        let (trace, guard) = (trace.clone(), note_the_drop(&trace, "closure"));
        make_of_end(move |_| async move {
            trace.note("never");
            drop(guard);
        })
    };
    let taken = tasks.task("a").cleanup(guarded(), never()).try_spawn(body(async { 7u32 }));
    assert!(matches!(taken.unwrap_err().kind, SpawnError::NameTaken { .. }));
    assert_eq!(news(&trace, &mut seen), ["closure"]);
    tasks.shutdown(ready(())).await;
    let closed = tasks.task("b").cleanup(guarded(), never()).spawn(body(async { 7u32 }));
    assert_eq!(closed.unwrap_err(), SpawnError::Closed);
    assert_eq!(news(&trace, &mut seen), ["closure"]);
}

pub(crate) async fn all_terms_go_together<H: Lives>(tasks: Reg<H>) {
    type Output = Result<u32, Failure>;
    let spawn = |trace: &Trace, grace: &Gate, timeout: &Gate, future: Body<Output>| {
        let terms = tasks.task("a").grace(until(grace)).timeout(body(timeout.pass()));
        terms.cleanup(noting(trace), never()).fallible().spawn(future).unwrap()
    };
    let (trace, shut, open) = (Trace::default(), Gate::default(), Gate::default());
    open.open();
    let fails = body(async { Err(Failure::Says("no luck".into())) });
    let failed = spawn(&trace, &shut, &shut, fails);
    assert_eq!(failed.wait().await.to_string(), "failed: no luck");
    assert_eq!(failed.await.unwrap().unwrap_err().to_string(), "no luck");
    let timed_out = spawn(&trace, &open, &open, body(pending()));
    assert_eq!(timed_out.await.unwrap_err().reason(), Some("timed out"));
    let terms = tasks.task("a").grace(until(&shut)).timeout(body(open.pass()));
    let terms = terms.cleanup(noting(&trace), never()).fallible();
    let heeded = terms.spawn_with((), |cx| {
        body(async move {
            cx.cancelled().await;
            Output::Ok(7)
        })
    });
    assert_eq!(heeded.unwrap().await.unwrap(), Ok(7));
    assert_eq!(
        trace.read(),
        ["cleanup: failed: no luck", "cleanup: cancelled: timed out", "cleanup: completed"]
    );
}
