//! What is kept from it, and from others by its deadline: requests to stop, panics, hanging.

use std::future::{pending, ready};
use std::pin::pin;

use task_registry::{Cancel, Cleanup, Outcome, State};

use super::{how, noting};
use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn a_request_to_stop_does_not_reach_the_cleanup<H: Lives>(tasks: Reg<H>) {
    let (began, finish) = (Gate::default(), Gate::default());
    let cleanup = {
        let (began, finish) = (began.clone(), finish.clone());
        make_of_end(move |end| async move {
            assert_eq!(end, Outcome::Completed);
            began.open();
            finish.pass().await;
        })
    };
    let task = tasks.task("a").cleanup(cleanup, never()).spawn(body(async { 7u32 })).unwrap();
    began.pass().await;
    let mut end = pin!(tasks.cancel_with("a", Cancel::new().reason("late").now()).unwrap());
    assert_pending(poll_once(&mut end));
    assert_eq!(task.state(), State::Stopping);
    yield_now().await;
    assert!(!task.is_ended());
    finish.open();
    assert_eq!(end.await, Outcome::Completed, "it had returned before");
    assert_eq!(how(&task), Some(Cleanup::Ran));
    assert_eq!(task.await.unwrap(), 7);
}

pub(crate) async fn a_cleanup_that_hangs_is_dropped_at_its_deadline<H: Lives>(tasks: Reg<H>) {
    let (began, deadline, dropped) = (Gate::default(), Gate::default(), Flag::default());
    let cleanup = {
        let (began, guard) = (began.clone(), dropped.on_drop());
        make_of_end(move |_| async move {
            began.open();
            noted_pending(guard).await;
        })
    };
    let timed = tasks.task("a").cleanup(cleanup, until(&deadline));
    let task = timed.spawn(body(async { 7u32 })).unwrap();
    began.pass().await;
    assert!(!dropped.is_set());
    deadline.open();
    assert_eq!(task.wait().await, Outcome::Completed, "the outcome is the task's");
    assert!(dropped.is_set());
    assert_eq!(how(&task), Some(Cleanup::TimedOut));
    assert!(task.to_string().contains("cleanup timed out"));
    assert_eq!(task.await.unwrap(), 7);
}

pub(crate) async fn a_cleanup_that_needs_no_time_runs_although_its_deadline_has_passed<H: Lives>(
    tasks: Reg<H>,
) {
    let trace = Trace::default();
    let cleaned = tasks.task("a").cleanup(noting(&trace), make(|| ready(())));
    let task = cleaned.spawn(body(async { 7u32 })).unwrap();
    task.wait().await;
    assert_eq!(how(&task), Some(Cleanup::Ran));
    assert_eq!(trace.read(), ["cleanup: completed"]);
}

pub(crate) async fn a_cleanup_that_panics_changes_no_outcome<H: Lives>(tasks: Reg<H>) {
    let panicking: [MakeOfEnd; 3] = [
        make_of_end(|_| -> std::future::Ready<()> { blow_up("made") }),
        make_of_end(|_| async { blow_up("polled") }),
        make_of_end(|_| async {
            let _bomb = OnDrop::new(|| blow_up("dropped"));
        }),
    ];
    for cleanup in panicking {
        let task = tasks.task("a").cleanup(cleanup, never()).spawn(body(async { 7u32 })).unwrap();
        assert_eq!(task.wait().await, Outcome::Completed);
        assert_eq!(how(&task), Some(Cleanup::Panicked));
        assert_eq!(task.await.unwrap(), 7);
    }
    // Dropped by its deadline, and that panics.
    let cleanup = make_of_end(|_| async {
        let _bomb = OnDrop::new(|| blow_up("dropped"));
        pending::<()>().await;
    });
    let cleaned = tasks.task("a").cleanup(cleanup, make(|| ready(())));
    let task = cleaned.spawn(body(async { 7u32 })).unwrap();
    task.wait().await;
    assert_eq!(how(&task), Some(Cleanup::Panicked));
    // The deadline, when it is made and when it is polled.
    for deadline in [
        make(|| -> std::future::Ready<()> { blow_up("made") }),
        make(|| async { blow_up("polled") }),
    ] {
        let cleaned = tasks.task("a").cleanup(make_of_end(|_| pending()), deadline);
        let task = cleaned.spawn(body(async { 7u32 })).unwrap();
        assert_eq!(task.wait().await, Outcome::Completed);
        assert_eq!(how(&task), Some(Cleanup::Panicked));
        assert_eq!(task.await.unwrap(), 7);
    }
    assert_eq!(tasks.live(), 0);
}

pub(crate) async fn a_shutdown_names_a_cleanup_that_hangs<H: Lives>(tasks: Reg<H>) {
    let (began, deadline) = (Gate::default(), Gate::default());
    let cleanup = make_of_end({
        let began = began.clone();
        move |_| async move {
            began.open();
            pending::<()>().await;
        }
    });
    let cleaned = tasks.task("a").cleanup(cleanup, until(&deadline));
    let task = cleaned.spawn(body(pending::<()>())).unwrap();
    let over = Gate::default();
    let mut shutdown = pin!(tasks.shutdown(over.pass()));
    began.pass().await;
    assert_pending(poll_once(&mut shutdown));
    over.open();
    let report = shutdown.await;
    assert_eq!(report.remaining()[0].name(), Some("a"));
    assert_eq!(task.state(), State::Stopping);
    deadline.open();
    assert!(tasks.shutdown(pending::<()>()).await.is_clean());
    assert_eq!(task.wait().await.reason(), Some("shutdown"));
    assert_eq!(how(&task), Some(Cleanup::TimedOut));
}
