use std::future::Future;
use std::sync::Arc;
use std::task::{Wake, Waker};

use task_registry_core::mode::Mode;
use task_registry_core::{Cx, ShutdownReport, Tasks};
use tokio_util::sync::CancellationToken;

/// A task's token as a `CancellationToken`, for code that takes one.
pub trait CxToken {
    /// A token that is cancelled when the task is asked to stop. Cancelling it does nothing to the task. Each call makes
    /// one, which is kept until then: call it once and clone the token.
    ///
    /// ```
    /// use task_registry_core::{Cancel, Registry};
    /// use task_registry_tokio::{CxToken, Tokio};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tasks = Registry::new(Tokio::current());
    /// let server = tasks.with_context(()).spawn_with("server", |cx| async move {
    ///     let token = cx.token();
    ///     token.cancelled().await;
    ///     "stopped in its own time"
    /// })?;
    /// # tokio::task::yield_now().await;
    /// drop(tasks.cancel_with("server", Cancel::new().grace(std::future::pending::<()>())).map(tokio::spawn));
    /// assert_eq!(server.await?, "stopped in its own time");
    /// # Ok(())
    /// # }
    /// ```
    fn token(&self) -> CancellationToken;
}

struct CancelOnWake(CancellationToken);

impl Wake for CancelOnWake {
    fn wake(self: Arc<Self>) {
        self.0.cancel();
    }
}

impl<A, M: Mode> CxToken for Cx<A, M> {
    fn token(&self) -> CancellationToken {
        let token = CancellationToken::new();
        self.wake_on_cancel(Waker::from(Arc::new(CancelOnWake(token.clone()))));
        token
    }
}

/// Shuts a registry down when `token` is cancelled: waits for that, then for `Tasks::shutdown` with the deadline that
/// `deadline` makes.
///
/// Cancel safe: dropped before the token is cancelled it did nothing, dropped after that the registry stays closed.
pub async fn shutdown_on<M: Mode, D: Future>(
    tasks: &Tasks<M>,
    token: &CancellationToken,
    deadline: impl FnOnce() -> D,
) -> ShutdownReport {
    token.cancelled().await;
    tasks.shutdown(deadline()).await
}
