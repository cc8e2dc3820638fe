//! What a task's handle keeps of the executor's own handle, its type forgotten.

use core::fmt;
use core::mem::MaybeUninit;

use crate::JoinHandle;
use crate::mode::Init;
use crate::unwind::contain;

type Word = MaybeUninit<*mut ()>;

/// An executor's handle of a task, kept until the [`TaskHandle`](crate::TaskHandle) goes, and detached then: see
/// [`JoinHandle::keep`].
///
/// Where an executor's task is shared between it and its handle, whoever lets go last frees its memory. An allocator is at its
/// fastest where that is the thread that spawned the task, as it is without a registry.
pub struct Kept {
    word: Word,
    /// Detaches the handle that is in the word. To be called once.
    detach: Option<unsafe fn(Word)>,
}

// SAFETY: what is kept is `Send`, which `new` asks for.
unsafe impl Send for Kept {}
// SAFETY: nothing can be done with a reference to it.
unsafe impl Sync for Kept {}

impl Init for Kept {
    const INIT: Self = Self::nothing();
}

impl Kept {
    /// Nothing: what was there has been detached.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { word: Word::uninit(), detach: None }
    }

    /// Keeps a handle that is no larger than a pointer; a larger one is detached at once.
    #[inline]
    #[must_use = "what is kept is detached when this is dropped"]
    pub fn new<H: JoinHandle + Send + 'static>(handle: H) -> Self {
        if size_of::<H>() > size_of::<Word>() || align_of::<H>() > align_of::<Word>() {
            handle.detach();
            return Self::nothing();
        }
        let mut word = Word::uninit();
        // SAFETY: the handle fits, as was just seen.
        unsafe { word.as_mut_ptr().cast::<H>().write(handle) };
        Self { word, detach: Some(detach::<H>) }
    }
}

impl Kept {
    // Not compiled into whoever drops a handle of which nothing is kept.
    #[inline(never)]
    fn let_go(&mut self, detach: unsafe fn(Word)) {
        // SAFETY: it was made for what `new` has put in the word, and this is the only use of that.
        contain(|| unsafe { detach(self.word) });
    }
}

/// # Safety
///
/// There is an `H` in the word, which the caller owns and does not use again.
unsafe fn detach<H: JoinHandle>(word: Word) {
    // SAFETY: the caller says so.
    unsafe { word.as_ptr().cast::<H>().read() }.detach();
}

impl Drop for Kept {
    #[inline]
    fn drop(&mut self) {
        if let Some(detach) = self.detach {
            self.let_go(detach);
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.detach.is_some()).finish()
    }
}
