//! The fixed level: a registry of a few slots, without an allocator, driven by hand.
//!
//! `modes` is what it does in each mode; `interrupts` what is left of it when something happens between any two of its
//! steps; `bounds` how many steps there are; `sequences` and `preempted` hold it against a naive `model`, exhaustively; `storm` has
//! threads at one name. Orders of two threads are for loom, in `core/tests/loom/fixed.rs`.

mod bounds;
mod interrupts;
mod model;
mod modes;
mod preempted;
mod real;
mod section;
mod sequences;
mod storm;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use task_registry::mode::Locking;
use task_registry::{StaticRegistry, StaticTasks};

/// Keeps it reachable, so that leak checkers are content.
fn for_ever<T>(value: T) -> &'static T {
    static KEPT: std::sync::Mutex<Vec<usize>> = std::sync::Mutex::new(Vec::new());
    let kept: &'static T = Box::leak(Box::new(value));
    let mut all = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    all.push(std::ptr::from_ref(kept).expose_provenance());
    kept
}

fn registry<L: Locking, const N: usize>() -> StaticTasks<L> {
    for_ever(StaticRegistry::<L, N>::new()).tasks()
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A number to search deeper by, from the environment.
fn depth(variable: &str, or: usize) -> usize {
    std::env::var(variable).map_or(or, |depth| depth.parse().expect("a number"))
}
