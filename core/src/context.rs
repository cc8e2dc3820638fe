use core::fmt;
use core::future::Future;

use crate::mode::Mode;
use crate::{Cx, Registry, Spawn, SpawnError, Spawner, TaskHandle, Text, Tracked};

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

impl<S: Spawner, M: Mode, A: fmt::Debug> fmt::Debug for WithContext<'_, S, M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithContext").field("app", &self.app).finish_non_exhaustive()
    }
}
