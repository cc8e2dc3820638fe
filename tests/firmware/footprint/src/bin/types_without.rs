//! Without a registry, two types of futures.
#![no_std]
#![no_main]

use footprint::{Other, Queue, Sensor, Turns, usual};

static QUEUE: Queue<Sensor, 2> = Queue::new();
static OTHERS: Queue<Other, 1> = Queue::new();

#[chip::entry]
fn main() -> ! {
    let mut well = usual() && OTHERS.spawn(Other::new()).is_ok() && footprint::others(&OTHERS);
    for _ in ["temperature", "humidity"] {
        well &= QUEUE.spawn(Sensor::new()).is_ok();
    }
    well &= QUEUE.drive(Turns(5), cortex_m::asm::nop).is_some();
    chip::exit(well)
}
