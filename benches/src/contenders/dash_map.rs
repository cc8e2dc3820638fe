//! A sharded map of abort handles.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};

use crate::contender::Contender;
use crate::name::Name;
use crate::work::Work;

/// `DashMap<String, AbortHandle>`. The caller of `spawn` has the `JoinHandle`.
#[derive(Clone, Debug)]
pub struct Sharded(Arc<DashMap<String, AbortHandle>>);

impl Contender for Sharded {
    const NAME: &'static str = "DashMap";
    type Place = &'static Handle;
    type Held = JoinHandle<u64>;

    fn new(_: &'static Handle) -> Self {
        Self(Arc::default())
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) -> JoinHandle<u64> {
        let task = tokio::spawn(work.start());
        let before = self.0.insert(name.to_owned(), task.abort_handle());
        assert!(before.is_none(), "a live name was taken");
        task
    }

    #[inline]
    async fn join(&mut self, id: u64, name: &mut Name, held: JoinHandle<u64>) -> u64 {
        let output = held.await.expect("it ends");
        self.0.remove(name.of(id).as_str());
        output
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

    fn known(&self) -> usize {
        self.0.len()
    }
}
