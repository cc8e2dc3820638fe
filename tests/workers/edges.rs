//! What is asked of workers at their edges: by name from outside and from inside, and when the deadline has passed.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use futures_lite::future::block_on;
use task_registry::{Cancel, Cleanup, Outcome};

use crate::Tested;
use crate::kit::{Count, Gate, Trace, poll_once};
use crate::setup::{AnyPlan, Cx, Meeting, shut_down, until_shutdown, workers};

pub(crate) fn one_grace_serves_the_tasks_of_a_name_on_all_workers<R: Tested>() {
    let (over, dropped) = (Gate::default(), Count::default());
    let (here, heard) = (Meeting::of(3), Meeting::of(3));
    let mut plan = AnyPlan::new();
    let (there, hears, drops) = (here.clone(), heard.clone(), dropped.clone());
    plan.task("feed", move |cx| {
        let (there, hears, guard) = (there.clone(), hears.clone(), drops.on_drop());
        async move {
            let _guard = guard;
            there.attend().await;
            cx.cancelled().await;
            hears.attend().await;
            pending().await
        }
    })
    .unwrap();
    let started = workers::<R>(2).plan(plan).start(Trace::default(), until_shutdown::<R>);
    let started = block_on(started).unwrap();
    block_on(here.attend());
    let cancel = Cancel::new().reason("later").grace(over.pass());
    let mut ends = pin!(started.cancel_with("feed", cancel));
    assert!(poll_once(&mut ends).is_pending());
    block_on(heard.attend());
    assert_eq!(dropped.get(), 0, "each token has fired, and each has its grace");
    assert!(poll_once(&mut ends).is_pending());
    over.open();
    let ends = block_on(ends);
    assert!(ends.iter().all(|end| end.outcome().reason() == Some("later")));
    assert_eq!((ends.len(), dropped.get()), (2, 2));
    shut_down(&started);
}

/// On the worker's own thread: its registry does not leave that, so what makes the task anew does not either.
pub(crate) fn a_planned_task_is_made_anew_by_name_on_its_worker_alone<R: Tested>() {
    let (trace, again, here) = (Trace::default(), Gate::default(), Meeting::of(3));
    let mut plan = AnyPlan::new();
    let there = here.clone();
    plan.task("feed", move |cx| {
        let there = there.clone();
        async move {
            cx.note("feed");
            there.attend().await;
            cx.cancelled().await;
        }
    })
    .unwrap();
    let plan = Arc::new(plan);
    let main = {
        let (plan, again) = (plan.clone(), again.clone());
        move |cx: Cx<R>| {
            let (plan, again) = (plan.clone(), again.clone());
            async move {
                if cx.worker() == 1 {
                    again.pass().await;
                    let old = cx.tasks().get("feed").unwrap();
                    let new = plan.restart(cx.registry(), cx.app().clone(), "feed").unwrap();
                    assert_eq!(old.wait().await.reason(), Some("replaced"));
                    assert_eq!(cx.tasks().get("feed").as_ref(), Some(new.task().unwrap().task()));
                    assert!(plan.restart(cx.registry(), cx.app().clone(), "fed").is_none());
                }
                cx.cancelled().await;
            }
        }
    };
    let started = block_on(workers::<R>(2).plan(plan).start(trace.clone(), main)).unwrap();
    block_on(here.attend());
    let before = started.get("feed");
    again.open();
    assert_eq!(block_on(before[1].1.wait()).reason(), Some("replaced"));
    let after = started.get("feed");
    assert_eq!((after.len(), &after[0]), (2, &before[0]), "the other worker's goes on");
    assert!(!after[0].1.is_ended());
    shut_down(&started);
    assert!(started.join().iter().all(Result::is_ok), "the main futures found what they expected");
    // The third may be stopped before it begins.
    let begun = trace.read();
    assert!((2..=3).contains(&begun.len()) && begun.iter().all(|line| line == "feed"), "{begun:?}");
}

pub(crate) fn a_cleanup_that_outlives_the_deadline_is_named_and_skipped<R: Tested>() {
    let (here, cleaning) = (Meeting::of(2), Gate::default());
    let (there, begun) = (here.clone(), cleaning.clone());
    let main = move |cx: Cx<R>| {
        let (there, begun) = (there.clone(), begun.clone());
        async move {
            let cleanup = move |_| async move {
                begun.open();
                pending().await
            };
            let slow = cx.registry().task("slow").cleanup(cleanup, pending::<()>);
            slow.spawn_local(async move {
                there.attend().await;
                pending::<()>().await;
            })
            .unwrap();
            cx.cancelled().await;
        }
    };
    let started = block_on(workers::<R>(1).start(Trace::default(), main)).unwrap();
    block_on(here.attend());
    let report = block_on(started.shutdown(cleaning.pass()));
    let remaining: Vec<_> = report.remaining().map(|(n, task)| (n, task.name().unwrap())).collect();
    assert_eq!(remaining, [(0, "slow")]);
    // Its executor goes then, and the cleanup with it.
    block_on(started.stopped());
    let task = &started.get("slow")[0].1;
    assert_eq!(task.outcome().unwrap().reason(), Some("shutdown"));
    assert_eq!(task.info().cleanup(), Some(Cleanup::Skipped));
}

/// It is asked to stop by its own call, and so dropped where it awaits that: nobody is left to say how long to wait.
pub(crate) fn a_task_of_a_worker_may_shut_all_of_them_down<R: Tested>() {
    let main = |cx: Cx<R>| async move {
        if cx.worker() == 0 {
            let workers = cx.workers().clone();
            let http = async move {
                workers.shutdown(pending::<()>()).await;
                unreachable!("it was cancelled meanwhile")
            };
            cx.registry().spawn_local("http", http).unwrap();
        }
        pending::<()>().await;
    };
    let started = block_on(workers::<R>(2).start(Trace::default(), main)).unwrap();
    block_on(started.stopped());
    assert!(started.is_closed());
    let http = &started.get("http")[0].1;
    assert_eq!(http.outcome().unwrap().reason(), Some("shutdown"));
    let report = block_on(started.shutdown(pending::<()>()));
    assert!(report.is_clean(), "{report}");
    let asked = |part: &task_registry::WorkerReport| part.main().map(Outcome::is_cancelled);
    assert!(report.workers().iter().all(|part| asked(part) == Some(true)), "{report}");
}
