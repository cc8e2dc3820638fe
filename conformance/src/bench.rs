//! What a case works with: an executor, and ways to wait for what it ought to do.

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Instant;

use task_registry_core::mode::{Sync, Unsync};
use task_registry_core::{
    JoinHandle, Options, Refused, Registry, Spawn, SpawnError, SpawnLocal, Spawner, TaskHandle,
    Tasks, Tracked,
};

use crate::fault::{Fault, Verdict};
use crate::harness::Harness;
use crate::kit::{lock, poll_with, yield_now};
use crate::probe::{Inside, LocalProbe, Log, Probe, Probed, Watch};

pub(crate) type Reg<H> = Registry<<H as Harness>::Spawner, Sync>;
pub(crate) type Handle<T = ()> = TaskHandle<T, Sync>;

/// What a case is given: an executor of its own.
pub struct Bench<H: Harness> {
    /// `None` once it was killed.
    executor: Option<H>,
    /// Knows of the faults that are noted without being asked for.
    pub(crate) log: Log,
    law: Option<u8>,
    home: ThreadId,
}

impl<H: Harness> Bench<H> {
    pub(crate) fn new(log: Log, law: Option<u8>) -> Self {
        Self { executor: Some(H::new()), log, law, home: thread::current().id() }
    }

    pub(crate) fn fault(&self, why: impl Into<String>) -> Fault {
        Fault::new(self.law, why)
    }

    pub(crate) fn spawner(&self) -> H::Spawner {
        self.executor.as_ref().expect("it lives").spawner()
    }

    pub(crate) fn registry(&self) -> Reg<H> {
        self.registry_with(Options::new())
    }

    pub(crate) fn registry_with(&self, options: Options) -> Reg<H> {
        Registry::with_tasks(self.spawner(), Tasks::new(options))
    }

    /// The thread on which everything is to happen, if there is one.
    fn home(&self) -> Option<ThreadId> {
        let stays = TypeId::of::<<H::Spawner as Spawner>::Mode>() == TypeId::of::<Unsync>();
        stays.then_some(self.home)
    }

    /// A future that goes on the executor by itself.
    pub(crate) fn bare(&self, future: impl Future<Output = ()> + Send + 'static) -> (Probe, Watch) {
        Probed::new(Box::pin(future), &self.log, self.home(), true)
    }

    /// A future that goes on the executor inside a registry's wrapper.
    pub(crate) fn probe<T>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> (Probe<T>, Watch) {
        Probed::new(Box::pin(future), &self.log, self.home(), false)
    }

    /// One that is not `Send`.
    pub(crate) fn local_probe<T>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> (LocalProbe<T>, Watch) {
        Probed::new(Box::pin(future), &self.log, Some(self.home), false)
    }

    /// One that is not `Send`, and goes on the executor by itself.
    pub(crate) fn local_bare(
        &self,
        future: impl Future<Output = ()> + 'static,
    ) -> (LocalProbe, Watch) {
        Probed::new(Box::pin(future), &self.log, Some(self.home), true)
    }

    /// Puts a future on the executor, without a registry.
    pub(crate) fn put(
        &self,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Watch, Fault> {
        let (probe, watch) = self.bare(future);
        put_by(&watch, || self.spawner().spawn(probe))?;
        Ok(watch)
    }

    /// Spawns a task.
    pub(crate) fn spawn<T: 'static>(
        &self,
        tasks: &Reg<H>,
        name: &str,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<(Handle<T>, Watch), Fault>
    where
        H::Spawner: Spawn<Tracked<Probe<T>, Sync>>,
    {
        let (probe, watch) = self.probe(future);
        let task = self.add(&watch, || tasks.spawn(name.to_owned(), probe))?;
        Ok((task, watch))
    }

    /// Spawns a task that is not `Send`.
    pub(crate) fn spawn_local<T: 'static>(
        &self,
        tasks: &Reg<H>,
        name: &'static str,
        future: impl Future<Output = T> + 'static,
    ) -> Result<(Handle<T>, Watch), Fault>
    where
        H::Spawner: SpawnLocal,
    {
        let (probe, watch) = self.local_probe(future);
        let task = self.add(&watch, || tasks.spawn_local(name, probe))?;
        Ok((task, watch))
    }

    /// Spawns a task in any way, and looks at what became of it meanwhile.
    pub(crate) fn add<R>(
        &self,
        watch: &Watch,
        spawn: impl FnOnce() -> Result<R, SpawnError>,
    ) -> Result<R, Fault> {
        let spawned = watch.within(Inside::Spawn, spawn);
        let (polled, dropped) = watch.leave();
        match spawned {
            Ok(_) if polled => Err(polled_inside()),
            Ok(_) if dropped => Err(dropped_inside()),
            Ok(spawned) => Ok(spawned),
            Err(SpawnError::Refused(refusal)) => Err(refused(&refusal)),
            Err(error) => Err(self.fault(format!("a task could not be spawned: {error}"))),
        }
    }

    /// Waits for `future`, and lets the executor run meanwhile.
    ///
    /// If it does not come the case fails: `lost` says what did not happen. An executor without threads is driven until
    /// nothing is left to poll, so that nothing more can come; one with threads is waited for.
    pub(crate) fn wait<F: Future>(&self, lost: &str, future: F) -> Result<F::Output, Fault> {
        self.wait_by(self.law, lost, future)
    }

    /// The same, by another law than the case's.
    fn wait_by<F: Future>(
        &self,
        law: Option<u8>,
        lost: &str,
        future: F,
    ) -> Result<F::Output, Fault> {
        let executor = self.executor.as_ref().expect("it lives");
        let drive = || executor.drive();
        self.wait_driving(law, lost, future, &drive, "and its executor is idle")
    }

    fn wait_driving<F: Future>(
        &self,
        law: Option<u8>,
        lost: &str,
        future: F,
        drive: &dyn Fn(),
        idle: &str,
    ) -> Result<F::Output, Fault> {
        let mut future = pin!(future);
        let signal = Arc::new(Signal::default());
        let waker = Waker::from(signal.clone());
        let mut driven = false;
        loop {
            self.log.tell(waker.clone());
            self.log.verdict()?;
            if let Poll::Ready(output) = poll_with(future.as_mut(), &waker) {
                return Ok(output);
            }
            if H::DRIVES_ITSELF {
                if !signal.wait(Instant::now() + H::LIMIT) {
                    self.log.wait_was_in_vain();
                    self.log.verdict()?;
                    return Err(Fault::new(law, format!("{lost}: nothing came in {:?}", H::LIMIT)));
                }
            } else if signal.take() {
                driven = false;
            } else if driven {
                return Err(Fault::new(law, format!("{lost}, {idle}")));
            } else {
                drive();
                driven = true;
            }
        }
    }

    /// Lets the executor do all that it would do by itself.
    pub(crate) fn settle(&self) -> Verdict {
        if H::DRIVES_ITSELF {
            // What it was asked for before has as many turns as these have.
            for _ in 0..4 {
                let watch = self.put(async {
                    for _ in 0..8 {
                        yield_now().await;
                    }
                })?;
                // What is lost here is not what the case is about.
                self.wait_by(Some(11), "a future was never polled", watch.polled(1))?;
                let lost =
                    "a wake that came during a poll was lost: the future was not polled to its end";
                self.wait_by(Some(5), lost, watch.ready())?;
                let lost = "the future is leaked: it has completed and is never dropped";
                self.wait_by(Some(2), lost, watch.dropped())?;
            }
        } else if let Some(executor) = &self.executor {
            executor.drive();
        }
        self.log.verdict()
    }

    /// Drops the executor.
    pub(crate) fn kill(mut self) -> Result<Gone<H>, Fault> {
        if !H::MORTAL {
            let why = "the harness says that its executor is never gone: say `immortal` in `conformance!`";
            return Err(self.fault(why));
        }
        self.log.executor_goes();
        drop(self.executor.take());
        self.log.verdict()?;
        Ok(Gone(self))
    }
}

impl<H: Harness> fmt::Debug for Bench<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench").field("law", &self.law).finish_non_exhaustive()
    }
}

impl<H: Harness> Drop for Bench<H> {
    fn drop(&mut self) {
        self.log.executor_goes();
    }
}

/// What is left when the executor was killed.
pub(crate) struct Gone<H: Harness>(Bench<H>);

impl<H: Harness> Gone<H> {
    /// As [`Bench::wait`].
    pub(crate) fn wait<F: Future>(&self, lost: &str, future: F) -> Result<F::Output, Fault> {
        self.0.wait_driving(self.0.law, lost, future, &|| (), "and its executor is gone")
    }

    pub(crate) fn fault(&self, why: impl Into<String>) -> Fault {
        self.0.fault(why)
    }

    pub(crate) fn bare(&self, future: impl Future<Output = ()> + Send + 'static) -> (Probe, Watch) {
        self.0.bare(future)
    }

    pub(crate) fn probe<T>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> (Probe<T>, Watch) {
        self.0.probe(future)
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.0.log.verdict()
    }
}

fn polled_inside() -> Fault {
    let why = "the future was polled inside `spawn`: it is to be queued when `spawn` returns, so that it can be cancelled before it runs";
    Fault::new(4, why)
}

fn dropped_inside() -> Fault {
    Fault::new(11, "the future was dropped inside `spawn`, although its executor lives")
}

fn refused(why: &dyn fmt::Display) -> Fault {
    Fault::new(11, format!("`spawn` refused a future, although its executor lives: {why}"))
}

/// Gives a future to an executor by means of `spawn`, and lets go of the handle.
pub(crate) fn put_by<F, T: JoinHandle>(
    watch: &Watch,
    spawn: impl FnOnce() -> Result<T, Refused<Probed<F>>>,
) -> Verdict {
    let handle = give(watch, spawn)?;
    watch.within(Inside::Detach, || handle.detach());
    let (polled, dropped) = watch.leave();
    if polled {
        return Err(Fault::new(4, "the future was polled when its handle was detached"));
    }
    if dropped {
        return Err(Fault::new(8, "the future was dropped when its handle was detached"));
    }
    Ok(())
}

/// Gives a future to an executor by means of `spawn`, and keeps the handle.
pub(crate) fn give<F, T>(
    watch: &Watch,
    spawn: impl FnOnce() -> Result<T, Refused<Probed<F>>>,
) -> Result<T, Fault> {
    let spawned = watch.within(Inside::Spawn, spawn);
    let (polled, dropped) = watch.leave();
    match spawned {
        Ok(_) if polled => Err(polled_inside()),
        Ok(_) if dropped => Err(dropped_inside()),
        Ok(handle) => Ok(handle),
        Err(back) => {
            watch.let_go();
            Err(if watch.polls() > 0 {
                let why = "`spawn` refused a future that it had polled: what is given back is to be as it was given";
                Fault::new(4, why)
            } else {
                refused(&back.refusal())
            })
        }
    }
}

/// Whether somebody was woken.
#[derive(Default)]
struct Signal(Mutex<bool>, Condvar);

impl Signal {
    fn take(&self) -> bool {
        std::mem::take(&mut *lock(&self.0))
    }

    /// Blocks until it is given, or until `limit`; says which.
    fn wait(&self, limit: Instant) -> bool {
        let mut given = lock(&self.0);
        while !*given {
            let left = limit.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            given = self.1.wait_timeout(given, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *given = false;
        true
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        *lock(&self.0) = true;
        self.1.notify_all();
    }
}

/// A future that is polled by the case itself.
pub(crate) fn poll_by_hand<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    poll_with(Pin::new(future), waker)
}
