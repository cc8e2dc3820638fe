//! What these tests need beyond the kit of the laws: terms whose types have names, an executor that is polled by hand,
//! and tasks that tell what they see.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;

use task_registry::mode::{self, Mode};
use task_registry::{
    Cleaned, Cx, Fallible, Graced, InTask, Observer, Options, Outcome, Refused, Registry, Spawn,
    Spawner, TaskHandle, TaskRef, Timed, Tracked, Wait, bound,
};

use crate::harness::*;
use crate::kit::*;

/// What makes a grace or a deadline.
pub(crate) type Make = Box<dyn FnOnce() -> Body<()> + Send>;
/// What makes a cleanup.
pub(crate) type MakeOfEnd = Box<dyn FnOnce(Outcome) -> Body<()> + Send>;

pub(crate) type WithGrace = Graced<(), Make, Body<()>>;
pub(crate) type WithTimeout = Timed<(), Body<()>>;
pub(crate) type WithCleanup = Cleaned<(), MakeOfEnd, Make, Body<()>>;
pub(crate) type WithAll = Fallible<Cleaned<Timed<WithGrace, Body<()>>, MakeOfEnd, Make, Body<()>>>;
pub(crate) type Planned<M> = InTask<App, M, bound::AnyThread>;

/// A spawner that takes what these tests spawn.
pub(crate) trait RunsTerms<M: Mode>:
    Runs<M>
    + Spawn<Tracked<Body<()>, M, WithGrace>>
    + Spawn<Tracked<Body<u32>, M, WithGrace>>
    + Spawn<Tracked<Body<u32>, M, WithTimeout>>
    + Spawn<Tracked<Body<u32>, M, Timed<WithGrace, Body<()>>>>
    + Spawn<Tracked<Body<()>, M, WithCleanup>>
    + Spawn<Tracked<Body<u32>, M, WithCleanup>>
    + Spawn<Tracked<Body<OnDrop>, M, WithCleanup>>
    + Spawn<Tracked<Body<Result<u32, Failure>>, M, Fallible<()>>>
    + Spawn<Tracked<Body<Result<u32, Failure>>, M, WithAll>>
    + Spawn<Tracked<Planned<M>, M, Fallible<()>>>
{
}

impl<S, M: Mode> RunsTerms<M> for S where
    S: Runs<M>
        + Spawn<Tracked<Body<()>, M, WithGrace>>
        + Spawn<Tracked<Body<u32>, M, WithGrace>>
        + Spawn<Tracked<Body<u32>, M, WithTimeout>>
        + Spawn<Tracked<Body<u32>, M, Timed<WithGrace, Body<()>>>>
        + Spawn<Tracked<Body<()>, M, WithCleanup>>
        + Spawn<Tracked<Body<u32>, M, WithCleanup>>
        + Spawn<Tracked<Body<OnDrop>, M, WithCleanup>>
        + Spawn<Tracked<Body<Result<u32, Failure>>, M, Fallible<()>>>
        + Spawn<Tracked<Body<Result<u32, Failure>>, M, WithAll>>
        + Spawn<Tracked<Planned<M>, M, Fallible<()>>>
{
}

/// An executor for these tests.
pub(crate) trait Lives: Harness<Spawner: RunsTerms<<Self as Harness>::Mode>> {}
impl<H: Harness<Spawner: RunsTerms<<H as Harness>::Mode>>> Lives for H {}

/// As `Body` vouches for a future, for a function: it travels inside one.
pub(crate) fn make<F: Future<Output = ()> + 'static>(call: impl FnOnce() -> F + 'static) -> Make {
    let carried = body(async move { call });
    Box::new(move || {
        let mut carried = pin!(carried);
        body(assert_ready(poll_once(&mut carried))())
    })
}

pub(crate) fn make_of_end<F: Future<Output = ()> + 'static>(
    call: impl FnOnce(Outcome) -> F + 'static,
) -> MakeOfEnd {
    let carried = body(async move { call });
    Box::new(move |end| {
        let mut carried = pin!(carried);
        body(assert_ready(poll_once(&mut carried))(end))
    })
}

/// A grace or a deadline that ends when `gate` opens.
pub(crate) fn until(gate: &Gate) -> Make {
    let gate = gate.clone();
    make(move || gate.pass())
}

/// A grace or a deadline without end.
pub(crate) fn never() -> Make {
    make(std::future::pending)
}

/// An error that displays what it was told to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Says(String),
    /// Writes on and on, until the one who reads has enough.
    Endless(&'static str),
    Panics,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Says(text) => f.write_str(text),
            Failure::Endless(text) => loop {
                f.write_str(text)?;
            },
            Failure::Panics => blow_up("in Display"),
        }
    }
}

/// What the tasks of these tests are given.
#[derive(Clone, Default)]
pub(crate) struct App {
    pub(crate) trace: Trace,
    pub(crate) gate: Gate,
}

/// An executor that does nothing by itself: the test takes what was spawned and polls it.
#[derive(Clone, Default)]
pub(crate) struct Hand(Rc<RefCell<Vec<Wrapper>>>);

/// What is really put on an executor.
pub(crate) type Wrapper = Pin<Box<dyn Future<Output = ()>>>;

impl Spawner for Hand {
    type Handle = ();
    type Mode = mode::Unsync;
}

impl<F: Future<Output = ()> + 'static> Spawn<F> for Hand {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        self.0.borrow_mut().push(Box::pin(future));
        Ok(())
    }
}

/// A registry over the same table whose tasks the test polls itself.
pub(crate) fn in_hand<S: Spawner, M: Mode>(registry: &Registry<S, M>) -> Registry<Hand, M> {
    Registry::with_tasks(Hand::default(), registry.tasks().clone())
}

/// What was spawned last.
pub(crate) fn take<M: Mode>(registry: &Registry<Hand, M>) -> Wrapper {
    registry.spawner().0.borrow_mut().pop().expect("something was spawned")
}

/// Polls what was spawned once; `true` when it is over.
pub(crate) fn step(wrapper: &mut Wrapper) -> bool {
    poll_once(&mut Pin::new(wrapper)).is_ready()
}

/// Notes in `trace` when a waiter of the task is woken.
pub(crate) fn note_the_wake<M: Mode>(task: &TaskRef<M>, trace: &Trace) -> Pin<Box<Wait<M>>> {
    let mut wait = Box::pin(task.wait());
    let trace = trace.clone();
    assert_pending(poll_with(&mut wait.as_mut(), &waker_calling(move || trace.note("woken"))));
    wait
}

/// Notes its own drop.
pub(crate) fn note_the_drop(trace: &Trace, what: &'static str) -> OnDrop {
    let trace = trace.clone();
    OnDrop::new(move || trace.note(what))
}

/// Never ready; notes its own drop.
pub(crate) async fn noted_pending(guard: OnDrop) {
    let _guard = guard;
    std::future::pending::<()>().await;
}

/// Options of a table that sets `gone` when it goes: with it goes its observer.
pub(crate) fn seen_to_go(gone: &Flag) -> Options {
    struct Goes(#[expect(dead_code, reason = "for its destructor")] OnDrop);
    impl Observer for Goes {}
    Options::new().observer(Goes(gone.on_drop()))
}

/// Waits for what an executor's thread brings about while it goes: it may hold a task for an instant longer.
pub(crate) fn wait_until_set(flag: &Flag) {
    while !flag.is_set() {
        std::thread::yield_now();
    }
}

/// A task that hears its token, and then goes on until it is let.
pub(crate) struct Patient<M: Mode> {
    pub(crate) task: TaskHandle<u32, M>,
    /// Open once the token has fired.
    pub(crate) heard: Gate,
    /// Lets it return 7.
    pub(crate) finish: Gate,
    /// Set by the destructor of what its future owns.
    pub(crate) dropped: Flag,
}

fn patience<M: Mode>(
    cx: Cx<(), M>,
    guard: OnDrop,
    started: Gate,
    heard: Gate,
    finish: Gate,
) -> Body<u32> {
    body(async move {
        let _guard = guard;
        started.open();
        cx.cancelled().await;
        heard.open();
        finish.pass().await;
        7
    })
}

/// Spawns one and waits until its body runs.
pub(crate) async fn patient<S: Runs<M>, M: Mode>(
    registry: &Registry<S, M>,
    name: &'static str,
) -> Patient<M> {
    let (started, heard, finish) = (Gate::default(), Gate::default(), Gate::default());
    let dropped = Flag::default();
    let task = registry.with_context(()).spawn_with(name, {
        let (started, heard, finish) = (started.clone(), heard.clone(), finish.clone());
        let guard = dropped.on_drop();
        move |cx: Cx<(), M>| patience(cx, guard, started, heard, finish)
    });
    started.pass().await;
    Patient { task: task.expect("the name is free"), heard, finish, dropped }
}

/// As `patient`, for a task with a grace of its own, which is made by `grace`.
pub(crate) async fn patient_with<S: RunsTerms<M>, M: Mode>(
    registry: &Registry<S, M>,
    name: &'static str,
    grace: Make,
) -> Patient<M> {
    let (started, heard, finish) = (Gate::default(), Gate::default(), Gate::default());
    let dropped = Flag::default();
    let graced = registry.task(name).grace(grace);
    let task = graced.spawn_with((), {
        let (started, heard, finish) = (started.clone(), heard.clone(), finish.clone());
        let guard = dropped.on_drop();
        move |cx: Cx<(), M>| patience(cx, guard, started, heard, finish)
    });
    started.pass().await;
    Patient { task: task.expect("the name is free"), heard, finish, dropped }
}

#[cfg(feature = "local")]
pub(crate) use self::local::*;

#[cfg(feature = "local")]
mod local {
    use std::rc::{Rc, Weak};

    use async_executor::LocalExecutor;
    use futures_lite::future::block_on;
    use task_registry::local::OnLocalExecutor;
    use task_registry::{Registry, mode};

    use crate::harness::*;

    /// An executor of one thread that the registry does not keep.
    pub(crate) struct LocalHeldWeakly;

    impl Harness for LocalHeldWeakly {
        type Mode = mode::Unsync;
        type Spawner = OnLocalExecutor<Weak<LocalExecutor<'static>>>;
        fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F) {
            let executor = Rc::new(LocalExecutor::new());
            let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
            block_on(executor.run(law(tasks)));
        }
    }
}
