//! Tasks of all workers, reached from any thread.

use std::collections::HashSet;
use std::future::pending;

use futures_lite::future::block_on;
use task_registry::{Outcome, Running, StartError, WorkersHandle};

use crate::Tested;
use crate::kit::{Trace, on_thread};
use crate::setup::{running, shut_down, workers};

pub(crate) fn any_thread_lists_all_tasks_by_worker_and_name<R: Tested>() {
    let started = running::<R>(3, &["writer", "beat"]);
    assert!(started.tasks(3).is_none());
    let handle = started.handle();
    let list = on_thread(move || handle.snapshot()).join();
    let names: Vec<_> = list.iter().map(|(worker, task)| (*worker, task.name().unwrap())).collect();
    let wanted: Vec<_> = (0..3).flat_map(|worker| [(worker, "beat"), (worker, "writer")]).collect();
    assert_eq!(names, wanted);
    assert_eq!(list.to_string().lines().count(), 6);
    assert!(list.to_string().starts_with("0  beat"), "{list}");
    shut_down(&started);
}

pub(crate) fn any_thread_gets_tasks_by_name_from_all_workers<R: Tested>() {
    let started = running::<R>(3, &["beat"]);
    let handle = started.handle();
    let found = on_thread(move || handle.get("beat")).join();
    assert_eq!(found.iter().map(|(worker, _)| *worker).collect::<Vec<_>>(), [0, 1, 2]);
    let ids: HashSet<_> = found.iter().map(|(_, task)| task.id()).collect();
    assert_eq!(ids.len(), 3);
    assert!(started.get("nobody").is_empty());
    shut_down(&started);
    assert!(found.iter().all(|(_, task)| task.outcome().is_some_and(|end| end.is_cancelled())));
    assert_eq!(started.get("beat").len(), 3, "records are kept");
    assert_eq!(started.purge(), 3);
    assert!(started.get("beat").is_empty());
}

pub(crate) fn cancel_by_name_reaches_all_workers_or_the_one_that_is_meant<R: Tested>() {
    let started = running::<R>(3, &["feed", "beat"]);
    let handle = started.handle();
    let end = on_thread(move || handle.tasks(1)?.cancel("feed").map(|end| end.wait_blocking()));
    let end = end.join();
    assert_eq!(end, Some(Outcome::Cancelled { reason: None }));
    let live = |name| -> Vec<usize> {
        let found = started.get(name).into_iter().filter(|(_, task)| !task.is_ended());
        found.map(|(worker, _)| worker).collect()
    };
    assert_eq!((live("feed"), live("beat")), (vec![0, 2], vec![0, 1, 2]));
    let ends = block_on(started.cancel_with("feed", "enough"));
    assert_eq!(ends.len(), 2);
    assert!(ends.iter().all(|end| end.outcome().reason() == Some("enough")));
    assert_eq!((live("feed"), live("beat")), (vec![], vec![0, 1, 2]));
    assert!(started.cancel("feed").is_empty());
    shut_down(&started);
}

pub(crate) fn dropping_the_running_workers_stops_nothing<R: Tested>() {
    let started = running::<R>(2, &["beat"]);
    let handle = started.handle();
    drop(started);
    assert_eq!(block_on(handle.cancel("beat")).len(), 2);
    assert!(!handle.main(0).unwrap().is_ended());
    shut_down(&handle);
}

#[test]
fn handles_go_to_any_thread_and_the_start_is_a_future_for_any() {
    fn to_any_thread<T: Send + Sync>() {}
    fn sent<T: Send>(value: T) -> T {
        value
    }
    to_any_thread::<WorkersHandle>();
    to_any_thread::<Running>();
    to_any_thread::<StartError>();
    #[cfg(feature = "local")]
    {
        let workers = workers::<task_registry::local::LocalThread>(1);
        let start = sent(workers.start(Trace::default(), |_| async {}));
        let started = block_on(start).unwrap();
        let report = block_on(sent(started.shutdown(pending::<()>())));
        assert!(report.is_clean());
    }
}
