//! tokio's tokens, both ways, whatever the executor: a task's own, and one that a shutdown waits for.

use std::cell::Cell;
use std::future::{pending, ready};
use std::pin::pin;
use std::sync::mpsc::{Sender, channel};

use task_registry::tokio::{CxToken, shutdown_on};
use task_registry::{Cancel, Cx, Outcome, State};
use tokio_util::sync::CancellationToken;

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn a_token_is_cancelled_when_its_task_is_asked_to_stop<H: Lives>(tasks: Reg<H>) {
    let server = tasks.with_context(()).spawn_with("server", |cx: Cx<(), _>| {
        body(async move {
            let (token, second) = (cx.token(), cx.token());
            let child = token.child_token();
            assert!(!token.is_cancelled());
            cx.ready();
            token.cancelled().await;
            assert_eq!(cx.cancel_reason().as_deref(), Some("bye"));
            // Each token is cancelled in its turn.
            second.cancelled().await;
            child.cancelled().await;
            7
        })
    });
    let server = server.unwrap();
    server.started().await.unwrap();
    let patient = Cancel::new().reason("bye").grace(pending::<()>());
    assert_eq!(server.cancel_with(patient).await, Outcome::Completed);
    assert_eq!(server.await.unwrap(), 7);
}

pub(crate) async fn a_token_made_after_the_request_is_cancelled_from_the_first<H: Lives>(
    tasks: Reg<H>,
) {
    let task = tasks.with_context(()).spawn_with("a", |cx: Cx<(), _>| {
        body(async move {
            cx.ready();
            cx.cancelled().await;
            u32::from(cx.token().is_cancelled())
        })
    });
    let task = task.unwrap();
    task.started().await.unwrap();
    task.cancel_with(Cancel::new().grace(pending::<()>())).await;
    assert_eq!(task.await.unwrap(), 1);
}

pub(crate) async fn a_token_held_elsewhere_is_cancelled_without_a_grace_as_well<H: Lives>(
    tasks: Reg<H>,
) {
    let (give, token) = channel();
    let task = tasks.with_context(()).spawn_with("a", |cx: Cx<(), _>| {
        body(async move {
            give.send(cx.token()).unwrap();
            cx.ready();
            pending::<()>().await;
        })
    });
    let task = task.unwrap();
    task.started().await.unwrap();
    let token: CancellationToken = token.recv().unwrap();
    assert!(!token.is_cancelled());
    let end = task.cancel();
    assert!(token.is_cancelled(), "law 1: when the call returns");
    end.await;
}

pub(crate) async fn a_token_is_not_cancelled_by_an_end_of_another_kind<H: Lives>(tasks: Reg<H>) {
    let (give, tokens) = channel();
    let view = tasks.with_context(give);
    let done = view.spawn_with("done", |cx: Cx<Sender<CancellationToken>, _>| {
        body(async move { cx.send(cx.token()).unwrap() })
    });
    done.unwrap().await.unwrap();
    let panics = view.spawn_with("panics", |cx: Cx<Sender<CancellationToken>, _>| {
        body::<()>(async move {
            cx.send(cx.token()).unwrap();
            blow_up("on purpose");
        })
    });
    assert!(panics.unwrap().await.unwrap_err().is_panic());
    for name in ["done", "panics"] {
        // Too late: it has ended.
        drop(tasks.cancel(name));
        assert!(!tokens.recv().unwrap().is_cancelled());
    }
}

pub(crate) async fn a_token_that_is_cancelled_does_nothing_to_its_task<H: Lives>(tasks: Reg<H>) {
    let task = tasks.with_context(()).spawn_with("a", |cx: Cx<(), _>| {
        body(async move {
            cx.token().cancel();
            yield_now().await;
            u32::from(cx.is_cancelled() || cx.token().is_cancelled())
        })
    });
    assert_eq!(task.unwrap().await.unwrap(), 0);
}

pub(crate) async fn a_shutdown_on_a_token_comes_when_that_is_cancelled_and_not_before<H: Lives>(
    tasks: Reg<H>,
) {
    let held = hold(&tasks, "a").await;
    let (token, made) = (CancellationToken::new(), Cell::new(0));
    let deadline = || {
        made.set(made.get() + 1);
        pending::<()>()
    };
    let mut end = pin!(shutdown_on(&tasks, &token, deadline));
    assert_pending(poll_once(&mut end));
    assert_eq!((tasks.is_closed(), made.get()), (false, 0));
    token.cancel();
    assert!(!tasks.is_closed(), "it is the future that shuts the registry down");
    let report = end.await;
    assert_eq!((report.cancelled(), report.is_clean(), tasks.is_closed()), (1, true, true));
    assert_eq!(held.task.await.unwrap_err().reason(), Some("shutdown"));
    assert_eq!(made.get(), 1);
}

pub(crate) async fn a_shutdown_on_a_token_ends_at_its_deadline_and_names_who_remains<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let task = hand.spawn("not polled", pending::<()>()).unwrap();
    let mut wrapper = take(&hand);
    let token = CancellationToken::new();
    token.cancel();
    let report = shutdown_on(&tasks, &token, || ready(())).await;
    assert_eq!(report.remaining()[0].name(), Some("not polled"));
    assert!(step(&mut wrapper));
    assert_eq!(task.outcome().unwrap().reason(), Some("shutdown"));
}

pub(crate) async fn a_shutdown_on_a_token_that_is_dropped_did_nothing_before_and_stands_after<
    H: Lives,
>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let task = hand.spawn("a", pending::<()>()).unwrap();
    let mut wrapper = take(&hand);
    assert!(!step(&mut wrapper));
    let token = CancellationToken::new();
    {
        let mut end = pin!(shutdown_on(&tasks, &token, pending::<()>));
        assert_pending(poll_once(&mut end));
    }
    assert_eq!((tasks.is_closed(), task.state()), (false, State::Running));
    token.cancel();
    {
        let mut end = pin!(shutdown_on(&tasks, &token, pending::<()>));
        assert_pending(poll_once(&mut end));
    }
    assert_eq!((tasks.is_closed(), task.state()), (true, State::Stopping));
    assert!(step(&mut wrapper));
}
