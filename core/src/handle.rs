use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::mode::Mode;
use crate::slot::{
    ENDED, ENDING, FOR_READY, GONE, HANDLE, KEEP, MORE, OUTPUT, PANIC, READY, Slot, SlotRef,
};
use crate::table::{Claim, Payload};
use crate::task::ended;
use crate::unwind::let_go;
use crate::wait::Waiter;
use crate::{JoinError, JoinHandle, Outcome, TakeError, TaskInfo, TaskRef};

impl<M: Mode> TaskRef<M> {
    /// All that is known of the task at this instant. O(1).
    #[must_use]
    pub fn info(&self) -> TaskInfo {
        TaskInfo::of(&self.0)
    }

    /// Waits until the task says that it is ready ([`Cx::ready`](crate::Cx::ready)): `Ok`, or how it ended if it did so
    /// before. A task that never says so is waited for until it ends. Cancel safe.
    pub fn started(&self) -> Started<M> {
        Started { waiter: Waiter::new(self.0.clone(), FOR_READY) }
    }

    /// Takes the task's record from the registry if it has ended; says whether there was one. O(1).
    ///
    /// This and other handles can still read it; lists and names no longer lead to it.
    pub fn purge(&self) -> bool {
        self.0.purge()
    }
}

impl<M: Mode> fmt::Display for TaskRef<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info().fmt(f)
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
///
/// On some executors (tokio's of several threads) what the executor itself allocated for the task goes when this was awaited to
/// its end, or is dropped, and not before, as with the executor's own handle: see [`JoinHandle::keep`]. Who only wants to look at
/// the task keeps a [`TaskRef`], `handle.task().clone()`.
pub struct TaskHandle<T, M: Mode> {
    task: TaskRef<M>,
    claim: Claim,
    output: Exactly<T>,
}

/// An output of this very type, and of none that it is a subtype of: it is found by its type.
type Exactly<T> = PhantomData<(T, fn(T) -> T)>;

impl<T, M: Mode> Unpin for TaskHandle<T, M> {}

impl<T: 'static, M: Mode> TaskHandle<T, M> {
    /// `slot` was admitted with `HANDLE`, for an output of type `T`.
    #[inline]
    pub(crate) fn new(slot: SlotRef<M>) -> Self {
        Self { task: TaskRef(slot), claim: Claim::to_output(), output: PhantomData }
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
    #[inline(always)]
    pub(crate) fn keep(&mut self, executors: impl JoinHandle) {
        // Foreign code, which runs before anything is changed.
        let kept = executors.keep();
        self.claim.keep(&self.task.0, kept);
    }

    /// What the handle was made from. The claim to the output stands.
    pub(crate) fn into_slot(mut self) -> SlotRef<M> {
        self.claim.forget_output();
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

    // Compiled into who awaits, so that an output is not moved through memory on its way there. As is all that is so small.
    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let task = &this.task.0;
        // The common case needs no lock: nothing is left here but the output.
        if task.flags() & ENDED != 0 {
            if let Some(output) = task.take_output_of() {
                this.claim.end(task);
                return Poll::Ready(Ok(output));
            }
        }
        this.poll_locked(cx)
    }
}

impl<T: 'static, M: Mode> TaskHandle<T, M> {
    #[inline(never)]
    fn poll_locked(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        let task = &self.task.0;
        let mut waker = None;
        loop {
            let polled = task.with(|body| {
                if task.flags() & ENDED != 0 {
                    let output = match task.take_output() {
                        Some(output) => Some(Ok(output)),
                        None => Slot::outcome(task, body)
                            .map(|outcome| Err((outcome, task.take_panic(body)))),
                    };
                    return Poll::Ready(output);
                }
                match &mut body.more.joiner {
                    Some(joiner) if joiner.will_wake(cx.waker()) => {}
                    joiner if waker.is_some() => {
                        core::mem::swap(joiner, &mut waker);
                        task.needs_more();
                    }
                    _ => return Poll::Ready(None),
                }
                Poll::Pending
            });
            match polled {
                Poll::Pending => {
                    // What was there before, if anything, is dropped here, outside the lock.
                    let_go(waker);
                    return Poll::Pending;
                }
                Poll::Ready(Some(output)) => {
                    let_go(waker.take());
                    self.claim.end(task);
                    return Poll::Ready(match output {
                        Ok(output) => downcast(output),
                        Err((outcome, panic)) => Err(JoinError::new(outcome, panic)),
                    });
                }
                // A waker is foreign: it is cloned outside the lock.
                Poll::Ready(None) => waker = Some(cx.waker().clone()),
            }
        }
    }
}

#[inline]
fn downcast<T: 'static>(output: Payload) -> Result<T, JoinError> {
    output.take::<T>().map_err(|_| JoinError::new(Outcome::Completed, None))
}

/// The output of type `T` of a task, for who does not have its handle.
pub(crate) fn take_result<T: 'static, M: Mode>(slot: &SlotRef<M>) -> Result<T, TakeError> {
    if slot.settled() & ENDED == 0 {
        return Err(TakeError::NotEnded);
    }
    let output = slot.with(|body| match Slot::outcome(slot, body) {
        None => Err(TakeError::NotEnded),
        Some(Outcome::Completed | Outcome::Failed { .. }) => match slot.output_is::<T>(body) {
            None => Err(TakeError::NoResult),
            Some(false) => Err(TakeError::WrongType),
            Some(true) => Ok(slot.take_output()),
        },
        Some(outcome) => Err(TakeError::Join(JoinError::new(outcome, slot.take_panic(body)))),
    })?;
    output.and_then(|output| output.take::<T>().ok()).ok_or(TakeError::NoResult)
}

impl<T, M: Mode> Drop for TaskHandle<T, M> {
    #[inline]
    fn drop(&mut self) {
        if self.claim.is_any() {
            self.give_up();
        }
    }
}

impl<T, M: Mode> TaskHandle<T, M> {
    /// Gives up what the handle has a claim to.
    // Not compiled into whoever drops a handle that was awaited.
    #[inline(never)]
    fn give_up(&mut self) {
        if self.claim.has_output() {
            self.give_up_output();
        }
        self.claim.end(&self.task.0);
    }

    fn give_up_output(&self) {
        let slot = &self.task.0;
        if slot.flags() & (ENDED | OUTPUT | PANIC) == ENDED {
            // It left nothing that could be claimed.
            return;
        }
        let nothing_yet = slot.with(|_| {
            // What is left is left with the end, or, where an observer is told of that first, by a task that has extras.
            let nothing = slot.flags() & (ENDING | MORE) == 0;
            if nothing {
                slot.clear_locked(HANDLE);
            }
            nothing
        });
        if !nothing_yet {
            self.give_up_all();
        }
    }

    /// The same, of a task that may have left something, or whose handle was polled.
    #[inline(never)]
    fn give_up_all(&self) {
        let slot = &self.task.0;
        let (output, joiner, panic) = slot.with(|body| {
            let kept = slot.clear(HANDLE) & (KEEP | GONE) == KEEP;
            let joiner = body.more.joiner.take();
            match kept {
                true => (None, joiner, None),
                false => (slot.take_output(), joiner, slot.take_panic(body)),
            }
        });
        let_go(output);
        let_go(joiner);
        if let Some(panic) = panic {
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
