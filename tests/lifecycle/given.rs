//! Tasks that are given their registry, on each executor with the futures that a user writes: `async` blocks, which the compiler
//! holds to what the executor asks (`Send` or not).

use std::future::pending;

use task_registry::{Outcome, Registry, RestartError, SpawnError};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;
use crate::watchdog::Watchdog;

/// Waits, on the executor, for what its threads bring about: the last of them holds a task for an instant longer.
async fn until_set(flag: &Flag) {
    while !flag.is_set() {
        yield_now().await;
    }
}

macro_rules! given {
    ($($name:ident, $executor:ty, $($dies:ident)?;)*) => {
        $(mod $name {
            use super::*;
            type On = $executor;
            every!();
            $($dies!();)?
        })*
    };
}

macro_rules! every {
    () => {
        #[test]
        fn a_task_spawns_with_the_registry_that_it_is_given() {
            let _watchdog = Watchdog::over(module_path!());
            On::run(async |tasks: Reg<On>| {
                let view = tasks.with_context("the app").with_registry();
                let parent = view.spawn_with("parent", |cx| async move {
                    let app = cx.app().len();
                    let child = cx.registry().spawn("child", async move { app + 1 })?;
                    let own: &Registry<_, _> = cx.registry();
                    assert_eq!(own.get("parent").as_ref(), Some(cx.task()));
                    Ok::<_, SpawnError>(child.await.unwrap())
                });
                assert_eq!(parent.unwrap().await.unwrap(), Ok(8));
                assert_eq!(tasks.get("child").unwrap().outcome(), Some(Outcome::Completed));
            });
        }

        #[test]
        fn a_task_that_is_made_anew_is_given_the_registry_each_time() {
            let _watchdog = Watchdog::over(module_path!());
            On::run(async |tasks: Reg<On>| {
                let trace = Trace::default();
                let view = tasks.with_context(trace.clone()).with_registry();
                let first = view.spawn_restartable("feed", |cx| async move {
                    let number = cx.registry().spawn_unnamed(async { 7 }).unwrap().await.unwrap();
                    cx.note(format!("{number} by {}", cx.name().unwrap()));
                });
                first.unwrap().await.unwrap();
                assert!(tasks.restart("feed").unwrap().wait().await.is_completed());
                assert_eq!(trace.read(), ["7 by feed", "7 by feed"]);
            });
        }

        // Dropping the registry is enough: no purge, no shutdown.
        #[test]
        fn law_11_a_record_that_gives_its_registry_keeps_none_alive() {
            let _watchdog = Watchdog::over(module_path!());
            On::run(async |tasks: Reg<On>| {
                let (gone, app) = (Flag::default(), Flag::default());
                let registry = another(&tasks, seen_to_go(&gone));
                let guard = std::sync::Arc::new(app.on_drop());
                let view = registry.with_context(guard).with_registry();
                let make = |cx: task_registry::Cx<_, _>| async move { drop(cx) };
                view.spawn_restartable("feed", make).unwrap().await.unwrap();
                drop(view);
                registry.restart("feed").unwrap().wait().await;
                assert_eq!(registry.records(), 2);
                assert!(!gone.is_set() && !app.is_set());
                drop(registry);
                until_set(&gone).await;
                // With the records goes what they were made from.
                until_set(&app).await;
            });
        }
    };
}

/// Where the executor is gone after a run.
macro_rules! dies {
    () => {
        #[test]
        fn law_11_a_task_that_is_given_its_registry_goes_with_its_executor() {
            let _watchdog = Watchdog::over(module_path!());
            let gone = Flag::default();
            let left = std::cell::RefCell::new(None);
            On::run(async |tasks: Reg<On>| {
                let registry = another(&tasks, seen_to_go(&gone));
                let started = Gate::default();
                let open = started.clone();
                let view = registry.with_context(open).with_registry();
                let owner = view.spawn_restartable("owner", |cx| async move {
                    cx.open();
                    pending::<()>().await;
                    drop(cx);
                });
                started.pass().await;
                *left.borrow_mut() = Some(owner.unwrap());
            });
            // The handle alone is left, and it leads to the table.
            let owner = left.into_inner().unwrap();
            assert_eq!(owner.task().wait_blocking(), Outcome::Abandoned);
            assert!(!gone.is_set());
            drop(owner);
            wait_until_set(&gone);
        }

        #[test]
        fn law_11_a_registry_that_outlives_its_executor_makes_no_task_anew() {
            let _watchdog = Watchdog::over(module_path!());
            let left = std::cell::RefCell::new(None);
            On::run(async |tasks: Reg<On>| {
                let view = tasks.with_context(()).with_registry();
                let task = view.spawn_restartable("feed", |cx| async move { drop(cx) });
                task.unwrap().await.unwrap();
                *left.borrow_mut() = Some(tasks.tasks().clone());
            });
            let tasks = left.into_inner().unwrap();
            match tasks.restart("feed") {
                // tokio takes what it then drops.
                Ok(task) => assert_eq!(task.wait_blocking(), Outcome::Abandoned),
                Err(error) => assert!(matches!(error, RestartError::NotSpawned(_)), "{error}"),
            }
            assert_eq!(tasks.live(), 0);
        }
    };
}

#[cfg(feature = "tokio")]
given! {
    tokio_multi_thread, crate::executors::TokioMultiThread, dies;
    tokio_current_thread, crate::executors::TokioCurrentThread, dies;
    tokio_local, crate::executors::TokioOnLocalSet,;
}
#[cfg(feature = "smol")]
given! {
    smol_global, crate::executors::SmolGlobal,;
    executor_by_reference, crate::executors::ExecutorByReference,;
    executor_held_weakly, crate::executors::ExecutorHeldWeakly, dies;
}
#[cfg(feature = "local")]
given! {
    local_executor, crate::executors::LocalByReference,;
    local_executor_held_weakly, crate::setup::LocalHeldWeakly, dies;
}
given! { custom_executor, crate::executors::CustomExecutor, dies; }
