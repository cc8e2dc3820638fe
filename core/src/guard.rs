#[cfg(feature = "alloc")]
mod all;

use core::fmt;
use core::future::Future;

#[cfg(feature = "alloc")]
pub use all::TasksGuard;

use crate::mode::Storage;
use crate::slot::Urgency;
use crate::{Cancel, Cancelling, TaskRef};

/// Asks its task to stop when it is dropped: for work that must not outlive a scope, such as a connection's handler.
///
/// A destructor cannot wait: [`stop`](DropGuard::stop) asks and returns a future that does. Dropping that future in
/// turn undoes nothing (law 1). Made by [`TaskRef::drop_guard`].
#[must_use = "the task is asked to stop as soon as the guard is dropped"]
pub struct DropGuard<M: Storage> {
    task: TaskRef<M>,
    armed: bool,
}

impl<M: Storage> DropGuard<M> {
    pub(crate) fn new(task: TaskRef<M>) -> Self {
        Self { task, armed: true }
    }

    /// The guarded task.
    #[must_use]
    pub fn task(&self) -> &TaskRef<M> {
        &self.task
    }

    /// Asks the task to stop; the returned future waits until it has.
    pub fn stop(mut self) -> Cancelling<M> {
        self.armed = false;
        self.task.cancel()
    }

    /// [`stop`](DropGuard::stop) with a reason, or a grace: as [`TaskRef::cancel_with`].
    pub fn stop_with<G: Future>(
        mut self,
        cancel: impl Into<Cancel<G, M::Reason>>,
    ) -> Cancelling<M, G> {
        self.armed = false;
        self.task.cancel_with(cancel)
    }

    /// Lets the task run on.
    pub fn disarm(mut self) -> TaskRef<M> {
        self.armed = false;
        self.task.clone()
    }
}

impl<M: Storage> Drop for DropGuard<M> {
    fn drop(&mut self) {
        if self.armed {
            self.task.0.cancel(M::Reason::default(), Urgency::Own);
        }
    }
}

impl<M: Storage> fmt::Debug for DropGuard<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DropGuard").field("task", &self.task).finish_non_exhaustive()
    }
}
