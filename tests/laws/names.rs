//! Law 6: a live name is never silently taken.

use task_registry::{Outcome, SpawnError, Spawned, State, conflict};

use crate::harness::*;
use crate::kit::*;

pub(crate) async fn law_06_a_live_name_is_an_error_that_names_its_holder<H: Harness>(
    tasks: Reg<H>,
) {
    let held = hold(&tasks, "a").await;
    let polled = Flag::default();
    let intruder = || {
        let polled = polled.clone();
        body(async move { polled.set() })
    };
    let taken = SpawnError::NameTaken { holder: held.task.id() };
    assert_eq!(tasks.spawn("a", intruder()).unwrap_err(), taken);
    assert_eq!(tasks.task("a").on_conflict(conflict::Fail).spawn(intruder()).unwrap_err(), taken);
    assert_eq!(tasks.reserve("a").unwrap_err(), taken);
    let refused = tasks.try_spawn("a", intruder()).unwrap_err();
    assert_eq!(refused.kind, taken);
    assert!(!polled.is_set());
    refused.into_future().await;
    assert!(polled.is_set(), "the future came back whole");
    assert_eq!(held.task.state(), State::Running, "the holder is unharmed");
    assert_eq!(tasks.live(), 1, "nothing was left behind");
    held.finish.open();
    held.task.await.unwrap();
}

pub(crate) async fn law_06_unnamed_tasks_never_conflict<H: Harness>(tasks: Reg<H>) {
    let gate = Gate::default();
    let many: Vec<_> = (0..20)
        .map(|_| {
            let gate = gate.clone();
            tasks.spawn_unnamed(body(async move { gate.pass().await })).unwrap()
        })
        .collect();
    assert!(many.iter().all(|task| task.name().is_none()));
    assert_eq!(tasks.live(), 20);
    gate.open();
    for task in many {
        task.await.unwrap();
    }
}

pub(crate) async fn law_06_an_ended_record_yields_its_name<H: Harness>(tasks: Reg<H>) {
    let first = tasks.spawn("a", body(async { 1u32 })).unwrap();
    first.wait().await;
    assert_eq!(tasks.get("a").expect("its record is found").id(), first.id());
    assert!(tasks.get_live("a").is_none());
    let second = hold(&tasks, "a").await;
    assert_eq!(tasks.get("a").unwrap().id(), second.task.id(), "a live task goes before a record");
    assert_eq!(tasks.get_live("a").unwrap().id(), second.task.id());
    assert_eq!(
        tasks.by_id(first.id()).unwrap().outcome(),
        Some(Outcome::Completed),
        "the record is still there"
    );
    second.finish.open();
    second.task.wait().await;
    assert_eq!(tasks.get("a").unwrap().id(), second.task.id(), "the newest record is found");
    assert_eq!(first.await.unwrap(), 1);
}

pub(crate) async fn law_06_a_reserved_name_is_taken_until_its_ticket_goes<H: Harness>(
    tasks: Reg<H>,
) {
    let ticket = tasks.reserve("a").unwrap();
    assert_eq!(
        tasks.spawn("a", body(async {})).unwrap_err(),
        SpawnError::NameTaken { holder: ticket.id() }
    );
    drop(ticket);
    let task = tasks.spawn("a", body(async {})).unwrap();
    task.await.unwrap();
}

pub(crate) async fn law_06_keep_returns_the_one_that_lives<H: Harness>(tasks: Reg<H>) {
    let held = hold(&tasks, "a").await;
    let (polled, dropped) = (Flag::default(), Flag::default());
    let (flag, guard) = (polled.clone(), dropped.on_drop());
    let kept = tasks
        .task("a")
        .on_conflict(conflict::Keep)
        .spawn(body(async move {
            let _guard = guard;
            flag.set();
        }))
        .unwrap();
    match kept {
        Spawned::Existing(existing) => assert_eq!(existing.id(), held.task.id()),
        _ => panic!("it took a live name"),
    }
    assert!(dropped.is_set() && !polled.is_set(), "the newcomer is dropped unpolled");
    held.finish.open();
    held.task.await.unwrap();
    match tasks.task("a").on_conflict(conflict::Keep).spawn(body(async { 3u32 })).unwrap() {
        Spawned::New(task) => assert_eq!(task.await.unwrap(), 3),
        _ => panic!("it kept an ended one"),
    }
}

pub(crate) async fn law_06_detach_takes_the_name_from_one_that_will_not_stop<H: Harness>(
    tasks: Reg<H>,
) {
    let old = hold(&tasks, "a").await;
    let new = tasks
        .task("a")
        .on_conflict(conflict::Detach)
        .spawn(body(std::future::pending::<()>()))
        .unwrap();
    assert_eq!(tasks.get("a").unwrap().id(), new.id());
    assert_eq!(old.task.state(), State::Running, "nobody asked it to stop");
    assert_eq!(tasks.by_id(old.task.id()).unwrap().id(), old.task.id());
    assert_eq!(tasks.live(), 2);
    assert!(tasks.cancel("a").unwrap().await.is_cancelled());
    assert!(new.is_ended());
    assert!(!old.dropped.is_set(), "the name no longer reaches the old one");
    old.finish.open();
    old.task.await.unwrap();
    // Its end did not disturb the name's new owner.
    let next = hold(&tasks, "a").await;
    assert_eq!(tasks.get_live("a").unwrap().id(), next.task.id());
}

pub(crate) async fn law_06_an_old_owners_end_does_not_free_a_detached_name<H: Harness>(
    tasks: Reg<H>,
) {
    let old = hold(&tasks, "a").await;
    let new = tasks
        .task("a")
        .on_conflict(conflict::Detach)
        .spawn(body(std::future::pending::<()>()))
        .unwrap();
    old.finish.open();
    old.task.await.unwrap();
    tasks.purge();
    assert_eq!(tasks.get_live("a").map(|task| task.id()), Some(new.id()));
    assert_eq!(
        tasks.spawn("a", body(async {})).unwrap_err(),
        SpawnError::NameTaken { holder: new.id() }
    );
}

pub(crate) async fn law_06_replacing_an_ended_or_absent_task_starts_at_once<H: Harness>(
    tasks: Reg<H>,
) {
    for round in 0..3u32 {
        let task = tasks
            .task("x")
            .on_conflict(conflict::Replace)
            .spawn(body(async move { round }))
            .unwrap();
        assert_eq!(task.await.unwrap(), round);
    }
}
