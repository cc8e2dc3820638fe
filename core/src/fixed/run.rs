use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{ResultCell, StaticOutcome, StaticTask, StaticTicket};
use crate::mode::{Fixed, Locking};
use crate::unwind::contain;
use crate::{JoinHandle, Refused, Spawn, SpawnError, Tracked, TrySpawnError};

impl<L: Locking> StaticTicket<L> {
    /// Runs `future` right here, as this ticket's task: in the body of a task that is the executor's own, such as one of
    /// embassy. An output is dropped; see [`run_into`](StaticTicket::run_into).
    ///
    /// Written so, the executor's task holds `future` once; a `match` or an `if let` around the `.await` would hold it
    /// twice, because they keep the error, which has the future in it, for as long:
    ///
    /// ```
    /// # use task_registry_core::{StaticTicket, mode::Unsync};
    /// # async fn work() {}
    /// async fn body(ticket: StaticTicket<Unsync>) {
    ///     let Ok(run) = ticket.run(work()) else { return };
    ///     run.await;
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The future comes back if the ticket was cancelled, or the registry shut down. What is returned otherwise resolves
    /// to how the task ended.
    pub fn run<F>(self, future: F) -> Result<StaticRun<F, L>, TrySpawnError<F>>
    where
        F: Future<Output: 'static>,
    {
        Ok(StaticRun { tracked: self.track(future)? })
    }

    /// [`run`](StaticTicket::run), the output to be taken from `cell` once the task has ended. What `cell` has from before
    /// is dropped here.
    ///
    /// # Errors
    ///
    /// As [`run`](StaticTicket::run).
    pub fn run_into<F>(
        self,
        cell: &ResultCell<L, F::Output>,
        future: F,
    ) -> Result<StaticRun<impl Future<Output = ()>, L>, TrySpawnError<F>>
    where
        F: Future<Output: 'static>,
    {
        let run = self.run(Deliver { future, cell }).map_err(Deliver::give_back)?;
        contain(|| drop(cell.take()));
        Ok(run)
    }

    /// Wraps `future` for you to put on an executor of your own: the task runs when that polls what is returned.
    ///
    /// # Errors
    ///
    /// As [`run`](StaticTicket::run).
    pub fn track<F>(mut self, future: F) -> Result<Tracked<F, Fixed<L>>, TrySpawnError<F>>
    where
        F: Future<Output: 'static>,
    {
        match self.claim() {
            Ok(slot) => Ok(Tracked::new(future, slot, ())),
            Err(error) => Err(TrySpawnError::new(error, future)),
        }
    }

    /// [`track`](StaticTicket::track), the output to be taken from `cell` once the task has ended.
    ///
    /// # Errors
    ///
    /// As [`run`](StaticTicket::run).
    pub fn track_into<F>(
        self,
        cell: &ResultCell<L, F::Output>,
        future: F,
    ) -> Result<Tracked<impl Future<Output = ()>, Fixed<L>>, TrySpawnError<F>>
    where
        F: Future<Output: 'static>,
    {
        let tracked = self.track(Deliver { future, cell }).map_err(Deliver::give_back)?;
        contain(|| drop(cell.take()));
        Ok(tracked)
    }

    /// Puts `future` on `spawner`.
    ///
    /// # Errors
    ///
    /// The future comes back if the spawner refuses it, or the ticket was cancelled, or the registry shut down.
    pub fn spawn_on<S, F>(self, spawner: &S, future: F) -> Result<StaticTask<L>, TrySpawnError<F>>
    where
        F: Future<Output: 'static>,
        S: Spawn<Tracked<F, Fixed<L>>>,
    {
        let task = self.task().clone();
        match spawner.spawn(self.track(future)?).map_err(Refused::into_parts) {
            Ok(handle) => handle.detach(),
            Err((tracked, refusal)) => {
                // `None`: the spawner polled it to its end before it gave it back. That is a task that ran.
                if let Some(future) = tracked.into_future() {
                    return Err(TrySpawnError::new(SpawnError::Refused(refusal), future));
                }
            }
        }
        Ok(task)
    }
}

pin_project! {
    /// A future whose output goes to a cell.
    struct Deliver<'a, F: Future, L: Locking> {
        #[pin]
        future: F,
        cell: &'a ResultCell<L, F::Output>,
    }
}

impl<F: Future, L: Locking> Deliver<'_, F, L> {
    fn give_back(error: TrySpawnError<Self>) -> TrySpawnError<F> {
        let (kind, deliver) = error.into_parts();
        TrySpawnError::new(kind, deliver.future)
    }
}

impl<F: Future, L: Locking> Future for Deliver<'_, F, L> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.future.poll(cx).map(|output| this.cell.put(output))
    }
}

pin_project! {
    /// A task that runs in place: what [`Ticket::run`](crate::Ticket::run) returns for a fixed table. Resolves to how the
    /// task ended, once, and is pending ever after; when it is dropped before, the task ends
    /// [`Abandoned`](StaticOutcome::Abandoned).
    #[must_use = "futures do nothing unless polled"]
    pub struct StaticRun<F: Future, L: Locking> {
        #[pin]
        pub(super) tracked: Tracked<F, Fixed<L>>,
    }
}

impl<F: Future<Output: 'static>, L: Locking> Future for StaticRun<F, L> {
    type Output = StaticOutcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<StaticOutcome> {
        match self.project().tracked.poll_to_end(cx) {
            Poll::Ready(Some(outcome)) => Poll::Ready(outcome),
            _ => Poll::Pending,
        }
    }
}

impl<F: Future, L: Locking> fmt::Debug for StaticRun<F, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StaticRun").field(&self.tracked).finish()
    }
}
