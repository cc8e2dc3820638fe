//! Laws 15 and 17: what is kept of a task that has ended, and who gets its result.

use task_registry::mode::Carry;
use task_registry::{Options, Outcome, Retain, TakeError};

use crate::harness::*;
use crate::kit::*;

async fn ended<H: Harness>(tasks: &Reg<H>, names: std::ops::Range<u32>) {
    for name in names {
        tasks.spawn(u64::from(name), body(async move { name })).unwrap().await.unwrap();
    }
}

pub(crate) async fn law_15_the_newest_records_are_kept_and_the_oldest_go<H: Harness>(
    tasks: Reg<H>,
) {
    let tasks = another(&tasks, Options::new().retain(Retain::Newest(3)));
    ended::<H>(&tasks, 0..10).await;
    assert_eq!((tasks.len(), tasks.live(), tasks.records()), (3, 0, 3));
    for name in 0..10u32 {
        assert_eq!(tasks.get(&name.to_string()).is_some(), name >= 7, "{name}");
    }
}

pub(crate) async fn law_15_the_default_keeps_1024_records<H: Harness>(tasks: Reg<H>) {
    ended::<H>(&tasks, 0..1030).await;
    assert_eq!(tasks.records(), 1024);
    assert!(tasks.get("5").is_none() && tasks.get("6").is_some());
}

pub(crate) async fn law_15_retention_may_keep_nothing_or_everything<H: Harness>(tasks: Reg<H>) {
    let forgetful = another(&tasks, Options::new().retain(Retain::Nothing));
    ended::<H>(&forgetful, 0..5).await;
    assert!(forgetful.is_empty());
    let handle = forgetful.spawn("kept by its handle", body(async { 5u32 })).unwrap();
    assert_eq!(handle.wait().await, Outcome::Completed);
    assert!(forgetful.get("kept by its handle").is_none());
    assert_eq!(handle.await.unwrap(), 5);

    let hoarder = another(&tasks, Options::new().retain(Retain::Everything));
    ended::<H>(&hoarder, 0..2000).await;
    assert_eq!(hoarder.records(), 2000);
    assert_eq!(hoarder.purge(), 2000);
    assert!(hoarder.is_empty());
}

pub(crate) async fn law_15_purge_forgets_ended_tasks_only<H: Harness>(tasks: Reg<H>) {
    let held = hold(&tasks, "lives").await;
    ended::<H>(&tasks, 0..5).await;
    assert_eq!((tasks.len(), tasks.live()), (6, 1));
    assert!(!held.task.purge(), "a live task cannot be purged");
    assert!(tasks.get("3").unwrap().purge());
    assert!(tasks.get("3").is_none());
    assert_eq!(tasks.purge(), 4);
    assert_eq!(tasks.purge(), 0);
    assert_eq!((tasks.len(), tasks.live()), (1, 1));
    assert_eq!(held.task.state(), task_registry::State::Running);
    held.finish.open();
    held.task.await.unwrap();
}

pub(crate) async fn law_15_purge_and_eviction_take_nothing_from_a_holder<H: Harness>(
    tasks: Reg<H>,
) {
    for evicts in [false, true] {
        let tasks = another(&tasks, Options::new().retain(Retain::Newest(1)));
        let task = tasks.spawn("a", body(async { 9u32 })).unwrap();
        let by_ref = task.task().clone();
        let mut end = Box::pin(by_ref.wait());
        by_ref.wait().await;
        if evicts {
            ended::<H>(&tasks, 0..5).await;
        } else {
            tasks.purge();
        }
        assert!(tasks.get("a").is_none() && tasks.by_id(by_ref.id()).is_none());
        assert_eq!(by_ref.outcome(), Some(Outcome::Completed));
        assert_eq!((by_ref.name(), by_ref.is_ended()), (Some("a"), true));
        assert_eq!(assert_ready(poll_once(&mut end.as_mut())), Outcome::Completed);
        assert_eq!(by_ref.cancel().await, Outcome::Completed);
        assert_eq!(task.await.unwrap(), 9);
        assert!(by_ref.to_string().contains('a'));
    }
}

pub(crate) async fn law_15_an_output_without_a_handle_is_dropped_before_waiters_wake<H: Harness>(
    tasks: Reg<H>,
) {
    let (gone, finish) = (Flag::default(), Gate::default());
    let output = gone.on_drop();
    let task = tasks
        .spawn(
            "a",
            body({
                let finish = finish.clone();
                async move {
                    finish.pass().await;
                    output
                }
            }),
        )
        .unwrap();
    let by_ref = task.task().clone();
    drop(task);
    let (seen, woken) = (Flag::default(), Gate::default());
    let waker = waker_calling({
        let (seen, woken, gone) = (seen.clone(), woken.clone(), gone.clone());
        move || {
            if gone.is_set() {
                seen.set();
            }
            woken.open();
        }
    });
    let mut wait = std::pin::pin!(by_ref.wait());
    assert_pending(poll_with(&mut wait, &waker));
    finish.open();
    woken.pass().await;
    assert!(seen.is_set(), "the output was still there when a waiter was woken");
    assert_eq!(assert_ready(poll_once(&mut wait)), Outcome::Completed);
}

pub(crate) async fn law_15_an_output_lives_as_long_as_its_handle<H: Harness>(tasks: Reg<H>) {
    let gone = Flag::default();
    let output = gone.on_drop();
    let task = tasks.spawn("a", body(async move { output })).unwrap();
    task.wait().await;
    tasks.purge();
    assert!(!gone.is_set());
    drop(task);
    assert!(gone.is_set());
    // Awaited, it is the caller's.
    let gone = Flag::default();
    let output = gone.on_drop();
    let output = tasks.spawn("b", body(async move { output })).unwrap().await.unwrap();
    tasks.purge();
    assert!(!gone.is_set());
    drop(output);
    assert!(gone.is_set());
}

pub(crate) async fn law_15_a_kept_result_waits_in_its_record<H: Harness>(tasks: Reg<H>)
where
    H::Mode: Carry<u32> + Carry<OnDrop>,
{
    let task = tasks.task("sum").keep_result().spawn(body(async { 42u32 })).unwrap();
    let by_ref = task.task().clone();
    drop(task);
    by_ref.wait().await;
    assert_eq!(tasks.take_result::<u32>("sum").unwrap(), 42);

    // It goes when its record goes, whoever still holds a reference: nobody could take it any more.
    for way in ["purge", "one", "evict"] {
        let tasks = another(&tasks, Options::new().retain(Retain::Newest(1)));
        let gone = Gate::default();
        let opened = gone.clone();
        let output = OnDrop::new(move || opened.open());
        let task = tasks.task("big").keep_result().spawn(body(async move { output })).unwrap();
        let by_ref = task.task().clone();
        by_ref.wait().await;
        drop(task);
        assert!(!gone.is_open());
        match way {
            "purge" => assert_eq!(tasks.purge(), 1),
            "one" => assert!(by_ref.purge()),
            _ => tasks.spawn("next", body(async {})).unwrap().await.unwrap(),
        }
        // Who purges finds it gone. Eviction is the other task's work, which may still be at it.
        assert!(gone.is_open() || way == "evict", "{way}");
        gone.pass().await;
        assert_eq!(by_ref.outcome(), Some(Outcome::Completed));
    }

    // Where the handle lives longer than the record, it goes with the handle.
    let gone = Flag::default();
    let output = gone.on_drop();
    let task = tasks.task("big").keep_result().spawn(body(async move { output })).unwrap();
    let by_ref = task.task().clone();
    by_ref.wait().await;
    assert!(by_ref.purge());
    assert!(!gone.is_set());
    drop(task);
    assert!(gone.is_set());
}

pub(crate) async fn law_17_a_result_is_taken_once<H: Harness>(tasks: Reg<H>)
where
    H::Mode: Carry<u32>,
{
    // By name, then by the handle.
    let task = tasks.task("a").keep_result().spawn(body(async { 1u32 })).unwrap();
    task.wait().await;
    assert_eq!(tasks.take_result::<u32>("a").unwrap(), 1);
    assert!(matches!(tasks.take_result::<u32>("a"), Err(TakeError::NoResult)));
    let error = task.await.unwrap_err();
    assert_eq!(*error.outcome(), Outcome::Completed, "it completed; the result is elsewhere");

    // By the handle, then by name.
    let task = tasks.task("b").keep_result().spawn(body(async { 2u32 })).unwrap();
    assert_eq!(task.await.unwrap(), 2);
    assert!(matches!(tasks.take_result::<u32>("b"), Err(TakeError::NoResult)));
}

pub(crate) async fn law_17_a_wrong_type_is_an_error_and_takes_nothing<H: Harness>(tasks: Reg<H>)
where
    H::Mode: Carry<u32> + Carry<i32> + Carry<String> + Carry<()>,
{
    let task = tasks.task("a").keep_result().spawn(body(async { 1u32 })).unwrap();
    assert!(matches!(tasks.take_result::<u32>("nobody"), Err(TakeError::NotFound)));
    task.wait().await;
    drop(task);
    assert!(matches!(tasks.take_result::<i32>("a"), Err(TakeError::WrongType)));
    assert!(matches!(tasks.take_result::<String>("a"), Err(TakeError::WrongType)));
    assert!(matches!(tasks.take_result::<()>("a"), Err(TakeError::WrongType)));
    assert_eq!(tasks.take_result::<u32>("a").unwrap(), 1, "it is still there for who knows it");
}

pub(crate) async fn law_17_a_result_by_name_says_why_there_is_none<H: Harness>(tasks: Reg<H>)
where
    H::Mode: Carry<u32> + Carry<()>,
{
    let held = hold(&tasks, "lives").await;
    assert!(matches!(tasks.take_result::<()>("lives"), Err(TakeError::NotEnded)));
    held.task.cancel().await;
    assert!(tasks.take_result::<()>("lives").is_err());
    let task = tasks.spawn("not kept", body(async { 1u32 })).unwrap();
    let by_ref = task.task().clone();
    drop(task);
    by_ref.wait().await;
    assert!(matches!(tasks.take_result::<u32>("not kept"), Err(TakeError::NoResult)));
    for error in
        [TakeError::NotFound, TakeError::NotEnded, TakeError::WrongType, TakeError::NoResult]
    {
        assert!(!error.to_string().is_empty());
    }
}

pub(crate) async fn law_17_a_handle_polled_after_its_result_was_taken_does_not_panic<H: Harness>(
    tasks: Reg<H>,
) {
    let mut task = tasks.spawn("a", body(async { 1u32 })).unwrap();
    task.wait().await;
    let mut task = std::pin::Pin::new(&mut task);
    assert_eq!(assert_ready(poll_once(&mut task)).unwrap(), 1);
    let again = assert_ready(poll_once(&mut task)).unwrap_err();
    assert_eq!(*again.outcome(), Outcome::Completed);
}
