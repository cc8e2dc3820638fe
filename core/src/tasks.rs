use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::handle::take_result;
use crate::mode::{Carry, Mode, Store};
use crate::restart::Remembered;
use crate::slot::{ENDED, HANDLE, RESERVED, SlotRef, Urgency};
use crate::table::{CoreRef, NotAdmitted, Policy, Watch};
use crate::wait::Waiter;
use crate::{
    Cancel, Cancelling, CancellingAll, Counts, Endings, Options, Scope, Shutdown, Snapshot,
    SpawnError, StagedShutdown, State, TakeError, TaskId, TaskInfo, TaskRef, TasksGuard, Text,
    Ticket, Wait,
};

/// The tasks of a registry, without the executor: find, list, cancel, purge, wait, shut down.
///
/// [`Registry`](crate::Registry) derefs to this. It is `'static`, a clone is one count, and in
/// [`mode::Sync`](crate::mode::Sync) it goes to any thread (law 16), also when the futures may not.
///
/// It grows with the tasks that live and the records that are kept, by chunks of 32 tasks. Of chunks that are empty it keeps as many
/// as 16,384 tasks have room in (2 MB on 64-bit targets), so that tasks which come and go need no allocation, and gives the others
/// back; a chunk of which a task stays, stays.
///
/// With the last clone the records go: who refers to a task can still read it, its handle has a claim to what it left, and what nobody
/// has a claim to is dropped, or given to the observer, if a panic. Tasks that live go on (law 8). What leads to the registry counts
/// as a clone of it until it is dropped: a [`Scope`], a [`TasksGuard`], a [`Cx`](crate::Cx), [`Endings`], and what waits for its tasks
/// ([`Shutdown`] and its like).
pub struct Tasks<M: Mode>(pub(crate) CoreRef<M>);

impl<M: Mode> Tasks<M> {
    /// An empty table. Give it to [`Registry::with_tasks`](crate::Registry::with_tasks).
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self(CoreRef::new(options))
    }

    /// The task that has this name: the live one, or else the record of the last that ended with it. O(1).
    ///
    /// A name that was taken from a record does not come back to it, though the newcomer may never start (a ticket that is
    /// dropped): the record stays in lists, and its id and handles lead to it. A [restart](Tasks::restart) gives it back.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<TaskRef<M>> {
        (!name.is_empty()).then(|| self.0.find(name))?.map(TaskRef)
    }

    /// Where the task is in its life that [`get`](Tasks::get) finds. O(1), and the cheapest look there is: no reference to
    /// the task is made.
    ///
    /// ```
    /// # use task_registry_core::{Options, State, Tasks, mode};
    /// let tasks = Tasks::<mode::Sync>::new(Options::new());
    /// let ticket = tasks.reserve("a")?;
    /// assert_eq!(tasks.state("a"), Some(State::Queued));
    /// drop(ticket);
    /// assert_eq!(tasks.state("a"), None);
    /// # Ok::<(), task_registry_core::SpawnError>(())
    /// ```
    #[must_use]
    pub fn state(&self, name: &str) -> Option<State> {
        if name.is_empty() { None } else { self.0.state(name) }
    }

    /// The live task that has this name: that lived when it was looked up. O(1).
    #[must_use]
    pub fn get_live(&self, name: &str) -> Option<TaskRef<M>> {
        (!name.is_empty()).then(|| self.0.find_live(name))?.map(TaskRef)
    }

    /// The task with this id, while it lives or its record is kept. O(1).
    ///
    /// An id of another registry, or of a task whose record is gone, finds nothing (law 7).
    #[must_use]
    pub fn by_id(&self, id: TaskId) -> Option<TaskRef<M>> {
        self.0.by_id(id).map(TaskRef)
    }

    /// Asks the task of this name to stop, now; the returned future only waits until it has (laws 1, 2). O(1).
    ///
    /// `None` if no task has this name. For a task that has ended the future is ready.
    // As `Wait::poll`: the caller makes what he is given.
    #[inline]
    pub fn cancel(&self, name: &str) -> Option<Cancelling<M>> {
        Some(Cancelling::new(Wait::new(self.stop(name)?), None))
    }

    #[inline(never)]
    fn stop(&self, name: &str) -> Option<SlotRef<M>> {
        let task = self.0.find_here(name)?;
        M::stop(&task);
        Some(task)
    }

    /// [`cancel`](Tasks::cancel), with a reason or a grace.
    pub fn cancel_with<G: Future>(
        &self,
        name: &str,
        cancel: impl Into<Cancel<G>>,
    ) -> Option<Cancelling<M, G>> {
        Some(self.get(name)?.into_cancelling(cancel.into()))
    }

    /// Asks the task with this id to stop. O(1).
    pub fn cancel_id(&self, id: TaskId) -> Option<Cancelling<M>> {
        self.cancel_id_with(id, Cancel::new())
    }

    /// [`cancel_id`](Tasks::cancel_id), with a reason or a grace.
    pub fn cancel_id_with<G: Future>(
        &self,
        id: TaskId,
        cancel: impl Into<Cancel<G>>,
    ) -> Option<Cancelling<M, G>> {
        Some(self.by_id(id)?.into_cancelling(cancel.into()))
    }

    /// Asks the tasks whose names begin so to stop. O(all tasks).
    pub fn cancel_prefix(&self, prefix: &str) -> CancellingAll<M> {
        self.cancel_prefix_with(prefix, Cancel::new())
    }

    /// [`cancel_prefix`](Tasks::cancel_prefix), with a reason or a grace, one for all of them.
    pub fn cancel_prefix_with<G: Future>(
        &self,
        prefix: &str,
        cancel: impl Into<Cancel<G>>,
    ) -> CancellingAll<M, G> {
        self.cancel_live(cancel, |task| task.name().is_some_and(|name| name.starts_with(prefix)))
    }

    /// Asks the tasks that `is_meant` accepts to stop. O(all tasks); no lock is held while it is called.
    ///
    /// # Panics
    ///
    /// If `is_meant` does. It is called for all tasks before the first is asked, so nobody was asked then.
    pub fn cancel_where(&self, is_meant: impl FnMut(&TaskInfo) -> bool) -> CancellingAll<M> {
        self.cancel_where_with(is_meant, Cancel::new())
    }

    /// [`cancel_where`](Tasks::cancel_where), with a reason or a grace, one for all of them.
    ///
    /// # Panics
    ///
    /// As [`cancel_where`](Tasks::cancel_where).
    pub fn cancel_where_with<G: Future>(
        &self,
        mut is_meant: impl FnMut(&TaskInfo) -> bool,
        cancel: impl Into<Cancel<G>>,
    ) -> CancellingAll<M, G> {
        self.cancel_live(cancel, |task| is_meant(&task.info()))
    }

    /// Asks all tasks to stop. O(all tasks). The registry stays open; [`shutdown`](Tasks::shutdown) closes it.
    pub fn cancel_all(&self) -> CancellingAll<M> {
        self.cancel_all_with(Cancel::new())
    }

    /// [`cancel_all`](Tasks::cancel_all), with a reason or a grace, one for all of them.
    pub fn cancel_all_with<G: Future>(&self, cancel: impl Into<Cancel<G>>) -> CancellingAll<M, G> {
        self.cancel_live(cancel, |_| true)
    }

    fn cancel_live<G: Future>(
        &self,
        cancel: impl Into<Cancel<G>>,
        mut is_meant: impl FnMut(&TaskRef<M>) -> bool,
    ) -> CancellingAll<M, G> {
        let mut tasks = self.live_tasks();
        tasks.retain(|task| is_meant(task));
        CancellingAll::new(tasks, cancel.into())
    }

    fn live_tasks(&self) -> Vec<TaskRef<M>> {
        let mut tasks = Vec::new();
        self.0.walk(|task| {
            if task.settled() & ENDED == 0 {
                tasks.push(TaskRef(task));
            }
        });
        tasks
    }

    /// All that is known of all tasks. O(all tasks); locks are held for a few slots at a time, so this is not one
    /// instant: a task that is added or ends meanwhile may be seen as it was or as it is.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut tasks = Vec::new();
        self.0.walk(|task| tasks.push(TaskInfo::of(&task)));
        Snapshot::new(tasks)
    }

    /// Forgets the records of all tasks that have ended; returns how many. O(of those), whatever lives (law 15).
    ///
    /// Who holds a handle of one can still read it.
    pub fn purge(&self) -> usize {
        self.0.purge()
    }

    /// How many tasks are in which state. O(1).
    #[must_use]
    pub fn counts(&self) -> Counts {
        let ([queued, running, stopping], ended) = self.0.counts();
        Counts { queued, running, stopping, ended }
    }

    /// How many tasks are known: live ones and records. O(1).
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.known()
    }

    /// Whether no task is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many tasks have not ended. O(1).
    #[must_use]
    pub fn live(&self) -> usize {
        self.0.live()
    }

    /// How many records of ended tasks are kept. O(1).
    #[must_use]
    pub fn records(&self) -> usize {
        self.0.ended.len()
    }

    /// Whether [`shutdown`](Tasks::shutdown) was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Closes the registry for good, asks every task to stop, and returns a future that waits until they have, or
    /// until `deadline` is ready, and reports (laws 12, 13).
    ///
    /// Eager, as [`cancel`](Tasks::cancel) is: no task is added once this was called. May be called again, by several
    /// callers, and inside a task, which is then stopped as well, at its next `await`: spawn it elsewhere if it is to
    /// read the report. Each call reports the tasks that lived when it was made. Any future is a deadline; for none, use
    /// [`core::future::pending`]. O(all tasks).
    pub fn shutdown<D: Future>(&self, deadline: D) -> Shutdown<D, M> {
        self.close();
        let tasks = self.live_tasks();
        for task in &tasks {
            task.0.cancel(Some("shutdown".into()), Urgency::Own);
        }
        self.0.ended.arrived.wake_all(None);
        Shutdown::new(self, tasks, deadline)
    }

    /// Shuts the gate. Nothing is restarted any more, so what tasks keep for that goes: it may lead back to this very
    /// registry.
    fn close(&self) {
        self.0.close();
        self.0.walk(|task| drop(Remembered::take(&task)));
    }

    /// A scope: a group of tasks that are cancelled and awaited together, at a cost of their own number only.
    ///
    /// Tasks are added to it by [`TaskBuilder::within`](crate::TaskBuilder::within).
    #[must_use]
    pub fn child(&self, name: impl Into<Text>) -> Scope<M> {
        Scope::new(self.clone(), name.into())
    }

    /// Closes the registry for good and asks its tasks to stop stage by stage, the highest first, returning a future that
    /// waits for that, or until `deadline` is ready, and reports (laws 12, 13).
    ///
    /// A task's stage is 0 unless [`TaskBuilder::stage`](crate::TaskBuilder::stage) or
    /// [`Options::newest_first`](crate::Options::newest_first) says otherwise. Each stage has a budget of its own out of
    /// the one deadline, made by `budget` when its turn comes: when it is ready, the next stage is asked, and those that
    /// have not stopped are waited for beside it. So one task that hangs does not eat the time of the others. When the
    /// deadline comes all that is left is asked to stop. Eager: the gate is shut and the first stage asked when this
    /// returns; the others are while the future is polled, and all at once when it is dropped. O(all tasks), and a sort.
    ///
    /// # Panics
    ///
    /// If `budget` does for the first stage: the registry is closed then, and all tasks were asked to stop. What it panics with for a
    /// later stage comes out of the poll that calls it, and the next poll calls it again, unless that stage is the last, which has until the
    /// deadline in any case. It is not called where no task lives.
    pub fn shutdown_in_stages<D, B, F>(&self, deadline: D, budget: B) -> StagedShutdown<D, B, F, M>
    where
        D: Future,
        B: FnMut(i64) -> F,
        F: Future,
    {
        self.close();
        let tasks = self.live_tasks();
        self.0.ended.arrived.wake_all(None);
        StagedShutdown::new(self, tasks, deadline, budget)
    }

    /// Waits until no task lives: there was an instant, after this was first polled, at which none did.
    ///
    /// Cancel safe; no allocation.
    pub fn wait_idle(&self) -> WaitIdle<M> {
        WaitIdle { waiter: Waiter::new(Watch::new(self.0.clone(), |core| &core.idle), 0) }
    }

    /// Waits until a live task of this name is there; ready at once if one is. In a registry that is closed none will come,
    /// and this waits for ever.
    ///
    /// Cancel safe; no allocation, but for a name of more than 23 bytes that is not static.
    pub fn wait_for(&self, name: impl Into<Text>) -> WaitFor<M> {
        let name = name.into();
        let key = self.0.hash(&name.key());
        let watch = Watch::new(self.0.clone(), |core| &core.named);
        WaitFor { waiter: Waiter::new(watch, key), name }
    }

    /// Follows what ends, from now on: each task that lives once this has returned. O(1); in a registry that keeps no
    /// [records](crate::Retain::Nothing) O(all tasks).
    #[must_use]
    pub fn endings(&self) -> Endings<M> {
        Endings::new(self.0.clone())
    }

    /// Takes the output of a task that has ended, by its name and type (law 17). O(1).
    ///
    /// It is there while the task's handle lives and has not taken it, and where it was asked for with
    /// [`keep_result`](crate::TaskBuilder::keep_result).
    ///
    /// # Errors
    ///
    /// [`TakeError`] says what is in the way; with [`WrongType`](TakeError::WrongType) the output stays where it is.
    pub fn take_result<T>(&self, name: &str) -> Result<T, TakeError>
    where
        T: 'static,
        M: Carry<T>,
    {
        take_result(&self.get(name).ok_or(TakeError::NotFound)?.0)
    }

    /// Takes a name before there is a future: checks the name, the capacity and the gate. An ended record yields its name
    /// for good (law 6).
    ///
    /// # Errors
    ///
    /// As spawning, but for what the executor may say.
    pub fn reserve(&self, name: impl Into<Text>) -> Result<Ticket<M>, SpawnError> {
        let name = name.into();
        if name.is_empty() {
            return Err(SpawnError::EmptyName);
        }
        let (slot, handle) = self.admit(name, Policy::Fail, RESERVED | HANDLE)?;
        Ok(Ticket::new(slot, handle))
    }

    pub(crate) fn admit(
        &self,
        mut name: Text,
        policy: Policy,
        flags: u32,
    ) -> Result<(SlotRef<M>, SlotRef<M>), SpawnError> {
        self.0.admit(&mut name, policy, flags, None).map_err(NotAdmitted::into_error)
    }

    /// A guard that asks all tasks to stop when it is dropped (law 8).
    pub fn drop_guard(&self) -> TasksGuard<M> {
        TasksGuard::new(self.clone())
    }
}

impl<M: Mode> Clone for Tasks<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Mode> fmt::Debug for Tasks<M> {
    /// The counts and every task: with `{:#?}`, that is how one finds the one that is stuck.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Lines(Snapshot);
        impl fmt::Debug for Lines {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut list = f.debug_list();
                for task in &self.0 {
                    list.entry(&format_args!("{task}"));
                }
                list.finish()
            }
        }
        f.debug_struct("Tasks")
            .field("closed", &self.is_closed())
            .field("counts", &format_args!("{}", self.counts()))
            .field("tasks", &Lines(self.snapshot()))
            .finish()
    }
}

pin_project! {
    /// Waits until no task lives: what [`Tasks::wait_idle`] returns.
    #[must_use = "futures do nothing unless polled"]
    pub struct WaitIdle<M: Mode> {
        #[pin]
        waiter: Waiter<Watch<M>>,
    }
}

impl<M: Mode> Future for WaitIdle<M> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().waiter.poll_until(cx, |place| place.core.is_idle().then_some(()))
    }
}

impl<M: Mode> fmt::Debug for WaitIdle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitIdle").finish_non_exhaustive()
    }
}

pin_project! {
    /// Waits for a name: what [`Tasks::wait_for`] returns.
    #[must_use = "futures do nothing unless polled"]
    pub struct WaitFor<M: Mode> {
        #[pin]
        waiter: Waiter<Watch<M>>,
        name: Text,
    }
}

impl<M: Mode> Future for WaitFor<M> {
    type Output = TaskRef<M>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TaskRef<M>> {
        let this = self.project();
        this.waiter.poll_until(cx, |place| Tasks(place.core.clone()).get_live(this.name))
    }
}

impl<M: Mode> fmt::Debug for WaitFor<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFor").field("name", &self.name).finish_non_exhaustive()
    }
}
