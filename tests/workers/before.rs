//! What comes before the workers: they start only once that is done, or not at all.

use std::future::pending;
use std::io;
use std::pin::pin;

use futures_lite::future::block_on;
use task_registry::{Outcome, StartError, Workers};

use crate::Tested;
use crate::kit::{Flag, Gate, Trace, blow_up, on_thread, poll_once, yield_now};
use crate::setup::{Cx, Meeting, shut_down, workers};

fn start_error<R: Tested>(workers: Workers<R, Trace>, trace: &Trace) -> StartError {
    let main = |cx: Cx<R>| async move { cx.app().note("started") };
    block_on(workers.start(trace.clone(), main)).expect_err("no worker starts")
}

pub(crate) fn workers_start_only_after_all_futures_before_them_completed_in_order<R: Tested>() {
    let (trace, gates) = (Trace::default(), [Gate::default(), Gate::default()]);
    let mut workers = workers::<R>(2);
    for (n, gate) in gates.iter().cloned().enumerate() {
        let trace = trace.clone();
        workers = workers.before_workers(async move {
            trace.note(format!("{n} begins"));
            gate.pass().await;
            trace.note(format!("{n} is done"));
            Ok::<_, io::Error>(())
        });
    }
    let all_here = Meeting::of(3);
    let here = all_here.clone();
    let mut start = pin!(workers.start(trace.clone(), move |cx: Cx<R>| {
        let here = here.clone();
        async move {
            cx.note("started");
            here.attend().await;
            cx.cancelled().await;
        }
    }));
    gates[1].open();
    assert!(poll_once(&mut start).is_pending());
    assert_eq!(trace.read(), ["0 begins"]);
    gates[0].open();
    let started = block_on(start).unwrap();
    block_on(all_here.attend());
    let wanted = ["0 begins", "0 is done", "1 begins", "1 is done", "started", "started"];
    assert_eq!(trace.read(), wanted);
    shut_down(&started);
}

pub(crate) fn an_error_before_the_workers_comes_out_and_no_worker_starts<R: Tested>() {
    let trace = Trace::default();
    let later = trace.clone();
    let workers =
        workers::<R>(2).before_workers(async { Err("no database") }).before_workers(async move {
            later.note("later");
            Ok::<_, io::Error>(())
        });
    let handle = workers.handle();
    let error = start_error(workers, &trace);
    assert!(
        matches!(&error, StartError::BeforeWorkers(error) if error.to_string() == "no database")
    );
    assert_eq!(error.to_string(), "before the workers: no database");
    block_on(handle.stopped());
    assert!(trace.read().is_empty());
}

pub(crate) fn a_panic_before_the_workers_comes_out_with_its_payload_and_no_worker_starts<
    R: Tested,
>() {
    let trace = Trace::default();
    let workers = workers::<R>(2).before_workers(async {
        yield_now().await;
        blow_up("no luck");
        #[expect(unreachable_code, reason = "says what the future would return")]
        Ok::<_, io::Error>(())
    });
    let handle = workers.handle();
    let error = start_error(workers, &trace);
    assert_eq!(error.to_string(), "before the workers: panicked: no luck");
    let StartError::BeforeWorkersPanicked(panic) = error else { panic!("not {error:?}") };
    assert_eq!(panic.into_panic().unwrap().downcast_ref(), Some(&"no luck"));
    block_on(handle.stopped());
    assert!(trace.read().is_empty());
}

pub(crate) fn a_shutdown_before_the_start_lets_no_worker_start<R: Tested>() {
    let trace = Trace::default();
    let before = trace.clone();
    let workers = workers::<R>(3).before_workers(async move {
        before.note("before");
        Ok::<_, io::Error>(())
    });
    let handle = workers.handle();
    assert!(!handle.is_closed());
    shut_down(&handle);
    assert!(handle.is_closed());
    assert!(matches!(start_error(workers, &trace), StartError::ShutDown));
    assert!(trace.read().is_empty());
}

pub(crate) fn a_shutdown_amid_the_futures_before_the_workers_drops_them_and_lets_no_worker_start<
    R: Tested,
>() {
    let (trace, dropped, begun) = (Trace::default(), Flag::default(), Gate::default());
    let (guard, begins) = (dropped.on_drop(), begun.clone());
    let workers = workers::<R>(2).before_workers(async move {
        let _guard = guard;
        begins.open();
        pending::<io::Result<()>>().await
    });
    let workers = workers.before_workers(async { Ok::<_, io::Error>(()) });
    let handle = workers.handle();
    let stopping = on_thread(move || {
        begun.pass_blocking();
        block_on(handle.shutdown(pending::<()>()))
    });
    assert!(matches!(start_error(workers, &trace), StartError::ShutDown));
    assert!(dropped.is_set());
    let report = stopping.join();
    assert!(report.is_clean(), "{report}");
    assert!(trace.read().is_empty());
}

pub(crate) fn dropping_the_start_drops_the_futures_before_the_workers_and_lets_no_worker_start<
    R: Tested,
>() {
    let (trace, dropped) = (Trace::default(), Flag::default());
    let guard = dropped.on_drop();
    let workers = workers::<R>(2).before_workers(async move {
        let _guard = guard;
        pending::<io::Result<()>>().await
    });
    let handle = workers.handle();
    {
        let main = |cx: Cx<R>| async move { cx.note("started") };
        let mut start = pin!(workers.start(trace.clone(), main));
        assert!(poll_once(&mut start).is_pending());
        assert!(!dropped.is_set());
    }
    assert!(dropped.is_set());
    block_on(handle.stopped());
    assert_eq!(handle.main(0).unwrap().outcome(), Some(Outcome::NeverStarted));
    assert!(trace.read().is_empty());
}

pub(crate) fn workers_dropped_unstarted_can_still_be_shut_down<R: Tested>() {
    let unstarted = workers::<R>(2);
    let handle = unstarted.handle();
    drop(unstarted);
    shut_down(&handle);
}
