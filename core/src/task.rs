use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::mode::Storage;
use crate::slot::{CANCEL, ENDED, FOR_CANCEL, FOR_END, SlotRef};
use crate::wait::Waiter;
use crate::{Cancel, Cancelling, DropGuard, State, TaskId};

/// A task, without the type of its output: look at it, wait for it, cancel it, from anywhere.
///
/// Cheap to clone. It keeps what is known of the task readable, also after its record was purged (law 15), and keeps
/// neither the task running nor its output. Dropping it does nothing to the task (law 8).
///
/// ```
/// # use async_executor::LocalExecutor;
/// # use task_registry_core::{Outcome, Registry, State};
/// # use task_registry_local::OnLocalExecutor;
/// # let ex = LocalExecutor::new();
/// # futures_lite::future::block_on(async {
/// let tasks = Registry::new(OnLocalExecutor(&ex));
/// tasks.spawn("idle", std::future::pending::<()>())?;
/// let task = tasks.get("idle").unwrap();
/// assert_eq!(task.state(), State::Queued);
/// task.cancel();
/// let outcome = ex.run(task.wait()).await;
/// assert_eq!(outcome, Outcome::Cancelled { reason: None });
/// # Ok::<(), task_registry_core::SpawnError>(())
/// # }).unwrap();
/// ```
pub struct TaskRef<M: Storage>(pub(crate) SlotRef<M>);

impl<M: Storage> TaskRef<M> {
    /// The task's id. O(1).
    #[must_use]
    pub fn id(&self) -> TaskId {
        M::id(&self.0)
    }

    /// The task's name, if it has one. O(1).
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        M::name(&self.0)
    }

    /// Where the task is in its life. O(1), without a lock but in the middle of an end.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// Whether the task's future is gone and its outcome known. O(1), without a lock but in the middle of an end.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state() == State::Ended
    }

    /// How the task ended, if it has. O(1).
    #[must_use]
    pub fn outcome(&self) -> Option<M::Outcome> {
        ended(&self.0)
    }

    /// Waits until the task's future has been dropped, and tells how it ended (laws 2, 3).
    ///
    /// Cancel safe: dropping the future loses nothing. Waiting costs no allocation.
    ///
    /// A task that waits for itself (law 5) ends at that `await` once it is asked to stop, and not before. Under a
    /// [shield](crate::Cx::shield) it waits for ever, and stays `stopping`; in its cleanup, until that one's deadline. This
    /// cannot know who waits: [`Cx::wait`](crate::Cx::wait) can, and returns an error instead.
    pub fn wait(&self) -> Wait<M> {
        Wait::new(self.0.clone())
    }

    /// Asks the task to stop, now; the returned future only waits for it (law 1).
    ///
    /// The task's future is dropped on its executor at its next `await`. Asking again, or asking a task that has ended,
    /// changes nothing. O(1).
    pub fn cancel(&self) -> Cancelling<M> {
        M::stop(&self.0);
        Cancelling::new(self.wait(), None)
    }

    /// [`cancel`](TaskRef::cancel) with a reason, which stands in the outcome (of several, the first), or a grace.
    pub fn cancel_with<G: Future>(
        &self,
        cancel: impl Into<Cancel<G, M::Reason>>,
    ) -> Cancelling<M, G> {
        self.clone().into_cancelling(cancel.into())
    }

    /// [`cancel_with`](TaskRef::cancel_with), of a reference that nobody needs any more.
    #[inline]
    pub(crate) fn into_cancelling<G: Future>(
        self,
        cancel: Cancel<G, M::Reason>,
    ) -> Cancelling<M, G> {
        self.0.cancel(cancel.reason, cancel.urgency);
        Cancelling::new(Wait::new(self.0), cancel.grace)
    }

    /// Waits until somebody asks the task to stop: its token. Inside the task, work that wants to end in order waits for
    /// this beside what it does. Cancel safe; ready at once if it was asked before, and when the task ends unasked.
    pub fn cancelled(&self) -> Cancelled<M> {
        Cancelled::new(self.0.clone())
    }

    /// A guard that asks the task to stop when it is dropped (law 8).
    pub fn drop_guard(&self) -> DropGuard<M> {
        DropGuard::new(self.clone())
    }

    /// Blocks the thread until the task has ended. Not for use inside a task: the executor's thread would stand still.
    #[cfg(feature = "std")]
    pub fn wait_blocking(&self) -> M::Outcome {
        crate::blocking::block_on(self.wait())
    }
}

impl<M: Storage> Clone for TaskRef<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Storage> PartialEq for TaskRef<M> {
    /// Whether both are the same task.
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }
}

impl<M: Storage> Eq for TaskRef<M> {}

impl<M: Storage> fmt::Debug for TaskRef<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("TaskRef");
        debug.field("id", &self.id()).field("name", &self.name()).field("state", &self.state());
        if let Some(outcome) = self.outcome() {
            debug.field("outcome", &outcome);
        }
        debug.finish()
    }
}

pub(crate) fn ended<M: Storage>(task: &SlotRef<M>) -> Option<M::Outcome> {
    if task.settled() & ENDED == 0 {
        return None;
    }
    task.with(|body| M::outcome(task, body))
}

pin_project! {
    /// Waits for the end of a task: what [`TaskRef::wait`] returns.
    #[must_use = "futures do nothing unless polled"]
    pub struct Wait<M: Storage> {
        #[pin]
        waiter: Waiter<SlotRef<M>>,
    }
}

impl<M: Storage> Wait<M> {
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn new(task: SlotRef<M>) -> Self {
        Self { waiter: Waiter::new(task, FOR_END) }
    }

    pub(crate) fn slot(&self) -> &SlotRef<M> {
        &self.waiter.place
    }
}

impl<M: Storage> Future for Wait<M> {
    type Output = M::Outcome;

    #[cfg_attr(feature = "alloc", inline)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<M::Outcome> {
        let mut waiter = self.project().waiter;
        match waiter.as_mut().plain_end() {
            Some(outcome) => Poll::Ready(outcome),
            None => poll_end(waiter, cx),
        }
    }
}

// Not compiled into who awaits, but for what is above: it goes this way once, and returns something large.
#[cfg_attr(feature = "alloc", inline(never))]
fn poll_end<M: Storage>(
    mut waiter: Pin<&mut Waiter<SlotRef<M>>>,
    cx: &mut Context<'_>,
) -> Poll<M::Outcome> {
    loop {
        // If it is just ending, `register` waits for that end's lock.
        if waiter.place.flags() & ENDED == 0 {
            waiter.as_mut().register(cx.waker());
            // It may have ended meanwhile: see `wait`.
            if waiter.place.flags() & ENDED == 0 {
                return Poll::Pending;
            }
        }
        if let Some(outcome) = waiter.as_mut().outcome() {
            return Poll::Ready(outcome);
        }
    }
}

impl<M: Storage> fmt::Debug for Wait<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wait").field(&self.waiter.place).finish()
    }
}

fn asked<M: Storage>(task: &SlotRef<M>) -> Option<()> {
    // At the end everybody who waits at a task is woken, and nobody waits there again.
    (task.settled() & (CANCEL | ENDED) != 0).then_some(())
}

pin_project! {
    /// Ready once a task was asked to stop, or has ended: what [`TaskRef::cancelled`] and `Cx::cancelled` return.
    #[must_use = "futures do nothing unless polled"]
    pub struct Cancelled<M: Storage> {
        #[pin]
        waiter: Waiter<SlotRef<M>>,
    }
}

impl<M: Storage> Cancelled<M> {
    pub(crate) fn new(task: SlotRef<M>) -> Self {
        Self { waiter: Waiter::new(task, FOR_CANCEL) }
    }
}

impl<M: Storage> Future for Cancelled<M> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().waiter.poll_until(cx, asked)
    }
}

impl<M: Storage> fmt::Debug for Cancelled<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancelled").field(&self.waiter.place).finish()
    }
}
