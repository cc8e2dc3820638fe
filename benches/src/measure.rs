//! The stopwatch, and the allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What one sample of a figure came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// The time that was taken; none where memory is the figure.
    pub time: Duration,
    /// For so many operations.
    pub operations: u64,
    /// Allocations, while they were counted.
    pub allocations: usize,
    /// Bytes that were allocated while allocations were counted, or, where memory is the figure, that still are.
    pub bytes: isize,
}

impl Reading {
    /// Runs the clock while `timed` is awaited, for so many operations. May be called again: readings add up.
    #[inline]
    pub async fn add<T>(&mut self, operations: usize, timed: impl Future<Output = T>) -> T {
        let counts = Counts::now();
        let start = Instant::now();
        let output = timed.await;
        self.time += start.elapsed();
        self.operations += operations as u64;
        self.allocations += Counts::now().allocations - counts.allocations;
        self.bytes += (Counts::now().bytes - counts.bytes) as isize;
        output
    }

    /// Nanoseconds per operation, where time is the figure.
    #[must_use]
    pub fn nanos(&self) -> Option<f64> {
        (!self.time.is_zero()).then(|| self.time.as_secs_f64() * 1e9 / self.operations as f64)
    }
}

static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicIsize = AtomicIsize::new(0);

/// What the allocator has counted so far.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    /// Allocations and reallocations.
    pub allocations: usize,
    /// What they came to.
    pub bytes: usize,
    /// The same, without what was given back.
    pub held: isize,
}

impl Counts {
    /// The counts. They change only while somebody is [`counting`].
    #[must_use]
    pub fn now() -> Self {
        Self {
            allocations: ALLOCATIONS.load(Relaxed),
            bytes: BYTES.load(Relaxed),
            held: HELD.load(Relaxed),
        }
    }
}

/// Counts what all threads allocate until the guard is dropped. One at a time.
#[must_use]
pub fn counting() -> Counting {
    assert!(!COUNTING.swap(true, Relaxed), "two count at once");
    Counting(())
}

/// Ends the counting when it is dropped.
#[derive(Debug)]
pub struct Counting(());

impl Drop for Counting {
    fn drop(&mut self) {
        COUNTING.store(false, Relaxed);
    }
}

/// The system's allocator. While nobody counts, that costs a load and a branch.
struct Counter;

#[global_allocator]
static COUNTER: Counter = Counter;

fn count(new: usize, old: usize) {
    if COUNTING.load(Relaxed) {
        if new > 0 {
            ALLOCATIONS.fetch_add(1, Relaxed);
            BYTES.fetch_add(new, Relaxed);
        }
        HELD.fetch_add(new as isize - old as isize, Relaxed);
    }
}

// SAFETY: each method is the system allocator's, called with what the caller vouches for; counting touches only atomics.
unsafe impl GlobalAlloc for Counter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promises, passed on.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: the caller's promises, passed on.
        unsafe { System.realloc(block, layout, size) }
    }
}
