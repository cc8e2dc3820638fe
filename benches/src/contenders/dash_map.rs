//! A sharded map of abort handles.

use std::sync::Arc;
use std::vec::Drain;

use dashmap::{DashMap, Entry};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};

use crate::contender::{Contender, Findable, OneByOne, Reaping};
use crate::contenders::map::{Hashing, Key, SharedName, Sip};
use crate::name::Name;
use crate::work::Work;

/// `DashMap<String, AbortHandle>`. The caller of `spawn` has the `JoinHandle`.
#[derive(Clone, Debug)]
pub struct Sharded<S: Hashing = Sip, K: Key = String>(Arc<DashMap<K, AbortHandle, S>>);

impl<S: Hashing, K: Key> Contender for Sharded<S, K> {
    const NAME: &'static str = S::SHARDED;
    type Place = &'static Handle;
    type Held = JoinHandle<u64>;

    fn new(_: &'static Handle) -> Self {
        Self(Arc::default())
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) -> JoinHandle<u64> {
        let task = tokio::spawn(work.start());
        let before = self.0.insert(K::of(name), task.abort_handle());
        assert!(before.is_none(), "a live name was taken");
        task
    }

    async fn stop_all(self, held: Vec<JoinHandle<u64>>) {
        self.0.iter().for_each(|task| task.abort());
        for task in held {
            assert!(task.await.is_err_and(|error| error.is_cancelled()));
        }
        self.0.clear();
    }

    async fn known(&self) -> usize {
        self.0.len()
    }
}

impl<S: Hashing, K: Key> OneByOne for Sharded<S, K> {
    type Kept = JoinHandle<u64>;

    fn keep(held: JoinHandle<u64>) -> JoinHandle<u64> {
        held
    }

    type Joins = JoinHandle<u64>;

    fn keep_to_join(held: JoinHandle<u64>) -> JoinHandle<u64> {
        held
    }

    /// By the handles; none of the names is needed for the records to go.
    #[inline]
    async fn join_all(&mut self, held: Drain<'_, JoinHandle<u64>>) -> u64 {
        let mut sum = 0;
        for task in held {
            sum += task.await.expect("it ends");
        }
        self.purge();
        sum
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, held: JoinHandle<u64>) {
        let (_, task) = self.0.remove(name.as_str()).expect("it is known");
        task.abort();
        assert!(held.await.is_err_and(|error| error.is_cancelled()));
    }

    fn purge(&mut self) {
        self.0.retain(|_, task| !task.is_finished());
    }
}

impl<S: Hashing> Findable for Sharded<S> {
    #[inline]
    async fn is_running(&self, name: &Name) -> bool {
        self.0.get(name.as_str()).is_some_and(|task| !task.is_finished())
    }

    async fn list(&self) -> usize {
        let tasks: Vec<(String, bool)> =
            self.0.iter().map(|task| (task.key().clone(), task.is_finished())).collect();
        std::hint::black_box(tasks).len()
    }
}

impl<S: Hashing> Reaping for Sharded<S, SharedName> {
    fn reaping(place: &'static Handle) -> Self {
        Self::new(place)
    }

    /// Under the shard's lock, because the task may end before its handle is entered.
    #[inline]
    fn spawn_forgotten(&mut self, name: &Name, work: impl Work) {
        let (tasks, own) = (self.0.clone(), SharedName::of(name));
        let Entry::Vacant(place) = self.0.entry(own.clone()) else {
            panic!("a live name was taken");
        };
        let task = tokio::spawn(async move {
            let output = work.start().await;
            tasks.remove(&own);
            output
        });
        place.insert(task.abort_handle());
    }
}
