//! Law 6: a live name is never silently taken.

use task_registry::{Options, Outcome, SpawnError, Spawned, State, conflict};

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

pub(crate) async fn law_06_replace_starts_after_its_predecessor_has_ended<H: Harness>(
    tasks: Reg<H>,
) {
    // The old one cannot stop before it is polled, and only this law polls it.
    let trace = Trace::default();
    let (mut old, old_task) = by_hand(&tasks, "a", {
        let guard = OnDrop::new({
            let trace = trace.clone();
            move || trace.note("old gone")
        });
        async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        }
    });
    assert_pending(poll_once(&mut old.as_mut()));
    let new = tasks
        .task("a")
        .on_conflict(conflict::Replace)
        .spawn(body({
            let trace = trace.clone();
            async move {
                trace.note("new starts");
                7u32
            }
        }))
        .unwrap();
    assert_eq!(old_task.state(), State::Stopping);
    assert_eq!(new.state(), State::Queued);
    assert_eq!(tasks.get("a").unwrap().id(), new.id(), "the newcomer owns the name at once");
    assert_eq!(tasks.by_id(old_task.id()).unwrap().state(), State::Stopping);
    // The executor has every chance to start it too early.
    for _ in 0..10 {
        yield_now().await;
    }
    assert_eq!(trace.read(), [""; 0]);
    assert_eq!(new.state(), State::Queued);
    old.await;
    assert_eq!(new.await.unwrap(), 7);
    assert_eq!(trace.read(), ["old gone", "new starts"]);
    assert!(old_task.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_06_replace_waits_for_the_predecessors_of_its_predecessor<H: Harness>(
    tasks: Reg<H>,
) {
    let trace = Trace::default();
    let (mut a, a_task) = by_hand(&tasks, "x", {
        let guard = OnDrop::new({
            let trace = trace.clone();
            move || trace.note("a gone")
        });
        async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        }
    });
    assert_pending(poll_once(&mut a.as_mut()));
    let replace = |who: &'static str| {
        let trace = trace.clone();
        let gone = OnDrop::new({
            let trace = trace.clone();
            move || trace.note(format!("{who} gone"))
        });
        tasks
            .task("x")
            .on_conflict(conflict::Replace)
            .spawn(body(async move {
                let _gone = gone;
                trace.note(format!("{who} starts"));
            }))
            .unwrap()
    };
    let b = replace("b");
    assert_eq!(b.state(), State::Queued);
    let c = replace("c");
    assert!(b.wait().await.is_cancelled(), "b is out although a lives on");
    assert_eq!(c.state(), State::Queued);
    for _ in 0..10 {
        yield_now().await;
    }
    assert_eq!(trace.read(), ["b gone"], "c does not start while a lives");
    assert_eq!(tasks.get("x").unwrap().id(), c.id());
    assert_eq!(a_task.state(), State::Stopping);
    a.await;
    c.await.unwrap();
    assert_eq!(trace.read(), ["b gone", "a gone", "c starts", "c gone"]);
    drop(b);
}

pub(crate) async fn law_06_a_long_chain_of_replacements_runs_first_and_last_only<H: Harness>(
    tasks: Reg<H>,
) {
    let trace = Trace::default();
    let (a, a_task) = by_hand(&tasks, "x", std::future::pending::<()>());
    let chain: Vec<_> = (0..1000u32)
        .map(|number| {
            let trace = trace.clone();
            tasks
                .task("x")
                .on_conflict(conflict::Replace)
                .spawn(body(async move {
                    trace.note(number.to_string());
                    number
                }))
                .unwrap()
        })
        .collect();
    a.await;
    assert!(a_task.await.unwrap_err().is_cancelled());
    for (number, task) in chain.into_iter().enumerate() {
        match task.await {
            Ok(number) => assert_eq!(number, 999),
            Err(error) => assert!(error.is_cancelled() && number < 999),
        }
    }
    assert_eq!(trace.read(), ["999"]);
    assert_eq!(tasks.live(), 0);
}

pub(crate) async fn law_06_a_newcomer_that_ends_early_gives_the_name_back<H: Harness>(
    tasks: Reg<H>,
) {
    // Three stages of a name's owner: replaced once, replaced twice, and each newcomer cancelled while it waits.
    let (a, a_task) = by_hand(&tasks, "x", std::future::pending::<()>());
    let replace = || tasks.task("x").on_conflict(conflict::Replace);
    for _ in 0..3 {
        let b = replace().spawn(body(async {})).unwrap();
        assert_eq!(tasks.get_live("x").unwrap().id(), b.id());
        assert!(tasks.cancel("x").unwrap().await.is_cancelled());
        assert!(b.is_ended() && !a_task.is_ended());
        let holder = tasks.get_live("x").expect("a lives").id();
        assert_eq!(holder, a_task.id(), "the name is a's again");
        let taken = tasks.spawn("x", body(async {})).unwrap_err();
        assert_eq!(taken, SpawnError::NameTaken { holder });
        tasks.purge();
        assert_eq!(tasks.get_live("x").expect("a still lives").id(), holder);
    }
    let ran = Flag::default();
    let flag = ran.clone();
    let c = replace().spawn(body(async move { flag.set() })).unwrap();
    for _ in 0..10 {
        yield_now().await;
    }
    assert!(!ran.is_set(), "two incarnations at once");
    a.await;
    c.await.unwrap();
    assert!(tasks.get_live("x").is_none());
}

pub(crate) async fn law_06_who_waits_for_a_name_sees_it_come_back<H: Harness>(tasks: Reg<H>) {
    let (a, a_task) = by_hand(&tasks, "x", std::future::pending::<()>());
    let ticket = tasks.task("x").on_conflict(conflict::Replace).reserve().unwrap();
    drop(ticket);
    assert_eq!(tasks.wait_for("x").await.id(), a_task.id());
    drop(a);
    assert!(tasks.get_live("x").is_none());
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

pub(crate) async fn law_06_a_task_may_replace_itself<H: Harness>(registry: Reg<H>) {
    let trace = Trace::default();
    let successor = Gate::default();
    let first = registry
        .spawn(
            "x",
            body({
                let (registry, trace, successor) =
                    (registry.clone(), trace.clone(), successor.clone());
                async move {
                    let _gone = OnDrop::new({
                        let trace = trace.clone();
                        move || trace.note("first gone")
                    });
                    let second = registry
                        .task("x")
                        .on_conflict(conflict::Replace)
                        .spawn(body({
                            let trace = trace.clone();
                            async move {
                                trace.note("second starts");
                                successor.open();
                            }
                        }))
                        .unwrap();
                    drop(second);
                    trace.note("replaced");
                    std::future::pending::<()>().await;
                }
            }),
        )
        .unwrap();
    assert!(first.await.unwrap_err().is_cancelled());
    successor.pass().await;
    assert_eq!(trace.read(), ["replaced", "first gone", "second starts"]);
}

pub(crate) async fn law_06_a_reserved_ticket_can_be_replaced<H: Harness>(tasks: Reg<H>) {
    let ticket = tasks.reserve("x").unwrap();
    let new = tasks.task("x").on_conflict(conflict::Replace).spawn(body(async { 1u32 })).unwrap();
    assert_eq!(new.await.unwrap(), 1);
    let refused = ticket.spawn_on(tasks.spawner(), body(async { 2u32 })).unwrap_err();
    assert_eq!(refused.kind, SpawnError::Cancelled);
}

pub(crate) async fn law_06_replace_follows_a_panic_and_an_abandoned_task_too<H: Harness>(
    tasks: Reg<H>,
) {
    let (mut bad, bad_task) = by_hand(&tasks, "x", async {
        let _bomb = OnDrop::new(|| blow_up("while it is replaced"));
        std::future::pending::<()>().await;
    });
    assert_pending(poll_once(&mut bad.as_mut()));
    let next = tasks.task("x").on_conflict(conflict::Replace).spawn(body(async { 1u32 })).unwrap();
    bad.await;
    assert!(bad_task.await.unwrap_err().is_panic());
    assert_eq!(next.await.unwrap(), 1);

    let (lost, lost_task) = by_hand(&tasks, "x", std::future::pending::<()>());
    let next = tasks.task("x").on_conflict(conflict::Replace).spawn(body(async { 2u32 })).unwrap();
    drop(lost);
    assert_eq!(next.await.unwrap(), 2);
    assert!(
        lost_task.await.unwrap_err().is_cancelled(),
        "replacing is a request to stop, and that goes first"
    );
}

pub(crate) async fn law_06_a_thousand_replaces_from_threads_never_overlap<H: Sends>(
    registry: Reg<H>,
) {
    let registry = another(&registry, Options::new().retain(task_registry::Retain::Nothing));
    let (alive, overlaps, finished) = (Count::default(), Count::default(), Gate::default());
    let left = Count::from(4);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            on_thread({
                let (registry, alive, overlaps) =
                    (registry.clone(), alive.clone(), overlaps.clone());
                let (left, finished) = (left.clone(), finished.clone());
                move || {
                    for _ in 0..250 {
                        let (alive, overlaps) = (alive.clone(), overlaps.clone());
                        let task = registry.task("x").on_conflict(conflict::Replace).spawn(body(
                            async move {
                                if alive.add() != 1 {
                                    overlaps.add();
                                }
                                let _leaves = OnDrop::new({
                                    let alive = alive.clone();
                                    move || {
                                        alive.take_one();
                                    }
                                });
                                std::future::pending::<()>().await;
                            },
                        ));
                        drop(task.expect("replacing always finds a place"));
                    }
                    if left.take_one() == 0 {
                        finished.open();
                    }
                }
            })
        })
        .collect();
    finished.pass().await;
    for thread in threads {
        thread.join();
    }
    assert_eq!(registry.get_live("x").expect("the last one stays").name(), Some("x"));
    registry.cancel_all().await;
    registry.wait_idle().await;
    assert_eq!(overlaps.get(), 0, "two incarnations at once");
    assert_eq!(alive.get(), 0);
}
