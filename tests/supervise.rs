//! `supervise`: a future that is made again when it fails. Its sleep is the test's, so that no time passes.
//!
//! As a task, on every executor: `tests/lifecycle/supervised.rs`.

#[path = "common/watchdog.rs"]
mod watchdog;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_lite::future::{block_on, yield_now};
use task_registry::supervise::{BackoffBuilder, ConstantBuilder, ExponentialBuilder, supervise};
use watchdog::Watchdog;

/// Notes its drop.
struct Noted(Rc<RefCell<Vec<String>>>, &'static str);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1.to_owned());
    }
}

type Log = Rc<RefCell<Vec<String>>>;

fn times(attempts: usize) -> ConstantBuilder {
    ConstantBuilder::new().with_delay(Duration::from_secs(3600)).with_max_times(attempts)
}

/// A sleep that is over at once, and is noted.
fn noted(log: &Log) -> impl Fn(Duration) -> std::future::Ready<()> + use<> {
    let log = log.clone();
    move |delay| {
        log.borrow_mut().push(format!("{}s", delay.as_secs()));
        ready(())
    }
}

fn run<T, E, F: Future<Output = Result<T, E>>>(
    log: &Log,
    backoff: impl BackoffBuilder,
    make: impl FnMut() -> F,
) -> Result<T, E> {
    block_on(supervise(backoff, noted(log), make))
}

fn poll<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn what_succeeds_at_once_is_made_once_and_delivers_its_output() {
    let _watchdog = Watchdog::start();
    let (log, made) = (Log::default(), Cell::new(0));
    let output = run(&log, times(5), || {
        made.set(made.get() + 1);
        ready(Ok::<_, ()>("the output"))
    });
    assert_eq!((output, made.get()), (Ok("the output"), 1));
    assert!(log.borrow().is_empty());
}

#[test]
fn an_err_and_a_panic_are_tried_again_after_a_delay_each() {
    let _watchdog = Watchdog::start();
    let log = Log::default();
    let mut attempt = 0;
    let backoff = ExponentialBuilder::new()
        .with_min_delay(Duration::from_secs(1))
        .with_factor(2.0)
        .with_max_times(10);
    let output = run(&log, backoff, || {
        attempt += 1;
        let attempt = attempt;
        if attempt == 3 {
            resume_unwind(Box::new("while it is made"));
        }
        let log = log.clone();
        async move {
            yield_now().await;
            log.borrow_mut().push(format!("attempt {attempt}"));
            match attempt {
                1 => Err("not yet"),
                2 => resume_unwind(Box::new("in poll")),
                _ => Ok(attempt),
            }
        }
    });
    assert_eq!(output, Ok(4));
    assert_eq!(*log.borrow(), ["attempt 1", "1s", "attempt 2", "2s", "4s", "attempt 4"]);
}

#[test]
fn a_spent_budget_gives_the_last_error() {
    let _watchdog = Watchdog::start();
    let log = Log::default();
    let mut attempt = 0;
    let output = run(&log, times(3), || {
        attempt += 1;
        if attempt == 2 {
            resume_unwind(Box::new("not the last"));
        }
        ready(Err::<(), _>(attempt))
    });
    assert_eq!(output, Err(4), "one attempt and three more");
    assert_eq!(*log.borrow(), ["3600s", "3600s", "3600s"]);
    let output = run(&log, times(0), || ready(Err::<(), _>("the only one")));
    assert_eq!((output, log.borrow().len()), (Err("the only one"), 3));
}

#[test]
fn each_attempt_has_a_fresh_future_and_the_old_one_is_gone_before_the_delay() {
    let _watchdog = Watchdog::start();
    let log = Log::default();
    let mut attempt = 0;
    let output = run(&log, times(5), || {
        attempt += 1;
        let (attempt, owned) = (attempt, Noted(log.clone(), "future gone"));
        let error = Noted(log.clone(), "error gone");
        async move {
            let mut own = 0;
            own += 1;
            yield_now().await;
            drop(owned);
            if attempt < 3 { Err(error) } else { Ok(own) }
        }
    });
    assert_eq!(output.ok(), Some(1));
    let failed = ["future gone", "error gone", "3600s"];
    let all: Vec<_> = [&failed[..], &failed, &failed[..2]].concat();
    assert_eq!(*log.borrow(), all);
    // A panic takes what the future owns along.
    log.borrow_mut().clear();
    let mut attempt = 0;
    let output = run(&log, times(5), || {
        attempt += 1;
        let (attempt, owned) = (attempt, Noted(log.clone(), "gone"));
        async move {
            let _owned = owned;
            if attempt < 2 { resume_unwind(Box::new("on purpose")) } else { Ok::<_, ()>(()) }
        }
    });
    assert_eq!(output, Ok(()));
    assert_eq!(*log.borrow(), ["gone", "3600s", "gone"]);
}

#[test]
fn a_delay_is_waited_for() {
    let _watchdog = Watchdog::start();
    let (over, made) = (Cell::new(false), Cell::new(0));
    let sleep = |_| poll_fn(|_| if over.take() { Poll::Ready(()) } else { Poll::Pending });
    let mut feed = pin!(supervise(times(9), sleep, || {
        made.set(made.get() + 1);
        ready(if made.get() < 3 { Err(()) } else { Ok(()) })
    }));
    assert!(poll(&mut feed).is_pending() && poll(&mut feed).is_pending());
    assert_eq!(made.get(), 1);
    over.set(true);
    assert!(poll(&mut feed).is_pending());
    assert_eq!(made.get(), 2);
    over.set(true);
    assert_eq!(poll(&mut feed), Poll::Ready(Ok(())));
}

/// Blows up when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        resume_unwind(Box::new("in a destructor"));
    }
}

/// What it owns goes with it, after it was polled.
struct Armed<F>(F, Bomb);

impl<F: Future + Unpin> Future for Armed<F> {
    type Output = F::Output;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

#[test]
fn a_destructor_that_panics_does_not_change_how_its_attempt_ended() {
    let _watchdog = Watchdog::start();
    let log = Log::default();
    let mut attempt = 0;
    let output = run(&log, times(5), || {
        attempt += 1;
        let attempt = attempt;
        let end = move |_: &mut Context<'_>| match attempt {
            1 => Poll::Ready(Err("not yet")),
            2 => resume_unwind(Box::new("in poll")),
            _ => Poll::Ready(Ok(attempt)),
        };
        Armed(poll_fn(end), Bomb)
    });
    assert_eq!((output, log.borrow().len()), (Ok(3), 2));
    // The last panic is the first of the last attempt.
    let fails =
        || Armed(poll_fn(|_| -> Poll<Result<(), ()>> { resume_unwind(Box::new("in poll")) }), Bomb);
    let panic = catch_unwind(AssertUnwindSafe(|| run(&log, times(0), fails))).unwrap_err();
    assert_eq!(*panic.downcast::<&'static str>().unwrap(), "in poll");
}

#[test]
fn an_error_or_a_payload_whose_destructor_panics_is_tried_again_all_the_same() {
    let _watchdog = Watchdog::start();
    let log = Log::default();
    let mut attempt = 0;
    let output = run(&log, times(5), || {
        attempt += 1;
        match attempt {
            1 => ready(Err(Bomb)),
            2 => resume_unwind(Box::new(Bomb)),
            _ => ready(Ok(attempt)),
        }
    });
    assert_eq!((output.ok(), log.borrow().len()), (Some(3), 2));
}
