//! What a planned task consists of. A future of foreign code's is nowhere awaited in an `async` block: that would drop it within its
//! own last poll, where a panic of the destructor takes the output along, or comes upon another one.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::bound::Bound;
use super::{Ended, Once};
use crate::Cx;
use crate::mode::Mode;
use crate::unwind::Contained;

pin_project! {
    /// A future, and what becomes of its output.
    pub(crate) struct Judged<F, V> {
        #[pin]
        future: F,
        verdict: V,
    }
}

impl<F, V> Judged<F, V> {
    pub(crate) fn new(future: F, verdict: V) -> Self {
        Self { future, verdict }
    }
}

impl<F: Future, T, V: Fn(F::Output) -> T> Future for Judged<F, V> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        this.future.poll(cx).map(this.verdict)
    }
}

type Making<A, M, B> = (Once<A, M, B>, Cx<A, M>);

/// The body of a planned task: makes the future and then is it.
pub struct InTask<A, M: Mode, B: Bound> {
    make: Option<Making<A, M, B>>,
    future: Option<B::Future>,
}

impl<A, M: Mode, B: Bound> Unpin for InTask<A, M, B> {}

impl<A, M: Mode, B: Bound> InTask<A, M, B> {
    pub(super) fn new(make: Once<A, M, B>, context: Cx<A, M>) -> Self {
        Self { make: Some((make, context)), future: None }
    }

    /// What would have made the future.
    pub(super) fn into_make(mut self) -> Option<Once<A, M, B>> {
        let (make, context) = self.make.take()?;
        drop(Contained::new(context));
        Some(make)
    }
}

impl<A, M: Mode, B: Bound> Drop for InTask<A, M, B> {
    /// Of what was not made both parts go, also if both destructors panic; what the first one panics with is the task's.
    fn drop(&mut self) {
        if let Some((make, context)) = self.make.take() {
            let context = Contained::new(context);
            drop(make);
            drop(context.into_inner());
        }
    }
}

impl<A, M: Mode, B: Bound> Future for InTask<A, M, B> {
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended> {
        let this = self.get_mut();
        if let Some((make, context)) = this.make.take() {
            this.future = Some(make(context));
        }
        match &mut this.future {
            Some(future) => Pin::new(future).poll(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl<A, M: Mode, B: Bound> fmt::Debug for InTask<A, M, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InTask").field("made", &self.future.is_some()).finish_non_exhaustive()
    }
}
