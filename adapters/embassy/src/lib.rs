//! [task-registry](https://docs.rs/task-registry) on [embassy](https://embassy.dev)'s executors, which by themselves only
//! spawn: here their tasks get names, can be waited for, cancelled, listed, replaced and shut down. No allocator.
//!
//! Embassy's tasks are functions with static storage, so nothing can be wrapped before it is spawned. A task is given a
//! *ticket* as an argument instead, and runs its body under it:
//!
//! ```no_run
//! use embassy_executor::Spawner;
//! use task_registry_core::mode::Interrupt;
//! use task_registry_core::{SpawnError, StaticRegistry, StaticTicket};
//! use task_registry_embassy::SpawnTicket;
//!
//! static TASKS: StaticRegistry<Interrupt, 8> = StaticRegistry::new();
//!
//! #[embassy_executor::task]
//! async fn blink(ticket: StaticTicket<Interrupt>, period: u32) {
//!     let body = async {
//!         // toggle the light, wait for `period`, and again
//! #       let _ = period;
//!     };
//!     // In this form the body is part of the task's storage once; an `if let` or a `match` around `run` has it twice.
//!     let Ok(run) = ticket.run(body) else { return };
//!     run.await;
//! }
//!
//! async fn supervise(spawner: Spawner) -> Result<(), SpawnError> {
//!     let tasks = TASKS.tasks();
//!     let light = spawner.spawn_ticket(tasks.reserve("blink")?, |ticket| blink(ticket, 500))?;
//!     light.cancel().await; // its future has been dropped
//!     tasks.shutdown(core::future::pending::<()>()).await;
//!     Ok(())
//! }
//! # #[unsafe(export_name = "__pender")]
//! # fn pender(_: *mut ()) {}
//! # fn main() {
//! #     #[embassy_executor::task]
//! #     async fn test(spawner: Spawner) { supervise(spawner).await.unwrap(); DONE.store(true, Ordering::SeqCst); }
//! #     use std::sync::atomic::{AtomicBool, Ordering};
//! #     static DONE: AtomicBool = AtomicBool::new(false);
//! #     let executor: &'static _ = Box::leak(Box::new(embassy_executor::raw::Executor::new(std::ptr::null_mut())));
//! #     let spawner = executor.spawner();
//! #     spawner.spawn(test(spawner).unwrap());
//! #     for _ in 0..9 { unsafe { executor.poll() } }
//! #     assert!(DONE.load(Ordering::SeqCst));
//! # }
//! ```
//!
//! # Executors and priorities
//!
//! The thread-mode executor gives its tasks a `Spawner`, which [`spawn_ticket`](SpawnTicket::spawn_ticket) takes any task
//! for. The interrupt-mode executors, and any other priority, are reached through a `SendSpawner`, for tasks whose
//! arguments are `Send`; a ticket of a registry in the mode [`Interrupt`](task_registry_core::mode::Interrupt) is. One such
//! registry serves the executors of all priorities: a task on one waits for a task on another, and interrupt handlers
//! cancel by id or handle in O(1), once the task's body has begun; before that the call takes what an end takes, see
//! [`StaticTasks`](task_registry_core::StaticTasks). A registry that is used by one executor alone may be in the mode
//! [`Unsync`](task_registry_core::mode::Unsync).
//!
//! # What the laws cover here
//!
//! - **Ended means gone (law 2)** covers the body: the future that was given to
//!   [`run`](task_registry_core::Ticket::run) is dropped in place, with all it owns, before anybody learns of the end. It does
//!   not cover what the task function holds outside of it: arguments that the body has not taken, and locals. Move them into
//!   the body. Until the function runs for the first time there is no body: a task that is cancelled before that ends at
//!   once, never runs (law 4), and its arguments are dropped when embassy comes to it.
//! - **Embassy's storage of a task** is not covered either: it is free when the poll is over in which the task function
//!   returned, and, if the task was woken during that poll, once it has had that turn. Whoever is woken by the end and runs at
//!   a higher priority may be there before, and find the task function's pool exhausted still.
//! - **Replacing (law 6) needs `pool_size = 2`.** The newcomer is spawned at once, though it waits until its predecessor has
//!   ended: for that while both have storage. With a pool of one it is [refused](task_registry_core::SpawnError::Refused), the
//!   name goes back, and the predecessor, which was asked to stop when the ticket was reserved, stops all the same. A chain of
//!   replacements needs one more for each that waits. To start anew with a pool of one, await the cancel first.
//! - **An executor that lets go of tasks (law 11)** does not exist here: embassy never drops a task unfinished.
//! - **Panics (law 14)** end the program, or whatever else the panic handler does.
#![no_std]
#![forbid(unsafe_code)]

use embassy_executor::{SendSpawner, SpawnToken, Spawner};
use task_registry_core::mode::Storage;
use task_registry_core::{Refusal, SpawnError, TaskRef, Ticket};

/// Spawns task functions that take a ticket: on a `Spawner` any, on a `SendSpawner` those whose arguments are `Send`.
pub trait SpawnTicket<S>: sealed::Put<S> {
    /// Has `task` make an embassy task of the ticket, and spawns it: `|ticket| blink(ticket, 500)`. Returns the task, to wait
    /// for or to cancel. Costs nothing beyond embassy's own spawn and one reference.
    ///
    /// # Errors
    ///
    /// [`Refused`](SpawnError::Refused)`(`[`Full`](Refusal::Full)`)` if all of the task function's `pool_size` is in use, or is
    /// not free again yet. The ticket is dropped, as are the other arguments: its place and its name are free, and who waits
    /// for the task learns that it never started.
    ///
    /// [`Cancelled`](SpawnError::Cancelled) if the ticket was cancelled before, be it by a shutdown. `task` is not called.
    fn spawn_ticket<M: Storage>(
        &self,
        ticket: Ticket<M>,
        task: impl FnOnce(Ticket<M>) -> Result<SpawnToken<S>, embassy_executor::SpawnError>,
    ) -> Result<TaskRef<M>, SpawnError> {
        let spawned = ticket.task().clone();
        if spawned.is_ended() {
            return Err(SpawnError::Cancelled);
        }
        match task(ticket) {
            Ok(token) => {
                self.put(token);
                Ok(spawned)
            }
            Err(embassy_executor::SpawnError::Busy) => Err(SpawnError::Refused(Refusal::Full)),
        }
    }
}

impl<S> SpawnTicket<S> for Spawner {}

impl<S: Send> SpawnTicket<S> for SendSpawner {}

mod sealed {
    use embassy_executor::{SendSpawner, SpawnToken, Spawner};

    pub trait Put<S> {
        fn put(&self, token: SpawnToken<S>);
    }

    impl<S> Put<S> for Spawner {
        fn put(&self, token: SpawnToken<S>) {
            self.spawn(token);
        }
    }

    impl<S: Send> Put<S> for SendSpawner {
        fn put(&self, token: SpawnToken<S>) {
            self.spawn(token);
        }
    }
}
