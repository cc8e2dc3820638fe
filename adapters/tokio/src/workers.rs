use std::fmt;
use std::future::Future;
use std::io;
use std::rc::{Rc, Weak};

use task_registry_core::Runtime;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::TokioLocal;

/// A current-thread runtime with a `LocalSet` for each of [`Workers`](task_registry_core::Workers).
///
/// The registry's tasks run on the `LocalSet`; `tokio::spawn` and `tokio::task::spawn_local` work there as well, and so does
/// the registry's `spawn_blocking`. When a worker is done its `LocalSet` is dropped, then its runtime, which waits for what
/// blocks (law 18).
///
/// ```
/// use std::time::Duration;
/// use task_registry_core::Workers;
/// use task_registry_tokio::CurrentThread;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let workers = Workers::new(2, CurrentThread::new());
/// let workers = workers.start("the app", |cx| async move { cx.cancelled().await }).await?;
/// assert!(workers.shutdown(std::future::pending::<()>()).await.is_clean());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct CurrentThread(fn() -> io::Result<tokio::runtime::Runtime>);

impl CurrentThread {
    /// With what tokio was built with: I/O, time.
    #[must_use]
    pub const fn new() -> Self {
        Self(|| Builder::new_current_thread().enable_all().build())
    }

    /// Runtimes made by a function of yours.
    #[must_use]
    pub const fn built_by(build: fn() -> io::Result<tokio::runtime::Runtime>) -> Self {
        Self(build)
    }
}

impl Default for CurrentThread {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CurrentThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurrentThread")
    }
}

impl Runtime for CurrentThread {
    type Spawner = TokioLocal<Weak<LocalSet>>;

    fn run<F: Future>(&self, body: impl FnOnce(Self::Spawner) -> F) -> io::Result<F::Output> {
        let runtime = (self.0)()?;
        // What is dropped with the set, also while a panic passes, finds its runtime.
        let _context = runtime.enter();
        let set = Rc::new(LocalSet::new());
        Ok(set.block_on(&runtime, body(TokioLocal(Rc::downgrade(&set)))))
    }
}
