//! What is particular to one adapter. What all of them have in common is in `laws`.

#[path = "common/watchdog.rs"]
#[cfg(any(feature = "tokio", feature = "smol", feature = "local"))]
mod watchdog;

#[cfg(feature = "tokio")]
mod tokio {
    use std::future::pending;
    use std::rc::Rc;

    use futures_lite::future::block_on;
    use task_registry::tokio::{Tokio, TokioLocal};
    use task_registry::{Outcome, Refusal, Registry, SpawnError};
    use tokio::runtime::{Builder, Runtime};
    use tokio::task::LocalSet;

    use crate::watchdog::Watchdog;

    fn runtime() -> Runtime {
        Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn current_and_try_current_need_a_runtime() {
        assert!(Tokio::try_current().is_err());
        assert!(std::panic::catch_unwind(Tokio::current).is_err(), "as tokio's own");
        runtime().block_on(async {
            let tasks = Registry::new(Tokio::try_current().unwrap());
            assert_eq!(tasks.spawn("a", async { 1 }).unwrap().await.unwrap(), 1);
        });
    }

    #[test]
    fn a_given_handle_is_spawned_on_from_outside() {
        let _watchdog = Watchdog::start();
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let tasks = Registry::new(Tokio::from(runtime.handle().clone()));
        let home = tasks.spawn("a", async { std::thread::current().id() }).unwrap();
        assert_ne!(home.wait_blocking().unwrap(), std::thread::current().id());
        let tasks = Registry::new(Tokio::from(&runtime));
        assert_eq!(tasks.spawn("a", async { 1 }).unwrap().wait_blocking().unwrap(), 1);
    }

    #[test]
    fn ambient_finds_the_runtime_of_each_spawn() {
        let _watchdog = Watchdog::start();
        static TASKS: std::sync::OnceLock<Registry<Tokio>> = std::sync::OnceLock::new();
        let tasks = TASKS.get_or_init(|| Registry::new(const { Tokio::ambient() }));
        let refused = tasks.try_spawn("outside", async { "whole" }).unwrap_err();
        assert!(matches!(refused.kind, SpawnError::Refused(Refusal::Other(_))), "{refused}");
        assert_eq!(block_on(refused.into_future()), "whole");
        assert!(tasks.is_empty());
        for _ in 0..2 {
            runtime().block_on(async {
                assert_eq!(tasks.spawn("inside", async { 1 }).unwrap().await.unwrap(), 1);
            });
        }
    }

    #[test]
    fn law_11_a_spawn_after_the_runtime_is_gone_is_abandoned_at_once() {
        let _watchdog = Watchdog::start();
        let runtime = runtime();
        let tasks = Registry::new(Tokio::from(&runtime));
        drop(runtime);
        let task = tasks.spawn("late", async { 1 }).unwrap();
        assert_eq!(task.outcome(), Some(Outcome::Abandoned));
        assert_eq!(*block_on(task).unwrap_err().outcome(), Outcome::Abandoned);
        assert_eq!(tasks.live(), 0);
        let ticket = tasks.reserve("ticket").unwrap();
        let task = ticket.spawn_on(tasks.spawner(), async {}).unwrap();
        assert!(task.is_ended());
    }

    #[test]
    fn law_11_a_runtime_shut_down_in_the_background_abandons_too() {
        let _watchdog = Watchdog::start();
        let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let tasks = Registry::new(Tokio::from(&runtime));
        let task = tasks.spawn("a", pending::<()>()).unwrap();
        runtime.shutdown_background();
        assert_eq!(block_on(task.wait()), Outcome::Abandoned);
    }

    #[test]
    fn law_11_a_local_set_that_is_gone_gives_the_future_back() {
        let _watchdog = Watchdog::start();
        let set = Rc::new(LocalSet::new());
        let tasks = Registry::new(TokioLocal(Rc::downgrade(&set)));
        let owner = tasks.clone();
        let owned = Rc::new(());
        let kept = owned.clone();
        let task = tasks
            .spawn("owns its registry", async move {
                pending::<()>().await;
                drop((owner, kept));
            })
            .unwrap();
        runtime().block_on(set.run_until(tokio::task::yield_now()));
        drop(set);
        assert_eq!(task.outcome(), Some(Outcome::Abandoned));
        assert_eq!(Rc::strong_count(&owned), 1, "the task is no cycle");
        let refused = tasks.try_spawn("late", async { Rc::new(2) }).unwrap_err();
        assert_eq!(refused.kind, SpawnError::Refused(Refusal::ExecutorGone));
        assert_eq!(*block_on(refused.into_future()), 2);
    }

    #[test]
    fn tokio_local_spawns_on_its_set_from_anywhere_on_the_thread() {
        let _watchdog = Watchdog::start();
        let set = LocalSet::new();
        let tasks = Registry::new(TokioLocal(&set));
        // Outside of any runtime, which `tokio::task::spawn_local` would panic at.
        let task = tasks.spawn("a", async { Rc::new(1) }).unwrap();
        assert_eq!(*runtime().block_on(set.run_until(task)).unwrap(), 1);
    }
}

#[cfg(feature = "smol")]
mod smol {
    use std::future::pending;
    use std::sync::Arc;

    use async_executor::Executor;
    use futures_lite::future::{block_on, yield_now};
    use task_registry::smol::{OnExecutor, Smol};
    use task_registry::{Outcome, Refusal, Registry, SpawnError};

    use crate::watchdog::Watchdog;

    #[test]
    fn smol_needs_nothing_to_be_started() {
        let _watchdog = Watchdog::start();
        static TASKS: std::sync::OnceLock<Registry<Smol>> = std::sync::OnceLock::new();
        let tasks = TASKS.get_or_init(|| Registry::new(Smol));
        assert_eq!(tasks.spawn("a", async { 1 }).unwrap().wait_blocking().unwrap(), 1);
    }

    #[test]
    fn futures_may_borrow_what_outlives_the_executor() {
        let _watchdog = Watchdog::start();
        let mut numbers = vec![1, 2, 3];
        {
            let executor = Executor::new();
            let tasks = Registry::new(OnExecutor(&executor));
            let sum = tasks.spawn("sum", async { numbers.iter().sum::<i32>() }).unwrap();
            assert_eq!(block_on(executor.run(sum)).unwrap(), 6);
        }
        numbers.push(4);
    }

    #[test]
    fn a_task_may_change_what_it_borrows() {
        let _watchdog = Watchdog::start();
        let mut numbers = vec![1, 2, 3];
        {
            let executor = Executor::new();
            let tasks = Registry::new(OnExecutor(&executor));
            tasks.spawn("push", async { numbers.push(4) }).unwrap();
            block_on(executor.run(tasks.wait_idle()));
        }
        assert_eq!(numbers, [1, 2, 3, 4]);
    }

    #[test]
    fn law_11_an_executor_that_is_gone_gives_the_future_back() {
        let _watchdog = Watchdog::start();
        let executor = Arc::new(Executor::new());
        let tasks = Registry::new(OnExecutor(Arc::downgrade(&executor)));
        let owner = tasks.clone();
        let owned = Arc::new(());
        let kept = owned.clone();
        let task = tasks
            .spawn("owns its registry", async move {
                pending::<()>().await;
                drop((owner, kept));
            })
            .unwrap();
        block_on(executor.run(yield_now()));
        drop(executor);
        assert_eq!(task.outcome(), Some(Outcome::Abandoned));
        assert_eq!(Arc::strong_count(&owned), 1, "the task is no cycle");
        let refused = tasks.try_spawn("late", async { "whole" }).unwrap_err();
        assert_eq!(refused.kind, SpawnError::Refused(Refusal::ExecutorGone));
        assert_eq!(block_on(refused.into_future()), "whole");
        assert!(tasks.get("late").is_none());
    }

    #[test]
    fn law_10_an_executor_on_several_threads_serves_all_of_them() {
        let _watchdog = Watchdog::start();
        let executor = Executor::new();
        let tasks = Registry::new(OnExecutor(&executor));
        // Closed at the end, or by a panic: then the threads go home.
        let (stop, stopped) = smol::channel::bounded::<()>(1);
        std::thread::scope(|scope| {
            let stop = stop;
            for _ in 0..2 {
                scope.spawn(|| block_on(executor.run(stopped.recv())));
            }
            for number in 0..100_u64 {
                let task = tasks.spawn(number, async move { number }).unwrap();
                assert_eq!(task.wait_blocking().unwrap(), number);
            }
            let pending: Vec<_> =
                (0..100).map(|_| tasks.spawn_unnamed(pending::<()>()).unwrap()).collect();
            assert_eq!(tasks.cancel_all().wait_blocking().len(), 100);
            assert!(pending.iter().all(|task| task.is_ended()));
            drop(stop);
        });
    }
}

#[cfg(feature = "local")]
mod local {
    use std::cell::RefCell;
    use std::future::pending;
    use std::rc::Rc;

    use async_executor::LocalExecutor;
    use futures_lite::future::{block_on, yield_now};
    use task_registry::local::OnLocalExecutor;
    use task_registry::{Outcome, Refusal, Registry, SpawnError};

    use crate::watchdog::Watchdog;

    #[test]
    fn futures_may_borrow_and_share_what_outlives_the_executor() {
        let _watchdog = Watchdog::start();
        let log = RefCell::new(Vec::new());
        {
            let executor = LocalExecutor::new();
            let tasks = Registry::new(OnLocalExecutor(&executor));
            for number in 0..3_u64 {
                let log = &log;
                tasks.spawn(number, async move { log.borrow_mut().push(number) }).unwrap();
            }
            block_on(executor.run(tasks.wait_idle()));
        }
        assert_eq!(log.into_inner(), [0, 1, 2]);
    }

    #[test]
    fn law_11_an_executor_that_is_gone_gives_the_future_back() {
        let _watchdog = Watchdog::start();
        let executor = Rc::new(LocalExecutor::new());
        let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
        let owner = tasks.clone();
        let owned = Rc::new(());
        let kept = owned.clone();
        let task = tasks
            .spawn("owns its registry", async move {
                pending::<()>().await;
                drop((owner, kept));
            })
            .unwrap();
        block_on(executor.run(yield_now()));
        drop(executor);
        assert_eq!(task.outcome(), Some(Outcome::Abandoned));
        assert_eq!(Rc::strong_count(&owned), 1, "the task is no cycle");
        let refused = tasks.try_spawn("late", async { Rc::new(2) }).unwrap_err();
        assert_eq!(refused.kind, SpawnError::Refused(Refusal::ExecutorGone));
        assert_eq!(*block_on(refused.into_future()), 2);
    }

    #[test]
    fn two_registries_share_an_executor_and_nothing_else() {
        let _watchdog = Watchdog::start();
        let executor = LocalExecutor::new();
        let (ours, theirs) =
            (Registry::new(OnLocalExecutor(&executor)), Registry::new(OnLocalExecutor(&executor)));
        let ours_task = ours.spawn("a", pending::<()>()).unwrap();
        let theirs_task = theirs.spawn("a", async { 1 }).unwrap();
        block_on(executor.run(async {
            assert!(ours.shutdown(pending::<()>()).await.is_clean());
            assert_eq!(theirs_task.await.unwrap(), 1);
            assert!(!theirs.is_closed());
        }));
        assert!(ours_task.is_ended());
    }
}

/// What this adapter does in a browser is tested in one: `tests/browser`.
#[cfg(feature = "wasm")]
mod wasm {
    use std::time::Duration;

    use futures_lite::future::block_on;
    use task_registry::wasm::{Wasm, monotonic};
    use task_registry::{Options, Refusal, Registry, SpawnError};

    #[test]
    fn without_a_browser_a_spawn_gives_the_future_back_and_the_clock_stands_still() {
        let tasks = Registry::with_options(Wasm, Options::new().clock(monotonic));
        let refused = tasks.try_spawn("a", async { "whole" }).unwrap_err();
        assert!(matches!(refused.kind, SpawnError::Refused(Refusal::Other(_))), "{refused}");
        assert_eq!(block_on(refused.into_future()), "whole");
        assert!(tasks.is_empty(), "it left no record");
        assert_eq!(monotonic(), Duration::ZERO);
    }
}
