//! A task that is made again when it fails: a small combinator over [`backon`]'s backoffs.

use core::any::Any;
use core::fmt;
use core::future::{Future, Pending, poll_fn};
use core::marker::PhantomData;
use core::mem::{forget, replace};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::boxed::Box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::string::String;

pub use backon::{BackoffBuilder, ConstantBuilder, ExponentialBuilder, FibonacciBuilder};

type Panic = Box<dyn Any + Send>;

/// Runs the future that `make` makes; when it fails, that is, returns an `Err` or panics, waits as `backoff` says and
/// runs a new one, until one succeeds or the backoff has no more delays.
///
/// Then it fails as the last attempt did: with its `Err`, or with its panic. The backoff is the retry budget
/// (`with_max_times`); `sleep` is your runtime's. The name, the id and the handle stay the same throughout, and a cancel
/// ends whatever is under way, an attempt or a delay. The future and the output of an attempt that failed are dropped
/// before the delay; a panic of their destructors changes nothing, for the attempt has ended (law 3).
///
/// A delay that is over at once yields to the executor all the same, but for the first one: so others run, and a cancel takes
/// effect, also where attempts fail without awaiting anything.
///
/// This is the short form of [`Supervisor`]. What it does not know is the task's token: if the task is cancelled with a
/// grace, it goes on making attempts until the grace is over. And it tells nobody of the failures before the last. Where
/// either matters, write [`Supervisor::until`] and [`Supervisor::notify`].
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
    make: impl FnMut() -> F,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    S: Future,
{
    Supervisor::new(backoff, sleep).run(make).await
}

/// Supervision in full: [`supervise`], and what stops it cooperatively, and who is told of each failure.
///
/// ```
/// use std::time::Duration;
/// use task_registry::supervise::{ConstantBuilder, Supervisor};
/// use task_registry::{Registry, tokio::Tokio};
/// use tokio::time::sleep;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tasks = Registry::new(Tokio::current());
/// let hourly = ConstantBuilder::new().with_delay(Duration::from_secs(3600));
/// let (told, mut failures) = tokio::sync::mpsc::unbounded_channel();
/// let feed = tasks.task("feed").grace(|| sleep(Duration::from_secs(60))).fallible();
/// let feed = feed.spawn_with((), |cx| {
///     Supervisor::new(hourly, sleep)
///         .until(cx.cancelled())
///         .notify(move |why, delay| drop(told.send(format!("{why}; again in {delay:?}"))))
///         .run(|| async { Err::<(), _>("no route") })
/// })?;
/// assert_eq!(failures.recv().await.as_deref(), Some("no route; again in 3600s"));
/// // Ends the delay at once; what the last attempt came to stands.
/// assert_eq!(feed.cancel().await.to_string(), "failed: no route");
/// # Ok(())
/// # }
/// ```
#[must_use = "it does nothing until it is run"]
pub struct Supervisor<E, B, S, U = Pending<()>, N = fn(Failure<'_, E>, Duration)> {
    backoff: B,
    sleep: S,
    until: Option<U>,
    notify: N,
    error: PhantomData<fn() -> E>,
}

/// How an attempt failed: what [`Supervisor::notify`] is told. Displays as its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<'a, E> {
    /// It returned this.
    Error(&'a E),
    /// It panicked, or making it did, with this message, if that was text.
    Panic(Option<&'a str>),
}

impl<E: fmt::Display> fmt::Display for Failure<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panic(Some(message)) => write!(f, "panicked: {message}"),
            Self::Panic(None) => f.write_str("panicked"),
        }
    }
}

impl<E, B: BackoffBuilder, S> Supervisor<E, B, S> {
    /// As [`supervise`]: delays as `backoff` says, waited for with your runtime's `sleep`.
    pub fn new(backoff: B, sleep: S) -> Self {
        Self { backoff, sleep, until: None, notify: |_, _| {}, error: PhantomData }
    }
}

impl<E, B, S, U, N> Supervisor<E, B, S, U, N> {
    /// Makes no further attempt once `stop` is ready: in a task [`cx.cancelled()`](crate::Cx::cancelled), its token.
    ///
    /// It ends a delay at once, but no attempt: an attempt that should end sooner than the grace has a look at the token
    /// itself. What the last attempt came to stands, so its error is kept during the delay after it. The first attempt is
    /// made in any case, for without one there is no end (a task that was cancelled before its first poll never gets that
    /// far: law 4).
    pub fn until<V: Future>(self, stop: V) -> Supervisor<E, B, S, V, N> {
        let Self { backoff, sleep, notify, error, .. } = self;
        Supervisor { backoff, sleep, until: Some(stop), notify, error }
    }

    /// Tells `hook` of each attempt that failed and is to be followed by another one, with the delay before that: called
    /// before the delay, in the task. An attempt that is the last, because it succeeded, the backoff has no more delays or
    /// the task was asked to stop, is not told: how it ended is how the task ends.
    ///
    /// If the hook panics, that is the end: no further attempt is made, and the panic is the task's.
    pub fn notify<H: FnMut(Failure<'_, E>, Duration)>(self, hook: H) -> Supervisor<E, B, S, U, H> {
        let Self { backoff, sleep, until, error, .. } = self;
        Supervisor { backoff, sleep, until, notify: hook, error }
    }

    /// Runs what `make` makes, and a new one when that fails: see [`supervise`].
    ///
    /// Cancel safe: when it is dropped, so is what is under way, an attempt or a delay.
    ///
    /// # Errors
    ///
    /// The last attempt's.
    ///
    /// # Panics
    ///
    /// If the last attempt did, with its payload; if the hook, `sleep` or what ends it does.
    pub async fn run<T, F, D>(self, mut make: impl FnMut() -> F) -> Result<T, E>
    where
        B: BackoffBuilder,
        S: Fn(Duration) -> D,
        D: Future,
        U: Future,
        N: FnMut(Failure<'_, E>, Duration),
        F: Future<Output = Result<T, E>>,
    {
        let Self { backoff, sleep, until, mut notify, .. } = self;
        let mut until = pin!(until);
        let mut delays = backoff.build();
        // The second attempt may follow the first at once. After that others have the thread in between: what fails without
        // awaiting would else keep it for ever, and no cancel take effect.
        let mut yields = false;
        loop {
            let last = match attempt(&mut make).await {
                Ok(Ok(output)) => return Ok(output),
                Ok(Err(error)) => Last(Some(Ok(error))),
                Err(panic) => Last(Some(Err(panic))),
            };
            if poll_fn(|cx| Poll::Ready(fired(until.as_mut(), cx))).await {
                return last.stand();
            }
            let Some(delay) = delays.next() else { return last.stand() };
            if let Some(failure) = last.look() {
                notify(failure, delay);
            }
            // Nothing but a token makes it stand later.
            let kept = until.is_some().then_some(last);
            let stopped = rest(sleep(delay), until.as_mut(), yields).await;
            yields = true;
            match kept {
                Some(last) if stopped => return last.stand(),
                kept => drop(kept),
            }
        }
    }
}

impl<E, B: fmt::Debug, S, U, N> fmt::Debug for Supervisor<E, B, S, U, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("backoff", &self.backoff).finish_non_exhaustive()
    }
}

/// One attempt; a panic of it, or of making it, is an error. What it came to stands, whatever its destructor does then.
async fn attempt<F: Future>(make: &mut impl FnMut() -> F) -> Result<F::Output, Panic> {
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

/// How an attempt failed. Its destructor, which is the user's, panics at nobody, also while something else unwinds.
struct Last<E>(Option<Result<E, Panic>>);

impl<E> Last<E> {
    /// Ends as the attempt did.
    fn stand<T>(mut self) -> Result<T, E> {
        match self.0.take() {
            Some(Ok(error)) => Err(error),
            Some(Err(panic)) => resume_unwind(panic),
            None => unreachable!("taken here only"),
        }
    }

    fn look(&self) -> Option<Failure<'_, E>> {
        Some(match self.0.as_ref()? {
            Ok(error) => Failure::Error(error),
            Err(panic) => Failure::Panic(message(panic)),
        })
    }
}

impl<E> Drop for Last<E> {
    fn drop(&mut self) {
        let failure = self.0.take();
        let_go(|| drop(failure));
    }
}

fn message(panic: &Panic) -> Option<&str> {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}

/// A delay; whether the token fired before it was over. With `yields` others have the thread meanwhile, also if it is over at
/// once. What the token or the delay panics with goes on, whatever their destructors do then.
async fn rest<D: Future, U: Future>(
    delay: D,
    mut until: Pin<&mut Option<U>>,
    mut yields: bool,
) -> bool {
    let mut delay = pin!(Some(delay));
    let mut poll = |cx: &mut Context<'_>| {
        let over = delay.as_mut().as_pin_mut().is_none_or(|delay| delay.poll(cx).is_ready());
        if over {
            delay.set(None);
        }
        // Looked at last: nothing comes between this and the next attempt.
        let stopped = fired(until.as_mut(), cx);
        let yields = replace(&mut yields, false);
        if stopped || over && !yields {
            return Poll::Ready(stopped);
        }
        if over {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    };
    let end = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    });
    let end = end
        .await
        .and_then(|stopped| catch_unwind(AssertUnwindSafe(|| delay.set(None))).map(|()| stopped));
    end.unwrap_or_else(|panic| {
        let_go(|| delay.set(None));
        let_go(|| until.set(None));
        resume_unwind(panic)
    })
}

/// Whether the token has fired; if not, wakes when it does. What it panics with goes on, whatever its destructor does then.
fn fired<U: Future>(mut until: Pin<&mut Option<U>>, cx: &mut Context<'_>) -> bool {
    let Some(token) = until.as_mut().as_pin_mut() else { return false };
    let polled = catch_unwind(AssertUnwindSafe(|| token.poll(cx).is_ready()));
    polled.unwrap_or_else(|panic| {
        let_go(|| until.set(None));
        resume_unwind(panic)
    })
}

/// Drops what is left of an attempt. A panic of that is no end of the attempt: it had one.
fn let_go(drop_it: impl FnOnce()) {
    let panic = catch_unwind(AssertUnwindSafe(drop_it)).err();
    // The destructor of its payload may panic again.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        forget(second);
    }
}
