use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::mode::Mode;
use crate::slot::Urgency;
use crate::table::Watch;
use crate::unwind::poll_over;
use crate::wait::Waiter;
use crate::{ShutdownReport, TaskRef, Tasks, Wait};

pin_project! {
    /// The end of a registry, stage by stage: what [`Tasks::shutdown_in_stages`] returns.
    ///
    /// Polled again after it was ready, it reports again, at once, how the same tasks stand by then. Dropped before, it asks all
    /// that is left to stop: the registry is closed, and nobody else would. So it may be awaited inside a task (law 12), which
    /// is dropped with it when its own stage is asked.
    pub struct StagedShutdown<D, B, F, M: Mode> {
        #[pin]
        deadline: D,
        make_budget: B,
        // Of the stage that was asked last; none if it could not be made, which panicked.
        #[pin]
        budget: Option<F>,
        // For the task of that stage that is waited for, its place in `tasks`.
        #[pin]
        wait: Option<Wait<M>>,
        // For all of them, once the last stage was asked.
        #[pin]
        idle: Waiter<Watch<M>>,
        // Sorted, the highest stage first.
        tasks: Vec<(i64, TaskRef<M>)>,
        // How many of them were asked.
        asked: usize,
        // How many of those have ended, or have had their time.
        passed: usize,
        // It has reported: nothing is polled any more.
        over: bool,
    }

    impl<D, B, F, M: Mode> PinnedDrop for StagedShutdown<D, B, F, M> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            ask_all(this.tasks, this.asked);
        }
    }
}

impl<D, B, F, M> StagedShutdown<D, B, F, M>
where
    D: Future,
    B: FnMut(i64) -> F,
    F: Future,
    M: Mode,
{
    /// Waits for `tasks`, all that live in a registry that was closed.
    pub(crate) fn new(
        registry: &Tasks<M>,
        tasks: Vec<TaskRef<M>>,
        deadline: D,
        make_budget: B,
    ) -> Self {
        let stage = |task: TaskRef<M>| (task.0.with(|body| body.stage()), task);
        let mut tasks: Vec<_> = tasks.into_iter().map(stage).collect();
        tasks.sort_by_key(|(stage, _)| core::cmp::Reverse(*stage));
        let asked = ask(&tasks, 0);
        let watch = Watch::new(registry.0.clone(), |core| &core.idle);
        let idle = Waiter::new(watch, 0);
        let (budget, wait, passed, over) = (None, None, 0, false);
        let first = tasks.first().map(|(stage, _)| *stage);
        let mut this =
            Self { deadline, make_budget, budget, wait, idle, tasks, asked, passed, over };
        // What it panics with goes to the caller, and the destructor asks all that is left.
        this.budget = first.map(&mut this.make_budget);
        this
    }
}

/// Asks the stage that begins at `from` to stop; where the next one begins.
fn ask<M: Mode>(tasks: &[(i64, TaskRef<M>)], from: usize) -> usize {
    let Some((stage, _)) = tasks.get(from) else { return from };
    let of_stage = tasks[from..].iter().take_while(|(other, _)| other == stage);
    let mut next = from;
    for (_, task) in of_stage {
        task.0.cancel(Some("shutdown".into()), Urgency::Own);
        next += 1;
    }
    next
}

/// Asks every stage that was not asked yet.
fn ask_all<M: Mode>(tasks: &[(i64, TaskRef<M>)], asked: &mut usize) {
    while *asked < tasks.len() {
        *asked = ask(tasks, *asked);
    }
}

impl<D, B, F, M> Future for StagedShutdown<D, B, F, M>
where
    D: Future,
    B: FnMut(i64) -> F,
    F: Future,
    M: Mode,
{
    type Output = ShutdownReport;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ShutdownReport> {
        let mut this = self.project();
        if *this.over {
            return Poll::Ready(ShutdownReport::of(this.tasks.iter().map(|(_, task)| task)));
        }
        let over = poll_over(this.deadline.as_mut(), cx).is_ready();
        while !over && *this.asked < this.tasks.len() {
            if this.budget.is_none() {
                let stage = this.tasks[*this.passed].0;
                this.budget.set(Some((this.make_budget)(stage)));
            }
            // Waits for one task of the stage after another, or for the stage's budget.
            while *this.passed < *this.asked {
                if this.wait.is_none() {
                    this.wait.set(Some(this.tasks[*this.passed].1.wait()));
                }
                let wait = this.wait.as_mut().as_pin_mut();
                if wait.is_some_and(|wait| wait.poll(cx).is_pending()) {
                    break;
                }
                this.wait.set(None);
                *this.passed += 1;
            }
            let waiting = *this.passed < *this.asked;
            let budget = this.budget.as_mut().as_pin_mut();
            if waiting && budget.is_some_and(|budget| poll_over(budget, cx).is_pending()) {
                return Poll::Pending;
            }
            this.wait.set(None);
            *this.passed = *this.asked;
            *this.asked = ask(this.tasks, *this.passed);
            // It is over, and must not be polled again if the next one cannot be made.
            this.budget.set(None);
            let stage = this.tasks[*this.passed].0;
            this.budget.set(Some((this.make_budget)(stage)));
        }
        ask_all(this.tasks, this.asked);
        let idle = this.idle.poll_until(cx, |place| place.core.is_idle().then_some(()));
        if idle.is_pending() && !over {
            return Poll::Pending;
        }
        *this.over = true;
        Poll::Ready(ShutdownReport::of(this.tasks.iter().map(|(_, task)| task)))
    }
}

impl<D, B, F, M: Mode> fmt::Debug for StagedShutdown<D, B, F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StagedShutdown")
            .field("tasks", &self.tasks)
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}
