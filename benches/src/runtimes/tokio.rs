//! tokio, with one thread and with several.

use std::future::Future;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::LocalSet;

fn forever(runtime: &Runtime) -> &'static Handle {
    Box::leak(Box::new(runtime.handle().clone()))
}

/// tokio's current-thread runtime.
#[derive(Debug)]
pub struct CurrentThread(Runtime);

impl Default for CurrentThread {
    fn default() -> Self {
        Self(Builder::new_current_thread().enable_time().build().expect("a runtime"))
    }
}

impl CurrentThread {
    /// What it is called in tables.
    pub const NAME: &'static str = "tokio-current";

    /// What contenders are made on.
    #[must_use]
    pub fn place(&self) -> &'static Handle {
        forever(&self.0)
    }

    /// Runs the future.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

/// tokio's multi-thread runtime with two workers. What is measured runs as a task, on one of the workers, as most code
/// does that spawns; the thread that waits for it is no third one.
#[derive(Debug)]
pub struct MultiThread(Runtime);

impl Default for MultiThread {
    fn default() -> Self {
        Self(workers(2))
    }
}

fn workers(count: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(count).enable_time().build().expect("a runtime")
}

impl MultiThread {
    /// What it is called in tables.
    pub const NAME: &'static str = "tokio-multi";

    /// What contenders are made on.
    #[must_use]
    pub fn place(&self) -> &'static Handle {
        forever(&self.0)
    }

    /// Runs the future, on a worker.
    pub fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        self.0.block_on(self.0.spawn(future)).expect("it did not panic")
    }
}

/// The same with one worker: what two are compared with. No spawn wakes another, and nobody takes a task away.
#[derive(Debug)]
pub struct OneWorker(MultiThread);

impl Default for OneWorker {
    fn default() -> Self {
        Self(MultiThread(workers(1)))
    }
}

impl OneWorker {
    /// What it is called in tables: the figure says that the worker is alone.
    pub const NAME: &'static str = MultiThread::NAME;

    /// What contenders are made on.
    #[must_use]
    pub fn place(&self) -> &'static Handle {
        self.0.place()
    }

    /// Runs the future, on the worker.
    pub fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        self.0.run(future)
    }
}

/// A tokio `LocalSet` on a current-thread runtime. The set is never freed, so that tasks may name it.
#[derive(Debug)]
pub struct Local(Runtime, &'static LocalSet);

impl Default for Local {
    fn default() -> Self {
        Self(CurrentThread::default().0, Box::leak(Box::default()))
    }
}

impl Local {
    /// What it is called in tables.
    pub const NAME: &'static str = "tokio-local";

    /// What contenders are made on.
    #[must_use]
    pub fn place(&self) -> &'static LocalSet {
        self.1
    }

    /// Runs the future.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(self.1.run_until(future))
    }
}
