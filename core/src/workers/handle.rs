use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::{Future, Pending, pending};
use core::ops::Deref;
use core::sync::atomic::{AtomicBool, Ordering};
use std::io;
use std::thread;

use super::Tickets;
use super::report::{WorkersShutdown, WorkersSnapshot};
use crate::unwind::Contained;
use crate::{
    Cancel, CancellingAll, JoinError, Options, Outcome, Retain, TaskRef, Tasks, Text, Ticket, mode,
};

pub(super) struct Inner {
    /// Each worker's tasks.
    pub(super) tables: Vec<Tasks<mode::Sync>>,
    /// The tickets that a shutdown grants its deadline as a grace: `main` and `worker`.
    graced: Tasks<mode::Sync>,
    pub(super) mains: Vec<TaskRef<mode::Sync>>,
    pub(super) workers: Vec<TaskRef<mode::Sync>>,
    pub(super) threads: Vec<TaskRef<mode::Sync>>,
    before: TaskRef<mode::Sync>,
    pub(super) gate: TaskRef<mode::Sync>,
    /// A shutdown was called, and the tables are closed.
    closed: AtomicBool,
}

type Making = (Inner, Ticket<mode::Sync>, Ticket<mode::Sync>, Vec<Tickets>);

impl Inner {
    #[inline]
    pub(super) fn new(workers: usize, options: Options) -> Making {
        let records = Options::new().retain(Retain::Nothing);
        let (graced, other) = (Tasks::new(records.clone()), Tasks::new(records));
        let (before, gate) = (reserve(&other, "before".into()), reserve(&other, "gate".into()));
        let each: Vec<_> = (0..workers)
            .map(|worker| Tickets {
                ready: reserve(&other, format!("ready:{worker}").into()),
                main: reserve(&graced, format!("main:{worker}").into()),
                worker: reserve(&graced, format!("worker:{worker}").into()),
                thread: reserve(&other, format!("thread:{worker}").into()),
            })
            .collect();
        let all = |one: fn(&Tickets) -> &Ticket<mode::Sync>| {
            each.iter().map(|tickets| one(tickets).task().clone()).collect()
        };
        let inner = Self {
            tables: (0..workers).map(|_| Tasks::new(options.clone())).collect(),
            graced,
            mains: all(|tickets| &tickets.main),
            workers: all(|tickets| &tickets.worker),
            threads: all(|tickets| &tickets.thread),
            before: before.task().clone(),
            gate: gate.task().clone(),
            closed: AtomicBool::new(false),
        };
        (inner, before, gate, each)
    }

    /// How a worker's main future ended, or what kept it from running.
    #[inline]
    pub(super) fn main_outcome(&self, worker: usize) -> Option<Outcome> {
        match self.workers[worker].outcome() {
            Some(panicked @ Outcome::Panicked { .. }) => Some(panicked),
            _ => self.mains[worker].outcome(),
        }
    }

    /// Closes all tables, before anything is asked to stop: who is asked finds the workers closed.
    #[inline]
    fn close(&self) {
        for table in &self.tables {
            table.0.close();
        }
        self.closed.store(true, Ordering::Release);
    }

    /// Asks all that is not a worker's task to stop; ends the grace of the main futures when it is dropped.
    #[inline]
    pub(super) fn stop(&self) -> CancellingAll<mode::Sync, Pending<()>> {
        self.gate.cancel_with("shutdown");
        self.before.cancel_with("shutdown");
        if !self.before.outcome().is_some_and(|outcome| outcome.is_completed()) {
            // The gate has ended, so that there will be no threads.
            for thread in &self.threads {
                thread.cancel_with("shutdown");
            }
        }
        self.graced.cancel_all_with(Cancel::new().reason("shutdown").grace(pending::<()>()))
    }

    /// Ready when no task is left, no main future and no executor.
    #[inline]
    pub(super) async fn settled(self: Arc<Self>) {
        for table in &self.tables {
            table.wait_idle().await;
        }
        for ticket in [&self.before, &self.gate] {
            ticket.wait().await;
        }
        for ticket in self.mains.iter().chain(&self.workers).chain(&self.threads) {
            ticket.wait().await;
        }
    }
}

#[inline]
pub(super) fn reserve(table: &Tasks<mode::Sync>, name: Text) -> Ticket<mode::Sync> {
    match table.reserve(name) {
        Ok(ticket) => ticket,
        Err(error) => unreachable!("a new name in a table that is open: {error}"),
    }
}

/// Leads to all workers from any thread. A clone is one count; dropping it does nothing (law 8).
///
/// It is there before the workers start ([`Workers::handle`](crate::Workers::handle)) and after they have ended, when the
/// records can still be read.
#[derive(Clone)]
pub struct WorkersHandle(pub(super) Arc<Inner>);

impl WorkersHandle {
    /// How many workers there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.tables.len()
    }

    /// The tasks of one worker, if there are so many: to list, find, cancel and purge them. O(1).
    #[must_use]
    pub fn tasks(&self, worker: usize) -> Option<&Tasks<mode::Sync>> {
        self.0.tables.get(worker)
    }

    /// The main future of one worker, if there are so many workers: to see how it ended, to wait for that, to cancel it
    /// alone. O(1).
    ///
    /// Its worker goes on running its tasks, and the other workers go on, however it ends.
    #[must_use]
    pub fn main(&self, worker: usize) -> Option<&TaskRef<mode::Sync>> {
        self.0.mains.get(worker)
    }

    /// All that is known of all workers' tasks, by worker and name. O(all tasks). Not one instant, as
    /// [`Tasks::snapshot`] is not.
    #[must_use]
    #[inline]
    pub fn snapshot(&self) -> WorkersSnapshot {
        WorkersSnapshot::of(&self.0.tables)
    }

    /// The tasks of this name, each with its worker: at most one on each, the live one or else the record of the last.
    /// O(workers).
    #[must_use]
    #[inline]
    pub fn get(&self, name: &str) -> Vec<(usize, TaskRef<mode::Sync>)> {
        let tables = self.0.tables.iter().enumerate();
        tables.filter_map(|(worker, table)| Some((worker, table.get(name)?))).collect()
    }

    /// Asks the live tasks of this name to stop, on all workers, now; the returned future only waits until they have (law
    /// 1). O(workers).
    ///
    /// For one worker alone: `workers.tasks(2)?.cancel(name)`.
    #[inline]
    pub fn cancel(&self, name: &str) -> CancellingAll<mode::Sync> {
        self.cancel_with(name, Cancel::new())
    }

    /// [`cancel`](WorkersHandle::cancel) with a reason, or one grace for all of them.
    pub fn cancel_with<G: Future>(
        &self,
        name: &str,
        cancel: impl Into<Cancel<G>>,
    ) -> CancellingAll<mode::Sync, G> {
        let live = self.0.tables.iter().filter_map(|table| table.get_live(name)).collect();
        CancellingAll::new(live, cancel.into())
    }

    /// Forgets the records of all tasks that have ended; returns how many. O(of those).
    #[inline]
    pub fn purge(&self) -> usize {
        self.0.tables.iter().map(Tasks::purge).sum()
    }

    /// Whether [`shutdown`](WorkersHandle::shutdown) was called. A registry that was shut down by itself says so itself
    /// ([`Tasks::is_closed`]).
    #[must_use]
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    /// Closes all registries for good, asks everything to stop, and returns a future that waits until all workers are
    /// gone, or until the one `deadline` is ready, and reports by worker and name (laws 12, 13).
    ///
    /// Eager, as [`Tasks::shutdown`] is: no task is added once this was called, and workers that have not started will
    /// not. Every task is asked to stop as by `Tasks::shutdown`, a grace of its own included. The token of every main
    /// future fires, and the future itself has until the deadline. What has not ended then is reported as remaining;
    /// after that main futures are dropped, then executors with all that is on them: as soon as their threads let
    /// them.
    ///
    /// May be called again and by several callers: the first deadline counts. Dropping the future takes nothing back; it
    /// is a deadline that passes at once (law 1). So await it outside the workers: a main future that awaits it waits
    /// for itself, until the deadline; a task of a worker is cancelled where it awaits it, and the main futures have no time
    /// then. Such a task had better tell whoever holds the workers. O(all tasks).
    ///
    /// All tasks are asked at once, whatever their stages, and in whatever order they were spawned. To go by those, await
    /// [`Tasks::shutdown_in_stages`](crate::Tasks::shutdown_in_stages) of each worker's [`tasks`](WorkersHandle::tasks)
    /// first.
    pub fn shutdown<D: Future>(&self, deadline: D) -> WorkersShutdown<D> {
        self.0.close();
        WorkersShutdown::new(&self.0, deadline)
    }

    /// Ready when no worker has an executor any more: after a shutdown, or when the workers were dropped unstarted, or
    /// could not start.
    ///
    /// Cancel safe. Inside a worker it waits for ever.
    #[inline]
    pub async fn stopped(&self) {
        for thread in &self.0.threads {
            thread.wait().await;
        }
    }
}

impl fmt::Debug for WorkersHandle {
    /// The tasks of every worker: with `{:#?}`, one a line.
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.tables.iter().enumerate()).finish()
    }
}

/// How a worker's main future ended, or why it had no executor. Whoever drops it unread is std, which cannot bear a panic there.
pub(super) type Ran = Result<Result<(), JoinError>, Contained<io::Error>>;
pub(super) type Thread = thread::JoinHandle<Ran>;

/// Workers that run: what [`Workers::start`](crate::Workers::start) returns. Derefs to their [`WorkersHandle`].
///
/// Dropping it stops nothing (law 8): the threads run on, and handles still lead to them.
pub struct Running {
    handle: WorkersHandle,
    threads: Vec<Thread>,
}

impl Running {
    #[inline]
    pub(super) fn new(handle: WorkersHandle, threads: Vec<Thread>) -> Self {
        Self { handle, threads }
    }

    /// Leads to the workers from any thread.
    #[must_use]
    #[inline]
    pub fn handle(&self) -> WorkersHandle {
        self.handle.clone()
    }

    /// Blocks the thread until the workers' threads have ended, after a [`shutdown`](WorkersHandle::shutdown); tells how
    /// the main future of each ended, and what it panicked with. Not for use inside a task.
    ///
    /// To wait without blocking, await [`stopped`](WorkersHandle::stopped) first.
    #[must_use = "a main future that panicked says so here"]
    #[inline]
    pub fn join(self) -> Vec<Result<(), JoinError>> {
        let panicked = |payload| {
            let message = crate::unwind::message(&payload);
            JoinError::new(Outcome::Panicked { message }, Some(payload))
        };
        let join = |thread: Thread| match thread.join() {
            Ok(Ok(ended)) => ended,
            // Such a worker has kept the others from starting.
            Ok(Err(_)) => Err(JoinError::new(Outcome::NeverStarted, None)),
            Err(payload) => Err(panicked(payload)),
        };
        self.threads.into_iter().map(join).collect()
    }
}

impl Deref for Running {
    type Target = WorkersHandle;
    fn deref(&self) -> &WorkersHandle {
        &self.handle
    }
}

impl fmt::Debug for Running {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.handle).finish()
    }
}
