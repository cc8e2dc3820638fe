use core::fmt::Display;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Held, again as renew, sealed};
use crate::unwind::{catch, discard};
use crate::{Outcome, Text};

pin_project! {
    /// Terms with one more: an `Err` is a failure, and what it displays is kept.
    #[derive(Debug)]
    pub struct Fallible<X> {
        #[pin]
        rest: X,
    }
}

impl<X> Fallible<X> {
    pub(crate) fn new(rest: X) -> Self {
        Self { rest }
    }
}

impl<T, E, X> sealed::Terms<Result<T, E>> for Fallible<X>
where
    E: Display,
    X: sealed::Terms<Result<T, E>>,
{
    type Cleanup = X::Cleanup;
    type Held<O: Send> = X::Held<O>;
    const GRACE: bool = X::GRACE;

    fn poll_grace(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().rest.poll_grace(cx)
    }
    fn poll_timeout(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().rest.poll_timeout(cx)
    }
    fn is_failure(output: &Result<T, E>) -> bool {
        output.is_err()
    }
    fn failure(output: &Result<T, E>) -> Option<Text> {
        let error = output.as_ref().err()?;
        Some(catch(|| Text::displayed(error)).unwrap_or_else(|panic| {
            discard(panic);
            "an error that panics when it is displayed".into()
        }))
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
        self.project().rest.clear();
    }
}

impl<X: renew::Renew> renew::Renew for Fallible<X> {
    type Recipe = X::Recipe;
    fn recipe(&self) -> Self::Recipe {
        self.rest.recipe()
    }
    fn renew(rest: &Self::Recipe) -> Self {
        Self { rest: X::renew(rest) }
    }
}
