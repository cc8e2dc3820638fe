//! What a task may carry besides its future: a grace, a timeout, a cleanup, a verdict on its output.
//!
//! All of it is type parameters of the wrapper, so that a task without costs nothing, and one with needs no box. The
//! [`TaskBuilder`](crate::TaskBuilder) puts them together.

#[cfg(feature = "alloc")]
mod fallible;
#[cfg(feature = "alloc")]
mod renew;

use core::future::Future;
#[cfg(feature = "alloc")]
use core::marker::PhantomData;
use core::pin::Pin;
#[cfg(feature = "alloc")]
use core::pin::pin;
use core::task::{Context, Poll};

#[cfg(feature = "alloc")]
pub use fallible::Fallible;
use pin_project_lite::pin_project;
#[cfg(feature = "alloc")]
pub use renew::Renew;
#[cfg(feature = "alloc")]
pub(crate) use renew::sealed as again;

pub(crate) use sealed::Held;

use crate::unwind::{contain, poll_over};
use crate::{Outcome, Text};

/// The terms a task runs under. Sealed: `()` for none, and what the builder makes.
pub trait Terms<T>: sealed::Terms<T> {}

impl<T, X: sealed::Terms<T>> Terms<T> for X {}

pub(crate) mod sealed {
    use super::{Context, Future, Outcome, Pin, Poll, Text};
    use crate::slot::{Fate, Words};

    /// How a task ended, until its cleanup is over.
    #[expect(missing_debug_implementations, reason = "nobody outside can name it")]
    pub struct Held<O> {
        pub(crate) fate: Fate,
        pub(crate) output: Option<O>,
        pub(crate) words: Words,
    }

    pub trait Terms<T> {
        type Cleanup: Future<Output = ()>;
        /// What is kept beside the cleanup: nothing where there is none, so that no task has room for it in vain.
        type Held<O: Send>: Send;

        /// Whether these are no terms at all.
        const NONE: bool = false;

        /// Whether a request to stop starts a grace that the task has itself.
        const GRACE: bool;

        /// Ready when the grace, which has begun, is over.
        fn poll_grace(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

        /// Ready, once, when the task has had its time.
        fn poll_timeout(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

        /// Whether an output is a failure.
        fn is_failure(output: &T) -> bool;

        /// What to say of one that is.
        fn failure(output: &T) -> Option<Text>;

        /// What is to run once the future is gone; the first time only.
        fn cleanup(self: Pin<&mut Self>, end: impl FnOnce() -> Outcome) -> Option<Self::Cleanup>;

        /// Whether there is a cleanup that was not made.
        fn has_cleanup(&self) -> bool;

        /// Keeps what is known of the end beside this cleanup.
        fn hold<O: Send>(cleanup: &Self::Cleanup, held: Held<O>) -> Self::Held<O>;

        /// What was kept.
        fn held<O: Send>(held: Self::Held<O>) -> Held<O>;

        /// Ready when the cleanup has had its time.
        fn poll_deadline(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;

        /// Lets go of all that is left, before the end is told (law 2).
        fn clear(self: Pin<&mut Self>);
    }
}

/// Terms of which, when this goes, each part is let go of by itself (law 14).
#[cfg(feature = "alloc")]
pub(crate) struct Apart<X: sealed::Terms<T>, T>(Option<X>, PhantomData<fn(T)>);

#[cfg(feature = "alloc")]
impl<X: sealed::Terms<T>, T> Apart<X, T> {
    pub(crate) fn new(terms: X) -> Self {
        Self(Some(terms), PhantomData)
    }

    pub(crate) fn get(&self) -> &X {
        self.0.as_ref().expect("it is taken where this goes alone")
    }

    /// The terms, which go with a task now.
    pub(crate) fn into_inner(mut self) -> X {
        self.0.take().expect("it is taken where this goes alone")
    }
}

#[cfg(feature = "alloc")]
impl<X: sealed::Terms<T>, T> Drop for Apart<X, T> {
    fn drop(&mut self) {
        if let Some(terms) = self.0.take() {
            pin!(terms).as_mut().clear();
        }
    }
}

/// The cleanup of a task that has none: there is no such future.
#[derive(Clone, Copy, Debug)]
pub enum Never {}

impl Future for Never {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match *self {}
    }
}

impl<T> sealed::Terms<T> for () {
    type Cleanup = Never;
    type Held<O: Send> = Never;
    const NONE: bool = true;
    const GRACE: bool = false;

    fn poll_grace(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
    fn poll_timeout(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
    fn is_failure(_: &T) -> bool {
        false
    }
    fn failure(_: &T) -> Option<Text> {
        None
    }
    fn cleanup(self: Pin<&mut Self>, _: impl FnOnce() -> Outcome) -> Option<Never> {
        None
    }
    fn has_cleanup(&self) -> bool {
        false
    }
    fn hold<O: Send>(cleanup: &Never, _: Held<O>) -> Never {
        match *cleanup {}
    }
    fn held<O: Send>(held: Never) -> Held<O> {
        match held {}
    }
    fn poll_deadline(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
    fn clear(self: Pin<&mut Self>) {}
}

pin_project! {
    /// Terms with one more: what a request to stop grants before the future is dropped.
    #[derive(Debug)]
    pub struct Graced<X, G, D> {
        #[pin]
        rest: X,
        make: Option<G>,
        #[pin]
        grace: Option<D>,
    }
}

#[cfg(feature = "alloc")]
impl<X, G, D> Graced<X, G, D> {
    pub(crate) fn new(rest: X, make: G) -> Self {
        Self { rest, make: Some(make), grace: None }
    }
}

impl<T, X, G, D> sealed::Terms<T> for Graced<X, G, D>
where
    X: sealed::Terms<T>,
    G: FnOnce() -> D,
    D: Future,
{
    type Cleanup = X::Cleanup;
    type Held<O: Send> = X::Held<O>;
    const GRACE: bool = true;

    fn poll_grace(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if let Some(make) = this.make.take() {
            this.grace.set(Some(make()));
        }
        match this.grace.as_mut().as_pin_mut() {
            Some(grace) => poll_over(grace, cx).map(|()| this.grace.set(None)),
            None => Poll::Pending,
        }
    }
    fn poll_timeout(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().rest.poll_timeout(cx)
    }
    fn is_failure(output: &T) -> bool {
        X::is_failure(output)
    }
    fn failure(output: &T) -> Option<Text> {
        X::failure(output)
    }
    fn cleanup(self: Pin<&mut Self>, end: impl FnOnce() -> Outcome) -> Option<X::Cleanup> {
        self.project().rest.cleanup(end)
    }
    fn has_cleanup(&self) -> bool {
        self.rest.has_cleanup()
    }
    fn hold<O: Send>(cleanup: &X::Cleanup, held: Held<O>) -> X::Held<O> {
        X::hold(cleanup, held)
    }
    fn held<O: Send>(held: X::Held<O>) -> Held<O> {
        X::held(held)
    }
    fn poll_deadline(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().rest.poll_deadline(cx)
    }
    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        contain(|| *this.make = None);
        contain(|| this.grace.set(None));
        this.rest.clear();
    }
}

pin_project! {
    /// Terms with one more: a time after which the task is asked to stop.
    #[derive(Debug)]
    pub struct Timed<X, D> {
        #[pin]
        rest: X,
        #[pin]
        timeout: Option<D>,
    }
}

#[cfg(feature = "alloc")]
impl<X, D> Timed<X, D> {
    pub(crate) fn new(rest: X, timeout: D) -> Self {
        Self { rest, timeout: Some(timeout) }
    }
}

impl<T, X: sealed::Terms<T>, D: Future> sealed::Terms<T> for Timed<X, D> {
    type Cleanup = X::Cleanup;
    type Held<O: Send> = X::Held<O>;
    const GRACE: bool = X::GRACE;

    fn poll_grace(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().rest.poll_grace(cx)
    }
    fn poll_timeout(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        match this.timeout.as_mut().as_pin_mut() {
            Some(timeout) => poll_over(timeout, cx).map(|()| this.timeout.set(None)),
            None => Poll::Pending,
        }
    }
    fn is_failure(output: &T) -> bool {
        X::is_failure(output)
    }
    fn failure(output: &T) -> Option<Text> {
        X::failure(output)
    }
    fn cleanup(self: Pin<&mut Self>, end: impl FnOnce() -> Outcome) -> Option<X::Cleanup> {
        self.project().rest.cleanup(end)
    }
    fn has_cleanup(&self) -> bool {
        self.rest.has_cleanup()
    }
    fn hold<O: Send>(cleanup: &X::Cleanup, held: Held<O>) -> X::Held<O> {
        X::hold(cleanup, held)
    }
    fn held<O: Send>(held: X::Held<O>) -> Held<O> {
        X::held(held)
    }
    fn poll_deadline(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().rest.poll_deadline(cx)
    }
    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        contain(|| this.timeout.set(None));
        this.rest.clear();
    }
}

pin_project! {
    /// Terms with one more: what runs on the executor when the future is gone, and how long it may.
    #[derive(Debug)]
    pub struct Cleaned<X, K, L, D> {
        #[pin]
        rest: X,
        make: Option<K>,
        make_deadline: Option<L>,
        #[pin]
        deadline: Option<D>,
    }
}

#[cfg(feature = "alloc")]
impl<X, K, L, D> Cleaned<X, K, L, D> {
    pub(crate) fn new(rest: X, cleanup: K, deadline: L) -> Self {
        Self { rest, make: Some(cleanup), make_deadline: Some(deadline), deadline: None }
    }
}

impl<T, X, K, C, L, D> sealed::Terms<T> for Cleaned<X, K, L, D>
where
    X: sealed::Terms<T>,
    K: FnOnce(Outcome) -> C,
    C: Future<Output = ()>,
    L: FnOnce() -> D,
    D: Future,
{
    type Cleanup = C;
    type Held<O: Send> = Held<O>;
    const GRACE: bool = X::GRACE;

    fn poll_grace(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().rest.poll_grace(cx)
    }
    fn poll_timeout(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().rest.poll_timeout(cx)
    }
    fn is_failure(output: &T) -> bool {
        X::is_failure(output)
    }
    fn failure(output: &T) -> Option<Text> {
        X::failure(output)
    }
    fn cleanup(self: Pin<&mut Self>, end: impl FnOnce() -> Outcome) -> Option<C> {
        let mut this = self.project();
        let make_deadline = this.make_deadline.take()?;
        // If this panics, the cleanup is still among the terms, which are let go of apart.
        this.deadline.set(Some(make_deadline()));
        let make = this.make.take()?;
        Some(make(end()))
    }
    fn has_cleanup(&self) -> bool {
        self.make.is_some()
    }
    fn hold<O: Send>(_: &C, held: Held<O>) -> Held<O> {
        held
    }
    fn held<O: Send>(held: Held<O>) -> Held<O> {
        held
    }
    fn poll_deadline(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().deadline.as_pin_mut() {
            Some(deadline) => poll_over(deadline, cx),
            None => Poll::Pending,
        }
    }
    fn clear(self: Pin<&mut Self>) {
        let mut this = self.project();
        contain(|| *this.make = None);
        contain(|| *this.make_deadline = None);
        contain(|| this.deadline.set(None));
        this.rest.clear();
    }
}
