//! Which threads it runs on, and which may wait for it.

use std::future::pending;

use task_registry::{Cleanup, Outcome};

use super::how;
use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

/// On one thread: the cleanup is made, polled and dropped where the task is.
pub(crate) async fn law_10_a_cleanup_without_send_stays_at_home<H: Local>(tasks: Reg<H>) {
    let (seen, began) = (std::rc::Rc::new(std::cell::Cell::new(0)), Gate::default());
    let (inner, open) = (seen.clone(), began.clone());
    let cleanup = move |_: Outcome| async move {
        inner.set(inner.get() + 1);
        open.open();
        yield_now().await;
        inner.set(inner.get() + 1);
    };
    let local = tasks.task("a").cleanup(cleanup, pending::<()>);
    let task = local.spawn_local(async { 7 }).unwrap();
    began.pass().await;
    assert_eq!(task.await.unwrap(), 7);
    assert_eq!(seen.get(), 2);
}

pub(crate) async fn law_10_a_cleanup_stays_at_home_while_others_cancel<H: Local + Across>(
    tasks: Reg<H>,
) {
    let home = std::thread::current().id();
    let checked = |count: &Count| {
        let count = count.clone();
        OnDrop::new(move || {
            assert_eq!(std::thread::current().id(), home);
            count.add();
        })
    };
    let (count, began) = (Count::default(), Gate::default());
    let (closure, inside, open) = (checked(&count), checked(&count), began.clone());
    let cleanup = move |_: Outcome| {
        assert_eq!(std::thread::current().id(), home);
        drop(closure);
        async move {
            let _inside = inside;
            open.open();
            yield_now().await;
            assert_eq!(std::thread::current().id(), home);
        }
    };
    let deadline = checked(&count);
    let local = tasks.task("a").cleanup(cleanup, move || noted_pending(deadline));
    let task = local.spawn_local(noted_pending(checked(&count))).unwrap();
    let table = tasks.tasks().clone();
    let canceller = on_thread(move || drop(table.cancel("a").unwrap()));
    assert!(task.wait().await.is_cancelled());
    canceller.join();
    assert_eq!(count.get(), 4);
    assert_eq!(how(&task), Some(Cleanup::Ran));
}

pub(crate) async fn a_thread_that_waits_finds_the_cleanup_over<H: Lives + Across>(tasks: Reg<H>) {
    let over = Flag::default();
    let (inner, began, finish) = (over.clone(), Gate::default(), Gate::default());
    let (open, pass) = (began.clone(), finish.clone());
    let cleanup = make_of_end(move |_| async move {
        open.open();
        pass.pass().await;
        inner.set();
    });
    let task = tasks.task("a").cleanup(cleanup, never()).spawn(body(async { 7u32 })).unwrap();
    began.pass().await;
    let (waits, seen) = (task.task().clone(), over.clone());
    let waiter = on_thread(move || {
        waits.wait_blocking();
        seen.is_set()
    });
    finish.open();
    assert_eq!(task.await.unwrap(), 7);
    assert!(waiter.join());
}
