//! One small type per executor: how to make one, run a law on it, and lose it under its tasks.

use std::future::Future;
use std::pin::Pin;

use task_registry::mode::{Mode, Shared};
use task_registry::{
    Options, Registry, Spawn, SpawnLocal, Spawner, TaskHandle, Tasks, Tracked, conflict,
};

use crate::kit::*;

/// A spawner that takes what the laws spawn.
pub(crate) trait Runs<M: Mode>:
    Spawner
    + Spawn<Tracked<Body<()>, M>>
    + Spawn<Tracked<Body<u32>, M>>
    + Spawn<Tracked<Body<OnDrop>, M>>
{
}

impl<S, M: Mode> Runs<M> for S where
    S: Spawner
        + Spawn<Tracked<Body<()>, M>>
        + Spawn<Tracked<Body<u32>, M>>
        + Spawn<Tracked<Body<OnDrop>, M>>
{
}

/// An executor for the laws.
pub(crate) trait Harness: 'static {
    type Mode: Mode;
    type Spawner: Runs<Self::Mode> + Clone + 'static;

    /// How many threads poll tasks while the law itself does not yield.
    const WORKERS: usize = 0;

    /// Makes an executor, runs the law on it to its end, and drops the executor.
    fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F);
}

/// An executor that can go away under its tasks.
pub(crate) trait Mortal: Harness {
    /// Makes an executor, lets `populate` put tasks on it, and drops the executor.
    fn lose() -> Left<Self::Mode>;
}

pub(crate) type Reg<H> = Registry<<H as Harness>::Spawner, <H as Harness>::Mode>;

/// Another registry on the same executor.
pub(crate) fn another<S: Spawner + Clone, M: Mode>(
    registry: &Registry<S, M>,
    options: Options,
) -> Registry<S, M> {
    Registry::with_tasks(registry.spawner().clone(), Tasks::new(options))
}

/// A task that runs until its gate opens.
pub(crate) struct Held<M: Mode> {
    pub(crate) task: TaskHandle<(), M>,
    pub(crate) finish: Gate,
    /// Set by the destructor of what its future owns.
    pub(crate) dropped: Flag,
}

/// Spawns one and waits until its body runs.
pub(crate) async fn hold<S: Runs<M>, M: Mode>(
    registry: &Registry<S, M>,
    name: &'static str,
) -> Held<M> {
    hold_with(registry, name, || ()).await
}

/// The same, with something to do for its destructor.
pub(crate) async fn hold_with<S: Runs<M>, M: Mode>(
    registry: &Registry<S, M>,
    name: &'static str,
    on_drop: impl FnOnce() + 'static,
) -> Held<M> {
    let (started, finish, dropped) = (Gate::default(), Gate::default(), Flag::default());
    let future = body({
        let (started, finish, dropped) = (started.clone(), finish.clone(), dropped.clone());
        let guard = OnDrop::new(move || {
            on_drop();
            dropped.set();
        });
        async move {
            let _guard = guard;
            started.open();
            finish.pass().await;
        }
    });
    let task = registry.spawn(name, future).expect("the name is free");
    started.pass().await;
    Held { task, finish, dropped }
}

/// Holds every thread of the executor until it is dropped, so that nothing that is spawned meanwhile is polled.
///
/// On an executor without threads of its own nothing is polled anyway until the law awaits something.
pub(crate) struct Stalled {
    release: Gate,
    _turn: Option<std::sync::MutexGuard<'static, ()>>,
}

impl Drop for Stalled {
    fn drop(&mut self) {
        self.release.open();
    }
}

pub(crate) async fn stall<H: Harness>(registry: &Reg<H>) -> Stalled {
    // Two laws that each hold half of the threads of one global executor would wait for ever.
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let release = Gate::default();
    let turn = (H::WORKERS > 0).then(|| lock(&TURN));
    let stalled = Stalled { release, _turn: turn };
    let aside = another(registry, Options::new());
    let mut held = Vec::new();
    for _ in 0..H::WORKERS {
        let (started, release) = (Gate::default(), stalled.release.clone());
        held.push(started.clone());
        let blocker = async move {
            started.open();
            release.pass_blocking();
        };
        aside.spawn_unnamed(body(blocker)).expect("the executor runs");
    }
    for started in held {
        started.pass().await;
    }
    stalled
}

/// What is left of a registry whose executor went away.
pub(crate) struct Left<M: Mode> {
    pub(crate) tasks: Tasks<M>,
    /// It had returned.
    pub(crate) done: TaskHandle<u32, M>,
    /// It waited for something.
    pub(crate) pending: Held<M>,
    /// It was asked to stop and, on executors of one thread, not polled since.
    pub(crate) cancelled: Held<M>,
    /// It was replaced, so it was asked to stop as well.
    pub(crate) replaced: Held<M>,
    /// It waited for the one it replaces.
    pub(crate) queued: Held<M>,
    /// On executors of one thread it was never polled.
    pub(crate) fresh: Held<M>,
    /// Its destructor calls the registry.
    pub(crate) nosy: Held<M>,
}

/// Puts a task of each state on the executor.
pub(crate) async fn populate<S: Runs<M>, M: Mode>(registry: Registry<S, M>) -> Left<M> {
    let done = registry.spawn("done", body(async { 7 })).expect("spawn");
    done.task().wait().await;
    let pending = hold(&registry, "pending").await;
    let cancelled = hold(&registry, "cancelled").await;
    let replaced = hold(&registry, "name").await;
    let nosy = hold_with(&registry, "nosy", {
        let tasks = registry.tasks().clone();
        move || {
            assert!(tasks.get_live("nosy").is_some());
            drop(tasks.reserve("from a destructor").expect("the registry is open"));
            drop(tasks.cancel_where(|task| task.name() == Some("nobody")));
            drop((tasks.snapshot(), tasks.counts()));
        }
    })
    .await;
    // From here on nothing is awaited.
    drop(cancelled.task.cancel());
    let later = |name, replace: bool| {
        let (finish, dropped) = (Gate::default(), Flag::default());
        let (inner, guard) = (finish.clone(), dropped.on_drop());
        let future = body(async move {
            let _guard = guard;
            inner.pass().await;
        });
        let task = if replace {
            registry.task(name).on_conflict(conflict::Replace).spawn(future)
        } else {
            registry.spawn(name, future)
        };
        Held { task: task.expect("spawn"), finish, dropped }
    };
    let queued = later("name", true);
    let fresh = later("fresh", false);
    Left {
        tasks: registry.tasks().clone(),
        done,
        pending,
        cancelled,
        replaced,
        queued,
        fresh,
        nosy,
    }
}

/// See [`by_hand`].
pub(crate) type ByHand<T, M> = Pin<Box<Tracked<Body<T>, M>>>;

/// A tracked future that the law itself polls: what happens to it, and when, is up to the law.
pub(crate) fn by_hand<S: Spawner, M: Mode, T: 'static>(
    registry: &Registry<S, M>,
    name: &'static str,
    future: impl Future<Output = T> + 'static,
) -> (ByHand<T, M>, TaskHandle<T, M>) {
    let ticket = registry.reserve(name).expect("the name is free");
    let (tracked, task) = ticket.track(body(future)).expect("nobody cancelled it");
    (Box::pin(tracked), task)
}

/// An executor of one thread, that takes futures which are not `Send`.
pub(crate) trait Local: Harness<Spawner: SpawnLocal> {}
impl<H: Harness<Spawner: SpawnLocal>> Local for H {}

/// A registry that other threads may spawn with.
pub(crate) trait Sends: Harness<Mode: Shared, Spawner: Send + Sync> {}
impl<H: Harness<Mode: Shared, Spawner: Send + Sync>> Sends for H {}

/// A registry whose table other threads may use.
pub(crate) trait Across: Harness<Mode: Shared> {}
impl<H: Harness<Mode: Shared>> Across for H {}
