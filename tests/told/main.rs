//! The ready-made observers on every executor, under a subscriber and a recorder for the whole process, as a program has them:
//! what tasks log bears their name and id on whatever thread they run, and their numbers add up.
//!
//! Both are drained by whoever reads them, so the tests take turns. No clock is read, nothing sleeps.

#[allow(dead_code, unreachable_pub, reason = "shared with the laws, which use the rest")]
#[path = "../laws/executors.rs"]
mod executors;
#[allow(dead_code, reason = "shared with the laws, which use the rest")]
#[path = "../laws/harness.rs"]
mod harness;
#[allow(dead_code, reason = "shared with the laws, which use the rest")]
#[path = "../laws/kit.rs"]
mod kit;
#[path = "../common/watchdog.rs"]
mod watchdog;

mod process;

use std::future::{pending, ready};

use task_registry::metrics::MetricsObserver;
use task_registry::tracing::TracingObserver;
use task_registry::{Options, TaskId, Tasks, mode};

use harness::*;
use kit::*;
use process::Turn;

/// Logs from a destructor.
struct Logs(&'static str);

impl Drop for Logs {
    fn drop(&mut self) {
        tracing::info!("{}", self.0);
    }
}

fn told(label: &'static str) -> Options {
    let numbers = MetricsObserver::new().label("registry", label);
    Options::new().observer((TracingObserver::new(), numbers))
}

/// What is expected of the log, for a task with these ids.
fn inside(name: &str, id: TaskId, what: &str) -> String {
    format!("INFO task{{name=\"{name}\" id={id}}}: {what}")
}

macro_rules! told {
    ($($name:ident, $executor:ty;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn what_a_task_logs_bears_its_name_and_id_whatever_becomes_of_it() {
                let turn = Turn::take(concat!(module_path!(), "::lines"));
                let mut wanted = Vec::new();
                <$executor>::run(async |tasks: Reg<$executor>| {
                    let tasks = another(&tasks, told("not read"));
                    // One that is cancelled: polls, and a destructor.
                    let started = Gate::default();
                    let open = started.clone();
                    let feed = tasks.spawn("feed", async move {
                        let _logs = Logs("dropped");
                        tracing::info!("connected");
                        yield_now().await;
                        tracing::info!("still there");
                        open.open();
                        pending::<()>().await;
                    });
                    let feed = feed.unwrap();
                    started.pass().await;
                    feed.cancel_with("enough").await;
                    let id = feed.id();
                    for what in ["connected", "still there", "dropped"] {
                        wanted.push(inside("feed", id, what));
                    }
                    let end = format!("INFO task cancelled name=\"feed\" id={id} reason=\"enough\"");
                    wanted.push(end);
                    // One without a name.
                    let task = tasks.spawn_unnamed(async { tracing::info!("nameless") }).unwrap();
                    wanted.push(format!("INFO task{{id={}}}: nameless", task.id()));
                    task.await.unwrap();
                    // One that fails, one that panics, one with a cleanup.
                    let fails = async {
                        tracing::info!("failing");
                        Err::<(), _>("no route")
                    };
                    let task = tasks.spawn_fallible("fails", fails).unwrap();
                    let id = task.id();
                    assert_eq!(task.await.unwrap(), Err("no route"));
                    wanted.push(inside("fails", id, "failing"));
                    wanted.push(format!("ERROR task failed name=\"fails\" id={id} error=\"no route\""));
                    let task = tasks.spawn("panics", async { blow_up("boom") }).unwrap();
                    let id = task.id();
                    assert!(task.await.unwrap_err().is_panic());
                    wanted.push(format!("ERROR task panicked name=\"panics\" id={id} panic=\"boom\""));
                    let cleans = tasks.task("cleans").cleanup(
                        |_| async { tracing::info!("cleaned") },
                        pending::<()>,
                    );
                    let task = cleans.spawn(async {}).unwrap();
                    wanted.push(inside("cleans", task.id(), "cleaned"));
                    task.await.unwrap();
                });
                assert_eq!(turn.lines(), wanted);
            }

            #[test]
            fn its_tasks_are_counted_by_outcome() {
                let turn = Turn::take(concat!(module_path!(), "::numbers"));
                <$executor>::run(async |tasks: Reg<$executor>| {
                    let tasks = another(&tasks, told(stringify!($name)));
                    tasks.spawn("completes", async {}).unwrap().await.unwrap();
                    let fails = tasks.spawn_fallible("fails", async { Err::<(), _>("no") });
                    fails.unwrap().await.unwrap().unwrap_err();
                    tasks.spawn("panics", async { blow_up("boom") }).unwrap().await.unwrap_err();
                    let cleans = tasks.task("cleans").cleanup(|_| ready(()), pending::<()>);
                    cleans.spawn(ready(())).unwrap().await.unwrap();
                    drop(tasks.reserve("never").unwrap());
                    drop(tasks.reserve("lost").unwrap().track(pending::<()>()).unwrap());
                    let held = hold(&tasks, "cancelled").await;
                    held.task.cancel().await;
                    let _lives = hold(&tasks, "lives").await;
                    let expected = [
                        "added_total 8",
                        "cleanups_total{cleanup=ran} 1",
                        "ended_total{outcome=abandoned} 1",
                        "ended_total{outcome=cancelled} 1",
                        "ended_total{outcome=completed} 2",
                        "ended_total{outcome=failed} 1",
                        "ended_total{outcome=never_started} 1",
                        "ended_total{outcome=panicked} 1",
                        "live 1",
                        "started_total 6",
                        "stopping_total 1",
                    ];
                    assert_eq!(turn.numbers(stringify!($name)), expected);
                    tasks.cancel_all().await;
                });
            }
        }
    )*};
}

#[cfg(feature = "tokio")]
told! {
    tokio_multi_thread, crate::executors::TokioMultiThread;
    tokio_current_thread, crate::executors::TokioCurrentThread;
    tokio_local, crate::executors::TokioOnLocalSet;
    tokio_local_with_a_sync_table, crate::executors::TokioOnLocalSetShared;
}
#[cfg(feature = "smol")]
told! {
    smol_global, crate::executors::SmolGlobal;
    executor_by_reference, crate::executors::ExecutorByReference;
    executor_held_weakly, crate::executors::ExecutorHeldWeakly;
}
#[cfg(feature = "local")]
told! {
    local_executor, crate::executors::LocalByReference;
    local_executor_with_a_sync_table, crate::executors::LocalByReferenceShared;
}
told! { custom_executor, crate::executors::CustomExecutor; }

/// As a runtime of several threads may move a task between any two polls, here it moves.
#[test]
fn a_task_that_is_polled_by_several_threads_bears_its_name_on_each() {
    let turn = Turn::take("several threads");
    let tasks = Tasks::<mode::Sync>::new(told("several threads"));
    let (gate, ticket) = (Gate::default(), tasks.reserve("feed").unwrap());
    let pass = gate.clone();
    let work = async move {
        for _ in 0..3 {
            tracing::info!("on {}", std::thread::current().name().unwrap());
            yield_now().await;
        }
        pass.pass().await;
    };
    let (tracked, task) = ticket.track(work).unwrap();
    let mut tracked = Box::pin(tracked);
    for name in ["one", "two", "three"] {
        let step = move || {
            assert_pending(poll_once(&mut tracked.as_mut()));
            tracing::info!("outside");
            tracked
        };
        let thread = std::thread::Builder::new().name(name.into()).spawn(step).unwrap();
        tracked = thread.join().unwrap();
    }
    gate.open();
    assert_ready(poll_once(&mut tracked.as_mut()));
    let lines = ["on one", "on two", "on three"].map(|what| inside("feed", task.id(), what));
    let expected = lines.into_iter().flat_map(|line| [line, "INFO outside".to_owned()]);
    assert_eq!(turn.lines(), expected.collect::<Vec<_>>());
}

#[cfg(feature = "tokio")]
#[test]
fn blocking_work_bears_its_name_on_its_thread_and_leaves_none_behind() {
    use task_registry::Registry;
    use task_registry::tokio::Tokio;

    let turn = Turn::take("blocking");
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.max_blocking_threads(1).build().unwrap();
    let tasks = Registry::with_options(Tokio::from(&runtime), told("blocking"));
    let hash = tasks.spawn_blocking("hash", |_| tracing::info!("hashing")).unwrap();
    let id = hash.id();
    hash.wait_blocking().unwrap();
    // The same thread, once more.
    let bare = runtime.spawn_blocking(|| tracing::info!("outside"));
    runtime.block_on(bare).unwrap();
    assert_eq!(turn.lines(), [inside("hash", id, "hashing"), "INFO outside".to_owned()]);
}
