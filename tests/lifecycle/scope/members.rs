//! Who belongs to a scope, under which names, and until when.

use std::cell::RefCell;
use std::future::{pending, ready};
use std::pin::pin;

use futures_lite::future::block_on;
use task_registry::{Options, Outcome, Registry, Retain, SpawnError, State, Tasks, conflict};

use super::{hold_in, names};
use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn names_are_relative_within_and_paths_outside<H: Lives>(tasks: Reg<H>) {
    let scope = tasks.child("ws:42");
    let nested = scope.child(format_args!("room:{}", 7));
    assert_eq!((scope.path(), nested.path()), ("ws:42", "ws:42/room:7"));
    let a = hold_in(&tasks, &scope, "a").await;
    let b = hold_in(&tasks, &nested, "a").await;
    assert_eq!((a.task.name(), b.task.name()), (Some("ws:42/a"), Some("ws:42/room:7/a")));
    let listed: Vec<_> =
        tasks.snapshot().iter().map(|task| task.name().unwrap().to_owned()).collect();
    assert_eq!(listed, ["ws:42/a", "ws:42/room:7/a"]);
    assert_eq!(scope.get("a").as_ref(), Some(a.task.task()));
    assert_eq!(scope.get("room:7/a").as_ref(), Some(b.task.task()));
    assert_eq!(nested.get("a").as_ref(), Some(b.task.task()));
    assert_eq!(tasks.get("ws:42/room:7/a").as_ref(), Some(b.task.task()));
    assert!(scope.get("b").is_none() && scope.get("").is_none() && tasks.get("a").is_none());
    assert!(format!("{scope:?}").contains("ws:42/room:7/a"));
    // The record is found as the task was.
    b.finish.open();
    b.task.await.unwrap();
    assert_eq!(nested.get("a").unwrap().outcome(), Some(Outcome::Completed));
    assert_eq!(tasks.task("").within(&scope).reserve().unwrap_err(), SpawnError::EmptyName);
    let long = "n".repeat(5_000);
    let long = tasks.task(long.clone()).within(&scope).reserve().unwrap();
    assert_eq!(long.name().map(str::len), Some(5_006));
}

pub(crate) async fn two_scopes_of_one_path_share_names_and_no_members<H: Lives>(tasks: Reg<H>) {
    let (one, two) = (tasks.child("s"), tasks.child("s"));
    let a = hold_in(&tasks, &one, "a").await;
    let taken = tasks.task("a").within(&two).spawn(body(ready(())));
    assert_eq!(taken.unwrap_err(), SpawnError::NameTaken { holder: a.task.id() });
    assert_eq!((one.live(), two.live()), (1, 0));
    assert!(two.cancel().await.is_empty());
    assert_eq!(a.task.state(), State::Running);
    // A clone is the same scope.
    assert_eq!(one.clone().cancel().await.len(), 1);
    assert!(tasks.task("a").within(&one).reserve().is_err());
}

pub(crate) async fn a_task_leaves_its_scope_however_it_ends<H: Lives>(tasks: Reg<H>) {
    let scope = tasks.child("s");
    let inner = scope.child("in");
    let ends = [
        tasks.task("done").within(&inner).spawn(body(ready(()))).unwrap(),
        tasks.task("panics").within(&inner).spawn(body(async { blow_up("on purpose") })).unwrap(),
        tasks.task("cancelled").within(&inner).spawn(body(pending::<()>())).unwrap(),
    ];
    let unused = tasks.task("unused").within(&inner).reserve().unwrap();
    assert!(inner.tasks().contains(unused.task()));
    drop(unused);
    drop(ends[2].cancel());
    let mut outcomes = Vec::new();
    for end in ends {
        outcomes.push(end.wait().await);
    }
    assert!(outcomes[0].is_completed() && outcomes[1].is_panicked() && outcomes[2].is_cancelled());
    inner.wait_idle().await;
    scope.wait_idle().await;
    assert_eq!((scope.live(), inner.live()), (0, 0));
    assert!(scope.tasks().is_empty() && inner.tasks().is_empty());
    // The scope was not cancelled: it goes on.
    tasks.task("done").within(&inner).spawn(body(ready(()))).unwrap().await.unwrap();
}

pub(crate) async fn ten_thousand_that_came_and_went_leave_nothing_in_a_scope<H: Lives>(
    tasks: Reg<H>,
) {
    drop(tasks);
    let table = Tasks::<H::Mode>::new(Options::new().retain(Retain::Nothing));
    let hand = Registry::with_tasks(Hand::default(), table);
    let scope = hand.child("s");
    let inner = scope.child("in");
    let stays = hand.task("stays").within(&scope).spawn(pending::<()>()).unwrap();
    let _stays = (stays, take(&hand));
    for round in 0..100 {
        let mut live = Vec::new();
        for number in 0..100 {
            let within = if number % 2 == 0 { &scope } else { &inner };
            let task = hand.task(number).within(within).spawn(ready(())).unwrap();
            drop(task);
            live.push(take(&hand));
        }
        assert_eq!((scope.live(), inner.live()), (101, 50));
        // They leave as they came, or the other way round.
        if round % 2 == 0 {
            live.reverse();
        }
        for mut wrapper in live {
            assert!(step(&mut wrapper));
        }
        assert_eq!((scope.live(), inner.live(), hand.len()), (1, 0, 1));
        assert_eq!((scope.tasks().len(), inner.tasks().len()), (1, 0));
    }
    assert_eq!(scope.cancel().len(), 1);
}

pub(crate) async fn tasks_without_a_name_belong_to_a_scope_too<H: Lives>(tasks: Reg<H>) {
    let scope = tasks.child("s");
    let one = tasks.unnamed().within(&scope).spawn(body(pending::<()>())).unwrap();
    let two = tasks.unnamed().within(&scope).spawn(body(pending::<()>())).unwrap();
    assert_eq!((one.name(), scope.live()), (None, 2));
    assert_eq!(names(&scope.tasks()), ["(unnamed)", "(unnamed)"]);
    assert_eq!(scope.cancel().await.len(), 2);
    for task in [one, two] {
        assert!(task.await.unwrap_err().is_cancelled());
    }
}

pub(crate) async fn a_newcomer_in_a_scope_waits_for_the_one_it_replaces<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let scope = tasks.child("s");
    let old = hand.task("a").within(&scope).spawn(pending::<()>()).unwrap();
    let mut old_wrapper = take(&hand);
    assert!(!step(&mut old_wrapper));
    let ran = Flag::default();
    let newcomer = hand.task("a").within(&scope).on_conflict(conflict::Replace).spawn({
        let ran = ran.clone();
        async move { ran.set() }
    });
    let (newcomer, mut wrapper) = (newcomer.unwrap(), take(&hand));
    assert_eq!(scope.get("a").as_ref(), Some(newcomer.task()));
    assert_eq!(scope.live(), 2, "the one that stops is a member until it has");
    assert!(!step(&mut wrapper) && !ran.is_set());
    assert!(step(&mut old_wrapper));
    assert_eq!((old.outcome().unwrap().is_cancelled(), scope.live()), (true, 1));
    assert!(step(&mut wrapper) && ran.is_set());
    assert_eq!(scope.live(), 0);
}

pub(crate) async fn who_waits_for_an_idle_scope_is_woken_by_its_last_task<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let scope = tasks.child("s");
    let inner = scope.child("in");
    scope.wait_idle().await;
    let _elsewhere = hand.spawn("elsewhere", pending::<()>()).unwrap();
    let _elsewhere = take(&hand);
    scope.wait_idle().await;
    let _one = hand.task("one").within(&scope).spawn(ready(())).unwrap();
    let mut one = take(&hand);
    let _two = hand.task("two").within(&inner).spawn(ready(())).unwrap();
    let mut two = take(&hand);
    let (waker, wakes) = counting_waker();
    let mut idle = pin!(scope.wait_idle());
    assert_pending(poll_with(&mut idle, &waker));
    assert!(step(&mut one));
    assert_eq!(wakes.get(), 0);
    assert_pending(poll_with(&mut idle, &waker));
    assert!(step(&mut two));
    assert_eq!(wakes.get(), 1);
    assert_ready(poll_with(&mut idle, &waker));
    // Dropped half-way it leaves nobody to be woken.
    let _three = hand.task("three").within(&scope).spawn(ready(())).unwrap();
    let mut three = take(&hand);
    {
        let mut idle = pin!(scope.wait_idle());
        assert_pending(poll_with(&mut idle, &waker));
    }
    assert!(step(&mut three));
    assert_eq!(wakes.get(), 1);
}

pub(crate) async fn a_dropped_scope_stops_nobody<H: Lives>(tasks: Reg<H>) {
    let scope = tasks.child("outer").child("s");
    let held = hold_in(&tasks, &scope, "a").await;
    drop(scope);
    assert_eq!(held.task.state(), State::Running, "law 8");
    held.finish.open();
    held.task.await.unwrap();
    assert_eq!(tasks.get("outer/s/a").unwrap().outcome(), Some(Outcome::Completed));
}

/// An executor that goes takes its tasks from their scopes.
pub(crate) fn law_11_an_abandoned_task_leaves_its_scope<H: Lives>() {
    let left = RefCell::new(None);
    H::run(async |tasks: Reg<H>| {
        let scope = tasks.child("s");
        let inner = scope.child("in");
        let held = hold_in(&tasks, &inner, "a").await;
        assert_eq!(scope.live(), 1);
        *left.borrow_mut() = Some((scope, inner, held));
    });
    let (scope, inner, held) = left.into_inner().unwrap();
    assert_eq!(block_on(held.task.wait()), Outcome::Abandoned);
    block_on(inner.wait_idle());
    block_on(scope.wait_idle());
    assert_eq!((scope.live(), inner.live()), (0, 0));
}
