//! What a task's handle keeps of the executor's own handle, its type forgotten.
//!
//! A word of it lies in the slot, for which there is room, so that the task's handle is as small as it would be without. Of which
//! type it is, the table knows, which keeps handles of one type: that of the first spawner that has one kept.
//!
//! # Invariants
//!
//! 6. While a typed handle's `HAS_HANDLE` is set, the word in its slot is an executor's handle of the table's type, which is that
//!    typed handle's own. There is one typed handle for a task, and only it touches the word.
//! 7. A table's type is set once, by the first handle that is kept, and never changed ([`Parts::keeps`](crate::mode::Parts)).

use core::any::TypeId;
use core::fmt;
use core::mem::{ManuallyDrop, MaybeUninit};

use crate::JoinHandle;
use crate::mode::{Mode, reading};
use crate::slot::SlotRef;
use crate::unwind::contain;

pub(crate) type Bits = MaybeUninit<*mut ()>;

/// What type of handle is in a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    type_id: TypeId,
    /// Detaches it.
    ///
    /// # Safety
    ///
    /// There is one of this type in the word, which the caller owns and does not use again.
    detach: unsafe fn(Bits),
}

impl PartialEq for Kind {
    /// Whether it is the same type. There may be several functions for one.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.type_id == other.type_id
    }
}

/// An executor's handle of a task, kept until the [`TaskHandle`](crate::TaskHandle) has what it waits for, or goes, and detached
/// then: see [`JoinHandle::keep`].
pub struct Kept {
    word: Bits,
    kind: Option<Kind>,
}

// SAFETY: what is kept is `Send`, which `new` asks for.
unsafe impl Send for Kept {}
// SAFETY: nothing can be done with a reference to it.
unsafe impl Sync for Kept {}

impl Kept {
    /// Nothing: what was there has been detached.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { word: Bits::uninit(), kind: None }
    }

    /// Keeps a handle that is no larger than a pointer; a larger one is detached at once.
    #[inline]
    #[must_use = "what is kept is detached when this is dropped"]
    pub fn new<H: JoinHandle + Send + 'static>(handle: H) -> Self {
        if size_of::<H>() > size_of::<Bits>() || align_of::<H>() > align_of::<Bits>() {
            handle.detach();
            return Self::nothing();
        }
        let mut word = Bits::uninit();
        // SAFETY: the handle fits, as was just seen.
        unsafe { word.as_mut_ptr().cast::<H>().write(handle) };
        Self { word, kind: Some(Kind { type_id: TypeId::of::<H>(), detach: detach::<H> }) }
    }
}

/// As [`Kind::detach`].
unsafe fn detach<H: JoinHandle>(word: Bits) {
    // SAFETY: the caller says so.
    unsafe { word.as_ptr().cast::<H>().read() }.detach();
}

impl Drop for Kept {
    #[inline]
    fn drop(&mut self) {
        if let Some(kind) = self.kind {
            // SAFETY: `new` has put a handle of this type in the word, and nobody else takes it out.
            contain(|| unsafe { (kind.detach)(self.word) });
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.kind.is_some()).finish()
    }
}

/// What a typed handle still has to let go of: its claim to the output, the executor's handle. A byte, and part of that handle, of
/// which there is one for a slot.
pub(crate) struct Claim(u8);

/// The output may be there to be taken, or come.
const TO_OUTPUT: u8 = 1;
/// Invariant 6.
const HAS_HANDLE: u8 = 2;

impl Claim {
    pub(crate) const fn to_output() -> Self {
        Self(TO_OUTPUT)
    }

    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        self.0 != 0
    }

    #[inline]
    pub(crate) fn has_output(&self) -> bool {
        self.0 & TO_OUTPUT != 0
    }

    /// It was taken, or somebody else has the claim now.
    #[inline]
    pub(crate) fn forget_output(&mut self) {
        self.0 &= !TO_OUTPUT;
    }

    /// Puts the executor's handle in the slot. Where the table keeps none, or those of another type, it is detached.
    #[inline]
    pub(crate) fn keep<M: Mode>(&mut self, slot: &SlotRef<M>, kept: Kept) {
        if let Some(kind) = kept.kind {
            self.keep_some(slot, kept, kind);
        }
    }

    // Not compiled into a spawn, which mostly keeps nothing.
    #[inline(never)]
    fn keep_some<M: Mode>(&mut self, slot: &SlotRef<M>, kept: Kept, kind: Kind) {
        if self.0 & HAS_HANDLE == 0 && M::keeps(&slot.core().keeper, kind) {
            let kept = ManuallyDrop::new(kept);
            // SAFETY: it was not set, so there is nothing in the word, which is this handle's (invariant 6).
            unsafe { slot.back.kept.get().write(kept.word) };
            self.0 |= HAS_HANDLE;
        }
    }

    /// Nothing is left to be let go of but the executor's handle, which is detached.
    #[inline]
    pub(crate) fn end<M: Mode>(&mut self, slot: &SlotRef<M>) {
        if core::mem::take(&mut self.0) & HAS_HANDLE != 0 {
            detach_kept(slot);
        }
    }
}

// Not compiled into whoever drops a handle, of which there is mostly nothing kept.
#[inline(never)]
fn detach_kept<M: Mode>(slot: &SlotRef<M>) {
    if let Some(kind) = M::keeper(&slot.core().keeper) {
        // SAFETY: invariants 6 and 7; `end` has cleared `HAS_HANDLE`.
        contain(|| unsafe { (kind.detach)(reading(&slot.back.kept).read()) });
    }
}
