//! Spawners that are wrong in ways which safe code has only for futures it knows, or on threads of its own.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use task_registry_conformance::{Harness, Probe};
use task_registry_core::mode::{self, Sync};
use task_registry_core::{Refusal, Refused, Spawn, SpawnSend, Spawner, Terms, Tracked};

use crate::queue::{BoxFuture, Flaw, Queue};
use crate::spawner::{Attached, OnQueue};

/// Knows a probe when it gets one by itself, and gives the rest to the queue.
macro_rules! knows_probes {
    ($name:ident) => {
        impl Spawner for $name {
            type Handle = Attached;
            type Mode = mode::Sync;
        }
        impl<F, X> Spawn<Tracked<F, Sync, X>> for $name
        where
            F: Future<Output: 'static>,
            X: Terms<F::Output>,
            Tracked<F, Sync, X>: Future<Output = ()> + Send + 'static,
        {
            fn spawn(
                &self,
                future: Tracked<F, Sync, X>,
            ) -> Result<Attached, Refused<Tracked<F, Sync, X>>> {
                self.0.spawn(future)
            }
        }
    };
}

/// Polls a task where it is woken, at once, whoever polls it already.
#[derive(Clone)]
pub(crate) struct WhereItIsWoken(OnQueue);
knows_probes!(WhereItIsWoken);

impl Spawn<Probe> for WhereItIsWoken {
    fn spawn(&self, mut future: Probe) -> Result<Attached, Refused<Probe>> {
        /// Has the queue poll it, after it has done so itself.
        struct Twin(Mutex<Probe>, Waker);
        impl Wake for Twin {
            fn wake(self: Arc<Self>) {
                let waker = Waker::from(self.clone());
                if let Ok(mut twin) = self.0.try_lock() {
                    let _ = Pin::new(&mut *twin).poll(&mut Context::from_waker(&waker));
                }
                self.1.wake_by_ref();
            }
        }
        let mut twin = Some(future.twin());
        let mut waker = None;
        let spawned = self.0.spawn(poll_fn(move |cx| {
            if let Some(twin) = twin.take() {
                let twin = Twin(Mutex::new(twin), cx.waker().clone());
                waker = Some(Waker::from(Arc::new(twin)));
            }
            let waker = waker.as_ref().expect("it was made at the first poll");
            Pin::new(&mut future).poll(&mut Context::from_waker(waker))
        }));
        Ok(spawned.unwrap_or_else(|_| unreachable!("the queue lives")))
    }
}

pub(crate) struct OnTwoThreads(Arc<Queue>);

impl Harness for OnTwoThreads {
    type Spawner = WhereItIsWoken;
    fn new() -> Self {
        OnTwoThreads(Queue::new(Flaw::None))
    }
    fn spawner(&self) -> WhereItIsWoken {
        WhereItIsWoken(OnQueue::new(&self.0, Flaw::None))
    }
    fn drive(&self) {
        self.0.run();
    }
}

/// Polls a future, and then says that it does not take it.
#[derive(Clone)]
pub(crate) struct RefusesButRan(OnQueue);
knows_probes!(RefusesButRan);

impl Spawn<Probe> for RefusesButRan {
    fn spawn(&self, mut future: Probe) -> Result<Attached, Refused<Probe>> {
        let _ = Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()));
        Err(Refused::new(future, Refusal::Full))
    }
}

pub(crate) struct RunsWhatItRefuses(Arc<Queue>);

impl Harness for RunsWhatItRefuses {
    type Spawner = RefusesButRan;
    fn new() -> Self {
        RunsWhatItRefuses(Queue::new(Flaw::None))
    }
    fn spawner(&self) -> RefusesButRan {
        RefusesButRan(OnQueue::new(&self.0, Flaw::None))
    }
    fn drive(&self) {
        self.0.run();
    }
}

/// Says that all stays on one thread, and polls on another.
#[derive(Clone)]
pub(crate) struct SaysItStays(OnQueue);

impl Spawner for SaysItStays {
    type Handle = Attached;
    type Mode = mode::Unsync;
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for SaysItStays {
    fn spawn(&self, future: F) -> Result<Attached, Refused<F>> {
        self.0.spawn(future)
    }
}

pub(crate) struct Strays(Arc<Queue>);

impl Harness for Strays {
    type Spawner = SaysItStays;
    fn new() -> Self {
        Strays(Queue::new(Flaw::None))
    }
    fn spawner(&self) -> SaysItStays {
        SaysItStays(OnQueue::new(&self.0, Flaw::None))
    }
    fn drive(&self) {
        thread::scope(|scope| {
            scope.spawn(|| self.0.run());
        });
    }
}

/// A thread that takes futures from a channel and polls each once: whatever waits is lost.
#[derive(Clone)]
pub(crate) struct OnThread(Sender<BoxFuture>);

impl Spawner for OnThread {
    type Handle = ();
    type Mode = mode::Sync;
}

impl SpawnSend for OnThread {
    fn spawn_send<F: Future<Output = ()> + Send + 'static>(
        &self,
        future: F,
    ) -> Result<(), Refused<F>> {
        let _ = self.0.send(Box::pin(future));
        Ok(())
    }
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for OnThread {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        self.spawn_send(future)
    }
}

pub(crate) struct PollsOnce(Sender<BoxFuture>);

impl Harness for PollsOnce {
    type Spawner = OnThread;
    const DRIVES_ITSELF: bool = true;
    // Most cases wait for what never comes; three do so.
    const LIMIT: Duration = Duration::from_secs(1);
    fn new() -> Self {
        let (sender, queue) = channel::<BoxFuture>();
        thread::spawn(move || {
            let mut kept = Vec::new();
            for mut future in queue {
                if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                    kept.push(future);
                }
            }
        });
        PollsOnce(sender)
    }
    fn spawner(&self) -> OnThread {
        OnThread(self.0.clone())
    }
    fn drive(&self) {}
}

/// How many executors were made, each for a case.
pub(crate) static MADE: AtomicUsize = AtomicUsize::new(0);

/// Counts them. For one test: there is one count.
pub(crate) struct Counted<H>(H);

impl<H: Harness> Harness for Counted<H> {
    type Spawner = H::Spawner;
    const DRIVES_ITSELF: bool = H::DRIVES_ITSELF;
    const MORTAL: bool = H::MORTAL;
    const LIMIT: Duration = H::LIMIT;
    fn new() -> Self {
        MADE.fetch_add(1, Ordering::SeqCst);
        Counted(H::new())
    }
    fn spawner(&self) -> H::Spawner {
        self.0.spawner()
    }
    fn drive(&self) {
        self.0.drive();
    }
}

/// Driving it does not return: it waits for more when nothing is left to poll.
pub(crate) struct NeverIdle(Arc<Queue>);

impl Harness for NeverIdle {
    type Spawner = OnQueue;
    const LIMIT: Duration = Duration::from_millis(100);
    fn new() -> Self {
        NeverIdle(Queue::new(Flaw::None))
    }
    fn spawner(&self) -> OnQueue {
        OnQueue::new(&self.0, Flaw::None)
    }
    fn drive(&self) {
        loop {
            self.0.run();
            thread::park();
        }
    }
}
