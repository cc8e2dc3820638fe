//! What is in the part before, and listing.
#![no_std]
#![no_main]

footprint::with_registry!(4, footprint::GET | footprint::CANCEL | footprint::LIST);
