//! Laws 1 and 4: what a cancel does, and what it does not.

use std::pin::pin;

use task_registry::{Cancel, SpawnError, State, conflict};

use crate::harness::*;
use crate::kit::*;

pub(crate) async fn law_01_the_request_stands_when_cancel_returns<H: Harness>(tasks: Reg<H>) {
    let held = hold(&tasks, "a").await;
    let end = tasks.cancel("a").expect("it lives");
    assert!(held.task.state() >= State::Stopping, "the state shows it at once");
    // `end` is never polled.
    assert!(held.task.wait().await.is_cancelled());
    assert!(held.dropped.is_set());
    drop(end);
}

pub(crate) async fn law_01_dropping_the_future_of_a_cancel_undoes_nothing<H: Harness>(
    tasks: Reg<H>,
) {
    let held = hold(&tasks, "a").await;
    drop(tasks.cancel("a"));
    assert!(held.task.await.unwrap_err().is_cancelled());

    // The same after it was polled and had left its waker behind.
    let (by_hand, task) = by_hand(&tasks, "b", std::future::pending::<()>());
    let (waker, wakes) = counting_waker();
    {
        let mut end = pin!(tasks.cancel("b").expect("it lives"));
        assert_pending(poll_with(&mut end, &waker));
    }
    assert_eq!(task.state(), State::Stopping);
    by_hand.await;
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(wakes.get(), 0, "a dropped waiter is not woken");
}

pub(crate) async fn law_01_every_canceller_learns_of_the_end<H: Harness>(tasks: Reg<H>) {
    let held = hold(&tasks, "a").await;
    let ends: Vec<_> = (0..5).map(|_| tasks.cancel("a").expect("it is known")).collect();
    for end in ends {
        assert!(end.await.is_cancelled());
    }
    assert!(held.dropped.is_set());
}

pub(crate) async fn law_01_a_cancellers_own_cancellation_is_not_swallowed<H: Harness>(
    tasks: Reg<H>,
) {
    // "slow" is asked to stop and cannot: nobody polls it.
    let (slow, slow_task) = by_hand(&tasks, "slow", std::future::pending::<()>());
    let (asked, trace) = (Gate::default(), Trace::default());
    let canceller = tasks
        .spawn(
            "canceller",
            body({
                let (tasks, asked, trace) = (tasks.tasks().clone(), asked.clone(), trace.clone());
                async move {
                    let end = tasks.cancel("slow").expect("it lives");
                    asked.open();
                    end.await;
                    trace.note("went on after its own cancellation");
                }
            }),
        )
        .unwrap();
    asked.pass().await;
    assert!(canceller.cancel().await.is_cancelled());
    assert_eq!(trace.read(), [""; 0]);
    assert_eq!(slow_task.state(), State::Stopping, "the request to `slow` still stands");
    slow.await;
    assert!(slow_task.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_01_a_cancel_reaches_a_task_that_nothing_else_would_wake<H: Harness>(
    tasks: Reg<H>,
) {
    let dropped = Flag::default();
    let guard = dropped.on_drop();
    let started = Gate::default();
    let task = tasks
        .spawn(
            "deaf",
            body({
                let started = started.clone();
                async move {
                    let _guard = guard;
                    started.open();
                    std::future::pending::<()>().await;
                }
            }),
        )
        .unwrap();
    started.pass().await;
    assert!(tasks.cancel("deaf").unwrap().await.is_cancelled());
    assert!(dropped.is_set());
    assert!(task.is_ended());
}

pub(crate) async fn law_01_the_first_reason_is_kept<H: Harness>(tasks: Reg<H>) {
    let held = hold(&tasks, "a").await;
    let first = tasks.cancel_with("a", Cancel::new().reason("first")).unwrap();
    let second = tasks.cancel_with("a", Cancel::new().reason("second")).unwrap();
    assert_eq!(first.await.reason(), Some("first"));
    assert_eq!(second.await.reason(), Some("first"));
    let error = held.task.await.unwrap_err();
    assert_eq!(error.reason(), Some("first"));
    assert_eq!(error.outcome().reason(), Some("first"));

    // A request without a reason is the first one all the same.
    let held = hold(&tasks, "b").await;
    drop(tasks.cancel("b"));
    let end = tasks.cancel_with("b", Cancel::from("late")).unwrap().await;
    assert!(end.is_cancelled());
    assert_eq!(held.task.await.unwrap_err().reason(), None);
}

pub(crate) async fn law_01_a_task_is_cancelled_by_name_id_or_handle<H: Harness>(tasks: Reg<H>) {
    let [a, b, c, d] = [
        hold(&tasks, "a").await,
        hold(&tasks, "b").await,
        hold(&tasks, "c").await,
        hold(&tasks, "d").await,
    ];
    assert!(tasks.cancel("a").unwrap().await.is_cancelled());
    assert!(tasks.cancel_id(b.task.id()).unwrap().await.is_cancelled());
    assert!(c.task.cancel().await.is_cancelled());
    assert_eq!(d.task.state(), State::Running, "nobody asked the fourth");
    assert!(tasks.cancel("nobody").is_none());
    for held in [&a, &b, &c] {
        assert!(held.dropped.is_set());
    }
    assert!(!d.dropped.is_set());
    let end = tasks.get("d").unwrap().cancel_with(Cancel::new().reason("by ref")).await;
    assert_eq!(end.reason(), Some("by ref"));
}

pub(crate) async fn law_01_tasks_are_cancelled_by_prefix_predicate_or_all<H: Harness>(
    tasks: Reg<H>,
) {
    for name in ["feed:1", "feed:2", "feeder", "web:1", "web:2", "mail"] {
        hold(&tasks, name).await;
    }
    let unnamed = tasks.spawn_unnamed(body(std::future::pending::<()>())).unwrap();
    let names = |ends: Vec<task_registry::TaskEnd>| {
        let mut names: Vec<_> = ends
            .iter()
            .map(|end| {
                assert!(end.outcome().is_cancelled());
                end.name().unwrap_or("-").to_owned()
            })
            .collect();
        names.sort();
        names
    };
    let feeds = tasks.cancel_prefix_with("feed:", Cancel::new().reason("no news"));
    assert_eq!(feeds.len(), 2);
    let feeds = feeds.await;
    assert!(feeds.iter().all(|end| end.outcome().reason() == Some("no news")));
    assert_eq!(names(feeds), ["feed:1", "feed:2"]);
    let webs = tasks.cancel_where(|task| task.name().is_some_and(|name| name.starts_with("web")));
    assert_eq!(names(webs.await), ["web:1", "web:2"]);
    // Dropped at once: the requests stand.
    drop(tasks.cancel_prefix("mail"));
    assert!(tasks.get("mail").unwrap().wait().await.is_cancelled());
    assert_eq!(names(tasks.cancel_all().await), ["-", "feeder"]);
    assert!(unnamed.is_ended());
    assert!(tasks.cancel_all().await.is_empty());
    assert!(tasks.cancel_prefix("").await.is_empty());
}

pub(crate) async fn law_04_a_task_cancelled_before_its_first_poll_never_runs<H: Harness>(
    tasks: Reg<H>,
) {
    let (ran, dropped) = (Flag::default(), Flag::default());
    let guard = dropped.on_drop();
    let stalled = stall::<H>(&tasks).await;
    let task = tasks
        .spawn(
            "a",
            body({
                let ran = ran.clone();
                async move {
                    let _guard = guard;
                    ran.set();
                }
            }),
        )
        .unwrap();
    assert_eq!(task.state(), State::Queued);
    let end = task.cancel_with("too early");
    drop(stalled);
    assert_eq!(end.await.reason(), Some("too early"));
    assert!(dropped.is_set() && !ran.is_set());
}

pub(crate) async fn law_04_a_tracked_future_cancelled_before_its_first_poll_never_runs<
    H: Harness,
>(
    tasks: Reg<H>,
) {
    let ran = Flag::default();
    let (future, task) = by_hand(&tasks, "a", {
        let ran = ran.clone();
        async move { ran.set() }
    });
    drop(task.cancel());
    assert_eq!(task.state(), State::Stopping);
    future.await;
    assert!(task.outcome().unwrap().is_cancelled());
    assert!(!ran.is_set());
}

pub(crate) async fn law_04_a_ticket_cancelled_before_its_future_came_gives_it_back<H: Harness>(
    tasks: Reg<H>,
) {
    let ran = Flag::default();
    let run = || {
        let ran = ran.clone();
        body(async move { ran.set() })
    };
    let ticket = tasks.reserve("a").unwrap();
    assert_eq!(tasks.get("a").expect("a reserved name is found").state(), State::Queued);
    let end = tasks.cancel_with("a", "not needed").unwrap();
    assert_eq!(
        end.await.reason(),
        Some("not needed"),
        "it ends at once, there is nothing to wait for"
    );
    let refused = ticket.spawn_on(tasks.spawner(), run()).unwrap_err();
    assert_eq!(refused.kind, SpawnError::Cancelled);
    drop(refused.into_future());

    let ticket = tasks.reserve("b").unwrap();
    tasks.cancel("b").unwrap().await;
    let refused = ticket.track(run()).unwrap_err();
    assert_eq!(refused.kind, SpawnError::Cancelled);
    assert!(!ran.is_set());
}

pub(crate) async fn law_04_a_queued_replacement_that_is_cancelled_never_runs<H: Harness>(
    tasks: Reg<H>,
) {
    let (old, old_task) = by_hand(&tasks, "a", std::future::pending::<()>());
    let ran = Flag::default();
    let new = tasks
        .task("a")
        .on_conflict(conflict::Replace)
        .spawn(body({
            let ran = ran.clone();
            async move { ran.set() }
        }))
        .unwrap();
    assert_eq!(new.state(), State::Queued);
    assert!(new.cancel().await.is_cancelled(), "it does not wait for the one before it");
    assert_eq!(old_task.state(), State::Stopping);
    old.await;
    assert!(!ran.is_set());
}
