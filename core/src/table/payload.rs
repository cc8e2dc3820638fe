//! A task's output on its way to whoever takes it, its type forgotten. Small ones need no allocation.

use alloc::boxed::Box;
use core::any::TypeId;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr;

type Room = MaybeUninit<[usize; 2]>;

/// Owns a value of the type that `kind` says: in `room` itself where it fits, else in a box there.
pub(crate) struct Payload {
    room: Room,
    kind: Kind,
}

/// Says of which type a value is, after it was dropped if its room is given.
///
/// # Safety
///
/// In the room is a value of this type, as in a payload, which the caller owns and does not use again.
type Kind = unsafe fn(Option<&mut Room>) -> TypeId;

// SAFETY: a payload goes to another thread only inside its slot, and is taken or dropped there only
// - by the `TaskHandle<T>` of its task, which is `Send` only if `T` is;
// - by the future's own thread, in `end`, where the future could have dropped it as well;
// - by a call that names `T` or asked for it to be kept, both of which ask for `M: Carry<T>`, in a shared mode
//   `T: Send`; such a payload may also be dropped by whoever purges the record.
// While a handle lives nobody else lets go of its slot's payload (`SlotRef::bequeath`, `Core::evict`), and the handle lets go of
// it when it is dropped (`TaskHandle::let_go`), so a payload that is not `Send` never leaves its thread. A call with another
// type reads the payload's `kind` alone, and leaves it where it is (`Slot::output_is`).
unsafe impl Send for Payload {}

struct Of<T>(T);

impl<T: 'static> Of<T> {
    const INLINE: bool =
        size_of::<T>() <= size_of::<Room>() && align_of::<T>() <= align_of::<Room>();

    /// A [`Kind`]. Two types never have the same, since they say different things. Not compiled into anything, so that a crate has
    /// one for a type, and not one in each piece of it that is compiled apart: then its address says all.
    #[inline(never)]
    unsafe fn kind(dropped: Option<&mut Room>) -> TypeId {
        if let Some(room) = dropped {
            let room = room.as_mut_ptr();
            // SAFETY: the caller owns the value in the room, a `T` where that fits and a `Box<T>` where it does not.
            unsafe {
                if Self::INLINE {
                    ptr::drop_in_place(room.cast::<T>());
                } else {
                    ptr::drop_in_place(room.cast::<Box<T>>());
                }
            }
        }
        TypeId::of::<T>()
    }
}

impl Payload {
    /// Whether a `T` is made one without an allocation.
    pub(super) const fn fits<T: 'static>() -> bool {
        Of::<T>::INLINE
    }

    #[inline]
    pub(crate) fn new<T: 'static>(value: T) -> Self {
        let mut room = Room::uninit();
        // SAFETY: `INLINE` says that a `T` fits in the room in size and alignment; a thin box always does.
        unsafe {
            if Of::<T>::INLINE {
                room.as_mut_ptr().cast::<T>().write(value);
            } else {
                room.as_mut_ptr().cast::<Box<T>>().write(Box::new(value));
            }
        }
        Self { room, kind: Of::<T>::kind }
    }

    #[inline]
    pub(crate) fn is<T: 'static>(&self) -> bool {
        // SAFETY: without a room nothing is dropped.
        let asked = |kind: Kind| unsafe { kind(None) };
        ptr::fn_addr_eq(self.kind, Of::<T>::kind as Kind) || asked(self.kind) == TypeId::of::<T>()
    }

    /// The value, if it is a `T`.
    #[inline]
    pub(crate) fn take<T: 'static>(self) -> Result<T, Self> {
        if !self.is::<T>() {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: the type was checked, and `this` will not drop what is moved out here.
        Ok(unsafe { this.read() })
    }

    /// The value.
    ///
    /// # Safety
    ///
    /// It is a `T`, which the caller owns from here on: the payload is not used again, nor dropped.
    #[inline]
    pub(super) unsafe fn read<T: 'static>(&self) -> T {
        let room = self.room.as_ptr();
        // SAFETY: the caller says so.
        unsafe {
            if Of::<T>::INLINE { room.cast::<T>().read() } else { *room.cast::<Box<T>>().read() }
        }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // SAFETY: the payload still owns its value, and `drop` is called once.
        unsafe { (self.kind)(Some(&mut self.room)) };
    }
}
