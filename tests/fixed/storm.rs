//! Threads on one name of a fixed table: whatever they do, its tasks run one after the other.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Waker};
use std::thread;

use futures_lite::future::{block_on, yield_now};
use task_registry::mode::{AnyThread, Interrupt, Locking, Sync};
use task_registry::{SpawnError, StaticOutcome, StaticTasks};

use crate::{depth, registry};

const STEPS: usize = 20_000;

/// One of the name's tasks runs.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(count: Arc<AtomicUsize>) -> Self {
        assert_eq!(count.fetch_add(1, SeqCst), 0, "two of one name run");
        Running(count)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Takes the name, or waits until whoever has it is gone; runs a task, or gives up in one of several ways. How many ran to their end.
fn steps<L: Locking + AnyThread>(
    tasks: StaticTasks<L>,
    running: &Arc<AtomicUsize>,
    seed: u32,
) -> usize {
    let mut random = seed;
    let mut one_in = |most: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 16) % most == 0
    };
    let mut completed = 0;
    for _ in 0..depth("STEPS", STEPS) {
        let reserved = if one_in(3) { tasks.reserve("x") } else { tasks.reserve_replacing("x") };
        let ticket = match reserved {
            Ok(ticket) => ticket,
            Err(SpawnError::NameTaken { .. }) if one_in(4) => {
                tasks.cancel("x").map(block_on);
                continue;
            }
            Err(SpawnError::NameTaken { .. }) => continue,
            Err(error) => panic!("there is room for all that live: {error}"),
        };
        if one_in(5) {
            drop(ticket);
            continue;
        }
        let (id, yields) = (ticket.id(), one_in(2));
        let running = running.clone();
        let run = ticket.run(async move {
            let _running = Running::new(running);
            if yields {
                yield_now().await;
            }
        });
        // Another replaced it meanwhile.
        let Ok(run) = run else { continue };
        if one_in(6) {
            let mut run = pin!(run);
            let _ = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if one_in(2) {
                drop(tasks.cancel_id(id));
            }
            continue;
        }
        completed += usize::from(block_on(run) == StaticOutcome::Completed);
        if one_in(16) {
            tasks.purge();
        }
    }
    completed
}

fn no_mix_of_requests_from_threads_makes_two_of_one_name<L: Locking + AnyThread>() {
    let tasks = registry::<L, 24>();
    let running = Arc::default();
    let completed: usize = thread::scope(|scope| {
        let run = |seed| {
            scope.spawn({
                let running = &running;
                move || steps(tasks, running, seed)
            })
        };
        let threads: Vec<_> = (1..=4).map(run).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(completed > 0, "some came to their end");
    block_on(tasks.wait_idle());
    assert_eq!((running.load(SeqCst), tasks.live()), (0, 0));
    assert!(tasks.reserve("x").is_ok());
}

#[test]
fn law_06_no_mix_of_requests_from_threads_makes_two_of_one_name_in_a_shared_table() {
    no_mix_of_requests_from_threads_makes_two_of_one_name::<Sync>();
}

#[test]
fn law_06_no_mix_of_requests_from_threads_makes_two_of_one_name_in_critical_sections() {
    no_mix_of_requests_from_threads_makes_two_of_one_name::<Interrupt>();
}
