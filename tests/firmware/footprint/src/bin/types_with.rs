//! Four slots, and a second type of future under a ticket.
#![no_std]
#![no_main]

use footprint::chip::{entry, exit};
use footprint::mode::Interrupt;
use footprint::{Fixed, Other, Queue, Sensor, StaticRegistry, Tracked, USUAL, supervise};

static REGISTRY: StaticRegistry<Interrupt, 4> = StaticRegistry::new();
static QUEUE: Queue<Tracked<Sensor, Fixed<Interrupt>>, 2> = Queue::new();
static OTHERS: Queue<Tracked<Other, Fixed<Interrupt>>, 1> = Queue::new();

#[entry]
fn main() -> ! {
    let well = supervise::<USUAL>(REGISTRY.tasks(), &QUEUE);
    let spawned = match REGISTRY.tasks().reserve("other").map(|ticket| ticket.track(Other::new())) {
        Ok(Ok(tracked)) => OTHERS.spawn(tracked).is_ok(),
        _ => false,
    };
    exit(well && spawned && footprint::others(&OTHERS))
}
