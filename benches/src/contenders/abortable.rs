//! Cancelling without the executor's help, with futures-util.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{AbortHandle, Aborted, abortable};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::contender::{Contender, Findable, OneByOne, Reaping};
use crate::name::Name;
use crate::work::Work;

type Task = (AbortHandle, JoinHandle<Result<u64, Aborted>>);

/// `abortable` and a locked map.
#[derive(Clone, Debug)]
pub struct Abort(Arc<Mutex<HashMap<String, Task>>>);

impl Abort {
    #[inline]
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Task>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn take(&self, name: &str) -> Task {
        self.lock().remove(name).expect("it is known")
    }
}

impl Contender for Abort {
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
        let before = self.lock().insert(name.to_owned(), (handle, task));
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

impl OneByOne for Abort {
    type Kept = ();

    fn keep((): ()) {}

    #[inline]
    async fn join(&mut self, id: u64, name: &mut Name, (): ()) -> u64 {
        let (_, task) = self.take(name.of(id).as_str());
        task.await.expect("it ends").expect("it is not aborted")
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

impl Reaping for Abort {
    fn reaping(place: &'static Handle) -> Self {
        Self::new(place)
    }

    /// Under the lock, because the task may end before its handle is entered.
    #[inline]
    fn spawn_forgotten(&mut self, name: &Name, work: impl Work) {
        let (future, handle) = abortable(work.start());
        let (tasks, own) = (self.clone(), name.to_owned());
        let mut entered = self.lock();
        let task = tokio::spawn(async move {
            let output = future.await;
            tasks.lock().remove(&own);
            output
        });
        let before = entered.insert(name.to_owned(), (handle, task));
        assert!(before.is_none(), "a live name was taken");
    }
}
