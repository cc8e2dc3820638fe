//! Tickets: a place first, a future later. They obey laws 2, 4, 6 and 12 as every task does.

use std::pin::pin;

use task_registry::{Options, Outcome, SpawnError, State};

use crate::harness::*;
use crate::kit::*;

pub(crate) async fn law_06_an_unused_ticket_frees_its_place_and_leaves_no_record<H: Harness>(
    tasks: Reg<H>,
) {
    let tasks = another(&tasks, Options::new().capacity(1));
    let ticket = tasks.reserve("a").unwrap();
    assert_eq!(ticket.name(), Some("a"));
    let by_ref = tasks.get("a").expect("a reserved name is found");
    assert_eq!((by_ref.id(), by_ref.state()), (ticket.id(), State::Queued));
    let (waker, wakes) = counting_waker();
    let mut wait = pin!(by_ref.wait());
    assert_pending(poll_with(&mut wait, &waker));
    drop(ticket);
    assert_eq!(wakes.get(), 1);
    assert_eq!(assert_ready(poll_with(&mut wait, &waker)), Outcome::NeverStarted);
    assert!(tasks.is_empty(), "no record is left");
    tasks.spawn("a", body(async {})).unwrap().await.unwrap();
}

pub(crate) async fn law_06_a_ticket_is_spawned_under_its_name_and_id<H: Harness>(tasks: Reg<H>) {
    let ticket = tasks.reserve("a").unwrap();
    let id = ticket.id();
    let task = ticket.spawn_on(tasks.spawner(), body(async { 1u32 })).unwrap();
    assert_eq!((task.id(), task.name()), (id, Some("a")));
    assert_eq!(task.await.unwrap(), 1);
    assert_eq!(tasks.get("a").unwrap().id(), id);
    let ticket = tasks.task("b").reserve().unwrap();
    assert_eq!(ticket.spawn_on(tasks.spawner(), body(async { 2u32 })).unwrap().await.unwrap(), 2);
}

pub(crate) async fn law_02_a_tracked_future_runs_wherever_it_is_polled<H: Harness>(tasks: Reg<H>) {
    let ticket = tasks.reserve("a").unwrap();
    let (tracked, task) = ticket
        .track(async {
            yield_now().await;
            "done"
        })
        .unwrap();
    tracked.await;
    assert_eq!(task.await.unwrap(), "done");
    assert_eq!(tasks.get("a").unwrap().outcome(), Some(Outcome::Completed));
}

pub(crate) async fn law_02_a_ticket_can_be_run_in_place<H: Harness>(tasks: Reg<H>) {
    let ticket = tasks.reserve("a").unwrap();
    let seen = ticket
        .run(async {
            yield_now().await;
            tasks.get("a").expect("it is listed while it runs").state()
        })
        .unwrap()
        .await;
    assert_eq!(seen.unwrap(), State::Running);
    assert_eq!(tasks.get("a").unwrap().outcome(), Some(Outcome::Completed));

    // A borrow of its surroundings is allowed: nothing is spawned.
    let local = String::from("borrowed");
    let ticket = tasks.reserve("b").unwrap();
    assert_eq!(ticket.run(async { local.len() }).unwrap().await.unwrap(), 8);

    // It can be cancelled from elsewhere.
    let ticket = tasks.reserve("c").unwrap();
    let mut run = pin!(ticket.run(std::future::pending::<()>()).unwrap());
    let (waker, wakes) = counting_waker();
    assert_pending(poll_with(&mut run, &waker).map(|_| ()));
    drop(tasks.cancel_with("c", "enough"));
    assert_eq!(wakes.get(), 1);
    let error = assert_ready(poll_with(&mut run, &waker)).unwrap_err();
    assert_eq!(error.reason(), Some("enough"));
}

pub(crate) async fn law_14_a_panic_of_a_future_run_in_place_is_its_result<H: Harness>(
    tasks: Reg<H>,
) {
    let ticket = tasks.reserve("a").unwrap();
    let result: Result<(), _> = ticket.run(async { blow_up("in place") }).unwrap().await;
    let payload = result.unwrap_err().into_panic().expect("a payload");
    assert_eq!(payload.downcast_ref::<&'static str>(), Some(&"in place"));
    assert!(tasks.get("a").unwrap().outcome().unwrap().is_panicked());
}

pub(crate) async fn law_11_a_run_that_is_dropped_is_abandoned<H: Harness>(tasks: Reg<H>) {
    let gone = Flag::default();
    let guard = gone.on_drop();
    let ticket = tasks.reserve("a").unwrap();
    let mut run = Box::pin(
        ticket
            .run(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            })
            .unwrap(),
    );
    assert_pending(poll_once(&mut run.as_mut()).map(|_| ()));
    let task = tasks.get("a").unwrap();
    assert_eq!(task.state(), State::Running);
    drop(run);
    assert!(gone.is_set());
    assert_eq!(task.wait().await, Outcome::Abandoned);
    // Never polled at all: the same.
    let ticket = tasks.reserve("b").unwrap();
    drop(ticket.run(std::future::pending::<()>()).unwrap());
    assert_eq!(tasks.get("b").unwrap().outcome(), Some(Outcome::Abandoned));
}

pub(crate) async fn law_12_a_ticket_does_not_pass_a_closed_gate<H: Harness>(tasks: Reg<H>) {
    let ran = Flag::default();
    let ticket = tasks.reserve("a").unwrap();
    let in_place = tasks.reserve("b").unwrap();
    let shutdown = tasks.shutdown(std::future::pending::<()>());
    let refused = ticket
        .track(body({
            let ran = ran.clone();
            async move { ran.set() }
        }))
        .unwrap_err();
    assert!(
        matches!(refused.kind, SpawnError::Closed | SpawnError::Cancelled),
        "{:?}",
        refused.kind
    );
    let inner = ran.clone();
    let refused = in_place.run(async move { inner.set() }).unwrap_err();
    assert!(
        matches!(refused.kind, SpawnError::Closed | SpawnError::Cancelled),
        "{:?}",
        refused.kind
    );
    assert!(!ran.is_set());
    assert!(shutdown.await.is_clean());
}

pub(crate) async fn law_13_an_idle_ticket_does_not_hold_a_shutdown_up<H: Harness>(tasks: Reg<H>) {
    let ticket = tasks.reserve("a").unwrap();
    let report = tasks.shutdown(std::future::pending::<()>()).await;
    assert!(report.is_clean(), "there is nothing that could still run: {report}");
    drop(ticket);
}
