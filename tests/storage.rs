//! What a task takes in memory: that a cleanup lies where the task's future lay, and what is allocated for it.
//!
//! Sizes are those that the executor is given. Allocations are counted by an allocator of this program's own, each thread's
//! apart, so that nothing else that runs is counted along.

#[path = "common/watchdog.rs"]
mod watchdog;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::future::{Future, Pending, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use task_registry::{
    Cancel, Cleanup, Outcome, Refused, Registry, Spawn, Spawner, TaskHandle, TaskInfo, mode,
};
use watchdog::Watchdog;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counter;

#[global_allocator]
static COUNTER: Counter = Counter;

fn count() {
    // While a thread ends it has no counter any more, and nobody asks.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: each method is the system allocator's, called with what the caller vouches for; counting touches only a cell of
// this thread, which needs no allocation.
unsafe impl GlobalAlloc for Counter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises, passed on.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises, passed on.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// How often this thread allocates in `what`.
fn allocations<R>(what: impl FnOnce() -> R) -> (usize, R) {
    let before = ALLOCATIONS.get();
    let done = what();
    (ALLOCATIONS.get() - before, done)
}

/// An executor that notes how large its futures are, and is polled by the test. It has room for one.
#[derive(Clone, Default)]
struct Noting(Rc<RefCell<Place>>);

#[derive(Default)]
struct Place {
    size: usize,
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Spawner for Noting {
    type Handle = ();
    type Mode = mode::Unsync;
}

impl<F: Future<Output = ()> + 'static> Spawn<F> for Noting {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        let size = size_of::<F>();
        *self.0.borrow_mut() = Place { size, future: Some(Box::pin(future)) };
        Ok(())
    }
}

impl Noting {
    fn poll(&self) -> Poll<()> {
        let mut place = self.0.borrow_mut();
        let future = place.future.as_mut().expect("it was spawned");
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }
}

/// Exactly so many bytes, ready at its second poll.
struct Bytes<const N: usize>([u8; N]);

impl<const N: usize> Bytes<N> {
    fn new() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Future for Bytes<N> {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match std::mem::replace(&mut self.0[0], 1) {
            0 => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }
}

type Tasks = Registry<Noting>;

fn plain<const N: usize>(tasks: &Tasks) -> TaskHandle<(), mode::Unsync> {
    tasks.spawn("a", Bytes::<N>::new()).unwrap()
}

fn cleaned<const N: usize, const C: usize>(tasks: &Tasks) -> TaskHandle<(), mode::Unsync> {
    let deadline: fn() -> Pending<()> = pending;
    let cleanup: fn(Outcome) -> Bytes<C> = |_| Bytes::new();
    tasks.task("a").cleanup(cleanup, deadline).spawn(Bytes::<N>::new()).unwrap()
}

/// What the executor is given for the task that `spawn` spawns.
fn size(spawn: impl FnOnce(&Tasks) -> TaskHandle<(), mode::Unsync>) -> usize {
    let executor = Noting::default();
    drop(spawn(&Registry::new(executor.clone())));
    executor.0.take().size
}

#[test]
fn a_cleanup_takes_the_place_of_its_tasks_future() {
    /// What a task with a cleanup has besides: two pointers, a deadline, and how it ended until the cleanup is over.
    const MORE: usize = 256;
    let (small, large) = (size(plain::<8>), size(plain::<4096>));
    assert_eq!(large - small, 4096 - 8, "the future lies in its wrapper");
    let both = size(cleaned::<4096, 4096>);
    assert!(both < 4096 + MORE, "{both} bytes hold a future and a cleanup of 4096 each");
    assert_eq!(size(cleaned::<4096, 8>), size(cleaned::<4096, 1024>), "it fits in that place");
    let either = (size(cleaned::<8, 4096>), size(cleaned::<4096, 4096>));
    assert_eq!(either.0, either.1, "and the future in the place of the cleanup");
    println!("{large} bytes without a cleanup, {both} with one");
}

#[test]
fn a_task_without_a_cleanup_has_no_room_for_one() {
    let none = size(plain::<4096>);
    assert!(none <= 4096 + 3 * size_of::<usize>(), "{none} bytes for a future of 4096");
}

/// What this thread allocates from the spawn to the end of a task, the executor's own box apart, on a table that has room.
fn allocated(
    end: impl Fn(&Tasks),
    spawn: impl Fn(&Tasks) -> TaskHandle<(), mode::Unsync>,
) -> (usize, TaskInfo) {
    let executor = Noting::default();
    let tasks = Registry::new(executor.clone());
    let one = || {
        let task = spawn(&tasks);
        assert!(executor.poll().is_pending());
        end(&tasks);
        while executor.poll().is_pending() {}
        executor.0.borrow_mut().future = None;
        task
    };
    // Where it grows, it grows in these.
    for _ in 0..3 {
        drop(one());
        tasks.purge();
    }
    let (count, task) = allocations(one);
    (count - 1, task.info())
}

#[test]
fn a_cleanup_is_in_no_box_and_costs_the_extras_that_say_how_it_went() {
    let _watchdog = Watchdog::start();
    let unasked: fn(&Tasks) = |_| ();
    let cancelled: fn(&Tasks) = |tasks| drop(tasks.cancel_with("a", Cancel::new()));
    for (end, outcome) in
        [(unasked, Outcome::Completed), (cancelled, Outcome::Cancelled { reason: None })]
    {
        let (without, info) = allocated(end, plain::<4096>);
        assert_eq!((without, info.outcome()), (0, Some(&outcome)));
        let (with, info) = allocated(end, cleaned::<4096, 4096>);
        assert_eq!((info.outcome(), info.cleanup()), (Some(&outcome), Some(Cleanup::Ran)));
        assert_eq!(with, 1, "the extras of {outcome}");
    }
}
