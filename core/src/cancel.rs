use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::mode::Mode;
use crate::{Outcome, TaskEnd, TaskRef, Text, Wait};

/// How to ask a task to stop: with a reason, if you like. A string is one.
///
/// ```
/// use task_registry_core::Cancel;
/// let cancel = Cancel::new().reason("the client left");
/// let same: Cancel = "the client left".into();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Cancel {
    pub(crate) reason: Option<Text>,
}

impl Cancel {
    /// Without a reason.
    pub fn new() -> Self {
        Self::default()
    }

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
    /// The request stands whether this is awaited or not, and dropping it undoes nothing (law 1); so it is not
    /// `#[must_use]`. It resolves once the task's future, and what that owned, has been dropped (law 2). Awaiting it
    /// inside the task itself ends the task at that `await` (law 5).
    pub struct Cancelling<M: Mode> {
        #[pin]
        wait: Wait<M>,
    }
}

impl<M: Mode> Cancelling<M> {
    pub(crate) fn new(wait: Wait<M>) -> Self {
        Self { wait }
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> TaskRef<M> {
        self.wait.task()
    }

    /// Blocks the thread until the task has ended. Not for use inside a task.
    #[cfg(feature = "std")]
    pub fn wait_blocking(self) -> Outcome {
        crate::blocking::block_on(self)
    }
}

impl<M: Mode> Future for Cancelling<M> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.project().wait.poll(cx)
    }
}

impl<M: Mode> fmt::Debug for Cancelling<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancelling").field(&self.task()).finish()
    }
}

pin_project! {
    /// Several tasks that were asked to stop: await it to know that all of them have.
    ///
    /// As with [`Cancelling`], the requests stand without it. Resolves to how each of them ended.
    pub struct CancellingAll<M: Mode> {
        #[pin]
        wait: Option<Wait<M>>,
        left: VecDeque<TaskRef<M>>,
        ended: Vec<TaskEnd>,
    }
}

impl<M: Mode> CancellingAll<M> {
    /// Asks each of `tasks` to stop.
    pub(crate) fn new(tasks: Vec<TaskRef<M>>, reason: Option<&Text>) -> Self {
        for task in &tasks {
            task.0.cancel(reason.cloned());
        }
        let ended = Vec::with_capacity(tasks.len());
        Self { wait: None, left: tasks.into(), ended }
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

impl<M: Mode> Future for CancellingAll<M> {
    type Output = Vec<TaskEnd>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Vec<TaskEnd>> {
        let mut this = self.project();
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
        Poll::Ready(core::mem::take(this.ended))
    }
}

impl<M: Mode> fmt::Debug for CancellingAll<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellingAll").field("left", &self.left).finish_non_exhaustive()
    }
}
