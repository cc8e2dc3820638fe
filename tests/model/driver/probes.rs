//! What is given to the registry: futures, outputs, wakers, an executor, an observer. Each does nothing but call [`Hooks`],
//! and each is counted while it lives.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use task_registry::{Observer, Outcome, Refusal, Spawn, Spawner, TaskInfo, mode};

use super::model::Number;

/// What a body does at a poll.
pub(crate) enum Does {
    Waits,
    Returns(bool),
    Panics,
}

/// What an executor does with a future.
pub(crate) enum Takes {
    Queues,
    Refuses,
    /// It polls it first.
    Polls,
    Drops,
}

/// The world, as foreign code sees it.
pub(crate) trait Hooks {
    fn any(&self) -> &dyn Any;
    /// Something counted was made, or has gone; of a task, if it owns it.
    fn count(&self, what: What, owner: Option<Number>, more: bool);
    fn body_polled(&self, task: Number, waker: &Waker) -> Does;
    /// Whether the destructor panics.
    fn body_dropped(&self, task: Number) -> bool;
    fn output_dropped(&self, task: Number) -> bool;
    fn cleanup_polled(&self, task: Number) -> Does;
    fn cleanup_dropped(&self, task: Number) -> bool;
    /// A gate of the task that is being polled.
    fn cleanup_made(&self, end: Outcome) -> Number;
    fn own_gate(&self, gate: For) -> Gate;
    fn gate_polled(&self, gate: usize, waker: &Waker) -> bool;
    fn offered(&self, executor: usize) -> Takes;
    fn taken(&self, executor: usize, future: Pin<Box<dyn Future<Output = ()>>>, takes: Takes);
    /// Whether it panics.
    fn woken(&self, waker: usize, task: Option<(Number, usize)>) -> bool;
    fn waker_dropped(&self);
    /// Whether it panics.
    fn told(
        &self,
        news: News,
        task: &TaskInfo,
        outcome: Option<&Outcome>,
        reason: Option<&str>,
    ) -> bool;
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum What {
    Body,
    Cleanup,
    Gate,
    /// A closure of the terms.
    Term,
    Factory,
    Output,
    Panic,
    Waker,
    Observer,
}

/// What a gate is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum For {
    Grace,
    Timeout,
    Deadline,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum News {
    Added,
    Started,
    Stopping,
    Ended,
    Unclaimed,
}

thread_local! {
    static HOOKS: RefCell<Option<Rc<dyn Hooks>>> = const { RefCell::new(None) };
}

pub(crate) fn install(hooks: Option<Rc<dyn Hooks>>) {
    let old = HOOKS.with(|place| place.replace(hooks));
    drop(old);
}

pub(crate) fn hooks() -> Rc<dyn Hooks> {
    HOOKS.with(|place| place.borrow().clone()).expect("a program runs")
}

/// Counted while it lives.
pub(crate) struct Counted(What, Option<Number>);

impl Counted {
    pub(crate) fn new(what: What, owner: Option<Number>) -> Self {
        hooks().count(what, owner, true);
        Self(what, owner)
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(self.0, self.1)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        hooks().count(self.0, self.1, false);
    }
}

/// What a task panics with.
pub(crate) struct Blow {
    _counted: Counted,
}

/// Panics on purpose, as a task does: no message is printed.
pub(crate) fn blow(task: Number) {
    blow_of(Some(task));
}

/// As something does that is no part of a task, or no longer: nobody has a claim to what it panics with.
pub(crate) fn blow_aside() {
    blow_of(None);
}

fn blow_of(task: Option<Number>) {
    if !std::thread::panicking() {
        let _counted = Counted::new(What::Panic, task);
        std::panic::resume_unwind(Box::new(Blow { _counted }));
    }
}

/// The future of a task.
pub(crate) struct Body {
    task: Number,
    counted: Option<Counted>,
}

impl Body {
    pub(crate) fn new(task: Number) -> Self {
        Self { task, counted: Some(Counted::new(What::Body, Some(task))) }
    }
}

/// What tasks return.
pub(crate) type Ready = Result<Output, Output>;

impl Future for Body {
    type Output = Ready;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ready> {
        match hooks().body_polled(self.task, cx.waker()) {
            Does::Waits => Poll::Pending,
            Does::Returns(true) => Poll::Ready(Ok(Output::new(self.task))),
            Does::Returns(false) => Poll::Ready(Err(Output::new(self.task))),
            Does::Panics => {
                blow(self.task);
                Poll::Pending
            }
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let panics = hooks().body_dropped(self.task);
        drop(self.counted.take());
        if panics {
            blow(self.task);
        }
    }
}

/// The cleanup of a task.
pub(crate) struct Cleaning {
    task: Number,
    counted: Option<Counted>,
}

impl Cleaning {
    pub(crate) fn new(task: Number) -> Self {
        Self { task, counted: Some(Counted::new(What::Cleanup, Some(task))) }
    }
}

impl Future for Cleaning {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match hooks().cleanup_polled(self.task) {
            Does::Waits => Poll::Pending,
            Does::Returns(_) => Poll::Ready(()),
            Does::Panics => {
                blow(self.task);
                Poll::Pending
            }
        }
    }
}

impl Drop for Cleaning {
    fn drop(&mut self) {
        let panics = hooks().cleanup_dropped(self.task);
        drop(self.counted.take());
        if panics {
            blow(self.task);
        }
    }
}

/// The output of a task.
pub(crate) struct Output {
    task: Number,
    counted: Option<Counted>,
    /// Somebody has it who minds a panic.
    taken: bool,
}

impl Output {
    fn new(task: Number) -> Self {
        Self { task, counted: Some(Counted::new(What::Output, Some(task))), taken: false }
    }

    /// Whose it is; it came out of the registry.
    pub(crate) fn take(mut self) -> Number {
        self.taken = true;
        self.task
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let panics = hooks().output_dropped(self.task);
        drop(self.counted.take());
        if panics && !self.taken {
            blow_aside();
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error of {}", self.task)
    }
}

/// Ready once it is opened by hand: a deadline, a grace, a budget.
pub(crate) struct Gate {
    pub(crate) number: usize,
    pub(crate) _counted: Counted,
}

impl Future for Gate {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if hooks().gate_polled(self.number, cx.waker()) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Wakes a job, or says that somebody who waits was woken.
pub(crate) struct Alarm {
    number: usize,
    /// And which of its polls gave it.
    task: Option<(Number, usize)>,
    counted: Option<Counted>,
}

impl Alarm {
    pub(crate) fn waker(number: usize, task: Option<(Number, usize)>) -> Waker {
        let counted = Some(Counted::new(What::Waker, None));
        Arc::new(Alarm { number, task, counted }).into()
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        if hooks().woken(self.number, self.task) {
            blow_aside();
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        drop(self.counted.take());
        hooks().waker_dropped();
    }
}

/// The executor of this number.
#[derive(Clone, Copy)]
pub(crate) struct On(pub(crate) usize);

impl Spawner for On {
    type Handle = ();
    type Mode = mode::Unsync;
}

impl<F: Future<Output = ()> + 'static> Spawn<F> for On {
    fn spawn(&self, future: F) -> Result<(), task_registry::Refused<F>> {
        let takes = hooks().offered(self.0);
        if matches!(takes, Takes::Refuses) {
            return Err(task_registry::Refused::new(future, Refusal::Full));
        }
        hooks().taken(self.0, Box::pin(future), takes);
        Ok(())
    }
}

/// The observer of a registry. While it lives the table does.
pub(crate) struct Watcher {
    pub(crate) _counted: Counted,
}

fn tell(news: News, task: &TaskInfo, outcome: Option<&Outcome>, reason: Option<&str>) {
    if hooks().told(news, task, outcome, reason) {
        blow_aside();
    }
}

impl Observer for Watcher {
    fn added(&self, task: &TaskInfo) {
        tell(News::Added, task, None, None);
    }
    fn started(&self, task: &TaskInfo) {
        tell(News::Started, task, None, None);
    }
    fn stopping(&self, task: &TaskInfo, reason: Option<&str>) {
        tell(News::Stopping, task, None, reason);
    }
    fn ended(&self, task: &TaskInfo, outcome: &Outcome) {
        tell(News::Ended, task, Some(outcome), None);
    }
    fn unclaimed_panic(
        &self,
        task: &TaskInfo,
        payload: Box<dyn Any + Send>,
    ) -> Option<Box<dyn Any + Send>> {
        tell(News::Unclaimed, task, None, None);
        Some(payload)
    }
}
