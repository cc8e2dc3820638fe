//! Laws 7 and 8: ids and handles reach their own task only, and dropping one stops nothing.

use std::collections::HashSet;

use task_registry::{Options, Outcome, Retain, State};

use crate::harness::*;
use crate::kit::*;

pub(crate) async fn law_07_a_stale_id_never_touches_another_task<H: Harness>(tasks: Reg<H>) {
    let old = tasks.spawn("a", body(async {})).unwrap();
    old.wait().await;
    let (stale_id, stale) = (old.id(), old.task().clone());
    assert_eq!(tasks.purge(), 1);
    assert!(tasks.by_id(stale_id).is_none());
    assert!(tasks.get("a").is_none());

    // Enough newcomers to take the old one's place, one of them under its name.
    let mut held = vec![hold(&tasks, "a").await];
    for name in ["b", "c", "d", "e", "f", "g", "h"] {
        held.push(hold(&tasks, name).await);
    }
    assert!(held.iter().all(|held| held.task.id() != stale_id));
    assert!(tasks.by_id(stale_id).is_none());
    assert!(tasks.cancel_id(stale_id).is_none());
    assert_eq!(stale.cancel().await, Outcome::Completed, "a stale handle knows its own task");
    assert_eq!(stale.wait().await, Outcome::Completed);
    assert_eq!((stale.state(), stale.id(), stale.name()), (State::Ended, stale_id, Some("a")));
    drop(stale.drop_guard());
    assert!(!stale.purge(), "it is no longer in the table");
    drop(old);
    for held in held {
        assert_eq!(held.task.state(), State::Running, "{}", held.task.task());
        held.finish.open();
        held.task.await.unwrap();
    }
}

pub(crate) async fn law_07_a_stale_id_stays_stale_through_many_generations<H: Harness>(
    tasks: Reg<H>,
) {
    let mut stale = HashSet::new();
    for round in 0..1000u32 {
        let task = tasks.spawn("a", body(async move { round })).unwrap();
        task.wait().await;
        assert!(stale.insert(task.id()), "an id came twice");
        assert!(task.purge());
    }
    let held = hold(&tasks, "a").await;
    for id in stale {
        assert!(tasks.by_id(id).is_none());
        assert!(tasks.cancel_id(id).is_none());
    }
    assert_eq!(held.task.state(), State::Running);
}

pub(crate) async fn law_07_an_old_waiter_does_not_wait_for_the_next_tenant<H: Harness>(
    tasks: Reg<H>,
) {
    let first = tasks.spawn("a", body(async { 1u32 })).unwrap();
    let wait = first.task().clone();
    let end = first.cancel();
    wait.wait().await;
    tasks.purge();
    let held = hold(&tasks, "a").await;
    // These were made for the first one and polled only now.
    let outcome = end.await;
    assert_eq!(Some(outcome.clone()), wait.outcome());
    assert_eq!(wait.wait().await, outcome);
    let _ = first.await;
    assert_eq!(held.task.state(), State::Running);
}

pub(crate) async fn law_07_ids_of_another_registry_are_strangers<H: Harness>(tasks: Reg<H>) {
    let other = another(&tasks, Options::new());
    let mut here = Vec::new();
    let mut there = Vec::new();
    for name in ["a", "b", "c", "d"] {
        here.push(hold(&tasks, name).await);
        there.push(hold(&other, name).await);
    }
    for (mine, yours) in here.iter().zip(&there) {
        assert_ne!(mine.task.id(), yours.task.id());
        assert!(tasks.by_id(yours.task.id()).is_none());
        assert!(other.by_id(mine.task.id()).is_none());
        assert!(tasks.cancel_id(yours.task.id()).is_none());
    }
    // A registry made after one is gone does not inherit its ids either.
    let ids: Vec<_> = there.iter().map(|held| held.task.id()).collect();
    other.cancel_all().await;
    drop((other, there));
    let third = another(&tasks, Options::new());
    for name in ["a", "b", "c", "d"] {
        hold(&third, name).await;
    }
    assert!(ids.iter().all(|id| third.by_id(*id).is_none() && third.cancel_id(*id).is_none()));
    assert_eq!(third.live(), 4);
    assert!(here.iter().all(|held| held.task.state() == State::Running));
    third.cancel_all().await;
}

pub(crate) async fn law_08_dropping_a_handle_stops_nothing<H: Harness>(tasks: Reg<H>) {
    let (started, finish, finished) = (Gate::default(), Gate::default(), Gate::default());
    let task = tasks
        .spawn(
            "a",
            body({
                let (started, finish, finished) =
                    (started.clone(), finish.clone(), finished.clone());
                async move {
                    started.open();
                    finish.pass().await;
                    finished.open();
                }
            }),
        )
        .unwrap();
    drop(task);
    started.pass().await;
    drop(tasks.get("a").expect("it lives"));
    assert_eq!(tasks.get_live("a").unwrap().state(), State::Running);
    finish.open();
    finished.pass().await;
    assert_eq!(tasks.get("a").unwrap().wait().await, Outcome::Completed);
}

pub(crate) async fn law_08_dropping_a_handle_before_the_first_poll_stops_nothing<H: Harness>(
    tasks: Reg<H>,
) {
    let finished = Gate::default();
    let stalled = stall::<H>(&tasks).await;
    drop(tasks.spawn(
        "a",
        body({
            let finished = finished.clone();
            async move { finished.open() }
        }),
    ));
    drop(stalled);
    finished.pass().await;
}

pub(crate) async fn law_08_dropping_a_polled_wait_stops_nothing<H: Harness>(tasks: Reg<H>) {
    let held = hold(&tasks, "a").await;
    let (waker, wakes) = counting_waker();
    for _ in 0..10 {
        let mut wait = Box::pin(held.task.wait());
        assert_pending(poll_with(&mut wait.as_mut(), &waker));
        drop(wait);
    }
    let mut handle = held.task;
    assert_pending(poll_with(&mut std::pin::Pin::new(&mut handle), &waker).map(|_| ()));
    drop(handle);
    held.finish.open();
    assert_eq!(tasks.get("a").unwrap().wait().await, Outcome::Completed);
    assert_eq!(wakes.get(), 0, "whoever left is not woken");
}

pub(crate) async fn law_08_a_guard_stops_on_drop<H: Harness>(tasks: Reg<H>) {
    let a = hold(&tasks, "a").await;
    let b = hold(&tasks, "b").await;
    {
        let _by_handle = a.task.drop_guard();
        let _by_ref = tasks.get("b").unwrap().drop_guard();
        assert_eq!(a.task.state(), State::Running);
    }
    assert!(a.task.await.unwrap_err().is_cancelled());
    assert!(b.task.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_08_a_guard_can_be_waited_for_or_disarmed<H: Harness>(tasks: Reg<H>) {
    let a = hold(&tasks, "a").await;
    let guard = a.task.drop_guard();
    assert_eq!(guard.task().id(), tasks.get("a").unwrap().id());
    assert!(guard.stop().await.is_cancelled());
    assert!(a.dropped.is_set(), "stop waits for the end");

    let b = hold(&tasks, "b").await;
    let freed = b.task.drop_guard().disarm();
    assert_eq!(freed.state(), State::Running);
    b.finish.open();
    assert_eq!(freed.wait().await, Outcome::Completed);

    // `stop` asks at the call, not at the first poll.
    let c = hold(&tasks, "c").await;
    drop(c.task.drop_guard().stop());
    assert!(c.task.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_08_a_guard_in_a_task_stops_the_other_when_the_task_is_cancelled<
    H: Harness,
>(
    tasks: Reg<H>,
) {
    let receiver = hold(&tasks, "receiver").await;
    let started = Gate::default();
    let handler = tasks
        .spawn(
            "handler",
            body({
                let (guard, started) = (receiver.task.drop_guard(), started.clone());
                async move {
                    let _guard = guard;
                    started.open();
                    std::future::pending::<()>().await;
                }
            }),
        )
        .unwrap();
    started.pass().await;
    assert!(handler.cancel().await.is_cancelled());
    assert!(receiver.task.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_08_dropping_the_last_clone_of_a_registry_detaches<H: Harness>(
    tasks: Reg<H>,
) {
    let other = another(&tasks, Options::new().retain(Retain::Everything));
    let clone = other.clone();
    let held = hold(&other, "a").await;
    let end = Gate::default();
    let silent = other
        .spawn(
            "b",
            body({
                let (go, end) = (held.finish.clone(), end.clone());
                async move {
                    go.pass().await;
                    end.open();
                }
            }),
        )
        .unwrap();
    drop(silent);
    drop(other);
    assert_eq!(held.task.state(), State::Running);
    drop(clone);
    assert_eq!(held.task.state(), State::Running, "they go on without their registry");
    held.finish.open();
    end.pass().await;
    held.task.await.unwrap();
}

pub(crate) async fn law_08_a_handle_outlives_its_registry<H: Harness>(tasks: Reg<H>) {
    let other = another(&tasks, Options::new());
    let held = hold(&other, "a").await;
    let end = other.cancel("a").unwrap();
    drop(other);
    assert!(end.await.is_cancelled());
    let task = held.task.task().clone();
    assert_eq!(task.name(), Some("a"));
    assert!(held.task.await.unwrap_err().is_cancelled());
    assert!(task.cancel().await.is_cancelled());
}

pub(crate) async fn law_08_a_guard_of_all_tasks_stops_them_on_drop<H: Harness>(tasks: Reg<H>) {
    let other = another(&tasks, Options::new());
    let (a, b) = (hold(&other, "a").await, hold(&other, "b").await);
    let apart = hold(&tasks, "a").await;
    other.drop_guard().disarm();
    assert_eq!(a.task.state(), State::Running);
    drop(other.drop_guard());
    assert!(a.task.await.unwrap_err().is_cancelled());
    assert!(b.task.await.unwrap_err().is_cancelled());
    let c = hold(&other, "c").await;
    other.drop_guard().stop().await;
    assert!(c.dropped.is_set());
    assert_eq!(apart.task.state(), State::Running, "the other registry has nothing to do with it");
}
