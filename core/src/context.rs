use core::fmt;
use core::future::Future;
use core::ops::Deref;

use crate::mode::{Mode, Remember};
use crate::{Cx, Recipe, Registry, Spawn, SpawnError, Spawner, TaskHandle, Text, Tracked};

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
pub struct WithContext<'a, S: Spawner, M: Mode, A> {
    registry: &'a Registry<S, M>,
    app: A,
}

impl<'a, S: Spawner, M: Mode, A: Clone> WithContext<'a, S, M, A> {
    pub(crate) fn new(registry: &'a Registry<S, M>, app: A) -> Self {
        Self { registry, app }
    }

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
        task: impl FnOnce(Cx<A, M>) -> F,
    ) -> Result<TaskHandle<F::Output, M>, SpawnError>
    where
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, M>>,
    {
        self.registry.task(name).spawn_with(self.app.clone(), task)
    }
}

impl<S: Spawner + Clone, M: Mode, A: Clone> WithContext<'_, S, M, A> {
    /// Spawns the future that `task` makes of its context, and keeps `task` and the value, to make the task anew when
    /// [`Tasks::restart`](crate::Tasks::restart) says so. As
    /// [`TaskBuilder::spawn_restartable`](crate::TaskBuilder::spawn_restartable), which says what is kept and for how long.
    ///
    /// A value that holds the registry, as that of [`with_registry`](WithContext::with_registry) does, is kept with the
    /// record, in that very registry: such a record keeps it until it is purged or evicted, or the registry shut down. To spawn from such a task without
    /// that, capture what leads to the registry weakly.
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
        G: Fn(Cx<A, M>) -> F,
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, M>>,
        M: Remember<Recipe<S, M, A, G, ()>>,
    {
        self.registry.task(name).restartable(self.app.clone(), task)
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
    pub fn with_registry(self) -> WithContext<'a, S, M, WithRegistry<A, S, M>> {
        let app = WithRegistry { app: self.app, registry: self.registry.clone() };
        WithContext { registry: self.registry, app }
    }
}

impl<S: Spawner, M: Mode, A: fmt::Debug> fmt::Debug for WithContext<'_, S, M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithContext").field("app", &self.app).finish_non_exhaustive()
    }
}

/// The application's value together with the registry: what [`WithContext::with_registry`] gives tasks. Derefs to the value.
pub struct WithRegistry<A, S: Spawner, M: Mode> {
    app: A,
    registry: Registry<S, M>,
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
