//! Who is told of a task, and which task this code runs in, on every executor. The exact traces of all that an observer
//! can be told are in `tests/observers`.

use std::any::Any;
use std::future::ready;
use std::sync::{Arc, Mutex};

use task_registry::{CurrentTask, Observer, Options, Outcome, TaskInfo, TrackCurrent, current};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

/// Notes what it is told.
#[derive(Clone, Default)]
struct Tells {
    trace: Trace,
    /// Open once a panic was left to it.
    unclaimed: Gate,
}

impl Tells {
    fn note(&self, task: &TaskInfo, what: &str) {
        self.trace.note(format!("{} {what}", task.name().unwrap_or("unnamed")));
    }
}

impl Observer for Tells {
    fn added(&self, task: &TaskInfo) {
        self.note(task, "added");
    }
    fn started(&self, task: &TaskInfo) {
        self.note(task, "started");
    }
    fn stopping(&self, task: &TaskInfo, reason: Option<&str>) {
        self.note(task, &format!("stopping: {}", reason.unwrap_or("no reason")));
    }
    fn ended(&self, task: &TaskInfo, outcome: &Outcome) {
        self.note(task, &format!("ended: {outcome}"));
    }
    fn unclaimed_panic(
        &self,
        task: &TaskInfo,
        payload: Box<dyn Any + Send>,
    ) -> Option<Box<dyn Any + Send>> {
        let message = payload.downcast_ref::<&'static str>().copied();
        self.note(task, &format!("unclaimed: {}", message.unwrap_or("no text")));
        self.unclaimed.open();
        None
    }
}

pub(crate) async fn an_observer_is_told_of_every_step_before_who_waits_goes_on<H: Lives>(
    tasks: Reg<H>,
) {
    let told = Tells::default();
    let tasks = another(&tasks, Options::new().observer(told.clone()));
    let held = hold(&tasks, "a").await;
    assert_eq!(told.trace.read(), ["a added", "a started"]);
    drop(held.task.cancel_with("bye"));
    held.task.wait().await;
    let failed: Result<u32, _> = Err(Failure::Says("no such file".to_owned()));
    let failed = tasks.spawn_fallible("b", body(ready(failed))).unwrap();
    failed.wait().await;
    drop(tasks.reserve("c").unwrap());
    let expected = [
        "a added",
        "a started",
        "a stopping: bye",
        "a ended: cancelled: bye",
        "b added",
        "b started",
        "b ended: failed: no such file",
        "c added",
        "c ended: never started",
    ];
    assert_eq!(told.trace.read(), expected);
}

pub(crate) async fn law_14_a_panic_without_a_handle_reaches_the_observer<H: Lives>(tasks: Reg<H>) {
    let told = Tells::default();
    let tasks = another(&tasks, Options::new().observer(told.clone()));
    let go = Gate::default();
    let gate = go.clone();
    let task = tasks.spawn(
        "a",
        body::<()>(async move {
            gate.pass().await;
            blow_up("nobody asks");
        }),
    );
    drop(task.unwrap());
    go.open();
    told.unclaimed.pass().await;
    let last = told.trace.read().split_off(2);
    assert_eq!(last, ["a ended: panicked: nobody asks", "a unclaimed: nobody asks"]);
}

pub(crate) async fn current_is_the_task_that_runs_at_every_poll_and_in_its_cleanup<H: Lives>(
    tasks: Reg<H>,
) {
    let plain = tasks;
    let tasks = another(&plain, Options::new().observer(TrackCurrent));
    let found = Arc::new(Mutex::new(Vec::<Option<CurrentTask>>::new()));
    let look = || {
        let found = found.clone();
        move || lock(&found).push(current())
    };
    let (first, second, last) = (look(), look(), look());
    let cleaned = tasks.task("a").cleanup(make_of_end(move |_| async move { last() }), never());
    let task = cleaned.spawn(body(async move {
        first();
        yield_now().await;
        second();
    }));
    let task = task.unwrap();
    task.wait().await;
    let seen = std::mem::take(&mut *lock(&found));
    assert_eq!(seen.len(), 3);
    for current in seen {
        let current = current.expect("it runs inside");
        assert_eq!((current.name(), current.id()), (Some("a"), task.id()));
    }
    assert_eq!(current(), None, "nor does it leave anything behind");
    // A registry that was not asked to tracks nothing.
    let own = look();
    plain.spawn("a", body(async move { own() })).unwrap().await.unwrap();
    assert_eq!(*lock(&found), [None]);
}
