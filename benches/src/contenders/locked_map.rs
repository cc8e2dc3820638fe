//! What most people write first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::contender::Contender;
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

    fn known(&self) -> usize {
        self.lock().len()
    }
}
