//! References to the slots of a growing table: each keeps its slot, and all of a shard's together the table.

use core::ptr::NonNull;

use super::CoreRef;
use super::extras::Garbage;
use crate::mode::{Lock, Mode, Word};
use crate::slot::{RECORD, Slot, UNLISTED};

/// Gives up what may be the last reference, under the shard's lock, where no new one can come in between.
#[inline(never)]
pub(super) fn release<M: Mode>(pointer: NonNull<Slot<M>>) {
    let mut garbage = Garbage::none();
    let keep: Option<CoreRef<M>> = {
        // SAFETY: the reference that is given up is still counted.
        let slot = unsafe { pointer.as_ref() };
        let core = slot.core();
        slot.shard().lock.with(|inner| {
            // The last one is alone with the lock, and counts without an atomic operation.
            match slot.refs.load() {
                1 => slot.refs.store(0),
                _ if slot.refs.sub(1) != 1 => return None,
                _ => {}
            }
            let flags = slot.flags();
            if flags & (UNLISTED | RECORD) == UNLISTED | RECORD {
                inner.unname(core, pointer);
            }
            if flags & UNLISTED != 0 || flags & RECORD == 0 {
                inner.memory.free(core, pointer, &mut garbage);
            }
            inner.referred -= 1;
            if inner.referred == 0 { inner.keep.take() } else { None }
        })
    };
    garbage.drop();
    // This may be the last of the table: nothing may be borrowed from it any more.
    drop(keep);
}
