//! What the sanitizers have to see, or their silence about the rest says nothing: planted in the bodies of tasks, so that
//! neither the registry's locks nor a suppression hides it; and, by `--cfg task_registry_fault="latch"`, in the core itself, in
//! the lock. Run by `.ci/sanitizers` alone, one at a time.
#![allow(unsafe_code, reason = "what is wrong here is wrong on purpose")]

use std::cell::UnsafeCell;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Waker};
use std::thread;

use task_registry_core::{Options, Tasks, mode};

fn run(tasks: &Tasks<mode::Sync>, body: impl Future<Output = ()>) {
    let name = format!("{:?}", thread::current().id());
    let (tracked, _handle) = tasks.reserve(name).unwrap().track(body).unwrap();
    assert!(pin!(tracked).poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

struct Unguarded(UnsafeCell<u64>);

// SAFETY: none. That is what is planted.
unsafe impl Sync for Unguarded {}

#[test]
#[ignore = "planted: for .ci/sanitizers"]
fn race() {
    let tasks = Tasks::<mode::Sync>::new(Options::new());
    // Not a barrier: its lock would put the one access before the other.
    let (value, here) = (Arc::new(Unguarded(UnsafeCell::new(0))), Arc::new(AtomicUsize::new(0)));
    let threads = [(), ()].map(|()| {
        let (tasks, value, here) = (tasks.clone(), value.clone(), here.clone());
        thread::spawn(move || {
            run(&tasks, async {
                here.fetch_add(1, Relaxed);
                while here.load(Relaxed) < 2 {
                    thread::yield_now();
                }
                // SAFETY: none, see above.
                unsafe { *value.0.get() += 1 };
            });
        })
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Nothing but the table's own lock orders what these threads do to it. With the fault in it, nothing does; without, this is
/// as it should be.
#[test]
#[ignore = "planted: for .ci/sanitizers"]
fn latch() {
    let tasks = Tasks::<mode::Sync>::new(Options::new());
    let turn = Arc::new(AtomicUsize::new(0));
    // Both before a thread begins: clones are counted, and one made after the first thread had ended would come after all it did.
    let clones = [0, 1].map(|own| (own, tasks.clone(), turn.clone()));
    let threads = clones.map(|(own, tasks, turn)| {
        thread::spawn(move || {
            while turn.load(Relaxed) < own {
                thread::yield_now();
            }
            // The same name, and so the same shard.
            drop(tasks.reserve("x").unwrap());
            turn.fetch_add(1, Relaxed);
        })
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
#[ignore = "planted: for .ci/sanitizers"]
fn leak() {
    let tasks = Tasks::<mode::Sync>::new(Options::new());
    run(&tasks, async {
        black_box(Box::leak(vec![1u8; 4096].into_boxed_slice()).as_ptr().addr());
    });
}

#[test]
#[ignore = "planted: for .ci/sanitizers"]
fn stale() {
    let tasks = Tasks::<mode::Sync>::new(Options::new());
    run(&tasks, async {
        let freed = black_box(Box::new(7u64));
        let stale = &raw const *freed;
        drop(freed);
        // SAFETY: none. It was just freed.
        black_box(unsafe { stale.read() });
    });
}
