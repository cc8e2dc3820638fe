//! Laws 12 and 13: closing is a gate, and a shutdown ends.

use core::future::{pending, ready};
use core::pin::pin;

use task_registry_core::{SpawnError, State, StaticOutcome};

use crate::kit::*;
use crate::*;

pub(crate) async fn law_12_after_shutdown_every_reservation_gets_closed(lab: Lab) {
    static A: Probe = Probe::new();
    static RAN: Flag = Flag::new();
    let tasks = registry!(2);
    let _a = lab.hold(tasks, "a", &A).await;
    let ticket = tasks.reserve("ticket").expect("it is free");
    assert!(!tasks.is_closed());
    let shutdown = tasks.shutdown(pending::<()>());
    // It closes at the call: nothing was polled yet.
    assert!(tasks.is_closed());
    let closed = Some(SpawnError::Closed);
    assert!(tasks.reserve("b").err() == closed && tasks.reserve_unnamed().err() == closed);
    assert!(tasks.reserve_replacing("a").err() == closed);
    assert!(tasks.reserve_detaching("a").err() == closed);
    let Err(refused) = ticket.track(async { RAN.set() }) else { panic!("the gate is shut") };
    assert!(matches!(refused.kind, SpawnError::Closed | SpawnError::Cancelled) && !RAN.is_set());
    refused.into_future().await;
    assert!(RAN.is_set(), "the future came back");
    shutdown.await;
    assert!(A.dropped.is_set() && tasks.live() == 0);
    assert!(tasks.reserve("b").err() == closed, "it is final");
}

pub(crate) async fn law_12_a_shutdown_cancels_what_lives_and_counts_it(lab: Lab) {
    static PROBES: [Probe; 3] = [const { Probe::new() }; 3];
    let [a, b, nameless] = &PROBES;
    let tasks = registry!(3);
    let _a = lab.hold(tasks, "a", a).await;
    let _b = lab.hold(tasks, "b", b).await;
    let ticket = tasks.reserve_unnamed().expect("there is room");
    lab.run(ticket, nameless.body());
    let report = tasks.shutdown(pending::<()>()).await;
    assert!(PROBES[..2].iter().all(|probe| probe.dropped.is_set()));
    assert!(report.cancelled == 3 && report.completed == 0 && report.is_clean());
    assert!(tasks.live() == 0);
}

pub(crate) async fn law_12_several_callers_join_one_shutdown(_: Lab) {
    static WAKES: Count = Count::new();
    static WAKER: OnWake = OnWake(|| {
        WAKES.add();
    });
    let tasks = registry!(2);
    let ticket = tasks.reserve("stuck").expect("it is free");
    let mut stuck = pin!(ticket.track(pending::<()>()).expect("nobody cancelled it"));
    let mut first = pin!(tasks.shutdown(pending::<()>()));
    let mut second = pin!(tasks.shutdown(pending::<()>()));
    drop(tasks.shutdown(pending::<()>()));
    assert!(poll_with(&mut first, &WAKER.waker()).is_pending());
    assert!(poll_with(&mut second, &WAKER.waker()).is_pending());
    assert!(WAKES.get() == 0);
    assert!(poll_once(&mut stuck).is_ready());
    assert!(WAKES.get() == 2, "each is woken");
    assert!(poll_once(&mut first).is_ready() && poll_once(&mut second).is_ready());
    assert!(tasks.is_closed(), "and it stays closed");
}

pub(crate) async fn law_12_a_task_may_shut_its_registry_down(lab: Lab) {
    static A: Probe = Probe::new();
    let tasks = registry!(2);
    let _a = lab.hold(tasks, "a", &A).await;
    let closer = lab.run(tasks.reserve("closer").expect("it is free"), async move {
        tasks.shutdown(pending::<()>()).await;
    });
    assert!(is_cancelled(&closer.wait().await), "it is one of those it asked to stop");
    tasks.wait_idle().await;
    assert!(A.dropped.is_set() && tasks.is_closed());
}

pub(crate) async fn law_13_a_shutdown_ends_at_its_deadline_and_lists_what_remains(lab: Lab) {
    static A: Probe = Probe::new();
    static DEADLINE: Gate = Gate::new();
    let tasks = registry!(2);
    let a = lab.hold(tasks, "a", &A).await;
    let ticket = tasks.reserve("stuck").expect("it is free");
    let stuck_task = ticket.task().clone();
    // Nobody polls it.
    let mut stuck = pin!(ticket.track(pending::<()>()).expect("nobody cancelled it"));
    let mut shutdown = pin!(tasks.shutdown(DEADLINE.pass()));
    assert!(poll_once(&mut shutdown).is_pending());
    a.wait().await;
    assert!(poll_once(&mut shutdown).is_pending(), "one has not ended");
    DEADLINE.open();
    let report = shutdown.await;
    assert!(report.cancelled == 1 && report.remaining == 1 && !report.is_clean());
    let mut remaining = report.remaining_tasks();
    let left = remaining.next().expect("one remains");
    assert!(left.id() == stuck_task.id() && left.name() == Some("stuck"));
    assert!(remaining.next().is_none());
    assert!(stuck_task.state() == State::Stopping, "that stays visible");
    assert!(poll_once(&mut stuck).is_ready());
    assert!(is_cancelled(&stuck_task.wait().await));
}

pub(crate) async fn law_13_a_shutdown_of_nothing_is_ready_at_once(_: Lab) {
    let tasks = registry!(2);
    let mut shutdown = pin!(tasks.shutdown(pending::<()>()));
    assert!(poll_once(&mut shutdown).is_ready());
    // A deadline that has passed still asks everyone.
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    let mut by_hand = pin!(ticket.track(pending::<()>()).expect("nobody cancelled it"));
    assert!(poll_once(&mut by_hand).is_pending());
    let report = tasks.shutdown(ready(())).await;
    assert!(!report.is_clean() && task.state() == State::Stopping);
    assert!(poll_once(&mut by_hand).is_ready() && task.outcome() != Some(StaticOutcome::Completed));
}

pub(crate) async fn law_13_a_waiting_shutdown_never_spins(_: Lab) {
    static WAKES: Count = Count::new();
    static WAKER: OnWake = OnWake(|| {
        WAKES.add();
    });
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    let mut by_hand = pin!(ticket.track(pending::<()>()).expect("nobody cancelled it"));
    let mut shutdown = pin!(tasks.shutdown(pending::<()>()));
    for _ in 0..5 {
        assert!(poll_with(&mut shutdown, &WAKER.waker()).is_pending());
    }
    assert!(WAKES.get() == 0, "it does not wake itself");
    assert!(poll_once(&mut by_hand).is_ready());
    assert!(WAKES.get() == 1);
    assert!(poll_once(&mut shutdown).is_ready());
}
