//! Shields: they defer the drop, not the token.

use std::cell::RefCell;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use task_registry::mode::Mode;
use task_registry::{Cancel, Cx, Outcome, Registry, State, TaskHandle};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

/// A task under a shield until `finish` opens, and for ever after that.
struct Shielded<M: Mode> {
    task: TaskHandle<(), M>,
    /// Open once the token has fired under the shield.
    heard: Gate,
    finish: Gate,
    trace: Trace,
}

async fn shielded<S: Runs<M>, M: Mode>(
    registry: &Registry<S, M>,
    name: &'static str,
) -> Shielded<M> {
    let (started, heard, finish) = (Gate::default(), Gate::default(), Gate::default());
    let trace = Trace::default();
    let task = registry.with_context(trace.clone()).spawn_with(name, {
        let (started, heard, finish) = (started.clone(), heard.clone(), finish.clone());
        move |cx: Cx<Trace, M>| {
            body(async move {
                let _dropped = note_the_drop(&cx, "dropped");
                let section = async {
                    started.open();
                    cx.cancelled().await;
                    cx.note(format!("asked: {:?}", cx.cancel_reason().as_deref()));
                    heard.open();
                    finish.pass().await;
                    cx.note("section over");
                };
                cx.shield(section).await;
                cx.note("after it");
                pending::<()>().await;
                cx.note("never");
            })
        }
    });
    started.pass().await;
    Shielded { task: task.unwrap(), heard, finish, trace }
}

pub(crate) async fn a_shield_defers_the_drop_and_not_the_token<H: Lives>(tasks: Reg<H>) {
    let a = shielded(&tasks, "a").await;
    let mut end = pin!(tasks.cancel_with("a", "bye").unwrap());
    a.heard.pass().await;
    assert_pending(poll_once(&mut end));
    assert_eq!(a.task.state(), State::Stopping);
    a.finish.open();
    assert_eq!(end.await.reason(), Some("bye"));
    assert_eq!(a.trace.read(), ["asked: Some(\"bye\")", "section over", "after it", "dropped"]);
}

pub(crate) async fn a_shield_defers_the_end_of_a_grace_and_now<H: Lives>(tasks: Reg<H>) {
    let a = shielded(&tasks, "a").await;
    let over = Gate::default();
    let mut end = pin!(a.task.cancel_with(Cancel::new().grace(over.pass())));
    a.heard.pass().await;
    over.open();
    assert_pending(poll_once(&mut end));
    drop(a.task.cancel_with(Cancel::new().now()));
    yield_now().await;
    assert_eq!(a.task.state(), State::Stopping);
    a.finish.open();
    assert!(end.await.is_cancelled());
    assert_eq!(a.trace.read().last().unwrap(), "dropped");
}

pub(crate) async fn a_shield_defers_the_drop_of_a_task_whose_time_is_over<H: Lives>(tasks: Reg<H>) {
    for returns in [true, false] {
        let (over, heard, finish) = (Gate::default(), Gate::default(), Gate::default());
        let timed = tasks.task("a").timeout(body(over.pass()));
        let (hears, pass, dropped) = (heard.clone(), finish.clone(), Flag::default());
        let guard = dropped.on_drop();
        let task = timed.spawn_with((), move |cx: Cx<(), _>| {
            body(async move {
                let _guard = guard;
                let section = async {
                    cx.cancelled().await;
                    hears.open();
                    pass.pass().await;
                };
                cx.shield(section).await;
                if !returns {
                    pending::<()>().await;
                }
                7u32
            })
        });
        let task = task.unwrap();
        over.open();
        heard.pass().await;
        assert_eq!((task.state(), dropped.is_set()), (State::Stopping, false));
        finish.open();
        match (returns, task.await) {
            (true, end) => assert_eq!(end.unwrap(), 7, "law 3: it returned"),
            (false, end) => assert_eq!(end.unwrap_err().reason(), Some("timed out")),
        }
        assert!(dropped.is_set());
    }
}

pub(crate) async fn a_task_that_returns_after_its_shield_has_completed<H: Lives>(tasks: Reg<H>) {
    let (started, finish) = (Gate::default(), Gate::default());
    let task = tasks.with_context(()).spawn_with("a", |cx: Cx<(), _>| {
        let (started, finish) = (started.clone(), finish.clone());
        body(async move {
            started.open();
            cx.shield(finish.pass()).await;
            7u32
        })
    });
    let task = task.unwrap();
    started.pass().await;
    let end = task.cancel();
    finish.open();
    assert_eq!(end.await, Outcome::Completed);
    assert_eq!(task.await.unwrap(), 7);
}

pub(crate) async fn a_shield_that_hangs_is_named_by_a_shutdown_and_stays_stopping<H: Lives>(
    tasks: Reg<H>,
) {
    let stuck = shielded(&tasks, "stuck").await;
    let free = hold(&tasks, "free").await;
    let deadline = Gate::default();
    let mut shutdown = pin!(tasks.shutdown(deadline.pass()));
    stuck.heard.pass().await;
    assert!(free.task.wait().await.is_cancelled());
    assert_pending(poll_once(&mut shutdown));
    deadline.open();
    let report = shutdown.await;
    assert_eq!(report.cancelled(), 1);
    assert_eq!(report.remaining().len(), 1);
    assert_eq!(report.remaining()[0].name(), Some("stuck"));
    assert_eq!(report.remaining()[0].state(), State::Stopping);
    assert!(report.to_string().contains("stuck"));
    assert_eq!(tasks.get("stuck").unwrap().state(), State::Stopping);
    assert_eq!(tasks.counts().stopping, 1);
    stuck.finish.open();
    assert_eq!(stuck.task.await.unwrap_err().reason(), Some("shutdown"));
}

/// Polls all of them in turn until all are ready.
async fn join(mut all: Vec<Pin<Box<dyn Future<Output = ()> + '_>>>) {
    std::future::poll_fn(|cx| {
        all.retain_mut(|one| one.as_mut().poll(cx).is_pending());
        if all.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

pub(crate) async fn concurrent_shields_defer_until_the_last_is_over<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let (first, second, dropped) = (Gate::default(), Gate::default(), Flag::default());
    let guard = dropped.on_drop();
    let task = hand.with_context(()).spawn_with("a", |cx: Cx<(), _>| {
        let (first, second) = (first.clone(), second.clone());
        async move {
            let _guard = guard;
            let shields: [Pin<Box<dyn Future<Output = ()> + '_>>; 2] =
                [Box::pin(cx.shield(first.pass())), Box::pin(cx.shield(second.pass()))];
            join(shields.into()).await;
            pending::<()>().await;
        }
    });
    let (task, mut wrapper) = (task.unwrap(), take(&hand));
    assert!(!step(&mut wrapper));
    drop(task.cancel());
    assert!(!step(&mut wrapper));
    second.open();
    assert!(!step(&mut wrapper) && !dropped.is_set(), "one of them is still up");
    first.open();
    assert!(step(&mut wrapper) && dropped.is_set());
    assert!(task.outcome().unwrap().is_cancelled());
}

pub(crate) async fn nested_shields_defer_until_the_outer_one_is_over<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let (inner, outer, dropped) = (Gate::default(), Gate::default(), Flag::default());
    let guard = dropped.on_drop();
    let task = hand.with_context(()).spawn_with("a", |cx: Cx<(), _>| {
        let (inner, outer) = (inner.clone(), outer.clone());
        async move {
            let _guard = guard;
            cx.shield(async {
                cx.shield(inner.pass()).await;
                outer.pass().await;
            })
            .await;
            pending::<()>().await;
        }
    });
    let (task, mut wrapper) = (task.unwrap(), take(&hand));
    assert!(!step(&mut wrapper));
    drop(task.cancel());
    inner.open();
    assert!(!step(&mut wrapper) && !dropped.is_set(), "the outer one is still up");
    outer.open();
    assert!(step(&mut wrapper) && dropped.is_set());
}

pub(crate) async fn a_shield_dropped_half_way_shields_no_more<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let (gate, trace) = (Gate::default(), Trace::default());
    let task = hand.with_context(trace.clone()).spawn_with("a", |cx: Cx<Trace, _>| {
        let gate = gate.clone();
        async move {
            let _dropped = note_the_drop(&cx, "dropped");
            {
                let mut section = pin!(cx.shield(pending::<()>()));
                let mut gate = pin!(gate.pass());
                std::future::poll_fn(|waker| {
                    assert!(section.as_mut().poll(waker).is_pending());
                    gate.as_mut().poll(waker)
                })
                .await;
            }
            cx.note("given up");
            pending::<()>().await;
            cx.note("never");
        }
    });
    let (task, mut wrapper) = (task.unwrap(), take(&hand));
    assert!(!step(&mut wrapper));
    drop(task.cancel());
    assert!(!step(&mut wrapper));
    gate.open();
    assert!(step(&mut wrapper));
    assert_eq!(trace.read(), ["given up", "dropped"]);
    assert!(task.outcome().unwrap().is_cancelled());
}

pub(crate) async fn a_shield_that_was_not_polled_shields_nothing<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let task = hand.with_context(()).spawn_with("a", |cx: Cx<(), _>| async move {
        let _section = pin!(cx.shield(pending::<()>()));
        pending::<()>().await;
    });
    let (task, mut wrapper) = (task.unwrap(), take(&hand));
    assert!(!step(&mut wrapper));
    drop(task.cancel());
    assert!(step(&mut wrapper));
    assert!(task.outcome().unwrap().is_cancelled());
}

pub(crate) async fn a_shield_that_is_over_is_no_shield_when_it_is_dropped_later<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let task = hand.with_context(()).spawn_with("a", |cx: Cx<(), _>| async move {
        let mut over = pin!(cx.shield(std::future::ready(())));
        over.as_mut().await;
        let mut second = pin!(cx.shield(pending::<()>()));
        // The first one's destructor, which runs before, must not take the second one's place.
        std::future::poll_fn(|waker| second.as_mut().poll(waker)).await;
    });
    let (task, mut wrapper) = (task.unwrap(), take(&hand));
    assert!(!step(&mut wrapper));
    drop(task.cancel());
    assert!(!step(&mut wrapper));
    assert_eq!(task.state(), State::Stopping);
    drop(wrapper);
    assert!(task.outcome().unwrap().is_cancelled(), "its executor let go of it");
}

/// Where a context waits for whoever is to hold a shield.
type Passed<M> = Rc<RefCell<Option<Cx<(), M>>>>;

pub(crate) async fn a_shield_held_elsewhere_wakes_the_task_when_it_goes<H: Lives>(tasks: Reg<H>) {
    let (passed, dropped) = (Passed::<H::Mode>::default(), Flag::default());
    let (inner, guard) = (passed.clone(), dropped.on_drop());
    // The context leaves before the task runs, on the law's thread.
    let task = tasks.with_context(()).spawn_with("a", move |cx: Cx<(), _>| {
        *inner.borrow_mut() = Some(cx);
        body(noted_pending(guard))
    });
    let task = task.unwrap();
    let cx = passed.borrow_mut().take().unwrap();
    let mut section = Box::pin(cx.shield(pending::<()>()));
    assert_pending(poll_once(&mut section.as_mut()));
    while task.state() == State::Queued {
        yield_now().await;
    }
    let mut end = pin!(task.cancel());
    assert_pending(poll_once(&mut end));
    yield_now().await;
    assert!(!dropped.is_set());
    drop(section);
    assert!(end.await.is_cancelled());
    assert!(dropped.is_set());
}

pub(crate) async fn a_panic_under_a_shield_is_the_outcome<H: Lives>(tasks: Reg<H>) {
    let started = Gate::default();
    let (inner, go) = (started.clone(), Gate::default());
    let gate = go.clone();
    let task = tasks.with_context(()).spawn_with("a", move |cx: Cx<(), _>| {
        body(async move {
            let section = async {
                inner.open();
                gate.pass().await;
                blow_up("under it");
            };
            let _: () = cx.shield(section).await;
        })
    });
    let task = task.unwrap();
    started.pass().await;
    let end = task.cancel();
    go.open();
    assert!(end.await.is_panicked());
}

pub(crate) async fn a_shielded_task_keeps_a_newcomer_waiting<H: Lives>(tasks: Reg<H>) {
    let old = shielded(&tasks, "a").await;
    let replace = tasks.task("a").on_conflict(task_registry::conflict::Replace);
    let new = replace.spawn(body(async { 1u32 })).unwrap();
    old.heard.pass().await;
    yield_now().await;
    assert_eq!(new.state(), State::Queued);
    old.finish.open();
    assert_eq!(new.await.unwrap(), 1);
    assert_eq!(old.trace.read().last().unwrap(), "dropped");
}

/// Law 5: where the context is not known, waiting for oneself under a shield hangs, and stays visible.
pub(crate) async fn a_shield_that_waits_for_its_own_task_stays_visible<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let task = hand.with_context(()).spawn_with("a", |cx: Cx<(), _>| async move {
        cx.shield(async {
            cx.tasks().cancel("a").expect("I live").await;
        })
        .await;
    });
    let (task, mut wrapper) = (task.unwrap(), take(&hand));
    assert!(!step(&mut wrapper));
    assert!(!step(&mut wrapper));
    let report = tasks.shutdown(std::future::ready(())).await;
    assert_eq!(report.remaining().len(), 1);
    assert_eq!(task.state(), State::Stopping);
    drop(wrapper);
    assert!(task.await.unwrap_err().is_cancelled());
}
