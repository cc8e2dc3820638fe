//! What most people write first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::contender::{Contender, Findable, OneByOne, Reaping};
use crate::name::Name;
use crate::work::Work;

/// `Mutex<HashMap<String, JoinHandle>>`. Who awaits a task takes its handle out of the map.
#[derive(Clone, Debug)]
pub struct LockedMap(Arc<Mutex<HashMap<String, JoinHandle<u64>>>>);

impl LockedMap {
    #[inline]
    fn lock(&self) -> MutexGuard<'_, HashMap<String, JoinHandle<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn take(&self, name: &str) -> JoinHandle<u64> {
        self.lock().remove(name).expect("it is known")
    }
}

impl Contender for LockedMap {
    const NAME: &'static str = "Mutex<HashMap>";
    type Place = &'static Handle;
    type Held = ();

    fn new(_: &'static Handle) -> Self {
        Self(Arc::default())
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) {
        let task = tokio::spawn(work.start());
        let before = self.lock().insert(name.to_owned(), task);
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

impl OneByOne for LockedMap {
    type Kept = ();

    fn keep((): ()) {}

    #[inline]
    async fn join(&mut self, id: u64, name: &mut Name, (): ()) -> u64 {
        let task = self.take(name.of(id).as_str());
        task.await.expect("it ends")
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

impl Findable for LockedMap {
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

impl Reaping for LockedMap {
    fn reaping(place: &'static Handle) -> Self {
        Self::new(place)
    }

    /// Under the lock, because the task may end before its handle is entered.
    #[inline]
    fn spawn_forgotten(&mut self, name: &Name, work: impl Work) {
        let (tasks, own) = (self.clone(), name.to_owned());
        let mut entered = self.lock();
        let task = tokio::spawn(async move {
            let output = work.start().await;
            tasks.lock().remove(&own);
            output
        });
        let before = entered.insert(name.to_owned(), task);
        assert!(before.is_none(), "a live name was taken");
    }
}
