//! Several values of a task's whose destructors panic, one after the other: the second must not come while the first unwinds.

use std::cell::Cell;
use std::future::{Future, Pending, Ready, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::{
    AroundPoll, Cancel, Cleanup, Observer, Options, Outcome, Plan, Registry, TaskInfo, bound, mode,
};

pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        resume_unwind(Box::new("in a destructor"));
    }
}

/// Makes a cleanup, and panics when it is dropped unmade.
pub(crate) fn cleanup() -> impl FnOnce(Outcome) -> Ready<()> {
    let bomb = Bomb;
    move |_| {
        let _ = &bomb;
        ready(())
    }
}

/// Makes a grace or a deadline, and so too.
pub(crate) fn timer() -> impl FnOnce() -> Pending<()> {
    let bomb = Bomb;
    move || {
        let _ = &bomb;
        pending()
    }
}

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn law_14_wakers_of_the_token_that_panic_when_their_task_ends_unasked_are_each_contained() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let task = tasks.with_context(()).spawn_with("a", |cx| {
        (0..3).for_each(|_| cx.wake_on_cancel(Waker::from(Arc::new(Bomb))));
        ready(7)
    });
    let task = task.unwrap();
    while executor.try_tick() {}
    assert_eq!(task.outcome(), Some(Outcome::Completed));
}

#[test]
fn law_14_a_cleanup_and_its_deadline_that_panic_when_they_are_dropped_unmade_are_each_contained() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let task = tasks.task("a").cleanup(cleanup(), timer()).spawn(pending::<()>()).unwrap();
    drop(executor);
    assert_eq!(task.outcome(), Some(Outcome::Abandoned));
}

#[test]
fn law_14_what_a_task_would_be_made_anew_from_is_let_go_of_piece_by_piece() {
    let executor = Rc::new(LocalExecutor::new());
    let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
    let (one, two) = (Bomb, Bomb);
    // A restart clones what makes the grace: so it is shared, and the recipe's is the last.
    let one = Rc::new(one);
    let grace = move || {
        let _ = &one;
        pending::<()>()
    };
    let make = move |_| {
        let _ = &two;
        ready(7)
    };
    let task = tasks.task("a").grace(grace).spawn_restartable(make).unwrap();
    while executor.try_tick() {}
    assert_eq!(task.outcome(), Some(Outcome::Completed));
    assert_eq!(tasks.purge(), 1);
}

#[test]
fn law_14_what_the_first_incarnation_is_not_made_of_panics_to_nobody() {
    #[derive(Clone)]
    struct Bombs;
    impl Drop for Bombs {
        fn drop(&mut self) {
            drop(Bomb);
        }
    }
    let executor = Rc::new(LocalExecutor::new());
    let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
    let (one, two, three) = (Bombs, Bombs, Bombs);
    let cleanup = move |_: Outcome| {
        let _ = &one;
        ready(())
    };
    let deadline = move || {
        let _ = &two;
        pending::<()>()
    };
    let grace = move || {
        let _ = &three;
        pending::<()>()
    };
    let task = tasks.task("a").cleanup(cleanup, deadline).grace(grace);
    let task = task.spawn_restartable(|_| pending::<()>()).unwrap();
    drop(executor);
    assert_eq!(task.outcome(), Some(Outcome::Abandoned));
}

#[test]
fn law_14_a_factory_and_an_app_that_panic_when_their_planned_task_is_not_made_are_each_contained() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let mut plan = Plan::<Rc<Bomb>, mode::Unsync, bound::OneThread>::new();
    let bomb = Bomb;
    plan.once("a", move |_| {
        let _ = &bomb;
        ready(())
    })
    .unwrap();
    let started = plan.start(&tasks, Rc::new(Bomb));
    let task = started[0].task().unwrap().task().clone();
    drop(task.cancel());
    while executor.try_tick() {}
    assert!(task.outcome().unwrap().is_panicked());
}

#[test]
fn law_14_what_two_observers_want_entered_is_let_go_of_one_by_one() {
    struct Span(Bomb);
    impl AroundPoll for Span {
        fn enter(&self) {
            let _ = &self.0;
        }
        fn exit(&self) {}
    }
    struct Spans;
    impl Observer for Spans {
        fn around_polls(&self, _: &TaskInfo) -> Option<Arc<dyn AroundPoll>> {
            Some(Arc::new(Span(Bomb)))
        }
    }
    let executor = LocalExecutor::new();
    let options = Options::new().observer((Spans, Spans));
    let tasks = Registry::with_options(OnLocalExecutor(&executor), options);
    let task = tasks.spawn("a", ready(7)).unwrap();
    while executor.try_tick() {}
    assert_eq!(task.outcome(), Some(Outcome::Completed));
}

#[test]
fn law_14_a_once_task_that_is_refused_is_made_later_although_its_context_panics_when_it_goes() {
    /// Whose clones panic when they go, as long as that is so.
    struct App(Rc<Cell<bool>>, bool);
    impl Clone for App {
        fn clone(&self) -> Self {
            App(self.0.clone(), true)
        }
    }
    impl Drop for App {
        fn drop(&mut self) {
            if self.1 && self.0.get() {
                drop(Bomb);
            }
        }
    }
    let executor = Rc::new(LocalExecutor::new());
    let (gone, tasks) = [&Rc::new(LocalExecutor::new()), &executor]
        .map(|executor| Registry::new(OnLocalExecutor(Rc::downgrade(executor))))
        .into();
    let mut plan = Plan::<App, mode::Unsync, bound::OneThread>::new();
    plan.once("a", |_| ready(())).unwrap();
    let panics = Rc::new(Cell::new(true));
    assert!(plan.start(&gone, App(panics.clone(), false))[0].task().is_err());
    panics.set(false);
    let started = plan.start(&tasks, App(panics, false));
    while executor.try_tick() {}
    assert_eq!(started[0].task().unwrap().outcome(), Some(Outcome::Completed));
}

#[test]
fn law_14_a_deadline_that_panics_in_the_making_ends_no_program_by_its_cleanups_destructor() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let deadline = || -> std::future::Pending<()> { resume_unwind(Box::new("no deadline")) };
    let task = tasks.task("a").cleanup(cleanup(), deadline).spawn(ready(7)).unwrap();
    while executor.try_tick() {}
    assert_eq!(task.outcome(), Some(Outcome::Completed));
    assert_eq!(task.info().cleanup(), Some(Cleanup::Panicked));
}

/// Whether what is cloned from now on panics, in the making or when it goes.
type Armed = Rc<Cell<bool>>;

struct Explosive(Armed, bool);

impl Clone for Explosive {
    fn clone(&self) -> Self {
        Self(self.0.clone(), self.0.get())
    }
}

impl Drop for Explosive {
    fn drop(&mut self) {
        if self.1 {
            drop(Bomb);
        }
    }
}

struct Unclonable(Armed);

impl Clone for Unclonable {
    fn clone(&self) -> Self {
        if self.0.get() {
            resume_unwind(Box::new("no clone"));
        }
        Self(self.0.clone())
    }
}

#[test]
fn law_14_terms_that_are_cloned_in_part_and_then_panic_when_they_go_end_no_program() {
    let executor = Rc::new(LocalExecutor::new());
    let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
    let armed = Armed::default();
    let (one, two) = (Explosive(armed.clone(), false), Unclonable(armed.clone()));
    let cleanup = move |_: Outcome| {
        let _ = &one;
        ready(())
    };
    let grace = move || {
        let _ = &two;
        pending::<()>()
    };
    let deadline = || pending::<()>();
    let inner = tasks.task("inner").grace(grace.clone()).cleanup(cleanup.clone(), deadline);
    inner.spawn_restartable(|_| ready(())).unwrap();
    let outer = tasks.task("outer").cleanup(cleanup, deadline).grace(grace);
    outer.spawn_restartable(|_| ready(())).unwrap();
    while executor.try_tick() {}
    armed.set(true);
    for name in ["inner", "outer"] {
        let before = tasks.get(name).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| tasks.restart(name))).is_err());
        assert_eq!(tasks.get(name).map(|task| task.id()), Some(before.id()));
    }
    armed.set(false);
}

#[test]
fn law_14_a_callable_and_the_app_that_is_cloned_for_it_go_one_by_one() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let (armed, bomb) = (Armed::default(), Bomb);
    let context = tasks.with_context(Unclonable(armed.clone()));
    armed.set(true);
    let callable = move |_| {
        let _ = &bomb;
        ready(())
    };
    let spawn = || context.spawn_with("a", callable);
    let thrown = catch_unwind(AssertUnwindSafe(spawn)).unwrap_err();
    assert_eq!(thrown.downcast_ref(), Some(&"no clone"));
}

/// Is over at once, with what panics when it goes, and so does the rest of it.
struct Timer(Bomb);

impl Future for Timer {
    type Output = Bomb;
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Bomb> {
        Poll::Ready(Bomb)
    }
}

#[test]
fn law_14_a_timer_and_what_it_returns_end_no_program_by_their_destructors() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let timed = tasks.task("timed").timeout(Timer(Bomb)).spawn(pending::<()>()).unwrap();
    let graced = tasks.task("graced").grace(|| Timer(Bomb)).spawn(pending::<()>()).unwrap();
    let plain = tasks.spawn("plain", pending::<()>()).unwrap();
    while executor.try_tick() {}
    drop(graced.cancel());
    let mut cancelling = Box::pin(plain.cancel_with(Cancel::new().grace(Timer(Bomb))));
    let mut cx = Context::from_waker(Waker::noop());
    let poll = || cancelling.as_mut().poll(&mut cx).is_pending();
    // What it was given by whoever awaits it is that one's affair, once the task was asked.
    assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
    while executor.try_tick() {}
    for task in [timed, graced, plain] {
        assert!(task.is_ended(), "{task:?}");
    }
}

#[test]
fn law_13_a_deadline_whose_output_panics_when_it_goes_has_passed() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    tasks.spawn("a", pending::<()>()).unwrap();
    let report = block_on(tasks.shutdown(async { Bomb }));
    assert_eq!(report.remaining().len(), 1);
}
