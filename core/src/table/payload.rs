//! A task's output on its way to whoever takes it, its type forgotten. Small ones need no allocation.

use alloc::boxed::Box;
use core::any::TypeId;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr;

type Room = MaybeUninit<[usize; 2]>;

/// Owns a value of the type that `kind` was made for: in `room` itself where it fits, else in a box there.
pub(crate) struct Payload {
    room: Room,
    kind: &'static Kind,
}

struct Kind {
    type_id: fn() -> TypeId,
    /// Drops the value in the room. To be called once.
    drop: unsafe fn(*mut Room),
}

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
    const KIND: &'static Kind = &Kind { type_id: TypeId::of::<T>, drop: Self::drop };

    unsafe fn drop(room: *mut Room) {
        // SAFETY: the caller owns the value in the room, a `T` where that fits and a `Box<T>` where it does not.
        unsafe {
            if Self::INLINE {
                ptr::drop_in_place(room.cast::<T>());
            } else {
                ptr::drop_in_place(room.cast::<Box<T>>());
            }
        }
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
        Self { room, kind: Of::<T>::KIND }
    }

    #[inline]
    pub(crate) fn is<T: 'static>(&self) -> bool {
        // Mostly there is one for each type, but a compiler may make several.
        ptr::eq(self.kind, Of::<T>::KIND) || (self.kind.type_id)() == TypeId::of::<T>()
    }

    /// The value, if it is a `T`.
    #[inline]
    pub(crate) fn take<T: 'static>(self) -> Result<T, Self> {
        if !self.is::<T>() {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        let room = this.room.as_ptr();
        // SAFETY: the type was checked, and `this` will not drop what is moved out here.
        unsafe {
            if Of::<T>::INLINE {
                Ok(room.cast::<T>().read())
            } else {
                Ok(*room.cast::<Box<T>>().read())
            }
        }
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // SAFETY: the payload still owns its value, and `drop` is called once.
        unsafe { (self.kind.drop)(&raw mut self.room) }
    }
}
