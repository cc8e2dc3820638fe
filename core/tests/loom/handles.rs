//! Each kind of handle let go of while its task ends.

use loom::thread;
use task_registry_core::{Options, Outcome, Retain};

use crate::harness::{Driven, Gone, Owned, Yield, brief, model, registry, with, word};

/// Owns something for two polls, and returns something else.
async fn returning<T>(_owned: Owned, output: T) -> T {
    Yield::default().await;
    output
}

#[test]
fn the_output_goes_to_a_handle_that_comes_before_the_end_or_after() {
    model("end ∥ await handle").reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let ((owned, body), (output, dropped)) = (Gone::new(), Gone::new());
        let handle = tasks.spawn("x", returning(owned, output)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let joiner = thread::spawn(move || {
            let mut handle = Driven::new(handle);
            if handle.poll() {
                assert!(body.is());
            }
            handle
        });
        task.go_on();
        task.finish();
        let handle = joiner.join().unwrap();
        reached.that(if handle.is_done() { "at once" } else { "woken" });
        let output = handle.finish().unwrap();
        assert!(!dropped.is());
        drop(output);
        assert!(dropped.is());
    });
}

#[test]
fn an_output_whose_handle_is_dropped_is_gone_before_the_end_is_seen() {
    let_go_of("end ∥ drop handle (law 15)", |output| output);
}

#[test]
fn a_large_output_whose_handle_is_dropped_is_gone_before_the_end_is_seen() {
    let_go_of("end ∥ drop handle of a large output (law 15)", |output| (output, [0; 7]));
}

fn let_go_of<T: Send + 'static>(name: &'static str, make: fn(Owned) -> T) {
    let outcomes = ["let go of before the end", "let go of after it"];
    model(name).reaches(&outcomes, move |reached| {
        let tasks = registry();
        let ((owned, _), (output, dropped)) = (Gone::new(), Gone::new());
        let handle = tasks.spawn("x", returning(owned, make(output))).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let (looks, seen) = (handle.task().clone(), dropped.clone());
        let dropper = thread::spawn(move || {
            let early = !looks.is_ended();
            drop(handle);
            assert!(!looks.is_ended() || seen.is());
            early && looks.is_ended()
        });
        task.go_on();
        task.finish();
        let before = !dropper.join().unwrap();
        assert!(dropped.is());
        reached.that(if before { outcomes[0] } else { outcomes[1] });
    });
}

#[test]
fn a_waiter_that_sees_the_end_sees_an_unwanted_output_gone() {
    model("end ∥ drop handle ∥ wait (law 15)").preemptions(2).large().reaches(
        &["at once", "woken"],
        |reached| {
            let tasks = registry();
            let ((owned, _), (output, dropped)) = (Gone::new(), Gone::new());
            let handle = tasks.spawn("x", returning(owned, output)).unwrap();
            let mut task = tasks.spawner().take();
            task.poll();
            let waits = handle.task().clone();
            let waiter = thread::spawn(move || {
                let mut wait = Driven::new(waits.wait());
                wait.poll();
                wait
            });
            let dropper = thread::spawn(move || drop(handle));
            task.go_on();
            task.finish();
            dropper.join().unwrap();
            let wait = waiter.join().unwrap();
            reached.that(if wait.is_done() { "at once" } else { "woken" });
            assert_eq!(wait.finish(), Outcome::Completed);
            assert!(dropped.is());
        },
    );
}

#[test]
fn a_handle_that_moves_to_another_waker_is_woken_by_the_new_one() {
    model("end ∥ await handle again").reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let ((owned, _), (output, _)) = (Gone::new(), Gone::new());
        let mut handle = Driven::new(tasks.spawn("x", returning(owned, output)).unwrap());
        let mut task = tasks.spawner().take();
        task.poll();
        handle.poll();
        handle.migrate();
        let joiner = thread::spawn(move || {
            handle.poll();
            handle
        });
        task.go_on();
        task.finish();
        let handle = joiner.join().unwrap();
        reached.that(if handle.is_done() { "at once" } else { "woken" });
        assert!(handle.finish().is_ok());
    });
}

#[test]
fn the_last_of_several_references_frees_the_slot_and_no_earlier_one() {
    let options = || Options::new().retain(Retain::Nothing);
    model("end ∥ drop TaskRef ∥ drop handle").preemptions(2).reaches(
        &["listed", "not listed"],
        move |reached| {
            let tasks = with(options());
            let (owned, gone) = Gone::new();
            let handle = tasks.spawn("x", brief(owned)).unwrap();
            let mut task = tasks.spawner().take();
            task.poll();
            let (id, looks, table) = (handle.id(), handle.task().clone(), tasks.tasks().clone());
            let dropper = thread::spawn(move || {
                assert_eq!(looks.name(), Some("x"));
                drop(looks);
                table.get_live("x").map(drop).is_some()
            });
            let other = thread::spawn(move || drop(handle));
            task.go_on();
            task.finish();
            let listed = dropper.join().unwrap();
            other.join().unwrap();
            reached.that(if listed { "listed" } else { "not listed" });
            assert!(gone.is() && tasks.is_empty() && tasks.get("x").is_none());
            // The slot is used again, by another task.
            let (owned, _) = Gone::new();
            let next = tasks.spawn("x", brief(owned)).unwrap();
            assert_ne!(next.id(), id);
            tasks.spawner().take().run().finish();
        },
    );
}

#[test]
fn a_wait_that_is_dropped_while_it_is_woken_takes_no_wake_up_from_others() {
    let outcomes = ["ready", "dropped in time", "woken, then dropped"];
    model("end ∥ drop Wait").reaches(&outcomes, move |reached| {
        let tasks = registry();
        let (owned, _) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let first = Driven::new(handle.wait()).run();
        let leaves = handle.task().clone();
        let leaver = thread::spawn(move || {
            let mut wait = Driven::new(leaves.wait());
            if wait.poll() {
                return "ready";
            }
            wait.abandon();
            if wait.woken() { "woken, then dropped" } else { "dropped in time" }
        });
        let last = Driven::new(handle.wait()).run();
        task.go_on();
        task.finish();
        reached.that(leaver.join().unwrap());
        assert_eq!(first.finish(), Outcome::Completed);
        assert_eq!(last.finish(), Outcome::Completed);
    });
}

#[test]
fn a_cancelling_that_is_dropped_while_the_task_ends_undoes_nothing() {
    model("end ∥ drop Cancelling").reaches(&["cancelled", "completed"], |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let asks = handle.task().clone();
        let canceller = thread::spawn(move || {
            let mut end = Driven::new(asks.cancel());
            end.poll();
            end.abandon();
        });
        task.go_on();
        canceller.join().unwrap();
        task.finish();
        assert!(gone.is());
        reached.that(word(&handle.outcome().unwrap()));
    });
}
