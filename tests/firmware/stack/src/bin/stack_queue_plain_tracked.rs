//! On the run queue, tracked: the future is given to the ticket, and the wrapper to the queue, by value, and has nothing to drop.
#![no_std]
#![no_main]

use queue::Queue;
use stack::Plain;
use task_registry_core::mode::{Fixed, Interrupt};
use task_registry_core::{StaticOutcome, StaticRegistry, Tracked};

static TASKS: StaticRegistry<Interrupt, 1> = StaticRegistry::new();
static QUEUE: Queue<Tracked<Plain, Fixed<Interrupt>>, 1> = Queue::new();

#[chip::entry]
fn main() -> ! {
    stack::report(chip::stack::depth_of(|| {
        let Ok(ticket) = TASKS.tasks().reserve("big") else { panic!("it is free") };
        let task = ticket.task().clone();
        let Ok(tracked) = ticket.track(Plain::new()) else { panic!("nobody cancelled it") };
        assert!(QUEUE.spawn(tracked).is_ok());
        let outcome = QUEUE.drive(task.wait(), cortex_m::asm::nop);
        assert!(outcome == Some(StaticOutcome::Completed));
    }))
}
