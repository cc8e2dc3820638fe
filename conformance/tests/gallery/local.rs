//! A run queue for futures that are not `Send`, right, or wrong in one way at a time.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread::{self, ThreadId};

use task_registry_core::{Refused, Spawn, SpawnLocal, Spawner, mode};

use crate::queue::lock;

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    None,
    BorrowsWhilePolling,
    BorrowsWhileDropping,
    IgnoresWakes,
    LosesWakesOfThreads,
    PanicsWhenGone,
    OwnsItself,
}

type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;

pub(crate) struct Queue {
    flaw: Flaw,
    tasks: RefCell<BTreeMap<usize, LocalFuture>>,
    ready: Arc<Ready>,
    next: Cell<usize>,
}

/// The part that wakers lead to.
struct Ready {
    flaw: Flaw,
    home: ThreadId,
    numbers: Mutex<VecDeque<usize>>,
}

struct Number(usize, Arc<Ready>);

impl Wake for Number {
    fn wake(self: Arc<Self>) {
        match self.1.flaw {
            Flaw::IgnoresWakes => (),
            Flaw::LosesWakesOfThreads if thread::current().id() != self.1.home => (),
            _ => lock(&self.1.numbers).push_back(self.0),
        }
    }
}

impl Queue {
    pub(crate) fn new(flaw: Flaw) -> Rc<Self> {
        let home = thread::current().id();
        let ready = Arc::new(Ready { flaw, home, numbers: Mutex::default() });
        Rc::new(Self { flaw, tasks: RefCell::default(), ready, next: Cell::new(0) })
    }

    /// Polls until nothing is to be polled.
    pub(crate) fn run(&self) {
        loop {
            let Some(number) = lock(&self.ready.numbers).pop_front() else { break };
            let waker = Waker::from(Arc::new(Number(number, self.ready.clone())));
            let mut cx = Context::from_waker(&waker);
            if self.flaw == Flaw::BorrowsWhilePolling {
                let mut tasks = self.tasks.borrow_mut();
                let Some(future) = tasks.get_mut(&number) else { continue };
                if future.as_mut().poll(&mut cx).is_ready() {
                    drop(tasks.remove(&number));
                }
                continue;
            }
            let taken = self.tasks.borrow_mut().remove(&number);
            let Some(mut future) = taken else { continue };
            if future.as_mut().poll(&mut cx).is_pending() {
                self.tasks.borrow_mut().insert(number, future);
            } else if self.flaw == Flaw::BorrowsWhileDropping {
                let _tasks = self.tasks.borrow_mut();
                drop(future);
            }
        }
    }
}

/// Leads to a queue while it lasts.
#[derive(Clone)]
pub(crate) struct OnQueue {
    queue: Weak<Queue>,
    flaw: Flaw,
    /// Set by a flaw alone.
    _own: Option<Rc<Queue>>,
}

impl OnQueue {
    pub(crate) fn new(queue: &Rc<Queue>, flaw: Flaw) -> Self {
        let _own = (flaw == Flaw::OwnsItself).then(|| queue.clone());
        Self { queue: Rc::downgrade(queue), flaw, _own }
    }
}

impl Spawner for OnQueue {
    type Handle = ();
    type Mode = mode::Unsync;
}

impl SpawnLocal for OnQueue {
    fn spawn_local<F: Future<Output = ()> + 'static>(&self, future: F) -> Result<(), Refused<F>> {
        let Some(queue) = self.queue.upgrade() else {
            assert_ne!(self.flaw, Flaw::PanicsWhenGone, "the queue is gone");
            return Err(Refused::gone(future));
        };
        let number = queue.next.replace(queue.next.get() + 1);
        queue.tasks.borrow_mut().insert(number, Box::pin(future));
        lock(&queue.ready.numbers).push_back(number);
        Ok(())
    }
}

impl<F: Future<Output = ()> + 'static> Spawn<F> for OnQueue {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        self.spawn_local(future)
    }
}
