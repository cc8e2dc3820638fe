//! What is in the part before, and purge.
#![no_std]
#![no_main]

footprint::with_registry!(4, footprint::USUAL);
