//! Law 6: a live name is never silently taken.

use core::future::pending;
use core::pin::pin;

use task_registry_core::{SpawnError, State, StaticOutcome};

use crate::kit::*;
use crate::*;

pub(crate) async fn law_06_a_live_name_is_an_error_that_names_its_holder(lab: Lab) {
    static A: Probe = Probe::new();
    let tasks = registry!(2);
    let task = lab.hold(tasks, "a", &A).await;
    let Err(refused) = tasks.reserve("a") else { panic!("it took a live name") };
    assert!(refused == SpawnError::NameTaken { holder: task.id() });
    assert!(task.state() == State::Running, "the holder is unharmed");
    assert!(tasks.live() == 1, "nothing was left behind");
    A.finish.open();
    assert!(task.wait().await == StaticOutcome::Completed);
}

pub(crate) async fn law_06_an_ended_record_yields_its_name(lab: Lab) {
    static A: Probe = Probe::new();
    static B: Probe = Probe::new();
    let tasks = registry!(2);
    let first = lab.hold(tasks, "a", &A).await;
    A.finish.open();
    first.wait().await;
    assert!(tasks.get("a").expect("its record is found").id() == first.id());
    assert!(tasks.get_live("a").is_none());
    let second = lab.hold(tasks, "a", &B).await;
    assert!(tasks.get("a").map(|task| task.id()) == Some(second.id()), "a live one goes first");
    assert!(tasks.get_live("a").map(|task| task.id()) == Some(second.id()));
    let record = tasks.by_id(first.id()).expect("the record is still there");
    assert!(record.outcome() == Some(StaticOutcome::Completed));
    B.finish.open();
    second.wait().await;
    assert!(tasks.get("a").map(|task| task.id()) == Some(second.id()), "the newest record");
}

pub(crate) async fn law_06_a_reserved_name_is_taken_until_its_ticket_goes(_: Lab) {
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    let holder = ticket.id();
    assert!(ticket.name() == Some("a"));
    assert!(tasks.reserve("a").err() == Some(SpawnError::NameTaken { holder }));
    drop(ticket);
    assert!(tasks.reserve("a").is_ok());
}

pub(crate) async fn law_06_a_replacement_starts_after_all_before_it_have_ended(_: Lab) {
    static ORDER: Count = Count::new();
    static ENDED: [Flag; 2] = [const { Flag::new() }; 2];
    let tasks = registry!(3);
    let ticket = tasks.reserve("a").expect("it is free");
    let first_task = ticket.task().clone();
    let guard = ENDED[0].on_drop();
    let body = async move {
        let _guard = guard;
        pending::<()>().await;
    };
    let mut first = pin!(ticket.track(body).expect("nobody cancelled it"));
    assert!(poll_once(&mut first).is_pending());

    let ticket = tasks.reserve_replacing("a").expect("it replaces");
    let second_task = ticket.task().clone();
    assert!(tasks.get("a").map(|task| task.id()) == Some(second_task.id()), "it owns the name");
    assert!(first_task.state() == State::Stopping && second_task.state() == State::Queued);
    let body = async move {
        assert!(ENDED[0].is_set());
        ORDER.add();
        pending::<()>().await;
    };
    let guard = ENDED[1].on_drop();
    let body = async move {
        let _guard = guard;
        body.await;
    };
    let mut second = pin!(ticket.track(body).expect("nobody cancelled it"));
    assert!(poll_once(&mut second).is_pending());

    let ticket = tasks.reserve_replacing("a").expect("it replaces");
    let third_task = ticket.task().clone();
    let body = async move {
        assert!(ENDED[0].is_set(), "its predecessor's predecessor is gone as well");
        ORDER.add();
    };
    let mut third = pin!(ticket.track(body).expect("nobody cancelled it"));
    // The second, which was held, has ended without having run; the first has not.
    assert!(poll_once(&mut second).is_ready());
    assert!(ENDED[1].is_set() && second_task.is_ended());
    assert!(poll_once(&mut third).is_pending());
    assert!(third_task.state() == State::Queued && ORDER.get() == 0);

    static WAKES: Count = Count::new();
    static WAKER: OnWake = OnWake(|| {
        WAKES.add();
    });
    assert!(poll_with(&mut third, &WAKER.waker()).is_pending());
    assert!(poll_once(&mut first).is_ready());
    assert!(WAKES.get() > 0, "the newcomer is woken when it may start");
    assert!(poll_once(&mut third).is_ready());
    assert!(third_task.wait().await == StaticOutcome::Completed && ORDER.get() == 1);
}

pub(crate) async fn law_06_detach_takes_the_name_from_one_that_will_not_stop(lab: Lab) {
    static OLD: Probe = Probe::new();
    static NEW: Probe = Probe::new();
    let tasks = registry!(2);
    let old = lab.hold(tasks, "a", &OLD).await;
    let ticket = tasks.reserve_detaching("a").expect("it takes the name");
    let new = lab.run(ticket, NEW.body());
    NEW.started.pass().await;
    assert!(tasks.get("a").map(|task| task.id()) == Some(new.id()));
    assert!(old.state() == State::Running, "nobody asked it to stop");
    assert!(tasks.live() == 2 && tasks.by_id(old.id()).is_some());
    assert!(is_cancelled(&tasks.cancel("a").expect("it lives").await));
    assert!(NEW.dropped.is_set() && !OLD.dropped.is_set(), "the name no longer reaches the old one");
    OLD.finish.open();
    assert!(old.wait().await == StaticOutcome::Completed);
    assert!(tasks.get_live("a").is_none());
}

pub(crate) async fn law_06_unnamed_tasks_never_conflict(lab: Lab) {
    static PROBES: [Probe; 3] = [const { Probe::new() }; 3];
    let tasks = registry!(3);
    for probe in &PROBES {
        let task = lab.run(tasks.reserve_unnamed().expect("there is room"), probe.body());
        assert!(task.name().is_none());
    }
    assert!(tasks.live() == 3);
    for probe in &PROBES {
        probe.finish.open();
    }
    tasks.wait_idle().await;
    assert!(tasks.live() == 0 && PROBES.iter().all(|probe| probe.dropped.is_set()));
}
