//! The queue as a spawner, and the harness of each flaw.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use task_registry_core::{JoinHandle, Refusal, Refused, Spawn, SpawnSend, Spawner, mode};

use crate::queue::{Flaw, Queue, Task};

/// Leads to a queue while it lasts.
#[derive(Clone)]
pub(crate) struct OnQueue {
    pub(crate) queue: Weak<Queue>,
    pub(crate) flaw: Flaw,
    /// Set by a flaw alone.
    _own: Option<Arc<Queue>>,
    asked: Arc<AtomicUsize>,
}

impl OnQueue {
    pub(crate) fn new(queue: &Arc<Queue>, flaw: Flaw) -> Self {
        let _own = (flaw == Flaw::OwnsItself).then(|| queue.clone());
        Self { queue: Arc::downgrade(queue), flaw, _own, asked: Arc::default() }
    }
}

/// A handle that may stop its task.
pub(crate) struct Attached(Arc<Task>, Flaw);

impl JoinHandle for Attached {
    fn detach(self) {
        match self.1 {
            Flaw::DropsWithTheHandle => self.0.cancel(false),
            Flaw::DropsWithTheHandleLater => self.0.cancel(true),
            _ => (),
        }
    }
}

impl Spawner for OnQueue {
    type Handle = Attached;
    type Mode = mode::Sync;
}

impl SpawnSend for OnQueue {
    fn spawn_send<F: Future<Output = ()> + Send + 'static>(
        &self,
        future: F,
    ) -> Result<Attached, Refused<F>> {
        let Some(queue) = self.queue.upgrade() else {
            match self.flaw {
                Flaw::TakesWhenGone => std::mem::forget(future),
                Flaw::PanicsWhenGone => panic!("the queue is gone"),
                _ => return Err(Refused::gone(future)),
            }
            let nobody = Queue::new(Flaw::None);
            return Ok(Attached(nobody.push(Box::pin(std::future::pending())), Flaw::None));
        };
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        if self.flaw == Flaw::RefusesNowAndThen && asked % 5 == 4 {
            return Err(Refused::new(future, Refusal::Full));
        }
        Ok(Attached(queue.push(Box::pin(future)), self.flaw))
    }
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for OnQueue {
    fn spawn(&self, future: F) -> Result<Attached, Refused<F>> {
        self.spawn_send(future)
    }
}
