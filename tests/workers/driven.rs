//! What drives a worker's thread and comes back too early.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use futures_lite::future::block_on;
use task_registry::local::LocalThread;
use task_registry::{JoinError, Outcome, StartError, Workers};

use crate::watchdog::Watchdog;

const SAID: &str = "what drives a worker came back before the worker's future was ready";

thread_local! {
    static BEGUN: Cell<bool> = const { Cell::new(false) };
}

/// Goes on until the main future has begun, and no further.
fn until_begun(mut worker: Pin<&mut dyn Future<Output = ()>>) {
    block_on(poll_fn(|cx| {
        let polled = worker.as_mut().poll(cx);
        if BEGUN.get() { Poll::Ready(()) } else { polled }
    }));
}

fn said(panic: JoinError) -> String {
    let payload = panic.into_panic().unwrap();
    (*payload.downcast::<&'static str>().unwrap()).to_owned()
}

#[test]
fn what_drives_a_worker_and_comes_back_too_early_is_not_taken_for_a_worker_that_never_started() {
    let _watchdog = Watchdog::start();
    let workers = Workers::new(1, LocalThread::driven_by(until_begun));
    let started = block_on(workers.start((), |cx| async move {
        BEGUN.set(true);
        cx.cancelled().await;
    }));
    let started = started.unwrap();
    block_on(started.stopped());
    assert_eq!(started.main(0).unwrap().outcome(), Some(Outcome::Abandoned));
    let ended = started.join().remove(0).unwrap_err();
    assert!(ended.is_panic(), "it started, and did not end well: {ended}");
    assert_eq!(said(ended), SAID);
}

#[test]
fn what_comes_back_without_driving_a_worker_lets_none_start_and_says_why() {
    let _watchdog = Watchdog::start();
    let workers = Workers::new(1, LocalThread::driven_by(|_| {}));
    let error = block_on(workers.start((), |_| async {})).unwrap_err();
    let StartError::WorkerPanicked { worker: 0, panic } = error else { panic!("not {error:?}") };
    assert_eq!(said(panic), SAID);
}
