use std::future::{Future, ready};
use std::mem::forget;
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
/// Cancel safe, once it was polled: dropped before the token is cancelled it did nothing; dropped after that the registry is
/// closed and its tasks were asked to stop, also if it was not polled in between, or if making the deadline panicked.
pub async fn shutdown_on<M: Mode, D: Future>(
    tasks: &Tasks<M>,
    token: &CancellationToken,
    deadline: impl FnOnce() -> D,
) -> ShutdownReport {
    let shutdown = {
        let owed = Owed { tasks, token };
        token.cancelled().await;
        let shutdown = tasks.shutdown(deadline());
        forget(owed);
        shutdown
    };
    shutdown.await
}

/// A shutdown that comes, without a deadline to wait for, where this is dropped although the token is cancelled.
struct Owed<'a, M: Mode> {
    tasks: &'a Tasks<M>,
    token: &'a CancellationToken,
}

impl<M: Mode> Drop for Owed<'_, M> {
    fn drop(&mut self) {
        if self.token.is_cancelled() {
            drop(self.tasks.shutdown(ready(())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;
    use std::task::Context;

    use task_registry_core::Registry;

    use super::*;
    use crate::Tokio;

    #[tokio::test]
    async fn a_shutdown_on_a_token_that_is_dropped_between_the_token_and_its_next_poll_stands() {
        for cancelled in [false, true] {
            let tasks = Registry::new(Tokio::current());
            let task = tasks.spawn("a", pending::<()>()).unwrap();
            let token = CancellationToken::new();
            {
                let mut end = pin!(shutdown_on(&tasks, &token, pending::<()>));
                assert!(end.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
                if cancelled {
                    token.cancel();
                }
            }
            assert_eq!(tasks.is_closed(), cancelled);
            if cancelled {
                assert_eq!(task.wait().await.reason(), Some("shutdown"));
            }
            // What comes later is no longer its affair.
            token.cancel();
            assert_eq!(tasks.is_closed(), cancelled);
        }
    }

    #[tokio::test]
    async fn a_deadline_that_panics_where_it_is_made_does_not_keep_the_registry_open() {
        let tasks = Registry::new(Tokio::current());
        let token = CancellationToken::new();
        token.cancel();
        let end = Box::pin({
            let (tasks, token) = (tasks.clone(), token.clone());
            async move {
                let made = || -> std::future::Ready<()> { std::panic::resume_unwind(Box::new(())) };
                shutdown_on(&tasks, &token, made).await
            }
        });
        assert!(tokio::spawn(end).await.unwrap_err().is_panic());
        assert!(tasks.is_closed());
    }
}
