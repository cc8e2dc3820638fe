//! Contexts: what a callable that is spawned is given.

use std::cell::RefCell;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use futures_lite::future::block_on;
use task_registry::mode::Mode;
use task_registry::{
    Cancel, Cx, Outcome, Registry, SpawnError, Spawner, State, TaskRef, Tasks, WaitsForItself,
    conflict,
};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn a_task_is_given_the_app_the_tasks_and_itself<H: Lives>(tasks: Reg<H>) {
    struct App {
        greeting: &'static str,
    }
    let app = Arc::new(App { greeting: "hello" });
    let view = tasks.with_context(app.clone());
    hold(&tasks, "neighbour").await;
    let seen = Trace::default();
    for (name, times) in [("one", 1), ("two", 2)] {
        let seen = seen.clone();
        // Further arguments are bound by capture.
        let task = view.spawn_with(name, move |cx: Cx<Arc<App>, _>| {
            body(async move {
                assert_eq!(cx.app().greeting, cx.greeting);
                assert_eq!(cx.name(), Some(name));
                assert_eq!(cx.task().state(), State::Running);
                assert_eq!(cx.tasks().get(name).unwrap(), *cx.task());
                assert_eq!(cx.tasks().get("neighbour").unwrap().state(), State::Running);
                assert!(cx.tasks().cancel("nobody").is_none());
                assert_eq!(cx.clone().id(), cx.id());
                seen.note(cx.greeting.repeat(times));
                times as u32
            })
        });
        let task = task.unwrap();
        let (id, end) = (task.id(), task.await.unwrap());
        assert_eq!(tasks.by_id(id).unwrap().name(), Some(name));
        assert_eq!(end as usize, times);
    }
    assert_eq!(seen.read(), ["hello", "hellohello"]);
    // A task may use the others through it.
    let ender = view.spawn_with("ender", |cx: Cx<Arc<App>, _>| {
        body(async move {
            let end = cx.tasks().cancel_with("neighbour", cx.greeting).unwrap().await;
            assert_eq!(end.reason(), Some("hello"));
        })
    });
    ender.unwrap().await.unwrap();
}

pub(crate) async fn a_context_outlives_its_task_and_knows_its_own_only<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let kept = RefCell::new(None);
    let first = hand.with_context(()).spawn_with("a", |cx: Cx<(), _>| {
        *kept.borrow_mut() = Some(cx);
        async {}
    });
    let first = first.unwrap();
    assert!(step(&mut take(&hand)));
    let cx = kept.into_inner().unwrap();
    let second = hand.spawn("a", pending::<()>()).unwrap();
    drop(second.cancel_with("the second"));
    assert_eq!(cx.task(), first.task());
    assert!(!cx.is_cancelled() && cx.cancel_reason().is_none(), "law 7");
    assert_eq!(cx.task().outcome(), Some(Outcome::Completed));
}

pub(crate) async fn the_callable_is_called_once_there_is_a_place<H: Lives>(tasks: Reg<H>) {
    let called = Count::default();
    let view = tasks.with_context(called.clone());
    let spawn = |name: &'static str| {
        view.spawn_with(name, |cx: Cx<Count, _>| {
            cx.add();
            body(pending::<()>())
        })
    };
    let first = spawn("a").unwrap();
    assert!(matches!(spawn("a"), Err(SpawnError::NameTaken { .. })));
    assert_eq!(spawn("").unwrap_err(), SpawnError::EmptyName);
    let builder = tasks.task("a").on_conflict(conflict::Replace);
    let second = builder.spawn_with(called.clone(), |cx: Cx<Count, _>| {
        cx.add();
        // It is queued while its maker runs.
        assert_eq!(cx.task().state(), State::Queued);
        body(async { 2u32 })
    });
    assert_eq!(second.unwrap().await.unwrap(), 2);
    assert!(first.await.unwrap_err().is_cancelled());
    drop(tasks.shutdown(pending::<()>()));
    assert_eq!(spawn("b").unwrap_err(), SpawnError::Closed);
    assert_eq!(called.get(), 2);
}

pub(crate) async fn a_callable_that_panics_gives_the_place_back<H: Lives>(tasks: Reg<H>) {
    let view = tasks.with_context(());
    let waits = RefCell::new(None::<TaskRef<H::Mode>>);
    let panics = AssertUnwindSafe(|| {
        view.spawn_with("a", |cx: Cx<(), _>| -> Body<()> {
            *waits.borrow_mut() = Some(cx.task().clone());
            blow_up("in the maker")
        })
    });
    let payload = catch_unwind(panics).unwrap_err();
    assert_eq!(*payload.downcast::<&'static str>().unwrap(), "in the maker");
    assert!(tasks.get("a").is_none());
    assert_eq!((tasks.live(), tasks.records()), (0, 0));
    let task = waits.into_inner().unwrap();
    assert_eq!(task.outcome(), Some(Outcome::NeverStarted));
    let again = view.spawn_with("a", |_: Cx<(), _>| body(async { 1u32 }));
    assert_eq!(again.unwrap().await.unwrap(), 1);
}

pub(crate) async fn a_callable_may_cancel_its_task_or_close_the_registry<H: Lives>(tasks: Reg<H>) {
    let view = tasks.with_context(());
    let ran = Flag::default();
    let run = || {
        let ran = ran.clone();
        body(async move { ran.set() })
    };
    let cancelled = view.spawn_with("a", |cx: Cx<(), _>| {
        drop(cx.task().cancel_with("in the maker"));
        run()
    });
    assert_eq!(cancelled.unwrap_err(), SpawnError::Cancelled);
    let closed = view.spawn_with("b", |cx: Cx<(), _>| {
        drop(cx.tasks().shutdown(pending::<()>()));
        run()
    });
    assert_eq!(closed.unwrap_err(), SpawnError::Closed);
    assert!(!ran.is_set());
    assert!(tasks.shutdown(pending::<()>()).await.is_clean());
}

pub(crate) async fn the_token_wakes_who_waits_for_it<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let (work, trace) = (Gate::default(), Trace::default());
    let task = hand.with_context(trace.clone()).spawn_with("a", |cx: Cx<Trace, _>| {
        let work = work.clone();
        async move {
            cx.note(format!("{} {:?}", cx.is_cancelled(), cx.cancel_reason()));
            let (mut token, mut work) = (pin!(cx.cancelled()), pin!(work.pass()));
            let asked = std::future::poll_fn(|waker| {
                if token.as_mut().poll(waker).is_ready() {
                    return Poll::Ready(true);
                }
                work.as_mut().poll(waker).map(|()| false)
            })
            .await;
            cx.note(format!("{asked}: {:?}", cx.cancel_reason().as_deref()));
            // It has fired for good, for every waiter.
            cx.cancelled().await;
            token.await;
        }
    });
    let (task, mut wrapper) = (task.unwrap(), take(&hand));
    let (waker, wakes) = counting_waker();
    assert!(poll_with(&mut Pin::new(&mut wrapper), &waker).is_pending());
    assert_eq!(wakes.get(), 0);
    let mut end = pin!(task.cancel_with(Cancel::new().reason("bye").grace(pending::<()>())));
    assert!(wakes.get() > 0);
    assert!(poll_with(&mut Pin::new(&mut wrapper), &waker).is_ready());
    assert_eq!(trace.read(), ["false None", "true: Some(\"bye\")"]);
    assert_eq!(assert_ready(poll_once(&mut end)), Outcome::Completed);
}

pub(crate) async fn the_token_fires_for_many_and_leaves_waiters_for_the_end_asleep<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let kept = RefCell::new(None);
    let task = hand.with_context(()).spawn_with("a", |cx: Cx<(), _>| {
        *kept.borrow_mut() = Some(cx);
        pending::<()>()
    });
    let (task, mut wrapper, cx) = (task.unwrap(), take(&hand), kept.into_inner().unwrap());
    assert!(!step(&mut wrapper));
    let trace = Trace::default();
    let _end = note_the_wake(&task, &trace);
    let (waker, wakes) = counting_waker();
    let mut tokens: Vec<_> = (0..40).map(|_| Box::pin(cx.cancelled())).collect();
    for token in &mut tokens {
        assert_pending(poll_with(&mut token.as_mut(), &waker));
    }
    tokens.truncate(39);
    let mut request = pin!(task.cancel_with(Cancel::new().grace(pending::<()>())));
    assert_pending(poll_once(&mut request));
    assert_eq!(wakes.get(), 39, "each once, and not the one that was dropped");
    assert!(trace.read().is_empty(), "who waits for the end sleeps on");
    for token in &mut tokens {
        assert_ready(poll_with(&mut token.as_mut(), &waker));
    }
    drop(task.cancel());
    assert!(step(&mut wrapper));
    assert_eq!(wakes.get(), 39);
    assert_eq!(trace.read(), ["woken"]);
}

pub(crate) async fn a_wait_for_the_token_is_over_when_the_task_ends_unasked<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let kept = RefCell::new(None);
    let task = hand.with_context(()).spawn_with("a", |cx: Cx<(), _>| {
        *kept.borrow_mut() = Some(cx);
        async {}
    });
    let (task, cx) = (task.unwrap(), kept.into_inner().unwrap());
    assert!(step(&mut take(&hand)));
    drop(task.cancel_with("late"));
    // Nobody asked while it lived, and nobody will.
    assert!(!cx.is_cancelled());
    assert!(poll_once(&mut pin!(cx.cancelled())).is_ready());
}

pub(crate) async fn a_context_is_given_up_with_its_task<H: Lives>(tasks: Reg<H>) {
    let app = Arc::new(());
    let view = tasks.with_context(app.clone());
    let task = view.spawn_with("a", |cx: Cx<Arc<()>, _>| {
        body(async move {
            let _cx = cx;
            pending::<()>().await;
        })
    });
    assert_eq!(Arc::strong_count(&app), 3);
    assert!(task.unwrap().cancel().await.is_cancelled());
    assert_eq!(Arc::strong_count(&app), 2);
    drop(view);
    assert_eq!(Arc::strong_count(&app), 1);
}

pub(crate) async fn what_the_builder_spawns_is_given_a_context_as_well<H: Lives>(tasks: Reg<H>) {
    let scope = tasks.child("s");
    let over = Gate::default();
    let builder = tasks.task("a").within(&scope).stage(3).grace(until(&over));
    let task = builder.spawn_with("the app", |cx: Cx<&'static str, _>| {
        body(async move {
            assert_eq!((cx.name(), *cx.app()), (Some("s/a"), "the app"));
            cx.ready();
            cx.cancelled().await;
            // Within its grace.
            u32::from(cx.cancel_reason().as_deref() == Some("bye"))
        })
    });
    let task = task.unwrap();
    task.started().await.unwrap();
    drop(task.cancel_with("bye"));
    assert_eq!(task.await.unwrap(), 1);
    let kept = tasks.task("kept").on_conflict(conflict::Keep);
    let made = |cx: Cx<(), _>| {
        drop(cx);
        body(async { 2u32 })
    };
    let task_registry::Spawned::New(task) = kept.spawn_with((), made).unwrap() else {
        panic!("the name was free")
    };
    assert_eq!(task.await.unwrap(), 2);
    let unnamed = tasks.unnamed().spawn_with((), |cx: Cx<(), _>| {
        assert_eq!(cx.name(), None);
        body(async { 3u32 })
    });
    assert_eq!(unnamed.unwrap().await.unwrap(), 3);
}

pub(crate) async fn the_builder_calls_nobody_where_there_is_no_place<H: Lives>(tasks: Reg<H>) {
    let held = hold(&tasks, "a").await;
    let called = Count::default();
    let make = |cx: Cx<Count, _>| {
        cx.add();
        body(pending::<()>())
    };
    let taken = tasks.task("a").spawn_with(called.clone(), make);
    assert_eq!(taken.unwrap_err(), SpawnError::NameTaken { holder: held.task.id() });
    let kept = tasks.task("a").on_conflict(conflict::Keep).spawn_with(called.clone(), make);
    assert!(!kept.unwrap().is_new());
    assert_eq!(tasks.task("").spawn_with(called.clone(), make).unwrap_err(), SpawnError::EmptyName);
    let scope = tasks.child("s");
    let inner = scope.clone();
    let closes = tasks.task("b").within(&scope).spawn_with(called.clone(), |cx| {
        cx.add();
        drop(inner.cancel());
        body(pending::<()>())
    });
    assert_eq!((closes.unwrap_err(), called.get()), (SpawnError::Cancelled, 1));
    let panics = AssertUnwindSafe(|| {
        let maker = |_: Cx<(), _>| -> Body<()> { blow_up("in the maker") };
        tasks.task("c").within(&tasks.child("t")).spawn_with((), maker)
    });
    assert!(catch_unwind(panics).is_err());
    assert_eq!((tasks.live(), scope.live(), called.get()), (1, 0, 1));
    held.finish.open();
}

pub(crate) async fn a_context_refuses_to_wait_for_its_own_task<H: Lives>(tasks: Reg<H>) {
    let other = hold(&tasks, "other").await;
    let finish = other.finish.clone();
    let task = tasks.with_context(()).spawn_with("me", |cx: Cx<(), _>| {
        body(async move {
            let own = cx.tasks().get("me").unwrap();
            // Where it would hang for good.
            let shielded = cx.shield(async { cx.wait(&own).map(drop) }).await;
            assert_eq!(shielded, Err(WaitsForItself));
            assert_eq!(WaitsForItself.to_string(), "a task cannot wait for its own end");
            let other = cx.tasks().get("other").unwrap();
            let wait = cx.wait(&other).unwrap();
            finish.open();
            u32::from(wait.await.is_completed())
        })
    });
    assert_eq!(task.unwrap().await.unwrap(), 1);
}

pub(crate) async fn a_waker_is_woken_once_when_its_task_is_asked_to_stop<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let kept = RefCell::new(None);
    let task = hand.with_context(()).spawn_with("a", |cx: Cx<(), _>| {
        *kept.borrow_mut() = Some(cx);
        pending::<()>()
    });
    let (task, mut wrapper, cx) = (task.unwrap(), take(&hand), kept.into_inner().unwrap());
    assert!(!step(&mut wrapper));
    let (waker, wakes) = counting_waker();
    for _ in 0..3 {
        cx.wake_on_cancel(waker.clone());
    }
    let panics = waker_calling(|| blow_up("in wake"));
    cx.wake_on_cancel(panics.clone());
    cx.wake_on_cancel(waker.clone());
    assert_eq!(wakes.get(), 0);
    drop(task.cancel_with(Cancel::new().grace(pending::<()>())));
    assert_eq!(wakes.get(), 1, "law 14: a waker that panics keeps no other from being woken");
    drop(task.cancel());
    assert_eq!(wakes.get(), 1);
    // Asked before, it is woken right away; so it is after the end.
    cx.wake_on_cancel(waker.clone());
    assert_eq!(wakes.get(), 2);
    assert!(step(&mut wrapper));
    cx.wake_on_cancel(waker.clone());
    cx.wake_on_cancel(panics);
    assert_eq!(wakes.get(), 3);
}

pub(crate) async fn a_waker_of_a_task_that_was_not_asked_is_dropped_at_its_end<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let kept = RefCell::new(None);
    let finish = Gate::default();
    let task = hand.with_context(()).spawn_with("a", |cx: Cx<(), _>| {
        *kept.borrow_mut() = Some(cx);
        finish.pass()
    });
    let (task, mut wrapper, cx) = (task.unwrap(), take(&hand), kept.into_inner().unwrap());
    assert!(!step(&mut wrapper));
    let (told, dropped) = (Trace::default(), Flag::default());
    let waker = {
        let (told, guard) = (told.clone(), dropped.on_drop());
        waker_calling(move || {
            let _guard = &guard;
            told.note("woken");
        })
    };
    cx.wake_on_cancel(waker);
    finish.open();
    assert!(!dropped.is_set());
    assert!(step(&mut wrapper));
    assert!(dropped.is_set() && told.read().is_empty());
    drop(task.cancel());
    cx.wake_on_cancel(waker_calling(|| unreachable!("it ended unasked")));
}

/// A task that owns its registry, its context and the application is no cycle: when the executor goes, all of it does, and
/// with the last look at a task the table.
pub(crate) fn law_11_a_context_keeps_neither_registry_nor_executor_alive<H: Lives>() {
    struct App<S: Spawner, M: Mode> {
        tasks: Registry<S, M>,
        token: Arc<()>,
    }
    impl<S: Spawner + Clone, M: Mode> Clone for App<S, M> {
        fn clone(&self) -> Self {
            App { tasks: self.tasks.clone(), token: self.token.clone() }
        }
    }
    let token = Arc::new(());
    let left = RefCell::new(None::<(Tasks<H::Mode>, TaskRef<H::Mode>)>);
    let gone = Flag::default();
    H::run(async |tasks: Reg<H>| {
        let tasks = another(&tasks, seen_to_go(&gone));
        let started = Gate::default();
        let app = App { tasks: tasks.clone(), token: token.clone() };
        let open = started.clone();
        let owner = tasks.with_context(app).spawn_with("owner", move |cx: Cx<App<_, _>, _>| {
            body(async move {
                // It spawns through the registry that it owns.
                let inner = cx.app().clone();
                let child = body(async move {
                    let _inner = inner;
                    open.open();
                    pending::<()>().await;
                });
                let child = cx.tasks.spawn("child", child).unwrap();
                child.await.unwrap();
            })
        });
        started.pass().await;
        assert!(Arc::strong_count(&token) > 1);
        *left.borrow_mut() = Some((tasks.tasks().clone(), owner.unwrap().task().clone()));
    });
    let (tasks, owner) = left.into_inner().unwrap();
    assert_eq!(block_on(owner.wait()), Outcome::Abandoned);
    block_on(tasks.wait_idle());
    assert_eq!(Arc::strong_count(&token), 1);
    assert!(!gone.is_set(), "there are two that look at it");
    drop((tasks, owner));
    wait_until_set(&gone);
}
