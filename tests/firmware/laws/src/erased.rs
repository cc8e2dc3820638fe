//! Futures of one type and size, whatever is in them: what a `Box<dyn Future>` is where there is an allocator.

use core::future::Future;
use core::marker::{PhantomData, PhantomPinned};
use core::mem::MaybeUninit;
use core::pin::Pin;
use core::task::{Context, Poll};

/// A `Send` future of at most `PAIRS` times two machine words.
pub struct Erased<const PAIRS: usize> {
    room: MaybeUninit<[Pair; PAIRS]>,
    poll: unsafe fn(*mut (), &mut Context<'_>) -> Poll<()>,
    drop: unsafe fn(*mut ()),
    future: PhantomData<(*mut (), PhantomPinned)>,
}

/// Aligned for whatever futures hold.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Pair(#[expect(dead_code, reason = "it is room")] [usize; 2]);

// SAFETY: what is inside is `Send`, or it could not have been put there.
unsafe impl<const PAIRS: usize> Send for Erased<PAIRS> {}

impl<const PAIRS: usize> Erased<PAIRS> {
    /// Fails to compile if there is no room for it.
    pub fn new<F: Future<Output = ()> + Send + 'static>(future: F) -> Self {
        const {
            assert!(size_of::<F>() <= size_of::<[Pair; PAIRS]>(), "the future is too large");
            assert!(align_of::<F>() <= align_of::<Pair>(), "the future is aligned too strictly");
        }
        let mut erased = Self {
            room: MaybeUninit::uninit(),
            poll: poll::<F>,
            drop: drop::<F>,
            future: PhantomData,
        };
        // SAFETY: there is room for it, aligned well enough: see above.
        unsafe { erased.room.as_mut_ptr().cast::<F>().write(future) };
        erased
    }
}

/// # Safety
///
/// `future` points to an `F` that is pinned.
unsafe fn poll<F: Future<Output = ()>>(future: *mut (), cx: &mut Context<'_>) -> Poll<()> {
    // SAFETY: as promised.
    unsafe { Pin::new_unchecked(&mut *future.cast::<F>()) }.poll(cx)
}

/// # Safety
///
/// `future` points to an `F` that nobody touches afterwards.
unsafe fn drop<F>(future: *mut ()) {
    // SAFETY: as promised.
    unsafe { future.cast::<F>().drop_in_place() };
}

impl<const PAIRS: usize> Future for Erased<PAIRS> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: nothing is moved. The future inside is pinned because this is, and is of the type that `poll` is for.
        unsafe {
            let this = self.get_unchecked_mut();
            (this.poll)(this.room.as_mut_ptr().cast(), cx)
        }
    }
}

impl<const PAIRS: usize> Drop for Erased<PAIRS> {
    fn drop(&mut self) {
        // SAFETY: the future is there, is of the type that `drop` is for, and this is the last of it.
        unsafe { (self.drop)(self.room.as_mut_ptr().cast()) };
    }
}
