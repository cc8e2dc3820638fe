//! What most people write first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Drain;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::contender::{Contender, Findable, OneByOne, Reaping};
use crate::contenders::map::{Hashing, Key, SharedName, Sip};
use crate::name::Name;
use crate::work::Work;

type Tasks<S, K> = HashMap<K, JoinHandle<u64>, S>;

/// `Mutex<HashMap<String, JoinHandle>>`. Who awaits a task takes its handle out of the map.
#[derive(Clone, Debug)]
pub struct LockedMap<S = Sip, K = String>(Arc<Mutex<Tasks<S, K>>>);

impl<S: Hashing, K: Key> LockedMap<S, K> {
    #[inline]
    fn lock(&self) -> MutexGuard<'_, Tasks<S, K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn take(&self, name: &str) -> JoinHandle<u64> {
        self.lock().remove(name).expect("it is known")
    }
}

impl<S: Hashing, K: Key> Contender for LockedMap<S, K> {
    const NAME: &'static str = S::LOCKED;
    type Place = &'static Handle;
    type Held = ();

    fn new(_: &'static Handle) -> Self {
        Self(Arc::default())
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) {
        let task = tokio::spawn(work.start());
        let before = self.lock().insert(K::of(name), task);
        assert!(before.is_none(), "a live name was taken");
    }

    async fn stop_all(self, _: Vec<()>) {
        let tasks = std::mem::take(&mut *self.lock());
        tasks.values().for_each(JoinHandle::abort);
        for task in tasks.into_values() {
            assert!(task.await.is_err_and(|error| error.is_cancelled()));
        }
    }

    async fn known(&self) -> usize {
        self.lock().len()
    }
}

impl<S: Hashing, K: Key> OneByOne for LockedMap<S, K> {
    type Kept = ();

    fn keep((): ()) {}

    type Joins = ();

    fn keep_to_join((): ()) {}

    /// All at once out of the map: none of them has to be looked for.
    #[inline]
    async fn join_all(&mut self, _: Drain<'_, ()>) -> u64 {
        let tasks: Vec<JoinHandle<u64>> = self.lock().drain().map(|(_, task)| task).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("it ends");
        }
        sum
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, (): ()) {
        let task = self.take(name.as_str());
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
    }

    fn purge(&mut self) {
        self.lock().retain(|_, task| !task.is_finished());
    }
}

impl<S: Hashing> Findable for LockedMap<S> {
    #[inline]
    async fn is_running(&self, name: &Name) -> bool {
        self.lock().get(name.as_str()).is_some_and(|task| !task.is_finished())
    }

    async fn list(&self) -> usize {
        let tasks: Vec<(String, bool)> =
            self.lock().iter().map(|(name, task)| (name.clone(), task.is_finished())).collect();
        std::hint::black_box(tasks).len()
    }
}

impl<S: Hashing> Reaping for LockedMap<S, SharedName> {
    fn reaping(place: &'static Handle) -> Self {
        Self::new(place)
    }

    /// Under the lock, because the task may end before its handle is entered.
    #[inline]
    fn spawn_forgotten(&mut self, name: &Name, work: impl Work) {
        let (tasks, own) = (self.clone(), SharedName::of(name));
        let key = own.clone();
        let mut entered = self.lock();
        let task = tokio::spawn(async move {
            let output = work.start().await;
            tasks.lock().remove(&own);
            output
        });
        let before = entered.insert(key, task);
        assert!(before.is_none(), "a live name was taken");
    }
}
