//! Laws 9, 10 and 16: from inside destructors and wakers, and from interrupts.

use core::cell::Cell;
use core::future::pending;
use core::pin::pin;

use task_registry_core::{State, StaticOutcome};

use crate::kit::*;
use crate::*;

/// Calls whatever there is to call.
fn ask_for_everything(tasks: Tasks) {
    let listed = list(tasks);
    assert!(listed == tasks.len());
    let _ = (tasks.get("a"), tasks.get_live("a"), tasks.counts(), tasks.is_closed());
    assert!(tasks.live() + tasks.counts().ended == tasks.len());
    let ticket = tasks.reserve("another").expect("it is free");
    assert!(tasks.by_id(ticket.id()).is_some());
    drop(ticket);
    drop(tasks.cancel("another"));
    tasks.purge();
}

fn list(tasks: Tasks) -> usize {
    let (mut listed, mut last) = (0, None);
    while let Some(task) = tasks.next_after(last) {
        listed += 1;
        last = Some(task.id());
    }
    listed
}

pub(crate) async fn law_09_a_futures_destructor_may_call_the_registry(lab: Lab) {
    static CALLED: Flag = Flag::new();
    static STARTED: Gate = Gate::new();
    let tasks = registry!(2);
    let guard = OnDrop(move || {
        ask_for_everything(tasks);
        CALLED.set();
    });
    let task = lab.run(tasks.reserve("a").expect("it is free"), async move {
        let _guard = guard;
        STARTED.open();
        pending::<()>().await;
    });
    STARTED.pass().await;
    assert!(is_cancelled(&task.cancel().await));
    assert!(CALLED.is_set());
}

pub(crate) async fn law_09_a_waiters_waker_may_call_the_registry(_: Lab) {
    static WAKES: Count = Count::new();
    static REGISTRY: Registry<2> = Registry::new();
    static WAKER: OnWake = OnWake(|| {
        ask_for_everything(REGISTRY.tasks());
        WAKES.add();
    });
    let tasks = REGISTRY.tasks();
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    let mut by_hand = pin!(ticket.track(pending::<()>()).expect("nobody cancelled it"));
    assert!(poll_once(&mut by_hand).is_pending());
    let mut wait = pin!(task.wait());
    assert!(poll_with(&mut wait, &WAKER.waker()).is_pending());
    drop(task.cancel());
    assert!(poll_once(&mut by_hand).is_ready());
    assert!(WAKES.get() == 1);
    assert!(is_cancelled(&wait.await));
}

pub(crate) async fn law_09_a_tasks_own_waker_may_call_the_registry(_: Lab) {
    static WAKES: Count = Count::new();
    static REGISTRY: Registry<2> = Registry::new();
    static WAKER: OnWake = OnWake(|| {
        ask_for_everything(REGISTRY.tasks());
        WAKES.add();
    });
    let tasks = REGISTRY.tasks();
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    let mut by_hand = pin!(ticket.track(pending::<()>()).expect("nobody cancelled it"));
    assert!(poll_with(&mut by_hand, &WAKER.waker()).is_pending());
    drop(task.cancel());
    assert!(WAKES.get() == 1, "it is woken to see the request");
    assert!(poll_once(&mut by_hand).is_ready());
    assert!(is_cancelled(&task.wait().await));
}

pub(crate) async fn law_10_a_future_is_dropped_where_it_is_polled_although_an_interrupt_cancels_it(
    lab: Lab,
) {
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    {
        // A reference to a cell: this future is not `Send`.
        let dropped = Cell::new(None);
        let guard = OnDrop(|| dropped.set(Some((lab.is_inside)())));
        let body = async move {
            let _guard = guard;
            pending::<()>().await;
        };
        let mut by_hand = pin!(ticket.track(body).expect("nobody cancelled it"));
        assert!(poll_once(&mut by_hand).is_pending());
        let id = task.id();
        (lab.interrupt)(&mut || drop(tasks.cancel_id(id)));
        assert!(task.state() == State::Stopping && dropped.get().is_none());
        assert!(poll_once(&mut by_hand).is_ready());
        assert!(dropped.get() == Some(false));
    }
    assert!(is_cancelled(&task.wait().await));
}

pub(crate) async fn law_16_an_interrupt_may_ask_for_everything(lab: Lab) {
    static A: Probe = Probe::new();
    let tasks = registry!(2);
    let task = lab.hold(tasks, "a", &A).await;
    let mut inside = false;
    (lab.interrupt)(&mut || {
        inside = (lab.is_inside)();
        ask_for_everything(tasks);
    });
    assert!(inside);
    assert!(task.state() == State::Running);
    A.finish.open();
    assert!(task.wait().await == StaticOutcome::Completed);
}

pub(crate) async fn law_16_an_interrupt_may_end_a_wait(lab: Lab) {
    static PROBES: [Probe; 3] = [const { Probe::new() }; 3];
    let [a, b, c] = &PROBES;
    let tasks = registry!(3);
    let by_name = lab.hold(tasks, "a", a).await;
    let by_id = lab.hold(tasks, "b", b).await;
    let by_handle = lab.hold(tasks, "c", c).await;
    let (id, handle) = (by_id.id(), by_handle.clone());
    (lab.interrupt)(&mut || {
        drop(tasks.cancel("a"));
        drop(tasks.cancel_id(id));
        drop(handle.cancel());
    });
    for task in [by_name, by_id, by_handle] {
        assert!(is_cancelled(&task.wait().await));
    }
    assert!(PROBES.iter().all(|probe| probe.dropped.is_set()));
}
