//! smol's executors, driven by one thread.

use std::fmt;
use std::future::Future;

use async_executor::{Executor, LocalExecutor};
use futures_lite::future::block_on;

/// `async_executor::Executor`, driven by the thread that measures. Never freed, so that tasks may name it.
pub struct OneThread(&'static Executor<'static>);

impl Default for OneThread {
    fn default() -> Self {
        Self(Box::leak(Box::default()))
    }
}

impl OneThread {
    /// What it is called in tables.
    pub const NAME: &'static str = "async-executor";

    /// What contenders are made on.
    #[must_use]
    pub fn place(&self) -> &'static Executor<'static> {
        self.0
    }

    /// Runs the future.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        block_on(self.0.run(future))
    }
}

impl fmt::Debug for OneThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAME)
    }
}

/// `async_executor::LocalExecutor`. Never freed, so that tasks may name it.
pub struct LocalThread(&'static LocalExecutor<'static>);

impl Default for LocalThread {
    fn default() -> Self {
        Self(Box::leak(Box::default()))
    }
}

impl LocalThread {
    /// What it is called in tables.
    pub const NAME: &'static str = "local-executor";

    /// What contenders are made on.
    #[must_use]
    pub fn place(&self) -> &'static LocalExecutor<'static> {
        self.0
    }

    /// Runs the future.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        block_on(self.0.run(future))
    }
}

impl fmt::Debug for LocalThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAME)
    }
}
