//! What goes from one incarnation to the next.

use std::future::{pending, ready};
use std::rc::Rc;

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::{
    Cleanup, Outcome, Refusal, Registry, RestartError, SpawnError, State, conflict,
};

use crate::kit::*;

type Weakly = OnLocalExecutor<std::rc::Weak<LocalExecutor<'static>>>;

/// A registry on an executor of this thread.
fn on_one_thread() -> (Rc<LocalExecutor<'static>>, Registry<Weakly>) {
    let executor = Rc::new(LocalExecutor::new());
    let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
    (executor, tasks)
}

#[test]
fn each_incarnation_has_its_own_grace_and_cleanup() {
    let (executor, tasks) = on_one_thread();
    let trace = Trace::default();
    let (graces, cleanups) = (trace.clone(), trace.clone());
    let task = tasks
        .task("feed")
        .grace(move || {
            graces.note("grace");
            ready(())
        })
        .cleanup(
            move |end: Outcome| {
                cleanups.note(end.to_string());
                ready(())
            },
            pending::<()>,
        );
    let body = |_| async { pending::<()>().await };
    let first = task.spawn_restartable(body).unwrap();
    block_on(executor.run(async {
        yield_now().await;
        for incarnation in [first.task().clone(), tasks.restart("feed").unwrap()] {
            yield_now().await;
            incarnation.cancel_with("now").await;
            assert_eq!(incarnation.info().cleanup(), Some(Cleanup::Ran));
        }
    }));
    let expected = ["grace", "cancelled: replaced", "grace", "cancelled: now"];
    assert_eq!(trace.read(), expected);
}

#[test]
fn each_incarnation_may_fail_and_its_result_is_kept() {
    let (executor, tasks) = on_one_thread();
    let number = Count::default();
    let count = number.clone();
    let make = move |_| ready(if count.add() == 1 { Err("not yet") } else { Ok(7_u32) });
    let first = tasks.task("job").keep_result().fallible().spawn_restartable(make).unwrap();
    block_on(executor.run(async {
        assert_eq!(first.wait().await.to_string(), "failed: not yet");
        assert_eq!(first.await.unwrap(), Err("not yet"));
        assert!(tasks.restart("job").unwrap().wait().await.is_completed());
    }));
    assert_eq!(tasks.take_result::<Result<u32, &str>>("job").unwrap(), Ok(7));
}

#[test]
fn without_keep_result_an_output_goes_to_the_first_handle_only() {
    let (executor, tasks) = on_one_thread();
    let dropped = Count::default();
    let outputs = dropped.clone();
    let first = tasks.spawn_restartable("job", move |_| ready(outputs.on_drop())).unwrap();
    block_on(executor.run(async {
        first.wait().await;
        assert_eq!(dropped.get(), 0, "the handle has a claim to it");
        assert!(tasks.restart("job").unwrap().wait().await.is_completed());
        assert_eq!(dropped.get(), 1, "nobody has");
        drop(first.await);
    }));
    assert_eq!(dropped.get(), 2);
}

#[test]
fn each_incarnation_is_in_the_scope_and_a_closed_one_takes_none() {
    let (executor, tasks) = on_one_thread();
    let scope = tasks.child("ws:42");
    let body = |_| async { pending::<()>().await };
    let first = tasks.task("receiver").within(&scope).spawn_restartable(body).unwrap();
    block_on(executor.run(async {
        let second = tasks.restart("ws:42/receiver").unwrap();
        first.wait().await;
        assert_eq!(scope.tasks(), std::slice::from_ref(&second));
        let closing = scope.cancel();
        let closed = RestartError::NotSpawned(SpawnError::Closed);
        assert_eq!(tasks.restart("ws:42/receiver").unwrap_err(), closed);
        assert_eq!(closing.await.len(), 1);
        assert_eq!(tasks.get("ws:42/receiver"), Some(second));
        assert_eq!(tasks.restart("ws:42/receiver").unwrap_err(), closed);
    }));
}

#[test]
fn each_incarnation_is_of_the_same_stage() {
    let (executor, tasks) = on_one_thread();
    let trace = Trace::default();
    let notes = trace.clone();
    let make = move |_| {
        let guard = OnDrop::new({
            let trace = notes.clone();
            move || trace.note("the highest stage")
        });
        async move {
            let _guard = guard;
            pending::<()>().await;
        }
    };
    tasks.task("first").stage(9).spawn_restartable(make).unwrap();
    block_on(executor.run(async {
        yield_now().await;
        tasks.cancel("first").unwrap().await;
        let second = tasks.restart("first").unwrap();
        let notes = trace.clone();
        let low = OnDrop::new(move || notes.note("a lower one"));
        let low = async move {
            let _low = low;
            pending::<()>().await;
        };
        tasks.task("low").stage(1).spawn(low).unwrap();
        yield_now().await;
        assert_eq!(second.state(), State::Running);
        assert!(tasks.shutdown_in_stages(pending::<()>(), |_| pending::<()>()).await.is_clean());
    }));
    assert_eq!(trace.read(), ["the highest stage", "the highest stage", "a lower one"]);
}

#[test]
fn each_incarnation_is_given_the_app_and_a_context_of_its_own() {
    let (executor, tasks) = on_one_thread();
    let trace = Trace::default();
    let app = tasks.with_context(("the app", trace.clone()));
    let first = app
        .spawn_restartable("feed", |cx| async move {
            let (app, trace) = cx.app();
            let own = cx.tasks().get("feed").is_some_and(|task| task == *cx.task());
            trace.note(format!("{app}, {}, {own}", cx.name().unwrap()));
        })
        .unwrap();
    block_on(executor.run(async {
        first.await.unwrap();
        tasks.restart("feed").unwrap().wait().await;
    }));
    assert_eq!(trace.read(), ["the app, feed, true"; 2]);
}

#[test]
fn a_conflict_policy_is_for_the_first_spawn_alone() {
    let (executor, tasks) = on_one_thread();
    let made = Count::default();
    let count = made.clone();
    let make = move |_| {
        count.add();
        pending::<()>()
    };
    let spawn = || tasks.task("feed").on_conflict(conflict::Keep).spawn_restartable(make.clone());
    assert!(spawn().unwrap().is_new());
    assert!(!spawn().unwrap().is_new());
    assert_eq!(made.get(), 1, "the one that is there stays");
    let second = tasks.restart("feed").unwrap();
    assert_eq!((made.get(), tasks.get_live("feed")), (2, Some(second)));
    drop(tasks.shutdown(pending::<()>()));
    drop(executor);
}

#[test]
fn law_11_what_is_remembered_keeps_no_executor_and_a_gone_one_refuses() {
    let (executor, tasks) = on_one_thread();
    let inner = tasks.clone();
    let first = tasks
        .spawn_restartable("feed", move |_| {
            let _owned = &inner;
            ready(7)
        })
        .unwrap();
    assert_eq!(block_on(executor.run(first)).unwrap(), 7);
    drop(executor);
    let refused = RestartError::NotSpawned(SpawnError::Refused(Refusal::ExecutorGone));
    for _ in 0..2 {
        assert_eq!(tasks.restart("feed").unwrap_err(), refused);
        assert_eq!(tasks.get("feed").unwrap().outcome(), Some(Outcome::Completed));
    }
    assert_eq!((tasks.live(), tasks.purge()), (0, 1));
}

#[test]
fn law_14_a_factory_that_goes_with_a_refused_spawn_may_panic_in_its_destructor() {
    let (executor, tasks) = on_one_thread();
    drop(executor);
    let gone = Flag::default();
    let flag = gone.clone();
    let bomb = OnDrop::new(move || {
        flag.set();
        blow_up("in the factory's destructor");
    });
    let make = move |_| {
        let _owned = &bomb;
        ready(7)
    };
    let refused = SpawnError::Refused(Refusal::ExecutorGone);
    assert_eq!(tasks.spawn_restartable("feed", make).unwrap_err(), refused, "and no panic");
    assert!(gone.is_set());
    assert_eq!(tasks.len(), 0);
}
