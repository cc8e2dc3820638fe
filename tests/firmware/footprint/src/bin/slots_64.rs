//! Sixty-four slots.
#![no_std]
#![no_main]

footprint::with_registry!(64, footprint::USUAL);
