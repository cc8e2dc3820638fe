//! Where foreign code is called: a future's poll and destructor, an output's destructor, a waker.
//!
//! With std a panic is caught here and goes where law 14 says. Without std nothing can be caught: `catch` lets it
//! pass, and what has to be done all the same, such as to report the end and to wake who waits for it, is done while it does:
//! by the guards of callers, by [`guarded`], [`in_turn`] and [`each`]. If that panics as well, the program aborts. Where a panic
//! aborts anyway, as in firmware, there are no such guards.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

#[cfg(feature = "std")]
mod imp {
    use alloc::boxed::Box;
    use core::any::Any;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::Text;

    pub(crate) type Panic = Box<dyn Any + Send + 'static>;

    #[inline]
    pub(crate) fn catch<R>(foreign: impl FnOnce() -> R) -> Result<R, Panic> {
        catch_unwind(AssertUnwindSafe(foreign))
    }

    /// Lets go of a payload whose own destructor may panic, and of what that one throws; what is thrown by that, in turn, is leaked.
    pub(crate) fn discard(payload: Panic) {
        let thrown = |payload| catch(|| drop::<Panic>(payload)).err();
        core::mem::forget(thrown(payload).and_then(thrown));
    }

    pub(crate) fn into_any(payload: Panic) -> Box<dyn Any + Send> {
        payload
    }

    #[inline]
    pub(crate) fn message(payload: &Panic) -> Option<Text> {
        let text = match payload.downcast_ref::<&'static str>() {
            Some(text) => text,
            None => payload.downcast_ref::<alloc::string::String>()?.as_str(),
        };
        Some(Text::bounded(text))
    }
}

#[cfg(not(feature = "std"))]
mod imp {
    #[cfg(feature = "alloc")]
    use alloc::boxed::Box;

    use crate::Text;

    /// Nothing of this type exists: without std a panic is not caught.
    pub(crate) enum Panic {}

    #[inline]
    #[expect(clippy::unnecessary_wraps, reason = "the same signature as with std")]
    pub(crate) fn catch<R>(foreign: impl FnOnce() -> R) -> Result<R, Panic> {
        Ok(foreign())
    }

    pub(crate) fn discard(payload: Panic) {
        match payload {}
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn into_any(payload: Panic) -> Box<dyn core::any::Any + Send> {
        match payload {}
    }

    #[inline]
    pub(crate) fn message(payload: &Panic) -> Option<Text> {
        match *payload {}
    }
}

/// Steps of which none panics: what is foreign in them is contained there, or a panic ends the program.
#[cfg(any(feature = "std", panic = "abort"))]
mod steps {
    /// Runs what may call foreign code. No panic comes out of it, so `otherwise` is never called.
    #[inline]
    pub(crate) fn guarded(foreign: impl FnOnce(), _otherwise: impl FnOnce()) {
        foreign();
    }

    /// Does one after the other.
    #[inline]
    pub(crate) fn both<T>(of: T, first: impl FnOnce(&T), second: impl FnOnce(T)) {
        first(&of);
        second(of);
    }

    /// Takes one step after the other.
    macro_rules! in_turn {
        ($($step:expr);+ $(;)?) => {{ $($step;)+ }};
    }
    pub(crate) use in_turn;

    /// Calls `call` with each.
    #[cfg(feature = "alloc")]
    #[inline(always)]
    pub(crate) fn each<T>(items: alloc::vec::Vec<T>, call: impl Fn(T)) {
        for item in items {
            call(item);
        }
    }
}

/// Steps of which each may panic, and the others are taken all the same.
#[cfg(not(any(feature = "std", panic = "abort")))]
mod steps {
    /// Does what it was made for if it is dropped, which is while a panic passes.
    struct Otherwise<F: FnOnce()>(Option<F>);

    impl<F: FnOnce()> Drop for Otherwise<F> {
        #[inline]
        fn drop(&mut self) {
            if let Some(otherwise) = self.0.take() {
                otherwise();
            }
        }
    }

    /// Runs what may call foreign code, and `otherwise` while a panic of that passes.
    #[inline]
    pub(crate) fn guarded(foreign: impl FnOnce(), otherwise: impl FnOnce()) {
        let mut guard = Otherwise(Some(otherwise));
        foreign();
        guard.0 = None;
    }

    /// Does one after the other, the second also while a panic of the first passes.
    #[inline]
    pub(crate) fn both<T>(of: T, first: impl FnOnce(&T), second: impl FnOnce(T)) {
        struct Second<T, F: FnOnce(T)>(Option<(T, F)>);
        impl<T, F: FnOnce(T)> Drop for Second<T, F> {
            #[inline]
            fn drop(&mut self) {
                if let Some((of, second)) = self.0.take() {
                    second(of);
                }
            }
        }
        let second = Second(Some((of, second)));
        if let Some((of, _)) = &second.0 {
            first(of);
        }
    }

    /// Takes one step after the other, the later ones also while a panic of an earlier one passes.
    macro_rules! in_turn {
        ($step:expr $(;)?) => { $step };
        ($step:expr; $($rest:tt)+) => {
            $crate::unwind::both((), |()| $step, |()| $crate::unwind::in_turn!($($rest)+))
        };
    }
    pub(crate) use in_turn;

    /// Calls `call` with each, with the later ones also while a panic of an earlier call passes.
    #[cfg(feature = "alloc")]
    pub(crate) fn each<T>(items: alloc::vec::Vec<T>, call: impl Fn(T)) {
        fn go_on<T>(items: &mut alloc::vec::IntoIter<T>, call: &dyn Fn(T)) {
            while let Some(item) = items.next() {
                guarded(|| call(item), || go_on(items, call));
            }
        }
        go_on(&mut items.into_iter(), &call);
    }
}

#[cfg(feature = "alloc")]
pub(crate) use imp::into_any;
pub(crate) use imp::{Panic, catch, discard, message};
#[cfg(feature = "alloc")]
pub(crate) use steps::each;
pub(crate) use steps::{both, guarded, in_turn};

/// Runs foreign code whose panic concerns nobody who could be told.
#[inline]
pub(crate) fn contain(foreign: impl FnOnce()) {
    if let Err(payload) = catch(foreign) {
        discard(payload);
    }
}

/// Drops what is foreign, if there is anything: mostly there is not.
#[inline]
pub(crate) fn let_go<T>(foreign: Option<T>) {
    if let Some(foreign) = foreign {
        contain(|| drop(foreign));
    }
}

/// Polls what only has to be over. What its output's destructor panics with concerns nobody.
#[inline]
pub(crate) fn poll_over<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<()> {
    future.poll(cx).map(|output| let_go(Some(output)))
}

/// Wakes whoever waits, if anybody does.
#[cfg_attr(feature = "alloc", inline)]
#[cfg_attr(not(feature = "alloc"), inline(never))]
pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        contain(|| waker.wake());
    }
}

/// A value of foreign code's, beside others of which each is let go of although one panics at that.
#[cfg(feature = "alloc")]
#[expect(missing_debug_implementations, reason = "nobody outside can name it")]
pub struct Contained<T>(Option<T>);

#[cfg(feature = "alloc")]
impl<T> Contained<T> {
    pub(crate) fn new(foreign: T) -> Self {
        Self(Some(foreign))
    }

    pub(crate) fn get(&self) -> &T {
        self.0.as_ref().expect("it is taken where this goes alone")
    }

    #[cfg(feature = "std")]
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("it is taken where this goes alone")
    }

    /// The value, whose destructor is the caller's affair from now on.
    pub(crate) fn into_inner(mut self) -> T {
        self.0.take().expect("it is taken where this goes alone")
    }
}

#[cfg(feature = "alloc")]
impl<T> Drop for Contained<T> {
    fn drop(&mut self) {
        let_go(self.0.take());
    }
}
