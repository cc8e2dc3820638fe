//! Work that blocks, where there is no thread for it.

use std::future::Future;

use futures_lite::future::block_on;
use task_registry::{
    Outcome, Refusal, Refused, Registry, Spawn, SpawnBlocking, SpawnError, Spawner, TaskHandle,
    mode,
};

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
