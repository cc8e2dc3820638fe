//! On embassy's executor, under a ticket that has the future made.
#![no_std]
#![no_main]

use core::sync::atomic::Ordering;

use stack::Big;
use stack::embassy::{DONE, depth_of};
use task_registry_core::mode::Interrupt;
use task_registry_core::{StaticOutcome, StaticRegistry, StaticTicket};
use task_registry_embassy::SpawnTicket;

static TASKS: StaticRegistry<Interrupt, 1> = StaticRegistry::new();

#[embassy_executor::task]
async fn task(ticket: StaticTicket<Interrupt>) {
    let Ok(run) = ticket.run_with(Big::new) else { return };
    assert!(run.await == StaticOutcome::Completed);
    DONE.store(true, Ordering::SeqCst);
}

#[chip::entry]
fn main() -> ! {
    stack::report(depth_of(|spawner| {
        let Ok(ticket) = TASKS.tasks().reserve("big") else { panic!("it is free") };
        assert!(spawner.spawn_ticket(ticket, task).is_ok());
    }))
}
