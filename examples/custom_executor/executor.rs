//! An executor in 40 lines, a queue and a thread, and the 15 lines that put a registry on it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::{collections::HashMap, pin::Pin, thread};

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Owns the queue: of tasks to poll, each with its future if it is new.
pub(crate) struct Executor(mpsc::Sender<(Arc<Handle>, Option<BoxFuture>)>);

/// Reaches the queue while it lasts. Every task has one of its own, its waker, whose address is
/// the name that the thread knows it by.
#[derive(Clone)]
pub(crate) struct Handle(pub(crate) Weak<Executor>);

/// Starts the thread. It ends with the executor, and drops every future that has not finished.
pub(crate) fn start() -> Arc<Executor> {
    let (sender, queue) = mpsc::channel::<(Arc<Handle>, Option<BoxFuture>)>();
    thread::spawn(move || {
        let mut tasks = HashMap::new();
        for (task, new) in queue {
            let key = Arc::as_ptr(&task);
            tasks.extend(new.map(|future| (key, (future, Waker::from(task)))));
            // What has ended may still be woken, and is not found.
            if let Some((future, waker)) = tasks.get_mut(&key) {
                let poll = || future.as_mut().poll(&mut Context::from_waker(waker));
                if !matches!(catch_unwind(AssertUnwindSafe(poll)), Ok(Poll::Pending)) {
                    tasks.remove(&key);
                }
            }
        }
    });
    Arc::new(Executor(sender))
}

impl Handle {
    /// Gives the future back if the executor is gone.
    fn run<F: Future<Output = ()> + Send + 'static>(&self, future: F) -> Result<(), F> {
        let Some(executor) = self.0.upgrade() else {
            return Err(future);
        };
        let task = (Arc::new(self.clone()), Some(Box::pin(future) as BoxFuture));
        let _ = executor.0.send(task);
        Ok(())
    }
}

impl Wake for Handle {
    fn wake(self: Arc<Self>) {
        let _ = self.0.upgrade().map(|queue| queue.0.send((self, None)));
    }
}

// The spawner: all that a registry asks for.

use task_registry::{Refused, Spawn, SpawnSend, Spawner, mode};

impl Spawner for Handle {
    type Handle = ();
    type Mode = mode::Sync;
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for Handle {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        self.run(future).map_err(Refused::gone)
    }
}

impl SpawnSend for Handle {
    fn spawn_send<F: Future<Output = ()> + Send + 'static>(&self, f: F) -> Result<(), Refused<F>> {
        self.run(f).map_err(Refused::gone)
    }
}
