use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::{Future, Pending};
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::handle::{Inner, reserve};
use crate::unwind::poll_over;
use crate::{
    CancellingAll, Options, Outcome, Shutdown, ShutdownReport, TaskInfo, Tasks, Ticket, Wait, mode,
};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pin_project! {
    /// The end of all workers: what [`WorkersHandle::shutdown`](crate::WorkersHandle::shutdown) returns.
    ///
    /// Everything was closed and asked to stop when this is made. Between wake-ups it does nothing. Dropping it undoes
    /// nothing, but ends the time that the main futures have.
    pub struct WorkersShutdown<D> {
        #[pin]
        deadline: D,
        settled: Boxed<()>,
        ending: Option<Ending>,
        made: Option<WorkersReport>,
    }
}

type Report = Shutdown<Wait<mode::Sync>, mode::Sync>;

/// What a shutdown reports from, and what lets the workers go when it is dropped.
struct Ending {
    inner: Arc<Inner>,
    /// Each reports once it is polled after `late` was dropped.
    reports: Vec<Pin<Box<Report>>>,
    late: Ticket<mode::Sync>,
    _grace: CancellingAll<mode::Sync, Pending<()>>,
}

impl<D: Future> WorkersShutdown<D> {
    pub(super) fn new(inner: &Arc<Inner>, deadline: D) -> Self {
        let late = reserve(&Tasks::new(Options::new()), "late".into());
        let report = |table: &Tasks<_>| Box::pin(table.shutdown(late.task().wait()));
        let reports = inner.tables.iter().map(report).collect();
        let grace = inner.stop();
        Self {
            deadline,
            settled: Box::pin(inner.clone().settled()),
            ending: Some(Ending { inner: inner.clone(), reports, late, _grace: grace }),
            made: None,
        }
    }
}

impl Ending {
    #[inline]
    fn report(self, cx: &mut Context<'_>) -> WorkersReport {
        let Self { inner, reports, late, _grace } = self;
        drop(late);
        let each = reports.into_iter().enumerate().map(|(worker, mut report)| WorkerReport {
            worker,
            main: inner.main_outcome(worker),
            stopped: inner.threads[worker].is_ended(),
            tasks: match report.as_mut().poll(cx) {
                Poll::Ready(report) => report,
                Poll::Pending => unreachable!("its deadline has passed"),
            },
        });
        WorkersReport(each.collect())
    }
}

impl<D: Future> Future for WorkersShutdown<D> {
    type Output = WorkersReport;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<WorkersReport> {
        let this = self.project();
        // Polled again, it says the same again: what it waited for is not polled any more.
        if let Some(made) = this.made {
            return Poll::Ready(made.clone());
        }
        if this.settled.as_mut().poll(cx).is_pending() && poll_over(this.deadline, cx).is_pending()
        {
            return Poll::Pending;
        }
        let report = this.ending.take().map(|ending| ending.report(cx)).unwrap_or_default();
        Poll::Ready(this.made.insert(report).clone())
    }
}

impl<D> fmt::Debug for WorkersShutdown<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkersShutdown").finish_non_exhaustive()
    }
}

/// What the shutdown of all workers came to.
///
/// `Display` prints a line for each worker, and one more for each task that remained.
#[derive(Clone, Debug, Default)]
pub struct WorkersReport(Vec<WorkerReport>);

impl WorkersReport {
    /// Each worker's part, by worker.
    #[must_use]
    pub fn workers(&self) -> &[WorkerReport] {
        &self.0
    }

    /// Whether every task and every main future has ended, in whatever way, and every executor is gone.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.0.iter().all(WorkerReport::is_clean)
    }

    /// The tasks that were asked to stop and had not when the deadline came, each with its worker.
    pub fn remaining(&self) -> impl Iterator<Item = (usize, &TaskInfo)> {
        let of = |report| WorkerReport::tasks(report).remaining().iter();
        self.0.iter().flat_map(move |report| of(report).map(|task| (report.worker, task)))
    }

    /// How many tasks returned `Ready`.
    #[must_use]
    pub fn completed(&self) -> usize {
        self.sum(ShutdownReport::completed)
    }

    /// How many tasks returned an `Err`, of those that were spawned as fallible.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.sum(ShutdownReport::failed)
    }

    /// How many tasks were cancelled.
    #[must_use]
    pub fn cancelled(&self) -> usize {
        self.sum(ShutdownReport::cancelled)
    }

    /// How many tasks panicked.
    #[must_use]
    pub fn panicked(&self) -> usize {
        self.sum(ShutdownReport::panicked)
    }

    /// How many tasks their executor let go of.
    #[must_use]
    pub fn abandoned(&self) -> usize {
        self.sum(ShutdownReport::abandoned)
    }

    fn sum(&self, count: impl Fn(&ShutdownReport) -> usize) -> usize {
        self.0.iter().map(|report| count(&report.tasks)).sum()
    }
}

impl fmt::Display for WorkersReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, report) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            report.fmt(f)?;
        }
        Ok(())
    }
}

/// One worker's part of a [`WorkersReport`].
#[derive(Clone, Debug)]
pub struct WorkerReport {
    worker: usize,
    main: Option<Outcome>,
    tasks: ShutdownReport,
    stopped: bool,
}

impl WorkerReport {
    /// Which worker.
    #[must_use]
    pub fn worker(&self) -> usize {
        self.worker
    }

    /// How its main future ended, if it has.
    #[must_use]
    pub fn main(&self) -> Option<&Outcome> {
        self.main.as_ref()
    }

    /// What became of its tasks.
    #[must_use]
    pub fn tasks(&self) -> &ShutdownReport {
        &self.tasks
    }

    /// Whether its executor is gone. One whose thread is blocked is not.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether its main future and all its tasks have ended, and its executor is gone.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.stopped && self.main.is_some() && self.tasks.is_clean()
    }
}

impl fmt::Display for WorkerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {}: main ", self.worker)?;
        match &self.main {
            Some(outcome) => outcome.fmt(f)?,
            None => f.write_str("would not stop")?,
        }
        write!(f, "; {}", self.tasks)
    }
}

/// The tasks of all workers, by worker, and within each as in a [`Snapshot`](crate::Snapshot): live ones first, then by
/// name. `Display` prints a line for each.
#[derive(Clone, Debug, Default)]
pub struct WorkersSnapshot(Vec<(usize, TaskInfo)>);

impl WorkersSnapshot {
    #[inline]
    pub(super) fn of(tables: &[Tasks<mode::Sync>]) -> Self {
        let each = tables.iter().enumerate();
        Self(
            each.flat_map(|(n, table)| table.snapshot().into_iter().map(move |t| (n, t))).collect(),
        )
    }
}

impl Deref for WorkersSnapshot {
    type Target = [(usize, TaskInfo)];
    fn deref(&self) -> &[(usize, TaskInfo)] {
        &self.0
    }
}

impl IntoIterator for WorkersSnapshot {
    type Item = (usize, TaskInfo);
    type IntoIter = alloc::vec::IntoIter<(usize, TaskInfo)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a WorkersSnapshot {
    type Item = &'a (usize, TaskInfo);
    type IntoIter = core::slice::Iter<'a, (usize, TaskInfo)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for WorkersSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (worker, task)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{worker}  {task}")?;
        }
        Ok(())
    }
}
