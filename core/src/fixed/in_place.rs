use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::{StaticRun, StaticTicket};
use crate::mode::{Fixed, Locking};
use crate::slot::SlotRef;
use crate::{SpawnError, Tracked, TrySpawnError};

/// A future that stays in a place of the caller's, and is dropped there: what [`Ticket::run_in`](crate::Ticket::run_in) and
/// [`Ticket::track_in`](crate::Ticket::track_in) wrap. A pointer in size.
pub struct InPlace<'a, F>(Pin<&'a mut Option<F>>);

impl<F: Future> Future for InPlace<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // There is none if the place was empty from the start: a future that is never ready.
        self.0.as_mut().as_pin_mut().map_or(Poll::Pending, |future| future.poll(cx))
    }
}

impl<F> InPlace<'_, F> {
    /// Leaves the future where it is.
    fn give_back(error: TrySpawnError<Self>) -> SpawnError {
        let (kind, in_place) = error.into_parts();
        core::mem::forget(in_place);
        kind
    }
}

impl<F> Drop for InPlace<'_, F> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

impl<F> fmt::Debug for InPlace<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InPlace").finish_non_exhaustive()
    }
}

impl<L: Locking> StaticTicket<L> {
    /// [`run`](StaticTicket::run), for a large future: it is made in its place and never moved, so it takes no more stack than
    /// without a registry. What is given to `run` goes over the stack, up to twice, unless the compiler sees a way around; see
    /// [`run_with`](StaticTicket::run_with) for one.
    ///
    /// When the task ends the future is dropped, in its place, and the place is `None` (law 2). An empty place is a task that
    /// is never ready.
    ///
    /// ```
    /// use core::pin::pin;
    /// use task_registry_core::{StaticOutcome, StaticRegistry, mode};
    ///
    /// static TASKS: StaticRegistry<mode::Sync, 1> = StaticRegistry::new();
    ///
    /// async fn large() {
    ///     let buffer = [0u8; 16 * 1024];
    ///     // an await
    /// #   core::future::ready(()).await;
    /// #   drop(buffer);
    /// }
    ///
    /// # futures_lite::future::block_on(async {
    /// let ticket = TASKS.tasks().reserve("large")?;
    /// let mut place = pin!(Some(large()));
    /// assert_eq!(ticket.run_in(place.as_mut())?.await, StaticOutcome::Completed);
    /// assert!(place.is_none());
    /// # Ok::<(), task_registry_core::SpawnError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](StaticTicket::run); the future stays in its place.
    pub fn run_in<F>(
        self,
        place: Pin<&mut Option<F>>,
    ) -> Result<StaticRun<InPlace<'_, F>, L>, SpawnError>
    where
        F: Future<Output: 'static>,
    {
        self.run(InPlace(place)).map_err(InPlace::give_back)
    }

    /// [`track`](StaticTicket::track) for a large future, as [`run_in`](StaticTicket::run_in): for one that lies in a static,
    /// and an executor that is given references.
    ///
    /// # Errors
    ///
    /// As [`run`](StaticTicket::run); the future stays in its place.
    pub fn track_in<F>(
        self,
        place: Pin<&mut Option<F>>,
    ) -> Result<Tracked<InPlace<'_, F>, Fixed<L>>, SpawnError>
    where
        F: Future<Output: 'static>,
    {
        self.track(InPlace(place)).map_err(InPlace::give_back)
    }

    /// [`run`](StaticTicket::run), of a future that is made here, once it is known that it may run: there is none to come back in
    /// an error, and so the compiler can make a large one where it is to be.
    ///
    /// ```
    /// # use task_registry_core::{StaticTicket, mode::Unsync};
    /// # async fn large() {}
    /// async fn body(ticket: StaticTicket<Unsync>) {
    ///     let Ok(run) = ticket.run_with(large) else { return };
    ///     run.await;
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](StaticTicket::run); `make` is not called.
    #[inline(always)]
    pub fn run_with<F>(self, make: impl FnOnce() -> F) -> Result<StaticRun<F, L>, SpawnError>
    where
        F: Future<Output: 'static>,
    {
        Ok(StaticRun { tracked: self.track_with(make)? })
    }

    /// [`track`](StaticTicket::track), of a future that is made here: see [`run_with`](StaticTicket::run_with).
    ///
    /// # Errors
    ///
    /// As [`run`](StaticTicket::run); `make` is not called.
    #[inline(always)]
    pub fn track_with<F>(
        mut self,
        make: impl FnOnce() -> F,
    ) -> Result<Tracked<F, Fixed<L>>, SpawnError>
    where
        F: Future<Output: 'static>,
    {
        let mut claimed = Claimed(Some(self.claim()?));
        let future = make();
        let slot = claimed.0.take().ok_or(SpawnError::Cancelled)?;
        Ok(Tracked::new(future, slot, ()))
    }
}

/// A place that is given back if `make` panics.
struct Claimed<L: Locking>(Option<SlotRef<Fixed<L>>>);

impl<L: Locking> Drop for Claimed<L> {
    #[inline]
    fn drop(&mut self) {
        if let Some(slot) = self.0.take() {
            slot.withdraw();
        }
    }
}
