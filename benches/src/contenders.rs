//! Who takes part, one family per module.

pub mod abortable;
pub mod async_executor;
pub mod bare;
pub mod dash_map;
pub mod join_map;
pub mod join_set;
pub mod local_set;
pub mod locked_map;
pub mod map;
pub mod ours;
pub mod shared;
pub mod taskvisor;
pub mod tracker;
