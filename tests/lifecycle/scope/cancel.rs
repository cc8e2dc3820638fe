//! A scope that is cancelled, alone or with its parent, and what that closes.

use std::future::{pending, ready};
use std::pin::pin;
use std::sync::{Arc, Mutex};

use futures_lite::future::block_on;
use task_registry::{
    Cancel, Observer, Options, Outcome, Registry, SpawnError, State, TaskInfo, Tasks, conflict,
};

use super::{hold_in, names};
use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn a_cancelled_scope_takes_its_own_tasks_and_leaves_the_neighbours<H: Lives>(
    tasks: Reg<H>,
) {
    let (left, right) = (tasks.child("ws:1"), tasks.child("ws:2"));
    let a = hold_in(&tasks, &left, "a").await;
    let b = hold_in(&tasks, &left, "b").await;
    let neighbour = hold_in(&tasks, &right, "a").await;
    let outside = hold(&tasks, "a").await;
    // Its name begins as theirs do; that alone makes it no member.
    let alike = hold(&tasks, "ws:1/alike").await;
    assert_eq!((left.live(), right.live(), tasks.live()), (2, 1, 5));
    let end = left.cancel_with("the client left");
    assert_eq!(end.len(), 2);
    let mut ends = end.await;
    ends.sort_by(|one, other| one.name().cmp(&other.name()));
    let ends: Vec<_> =
        ends.iter().map(|end| (end.name().unwrap(), end.outcome().reason())).collect();
    let reason = Some("the client left");
    assert_eq!(ends, [("ws:1/a", reason), ("ws:1/b", reason)]);
    assert!(a.dropped.is_set() && b.dropped.is_set(), "law 2");
    left.wait_idle().await;
    assert_eq!((left.live(), right.live(), tasks.live()), (0, 1, 3));
    for other in [neighbour, outside, alike] {
        assert_eq!(other.task.state(), State::Running);
        other.finish.open();
        other.task.await.unwrap();
    }
}

pub(crate) async fn law_01_a_cancelled_scope_needs_nobody_who_waits<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let scope = tasks.child("s");
    let task = hand.task("a").within(&scope).spawn(pending::<()>()).unwrap();
    let mut wrapper = take(&hand);
    assert!(!step(&mut wrapper));
    drop(scope.cancel_with("first"));
    drop(scope.cancel_with("second"));
    assert_eq!((task.state(), scope.live()), (State::Stopping, 1));
    assert!(step(&mut wrapper));
    assert_eq!(task.outcome().unwrap().reason(), Some("first"));
    assert_eq!(scope.live(), 0);
}

pub(crate) async fn a_nested_scope_is_cancelled_and_awaited_with_its_parent<H: Lives>(
    tasks: Reg<H>,
) {
    let parent = tasks.child("outer");
    let child = parent.child("inner");
    let grandchild = child.child("core");
    let held = [
        hold_in(&tasks, &parent, "a").await,
        hold_in(&tasks, &child, "a").await,
        hold_in(&tasks, &grandchild, "a").await,
    ];
    assert_eq!((parent.live(), child.live(), grandchild.live()), (3, 2, 1));
    let all = ["outer/a", "outer/inner/a", "outer/inner/core/a"];
    assert_eq!(names(&parent.tasks()), all);
    assert_eq!(names(&child.tasks()), all[1..]);
    assert_eq!(parent.cancel().await.len(), 3);
    assert!(held.iter().all(|held| held.dropped.is_set()));
    for scope in [&parent, &child, &grandchild] {
        scope.wait_idle().await;
        assert_eq!(scope.live(), 0);
        let late = tasks.task("late").within(scope).spawn(body(ready(())));
        assert_eq!(late.unwrap_err(), SpawnError::Closed);
    }
    // So is one that is made only now.
    let late = tasks.task("late").within(&parent.child("new")).spawn(body(ready(())));
    assert_eq!(late.unwrap_err(), SpawnError::Closed);
}

pub(crate) async fn the_parents_end_waits_for_the_tasks_of_its_children<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let parent = tasks.child("outer");
    let child = parent.child("inner");
    let _own = hand.task("a").within(&parent).spawn(pending::<()>()).unwrap();
    let mut own = take(&hand);
    let _nested = hand.task("a").within(&child).spawn(pending::<()>()).unwrap();
    let mut nested = take(&hand);
    let mut end = pin!(parent.cancel());
    assert!(step(&mut own));
    assert_pending(poll_once(&mut end));
    assert_eq!((parent.live(), child.live()), (1, 1));
    assert!(step(&mut nested));
    assert_eq!(assert_ready(poll_once(&mut end)).len(), 2);
    assert_eq!((parent.live(), child.live()), (0, 0));
}

pub(crate) async fn a_child_cancelled_alone_leaves_its_parent<H: Lives>(tasks: Reg<H>) {
    let parent = tasks.child("outer");
    let (one, two) = (parent.child("one"), parent.child("two"));
    let above = hold_in(&tasks, &parent, "a").await;
    let beside = hold_in(&tasks, &two, "a").await;
    let inside = hold_in(&tasks, &one, "a").await;
    assert_eq!(one.cancel().await.len(), 1);
    assert!(inside.dropped.is_set());
    one.wait_idle().await;
    while parent.live() > 2 {
        // It leaves the scopes one after the other.
        yield_now().await;
    }
    assert_eq!(names(&parent.tasks()), ["outer/a", "outer/two/a"]);
    for held in [&above, &beside] {
        assert_eq!(held.task.state(), State::Running);
    }
    // The parent takes new ones, also into the other child.
    for scope in [&parent, &two] {
        tasks.task("b").within(scope).spawn(body(ready(()))).unwrap().await.unwrap();
    }
    let refused = tasks.task("b").within(&one).spawn(body(ready(())));
    assert_eq!(refused.unwrap_err(), SpawnError::Closed);
}

pub(crate) async fn a_closed_scope_gives_the_future_back<H: Lives>(tasks: Reg<H>) {
    let scope = tasks.child("s");
    assert!(scope.cancel().await.is_empty());
    let refused = tasks.task("a").within(&scope).try_spawn(body(async { 7u32 })).unwrap_err();
    let (kind, future) = refused.into_parts();
    assert_eq!(kind, SpawnError::Closed);
    let made = Flag::default();
    let view = tasks.task("a").within(&scope).spawn_with(made.clone(), |cx| {
        cx.set();
        body(ready(()))
    });
    assert_eq!(view.unwrap_err(), SpawnError::Closed);
    assert!(!made.is_set());
    assert_eq!(tasks.task("a").within(&scope).reserve().unwrap_err(), SpawnError::Closed);
    assert_eq!(tasks.unnamed().within(&scope).reserve().unwrap_err(), SpawnError::Closed);
    // Nothing is left of them, the name is free, and the registry is open.
    assert_eq!((tasks.live(), tasks.records(), scope.live()), (0, 0, 0));
    assert_eq!(tasks.spawn("s/a", future).unwrap().await.unwrap(), 7);
}

/// Calls what it was given when the next task is added.
#[derive(Clone, Default)]
struct OnAdded(Arc<Mutex<Option<OnDrop>>>);

impl Observer for OnAdded {
    fn added(&self, _: &TaskInfo) {
        let call = lock(&self.0).take();
        drop(call);
    }
}

/// The task was admitted already, and is not a member yet.
pub(crate) async fn a_scope_that_closes_while_a_task_is_admitted_refuses_it_and_keeps_nothing<
    H: Lives,
>(
    tasks: Reg<H>,
) {
    for closes_parent in [true, false] {
        let on_added = OnAdded::default();
        let tasks = another(&tasks, Options::new().observer(on_added.clone()));
        let parent = tasks.child("outer");
        let scope = parent.child("s");
        let closing = if closes_parent { parent.clone() } else { scope.clone() };
        *lock(&on_added.0) = Some(OnDrop::new(move || assert!(closing.cancel().is_empty())));
        let refused = tasks.task("a").within(&scope).try_spawn(body(async { 7u32 })).unwrap_err();
        let (kind, future) = refused.into_parts();
        assert_eq!((kind, future.await), (SpawnError::Closed, 7));
        assert_eq!((tasks.live(), parent.live(), scope.live()), (0, 0, 0));
        assert!(parent.tasks().is_empty() && tasks.get("outer/s/a").is_none());
        parent.wait_idle().await;
        assert_eq!(parent.is_closed(), closes_parent);
        tasks.spawn("outer/s/a", body(ready(()))).unwrap().await.unwrap();
    }
}

/// Who has the name is asked to stop for a newcomer, not for one that is refused.
pub(crate) async fn law_06_a_closed_scope_replaces_nobody<H: Lives>(tasks: Reg<H>) {
    let scope = tasks.child("s");
    drop(scope.cancel());
    let holder = hold(&tasks, "s/a").await;
    let newcomer = tasks.task("a").within(&scope).on_conflict(conflict::Replace);
    assert_eq!(newcomer.spawn(body(ready(()))).unwrap_err(), SpawnError::Closed);
    assert_eq!(holder.task.state(), State::Running);
    let newcomer = tasks.task("a").within(&scope).on_conflict(conflict::Detach);
    assert_eq!(newcomer.spawn(body(ready(()))).unwrap_err(), SpawnError::Closed);
    assert_eq!(tasks.get_live("s/a").as_ref(), Some(holder.task.task()));
}

pub(crate) async fn a_ticket_in_a_scope_that_is_cancelled_refuses_its_future<H: Lives>(
    tasks: Reg<H>,
) {
    let scope = tasks.child("s");
    let ticket = tasks.task("a").within(&scope).reserve().unwrap();
    let task = ticket.task().clone();
    assert_eq!((scope.live(), task.state(), task.name()), (1, State::Queued, Some("s/a")));
    let ends = scope.cancel_with("too late").await;
    assert_eq!(ends[0].outcome().reason(), Some("too late"));
    assert_eq!(scope.live(), 0);
    let refused = ticket.spawn_on(tasks.spawner(), body(async { 3u32 })).unwrap_err();
    let (kind, future) = refused.into_parts();
    assert_eq!(kind, SpawnError::Cancelled);
    assert_eq!(future.await, 3);
    assert_eq!((scope.live(), tasks.live()), (0, 0));
    // One that is used in time is a member from the first to the last.
    let scope = tasks.child("t");
    let ticket = tasks.task("a").within(&scope).reserve().unwrap();
    let task = ticket.spawn_on(tasks.spawner(), body(async { 4u32 })).unwrap();
    assert_eq!(task.await.unwrap(), 4);
    scope.wait_idle().await;
}

pub(crate) async fn a_scope_takes_the_queued_newcomer_along<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let scope = tasks.child("s");
    let _old = hand.task("a").within(&scope).spawn(pending::<()>()).unwrap();
    let mut old_wrapper = take(&hand);
    assert!(!step(&mut old_wrapper));
    let made = Flag::default();
    let newcomer = hand.task("a").within(&scope).on_conflict(conflict::Replace).spawn({
        let made = made.clone();
        async move { made.set() }
    });
    let (newcomer, mut wrapper) = (newcomer.unwrap(), take(&hand));
    let mut end = pin!(scope.cancel());
    assert!(step(&mut wrapper), "who is cancelled while it waits need not wait");
    assert!(newcomer.outcome().unwrap().is_cancelled() && !made.is_set());
    assert_pending(poll_once(&mut end));
    assert!(step(&mut old_wrapper));
    assert_eq!(assert_ready(poll_once(&mut end)).len(), 2);
}

pub(crate) async fn a_scope_grants_one_grace_to_all_of_its_tasks<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let scope = tasks.child("s");
    let spawn = |name: &'static str| {
        let task = hand.task(name).within(&scope).spawn(pending::<()>()).unwrap();
        let mut wrapper = take(&hand);
        assert!(!step(&mut wrapper));
        (task, wrapper)
    };
    let (mut one, mut two) = (spawn("one"), spawn("two"));
    let over = Gate::default();
    let mut end = pin!(scope.cancel_with(Cancel::new().reason("bye").grace(over.pass())));
    assert_pending(poll_once(&mut end));
    assert_eq!((one.0.state(), two.0.state()), (State::Stopping, State::Stopping));
    assert!(!step(&mut one.1) && !step(&mut two.1));
    let refused = hand.task("three").within(&scope).spawn(pending::<()>());
    assert_eq!(refused.unwrap_err(), SpawnError::Closed, "closed at once, whatever the grace");
    over.open();
    assert_pending(poll_once(&mut end));
    assert!(step(&mut one.1) && step(&mut two.1));
    assert_eq!(assert_ready(poll_once(&mut end)).len(), 2);
}

pub(crate) async fn a_shutdown_ends_what_is_in_scopes_and_shuts_them<H: Lives>(tasks: Reg<H>) {
    let scope = tasks.child("s");
    let inner = scope.child("in");
    hold_in(&tasks, &scope, "a").await;
    hold_in(&tasks, &inner, "b").await;
    hold(&tasks, "c").await;
    let report = tasks.shutdown(pending::<()>()).await;
    assert_eq!((report.cancelled(), report.is_clean()), (3, true));
    let mut ended: Vec<_> = report.ended().iter().map(|task| task.name().unwrap()).collect();
    ended.sort_unstable();
    assert_eq!(ended, ["c", "s/a", "s/in/b"]);
    inner.wait_idle().await;
    scope.wait_idle().await;
    for scope in [scope, inner] {
        assert_eq!(scope.live(), 0);
        let late = tasks.task("late").within(&scope).try_spawn(body(ready(())));
        assert_eq!(late.unwrap_err().kind, SpawnError::Closed);
        assert!(scope.cancel().await.is_empty());
    }
}

pub(crate) async fn a_task_may_cancel_the_scope_it_belongs_to<H: Lives>(tasks: Reg<H>) {
    let scope = tasks.child("s");
    let other = hold_in(&tasks, &scope, "other").await;
    let own = scope.clone();
    let ender = tasks.task("ender").within(&scope).spawn(body::<()>(async move {
        own.cancel_with("enough").await;
        unreachable!("it is asked to stop as well");
    }));
    let end: Outcome = ender.unwrap().wait().await;
    assert_eq!(end.reason(), Some("enough"), "law 5");
    assert_eq!(other.task.wait().await.reason(), Some("enough"));
    scope.wait_idle().await;
}

/// Law 9: a destructor may use the scope it is being cancelled with.
pub(crate) async fn law_09_a_destructor_may_use_its_scope<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let scope = tasks.child("s");
    let seen = Trace::default();
    let guard = OnDrop::new({
        let (scope, hand, seen) = (scope.clone(), hand.clone(), seen.clone());
        move || {
            seen.note(format!("{} {}", scope.live(), scope.tasks().len()));
            let late = hand.task("late").within(&scope).spawn(ready(()));
            seen.note(format!("{:?}", late.unwrap_err()));
            drop(scope.cancel());
        }
    });
    let _task = hand.task("a").within(&scope).spawn(noted_pending(guard)).unwrap();
    let mut wrapper = take(&hand);
    assert!(!step(&mut wrapper));
    drop(scope.cancel());
    assert!(step(&mut wrapper));
    assert_eq!(seen.read(), ["1 1", "Closed"]);
    assert_eq!(scope.live(), 0);
}

/// Threads add tasks while another closes the scope: each was refused, or is cancelled with the others.
pub(crate) async fn law_12_no_task_slips_into_a_scope_that_closes<H: Lives + Across>(_: Reg<H>) {
    use std::sync::{Arc, Barrier};
    use task_registry::mode;

    for _ in 0..50 {
        let table = Tasks::<mode::Sync>::new(Options::new());
        let scope = table.child("s");
        let inner = scope.child("in");
        let together = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (inner, table, together) = (inner.clone(), table.clone(), together.clone());
                on_thread(move || {
                    let hand = Registry::with_tasks(Hand::default(), table);
                    together.wait();
                    let mut live = Vec::new();
                    for _ in 0..50 {
                        match hand.unnamed().within(&inner).spawn(pending::<()>()) {
                            Ok(task) => live.push((task, take(&hand))),
                            Err(error) => assert_eq!(error, SpawnError::Closed),
                        }
                    }
                    let mut cancelled = 0;
                    for (task, mut wrapper) in live {
                        while !step(&mut wrapper) {
                            std::thread::yield_now();
                        }
                        assert!(task.outcome().unwrap().is_cancelled());
                        cancelled += 1;
                    }
                    cancelled
                })
            })
            .collect();
        together.wait();
        let end = scope.cancel();
        let asked = end.len();
        let cancelled: usize = threads.into_iter().map(Thread::join).sum();
        assert_eq!(asked, cancelled);
        assert_eq!(block_on(end).len(), cancelled);
        assert_eq!((scope.live(), inner.live(), table.live()), (0, 0, 0));
    }
}
