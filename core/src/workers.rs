//! Several threads, each with an executor and a registry of its own, seen as one.
//!
//! Nothing here waits by means of its own. What has to be waited for is a [`Ticket`] of one of two tables that nobody
//! else sees: it is run, or it is dropped, and who waits for the task learns which.
//!
//! | ticket | one for | ends |
//! | --- | --- | --- |
//! | `before` | all | completed once all futures before the workers are; cancelled by a shutdown that comes first |
//! | `gate` | all | completed when every worker has its executor, and then all of them start; else none does |
//! | `ready` | each worker | completed when it has its executor, not completed if it cannot have one |
//! | `main` | each worker | with its main future |
//! | `worker` | each worker | when its main future and its tasks have ended and it was asked to stop |
//! | `thread` | each worker | last, when its executor is gone |
//!
//! A shutdown closes the workers' tables first, then cancels `gate`, then `before`. So who has seen `before` complete
//! and the gate untouched starts before the shutdown; who comes later finds the gate ended.
//!
//! What is not generic here and leads to a table is `#[inline]`: so a program without workers compiles none of it, and no table
//! that only workers use (docs/performance.md says what that saves).

mod foreign;
mod handle;
mod report;

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::error::Error;
use core::fmt;
use core::future::Future;
use core::ops::Deref;
use std::io;
use std::thread;

use crate::plan::Judged;
use crate::plan::bound::{AnyThread, Bound};
use crate::unwind::{Contained, catch, let_go, message};
use crate::{
    Cx, Fallible, InTask, JoinError, Options, Outcome, Plan, PlannedTask, Registry, Spawn,
    SpawnLocal, Spawner, Ticket, Tracked, mode,
};

use foreign::{Before, Failure, Making, OneByOne};
use handle::{Inner, Ran};
pub use handle::{Running, WorkersHandle};
pub use report::{WorkerReport, WorkersReport, WorkersShutdown, WorkersSnapshot};

/// Makes an executor for each worker, on the worker's thread: what an adapter implements so that [`Workers`] run on it.
pub trait Runtime: Send + Sync + 'static {
    /// Spawns on such an executor. It must not keep it alive, because tasks may own their registry.
    type Spawner: SpawnLocal + Clone + 'static;

    /// Makes an executor, calls `body` with its spawner, and drives both the future that it returns and all that is
    /// spawned, on this thread, until that future is ready. Drops the executor before it returns.
    ///
    /// # Errors
    ///
    /// There is no executor to be had. `body` is then not called.
    fn run<F: Future>(&self, body: impl FnOnce(Self::Spawner) -> F) -> io::Result<F::Output>;
}

/// Threads, each with an executor and a registry of its own, that start together, run the same [`Plan`] and the same
/// main future, and are listed, cancelled and shut down as one.
///
/// Every worker's registry has a [`mode::Sync`] table: any thread can list and cancel its tasks, through the
/// [`WorkersHandle`], although their futures need not be `Send` and never leave their worker (law 10).
///
/// For the same reason a factory cannot wait in such a table for whoever calls [`Tasks::restart`](crate::Tasks::restart): a task is made anew on its
/// worker's thread, by [`Plan::restart`] with [`WorkerCx::registry`] and a clone of an `Arc` of the plan. And a main
/// future is a task of nobody's registry: no observer is told of it, and in it [`current`](crate::current()) is `None`.
///
/// 1. The futures of [`before_workers`](Workers::before_workers) run, one after the other, on whatever awaits
///    [`start`](Workers::start).
/// 2. Every worker makes its executor; when all have one, all go on.
/// 3. Each starts the plan on its registry (tasks are made anew, a [`once`](Plan::once) task is made by one worker
///    only), then runs its main future.
/// 4. A worker whose main future has ended, or panicked, goes on running its tasks.
/// 5. [`shutdown`](WorkersHandle::shutdown) asks everything to stop. A worker is done when its main future and its tasks
///    have ended, or the deadline has passed; then its executor is dropped with all that is left on it, and its thread
///    ends.
///
/// ```no_run
/// # use task_registry_core::{Runtime, SpawnError};
/// use std::time::Duration;
/// use task_registry_core::{Plan, Workers, mode};
/// # async fn sleep(_: Duration) {}
///
/// # async fn example(runtime: impl Runtime<Spawner = task_registry_local::OnLocalExecutor<
/// #     std::rc::Weak<async_executor::LocalExecutor<'static>>>>) -> Result<(), Box<dyn std::error::Error>> {
/// let mut plan = Plan::<&str, mode::Sync>::new();
/// plan.task("heartbeat", |cx| async move { println!("{} lives", cx.app()) })?; // on each worker
/// plan.once("migration", |_| async { println!("on one of them") })?;
///
/// let workers = Workers::new(4, runtime) // an adapter's, such as `tokio::CurrentThread::new()`
///     .plan(plan)
///     .before_workers(async { Ok::<_, std::io::Error>(println!("first of all")) })
///     .start("the app", |cx| async move {
///         println!("worker {}", cx.worker());
///         cx.cancelled().await; // until the shutdown
///     })
///     .await?;
///
/// println!("{}", workers.snapshot()); // by worker and name
/// workers.cancel("heartbeat").await; // on all of them
/// println!("{}", workers.shutdown(sleep(Duration::from_secs(5))).await);
/// # Ok(())
/// # }
/// ```
#[must_use = "workers do nothing unless started"]
pub struct Workers<R, A, B: Bound = AnyThread> {
    runtime: Arc<Contained<R>>,
    plan: Arc<Plan<A, mode::Sync, B>>,
    futures: Vec<Contained<Before>>,
    handle: WorkersHandle,
    before: Ticket<mode::Sync>,
    gate: Ticket<mode::Sync>,
    each: Vec<Tickets>,
}

/// What a worker has of the lifecycle.
struct Tickets {
    ready: Ticket<mode::Sync>,
    main: Ticket<mode::Sync>,
    worker: Ticket<mode::Sync>,
    thread: Ticket<mode::Sync>,
}

impl<R: Runtime, A> Workers<R, A> {
    /// So many workers, not started, whose registries have the default [`Options`].
    pub fn new(workers: usize, runtime: R) -> Self {
        Self::with_options(workers, runtime, Options::new())
    }

    /// So many workers, not started. `options` are those of each worker's registry.
    pub fn with_options(workers: usize, runtime: R, options: Options) -> Self {
        let (inner, before, gate, each) = Inner::new(workers, options);
        Self {
            runtime: Arc::new(Contained::new(runtime)),
            plan: Arc::default(),
            futures: Vec::new(),
            handle: WorkersHandle(Arc::new(inner)),
            before,
            gate,
            each,
        }
    }
}

impl<R: Runtime, A, B: Bound> Workers<R, A, B> {
    /// The tasks that each worker is to start, in place of what was planned before: a [`Plan`], or an `Arc` of one that is
    /// to be started elsewhere as well.
    ///
    /// Futures that are not `Send` make it a `Plan<_, _, bound::OneThread>`.
    pub fn plan<C: Bound>(self, plan: impl Into<Arc<Plan<A, mode::Sync, C>>>) -> Workers<R, A, C> {
        let Self { runtime, futures, handle, before, gate, each, .. } = self;
        Workers { runtime, plan: plan.into(), futures, handle, before, gate, each }
    }

    /// A future that has to return `Ok` before any worker starts, after those that were given before it.
    ///
    /// It runs where [`start`](Workers::start) is awaited, not on a worker.
    pub fn before_workers<E: Into<Failure>>(
        mut self,
        future: impl Future<Output = Result<(), E>> + Send + 'static,
    ) -> Self {
        let in_a_box = |done: Result<(), E>| done.map_err(Into::into);
        self.futures.push(Contained::new(Box::pin(Judged::new(future, in_a_box))));
        self
    }

    /// Leads to the workers from any thread, also before they start.
    #[must_use]
    pub fn handle(&self) -> WorkersHandle {
        self.handle.clone()
    }

    /// Starts the workers: [`Workers`] says in which order. Ready when all of them run.
    ///
    /// `app` is cloned for every worker, and there for every task; `main` is called once on each worker's thread, with
    /// the worker's own [`WorkerCx`], and its future stays there. On a shutdown the token of `main` fires at once
    /// ([`Cx::cancelled`]), and its future is dropped when the deadline passes, unless it has ended by then.
    ///
    /// Dropping the future before it is ready drops the futures before the workers, and no worker starts.
    ///
    /// # Errors
    ///
    /// [`StartError`]; no worker has started, and none will. What `app.clone()` panics with here is passed on.
    pub fn start<F>(
        self,
        app: A,
        main: impl Fn(WorkerCx<A, R::Spawner>) -> F + Send + Sync + 'static,
    ) -> impl Future<Output = Result<Running, StartError>>
    where
        A: Clone + Send + 'static,
        F: Future<Output = ()> + 'static,
        R::Spawner: Spawn<Tracked<InTask<A, mode::Sync, B>, mode::Sync, Fallible<()>>>,
    {
        let (app, main) = (Contained::new(app), Contained::new(main));
        let apps = move || {
            let app = Contained::new(app.get().clone());
            move |_: usize, _: &Own<R>| app.into_inner()
        };
        self.start_each(apps, main)
    }

    /// [`start`](Workers::start) with a value that each worker makes itself, on its own thread, from its number and its
    /// registry. So it may be what stays on one thread, and tasks of the plan may be given the registry, to spawn with.
    ///
    /// What `app` panics with is how the main future of that worker ended ([`Running::join`]); nothing of the plan starts
    /// there. The value must not keep the executor, nor does the registry.
    ///
    /// ```no_run
    /// use task_registry_core::{Plan, Registry, Runtime, Workers, bound::OneThread, mode};
    /// # use std::rc::Weak;
    /// # use async_executor::LocalExecutor;
    /// # use task_registry_local::{LocalThread, OnLocalExecutor};
    ///
    /// type Tasks = Registry<<LocalThread as Runtime>::Spawner, mode::Sync>;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut plan = Plan::<Tasks, mode::Sync, OneThread>::new();
    /// plan.task("acceptor", |cx| async move {
    ///     let _ = cx.app().spawn_local("connection:1", async {}); // on the acceptor's own worker
    /// })?;
    /// let workers = Workers::new(4, LocalThread::new()).plan(plan);
    /// let workers = workers.start_with(|_worker, tasks| tasks.clone(), |cx| async move { cx.cancelled().await });
    /// # drop(workers);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`start`](Workers::start).
    pub fn start_with<F>(
        self,
        app: impl Fn(usize, &Registry<R::Spawner, mode::Sync>) -> A + Send + Sync + 'static,
        main: impl Fn(WorkerCx<A, R::Spawner>) -> F + Send + Sync + 'static,
    ) -> impl Future<Output = Result<Running, StartError>>
    where
        A: Clone + 'static,
        F: Future<Output = ()> + 'static,
        R::Spawner: Spawn<Tracked<InTask<A, mode::Sync, B>, mode::Sync, Fallible<()>>>,
    {
        let (app, main) = (Arc::new(Contained::new(app)), Contained::new(main));
        let apps = move || {
            let app = app.clone();
            move |worker: usize, tasks: &Own<R>| (app.get())(worker, tasks)
        };
        self.start_each(apps, main)
    }

    /// `apps` is called for each worker here, and what it returns there. Nothing of foreign code's comes here bare: this may be dropped
    /// before it was polled.
    async fn start_each<F, G>(
        self,
        apps: impl Fn() -> G,
        main: Contained<impl Fn(WorkerCx<A, R::Spawner>) -> F + Send + Sync + 'static>,
    ) -> Result<Running, StartError>
    where
        A: Clone + 'static,
        F: Future<Output = ()> + 'static,
        G: FnOnce(usize, &Own<R>) -> A + Send + 'static,
        R::Spawner: Spawn<Tracked<InTask<A, mode::Sync, B>, mode::Sync, Fallible<()>>>,
    {
        let Self { runtime, plan, futures, handle, before, gate, each } = self;
        run_before(before, OneByOne::new(futures)).await?;
        if gate.task().is_ended() {
            return Err(StartError::ShutDown);
        }
        let main = Arc::new(main);
        let (mut ready, mut threads) = (Vec::new(), Vec::new());
        let mut failed = None;
        for (worker, tickets) in each.into_iter().enumerate() {
            ready.push(tickets.ready.task().clone());
            let start = Start {
                worker,
                runtime: runtime.clone(),
                plan: plan.clone(),
                app: apps(),
                main: main.clone(),
                handle: handle.clone(),
            };
            match thread::Builder::new()
                .name(format!("worker-{worker}"))
                .spawn(move || start.on_this_thread(tickets))
            {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    failed = Some((worker, error));
                    break;
                }
            }
        }
        for (worker, ready) in ready.into_iter().enumerate() {
            if !ready.wait().await.is_completed() {
                failed.get_or_insert_with(|| (worker, io::Error::other("it has no executor")));
                break;
            }
        }
        // Of this and a shutdown, one comes first.
        let opened = match failed {
            None => match gate.run(async {}) {
                Ok(opened) => opened.await.is_ok(),
                Err(_) => false,
            },
            Some(_) => {
                drop(gate);
                false
            }
        };
        if opened {
            return Ok(Running::new(handle, threads));
        }
        handle.stopped().await;
        Err(match failed {
            None => StartError::ShutDown,
            Some((worker, error)) => {
                // It has ended, so this waits for next to nothing.
                let why = threads.into_iter().nth(worker).and_then(|thread| thread.join().ok());
                match why {
                    Some(Err(error)) => StartError::Worker { worker, error: error.into_inner() },
                    Some(Ok(Err(panic))) if panic.is_panic() => {
                        StartError::WorkerPanicked { worker, panic }
                    }
                    _ => StartError::Worker { worker, error },
                }
            }
        })
    }
}

#[inline]
async fn run_before(before: Ticket<mode::Sync>, all: OneByOne) -> Result<(), StartError> {
    match before.run(all) {
        Err(_) => Err(StartError::ShutDown),
        Ok(all) => match all.await {
            Ok(done) => done.map_err(StartError::BeforeWorkers),
            Err(error) if error.is_panic() => Err(StartError::BeforeWorkersPanicked(error)),
            Err(_) => Err(StartError::ShutDown),
        },
    }
}

/// The registry of a worker.
type Own<R> = Registry<<R as Runtime>::Spawner, mode::Sync>;

/// All that a worker's thread needs, but for its tickets.
struct Start<R, A, G, B: Bound, Main> {
    worker: usize,
    runtime: Arc<Contained<R>>,
    plan: Arc<Plan<A, mode::Sync, B>>,
    /// Makes the worker's value.
    app: G,
    main: Arc<Contained<Main>>,
    handle: WorkersHandle,
}

impl<R, A, G, B, F, Main> Start<R, A, G, B, Main>
where
    R: Runtime<Spawner: Spawn<Tracked<InTask<A, mode::Sync, B>, mode::Sync, Fallible<()>>>>,
    A: Clone + 'static,
    G: FnOnce(usize, &Own<R>) -> A,
    B: Bound,
    F: Future<Output = ()> + 'static,
    Main: Fn(WorkerCx<A, R::Spawner>) -> F + 'static,
{
    /// How the main future ended, or why there was no executor to run it.
    fn on_this_thread(self, tickets: Tickets) -> Ran {
        let Tickets { ready, main, worker, thread } = tickets;
        let runtime = self.runtime.clone();
        let ran = catch(|| runtime.get().run(|spawner| self.run(spawner, ready, main, worker)));
        drop(runtime);
        let ended = match ran {
            Ok(ran) => ran.map_err(Contained::new),
            Err(payload) => {
                let outcome = Outcome::Panicked { message: message(&payload) };
                Ok(Err(JoinError::new(outcome, Some(payload))))
            }
        };
        drop(thread);
        ended
    }

    async fn run(
        self,
        spawner: R::Spawner,
        ready: Ticket<mode::Sync>,
        main: Ticket<mode::Sync>,
        worker: Ticket<mode::Sync>,
    ) -> Result<(), JoinError> {
        let handle = self.handle.clone();
        let never_started = |outcome| JoinError::new(outcome, None);
        if let Ok(ready) = ready.run(async {}) {
            let _ = ready.await;
        }
        if !handle.0.gate.wait().await.is_completed() {
            return Err(never_started(Outcome::NeverStarted));
        }
        let (this, main_task) = (worker.task().clone(), main.task().clone());
        let main_ended = Cell::new(None);
        let driven = match worker.run(self.drive(spawner, main, this.clone(), &main_ended)) {
            Ok(driven) => driven.await,
            Err(_) => Err(never_started(Outcome::NeverStarted)),
        };
        match (main_ended.take(), driven) {
            (Some(ended), _) => ended,
            (None, Err(error)) if error.is_panic() => Err(error),
            (None, _) => Err(never_started(main_task.outcome().unwrap_or(Outcome::NeverStarted))),
        }
    }

    /// What a worker does, from the moment that all of them start until its executor may go.
    async fn drive(
        self,
        spawner: R::Spawner,
        main: Ticket<mode::Sync>,
        this: crate::TaskRef<mode::Sync>,
        main_ended: &Cell<Option<Result<(), JoinError>>>,
    ) {
        let Self { worker, plan, app, main: make, handle, .. } = self;
        let tasks = handle.0.tables[worker].clone();
        let registry = Registry::with_tasks(spawner, tasks.clone());
        let app = Contained::new(app(worker, &registry));
        let planned = plan.start(&registry, app.get().clone());
        drop(plan);
        let cx = Cx::new(app.into_inner(), main.task(), &tasks);
        let cx = WorkerCx { cx, worker, registry, workers: handle, planned };
        match main.run(Making::new(make, cx)) {
            Ok(main) => main_ended.set(Some(main.await)),
            Err(unmade) => let_go(Some(unmade)),
        }
        Cx::new((), &this, &tasks).cancelled().await;
        tasks.wait_idle().await;
    }
}

/// What a worker's main future is given. Derefs to the [`Cx`] of the main future, and so to the application's value.
///
/// The token, [`Cx::cancelled`], fires when the workers are shut down. [`Cx::tasks`] are those of this worker.
pub struct WorkerCx<A, S: Spawner> {
    cx: Cx<A, mode::Sync>,
    worker: usize,
    registry: Registry<S, mode::Sync>,
    workers: WorkersHandle,
    planned: Vec<PlannedTask<mode::Sync>>,
}

impl<A, S: Spawner> WorkerCx<A, S> {
    /// Which worker this is: 0 for the first.
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// This worker's registry. A clone may go into its tasks: it does not keep the executor.
    pub fn registry(&self) -> &Registry<S, mode::Sync> {
        &self.registry
    }

    /// All workers.
    pub fn workers(&self) -> &WorkersHandle {
        &self.workers
    }

    /// What the plan came to on this worker.
    pub fn planned(&self) -> &[PlannedTask<mode::Sync>] {
        &self.planned
    }
}

impl<A, S: Spawner> Deref for WorkerCx<A, S> {
    type Target = Cx<A, mode::Sync>;
    fn deref(&self) -> &Cx<A, mode::Sync> {
        &self.cx
    }
}

impl<A: fmt::Debug, S: Spawner> fmt::Debug for WorkerCx<A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerCx")
            .field("worker", &self.worker)
            .field("app", self.cx.app())
            .finish_non_exhaustive()
    }
}

impl<R, A, B: Bound> fmt::Debug for Workers<R, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("workers", &self.each.len())
            .field("plan", &self.plan)
            .field("before_workers", &self.futures.len())
            .finish_non_exhaustive()
    }
}

/// Why no worker has started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// A future before the workers returned this error. Those after it did not run.
    BeforeWorkers(Failure),
    /// A future before the workers panicked; [`JoinError::into_panic`] has the payload.
    BeforeWorkersPanicked(JoinError),
    /// The workers were shut down first.
    ShutDown,
    /// A worker could not have a thread, or an executor.
    Worker {
        /// Which one.
        worker: usize,
        /// Why.
        error: io::Error,
    },
    /// The making of a worker's executor panicked, or what was to drive it.
    WorkerPanicked {
        /// Which one's.
        worker: usize,
        /// What with.
        panic: JoinError,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::BeforeWorkers(error) => write!(f, "before the workers: {error}"),
            StartError::BeforeWorkersPanicked(panic) => {
                write!(f, "before the workers: {}", panic.outcome())
            }
            StartError::ShutDown => f.write_str("the workers were shut down before they started"),
            StartError::Worker { worker, error } => write!(f, "worker {worker}: {error}"),
            StartError::WorkerPanicked { worker, panic } => {
                write!(f, "worker {worker}: {}", panic.outcome())
            }
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StartError::BeforeWorkers(error) => Some(&**error),
            StartError::BeforeWorkersPanicked(panic) => Some(panic),
            StartError::Worker { error, .. } => Some(error),
            StartError::WorkerPanicked { panic, .. } => Some(panic),
            StartError::ShutDown => None,
        }
    }
}
