//! Shutdowns in stages of which nobody sees the end, and that come when a task is just there.

use std::cell::RefCell;
use std::future::{Future, Pending, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, Weak};

use async_executor::{Executor, LocalExecutor};
use futures_lite::future::{block_on, poll_once};
use task_registry::local::OnLocalExecutor;
use task_registry::{
    Cx, Observer, Options, Refused, Registry, ShutdownReport, Spawn, Spawner, State, TaskBuilder,
    TaskInfo, Tasks, mode,
};

#[test]
fn law_12_inside_a_task_a_shutdown_in_stages_reaches_the_stages_below_it() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let low = tasks.task("low").stage(0).spawn(pending::<()>()).unwrap();
    let all = tasks.tasks().clone();
    let caller = async move {
        all.shutdown_in_stages(pending::<()>(), |_| pending::<()>()).await;
    };
    let caller = tasks.task("caller").stage(1).spawn(caller).unwrap();
    block_on(executor.run(tasks.wait_idle()));
    assert!(caller.outcome().unwrap().is_cancelled());
    assert!(low.outcome().unwrap().is_cancelled());
}

#[test]
fn a_budget_that_panics_leaves_no_stage_unasked() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let high = tasks.task("high").stage(1).spawn(pending::<()>()).unwrap();
    let low = tasks.task("low").stage(0).spawn(pending::<()>()).unwrap();
    let call = || {
        tasks.shutdown_in_stages(pending::<()>(), |_| -> std::future::Pending<()> {
            std::panic::resume_unwind(Box::new("no budget"))
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    block_on(executor.run(tasks.wait_idle()));
    assert!(high.is_ended() && low.is_ended());
}

#[test]
fn a_budget_that_panics_is_made_at_the_next_poll_and_the_one_before_it_is_polled_no_more() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    for stage in 0..3 {
        drop(tasks.task(stage.to_string()).stage(stage).spawn(pending::<()>()).unwrap());
    }
    let made = RefCell::new(Vec::new());
    let budgets = |stage| {
        made.borrow_mut().push(stage);
        if *made.borrow() == [2, 1] {
            std::panic::resume_unwind(Box::new("no budget"));
        }
        async move {
            if stage == 1 {
                pending::<()>().await;
            }
        }
    };
    let mut end = pin!(tasks.shutdown_in_stages(pending::<()>(), budgets));
    let mut poll = || block_on(poll_once(end.as_mut()));
    // Nothing runs: each stage takes its whole budget.
    assert!(catch_unwind(AssertUnwindSafe(&mut poll)).is_err());
    assert!(poll().is_none());
    assert!(poll().is_none());
    assert_eq!(*made.borrow(), [2, 1, 1]);
    let report = block_on(executor.run(end));
    assert!(report.is_clean());
    assert_eq!(*made.borrow(), [2, 1, 1, 0]);
}

type Shutdown = Pin<Box<dyn Future<Output = ShutdownReport> + Send>>;

/// Shuts the tasks down in stages in the middle of the next spawn.
#[derive(Clone, Default)]
struct Hasty {
    tasks: Arc<Mutex<Option<Tasks<mode::Sync>>>>,
    end: Arc<Mutex<Option<Shutdown>>>,
    /// How the newcomer was then.
    newcomer: Arc<Mutex<Option<State>>>,
}

impl Hasty {
    fn arm(&self, tasks: &Tasks<mode::Sync>) {
        *self.tasks.lock().unwrap() = Some(tasks.clone());
    }
}

impl Observer for Hasty {
    fn added(&self, task: &TaskInfo) {
        let Some(tasks) = self.tasks.lock().unwrap().take() else { return };
        let end = tasks.shutdown_in_stages(pending::<()>(), |_| pending::<()>());
        *self.end.lock().unwrap() = Some(Box::pin(end));
        *self.newcomer.lock().unwrap() = tasks.by_id(task.id()).map(|task| task.state());
    }
}

/// Spawns on an executor that threads may share.
#[derive(Clone)]
struct Shared(Weak<Executor<'static>>);

impl Spawner for Shared {
    type Handle = ();
    type Mode = mode::Sync;
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for Shared {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        match self.0.upgrade() {
            Some(executor) => {
                executor.spawn(future).detach();
                Ok(())
            }
            None => Err(Refused::gone(future)),
        }
    }
}

/// A registry with a task of stage 0, to be shut down in the middle of a spawn.
fn hurried(executor: &Arc<Executor<'static>>) -> (Registry<Shared>, Hasty) {
    let hasty = Hasty::default();
    let options = Options::new().observer(hasty.clone());
    let tasks = Registry::with_options(Shared(Arc::downgrade(executor)), options);
    drop(tasks.spawn("server", pending::<()>()).unwrap());
    (tasks, hasty)
}

#[test]
fn a_shutdown_in_stages_that_comes_amid_a_spawn_asks_the_newcomer_in_its_own_stage() {
    let executor = Arc::new(Executor::new());
    let (tasks, hasty) = hurried(&executor);
    let server = tasks.get("server").unwrap();
    hasty.arm(&tasks);
    let db = tasks.task("db").stage(-10).spawn(pending::<()>()).unwrap();
    let mut end = hasty.end.lock().unwrap().take().unwrap();
    assert!(block_on(poll_once(end.as_mut())).is_none());
    assert_eq!((server.state(), db.state()), (State::Stopping, State::Queued));
    while executor.try_tick() {}
    assert!(server.is_ended());
    assert_eq!(db.state(), State::Running, "it is the future that asks");
    assert!(block_on(executor.run(end)).is_clean());
    assert!(db.outcome().unwrap().is_cancelled());
}

#[test]
fn a_task_has_its_stage_before_anybody_can_find_it_however_it_is_spawned() {
    fn made(_: Cx<(), mode::Sync>) -> Pending<()> {
        pending()
    }
    fn db(tasks: &Registry<Shared>) -> TaskBuilder<'_, Shared, mode::Sync> {
        tasks.task("db").stage(-10)
    }
    type Way = fn(&Registry<Shared>, &dyn Fn());
    let ways: [(&str, Way); 6] = [
        ("spawn", |tasks, arm| {
            arm();
            drop(db(tasks).spawn(pending::<()>()));
        }),
        ("without a name", |tasks, arm| {
            arm();
            drop(tasks.unnamed().stage(-10).spawn(pending::<()>()));
        }),
        ("reserve", |tasks, arm| {
            arm();
            drop(db(tasks).reserve());
        }),
        ("spawn_with", |tasks, arm| {
            arm();
            drop(db(tasks).spawn_with((), made));
        }),
        ("spawn_restartable", |tasks, arm| {
            arm();
            drop(db(tasks).spawn_restartable(made));
        }),
        ("restart", |tasks, arm| {
            drop(db(tasks).spawn_restartable(made).unwrap());
            arm();
            drop(tasks.restart("db"));
        }),
    ];
    for (way, spawn) in ways {
        let executor = Arc::new(Executor::new());
        let (tasks, hasty) = hurried(&executor);
        spawn(&tasks, &|| hasty.arm(&tasks));
        let newcomer = hasty.newcomer.lock().unwrap().take();
        assert_eq!(newcomer, Some(State::Queued), "{way}");
        // It leads to the registry, and that to the observer.
        let end = hasty.end.lock().unwrap().take();
        drop(end);
    }
}
