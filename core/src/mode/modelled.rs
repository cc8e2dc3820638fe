//! What `Sync` is made of where loom explores it (`--cfg loom`): std's names and signatures, loom's insides.
//!
//! Locks and words are made when the program is compiled (`Init`), which loom's cannot be, and belong to one execution of a
//! model. So each makes its inside when it is first used, which is never in the middle of one of loom's steps. Tables
//! in a `static` would outlive an execution: models have none.

use alloc::vec::Vec;
use core::cell::Cell;
use core::ops::Deref;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use ::loom::cell;
use ::loom::sync;
use ::loom::sync::atomic as inside;
use ::loom::thread::{self, Thread};
use core::sync::atomic::Ordering;

std::thread_local! {
    // A model and all of its threads are on one thread of the system's.
    static SHARD_BITS: Cell<u32> = const { Cell::new(0) };
}

/// Over how many locks the tables of this thread's models are spread from now on, as a power of two.
pub fn set_shard_bits(bits: u32) {
    SHARD_BITS.set(bits);
}

/// Whether there is one.
#[must_use]
pub fn is_one_shard() -> bool {
    SHARD_BITS.get() == 0
}

pub(super) fn shard_bits() -> u32 {
    SHARD_BITS.get()
}

/// A word, and the order in which it was used.
///
/// Of the uses of an atomic loom remembers the last one, by whichever thread, and reverses the order of that one and the next. A thread
/// that reads a word before it changes it so hides that another one had read it: the order of that read and this change
/// is never reversed. A word of which every use is a change, without any ordering, has no such gap; it goes before each use of
/// the one that matters.
#[derive(Default)]
pub(crate) struct AtomicU32 {
    inside: OnceLock<(inside::AtomicU32, inside::AtomicU32)>,
    first: u32,
}

impl AtomicU32 {
    pub(crate) const fn new(first: u32) -> Self {
        Self { inside: OnceLock::new(), first }
    }

    fn inside(&self) -> &inside::AtomicU32 {
        let mut is_new = false;
        let (order, inside) = self.inside.get_or_init(|| {
            is_new = true;
            (inside::AtomicU32::new(0), inside::AtomicU32::new(self.first))
        });
        order.fetch_add(1, Ordering::Relaxed);
        if is_new {
            // What a word begins with comes before all that is done to it; loom says so of `SeqCst` alone.
            inside.fetch_add(0, Ordering::SeqCst);
        }
        inside
    }

    pub(crate) fn load(&self, order: Ordering) -> u32 {
        self.inside().load(order)
    }

    pub(crate) fn store(&self, value: u32, order: Ordering) {
        self.inside().store(value, order);
    }

    pub(crate) fn fetch_add(&self, n: u32, order: Ordering) -> u32 {
        self.inside().fetch_add(n, order)
    }

    pub(crate) fn fetch_sub(&self, n: u32, order: Ordering) -> u32 {
        self.inside().fetch_sub(n, order)
    }

    pub(crate) fn fetch_or(&self, bits: u32, order: Ordering) -> u32 {
        self.inside().fetch_or(bits, order)
    }

    pub(crate) fn fetch_and(&self, bits: u32, order: Ordering) -> u32 {
        self.inside().fetch_and(bits, order)
    }

    pub(crate) fn compare_exchange(
        &self,
        old: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        self.inside().compare_exchange(old, new, success, failure)
    }

    pub(crate) fn fetch_update(
        &self,
        set: Ordering,
        fetch: Ordering,
        change: impl FnMut(u32) -> Option<u32>,
    ) -> Result<u32, u32> {
        self.inside().fetch_update(set, fetch, change)
    }
}

/// A word of one bit, and who waits until it is clear.
pub(crate) struct AtomicBool(AtomicU32, Mutex<Vec<Thread>>);

impl AtomicBool {
    pub(crate) const fn new(first: bool) -> Self {
        Self(AtomicU32::new(first as u32), Mutex::new(Vec::new()))
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Thread>> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stands for a loop that looks again and again, which loom would explore: sleeps until somebody cleared it.
    pub(crate) fn wait(&self) {
        let this = thread::current();
        let id = this.id();
        self.waiting().push(this);
        if self.0.load(Ordering::Relaxed) != 0 {
            thread::park();
        }
        self.waiting().retain(|thread| thread.id() != id);
    }

    pub(crate) fn store(&self, value: bool, order: Ordering) {
        self.0.store(u32::from(value), order);
        let waiting = core::mem::take(&mut *self.waiting());
        waiting.iter().for_each(Thread::unpark);
    }

    /// Loom's never fails without a reason.
    pub(crate) fn compare_exchange_weak(
        &self,
        old: bool,
        new: bool,
        success: Ordering,
        failure: Ordering,
    ) -> Result<bool, bool> {
        let exchanged = self.0.compare_exchange(u32::from(old), u32::from(new), success, failure);
        exchanged.map(|value| value != 0).map_err(|value| value != 0)
    }
}

/// A cell that a lock guards: the first to use it has locked it.
pub(crate) struct LockedCell<T> {
    used: OnceLock<cell::UnsafeCell<()>>,
    value: core::cell::UnsafeCell<T>,
}

impl<T> LockedCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { used: OnceLock::new(), value: core::cell::UnsafeCell::new(value) }
    }

    /// To be written, at once.
    pub(crate) fn get(&self) -> *mut T {
        self.used.get_or_init(|| cell::UnsafeCell::new(())).with_mut(|_| ());
        self.value.get()
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        if let Some(used) = self.used.get_mut() {
            used.with_mut(|_| ());
        }
        self.value.get_mut()
    }
}

pub(crate) struct Arc<T>(sync::Arc<T>);

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(sync::Arc::new(value))
    }

    pub(crate) fn into_inner(this: Self) -> Option<T> {
        sync::Arc::try_unwrap(this.0).ok()
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// A cell that no lock is seen to guard: loom checks that its uses come one after another.
pub(crate) struct UnsafeCell<T> {
    used: cell::UnsafeCell<()>,
    value: core::cell::UnsafeCell<T>,
}

impl<T: Default> Default for UnsafeCell<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { used: cell::UnsafeCell::new(()), value: core::cell::UnsafeCell::new(value) }
    }

    /// To be written, at once.
    pub(crate) fn get(&self) -> *mut T {
        self.used.with_mut(|_| ());
        self.value.get()
    }

    /// Nobody else has it any more: loom checks that they all came before.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.used.with_mut(|_| ());
        self.value.get_mut()
    }

    /// To be read, at once.
    pub(crate) fn read(&self) -> *const T {
        self.used.with(|_| ());
        self.value.get()
    }
}
