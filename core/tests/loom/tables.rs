//! Who keeps a table. Loom itself reports one that nobody frees.

use loom::thread;
use task_registry_core::{Observer, Options, Outcome, Retain};

use crate::harness::{Gone, Owned, endless, model, registry, with};

#[test]
fn the_last_reference_to_a_table_may_go_on_any_thread() {
    model("drop registry ∥ drop task ∥ drop TaskRef").preemptions(2).reaches(
        &["abandoned", "ended", "unheard of"],
        |reached| {
            let tasks = registry();
            let (owned, gone) = Gone::new();
            let handle = tasks.spawn("x", endless(owned)).unwrap();
            let looks = handle.task().clone();
            let task = tasks.spawner().take().run();
            let table = tasks.tasks().clone();
            drop((handle, tasks));
            let dropper = thread::spawn(move || table.get("x").map(|task| task.is_ended()));
            let executor = thread::spawn(move || drop(task));
            let outcome = looks.outcome();
            drop(looks);
            let found = dropper.join().unwrap();
            executor.join().unwrap();
            assert!(gone.is() && found.is_some());
            reached.that(match (outcome, found) {
                (Some(Outcome::Abandoned), _) => "abandoned",
                (_, Some(true)) => "ended",
                _ => "unheard of",
            });
        },
    );
}

#[test]
fn the_shards_of_a_table_are_left_in_any_order() {
    model("drop registry ∥ drop TaskRef ∥ drop TaskRef of another shard")
        .preemptions(2)
        .shard_bits(1)
        .reaches(&["forgotten"], |reached| {
            let tasks = registry();
            // One after the other they go to each shard.
            let looks = [(), ()].map(|()| {
                let task = tasks.spawn_unnamed(async {}).unwrap().task().clone();
                tasks.spawner().take().run().finish();
                task
            });
            let droppers = looks.map(|task| thread::spawn(move || drop(task)));
            drop(tasks);
            for dropper in droppers {
                dropper.join().unwrap();
            }
            reached.that("forgotten");
        });
}

/// Goes with its table.
struct Silent(#[expect(dead_code, reason = "for its destructor")] Owned);

impl Observer for Silent {}

#[test]
fn a_table_stays_until_the_last_task_of_a_shard_is_let_go_of() {
    model("drop TaskRef ∥ drop TaskRef of the same shard").reaches(&["kept", "gone"], |reached| {
        let (owned, gone) = Gone::new();
        let tasks = with(Options::new().observer(Silent(owned)));
        let [one, other] = [(), ()].map(|()| {
            let task = tasks.spawn_unnamed(async {}).unwrap().task().clone();
            tasks.spawner().take().run().finish();
            task
        });
        drop(tasks);
        let dropper = thread::spawn(move || drop(one));
        assert!(!gone.is());
        drop(other);
        let outcome = if gone.is() { "gone" } else { "kept" };
        dropper.join().unwrap();
        assert!(gone.is());
        reached.that(outcome);
    });
}

#[test]
fn a_record_is_forgotten_by_the_last_registry_or_before() {
    let outcomes = ["by the registry", "by its task"];
    model("drop registry ∥ TaskRef::purge").reaches(&outcomes, move |reached| {
        let tasks = registry();
        let (output, dropped) = Gone::new();
        let handle = tasks.task("x").keep_result().spawn(async { output }).unwrap();
        let task = handle.task().clone();
        drop(handle);
        tasks.spawner().take().run().finish();
        let purger = thread::spawn(move || {
            let own = task.purge();
            assert_eq!(task.name(), Some("x"));
            own
        });
        drop(tasks);
        let own = purger.join().unwrap();
        assert!(dropped.is());
        reached.that(outcomes[usize::from(own)]);
    });
}

#[test]
fn a_record_that_makes_room_for_another_goes_while_the_last_registry_does() {
    model("drop registry ∥ an end that makes a record go").shard_bits(1).reaches(
        &["completed"],
        |reached| {
            let tasks = with(Options::new().retain(Retain::Newest(1)));
            drop(tasks.spawn_unnamed(async {}).unwrap());
            tasks.spawner().take().run().finish();
            let handle = tasks.spawn_unnamed(async {}).unwrap();
            let mut task = tasks.spawner().take();
            let ender = thread::spawn(move || {
                task.poll();
                task.finish();
            });
            drop(tasks);
            ender.join().unwrap();
            assert_eq!(handle.outcome(), Some(Outcome::Completed));
            reached.that("completed");
        },
    );
}

#[test]
fn an_output_that_is_kept_goes_with_the_last_registry_also_while_its_task_ends() {
    model("drop registry ∥ end of keep_result").reaches(&["gone"], |reached| {
        let tasks = registry();
        let (output, dropped) = Gone::new();
        let handle = tasks.task("x").keep_result().spawn(async { output }).unwrap();
        let task = handle.task().clone();
        drop(handle);
        let mut running = tasks.spawner().take();
        let ender = thread::spawn(move || {
            running.poll();
            running.finish();
        });
        drop(tasks);
        ender.join().unwrap();
        assert!(dropped.is(), "it is kept for nobody");
        assert!(task.outcome().unwrap().is_completed());
        reached.that("gone");
    });
}
