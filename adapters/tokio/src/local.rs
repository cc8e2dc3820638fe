use std::future::Future;
use std::rc::Weak;

use task_registry_core::{Refusal, Refused, Spawn, SpawnBlocking, SpawnLocal, Spawner, mode};
use tokio::runtime::Handle;
use tokio::task::LocalSet;

use crate::Detached;
use crate::send::NO_RUNTIME;

/// Spawns futures on a tokio `LocalSet`, `Send` or not: `TokioLocal(&set)`, or `TokioLocal(Rc::downgrade(&set))`.
///
/// They run while the set is driven (`set.run_until(…)`, or awaiting the set). With a `Weak` it does not keep the set:
/// that is the one to use in tasks that own their registry, and once the set is gone a spawn is refused (law 11).
///
/// A `LocalSet` has no threads for work that blocks: `spawn_blocking` uses those of the runtime in which it is called, and is
/// refused outside every runtime. The registry needs a [`mode::Sync`] table for that, `Registry::with_tasks`.
///
/// ```
/// use std::rc::Rc;
/// use task_registry_core::Registry;
/// use task_registry_tokio::TokioLocal;
/// use tokio::task::LocalSet;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let set = LocalSet::new();
/// let tasks = Registry::new(TokioLocal(&set));
/// let shared = Rc::new(42);
/// let answer = tasks.spawn("rc", async move { shared })?;
/// assert_eq!(*set.run_until(answer).await?, 42);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TokioLocal<P>(pub P);

/// Leads to a `LocalSet`, if it is still there.
trait ToLocalSet {
    fn with<R>(&self, found: impl FnOnce(Option<&LocalSet>) -> R) -> R;
}

impl ToLocalSet for &LocalSet {
    #[inline]
    fn with<R>(&self, found: impl FnOnce(Option<&LocalSet>) -> R) -> R {
        found(Some(self))
    }
}

impl ToLocalSet for Weak<LocalSet> {
    #[inline]
    fn with<R>(&self, found: impl FnOnce(Option<&LocalSet>) -> R) -> R {
        found(self.upgrade().as_deref())
    }
}

impl<P: ToLocalSet> Spawner for TokioLocal<P> {
    type Handle = Detached;
    type Mode = mode::Unsync;
}

impl<P: ToLocalSet> SpawnLocal for TokioLocal<P> {
    #[inline]
    fn spawn_local<F>(&self, future: F) -> Result<Detached, Refused<F>>
    where
        F: Future<Output = ()> + 'static,
    {
        self.0.with(|set| match set {
            Some(set) => Ok(Detached::at_once(set.spawn_local(future))),
            None => Err(Refused::gone(future)),
        })
    }
}

impl<P: ToLocalSet, F: Future<Output = ()> + 'static> Spawn<F> for TokioLocal<P> {
    #[inline]
    fn spawn(&self, future: F) -> Result<Detached, Refused<F>> {
        self.spawn_local(future)
    }
}

impl<P: ToLocalSet> SpawnBlocking for TokioLocal<P> {
    fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
        // The set does not tell which runtime drives it. Gone, it refuses this too, although threads may be there.
        if self.0.with(|set| set.is_none()) {
            return Err(Refusal::ExecutorGone);
        }
        let handle = Handle::try_current().map_err(|_| NO_RUNTIME)?;
        // Detached by being dropped.
        drop(handle.spawn_blocking(work));
        Ok(())
    }
}
