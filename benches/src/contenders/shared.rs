//! How one task is awaited by many, without a registry.

use std::collections::HashMap;
use std::hint::black_box;

use futures_util::future::{FutureExt, Map, Shared};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};

use crate::contender::{Awaitable, Contender};
use crate::name::Name;
use crate::work::{Gauge, Work};

/// A task that waits.
pub(crate) fn waiter(
    future: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = ()> {
    let task = tokio::spawn(future);
    async move { task.await.expect("it ends") }
}

type End = Shared<Map<JoinHandle<u64>, fn(Result<u64, JoinError>) -> Option<u64>>>;

fn shared(task: JoinHandle<u64>) -> End {
    let output: fn(_) -> _ = Result::ok;
    task.map(output).shared()
}

/// The floor: a `JoinHandle` that is shared with `FutureExt::shared`. One task, no names.
#[derive(Debug)]
pub struct SharedHandle(Option<End>);

impl Contender for SharedHandle {
    const NAME: &'static str = "bare";
    const NAMES: bool = false;
    type Place = &'static Handle;
    type Held = ();

    fn new(_: &'static Handle) -> Self {
        Self(None)
    }

    async fn spawn(&mut self, name: &Name, work: impl Work) {
        self.spawn_awaited(name, work.start()).await;
    }

    async fn stop_all(self, _: Vec<()>) {}

    async fn known(&self) -> usize {
        usize::from(self.0.is_some())
    }
}

impl Awaitable for SharedHandle {
    async fn spawn_awaited<F: Future<Output = u64> + Send + 'static>(
        &mut self,
        name: &Name,
        future: F,
    ) {
        black_box(name);
        self.0 = Some(shared(tokio::spawn(future)));
    }

    fn spawn_waiter(&self, name: &Name, gauge: &'static Gauge) -> impl Future<Output = ()> {
        black_box(name);
        let end = self.0.clone().expect("it is known");
        waiter(gauge.counts(end.map(|output| assert!(output.is_some()))))
    }

    async fn forget(&mut self, _: &Name) {
        self.0 = None;
    }
}

/// A map of tasks that each tell of their end through a `watch` channel. Not locked: it has one owner here.
#[derive(Debug)]
pub struct Watched(HashMap<String, watch::Receiver<bool>>);

impl Contender for Watched {
    const NAME: &'static str = "HashMap+watch";
    type Place = &'static Handle;
    type Held = ();

    fn new(_: &'static Handle) -> Self {
        Self(HashMap::new())
    }

    async fn spawn(&mut self, name: &Name, work: impl Work) {
        self.spawn_awaited(name, work.start()).await;
    }

    async fn stop_all(self, _: Vec<()>) {}

    async fn known(&self) -> usize {
        self.0.len()
    }
}

impl Awaitable for Watched {
    async fn spawn_awaited<F: Future<Output = u64> + Send + 'static>(
        &mut self,
        name: &Name,
        future: F,
    ) {
        let (end, ended) = watch::channel(false);
        tokio::spawn(async move {
            future.await;
            end.send_replace(true);
        });
        self.0.insert(name.to_owned(), ended);
    }

    fn spawn_waiter(&self, name: &Name, gauge: &'static Gauge) -> impl Future<Output = ()> {
        let mut ended = self.0[name.as_str()].clone();
        waiter(gauge.counts(async move {
            ended.wait_for(|ended| *ended).await.expect("it ends");
        }))
    }

    async fn forget(&mut self, name: &Name) {
        self.0.remove(name.as_str());
    }
}
