//! The lock between threads. It costs half of what a mutex does, because letting go is a plain store. Who finds it taken
//! spins for a moment; then the holder was held up, and who waits lets other threads run, and in the end sleeps.
#![allow(unsafe_code, reason = "a lock; argued below")]

use core::cell;
use core::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
#[cfg(not(loom))]
use {
    core::{cell::UnsafeCell, hint::spin_loop, time::Duration},
    std::{
        sync::atomic::AtomicBool,
        thread::{sleep, yield_now},
    },
};

#[cfg(loom)]
use super::modelled::{AtomicBool, LockedCell as UnsafeCell};
use super::{Borrower, Init, Lock};

/// All of it is in a cell, the padding too: who has just let go of the lock still has a reference to this, when another thread may
/// already free what the lock is part of (`table::reference`).
pub(crate) struct Latch<T>(cell::UnsafeCell<Inside<T>>);

// In this order, so that the lock is with what is before it, and what it guards begins a line of cache where the slot does.
#[repr(C)]
struct Inside<T> {
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `lend` gives the value to one thread at a time, and each sees what the one before wrote.
unsafe impl<T: Send> Sync for Latch<T> {}

// Whoever holds it lets go however that ends: see `lend`.
impl<T> UnwindSafe for Latch<T> {}
impl<T> RefUnwindSafe for Latch<T> {}

impl<T: Init> Init for Latch<T> {
    const INIT: Self = Self(cell::UnsafeCell::new(Inside {
        taken: AtomicBool::new(false),
        value: UnsafeCell::new(T::INIT),
    }));
}

impl<T> Latch<T> {
    #[inline(always)]
    fn inside(&self) -> &Inside<T> {
        // SAFETY: nobody makes a mutable reference to the whole but who has the latch to himself.
        unsafe { &*self.0.get() }
    }
}

#[cfg(not(loom))]
impl<T> Latch<T> {
    /// Looks are a few nanoseconds apart at first.
    const SPINS: u32 = 64;
    /// Then as far apart as other threads take. After these the holder may be one that only runs while this one sleeps.
    const YIELDS: u32 = 128;
    const PAUSE: Duration = Duration::from_micros(50);

    #[cold]
    fn wait(&self) {
        let mut looks = 0;
        while self.inside().taken.load(Relaxed) {
            if looks < Self::SPINS {
                spin_loop();
            } else if looks < Self::YIELDS {
                yield_now();
            } else {
                sleep(Self::PAUSE);
            }
            looks = looks.saturating_add(1);
        }
    }
}

#[cfg(loom)]
impl<T> Latch<T> {
    fn wait(&self) {
        self.inside().taken.wait();
    }
}

/// Lets go, also when what ran under the lock panicked.
struct Taken<'a>(&'a AtomicBool);

impl Drop for Taken<'_> {
    #[inline]
    fn drop(&mut self) {
        if cfg!(task_registry_fault = "latch") {
            return self.0.store(false, Relaxed);
        }
        self.0.store(false, Release);
    }
}

impl<T: Init> Lock<T> for Latch<T> {
    fn new(value: T) -> Self {
        let (taken, value) = (AtomicBool::new(false), UnsafeCell::new(value));
        Self(cell::UnsafeCell::new(Inside { taken, value }))
    }

    // Only our own code runs under a lock, so a panic there means that an allocation failed in the middle of it; what the
    // lock guards is consistent before each call that can fail.
    #[inline(always)]
    fn lend<B: Borrower<T>>(&self, body: B) -> B::Output {
        let Inside { taken, value } = self.inside();
        while taken.compare_exchange_weak(false, true, Acquire, Relaxed).is_err() {
            self.wait();
        }
        let _taken = Taken(taken);
        // SAFETY: between the exchange and the store in `Taken::drop` no other thread comes here.
        body.run(unsafe { &mut *value.get() })
    }

    fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().value.get_mut()
    }
}
