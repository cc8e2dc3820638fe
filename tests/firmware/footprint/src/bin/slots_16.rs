//! Sixteen slots.
#![no_std]
#![no_main]

footprint::with_registry!(16, footprint::USUAL);
