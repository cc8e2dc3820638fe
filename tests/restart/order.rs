//! The new one starts after the old one has ended, under one name throughout.

use std::future::pending;

use task_registry::{Options, Outcome, Retain, State};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn law_06_a_live_task_is_restarted_once_it_has_ended<H: Restarts>(tasks: Reg<H>) {
    let seen = Feed::default();
    let old = feed::<H>(&tasks, &seen, seen.shielded()).await;
    let new = tasks.restart("feed").expect("it came from a factory");
    assert_eq!((new.name(), new.state()), (Some("feed"), State::Queued));
    assert_eq!(old.state(), State::Stopping, "it was asked");
    assert_eq!(tasks.get_live("feed").as_ref(), Some(&new), "the name is the new one's at once");
    assert_ne!(old.id(), new.id());
    seen.finish.open();
    assert_eq!(new.wait().await, Outcome::Completed);
    assert_eq!(old.outcome(), Some(Outcome::Completed), "it came to its end under its shield");
    let order = ["made 1", "starts 1", "made 2", "ends 1", "starts 2", "ends 2"];
    assert_eq!(seen.trace.read(), order);
}

pub(crate) async fn an_ended_task_is_restarted_from_its_record<H: Restarts>(tasks: Reg<H>) {
    let seen = Feed::default();
    seen.finish.open();
    let first = feed::<H>(&tasks, &seen, seen.factory()).await;
    first.await.unwrap();
    for number in 2..5 {
        let next = tasks.restart("feed").expect("the record is there");
        assert_eq!(next.wait().await, Outcome::Completed);
        assert_eq!(seen.made.get(), number);
        assert_eq!(tasks.get("feed"), Some(next));
    }
    assert_eq!(tasks.records(), 4);
}

pub(crate) async fn a_task_restarts_itself<H: Restarts>(tasks: Reg<H>) {
    let (made, trace) = (Count::default(), Trace::default());
    let (count, notes) = (made.clone(), trace.clone());
    let make = factory(move |cx| {
        let (number, trace) = (count.add(), notes.clone());
        body(async move {
            let trace_end = trace.clone();
            let _ends = OnDrop::new(move || trace_end.note(format!("ends {number}")));
            trace.note(format!("starts {number}"));
            if number < 3 {
                let next = cx.tasks().restart("self").expect("one may restart oneself");
                assert_eq!(next.state(), State::Queued);
                assert!(cx.is_cancelled(), "it takes effect at the next await");
                next.wait().await;
                unreachable!("it ended at that await");
            }
        })
    });
    let first = tasks.spawn_restartable("self", make).unwrap();
    assert_eq!(first.wait().await.reason(), Some("replaced"));
    tasks.wait_idle().await;
    assert_eq!(made.get(), 3);
    let order = ["starts 1", "ends 1", "starts 2", "ends 2", "starts 3", "ends 3"];
    assert_eq!(trace.read(), order);
    assert_eq!(tasks.get("self").unwrap().outcome(), Some(Outcome::Completed));
}

pub(crate) async fn of_restarts_in_a_row_the_last_one_runs<H: Restarts>(tasks: Reg<H>) {
    let seen = Feed::default();
    let first = feed::<H>(&tasks, &seen, seen.shielded()).await;
    let row: Vec<_> = (0..4).map(|_| tasks.restart("feed").expect("there is a place")).collect();
    let (last, others) = row.split_last().unwrap();
    assert_eq!(tasks.get_live("feed").as_ref(), Some(last));
    for other in others {
        assert_eq!(other.wait().await.reason(), Some("replaced"), "it never ran");
    }
    assert_eq!((first.is_ended(), last.state()), (false, State::Queued));
    seen.finish.open();
    assert_eq!(last.wait().await, Outcome::Completed);
    let ran: Vec<_> = seen.trace.read().into_iter().filter(|note| !note.starts_with('m')).collect();
    assert_eq!(ran, ["starts 1", "ends 1", "starts 5", "ends 5"]);
}

pub(crate) async fn a_task_that_has_not_started_is_restarted<H: Restarts>(tasks: Reg<H>) {
    let seen = Feed::default();
    let holder = hold(&tasks, "feed").await;
    let queued = tasks.task("feed").on_conflict(task_registry::conflict::Detach);
    let stalled = stall::<H>(&tasks).await;
    let queued = queued.spawn_restartable(seen.factory()).unwrap();
    let next = tasks.restart("feed").unwrap();
    drop(stalled);
    assert_eq!(queued.wait().await.reason(), Some("replaced"));
    seen.started.pass().await;
    next.cancel().await;
    assert!(!holder.task.is_ended(), "it has no part in this");
    assert_eq!(seen.trace.read(), ["made 1", "made 2", "starts 2", "ends 2"]);
    holder.finish.open();
    holder.task.await.unwrap();
}

pub(crate) async fn a_restarted_task_is_cancelled_and_shut_down_as_any<H: Restarts>(tasks: Reg<H>) {
    let registry = another(&tasks, Options::new().retain(Retain::Everything));
    let seen = Feed::default();
    drop(feed::<H>(&registry, &seen, seen.factory()).await);
    let second = registry.restart("feed").unwrap();
    assert_eq!(second.cancel_with("enough").await.reason(), Some("enough"));
    let third = registry.restart("feed").unwrap();
    let report = registry.shutdown(pending::<()>()).await;
    assert!(report.is_clean());
    assert_eq!(third.outcome().unwrap().reason(), Some("shutdown"));
    assert_eq!(registry.records(), 3);
}
