//! Who keeps a table: the registries that lead to it, and, once there are none, its shards (invariant 2).

use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;

use super::Core;
use crate::mode::{Lock, Mode, Shared, Word};
use crate::slot::{SATURATED, count};
use crate::unwind::guarded;

/// The table, shared: what a registry is.
pub(crate) struct CoreRef<M: Mode>(NonNull<Core<M>>);

// SAFETY: everything in a table is behind the locks and words of its mode, which a `Shared` mode makes of what may
// be used by several threads; what the slots carry from one thread to another is argued in `payload`.
unsafe impl<M: Shared> Send for CoreRef<M> {}
// SAFETY: as above.
unsafe impl<M: Shared> core::marker::Sync for CoreRef<M> {}

impl<M: Mode> Clone for CoreRef<M> {
    fn clone(&self) -> Self {
        count(&self.keepers);
        Self(self.0)
    }
}

impl<M: Mode> Deref for CoreRef<M> {
    type Target = Core<M>;
    #[inline]
    fn deref(&self) -> &Core<M> {
        // SAFETY: this keeps the table.
        unsafe { self.0.as_ref() }
    }
}

impl<M: Mode> Drop for CoreRef<M> {
    fn drop(&mut self) {
        // Of those that were leaked by the billion nobody knows which is the last.
        if self.keepers.load() < SATURATED && self.keepers.sub(1) == 1 {
            Core::retire(self.0);
        }
    }
}

impl<M: Mode> CoreRef<M> {
    /// The first that leads to a table, which keeps its own memory from now on.
    pub(super) fn first(own: M::Ptr<Core<M>>) -> Self {
        let core = Self(NonNull::from(&*own));
        core.keepers.store(1);
        core.own.set(Some(own));
        core
    }
}

impl<M: Mode> fmt::Debug for CoreRef<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("registry", &self.number).finish_non_exhaustive()
    }
}

impl<M: Mode> Core<M> {
    /// Leaves the table to its tasks: nobody can look one up any more, or add one. O(records), and a pass over the shards.
    #[cold]
    fn retire(core: NonNull<Self>) {
        // SAFETY: the last registry kept the table until now, and nobody else lets go of it before the tasks have it.
        let table = unsafe { core.as_ref() };
        // A keeper of its own, until all shards have been told.
        table.keepers.store(1);
        table.ended.close();
        let hand_over = || {
            for shard in &table.shards {
                shard.lock.with(|inner| {
                    if inner.memory.retire() {
                        // Under this lock, so that it is counted before it leaves.
                        table.keepers.add(1);
                    }
                });
            }
            Self::leave(core);
        };
        let forget = || {
            table.purge();
        };
        guarded(forget, || {
            forget();
            hand_over();
        });
        hand_over();
    }

    /// Gives up what kept the table, which may have been all that did: the caller has borrowed nothing from it any more.
    pub(super) fn leave(core: NonNull<Self>) {
        // SAFETY: it is still kept.
        let table = unsafe { core.as_ref() };
        if table.keepers.sub(1) == 1 {
            drop(table.own.take());
        }
    }
}
