//! What is left of tasks that ended, and slots that are used again.

use loom::thread;
use task_registry_core::{Options, Retain, State, TakeError};

use crate::harness::{
    Driven, Gone, Owned, Yield, assert_quiet, beside, brief, endless, model, registry, with,
};

async fn returning(output: Owned) -> Owned {
    Yield::default().await;
    output
}

#[test]
fn a_record_that_is_purged_while_its_task_ends_stays_readable_for_who_found_it() {
    let outcomes = ["alive", "ended", "purged"];
    model("end ∥ purge ∥ get").preemptions(2).reaches(&outcomes, |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        drop(tasks.spawn("x", brief(owned)).unwrap());
        let mut task = tasks.spawner().take();
        task.poll();
        let (purges, gets) = (tasks.tasks().clone(), tasks.tasks().clone());
        let purger = thread::spawn(move || purges.purge());
        let getter = thread::spawn(move || {
            let found = gets.get("x");
            let ended = found.as_ref().map(|task| task.state() == State::Ended);
            assert!(ended == Some(false) || gone.is());
            (found, ended)
        });
        task.go_on();
        task.finish();
        let purged = purger.join().unwrap();
        let (found, ended) = getter.join().unwrap();
        assert_eq!(purged + tasks.records(), 1);
        assert_eq!(purged + tasks.purge(), 1);
        assert!(tasks.is_empty() && tasks.get("x").is_none());
        if let Some(found) = &found {
            assert!(found.name() == Some("x") && found.outcome().unwrap().is_completed());
        }
        reached.that(match ended {
            Some(false) => "alive",
            Some(true) => "ended",
            None => "purged",
        });
    });
}

#[test]
fn of_two_tasks_that_end_one_has_the_only_record() {
    let options = || Options::new().retain(Retain::Newest(1));
    model("end ∥ end (one record)").shard_bits(1).reaches(&["first", "second"], move |reached| {
        let tasks = with(options());
        let [first, second] = [(), ()].map(|()| {
            let (owned, _) = Gone::new();
            let id = tasks.spawn_unnamed(brief(owned)).unwrap().id();
            let mut task = tasks.spawner().take();
            task.poll();
            (id, task)
        });
        let (id, mut task) = second;
        let ender = thread::spawn(move || {
            task.go_on();
            task.finish();
        });
        let (other, mut task) = first;
        task.go_on();
        task.finish();
        ender.join().unwrap();
        assert_eq!((tasks.records(), tasks.live()), (1, 0));
        reached.that(match (tasks.by_id(other).is_some(), tasks.by_id(id).is_some()) {
            (true, false) => "first",
            (false, true) => "second",
            _ => panic!("both or none"),
        });
    });
}

#[test]
fn a_record_is_purged_once() {
    let outcomes = ["all", "one"];
    model("purge ∥ TaskRef::purge").reaches(&outcomes, |reached| {
        let tasks = registry();
        let (owned, _) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        tasks.spawner().take().run().finish();
        let task = handle.task().clone();
        drop(handle);
        let purger = thread::spawn(move || task.purge());
        let purged = tasks.purge();
        let one = purger.join().unwrap();
        assert_eq!(purged + usize::from(one), 1);
        assert!(tasks.is_empty() && tasks.get("x").is_none());
        // Its slot is free once, and not twice.
        let (y, z) = (tasks.reserve("y").unwrap(), tasks.reserve("z").unwrap());
        assert_eq!((y.name(), z.name()), (Some("y"), Some("z")));
        reached.that(if one { "one" } else { "all" });
    });
}

#[test]
fn a_result_that_is_kept_is_taken_or_goes_with_its_record() {
    model("take_result ∥ purge").reaches(&["taken", "purged"], |reached| {
        let tasks = registry();
        let (output, dropped) = Gone::new();
        drop(tasks.task("x").keep_result().spawn(returning(output)).unwrap());
        tasks.spawner().take().run().finish();
        assert!(!dropped.is());
        let purges = tasks.tasks().clone();
        let purger = thread::spawn(move || purges.purge());
        let taken = tasks.take_result::<Owned>("x");
        assert_eq!(purger.join().unwrap(), 1);
        match taken {
            Ok(output) => {
                assert!(!dropped.is());
                drop(output);
                reached.that("taken");
            }
            Err(TakeError::NotFound | TakeError::NoResult) => reached.that("purged"),
            Err(error) => panic!("{error}"),
        }
        assert!(dropped.is());
    });
}

#[test]
fn a_result_is_taken_by_the_handle_or_by_name() {
    model("await handle ∥ take_result").preemptions(2).large().reaches(
        &["handle", "name", "too early"],
        |reached| {
            let tasks = registry();
            let (output, dropped) = Gone::new();
            let handle = tasks.task("x").keep_result().spawn(returning(output)).unwrap();
            let mut task = tasks.spawner().take();
            task.poll();
            let takes = tasks.tasks().clone();
            let taker = thread::spawn(move || takes.take_result::<Owned>("x"));
            let joiner = thread::spawn(move || {
                let mut handle = Driven::new(handle);
                handle.poll();
                handle
            });
            task.go_on();
            task.finish();
            let taken = taker.join().unwrap();
            let joined = joiner.join().unwrap().finish();
            reached.that(match (&joined, &taken) {
                (Err(_), Ok(_)) => "name",
                (Ok(_), Err(TakeError::NoResult)) => "handle",
                (Ok(_), Err(TakeError::NotEnded)) => "too early",
                _ => panic!("both or none: {taken:?}", taken = taken.is_ok()),
            });
            assert!(!dropped.is());
            drop((joined, taken));
            assert!(dropped.is());
        },
    );
}

#[test]
fn an_id_never_leads_to_the_next_task_in_its_slot() {
    let options = || Options::new().retain(Retain::Nothing);
    model("slot reuse ∥ cancel by stale id").reaches(&["hit", "missed"], move |reached| {
        let tasks = with(options());
        let (owned, _) = Gone::new();
        let old = tasks.spawn("x", brief(owned)).unwrap().id();
        let mut task = tasks.spawner().take();
        task.poll();
        let own = beside(&tasks);
        let reuser = thread::spawn(move || {
            task.go_on();
            task.abandon();
            let (owned, _) = Gone::new();
            let new = own.spawn("x", brief(owned)).unwrap();
            (task, new, own.spawner().take())
        });
        let asked = tasks.cancel_id(old);
        let hit = asked.is_some_and(|end| {
            assert_eq!(end.task().id(), old);
            true
        });
        let (task, new, next) = reuser.join().unwrap();
        drop(task);
        assert_ne!(new.id(), old);
        next.run().finish();
        assert!(new.outcome().unwrap().is_completed());
        reached.that(if hit { "hit" } else { "missed" });
    });
}

#[test]
fn an_id_of_a_slot_whose_memory_was_given_back_leads_nowhere() {
    let options = || Options::new().retain(Retain::Nothing);
    // Chunks are of two slots here, and one is spared.
    model("chunk freed ∥ by_id").reaches(&["found", "gone"], move |reached| {
        let tasks = with(options());
        let mut all: Vec<_> = (0..5)
            .map(|_| {
                let (owned, _) = Gone::new();
                let id = tasks.spawn_unnamed(endless(owned)).unwrap().id();
                (id, tasks.spawner().take())
            })
            .collect();
        let (last, task) = all.pop().unwrap();
        // The other chunks are empty by then: one of them is spared.
        all.truncate(1);
        let dropper = thread::spawn(move || drop(task));
        let found = tasks.by_id(last);
        let was = found.as_ref().map(|task| task.id());
        dropper.join().unwrap();
        assert!(was.is_none_or(|id| id == last));
        if let Some(found) = found {
            let end = Driven::new(found.wait()).run();
            drop(found);
            end.finish();
        }
        assert!(tasks.by_id(last).is_none());
        assert_eq!(tasks.live(), 1);
        reached.that(if was.is_some() { "found" } else { "gone" });
    });
}

#[test]
fn an_output_whose_type_somebody_looks_at_goes_with_its_handle_all_the_same() {
    let outcomes = ["looked at", "gone"];
    model("drop handle ∥ take_result of another type").reaches(&outcomes, |reached| {
        let tasks = registry();
        let (output, dropped) = Gone::new();
        let handle = tasks.spawn("x", returning(output)).unwrap();
        tasks.spawner().take().run().finish();
        let takes = tasks.tasks().clone();
        let taker = thread::spawn(move || takes.take_result::<u8>("x"));
        drop(handle);
        assert!(dropped.is());
        match taker.join().unwrap() {
            Err(TakeError::WrongType) => reached.that("looked at"),
            Err(TakeError::NoResult) => reached.that("gone"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn an_output_whose_type_somebody_looks_at_goes_with_its_record_all_the_same() {
    let outcomes = ["looked at", "gone"];
    model("purge ∥ take_result of another type").reaches(&outcomes, |reached| {
        let tasks = registry();
        let (output, dropped) = Gone::new();
        let handle = tasks.task("x").keep_result().spawn(returning(output)).unwrap();
        let task = handle.task().clone();
        drop(handle);
        tasks.spawner().take().run().finish();
        let takes = tasks.tasks().clone();
        let taker = thread::spawn(move || takes.take_result::<u8>("x"));
        assert_eq!(tasks.purge(), 1);
        assert!(dropped.is());
        match taker.join().unwrap() {
            Err(TakeError::WrongType) => reached.that("looked at"),
            Err(TakeError::NotFound | TakeError::NoResult) => reached.that("gone"),
            other => panic!("{other:?}"),
        }
        drop(task);
    });
}

#[test]
fn who_lists_all_while_memory_is_given_back_sees_each_task_as_it_was_or_not_at_all() {
    let options = || Options::new().retain(Retain::Nothing);
    // Chunks are of two slots here, and one is spared.
    model("chunk freed ∥ snapshot").reaches(&["alive", "gone"], move |reached| {
        let tasks = with(options());
        let mut all: Vec<_> = (0..5u64)
            .map(|i| {
                let (owned, _) = Gone::new();
                let id = tasks.spawn(i, endless(owned)).unwrap().id();
                (id, tasks.spawner().take())
            })
            .collect();
        let (last, task) = all.pop().unwrap();
        all.truncate(1);
        let dropper = thread::spawn(move || drop(task));
        let snapshot = tasks.snapshot();
        dropper.join().unwrap();
        let seen: Vec<_> = snapshot.iter().map(|info| (info.id(), info.state())).collect();
        assert!(seen.iter().any(|(id, state)| *id == all[0].0 && *state == State::Queued));
        assert!(seen.len() <= 2 && seen.iter().all(|(id, _)| *id == last || *id == all[0].0));
        reached.that(if seen.len() == 2 { "alive" } else { "gone" });
        assert_eq!(tasks.live(), 1);
    });
}

#[test]
fn who_finds_no_record_counted_finds_none_any_other_way() {
    model("purge ∥ records, then look").reaches(&["there", "gone"], |reached| {
        let tasks = registry();
        let id = tasks.spawn("x", async {}).unwrap().id();
        tasks.spawner().take().run().finish();
        let purges = tasks.tasks().clone();
        let purger = thread::spawn(move || purges.purge());
        let gone = tasks.records() == 0;
        if gone {
            assert!(tasks.by_id(id).is_none() && tasks.get("x").is_none());
            assert!(tasks.snapshot().is_empty());
        }
        assert_eq!(purger.join().unwrap(), 1);
        reached.that(if gone { "gone" } else { "there" });
    });
}

#[test]
fn an_output_goes_with_the_last_that_has_a_claim_to_it() {
    let outcomes = ["purged while it was held", "held no more"];
    model("drop handle ∥ purge").reaches(&outcomes, move |reached| {
        let tasks = registry();
        let (output, dropped) = Gone::new();
        let handle = tasks.task("x").keep_result().spawn(returning(output)).unwrap();
        tasks.spawner().take().run().finish();
        let task = handle.task().clone();
        let (purges, seen) = (tasks.tasks().clone(), dropped.clone());
        let purger = thread::spawn(move || {
            assert_eq!(purges.purge(), 1);
            seen.is()
        });
        drop(handle);
        let at_once = purger.join().unwrap();
        // Neither waits for those who only look at the task.
        assert!(dropped.is() && task.name() == Some("x"));
        reached.that(outcomes[usize::from(at_once)]);
    });
}

#[test]
fn a_record_that_was_found_keeps_its_table_when_all_else_lets_go_of_it() {
    model("purge, drop registry ∥ get, drop registry").reaches(&["found", "gone"], |reached| {
        let tasks = registry();
        for name in ["x", "y"] {
            drop(tasks.spawn(name, async {}).unwrap());
            tasks.spawner().take().run().finish();
        }
        let (own, other) = (tasks.tasks().clone(), tasks.get("y"));
        let dropper = thread::spawn(move || {
            tasks.purge();
            drop(tasks);
            drop(other);
        });
        let found = own.get("x");
        drop(own);
        reached.that(if found.is_some() { "found" } else { "gone" });
        if let Some(task) = &found {
            assert!(task.name() == Some("x") && task.outcome().unwrap().is_completed());
        }
        dropper.join().unwrap();
        assert!(found.is_none_or(|task| task.name() == Some("x")));
    });
}

#[test]
fn a_record_that_is_purged_while_somebody_finds_it_is_as_it_was_to_him() {
    model("purge ∥ get, wait, cancel, purge").preemptions(2).reaches(
        &["found", "gone"],
        |reached| {
            let tasks = registry();
            let (owned, _) = Gone::new();
            drop(tasks.spawn("x", brief(owned)).unwrap());
            let mut task = tasks.spawner().take();
            task.poll();
            task.go_on();
            task.finish();
            let table = tasks.tasks().clone();
            let looker = thread::spawn(move || {
                let found = table.get("x")?;
                drop(found.cancel());
                assert!(Driven::new(found.wait()).poll(), "it has ended");
                assert!(found.outcome().is_some_and(|outcome| outcome.is_completed()));
                Some(found.purge())
            });
            let purged = tasks.purge();
            let (found, taken) = match looker.join().unwrap() {
                Some(taken) => ("found", usize::from(taken)),
                None => ("gone", 0),
            };
            assert_eq!((purged + taken, tasks.records(), tasks.len()), (1, 0, 0));
            reached.that(found);
            assert_quiet(&tasks);
        },
    );
}
