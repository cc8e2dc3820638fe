//! Tickets and get.
#![no_std]
#![no_main]

footprint::with_registry!(4, footprint::GET);
