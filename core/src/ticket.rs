use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::mode::Mode;
use crate::table::SlotRef;
use crate::terms::Terms;
use crate::{
    JoinError, JoinHandle, Refused, Spawn, SpawnError, TaskHandle, TaskId, TaskRef, Tracked,
    TrySpawnError,
};

/// A place in a registry, its name taken, waiting for a future: what [`Tasks::reserve`](crate::Tasks::reserve) gives.
///
/// Until then the task is listed as queued, and counts as live. Dropping the ticket gives the place back and leaves no
/// record; who waits for the task learns that it [never started](crate::Outcome::NeverStarted). A ticket that is
/// cancelled ends at once, and refuses the future that comes later.
///
/// ```
/// # use async_executor::LocalExecutor;
/// # use task_registry_core::{Registry, SpawnError};
/// # use task_registry_local::OnLocalExecutor;
/// # let executor = LocalExecutor::new();
/// let tasks = Registry::new(OnLocalExecutor(&executor));
/// let ticket = tasks.reserve("migration")?; // an error if a task of this name lives
/// let connection = "opened only now";
/// let handle = ticket.spawn_on(tasks.spawner(), async move { connection.len() })?;
/// # let length = futures_lite::future::block_on(executor.run(handle));
/// # assert_eq!(length.unwrap(), 15);
/// # Ok::<(), SpawnError>(())
/// ```
#[must_use = "an unused ticket gives its place back"]
pub struct Ticket<M: Mode> {
    /// For the wrapper, and for the handle. `None` once they have them.
    places: Option<(SlotRef<M>, SlotRef<M>)>,
    task: TaskRef<M>,
}

impl<M: Mode> Ticket<M> {
    pub(crate) fn new(slot: SlotRef<M>, handle: SlotRef<M>) -> Self {
        let task = TaskRef(slot.clone());
        Self { places: Some((slot, handle)), task }
    }

    /// The id that the task will have.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    /// The name that the task will have, if it is to have one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.task.name()
    }

    /// The task, to wait for or to cancel.
    #[must_use]
    pub fn task(&self) -> &TaskRef<M> {
        &self.task
    }

    /// Puts `future` on `spawner`.
    ///
    /// # Errors
    ///
    /// The future comes back if the spawner refuses it, or the ticket was cancelled, or the registry shut down.
    pub fn spawn_on<S, F>(
        self,
        spawner: &S,
        future: F,
    ) -> Result<TaskHandle<F::Output, M>, TrySpawnError<F>>
    where
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, M>>,
    {
        let (tracked, handle) = self.track(future)?;
        launch(tracked, handle, |tracked| spawner.spawn(tracked))
    }

    /// Wraps `future` for you to run: the task runs when you poll the first of the two, on whatever you like.
    ///
    /// # Errors
    ///
    /// The future comes back if the ticket was cancelled, or the registry shut down.
    #[expect(clippy::type_complexity, reason = "two types that belong together nowhere else")]
    pub fn track<F>(
        self,
        future: F,
    ) -> Result<(Tracked<F, M>, TaskHandle<F::Output, M>), TrySpawnError<F>>
    where
        F: Future<Output: 'static>,
    {
        self.wrap(future, ())
    }

    #[expect(clippy::type_complexity, reason = "two types that belong together nowhere else")]
    pub(crate) fn wrap<F, X>(
        mut self,
        future: F,
        terms: X,
    ) -> Result<(Tracked<F, M, X>, TaskHandle<F::Output, M>), TrySpawnError<F>>
    where
        F: Future<Output: 'static>,
        X: Terms<F::Output>,
    {
        if let Err(error) = self.task.0.claim() {
            return Err(TrySpawnError::new(error, future));
        }
        match self.places.take() {
            Some((slot, handle)) => {
                Ok((Tracked::new(future, slot, terms), TaskHandle::new(handle)))
            }
            None => Err(TrySpawnError::new(SpawnError::Cancelled, future)),
        }
    }

    /// Runs `future` right here, as this ticket's task, inside a task that is the executor's own: for executors that
    /// spawn by other means.
    ///
    /// # Errors
    ///
    /// The future comes back if the ticket was cancelled, or the registry shut down. What is returned otherwise
    /// resolves as a [`TaskHandle`] does.
    pub fn run<F>(self, future: F) -> Result<Run<F, M>, TrySpawnError<F>>
    where
        F: Future<Output: 'static>,
    {
        let (tracked, handle) = self.track(future)?;
        Ok(Run { tracked, handle })
    }
}

/// Puts a tracked future on an executor by means of `spawn`.
pub(crate) fn launch<F, M, X, H>(
    tracked: Tracked<F, M, X>,
    handle: TaskHandle<F::Output, M>,
    spawn: impl FnOnce(Tracked<F, M, X>) -> Result<H, Refused<Tracked<F, M, X>>>,
) -> Result<TaskHandle<F::Output, M>, TrySpawnError<F>>
where
    F: Future<Output: 'static>,
    M: Mode,
    X: Terms<F::Output>,
    H: JoinHandle,
{
    match spawn(tracked) {
        Ok(executors) => {
            executors.detach();
            Ok(handle)
        }
        Err(refused) => {
            let (tracked, refusal) = refused.into_parts();
            let kind = SpawnError::Refused(refusal);
            match tracked.into_future() {
                Some(future) => Err(TrySpawnError::new(kind, future)),
                // The spawner polled it to its end before it gave it back: that is a task that ran.
                None => Ok(handle),
            }
        }
    }
}

impl<M: Mode> Drop for Ticket<M> {
    fn drop(&mut self) {
        if let Some((slot, _)) = &self.places {
            slot.withdraw();
        }
    }
}

impl<M: Mode> fmt::Debug for Ticket<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.task).finish()
    }
}

pin_project! {
    /// A task that runs in place: what [`Ticket::run`] returns.
    #[must_use = "futures do nothing unless polled"]
    pub struct Run<F: Future, M: Mode> {
        #[pin]
        tracked: Tracked<F, M>,
        handle: TaskHandle<F::Output, M>,
    }
}

impl<F: Future<Output: 'static>, M: Mode> Future for Run<F, M> {
    type Output = Result<F::Output, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.tracked.poll(cx).is_pending() {
            return Poll::Pending;
        }
        // The task has ended, so this is ready.
        Pin::new(this.handle).poll(cx)
    }
}

impl<F: Future, M: Mode> fmt::Debug for Run<F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Run").field(&self.handle).finish()
    }
}
