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
use std::thread::panicking;

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
pub fn supervise<T, E, F, S>(
    backoff: impl BackoffBuilder,
    sleep: impl Fn(Duration) -> S,
    make: impl FnMut() -> F,
) -> impl Future<Output = Result<T, E>>
where
    F: Future<Output = Result<T, E>>,
    S: Future,
{
    Supervisor::new(backoff, sleep).run(make)
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
    backoff: Contained<B>,
    sleep: Contained<S>,
    until: Contained<Option<U>>,
    notify: Contained<N>,
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
        let (backoff, sleep) = (Contained::new(backoff), Contained::new(sleep));
        let nothing: fn(Failure<'_, E>, Duration) = |_, _| {};
        let (until, notify) = (Contained::new(None), Contained::new(nothing));
        Self { backoff, sleep, until, notify, error: PhantomData }
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
        Supervisor { backoff, sleep, until: Contained::new(Some(stop)), notify, error }
    }

    /// Tells `hook` of each attempt that failed and is to be followed by another one, with the delay before that: called
    /// before the delay, in the task. An attempt that is the last, because it succeeded, the backoff has no more delays or
    /// the task had been asked to stop by then, is not told: how it ended is how the task ends.
    ///
    /// If the hook panics, that is the end: no further attempt is made, and the panic is the task's.
    pub fn notify<H: FnMut(Failure<'_, E>, Duration)>(self, hook: H) -> Supervisor<E, B, S, U, H> {
        let Self { backoff, sleep, until, error, .. } = self;
        Supervisor { backoff, sleep, until, notify: Contained::new(hook), error }
    }

    /// Runs what `make` makes, and a new one when that fails: see [`supervise`].
    ///
    /// Cancel safe: when it is dropped, so is what is under way, an attempt or a delay. A panic of that one's destructor
    /// goes on, as if it were alone (law 3). Those of `make`, `sleep`, the hook, the backoff and what ends it panic at
    /// nobody, whenever they go.
    ///
    /// # Errors
    ///
    /// The last attempt's.
    ///
    /// # Panics
    ///
    /// If the last attempt did, with its payload; if the hook, `sleep` or what ends it does.
    pub fn run<T, F, D>(self, make: impl FnMut() -> F) -> impl Future<Output = Result<T, E>>
    where
        B: BackoffBuilder,
        S: Fn(Duration) -> D,
        D: Future,
        U: Future,
        N: FnMut(Failure<'_, E>, Duration),
        F: Future<Output = Result<T, E>>,
    {
        // Here, since it may be dropped before it is polled.
        let mut make = Contained::new(make);
        async move {
            let Self { backoff, sleep, until, mut notify, .. } = self;
            let until = pin!(until.into_inner());
            let mut until = Contained::new(Held(until));
            let mut delays = Contained::new(backoff.into_inner().build());
            // The second attempt may follow the first at once. After that others have the thread in between: what fails
            // without awaiting would else keep it for ever, and no cancel take effect.
            let mut yields = false;
            loop {
                let last = match attempt(make.get_mut()).await {
                    Ok(Ok(output)) => return Ok(output),
                    Ok(Err(error)) => Last(Contained::new(Ok(error))),
                    Err(panic) => Last(Contained::new(Err(panic))),
                };
                if poll_fn(|cx| Poll::Ready(until.get_mut().fired(cx))).await {
                    return last.stand();
                }
                let Some(delay) = delays.get_mut().next() else { return last.stand() };
                notify.get_mut()(last.look(), delay);
                // Nothing but a token makes it stand later.
                let kept = until.get().0.is_some().then_some(last);
                let stopped = rest(sleep.get()(delay), until.get_mut(), yields).await;
                yields = true;
                match kept {
                    Some(last) if stopped => return last.stand(),
                    kept => drop(kept),
                }
            }
        }
    }
}

impl<E, B: fmt::Debug, S, U, N> fmt::Debug for Supervisor<E, B, S, U, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("backoff", self.backoff.get()).finish_non_exhaustive()
    }
}

/// One attempt; a panic of it, or of making it, is an error. What it came to stands, whatever its destructor does then.
async fn attempt<F: Future>(make: &mut impl FnMut() -> F) -> Result<F::Output, Panic> {
    let future = pin!(Some(catch_unwind(AssertUnwindSafe(make))?));
    let mut future = Held(future);
    let end = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(polled) => polled.unwrap_or(Poll::Pending).map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await;
    future.let_go();
    end
}

/// How an attempt failed.
struct Last<E>(Contained<Result<E, Panic>>);

impl<E> Last<E> {
    /// Ends as the attempt did.
    fn stand<T>(self) -> Result<T, E> {
        match self.0.into_inner() {
            Ok(error) => Err(error),
            Err(panic) => resume_unwind(panic),
        }
    }

    fn look(&self) -> Failure<'_, E> {
        match self.0.get() {
            Ok(error) => Failure::Error(error),
            Err(panic) => Failure::Panic(message(panic)),
        }
    }
}

fn message(panic: &Panic) -> Option<&str> {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}

/// A delay; whether the token fired before it was over. With `yields` others have the thread meanwhile, also if it is over at
/// once. What the token or the delay panics with in its poll goes on; once there is an end, no destructor changes it.
async fn rest<D: Future, U: Future>(delay: D, until: &mut Held<'_, U>, mut yields: bool) -> bool {
    let delay = pin!(Some(delay));
    let mut delay = Held(delay);
    let stopped = poll_fn(|cx| {
        let over = delay.0.is_none() || delay.fired(cx);
        if over {
            delay.let_go();
        }
        // Looked at last: nothing comes between this and the next attempt.
        let stopped = until.fired(cx);
        let yields = replace(&mut yields, false);
        if stopped || over && !yields {
            return Poll::Ready(stopped);
        }
        if over {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
    delay.let_go();
    stopped
}

/// A future in its place. If it is dropped there under way, its panic goes on, but not while another one does.
struct Held<'a, F>(Pin<&'a mut Option<F>>);

impl<F: Future> Held<'_, F> {
    /// Nothing if it is gone, or never was there.
    fn poll(&mut self, cx: &mut Context<'_>) -> Option<Poll<F::Output>> {
        Some(self.0.as_mut().as_pin_mut()?.poll(cx))
    }

    /// Whether it is ready now; if not, wakes when it is.
    fn fired(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(Poll::Ready(output)) = self.poll(cx) else { return false };
        let_go(|| drop(output));
        true
    }
}

impl<F> Held<'_, F> {
    fn let_go(&mut self) {
        let_go(|| self.0.set(None));
    }
}

impl<F> Drop for Held<'_, F> {
    fn drop(&mut self) {
        match catch_unwind(AssertUnwindSafe(|| self.0.set(None))) {
            Err(panic) if !panicking() => resume_unwind(panic),
            end => let_go(|| drop(end)),
        }
    }
}

/// Something of the user's, whose destructor panics at nobody, also while something else unwinds.
struct Contained<T>(Option<T>);

impl<T> Contained<T> {
    fn new(foreign: T) -> Self {
        Self(Some(foreign))
    }

    fn get(&self) -> &T {
        self.0.as_ref().expect("it is taken where this goes alone")
    }

    fn get_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("it is taken where this goes alone")
    }

    /// The value, whose destructor is the caller's affair from now on.
    fn into_inner(mut self) -> T {
        self.0.take().expect("it is taken where this goes alone")
    }
}

impl<T> Drop for Contained<T> {
    fn drop(&mut self) {
        let foreign = self.0.take();
        let_go(|| drop(foreign));
    }
}

/// Drops what is left of an attempt. A panic of that is no end of the attempt: it had one.
fn let_go(drop_it: impl FnOnce()) {
    let panic = catch_unwind(AssertUnwindSafe(drop_it)).err();
    // The destructor of its payload may panic again.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        forget(second);
    }
}
