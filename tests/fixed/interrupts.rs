//! What is left of it when an interrupt comes between any two of its steps.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, ready};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use task_registry::mode::{Interrupt, Locking, Sync};
use task_registry::{SpawnError, State, StaticIdle, StaticOutcome, StaticTasks, StaticTicket};

use crate::section::{everywhere, interrupted};
use crate::{poll, registry};

type Run = Pin<Box<dyn Future<Output = StaticOutcome>>>;
type Token = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task that several contexts drive. It never ends by itself.
#[derive(Clone)]
struct Body(Rc<RefCell<Option<Run>>>);

impl Body {
    fn new(ticket: StaticTicket<Interrupt>) -> Self {
        let Ok(run) = ticket.run(pending::<()>()) else { panic!("it was cancelled") };
        Body(Rc::new(RefCell::new(Some(Box::pin(run)))))
    }

    fn started(tasks: StaticTasks<Interrupt>) -> Self {
        let body = Body::new(tasks.reserve("x").unwrap());
        body.poll();
        body
    }

    /// Polls it as its executor does: once it has ended it is dropped.
    fn poll(&self) {
        let mut run = self.0.borrow_mut();
        if run.as_mut().is_some_and(|run| poll(run.as_mut()).is_ready()) {
            *run = None;
        }
    }

    fn drop(&self) {
        drop(self.0.take());
    }
}

struct OnWake<F>(F);

impl<F: Fn() + Send + std::marker::Sync> Wake for OnWake<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn on_wake(wake: impl Fn() + Send + std::marker::Sync + 'static) -> Waker {
    Arc::new(OnWake(wake)).into()
}

#[test]
fn law_06_the_last_of_a_chain_starts_when_two_before_it_end_at_once() {
    everywhere(|after| {
        let tasks = registry::<Interrupt, 4>();
        let a = Body::started(tasks);
        let b = Body::new(tasks.reserve_replacing("x").unwrap());
        let c = Body::new(tasks.reserve_replacing("x").unwrap());
        let d = tasks.reserve_replacing("x").unwrap();
        let last = d.task().clone();
        let d = Body::new(d);
        let second = b.clone();
        let came = interrupted(after, move || second.poll(), || c.poll());
        [&b, &a, &d].into_iter().for_each(Body::poll);
        assert_eq!(last.state(), State::Running, "interrupted after section {after}");
        came
    });
}

#[test]
fn law_06_a_newcomer_starts_although_the_first_ends_while_it_is_admitted() {
    everywhere(|after| {
        let tasks = registry::<Interrupt, 3>();
        let a = Body::started(tasks);
        let _b = tasks.reserve_replacing("x").unwrap();
        let mut c = None;
        let admit = || c = Some(tasks.reserve_replacing("x").unwrap());
        let first = a.clone();
        let came = interrupted(after, move || first.poll(), admit);
        let c = c.unwrap();
        let last = c.task().clone();
        let c = Body::new(c);
        c.poll();
        // Without an interrupt the first lives, and it waits.
        let expected = if came { State::Running } else { State::Queued };
        assert_eq!(last.state(), expected, "interrupted after section {after}");
        came
    });
}

#[test]
fn law_07_a_chain_never_touches_who_has_a_place_of_it_now() {
    everywhere(|after| {
        let tasks = registry::<Interrupt, 4>();
        let _a = Body::started(tasks);
        let b = Body::new(tasks.reserve_replacing("x").unwrap());
        let c = Body::new(tasks.reserve_replacing("x").unwrap());
        let strangers = Rc::new(RefCell::new(None));
        let made = strangers.clone();
        let interrupt = move || {
            b.poll();
            tasks.purge();
            // One has the place of `b`, and loses its name to the other.
            let one = tasks.reserve("y").unwrap();
            *made.borrow_mut() = Some((one, tasks.reserve_detaching("y")));
        };
        let came = interrupted(after, interrupt, || c.drop());
        if let Some((_one, Ok(other))) = strangers.take() {
            assert_eq!(tasks.get_live("y").as_ref(), Some(other.task()), "after section {after}");
            drop(other);
            assert_eq!(tasks.get_live("y"), None, "after section {after}: it has its name again");
        }
        came
    });
}

#[test]
fn law_06_a_name_on_its_way_back_to_a_live_task_is_not_given_away() {
    everywhere(|after| {
        let tasks = registry::<Interrupt, 4>();
        let _a = Body::started(tasks);
        let b = tasks.reserve_replacing("x").unwrap();
        let came = interrupted(
            after,
            move || assert!(matches!(tasks.reserve("x"), Err(SpawnError::NameTaken { .. }))),
            || drop(b),
        );
        assert_eq!(tasks.get_live("x").unwrap().state(), State::Stopping);
        came
    });
}

#[test]
fn law_06_a_newcomer_never_runs_beside_one_that_gets_its_name_back() {
    everywhere(|after| {
        let tasks = registry::<Interrupt, 4>();
        let _a = Body::started(tasks);
        let b = tasks.reserve_replacing("x").unwrap();
        let runs = Rc::new(Cell::new(false));
        let ran = runs.clone();
        let interrupt = move || {
            let c = tasks.reserve_replacing("x").unwrap();
            let Ok(run) = c.run(async move { ran.set(true) }) else { panic!("it was cancelled") };
            assert!(poll(pin!(run)).is_pending());
        };
        let came = interrupted(after, interrupt, || drop(b));
        assert!(!runs.get(), "interrupted after section {after}");
        came
    });
}

/// A higher priority preempts as soon as it is woken.
fn who_is_woken_finds_room<L: Locking>()
where
    StaticTasks<L>: Send + std::marker::Sync,
{
    let tasks = registry::<L, 1>();
    let ticket = tasks.reserve("a").unwrap();
    let found = Arc::new(Mutex::new(None));
    let finds = found.clone();
    let waker = on_wake(move || *finds.lock().unwrap() = Some(tasks.reserve("b").map(drop)));
    let mut idle = pin!(tasks.wait_idle());
    assert!(idle.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let mut run = pin!(ticket.run(ready(())).unwrap());
    assert!(poll(run.as_mut()).is_ready());
    assert_eq!(*found.lock().unwrap(), Some(Ok(())));
}

#[test]
fn who_is_woken_since_all_have_ended_finds_room() {
    who_is_woken_finds_room::<Sync>();
    who_is_woken_finds_room::<Interrupt>();
}

#[test]
fn who_is_woken_by_an_end_finds_room() {
    let tasks = registry::<Interrupt, 1>();
    let ticket = tasks.reserve("a").unwrap();
    let found = Arc::new(Mutex::new(None));
    let finds = found.clone();
    // What waits goes with it, since that refers to the task, too.
    let waiting = Arc::new(Mutex::new(Some(Box::pin(ticket.task().wait()))));
    let waits = waiting.clone();
    let waker = on_wake(move || {
        drop(waits.lock().unwrap().take());
        *finds.lock().unwrap() = Some(tasks.reserve("b").map(drop));
    });
    let mut cx = Context::from_waker(&waker);
    assert!(waiting.lock().unwrap().as_mut().unwrap().as_mut().poll(&mut cx).is_pending());
    let mut tracked = pin!(ticket.track(ready(())).unwrap());
    assert!(poll(tracked.as_mut()).is_ready());
    assert_eq!(*found.lock().unwrap(), Some(Ok(())));
}

#[test]
fn a_record_makes_room_while_somebody_counts() {
    for count in [StaticTasks::live, StaticTasks::len, |tasks| {
        let counts = StaticTasks::<Interrupt>::counts(tasks);
        counts.ended
    }] {
        everywhere(|after| {
            let tasks = registry::<Interrupt, 1>();
            assert!(poll(pin!(tasks.reserve("a").unwrap().run(ready(())).unwrap())).is_ready());
            let interrupt = move || drop(tasks.reserve("b").expect("somebody only counts"));
            interrupted(after, interrupt, || {
                count(tasks);
            })
        });
    }
}

type Idle = Pin<Box<StaticIdle<Interrupt>>>;

/// Many wait, and who is woken first gives up for the last of them, while a lower priority is about to wait, too: how many
/// wait is what one has to be exact about.
#[test]
fn who_waits_until_none_lives_is_woken_although_others_come_and_go() {
    everywhere(|after| {
        let tasks = registry::<Interrupt, 2>();
        let ticket = tasks.reserve("a").unwrap();
        let mut idles: Vec<Idle> = (0..17).map(|_| Box::pin(tasks.wait_idle())).collect();
        let last = Arc::new(Mutex::new(None));
        let gives_up = last.clone();
        let first = on_wake(move || drop(gives_up.lock().unwrap().take()));
        assert!(idles[0].as_mut().poll(&mut Context::from_waker(&first)).is_pending());
        idles[1..].iter_mut().for_each(|idle| assert!(poll(idle.as_mut()).is_pending()));
        *last.lock().unwrap() = idles.pop();

        let wakes = Arc::new(Mutex::new(0));
        let counts = wakes.clone();
        let waits = Rc::new(RefCell::new(None));
        let another = waits.clone();
        let interrupt = move || {
            drop(ticket);
            let again = tasks.reserve("b").unwrap();
            let waker = on_wake(move || *counts.lock().unwrap() += 1);
            let mut idle: Idle = Box::pin(tasks.wait_idle());
            assert!(idle.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            drop(again);
            *another.borrow_mut() = Some(idle);
        };
        let mut lower = pin!(tasks.wait_idle());
        let came = interrupted(after, interrupt, || _ = poll(lower.as_mut()));
        assert_eq!(*wakes.lock().unwrap(), i32::from(came), "interrupted after section {after}");
        came
    });
}

/// Who waits for the token of a task that ends unasked waits on, and is not woken for ever by that one end.
#[test]
fn who_comes_back_when_woken_is_woken_once() {
    struct AtOnce(Mutex<(usize, Option<Token>)>);
    impl Wake for AtOnce {
        fn wake(self: Arc<Self>) {
            let waker = self.clone().into();
            let (wakes, token) = &mut *self.0.lock().unwrap();
            *wakes += 1;
            assert!(*wakes < 100, "it never ends");
            if let Some(token) = token {
                let _ = token.as_mut().poll(&mut Context::from_waker(&waker));
            }
        }
    }
    let tasks = registry::<Interrupt, 1>();
    let ticket = tasks.reserve("a").unwrap();
    let token = Arc::new(AtOnce(Mutex::new((0, Some(Box::pin(ticket.task().cancelled()))))));
    token.clone().wake();
    assert!(poll(pin!(ticket.run(ready(())).unwrap())).is_ready());
    assert_eq!(token.0.lock().unwrap().0, 2, "once by hand, once by the end");
    token.0.lock().unwrap().1 = None;
}

/// `ends` has the one task end, however that is, while the registry is shut down: it is in one count.
fn is_in_the_report(ends: fn(&Body)) {
    everywhere(|after| {
        let tasks = registry::<Interrupt, 2>();
        let body = Body::started(tasks);
        let mut report = None;
        let shutdown = || match poll(pin!(tasks.shutdown(ready(())))) {
            Poll::Ready(made) => report = Some(made),
            Poll::Pending => panic!("the deadline was ready"),
        };
        let came = interrupted(after, move || ends(&body), shutdown);
        let report = report.unwrap();
        let counted = report.cancelled + report.abandoned + report.remaining;
        assert_eq!(counted, 1, "interrupted after section {after}: {report:?}");
        came
    });
}

#[test]
fn law_13_who_is_cancelled_while_the_report_is_made_is_in_it() {
    is_in_the_report(Body::poll);
}

#[test]
fn law_13_who_is_dropped_while_the_report_is_made_is_in_it() {
    is_in_the_report(Body::drop);
}
