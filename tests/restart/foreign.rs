//! Factories are foreign code: what they do, and what goes with them.

use task_registry::{Options, Retain};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

pub(crate) async fn law_09_a_factory_may_call_the_registry<H: Restarts>(tasks: Reg<H>) {
    let seen = Feed::default();
    seen.finish.open();
    feed::<H>(&tasks, &seen, seen.factory()).await.await.unwrap();
    let make = factory::<H::Mode>(move |cx| {
        let tasks = cx.tasks().clone();
        assert_eq!(tasks.get_live("nosy").as_ref(), Some(cx.task()));
        assert!(tasks.restart("feed").is_ok());
        drop(tasks.reserve("from a factory").expect("the registry is open"));
        drop((tasks.snapshot(), tasks.counts()));
        body(async {})
    });
    tasks.spawn_restartable("nosy", make).unwrap().await.unwrap();
    let again = tasks.restart("nosy").unwrap();
    assert!(again.wait().await.is_completed());
    tasks.wait_idle().await;
    assert_eq!(seen.made.get(), 3);
}

/// A factory that owns `guard`.
fn owning<H: Restarts>(guard: OnDrop) -> Factory<H::Mode> {
    factory(move |_| {
        let _owned = &guard;
        body(async {})
    })
}

/// Waits until the last reference to a task of which nothing else is left has gone: its wrapper's.
async fn dropped(flag: &Flag) {
    while !flag.is_set() {
        yield_now().await;
    }
}

pub(crate) async fn law_09_a_factorys_destructor_may_call_the_registry<H: Restarts>(tasks: Reg<H>) {
    let (gone, inner) = (Flag::default(), tasks.tasks().clone());
    let flag = gone.clone();
    let guard = OnDrop::new(move || {
        drop((inner.get("feed"), inner.snapshot(), inner.counts(), inner.restart("feed")));
        flag.set();
    });
    tasks.spawn_restartable("feed", owning::<H>(guard)).unwrap().await.unwrap();
    assert_eq!(tasks.purge(), 1);
    dropped(&gone).await;
    assert!(tasks.is_empty());
}

pub(crate) async fn law_14_a_factory_whose_destructor_panics_harms_nobody<H: Restarts>(
    tasks: Reg<H>,
) {
    let gone = Flag::default();
    let flag = gone.clone();
    let guard = OnDrop::new(move || {
        flag.set();
        blow_up("in the factory's destructor");
    });
    tasks.spawn_restartable("feed", owning::<H>(guard)).unwrap().await.unwrap();
    tasks.restart("feed").unwrap().wait().await;
    assert!(!gone.is_set());
    assert_eq!(tasks.purge(), 2);
    dropped(&gone).await;
    assert!(tasks.is_empty());
}

pub(crate) async fn law_08_a_record_of_a_restartable_task_keeps_no_registry_alive<H: Restarts>(
    tasks: Reg<H>,
) {
    let gone = Flag::default();
    let registry = another(&tasks, Options::new());
    let make = owning::<H>(gone.on_drop());
    registry.spawn_restartable("feed", make).unwrap().await.unwrap();
    let second = registry.restart("feed").unwrap();
    second.wait().await;
    assert_eq!(registry.records(), 2);
    drop((second, registry));
    dropped(&gone).await;
}

pub(crate) async fn law_15_the_factory_goes_with_the_last_record<H: Restarts>(tasks: Reg<H>) {
    let gone = Flag::default();
    let registry = another(&tasks, Options::new().retain(Retain::Newest(1)));
    let first = registry.spawn_restartable("feed", owning::<H>(gone.on_drop())).unwrap();
    first.wait().await;
    drop(first);
    registry.restart("feed").unwrap().wait().await;
    assert_eq!(registry.records(), 1, "the first one's was evicted");
    assert!(!gone.is_set());
    registry.spawn("other", body(async {})).unwrap().await.unwrap();
    dropped(&gone).await;
    assert!(registry.restart("feed").is_err());
}
