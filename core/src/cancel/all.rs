use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::mode::Mode;
use crate::slot::Urgency;
use crate::unwind::poll_over;
use crate::{Cancel, Never, TaskEnd, TaskRef, Wait};

pin_project! {
    /// Several tasks that were asked to stop: await it to know that all of them have.
    ///
    /// As with [`Cancelling`], the requests stand without it. Resolves to how each of them ended.
    ///
    /// Cancel safe: dropping it undoes nothing, though it ends a grace at once (law 1). It yields its list once: polled again
    /// after it was ready, it yields an empty one.
    pub struct CancellingAll<M: Mode, G = Never> {
        #[pin]
        wait: Option<Wait<M>>,
        left: VecDeque<TaskRef<M>>,
        ended: Vec<TaskEnd>,
        // How many were asked, also once the list was yielded.
        asked: usize,
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
        let asked = tasks.len();
        let ended = Vec::with_capacity(asked);
        Self { wait: None, left: tasks.into(), ended, asked, grace: cancel.grace }
    }

    /// How many tasks were asked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.asked
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
            if poll_over(grace, cx).is_ready() {
                stop_all(this.left);
                // After that: its destructor may panic.
                this.grace.set(None);
            }
        }
        while let Some(next) = this.left.front() {
            if this.wait.is_none() {
                this.wait.set(Some(next.wait()));
            }
            let Some(wait) = this.wait.as_mut().as_pin_mut() else { break };
            let Poll::Ready(outcome) = wait.poll(cx) else { return Poll::Pending };
            this.wait.set(None);
            this.ended.push(TaskEnd { id: next.id(), name: next.0.text().clone(), outcome });
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
