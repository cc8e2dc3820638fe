//! Work that blocks, on the threads that tokio and smol have for it.

#[path = "common/watchdog.rs"]
mod watchdog;

use std::future::{Future, pending, ready};
use std::panic::resume_unwind;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{self, Arc};
use std::task::{Context, Waker};

use async_executor::Executor;
use futures_lite::future::block_on;
use task_registry::smol::{OnExecutor, Smol};
use task_registry::tokio::{Tokio, TokioLocal};
use task_registry::{
    Options, Outcome, Refusal, Registry, SpawnBlocking, SpawnError, State, TaskHandle, Tasks,
    TrackCurrent, current, mode,
};
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use watchdog::Watchdog;

/// Runs each test with the threads of tokio's runtimes and with smol's.
macro_rules! blocking {
    ($($test:ident)*) => {
        blocking!(on_tokio_current_thread, crate::on_tokio, Builder::new_current_thread(); $($test)*);
        blocking!(on_tokio_multi_thread, crate::on_tokio, Builder::new_multi_thread(); $($test)*);
        blocking!(on_a_local_set_with_a_sync_table, crate::on_local_set, Builder::new_current_thread(); $($test)*);
        blocking!(on_smol, crate::on_smol, (); $($test)*);
        blocking!(on_an_executor_by_reference, crate::on_executor, (); $($test)*);
        blocking!(on_an_executor_held_weakly, crate::on_executor_weakly, (); $($test)*);
    };
    ($module:ident, $run:path, $how:expr; $($test:ident)*) => {
        mod $module {
            #[allow(unused_imports, reason = "smol has nothing to build")]
            use tokio::runtime::Builder;
            $(
                #[test]
                fn $test() {
                    let name = concat!(stringify!($module), "::", stringify!($test));
                    let _watchdog = crate::Watchdog::over(name);
                    $run($how, crate::$test);
                }
            )*
        }
    };
}

fn on_tokio(mut how: Builder, test: impl FnOnce(Registry<Tokio>)) {
    let runtime = how.build().unwrap();
    test(Registry::new(Tokio::from(&runtime)));
}

/// On the threads of the runtime that the set is driven in.
fn on_local_set(
    mut how: Builder,
    test: impl FnOnce(Registry<TokioLocal<Weak<LocalSet>>, mode::Sync>),
) {
    let runtime = how.build().unwrap();
    let _inside = runtime.enter();
    let set = Rc::new(LocalSet::new());
    test(Registry::with_tasks(TokioLocal(Rc::downgrade(&set)), Tasks::new(Options::new())));
}

fn on_smol((): (), test: impl FnOnce(Registry<Smol>)) {
    test(Registry::new(Smol));
}

fn on_executor((): (), test: impl FnOnce(Registry<OnExecutor<&'static Executor<'static>>>)) {
    static EXECUTOR: Executor<'static> = Executor::new();
    test(Registry::new(OnExecutor(&EXECUTOR)));
}

fn on_executor_weakly(
    (): (),
    test: impl FnOnce(Registry<OnExecutor<sync::Weak<Executor<'static>>>>),
) {
    let executor = Arc::new(Executor::new());
    test(Registry::new(OnExecutor(Arc::downgrade(&executor))));
}

blocking! {
    blocking_work_is_listed_while_it_runs_and_delivers_its_output
    blocking_work_finds_its_token_and_decides_itself
    a_blocked_thread_may_wait_for_its_token
    a_panic_of_blocking_work_reaches_its_handle
    a_shutdown_waits_for_blocking_work
    a_shutdown_names_blocking_work_that_goes_on
    blocking_work_that_finds_no_place_is_not_run
    dropping_the_handle_of_blocking_work_stops_nothing
    blocking_work_says_that_it_is_ready
}

/// Work that says that it runs and then blocks until it is let go on.
struct Blocked<T> {
    task: TaskHandle<T, mode::Sync>,
    go_on: Sender<()>,
}

fn block<S, T>(
    tasks: &Registry<S, mode::Sync>,
    name: &'static str,
    then: impl FnOnce(task_registry::Cx<(), mode::Sync>) -> T + Send + 'static,
) -> Blocked<T>
where
    S: SpawnBlocking,
    T: Send + 'static,
{
    let (said, started) = channel();
    let (go_on, gate): (_, Receiver<()>) = channel();
    let task = tasks.spawn_blocking(name, move |cx| {
        said.send(()).unwrap();
        let _ = gate.recv();
        then(cx)
    });
    started.recv().unwrap();
    Blocked { task: task.unwrap(), go_on }
}

fn blocking_work_is_listed_while_it_runs_and_delivers_its_output<S: SpawnBlocking>(
    tasks: Registry<S, mode::Sync>,
) {
    let Blocked { task, go_on } = block(&tasks, "hash", |cx| cx.name().map(str::len));
    assert_eq!((task.state(), tasks.live()), (State::Running, 1));
    assert_eq!(tasks.snapshot()[0].name(), Some("hash"));
    assert_eq!(tasks.get("hash").as_ref(), Some(task.task()));
    go_on.send(()).unwrap();
    assert_eq!(block_on(task).unwrap(), Some(4));
    assert_eq!(tasks.get("hash").unwrap().outcome(), Some(Outcome::Completed));
    let soon = tasks.spawn_blocking("hash", |_| "its name is free").unwrap();
    assert_eq!(soon.wait_blocking().unwrap(), "its name is free");
}

fn blocking_work_finds_its_token_and_decides_itself<S: SpawnBlocking>(
    tasks: Registry<S, mode::Sync>,
) {
    let Blocked { task, go_on } =
        block(&tasks, "a", |cx| (cx.is_cancelled(), cx.cancel_reason().map(|r| r.to_string())));
    let mut end = pin!(tasks.cancel_with("a", "enough").unwrap());
    assert_eq!(task.state(), State::Stopping);
    assert!(end.as_mut().poll_now().is_none(), "nothing stops a blocked thread");
    go_on.send(()).unwrap();
    assert_eq!(block_on(end), Outcome::Completed, "law 3: it returned");
    assert_eq!(block_on(task).unwrap(), (true, Some("enough".to_owned())));
}

fn a_blocked_thread_may_wait_for_its_token<S: SpawnBlocking>(tasks: Registry<S, mode::Sync>) {
    let Blocked { task, go_on } = block(&tasks, "a", |cx| block_on(cx.cancelled()));
    go_on.send(()).unwrap();
    assert_eq!(task.cancel().wait_blocking(), Outcome::Completed);
}

fn a_panic_of_blocking_work_reaches_its_handle<S: SpawnBlocking>(tasks: Registry<S, mode::Sync>) {
    let task =
        tasks.spawn_blocking("a", |_| -> u32 { resume_unwind(Box::new("on purpose")) }).unwrap();
    let error = block_on(task).unwrap_err();
    assert_eq!(*error.outcome(), Outcome::Panicked { message: Some("on purpose".into()) });
    assert_eq!(*error.into_panic().unwrap().downcast::<&'static str>().unwrap(), "on purpose");
    // The thread is none the worse.
    assert_eq!(block_on(tasks.spawn_blocking("a", |_| 1).unwrap()).unwrap(), 1);
}

fn a_shutdown_waits_for_blocking_work<S: SpawnBlocking>(tasks: Registry<S, mode::Sync>) {
    let Blocked { task, go_on } = block(&tasks, "a", |_| 5);
    let mut end = pin!(tasks.shutdown(pending::<()>()));
    assert!(end.as_mut().poll_now().is_none());
    go_on.send(()).unwrap();
    let report = block_on(end);
    assert_eq!((report.completed(), report.is_clean()), (1, true));
    assert_eq!(block_on(task).unwrap(), 5);
}

fn a_shutdown_names_blocking_work_that_goes_on<S: SpawnBlocking>(tasks: Registry<S, mode::Sync>) {
    let Blocked { task, go_on } = block(&tasks, "stubborn", |_| ());
    let report = block_on(tasks.shutdown(ready(())));
    assert_eq!(report.remaining()[0].name(), Some("stubborn"));
    assert_eq!((task.state(), tasks.live()), (State::Stopping, 1));
    go_on.send(()).unwrap();
    block_on(tasks.wait_idle());
    assert_eq!(task.outcome(), Some(Outcome::Completed));
}

fn blocking_work_that_finds_no_place_is_not_run<S: SpawnBlocking>(tasks: Registry<S, mode::Sync>) {
    let Blocked { task, go_on } = block(&tasks, "a", |_| ());
    let never = |_| unreachable!("there is no place for it");
    let taken = SpawnError::NameTaken { holder: task.id() };
    assert_eq!(tasks.spawn_blocking::<()>("a", never).unwrap_err(), taken);
    assert_eq!(tasks.spawn_blocking::<()>("", never).unwrap_err(), SpawnError::EmptyName);
    go_on.send(()).unwrap();
    block_on(task).unwrap();
    block_on(tasks.shutdown(pending::<()>()));
    assert_eq!(tasks.spawn_blocking::<()>("a", never).unwrap_err(), SpawnError::Closed);
}

fn dropping_the_handle_of_blocking_work_stops_nothing<S: SpawnBlocking>(
    tasks: Registry<S, mode::Sync>,
) {
    let (done, over) = channel();
    let Blocked { task, go_on } = block(&tasks, "a", move |_| done.send(()).unwrap());
    let end = task.wait();
    drop(task);
    go_on.send(()).unwrap();
    over.recv().unwrap();
    assert_eq!(block_on(end), Outcome::Completed, "law 8");
}

fn blocking_work_says_that_it_is_ready<S: SpawnBlocking>(tasks: Registry<S, mode::Sync>) {
    let Blocked { task, go_on } = block(&tasks, "a", |cx| {
        cx.ready();
        block_on(cx.cancelled());
    });
    let mut start = pin!(task.started());
    assert!(start.as_mut().poll_now().is_none());
    go_on.send(()).unwrap();
    assert_eq!(block_on(start), Ok(()));
    assert!(!task.is_ended());
    task.cancel().wait_blocking();
}

trait PollNow: Future {
    /// Polls once.
    fn poll_now(self: std::pin::Pin<&mut Self>) -> Option<Self::Output>;
}

impl<F: Future> PollNow for F {
    fn poll_now(self: std::pin::Pin<&mut Self>) -> Option<F::Output> {
        match self.poll(&mut Context::from_waker(Waker::noop())) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}

#[test]
fn blocking_work_that_is_cancelled_before_its_thread_comes_to_it_never_runs() {
    let _watchdog = Watchdog::start();
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build();
    let runtime = runtime.unwrap();
    let tasks = Registry::new(Tokio::from(&runtime));
    // The only thread is taken.
    let Blocked { task: first, go_on } = block(&tasks, "first", |_| ());
    let owned = Arc::new(());
    let second = tasks.spawn_blocking("second", {
        let owned = owned.clone();
        move |_| {
            let _owned = owned;
            unreachable!("it was cancelled before")
        }
    });
    let second = second.unwrap();
    assert_eq!(second.state(), State::Queued);
    let mut end = pin!(second.cancel_with("too late"));
    assert!(end.as_mut().poll_now().is_none());
    go_on.send(()).unwrap();
    assert_eq!(block_on(end).reason(), Some("too late"), "law 4");
    assert_eq!(Arc::strong_count(&owned), 1, "law 2");
    block_on(first).unwrap();
}

#[test]
fn blocking_work_for_a_runtime_that_is_gone_is_abandoned() {
    let _watchdog = Watchdog::start();
    let runtime = Builder::new_current_thread().build().unwrap();
    let tasks = Registry::new(Tokio::from(&runtime));
    drop(runtime);
    let task = tasks.spawn_blocking("a", |_| unreachable!("there is no runtime")).unwrap();
    let outcome: Result<(), _> = block_on(task);
    assert_eq!(*outcome.unwrap_err().outcome(), Outcome::Abandoned, "law 11");
}

/// A registry of a spawner that has nowhere to put work that blocks.
fn refuses<S: SpawnBlocking>(tasks: &Registry<S, mode::Sync>, why: impl Fn(Refusal) -> bool) {
    for _ in 0..2 {
        let error = tasks.spawn_blocking("a", |_| unreachable!("it is refused")).map(drop);
        let Err(SpawnError::Refused(refusal)) = error else { panic!("{error:?}") };
        assert!(why(refusal), "{refusal}");
    }
    assert_eq!(tasks.live(), 0);
    assert!(tasks.get("a").is_none(), "what was refused leaves no record: {tasks:?}");
}

fn there_is_no_runtime(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::Other(_))
}

#[test]
fn blocking_work_outside_every_runtime_is_refused_and_its_name_free() {
    let _watchdog = Watchdog::start();
    let tasks = Registry::new(Tokio::ambient());
    refuses(&tasks, there_is_no_runtime);
    // As what a spawner refuses elsewhere.
    assert!(tasks.spawn("b", async {}).is_err());
    assert!(tasks.get("b").is_none());
}

#[test]
fn blocking_work_of_a_local_set_outside_every_runtime_is_refused() {
    let _watchdog = Watchdog::start();
    let set = LocalSet::new();
    refuses(
        &Registry::with_tasks(TokioLocal(&set), Tasks::new(Options::new())),
        there_is_no_runtime,
    );
}

#[test]
fn law_11_blocking_work_for_an_executor_that_is_gone_is_refused() {
    let _watchdog = Watchdog::start();
    let gone = |refusal| refusal == Refusal::ExecutorGone;
    let runtime = Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    let set = Rc::downgrade(&Rc::new(LocalSet::new()));
    refuses(&Registry::with_tasks(TokioLocal(set), Tasks::new(Options::new())), gone);
    let executor = Arc::downgrade(&Arc::new(Executor::new()));
    refuses(&Registry::new(OnExecutor(executor)), gone);
}

#[test]
fn the_current_task_is_the_one_that_blocks() {
    let _watchdog = Watchdog::start();
    let tasks = Registry::with_options(Smol, Options::new().observer(TrackCurrent));
    let work = tasks.spawn_blocking("hash", |_| current().map(|task| task.id())).unwrap();
    let id = work.id();
    assert_eq!(block_on(work).unwrap(), Some(id));
}
