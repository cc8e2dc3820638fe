//! What is in the part before, and replacing.
#![no_std]
#![no_main]

footprint::with_registry!(4, footprint::USUAL | footprint::REPLACE);
