//! Law 11: who lets go of a task says so.

use core::future::pending;
use core::pin::pin;

use task_registry_core::StaticOutcome;

use crate::kit::*;
use crate::*;

pub(crate) async fn law_11_a_tracked_future_that_is_dropped_is_abandoned(_: Lab) {
    static DROPPED: Flag = Flag::new();
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    {
        let guard = DROPPED.on_drop();
        let body = async move {
            let _guard = guard;
            pending::<()>().await;
        };
        let mut by_hand = pin!(ticket.track(body).expect("nobody cancelled it"));
        assert!(poll_once(&mut by_hand).is_pending());
        assert!(!task.is_ended());
    }
    assert!(DROPPED.is_set());
    assert!(task.wait().await == StaticOutcome::Abandoned);
    assert!(tasks.live() == 0 && tasks.reserve("a").is_ok(), "its name is free");
}

pub(crate) async fn law_11_every_waiter_resolves_when_a_task_is_lost(_: Lab) {
    static WAKES: Count = Count::new();
    static WAKER: OnWake = OnWake(|| {
        WAKES.add();
    });
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    let mut waits = (pin!(task.wait()), pin!(task.wait()), pin!(tasks.wait_idle()));
    {
        let mut by_hand = pin!(ticket.track(pending::<()>()).expect("nobody cancelled it"));
        assert!(poll_once(&mut by_hand).is_pending());
        assert!(poll_with(&mut waits.0, &WAKER.waker()).is_pending());
        assert!(poll_with(&mut waits.1, &WAKER.waker()).is_pending());
        assert!(poll_with(&mut waits.2, &WAKER.waker()).is_pending());
        assert!(WAKES.get() == 0);
    }
    assert!(WAKES.get() == 3, "each is woken, once");
    assert!(waits.0.await == StaticOutcome::Abandoned && waits.1.await == StaticOutcome::Abandoned);
    waits.2.await;
}

pub(crate) async fn law_11_a_run_that_is_dropped_is_abandoned(_: Lab) {
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    {
        let Ok(run) = ticket.run(pending::<()>()) else { panic!("nobody cancelled it") };
        let mut run = pin!(run);
        assert!(poll_once(&mut run).is_pending());
    }
    assert!(task.wait().await == StaticOutcome::Abandoned);
}

pub(crate) async fn law_11_an_unused_ticket_frees_its_place(_: Lab) {
    let tasks = registry!(1);
    for _ in 0..3 {
        let ticket = tasks.reserve("a").expect("the place is free each time");
        assert!(tasks.live() == 1);
        let task = ticket.task().clone();
        drop(ticket);
        assert!(task.wait().await == StaticOutcome::NeverStarted);
        assert!(tasks.live() == 0 && tasks.counts().ended == 0, "it leaves no record");
    }
}

/// For executors that can let go of their tasks: `clear` has this one do so.
pub async fn gone_with(lab: Lab, clear: impl FnOnce()) {
    static PROBE: Probe = Probe::new();
    let tasks = registry!(2);
    let task = lab.hold(tasks, "a", &PROBE).await;
    clear();
    assert!(PROBE.dropped.is_set());
    assert!(task.wait().await == StaticOutcome::Abandoned);
    drop(task);
    assert!(tasks.live() == 0 && tasks.reserve("a").is_ok(), "its name is free");
}
