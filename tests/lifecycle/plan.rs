//! Plans: tasks declared before there is an executor, made anew at each start.

use std::cell::Cell;
use std::future::{pending, ready};
use std::rc::Rc;

use futures_lite::future::block_on;
use task_registry::mode::{self, Mode};
use task_registry::{
    Cx, Fallible, Options, Outcome, Plan, Refused, Registry, Spawn, SpawnError, Spawner, State,
    Tracked, bound,
};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

type P<H> = Plan<App, <H as Harness>::Mode>;

/// Notes the task's name and what the application has to say.
fn notes<M: Mode>(cx: Cx<App, M>) -> Body<()> {
    body(async move { cx.trace.note(cx.name().unwrap_or("unnamed").to_owned()) })
}

pub(crate) async fn a_plan_starts_its_tasks_in_order_and_gives_a_handle_for_each<H: Lives>(
    tasks: Reg<H>,
) {
    let mut plan = P::<H>::new();
    assert!(plan.is_empty());
    plan.task("one", notes).unwrap().once("two", notes).unwrap().unnamed(notes);
    plan.task(format_args!("worker:{}", 3), notes).unwrap();
    assert_eq!(plan.len(), 4);
    let app = App::default();
    let started = plan.start(&tasks, app.clone());
    let names: Vec<_> = started.iter().map(|task| task.name()).collect();
    assert_eq!(names, [Some("one"), Some("two"), None, Some("worker:3")]);
    for task in started {
        let task = task.into_task().unwrap();
        assert_eq!(task.wait().await, Outcome::Completed);
        task.await.unwrap().unwrap();
    }
    let mut seen = app.trace.read();
    seen.sort();
    assert_eq!(seen, ["one", "two", "unnamed", "worker:3"]);
}

pub(crate) async fn a_once_may_be_unnamed_or_a_future_that_is_there_already<H: Lives>(
    tasks: Reg<H>,
) {
    let made = Count::default();
    let (first, second) = (made.clone(), made.clone());
    let mut plan = P::<H>::new();
    plan.unnamed_once(move |_| {
        body(async move {
            first.add();
        })
    });
    plan.once_future(
        "b",
        body(async move {
            second.add();
        }),
    )
    .unwrap();
    assert_eq!(plan.once_future("b", body(ready(()))).unwrap_err(), SpawnError::Planned);
    let started = plan.start(&tasks, App::default());
    let names: Vec<_> = started.iter().map(|task| task.name()).collect();
    assert_eq!(names, [None, Some("b")]);
    tasks.wait_idle().await;
    assert_eq!(made.get(), 2);
    assert!(plan.start(&tasks, App::default()).is_empty(), "each was made");
}

pub(crate) async fn a_planned_task_that_fails_says_so_and_is_made_again<H: Lives>(tasks: Reg<H>) {
    let mut plan = P::<H>::new();
    let says = |text: &str| Err::<(), _>(Failure::Says(text.to_owned()));
    plan.task_fallible("each", move |_| body(ready(says("no route")))).unwrap();
    plan.once_fallible("once", move |_| body(ready(says("no such table")))).unwrap();
    plan.task_fallible("fine", |_| body(ready(Ok::<_, Failure>(())))).unwrap();
    plan.once_fallible("long", |_| body(ready(Err::<(), _>(Failure::Endless("ab"))))).unwrap();
    plan.once_fallible("silent", |_| body(ready(Err::<(), _>(Failure::Panics)))).unwrap();
    assert_eq!(
        plan.task_fallible("each", |_| body(ready(Ok::<_, Failure>(())))).unwrap_err(),
        SpawnError::Planned
    );
    let mut ends = Vec::new();
    for task in plan.start(&tasks, App::default()) {
        let task = task.into_task().unwrap();
        let end = task.wait().await;
        // The handle has the words that are recorded.
        match (end, task.await.unwrap()) {
            (Outcome::Failed { message }, Err(words)) => {
                assert_eq!(message.as_str(), words);
                ends.push(words);
            }
            (end, output) => assert_eq!((end, output), (Outcome::Completed, Ok(()))),
        }
    }
    let long = "ab".repeat(128);
    let silent = "an error that panics when it is displayed";
    assert_eq!(ends, ["no route", "no such table", &long, silent]);
    let again = plan.start(&tasks, App::default());
    let names: Vec<_> = again.iter().map(|task| task.name().unwrap()).collect();
    assert_eq!(names, ["each", "fine"], "what failed once was made");
    tasks.wait_idle().await;
    assert!(tasks.get("each").unwrap().outcome().unwrap().is_failed());
}

pub(crate) async fn a_duplicate_or_empty_name_is_an_error_where_it_is_written<H: Lives>(
    tasks: Reg<H>,
) {
    let mut plan = P::<H>::new();
    plan.task("a", notes).unwrap();
    assert_eq!(plan.task("a", notes).unwrap_err(), SpawnError::Planned);
    assert_eq!(plan.once("a", notes).unwrap_err(), SpawnError::Planned);
    plan.once("b", notes).unwrap();
    assert_eq!(plan.task("b", notes).unwrap_err(), SpawnError::Planned);
    assert_eq!(plan.task("", notes).unwrap_err(), SpawnError::EmptyName);
    assert_eq!(plan.once("", notes).unwrap_err(), SpawnError::EmptyName);
    plan.unnamed(notes).unnamed(notes);
    assert_eq!(plan.len(), 4, "what was refused is not planned");
    assert_eq!(format!("{plan:?}"), r#"["a", "b", "", ""]"#);
    assert_eq!(plan.start(&tasks, App::default()).len(), 4);
    tasks.wait_idle().await;
}

pub(crate) async fn a_plan_started_twice_makes_fresh_tasks_and_once_is_once<H: Lives>(
    tasks: Reg<H>,
) {
    let (made, once) = (Count::default(), Count::default());
    let mut plan = P::<H>::new();
    let count = made.clone();
    plan.task("each", move |cx| {
        let mut own = 0;
        let number = count.add();
        body(async move {
            own += 1;
            cx.trace.note(format!("{number}: {own}"));
        })
    })
    .unwrap();
    let count = once.clone();
    plan.once("once", move |_| {
        count.add();
        body(ready(()))
    })
    .unwrap();
    let app = App::default();
    let second = another(&tasks, Options::new());
    for (registry, starts) in [(&tasks, 2), (&second, 1), (&tasks, 1)] {
        let started = plan.start(registry, app.clone());
        assert_eq!(started.len(), starts);
        for task in started {
            task.into_task().unwrap().await.unwrap().unwrap();
        }
    }
    assert_eq!((made.get(), once.get()), (3, 1));
    assert_eq!(app.trace.read(), ["1: 1", "2: 1", "3: 1"]);
}

pub(crate) async fn what_finds_its_name_taken_never_started_and_the_others_do<H: Lives>(
    tasks: Reg<H>,
) {
    let mut plan = P::<H>::new();
    plan.task("one", notes).unwrap().task("taken", notes).unwrap().task("two", notes).unwrap();
    let holder = hold(&tasks, "taken").await;
    let app = App::default();
    let started = plan.start(&tasks, app.clone());
    let taken = SpawnError::NameTaken { holder: holder.task.id() };
    assert_eq!(started.len(), 3);
    assert_eq!(started[1].name(), Some("taken"));
    assert_eq!(started[1].task().unwrap_err(), taken);
    assert_eq!(started[1].outcome(), Some(Outcome::NeverStarted));
    for index in [0, 2] {
        assert_eq!(started[index].task().unwrap().wait().await, Outcome::Completed);
        assert_eq!(started[index].outcome(), Some(Outcome::Completed));
    }
    assert!(!holder.task.is_ended());
    let mut seen = app.trace.read();
    seen.sort();
    assert_eq!(seen, ["one", "two"]);
}

pub(crate) async fn a_once_that_found_no_place_waits_for_the_next_start<H: Lives>(tasks: Reg<H>) {
    let mut plan = P::<H>::new();
    plan.once("once", notes).unwrap();
    let app = App::default();
    let holder = hold(&tasks, "once").await;
    let refused = plan.start(&tasks, app.clone());
    assert_eq!(refused[0].outcome(), Some(Outcome::NeverStarted));
    holder.task.cancel().await;
    let started = plan.start(&tasks, app.clone()).pop().expect("it was given back");
    started.into_task().unwrap().await.unwrap().unwrap();
    assert!(plan.start(&tasks, app.clone()).is_empty());
    assert_eq!(app.trace.read(), ["once"]);
}

/// A spawner that takes nothing.
struct Refuses;

impl Spawner for Refuses {
    type Handle = ();
    type Mode = mode::Unsync;
}

impl<F: Future<Output = ()>> Spawn<F> for Refuses {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        Err(Refused::gone(future))
    }
}

pub(crate) async fn a_once_that_an_executor_refused_waits_for_the_next_start<H: Lives>(
    tasks: Reg<H>,
) {
    let mut plan = P::<H>::new();
    plan.task("each", notes).unwrap().once("once", notes).unwrap();
    let app = App::default();
    let gone = Registry::with_tasks(Refuses, tasks.tasks().clone());
    for refused in plan.start(&gone, app.clone()) {
        assert!(matches!(refused.task().unwrap_err(), SpawnError::Refused(_)));
        assert_eq!(refused.outcome(), Some(Outcome::NeverStarted));
    }
    assert!(tasks.is_empty());
    let started = plan.start(&tasks, app.clone());
    assert_eq!(started.len(), 2, "the refused one was given back");
    tasks.wait_idle().await;
    let mut seen = app.trace.read();
    seen.sort();
    assert_eq!(seen, ["each", "once"]);
}

pub(crate) async fn a_planned_factory_that_panics_is_its_tasks_panic<H: Lives>(tasks: Reg<H>) {
    let mut plan = P::<H>::new();
    plan.task("bad", |_| -> Body<()> { blow_up("each") }).unwrap();
    plan.once("worse", |_| -> Body<()> { blow_up("once") }).unwrap();
    plan.task("good", notes).unwrap();
    let mut started = plan.start(&tasks, App::default());
    assert_eq!(started.len(), 3, "whoever starts the plan sees no panic");
    started.pop().unwrap().into_task().unwrap().await.unwrap().unwrap();
    for message in ["once", "each"] {
        let task = started.pop().unwrap().into_task().unwrap();
        let payload = task.await.unwrap_err().into_panic().unwrap();
        assert_eq!(*payload.downcast::<&'static str>().unwrap(), message);
    }
    // The first is made again, the second was.
    assert_eq!(plan.start(&tasks, App::default()).len(), 2);
    tasks.wait_idle().await;
}

pub(crate) async fn a_plan_started_after_a_shutdown_starts_nothing<H: Lives>(tasks: Reg<H>) {
    let mut plan = P::<H>::new();
    plan.task("each", notes).unwrap().once("once", notes).unwrap().unnamed(notes);
    tasks.shutdown(pending::<()>()).await;
    let app = App::default();
    let closed = plan.start(&tasks, app.clone());
    assert_eq!(closed.len(), 3);
    for task in &closed {
        assert_eq!(task.task().unwrap_err(), SpawnError::Closed);
        assert_eq!(task.outcome(), Some(Outcome::NeverStarted));
    }
    assert!(app.trace.read().is_empty());
    // Another registry has them all, the one that is once as well.
    let open = another(&tasks, Options::new());
    assert_eq!(plan.start(&open, app.clone()).len(), 3);
    open.wait_idle().await;
    assert_eq!(app.trace.read().len(), 3);
}

pub(crate) async fn a_planned_task_cancelled_before_its_first_poll_is_never_made<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let made = Count::default();
    let count = made.clone();
    let mut plan = P::<H>::new();
    plan.task("a", move |_| {
        count.add();
        body(pending::<()>())
    })
    .unwrap();
    let task = plan.start(&hand, App::default()).pop().unwrap().into_task().unwrap();
    assert_eq!(made.get(), 0, "made by the task, not by the start");
    assert_eq!(task.state(), State::Queued);
    drop(task.cancel_with("early"));
    assert!(step(&mut take(&hand)));
    assert_eq!(task.outcome().unwrap().reason(), Some("early"));
    assert_eq!(made.get(), 0);
}

pub(crate) async fn planned_tasks_have_a_token_and_are_shut_down<H: Lives>(tasks: Reg<H>) {
    let mut plan = P::<H>::new();
    for name in ["a", "b"] {
        plan.task(name, move |cx: Cx<App, _>| {
            body(async move {
                cx.shield(async {
                    cx.trace.note("started");
                    cx.gate.open();
                    cx.cancelled().await;
                    cx.trace.note(cx.cancel_reason().unwrap().to_string());
                })
                .await;
            })
        })
        .unwrap();
    }
    let app = App::default();
    let started = plan.start(&tasks, app.clone());
    for task in &started {
        while task.task().unwrap().state() == State::Queued {
            yield_now().await;
        }
    }
    app.gate.pass().await;
    let report = tasks.shutdown(pending::<()>()).await;
    assert_eq!(report.completed(), 2);
    let mut seen = app.trace.read();
    seen.sort();
    assert_eq!(seen, ["shutdown", "shutdown", "started", "started"]);
}

pub(crate) fn law_11_planned_tasks_go_with_their_executor<H: Lives>() {
    let left = std::cell::RefCell::new(None);
    let (app, dropped) = (App::default(), Flag::default());
    let guard = dropped.clone();
    let mut plan = P::<H>::new();
    plan.task("a", move |cx: Cx<App, _>| {
        let guard = guard.on_drop();
        body(async move {
            cx.gate.open();
            noted_pending(guard).await;
        })
    })
    .unwrap();
    let app = &app;
    let plan = &plan;
    H::run(async |tasks: Reg<H>| {
        let task = plan.start(&tasks, app.clone()).pop().unwrap().into_task().unwrap();
        app.gate.pass().await;
        *left.borrow_mut() = Some(task);
    });
    let task = left.into_inner().unwrap();
    assert_eq!(block_on(task.wait()), Outcome::Abandoned);
    assert!(dropped.is_set());
}

/// Exactly one of several starts at once makes it.
pub(crate) async fn of_many_threads_that_start_a_plan_one_makes_the_once<H: Lives + Across>(
    _: Reg<H>,
) {
    let made = Count::default();
    let mut plan = Plan::<App, mode::Sync>::new();
    let count = made.clone();
    plan.once("once", move |_| {
        count.add();
        body(ready(()))
    })
    .unwrap();
    let count = Count::default();
    let each = count.clone();
    plan.task("each", move |_| {
        each.add();
        body(ready(()))
    })
    .unwrap();
    let plan = std::sync::Arc::new(plan);
    let together = std::sync::Arc::new(std::sync::Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (plan, together) = (plan.clone(), together.clone());
            on_thread(move || {
                let hand: Registry<Hand, mode::Sync> = Registry::with_tasks(
                    Hand::default(),
                    task_registry::Tasks::new(Options::new()),
                );
                together.wait();
                let started = plan.start(&hand, App::default()).len();
                for _ in 0..started {
                    assert!(step(&mut take(&hand)));
                }
                started
            })
        })
        .collect();
    let started: usize = threads.into_iter().map(Thread::join).sum();
    assert_eq!((started, made.get(), count.get()), (5, 1, 4));
}

/// Where futures need not be `Send`, nor the application.
pub(crate) async fn a_plan_for_one_thread_takes_what_is_not_send<H: Local>(tasks: Reg<H>)
where
    H::Spawner: Spawn<
        Tracked<
            task_registry::InTask<Rc<Cell<u32>>, H::Mode, bound::OneThread>,
            H::Mode,
            Fallible<()>,
        >,
    >,
{
    let mut plan = Plan::<Rc<Cell<u32>>, H::Mode, bound::OneThread>::new();
    plan.task("a", |cx| async move {
        let local = Rc::new(1);
        yield_now().await;
        cx.app().set(cx.app().get() + *local);
    })
    .unwrap();
    let app = Rc::new(Cell::new(0));
    for _ in 0..2 {
        plan.start(&tasks, app.clone()).pop().unwrap().into_task().unwrap().await.unwrap().unwrap();
    }
    assert_eq!(app.get(), 2);
}
