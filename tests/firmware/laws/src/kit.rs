//! What the laws are written with: gates, flags, counts and wakers, all of which live in statics. No clock is read here,
//! nothing sleeps, and nothing is allocated.

use core::cell::RefCell;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use critical_section::Mutex;
use portable_atomic::{AtomicBool, AtomicU32, Ordering};

use crate::erased::Erased;

/// A task's future: one type for all, so that an executor without an allocator has room for it.
pub type Body = Erased<16>;

/// Something that happened.
pub struct Flag(AtomicBool);

impl Flag {
    #[expect(clippy::new_without_default, reason = "it is made in a `static`")]
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    pub fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// A value whose destructor sets this flag.
    pub fn on_drop(&'static self) -> OnDrop<impl FnMut()> {
        OnDrop(|| self.set())
    }
}

/// How often something happened.
pub struct Count(AtomicU32);

impl Count {
    #[expect(clippy::new_without_default, reason = "it is made in a `static`")]
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    pub fn add(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub fn get(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Calls its function when it is dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Closed until it is opened, then open for good; tasks wait before it.
pub struct Gate(Mutex<RefCell<Waiting>>);

struct Waiting {
    open: bool,
    wakers: [Option<Waker>; 2],
}

impl Gate {
    #[expect(clippy::new_without_default, reason = "it is made in a `static`")]
    pub const fn new() -> Self {
        Self(Mutex::new(RefCell::new(Waiting { open: false, wakers: [const { None }; 2] })))
    }

    pub fn open(&self) {
        let wakers = critical_section::with(|cs| {
            let mut waiting = self.0.borrow_ref_mut(cs);
            waiting.open = true;
            core::mem::take(&mut waiting.wakers)
        });
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
    }

    pub fn is_open(&self) -> bool {
        critical_section::with(|cs| self.0.borrow_ref(cs).open)
    }

    pub fn pass(&self) -> Passing<'_> {
        Passing(self)
    }
}

pub struct Passing<'a>(&'a Gate);

impl Future for Passing<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        critical_section::with(|cs| {
            let mut waiting = self.0.0.borrow_ref_mut(cs);
            if waiting.open {
                return Poll::Ready(());
            }
            let mine = |waker: &Option<Waker>| {
                waker.as_ref().is_none_or(|waker| waker.will_wake(cx.waker()))
            };
            let place = waiting.wakers.iter_mut().find(|waker| mine(waker));
            *place.expect("at most two wait before a gate") = Some(cx.waker().clone());
            Poll::Pending
        })
    }
}

/// What a task does that is held until it may finish: see [`Lab::hold`](crate::Lab::hold).
pub struct Probe {
    pub started: Gate,
    pub finish: Gate,
    pub dropped: Flag,
}

impl Probe {
    #[expect(clippy::new_without_default, reason = "it is made in a `static`")]
    pub const fn new() -> Self {
        Self { started: Gate::new(), finish: Gate::new(), dropped: Flag::new() }
    }

    pub async fn body(&'static self) {
        let _guard = self.dropped.on_drop();
        self.started.open();
        self.finish.pass().await;
    }
}

/// What a waker of the laws does when it wakes. Lives in a `static`.
pub struct OnWake(pub fn());

impl OnWake {
    pub fn waker(&'static self) -> Waker {
        static CALLS: RawWakerVTable =
            RawWakerVTable::new(|data| RawWaker::new(data, &CALLS), call, call, |_| {});
        fn call(data: *const ()) {
            // SAFETY: the data of these wakers is a static `OnWake`.
            let on_wake: &'static OnWake = unsafe { &*data.cast() };
            (on_wake.0)();
        }
        // SAFETY: the functions keep the contract: the data is static and shared, calling it is safe from anywhere.
        unsafe { Waker::from_raw(RawWaker::new(core::ptr::from_ref(self).cast(), &CALLS)) }
    }
}

/// Polls once, with a waker that does nothing.
pub fn poll_once<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}

pub fn poll_with<F: Future>(future: &mut Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(waker))
}
