use alloc::boxed::Box;
use core::any::Any;

use crate::arc::Arc;
use crate::unwind::{Contained, catch, contain, into_any};
use crate::{Outcome, TaskInfo};

/// Is told what happens to the tasks of a registry: give one to [`Options::observer`](crate::Options::observer).
///
/// Every method does nothing unless you write it. All of them are called outside every lock (law 9), so they may use the
/// registry in any way but one: they must not wait for the task they are told of. Each call is contained: what it panics
/// with is dropped, and neither the task nor whoever caused the call notices (law 14). Without std nothing can be caught:
/// there an observer must not panic.
///
/// # What is certain
///
/// - Of one task an observer is told in this order: [`added`](Observer::added), [`started`](Observer::started) if it was
///   ever polled, [`stopping`](Observer::stopping) if it was asked to stop, [`ended`](Observer::ended). Each at most once,
///   the first and the last always: also for a ticket that was never used, which was added and ends as
///   [`NeverStarted`](Outcome::NeverStarted) (laws 12, 13). A task that ends while `stopping` is told of it ends after that.
/// - Calls about one task never overlap; calls about several do, where several threads use the registry. If something
///   happens to a task while a call about it is under way, also from inside that call, the thread that makes the call makes
///   the next one; the task then ends, and its name is free, when that has been made.
/// - `ended` returns before anybody can see the end, and before anybody is woken by it: who has awaited a task finds its
///   end counted. So while `ended` runs the task is still listed as live, and still has its name: a successor is spawned
///   with [`Replace`](crate::conflict::Replace), and starts when `ended` has returned.
///
/// # Cost
///
/// Without an observer: a branch where a task is added, started, first asked to stop, or ends, and one per poll. Nothing is
/// cloned or allocated. With one, each task allocates once, and each call is given a copy of what is known of the task.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use task_registry_core::{Observer, Options, Outcome, TaskInfo};
///
/// #[derive(Default)]
/// struct Failures(AtomicUsize);
///
/// impl Observer for Failures {
///     fn ended(&self, task: &TaskInfo, outcome: &Outcome) {
///         if outcome.is_failed() || outcome.is_panicked() {
///             self.0.fetch_add(1, Ordering::Relaxed);
///             eprintln!("{task}");
///         }
///     }
/// }
///
/// let options = Options::new().observer(Failures::default());
/// ```
pub trait Observer: Send + Sync {
    /// The task has its place, and its name if it is to have one. Its future, if that is there already, has not been given to
    /// the executor.
    fn added(&self, task: &TaskInfo) {
        let _ = task;
    }

    /// The task's first poll comes: called on its executor.
    fn started(&self, task: &TaskInfo) {
        let _ = task;
    }

    /// The task was asked to stop for the first time, for this reason.
    fn stopping(&self, task: &TaskInfo, reason: Option<&str>) {
        let _ = (task, reason);
    }

    /// The task's future is gone and its cleanup over; [`TaskInfo::cleanup`] says how that went.
    fn ended(&self, task: &TaskInfo, outcome: &Outcome) {
        let _ = (task, outcome);
    }

    /// A task panicked with this, and nobody else takes it (law 14): its handle is gone, or never had a claim to it because
    /// the task had returned before, or because it was the cleanup that panicked. What is returned goes to the next
    /// observer, or is dropped.
    ///
    /// Comes after `ended` if this is what ended the task; of a task that was asked to stop before its first poll, whose future's
    /// destructor panics, without `started` before it. Never called without std.
    fn unclaimed_panic(
        &self,
        task: &TaskInfo,
        payload: Box<dyn Any + Send>,
    ) -> Option<Box<dyn Any + Send>> {
        let _ = task;
        Some(payload)
    }

    /// What to enter around each poll of this task, if anything: a span, a stopwatch.
    ///
    /// Called once for each task, by the thread that adds it and before its future is given to the executor. What is returned
    /// is dropped after `ended`.
    fn around_polls(&self, task: &TaskInfo) -> Option<Arc<dyn AroundPoll>> {
        let _ = task;
        None
    }
}

/// Something to enter before a task runs and to leave after: what [`Observer::around_polls`] may return.
///
/// Around each poll of the task's future and of its cleanup, and around the destructors of both, on the thread that runs
/// them. Calls are contained as an [`Observer`]'s are. Costs the task, at each poll, a lock that is hardly ever
/// contended and two counts; tasks without do not pay for it.
pub trait AroundPoll: Send + Sync {
    /// The executor's thread is about to run the task.
    fn enter(&self);

    /// It has run, or panicked. Follows each [`enter`](AroundPoll::enter), on the same thread.
    fn exit(&self);
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn added(&self, task: &TaskInfo) {
        (**self).added(task);
    }
    fn started(&self, task: &TaskInfo) {
        (**self).started(task);
    }
    fn stopping(&self, task: &TaskInfo, reason: Option<&str>) {
        (**self).stopping(task, reason);
    }
    fn ended(&self, task: &TaskInfo, outcome: &Outcome) {
        (**self).ended(task, outcome);
    }
    fn unclaimed_panic(
        &self,
        task: &TaskInfo,
        payload: Box<dyn Any + Send>,
    ) -> Option<Box<dyn Any + Send>> {
        (**self).unclaimed_panic(task, payload)
    }
    fn around_polls(&self, task: &TaskInfo) -> Option<Arc<dyn AroundPoll>> {
        (**self).around_polls(task)
    }
}

/// Both are told, the first one first; entered in this order, left in the other. A panic of one is kept from the other, but
/// for what [`unclaimed_panic`](Observer::unclaimed_panic) of the first throws: the second is given that in place of what
/// the first was given, which is gone. Their destructors are those of a tuple: if both panic the program aborts.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn added(&self, task: &TaskInfo) {
        contain(|| self.0.added(task));
        self.1.added(task);
    }
    fn started(&self, task: &TaskInfo) {
        contain(|| self.0.started(task));
        self.1.started(task);
    }
    fn stopping(&self, task: &TaskInfo, reason: Option<&str>) {
        contain(|| self.0.stopping(task, reason));
        self.1.stopping(task, reason);
    }
    fn ended(&self, task: &TaskInfo, outcome: &Outcome) {
        contain(|| self.0.ended(task, outcome));
        self.1.ended(task, outcome);
    }
    fn unclaimed_panic(
        &self,
        task: &TaskInfo,
        payload: Box<dyn Any + Send>,
    ) -> Option<Box<dyn Any + Send>> {
        let payload = match catch(|| self.0.unclaimed_panic(task, payload)) {
            Ok(payload) => payload?,
            // What it was given is gone. What it threw is a panic of this task's that nobody took, if not the same.
            Err(panic) => into_any(panic),
        };
        self.1.unclaimed_panic(task, payload)
    }
    fn around_polls(&self, task: &TaskInfo) -> Option<Arc<dyn AroundPoll>> {
        let (mut first, mut second) = (None, None);
        contain(|| first = self.0.around_polls(task));
        contain(|| second = self.1.around_polls(task));
        match (first, second) {
            (Some(first), Some(second)) => {
                let both: Box<dyn AroundPoll> =
                    Box::new(Both(Contained::new(first), Contained::new(second)));
                Some(both.into())
            }
            (first, second) => first.or(second),
        }
    }
}

/// What a pair of observers wants entered.
struct Both(Contained<Arc<dyn AroundPoll>>, Contained<Arc<dyn AroundPoll>>);

impl AroundPoll for Both {
    fn enter(&self) {
        contain(|| self.0.get().enter());
        self.1.get().enter();
    }
    fn exit(&self) {
        contain(|| self.1.get().exit());
        self.0.get().exit();
    }
}

/// The place for an observer in the options.
#[derive(Clone, Default)]
pub(crate) struct Observed(Option<Arc<dyn Observer>>);

impl Observed {
    pub(crate) fn by(observer: impl Observer + 'static) -> Self {
        let observer: Box<dyn Observer> = Box::new(observer);
        Self(Some(observer.into()))
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&dyn Observer> {
        self.0.as_deref()
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        // The last one may go with a table, in whatever code lets go of that.
        let observer = self.0.take();
        if observer.is_some() {
            contain(|| drop(observer));
        }
    }
}

impl core::fmt::Debug for Observed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(if self.0.is_some() { "Some(..)" } else { "None" })
    }
}
