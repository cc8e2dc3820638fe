use core::fmt;

use crate::mode::Mode;
use crate::{CancellingAll, Tasks};

/// Asks all tasks of a registry to stop when it is dropped. Made by [`Tasks::drop_guard`].
///
/// Without one, dropping the last clone of a registry lets its tasks run on (law 8).
#[must_use = "all tasks are asked to stop as soon as the guard is dropped"]
pub struct TasksGuard<M: Mode> {
    tasks: Tasks<M>,
    armed: bool,
}

impl<M: Mode> TasksGuard<M> {
    pub(crate) fn new(tasks: Tasks<M>) -> Self {
        Self { tasks, armed: true }
    }

    /// Asks all tasks to stop; the returned future waits until they have. O(all tasks).
    pub fn stop(mut self) -> CancellingAll<M> {
        self.armed = false;
        self.tasks.cancel_all()
    }

    /// Lets the tasks run on.
    pub fn disarm(mut self) {
        self.armed = false;
    }
}

impl<M: Mode> Drop for TasksGuard<M> {
    fn drop(&mut self) {
        if self.armed {
            self.tasks.cancel_all();
        }
    }
}

impl<M: Mode> fmt::Debug for TasksGuard<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TasksGuard").field("armed", &self.armed).finish_non_exhaustive()
    }
}
