use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::info::write_lines;
use crate::mode::Mode;
use crate::table::Watch;
use crate::unwind::poll_over;
use crate::wait::Waiter;
use crate::{Outcome, Snapshot, TaskInfo, TaskRef, Tasks};

pin_project! {
    /// The end of a registry: what [`Tasks::shutdown`] returns.
    ///
    /// The gate is shut and every task was asked to stop when this is made; awaiting it waits until all of them have
    /// ended or the deadline is ready, and reports (laws 12, 13). Between wake-ups it does nothing. Dropping it undoes
    /// nothing: the registry stays closed. Polled again after it was ready, it reports again, at once, how the same tasks
    /// stand by then.
    pub struct Shutdown<D, M: Mode> {
        #[pin]
        deadline: D,
        #[pin]
        idle: Waiter<Watch<M>>,
        tasks: Vec<TaskRef<M>>,
        // It has reported: neither is polled any more.
        over: bool,
    }
}

impl<D: Future, M: Mode> Shutdown<D, M> {
    /// Waits for `tasks`, all that live in a registry that was closed.
    pub(crate) fn new(registry: &Tasks<M>, tasks: Vec<TaskRef<M>>, deadline: D) -> Self {
        let watch = Watch::new(registry.0.clone(), |core| &core.idle);
        Self { deadline, idle: Waiter::new(watch, 0), tasks, over: false }
    }
}

impl<D: Future, M: Mode> Future for Shutdown<D, M> {
    type Output = ShutdownReport;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ShutdownReport> {
        let this = self.project();
        if !*this.over {
            let idle = this.idle.poll_until(cx, |place| place.core.is_idle().then_some(()));
            if idle.is_pending() && poll_over(this.deadline, cx).is_pending() {
                return Poll::Pending;
            }
            *this.over = true;
        }
        Poll::Ready(ShutdownReport::of(this.tasks.iter()))
    }
}

impl<D, M: Mode> fmt::Debug for Shutdown<D, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown").field("tasks", &self.tasks).finish_non_exhaustive()
    }
}

/// What a shutdown came to: how each task ended that lived when it was called, and which ones did not end in time.
///
/// `Display` prints the counts and a line for each that remained.
#[derive(Clone, Debug, Default)]
pub struct ShutdownReport {
    ended: Vec<TaskInfo>,
    remaining: Vec<TaskInfo>,
}

impl ShutdownReport {
    pub(crate) fn of<'a, M: Mode>(tasks: impl Iterator<Item = &'a TaskRef<M>>) -> Self {
        let (remaining, ended) = Snapshot::new(tasks.map(TaskRef::info).collect()).split();
        Self { ended, remaining }
    }

    /// The tasks that ended, and how, by name.
    #[must_use]
    pub fn ended(&self) -> &[TaskInfo] {
        &self.ended
    }

    /// The tasks that were asked to stop and had not when the deadline came, by name. They stay visible as stopping.
    #[must_use]
    pub fn remaining(&self) -> &[TaskInfo] {
        &self.remaining
    }

    /// Whether every task has ended.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.remaining.is_empty()
    }

    /// How many returned `Ready`.
    #[must_use]
    pub fn completed(&self) -> usize {
        self.count(Outcome::is_completed)
    }

    /// How many returned an `Err`, of those that were spawned as fallible.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.count(Outcome::is_failed)
    }

    /// How many were cancelled, by the shutdown or before.
    #[must_use]
    pub fn cancelled(&self) -> usize {
        self.count(Outcome::is_cancelled)
    }

    /// How many panicked.
    #[must_use]
    pub fn panicked(&self) -> usize {
        self.count(Outcome::is_panicked)
    }

    /// How many their executor let go of.
    #[must_use]
    pub fn abandoned(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Abandoned))
    }

    fn count(&self, is: impl Fn(&Outcome) -> bool) -> usize {
        self.ended.iter().filter_map(TaskInfo::outcome).filter(|outcome| is(outcome)).count()
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cancelled, {} completed", self.cancelled(), self.completed())?;
        let others = [
            (self.failed(), "failed"),
            (self.panicked(), "panicked"),
            (self.abandoned(), "abandoned"),
        ];
        for (count, word) in others {
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        write!(f, ", {} remaining", self.remaining.len())?;
        if !self.remaining.is_empty() {
            f.write_str(":\n")?;
            write_lines(f, &self.remaining)?;
        }
        Ok(())
    }
}
