//! Laws 7 and 8: stale ids, foreign ids, dropped handles.

use core::future::ready;
use core::pin::pin;

use task_registry_core::{SpawnError, State, StaticOutcome};

use crate::kit::*;
use crate::*;

pub(crate) async fn law_07_a_stale_id_never_touches_another_task(lab: Lab) {
    static PROBES: [Probe; 4] = [const { Probe::new() }; 4];
    // Four tenants of two slots. Of one slot, a waiter that preempts the task it waited for would find it still in use.
    let tasks = registry!(2);
    let mut stale = [None; 4];
    for (probe, place) in PROBES.iter().zip(0..) {
        let tenant = lab.hold(tasks, "a", probe).await;
        for id in stale.into_iter().flatten() {
            assert!(tenant.id() != id);
            assert!(tasks.by_id(id).is_none() && tasks.cancel_id(id).is_none());
        }
        assert!(tenant.state() == State::Running);
        stale[place] = Some(tenant.id());
        assert!(is_cancelled(&tasks.cancel_id(tenant.id()).expect("it lives").await));
        assert!(tasks.purge() == 1);
    }
}

pub(crate) async fn law_07_ids_of_another_registry_are_strangers(lab: Lab) {
    static PROBES: [Probe; 2] = [const { Probe::new() }; 2];
    let [ours, theirs] = &PROBES;
    let (tasks, others) = (registry!(2), registry!(2));
    let task = lab.hold(tasks, "a", ours).await;
    let other = lab.hold(others, "a", theirs).await;
    assert!(task.id() != other.id());
    assert!(tasks.by_id(other.id()).is_none() && tasks.cancel_id(other.id()).is_none());
    assert!(task.state() == State::Running && other.state() == State::Running);
    for (probe, task) in [(ours, task), (theirs, other)] {
        probe.finish.open();
        assert!(task.wait().await == StaticOutcome::Completed);
    }
}

pub(crate) async fn law_07_a_handle_keeps_its_record_from_the_next_tenant(_: Lab) {
    let tasks = registry!(1);
    let ticket = tasks.reserve("a").expect("it is free");
    let held = ticket.task().clone();
    let mut by_hand = pin!(ticket.track(ready(())).expect("nobody cancelled it"));
    assert!(poll_once(&mut by_hand).is_ready());
    assert!(tasks.purge() == 1);
    assert!(tasks.reserve("b").err() == Some(SpawnError::Full { capacity: 1 }), "it is looked at");
    assert!(held.outcome() == Some(StaticOutcome::Completed) && held.name() == Some("a"));
    drop(held);
    assert!(tasks.reserve("b").is_ok());
}

pub(crate) async fn law_07_an_id_stays_stale_through_more_generations_than_16_bits_count(_: Lab) {
    let tasks = registry!(1);
    let first = tasks.reserve("a").expect("it is free").id();
    for _ in 0..=1 << 16 {
        let ticket = tasks.reserve("a").expect("it is free");
        assert!(ticket.id() != first && tasks.by_id(first).is_none());
    }
}

pub(crate) async fn law_08_dropping_a_handle_stops_nothing(lab: Lab) {
    static A: Probe = Probe::new();
    let tasks = registry!(2);
    let task = lab.hold(tasks, "a", &A).await;
    {
        let mut wait = pin!(task.wait());
        assert!(poll_once(&mut wait).is_pending());
    }
    drop(task);
    let task = tasks.get_live("a").expect("it goes on");
    assert!(task.state() == State::Running && !A.dropped.is_set());
    A.finish.open();
    assert!(task.wait().await == StaticOutcome::Completed);
}

pub(crate) async fn law_08_a_guard_stops_on_drop(lab: Lab) {
    static A: Probe = Probe::new();
    let tasks = registry!(2);
    let task = lab.hold(tasks, "a", &A).await;
    drop(task.drop_guard());
    assert!(task.state() >= State::Stopping, "its drop requests");
    assert!(is_cancelled(&task.wait().await));
    assert!(A.dropped.is_set());
}

pub(crate) async fn law_08_a_guard_can_be_waited_for(lab: Lab) {
    static A: Probe = Probe::new();
    let tasks = registry!(2);
    let task = lab.hold(tasks, "a", &A).await;
    assert!(is_cancelled(&task.drop_guard().stop().await));
    assert!(A.dropped.is_set());
}
