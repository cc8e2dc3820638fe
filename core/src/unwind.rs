//! Where foreign code is called: a future's poll and destructor, an output's destructor, a waker.
//!
//! With std a panic is caught here and goes where law 14 says. Without std nothing can be caught: `catch` lets it
//! pass, and the guards of its callers see to it that the end is reported all the same.

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

    /// Lets go of a payload whose own destructor may panic; what that one throws is leaked.
    pub(crate) fn discard(payload: Panic) {
        if let Err(second) = catch(|| drop(payload)) {
            core::mem::forget(second);
        }
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

#[cfg(feature = "alloc")]
pub(crate) use imp::into_any;
pub(crate) use imp::{Panic, catch, discard, message};

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
