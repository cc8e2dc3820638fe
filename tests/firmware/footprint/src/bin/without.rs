//! Without a registry.
#![no_std]
#![no_main]

use cortex_m::asm;
use footprint::{Queue, Sensor, Turns, usual};

static QUEUE: Queue<Sensor, 2> = Queue::new();

#[chip::entry]
fn main() -> ! {
    let mut well = usual();
    for _ in ["temperature", "humidity"] {
        well &= QUEUE.spawn(Sensor::new()).is_ok();
    }
    well &= QUEUE.drive(Turns(5), asm::nop).is_some();
    chip::exit(well)
}
