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
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_lite::future::{block_on, yield_now};
use task_registry::supervise::{
    BackoffBuilder, ConstantBuilder, ExponentialBuilder, Failure, Supervisor, supervise,
};
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
#[derive(Debug)]
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

/// Ready once it is set. Whoever polls looks again: no waker is kept.
#[derive(Clone, Default)]
struct Switch(Rc<Cell<bool>>);

impl Switch {
    fn set(&self) {
        self.0.set(true);
    }
    async fn on(self) {
        poll_fn(|_| if self.0.get() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

#[test]
fn once_it_was_asked_to_stop_the_attempt_under_way_is_the_last() {
    let _watchdog = Watchdog::start();
    for success in [false, true] {
        let (log, made, stop, end) =
            (Log::default(), Cell::new(0), Switch::default(), Switch::default());
        let mut feed =
            pin!(Supervisor::new(times(9), noted(&log)).until(stop.clone().on()).run(|| {
                made.set(made.get() + 1);
                let (attempt, end) = (made.get(), end.clone());
                async move {
                    if attempt == 2 {
                        end.on().await;
                    }
                    if success && attempt == 2 { Ok(attempt) } else { Err(attempt) }
                }
            }));
        assert!(poll(&mut feed).is_pending());
        stop.set();
        assert!(poll(&mut feed).is_pending(), "a stop ends no attempt");
        end.set();
        let expected = if success { Ok(2) } else { Err(2) };
        assert_eq!(poll(&mut feed), Poll::Ready(expected));
        assert_eq!((made.get(), log.borrow().len()), (2, 1));
    }
}

#[test]
fn a_stop_ends_a_delay_at_once_and_the_error_before_it_stands() {
    let _watchdog = Watchdog::start();
    let (log, made, stop) = (Log::default(), Cell::new(0), Switch::default());
    let sleep = |_| {
        let asleep = Noted(log.clone(), "delay gone");
        poll_fn(move |_| {
            let _owned = &asleep;
            Poll::<()>::Pending
        })
    };
    let mut feed = pin!(Supervisor::new(times(9), sleep).until(stop.clone().on()).run(|| {
        made.set(made.get() + 1);
        ready(Err::<(), _>(made.get()))
    }));
    assert!(poll(&mut feed).is_pending());
    assert!(log.borrow().is_empty());
    stop.set();
    assert_eq!(poll(&mut feed), Poll::Ready(Err(1)));
    assert_eq!((made.get(), &log.borrow()[..]), (1, &["delay gone".to_owned()][..]));
}

#[test]
fn a_stop_that_comes_with_the_end_of_a_delay_wins_and_the_panic_before_it_stands() {
    let _watchdog = Watchdog::start();
    let (made, stop) = (Cell::new(0), Switch::default());
    let sleep = |_| {
        stop.set();
        ready(())
    };
    let feed = Supervisor::new(times(9), sleep).until(stop.clone().on()).run(|| {
        made.set(made.get() + 1);
        poll_fn(|_| -> Poll<Result<(), ()>> { resume_unwind(Box::new("in poll")) })
    });
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(feed))).unwrap_err();
    assert_eq!(*panic.downcast::<&'static str>().unwrap(), "in poll");
    assert_eq!(made.get(), 1);
}

#[test]
fn what_is_asked_to_stop_before_it_begins_makes_one_attempt() {
    let _watchdog = Watchdog::start();
    let (log, made) = (Log::default(), Cell::new(0));
    let output = block_on(Supervisor::new(times(9), noted(&log)).until(ready(())).run(|| {
        made.set(made.get() + 1);
        ready(Err::<(), _>("no"))
    }));
    assert_eq!((output, made.get(), log.borrow().len()), (Err("no"), 1, 0));
}

#[test]
fn an_error_kept_for_a_stop_that_never_comes_goes_with_its_delay_and_panics_at_nobody() {
    let _watchdog = Watchdog::start();
    let (log, stop) = (Log::default(), Switch::default());
    let mut attempt = 0;
    let output =
        block_on(Supervisor::new(times(9), noted(&log)).until(stop.clone().on()).run(|| {
            attempt += 1;
            let error = || (Noted(log.clone(), "error gone"), Bomb);
            ready(if attempt < 2 { Err(error()) } else { Ok(()) })
        }));
    assert_eq!(output.ok(), Some(()));
    assert_eq!(*log.borrow(), ["3600s", "error gone"]);
    // Nor when all of it is dropped in the delay.
    let asleep = |_| std::future::pending::<()>();
    let mut feed = Box::pin(
        Supervisor::new(times(9), asleep).until(stop.on()).run(|| ready(Err::<(), _>(Bomb))),
    );
    assert!(poll(&mut feed.as_mut()).is_pending());
    drop(feed);
}

#[test]
fn the_hook_is_told_each_failure_that_is_tried_again_and_its_delay_before_that() {
    let _watchdog = Watchdog::start();
    let log = Log::default();
    let mut attempt = 0;
    let hook = |why: Failure<'_, &str>, delay: Duration| {
        log.borrow_mut().push(format!("{why}, again in {}s", delay.as_secs()));
    };
    let feed = Supervisor::new(times(4), noted(&log)).notify(hook).run(|| {
        attempt += 1;
        match attempt {
            1 => ready(Err::<(), _>("no route")),
            2 => resume_unwind(Box::new("boom")),
            3 => resume_unwind(Box::new(String::from("owned"))),
            4 => resume_unwind(Box::new(4)),
            _ => ready(Err("the last")),
        }
    });
    assert_eq!(block_on(feed), Err("the last"));
    let expected = [
        "no route, again in 3600s",
        "3600s",
        "panicked: boom, again in 3600s",
        "3600s",
        "panicked: owned, again in 3600s",
        "3600s",
        "panicked, again in 3600s",
        "3600s",
    ];
    assert_eq!(*log.borrow(), expected);
}

#[test]
fn the_hook_is_not_told_of_a_failure_that_ends_it_nor_of_a_success() {
    let _watchdog = Watchdog::start();
    let (log, told) = (Log::default(), Cell::new(0));
    let hook = |_: Failure<'_, ()>, _| told.set(told.get() + 1);
    let stopped = Supervisor::new(times(9), noted(&log)).until(ready(())).notify(hook);
    assert_eq!(block_on(stopped.run(|| ready(Err::<(), ()>(())))), Err(()));
    let done = Supervisor::new(times(9), noted(&log)).notify(hook);
    assert_eq!(block_on(done.run(|| ready(Ok(())))), Ok(()));
    let spent = Supervisor::new(times(0), noted(&log)).notify(hook);
    assert_eq!(block_on(spent.run(|| ready(Err::<(), ()>(())))), Err(()));
    assert_eq!(told.get(), 0);
}

#[test]
fn a_hook_that_panics_is_the_end_whatever_the_destructor_of_the_error_does() {
    let _watchdog = Watchdog::start();
    let (log, made) = (Log::default(), Cell::new(0));
    let feed = Supervisor::new(times(9), noted(&log))
        .notify(|_, _| resume_unwind(Box::new("in the hook")))
        .run(|| {
            made.set(made.get() + 1);
            ready(Err::<(), _>(Bomb))
        });
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(feed))).unwrap_err();
    assert_eq!(*panic.downcast::<&'static str>().unwrap(), "in the hook");
    assert_eq!((made.get(), log.borrow().len()), (1, 0));
}

/// Counts its wakes.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// As many attempts as are wanted, and no time between them.
fn without_delay() -> ConstantBuilder {
    ConstantBuilder::new().with_delay(Duration::ZERO).with_max_times(usize::MAX)
}

#[test]
fn attempts_that_fail_at_once_with_no_delay_between_them_leave_the_thread_to_others() {
    let _watchdog = Watchdog::start();
    let (made, woken) = (Cell::new(0), Arc::new(Bell::default()));
    let sleep = |_| {
        if made.get() > 100 {
            resume_unwind(Box::new("nobody else has the thread"));
        }
        ready(())
    };
    let mut feed = pin!(supervise(without_delay(), sleep, || {
        made.set(made.get() + 1);
        ready(Err::<(), _>("again"))
    }));
    let waker = Waker::from(woken.clone());
    for polls in 1..=10 {
        assert!(feed.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        // The second may follow the first at once.
        assert_eq!((made.get(), woken.0.load(Relaxed)), (polls + 1, polls));
    }
}

#[test]
fn a_stop_that_comes_between_attempts_without_a_delay_is_heard_before_the_next() {
    let _watchdog = Watchdog::start();
    let (log, made, stop) = (Log::default(), Cell::new(0), Switch::default());
    let feed = Supervisor::new(without_delay(), noted(&log)).until(stop.clone().on()).run(|| {
        made.set(made.get() + 1);
        if made.get() > 100 {
            stop.set();
        }
        ready(Err::<(), _>(made.get()))
    });
    let mut feed = pin!(feed);
    assert!(poll(&mut feed).is_pending());
    stop.set();
    assert_eq!(poll(&mut feed), Poll::Ready(Err(2)));
    assert_eq!(made.get(), 2);
}

#[test]
fn a_delay_that_panics_twice_in_its_poll_and_when_it_goes_is_the_end_and_ends_no_program() {
    let _watchdog = Watchdog::start();
    let made = Cell::new(0);
    let delay = |_| Armed(poll_fn(|_| -> Poll<()> { resume_unwind(Box::new("in a delay")) }), Bomb);
    let feed = supervise(times(9), delay, || {
        made.set(made.get() + 1);
        ready(Err::<(), _>(()))
    });
    let panic = catch_unwind(AssertUnwindSafe(|| block_on(feed))).unwrap_err();
    assert_eq!(*panic.downcast::<&'static str>().unwrap(), "in a delay");
    assert_eq!(made.get(), 1);
}

#[test]
fn what_ends_a_supervision_may_panic_twice_in_its_poll_and_when_it_goes() {
    let _watchdog = Watchdog::start();
    let blows_up = |_: &mut Context<'_>| -> Poll<()> { resume_unwind(Box::new("in a stop")) };
    for delayed in [false, true] {
        let mut polls = 0;
        let stop = poll_fn(move |cx| {
            polls += 1;
            if delayed && polls < 2 { Poll::Pending } else { blows_up(cx) }
        });
        let delay = |_| Armed(poll_fn(|_| Poll::<()>::Pending), Bomb);
        let feed = Supervisor::new(times(9), delay).until(Armed(stop, Bomb));
        let feed = feed.run(|| ready(Err::<(), _>(())));
        let panic = catch_unwind(AssertUnwindSafe(|| block_on(feed))).unwrap_err();
        assert_eq!(*panic.downcast::<&'static str>().unwrap(), "in a stop");
    }
}

/// A closure that owns what blows up when it goes.
macro_rules! armed {
    (|| $body:expr) => { armed!(| | $body) };
    (|$($argument:pat_param),*| $body:expr) => {{
        let bomb = Bomb;
        move |$($argument),*| {
            let _owned = &bomb;
            $body
        }
    }};
}

/// So many delays, which blow up when they go.
fn armed_delays(delays: usize) -> ArmedDelays {
    ArmedDelays(delays, Bomb)
}

struct ArmedDelays(usize, Bomb);

impl Iterator for ArmedDelays {
    type Item = Duration;
    fn next(&mut self) -> Option<Duration> {
        self.0 = self.0.checked_sub(1)?;
        Some(Duration::ZERO)
    }
}

type Never = fn(&mut Context<'_>) -> Poll<()>;

/// Never ready, and blows up when it goes.
fn armed_stop() -> Armed<std::future::PollFn<Never>> {
    Armed(poll_fn(|_| Poll::Pending), Bomb)
}

/// What a supervision panics with.
fn thrown<T, E>(feed: impl Future<Output = Result<T, E>>) -> &'static str {
    let panic = catch_unwind(AssertUnwindSafe(|| drop(block_on(feed)))).unwrap_err();
    *panic.downcast::<&'static str>().unwrap()
}

#[test]
fn the_panic_of_the_last_attempt_stands_whatever_all_that_was_given_does_when_it_goes() {
    let _watchdog = Watchdog::start();
    let panics = |_: &mut Context<'_>| -> Poll<Result<(), ()>> { resume_unwind(Box::new("last")) };
    let feed = Supervisor::new(armed_delays(0), armed!(|_| ready(())))
        .until(armed_stop())
        .notify(armed!(|_, _| {}))
        .run(armed!(|| Armed(poll_fn(panics), Bomb)));
    assert_eq!(thrown(feed), "last");
    let feed = supervise(armed_delays(0), armed!(|_| ready(())), armed!(|| poll_fn(panics)));
    assert_eq!(thrown(feed), "last");
}

#[test]
fn a_panic_of_the_hook_of_the_sleep_or_of_the_backoff_stands_as_well() {
    let _watchdog = Watchdog::start();
    let feed = Supervisor::new(armed_delays(1), armed!(|_| ready(())))
        .until(armed_stop())
        .notify(armed!(|_, _| resume_unwind(Box::new("in the hook"))))
        .run(armed!(|| ready(Err::<(), _>(Bomb))));
    assert_eq!(thrown(feed), "in the hook");
    fn sleep(_: Duration) -> std::future::Ready<()> {
        resume_unwind(Box::new("in sleep"))
    }
    let feed = Supervisor::new(armed_delays(1), armed!(|delay| sleep(delay)))
        .until(armed_stop())
        .notify(armed!(|_, _| {}))
        .run(armed!(|| ready(Err::<(), _>(Bomb))));
    assert_eq!(thrown(feed), "in sleep");
    let bomb = Bomb;
    let backoff = std::iter::repeat_with(move || {
        let _owned = &bomb;
        resume_unwind(Box::new("in the backoff"))
    });
    let feed = Supervisor::new(backoff, armed!(|_| ready(())))
        .until(armed_stop())
        .notify(armed!(|_, _| {}))
        .run(armed!(|| ready(Err::<(), _>(Bomb))));
    assert_eq!(thrown(feed), "in the backoff");
}

#[test]
fn what_is_dropped_before_it_ended_lets_go_of_each_thing_although_others_panic() {
    let _watchdog = Watchdog::start();
    let log = Log::default();
    // Not polled; in an attempt; in a delay. What is under way there panics as it does alone.
    for (polled, attempts, panics) in [(false, 0, false), (true, 0, true), (true, 1, true)] {
        let held = Noted(log.clone(), "hook gone");
        let mut feed = Box::pin(
            Supervisor::new(armed_delays(9), armed!(|_| armed_stop()))
                .until(armed_stop())
                .notify(armed!(|_, _| {
                    let _owned = &held;
                }))
                .run({
                    let (held, bomb, mut made) = (Noted(log.clone(), "factory gone"), Bomb, 0);
                    move || {
                        let _owned = (&held, &bomb);
                        made += 1;
                        let fails = made <= attempts;
                        let end = move |_: &mut Context<'_>| match fails {
                            true => Poll::Ready(Err::<(), _>(Bomb)),
                            false => Poll::Pending,
                        };
                        Armed(poll_fn(end), Bomb)
                    }
                }),
        );
        if polled {
            assert!(poll(&mut feed.as_mut()).is_pending());
        }
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(feed)));
        assert_eq!(dropped.is_err(), panics, "{polled} {attempts}");
        let mut gone = std::mem::take(&mut *log.borrow_mut());
        gone.sort();
        assert_eq!(gone, ["factory gone", "hook gone"]);
    }
    // All but that panics at nobody. Nor does what is never run.
    let feed = Supervisor::new(armed_delays(9), armed!(|_| ready(())))
        .until(armed_stop())
        .notify(armed!(|_, _| {}))
        .run(armed!(|| std::future::pending::<Result<(), ()>>()));
    let mut feed = Box::pin(feed);
    assert!(poll(&mut feed.as_mut()).is_pending());
    drop(feed);
    drop(
        Supervisor::<(), _, _>::new(armed_delays(9), Armed((), Bomb))
            .until(armed_stop())
            .until(armed_stop())
            .notify(armed!(|_, _| {}))
            .notify(armed!(|_, _| {})),
    );
}

#[test]
fn an_output_and_an_error_stand_whatever_all_that_was_given_does_when_it_goes() {
    let _watchdog = Watchdog::start();
    for end in [Ok(7), Err(7)] {
        let feed = Supervisor::new(armed_delays(0), armed!(|_| ready(())))
            .until(armed_stop())
            .notify(armed!(|_, _| {}))
            .run(armed!(|| Armed(ready(end), Bomb)));
        assert_eq!(block_on(feed), end);
        let feed = supervise(armed_delays(0), armed!(|_| ready(())), armed!(|| ready(end)));
        assert_eq!(block_on(feed), end);
    }
    // In a delay that a stop ends, and after one that was over.
    let stop = Switch::default();
    let mut feed = pin!(
        Supervisor::new(armed_delays(9), armed!(|_| armed_stop()))
            .until(Armed(Box::pin(stop.clone().on()), Bomb))
            .run(armed!(|| ready(Err::<(), _>(7))))
    );
    assert!(poll(&mut feed).is_pending());
    stop.set();
    assert_eq!(poll(&mut feed), Poll::Ready(Err(7)));
    let feed = supervise(
        armed_delays(1),
        armed!(|_| Armed(ready(()), Bomb)),
        armed!(|| ready(Err::<(), _>(7))),
    );
    assert_eq!(block_on(feed), Err(7));
}
