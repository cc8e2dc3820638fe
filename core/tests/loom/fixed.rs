//! Tables of fixed size between threads: names, records and room while tasks end, which they do under no lock of the table's.

use std::future::{Ready, pending, ready};

use loom::thread;
use task_registry_core::mode::{Fixed, Sync};
use task_registry_core::{SpawnError, State, StaticOutcome, StaticRegistry, StaticTasks, Tracked};

use crate::harness::{Driven, Gone, brief, endless, model};

type Tasks = StaticTasks<Sync>;

/// A table of a schedule's own. All of its words were used once by the thread that made it.
fn table<const N: usize>() -> Tasks {
    let tasks = Box::leak(Box::new(StaticRegistry::<Sync, N>::new())).tasks();
    let tickets: Vec<_> = (0..N).map(|_| tasks.reserve_unnamed().unwrap()).collect();
    assert_eq!(tasks.reserve("none").unwrap_err(), SpawnError::Full { capacity: N });
    drop(tickets);
    assert!(Driven::new(tasks.wait_idle()).poll());
    assert!(tasks.is_empty() && !tasks.is_closed());
    tasks
}

/// A task that ends when it is dropped, abandoned, or when it is polled.
fn task(tasks: Tasks, name: &'static str) -> Tracked<Ready<()>, Fixed<Sync>> {
    tasks.reserve(name).unwrap().track(ready(())).ok().unwrap()
}

#[test]
fn a_name_in_a_fixed_table_is_never_free_while_one_of_its_tasks_lives() {
    let outcomes = ["the newcomer has it", "the first has it again"];
    model("fixed: reserve ∥ a replacement gives up").reaches(&outcomes, |reached| {
        let tasks = table::<3>();
        let first = tasks.reserve("x").unwrap();
        let (first, task) = (first.id(), first.track(pending::<()>()).ok().unwrap());
        let ticket = tasks.reserve_replacing("x").unwrap();
        let second = ticket.id();
        let other = thread::spawn(move || drop(ticket));
        assert!(tasks.get_live("x").is_some());
        match tasks.reserve("x") {
            Err(SpawnError::NameTaken { holder }) if holder == second => {
                reached.that("the newcomer has it");
            }
            Err(SpawnError::NameTaken { holder }) if holder == first => {
                reached.that("the first has it again");
            }
            other => panic!("it was asked to stop, and lives: {other:?}"),
        }
        other.join().unwrap();
        assert_eq!(tasks.get_live("x").unwrap().id(), first);
        drop(task);
        assert!(tasks.get_live("x").is_none());
    });
}

#[test]
fn a_task_of_a_fixed_table_is_found_whatever_ends_meanwhile() {
    model("fixed: get ∥ two ends").reaches(&["lives", "has ended"], |reached| {
        let tasks = table::<3>();
        let (before, it) = (task(tasks, "before"), task(tasks, "it"));
        let other = thread::spawn(move || {
            drop(before);
            drop(it);
        });
        let found = tasks.get("it").expect("it lives, or its record is there");
        reached.that(if found.is_ended() { "has ended" } else { "lives" });
        other.join().unwrap();
        assert_eq!(found.outcome(), Some(StaticOutcome::Abandoned));
    });
}

#[test]
fn the_newest_task_of_a_name_is_found_whatever_ends_meanwhile() {
    model("fixed: get ∥ two ends (records)").reaches(&["lives", "has ended"], |reached| {
        let tasks = table::<3>();
        let before = task(tasks, "before");
        drop(task(tasks, "it"));
        let old = tasks.get("it").unwrap().id();
        let it = task(tasks, "it");
        let other = thread::spawn(move || {
            drop(before);
            drop(it);
        });
        let found = tasks.get("it").unwrap();
        assert!(found.id() != old, "another has the name since");
        reached.that(if found.is_ended() { "has ended" } else { "lives" });
        other.join().unwrap();
        assert_eq!(tasks.get("it").unwrap().id(), found.id());
    });
}

#[test]
fn the_oldest_record_of_a_fixed_table_makes_room_whatever_ends_meanwhile() {
    let outcomes = ["nobody else had ended", "one had", "both had"];
    model("fixed: reserve ∥ two ends").reaches(&outcomes, |reached| {
        let tasks = table::<3>();
        drop(task(tasks, "oldest"));
        let (a, b) = (task(tasks, "a"), task(tasks, "b"));
        let other = thread::spawn(move || {
            drop(a);
            drop(b);
        });
        let ticket = tasks.reserve("new").expect("there is a record that nobody has");
        // The one that ends last is looked at first.
        let ended = ["b", "a"].map(|name| tasks.get(name).expect("it is newer").is_ended());
        reached.that(match ended {
            [false, false] => "nobody else had ended",
            [false, true] => "one had",
            [true, true] => "both had",
            [true, false] => panic!("the other ended first"),
        });
        assert!(tasks.get("oldest").is_none());
        other.join().unwrap();
        drop(ticket);
        assert_eq!(tasks.counts().ended, 2);
    });
}

#[test]
fn a_place_is_not_used_anew_while_somebody_refers_to_it() {
    model("fixed: reserve ∥ the last reference").reaches(&["full", "room"], |reached| {
        let tasks = table::<1>();
        let ticket = tasks.reserve("a").unwrap();
        let held = ticket.task().clone();
        drop(ticket.track(ready(())).ok().unwrap());
        let other = thread::spawn(move || {
            assert_eq!((held.name(), held.outcome()), (Some("a"), Some(StaticOutcome::Abandoned)));
        });
        match tasks.reserve("b") {
            Ok(ticket) => {
                assert_eq!(ticket.name(), Some("b"));
                reached.that("room");
            }
            Err(SpawnError::Full { capacity: 1 }) => reached.that("full"),
            Err(other) => panic!("{other}"),
        }
        other.join().unwrap();
        assert!(tasks.reserve("c").is_ok());
    });
}

#[test]
fn whoever_waits_for_a_task_of_a_fixed_table_or_for_all_is_woken_or_sees_the_end() {
    model("fixed: wait ∥ end").reaches(&["saw it", "was woken"], |reached| {
        let tasks = table::<1>();
        let ticket = tasks.reserve("a").unwrap();
        let task = ticket.task().clone();
        let (owned, gone) = Gone::new();
        let mut run = Driven::new(ticket.track(endless(owned)).ok().unwrap());
        run.poll();
        let other = thread::spawn(move || run.abandon());
        let (mut wait, mut idle) = (Driven::new(task.wait()), Driven::new(tasks.wait_idle()));
        let saw = [wait.poll(), idle.poll()];
        reached.that(if saw == [true; 2] { "saw it" } else { "was woken" });
        assert!(!wait.is_done() || gone.is(), "law 2");
        other.join().unwrap();
        assert_eq!(wait.finish(), StaticOutcome::Abandoned);
        idle.finish();
    });
}

#[test]
fn a_task_of_a_fixed_table_that_is_cancelled_while_it_completes_has_one_outcome() {
    model("fixed: cancel ∥ complete").reaches(&["completed", "cancelled"], |reached| {
        let tasks = table::<1>();
        let ticket = tasks.reserve("a").unwrap();
        let task = ticket.task().clone();
        let mut run = Driven::new(ticket.track(ready(())).ok().unwrap());
        let other = thread::spawn(move || {
            assert!(run.poll(), "it is ready, or was asked");
        });
        let cancelled = Driven::new(task.cancel()).run();
        other.join().unwrap();
        let outcome = cancelled.finish();
        assert_eq!(task.outcome(), Some(outcome));
        reached.that(match outcome {
            StaticOutcome::Completed => "completed",
            StaticOutcome::Cancelled { code: None } => "cancelled",
            other => panic!("{other:?}"),
        });
    });
}

#[test]
fn a_task_of_a_fixed_table_that_is_replaced_while_it_ends_is_followed_by_the_newcomer() {
    model("fixed: replace ∥ end").reaches(&["completed", "cancelled"], |reached| {
        let tasks = table::<2>();
        let ticket = tasks.reserve("x").unwrap();
        let first = ticket.task().clone();
        let (owned, gone) = Gone::new();
        let mut run = Driven::new(ticket.track(brief(owned)).ok().unwrap());
        run.poll();
        let other = thread::spawn(move || run.run().finish());
        let newcomer = tasks.reserve_replacing("x").unwrap();
        let body = async move { assert!(gone.is(), "two of one name ran at once") };
        let newcomer = Driven::new(newcomer.track(body).ok().unwrap()).run();
        other.join().unwrap();
        newcomer.finish();
        reached.that(match first.outcome() {
            Some(StaticOutcome::Completed) => "completed",
            Some(StaticOutcome::Cancelled { code: None }) => "cancelled",
            other => panic!("{other:?}"),
        });
    });
}

#[test]
fn a_place_of_a_fixed_table_is_reserved_before_the_gate_shuts_or_not_at_all() {
    model("fixed: reserve ∥ shutdown").reaches(&["refused", "asked"], |reached| {
        let tasks = table::<1>();
        let other = thread::spawn(move || {
            tasks.reserve("x").and_then(|ticket| match ticket.track(ready(())) {
                Ok(run) => Ok(run),
                Err(refused) => Err(refused.into_parts().0),
            })
        });
        let mut shutdown = Driven::new(tasks.shutdown(pending::<()>()));
        shutdown.poll();
        match other.join().unwrap() {
            Err(SpawnError::Closed) => reached.that("refused"),
            Err(SpawnError::Cancelled) => reached.that("asked"),
            Ok(run) => {
                assert_eq!(tasks.get("x").unwrap().state(), State::Stopping, "it was asked");
                Driven::new(run).run().finish();
                reached.that("asked");
            }
            Err(other) => panic!("{other}"),
        }
        assert!(shutdown.finish().is_clean());
    });
}

#[test]
fn a_fixed_table_is_not_idle_between_a_task_and_one_that_it_spawned() {
    model("fixed: spawn and end ∥ idle").reaches(&["idle", "not yet"], |reached| {
        let tasks = table::<2>();
        // The second place is the first's, so that whoever looks comes to the newcomer's before.
        let place = tasks.reserve_unnamed().unwrap();
        let (owned, gone) = Gone::new();
        let first = tasks.reserve("first").unwrap().track(endless(owned)).ok().unwrap();
        drop(place);
        let (owned, newcomer_gone) = Gone::new();
        let other = thread::spawn(move || {
            let newcomer = tasks.reserve("newcomer").unwrap().track(endless(owned)).ok().unwrap();
            drop(first);
            drop(newcomer);
        });
        let mut idle = Driven::new(tasks.wait_idle());
        if idle.poll() {
            assert!(gone.is() && newcomer_gone.is(), "one of them lives");
            reached.that("idle");
        } else {
            reached.that("not yet");
        }
        // That it is woken is the model above: of a word whose first value is stored without `SeqCst`, as of a slot that is used anew,
        // loom gives a `SeqCst` load that value although another one was stored with `SeqCst` since.
        other.join().unwrap();
    });
}
