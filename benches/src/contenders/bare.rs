//! The floor: what the executor itself costs. Nothing can be found by name.

use std::hint::black_box;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::contender::Contender;
use crate::name::Name;
use crate::work::Work;

/// `tokio::spawn`, and a `JoinHandle` in the caller's hands.
#[derive(Debug)]
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

    #[inline]
    async fn join(&mut self, _: u64, _: &mut Name, held: JoinHandle<u64>) -> u64 {
        held.await.expect("it ends")
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, held: JoinHandle<u64>) {
        black_box(name);
        held.abort();
        assert!(held.await.is_err_and(|error| error.is_cancelled()));
    }

    fn purge(&mut self) {}

    fn known(&self) -> usize {
        0
    }
}
