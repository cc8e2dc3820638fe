#[cfg(feature = "alloc")]
mod all;

#[cfg(feature = "alloc")]
use alloc::string::String;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

#[cfg(feature = "alloc")]
pub use all::CancellingAll;

use crate::mode::Storage;
use crate::slot::Urgency;
use crate::unwind::poll_over;
use crate::{Never, TaskRef, Text, Wait};
use core::num::NonZeroU8;

/// How to ask a task to stop: with a reason, with a grace, if you like. A string is a reason.
///
/// ```
/// use task_registry_core::Cancel;
/// let cancel = Cancel::new().reason("the client left");
/// let same: Cancel = "the client left".into();
/// let patient = Cancel::new().reason("going down").grace(std::future::ready(()));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Cancel<G = Never, R = Option<Text>> {
    pub(crate) reason: R,
    pub(crate) grace: Option<G>,
    pub(crate) urgency: Urgency,
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}

impl Cancel {
    /// Without a reason, and without a grace but the one that the task has itself.
    pub const fn new() -> Self {
        Self { reason: None, grace: None, urgency: Urgency::Own }
    }
}

impl<R> Cancel<Never, R> {
    /// At once, whatever grace the task has itself, and whatever grace another request gave it.
    pub fn now(mut self) -> Self {
        self.urgency = Urgency::Now;
        self
    }

    /// Grants a grace: the task's token fires at once, and its future is dropped when `grace` is ready, unless it has
    /// ended by then.
    ///
    /// Any future is one, a sleep for instance. It is polled by the future that cancelling returns, and dropping that
    /// ends it at once (law 1). In place of the grace that the task may have itself.
    pub fn grace<G: Future>(self, grace: G) -> Cancel<G, R> {
        Cancel { reason: self.reason, grace: Some(grace), urgency: Urgency::Graced }
    }
}

impl Cancel<Never, Option<NonZeroU8>> {
    /// Why, in a fixed table: a number of yours, which stands in [`StaticOutcome`](crate::StaticOutcome). 0 is no reason,
    /// so `Cancel::code(0).grace(..)` is a grace without one.
    pub const fn code(code: u8) -> Self {
        Self { reason: NonZeroU8::new(code), grace: None, urgency: Urgency::Own }
    }
}

impl From<u8> for Cancel<Never, Option<NonZeroU8>> {
    fn from(code: u8) -> Self {
        Self::code(code)
    }
}

impl<G> Cancel<G> {
    /// Why. It stands in the outcome, where [`Outcome::reason`](crate::Outcome::reason) finds it.
    pub fn reason(mut self, reason: impl Into<Text>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

impl From<&'static str> for Cancel {
    fn from(reason: &'static str) -> Self {
        Self::new().reason(reason)
    }
}

#[cfg(feature = "alloc")]
impl From<String> for Cancel {
    fn from(reason: String) -> Self {
        Self::new().reason(reason)
    }
}

pin_project! {
    /// A task that was asked to stop: await it to know that it has, and how it ended.
    ///
    /// The request stands whether this is awaited or not, and dropping it undoes nothing, though it ends a grace
    /// (law 1); so it is not `#[must_use]`. It resolves once the task's future, and what that owned, has been dropped
    /// and its cleanup is over (law 2). Awaiting it inside the task itself ends the task at that `await` (law 5), but not
    /// under a [shield](crate::Cx::shield), where it waits for ever, nor in the cleanup, where it waits until the deadline.
    pub struct Cancelling<M: Storage, G = Never> {
        #[pin]
        wait: Wait<M>,
        #[pin]
        grace: Option<G>,
    }

    impl<M: Storage, G> PinnedDrop for Cancelling<M, G> {
        fn drop(this: Pin<&mut Self>) {
            if this.grace.is_some() {
                this.wait.slot().cancel(M::Reason::default(), Urgency::Now);
            }
        }
    }
}

impl<M: Storage, G: Future> Cancelling<M, G> {
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn new(wait: Wait<M>, grace: Option<G>) -> Self {
        Self { wait, grace }
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> TaskRef<M> {
        TaskRef(self.wait.slot().clone())
    }

    /// Blocks the thread until the task has ended. Not for use inside a task.
    #[cfg(feature = "std")]
    pub fn wait_blocking(self) -> M::Outcome {
        crate::blocking::block_on(self)
    }
}

impl<M: Storage, G: Future> Future for Cancelling<M, G> {
    type Output = M::Outcome;

    #[cfg_attr(feature = "alloc", inline)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<M::Outcome> {
        let mut this = self.project();
        if let Some(grace) = this.grace.as_mut().as_pin_mut() {
            if poll_over(grace, cx).is_ready() {
                this.wait.slot().cancel(M::Reason::default(), Urgency::Now);
                // After that: its destructor may panic.
                this.grace.set(None);
            }
        }
        let ended = this.wait.poll(cx);
        if ended.is_ready() {
            this.grace.set(None);
        }
        ended
    }
}

impl<M: Storage, G> fmt::Debug for Cancelling<M, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancelling").field(self.wait.slot()).finish()
    }
}
