//! What is in the way of a restart, and what it leaves behind.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};

use task_registry::{Options, Outcome, RestartError, SpawnError, State};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn what_is_unknown_or_came_from_no_factory_is_not_restarted<H: Restarts>(
    tasks: Reg<H>,
) {
    assert_eq!(tasks.restart("nobody").unwrap_err(), RestartError::NotFound);
    assert_eq!(tasks.restart("").unwrap_err(), RestartError::NotFound);
    let plain = hold(&tasks, "plain").await;
    assert_eq!(tasks.restart("plain").unwrap_err(), RestartError::NotRestartable);
    assert_eq!(plain.task.state(), State::Running, "nobody asked it to stop");
    plain.finish.open();
    plain.task.await.unwrap();
    assert_eq!(tasks.restart("plain").unwrap_err(), RestartError::NotRestartable);
    let seen = Feed::default();
    seen.finish.open();
    feed::<H>(&tasks, &seen, seen.factory()).await.await.unwrap();
    tasks.purge();
    assert_eq!(tasks.restart("feed").unwrap_err(), RestartError::NotFound);
    assert_eq!(seen.made.get(), 1);
    assert!(tasks.is_empty());
}

pub(crate) async fn law_12_a_shutdown_is_no_time_for_a_restart<H: Restarts>(tasks: Reg<H>) {
    let registry = another(&tasks, Options::new());
    let seen = Feed::default();
    let old = feed::<H>(&registry, &seen, seen.shielded()).await;
    let closed = RestartError::NotSpawned(SpawnError::Closed);
    let shutdown = registry.shutdown(pending::<()>());
    assert_eq!(registry.restart("feed").unwrap_err(), closed);
    assert_eq!((registry.live(), seen.made.get()), (1, 1));
    seen.finish.open();
    assert!(shutdown.await.is_clean());
    assert_eq!(old.wait().await, Outcome::Completed);
    assert_eq!(registry.restart("feed").unwrap_err(), closed, "nor is its record one for it");
    assert_eq!(seen.made.get(), 1);
}

pub(crate) async fn a_full_registry_leaves_the_old_task_alone<H: Restarts>(tasks: Reg<H>) {
    let registry = another(&tasks, Options::new().capacity(1));
    let seen = Feed::default();
    let old = feed::<H>(&registry, &seen, seen.factory()).await;
    let full = RestartError::NotSpawned(SpawnError::Full { capacity: 1 });
    assert_eq!(registry.restart("feed").unwrap_err(), full);
    assert_eq!((old.state(), seen.made.get()), (State::Running, 1));
    seen.finish.open();
    old.await.unwrap();
    let new = registry.restart("feed").expect("its place is free now");
    assert_eq!(new.wait().await, Outcome::Completed);
}

/// A factory that panics while the flag is set.
fn moody<H: Restarts>(seen: &Feed, bad: &Flag) -> Factory<H::Mode> {
    let (make, bad) = (seen.shielded(), bad.clone());
    factory(move |cx| if bad.is_set() { blow_up("in the factory") } else { make(cx) })
}

#[track_caller]
fn panics<R>(call: impl FnOnce() -> R) {
    let payload = catch_unwind(AssertUnwindSafe(call)).err().expect("a panic");
    assert_eq!(payload.downcast_ref(), Some(&"in the factory"));
}

pub(crate) async fn law_14_a_factory_that_panics_at_the_first_spawn_gives_the_place_back<
    H: Restarts,
>(
    tasks: Reg<H>,
) {
    let (seen, bad) = (Feed::default(), Flag::default());
    bad.set();
    panics(|| tasks.spawn_restartable("feed", moody::<H>(&seen, &bad)));
    assert_eq!((tasks.live(), tasks.records()), (0, 0));
    assert_eq!(tasks.restart("feed").unwrap_err(), RestartError::NotFound);
    hold(&tasks, "feed").await.finish.open();
    tasks.wait_idle().await;
}

pub(crate) async fn law_14_a_factory_that_panics_gives_the_name_back_to_the_live_task<
    H: Restarts,
>(
    tasks: Reg<H>,
) {
    let (seen, bad) = (Feed::default(), Flag::default());
    let old = feed::<H>(&tasks, &seen, moody::<H>(&seen, &bad)).await;
    bad.set();
    panics(|| tasks.restart("feed"));
    assert_eq!(tasks.get_live("feed").as_ref(), Some(old.task()));
    assert_eq!(old.state(), State::Stopping, "it was asked before the factory was called");
    assert_eq!((tasks.live(), tasks.records()), (1, 0));
    seen.finish.open();
    old.await.unwrap();
}

pub(crate) async fn law_14_a_factory_that_panics_leaves_the_record_restartable<H: Restarts>(
    tasks: Reg<H>,
) {
    let (seen, mood) = (Feed::default(), Count::default());
    seen.finish.open();
    let (make, number) = (seen.factory(), mood.clone());
    let make = factory(move |cx| match number.add() {
        2 => blow_up("in the factory"),
        _ => make(cx),
    });
    feed::<H>(&tasks, &seen, make).await.await.unwrap();
    panics(|| tasks.restart("feed"));
    assert_eq!(tasks.get("feed").unwrap().outcome(), Some(Outcome::Completed));
    assert_eq!(tasks.snapshot().len(), 1);
    let third = tasks.restart("feed").expect("the record still has its name, and its factory");
    assert_eq!(third.wait().await, Outcome::Completed);
}

pub(crate) async fn a_task_cancelled_by_its_own_factory_has_ended_when_it_comes<H: Restarts>(
    tasks: Reg<H>,
) {
    let number = Count::default();
    let count = number.clone();
    let make = factory::<H::Mode>(move |cx| {
        if count.add() == 2 {
            drop(cx.task().cancel_with("not today"));
        }
        body(async {})
    });
    tasks.spawn_restartable("feed", make).unwrap().await.unwrap();
    let second = tasks.restart("feed").expect("it had its place");
    assert_eq!(second.outcome().unwrap().reason(), Some("not today"));
    assert_eq!(tasks.get("feed"), Some(second));
    let third = tasks.restart("feed").unwrap();
    assert_eq!(third.wait().await, Outcome::Completed);
}
