//! A wrapper that goes to sleep, and a request to stop that comes meanwhile: no request is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use loom::thread;

use crate::harness::{Driven, Gone, Pulse, assert_quiet, endless, model, registry};

#[test]
fn a_cancel_finds_the_waker_or_the_poll_finds_the_cancel() {
    model("first poll ∥ cancel").reaches(&["seen by the poll", "woken"], |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let handle = tasks.spawn("x", endless(owned)).unwrap();
        let mut task = tasks.spawner().take();
        let poller = thread::spawn(move || {
            task.poll();
            task
        });
        drop(handle.cancel());
        let task = poller.join().unwrap();
        reached.that(if task.is_done() { "seen by the poll" } else { "woken" });
        task.finish();
        assert!(gone.is());
        assert_quiet(&tasks);
    });
}

#[test]
fn a_task_that_moves_to_another_waker_while_it_is_cancelled_is_woken_by_the_new_one() {
    model("another waker ∥ cancel").reaches(&["seen by the poll", "woken"], |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let handle = tasks.spawn("x", endless(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        // Whoever wakes the old one wakes nobody.
        task.migrate();
        let poller = thread::spawn(move || {
            task.poll();
            task
        });
        drop(handle.cancel());
        let task = poller.join().unwrap();
        reached.that(if task.is_done() { "seen by the poll" } else { "woken" });
        task.finish();
        assert!(gone.is());
        assert_quiet(&tasks);
    });
}

#[test]
fn a_task_that_is_polled_again_with_the_same_waker_is_not_lost_either() {
    model("same waker ∥ cancel").reaches(&["seen by the poll", "woken"], |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let handle = tasks.spawn("x", endless(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let poller = thread::spawn(move || {
            task.poll();
            task
        });
        drop(handle.cancel());
        let task = poller.join().unwrap();
        reached.that(if task.is_done() { "seen by the poll" } else { "woken" });
        task.finish();
        assert!(gone.is());
        assert_quiet(&tasks);
    });
}

#[test]
fn a_token_fires_for_whoever_comes_to_wait_for_it_meanwhile() {
    model("cancelled() ∥ cancel").reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let (owned, _) = Gone::new();
        let handle = tasks.spawn("x", endless(owned)).unwrap();
        let task = tasks.spawner().take().run();
        let waits = handle.task().clone();
        let waiter = thread::spawn(move || {
            let mut token = Driven::new(waits.cancelled());
            token.poll();
            token
        });
        drop(handle.cancel());
        let token = waiter.join().unwrap();
        reached.that(if token.is_done() { "at once" } else { "woken" });
        token.finish();
        task.finish();
    });
}

#[test]
fn a_hook_is_woken_once_by_the_cancel_or_at_once() {
    model("wake_on_cancel ∥ cancel").reaches(&["never ran", "at once", "later"], |reached| {
        let tasks = registry();
        let (hook, seen) = (Arc::new(Pulse::default()), Arc::new(AtomicU32::new(0)));
        let (waker, said) = (hook.clone(), seen.clone());
        let handle = tasks.with_context(()).spawn_with("x", move |cx| async move {
            cx.wake_on_cancel(waker.clone().into());
            said.store(if waker.count() > 0 { AT_ONCE } else { LATER }, Relaxed);
            std::future::pending::<()>().await;
        });
        let task = tasks.spawner().take();
        let poller = thread::spawn(move || task.run());
        drop(handle.unwrap().cancel());
        poller.join().unwrap().finish();
        let seen = seen.load(Relaxed);
        assert_eq!(hook.count(), u32::from(seen != 0));
        reached.that(match seen {
            AT_ONCE => "at once",
            LATER => "later",
            _ => "never ran",
        });
    });
}

const AT_ONCE: u32 = 1;
const LATER: u32 = 2;
