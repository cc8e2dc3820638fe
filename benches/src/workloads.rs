//! The workloads, each written once for all contenders.

pub mod w1;
pub mod w2;
pub mod w5;
