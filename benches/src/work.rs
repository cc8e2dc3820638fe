//! What the tasks do: as little as can be, so that the rest is what is measured.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// Something that makes the future of a task. `Copy`, because taskvisor makes futures anew; all others do it once.
pub trait Work: Copy + Send + Sync + 'static {
    /// The future.
    type Future: Future<Output = u64> + Send + 'static;

    /// Makes it.
    fn start(self) -> Self::Future;

    /// What it returns, if it ever does: for who cannot say what a task returned.
    fn output(self) -> Option<u64>;
}

/// Returns its number at once.
#[derive(Clone, Copy, Debug)]
pub struct Ready(pub u64);

impl Work for Ready {
    type Future = std::future::Ready<u64>;
    #[inline]
    fn start(self) -> Self::Future {
        std::future::ready(self.0)
    }
    fn output(self) -> Option<u64> {
        Some(self.0)
    }
}

/// Returns its number at once, and says that it was polled.
#[derive(Clone, Copy, Debug)]
pub struct Counted(pub u64, pub &'static Gauge);

impl Work for Counted {
    type Future = Counted;
    #[inline]
    fn start(self) -> Self {
        self
    }
    fn output(self) -> Option<u64> {
        Some(self.0)
    }
}

impl Future for Counted {
    type Output = u64;
    #[inline]
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u64> {
        self.1.arrive();
        Poll::Ready(self.0)
    }
}

/// Is pending so many times, each time having woken itself; then returns how often that was.
#[derive(Clone, Copy, Debug)]
pub struct Yielding(pub u64);

impl Work for Yielding {
    type Future = Yields;
    #[inline]
    fn start(self) -> Yields {
        Yields { done: 0, all: self.0 }
    }
    fn output(self) -> Option<u64> {
        Some(self.0)
    }
}

/// The future of [`Yielding`].
#[derive(Debug)]
pub struct Yields {
    done: u64,
    all: u64,
}

impl Future for Yields {
    type Output = u64;
    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        if self.done == self.all {
            return Poll::Ready(self.done);
        }
        self.done += 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Waits for ever, and says when it was first polled.
#[derive(Clone, Copy, Debug)]
pub struct Idle(pub &'static Gauge);

impl Work for Idle {
    type Future = Idling;
    #[inline]
    fn start(self) -> Idling {
        if self.0.watching {
            self.0.live.fetch_add(1, SeqCst);
        }
        Idling { gauge: self.0, started: false }
    }
    fn output(self) -> Option<u64> {
        None
    }
}

/// The future of [`Idle`].
#[derive(Debug)]
pub struct Idling {
    gauge: &'static Gauge,
    started: bool,
}

impl Future for Idling {
    type Output = u64;
    #[inline]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u64> {
        if !self.started {
            self.started = true;
            self.gauge.arrive();
        }
        Poll::Pending
    }
}

impl Drop for Idling {
    #[inline]
    fn drop(&mut self) {
        if self.gauge.watching {
            self.gauge.live.fetch_sub(1, SeqCst);
        }
    }
}

/// How many idle tasks have been polled, and, where that is checked, how many there are.
#[derive(Debug)]
pub struct Gauge {
    watching: bool,
    live: AtomicUsize,
    started: AtomicUsize,
    awaited: AtomicUsize,
    waiting: AtomicBool,
    waker: AtomicWaker,
}

impl Gauge {
    /// A gauge; `watching` counts the futures that are there, which timed runs do without. Never freed: one per case.
    #[must_use]
    pub fn new(watching: bool) -> &'static Self {
        Box::leak(Box::new(Self {
            watching,
            live: AtomicUsize::new(0),
            started: AtomicUsize::new(0),
            awaited: AtomicUsize::new(0),
            waiting: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        }))
    }

    /// Whether futures are counted.
    #[inline]
    #[must_use]
    pub fn is_watching(&self) -> bool {
        self.watching
    }

    /// Asserts that just `expected` futures are there, if they are counted.
    #[inline]
    pub fn assert_live(&self, expected: usize) {
        if self.watching {
            assert_eq!(self.live.load(SeqCst), expected, "futures that have not been dropped");
        }
    }

    /// Waits until `count` more futures than at the last call have been polled for the first time.
    pub async fn started(&self, count: usize) {
        let awaited = self.awaited.load(SeqCst) + count;
        self.awaited.store(awaited, SeqCst);
        self.waiting.store(true, SeqCst);
        std::future::poll_fn(|cx| {
            self.waker.register(cx.waker());
            if self.started.load(SeqCst) < awaited { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        self.waiting.store(false, SeqCst);
    }

    /// The same future, which says when it was first polled.
    pub fn counts<F: Future>(&'static self, future: F) -> Counting<F> {
        Counting { future: Box::pin(future), gauge: self, started: false }
    }

    #[inline]
    fn arrive(&self) {
        let started = self.started.fetch_add(1, SeqCst) + 1;
        if self.waiting.load(SeqCst) && started == self.awaited.load(SeqCst) {
            self.waker.wake();
        }
    }
}

/// What [`Gauge::counts`] returns.
#[derive(Debug)]
pub struct Counting<F> {
    future: Pin<Box<F>>,
    gauge: &'static Gauge,
    started: bool,
}

impl<F: Future> Future for Counting<F> {
    type Output = F::Output;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let polled = self.future.as_mut().poll(cx);
        if !self.started {
            self.started = true;
            self.gauge.arrive();
        }
        polled
    }
}
