//! On the run queue, tracked: the future lies in a static, where it was made, and is dropped there.
#![no_std]
#![no_main]

use core::pin::Pin;

use queue::Queue;
use stack::Big;
use static_cell::StaticCell;
use task_registry_core::mode::{Fixed, Interrupt};
use task_registry_core::{InPlace, StaticOutcome, StaticRegistry, Tracked};

static TASKS: StaticRegistry<Interrupt, 1> = StaticRegistry::new();
static QUEUE: Queue<Tracked<InPlace<'static, Big>, Fixed<Interrupt>>, 1> = Queue::new();
static PLACE: StaticCell<Option<Big>> = StaticCell::new();

#[chip::entry]
fn main() -> ! {
    stack::report(chip::stack::depth_of(|| {
        let Ok(ticket) = TASKS.tasks().reserve("big") else { panic!("it is free") };
        let task = ticket.task().clone();
        let place = Pin::new(PLACE.init_with(|| Some(Big::new())));
        let Ok(tracked) = ticket.track_in(place) else { panic!("nobody cancelled it") };
        assert!(QUEUE.spawn(tracked).is_ok());
        let outcome = QUEUE.drive(task.wait(), cortex_m::asm::nop);
        assert!(outcome == Some(StaticOutcome::Completed));
    }))
}
