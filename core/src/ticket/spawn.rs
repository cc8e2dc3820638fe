use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::Ticket;
use crate::mode::Mode;
use crate::terms::{Apart, Terms};
use crate::{
    JoinError, JoinHandle, Refused, Spawn, SpawnError, TaskHandle, Tracked, TrySpawnError,
};

impl<M: Mode> Ticket<M> {
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
        match self.claim() {
            Ok(slot) => {
                let handle = TaskHandle::new(self.task.0.clone());
                Ok((Tracked::new(future, slot, terms), handle))
            }
            Err(error) => {
                drop(Apart::new(terms));
                Err(TrySpawnError::new(error, future))
            }
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
#[inline]
pub(crate) fn launch<F, M, X, H>(
    tracked: Tracked<F, M, X>,
    mut handle: TaskHandle<F::Output, M>,
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
            handle.keep(executors);
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
