use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{StaticOutcome, StaticTask, StaticTasks};
use crate::mode::Locking;
use crate::unwind::poll_over;
use crate::wait::{Place, WaitList, Waiter};

/// Where one waits until no task lives.
struct Idle<L: Locking>(StaticTasks<L>);

#[allow(unsafe_code, reason = "a place in the wait nodes' sense")]
// SAFETY: always the same event, of a static table.
unsafe impl<L: Locking> Place for Idle<L> {
    fn with_list<R>(&self, body: impl FnOnce(&mut WaitList) -> R) -> R {
        (&self.0.0.idle).with_list(body)
    }

    fn linked(&self) {
        (&self.0.0.idle).linked();
    }

    fn unlinked(&self) {
        (&self.0.0.idle).unlinked();
    }

    fn at_most(&self) -> u32 {
        (&self.0.0.idle).at_most()
    }
}

fn is_idle<L: Locking>(place: &Idle<L>) -> Option<()> {
    place.0.0.is_idle().then_some(())
}

pin_project! {
    /// Waits until no task lives: what [`StaticTasks::wait_idle`] returns.
    #[must_use = "futures do nothing unless polled"]
    pub struct StaticIdle<L: Locking> {
        #[pin]
        waiter: Waiter<Idle<L>>,
    }
}

impl<L: Locking> StaticIdle<L> {
    pub(super) fn new(tasks: StaticTasks<L>) -> Self {
        Self { waiter: Waiter::new(Idle(tasks), 0) }
    }
}

impl<L: Locking> Future for StaticIdle<L> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().waiter.poll_until(cx, is_idle)
    }
}

impl<L: Locking> fmt::Debug for StaticIdle<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticIdle").finish_non_exhaustive()
    }
}

pin_project! {
    /// The end of a registry: what [`StaticTasks::shutdown`] returns.
    ///
    /// The gate is shut and every task was asked to stop when this is made; awaiting it waits until all of them have ended
    /// or the deadline is ready, and reports (laws 12, 13). Polled again, it reports how they stand by then. Dropping it undoes
    /// nothing.
    pub struct StaticShutdown<L: Locking, D> {
        #[pin]
        idle: StaticIdle<L>,
        #[pin]
        deadline: D,
        tasks: StaticTasks<L>,
        since: u32,
        over: bool,
    }
}

impl<L: Locking, D: Future> StaticShutdown<L, D> {
    pub(super) fn new(tasks: StaticTasks<L>, deadline: D) -> Self {
        let since = tasks.0.close();
        tasks.cancel_all();
        Self { idle: tasks.wait_idle(), deadline, tasks, since, over: false }
    }
}

impl<L: Locking, D: Future> Future for StaticShutdown<L, D> {
    type Output = StaticReport<L>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<StaticReport<L>> {
        let this = self.project();
        // Polled again, it reports again: the deadline, which was ready, is not asked once more.
        *this.over =
            *this.over || this.idle.poll(cx).is_ready() || poll_over(this.deadline, cx).is_ready();
        if !*this.over {
            return Poll::Pending;
        }
        Poll::Ready(StaticReport::of(*this.tasks, *this.since))
    }
}

impl<L: Locking, D> fmt::Debug for StaticShutdown<L, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticShutdown").finish_non_exhaustive()
    }
}

/// What a shutdown came to: how many tasks ended how, of those that lived when it was called, and what remains. What was
/// purged meanwhile is in no count.
pub struct StaticReport<L: Locking> {
    tasks: StaticTasks<L>,
    /// Returned `Ready`.
    pub completed: usize,
    /// Were cancelled, by the shutdown or before.
    pub cancelled: usize,
    /// Panicked.
    pub panicked: usize,
    /// Were let go of by their executor.
    pub abandoned: usize,
    /// Had not ended when the deadline came.
    pub remaining: usize,
}

impl<L: Locking> StaticReport<L> {
    fn of(tasks: StaticTasks<L>, since: u32) -> Self {
        let mut report =
            Self { tasks, completed: 0, cancelled: 0, panicked: 0, abandoned: 0, remaining: 0 };
        // Once the gate is shut no record is evicted: all that ended since is still there, unless it was purged.
        for task in tasks {
            let count = match task.outcome() {
                None => &mut report.remaining,
                Some(_) if !task.0.home.is_since(since) => continue,
                Some(StaticOutcome::Completed) => &mut report.completed,
                Some(StaticOutcome::Cancelled { .. }) => &mut report.cancelled,
                Some(StaticOutcome::Panicked) => &mut report.panicked,
                Some(StaticOutcome::Abandoned) => &mut report.abandoned,
                Some(StaticOutcome::NeverStarted) => continue,
            };
            *count = count.wrapping_add(1);
        }
        report
    }

    /// Whether every task has ended.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.remaining == 0
    }

    /// The tasks that have not ended yet, one after the other.
    pub fn remaining_tasks(&self) -> impl Iterator<Item = StaticTask<L>> {
        self.tasks.into_iter().filter(|task| !task.is_ended())
    }
}

impl<L: Locking> fmt::Debug for StaticReport<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticReport")
            .field("completed", &self.completed)
            .field("cancelled", &self.cancelled)
            .field("panicked", &self.panicked)
            .field("abandoned", &self.abandoned)
            .field("remaining", &self.remaining)
            .finish_non_exhaustive()
    }
}
