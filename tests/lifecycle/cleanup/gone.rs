//! Executors that let go of it.

use std::future::pending;

use futures_lite::future::block_on;
use task_registry::{Cleanup, Outcome, SpawnError, TaskHandle};

use super::{how, news, noting};
use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn law_11_an_executor_that_lets_go_skips_the_cleanup<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let (trace, mut seen) = (Trace::default(), 0);
    let cleanup = || {
        let (trace, guard) = (trace.clone(), note_the_drop(&trace, "cleanup"));
        move |_: Outcome| async move {
            let _guard = guard;
            trace.note("began");
            pending::<()>().await;
            trace.note("never");
        }
    };
    // Before its first poll, in the middle, asked to stop.
    for (polled, asked) in [(false, false), (true, false), (true, true)] {
        let guard = note_the_drop(&trace, "deadline");
        let cleaned = hand.task("a").cleanup(cleanup(), move || noted_pending(guard));
        let task = cleaned.spawn(noted_pending(note_the_drop(&trace, "future"))).unwrap();
        let mut wrapper = take(&hand);
        assert!(!polled || !step(&mut wrapper));
        if asked {
            drop(task.cancel());
        }
        let _wait = note_the_wake(&task, &trace);
        drop(wrapper);
        assert_eq!(how(&task), Some(Cleanup::Skipped));
        assert_eq!(task.outcome().unwrap().is_cancelled(), asked);
        assert_eq!(asked, task.outcome() != Some(Outcome::Abandoned));
        let mut told = news(&trace, &mut seen);
        assert_eq!(told.remove(0), "future");
        assert_eq!(told.pop().unwrap(), "woken");
        told.sort();
        assert_eq!(told, ["cleanup", "deadline"]);
    }
    // In the middle of the cleanup: how the task ended, and its output, stand.
    let task = hand.task("a").cleanup(cleanup(), pending::<()>).spawn(async { 7u32 }).unwrap();
    let mut wrapper = take(&hand);
    let _wait = note_the_wake(&task, &trace);
    assert!(!step(&mut wrapper));
    drop(wrapper);
    assert_eq!(news(&trace, &mut seen), ["began", "cleanup", "woken"]);
    assert_eq!((task.outcome(), how(&task)), (Some(Outcome::Completed), Some(Cleanup::Skipped)));
    assert_eq!(task.await.unwrap(), 7);
    // The same after a panic, whose payload is not lost.
    let panics = async { blow_up("in poll") };
    let task: TaskHandle<(), _> =
        hand.task("a").cleanup(cleanup(), pending::<()>).spawn(panics).unwrap();
    let mut wrapper = take(&hand);
    assert!(!step(&mut wrapper));
    drop(wrapper);
    assert_eq!(how(&task), Some(Cleanup::Skipped));
    assert!(task.await.unwrap_err().into_panic().is_some());
}

pub(crate) fn law_11_a_cleanup_goes_with_its_executor<H: Lives>() {
    type Out<M> = (TaskHandle<u32, M>, TaskHandle<u32, M>);
    let trace = Trace::default();
    let left = std::cell::RefCell::new(None::<Out<H::Mode>>);
    H::run(async |tasks: Reg<H>| {
        let (started, began) = (Gate::default(), Gate::default());
        let (open, inner) = (started.clone(), trace.clone());
        let before = body(async move {
            open.open();
            noted_pending(note_the_drop(&inner, "future")).await;
            7u32
        });
        let before = tasks.task("before").cleanup(noting(&trace), never()).spawn(before).unwrap();
        let open = began.clone();
        let cleanup = make_of_end(move |_| async move {
            open.open();
            pending::<()>().await;
        });
        let during = tasks.task("during").cleanup(cleanup, never());
        let during = during.spawn(body(async { 7u32 })).unwrap();
        started.pass().await;
        began.pass().await;
        *left.borrow_mut() = Some((before, during));
    });
    let (before, during) = left.into_inner().unwrap();
    assert_eq!(block_on(before.wait()), Outcome::Abandoned);
    assert_eq!(how(&before), Some(Cleanup::Skipped));
    assert_eq!(block_on(during.wait()), Outcome::Completed);
    assert_eq!(how(&during), Some(Cleanup::Skipped));
    assert_eq!(block_on(during).unwrap(), 7);
    assert_eq!(trace.read(), ["future"]);
}

pub(crate) fn a_gone_executor_refuses_a_task_with_its_cleanup<H: Lives>() {
    let trace = Trace::default();
    let left = std::cell::RefCell::new(None::<Reg<H>>);
    H::run(async |tasks: Reg<H>| *left.borrow_mut() = Some(tasks));
    let tasks = left.into_inner().unwrap();
    let guard = note_the_drop(&trace, "closure");
    let inner = trace.clone();
    let cleanup = make_of_end(move |_| async move {
        inner.note("never");
        drop(guard);
    });
    match tasks.task("a").cleanup(cleanup, never()).try_spawn(body(async { 7u32 })) {
        Err(refused) => {
            assert!(matches!(refused.kind, SpawnError::Refused(_)));
            assert_eq!(block_on(refused.into_future()), 7);
            assert!(tasks.get("a").is_none());
        }
        // Tokio takes it and drops it.
        Ok(task) => {
            assert_eq!(block_on(task.wait()), Outcome::Abandoned);
            assert_eq!(how(&task), Some(Cleanup::Skipped));
        }
    }
    assert_eq!(trace.read(), ["closure"]);
}
