//! References to the slots of a growing table: each keeps its slot, and all of a shard's together the table.

use core::ptr::NonNull;

use super::extras::Garbage;
use super::shard::Inner;
use super::{Core, CoreRef, slot};
use crate::mode::{Lock, Mode, Word};
use crate::slot::{RECORD, Slot, UNLISTED};

/// Gives up what may be the last reference, under the shard's lock, where no new one can come in between.
#[inline(never)]
pub(super) fn release<M: Mode>(pointer: NonNull<Slot<M>>) {
    let mut garbage = Garbage::none();
    let keep: Option<CoreRef<M>> = {
        // SAFETY: the reference that is given up is still counted.
        let slot = unsafe { pointer.as_ref() };
        slot.shard().lock.with(|inner| {
            // The last one is alone with the lock, and counts without an atomic operation.
            match slot.refs.load() {
                1 => slot.refs.store(0),
                _ if slot.refs.sub(1) != 1 => return None,
                _ => {}
            }
            if slot.flags() & (UNLISTED | RECORD) != RECORD {
                free(slot.core(), pointer, inner, &mut garbage);
            }
            inner.referred -= 1;
            if inner.referred == 0 { inner.keep.take() } else { None }
        })
    };
    garbage.drop();
    // This may be the last of the table: nothing may be borrowed from it any more.
    drop(keep);
}

/// Takes back a slot that nobody refers to and that has no record, or only one to be found by who refers to it.
// Not compiled into a release, which mostly leaves a record.
#[inline(never)]
fn free<M: Mode>(
    core: &Core<M>,
    pointer: NonNull<Slot<M>>,
    inner: &mut Inner<M>,
    garbage: &mut Garbage<M>,
) {
    if slot(&pointer).flags() & RECORD != 0 {
        inner.unname(core, pointer);
    }
    inner.memory.free(core, pointer, garbage);
}
