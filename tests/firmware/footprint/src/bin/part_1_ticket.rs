//! Tickets alone.
#![no_std]
#![no_main]

footprint::with_registry!(4, 0);
