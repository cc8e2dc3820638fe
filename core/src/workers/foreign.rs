//! The futures of foreign code that workers run, each let go of by itself (laws 3, 14): see [`plan::body`](crate::plan).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::unwind::Contained;

pub(super) type Failure = Box<dyn Error + Send + Sync>;
pub(super) type Before = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// The futures before the workers, one after the other until one fails.
pub(super) struct OneByOne(VecDeque<Contained<Before>>);

impl OneByOne {
    pub(super) fn new(futures: Vec<Contained<Before>>) -> Self {
        Self(futures.into())
    }
}

impl Future for OneByOne {
    type Output = Result<(), Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some(first) = self.0.front_mut() {
            ready!(first.get_mut().as_mut().poll(cx))?;
            self.0.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}

pin_project! {
    /// Makes a worker's main future, and then is it.
    pub(super) struct Making<G, C, F> {
        make: Arc<Contained<G>>,
        context: Option<C>,
        #[pin]
        future: Option<F>,
    }
}

impl<G: Fn(C) -> F, C, F> Making<G, C, F> {
    pub(super) fn new(make: Arc<Contained<G>>, context: C) -> Self {
        Self { make, context: Some(context), future: None }
    }
}

impl<G: Fn(C) -> F, C, F: Future> Future for Making<G, C, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if let Some(context) = this.context.take() {
            this.future.set(Some((this.make.get())(context)));
        }
        match this.future.as_pin_mut() {
            Some(future) => future.poll(cx),
            // The making panicked, and whoever polls this saw that.
            None => Poll::Pending,
        }
    }
}
