//! Input that nobody should give, one test for each kind: an error where it is given, and no harm to anything else.

#[path = "common/watchdog.rs"]
mod watchdog;

use std::future::{Future, pending, ready};

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::mode::{self, Unsync};
use task_registry::tokio::Tokio;
use task_registry::{
    Options, Outcome, Refusal, Refused, Registry, Retain, Spawn, SpawnError, Spawner, TakeError,
    conflict,
};
use watchdog::Watchdog;

type Local<'a> = Registry<OnLocalExecutor<&'a LocalExecutor<'static>>, Unsync>;

/// Runs a test on one thread, with one task, `bystander`, that must be none the worse for it.
#[track_caller]
fn beside_a_bystander(test: impl AsyncFnOnce(&Local<'_>)) {
    let _watchdog = Watchdog::start();
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    block_on(executor.run(async {
        let bystander = tasks.spawn("bystander", async { 7 }).unwrap();
        test(&tasks).await;
        assert_eq!(bystander.await.unwrap(), 7);
    }));
}

#[test]
fn a_live_name_given_twice_is_an_error_that_names_the_holder() {
    beside_a_bystander(async |tasks| {
        let first = tasks.spawn("a", pending::<()>()).unwrap();
        let error = tasks.spawn("a", ready(1)).unwrap_err();
        assert_eq!(error, SpawnError::NameTaken { holder: first.id() });
        assert!(error.to_string().contains(&first.id().to_string()), "{error}");
        let refused = tasks.try_spawn("a", async { "came back" }).unwrap_err();
        assert_eq!(refused.into_future().await, "came back");
        first.cancel().await;
    });
}

#[test]
fn an_empty_name_is_an_error() {
    beside_a_bystander(async |tasks| {
        assert_eq!(tasks.spawn("", ready(())).unwrap_err(), SpawnError::EmptyName);
        assert_eq!(tasks.reserve(String::new()).unwrap_err(), SpawnError::EmptyName);
        assert!(tasks.get("").is_none());
        assert!(tasks.cancel("").is_none());
        assert_eq!(tasks.try_spawn("", ready(3)).unwrap_err().into_future().await, 3);
    });
}

#[test]
fn names_of_any_length_and_any_characters_are_kept_whole_and_print_on_one_line() {
    let long = "x".repeat(1 << 20);
    let names = [
        &long,
        "a\0b",
        "a\nb",
        "a\r\nb",
        "\u{1b}[2J",
        "\u{202e}evil\u{202c}",
        "שלום",
        "a\u{301}\u{302}\u{303}",
        "👩‍👩‍👧",
    ];
    beside_a_bystander(async |tasks| {
        for name in names {
            let task = tasks.spawn(name.to_owned(), pending::<()>()).unwrap();
            assert_eq!(task.name(), Some(name));
            assert_eq!(tasks.get(name).expect("found").id(), task.id());
            let line = task.to_string();
            assert!(line.len() < 1000 && !line.contains(char::is_control), "{line:?}");
            assert!(!line.contains('\u{202e}'), "{line:?}");
        }
        let table = tasks.snapshot().to_string();
        assert_eq!(table.lines().count(), names.len() + 1, "one line per task:\n{table}");
        let ends = tasks.cancel_where(|task| task.name() != Some("bystander")).await;
        assert_eq!(ends.len(), names.len());
        assert!(ends.iter().all(|end| !end.to_string().contains('\n')));
    });
}

#[test]
fn an_unknown_name_is_nobody() {
    beside_a_bystander(async |tasks| {
        assert!(tasks.get("nobody").is_none());
        assert!(tasks.get_live("nobody").is_none());
        assert!(tasks.cancel("nobody").is_none());
        assert!(tasks.cancel_with("nobody", "why").is_none());
        assert!(tasks.cancel_prefix("nobody").await.is_empty());
        assert!(matches!(tasks.take_result::<()>("nobody"), Err(TakeError::NotFound)));
        assert!(tasks.get(&"n".repeat(1 << 20)).is_none());
    });
}

#[test]
fn an_id_of_another_registry_is_nobody() {
    beside_a_bystander(async |tasks| {
        let other = Registry::new(OnLocalExecutor(tasks.spawner().0));
        let stranger = other.spawn("bystander", pending::<()>()).unwrap();
        assert!(tasks.by_id(stranger.id()).is_none());
        assert!(tasks.cancel_id(stranger.id()).is_none());
        assert!(!stranger.is_ended());
        assert_ne!(tasks.get("bystander").unwrap().id(), stranger.id());
        other.shutdown(pending::<()>()).await;
    });
}

#[test]
fn a_spawn_after_shutdown_is_an_error_that_gives_the_future_back() {
    beside_a_bystander(async |tasks| {
        let other = Registry::new(OnLocalExecutor(tasks.spawner().0));
        other.shutdown(ready(())).await;
        assert_eq!(other.spawn("a", ready(())).unwrap_err(), SpawnError::Closed);
        assert_eq!(other.reserve("a").unwrap_err(), SpawnError::Closed);
        assert_eq!(other.try_spawn("a", ready(5)).unwrap_err().into_future().await, 5);
        assert_eq!(
            other.task("a").on_conflict(conflict::Keep).spawn(ready(())).unwrap_err(),
            SpawnError::Closed
        );
    });
}

#[test]
fn one_task_more_than_the_capacity_is_an_error_that_gives_the_future_back() {
    beside_a_bystander(async |tasks| {
        let small =
            Registry::with_options(OnLocalExecutor(tasks.spawner().0), Options::new().capacity(2));
        let first = small.spawn("1", pending::<()>()).unwrap();
        let second = small.spawn_unnamed(pending::<()>()).unwrap();
        let refused = small.try_spawn("3", async { 3 }).unwrap_err();
        assert_eq!(refused.kind, SpawnError::Full { capacity: 2 });
        assert_eq!(refused.into_future().await, 3);
        assert_eq!(small.get("3").map(|task| task.id()), None);
        first.cancel().await;
        assert_eq!(small.spawn("3", async { 3 }).unwrap().await.unwrap(), 3);
        second.cancel().await;
    });
}

/// Takes no future, or only every second one.
struct Refuses {
    every: u32,
    asked: std::sync::atomic::AtomicU32,
}

impl Spawner for Refuses {
    type Handle = ();
    type Mode = mode::Sync;
}

impl<F: Future<Output = ()>> Spawn<F> for Refuses {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        let asked = self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if asked % self.every == 0 {
            return Err(Refused::new(future, Refusal::Other("not on Sundays")));
        }
        block_on(future);
        Ok(())
    }
}

#[test]
fn a_spawner_that_refuses_gives_the_future_back_and_leaves_no_trace() {
    let _watchdog = Watchdog::start();
    let tasks = Registry::new(Refuses { every: 1, asked: Default::default() });
    let (kind, future) = tasks.try_spawn("a", async { "unpolled" }).unwrap_err().into_parts();
    assert_eq!(kind, SpawnError::Refused(Refusal::Other("not on Sundays")));
    assert!(kind.to_string().contains("not on Sundays"));
    assert_eq!(block_on(future), "unpolled");
    assert!(tasks.is_empty() && tasks.get("a").is_none());
    assert!(block_on(tasks.shutdown(pending::<()>())).is_clean());
}

#[test]
fn a_spawner_that_refuses_now_and_then_loses_nothing() {
    let _watchdog = Watchdog::start();
    let tasks = Registry::with_options(
        Refuses { every: 2, asked: Default::default() },
        Options::new().capacity(1),
    );
    for round in 0..1000 {
        let refused = tasks.try_spawn("a", async move { round }).unwrap_err();
        assert!(tasks.is_empty() || tasks.live() == 0);
        let task = tasks.try_spawn("a", refused.into_future()).unwrap();
        assert_eq!(block_on(task).unwrap(), round);
    }
    assert_eq!(tasks.live(), 0);
}

#[test]
fn who_waits_for_a_refused_task_learns_that_it_never_started() {
    let _watchdog = Watchdog::start();
    use std::cell::RefCell;
    use std::rc::Rc;

    /// Shows the law the registry in the middle of a spawn, and then refuses.
    #[derive(Clone)]
    struct Watched(
        task_registry::Tasks<Unsync>,
        Rc<RefCell<Option<task_registry::TaskRef<Unsync>>>>,
    );
    impl Spawner for Watched {
        type Handle = ();
        type Mode = Unsync;
    }
    impl<F: Future<Output = ()>> Spawn<F> for Watched {
        fn spawn(&self, future: F) -> Result<(), Refused<F>> {
            *self.1.borrow_mut() = self.0.get("a");
            Err(Refused::gone(future))
        }
    }
    let tasks = task_registry::Tasks::new(Options::new());
    let seen = Rc::default();
    let registry = Registry::with_tasks(Watched(tasks.clone(), Rc::clone(&seen)), tasks);
    assert_eq!(
        registry.spawn("a", ready(())).unwrap_err(),
        SpawnError::Refused(Refusal::ExecutorGone)
    );
    let seen = seen.take().expect("it was live while its spawner was asked");
    assert_eq!(block_on(seen.wait()), Outcome::NeverStarted);
    assert!(registry.is_empty());
}

#[test]
fn a_runtime_that_shuts_down_under_ten_thousand_tasks_abandons_each() {
    let _watchdog = Watchdog::start();
    const TASKS: usize = 10_000;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (tasks, handles) = runtime.block_on(async {
        let tasks =
            Registry::with_options(Tokio::current(), Options::new().retain(Retain::Everything));
        let handles: Vec<_> =
            (0..TASKS as u64).map(|number| tasks.spawn(number, pending::<()>()).unwrap()).collect();
        (tasks, handles)
    });
    let waiting = tasks.tasks().clone();
    let thread = std::thread::spawn(move || block_on(waiting.wait_idle()));
    drop(runtime);
    thread.join().unwrap();
    assert_eq!((tasks.live(), tasks.records()), (0, TASKS));
    for handle in handles {
        assert_eq!(*block_on(handle).unwrap_err().outcome(), Outcome::Abandoned);
    }
    assert_eq!(tasks.purge(), TASKS);
    assert!(block_on(tasks.shutdown(pending::<()>())).is_clean());
}

#[test]
fn a_runtime_that_is_shut_down_from_inside_a_task_abandons_it_and_those_beside_it() {
    let _watchdog = Watchdog::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (gives, takes) = std::sync::mpsc::channel::<tokio::runtime::Runtime>();
    let (own, beside) = runtime.block_on(async {
        let tasks = Registry::new(Tokio::current());
        let own = tasks.spawn("own", async move {
            // In the middle of its poll, which goes on.
            takes.recv().unwrap().shutdown_background();
            pending::<()>().await;
        });
        (own.unwrap(), tasks.spawn("beside", pending::<()>()).unwrap())
    });
    gives.send(runtime).unwrap();
    for task in [own, beside] {
        assert_eq!(block_on(task.wait()), Outcome::Abandoned);
    }
}

#[test]
fn a_result_cannot_be_taken_twice() {
    beside_a_bystander(async |tasks| {
        let task = tasks.task("a").keep_result().spawn(async { 1 }).unwrap();
        task.wait().await;
        assert_eq!(tasks.take_result::<i32>("a").unwrap(), 1);
        assert!(matches!(tasks.take_result::<i32>("a"), Err(TakeError::NoResult)));
        assert!(task.await.is_err());
    });
}

#[test]
fn a_result_of_another_type_is_an_error_and_stays() {
    beside_a_bystander(async |tasks| {
        let task = tasks.task("a").keep_result().spawn(async { 1_i32 }).unwrap();
        task.wait().await;
        assert!(matches!(tasks.take_result::<u32>("a"), Err(TakeError::WrongType)));
        assert!(matches!(tasks.take_result::<&'static str>("a"), Err(TakeError::WrongType)));
        assert_eq!(task.await.unwrap(), 1);
    });
}

#[test]
fn a_million_cancels_of_an_ended_task_change_nothing_and_keep_nothing() {
    beside_a_bystander(async |tasks| {
        let task = tasks.spawn("a", async { 1 }).unwrap();
        task.wait().await;
        for _ in 0..1_000_000 {
            drop(tasks.cancel("a").expect("its record is there"));
        }
        assert_eq!(task.cancel_with("late").await, Outcome::Completed);
        assert_eq!(task.await.unwrap(), 1);
        tasks.purge();
        assert!(tasks.cancel("a").is_none());
    });
}

#[test]
fn a_million_cancels_of_a_live_task_are_one() {
    beside_a_bystander(async |tasks| {
        let task = tasks.spawn("a", pending::<()>()).unwrap();
        for round in 0..1_000_000_u32 {
            drop(task.cancel_with(if round == 0 { "first" } else { "later" }));
        }
        assert_eq!(task.await.unwrap_err().reason(), Some("first"));
    });
}
