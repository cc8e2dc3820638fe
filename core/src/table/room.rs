//! The room in a slot that holds the task's waker while it lives, and what it left once it has ended.
//!
//! # Invariants
//!
//! 4. `WAKER` is set while the room holds a waker; `OUTPUT` or `PANIC` while it holds a payload. At most one of them.
//! 5. The room is written by the task's wrapper, or by who reports an end for one that there never was, under the lock of the body;
//!    and, until the slot is another task's, by nobody once the end was reported. Who takes something out clears its flag, copies
//!    what is there, and does not write: nothing is ever dropped in the room.

use core::mem::ManuallyDrop;
use core::ptr;
use core::task::Waker;

use super::payload::Payload;
use crate::mode::{self, Mode, UnsafeCell};
use crate::slot::{Body, CANCEL, OUTPUT, PANIC, Slot, WAKER};
use crate::unwind::Panic;

pub(super) union Room {
    nothing: (),
    waker: ManuallyDrop<Waker>,
    payload: ManuallyDrop<Payload>,
}

impl Room {
    pub(super) const fn new() -> Self {
        Self { nothing: () }
    }
}

/// # Safety
///
/// The room holds a waker, and its flag was cleared by the caller.
#[inline]
unsafe fn waker(room: &UnsafeCell<Room>) -> Waker {
    // SAFETY: the caller says so.
    ManuallyDrop::into_inner(unsafe { ptr::read(&raw const (*mode::reading(room)).waker) })
}

/// # Safety
///
/// The room holds a payload, and its flag was cleared by the caller.
#[inline]
unsafe fn payload(room: &UnsafeCell<Room>) -> Payload {
    // SAFETY: the caller says so.
    ManuallyDrop::into_inner(unsafe { ptr::read(&raw const (*mode::reading(room)).payload) })
}

/// The waker. `Body` is always this slot's.
impl<M: Mode> Slot<M> {
    /// Whether the slot holds this waker. For the task's wrapper alone, which needs no lock for it: nobody else writes to the room
    /// while it lives (invariant 5). A waker that was taken out since leaves its bits there, which are only compared; who took it
    /// has set a flag before, which makes the wrapper put it there again: see `tracked`.
    #[inline]
    pub(super) fn has_waker(&self, waker: &Waker) -> bool {
        // While it is stopping others take the waker out again and again.
        if self.flags() & (CANCEL | WAKER) != WAKER {
            return false;
        }
        // SAFETY: as just said.
        unsafe { (*mode::reading(&self.home.room)).waker.will_wake(waker) }
    }

    /// Leaves a waker where cancellers find it; returns the one that was there.
    #[inline]
    pub(super) fn put_waker(&self, body: &mut Body<M>, waker: Waker) -> Option<Waker> {
        let old = self.take_waker(body);
        // SAFETY: this is the wrapper, the body is locked, and the room is empty now (invariants 4 and 5).
        unsafe { (*self.home.room.get()).waker = ManuallyDrop::new(waker) };
        self.set_locked(WAKER);
        old
    }

    #[inline]
    pub(crate) fn take_waker(&self, _: &mut Body<M>) -> Option<Waker> {
        if self.flags() & WAKER == 0 {
            return None;
        }
        self.clear_locked(WAKER);
        // SAFETY: the body is locked, and the flag was set.
        Some(unsafe { waker(&self.home.room) })
    }
}

/// The payload. `Body` is always this slot's.
impl<M: Mode> Slot<M> {
    /// Leaves an output, or a panic, to whoever comes for it. The waker was taken out.
    #[inline]
    pub(super) fn leave_payload(&self, _: &mut Body<M>, payload: Payload, output: bool) {
        // SAFETY: the body is locked, and the room is empty (invariants 4 and 5).
        unsafe { (*self.home.room.get()).payload = ManuallyDrop::new(payload) };
        self.set_alone(if output { OUTPUT } else { PANIC });
    }

    /// Takes the output, if there is one and nobody else does.
    #[inline]
    pub(crate) fn take_output(&self) -> Option<Payload> {
        let taken = self.flags() & OUTPUT != 0 && self.clear(OUTPUT) & OUTPUT != 0;
        // SAFETY: of all who come for it one clears the flag, which was set after the payload was written.
        taken.then(|| unsafe { payload(&self.home.room) })
    }

    /// The same of an output that is a `T`, which goes from the slot to the caller and nowhere in between: what was written in one
    /// go a moment ago is not read in another, for which a processor would have to wait.
    #[inline]
    pub(crate) fn take_output_of<T: 'static>(&self) -> Option<T> {
        if self.flags() & OUTPUT == 0 {
            return None;
        }
        // SAFETY: as in `output_is`.
        let payload = unsafe { &(*mode::reading(&self.home.room)).payload };
        let taken = payload.is::<T>() && self.clear(OUTPUT) & OUTPUT != 0;
        // SAFETY: as in `take_output`; it is a `T`, and nothing is ever dropped in the room (invariant 5).
        taken.then(|| unsafe { payload.read() })
    }

    /// Whether there is an output and it is a `T`. It may be taken meanwhile, by who has it from then on.
    pub(crate) fn output_is<T: 'static>(&self, _: &mut Body<M>) -> Option<bool> {
        if self.flags() & OUTPUT == 0 {
            return None;
        }
        // SAFETY: the flag was set after the payload was written, and the slot is this task's while the caller refers to it; so
        // nobody writes there (invariant 5). Of a payload that was taken meanwhile the bits are still there, of which this reads
        // `kind` alone: of what it owns nothing.
        Some(unsafe { (*mode::reading(&self.home.room)).payload.is::<T>() })
    }

    /// Takes what the task panicked with.
    pub(crate) fn take_panic(&self, _: &mut Body<M>) -> Option<Panic> {
        if self.flags() & PANIC == 0 || self.clear(PANIC) & PANIC == 0 {
            return None;
        }
        // SAFETY: the body is locked, and the flag was set.
        unsafe { payload(&self.home.room) }.take().ok()
    }

    /// Empties the room of a slot that nobody can reach any more.
    #[cold]
    pub(super) fn empty(&mut self) -> (Option<Waker>, Option<Payload>) {
        let flags = self.flags();
        // SAFETY: invariant 4.
        unsafe {
            let waker = (flags & WAKER != 0).then(|| waker(&self.home.room));
            let payload = (flags & (OUTPUT | PANIC) != 0).then(|| payload(&self.home.room));
            (waker, payload)
        }
    }
}
