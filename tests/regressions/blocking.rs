//! Work that blocks, where there is no thread for it.

use std::future::{Future, pending, poll_fn};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use task_registry::{
    Cancel, Options, Outcome, Refusal, Refused, Registry, Spawn, SpawnBlocking, SpawnError,
    Spawner, TaskHandle, Tasks, mode,
};

use crate::let_go::Bomb;
use crate::watchdog::Watchdog;

/// A runtime that has no threads for work that blocks: it refuses, or it takes the work and lets go of it.
struct NoThreads {
    refuses: bool,
}

impl Spawner for NoThreads {
    type Handle = ();
    type Mode = mode::Sync;
}

impl<F: Future<Output = ()>> Spawn<F> for NoThreads {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        Err(Refused::gone(future))
    }
}

impl SpawnBlocking for NoThreads {
    fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
        drop(work);
        if self.refuses { Err(Refusal::Full) } else { Ok(()) }
    }
}

#[test]
fn blocking_work_that_is_refused_never_started_and_leaves_no_record() {
    let tasks = Registry::new(NoThreads { refuses: true });
    let mut endings = tasks.endings();
    let refused: Result<TaskHandle<(), _>, _> =
        tasks.spawn_blocking("work", |_| unreachable!("nobody runs it"));
    assert_eq!(refused.unwrap_err(), SpawnError::Refused(Refusal::Full));
    let end = endings.try_next_ended().unwrap().unwrap();
    assert_eq!(end.outcome(), &Outcome::NeverStarted);
    assert!(tasks.is_empty() && tasks.get("work").is_none(), "its name and its place are free");
}

#[test]
fn law_11_blocking_work_that_a_runtime_took_and_let_go_of_is_abandoned() {
    let tasks = Registry::new(NoThreads { refuses: false });
    let work: TaskHandle<(), _> =
        tasks.spawn_blocking("work", |_| unreachable!("nobody runs it")).unwrap();
    let error = block_on(work).unwrap_err();
    assert_eq!(error.outcome(), &Outcome::Abandoned);
    assert_eq!(tasks.records(), 1);
}

#[test]
fn blocking_work_that_is_refused_and_panics_when_it_goes_panics_to_nobody() {
    let (tasks, bomb) = (Registry::new(NoThreads { refuses: true }), Bomb);
    let work = move |_| drop(bomb);
    let refused = tasks.spawn_blocking("work", work);
    assert_eq!(refused.unwrap_err(), SpawnError::Refused(Refusal::Full));
}

#[test]
fn a_wake_up_that_comes_while_the_future_blocks_in_its_poll_is_not_lost() {
    let _watchdog = Watchdog::over("a wake-up that comes while the future blocks");
    let tasks = Tasks::<mode::Sync>::new(Options::new());
    let (tracked, task) = tasks.reserve("a").unwrap().track(pending::<()>()).unwrap();
    let mut tracked = Box::pin(tracked);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(tracked.as_mut().poll(&mut cx).is_pending());
    let (wakes, waker) = mpsc::channel::<Waker>();
    let (woke, woken) = mpsc::channel();
    thread::spawn(move || {
        waker.recv().unwrap().wake();
        // The thread that blocks is woken by this a second time, and by that alone the first time is forgotten.
        woke.send(()).unwrap();
    });
    let mut polled = false;
    let grace = poll_fn(move |cx| {
        if polled {
            return Poll::Ready(());
        }
        polled = true;
        wakes.send(cx.waker().clone()).unwrap();
        woken.recv().unwrap();
        // Forgets it, if it has not been so yet.
        thread::park_timeout(Duration::ZERO);
        Poll::Pending
    });
    let runs = thread::spawn(move || block_on(tracked));
    let cancelling = tasks.cancel_with("a", Cancel::new().grace(grace)).unwrap();
    assert!(cancelling.wait_blocking().is_cancelled());
    runs.join().unwrap();
    drop(task);
}
