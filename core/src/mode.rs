//! Where a registry's table may be used from, and where it is kept: type parameters, because they decide which
//! locks, counters and pointers the table is made of.
//!
//! | mode | needs | built on | its handles |
//! | --- | --- | --- | --- |
//! | [`Unsync`] | nothing | cells, `Rc` | stay on one thread |
//! | [`Interrupt`] | `interrupt` | critical sections | go anywhere, interrupts included |
//! | [`Sync`] | `std` | atomics, latches, `Arc` | go to any thread |
//!
//! [`Unsync`] and [`Sync`] are modes of a growing [`Registry`](crate::Registry), which needs `alloc`; all three are modes
//! of a [`StaticRegistry`](crate::StaticRegistry), which has as many slots as it was given, and whose handles bear
//! [`Fixed<mode>`](Fixed).
//!
//! Where the *futures* run is another question, and the spawner's to answer: a `Sync` table can list and cancel
//! futures that are not `Send` and never leave their thread. See [`Registry::with_tasks`](crate::Registry::with_tasks).
//!
//! This module is the core's only door to `std::sync`, to critical sections and to cells, and, where models of [`Sync`] are
//! explored (`--cfg loom`), to loom.

#[cfg(feature = "interrupt")]
mod interrupt;
#[cfg(feature = "std")]
mod latch;
#[cfg(loom)]
#[doc(hidden)]
pub mod modelled;
mod storage;
#[cfg(feature = "std")]
mod sync;
mod unsync;

use core::marker::PhantomData;

pub(crate) use storage::Store;

#[cfg(feature = "alloc")]
pub use crate::arc::Arc;

/// One thread: no atomics, no locks. The default of the adapters for single-threaded executors.
#[derive(Clone, Copy, Debug)]
pub enum Unsync {}

/// Any thread. The default of the adapters for executors that several threads may reach.
#[derive(Clone, Copy, Debug)]
pub enum Sync {}

/// Any priority of a microcontroller: all that is shared is touched in critical sections. How long they are is said at
/// [`StaticTasks`](crate::StaticTasks). Of a [`StaticRegistry`](crate::StaticRegistry) alone.
///
/// The implementation of the critical section is the firmware's to choose; see the crate `critical-section`.
#[cfg(feature = "interrupt")]
#[derive(Clone, Copy, Debug)]
pub enum Interrupt {}

/// A table of fixed size, in the mode `L`: what the handles of a [`StaticRegistry`](crate::StaticRegistry) bear.
#[derive(Clone, Copy, Debug)]
pub struct Fixed<L>(PhantomData<L>);

/// What locks a table has. Sealed: [`Unsync`], [`Interrupt`] and [`Sync`].
#[expect(private_bounds, reason = "what a mode is made of is nobody else's business")]
pub trait Locking: sealed::Sealed + Locks {}

impl Locking for Unsync {}
#[cfg(feature = "interrupt")]
impl Locking for Interrupt {}
#[cfg(feature = "std")]
impl Locking for Sync {}

/// Where a table is kept, and how it is shared: what handles are generic over. Sealed: every [`Mode`], and [`Fixed`].
#[expect(private_bounds, reason = "what a table is made of is nobody else's business")]
pub trait Storage: sealed::Sealed + Store {}

impl<M: sealed::Sealed + Store> Storage for M {}

/// In what terms a table tells why a task was stopped and how it ended: in words where there is an allocator, in codes where
/// there may be none. Sealed.
pub trait Vocabulary: sealed::Sealed {
    /// How a task ended: [`Outcome`](crate::Outcome), or [`StaticOutcome`](crate::StaticOutcome) of a fixed table.
    type Outcome: Clone + core::fmt::Debug;
    /// Why it was asked to stop: an optional [`Text`](crate::Text), or an optional small number in a fixed table. The
    /// default is no reason.
    type Reason: Clone + Default;
}

/// A mode whose growing tables and their handles go to any thread. Sealed.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` table stays on its thread",
    note = "for a table that goes to other threads, or for a `Send` executor, make it `Tasks::<mode::Sync>::new(..)` and give it to `Registry::with_tasks`"
)]
pub trait Shared: Mode + AnyThread {}

#[cfg(feature = "std")]
impl Shared for Sync {}

/// A table of any kind whose handles go to any thread, or any priority. Sealed.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` table stays on its thread",
    note = "for a table that goes to other threads, or for a `Send` executor, make it `Tasks::<mode::Sync>::new(..)` and give it to `Registry::with_tasks`",
    note = "of a `StaticRegistry` that interrupts share, the mode is `mode::Interrupt`"
)]
pub trait AnyThread: sealed::Sealed {}

#[cfg(feature = "std")]
impl AnyThread for Sync {}
#[cfg(feature = "interrupt")]
impl AnyThread for Interrupt {}
impl<L: AnyThread> AnyThread for Fixed<L> {}

/// Says that a value of type `T` may wait in a table of this mode for whoever asks for it: any `'static` one where
/// the table stays on its thread, a `Send` one where it does not (law 10). Sealed.
#[diagnostic::on_unimplemented(
    message = "a `{T}` cannot be kept in this table, which other threads may take it from",
    label = "`{T}` is not `Send`",
    note = "await the `TaskHandle` where it was spawned, or use a `mode::Unsync` table"
)]
pub trait Carry<T>: sealed::Sealed {}

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
    pub trait Sealed: Sized + 'static {}
    impl Sealed for super::Unsync {}
    impl Sealed for super::Sync {}
    #[cfg(feature = "interrupt")]
    impl Sealed for super::Interrupt {}
    impl<L: Sealed> Sealed for super::Fixed<L> {}
}

/// How a growing table is shared. Sealed: [`Unsync`] and [`Sync`] are the modes.
#[cfg(not(feature = "alloc"))]
pub trait Mode: sealed::Sealed {}
#[cfg(not(feature = "alloc"))]
impl Mode for Unsync {}

#[cfg(not(loom))]
pub(crate) use core::cell::UnsafeCell;
/// A flag that follows from what a lock guards, for a look without the lock. Models take no step for it.
pub(crate) use core::sync::atomic::AtomicBool as Flag;

#[cfg(loom)]
pub(crate) use modelled::UnsafeCell;
#[cfg(feature = "std")]
pub(crate) use sync::Guarded;
#[cfg(feature = "alloc")]
pub use with_alloc::Mode;
#[cfg(feature = "alloc")]
pub(crate) use with_alloc::Parts;

#[cfg(feature = "alloc")]
mod with_alloc {
    use core::ops::Deref;

    use crate::restart::Again;
    use crate::table::Kind;

    /// How a growing table is shared. Sealed: [`Unsync`](super::Unsync) and [`Sync`](super::Sync) are the modes.
    #[expect(private_bounds, reason = "what a mode is made of is nobody else's business")]
    pub trait Mode: super::sealed::Sealed + Parts {}

    impl<M: Parts> Mode for M {}

    /// What the core builds a growing table from.
    pub(crate) trait Parts: super::sealed::Sealed + super::Locks {
        type Ptr<T: 'static>: Deref<Target = T> + Clone;
        /// What makes a task anew, its type forgotten, shared by the task's incarnations.
        type Again: Clone;
        /// Knows of which type the executor's handles are that a table keeps, if it does.
        type Keeper: super::Init;

        /// Whether the table keeps those of this type. If it keeps none yet, it does from now on, and of no other type ever: `kept`
        /// relies on that.
        fn keeps(keeper: &Self::Keeper, kind: Kind) -> bool;

        /// The type of those that it keeps.
        fn keeper(keeper: &Self::Keeper) -> Option<Kind>;

        fn again(again: &Self::Again) -> &dyn Again<Self>
        where
            Self: Mode;

        fn ptr<T: 'static>(value: T) -> Self::Ptr<T>;

        /// The value, if this was the last pointer to it.
        fn into_inner<T: 'static>(pointer: Self::Ptr<T>) -> Option<T>;

        /// Whether the table has one lock: known when this is compiled, so that nobody waits for a name's hash to know where the
        /// task is to be.
        const ONE_SHARD: bool = false;

        /// Over how many locks the table is spread, as a power of two.
        fn shard_bits() -> u32;
    }

    /// Forgets the type of what makes a task anew.
    pub(crate) trait Erase<T>: Parts {
        fn erase(recipe: T) -> Self::Again;
    }
}

/// What is in a cell, to be read at once. What is to be written is had by `get`.
#[cfg(feature = "alloc")]
pub(crate) fn reading<T>(cell: &UnsafeCell<T>) -> *const T {
    #[cfg(loom)]
    return cell.read();
    #[cfg(not(loom))]
    cell.get()
}

/// What guards and counts in a table of any kind.
pub(crate) trait Locks: 'static {
    type Lock<T: Init>: Lock<T>;
    type Word: Word;
}

impl<L: Locks> Locks for Fixed<L> {
    type Lock<T: Init> = L::Lock<T>;
    type Word = L::Word;
}

/// A value to begin with, for tables that are made when the program is compiled.
pub(crate) trait Init: Sized {
    const INIT: Self;
}

impl<T> Init for Option<T> {
    const INIT: Self = None;
}

impl Init for () {
    const INIT: Self = ();
}

impl Init for u8 {
    const INIT: Self = 0;
}

impl Init for i64 {
    const INIT: Self = 0;
}

/// A lock that is held for a few instructions and never while foreign code runs (law 9). Locks nest, but never a lock
/// in itself.
///
/// The `unsafe` code of `slot`, `table` and `fixed` relies on this: two borrowers of one lock never overlap, and
/// the second sees what the first wrote.
pub(crate) trait Lock<T>: Init {
    #[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "of growing tables"))]
    fn new(value: T) -> Self;
    /// Runs `body` under the lock.
    fn lend<B: Borrower<T>>(&self, body: B) -> B::Output;
    /// The same, of a closure.
    #[inline(always)]
    fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> R {
        self.lend(body)
    }
    #[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "of growing tables"))]
    fn get_mut(&mut self) -> &mut T;
}

/// What runs under a lock: a closure, or a value with a method that is compiled into each caller, `#[inline(always)]`. Of a closure a
/// compiler does not do so where the function that it stands in has several callers.
pub(crate) trait Borrower<T> {
    type Output;
    fn run(self, value: &mut T) -> Self::Output;
}

impl<T, R, F: FnOnce(&mut T) -> R> Borrower<T> for F {
    type Output = R;
    #[inline(always)]
    fn run(self, value: &mut T) -> R {
        self(value)
    }
}

/// A 32-bit counter or set of flags. Every operation but `store` and `bump` on words of one table is part of one order that
/// all threads see alike; `wait` needs that.
pub(crate) trait Word: Init {
    fn load(&self) -> u32;
    /// Where nobody writes beside: for the only writer, or under a lock that every writer takes at that time. Not part of that
    /// order, though who reads the value sees what was written before it.
    fn store(&self, value: u32);
    /// Adds one, for the only writer: as `store`.
    #[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "of growing tables"))]
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
    #[cfg_attr(
        all(target_pointer_width = "32", not(feature = "alloc")),
        expect(dead_code, reason = "for numbers that addresses stand for")
    )]
    fn update(&self, change: impl FnMut(u32) -> Option<u32>) -> bool;
}

/// A number for each growing registry of this process, so that ids of one mean nothing to another (law 7).
#[cfg(feature = "alloc")]
pub(crate) fn next_registry() -> u32 {
    #[cfg(target_has_atomic = "32")]
    use core::sync::atomic::AtomicU32;
    use core::sync::atomic::Ordering;
    #[cfg(not(target_has_atomic = "32"))]
    use portable_atomic::AtomicU32;

    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
