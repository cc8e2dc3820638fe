#[cfg(feature = "alloc")]
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};

#[cfg(feature = "alloc")]
use super::Parts;
use super::Unsync;
#[cfg(feature = "alloc")]
use super::with_alloc::Erase;
use super::{Borrower, Init, Lock, Locks, Word};
#[cfg(feature = "alloc")]
use crate::{restart::Again, table::Kind};

impl Locks for Unsync {
    type Lock<T: Init> = RefCell<T>;
    type Word = Cell<u32>;
}

#[cfg(feature = "alloc")]
impl Parts for Unsync {
    type Ptr<T: 'static> = Rc<T>;
    type Again = Rc<dyn Again<Unsync>>;
    // One thread spawns, runs and joins: there is nothing to be had from keeping it.
    type Keeper = ();

    fn keeps((): &(), _: Kind) -> bool {
        false
    }

    fn keeper((): &()) -> Option<Kind> {
        None
    }

    fn again(again: &Self::Again) -> &dyn Again<Unsync> {
        &**again
    }

    fn ptr<T: 'static>(value: T) -> Rc<T> {
        Rc::new(value)
    }

    fn into_inner<T: 'static>(pointer: Rc<T>) -> Option<T> {
        Rc::into_inner(pointer)
    }

    const ONE_SHARD: bool = true;

    fn shard_bits() -> u32 {
        0
    }
}

#[cfg(feature = "alloc")]
impl<T: Again<Unsync> + 'static> Erase<T> for Unsync {
    fn erase(recipe: T) -> Self::Again {
        Rc::new(recipe)
    }
}

impl<T: Init> Init for RefCell<T> {
    const INIT: Self = RefCell::new(T::INIT);
}

impl Init for Cell<u32> {
    const INIT: Self = Cell::new(0);
}

impl<T: Init> Lock<T> for RefCell<T> {
    fn new(value: T) -> Self {
        RefCell::new(value)
    }

    #[inline(always)]
    fn lend<B: Borrower<T>>(&self, body: B) -> B::Output {
        body.run(&mut self.borrow_mut())
    }

    fn get_mut(&mut self) -> &mut T {
        self.get_mut()
    }
}

impl Word for Cell<u32> {
    #[inline]
    fn load(&self) -> u32 {
        self.get()
    }

    #[inline]
    fn store(&self, value: u32) {
        self.set(value);
    }

    #[inline]
    fn bump(&self) {
        self.set(self.get().wrapping_add(1));
    }

    #[inline]
    fn add(&self, n: u32) -> u32 {
        self.replace(self.get().wrapping_add(n))
    }

    #[inline]
    fn sub(&self, n: u32) -> u32 {
        self.replace(self.get().wrapping_sub(n))
    }

    #[inline]
    fn set(&self, bits: u32) -> u32 {
        self.replace(self.get() | bits)
    }

    #[inline]
    fn clear(&self, bits: u32) -> u32 {
        self.replace(self.get() & !bits)
    }

    #[inline]
    fn update(&self, mut change: impl FnMut(u32) -> Option<u32>) -> bool {
        let changed = change(self.get());
        if let Some(value) = changed {
            Cell::set(self, value);
        }
        changed.is_some()
    }
}
