//! A task that is asked to stop at the very moment of its first poll.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_executor::LocalExecutor;
use task_registry::local::OnLocalExecutor;
use task_registry::mode::Unsync;
use task_registry::{AroundPoll, Observer, Options, Registry, TaskInfo, Tasks};

thread_local! {
    /// Whose task "a" the clock cancels the next time that it is read.
    static CANCELS: RefCell<Option<Tasks<Unsync>>> = const { RefCell::new(None) };
}

fn clock() -> Duration {
    if let Some(tasks) = CANCELS.take() {
        drop(tasks.cancel("a"));
    }
    Duration::ZERO
}

#[test]
fn law_04_a_task_that_is_cancelled_amid_its_first_poll_under_a_shield_never_runs_its_body() {
    let executor = LocalExecutor::new();
    let tasks = Registry::with_options(OnLocalExecutor(&executor), Options::new().clock(clock));
    let ran = Rc::new(Cell::new(false));
    let (runs, context) = (ran.clone(), Rc::new(RefCell::new(None)));
    let own = context.clone();
    // Ready at its second poll, so that the task is polled twice.
    let mut polled = false;
    let timeout = poll_fn(move |cx| {
        cx.waker().wake_by_ref();
        if core::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
    });
    let task = tasks.task("a").timeout(timeout);
    let task = task.spawn_with((), move |cx| {
        *own.borrow_mut() = Some(cx);
        async move { runs.set(true) }
    });
    let task = task.unwrap();
    let context = context.take().unwrap();
    let mut shield = Box::pin(context.shield(pending::<()>()));
    assert!(shield.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    CANCELS.set(Some((*tasks).clone()));
    while executor.try_tick() {}
    assert!(!ran.get());
    drop(shield);
    while executor.try_tick() {}
    assert!(!ran.get() && task.outcome().unwrap().is_cancelled());
}

#[test]
fn a_task_that_is_cancelled_amid_its_first_poll_has_no_time_at_which_it_started() {
    let executor = LocalExecutor::new();
    let tasks = Registry::with_options(OnLocalExecutor(&executor), Options::new().clock(clock));
    let task = tasks.spawn("a", async { panic!("it runs") }).unwrap();
    CANCELS.set(Some((*tasks).clone()));
    while executor.try_tick() {}
    assert!(task.outcome().unwrap().is_cancelled());
    assert_eq!(task.info().times().unwrap().started, None);
}

/// Cancels each task while it says what is to be entered around its polls.
struct Cancels(Arc<Span>);

#[derive(Debug)]
struct Span;

impl AroundPoll for Span {
    fn enter(&self) {}
    fn exit(&self) {}
}

impl Observer for Cancels {
    fn around_polls(&self, _: &TaskInfo) -> Option<Arc<dyn AroundPoll>> {
        if let Some(tasks) = CANCELS.take() {
            drop(tasks.cancel("a"));
        }
        Some(self.0.clone())
    }
}

#[test]
fn what_is_entered_around_the_polls_of_a_task_is_let_go_of_also_where_that_had_ended_before() {
    let executor = LocalExecutor::new();
    let span = Arc::new(Span);
    let options = Options::new().observer(Cancels(span.clone()));
    let tasks = Registry::with_options(OnLocalExecutor(&executor), options);
    CANCELS.set(Some((*tasks).clone()));
    let ticket = tasks.reserve("a").unwrap();
    assert!(ticket.task().outcome().unwrap().is_cancelled());
    assert_eq!(tasks.records(), 1);
    assert_eq!(
        Arc::strong_count(&span),
        2,
        "the observer has one, this test another, and the record none"
    );
}
