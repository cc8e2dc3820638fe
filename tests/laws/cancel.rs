//! Laws 1, 3, 4 and 5: what a cancel does, and what it does not.

use std::pin::pin;
use std::sync::Arc;
use std::sync::Barrier;

use task_registry::{Cancel, Outcome, SpawnError, State, conflict};

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

pub(crate) async fn law_03_cancelling_an_ended_task_is_no_error<H: Harness>(tasks: Reg<H>) {
    let fine = tasks.spawn("fine", body(async { 1u32 })).unwrap();
    fine.wait().await;
    let bad = tasks.spawn("bad", body(async { blow_up("bad") })).unwrap();
    let _: &task_registry::TaskHandle<(), _> = &bad;
    bad.wait().await;
    for _ in 0..3 {
        assert_eq!(tasks.cancel("fine").unwrap().await, Outcome::Completed);
        assert!(tasks.cancel("bad").unwrap().await.is_panicked());
        assert_eq!(fine.cancel_with("late").await, Outcome::Completed);
    }
    assert_eq!(fine.await.unwrap(), 1, "the result is untouched");
    assert!(bad.await.unwrap_err().is_panic());
}

pub(crate) async fn law_03_ready_stands_against_a_cancel_in_the_very_same_poll<H: Harness>(
    tasks: Reg<H>,
) {
    let inner = tasks.tasks().clone();
    let task = tasks
        .spawn(
            "me",
            body(async move {
                drop(inner.cancel("me").expect("I live"));
                7u32
            }),
        )
        .unwrap();
    assert_eq!(task.wait().await, Outcome::Completed);
    assert_eq!(task.await.unwrap(), 7);
}

pub(crate) async fn law_03_ready_stands_against_a_panicking_destructor<H: Harness>(tasks: Reg<H>) {
    /// Ready at once, and its destructor panics.
    struct Rotten;
    impl Future for Rotten {
        type Output = u32;
        fn poll(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<u32> {
            std::task::Poll::Ready(7)
        }
    }
    impl Drop for Rotten {
        fn drop(&mut self) {
            blow_up("in the destructor");
        }
    }
    let task = tasks.spawn("rotten", body(Rotten)).unwrap();
    assert_eq!(task.wait().await, Outcome::Completed);
    assert_eq!(task.await.unwrap(), 7);
}

pub(crate) async fn law_03_a_panic_stands_against_a_cancel<H: Harness>(tasks: Reg<H>) {
    let inner = tasks.tasks().clone();
    let in_poll = tasks
        .spawn(
            "poll",
            body(async move {
                drop(inner.cancel("poll"));
                blow_up("in poll");
            }),
        )
        .unwrap();
    let _: &task_registry::TaskHandle<(), _> = &in_poll;
    assert!(in_poll.wait().await.is_panicked());

    let started = Gate::default();
    let in_drop = tasks
        .spawn(
            "drop",
            body({
                let started = started.clone();
                async move {
                    let _bomb = OnDrop::new(|| blow_up("in drop"));
                    started.open();
                    std::future::pending::<()>().await;
                }
            }),
        )
        .unwrap();
    started.pass().await;
    assert!(tasks.cancel("drop").unwrap().await.is_panicked());
    assert!(in_drop.await.unwrap_err().is_panic());
}

pub(crate) async fn law_03_the_outcome_never_changes<H: Harness>(tasks: Reg<H>) {
    let held = hold(&tasks, "a").await;
    tasks.cancel_with("a", "why").unwrap().await;
    let first = held.task.outcome().expect("it ended");
    held.finish.open();
    tasks.cancel_with("a", "again").unwrap().await;
    drop(tasks.shutdown(std::future::ready(())));
    assert_eq!(held.task.outcome(), Some(first.clone()));
    assert_eq!(held.task.wait().await, first);
    assert_eq!(tasks.get("a").unwrap().info().outcome(), Some(&first));
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

pub(crate) async fn law_05_a_task_may_cancel_itself_and_await_it<H: Harness>(tasks: Reg<H>) {
    let trace = Trace::default();
    let task = tasks
        .spawn(
            "me",
            body({
                let (tasks, trace) = (tasks.tasks().clone(), trace.clone());
                async move {
                    let _gone = OnDrop::new({
                        let trace = trace.clone();
                        move || trace.note("gone")
                    });
                    let end = tasks.cancel_with("me", "by myself").expect("I live");
                    trace.note("asked");
                    end.await;
                    trace.note("never");
                }
            }),
        )
        .unwrap();
    assert_eq!(task.await.unwrap_err().reason(), Some("by myself"));
    assert_eq!(trace.read(), ["asked", "gone"]);
}

pub(crate) async fn law_05_a_self_cancel_takes_effect_at_the_next_yield<H: Harness>(tasks: Reg<H>) {
    let trace = Trace::default();
    let task = tasks
        .spawn(
            "me",
            body({
                let (tasks, trace) = (tasks.tasks().clone(), trace.clone());
                async move {
                    drop(tasks.cancel("me"));
                    trace.note("still here");
                    std::future::ready(()).await;
                    trace.note("an await that does not yield is no yield");
                    std::future::pending::<()>().await;
                    trace.note("never");
                }
            }),
        )
        .unwrap();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(trace.read(), ["still here", "an await that does not yield is no yield"]);
}

pub(crate) async fn law_05_a_task_that_waits_for_itself_can_be_cancelled<H: Harness>(
    tasks: Reg<H>,
) {
    let waiting = Gate::default();
    let task = tasks
        .spawn(
            "me",
            body({
                let (tasks, waiting) = (tasks.tasks().clone(), waiting.clone());
                async move {
                    let me = tasks.get("me").expect("I live");
                    waiting.open();
                    me.wait().await;
                }
            }),
        )
        .unwrap();
    waiting.pass().await;
    assert!(task.cancel().await.is_cancelled());
}

pub(crate) async fn law_05_two_tasks_that_cancel_and_await_each_other_both_end<H: Harness>(
    tasks: Reg<H>,
) {
    // The second one is polled inside a poll of the first, so that each has asked before either yields.
    let inner = tasks.tasks().clone();
    let (second, second_task) = by_hand(&tasks, "second", async move {
        inner.cancel("first").expect("it lives").await;
    });
    let inner = tasks.tasks().clone();
    let first = tasks
        .spawn(
            "first",
            body(async move {
                let mut second = second;
                assert_pending(poll_once(&mut second.as_mut()));
                inner.cancel("second").expect("it lives").await;
            }),
        )
        .unwrap();
    assert!(first.await.unwrap_err().is_cancelled());
    assert!(second_task.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_05_two_tasks_that_cancel_each_other_on_two_threads_both_end<H: Harness>(
    tasks: Reg<H>,
) {
    if H::WORKERS < 2 {
        return; // Nothing is polled at once with anything else.
    }
    let both_ask = Arc::new(Barrier::new(2));
    let both_asked = Arc::new(Barrier::new(2));
    let duellist = |other: &'static str| {
        let (tasks, ask, asked) = (tasks.tasks().clone(), both_ask.clone(), both_asked.clone());
        body(async move {
            ask.wait();
            let end = tasks.cancel(other).expect("it lives");
            asked.wait();
            // The other one may have ended by now: then this is no yield, and the next one is.
            end.await;
            std::future::pending::<()>().await;
        })
    };
    let a = tasks.spawn("a", duellist("b")).unwrap();
    let b = tasks.spawn("b", duellist("a")).unwrap();
    assert!(a.await.unwrap_err().is_cancelled());
    assert!(b.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_05_a_task_that_wakes_itself_for_ever_can_be_cancelled<H: Harness>(
    tasks: Reg<H>,
) {
    let started = Gate::default();
    let task = tasks
        .spawn(
            "busy",
            body({
                let started = started.clone();
                async move {
                    loop {
                        started.open();
                        yield_now().await;
                    }
                }
            }),
        )
        .unwrap();
    let _: &task_registry::TaskHandle<(), _> = &task;
    started.pass().await;
    assert!(task.cancel().await.is_cancelled());
}
