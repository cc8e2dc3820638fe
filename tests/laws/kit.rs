//! What the laws are written with: gates, traces, flags and wakers. No clock is read here, nothing sleeps.

use std::fmt::Debug;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a law says of its captures instead of the compiler.
///
/// A law is one generic function for spawners that want `Send` and for those that do not, for tables of every mode;
/// in it, that a future holding a `Tasks<M>` is `Send` cannot be proved.
pub(crate) struct Trusted<T>(pub(crate) T);

// SAFETY: the laws capture `Send` types of std and of this file, and handles of the registry's mode. Those are `Send`
// and `Sync` when the mode is `Sync` (`tests/auto_traits.rs`); a table of mode `Unsync` is used under executors of one
// thread only (`harness.rs`), and no law that is instantiated for them moves anything to another thread.
unsafe impl<T> Send for Trusted<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Trusted<T> {}

impl<T> Trusted<T> {
    pub(crate) fn get(&self) -> &T {
        &self.0
    }
    fn into_inner(self) -> T {
        self.0
    }
}

/// A task's future in the laws: one type per output, so that a law can name what its spawner must take.
pub(crate) struct Body<T>(Trusted<Pin<Box<dyn Future<Output = T>>>>);

impl<T> Future for Body<T> {
    type Output = T;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.0.0.as_mut().poll(cx)
    }
}

pub(crate) fn body<T>(future: impl Future<Output = T> + 'static) -> Body<T> {
    Body(Trusted(Box::pin(future)))
}

/// Calls its function when it is dropped. Also an output of tasks.
pub(crate) struct OnDrop(Option<Trusted<Box<dyn FnOnce()>>>);

impl OnDrop {
    pub(crate) fn new(call: impl FnOnce() + 'static) -> Self {
        OnDrop(Some(Trusted(Box::new(call))))
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            (call.into_inner())();
        }
    }
}

/// Something that happened, at most once.
#[derive(Clone, Default, Debug)]
pub(crate) struct Flag(Arc<AtomicBool>);

impl Flag {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
    /// A value whose destructor sets this flag.
    pub(crate) fn on_drop(&self) -> OnDrop {
        let flag = self.clone();
        OnDrop::new(move || flag.set())
    }
}

/// How often something happened.
#[derive(Clone, Default, Debug)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    /// Counts down from `start`.
    pub(crate) fn from(start: usize) -> Self {
        Count(Arc::new(AtomicUsize::new(start)))
    }
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
    pub(crate) fn take_one(&self) -> usize {
        self.0.fetch_sub(1, Ordering::SeqCst) - 1
    }
    /// A value whose destructor counts.
    pub(crate) fn on_drop(&self) -> OnDrop {
        let count = self.clone();
        OnDrop::new(move || {
            count.add();
        })
    }
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    pub(crate) fn note(&self, what: impl Into<String>) {
        lock(&self.0).push(what.into());
    }
    pub(crate) fn read(&self) -> Vec<String> {
        lock(&self.0).clone()
    }
}

/// Closed until it is opened, then open for good; tasks and threads wait before it.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<Waiting>, Condvar)>);

#[derive(Default)]
struct Waiting {
    open: bool,
    wakers: Vec<Waker>,
}

impl Gate {
    pub(crate) fn open(&self) {
        let wakers = {
            let mut state = lock(&self.0.0);
            state.open = true;
            std::mem::take(&mut state.wakers)
        };
        self.0.1.notify_all();
        for waker in wakers {
            waker.wake();
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        lock(&self.0.0).open
    }

    pub(crate) fn pass(&self) -> Passing {
        Passing(self.clone())
    }

    pub(crate) fn pass_blocking(&self) {
        let mut state = lock(&self.0.0);
        while !state.open {
            state = self.0.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

pub(crate) struct Passing(Gate);

impl Future for Passing {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0.0.0);
        if state.open {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// Lets the executor run others once.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}

pub(crate) fn poll_with<F: Future>(future: &mut Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(waker))
}

#[track_caller]
pub(crate) fn assert_pending<T: Debug>(poll: Poll<T>) {
    assert!(poll.is_pending(), "expected to wait, but got {poll:?}");
}

#[track_caller]
pub(crate) fn assert_ready<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("expected to be ready"),
    }
}

/// A waker that counts.
pub(crate) fn counting_waker() -> (Waker, Count) {
    let count = Count::default();
    (
        waker_calling({
            let count = count.clone();
            move || {
                count.add();
            }
        }),
        count,
    )
}

/// A waker that calls `call` at each wake.
pub(crate) fn waker_calling(call: impl Fn() + 'static) -> Waker {
    struct Calling(Trusted<Box<dyn Fn()>>);
    impl Wake for Calling {
        fn wake(self: Arc<Self>) {
            (self.0.get())();
        }
    }
    Waker::from(Arc::new(Calling(Trusted(Box::new(call)))))
}

/// What a waker does besides waking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WakerCall {
    Clone,
    Wake,
    Drop,
}

/// A waker that tells `call` of each of its clones, wakes and drops.
pub(crate) fn waker_telling(call: impl Fn(WakerCall) + 'static) -> Waker {
    type Told = Arc<Box<dyn Fn(WakerCall)>>;

    /// # Safety
    ///
    /// `data` belongs to a waker made below, whose count is given to the caller.
    unsafe fn owned(data: *const ()) -> Told {
        // SAFETY: every waker's `data` comes from `Arc::into_raw`, with a count of its own. The function inside may be
        // shared by threads where `Trusted` says so.
        unsafe { Arc::from_raw(data.cast()) }
    }
    /// # Safety
    ///
    /// `data` belongs to a waker made below, which lives on.
    unsafe fn borrowed(data: *const ()) -> ManuallyDrop<Told> {
        // SAFETY: as above; the count is not given up.
        ManuallyDrop::new(unsafe { owned(data) })
    }
    unsafe fn clone(data: *const ()) -> RawWaker {
        // SAFETY: the waker that is cloned lives on.
        let call = unsafe { borrowed(data) };
        call(WakerCall::Clone);
        RawWaker::new(Arc::into_raw(Arc::clone(&call)).cast(), &VTABLE)
    }
    unsafe fn wake(data: *const ()) {
        // SAFETY: `wake` takes the waker.
        let call = unsafe { owned(data) };
        call(WakerCall::Wake);
    }
    unsafe fn wake_by_ref(data: *const ()) {
        // SAFETY: the waker lives on.
        let call = unsafe { borrowed(data) };
        call(WakerCall::Wake);
    }
    unsafe fn drop_waker(data: *const ()) {
        // SAFETY: `drop` takes the waker.
        let call = unsafe { owned(data) };
        call(WakerCall::Drop);
    }
    static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

    let told: Told = Arc::new(Box::new(call));
    // SAFETY: the functions of the table keep the contract of `RawWakerVTable`: each waker has one count of an `Arc`,
    // and what is behind it may go to other threads where `Trusted` says so.
    unsafe { Waker::from_raw(RawWaker::new(Arc::into_raw(told).cast(), &VTABLE)) }
}

/// A thread beside the law. A panic in it is passed on by `join`.
pub(crate) struct Thread<R>(std::thread::JoinHandle<R>);

pub(crate) fn on_thread<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Thread<R> {
    Thread(std::thread::spawn(work))
}

impl<R> Thread<R> {
    pub(crate) fn join(self) -> R {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Runs `work` on so many threads, and waits for them without blocking the law's own.
pub(crate) async fn on_threads<R: Send + 'static>(
    threads: usize,
    work: impl Fn(usize) -> R + Clone + Send + 'static,
) -> Vec<R> {
    let (left, finished) = (Count::from(threads), Gate::default());
    let threads: Vec<_> = (0..threads)
        .map(|number| {
            let (work, left, finished) = (work.clone(), left.clone(), finished.clone());
            on_thread(move || {
                // Also when it panics.
                let _last = OnDrop::new(move || {
                    if left.take_one() == 0 {
                        finished.open();
                    }
                });
                work(number)
            })
        })
        .collect();
    finished.pass().await;
    threads.into_iter().map(Thread::join).collect()
}

/// A panic on purpose: without the noise of the panic hook.
pub(crate) fn blow_up(message: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(message))
}
