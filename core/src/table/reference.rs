use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;

use super::CoreRef;
use crate::mode::{Lock, Mode, Shared, Word};
use crate::slot::{Slot, UNLISTED};
use crate::unwind::contain;

/// A counted reference to a slot: while there is one the slot stays this task's, and its table stands.
pub(crate) struct SlotRef<M: Mode>(NonNull<Slot<M>>);

// SAFETY: a slot's content is behind the locks and words of its mode; see `CoreRef`.
unsafe impl<M: Shared> Send for SlotRef<M> {}
// SAFETY: as above.
unsafe impl<M: Shared> Sync for SlotRef<M> {}

impl<M: Mode> SlotRef<M> {
    /// # Safety
    ///
    /// The slot's `refs` counts this reference already, and its shard holds the table.
    pub(crate) unsafe fn from_counted(slot: NonNull<Slot<M>>) -> Self {
        Self(slot)
    }

    pub(super) fn as_ptr(&self) -> NonNull<Slot<M>> {
        self.0
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<M: Mode> Deref for SlotRef<M> {
    type Target = Slot<M>;
    #[inline]
    fn deref(&self) -> &Slot<M> {
        // SAFETY: invariants 1 to 3 of `table`: a slot that is referred to stands.
        unsafe { self.0.as_ref() }
    }
}

/// From here on a slot's references are no longer counted: it is never used again. Only code that leaks references by
/// the billion comes here, and must not come round to nought.
const SATURATED: u32 = 1 << 31;

/// Counts one more reference to a slot that has some, or whose shard's lock is held.
pub(super) fn count<M: Mode>(slot: &Slot<M>) {
    if slot.refs.add(1) >= SATURATED {
        slot.refs.store(SATURATED + SATURATED / 2);
    }
}

impl<M: Mode> Clone for SlotRef<M> {
    fn clone(&self) -> Self {
        count(self);
        Self(self.0)
    }
}

impl<M: Mode> Drop for SlotRef<M> {
    #[inline]
    fn drop(&mut self) {
        let more = |refs| match refs {
            0 | 1 => None,
            SATURATED.. => Some(refs),
            _ => Some(refs - 1),
        };
        if !self.refs.update(more) {
            release(self.0);
        }
    }
}

/// Gives up what may be the last reference, under the shard's lock, where no new one can come in between.
#[inline(never)]
fn release<M: Mode>(pointer: NonNull<Slot<M>>) {
    let (garbage, keep): (_, Option<CoreRef<M>>) = {
        // SAFETY: the reference that is given up is still counted.
        let slot = unsafe { pointer.as_ref() };
        let core = slot.core();
        let (shard, _) = core.split(slot.home.place);
        core.shards[shard].lock.with(|inner| {
            if slot.refs.sub(1) != 1 {
                return (None, None);
            }
            // SAFETY: the shard's lock is held.
            let shelf = unsafe { &mut *slot.shelf.get() };
            if slot.flags() & UNLISTED != 0 && core::mem::take(&mut shelf.record) {
                inner.unname(core, pointer);
            }
            let garbage = (!shelf.record).then(|| inner.free(core, pointer));
            inner.referred -= 1;
            (garbage, if inner.referred == 0 { inner.keep.take() } else { None })
        })
    };
    contain(|| drop(garbage));
    // This may be the last of the table: nothing may be borrowed from it any more.
    drop(keep);
}

impl<M: Mode> fmt::Debug for SlotRef<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SlotRef").field(&self.id()).finish()
    }
}
