//! One shutdown for all workers, with one deadline and one report.

use std::future::{pending, ready};
use std::pin::pin;

use futures_lite::future::block_on;
use task_registry::{Outcome, Registry, Running, SpawnError, State};

use crate::Tested;
use crate::kit::{Count, Gate, Trace, blow_up, on_thread, poll_once};
use crate::setup::{AnyPlan, Cx, Meeting, running, shut_down, until, until_shutdown, workers};

pub(crate) fn one_shutdown_ends_all_and_reports_by_worker_and_name<R: Tested>() {
    let started = running::<R>(3, &["feed", "beat"]);
    let report = block_on(started.shutdown(pending::<()>()));
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.cancelled(), report.completed(), report.remaining().count()), (6, 0, 0));
    for (worker, part) in report.workers().iter().enumerate() {
        assert_eq!(part.worker(), worker);
        assert!(part.is_stopped());
        assert_eq!(part.main(), Some(&Outcome::Completed));
        let mut names: Vec<_> =
            part.tasks().ended().iter().filter_map(|task| task.name()).collect();
        names.sort();
        assert_eq!(names, ["beat", "feed"]);
    }
    let line = "worker 1: main completed; 2 cancelled, 0 completed, 0 remaining";
    assert_eq!(report.to_string().lines().nth(1), Some(line));
    assert!(started.join().iter().all(Result::is_ok));
}

/// What a planned task is given.
type Planned = task_registry::Cx<Trace, task_registry::mode::Sync>;

pub(crate) fn the_merged_counts_add_up_whatever_tasks_end_as<R: Tested>() {
    let here = Meeting::of(2 * 4 + 1);
    let mut plan = AnyPlan::new();
    // Each goes on until it is asked to stop, and then ends in its own way.
    let there = here.clone();
    plan.task("cancelled", move |_| {
        let there = there.clone();
        async move {
            there.attend().await;
            pending().await
        }
    })
    .unwrap();
    let there = here.clone();
    let until_asked = move |cx: &Planned| {
        let (cx, there) = (cx.clone(), there.clone());
        async move {
            let section = async {
                there.attend().await;
                cx.cancelled().await;
            };
            cx.shield(section).await;
        }
    };
    let asked = until_asked.clone();
    plan.task("completes", move |cx| asked(&cx)).unwrap();
    let asked = until_asked.clone();
    plan.task_fallible("fails", move |cx| {
        let asked = asked(&cx);
        async move {
            asked.await;
            Err("at the very end")
        }
    })
    .unwrap();
    let asked = until_asked.clone();
    plan.task("panics", move |cx| {
        let asked = asked(&cx);
        async move {
            asked.await;
            blow_up("at the very end")
        }
    })
    .unwrap();
    let started = workers::<R>(2).plan(plan).start(Trace::default(), until_shutdown::<R>);
    let started = block_on(started).unwrap();
    block_on(here.attend());
    let report = block_on(started.shutdown(pending::<()>()));
    assert!(report.is_clean(), "{report}");
    let counts = [
        report.completed(),
        report.failed(),
        report.cancelled(),
        report.panicked(),
        report.abandoned(),
    ];
    assert_eq!(counts, [2, 2, 2, 2, 0]);
    let all: usize = report.workers().iter().map(|part| part.tasks().ended().len()).sum();
    assert_eq!(counts.iter().sum::<usize>(), all);
    let line =
        "worker 0: main completed; 1 cancelled, 1 completed, 1 failed, 1 panicked, 0 remaining";
    assert_eq!(report.to_string().lines().next(), Some(line));
}

/// Workers of which each has a task that lives until the gate opens, whatever it is asked, and one that does not.
fn stubborn<R: Tested>(gate: &Gate, dropped: &Count) -> Running {
    let (gate, dropped, here) = (gate.clone(), dropped.clone(), Meeting::of(3));
    let mut plan = AnyPlan::new();
    plan.task("beat", |_| pending()).unwrap();
    let there = here.clone();
    plan.task("stubborn", move |cx| {
        let (guard, gate, here) = (dropped.on_drop(), gate.clone(), there.clone());
        async move {
            let _guard = guard;
            let section = async {
                here.attend().await;
                gate.pass().await;
            };
            cx.shield(section).await;
        }
    })
    .unwrap();
    let started = workers::<R>(2).plan(plan).start(Trace::default(), until_shutdown::<R>);
    let started = block_on(started).unwrap();
    block_on(here.attend());
    started
}

pub(crate) fn a_shutdown_has_one_deadline_and_names_what_would_not_stop<R: Tested>() {
    let (deadline, dropped) = (Gate::default(), Count::default());
    let started = stubborn::<R>(&Gate::default(), &dropped);
    let mut shutdown = pin!(started.shutdown(deadline.pass()));
    assert!(poll_once(&mut shutdown).is_pending());
    for worker in 0..2 {
        // They could not be waited for if the deadline held them up.
        block_on(started.main(worker).unwrap().wait());
        block_on(started.tasks(worker).unwrap().get("beat").unwrap().wait());
    }
    assert!(poll_once(&mut shutdown).is_pending());
    assert_eq!(dropped.get(), 0);
    deadline.open();
    let report = block_on(shutdown);
    let remaining: Vec<_> = report.remaining().map(|(n, task)| (n, task.name().unwrap())).collect();
    assert_eq!(remaining, [(0, "stubborn"), (1, "stubborn")]);
    assert!(!report.is_clean());
    assert_eq!(report.cancelled(), 2);
    assert!(report.workers().iter().all(|part| !part.is_stopped() && !part.is_clean()));
    block_on(started.stopped());
}

pub(crate) fn after_the_deadline_executors_are_dropped_with_what_is_left_on_them<R: Tested>() {
    let dropped = Count::default();
    let started = stubborn::<R>(&Gate::default(), &dropped);
    let report = block_on(started.shutdown(ready(())));
    assert!(!report.is_clean());
    block_on(started.stopped());
    assert_eq!(dropped.get(), 2);
    for (_, task) in started.get("stubborn") {
        // It was asked to stop before its executor went.
        assert_eq!(task.outcome().unwrap().reason(), Some("shutdown"));
    }
    let again = block_on(started.shutdown(pending::<()>()));
    assert!(again.is_clean(), "{again}");
}

pub(crate) fn a_blocked_worker_is_reported_and_keeps_no_other_from_stopping<R: Tested>() {
    let (gate, here) = (Gate::default(), Meeting::of(3));
    let (blocked, there) = (gate.clone(), here.clone());
    let main = move |cx: Cx<R>| {
        let (blocked, there) = (blocked.clone(), there.clone());
        async move {
            there.attend().await;
            if cx.worker() == 1 {
                blocked.pass_blocking();
            }
            cx.cancelled().await;
        }
    };
    let started = block_on(workers::<R>(2).start(Trace::default(), main)).unwrap();
    block_on(here.attend());
    let other = started.main(0).unwrap().wait();
    let report = block_on(started.shutdown(other));
    let main = |worker: usize| report.workers()[worker].main();
    assert_eq!((main(0), main(1)), (Some(&Outcome::Completed), None));
    assert!(!report.workers()[1].is_stopped());
    gate.open();
    block_on(started.stopped());
}

pub(crate) fn after_a_shutdown_nothing_is_spawned_on_any_worker<R: Tested>() {
    let trace = Trace::default();
    let main = |cx: Cx<R>| async move {
        cx.cancelled().await;
        let error = cx.registry().spawn_local("late", async {}).unwrap_err();
        assert_eq!(error, SpawnError::Closed);
        cx.note("closed");
    };
    let started = block_on(workers::<R>(2).start(trace.clone(), main)).unwrap();
    until(|| (0..2).all(|worker| started.main(worker).unwrap().state() == State::Running));
    shut_down(&started);
    assert_eq!(trace.read(), ["closed", "closed"]);
}

pub(crate) fn workers_without_a_worker_are_closed_by_a_shutdown_and_not_before<R: Tested>() {
    let started = block_on(workers::<R>(0).start(Trace::default(), until_shutdown::<R>)).unwrap();
    assert!(!started.is_closed());
    drop(started.shutdown(pending::<()>()));
    assert!(started.is_closed());
}

pub(crate) fn workers_whose_registries_were_each_shut_down_are_not_closed<R: Tested>() {
    let trace = Trace::default();
    let main = |cx: Cx<R>| async move {
        cx.cancelled().await;
        cx.note(if cx.workers().is_closed() { "closed" } else { "open" });
    };
    let started = block_on(workers::<R>(2).start(trace.clone(), main)).unwrap();
    until(|| (0..2).all(|worker| started.main(worker).unwrap().state() == State::Running));
    for worker in 0..2 {
        block_on(started.tasks(worker).unwrap().shutdown(pending::<()>()));
    }
    assert!(!started.is_closed(), "nobody shut the workers down");
    shut_down(&started);
    assert!(started.is_closed());
    assert_eq!(trace.read(), ["closed", "closed"], "whoever is asked to stop finds it so");
}

pub(crate) fn a_shutdown_is_joined_by_several_callers<R: Tested>() {
    let started = running::<R>(3, &["beat"]);
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let handle = started.handle();
            on_thread(move || block_on(handle.shutdown(pending::<()>())))
        })
        .collect();
    assert!(callers.into_iter().all(|caller| caller.join().is_clean()));
    block_on(started.stopped());
    shut_down(&started);
}

pub(crate) fn a_task_that_owns_its_registry_does_not_keep_its_worker<R: Tested>() {
    let (dropped, here) = (Count::default(), Meeting::of(3));
    let (counted, there) = (dropped.clone(), here.clone());
    let main = move |cx: Cx<R>| {
        let (guard, there) = (counted.on_drop(), there.clone());
        async move {
            let registry: Registry<_, _> = cx.registry().clone();
            let owner = async move {
                let _owned = (guard, registry.clone());
                let child = registry.spawn_local("child", async { 1 }).unwrap();
                assert_eq!(child.await.unwrap(), 1);
                there.attend().await;
                pending::<()>().await;
            };
            cx.registry().spawn_local("owner", owner).unwrap();
        }
    };
    let started = block_on(workers::<R>(2).start(Trace::default(), main)).unwrap();
    block_on(here.attend());
    shut_down(&started);
    assert_eq!(dropped.get(), 2);
}
