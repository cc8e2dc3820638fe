mod body;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Display};
use core::future::Future;
use core::pin::Pin;

use crate::arc::Arc;
use crate::builder::conflict::{self, Conflict};
use crate::mode::{Lock, Mode};
use crate::terms::sealed::Terms;
use crate::ticket::launch;
use crate::unwind::Contained;
use crate::{
    Cx, Fallible, Outcome, Registry, Spawn, SpawnError, TaskBuilder, TaskHandle, Text, Tracked,
};

/// Where the futures of a plan may run.
pub mod bound {
    use super::{Box, Ended, Future, Judged, Pin};

    /// On any thread: the futures are `Send`. Such a plan starts on every spawner.
    #[derive(Clone, Copy, Debug)]
    pub struct AnyThread;

    /// On the thread that makes them: they need not be `Send`. Such a plan starts on spawners for one thread.
    #[derive(Clone, Copy, Debug)]
    pub struct OneThread;

    /// [`AnyThread`] or [`OneThread`]. Sealed.
    pub trait Bound: sealed::Sealed + 'static {
        /// A future of a task, its type forgotten.
        type Future: Future<Output = Ended> + Unpin + 'static;
    }

    /// Futures that meet a bound. Sealed.
    #[diagnostic::on_unimplemented(
        message = "this future cannot be part of a plan for any thread",
        label = "it is not `Send`, or returns something else",
        note = "make it a `Plan<_, _, bound::OneThread>`, which starts on spawners for one thread",
        note = "a future that returns a `Result` is planned by `task_fallible` or `once_fallible`"
    )]
    pub trait Meets<B: Bound, T = ()>: Future<Output = T> + Sized {
        #[doc(hidden)]
        fn boxed(self, verdict: fn(T) -> Ended) -> B::Future;
    }

    impl Bound for AnyThread {
        type Future = Pin<Box<dyn Future<Output = Ended> + Send>>;
    }

    impl Bound for OneThread {
        type Future = Pin<Box<dyn Future<Output = Ended>>>;
    }

    impl<T: 'static, F: Future<Output = T> + Send + 'static> Meets<AnyThread, T> for F {
        fn boxed(self, verdict: fn(T) -> Ended) -> <AnyThread as Bound>::Future {
            Box::pin(Judged::new(self, verdict))
        }
    }

    impl<T: 'static, F: Future<Output = T> + 'static> Meets<OneThread, T> for F {
        fn boxed(self, verdict: fn(T) -> Ended) -> <OneThread as Bound>::Future {
            Box::pin(Judged::new(self, verdict))
        }
    }

    mod sealed {
        pub trait Sealed {}
        impl Sealed for super::AnyThread {}
        impl Sealed for super::OneThread {}
    }
}

pub use body::InTask;
pub(crate) use body::Judged;
use bound::{AnyThread, Bound, Meets};

/// What a planned task returns: of an error, the words that are recorded.
type Ended = Result<(), String>;

fn fine((): ()) -> Ended {
    Ok(())
}

fn in_words<E: Display>(output: Result<(), E>) -> Ended {
    // An error that panics when it goes was one.
    let output = Contained::new(output);
    let failure = <Fallible<()> as Terms<Result<(), E>>>::failure(output.get());
    failure.map_or(Ok(()), |words| Err(words.as_str().into()))
}

/// Tasks that are declared before there is any executor, and made anew each time the plan is started: once per worker.
///
/// Each start gives every task the application's value in its [`Cx`]. A [`once`](Plan::once) task is made by the first
/// start that comes to it, and by no other. The plan is `Send` and `Sync` in [`mode::Sync`](crate::mode::Sync). What the
/// destructor of a factory panics with when the plan goes concerns nobody, and goes nowhere.
///
/// A planned task has a name and a context, and may be [fallible](Plan::task_fallible). It has no grace, timeout, cleanup,
/// stage or scope, and is not given the registry: it is declared for registries of any spawner. What needs those spawns it
/// where the plan is started, with [`Registry::task`]; a deadline is a future's own to have, and
/// [`Cx::shield`] keeps what must not be dropped half-way. On [`Workers`](crate::Workers) each worker can make the
/// application's value itself, from its registry: `Workers::start_with`.
///
/// ```
/// # use async_executor::LocalExecutor;
/// # use task_registry_core::{Cx, Plan, Registry, SpawnError, bound, mode};
/// # use task_registry_local::OnLocalExecutor;
/// let mut plan = Plan::<String, mode::Unsync, bound::OneThread>::new();
/// plan.task("heartbeat", |cx| async move { println!("{} lives", cx.app()) })?;
/// plan.once("migration", |_| async { println!("once for all workers") })?;
/// assert!(plan.task("heartbeat", |_| async {}).is_err()); // where it is written
///
/// let executor = LocalExecutor::new();
/// let tasks = Registry::new(OnLocalExecutor(&executor));
/// let started = plan.start(&tasks, String::from("the app"));
/// assert_eq!(started.len(), 2);
/// # futures_lite::future::block_on(executor.run(tasks.wait_idle()));
/// # assert!(started.iter().all(|task| task.outcome().is_some_and(|o| o.is_completed())));
/// # assert_eq!(plan.start(&tasks, String::new()).len(), 1);
/// # Ok::<(), SpawnError>(())
/// ```
pub struct Plan<A, M: Mode, B: Bound = AnyThread> {
    tasks: Vec<Planned<A, M, B>>,
}

/// A name, if it has one, and what makes the task.
type Planned<A, M, B> = (Text, Contained<Make<A, M, B>>);

type Each<A, M, B> = Arc<dyn Fn(Cx<A, M>) -> <B as Bound>::Future + Send + Sync>;
type Once<A, M, B> = Box<dyn FnOnce(Cx<A, M>) -> <B as Bound>::Future + Send>;

enum Make<A, M: Mode, B: Bound> {
    Each(Each<A, M, B>),
    /// `None` once a start has taken it.
    Once(M::Lock<Option<Once<A, M, B>>>),
}

impl<A, M: Mode, B: Bound> Make<A, M, B> {
    fn each<F: Meets<B, T>, T: 'static>(
        make: impl Fn(Cx<A, M>) -> F + Send + Sync + 'static,
        verdict: fn(T) -> Ended,
    ) -> Self {
        // By way of a box: not every target's `Arc` can be made of a function and then forget its type.
        let make: Box<dyn Fn(Cx<A, M>) -> B::Future + Send + Sync> =
            Box::new(move |cx| make(cx).boxed(verdict));
        Self::Each(make.into())
    }

    fn once<F: Meets<B, T>, T: 'static>(
        make: impl FnOnce(Cx<A, M>) -> F + Send + 'static,
        verdict: fn(T) -> Ended,
    ) -> Self {
        let make: Once<A, M, B> = Box::new(move |cx| make(cx).boxed(verdict));
        Self::Once(M::Lock::new(Some(make)))
    }
}

impl<A, M: Mode, B: Bound> Plan<A, M, B> {
    /// Nothing planned.
    #[must_use]
    pub fn new() -> Self {
        Self { tasks: Vec::new() }
    }

    /// How many tasks are planned.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether nothing is planned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    fn add(&mut self, name: Text, make: Make<A, M, B>) -> Result<&mut Self, SpawnError> {
        let make = Contained::new(make);
        if name.is_empty() {
            return Err(SpawnError::EmptyName);
        }
        if self.tasks.iter().any(|(planned, _)| *planned == name) {
            return Err(SpawnError::Planned);
        }
        self.tasks.push((name, make));
        Ok(self)
    }
}

impl<A: 'static, M: Mode, B: Bound> Plan<A, M, B> {
    /// Plans a task that each start makes anew, by calling `make` with its context.
    ///
    /// `make` is called by the task itself, on its executor: what it panics with is the task's. O(tasks planned).
    ///
    /// # Errors
    ///
    /// The name is empty, or the plan has it already.
    pub fn task<F: Meets<B>>(
        &mut self,
        name: impl Into<Text>,
        make: impl Fn(Cx<A, M>) -> F + Send + Sync + 'static,
    ) -> Result<&mut Self, SpawnError> {
        self.add(name.into(), Make::each(make, fine))
    }

    /// [`task`](Plan::task) for a future that returns a `Result`: an `Err` is recorded as
    /// [`Outcome::Failed`](crate::Outcome::Failed), with what it displays.
    ///
    /// ```
    /// # use task_registry_core::{Plan, SpawnError, bound, mode};
    /// # async fn connect(to: &str) -> Result<(), std::io::Error> { Ok(()) }
    /// let mut plan = Plan::<String, mode::Unsync, bound::OneThread>::new();
    /// plan.task_fallible("feed", |cx| async move { connect(cx.app()).await })?;
    /// plan.once_fallible("migration", |_| async { Err("no such table") })?;
    /// # Ok::<(), SpawnError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`task`](Plan::task).
    pub fn task_fallible<F: Meets<B, Result<(), E>>, E: Display + 'static>(
        &mut self,
        name: impl Into<Text>,
        make: impl Fn(Cx<A, M>) -> F + Send + Sync + 'static,
    ) -> Result<&mut Self, SpawnError> {
        self.add(name.into(), Make::each(make, in_words))
    }

    /// [`task`](Plan::task) without a name.
    pub fn unnamed<F: Meets<B>>(
        &mut self,
        make: impl Fn(Cx<A, M>) -> F + Send + Sync + 'static,
    ) -> &mut Self {
        self.tasks.push((Text::EMPTY, Contained::new(Make::each(make, fine))));
        self
    }

    /// Plans a task that exactly one start makes: the first that comes to it. If that one's spawn is refused it waits for a
    /// later start; one that comes by meanwhile passes it over.
    ///
    /// # Errors
    ///
    /// The name is empty, or the plan has it already.
    pub fn once<F: Meets<B>>(
        &mut self,
        name: impl Into<Text>,
        make: impl FnOnce(Cx<A, M>) -> F + Send + 'static,
    ) -> Result<&mut Self, SpawnError> {
        self.add(name.into(), Make::once(make, fine))
    }

    /// [`once`](Plan::once) for a future that returns a `Result`: as [`task_fallible`](Plan::task_fallible). One that failed
    /// was made, and is not made again.
    ///
    /// # Errors
    ///
    /// As [`once`](Plan::once).
    pub fn once_fallible<F: Meets<B, Result<(), E>>, E: Display + 'static>(
        &mut self,
        name: impl Into<Text>,
        make: impl FnOnce(Cx<A, M>) -> F + Send + 'static,
    ) -> Result<&mut Self, SpawnError> {
        self.add(name.into(), Make::once(make, in_words))
    }

    /// [`once`](Plan::once) without a name.
    pub fn unnamed_once<F: Meets<B>>(
        &mut self,
        make: impl FnOnce(Cx<A, M>) -> F + Send + 'static,
    ) -> &mut Self {
        self.tasks.push((Text::EMPTY, Contained::new(Make::once(make, fine))));
        self
    }

    /// [`once`](Plan::once) for a future that is there already and needs no context.
    ///
    /// # Errors
    ///
    /// As [`once`](Plan::once).
    pub fn once_future<F: Meets<B> + Send + 'static>(
        &mut self,
        name: impl Into<Text>,
        future: F,
    ) -> Result<&mut Self, SpawnError> {
        self.once(name, |_| future)
    }

    /// Spawns every planned task on `registry`, in the order in which they were planned. O(tasks planned).
    ///
    /// One that finds its name taken, or the registry closed, is not started and says why; the others are.
    pub fn start<S>(&self, registry: &Registry<S, M>, app: A) -> Vec<PlannedTask<M>>
    where
        A: Clone,
        S: Spawn<Tracked<InTask<A, M, B>, M, Fallible<()>>>,
    {
        let app = Contained::new(app);
        let tasks = self.tasks.iter();
        tasks
            .filter_map(|(name, make)| {
                Self::start_one(registry, app.get(), name, make.get(), conflict::Fail)
            })
            .collect()
    }

    /// Makes the planned task of this name anew: the one that has the name is asked to stop, and the new one starts once
    /// it has ended, under one name throughout (law 6). `None` if no task of this name is planned to be made anew.
    ///
    /// Whoever has the name is replaced, also a task that is not of this plan and had the name before it. The task of a
    /// restart that is itself replaced before its future is in its place says [`Cancelled`](SpawnError::Cancelled).
    pub fn restart<S>(
        &self,
        registry: &Registry<S, M>,
        app: A,
        name: &str,
    ) -> Option<PlannedTask<M>>
    where
        A: Clone,
        S: Spawn<Tracked<InTask<A, M, B>, M, Fallible<()>>>,
    {
        let app = Contained::new(app);
        // A task without a name is planned under the empty one, which names nothing.
        let meant = |planned: &Text| !planned.is_empty() && planned == name;
        let each = |make: &Make<A, M, B>| matches!(make, Make::Each(_));
        let (name, make) =
            self.tasks.iter().find(|(planned, make)| meant(planned) && each(make.get()))?;
        Self::start_one(registry, app.get(), name, make.get(), conflict::Replace)
    }

    fn start_one<S>(
        registry: &Registry<S, M>,
        app: &A,
        name: &Text,
        make: &Make<A, M, B>,
        on_conflict: impl Conflict,
    ) -> Option<PlannedTask<M>>
    where
        A: Clone,
        S: Spawn<Tracked<InTask<A, M, B>, M, Fallible<()>>>,
    {
        // First of all: if this panics, a task that is made once can still be made.
        let app = Contained::new(app.clone());
        let make_it: Once<A, M, B> = match make {
            Make::Once(place) => place.with(Option::take)?,
            Make::Each(make) => {
                let make = Contained::new(make.clone());
                Box::new(move |cx| (make.get())(cx))
            }
        };
        let named = (!name.is_empty()).then(|| name.clone());
        let task = match TaskBuilder::new(registry, named).on_conflict(on_conflict).reserve() {
            Ok(ticket) => {
                let cx = Cx::new(app.into_inner(), ticket.task(), registry.tasks());
                let body = InTask::new(make_it, cx);
                let spawn = |tracked| registry.spawner().spawn(tracked);
                let wrapped = ticket.wrap(body, Fallible::new(()));
                wrapped.and_then(|(tracked, handle)| launch(tracked, handle, spawn)).map_err(
                    |error| {
                        let (kind, body) = error.into_parts();
                        (kind, body.into_make())
                    },
                )
            }
            Err(error) => Err((error, Some(make_it))),
        };
        let task = task.map_err(|(error, unused)| {
            if let Make::Once(place) = make {
                // Another start may have more luck.
                place.with(|place| *place = unused);
            }
            error
        });
        Some(PlannedTask { name: name.clone(), task })
    }
}

/// A planned task that [`Plan::start`] came to.
#[derive(Debug)]
pub struct PlannedTask<M: Mode> {
    name: Text,
    task: Result<TaskHandle<Result<(), String>, M>, SpawnError>,
}

impl<M: Mode> PlannedTask<M> {
    /// Its name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        (!self.name.is_empty()).then(|| self.name.as_str())
    }

    /// The task, or why there is none. Its output is `Ok`, but for a fallible one that failed: then it has the words that are
    /// in its record.
    ///
    /// # Errors
    ///
    /// What the spawn said.
    pub fn task(&self) -> Result<&TaskHandle<Result<(), String>, M>, SpawnError> {
        self.task.as_ref().map_err(|error| *error)
    }

    /// As [`task`](PlannedTask::task), to await it.
    ///
    /// # Errors
    ///
    /// What the spawn said.
    pub fn into_task(self) -> Result<TaskHandle<Result<(), String>, M>, SpawnError> {
        self.task
    }

    /// How it ended, if it has: [`Outcome::NeverStarted`] where there is no task.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match &self.task {
            Ok(task) => task.outcome(),
            Err(_) => Some(Outcome::NeverStarted),
        }
    }
}

impl<A, M: Mode, B: Bound> Default for Plan<A, M, B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A, M: Mode, B: Bound> fmt::Debug for Plan<A, M, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.tasks.iter().map(|(name, _)| name)).finish()
    }
}
