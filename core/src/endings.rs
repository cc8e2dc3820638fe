use alloc::boxed::Box;
use core::cell::Cell;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::Stream;

use crate::mode::Mode;
use crate::table::{CoreRef, Watch};
use crate::wait::Waiter;

use crate::table::TaskEnd;

/// That a reader was too slow: so many endings were lost to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged(pub u64);

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} endings were lost to a slow reader", self.0)
    }
}

impl core::error::Error for Lagged {}

/// What ends, in the order of ending, from when [`Tasks::endings`](crate::Tasks::endings) was called.
///
/// Several readers each see all of it. 1,024 endings are kept for the slowest; one that falls behind further is
/// told how many it lost, and goes on with the oldest that is kept. Also a `Stream`.
///
/// It does not keep tasks running, nor the registry open. Following costs each ending a lock and a copy of the name,
/// and a reader one allocation; in a registry that keeps no records also a look at each task.
pub struct Endings<M: Mode> {
    waiter: Pin<Box<Waiter<Watch<M>>>>,
    next: u64,
}

impl<M: Mode> Endings<M> {
    pub(crate) fn new(core: CoreRef<M>) -> Self {
        let next = core.follow();
        let watch = Watch::new(core, |core| &core.ended.arrived);
        Self { waiter: Box::pin(Waiter::new(watch, 0)), next }
    }

    /// The next ending if there is one, without waiting.
    pub fn try_next_ended(&mut self) -> Option<Result<TaskEnd, Lagged>> {
        read(&self.waiter.place.core, &mut self.next)
    }

    /// Waits for the next ending. `None` once the registry is closed, all its tasks have ended, and all was read.
    ///
    /// Cancel safe: an ending that was not returned will be.
    pub fn next_ended(&mut self) -> NextEnded<'_, M> {
        NextEnded { endings: self }
    }
}

impl<M: Mode> Drop for Endings<M> {
    fn drop(&mut self) {
        self.waiter.place.core.ended.unsubscribe();
    }
}

fn read<M: Mode>(core: &CoreRef<M>, next: &mut u64) -> Option<Result<TaskEnd, Lagged>> {
    let read = core.ended.read(*next)?;
    *next += match &read {
        Ok(_) => 1,
        Err(lost) => *lost,
    };
    Some(read.map_err(Lagged))
}

impl<M: Mode> Stream for Endings<M> {
    type Item = Result<TaskEnd, Lagged>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let next = Cell::new(this.next);
        let polled = this.waiter.as_mut().poll_until(cx, |place| {
            // Looked at first: what ended before the registry was at rest is in the ring by now.
            let over = place.core.is_closed() && place.core.is_idle();
            let mut number = next.get();
            let read = read(&place.core, &mut number);
            next.set(number);
            if read.is_none() && !over { None } else { Some(read) }
        });
        this.next = next.get();
        polled
    }
}

impl<M: Mode> fmt::Debug for Endings<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endings").field("next", &self.next).finish_non_exhaustive()
    }
}

/// Waits for the next ending: what [`Endings::next_ended`] returns.
#[must_use = "futures do nothing unless polled"]
pub struct NextEnded<'a, M: Mode> {
    endings: &'a mut Endings<M>,
}

impl<M: Mode> Future for NextEnded<'_, M> {
    type Output = Option<Result<TaskEnd, Lagged>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut *self.get_mut().endings).poll_next(cx)
    }
}

impl<M: Mode> fmt::Debug for NextEnded<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NextEnded").field(&self.endings).finish()
    }
}
