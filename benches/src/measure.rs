//! The stopwatch.

use std::time::{Duration, Instant};

/// What one sample of a figure came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// The time that was taken.
    pub time: Duration,
    /// For so many operations.
    pub operations: u64,
}

impl Reading {
    /// Runs the clock while `timed` is awaited, for so many operations. May be called again: readings add up.
    #[inline]
    pub async fn add<T>(&mut self, operations: usize, timed: impl Future<Output = T>) -> T {
        let start = Instant::now();
        let output = timed.await;
        self.time += start.elapsed();
        self.operations += operations as u64;
        output
    }

    /// Nanoseconds per operation.
    #[must_use]
    pub fn nanos(&self) -> f64 {
        self.time.as_secs_f64() * 1e9 / self.operations.max(1) as f64
    }
}
