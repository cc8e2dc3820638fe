#[cfg(feature = "std")]
use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::ops::Deref;

#[cfg(feature = "std")]
use crate::SpawnBlocking;
use crate::builder::put;
use crate::conflict::Fail;
#[cfg(feature = "std")]
use crate::mode::{Guarded, Lock};
use crate::mode::{Mode, Remember, Shared};
use crate::slot::HANDLE;
use crate::table::Policy;
#[cfg(feature = "std")]
use crate::unwind::let_go;
use crate::{
    Cx, Fallible, Options, Recipe, Spawn, SpawnError, SpawnLocal, SpawnSend, Spawner, TaskBuilder,
    TaskHandle, Tasks, Text, Tracked, TrySpawnError, WithContext,
};

/// Named background tasks on an executor.
///
/// Spawns onto its spawner `S`, and derefs to [`Tasks`] for everything else. Cheap to clone where the spawner is.
/// Dropping the last clone lets the tasks run on (law 8); [`Tasks::shutdown`] ends them, and a
/// [`TasksGuard`](crate::TasksGuard) cancels them.
///
/// ```
/// use async_executor::LocalExecutor;
/// use futures_lite::future;
/// use task_registry_core::Registry;
/// use task_registry_local::OnLocalExecutor;
///
/// let executor = LocalExecutor::new();
/// let tasks = Registry::new(OnLocalExecutor(&executor));
/// future::block_on(executor.run(async {
///     let answer = tasks.spawn("sum", async { 41 + 1 })?.await?;
///     assert_eq!(answer, 42);
///
///     tasks.spawn("slow", future::pending::<()>())?;
///     if let Some(end) = tasks.cancel("slow") {
///         assert!(end.await.is_cancelled()); // its future is gone
///     }
///     assert_eq!(tasks.purge(), 2);
///     # Ok::<(), Box<dyn std::error::Error>>(())
/// }))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Registry<S: Spawner, M: Mode = <S as Spawner>::Mode> {
    tasks: Tasks<M>,
    spawner: S,
}

impl<S: Spawner> Registry<S> {
    /// A registry in the spawner's own mode, with the default [`Options`].
    #[must_use]
    pub fn new(spawner: S) -> Self {
        Self::with_options(spawner, Options::new())
    }

    /// A registry in the spawner's own mode.
    #[must_use]
    pub fn with_options(spawner: S, options: Options) -> Self {
        Self::with_tasks(spawner, Tasks::new(options))
    }
}

impl<S: Spawner, M: Mode> Registry<S, M> {
    /// A registry over a table that is there already, in a mode of your choice.
    ///
    /// So several spawners can share one table; and a table in [`mode::Sync`](crate::mode::Sync) lets other threads list
    /// and cancel the tasks of a spawner whose futures never leave their thread:
    ///
    /// ```
    /// # use async_executor::LocalExecutor;
    /// use std::rc::Rc;
    /// use task_registry_core::{Options, Registry, Tasks, mode};
    /// use task_registry_local::OnLocalExecutor;
    ///
    /// let executor = LocalExecutor::new();
    /// let table = Tasks::<mode::Sync>::new(Options::new());
    /// let tasks = Registry::with_tasks(OnLocalExecutor(&executor), table.clone());
    ///
    /// let local = Rc::new(1);
    /// let handle = tasks.spawn("not-send", async move {
    ///     std::future::pending::<()>().await;
    ///     drop(local);
    /// })?;
    /// std::thread::spawn(move || table.cancel("not-send")).join().unwrap();
    /// let end = futures_lite::future::block_on(executor.run(handle));
    /// assert!(end.unwrap_err().is_cancelled());
    /// # Ok::<(), task_registry_core::SpawnError>(())
    /// ```
    #[must_use]
    pub fn with_tasks(spawner: S, tasks: Tasks<M>) -> Self {
        Self { tasks, spawner }
    }

    /// The tasks, without the spawner: what to hand to code that does not spawn.
    #[must_use]
    pub fn tasks(&self) -> &Tasks<M> {
        &self.tasks
    }

    /// The spawner.
    #[must_use]
    pub fn spawner(&self) -> &S {
        &self.spawner
    }

    /// A task with more than a name: what to do if the name is taken, who may take the output.
    pub fn task(&self, name: impl Into<Text>) -> TaskBuilder<'_, S, M> {
        TaskBuilder::new(self, Some(name.into()))
    }

    /// A task without a name, to be reached by its id and its handles, listed and shut down like the others.
    pub fn unnamed(&self) -> TaskBuilder<'_, S, M> {
        TaskBuilder::new(self, None)
    }

    /// A view of this registry whose tasks are given `app`, and their own context: see [`WithContext`].
    pub fn with_context<A: Clone>(&self, app: A) -> WithContext<'_, S, M, A> {
        WithContext::new(self, app)
    }

    /// Spawns a future that returns a `Result` under `name`; an `Err` is recorded as
    /// [`Outcome::Failed`](crate::Outcome::Failed), with what it displays.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Registry::spawn).
    pub fn spawn_fallible<F, T, E>(
        &self,
        name: impl Into<Text>,
        future: F,
    ) -> Result<TaskHandle<Result<T, E>, M>, SpawnError>
    where
        F: Future<Output = Result<T, E>>,
        T: 'static,
        E: fmt::Display + 'static,
        S: Spawn<Tracked<F, M, Fallible<()>>>,
    {
        self.task(name).fallible().spawn(future)
    }

    /// Spawns `future` under `name`.
    ///
    /// O(1); no allocation but the executor's own for names of up to [`Text::INLINE`] bytes and small outputs
    /// (growth of the table aside).
    ///
    /// # Errors
    ///
    /// [`SpawnError`] if a live task has the name, the name is empty, the registry is closed or full, or the executor
    /// refuses. The future is then dropped; [`try_spawn`](Registry::try_spawn) gives it back.
    pub fn spawn<F>(
        &self,
        name: impl Into<Text>,
        future: F,
    ) -> Result<TaskHandle<F::Output, M>, SpawnError>
    where
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, M>>,
    {
        Ok(self.try_spawn(name, future)?)
    }

    /// Spawns `future` under `name`, or gives it back.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Registry::spawn), with the future.
    pub fn try_spawn<F>(
        &self,
        name: impl Into<Text>,
        future: F,
    ) -> Result<TaskHandle<F::Output, M>, TrySpawnError<F>>
    where
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, M>>,
    {
        let mut name = name.into();
        if name.is_empty() {
            return Err(TrySpawnError::new(SpawnError::EmptyName, future));
        }
        self.put(&mut name, future)
    }

    /// Spawns `future` without a name.
    ///
    /// # Errors
    ///
    /// [`SpawnError`] if the registry is closed or full, or the executor refuses.
    pub fn spawn_unnamed<F>(&self, future: F) -> Result<TaskHandle<F::Output, M>, SpawnError>
    where
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, M>>,
    {
        let mut unnamed = Text::EMPTY;
        Ok(self.put(&mut unnamed, future)?)
    }

    /// As `unnamed().try_spawn(future)` does, or that of a named one: little has to be moved here.
    #[inline]
    fn put<F>(
        &self,
        name: &mut Text,
        future: F,
    ) -> Result<TaskHandle<F::Output, M>, TrySpawnError<F>>
    where
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, M>>,
    {
        let spawn = |tracked| self.spawner.spawn(tracked);
        let admitted = self.tasks.0.admit(name, Policy::Fail, HANDLE, None);
        put::<Fail, M, F, (), _>(admitted, (), future, spawn)
    }

    /// Spawns the future that `make` makes of its context, under `name`, and keeps `make` to make the task anew when
    /// [`Tasks::restart`] says so: [`TaskBuilder::spawn_restartable`] in short.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Registry::spawn).
    pub fn spawn_restartable<F, G>(
        &self,
        name: impl Into<Text>,
        make: G,
    ) -> Result<TaskHandle<F::Output, M>, SpawnError>
    where
        G: Fn(Cx<(), M>) -> F,
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, M>> + Clone,
        M: Remember<Recipe<S, M, (), G, ()>>,
    {
        self.task(name).spawn_restartable(make)
    }

    /// Runs `work`, which may block, on a thread that the runtime has for that, as a task named `name`.
    ///
    /// Nothing can stop code that blocks (law 18): a request to stop sets its token, `cx.is_cancelled()`, and `work` has
    /// to look. It is listed, awaited and shut down as any task, and reported as remaining if it does not end in time;
    /// asked to stop before its thread came to it, it never runs.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Registry::spawn).
    #[cfg(feature = "std")]
    pub fn spawn_blocking<T: Send + 'static>(
        &self,
        name: impl Into<Text>,
        work: impl FnOnce(Cx<(), M>) -> T + Send + 'static,
    ) -> Result<TaskHandle<T, M>, SpawnError>
    where
        S: SpawnBlocking,
        M: Shared,
    {
        let ticket = self.tasks.reserve(name)?;
        let cx = Cx::new((), ticket.task(), &self.tasks);
        let (tracked, handle) = ticket.track(async move { work(cx) })?;
        // Who refuses work drops it: here it is found again. Locked only to take it out.
        let place = Arc::new(Guarded::new(Some(tracked)));
        let found = place.clone();
        let spawned = self.spawner.spawn_blocking(move || {
            if let Some(tracked) = found.with(Option::take) {
                crate::blocking::block_on(tracked);
            }
        });
        let Err(refusal) = spawned else { return Ok(handle) };
        match place.with(Option::take) {
            Some(tracked) => {
                let_go(tracked.into_future());
                Err(SpawnError::Refused(refusal))
            }
            // It was run before it was refused: that is a task that ran.
            None => Ok(handle),
        }
    }

    /// [`spawn`](Registry::spawn) for code that is generic over the runtime: see [`SpawnSend`].
    ///
    /// # Errors
    ///
    /// As [`spawn`](Registry::spawn).
    pub fn spawn_send<F>(
        &self,
        name: impl Into<Text>,
        future: F,
    ) -> Result<TaskHandle<F::Output, M>, SpawnError>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
        S: SpawnSend,
        M: Shared,
    {
        self.task(name).spawn_send(future)
    }

    /// [`spawn`](Registry::spawn) for code that is generic over the runtime and stays on one thread: see
    /// [`SpawnLocal`].
    ///
    /// # Errors
    ///
    /// As [`spawn`](Registry::spawn).
    pub fn spawn_local<F>(
        &self,
        name: impl Into<Text>,
        future: F,
    ) -> Result<TaskHandle<F::Output, M>, SpawnError>
    where
        F: Future<Output: 'static> + 'static,
        S: SpawnLocal,
    {
        self.task(name).spawn_local(future)
    }
}

impl<S: Spawner, M: Mode> Deref for Registry<S, M> {
    type Target = Tasks<M>;
    fn deref(&self) -> &Tasks<M> {
        &self.tasks
    }
}

impl<S: Spawner + Clone, M: Mode> Clone for Registry<S, M> {
    fn clone(&self) -> Self {
        Self { tasks: self.tasks.clone(), spawner: self.spawner.clone() }
    }
}

impl<S: Spawner, M: Mode> fmt::Debug for Registry<S, M> {
    /// As [`Tasks`]: every task, one a line with `{:#?}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tasks.fmt(f)
    }
}
