#[cfg(feature = "alloc")]
mod spawn;

use core::fmt;

#[cfg(feature = "alloc")]
pub use spawn::Run;
#[cfg(feature = "alloc")]
pub(crate) use spawn::launch;

use crate::mode::Storage;
use crate::slot::SlotRef;
use crate::{SpawnError, TaskId, TaskRef};

/// A place in a registry, its name taken, waiting for a future: what [`Tasks::reserve`](crate::Tasks::reserve) gives.
///
/// Until then the task is listed as queued, and counts as live. Dropping the ticket gives the place back and leaves no
/// record; who waits for the task learns that it [never started](crate::Outcome::NeverStarted). A ticket that is
/// cancelled ends at once, and refuses the future that comes later.
///
#[cfg_attr(feature = "alloc", doc = include_str!("ticket/example.md"))]
#[must_use = "an unused ticket gives its place back"]
pub struct Ticket<M: Storage> {
    /// For the wrapper. `None` once it has it.
    slot: Option<SlotRef<M>>,
    task: TaskRef<M>,
}

impl<M: Storage> Ticket<M> {
    pub(crate) fn new(slot: SlotRef<M>, handle: SlotRef<M>) -> Self {
        Self { slot: Some(slot), task: TaskRef(handle) }
    }

    /// The id that the task will have.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.task.id()
    }

    /// The name that the task will have, if it is to have one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.task.name()
    }

    /// The task, to wait for or to cancel.
    #[must_use]
    pub fn task(&self) -> &TaskRef<M> {
        &self.task
    }

    /// The reference for the wrapper of the future that now comes.
    pub(crate) fn claim(&mut self) -> Result<SlotRef<M>, SpawnError> {
        self.task.0.claim()?;
        self.slot.take().ok_or(SpawnError::Cancelled)
    }
}

impl<M: Storage> Drop for Ticket<M> {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            slot.withdraw();
        }
    }
}

impl<M: Storage> fmt::Debug for Ticket<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.task).finish()
    }
}
