//! Law 6, on request: a newcomer replaces the one that has its name, and waits for it.

use task_registry::{SpawnError, State, conflict};

use crate::harness::*;
use crate::kit::*;

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
