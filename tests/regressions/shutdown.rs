//! Shutdowns, and the stopping of several tasks, that are polled or looked at once more than they need.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use async_executor::LocalExecutor;
use task_registry::Registry;
use task_registry::local::OnLocalExecutor;

/// A deadline that is ready at once, and panics when it is polled again.
fn once() -> impl Future<Output = ()> {
    let mut over = false;
    poll_fn(move |_| {
        assert!(!std::mem::replace(&mut over, true), "polled after it was ready");
        Poll::Ready(())
    })
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn law_13_a_shutdown_that_is_polled_after_its_report_reports_again() {
    let executor = LocalExecutor::new();
    for staged in [false, true] {
        let tasks = Registry::new(OnLocalExecutor(&executor));
        let finish = Rc::new(Cell::new(false));
        let finished = finish.clone();
        let hangs = tasks.with_context(()).spawn_with("hangs", |cx| async move {
            cx.shield(poll_fn(|_| if finished.get() { Poll::Ready(()) } else { Poll::Pending }))
                .await;
        });
        let hangs = hangs.unwrap();
        assert!(executor.try_tick() && tasks.counts().running == 1);
        let mut shutdown: Pin<Box<dyn Future<Output = _>>> = match staged {
            false => Box::pin(tasks.shutdown(once())),
            true => Box::pin(tasks.shutdown_in_stages(once(), |_| pending::<()>())),
        };
        for _ in 0..2 {
            let Poll::Ready(report) = poll(shutdown.as_mut()) else { panic!("it was over") };
            assert!(!report.is_clean(), "staged: {staged}");
            assert_eq!(report.remaining()[0].id(), hangs.id());
        }
        finish.set(true);
        while executor.try_tick() {}
        let Poll::Ready(report) = poll(shutdown.as_mut()) else { panic!("it was over") };
        assert_eq!((report.is_clean(), report.completed()), (true, 1), "how it stands by now");
    }
}

#[test]
fn how_many_tasks_were_asked_is_still_known_when_all_of_them_have_ended() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    for name in ["a", "b"] {
        drop(tasks.spawn(name, pending::<()>()).unwrap());
    }
    let mut all = Box::pin(tasks.cancel_all());
    assert_eq!((all.len(), all.is_empty()), (2, false));
    while executor.try_tick() {}
    let Poll::Ready(ended) = poll(all.as_mut()) else { panic!("all have ended") };
    assert_eq!((ended.len(), all.len(), all.is_empty()), (2, 2, false));
    assert_eq!(poll(all.as_mut()).map(|ended| ended.len()), Poll::Ready(0), "the list comes once");
    assert_eq!(all.len(), 2);
    assert!(tasks.cancel_all().is_empty());
}
