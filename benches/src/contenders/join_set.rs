//! tokio's `JoinSet`: no names.

use std::hint::black_box;
use std::vec::Drain;

use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinSet};

use crate::contender::{Contender, OneByOne, Reaping};
use crate::name::Name;
use crate::work::Work;

/// A `JoinSet`; the caller keeps abort handles.
#[derive(Debug)]
pub struct Set(JoinSet<u64>);

impl Contender for Set {
    const NAME: &'static str = "JoinSet";
    const NAMES: bool = false;
    type Place = &'static Handle;
    type Held = AbortHandle;

    fn new(_: &'static Handle) -> Self {
        Self(JoinSet::new())
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) -> AbortHandle {
        black_box(name);
        self.0.spawn(work.start())
    }

    async fn stop_all(mut self, _: Vec<AbortHandle>) {
        self.0.shutdown().await;
    }

    async fn known(&self) -> usize {
        self.0.len()
    }
}

impl OneByOne for Set {
    type Kept = AbortHandle;

    fn keep(held: AbortHandle) -> AbortHandle {
        held
    }

    type Joins = ();

    fn keep_to_join(_: AbortHandle) {}

    #[inline]
    async fn join_all(&mut self, _: Drain<'_, ()>) -> u64 {
        let mut sum = 0;
        while let Some(end) = self.0.join_next().await {
            sum += end.expect("it ends");
        }
        sum
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, held: AbortHandle) {
        black_box(name);
        held.abort();
        let end = self.0.join_next().await.expect("one is left");
        assert!(end.is_err_and(|error| error.is_cancelled()));
    }

    fn purge(&mut self) {
        while self.0.try_join_next().is_some() {}
    }
}

impl Reaping for Set {
    fn reaping(place: &'static Handle) -> Self {
        Self::new(place)
    }

    #[inline]
    fn spawn_forgotten(&mut self, name: &Name, work: impl Work) {
        black_box(name);
        self.0.spawn(work.start());
    }

    /// Its owner has to.
    async fn reaped(&mut self) {
        while self.0.join_next().await.is_some() {}
    }
}
