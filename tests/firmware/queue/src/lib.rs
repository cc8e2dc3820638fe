//! An executor that is a run queue over static places for futures, and nothing else: fire and forget. No handle, no
//! join, no cancel, no allocator.
#![no_std]

use core::cell::{Cell, UnsafeCell};
use core::future::Future;
use core::mem::MaybeUninit;
use core::pin::{Pin, pin};
use core::ptr;
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use critical_section::{CriticalSection, Mutex};

/// Runs up to `N` futures of type `F`. Lives in a `static`; spawned on from anywhere, driven by one.
pub struct Queue<F, const N: usize> {
    line: Line,
    main: Job,
    places: [Place<F>; N],
}

struct Place<F> {
    job: Job,
    /// There while the job runs. Not an `Option`: with one, what is not there may need initial values other than nought,
    /// and the place would lie in flash, too.
    future: UnsafeCell<MaybeUninit<F>>,
}

/// What a waker points to.
struct Job {
    /// A job stands in the line once, or not at all.
    stands: Mutex<Cell<bool>>,
    behind: Mutex<Cell<Option<&'static Job>>>,
    state: Mutex<Cell<State>>,
    /// Where to stand, and which place this is the job of. Known since it was spawned.
    line: Mutex<Cell<Option<&'static Line>>>,
    place: Mutex<Cell<usize>>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Free,
    /// Taken, though the future is not in its place yet.
    Taken,
    Runs,
}

/// Jobs to run, first come first served.
struct Line {
    first: Mutex<Cell<Option<&'static Job>>>,
    last: Mutex<Cell<Option<&'static Job>>>,
}

// SAFETY: a future is written by whoever took its place (`State::Taken`), and from then on touched by none but the one
// who drives the queue, until it says that the place is free. All else is behind critical sections.
unsafe impl<F: Send, const N: usize> Sync for Queue<F, N> {}

impl<F, const N: usize> Queue<F, N> {
    #[expect(clippy::new_without_default, reason = "it is made in a `static`")]
    pub const fn new() -> Self {
        Self {
            line: Line { first: cell(None), last: cell(None) },
            main: Job::new(),
            places: [const { Place { job: Job::new(), future: UnsafeCell::new(MaybeUninit::uninit()) } };
                N],
        }
    }
}

impl<F: Future<Output = ()>, const N: usize> Queue<F, N> {
    /// Has `future` run. It comes back if there is no room.
    pub fn spawn(&'static self, future: F) -> Result<(), F> {
        let Some((index, place)) =
            self.places.iter().enumerate().find(|(_, place)| place.job.take())
        else {
            return Err(future);
        };
        // SAFETY: the place was free and is now ours, and is not pinned to anything: nobody else looks into it until
        // its state is `Runs`.
        unsafe { (*place.future.get()).write(future) };
        place.job.start(&self.line, index);
        Ok(())
    }

    /// Runs `main`, and what was and will be spawned, until `main` is ready. Calls `idle` when there is nothing to do.
    /// `None` if the queue is driven already. Never panics by itself: firmware is searched for ways to panic.
    pub fn drive<T>(
        &'static self,
        main: impl Future<Output = T>,
        mut idle: impl FnMut(),
    ) -> Option<T> {
        let mut main = pin!(main);
        let mut output = None;
        self.drive_dyn(
            &mut |cx| match main.as_mut().poll(cx) {
                Poll::Ready(ready) => {
                    output = Some(ready);
                    true
                }
                Poll::Pending => false,
            },
            &mut idle,
        );
        output
    }

    /// Once per type of the futures, whatever is driven.
    fn drive_dyn(
        &'static self,
        main: &mut dyn FnMut(&mut Context<'_>) -> bool,
        idle: &mut dyn FnMut(),
    ) {
        if !self.main.take() {
            return;
        }
        self.main.start(&self.line, N);
        let waker = self.main.waker();
        loop {
            let Some(job) = self.line.next() else {
                idle();
                continue;
            };
            if !ptr::eq(job, &self.main) {
                self.run(job);
            } else if main(&mut Context::from_waker(&waker)) {
                return self.main.set(State::Free);
            }
        }
    }

    /// Drops what was spawned and has not ended, as an executor does that goes away. From within `main` only.
    pub fn clear(&'static self) {
        for place in &self.places {
            if place.job.is(State::Runs) {
                self.free(place);
            }
        }
    }

    fn run(&'static self, job: &'static Job) {
        let index = critical_section::with(|cs| job.place.borrow(cs).get());
        let Some(place) = self.places.get(index).filter(|place| place.job.is(State::Runs)) else {
            return; // Woken after its end.
        };
        // SAFETY: it runs, so it is there, and this is the one who drives: see `Sync`. It is in a static and never moved until
        // it is dropped in its place.
        let future = unsafe { Pin::new_unchecked((*place.future.get()).assume_init_mut()) };
        let waker = job.waker();
        if future.poll(&mut Context::from_waker(&waker)).is_ready() {
            self.free(place);
        }
    }

    fn free(&self, place: &'static Place<F>) {
        place.job.set(State::Taken);
        // SAFETY: as above; this drops it in its place, and since it does not run any more nobody touches it afterwards.
        unsafe { (*place.future.get()).assume_init_drop() };
        place.job.set(State::Free);
    }
}

impl Job {
    const fn new() -> Self {
        Self {
            stands: cell(false),
            behind: cell(None),
            state: cell(State::Free),
            line: cell(None),
            place: cell(0),
        }
    }

    fn take(&self) -> bool {
        critical_section::with(|cs| {
            let state = self.state.borrow(cs);
            let free = state.get() == State::Free;
            if free {
                state.set(State::Taken);
            }
            free
        })
    }

    fn start(&'static self, line: &'static Line, place: usize) {
        critical_section::with(|cs| {
            self.place.borrow(cs).set(place);
            self.state.borrow(cs).set(State::Runs);
            self.line.borrow(cs).set(Some(line));
            self.stand(cs);
        });
    }

    fn is(&self, state: State) -> bool {
        critical_section::with(|cs| self.state.borrow(cs).get() == state)
    }

    fn set(&self, state: State) {
        critical_section::with(|cs| self.state.borrow(cs).set(state));
    }

    /// Goes to the end of the line.
    fn stand(&'static self, cs: CriticalSection<'_>) {
        let Some(line) = self.line.borrow(cs).get() else { return };
        if self.stands.borrow(cs).replace(true) {
            return;
        }
        match line.last.borrow(cs).replace(Some(self)) {
            Some(last) => last.behind.borrow(cs).set(Some(self)),
            None => line.first.borrow(cs).set(Some(self)),
        }
    }

    fn waker(&'static self) -> Waker {
        // SAFETY: the functions below keep the contract: jobs are static, and waking is safe from anywhere.
        unsafe { Waker::from_raw(raw(self)) }
    }
}

impl Line {
    fn next(&self) -> Option<&'static Job> {
        critical_section::with(|cs| {
            let job = self.first.borrow(cs).get()?;
            let behind = job.behind.borrow(cs).take();
            self.first.borrow(cs).set(behind);
            if behind.is_none() {
                self.last.borrow(cs).set(None);
            }
            job.stands.borrow(cs).set(false);
            Some(job)
        })
    }
}

const fn cell<T>(value: T) -> Mutex<Cell<T>> {
    Mutex::new(Cell::new(value))
}

const fn raw(job: &'static Job) -> RawWaker {
    RawWaker::new(ptr::from_ref(job).cast(), &WAKER)
}

static WAKER: RawWakerVTable = RawWakerVTable::new(
    // SAFETY: for each of the three, the pointer is a waker's, made of a static job by `raw`.
    |job| raw(unsafe { &*job.cast() }),
    wake,
    wake,
    |_| {},
);

fn wake(job: *const ()) {
    // SAFETY: as above.
    let job: &'static Job = unsafe { &*job.cast() };
    critical_section::with(|cs| job.stand(cs));
}
