use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::mode::Mode;
use crate::slot::Urgency;
use crate::{Never, Outcome, TaskEnd, TaskRef, Text, Wait};

/// How to ask a task to stop: with a reason, with a grace, if you like. A string is a reason.
///
/// ```
/// use task_registry_core::Cancel;
/// let cancel = Cancel::new().reason("the client left");
/// let same: Cancel = "the client left".into();
/// let patient = Cancel::new().reason("going down").grace(std::future::ready(()));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Cancel<G = Never> {
    pub(crate) reason: Option<Text>,
    pub(crate) grace: Option<G>,
    pub(crate) urgency: Urgency,
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancel {
    /// Without a reason, and without a grace but the one that the task has itself.
    pub const fn new() -> Self {
        Self { reason: None, grace: None, urgency: Urgency::Own }
    }

    /// At once, whatever grace the task has itself, and whatever grace another request gave it.
    pub fn now(mut self) -> Self {
        self.urgency = Urgency::Now;
        self
    }

    /// Grants a grace: the task's token fires at once, and its future is dropped when `grace` is ready, unless it has
    /// ended by then.
    ///
    /// Any future is one, a sleep for instance. It is polled by the future that cancelling returns, and dropping that
    /// ends it at once (law 1). In place of the grace that the task may have itself.
    pub fn grace<G: Future>(self, grace: G) -> Cancel<G> {
        Cancel { reason: self.reason, grace: Some(grace), urgency: Urgency::Graced }
    }
}

impl<G> Cancel<G> {
    /// Why. It stands in the outcome, where [`Outcome::reason`] finds it.
    pub fn reason(mut self, reason: impl Into<Text>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

impl From<&'static str> for Cancel {
    fn from(reason: &'static str) -> Self {
        Self::new().reason(reason)
    }
}

impl From<String> for Cancel {
    fn from(reason: String) -> Self {
        Self::new().reason(reason)
    }
}

pin_project! {
    /// A task that was asked to stop: await it to know that it has, and how it ended.
    ///
    /// The request stands whether this is awaited or not, and dropping it undoes nothing, though it ends a grace
    /// (law 1); so it is not `#[must_use]`. It resolves once the task's future, and what that owned, has been dropped
    /// and its cleanup is over (law 2). Awaiting it inside the task itself ends the task at that `await` (law 5), but not
    /// under a [shield](crate::Cx::shield), where it waits for ever, nor in the cleanup, where it waits until the deadline.
    pub struct Cancelling<M: Mode, G = Never> {
        #[pin]
        wait: Wait<M>,
        #[pin]
        grace: Option<G>,
    }

    impl<M: Mode, G> PinnedDrop for Cancelling<M, G> {
        fn drop(this: Pin<&mut Self>) {
            if this.grace.is_some() {
                this.wait.slot().cancel(None, Urgency::Now);
            }
        }
    }
}

impl<M: Mode, G: Future> Cancelling<M, G> {
    pub(crate) fn new(wait: Wait<M>, grace: Option<G>) -> Self {
        Self { wait, grace }
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> TaskRef<M> {
        TaskRef(self.wait.slot().clone())
    }

    /// Blocks the thread until the task has ended. Not for use inside a task.
    #[cfg(feature = "std")]
    pub fn wait_blocking(self) -> Outcome {
        crate::blocking::block_on(self)
    }
}

impl<M: Mode, G: Future> Future for Cancelling<M, G> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut this = self.project();
        if let Some(grace) = this.grace.as_mut().as_pin_mut() {
            if grace.poll(cx).is_ready() {
                this.grace.set(None);
                this.wait.slot().cancel(None, Urgency::Now);
            }
        }
        let ended = this.wait.poll(cx);
        if ended.is_ready() {
            this.grace.set(None);
        }
        ended
    }
}

impl<M: Mode, G> fmt::Debug for Cancelling<M, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancelling").field(self.wait.slot()).finish()
    }
}

pin_project! {
    /// Several tasks that were asked to stop: await it to know that all of them have.
    ///
    /// As with [`Cancelling`], the requests stand without it. Resolves to how each of them ended.
    pub struct CancellingAll<M: Mode, G = Never> {
        #[pin]
        wait: Option<Wait<M>>,
        left: VecDeque<TaskRef<M>>,
        ended: Vec<TaskEnd>,
        #[pin]
        grace: Option<G>,
    }

    impl<M: Mode, G> PinnedDrop for CancellingAll<M, G> {
        fn drop(this: Pin<&mut Self>) {
            if this.grace.is_some() {
                stop_all(&this.left);
            }
        }
    }
}

fn stop_all<M: Mode>(left: &VecDeque<TaskRef<M>>) {
    for task in left {
        task.0.cancel(None, Urgency::Now);
    }
}

impl<M: Mode, G: Future> CancellingAll<M, G> {
    /// Asks each of `tasks` to stop.
    pub(crate) fn new(tasks: Vec<TaskRef<M>>, cancel: Cancel<G>) -> Self {
        for task in &tasks {
            task.0.cancel(cancel.reason.clone(), cancel.urgency);
        }
        let ended = Vec::with_capacity(tasks.len());
        Self { wait: None, left: tasks.into(), ended, grace: cancel.grace }
    }

    /// How many tasks were asked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.left.len() + self.ended.len()
    }

    /// Whether there was nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Blocks the thread until all of them have ended. Not for use inside a task.
    #[cfg(feature = "std")]
    pub fn wait_blocking(self) -> Vec<TaskEnd> {
        crate::blocking::block_on(self)
    }
}

impl<M: Mode, G: Future> Future for CancellingAll<M, G> {
    type Output = Vec<TaskEnd>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<TaskEnd>> {
        let mut this = self.project();
        if let Some(grace) = this.grace.as_mut().as_pin_mut() {
            if grace.poll(cx).is_ready() {
                this.grace.set(None);
                stop_all(this.left);
            }
        }
        while let Some(next) = this.left.front() {
            if this.wait.is_none() {
                this.wait.set(Some(next.wait()));
            }
            let Some(wait) = this.wait.as_mut().as_pin_mut() else { break };
            let Poll::Ready(outcome) = wait.poll(cx) else { return Poll::Pending };
            this.wait.set(None);
            this.ended.push(TaskEnd { id: next.id(), name: next.0.head().name.clone(), outcome });
            this.left.pop_front();
        }
        this.grace.set(None);
        Poll::Ready(core::mem::take(this.ended))
    }
}

impl<M: Mode, G> fmt::Debug for CancellingAll<M, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellingAll").field("left", &self.left).finish_non_exhaustive()
    }
}
