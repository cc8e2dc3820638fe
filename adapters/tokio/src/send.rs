use std::future::Future;

use task_registry_core::{Refusal, Refused, Spawn, SpawnBlocking, SpawnSend, Spawner, mode};
use tokio::runtime::{Handle, TryCurrentError};

use crate::Detached;

/// Spawns `Send` futures on a tokio runtime.
#[derive(Clone, Debug)]
pub struct Tokio(Option<Handle>);

impl Tokio {
    /// On the runtime this is called in.
    ///
    /// # Panics
    ///
    /// Outside a runtime, as tokio's own `Handle::current` does; [`try_current`](Tokio::try_current) does not.
    #[must_use]
    #[track_caller]
    pub fn current() -> Self {
        Self(Some(Handle::current()))
    }

    /// On the runtime this is called in, if there is one.
    ///
    /// # Errors
    ///
    /// tokio's own, outside a runtime.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        Handle::try_current().map(|handle| Self(Some(handle)))
    }

    /// On the runtime in which each spawn is called, to be made before there is any.
    ///
    /// A spawn outside every runtime is refused, and gives the future back.
    #[must_use]
    pub const fn ambient() -> Self {
        Self(None)
    }
}

impl From<Handle> for Tokio {
    /// On the runtime of this handle.
    fn from(handle: Handle) -> Self {
        Self(Some(handle))
    }
}

impl From<&tokio::runtime::Runtime> for Tokio {
    /// On this runtime. Does not keep it running.
    fn from(runtime: &tokio::runtime::Runtime) -> Self {
        runtime.handle().clone().into()
    }
}

pub(crate) const NO_RUNTIME: Refusal = Refusal::Other("there is no tokio runtime here");

impl Spawner for Tokio {
    type Handle = Detached;
    type Mode = mode::Sync;
}

impl SpawnSend for Tokio {
    #[inline]
    fn spawn_send<F>(&self, future: F) -> Result<Detached, Refused<F>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        match &self.0 {
            Some(handle) => Ok(Detached::new(handle.spawn(future), handle)),
            None => match Handle::try_current() {
                Ok(handle) => Ok(Detached::new(handle.spawn(future), &handle)),
                Err(_) => Err(Refused::new(future, NO_RUNTIME)),
            },
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for Tokio {
    #[inline]
    fn spawn(&self, future: F) -> Result<Detached, Refused<F>> {
        self.spawn_send(future)
    }
}

impl Tokio {
    fn handle(&self) -> Option<Handle> {
        self.0.clone().or_else(|| Handle::try_current().ok())
    }
}

impl SpawnBlocking for Tokio {
    fn spawn_blocking(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
        let handle = self.handle().ok_or(NO_RUNTIME)?;
        // Detached by being dropped.
        drop(handle.spawn_blocking(work));
        Ok(())
    }
}
