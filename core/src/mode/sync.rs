use std::sync::atomic::Ordering::{Release, SeqCst};
#[cfg(not(loom))]
use std::sync::{Arc, atomic::AtomicU32};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::Sync;
use super::latch::Latch;
#[cfg(loom)]
use super::modelled::{Arc, AtomicU32};
use super::with_alloc::Erase;
use super::{Borrower, Init, Lock, Locks, Parts, Word};
use crate::restart::Again;
use crate::table::Kind;

/// A lock between threads, for what is in no table.
pub(crate) type Guarded<T> = Mutex<T>;

impl Locks for Sync {
    type Lock<T: Init> = Latch<T>;
    type Word = AtomicU32;
}

impl Parts for Sync {
    type Ptr<T: 'static> = Arc<T>;
    // Given at admission and never changed: there is nothing in it for a model to explore.
    type Again = std::sync::Arc<dyn Again<Sync> + Send + core::marker::Sync>;
    type Keeper = OnceLock<Kind>;

    #[inline]
    fn keeps(keeper: &OnceLock<Kind>, kind: Kind) -> bool {
        *keeper.get_or_init(|| kind) == kind
    }

    #[inline]
    fn keeper(keeper: &OnceLock<Kind>) -> Option<Kind> {
        keeper.get().copied()
    }

    fn again(again: &Self::Again) -> &dyn Again<Sync> {
        &**again
    }

    fn ptr<T: 'static>(value: T) -> Arc<T> {
        Arc::new(value)
    }

    fn into_inner<T: 'static>(pointer: Arc<T>) -> Option<T> {
        Arc::into_inner(pointer)
    }

    #[cfg(loom)]
    fn shard_bits() -> u32 {
        super::modelled::shard_bits()
    }

    /// A shard a core. With more of them two threads want the same one less often, but tasks that come one after another lie
    /// further apart, which costs all of them more (docs/performance.md).
    #[cfg(not(loom))]
    fn shard_bits() -> u32 {
        use std::thread::available_parallelism;

        static BITS: OnceLock<u32> = OnceLock::new();
        *BITS.get_or_init(|| {
            let cores = available_parallelism().map_or(1, usize::from);
            cores.next_power_of_two().ilog2().min(8)
        })
    }
}

impl<T> Erase<T> for Sync
where
    T: Again<Sync> + Send + core::marker::Sync + 'static,
{
    fn erase(recipe: T) -> Self::Again {
        std::sync::Arc::new(recipe)
    }
}

impl<T: Init> Init for Mutex<T> {
    const INIT: Self = Mutex::new(T::INIT);
}

impl<T> Init for OnceLock<T> {
    const INIT: Self = OnceLock::new();
}

impl Init for AtomicU32 {
    const INIT: Self = AtomicU32::new(0);
}

impl<T: Init> Lock<T> for Mutex<T> {
    fn new(value: T) -> Self {
        Mutex::new(value)
    }

    // Only our own code runs under a lock, so a poisoned one means that an allocation failed in the middle of it;
    // what the lock guards is consistent before each call that can fail.
    #[inline]
    fn lend<B: Borrower<T>>(&self, body: B) -> B::Output {
        body.run(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn get_mut(&mut self) -> &mut T {
        self.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Word for AtomicU32 {
    #[inline]
    fn load(&self) -> u32 {
        self.load(SeqCst)
    }

    #[inline]
    fn store(&self, value: u32) {
        self.store(value, Release);
    }

    #[inline]
    fn bump(&self) {
        self.store(self.load(SeqCst).wrapping_add(1), Release);
    }

    #[inline]
    fn add(&self, n: u32) -> u32 {
        self.fetch_add(n, SeqCst)
    }

    #[inline]
    fn sub(&self, n: u32) -> u32 {
        self.fetch_sub(n, SeqCst)
    }

    #[inline]
    fn set(&self, bits: u32) -> u32 {
        self.fetch_or(bits, SeqCst)
    }

    #[inline]
    fn clear(&self, bits: u32) -> u32 {
        self.fetch_and(!bits, SeqCst)
    }

    #[inline]
    fn update(&self, change: impl FnMut(u32) -> Option<u32>) -> bool {
        self.fetch_update(SeqCst, SeqCst, change).is_ok()
    }
}
