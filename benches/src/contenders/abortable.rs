//! Cancelling without the executor's help, with futures-util.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{AbortHandle, Aborted, abortable};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::contender::Contender;
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

    fn known(&self) -> usize {
        self.lock().len()
    }
}
