//! Law 20: no input panics the registry.

use core::future::ready;
use core::pin::pin;

use task_registry_core::{Refusal, SpawnError, StaticOutcome};

use crate::kit::*;
use crate::*;

pub(crate) async fn law_20_an_empty_name_is_an_error(_: Lab) {
    let tasks = registry!(2);
    let empty = Some(SpawnError::EmptyName);
    assert!(tasks.reserve("").err() == empty);
    assert!(tasks.reserve_replacing("").err() == empty);
    assert!(tasks.reserve_detaching("").err() == empty);
    assert!(tasks.get("").is_none() && tasks.get_live("").is_none() && tasks.cancel("").is_none());
    assert!(tasks.live() == 0);
}

pub(crate) async fn law_20_any_text_is_a_name(_: Lab) {
    const LONG: &str = match core::str::from_utf8(&[b'x'; 1000]) {
        Ok(text) => text,
        Err(_) => panic!("it is text"),
    };
    let tasks = registry!(1);
    for name in [LONG, "\0", "\n\t\u{1b}[31m", "温度", "a\u{301}", "🦀 \u{202e}", " "] {
        let ticket = tasks.reserve(name).expect("any text but none");
        assert!(ticket.name() == Some(name));
        let id = ticket.id();
        assert!(tasks.get(name).is_some_and(|task| task.id() == id));
        assert!(tasks.get(&name[..0]).is_none());
    }
}

pub(crate) async fn law_20_a_full_registry_is_an_error(lab: Lab) {
    static PROBES: [Probe; 2] = [const { Probe::new() }; 2];
    let tasks = registry!(2);
    let a = lab.hold(tasks, "a", &PROBES[0]).await;
    let b = lab.hold(tasks, "b", &PROBES[1]).await;
    let full = Some(SpawnError::Full { capacity: 2 });
    assert!(tasks.capacity() == 2);
    assert!(tasks.reserve("c").err() == full && tasks.reserve_unnamed().err() == full);
    assert!(tasks.reserve_replacing("a").err() == full, "the newcomer needs a place of its own");
    assert!(a.outcome().is_none(), "and nobody is asked to stop for nothing");
    for (task, probe) in [(a, &PROBES[0]), (b, &PROBES[1])] {
        probe.finish.open();
        assert!(task.wait().await == StaticOutcome::Completed);
    }
}

pub(crate) async fn law_20_an_executor_without_room_gives_the_place_back(lab: Lab) {
    static FINISH: [Gate; 9] = [const { Gate::new() }; 9];
    let tasks = registry!(9);
    let mut spawned = 0;
    let refused = loop {
        let ticket = tasks.reserve_unnamed().expect("there are more slots than the executor has room");
        let gate = &FINISH[spawned];
        match (lab.spawn)(ticket, Body::new(async { gate.pass().await })) {
            Ok(()) => spawned += 1,
            Err(error) => break error,
        }
    };
    assert!(refused == SpawnError::Refused(Refusal::Full));
    assert!(spawned > 0 && tasks.live() == spawned, "the one that was refused has left nothing");
    for gate in &FINISH {
        gate.open();
    }
    tasks.wait_idle().await;
    assert!(tasks.counts().ended == spawned);
}

pub(crate) async fn law_20_an_ended_record_makes_room_unless_it_is_held(_: Lab) {
    let tasks = registry!(2);
    let end_one = |name| {
        let ticket = tasks.reserve(name).expect("there is room");
        let task = ticket.task().clone();
        let mut by_hand = pin!(ticket.track(ready(())).expect("nobody cancelled it"));
        assert!(poll_once(&mut by_hand).is_ready());
        task
    };
    let pinned = end_one("a");
    drop(end_one("b"));
    assert!(tasks.counts().ended == 2);
    // Of the two records the older is looked at through a handle; the other makes room.
    let third = tasks.reserve("c").expect("the other record makes room");
    assert!(tasks.get("a").is_some() && tasks.get("b").is_none());
    assert!(tasks.reserve("d").err() == Some(SpawnError::Full { capacity: 2 }));
    drop(pinned);
    let fourth = tasks.reserve("d").expect("nobody looks at it any more");
    assert!(tasks.get("a").is_none() && tasks.live() == 2);
    drop((third, fourth));
    // Of two that nobody holds, the older goes.
    drop((end_one("e"), end_one("f")));
    drop(end_one("g"));
    assert!(tasks.get("e").is_none() && tasks.get("f").is_some() && tasks.get("g").is_some());
}

pub(crate) async fn law_20_a_listing_goes_on_from_any_id(_: Lab) {
    let (tasks, others) = (registry!(3), registry!(1));
    let stranger = others.reserve("stranger").expect("it is free");
    assert!(tasks.next_after(None).is_none());
    let tickets = ["a", "b", "c"].map(|name| tasks.reserve(name).expect("it is free"));
    let [a, b, c] = tickets.each_ref().map(|ticket| ticket.id());
    let next = |last| tasks.next_after(last).map(|task| task.id());
    let first = next(None);
    let second = next(first);
    let third = next(second);
    let listed = [first, second, third];
    assert!([a, b, c].iter().all(|id| listed.contains(&Some(*id))), "each is seen, and once");
    assert!(next(third).is_none() && tasks.iter().map(|task| task.id()).eq(listed.into_iter().flatten()));
    // Gone since: the listing goes on behind it. Of another registry: some answer, and no panic.
    drop(tickets);
    let again = tasks.reserve("again").expect("it is free");
    let _ = (next(second), next(Some(stranger.id())));
    assert!(next(None) == Some(again.id()));
}
