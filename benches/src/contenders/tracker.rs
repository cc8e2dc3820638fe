//! What tokio-util's documentation recommends for a graceful shutdown, with a map for the names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::contender::Contender;
use crate::name::Name;
use crate::work::Work;

type Task = (CancellationToken, JoinHandle<Option<u64>>);

/// `TaskTracker`, a `CancellationToken` for each task, and a locked map.
#[derive(Clone, Debug)]
pub struct Tracker {
    tracker: TaskTracker,
    all: CancellationToken,
    tasks: Arc<Mutex<HashMap<String, Task>>>,
}

impl Tracker {
    #[inline]
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn take(&self, name: &str) -> Task {
        self.lock().remove(name).expect("it is known")
    }
}

impl Contender for Tracker {
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
        let before = self.lock().insert(name.to_owned(), (token, task));
        assert!(before.is_none(), "a live name was taken");
    }

    #[inline]
    async fn join(&mut self, id: u64, name: &mut Name, (): ()) -> u64 {
        let (_, task) = self.take(name.of(id).as_str());
        task.await.expect("it ends").expect("it is not cancelled")
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

    fn known(&self) -> usize {
        self.lock().len()
    }
}
