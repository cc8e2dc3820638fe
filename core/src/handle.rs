use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::mode::Mode;
use crate::slot::{Body, ENDED, FOR_END, FOR_READY, GONE, HANDLE, KEEP, Payload, READY};
use crate::table::SlotRef;
use crate::unwind::contain;
use crate::wait::Waiter;
use crate::{
    Cancel, Cancelling, DropGuard, JoinError, Outcome, State, TakeError, TaskId, TaskInfo,
};

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
pub struct TaskRef<M: Mode>(pub(crate) SlotRef<M>);

impl<M: Mode> TaskRef<M> {
    /// The task's id. O(1).
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.0.id()
    }

    /// The task's name, if it has one. O(1).
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let name = &self.0.head().name;
        (!name.is_empty()).then(|| name.as_str())
    }

    /// Where the task is in its life. O(1), without a lock.
    #[must_use]
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// Whether the task's future is gone and its outcome known. O(1), without a lock.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state() == State::Ended
    }

    /// How the task ended, if it has. O(1).
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        ended(&self.0)
    }

    /// All that is known of the task at this instant. O(1).
    #[must_use]
    pub fn info(&self) -> TaskInfo {
        TaskInfo::of(&self.0)
    }

    /// Waits until the task's future has been dropped, and tells how it ended (laws 2, 3).
    ///
    /// Cancel safe: dropping the future loses nothing. Waiting costs no allocation.
    ///
    /// A task that waits for itself (law 5) ends at that `await` once it is asked to stop, and not before. Under a
    /// [shield](crate::Cx::shield) it waits for ever, and stays `stopping`; in its cleanup, until that one's deadline. This
    /// cannot know who waits: [`Cx::wait`](crate::Cx::wait) can, and returns an error instead.
    pub fn wait(&self) -> Wait<M> {
        Wait { waiter: Waiter::new(self.0.clone(), FOR_END) }
    }

    /// Asks the task to stop, now; the returned future only waits for it (law 1).
    ///
    /// The task's future is dropped on its executor at its next `await`. Asking again, or asking a task that has ended,
    /// changes nothing. O(1).
    pub fn cancel(&self) -> Cancelling<M> {
        self.cancel_with(Cancel::new())
    }

    /// [`cancel`](TaskRef::cancel) with a reason, which stands in the outcome (of several, the first), or a grace.
    pub fn cancel_with<G: Future>(&self, cancel: impl Into<Cancel<G>>) -> Cancelling<M, G> {
        let cancel = cancel.into();
        self.0.cancel(cancel.reason, cancel.urgency);
        Cancelling::new(self.wait(), cancel.grace)
    }

    /// Waits until the task says that it is ready ([`Cx::ready`](crate::Cx::ready)): `Ok`, or how it ended if it did so
    /// before. A task that never says so is waited for until it ends. Cancel safe.
    pub fn started(&self) -> Started<M> {
        Started { waiter: Waiter::new(self.0.clone(), FOR_READY) }
    }

    /// A guard that asks the task to stop when it is dropped (law 8).
    pub fn drop_guard(&self) -> DropGuard<M> {
        DropGuard::new(self.clone())
    }

    /// Takes the task's record from the registry if it has ended; says whether there was one. O(1).
    ///
    /// This and other handles can still read it; lists and names no longer lead to it.
    pub fn purge(&self) -> bool {
        self.0.purge()
    }

    /// Blocks the thread until the task has ended. Not for use inside a task: the executor's thread would stand still.
    #[cfg(feature = "std")]
    pub fn wait_blocking(&self) -> Outcome {
        crate::blocking::block_on(self.wait())
    }
}

impl<M: Mode> Clone for TaskRef<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Mode> PartialEq for TaskRef<M> {
    /// Whether both are the same task.
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }
}

impl<M: Mode> Eq for TaskRef<M> {}

impl<M: Mode> fmt::Debug for TaskRef<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.info();
        let mut debug = f.debug_struct("TaskRef");
        debug.field("id", &info.id()).field("name", &info.name()).field("state", &info.state());
        if let Some(outcome) = info.outcome() {
            debug.field("outcome", outcome);
        }
        debug.finish()
    }
}

impl<M: Mode> fmt::Display for TaskRef<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info().fmt(f)
    }
}

fn ended<M: Mode>(task: &SlotRef<M>) -> Option<Outcome> {
    if task.settled() & ENDED == 0 {
        return None;
    }
    task.with(|body| body.outcome())
}

pin_project! {
    /// Waits for the end of a task: what [`TaskRef::wait`] returns.
    #[must_use = "futures do nothing unless polled"]
    pub struct Wait<M: Mode> {
        #[pin]
        waiter: Waiter<SlotRef<M>>,
    }
}

impl<M: Mode> Wait<M> {
    pub(crate) fn slot(&self) -> &SlotRef<M> {
        &self.waiter.place
    }
}

impl<M: Mode> Future for Wait<M> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.project().waiter.poll_until(cx, ended)
    }
}

impl<M: Mode> fmt::Debug for Wait<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wait").field(&self.waiter.place).finish()
    }
}

pin_project! {
    /// Waits until a task is ready: what [`TaskRef::started`] returns.
    #[must_use = "futures do nothing unless polled"]
    pub struct Started<M: Mode> {
        #[pin]
        waiter: Waiter<SlotRef<M>>,
    }
}

impl<M: Mode> Future for Started<M> {
    type Output = Result<(), Outcome>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Outcome>> {
        self.project().waiter.poll_until(cx, |task| {
            if task.flags() & READY != 0 {
                return Some(Ok(()));
            }
            ended(task).map(Err)
        })
    }
}

impl<M: Mode> fmt::Debug for Started<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Started").field(&self.waiter.place).finish()
    }
}

/// A task and its output: await it to have the output, or use it as the [`TaskRef`] that it derefs to.
///
/// Awaiting gives `Ok(output)` once the task's future has been dropped, or a [`JoinError`] that says how it ended
/// instead. The handle may be awaited in pieces (`&mut handle` in a `select!`): cancel safe. The output can be taken
/// once (law 17); dropping the handle lets go of the output and never stops the task (law 8).
pub struct TaskHandle<T, M: Mode> {
    task: TaskRef<M>,
    /// The output was taken through this handle: nothing is left to be let go of.
    done: bool,
    output: PhantomData<T>,
}

impl<T, M: Mode> Unpin for TaskHandle<T, M> {}

impl<T: 'static, M: Mode> TaskHandle<T, M> {
    /// `slot` was admitted with `HANDLE`, for an output of type `T`.
    pub(crate) fn new(slot: SlotRef<M>) -> Self {
        Self { task: TaskRef(slot), done: false, output: PhantomData }
    }

    /// Blocks the thread until the task has ended, and takes the output. Not for use inside a task.
    ///
    /// # Errors
    ///
    /// As awaiting the handle.
    #[cfg(feature = "std")]
    pub fn wait_blocking(self) -> Result<T, JoinError> {
        crate::blocking::block_on(self)
    }
}

impl<T, M: Mode> TaskHandle<T, M> {
    /// What the handle was made from. The claim to the output stands.
    pub(crate) fn into_slot(mut self) -> SlotRef<M> {
        self.done = true;
        self.task.0.clone()
    }

    /// The task, without the type of its output.
    #[must_use]
    pub fn task(&self) -> &TaskRef<M> {
        &self.task
    }
}

impl<T, M: Mode> Deref for TaskHandle<T, M> {
    type Target = TaskRef<M>;
    fn deref(&self) -> &TaskRef<M> {
        &self.task
    }
}

impl<T: 'static, M: Mode> Future for TaskHandle<T, M> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waker = None;
        loop {
            let polled = self.task.0.with(|body| {
                if self.task.0.flags() & ENDED != 0 {
                    return Poll::Ready((take_output(body), body.joiner.take()));
                }
                match &mut body.joiner {
                    Some(joiner) if joiner.will_wake(cx.waker()) => {}
                    joiner if waker.is_some() => core::mem::swap(joiner, &mut waker),
                    _ => return Poll::Ready((None, None)),
                }
                Poll::Pending
            });
            match polled {
                Poll::Pending => {
                    // What was there before, if anything, is dropped here, outside the lock.
                    contain(|| drop(waker));
                    return Poll::Pending;
                }
                Poll::Ready((Some(output), joiner)) => {
                    contain(|| drop(joiner));
                    self.done = true;
                    return Poll::Ready(match output {
                        Ok(payload) => match payload.take::<T>() {
                            Ok(output) => Ok(output),
                            Err(_) => Err(JoinError::new(Outcome::Completed, None)),
                        },
                        Err(error) => Err(error),
                    });
                }
                // A waker is foreign: it is cloned outside the lock.
                Poll::Ready((None, _)) => waker = Some(cx.waker().clone()),
            }
        }
    }
}

type Output = Result<Payload, JoinError>;

/// The output of a task that has ended, or why there is none.
fn take_output<M: Mode>(body: &mut Body<M>) -> Option<Output> {
    let outcome = body.outcome()?;
    Some(match outcome {
        Outcome::Completed | Outcome::Failed { .. } => {
            body.payload.take().ok_or_else(|| JoinError::new(outcome, None))
        }
        outcome => Err(JoinError::new(outcome, body.take_panic())),
    })
}

/// The output of type `T` of a task, for who does not have its handle.
pub(crate) fn take_result<T: 'static, M: Mode>(slot: &SlotRef<M>) -> Result<T, TakeError> {
    if slot.settled() & ENDED == 0 {
        return Err(TakeError::NotEnded);
    }
    let payload = slot.with(|body| match body.outcome() {
        None => Err(TakeError::NotEnded),
        Some(Outcome::Completed | Outcome::Failed { .. }) => match &body.payload {
            None => Err(TakeError::NoResult),
            Some(payload) if !payload.is::<T>() => Err(TakeError::WrongType),
            Some(_) => Ok(body.payload.take()),
        },
        Some(outcome) => Err(TakeError::Join(JoinError::new(outcome, body.take_panic()))),
    })?;
    payload.and_then(|payload| payload.take::<T>().ok()).ok_or(TakeError::NoResult)
}

impl<T, M: Mode> Drop for TaskHandle<T, M> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let slot = &self.task.0;
        let garbage = slot.with(|body| {
            let kept = slot.clear(HANDLE) & (KEEP | GONE) == KEEP;
            let panic = if !kept && body.has_panicked() { body.payload.take() } else { None };
            (if kept { None } else { body.payload.take() }, body.joiner.take(), panic)
        });
        let (output, joiner, panic) = garbage;
        contain(|| drop((output, joiner)));
        if let Some(panic) = panic.and_then(|panic| panic.take().ok()) {
            slot.unclaimed(panic);
        }
    }
}

impl<T, M: Mode> fmt::Debug for TaskHandle<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskHandle").field(&self.task).finish()
    }
}

impl<T, M: Mode> fmt::Display for TaskHandle<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.task.fmt(f)
    }
}
