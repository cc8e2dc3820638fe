//! A task that is made again when it fails: a small combinator over [`backon`]'s backoffs.

use core::future::{Future, poll_fn};
use core::mem::forget;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

pub use backon::{BackoffBuilder, ConstantBuilder, ExponentialBuilder, FibonacciBuilder};

/// Runs the future that `make` makes; when it fails, that is, returns an `Err` or panics, waits as `backoff` says and
/// runs a new one, until one succeeds or the backoff has no more delays.
///
/// Then it fails as the last attempt did: with its `Err`, or with its panic. The backoff is the retry budget
/// (`with_max_times`); `sleep` is your runtime's. The name, the id and the handle stay the same throughout, and a cancel
/// ends whatever is under way, an attempt or a delay. The future and the output of an attempt that failed are dropped
/// before the delay; a panic of their destructors changes nothing, for the attempt has ended (law 3).
///
/// ```
/// use std::time::Duration;
/// use task_registry::supervise::{ConstantBuilder, supervise};
/// use task_registry::{Registry, tokio::Tokio};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tasks = Registry::new(Tokio::current());
/// let mut attempts = 0;
/// let backoff = ConstantBuilder::new().with_delay(Duration::from_millis(1)).with_max_times(5);
/// let feed = supervise(backoff, tokio::time::sleep, move || {
///     attempts += 1;
///     async move { if attempts < 3 { Err("not yet") } else { Ok(attempts) } }
/// });
/// assert_eq!(tasks.spawn_fallible("feed", feed)?.await?, Ok(3));
/// # Ok(())
/// # }
/// ```
pub async fn supervise<T, E, F, S>(
    backoff: impl BackoffBuilder,
    sleep: impl Fn(Duration) -> S,
    mut make: impl FnMut() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    S: Future,
{
    let mut delays = backoff.build();
    loop {
        let failure = match attempt(&mut make).await {
            Ok(Ok(output)) => return Ok(output),
            failure => failure,
        };
        let Some(delay) = delays.next() else {
            return failure.unwrap_or_else(|panic| resume_unwind(panic));
        };
        let_go(|| drop(failure));
        sleep(delay).await;
    }
}

/// One attempt; a panic of it, or of making it, is an error. What it came to stands, whatever its destructor does then.
async fn attempt<F: Future>(make: &mut impl FnMut() -> F) -> std::thread::Result<F::Output> {
    let mut future = pin!(Some(catch_unwind(AssertUnwindSafe(make))?));
    let end = poll_fn(|cx| {
        let Some(future) = future.as_mut().as_pin_mut() else { return Poll::Pending };
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await;
    let_go(|| future.set(None));
    end
}

/// Drops what is left of an attempt. A panic of that is no end of the attempt: it had one.
fn let_go(drop_it: impl FnOnce()) {
    let panic = catch_unwind(AssertUnwindSafe(drop_it)).err();
    // The destructor of its payload may panic again.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        forget(second);
    }
}
