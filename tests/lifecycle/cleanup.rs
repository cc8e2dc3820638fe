//! The asynchronous `finally`: what runs once the future is gone, and what waits for it (law 2).

use std::future::{pending, ready};
use std::pin::pin;

use futures_lite::future::block_on;
use task_registry::mode::{Carry, Mode};
use task_registry::{
    Cancel, Cleanup, Outcome, SpawnError, State, TaskHandle, TaskRef, Tasks, conflict,
};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

fn how<M: Mode>(task: &TaskRef<M>) -> Option<Cleanup> {
    task.info().cleanup()
}

/// What was noted since the last look.
fn news(trace: &Trace, seen: &mut usize) -> Vec<String> {
    let news = trace.read().split_off(*seen);
    *seen += news.len();
    news
}

/// A cleanup that notes what it is given.
fn noting(trace: &Trace) -> MakeOfEnd {
    let trace = trace.clone();
    make_of_end(move |end| async move { trace.note(format!("cleanup: {end}")) })
}

/// A future that notes its drop and ends as it is told.
fn noted<T: 'static>(trace: &Trace, end: impl FnOnce() -> T + 'static) -> Body<T> {
    let guard = note_the_drop(trace, "dropped");
    body(async move {
        let _guard = guard;
        yield_now().await;
        end()
    })
}

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

pub(crate) async fn a_request_to_stop_does_not_reach_the_cleanup<H: Lives>(tasks: Reg<H>) {
    let (began, finish) = (Gate::default(), Gate::default());
    let cleanup = {
        let (began, finish) = (began.clone(), finish.clone());
        make_of_end(move |end| async move {
            assert_eq!(end, Outcome::Completed);
            began.open();
            finish.pass().await;
        })
    };
    let task = tasks.task("a").cleanup(cleanup, never()).spawn(body(async { 7u32 })).unwrap();
    began.pass().await;
    let mut end = pin!(tasks.cancel_with("a", Cancel::new().reason("late").now()).unwrap());
    assert_pending(poll_once(&mut end));
    assert_eq!(task.state(), State::Stopping);
    yield_now().await;
    assert!(!task.is_ended());
    finish.open();
    assert_eq!(end.await, Outcome::Completed, "it had returned before");
    assert_eq!(how(&task), Some(Cleanup::Ran));
    assert_eq!(task.await.unwrap(), 7);
}

pub(crate) async fn a_cleanup_that_hangs_is_dropped_at_its_deadline<H: Lives>(tasks: Reg<H>) {
    let (began, deadline, dropped) = (Gate::default(), Gate::default(), Flag::default());
    let cleanup = {
        let (began, guard) = (began.clone(), dropped.on_drop());
        make_of_end(move |_| async move {
            began.open();
            noted_pending(guard).await;
        })
    };
    let timed = tasks.task("a").cleanup(cleanup, until(&deadline));
    let task = timed.spawn(body(async { 7u32 })).unwrap();
    began.pass().await;
    assert!(!dropped.is_set());
    deadline.open();
    assert_eq!(task.wait().await, Outcome::Completed, "the outcome is the task's");
    assert!(dropped.is_set());
    assert_eq!(how(&task), Some(Cleanup::TimedOut));
    assert!(task.to_string().contains("cleanup timed out"));
    assert_eq!(task.await.unwrap(), 7);
}

pub(crate) async fn a_cleanup_that_needs_no_time_runs_although_its_deadline_has_passed<H: Lives>(
    tasks: Reg<H>,
) {
    let trace = Trace::default();
    let cleaned = tasks.task("a").cleanup(noting(&trace), make(|| ready(())));
    let task = cleaned.spawn(body(async { 7u32 })).unwrap();
    task.wait().await;
    assert_eq!(how(&task), Some(Cleanup::Ran));
    assert_eq!(trace.read(), ["cleanup: completed"]);
}

pub(crate) async fn a_cleanup_that_panics_changes_no_outcome<H: Lives>(tasks: Reg<H>) {
    let panicking: [MakeOfEnd; 3] = [
        make_of_end(|_| -> std::future::Ready<()> { blow_up("made") }),
        make_of_end(|_| async { blow_up("polled") }),
        make_of_end(|_| async {
            let _bomb = OnDrop::new(|| blow_up("dropped"));
        }),
    ];
    for cleanup in panicking {
        let task = tasks.task("a").cleanup(cleanup, never()).spawn(body(async { 7u32 })).unwrap();
        assert_eq!(task.wait().await, Outcome::Completed);
        assert_eq!(how(&task), Some(Cleanup::Panicked));
        assert_eq!(task.await.unwrap(), 7);
    }
    // Dropped by its deadline, and that panics.
    let cleanup = make_of_end(|_| async {
        let _bomb = OnDrop::new(|| blow_up("dropped"));
        pending::<()>().await;
    });
    let cleaned = tasks.task("a").cleanup(cleanup, make(|| ready(())));
    let task = cleaned.spawn(body(async { 7u32 })).unwrap();
    task.wait().await;
    assert_eq!(how(&task), Some(Cleanup::Panicked));
    // The deadline, when it is made and when it is polled.
    for deadline in [
        make(|| -> std::future::Ready<()> { blow_up("made") }),
        make(|| async { blow_up("polled") }),
    ] {
        let cleaned = tasks.task("a").cleanup(make_of_end(|_| pending()), deadline);
        let task = cleaned.spawn(body(async { 7u32 })).unwrap();
        assert_eq!(task.wait().await, Outcome::Completed);
        assert_eq!(how(&task), Some(Cleanup::Panicked));
        assert_eq!(task.await.unwrap(), 7);
    }
    assert_eq!(tasks.live(), 0);
}

pub(crate) async fn a_cleanup_may_spawn<H: Lives>(tasks: Reg<H>) {
    let (spawner, trace) = (tasks.clone(), Trace::default());
    let inner = trace.clone();
    let cleanup = make_of_end(move |_| async move {
        // Its own name is still its own.
        let taken = spawner.spawn("a", body(async {})).unwrap_err();
        assert!(matches!(taken, SpawnError::NameTaken { .. }));
        let helper = spawner.spawn("helper", body(async { 5u32 })).unwrap();
        inner.note(format!("helper: {}", helper.await.unwrap()));
    });
    let task = tasks.task("a").cleanup(cleanup, never()).spawn(body(async { 7u32 })).unwrap();
    task.wait().await;
    assert_eq!(how(&task), Some(Cleanup::Ran));
    assert_eq!(trace.read(), ["helper: 5"]);
}

pub(crate) async fn a_cleanup_may_cancel_its_own_task<H: Lives>(tasks: Reg<H>) {
    let inner = tasks.tasks().clone();
    let cleanup = make_of_end(move |_| async move {
        drop(inner.cancel_with("a", "by its cleanup").expect("it has not ended"));
        drop(inner.cancel_with("a", Cancel::new().now()));
        yield_now().await;
    });
    let task = tasks.task("a").cleanup(cleanup, never()).spawn(body(async { 7u32 })).unwrap();
    assert_eq!(task.wait().await, Outcome::Completed);
    assert_eq!(how(&task), Some(Cleanup::Ran));
    assert_eq!(task.await.unwrap(), 7);
}

pub(crate) async fn law_05_a_cleanup_that_awaits_its_own_task_hangs_no_longer_than_its_deadline<
    H: Lives,
>(
    tasks: Reg<H>,
) {
    type Waits<M> = fn(Tasks<M>) -> Body<()>;
    let ways: [Waits<H::Mode>; 4] = [
        |tasks| body(async move { drop(tasks.get("a").unwrap().wait().await) }),
        |tasks| body(async move { drop(tasks.cancel("a").unwrap().await) }),
        |tasks| body(async move { tasks.wait_idle().await }),
        |tasks| body(async move { drop(tasks.cancel_all().await) }),
    ];
    for way in ways {
        let (began, deadline) = (Gate::default(), Gate::default());
        let cleanup = make_of_end({
            let (began, tasks) = (began.clone(), tasks.tasks().clone());
            move |_| async move {
                began.open();
                way(tasks).await;
            }
        });
        let cleaned = tasks.task("a").cleanup(cleanup, until(&deadline));
        let task = cleaned.spawn(body(async { 7u32 })).unwrap();
        began.pass().await;
        deadline.open();
        assert_eq!(task.wait().await, Outcome::Completed);
        assert_eq!(how(&task), Some(Cleanup::TimedOut));
        assert_eq!(task.await.unwrap(), 7);
    }
}

pub(crate) async fn a_cleanup_may_shut_its_registry_down<H: Lives>(tasks: Reg<H>) {
    let held = hold(&tasks, "other").await;
    let (began, deadline, trace) = (Gate::default(), Gate::default(), Trace::default());
    let cleanup = make_of_end({
        let (began, tasks, trace) = (began.clone(), tasks.tasks().clone(), trace.clone());
        move |_| async move {
            let bounded = tasks.shutdown(ready(())).await;
            trace.note(format!(
                "{} remain",
                bounded.remaining().iter().any(|task| task.name() == Some("a"))
            ));
            began.open();
            tasks.shutdown(pending::<()>()).await;
            trace.note("never: it waits for itself");
        }
    });
    let cleaned = tasks.task("a").cleanup(cleanup, until(&deadline));
    let task = cleaned.spawn(body(async { 7u32 })).unwrap();
    began.pass().await;
    let mut shutdown = pin!(tasks.shutdown(pending::<()>()));
    assert!(held.task.wait().await.is_cancelled());
    assert_pending(poll_once(&mut shutdown));
    deadline.open();
    assert!(shutdown.await.is_clean());
    assert_eq!(task.outcome(), Some(Outcome::Completed));
    assert_eq!(how(&task), Some(Cleanup::TimedOut));
    assert_eq!(trace.read(), ["true remain"]);
}

pub(crate) async fn a_shutdown_names_a_cleanup_that_hangs<H: Lives>(tasks: Reg<H>) {
    let (began, deadline) = (Gate::default(), Gate::default());
    let cleanup = make_of_end({
        let began = began.clone();
        move |_| async move {
            began.open();
            pending::<()>().await;
        }
    });
    let cleaned = tasks.task("a").cleanup(cleanup, until(&deadline));
    let task = cleaned.spawn(body(pending::<()>())).unwrap();
    let over = Gate::default();
    let mut shutdown = pin!(tasks.shutdown(over.pass()));
    began.pass().await;
    assert_pending(poll_once(&mut shutdown));
    over.open();
    let report = shutdown.await;
    assert_eq!(report.remaining()[0].name(), Some("a"));
    assert_eq!(task.state(), State::Stopping);
    deadline.open();
    assert!(tasks.shutdown(pending::<()>()).await.is_clean());
    assert_eq!(task.wait().await.reason(), Some("shutdown"));
    assert_eq!(how(&task), Some(Cleanup::TimedOut));
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

pub(crate) async fn law_11_an_executor_that_lets_go_skips_the_cleanup<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let (trace, mut seen) = (Trace::default(), 0);
    let cleanup = || {
        let (trace, guard) = (trace.clone(), note_the_drop(&trace, "cleanup"));
        move |_: Outcome| async move {
            let _guard = guard;
            trace.note("began");
            pending::<()>().await;
            trace.note("never");
        }
    };
    // Before its first poll, in the middle, asked to stop.
    for (polled, asked) in [(false, false), (true, false), (true, true)] {
        let guard = note_the_drop(&trace, "deadline");
        let cleaned = hand.task("a").cleanup(cleanup(), move || noted_pending(guard));
        let task = cleaned.spawn(noted_pending(note_the_drop(&trace, "future"))).unwrap();
        let mut wrapper = take(&hand);
        assert!(!polled || !step(&mut wrapper));
        if asked {
            drop(task.cancel());
        }
        let _wait = note_the_wake(&task, &trace);
        drop(wrapper);
        assert_eq!(how(&task), Some(Cleanup::Skipped));
        assert_eq!(task.outcome().unwrap().is_cancelled(), asked);
        assert_eq!(asked, task.outcome() != Some(Outcome::Abandoned));
        let mut told = news(&trace, &mut seen);
        assert_eq!(told.remove(0), "future");
        assert_eq!(told.pop().unwrap(), "woken");
        told.sort();
        assert_eq!(told, ["cleanup", "deadline"]);
    }
    // In the middle of the cleanup: how the task ended, and its output, stand.
    let task = hand.task("a").cleanup(cleanup(), pending::<()>).spawn(async { 7u32 }).unwrap();
    let mut wrapper = take(&hand);
    let _wait = note_the_wake(&task, &trace);
    assert!(!step(&mut wrapper));
    drop(wrapper);
    assert_eq!(news(&trace, &mut seen), ["began", "cleanup", "woken"]);
    assert_eq!((task.outcome(), how(&task)), (Some(Outcome::Completed), Some(Cleanup::Skipped)));
    assert_eq!(task.await.unwrap(), 7);
    // The same after a panic, whose payload is not lost.
    let panics = async { blow_up("in poll") };
    let task: TaskHandle<(), _> =
        hand.task("a").cleanup(cleanup(), pending::<()>).spawn(panics).unwrap();
    let mut wrapper = take(&hand);
    assert!(!step(&mut wrapper));
    drop(wrapper);
    assert_eq!(how(&task), Some(Cleanup::Skipped));
    assert!(task.await.unwrap_err().into_panic().is_some());
}

pub(crate) fn law_11_a_cleanup_goes_with_its_executor<H: Lives>() {
    type Out<M> = (TaskHandle<u32, M>, TaskHandle<u32, M>);
    let trace = Trace::default();
    let left = std::cell::RefCell::new(None::<Out<H::Mode>>);
    H::run(async |tasks: Reg<H>| {
        let (started, began) = (Gate::default(), Gate::default());
        let (open, inner) = (started.clone(), trace.clone());
        let before = body(async move {
            open.open();
            noted_pending(note_the_drop(&inner, "future")).await;
            7u32
        });
        let before = tasks.task("before").cleanup(noting(&trace), never()).spawn(before).unwrap();
        let open = began.clone();
        let cleanup = make_of_end(move |_| async move {
            open.open();
            pending::<()>().await;
        });
        let during = tasks.task("during").cleanup(cleanup, never());
        let during = during.spawn(body(async { 7u32 })).unwrap();
        started.pass().await;
        began.pass().await;
        *left.borrow_mut() = Some((before, during));
    });
    let (before, during) = left.into_inner().unwrap();
    assert_eq!(block_on(before.wait()), Outcome::Abandoned);
    assert_eq!(how(&before), Some(Cleanup::Skipped));
    assert_eq!(block_on(during.wait()), Outcome::Completed);
    assert_eq!(how(&during), Some(Cleanup::Skipped));
    assert_eq!(block_on(during).unwrap(), 7);
    assert_eq!(trace.read(), ["future"]);
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

pub(crate) fn a_gone_executor_refuses_a_task_with_its_cleanup<H: Lives>() {
    let trace = Trace::default();
    let left = std::cell::RefCell::new(None::<Reg<H>>);
    H::run(async |tasks: Reg<H>| *left.borrow_mut() = Some(tasks));
    let tasks = left.into_inner().unwrap();
    let guard = note_the_drop(&trace, "closure");
    let inner = trace.clone();
    let cleanup = make_of_end(move |_| async move {
        inner.note("never");
        drop(guard);
    });
    match tasks.task("a").cleanup(cleanup, never()).try_spawn(body(async { 7u32 })) {
        Err(refused) => {
            assert!(matches!(refused.kind, SpawnError::Refused(_)));
            assert_eq!(block_on(refused.into_future()), 7);
            assert!(tasks.get("a").is_none());
        }
        // Tokio takes it and drops it.
        Ok(task) => {
            assert_eq!(block_on(task.wait()), Outcome::Abandoned);
            assert_eq!(how(&task), Some(Cleanup::Skipped));
        }
    }
    assert_eq!(trace.read(), ["closure"]);
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

/// On one thread: the cleanup is made, polled and dropped where the task is.
pub(crate) async fn law_10_a_cleanup_without_send_stays_at_home<H: Local>(tasks: Reg<H>) {
    let (seen, began) = (std::rc::Rc::new(std::cell::Cell::new(0)), Gate::default());
    let (inner, open) = (seen.clone(), began.clone());
    let cleanup = move |_: Outcome| async move {
        inner.set(inner.get() + 1);
        open.open();
        yield_now().await;
        inner.set(inner.get() + 1);
    };
    let local = tasks.task("a").cleanup(cleanup, pending::<()>);
    let task = local.spawn_local(async { 7 }).unwrap();
    began.pass().await;
    assert_eq!(task.await.unwrap(), 7);
    assert_eq!(seen.get(), 2);
}

pub(crate) async fn law_10_a_cleanup_stays_at_home_while_others_cancel<H: Local + Across>(
    tasks: Reg<H>,
) {
    let home = std::thread::current().id();
    let checked = |count: &Count| {
        let count = count.clone();
        OnDrop::new(move || {
            assert_eq!(std::thread::current().id(), home);
            count.add();
        })
    };
    let (count, began) = (Count::default(), Gate::default());
    let (closure, inside, open) = (checked(&count), checked(&count), began.clone());
    let cleanup = move |_: Outcome| {
        assert_eq!(std::thread::current().id(), home);
        drop(closure);
        async move {
            let _inside = inside;
            open.open();
            yield_now().await;
            assert_eq!(std::thread::current().id(), home);
        }
    };
    let deadline = checked(&count);
    let local = tasks.task("a").cleanup(cleanup, move || noted_pending(deadline));
    let task = local.spawn_local(noted_pending(checked(&count))).unwrap();
    let table = tasks.tasks().clone();
    let canceller = on_thread(move || drop(table.cancel("a").unwrap()));
    assert!(task.wait().await.is_cancelled());
    canceller.join();
    assert_eq!(count.get(), 4);
    assert_eq!(how(&task), Some(Cleanup::Ran));
}

pub(crate) async fn a_thread_that_waits_finds_the_cleanup_over<H: Lives + Across>(tasks: Reg<H>) {
    let over = Flag::default();
    let (inner, began, finish) = (over.clone(), Gate::default(), Gate::default());
    let (open, pass) = (began.clone(), finish.clone());
    let cleanup = make_of_end(move |_| async move {
        open.open();
        pass.pass().await;
        inner.set();
    });
    let task = tasks.task("a").cleanup(cleanup, never()).spawn(body(async { 7u32 })).unwrap();
    began.pass().await;
    let (waits, seen) = (task.task().clone(), over.clone());
    let waiter = on_thread(move || {
        waits.wait_blocking();
        seen.is_set()
    });
    finish.open();
    assert_eq!(task.await.unwrap(), 7);
    assert!(waiter.join());
}
