//! What cases are written with: gates, counts, wakers. Nothing here sleeps or reads a clock.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fails the case with the law that it is named after, unless `$holds`.
macro_rules! ensure {
    ($bench:expr, $holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err($bench.fault(format!($($why)+)));
        }
    };
}
pub(crate) use ensure;

/// How often something happened, or that it did.
#[derive(Clone, Default, Debug)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
    pub(crate) fn happened(&self) -> bool {
        self.get() > 0
    }
}

/// Closed until it is opened, then open for good; tasks wait before it.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Gate {
    pub(crate) fn open(&self) {
        let wakers = {
            let mut gate = lock(&self.0);
            gate.0 = true;
            std::mem::take(&mut gate.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn pass(&self) -> impl Future<Output = ()> + Send + use<> {
        let gate = self.clone();
        poll_fn(move |cx| {
            let waker = cx.waker().clone();
            let mut gate = lock(&gate.0);
            if gate.0 {
                drop(gate);
                return Poll::Ready(());
            }
            keep(&mut gate.1, waker);
            Poll::Pending
        })
    }
}

/// Adds a waker to those that are there, unless it is one of them. What it replaces is dropped by whoever wakes them all.
pub(crate) fn keep(wakers: &mut Vec<Waker>, waker: Waker) {
    if !wakers.iter().any(|kept| kept.will_wake(&waker)) {
        wakers.push(waker);
    }
}

/// Is pending once, having woken its task.
pub(crate) fn yield_now() -> impl Future<Output = ()> + Send {
    let mut yielded = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

pub(crate) fn poll_with<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// A waker that calls `call` at each wake.
pub(crate) fn waker_calling(call: impl Fn() + Send + Sync + 'static) -> Waker {
    struct Calling<C>(C);
    impl<C: Fn() + Send + Sync> Wake for Calling<C> {
        fn wake(self: Arc<Self>) {
            (self.0)();
        }
    }
    Waker::from(Arc::new(Calling(call)))
}

/// Panics without a word on standard error.
pub(crate) fn blow_up(payload: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(payload))
}

/// What somebody panicked with, in words.
pub(crate) fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&'static str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no words".into())
}

/// Calls its function when it is dropped, on whatever thread that is.
pub(crate) struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnDrop<F> {
    pub(crate) fn new(call: F) -> Self {
        OnDrop(Some(call))
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call();
        }
    }
}

/// A future that is what `poll` says, and owns something until it is dropped itself.
pub(crate) fn owning<T>(owned: T, mut poll: impl FnMut() -> Poll<()>) -> impl Future<Output = ()> {
    poll_fn(move |_| {
        let _kept = &owned;
        poll()
    })
}
