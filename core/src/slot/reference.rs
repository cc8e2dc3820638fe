use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;

use super::Slot;
use crate::mode::{AnyThread, Storage, Word};

/// A counted reference to a slot: while there is one the slot stays this task's, and its table stands.
pub(crate) struct SlotRef<M: Storage> {
    slot: NonNull<Slot<M>>,
    table: M::Table,
}

// SAFETY: a slot's content is behind the locks and words of its mode, which a shared mode makes of what may be used by
// several threads; what the slots carry from one thread to another is argued in `table::payload`.
unsafe impl<M: Storage + AnyThread> Send for SlotRef<M> {}
// SAFETY: as above.
unsafe impl<M: Storage + AnyThread> Sync for SlotRef<M> {}

impl<M: Storage> SlotRef<M> {
    /// # Safety
    ///
    /// The slot's `refs` counts this reference already, and the slot and its table stand as long as it does.
    pub(crate) unsafe fn from_counted(slot: NonNull<Slot<M>>, table: M::Table) -> Self {
        Self { slot, table }
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn as_ptr(&self) -> NonNull<Slot<M>> {
        self.slot
    }

    pub(crate) fn table(&self) -> M::Table {
        self.table
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.slot == other.slot
    }
}

impl<M: Storage> Deref for SlotRef<M> {
    type Target = Slot<M>;
    #[inline]
    fn deref(&self) -> &Slot<M> {
        // SAFETY: a slot that is referred to stands (`from_counted`).
        unsafe { self.slot.as_ref() }
    }
}

/// From here on a slot's references are no longer counted: it is never used again. Only code that leaks references by
/// the billion comes here, and must not come round to nought.
pub(crate) const SATURATED: u32 = 1 << 31;

/// Counts one more reference.
#[inline]
pub(crate) fn count(refs: &impl Word) {
    if refs.add(1) >= SATURATED {
        refs.store(SATURATED + SATURATED / 2);
    }
}

impl<M: Storage> Slot<M> {
    /// Counts one more reference to a slot that has some, or whose table, or shard of it, is locked.
    #[inline]
    pub(crate) fn count(&self) {
        count(&self.refs);
    }
}

impl<M: Storage> Clone for SlotRef<M> {
    #[inline]
    fn clone(&self) -> Self {
        self.count();
        Self { slot: self.slot, table: self.table }
    }
}

impl<M: Storage> Drop for SlotRef<M> {
    #[inline]
    fn drop(&mut self) {
        M::release(self);
    }
}

impl<M: Storage> fmt::Debug for SlotRef<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SlotRef").field(&M::id(self)).finish()
    }
}
