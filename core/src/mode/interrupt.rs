#![allow(unsafe_code, reason = "a lock that is a critical section; argued below")]

use core::cell::UnsafeCell;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::SeqCst;

use super::{Borrower, Init, Interrupt, Lock, Locks, Word};

impl Locks for Interrupt {
    type Lock<T: Init> = Section<T>;
    type Word = AtomicWord;
}

/// A value that is touched in critical sections alone. `critical_section::Mutex<RefCell<T>>` would do the same with a flag
/// of a word a lock, and a panic with its formatting that firmware then has to carry.
pub(crate) struct Section<T>(UnsafeCell<T>);

// SAFETY: the value is touched inside critical sections alone, by whichever context is in one.
unsafe impl<T: Send> Sync for Section<T> {}

impl<T: Init> Init for Section<T> {
    const INIT: Self = Section(UnsafeCell::new(T::INIT));
}

impl<T: Init> Lock<T> for Section<T> {
    fn new(value: T) -> Self {
        Section(UnsafeCell::new(value))
    }

    #[inline]
    fn lend<B: Borrower<T>>(&self, body: B) -> B::Output {
        // SAFETY: nobody else runs in a critical section, and the core never takes a lock inside itself (`Lock`).
        critical_section::with(|_| body.run(unsafe { &mut *self.0.get() }))
    }

    fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

/// A word that is read and written by plain instructions, which every target has, and changed in critical sections.
pub(crate) struct AtomicWord(AtomicU32);

impl AtomicWord {
    /// Clears and sets bits, then adds: one function for all, because each place where a section begins and ends is flash.
    #[inline(never)]
    fn change(&self, keep: u32, set: u32, add: u32) -> u32 {
        critical_section::with(|_| {
            let before = self.0.load(SeqCst);
            self.0.store((before & keep | set).wrapping_add(add), SeqCst);
            before
        })
    }
}

impl Init for AtomicWord {
    const INIT: Self = AtomicWord(AtomicU32::new(0));
}

impl Word for AtomicWord {
    #[inline]
    fn load(&self) -> u32 {
        self.0.load(SeqCst)
    }

    #[inline]
    fn store(&self, value: u32) {
        self.0.store(value, SeqCst);
    }

    fn bump(&self) {
        self.add(1);
    }

    fn add(&self, n: u32) -> u32 {
        self.change(u32::MAX, 0, n)
    }

    fn sub(&self, n: u32) -> u32 {
        self.change(u32::MAX, 0, n.wrapping_neg())
    }

    fn set(&self, bits: u32) -> u32 {
        self.change(u32::MAX, bits, 0)
    }

    fn clear(&self, bits: u32) -> u32 {
        self.change(!bits, 0, 0)
    }

    fn update(&self, mut change: impl FnMut(u32) -> Option<u32>) -> bool {
        critical_section::with(|_| {
            let changed = change(self.load());
            if let Some(value) = changed {
                self.store(value);
            }
            changed.is_some()
        })
    }
}
