//! Readiness: a task says that others may count on it.

use std::cell::RefCell;
use std::future::{Future, pending, ready};
use std::pin::{Pin, pin};

use task_registry::mode::Mode;
use task_registry::{Cx, Outcome, Registry, Started, TaskHandle, TaskRef};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

/// A task in hand, with its context outside.
struct Outside<M: Mode> {
    task: TaskHandle<(), M>,
    cx: Cx<(), M>,
    wrapper: Wrapper,
}

fn outside<M: Mode>(
    hand: &Registry<Hand, M>,
    future: impl Future<Output = ()> + 'static,
) -> Outside<M> {
    let kept = RefCell::new(None);
    let task = hand.with_context(()).spawn_with("a", |cx: Cx<(), M>| {
        *kept.borrow_mut() = Some(cx);
        future
    });
    let task = task.expect("the name is free");
    Outside { task, cx: kept.into_inner().unwrap(), wrapper: take(hand) }
}

fn started<M: Mode>(task: &TaskRef<M>) -> Pin<Box<Started<M>>> {
    Box::pin(task.started())
}

pub(crate) async fn who_waits_for_a_start_goes_on_once_the_task_says_that_it_is_ready<H: Lives>(
    tasks: Reg<H>,
) {
    let (go, finish, said) = (Gate::default(), Gate::default(), Flag::default());
    let server = tasks.with_context(()).spawn_with("server", |cx: Cx<(), _>| {
        let (go, finish, said) = (go.clone(), finish.clone(), said.clone());
        body(async move {
            go.pass().await;
            said.set();
            cx.ready();
            finish.pass().await;
        })
    });
    let server = server.unwrap();
    let mut start = started(&server);
    assert_pending(poll_once(&mut start.as_mut()));
    let client = tasks.spawn("client", {
        let (server, said) = (server.task().clone(), said.clone());
        body(async move {
            assert_eq!(server.started().await, Ok(()));
            u32::from(said.is_set())
        })
    });
    go.open();
    assert_eq!(client.unwrap().await.unwrap(), 1);
    assert_eq!(start.await, Ok(()));
    assert!(!server.is_ended());
    finish.open();
    server.await.unwrap();
}

pub(crate) async fn who_asks_afterwards_need_not_wait<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let finish = Gate::default();
    let Outside { task, cx, mut wrapper } = outside(&hand, finish.pass());
    assert!(!step(&mut wrapper));
    assert_pending(poll_once(&mut started(&task).as_mut()));
    cx.ready();
    assert_eq!(assert_ready(poll_once(&mut started(&task).as_mut())), Ok(()));
    // It was ready, whatever became of it.
    drop(task.cancel());
    assert_eq!(assert_ready(poll_once(&mut started(&task).as_mut())), Ok(()));
    assert!(step(&mut wrapper));
    assert_eq!(assert_ready(poll_once(&mut started(&task).as_mut())), Ok(()));
    assert!(task.outcome().unwrap().is_cancelled());
}

pub(crate) async fn a_task_that_ends_before_it_is_ready_tells_how_and_frees_its_name<H: Lives>(
    tasks: Reg<H>,
) {
    let go = Gate::default();
    let gate = go.clone();
    let completed = tasks.spawn("a", body(async move { gate.pass().await })).unwrap();
    let mut start = started(&completed);
    assert_pending(poll_once(&mut start.as_mut()));
    go.open();
    assert_eq!(start.await, Err(Outcome::Completed));
    let panicked = tasks.spawn("a", body::<()>(async { blow_up("while starting") })).unwrap();
    let outcome = panicked.started().await.unwrap_err();
    assert_eq!(outcome, Outcome::Panicked { message: Some("while starting".into()) });
    let cancelled = tasks.spawn("a", body(pending::<()>())).unwrap();
    let start = cancelled.started();
    drop(cancelled.cancel_with("no more"));
    assert_eq!(start.await.unwrap_err().reason(), Some("no more"));
    tasks.spawn("a", body(ready(()))).unwrap().await.unwrap();
}

pub(crate) async fn a_place_that_is_never_used_never_starts<H: Lives>(tasks: Reg<H>) {
    let ticket = tasks.reserve("a").unwrap();
    let task = ticket.task().clone();
    let mut start = started(&task);
    let (waker, wakes) = counting_waker();
    assert_pending(poll_with(&mut start.as_mut(), &waker));
    drop(ticket);
    assert_eq!(wakes.get(), 1);
    assert_eq!(start.await, Err(Outcome::NeverStarted));
}

pub(crate) async fn to_be_ready_twice_changes_nothing<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let Outside { task, cx, mut wrapper } = outside(&hand, pending());
    assert!(!step(&mut wrapper));
    let (waker, wakes) = counting_waker();
    let mut starts: Vec<_> = (0..40).map(|_| started(&task)).collect();
    for start in &mut starts {
        assert_pending(poll_with(&mut start.as_mut(), &waker));
    }
    // One that was dropped is not woken.
    starts.truncate(39);
    cx.ready();
    cx.clone().ready();
    assert_eq!(wakes.get(), 39);
    for start in &mut starts {
        assert_eq!(assert_ready(poll_with(&mut start.as_mut(), &waker)), Ok(()));
    }
    cx.ready();
    drop(task.cancel());
    assert!(step(&mut wrapper));
    assert_eq!(wakes.get(), 39);
}

pub(crate) async fn being_ready_wakes_nobody_who_waits_for_the_end_or_the_token<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let Outside { task, cx, mut wrapper } = outside(&hand, pending());
    assert!(!step(&mut wrapper));
    let (waker, wakes) = counting_waker();
    let mut end = pin!(task.wait());
    let mut token = pin!(cx.cancelled());
    assert_pending(poll_with(&mut end, &waker));
    assert_pending(poll_with(&mut token, &waker));
    cx.ready();
    assert_eq!(wakes.get(), 0);
    // Nor does a request to stop wake who waits for the start.
    let other = tasks.reserve("other").unwrap();
    let (tracked, other) = other.track(body(pending::<()>())).unwrap();
    let mut tracked = Box::pin(tracked);
    assert_pending(poll_once(&mut tracked.as_mut()));
    let mut start = started(&other);
    assert_pending(poll_with(&mut start.as_mut(), &waker));
    drop(other.cancel());
    assert_eq!(wakes.get(), 0);
    assert!(poll_once(&mut tracked.as_mut()).is_ready());
    assert_eq!(wakes.get(), 1);
    assert!(assert_ready(poll_with(&mut start.as_mut(), &waker)).unwrap_err().is_cancelled());
}

/// `started` tells how it ended if it did so before, for good.
pub(crate) async fn a_context_that_outlives_its_task_cannot_say_that_it_is_ready<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let Outside { task, cx, mut wrapper } = outside(&hand, ready(()));
    let mut start = started(&task);
    assert_pending(poll_once(&mut start.as_mut()));
    assert!(step(&mut wrapper));
    cx.ready();
    assert_eq!(assert_ready(poll_once(&mut start.as_mut())), Err(Outcome::Completed));
    assert_eq!(assert_ready(poll_once(&mut started(&task).as_mut())), Err(Outcome::Completed));
    // Nor for the next of the name.
    let next = hand.spawn("a", pending::<()>()).unwrap();
    let _next = take(&hand);
    cx.ready();
    assert_pending(poll_once(&mut started(&next).as_mut()));
}

pub(crate) async fn a_planned_task_says_when_it_is_ready<H: Lives>(tasks: Reg<H>) {
    let mut plan = task_registry::Plan::<App, H::Mode>::new();
    plan.task("a", |cx| {
        body(async move {
            cx.gate.pass().await;
            cx.ready();
            pending::<()>().await;
        })
    })
    .unwrap();
    let app = App::default();
    let task = plan.start(&tasks, app.clone()).pop().unwrap().into_task().unwrap();
    let mut start = started(&task);
    assert_pending(poll_once(&mut start.as_mut()));
    app.gate.open();
    assert_eq!(start.await, Ok(()));
    task.cancel().await;
}
