//! The fixed level: a registry of a few slots, without an allocator, driven by hand.
//!
//! `modes` is what it does in each mode; `interrupts` what is left of it when something happens between any two of its
//! steps; `bounds` how many steps there are; `sequences` and `preempted` hold it against a naive `model`, exhaustively; `storm` has
//! threads at one name. Orders of two threads are for loom, in `core/tests/loom/fixed.rs`.

mod bounds;
#[path = "../common/for_ever.rs"]
mod for_ever;
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

use for_ever::for_ever;
use task_registry::mode::Locking;
use task_registry::{StaticRegistry, StaticTasks};

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
