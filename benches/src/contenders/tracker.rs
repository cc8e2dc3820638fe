//! What tokio-util's documentation recommends for a graceful shutdown, with a map for the names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Drain;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::contender::{Awaitable, Contender, Findable, OneByOne, Reaping};
use crate::contenders::map::{Key, SharedName};
use crate::contenders::shared::waiter;
use crate::name::Name;
use crate::work::{Gauge, Work};

type Task = (CancellationToken, JoinHandle<Option<u64>>);

/// `TaskTracker`, a `CancellationToken` for each task, and a locked map.
#[derive(Clone, Debug)]
pub struct Tracker<K = String> {
    tracker: TaskTracker,
    all: CancellationToken,
    tasks: Arc<Mutex<HashMap<K, Task>>>,
}

impl<K: Key> Tracker<K> {
    #[inline]
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn take(&self, name: &str) -> Task {
        self.lock().remove(name).expect("it is known")
    }
}

impl<K: Key> Contender for Tracker<K> {
    const NAME: &'static str = "TaskTracker";
    type Place = &'static Handle;
    type Held = ();

    fn new(_: &'static Handle) -> Self {
        Self { tracker: TaskTracker::new(), all: CancellationToken::new(), tasks: Arc::default() }
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) {
        let token = self.all.child_token();
        let task = self.tracker.spawn(token.clone().run_until_cancelled_owned(work.start()));
        let before = self.lock().insert(K::of(name), (token, task));
        assert!(before.is_none(), "a live name was taken");
    }

    async fn stop_all(self, _: Vec<()>) {
        self.tracker.close();
        self.all.cancel();
        self.tracker.wait().await;
        self.lock().clear();
    }

    async fn known(&self) -> usize {
        self.lock().len()
    }
}

impl<K: Key> OneByOne for Tracker<K> {
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
            sum += task.await.expect("it ends").expect("it is not cancelled");
        }
        sum
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, (): ()) {
        let (token, task) = self.take(name.as_str());
        token.cancel();
        assert_eq!(task.await.expect("it ends"), None);
    }

    fn purge(&mut self) {
        self.lock().retain(|_, (_, task)| !task.is_finished());
    }
}

impl Findable for Tracker {
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

impl Reaping for Tracker<SharedName> {
    fn reaping(place: &'static Handle) -> Self {
        Self::new(place)
    }

    /// Under the lock, because the task may end before its handle is entered.
    #[inline]
    fn spawn_forgotten(&mut self, name: &Name, work: impl Work) {
        let token = self.all.child_token();
        let (tasks, own) = (self.tasks.clone(), SharedName::of(name));
        let key = own.clone();
        let future = token.clone().run_until_cancelled_owned(work.start());
        let mut entered = self.lock();
        let task = self.tracker.spawn(async move {
            let output = future.await;
            tasks.lock().unwrap_or_else(PoisonError::into_inner).remove(&own);
            output
        });
        let before = entered.insert(key, (token, task));
        assert!(before.is_none(), "a live name was taken");
    }
}

/// A tracker for the one task: awaited by `wait`, as often as one likes.
impl Awaitable for Tracker {
    async fn spawn_awaited<F: Future<Output = u64> + Send + 'static>(
        &mut self,
        name: &Name,
        future: F,
    ) {
        let token = self.all.child_token();
        self.tracker.reopen();
        let task = self.tracker.spawn(token.clone().run_until_cancelled_owned(future));
        self.tracker.close();
        self.lock().insert(name.to_owned(), (token, task));
    }

    fn spawn_waiter(&self, _: &Name, gauge: &'static Gauge) -> impl Future<Output = ()> {
        let tracker = self.tracker.clone();
        waiter(gauge.counts(async move { tracker.wait().await }))
    }

    async fn forget(&mut self, name: &Name) {
        drop(self.take(name.as_str()));
    }
}
