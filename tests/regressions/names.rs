//! Found by the model: what `get` says of a name whose record gave way to a task that came to nothing. It stays given away
//! (law 6), and says so in the documentation; only a restart gives it back.

use std::future::Future;

use futures_lite::future::block_on;
use task_registry::{Outcome, Refused, Registry, Spawn, SpawnError, Spawner, mode};

/// Runs nothing.
struct Refuses;

impl Spawner for Refuses {
    type Handle = ();
    type Mode = mode::Sync;
}

impl<F: Future<Output = ()>> Spawn<F> for Refuses {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        Err(Refused::gone(future))
    }
}

#[test]
fn law_06_a_record_whose_name_went_to_a_task_that_came_to_nothing_is_found_by_its_id_alone() {
    for gives_up in [true, false] {
        let tasks = Registry::new(Refuses);
        let ended = block_on(tasks.reserve("a").unwrap().run(async { 7 }).unwrap());
        assert_eq!(ended.unwrap(), 7);
        let record = tasks.get("a").expect("it has ended, and has a record");
        if gives_up {
            let ticket = tasks.reserve("a").unwrap();
            assert_eq!(tasks.get("a").as_ref(), Some(ticket.task()));
            drop(ticket);
        } else {
            let error = tasks.spawn("a", async {}).unwrap_err();
            assert!(matches!(error, SpawnError::Refused(_)));
        }
        assert!(tasks.get("a").is_none() && tasks.get_live("a").is_none());
        assert_eq!(tasks.state("a"), None);
        assert_eq!(tasks.by_id(record.id()).unwrap().outcome(), Some(Outcome::Completed));
        assert_eq!((tasks.live(), tasks.records(), tasks.snapshot().len()), (0, 1, 1));
        let again = tasks.reserve("a").expect("the name is nobody's");
        assert_eq!(again.task().name(), Some("a"));
    }
}
