use core::fmt;
use core::future::Future;
use core::marker::PhantomData;

use crate::given::{AppAlone, Given};
use crate::mode::{Carry, Mode, Remember};
use crate::restart::{Remembered, lasting};
use crate::slot::{GRACE, HANDLE, KEEP, RESERVED, SlotRef};
use crate::table::{NotAdmitted, Policy};
use crate::terms::{Apart, Cleaned, Fallible, Graced, Renew, Terms, Timed, sealed};
use crate::ticket::launch;
use crate::unwind::{Contained, guarded, let_go};
use crate::{
    Cx, JoinHandle, Outcome, Recipe, Refused, Registry, Scope, Spawn, SpawnError, SpawnLocal,
    SpawnSend, Spawner, TaskHandle, TaskRef, Tasks, Text, Ticket, Tracked, TrySpawnError,
};

pub mod conflict;

use conflict::Conflict;

/// What came of a spawn that keeps a live task of the same name.
#[derive(Debug)]
pub enum Spawned<T, M: Mode> {
    /// The name was free: the new task.
    New(TaskHandle<T, M>),
    /// The task that has the name. The future was dropped.
    Existing(TaskRef<M>),
}

impl<T, M: Mode> Spawned<T, M> {
    /// The task, whichever it is.
    #[must_use]
    pub fn task(&self) -> &TaskRef<M> {
        match self {
            Spawned::New(handle) => handle.task(),
            Spawned::Existing(task) => task,
        }
    }

    /// Whether the task is a new one.
    #[must_use]
    pub fn is_new(&self) -> bool {
        matches!(self, Spawned::New(_))
    }
}

/// Who may take the output.
#[doc(hidden)]
pub trait Results<T, M> {
    #[doc(hidden)]
    const FLAGS: u32;
}

/// The output goes to the handle, or nowhere.
#[derive(Clone, Copy, Debug)]
pub struct ToHandle;

/// The output waits for whoever asks for it by name.
#[derive(Clone, Copy, Debug)]
pub struct Kept;

impl<T, M> Results<T, M> for ToHandle {
    const FLAGS: u32 = HANDLE;
}

impl<T, M: Carry<T>> Results<T, M> for Kept {
    const FLAGS: u32 = HANDLE | KEEP;
}

/// A task about to be spawned, with more than a name: what [`Registry::task`] gives.
///
/// ```
/// # use async_executor::LocalExecutor;
/// # use task_registry_core::{Registry, SpawnError, conflict::Replace};
/// # use task_registry_local::OnLocalExecutor;
/// # let executor = LocalExecutor::new();
/// let tasks = Registry::new(OnLocalExecutor(&executor));
/// let first = tasks.spawn("feed", std::future::pending::<()>())?;
/// let second = tasks.task("feed").on_conflict(Replace).spawn(async { "fresh" })?;
/// # futures_lite::future::block_on(executor.run(async {
/// assert_eq!(second.await.unwrap(), "fresh");
/// assert!(first.is_ended());
/// # }));
/// # Ok::<(), SpawnError>(())
/// ```
#[must_use = "a builder does nothing until its future is spawned"]
pub struct TaskBuilder<'a, S: Spawner, M: Mode, C = conflict::Fail, R = ToHandle, X = ()> {
    registry: &'a Registry<S, M>,
    /// `None` for a task without a name.
    name: Option<Text>,
    placing: Placing<M>,
    terms: X,
    settings: PhantomData<(C, R)>,
}

/// Where a task belongs.
struct Placing<M: Mode> {
    stage: Option<i64>,
    scope: Option<Scope<M>>,
}

impl<M: Mode> Placing<M> {
    /// The name in the registry.
    #[inline]
    fn name(&self, name: Option<Text>) -> Result<Text, SpawnError> {
        if self.scope.as_ref().is_some_and(Scope::is_closed) {
            return Err(SpawnError::Closed);
        }
        match (name, &self.scope) {
            (None, _) => Ok(Text::EMPTY),
            (Some(name), _) if name.is_empty() => Err(SpawnError::EmptyName),
            (Some(name), Some(scope)) => Ok(scope.full_name(&name)),
            (Some(name), None) => Ok(name),
        }
    }

    /// Gives a task its place in the table, with its stage, and in its scope. An error gives the place back.
    #[inline]
    fn admit(
        &self,
        tasks: &Tasks<M>,
        name: &mut Text,
        policy: Policy,
        flags: u32,
    ) -> Result<(SlotRef<M>, SlotRef<M>), NotAdmitted<M>> {
        let (slot, handle) = tasks.0.admit(name, policy, flags, self.stage)?;
        let Some(scope) = &self.scope else { return Ok((slot, handle)) };
        let mut entered = Ok(());
        guarded(|| entered = scope.enter(&slot), || slot.clone().withdraw());
        match entered {
            Ok(()) => Ok((slot, handle)),
            Err(error) => {
                slot.withdraw();
                Err(NotAdmitted::Error(error))
            }
        }
    }
}

impl<'a, S: Spawner, M: Mode> TaskBuilder<'a, S, M> {
    pub(crate) fn new(registry: &'a Registry<S, M>, name: Option<Text>) -> Self {
        let placing = Placing { stage: None, scope: None };
        Self { registry, name, placing, terms: (), settings: PhantomData }
    }
}

impl<S: Spawner, M: Mode, C: Conflict> TaskBuilder<'_, S, M, C> {
    /// Takes the place without a future yet. What goes with a future (a grace, a cleanup) cannot be given to a ticket.
    ///
    /// # Errors
    ///
    /// As spawning, but for what the executor may say. With [`Keep`](conflict::Keep) a live task of the same name is
    /// an error here.
    pub fn reserve(self) -> Result<Ticket<M>, SpawnError> {
        let mut name = self.placing.name(self.name)?;
        let tasks = self.registry.tasks();
        let admitted = self.placing.admit(tasks, &mut name, C::POLICY, RESERVED | HANDLE);
        let (slot, handle) = admitted.map_err(NotAdmitted::into_error)?;
        Ok(Ticket::new(slot, handle))
    }
}

type SpawnedBy<C, F, M> = <C as Conflict>::Spawned<<F as Future>::Output, M>;

impl<'a, S: Spawner, M: Mode, C, R, X> TaskBuilder<'a, S, M, C, R, X> {
    fn with<D, Q, Y>(self, terms: impl FnOnce(X) -> Y) -> TaskBuilder<'a, S, M, D, Q, Y> {
        let Self { registry, name, placing, terms: old, .. } = self;
        let terms = terms(old);
        TaskBuilder { registry, name, placing, terms, settings: PhantomData }
    }

    /// What to do if a live task has the name: one of the types in [`conflict`].
    pub fn on_conflict<D: Conflict>(self, _: D) -> TaskBuilder<'a, S, M, D, R, X> {
        self.with(|terms| terms)
    }

    /// Makes the task a member of `scope`, which its name then begins with.
    ///
    /// A scope of another registry takes it as well. It is a task of the registry that it is spawned in, and is found and
    /// listed there; [`Scope::cancel`], [`Scope::wait_idle`] and [`Scope::tasks`] reach it, [`Scope::get`], which asks the scope's own
    /// registry, does not.
    pub fn within(mut self, scope: &Scope<M>) -> Self {
        self.placing.scope = Some(scope.clone());
        self
    }

    /// When [`shutdown_in_stages`](crate::Tasks::shutdown_in_stages) comes to the task: the highest stage goes first. 0
    /// unless said otherwise.
    pub fn stage(mut self, stage: i64) -> Self {
        self.placing.stage = Some(stage);
        self
    }

    /// Keeps the output until it is taken by name or its record goes (laws 15, 17), so that dropping the handle does
    /// not let go of it. In a table that several threads use, the output has to be `Send`.
    pub fn keep_result(self) -> TaskBuilder<'a, S, M, C, Kept, X> {
        self.with(|terms| terms)
    }

    /// Grants the task a grace: when it is asked to stop, its token fires, and its future is dropped when the future that
    /// `grace` makes is ready, unless it has ended by then.
    ///
    /// The task's own wrapper polls it, so a canceller need not wait. A request that brings a grace of its own, or that
    /// is [`now`](crate::Cancel::now), goes before this one. Of several, the last one that is given here is the task's.
    pub fn grace<G, D>(self, grace: G) -> TaskBuilder<'a, S, M, C, R, Graced<X, G, D>>
    where
        G: FnOnce() -> D,
        D: Future,
    {
        self.with(|terms| Graced::new(terms, grace))
    }

    /// Asks the task to stop, with the reason "timed out", when `timeout` is ready.
    ///
    /// Any future is one. It is polled beside the task from its first poll on. Of several, the last one that is given here is the
    /// task's. What it returns is dropped, as what a grace and a cleanup's deadline return is; a panic of that goes nowhere.
    pub fn timeout<D: Future>(self, timeout: D) -> TaskBuilder<'a, S, M, C, R, Timed<X, D>> {
        self.with(|terms| Timed::new(terms, timeout))
    }

    /// Runs the future that `cleanup` makes, from how the task ended, on the same executor once the task's own future has
    /// been dropped: whether it completed, was cancelled or panicked. The task has ended when that is over (law 2).
    ///
    /// `deadline` is made at the same time; when it is ready first, the cleanup is dropped. A request to stop does not
    /// reach the cleanup. An executor that lets go of the task skips it. How it went is in
    /// [`TaskInfo::cleanup`](crate::TaskInfo::cleanup).
    ///
    /// A task that is asked to stop before its first poll is cleaned up, too. If it waits for the task that it replaces
    /// ([`Replace`](conflict::Replace)), that is at once, beside that task, which may still run.
    ///
    /// It takes the future's place in memory, in no box; to note how it went costs one allocation, when the task ends. Of several,
    /// the last one that is given here is the task's, and the others are dropped unmade.
    pub fn cleanup<K, E, L, D>(
        self,
        cleanup: K,
        deadline: L,
    ) -> TaskBuilder<'a, S, M, C, R, Cleaned<X, K, L, D>>
    where
        K: FnOnce(Outcome) -> E,
        E: Future<Output = ()>,
        L: FnOnce() -> D,
        D: Future,
    {
        self.with(|terms| Cleaned::new(terms, cleanup, deadline))
    }

    /// For a future that returns a `Result`: an `Err` is recorded as [`Outcome::Failed`], with what it displays. The
    /// handle still gives the whole `Result`.
    pub fn fallible(self) -> TaskBuilder<'a, S, M, C, R, Fallible<X>> {
        self.with(Fallible::new)
    }

    /// Spawns the task.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] says why there is no task; the future is dropped.
    pub fn spawn<F>(self, future: F) -> Result<SpawnedBy<C, F, M>, SpawnError>
    where
        C: Conflict,
        R: Results<F::Output, M>,
        F: Future<Output: 'static>,
        X: Terms<F::Output>,
        S: Spawn<Tracked<F, M, X>>,
    {
        self.try_spawn(future).map_err(SpawnError::from)
    }

    /// Spawns the task, or gives the future back.
    ///
    /// # Errors
    ///
    /// [`TrySpawnError`] says why there is no task, and has the future.
    pub fn try_spawn<F>(self, future: F) -> Result<SpawnedBy<C, F, M>, TrySpawnError<F>>
    where
        C: Conflict,
        R: Results<F::Output, M>,
        F: Future<Output: 'static>,
        X: Terms<F::Output>,
        S: Spawn<Tracked<F, M, X>>,
    {
        let spawner = self.registry.spawner();
        self.spawn_by(future, |tracked| spawner.spawn(tracked))
    }

    /// Spawns the future that `make` makes of its context: the task's own view of itself, with `app` in it.
    ///
    /// The place is taken first, so `make` is called only if there is one. A panic of `make` gives the place back and
    /// goes to the caller.
    ///
    /// # Errors
    ///
    /// As [`spawn`](TaskBuilder::spawn).
    pub fn spawn_with<A, F>(
        self,
        app: A,
        make: impl FnOnce(Cx<A, M>) -> F,
    ) -> Result<SpawnedBy<C, F, M>, SpawnError>
    where
        C: Conflict,
        R: Results<F::Output, M>,
        F: Future<Output: 'static>,
        X: Terms<F::Output>,
        S: Spawn<Tracked<F, M, X>>,
    {
        // Before anything can panic, or be an error.
        let (app, make) = (Contained::new(app), Contained::new(make));
        let terms = Apart::new(self.terms);
        let (tasks, spawner) = (self.registry.tasks(), self.registry.spawner());
        let mut name = self.placing.name(self.name)?;
        let flags = RESERVED | R::FLAGS | grace::<X, F::Output>();
        match self.placing.admit(tasks, &mut name, C::POLICY, flags) {
            Ok((slot, handle)) => {
                // In this order: if `make` panics, the terms go before the place is given back (law 2).
                let (ticket, terms) = (Ticket::new(slot, handle), terms);
                let cx = Cx::new(app.into_inner(), ticket.task(), tasks);
                let future = make.into_inner()(cx);
                let (tracked, handle) = ticket.wrap(future, terms.into_inner())?;
                Ok(C::spawned(launch(tracked, handle, |tracked| spawner.spawn(tracked))?))
            }
            Err(NotAdmitted::Error(error)) => Err(error),
            Err(NotAdmitted::Existing(task)) => C::existing(TaskRef(task)),
        }
    }

    /// Spawns the future that `make` makes of its context, and keeps `make`, with a clone of the spawner, so that
    /// [`Tasks::restart`](crate::Tasks::restart) can make the task anew.
    ///
    /// The place is taken first, so `make` is called only if there is one; by the caller, here and at each restart, and
    /// never under a lock (law 9). A panic of `make` gives the place back and goes to the caller. Costs an allocation for
    /// what is kept and one for the task's extras. All of it goes when the last record and handle of the task do, and what
    /// its destructors panic with goes nowhere.
    ///
    /// Each incarnation has the same name, scope, stage, `fallible`, `keep_result`, grace and cleanup; the latter two are
    /// cloned. A timeout cannot be had twice: put it into the future. An [`on_conflict`](TaskBuilder::on_conflict) is for
    /// this spawn alone. What is kept does not keep the registry; a `make` that captures a
    /// [`Tasks`](crate::Tasks) does, and has one in its [`Cx`] anyway. Nor may it, or the spawner, own the executor
    /// (law 11): the adapters' spawners do not.
    ///
    /// ```
    /// # use async_executor::LocalExecutor;
    /// # use task_registry_core::Registry;
    /// # use task_registry_local::OnLocalExecutor;
    /// # let executor = std::rc::Rc::new(LocalExecutor::new());
    /// let tasks = Registry::new(OnLocalExecutor(std::rc::Rc::downgrade(&executor)));
    /// let feed = tasks.task("feed").spawn_restartable(|cx| async move { cx.cancelled().await })?;
    /// let next = tasks.restart("feed")?; // owns the name at once, starts when the other has ended
    /// # futures_lite::future::block_on(executor.run(async {
    /// assert!(feed.wait().await.is_cancelled());
    /// # next.cancel().await;
    /// # }));
    /// assert_eq!(next.name(), Some("feed"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`spawn`](TaskBuilder::spawn).
    pub fn spawn_restartable<F, G>(self, make: G) -> Result<SpawnedBy<C, F, M>, SpawnError>
    where
        C: Conflict,
        R: Results<F::Output, M>,
        G: Fn(Cx<(), M>) -> F,
        F: Future<Output: 'static>,
        X: Terms<F::Output> + Renew,
        S: Spawn<Tracked<F, M, X>> + Clone,
        M: Remember<Recipe<S, M, (), G, X>>,
    {
        self.restartable::<AppAlone, _, _, _>((), make)
    }

    pub(crate) fn restartable<K, A, F, G>(
        self,
        app: A,
        make: G,
    ) -> Result<SpawnedBy<C, F, M>, SpawnError>
    where
        C: Conflict,
        R: Results<F::Output, M>,
        A: Clone,
        K: Given<S, M, A>,
        G: Fn(Cx<K::App, M>) -> F,
        F: Future<Output: 'static>,
        X: Terms<F::Output> + Renew,
        S: Spawn<Tracked<F, M, X>> + Clone,
        M: Remember<Recipe<S, M, A, G, X, K>>,
    {
        // Before anything can panic, or be an error.
        let (app, make) = (Contained::new(app), Contained::new(make));
        let terms = Apart::new(self.terms);
        let name = self.placing.name(self.name)?;
        let (tasks, spawner) = (self.registry.tasks(), self.registry.spawner().clone());
        let flags = R::FLAGS | grace::<X, F::Output>();
        let scope = self.placing.scope.as_ref().map(Scope::inner);
        let recipe = Recipe::new(Contained::new(spawner), app, make, terms.get(), lasting(flags));
        // The first incarnation, too, is made from what is kept.
        drop(terms);
        let recipe = Remembered::new(recipe.placed(self.placing.stage, scope));
        match recipe.admit(tasks, name, C::POLICY, flags) {
            Ok(places) => Ok(C::spawned(TaskHandle::new(recipe.start(tasks, places)?))),
            Err(NotAdmitted::Error(error)) => Err(error),
            Err(NotAdmitted::Existing(task)) => C::existing(TaskRef(task)),
        }
    }

    /// [`spawn`](TaskBuilder::spawn) for code that is generic over the runtime.
    ///
    /// # Errors
    ///
    /// As [`spawn`](TaskBuilder::spawn).
    pub fn spawn_send<F>(self, future: F) -> Result<SpawnedBy<C, F, M>, SpawnError>
    where
        C: Conflict,
        R: Results<F::Output, M>,
        F: Future<Output: Send + 'static> + Send + 'static,
        S: SpawnSend,
        X: Terms<F::Output, Cleanup: Send + 'static> + Send + 'static,
        M: crate::mode::Shared,
    {
        let spawner = self.registry.spawner();
        Ok(self.spawn_by(future, |tracked| spawner.spawn_send(tracked))?)
    }

    /// [`spawn`](TaskBuilder::spawn) for code that is generic over the runtime and stays on one thread.
    ///
    /// # Errors
    ///
    /// As [`spawn`](TaskBuilder::spawn).
    pub fn spawn_local<F>(self, future: F) -> Result<SpawnedBy<C, F, M>, SpawnError>
    where
        C: Conflict,
        R: Results<F::Output, M>,
        F: Future<Output: 'static> + 'static,
        X: Terms<F::Output, Cleanup: 'static> + 'static,
        S: SpawnLocal,
    {
        let spawner = self.registry.spawner();
        Ok(self.spawn_by(future, |tracked| spawner.spawn_local(tracked))?)
    }

    #[inline]
    fn spawn_by<F, H>(
        self,
        future: F,
        spawn: impl FnOnce(Tracked<F, M, X>) -> Result<H, Refused<Tracked<F, M, X>>>,
    ) -> Result<SpawnedBy<C, F, M>, TrySpawnError<F>>
    where
        C: Conflict,
        R: Results<F::Output, M>,
        F: Future<Output: 'static>,
        X: Terms<F::Output>,
        H: JoinHandle,
    {
        let Self { registry, name, placing, terms, .. } = self;
        match placing.name(name) {
            Ok(mut name) => {
                let flags = R::FLAGS | grace::<X, F::Output>();
                let admitted = placing.admit(registry.tasks(), &mut name, C::POLICY, flags);
                put::<C, M, F, X, H>(admitted, terms, future, spawn)
            }
            Err(error) => {
                drop(Apart::new(terms));
                Err(TrySpawnError::new(error, future))
            }
        }
    }
}

/// Puts the future of a task on an executor, if the task has its place.
#[inline]
pub(crate) fn put<C, M, F, X, H>(
    admitted: Result<(SlotRef<M>, SlotRef<M>), NotAdmitted<M>>,
    terms: X,
    future: F,
    spawn: impl FnOnce(Tracked<F, M, X>) -> Result<H, Refused<Tracked<F, M, X>>>,
) -> Result<SpawnedBy<C, F, M>, TrySpawnError<F>>
where
    C: Conflict,
    M: Mode,
    F: Future<Output: 'static>,
    X: Terms<F::Output>,
    H: JoinHandle,
{
    match admitted {
        Ok((slot, handle)) => {
            let tracked = Tracked::new(future, slot, terms);
            Ok(C::spawned(launch(tracked, TaskHandle::new(handle), spawn)?))
        }
        Err(not_admitted) => {
            drop(Apart::new(terms));
            match not_admitted {
                NotAdmitted::Error(error) => Err(TrySpawnError::new(error, future)),
                NotAdmitted::Existing(task) => match C::existing(TaskRef(task)) {
                    Ok(existing) => {
                        let_go(Some(future));
                        Ok(existing)
                    }
                    Err(error) => Err(TrySpawnError::new(error, future)),
                },
            }
        }
    }
}

/// The flag of a task that has a grace of its own.
fn grace<X: sealed::Terms<T>, T>() -> u32 {
    if X::GRACE { GRACE } else { 0 }
}

impl<S: Spawner, M: Mode, C, R, X> fmt::Debug for TaskBuilder<'_, S, M, C, R, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}
