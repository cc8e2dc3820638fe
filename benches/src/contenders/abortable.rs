//! Cancelling without the executor's help, with futures-util.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Drain;

use futures_util::future::{AbortHandle, Aborted, abortable};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::contender::{Contender, Findable, OneByOne, Reaping};
use crate::contenders::map::{Key, SharedName};
use crate::name::Name;
use crate::work::Work;

type Task = (AbortHandle, JoinHandle<Result<u64, Aborted>>);

/// `abortable` and a locked map.
#[derive(Clone, Debug)]
pub struct Abort<K = String>(Arc<Mutex<HashMap<K, Task>>>);

impl<K: Key> Abort<K> {
    #[inline]
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Task>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn take(&self, name: &str) -> Task {
        self.lock().remove(name).expect("it is known")
    }
}

impl<K: Key> Contender for Abort<K> {
    const NAME: &'static str = "abortable+map";
    type Place = &'static Handle;
    type Held = ();

    fn new(_: &'static Handle) -> Self {
        Self(Arc::default())
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) {
        let (future, handle) = abortable(work.start());
        let task = tokio::spawn(future);
        let before = self.lock().insert(K::of(name), (handle, task));
        assert!(before.is_none(), "a live name was taken");
    }

    async fn stop_all(self, _: Vec<()>) {
        let tasks = std::mem::take(&mut *self.lock());
        tasks.values().for_each(|(handle, _)| handle.abort());
        for (_, task) in tasks.into_values() {
            assert_eq!(task.await.expect("it ends"), Err(Aborted));
        }
    }

    async fn known(&self) -> usize {
        self.lock().len()
    }
}

impl<K: Key> OneByOne for Abort<K> {
    type Kept = ();

    fn keep((): ()) {}

    type Joins = ();

    fn keep_to_join((): ()) {}

    /// All at once out of the map: none of them has to be looked for.
    #[inline]
    async fn join_all(&mut self, _: Drain<'_, ()>) -> u64 {
        let tasks: Vec<Task> = self.lock().drain().map(|(_, task)| task).collect();
        let mut sum = 0;
        for (_, task) in tasks {
            sum += task.await.expect("it ends").expect("it is not aborted");
        }
        sum
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, (): ()) {
        let (handle, task) = self.take(name.as_str());
        handle.abort();
        assert_eq!(task.await.expect("it ends"), Err(Aborted));
    }

    fn purge(&mut self) {
        self.lock().retain(|_, (_, task)| !task.is_finished());
    }
}

impl Findable for Abort {
    #[inline]
    async fn is_running(&self, name: &Name) -> bool {
        self.lock().get(name.as_str()).is_some_and(|(_, task)| !task.is_finished())
    }

    async fn list(&self) -> usize {
        let tasks: Vec<(String, bool)> = self
            .lock()
            .iter()
            .map(|(name, (_, task))| (name.clone(), task.is_finished()))
            .collect();
        std::hint::black_box(tasks).len()
    }
}

impl Reaping for Abort<SharedName> {
    fn reaping(place: &'static Handle) -> Self {
        Self::new(place)
    }

    /// Under the lock, because the task may end before its handle is entered.
    #[inline]
    fn spawn_forgotten(&mut self, name: &Name, work: impl Work) {
        let (future, handle) = abortable(work.start());
        let (tasks, own) = (self.clone(), SharedName::of(name));
        let key = own.clone();
        let mut entered = self.lock();
        let task = tokio::spawn(async move {
            let output = future.await;
            tasks.lock().remove(&own);
            output
        });
        let before = entered.insert(key, (handle, task));
        assert!(before.is_none(), "a live name was taken");
    }
}
