//! The workers' main futures: how they end, and what that does to the others.

use std::future::pending;
use std::pin::pin;

use futures_lite::future::block_on;
use task_registry::{Outcome, Running, WorkersShutdown};

use crate::Tested;
use crate::kit::{Count, Gate, Trace, blow_up, poll_once};
use crate::setup::{AnyPlan, Cx, Meeting, shut_down, workers};

pub(crate) fn a_main_future_finishes_in_its_own_time_once_its_token_fired<R: Tested>() {
    let (trace, gate, here) = (Trace::default(), Gate::default(), Meeting::of(3));
    let (hold, there) = (gate.clone(), here.clone());
    let main = move |cx: Cx<R>| {
        let (hold, there) = (hold.clone(), there.clone());
        async move {
            there.attend().await;
            cx.cancelled().await;
            assert_eq!(cx.cancel_reason().as_deref(), Some("shutdown"));
            hold.pass().await;
            cx.note("finished");
        }
    };
    let started = block_on(workers::<R>(2).start(trace.clone(), main)).unwrap();
    block_on(here.attend());
    let mut shutdown = pin!(started.shutdown(pending::<()>()));
    assert!(poll_once(&mut shutdown).is_pending());
    assert!(trace.read().is_empty());
    gate.open();
    let report = block_on(shutdown);
    assert!(report.workers().iter().all(|part| part.main() == Some(&Outcome::Completed)));
    assert_eq!(trace.read(), ["finished", "finished"]);
}

/// Workers whose main futures have begun, and never end.
fn deaf<R: Tested>(dropped: &Count) -> Running {
    let (dropped, here) = (dropped.clone(), Meeting::of(3));
    let there = here.clone();
    let main = move |_: Cx<R>| {
        let (guard, there) = (dropped.on_drop(), there.clone());
        async move {
            let _guard = guard;
            there.attend().await;
            pending().await
        }
    };
    let started = block_on(workers::<R>(2).start(Trace::default(), main)).unwrap();
    block_on(here.attend());
    started
}

pub(crate) fn a_main_future_that_ignores_its_token_is_dropped_at_the_deadline<R: Tested>() {
    let (dropped, deadline) = (Count::default(), Gate::default());
    let started = deaf::<R>(&dropped);
    let mut shutdown = pin!(started.shutdown(deadline.pass()));
    assert!(poll_once(&mut shutdown).is_pending());
    assert_eq!(dropped.get(), 0);
    deadline.open();
    let report = block_on(shutdown);
    assert!(!report.is_clean());
    assert!(report.workers().iter().all(|part| part.main().is_none()));
    let line = "worker 0: main would not stop; 0 cancelled, 0 completed, 0 remaining";
    assert_eq!(report.to_string().lines().next(), Some(line));
    block_on(started.stopped());
    assert_eq!(dropped.get(), 2);
    for ended in started.join() {
        assert_eq!(ended.unwrap_err().reason(), Some("shutdown"));
    }
}

pub(crate) fn dropping_a_shutdown_ends_the_time_of_the_main_futures<R: Tested>() {
    let dropped = Count::default();
    let started = deaf::<R>(&dropped);
    let shutdown: WorkersShutdown<_> = started.shutdown(pending::<()>());
    drop(shutdown);
    block_on(started.stopped());
    assert_eq!(dropped.get(), 2);
    assert!(started.is_closed());
}

pub(crate) fn a_main_future_that_panics_is_reported_and_takes_nobody_along<R: Tested>() {
    let here = Meeting::of(4);
    let there = here.clone();
    let main = move |cx: Cx<R>| {
        let there = there.clone();
        async move {
            there.attend().await;
            if cx.worker() == 1 {
                blow_up("worker 1 fails");
            }
            cx.cancelled().await;
        }
    };
    let mut plan = AnyPlan::new();
    plan.task("beat", |_| pending()).unwrap();
    let started = block_on(workers::<R>(3).plan(plan).start(Trace::default(), main)).unwrap();
    block_on(here.attend());
    let panicked = Outcome::Panicked { message: Some("worker 1 fails".into()) };
    assert_eq!(block_on(started.main(1).unwrap().wait()), panicked);
    for worker in 0..3 {
        let beat = block_on(started.tasks(worker).unwrap().wait_for("beat"));
        assert!(!beat.is_ended(), "on worker {worker}");
    }
    // Its executor runs as well: the cancel of a task takes effect.
    assert_eq!(block_on(started.cancel("beat")).len(), 3);
    assert!(!started.main(0).unwrap().is_ended() && !started.main(2).unwrap().is_ended());
    let report = block_on(started.shutdown(pending::<()>()));
    assert_eq!(report.workers()[1].main(), Some(&panicked));
    assert!(report.to_string().contains("worker 1: main panicked: worker 1 fails"), "{report}");
    let mut ends = started.join();
    assert!(ends[0].is_ok() && ends[2].is_ok());
    let payload = ends.remove(1).unwrap_err().into_panic().unwrap();
    assert_eq!(payload.downcast_ref(), Some(&"worker 1 fails"));
}

pub(crate) fn a_main_future_that_ended_leaves_its_worker_running<R: Tested>() {
    let gate = Gate::default();
    let late = gate.clone();
    let mut plan = AnyPlan::new();
    plan.task("late", move |cx| {
        let late = late.clone();
        async move {
            late.pass().await;
            cx.note("late");
        }
    })
    .unwrap();
    let trace = Trace::default();
    let started = workers::<R>(2).plan(plan).start(trace.clone(), |_: Cx<R>| async {});
    let started = block_on(started).unwrap();
    for worker in 0..2 {
        assert!(block_on(started.main(worker).unwrap().wait()).is_completed());
    }
    gate.open();
    for (_, task) in started.get("late") {
        assert!(block_on(task.wait()).is_completed());
    }
    assert_eq!(trace.read(), ["late", "late"]);
    shut_down(&started);
    assert!(started.join().iter().all(Result::is_ok));
}

pub(crate) fn a_main_future_is_cancelled_alone<R: Tested>() {
    let dropped = Count::default();
    let started = deaf::<R>(&dropped);
    let end = block_on(started.main(0).unwrap().cancel_with("not this one"));
    assert_eq!((end.reason(), dropped.get()), (Some("not this one"), 1));
    assert!(!started.main(1).unwrap().is_ended());
    assert!(started.main(2).is_none());
    let other = block_on(started.main(1).unwrap().cancel());
    assert_eq!((other.reason(), dropped.get()), (None, 2));
    let report = block_on(started.shutdown(pending::<()>()));
    assert_eq!(report.workers()[0].main().unwrap().reason(), Some("not this one"));
    assert!(report.is_clean(), "{report}");
}
