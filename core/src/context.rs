use core::fmt;
use core::future::Future;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use crate::builder::conflict::Conflict;
use crate::mode::Mode;
use crate::slot::{CANCEL, ENDING, FOR_CANCEL, FOR_READY, READY};
use crate::table::SlotRef;
use crate::unwind::contain;
use crate::wait::{Waiter, wake_all};
use crate::{Registry, Spawn, SpawnError, Spawner, TaskHandle, TaskRef, Tasks, Text, Tracked};

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
    /// As [`Registry::spawn`].
    pub fn spawn_with<F>(
        &self,
        name: impl Into<Text>,
        task: impl FnOnce(Cx<A, M>) -> F,
    ) -> Result<TaskHandle<F::Output, M>, SpawnError>
    where
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, M>>,
    {
        let ticket = self.registry.task(name).reserve()?;
        let future = task(Cx::new(self.app.clone(), ticket.task(), self.registry.tasks()));
        Ok(ticket.spawn_on(self.registry.spawner(), future)?)
    }

    /// [`spawn_with`](WithContext::spawn_with) with a [`conflict`](crate::conflict) policy.
    ///
    /// # Errors
    ///
    /// As [`Registry::spawn`].
    pub fn spawn_with_on_conflict<F>(
        &self,
        name: impl Into<Text>,
        conflict: impl Conflict,
        task: impl FnOnce(Cx<A, M>) -> F,
    ) -> Result<TaskHandle<F::Output, M>, SpawnError>
    where
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, M>>,
    {
        let ticket = self.registry.task(name).on_conflict(conflict).reserve()?;
        let future = task(Cx::new(self.app.clone(), ticket.task(), self.registry.tasks()));
        Ok(ticket.spawn_on(self.registry.spawner(), future)?)
    }
}

impl<S: Spawner, M: Mode, A: fmt::Debug> fmt::Debug for WithContext<'_, S, M, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithContext").field("app", &self.app).finish_non_exhaustive()
    }
}

/// What a task is given: the application's value, the tasks beside it, itself, and its token. Derefs to the value.
///
/// It holds the table and its own record, never an executor, so it is no cycle. To spawn from inside a task, let the
/// value hold a registry (`registry.clone()`), on a spawner that holds its executor weakly.
pub struct Cx<A, M: Mode> {
    app: A,
    task: TaskRef<M>,
    tasks: Tasks<M>,
}

impl<A, M: Mode> Cx<A, M> {
    pub(crate) fn new(app: A, task: &TaskRef<M>, tasks: &Tasks<M>) -> Self {
        Self { app, task: task.clone(), tasks: tasks.clone() }
    }

    /// The application's value.
    pub fn app(&self) -> &A {
        &self.app
    }

    /// All tasks of the registry.
    pub fn tasks(&self) -> &Tasks<M> {
        &self.tasks
    }

    /// This task.
    pub fn task(&self) -> &TaskRef<M> {
        &self.task
    }

    /// This task's id.
    pub fn id(&self) -> crate::TaskId {
        self.task.id()
    }

    /// This task's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.task.name()
    }

    /// Ready once the task was asked to stop: the cooperative half of a cancel with a grace.
    ///
    /// Cancel safe; waiting costs no allocation. Without a grace the task is dropped where it next yields, and sees this
    /// only if it looks before.
    pub fn cancelled(&self) -> Cancelled<M> {
        Cancelled { waiter: Waiter::new(self.task.0.clone(), FOR_CANCEL) }
    }

    /// Says that the task is ready for what others expect of it: who waits in
    /// [`TaskRef::started`](crate::TaskRef::started) goes on. Saying so again changes nothing.
    pub fn ready(&self) {
        let task = &self.task.0;
        if task.with(|_| task.set(READY)) & READY == 0 {
            wake_all(task, Some(FOR_READY));
        }
    }

    /// Wakes `waker` once, when the task is asked to stop, or right away if it was. What other kinds of tokens are
    /// built on; a task itself uses [`cancelled`](Cx::cancelled).
    pub fn wake_on_cancel(&self, waker: Waker) {
        let mut waker = Some(waker);
        self.task.0.with(|body| {
            if self.task.0.flags() & (CANCEL | ENDING) == 0 {
                body.extras().hooks.extend(waker.take());
            }
        });
        if let Some(waker) = waker.filter(|_| self.is_cancelled()) {
            contain(|| waker.wake());
        }
    }

    /// Whether the task was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        asked(&self.task.0).is_some()
    }

    /// Why the task was asked to stop, if it was and a reason was given.
    pub fn cancel_reason(&self) -> Option<Text> {
        self.task.0.with(|body| body.reason())
    }

    /// Runs `section` to its end although the task may be asked to stop meanwhile: its future is dropped only after that.
    ///
    /// The token fires as usual. A section that hangs keeps the task `stopping`, visibly, and a shutdown reports it. A
    /// shield is up from its first poll until it is ready or dropped.
    pub fn shield<F: Future>(&self, section: F) -> Shield<F, M> {
        Shield { section, guard: ShieldGuard { task: self.task.0.clone(), up: false } }
    }
}

impl<A, M: Mode> Deref for Cx<A, M> {
    type Target = A;
    fn deref(&self) -> &A {
        &self.app
    }
}

impl<A: Clone, M: Mode> Clone for Cx<A, M> {
    fn clone(&self) -> Self {
        Self::new(self.app.clone(), &self.task, &self.tasks)
    }
}

impl<A: fmt::Debug, M: Mode> fmt::Debug for Cx<A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx")
            .field("app", &self.app)
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}

fn asked<M: Mode>(task: &SlotRef<M>) -> Option<()> {
    (task.flags() & CANCEL != 0).then_some(())
}

pin_project! {
    /// Ready once a task was asked to stop: what [`Cx::cancelled`] returns.
    #[must_use = "futures do nothing unless polled"]
    pub struct Cancelled<M: Mode> {
        #[pin]
        waiter: Waiter<SlotRef<M>>,
    }
}

impl<M: Mode> Future for Cancelled<M> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().waiter.poll_until(cx, asked)
    }
}

impl<M: Mode> fmt::Debug for Cancelled<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancelled").field(&self.waiter.place).finish()
    }
}

pin_project! {
    /// A section of a task that is not dropped half-way: what [`Cx::shield`] returns.
    #[must_use = "futures do nothing unless polled"]
    pub struct Shield<F, M: Mode> {
        #[pin]
        section: F,
        guard: ShieldGuard<M>,
    }
}

struct ShieldGuard<M: Mode> {
    task: SlotRef<M>,
    up: bool,
}

impl<M: Mode> ShieldGuard<M> {
    fn set(&mut self, up: bool) {
        if self.up != up {
            self.up = up;
            if let Some(waker) = self.task.shield(up) {
                contain(|| waker.wake());
            }
        }
    }
}

impl<M: Mode> Drop for ShieldGuard<M> {
    fn drop(&mut self) {
        self.set(false);
    }
}

impl<F: Future, M: Mode> Future for Shield<F, M> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.guard.set(true);
        let polled = this.section.poll(cx);
        if polled.is_ready() {
            this.guard.set(false);
        }
        polled
    }
}

impl<F, M: Mode> fmt::Debug for Shield<F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield").field("up", &self.guard.up).finish_non_exhaustive()
    }
}
