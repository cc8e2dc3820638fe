//! What the tasks run on.

mod async_executor;
mod tokio;

pub use self::async_executor::{LocalThread, OneThread};
pub use self::tokio::{CurrentThread, Local, MultiThread, OneWorker};
