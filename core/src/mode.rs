//! Where a registry's table may be used from: a type parameter, because it decides which locks, counters and
//! pointers the table is made of.
//!
//! | mode | needs | built on | its handles |
//! | --- | --- | --- | --- |
//! | [`Unsync`] | `alloc` | `Rc` and cells | stay on one thread |
//! | [`Sync`] | `std` | `Arc`, atomics and mutexes | go to any thread |
//!
//! Where the *futures* run is another question, and the spawner's to answer: a `Sync` table can list and cancel
//! futures that are not `Send` and never leave their thread. See [`Registry::with_tasks`](crate::Registry::with_tasks).
//!
//! This module is the core's only door to `std::sync` and to cells.

#[cfg(feature = "std")]
mod sync;
#[cfg(feature = "alloc")]
mod unsync;

/// One thread: no atomics, no locks. The default of the adapters for single-threaded executors.
#[derive(Clone, Copy, Debug)]
pub enum Unsync {}

/// Any thread. The default of the adapters for executors that several threads may reach.
#[derive(Clone, Copy, Debug)]
pub enum Sync {}

/// How a table is shared. Sealed: [`Unsync`] and [`Sync`] are the modes.
#[cfg(not(feature = "alloc"))]
pub trait Mode: sealed::Sealed + Sized + 'static {}

/// A mode whose tables and handles go to any thread. Sealed.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` table stays on its thread",
    note = "for a table that goes to other threads, or for a `Send` executor, make it `Tasks::<mode::Sync>::new(..)` and give it to `Registry::with_tasks`"
)]
pub trait Shared: Mode {}

#[cfg(feature = "std")]
impl Shared for Sync {}

/// Says that a value of type `T` may wait in a table of this mode for whoever asks for it: any `'static` one where
/// the table stays on its thread, a `Send` one where it does not (law 10). Sealed.
#[diagnostic::on_unimplemented(
    message = "a `{T}` cannot be kept in this table, which other threads may take it from",
    label = "`{T}` is not `Send`",
    note = "await the `TaskHandle` where it was spawned, or use a `mode::Unsync` table"
)]
pub trait Carry<T>: Mode {}

#[cfg(feature = "alloc")]
impl<T: 'static> Carry<T> for Unsync {}
#[cfg(feature = "std")]
impl<T: Send + 'static> Carry<T> for Sync {}

/// Says that a table of this mode may keep a `T`, a [`Recipe`](crate::Recipe), to restart a task with: any `'static` one
/// where the table stays on its thread, one that is `Send` and `Sync` where it does not, because any thread may ask for
/// the restart. Sealed.
#[cfg(feature = "alloc")]
#[expect(private_bounds, reason = "sealed")]
pub trait Remember<T>: Mode + with_alloc::Erase<T> {}

#[cfg(feature = "alloc")]
impl<T> Remember<T> for Unsync where T: crate::restart::Again<Unsync> + 'static {}
#[cfg(feature = "std")]
impl<T> Remember<T> for Sync where
    T: crate::restart::Again<Sync> + Send + core::marker::Sync + 'static
{
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Unsync {}
    impl Sealed for super::Sync {}
}

#[cfg(not(feature = "alloc"))]
impl Mode for Unsync {}

#[cfg(feature = "std")]
pub(crate) use sync::Guarded;
#[cfg(feature = "alloc")]
pub use with_alloc::Mode;
#[cfg(feature = "alloc")]
pub(crate) use with_alloc::{Lock, Word};

#[cfg(feature = "alloc")]
mod with_alloc {
    use core::ops::Deref;

    use crate::restart::Again;

    /// How a table is shared. Sealed: [`Unsync`](super::Unsync) and [`Sync`](super::Sync) are the modes.
    #[expect(private_bounds, reason = "what a mode is made of is nobody else's business")]
    pub trait Mode: super::sealed::Sealed + Parts + Sized + 'static {}

    impl<M: super::sealed::Sealed + Parts + Sized + 'static> Mode for M {}

    /// What the core builds a table from.
    pub(crate) trait Parts {
        type Ptr<T: 'static>: Deref<Target = T> + Clone;
        type Lock<T>: Lock<T>;
        type Word: Word;
        /// What makes a task anew, its type forgotten, shared by the task's incarnations.
        type Again: Clone;

        fn again(again: &Self::Again) -> &dyn Again<Self>
        where
            Self: Mode;

        fn ptr<T: 'static>(value: T) -> Self::Ptr<T>;

        /// The value, if this was the last pointer to it.
        fn into_inner<T: 'static>(pointer: Self::Ptr<T>) -> Option<T>;

        /// Over how many locks the table is spread, as a power of two.
        fn shard_bits() -> u32;
    }

    /// Forgets the type of what makes a task anew.
    pub(crate) trait Erase<T>: Parts {
        fn erase(recipe: T) -> Self::Again;
    }

    /// A lock that is held for a few instructions and never while foreign code runs (law 9).
    ///
    /// The `unsafe` code of `slot` and `table` relies on this: two closures given to one lock never overlap, and
    /// the second sees what the first wrote.
    pub(crate) trait Lock<T> {
        fn new(value: T) -> Self;
        fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> R;
        fn get_mut(&mut self) -> &mut T;
    }

    /// A 32-bit counter or set of flags. Every operation on words of one table is part of one order that all
    /// threads see alike; `wait` needs that.
    pub(crate) trait Word {
        fn new(value: u32) -> Self;
        fn load(&self) -> u32;
        /// For the only writer: not part of that order, though who reads the value sees what was written before it.
        fn store(&self, value: u32);
        /// Adds one, for the only writer: as `store`.
        fn bump(&self);
        /// Adds, and returns what was there before.
        fn add(&self, n: u32) -> u32;
        /// Subtracts, and returns what was there before.
        fn sub(&self, n: u32) -> u32;
        /// Sets bits, and returns what was there before.
        fn set(&self, bits: u32) -> u32;
        /// Clears bits, and returns what was there before.
        fn clear(&self, bits: u32) -> u32;
        /// Applies `change` unless it returns `None`; says whether it did.
        fn update(&self, change: impl FnMut(u32) -> Option<u32>) -> bool;
    }
}

/// A number for each registry of this process, so that ids of one mean nothing to another (law 7).
#[cfg(feature = "alloc")]
pub(crate) fn next_registry() -> u32 {
    use core::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
