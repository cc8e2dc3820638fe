//! References to the slots of a growing table: each keeps its slot, and all of a shard's together the table.

use core::mem::take;
use core::ptr::NonNull;

use super::CoreRef;
use crate::mode::{Lock, Mode, Word};
use crate::slot::{Slot, UNLISTED};
use crate::unwind::contain;

/// Gives up what may be the last reference, under the shard's lock, where no new one can come in between.
#[inline(never)]
pub(super) fn release<M: Mode>(pointer: NonNull<Slot<M>>) {
    let (garbage, keep): (_, Option<CoreRef<M>>) = {
        // SAFETY: the reference that is given up is still counted.
        let slot = unsafe { pointer.as_ref() };
        let core = slot.core();
        let (shard, _) = core.split(slot.home.place);
        core.shards[shard].lock.with(|inner| {
            // The last one is alone with the lock, and counts without an atomic operation.
            match slot.refs.load() {
                1 => slot.refs.store(0),
                _ if slot.refs.sub(1) != 1 => return (None, None),
                _ => {}
            }
            // SAFETY: the shard's lock is held.
            let shelf = unsafe { &mut *slot.home.shelf.get() };
            if slot.flags() & UNLISTED != 0 && take(&mut shelf.record) {
                inner.unname(core, pointer);
            }
            let garbage = if shelf.record { None } else { inner.memory.free(core, pointer) };
            inner.referred -= 1;
            (garbage, if inner.referred == 0 { inner.keep.take() } else { None })
        })
    };
    if let Some(garbage) = garbage {
        contain(|| drop(garbage));
    }
    // This may be the last of the table: nothing may be borrowed from it any more.
    drop(keep);
}
