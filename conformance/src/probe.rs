//! Futures that see what is done to them, whatever a registry makes of it.

use std::fmt;
use std::future::{Future, Pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

use task_registry_core::{Cleaned, Outcome};

use crate::fault::{Fault, Verdict};
use crate::kit::{keep, lock};

/// A future of the kit: tells when it is polled and dropped, by whom, and in the middle of what.
///
/// It is what a [`Spawner`](task_registry_core::Spawner) under test is given, by itself and inside a
/// [`Tracked`](task_registry_core::Tracked), which hides some faults. You need it in bounds only, if at all.
pub struct Probed<F> {
    watch: Watch,
    /// `None` in a twin.
    future: Option<F>,
}

/// A [`Probed`] future that is `Send`.
pub type Probe<T = ()> = Probed<Pin<Box<dyn Future<Output = T> + Send>>>;

/// A [`Probed`] future that is not.
pub type LocalProbe<T = ()> = Probed<Pin<Box<dyn Future<Output = T>>>>;

/// The terms of a task with a cleanup, in the cases that have one.
pub type Cleaning = Cleaned<(), MakeCleanup, fn() -> Pending<()>, Pending<()>>;

pub(crate) type MakeCleanup = Box<dyn FnOnce(Outcome) -> Probe + Send>;

/// Calls a function when it is dropped: what futures own in the cases, and what they put out.
pub struct Guard(Option<Box<dyn FnOnce() + Send>>);

impl Guard {
    pub(crate) fn new(call: impl FnOnce() + Send + 'static) -> Self {
        Guard(Some(Box::new(call)))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call();
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

/// What all the probes of a case have seen that is wrong.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<LogInner>);

#[derive(Default)]
struct LogInner {
    faults: Mutex<(Vec<Fault>, Vec<Waker>)>,
    /// From here on the executor may drop what it has.
    gone: AtomicBool,
    in_vain: AtomicBool,
}

impl Log {
    pub(crate) fn note(&self, fault: Fault) {
        let wakers = {
            let mut faults = lock(&self.0.faults);
            faults.0.push(fault);
            std::mem::take(&mut faults.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The first fault, if there is any: what comes after it may be its consequence.
    pub(crate) fn verdict(&self) -> Verdict {
        match lock(&self.0.faults).0.first() {
            None => Ok(()),
            Some(fault) => Err(fault.clone()),
        }
    }

    /// Has `waker` woken at the next fault.
    pub(crate) fn tell(&self, waker: Waker) {
        keep(&mut lock(&self.0.faults).1, waker);
    }

    /// Nothing came in [`LIMIT`](crate::Harness::LIMIT).
    pub(crate) fn wait_was_in_vain(&self) {
        self.0.in_vain.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_waited_in_vain(&self) -> bool {
        self.0.in_vain.load(Ordering::SeqCst)
    }

    pub(crate) fn executor_goes(&self) {
        self.0.gone.store(true, Ordering::SeqCst);
    }

    fn is_executor_gone(&self) -> bool {
        self.0.gone.load(Ordering::SeqCst)
    }
}

/// What a case knows of one probe.
#[derive(Clone)]
pub(crate) struct Watch(Arc<State>);

struct State {
    log: Log,
    /// Where it is to be polled and dropped, if there is one such thread.
    home: Option<ThreadId>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) polls: usize,
    pub(crate) ready: bool,
    pub(crate) dropped: bool,
    /// Nothing but the executor holds it, so that it is dropped when it is ready, or with the executor.
    bare: bool,
    /// Who is in the middle of a poll.
    polling: Option<ThreadId>,
    /// Who is in the middle of giving it to the executor, or of waking it.
    inside: Option<(ThreadId, Inside)>,
    polled_inside: bool,
    dropped_inside: bool,
    /// What the last poll was given. Kept when the future is gone: somebody always has a waker too long.
    waker: Option<Waker>,
    /// No poll's waker is kept, neither here nor by the future.
    without_waker: bool,
    watchers: Vec<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Inside {
    Spawn,
    Detach,
    Wake,
}

impl Watch {
    fn new(log: &Log, home: Option<ThreadId>, bare: bool) -> Self {
        let seen = Mutex::new(Seen { bare, ..Seen::default() });
        Watch(Arc::new(State { log: log.clone(), home, seen }))
    }

    pub(crate) fn polls(&self) -> usize {
        lock(&self.0.seen).polls
    }

    pub(crate) fn is_dropped(&self) -> bool {
        lock(&self.0.seen).dropped
    }

    /// From here on whoever has it may drop it.
    pub(crate) fn let_go(&self) {
        lock(&self.0.seen).bare = false;
    }

    /// From here on nobody but the executor has a waker of it, if the future itself keeps none. It cannot be woken any more, and
    /// is still not to be dropped.
    pub(crate) fn keep_no_waker(&self) {
        let kept = {
            let mut seen = lock(&self.0.seen);
            seen.without_waker = true;
            seen.waker.take()
        };
        drop(kept);
    }

    /// What the last poll was given.
    pub(crate) fn waker(&self) -> Option<Waker> {
        lock(&self.0.seen).waker.clone()
    }

    /// Wakes it, and sees to it that it is not polled by that very call.
    pub(crate) fn wake(&self) {
        let Some(waker) = self.waker() else { return };
        self.within(Inside::Wake, || waker.wake());
        if self.leave().0 {
            let why = "the future was polled inside `wake`, on the stack of whoever woke it";
            self.0.log.note(Fault::new(9, why));
        }
    }

    /// Runs what the executor is asked for.
    pub(crate) fn within<R>(&self, inside: Inside, ask: impl FnOnce() -> R) -> R {
        lock(&self.0.seen).inside = Some((thread::current().id(), inside));
        let result = ask();
        lock(&self.0.seen).inside = None;
        result
    }

    /// Whether it was polled, and dropped, by whoever asked for something, in the middle of that.
    pub(crate) fn leave(&self) -> (bool, bool) {
        let mut seen = lock(&self.0.seen);
        let (polled, dropped) = (seen.polled_inside, seen.dropped_inside);
        (seen.polled_inside, seen.dropped_inside) = (false, false);
        (polled, dropped)
    }

    /// Waits until `holds`.
    pub(crate) fn until(
        &self,
        holds: impl Fn(&Seen) -> bool + Send + Unpin,
    ) -> impl Future<Output = ()> + Send {
        let watch = self.clone();
        poll_fn(move |cx| {
            let waker = cx.waker().clone();
            let mut seen = lock(&watch.0.seen);
            if holds(&seen) {
                return Poll::Ready(());
            }
            keep(&mut seen.watchers, waker);
            Poll::Pending
        })
    }

    /// Waits until it was polled so often.
    pub(crate) fn polled(&self, times: usize) -> impl Future<Output = ()> + Send {
        self.until(move |seen| seen.polls >= times)
    }

    pub(crate) fn ready(&self) -> impl Future<Output = ()> + Send {
        self.until(|seen| seen.ready)
    }

    pub(crate) fn dropped(&self) -> impl Future<Output = ()> + Send {
        self.until(|seen| seen.dropped)
    }

    /// Changes what was seen, and tells those who wait for it.
    fn see<R>(&self, change: impl FnOnce(&mut Seen) -> R) -> R {
        let (result, watchers) = {
            let mut seen = lock(&self.0.seen);
            let result = change(&mut seen);
            (result, std::mem::take(&mut seen.watchers))
        };
        watchers.into_iter().for_each(Waker::wake);
        result
    }

    fn fault(&self, law: u8, why: &str) {
        self.0.log.note(Fault::new(law, why));
    }

    fn check_home(&self, what: &str) {
        if self.0.home.is_some_and(|home| home != thread::current().id()) {
            let why =
                format!("a future of a single-threaded executor was {what} on another thread");
            self.0.log.note(Fault::new(10, why));
        }
    }

    /// A poll begins. Says whether the future may be polled.
    fn begin(&self, waker: &Waker) -> bool {
        self.check_home("polled");
        let here = thread::current().id();
        // Not under the lock: what a waker does when it is cloned is foreign.
        let keep = !lock(&self.0.seen).without_waker;
        let new = keep.then(|| waker.clone());
        let (ready, polling, old) = self.see(|seen| {
            let before = (seen.ready, seen.polling, std::mem::replace(&mut seen.waker, new));
            if !before.0 && before.1.is_none() {
                seen.polls += 1;
                seen.polling = Some(here);
                seen.polled_inside |= seen.inside.is_some_and(|(thread, _)| thread == here);
            }
            before
        });
        drop(old);
        if polling == Some(here) {
            self.fault(10, "the future was polled inside its own poll");
        } else if polling.is_some() {
            self.fault(10, "the future was polled on two threads at once");
        } else if ready {
            self.fault(2, "the future was polled after it had completed");
        }
        !ready && polling.is_none()
    }

    fn end(&self, ready: bool) {
        self.see(|seen| {
            seen.polling = None;
            seen.ready |= ready;
        });
    }

    fn drop_seen(&self) {
        self.check_home("dropped");
        let here = thread::current().id();
        let (polling, inside, unasked, without_waker) = self.see(|seen| {
            seen.dropped = true;
            let inside = seen.inside.filter(|(thread, _)| *thread == here);
            seen.dropped_inside |= inside.is_some();
            let unasked = seen.bare && !seen.ready;
            (seen.polling, inside, unasked, seen.without_waker)
        });
        if polling.is_some_and(|thread| thread != here) {
            self.fault(10, "the future was dropped while another thread polled it");
        }
        // Who asked for it says so himself.
        if unasked && inside.is_none() && !self.0.log.is_executor_gone() {
            let why = if without_waker {
                "the future was dropped when nobody had its waker, although its executor lives: an executor keeps its tasks itself"
            } else {
                "the future was dropped before it had completed, although its executor lives"
            };
            self.fault(11, why);
        }
    }
}

impl<F> Probed<F> {
    /// Gives `future` eyes. `bare` if it goes on the executor by itself.
    pub(crate) fn new(future: F, log: &Log, home: Option<ThreadId>, bare: bool) -> (Self, Watch) {
        let watch = Watch::new(log, home, bare);
        (Self { watch: watch.clone(), future: Some(future) }, watch)
    }

    /// A second future in place of the same one, so that a test of the kit can poll one future on two threads at once
    /// without `unsafe`.
    #[doc(hidden)]
    #[must_use]
    pub fn twin(&self) -> Self {
        Self { watch: self.watch.clone(), future: None }
    }
}

/// Ends the poll also where the future panics.
struct Polling<'a>(&'a Watch, bool);

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.0.end(self.1);
    }
}

impl<F: Future + Unpin> Future for Probed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if !this.watch.begin(cx.waker()) {
            return Poll::Pending;
        }
        let mut polling = Polling(&this.watch, false);
        let Some(future) = &mut this.future else { return Poll::Pending };
        let polled = Pin::new(future).poll(cx);
        polling.1 = polled.is_ready();
        polled
    }
}

impl<F> Drop for Probed<F> {
    fn drop(&mut self) {
        // A twin is not the future.
        if let Some(future) = self.future.take() {
            // Told whatever the destructor does.
            let _told = Told(&self.watch);
            drop(future);
        }
    }
}

struct Told<'a>(&'a Watch);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.drop_seen();
    }
}

impl<F> fmt::Debug for Probed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probed").field("polls", &self.watch.polls()).finish_non_exhaustive()
    }
}
