//! What is embassy's own about tickets: pools that run out, storage that is freed late, spawners of other threads. The laws
//! themselves run on embassy in `tests/firmware`.

mod section;

#[path = "../../../tests/common/for_ever.rs"]
mod for_ever;

use std::cell::Cell;
use std::future::{Future, pending};
use std::ptr::null_mut;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use embassy_executor::raw::Executor;
use embassy_executor::{SendSpawner, Spawner};
use for_ever::for_ever;
use task_registry_core::mode::{Interrupt, Unsync};
use task_registry_core::{Refusal, SpawnError, State, StaticOutcome, StaticRegistry, StaticTicket};
use task_registry_embassy::SpawnTicket;

// Nobody sleeps here: every test polls its executor by itself.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {}

const FULL: SpawnError = SpawnError::Refused(Refusal::Full);

fn executor() -> &'static Executor {
    for_ever(Executor::new(null_mut()))
}

/// Polls what is ready, until nothing is for sure.
fn turn(executor: &'static Executor) {
    for _ in 0..8 {
        // SAFETY: from the one thread that has this executor, and not from within itself.
        unsafe { executor.poll() };
    }
}

async fn under(ticket: StaticTicket<Interrupt>, body: impl Future<Output = ()> + 'static) {
    if let Ok(run) = ticket.run(body) {
        run.await;
    }
}

#[test]
fn a_spawn_that_the_pool_refuses_gives_its_place_and_its_name_back() {
    static TASKS: StaticRegistry<Interrupt, 3> = StaticRegistry::new();
    #[embassy_executor::task]
    async fn only_one(ticket: StaticTicket<Interrupt>) {
        under(ticket, pending()).await;
    }
    let (executor, tasks) = (executor(), TASKS.tasks());
    let spawner = executor.spawner();
    let first = spawner.spawn_ticket(tasks.reserve("a").unwrap(), only_one).unwrap();
    let ticket = tasks.reserve("b").unwrap();
    let second = ticket.task().clone();
    assert_eq!(spawner.spawn_ticket(ticket, only_one).unwrap_err(), FULL);
    assert_eq!(second.outcome(), Some(StaticOutcome::NeverStarted));
    assert_eq!(tasks.live(), 1);
    drop(second);
    assert!(tasks.get("b").is_none() && tasks.reserve("b").is_ok());

    turn(executor);
    drop(first.cancel());
    turn(executor);
    assert!(first.is_ended());
    spawner.spawn_ticket(tasks.reserve("b").unwrap(), only_one).unwrap();
}

#[test]
fn law_02_storage_is_free_a_poll_after_the_end() {
    static TASKS: StaticRegistry<Interrupt, 4> = StaticRegistry::new();
    static OUTSIDE_DROPPED: AtomicBool = AtomicBool::new(false);
    struct Outside;
    impl Drop for Outside {
        fn drop(&mut self) {
            OUTSIDE_DROPPED.store(true, Ordering::SeqCst);
        }
    }
    #[embassy_executor::task]
    async fn lingers(ticket: StaticTicket<Interrupt>) {
        let _outside = Outside;
        under(ticket, async {}).await;
        // The task has ended; its function has not.
        pending::<()>().await;
    }
    #[embassy_executor::task]
    async fn wakes_itself(ticket: StaticTicket<Interrupt>) {
        let body = std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            std::task::Poll::Ready(())
        });
        under(ticket, body).await;
    }
    let (executor, tasks) = (executor(), TASKS.tasks());
    let spawner = executor.spawner();
    let task = spawner.spawn_ticket(tasks.reserve("lingers").unwrap(), lingers).unwrap();
    turn(executor);
    assert_eq!(task.outcome(), Some(StaticOutcome::Completed));
    assert!(!OUTSIDE_DROPPED.load(Ordering::SeqCst), "what is outside the body is not covered");
    assert_eq!(spawner.spawn_ticket(tasks.reserve("again").unwrap(), lingers).unwrap_err(), FULL);

    let task = spawner.spawn_ticket(tasks.reserve("woken").unwrap(), wakes_itself).unwrap();
    // SAFETY: as in `turn`.
    unsafe { executor.poll() };
    assert!(task.is_ended());
    let again = spawner.spawn_ticket(tasks.reserve("woken").unwrap(), wakes_itself);
    assert_eq!(again.unwrap_err(), FULL, "it has one more turn coming");
    turn(executor);
    spawner.spawn_ticket(tasks.reserve("woken").unwrap(), wakes_itself).unwrap();
    turn(executor);
}

#[test]
fn law_06_replacing_needs_a_pool_of_two() {
    static TASKS: StaticRegistry<Interrupt, 4> = StaticRegistry::new();
    #[embassy_executor::task]
    async fn pool_of_one(ticket: StaticTicket<Interrupt>) {
        under(ticket, pending()).await;
    }
    #[embassy_executor::task(pool_size = 2)]
    async fn pool_of_two(ticket: StaticTicket<Interrupt>) {
        under(ticket, pending()).await;
    }
    let (executor, tasks) = (executor(), TASKS.tasks());
    let spawner = executor.spawner();

    let old = spawner.spawn_ticket(tasks.reserve("one").unwrap(), pool_of_one).unwrap();
    turn(executor);
    let ticket = tasks.reserve_replacing("one").unwrap();
    assert_eq!(spawner.spawn_ticket(ticket, pool_of_one).unwrap_err(), FULL);
    assert_eq!(old.state(), State::Stopping, "it was asked to stop when the ticket was reserved");
    assert_eq!(tasks.get_live("one").as_ref(), Some(&old), "its name came back");
    turn(executor);
    assert!(old.is_ended());

    let old = spawner.spawn_ticket(tasks.reserve("two").unwrap(), pool_of_two).unwrap();
    turn(executor);
    let ticket = tasks.reserve_replacing("two").unwrap();
    let new = spawner.spawn_ticket(ticket, pool_of_two).unwrap();
    assert_eq!(tasks.get("two").as_ref(), Some(&new));
    assert_eq!((old.state(), new.state()), (State::Stopping, State::Queued));
    turn(executor);
    assert!(old.is_ended());
    assert_eq!(new.state(), State::Running);
}

#[test]
fn law_04_a_cancelled_ticket_is_not_spawned() {
    static TASKS: StaticRegistry<Interrupt, 2> = StaticRegistry::new();
    #[embassy_executor::task]
    async fn never(ticket: StaticTicket<Interrupt>) {
        under(ticket, async { panic!("it ran") }).await;
    }
    let (executor, tasks) = (executor(), TASKS.tasks());
    let spawner = executor.spawner();
    let ticket = tasks.reserve("a").unwrap();
    drop(tasks.cancel("a"));
    let called = Cell::new(false);
    let refused = spawner.spawn_ticket(ticket, |ticket| {
        called.set(true);
        never(ticket)
    });
    assert_eq!(refused.unwrap_err(), SpawnError::Cancelled);
    assert!(!called.get(), "no storage is claimed for it");
    // Cancelled after it was spawned, and before its first poll, it does not run either.
    let task = spawner.spawn_ticket(tasks.reserve("a").unwrap(), never).unwrap();
    drop(task.cancel());
    turn(executor);
    assert!(matches!(task.outcome(), Some(StaticOutcome::Cancelled { .. })));
}

#[test]
fn another_thread_spawns_and_cancels_by_a_send_spawner() {
    static TASKS: StaticRegistry<Interrupt, 2> = StaticRegistry::new();
    static STARTED: AtomicBool = AtomicBool::new(false);
    #[embassy_executor::task]
    async fn here(ticket: StaticTicket<Interrupt>) {
        let body = async {
            STARTED.store(true, Ordering::SeqCst);
            pending::<()>().await;
        };
        under(ticket, body).await;
    }
    let (executor, tasks) = (executor(), TASKS.tasks());
    let spawner: SendSpawner = executor.spawner().make_send();
    let elsewhere =
        thread::spawn(move || spawner.spawn_ticket(tasks.reserve("here").unwrap(), here).unwrap());
    let task = elsewhere.join().unwrap();
    assert!(!STARTED.load(Ordering::SeqCst));
    turn(executor);
    assert!(STARTED.load(Ordering::SeqCst));
    thread::spawn(move || drop(tasks.cancel_id(task.id()))).join().unwrap();
    turn(executor);
    assert_eq!(tasks.live(), 0);
}

#[test]
fn a_registry_of_one_executor_may_be_unsync() {
    #[embassy_executor::task]
    async fn local(ticket: StaticTicket<Unsync>, cell: Rc<Cell<u32>>) {
        let body = async move { cell.set(cell.get() + 1) };
        if let Ok(run) = ticket.run(body) {
            assert_eq!(run.await, StaticOutcome::Completed);
        }
    }
    let executor = executor();
    let tasks = for_ever(StaticRegistry::<Unsync, 1>::new()).tasks();
    let cell = Rc::new(Cell::new(0));
    let spawner: Spawner = executor.spawner();
    for round in 1..=3 {
        let ticket = tasks.reserve("local").unwrap();
        spawner.spawn_ticket(ticket, |ticket| local(ticket, cell.clone())).unwrap();
        turn(executor);
        assert_eq!((cell.get(), tasks.live()), (round, 0));
    }
    assert_eq!(Rc::strong_count(&cell), 1);
}
