//! What is in the part before, and shutdown: all of it.
#![no_std]
#![no_main]

footprint::with_registry!(4, footprint::USUAL | footprint::REPLACE | footprint::SHUTDOWN);
