//! References to the slots of a growing table: each keeps its slot, and thereby the table.

use core::ptr::NonNull;

use super::extras::Garbage;
use super::{Core, slot};
use crate::mode::{Lock, Mode, Word};
use crate::slot::{SATURATED, Slot, SlotRef, UNLISTED};
use crate::unwind::in_turn;

/// Gives up a reference.
#[inline]
pub(super) fn release<M: Mode>(task: &SlotRef<M>) {
    let fewer = |refs| match refs {
        SATURATED.. => Some(refs),
        refs if is_last(task, refs) => None,
        refs => Some(refs - 1),
    };
    if !task.refs.update(fewer) {
        release_last(task.as_ptr());
    }
}

/// Whether none would be left but, if it has none to be listed, that of the record.
#[inline]
fn is_last<M: Mode>(task: &Slot<M>, refs: u32) -> bool {
    // Whoever ended the task referred to it then: so `UNLISTED` is seen where that one's reference is no longer counted.
    refs == 1 || refs == 2 && task.flags() & UNLISTED != 0
}

/// Gives up what may be the last reference, under the shard's lock, where no new one can come in between.
#[inline(never)]
fn release_last<M: Mode>(pointer: NonNull<Slot<M>>) {
    let mut garbage = Garbage::none();
    // As pointers: once the shard is let go of, another thread may free the slot and the table, and no reference is to outlive
    // what it leads to, used or not.
    let core = NonNull::from(slot(&pointer).core());
    let done = slot(&pointer).shard().lock.with(|inner| {
        // SAFETY: the reference that is given up here has kept the table until now, and the shard is locked.
        let (task, core) = (slot(&pointer), unsafe { core.as_ref() });
        if !is_last(task, task.refs.sub(1)) {
            return false;
        }
        if task.flags() & UNLISTED != 0 {
            inner.unname(core, pointer);
        }
        inner.memory.free(core, pointer, &mut garbage);
        inner.memory.is_done()
    });
    in_turn! {
        garbage.drop();
        if done {
            Core::leave(core);
        };
    }
}
