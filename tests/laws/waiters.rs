//! Law 2, seen by those who wait: each is woken, once, by its last waker, whatever the others do.

use std::cell::RefCell;
use std::future::pending;
use std::pin::{Pin, pin};
use std::rc::Rc;

use task_registry::{Outcome, conflict};

use crate::harness::*;
use crate::kit::*;

pub(crate) async fn law_02_a_crowd_of_waiters_is_woken_each_once<H: Harness>(tasks: Reg<H>) {
    for finishes in [true, false] {
        let go = Gate::default();
        let (mut future, task) = by_hand(&tasks, "a", go.pass());
        assert_pending(poll_once(&mut future.as_mut()));
        let mut crowd: Vec<_> = (0..100)
            .map(|_| {
                let (waker, wakes) = counting_waker();
                let mut wait = Box::pin(task.wait());
                assert_pending(poll_with(&mut wait.as_mut(), &waker));
                (Some(wait), wakes)
            })
            .collect();
        // Some leave, from the middle, the head and the tail.
        for (index, (wait, _)) in crowd.iter_mut().enumerate() {
            if index % 3 == 0 || index == 98 {
                *wait = None;
            }
        }
        if finishes {
            go.open();
            assert_ready(poll_once(&mut future.as_mut()));
        } else {
            drop(future);
        }
        let outcome = task.outcome().expect("it ended");
        for (wait, wakes) in crowd {
            let Some(mut wait) = wait else {
                assert_eq!(wakes.get(), 0, "who left is not woken");
                continue;
            };
            assert_eq!(wakes.get(), 1);
            assert_eq!(assert_ready(poll_once(&mut wait.as_mut())), outcome);
        }
    }
}

pub(crate) async fn law_02_the_last_waker_is_the_one_that_is_woken<H: Harness>(tasks: Reg<H>) {
    let (mut future, task) = by_hand(&tasks, "a", pending::<()>());
    let by_ref = task.task().clone();
    let mut handle = task;
    let mut handle = Pin::new(&mut handle);
    let mut wait = pin!(by_ref.wait());
    let mut idle = pin!(tasks.wait_idle());
    let mut endings = tasks.endings();
    let mut next = pin!(endings.next_ended());
    let mut cancelling = pin!(by_ref.cancel());
    let mut all = pin!(tasks.cancel_all());
    let mut shutdown = pin!(tasks.shutdown(pending::<()>()));
    let (old, old_wakes) = counting_waker();
    let (new, new_wakes) = counting_waker();
    for waker in [&old, &new] {
        assert_pending(poll_with(&mut handle, waker).map(drop));
        assert_pending(poll_with(&mut wait, waker));
        assert_pending(poll_with(&mut idle, waker));
        assert_pending(poll_with(&mut next, waker).map(drop));
        assert_pending(poll_with(&mut cancelling, waker));
        assert_pending(poll_with(&mut all, waker).map(drop));
        assert_pending(poll_with(&mut shutdown, waker).map(drop));
    }
    assert_eq!(new_wakes.get(), 0);
    assert_ready(poll_once(&mut future.as_mut()));
    assert_eq!(old_wakes.get(), 0);
    assert_eq!(new_wakes.get(), 7, "each of them is woken");
    assert!(assert_ready(poll_with(&mut wait, &new)).is_cancelled());
    assert!(assert_ready(poll_with(&mut cancelling, &new)).is_cancelled());
    assert!(assert_ready(poll_with(&mut handle, &new)).is_err());
    assert_eq!(assert_ready(poll_with(&mut all, &new)).len(), 1);
    assert!(assert_ready(poll_with(&mut next, &new)).is_some());
    assert_ready(poll_with(&mut idle, &new));
    assert!(assert_ready(poll_with(&mut shutdown, &new)).is_clean());
}

pub(crate) async fn law_09_a_waker_may_drop_other_waiters<H: Harness>(tasks: Reg<H>) {
    // All of it happens on the law's own thread: the end is reported where the future is dropped.
    let (future, task) = by_hand(&tasks, "a", pending::<()>());
    let others = Rc::new(RefCell::new(Vec::new()));
    let killer = waker_calling({
        let others = others.clone();
        move || others.take().clear()
    });
    let (waker, wakes) = counting_waker();
    let mut kept = Box::pin(task.wait());
    let mut first = Box::pin(task.wait());
    assert_pending(poll_with(&mut first.as_mut(), &killer));
    for _ in 0..50 {
        let mut other = Box::pin(task.wait());
        assert_pending(poll_with(&mut other.as_mut(), &waker));
        others.borrow_mut().push(other);
    }
    assert_pending(poll_with(&mut kept.as_mut(), &waker));
    drop(future);
    assert!(others.borrow().is_empty());
    assert!(wakes.get() >= 1, "the one that was kept is woken");
    assert_eq!(assert_ready(poll_once(&mut kept.as_mut())), Outcome::Abandoned);
    assert_eq!(assert_ready(poll_once(&mut first.as_mut())), Outcome::Abandoned);
}

pub(crate) async fn law_09_a_waker_may_drop_the_last_handles<H: Harness>(tasks: Reg<H>) {
    let (future, task) = by_hand(&tasks, "a", pending::<()>());
    let last = Rc::new(RefCell::new(None));
    let called = Flag::default();
    let waker = waker_calling({
        let (last, called, tasks) = (last.clone(), called.clone(), tasks.tasks().clone());
        move || {
            tasks.purge();
            drop(last.take());
            called.set();
        }
    });
    let mut wait = Box::pin(task.wait());
    assert_pending(poll_with(&mut wait.as_mut(), &waker));
    *last.borrow_mut() = Some((wait, task));
    drop(waker);
    drop(future);
    assert!(called.is_set());
    assert!(tasks.is_empty());
}

pub(crate) async fn law_02_a_wait_that_is_over_stays_over<H: Harness>(tasks: Reg<H>) {
    let task = tasks.spawn("a", body(async {})).unwrap();
    let mut wait = pin!(task.wait());
    assert_eq!(wait.as_mut().await, Outcome::Completed);
    tasks.purge();
    let held = hold(&tasks, "a").await;
    assert_eq!(assert_ready(poll_once(&mut wait)), Outcome::Completed);
    held.finish.open();
}

pub(crate) async fn law_06_a_queued_task_is_woken_when_its_turn_comes<H: Harness>(tasks: Reg<H>) {
    let (first, _first_task) = by_hand(&tasks, "x", pending::<()>());
    let ran = Flag::default();
    let ticket = tasks.task("x").on_conflict(conflict::Replace).reserve().unwrap();
    let (second, second_task) = ticket
        .track(body({
            let ran = ran.clone();
            async move { ran.set() }
        }))
        .unwrap();
    let mut second = Box::pin(second);
    let (waker, wakes) = counting_waker();
    // Polled as often as an executor likes, it stays queued.
    for _ in 0..5 {
        assert_pending(poll_with(&mut second.as_mut(), &waker));
    }
    assert_eq!((wakes.get(), second_task.state()), (0, task_registry::State::Queued));
    assert!(!ran.is_set());
    drop(first);
    assert_eq!(wakes.get(), 1);
    assert_ready(poll_with(&mut second.as_mut(), &waker));
    assert!(ran.is_set());
    second_task.await.unwrap();
}

pub(crate) async fn law_06_a_task_that_was_queued_is_still_woken_by_a_cancel<H: Harness>(
    tasks: Reg<H>,
) {
    let (first, _first_task) = by_hand(&tasks, "x", pending::<()>());
    let ticket = tasks.task("x").on_conflict(conflict::Replace).reserve().unwrap();
    let (second, second_task) = ticket.track(body(pending::<()>())).unwrap();
    let mut second = Box::pin(second);
    let (waker, wakes) = counting_waker();
    // The same waker before its turn, at its turn and from then on: it is taken out in between.
    assert_pending(poll_with(&mut second.as_mut(), &waker));
    drop(first);
    assert_eq!(wakes.get(), 1);
    assert_pending(poll_with(&mut second.as_mut(), &waker));
    assert_pending(poll_with(&mut second.as_mut(), &waker));
    drop(second_task.cancel());
    assert_eq!(wakes.get(), 2);
    assert_ready(poll_with(&mut second.as_mut(), &waker));
    assert!(second_task.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_06_a_queued_task_is_woken_by_a_cancel<H: Harness>(tasks: Reg<H>) {
    let (first, first_task) = by_hand(&tasks, "x", pending::<()>());
    let ticket = tasks.task("x").on_conflict(conflict::Replace).reserve().unwrap();
    let (second, second_task) = ticket.track(body(pending::<()>())).unwrap();
    let mut second = Box::pin(second);
    let (waker, wakes) = counting_waker();
    assert_pending(poll_with(&mut second.as_mut(), &waker));
    drop(second_task.cancel());
    assert_eq!(wakes.get(), 1);
    assert_ready(poll_with(&mut second.as_mut(), &waker));
    assert!(second_task.await.unwrap_err().is_cancelled());
    assert!(!first_task.is_ended());
    drop(first);
}

pub(crate) async fn law_06_a_replacement_that_finds_no_place_stops_nobody<H: Harness>(
    tasks: Reg<H>,
) {
    let small = another(&tasks, task_registry::Options::new().capacity(1));
    let held = hold(&small, "x").await;
    let polled = Flag::default();
    let newcomer = body({
        let polled = polled.clone();
        async move { polled.set() }
    });
    match small.task("x").on_conflict(conflict::Replace).try_spawn(newcomer) {
        // The predecessor's place counts until it has ended, so there is none for the newcomer.
        Err(refused) => {
            assert_eq!(refused.kind, task_registry::SpawnError::Full { capacity: 1 });
            assert_eq!(held.task.state(), task_registry::State::Running);
            assert_eq!(small.get("x").unwrap().id(), held.task.id());
            refused.into_future().await;
        }
        // Or it takes over the place together with the name.
        Ok(task) => task.await.unwrap(),
    }
    assert!(polled.is_set());
    small.cancel_all().await;
}

pub(crate) async fn law_06_a_detached_tasks_record_is_not_its_old_names<H: Harness>(tasks: Reg<H>) {
    let old = hold(&tasks, "x").await;
    let new = tasks.task("x").on_conflict(conflict::Detach).spawn(body(async { 1u32 })).unwrap();
    new.wait().await;
    old.finish.open();
    old.task.wait().await;
    assert_eq!(tasks.get("x").unwrap().id(), new.id(), "though it ended first");
    assert!(new.purge());
    assert!(tasks.get("x").is_none_or(|task| task.id() == old.task.id()));
    assert_eq!(tasks.by_id(old.task.id()).unwrap().outcome(), Some(Outcome::Completed));
}
