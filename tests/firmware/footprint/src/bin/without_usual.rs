//! Without a registry, and without what all the other firmware here has besides.
#![no_std]
#![no_main]

use cortex_m::asm;
use footprint::{Queue, Sensor, Turns};

static QUEUE: Queue<Sensor, 2> = Queue::new();

#[chip::entry]
fn main() -> ! {
    let mut well = true;
    for _ in ["temperature", "humidity"] {
        well &= QUEUE.spawn(Sensor::new()).is_ok();
    }
    well &= QUEUE.drive(Turns(5), asm::nop).is_some();
    chip::exit(well)
}
