use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::ops::Deref;

use crate::given::{AppAlone, AppAndRegistry, Given};
use crate::mode::{Mode, Remember};
use crate::unwind::Contained;
use crate::{Cx, Recipe, Registry, Spawn, SpawnError, Spawner, TaskHandle, Tasks, Text, Tracked};

/// A registry together with a value that its tasks are given: what [`Registry::with_context`] makes.
///
/// The callable that a task is spawned from receives a [`Cx`]; further arguments are bound by capture.
///
/// ```
/// # use async_executor::LocalExecutor;
/// # use task_registry_core::{Registry, SpawnError};
/// # use task_registry_local::OnLocalExecutor;
/// #[derive(Clone)]
/// struct App {
///     greeting: &'static str,
/// }
///
/// # let executor = LocalExecutor::new();
/// # let registry = Registry::new(OnLocalExecutor(&executor));
/// let tasks = registry.with_context(App { greeting: "hello" });
/// let times = 2;
/// let greeter = tasks.spawn_with("greeter", |cx| async move {
///     format!("{} from {}", cx.greeting.repeat(times), cx.name().unwrap_or_default())
/// })?;
/// # let greeted = futures_lite::future::block_on(executor.run(greeter)).unwrap();
/// # assert_eq!(greeted, "hellohello from greeter");
/// # Ok::<(), SpawnError>(())
/// ```
pub struct WithContext<'a, S: Spawner, M: Mode, A, K = AppAlone> {
    registry: &'a Registry<S, M>,
    app: A,
    gives: PhantomData<fn() -> K>,
}

impl<'a, S: Spawner, M: Mode, A: Clone> WithContext<'a, S, M, A> {
    pub(crate) fn new(registry: &'a Registry<S, M>, app: A) -> Self {
        Self { registry, app, gives: PhantomData }
    }
}

impl<S, M, A, K> WithContext<'_, S, M, A, K>
where
    S: Spawner,
    M: Mode,
    A: Clone,
    K: Given<S, M, A>,
{
    /// Spawns the future that `task` makes of its context.
    ///
    /// The name is taken first, so `task` is called only if there is a place. A panic of `task` gives the place back and
    /// goes to the caller.
    ///
    /// # Errors
    ///
    /// As [`Registry::spawn`]. For a task with a conflict policy, a grace or a cleanup, use
    /// [`TaskBuilder::spawn_with`](crate::TaskBuilder::spawn_with).
    pub fn spawn_with<F>(
        &self,
        name: impl Into<Text>,
        task: impl FnOnce(Cx<K::App, M>) -> F,
    ) -> Result<TaskHandle<F::Output, M>, SpawnError>
    where
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, M>>,
    {
        let task = Contained::new(task);
        let (tasks, spawner) = (self.registry.tasks(), self.registry.spawner());
        let builder = self.registry.task(name);
        let app = K::give(self.app.clone(), spawner, tasks);
        builder.spawn_with(app, task.into_inner())
    }
}

impl<S, M, A, K> WithContext<'_, S, M, A, K>
where
    S: Spawner + Clone,
    M: Mode,
    A: Clone,
    K: Given<S, M, A>,
{
    /// Spawns the future that `task` makes of its context, and keeps `task` and the value, to make the task anew when
    /// [`Tasks::restart`](crate::Tasks::restart) says so. As
    /// [`TaskBuilder::spawn_restartable`](crate::TaskBuilder::spawn_restartable), which says what is kept and for how long.
    ///
    /// What is kept is the application's value, also [`with_registry`](WithContext::with_registry): the registry is put
    /// beside it when the task is made, so a record keeps none alive. A value, or a `task`, that holds the registry itself
    /// does, until the record is purged or evicted, or the registry shut down.
    ///
    /// # Errors
    ///
    /// As [`Registry::spawn`].
    pub fn spawn_restartable<F, G>(
        &self,
        name: impl Into<Text>,
        task: G,
    ) -> Result<TaskHandle<F::Output, M>, SpawnError>
    where
        G: Fn(Cx<K::App, M>) -> F,
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, M>>,
        M: Remember<Recipe<S, M, A, G, (), K>>,
    {
        let task = Contained::new(task);
        let builder = self.registry.task(name);
        let app = self.app.clone();
        builder.restartable::<K, _, _, _>(app, task.into_inner())
    }
}

impl<'a, S: Spawner + Clone, M: Mode, A> WithContext<'a, S, M, A> {
    /// Gives the tasks the registry too, so that they can spawn: `cx.registry()`.
    ///
    /// A task then owns a clone of the spawner. Where that owns its executor it has to hold it weakly, or the executor is
    /// kept alive by its own task (law 11): the adapters' spawners do, or borrow.
    ///
    /// ```
    /// # use async_executor::LocalExecutor;
    /// # use task_registry_core::{Registry, SpawnError};
    /// # use task_registry_local::OnLocalExecutor;
    /// # let executor = std::rc::Rc::new(LocalExecutor::new());
    /// let registry = Registry::new(OnLocalExecutor(std::rc::Rc::downgrade(&executor)));
    /// let tasks = registry.with_context("the app").with_registry();
    /// let parent = tasks.spawn_with("parent", |cx| async move {
    ///     cx.registry().spawn("child", async { 42 })?.await.map_err(|_| SpawnError::Cancelled)
    /// })?;
    /// # let child = futures_lite::future::block_on(executor.run(parent)).unwrap();
    /// # assert_eq!(child, Ok(42));
    /// # Ok::<(), SpawnError>(())
    /// ```
    pub fn with_registry(self) -> WithContext<'a, S, M, A, AppAndRegistry> {
        WithContext { registry: self.registry, app: self.app, gives: PhantomData }
    }
}

impl<S: Spawner, M: Mode, A: fmt::Debug, K> fmt::Debug for WithContext<'_, S, M, A, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithContext").field("app", &self.app).finish_non_exhaustive()
    }
}

/// The application's value together with the registry: what [`WithContext::with_registry`] gives tasks. Derefs to the value.
pub struct WithRegistry<A, S: Spawner, M: Mode> {
    app: A,
    registry: Registry<S, M>,
}

impl<S: Spawner + Clone, M: Mode, A> Given<S, M, A> for AppAndRegistry {
    type App = WithRegistry<A, S, M>;
    fn give(app: A, spawner: &S, tasks: &Tasks<M>) -> Self::App {
        let app = Contained::new(app);
        let registry = Registry::with_tasks(spawner.clone(), tasks.clone());
        WithRegistry { app: app.into_inner(), registry }
    }
}

impl<A, S: Spawner, M: Mode> WithRegistry<A, S, M> {
    /// The registry of this task, to spawn others with.
    pub fn registry(&self) -> &Registry<S, M> {
        &self.registry
    }
}

impl<A, S: Spawner, M: Mode> Deref for WithRegistry<A, S, M> {
    type Target = A;
    fn deref(&self) -> &A {
        &self.app
    }
}

impl<A: Clone, S: Spawner + Clone, M: Mode> Clone for WithRegistry<A, S, M> {
    fn clone(&self) -> Self {
        Self { app: self.app.clone(), registry: self.registry.clone() }
    }
}

impl<A: fmt::Debug, S: Spawner, M: Mode> fmt::Debug for WithRegistry<A, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithRegistry").field("app", &self.app).finish_non_exhaustive()
    }
}
