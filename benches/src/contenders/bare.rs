//! The floor: what tokio itself costs. Nothing can be found by name.

use std::hint::black_box;
use std::vec::Drain;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::contender::{Contender, OneByOne, Reaping};
use crate::name::Name;
use crate::work::Work;

/// `tokio::spawn`, and a `JoinHandle` in the caller's hands.
#[derive(Clone, Debug)]
pub struct Bare;

impl Contender for Bare {
    const NAME: &'static str = "bare";
    const NAMES: bool = false;
    type Place = &'static Handle;
    type Held = JoinHandle<u64>;

    fn new(_: &'static Handle) -> Self {
        Self
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) -> JoinHandle<u64> {
        black_box(name);
        tokio::spawn(work.start())
    }

    async fn stop_all(self, held: Vec<JoinHandle<u64>>) {
        held.iter().for_each(JoinHandle::abort);
        for task in held {
            assert!(task.await.is_err_and(|error| error.is_cancelled()));
        }
    }

    async fn known(&self) -> usize {
        0
    }
}

impl OneByOne for Bare {
    type Kept = JoinHandle<u64>;

    fn keep(held: JoinHandle<u64>) -> JoinHandle<u64> {
        held
    }

    type Joins = JoinHandle<u64>;

    fn keep_to_join(held: JoinHandle<u64>) -> JoinHandle<u64> {
        held
    }

    #[inline]
    async fn join_all(&mut self, held: Drain<'_, JoinHandle<u64>>) -> u64 {
        let mut sum = 0;
        for task in held {
            sum += task.await.expect("it ends");
        }
        sum
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, held: JoinHandle<u64>) {
        black_box(name);
        held.abort();
        assert!(held.await.is_err_and(|error| error.is_cancelled()));
    }

    fn purge(&mut self) {}
}

impl Reaping for Bare {
    fn reaping(_: &'static Handle) -> Self {
        Self
    }

    #[inline]
    fn spawn_forgotten(&mut self, name: &Name, work: impl Work) {
        black_box(name);
        drop(tokio::spawn(work.start()));
    }
}
