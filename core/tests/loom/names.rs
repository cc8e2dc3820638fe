//! Who has a name (law 6): two that want it, one that replaces another, those behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use loom::thread;
use task_registry_core::{
    Options, Registry, RestartError, SpawnError, State, TaskHandle, conflict::Replace, mode,
};

use crate::harness::{
    Driven, Gone, Owned, Shelf, Task, assert_quiet, beside, brief, endless, model, registry, with,
    word,
};

/// Never begins while what it comes after is there.
async fn after(before: Gone, owned: Owned) {
    assert!(before.is(), "two of one name ran at once");
    brief(owned).await;
}

/// The same, of a task that is asked whether it began.
async fn beginning(before: Gone, owned: Owned, began: Arc<AtomicBool>) {
    began.store(true, Relaxed);
    after(before, owned).await;
}

#[test]
fn of_two_that_want_a_name_one_has_it() {
    model("spawn ∥ spawn").reaches(&["first", "second"], |reached| {
        let tasks = registry();
        let other = beside(&tasks);
        let second = thread::spawn(move || {
            let (owned, gone) = Gone::new();
            let spawned = other
                .spawn("x", endless(owned))
                .map(|handle| (handle.id(), other.spawner().take()));
            assert!(spawned.is_ok() || gone.is());
            spawned
        });
        let (owned, _) = Gone::new();
        let first =
            tasks.spawn("x", endless(owned)).map(|handle| (handle.id(), tasks.spawner().take()));
        let taken = tasks.get_live("x").unwrap().id();
        match (first, second.join().unwrap()) {
            (Ok((id, _task)), Err(SpawnError::NameTaken { holder })) => {
                assert!(id == holder && id == taken);
                reached.that("first");
            }
            (Err(SpawnError::NameTaken { holder }), Ok((id, _task))) => {
                assert!(id == holder && id == taken);
                reached.that("second");
            }
            _ => panic!("both or none"),
        }
    });
}

#[test]
fn the_last_place_goes_to_one_of_two() {
    model("spawn ∥ spawn (capacity 1)").shard_bits(1).reaches(&["first", "second"], |reached| {
        let tasks = with(Options::new().capacity(1));
        let other = beside(&tasks);
        let second = thread::spawn(move || {
            let (owned, _) = Gone::new();
            other.spawn_unnamed(endless(owned)).map(|handle| (handle, other.spawner().take()))
        });
        let (owned, _) = Gone::new();
        let first =
            tasks.spawn_unnamed(endless(owned)).map(|handle| (handle, tasks.spawner().take()));
        reached.that(match (first, second.join().unwrap()) {
            (Ok(_), Err(SpawnError::Full { capacity: 1 })) => "first",
            (Err(SpawnError::Full { capacity: 1 }), Ok(_)) => "second",
            _ => panic!("both or none"),
        });
    });
}

#[test]
fn a_name_that_is_replaced_while_its_task_ends_changes_hands_once() {
    model("replace ∥ end").reaches(&["held", "free at once"], |reached| {
        let tasks = registry();
        let (owned, old_gone) = Gone::new();
        let old = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let (own, before) = (beside(&tasks), old_gone.clone());
        let replacer = thread::spawn(move || {
            let (owned, _) = Gone::new();
            let new = own.task("x").on_conflict(Replace).spawn(after(before, owned)).unwrap();
            assert_eq!(own.get_live("x").unwrap().id(), new.id());
            let mut task = own.spawner().take();
            task.poll();
            (new, task)
        });
        task.go_on();
        task.finish();
        let (new, newcomer) = replacer.join().unwrap();
        let held = old.outcome().unwrap().is_cancelled();
        reached.that(if held { "held" } else { "free at once" });
        newcomer.run().finish();
        assert!(new.outcome().unwrap().is_completed());
    });
}

#[test]
fn a_held_newcomer_starts_when_its_predecessor_has_ended_and_no_sooner() {
    model("predecessor's end ∥ newcomer's poll").reaches(&["held", "started"], |reached| {
        let tasks = registry();
        let ((owned, old_gone), (mine, gone)) = (Gone::new(), Gone::new());
        let began = Arc::new(AtomicBool::new(false));
        drop(tasks.spawn("x", endless(owned)).unwrap());
        let mut old = tasks.spawner().take();
        old.poll();
        let body = beginning(old_gone, mine, began.clone());
        let new = tasks.task("x").on_conflict(Replace).spawn(body).unwrap();
        let mut newcomer = tasks.spawner().take();
        let runner = thread::spawn(move || {
            newcomer.poll();
            (newcomer, began.load(Relaxed))
        });
        old.go_on();
        old.finish();
        let (newcomer, began) = runner.join().unwrap();
        reached.that(if began { "started" } else { "held" });
        newcomer.finish();
        assert!(gone.is() && new.outcome().unwrap().is_completed());
    });
}

#[test]
fn a_newcomer_that_was_held_hears_of_a_cancel() {
    model("predecessor's end ∥ newcomer's poll, then cancel").reaches(
        &["held", "started"],
        |reached| {
            let tasks = registry();
            let ((owned, _), (mine, gone)) = (Gone::new(), Gone::new());
            drop(tasks.spawn("x", endless(owned)).unwrap());
            let mut old = tasks.spawner().take();
            old.poll();
            let began = Arc::new(AtomicBool::new(false));
            let begins = began.clone();
            let body = async move {
                begins.store(true, Relaxed);
                endless(mine).await;
            };
            let new = tasks.task("x").on_conflict(Replace).spawn(body).unwrap();
            let mut newcomer = tasks.spawner().take();
            newcomer.poll();
            let runner = thread::spawn(move || {
                newcomer.poll();
                (newcomer, began.load(Relaxed))
            });
            old.go_on();
            old.finish();
            let (mut newcomer, began) = runner.join().unwrap();
            reached.that(if began { "started" } else { "held" });
            newcomer.go_on();
            drop(new.cancel());
            newcomer.finish();
            assert!(gone.is());
            assert_quiet(&tasks);
        },
    );
}

type Handle = TaskHandle<(), mode::Sync>;

/// A task that runs, and the one that took its name and ends now, on another thread: the name goes back.
fn replaced_by_one_that_ends(
    tasks: &Registry<Shelf>,
) -> (Handle, Handle, Task, thread::JoinHandle<()>) {
    let ((owned, _), (mine, _)) = (Gone::new(), Gone::new());
    let old = tasks.spawn("x", endless(owned)).unwrap();
    let old_task = tasks.spawner().take().run();
    let new = tasks.task("x").on_conflict(Replace).spawn(endless(mine)).unwrap();
    let newcomer = tasks.spawner().take();
    drop(new.cancel());
    let runner = thread::spawn(move || newcomer.run().finish());
    (old, new, old_task, runner)
}

#[test]
fn a_name_is_never_lost_between_who_had_it_and_who_has_it_again() {
    let outcomes = ["the newcomer", "the old one again"];
    model("newcomer ends ∥ get_live").reaches(&outcomes, move |reached| {
        let tasks = registry();
        let (old, new, _old_task, runner) = replaced_by_one_that_ends(&tasks);
        let found = tasks.get_live("x").expect("the old one lives").id();
        reached.that(outcomes[usize::from(found == old.id())]);
        assert!(found == new.id() || found == old.id());
        runner.join().unwrap();
        assert_eq!(tasks.get_live("x").unwrap().id(), old.id());
    });
}

#[test]
fn nobody_gets_a_name_that_goes_back_to_whoever_had_it() {
    let outcomes = ["the newcomer", "the old one again"];
    model("newcomer ends ∥ spawn").reaches(&outcomes, move |reached| {
        let tasks = registry();
        let (old, new, _old_task, runner) = replaced_by_one_that_ends(&tasks);
        let Err(SpawnError::NameTaken { holder }) = tasks.spawn("x", async {}) else {
            panic!("the old one lives");
        };
        reached.that(outcomes[usize::from(holder == old.id())]);
        assert!(holder == new.id() || holder == old.id());
        runner.join().unwrap();
        assert_eq!(tasks.get_live("x").unwrap().id(), old.id());
    });
}

#[test]
fn a_record_that_is_purged_before_its_name_went_back_takes_no_name_along() {
    model("newcomer ends ∥ purge").reaches(&["purged", "not yet"], |reached| {
        let tasks = registry();
        let (old, _new, _old_task, runner) = replaced_by_one_that_ends(&tasks);
        let purged = tasks.purge();
        runner.join().unwrap();
        assert_eq!(tasks.get_live("x").unwrap().id(), old.id());
        reached.that(if purged == 1 { "purged" } else { "not yet" });
    });
}

#[test]
fn two_spawns_at_once_are_both_counted() {
    model("spawn ∥ spawn, unnamed").reaches(&["two"], |reached| {
        let tasks = registry();
        let other = beside(&tasks);
        let spawn = |tasks: &Registry<Shelf>| {
            let (owned, _) = Gone::new();
            let id = tasks.spawn_unnamed(brief(owned)).unwrap().id();
            tasks.spawner().take().run().finish();
            id
        };
        let second = thread::spawn(move || spawn(&other));
        let first = spawn(&tasks);
        assert_ne!(first, second.join().unwrap());
        assert_eq!(tasks.records(), 2);
        assert_quiet(&tasks);
        reached.that("two");
    });
}

#[test]
fn a_newcomer_that_is_cancelled_while_it_is_held_never_runs_and_gives_the_name_back() {
    let outcomes = ["before the end", "after it", "completed"];
    model("predecessor's end ∥ cancel newcomer").preemptions(2).large().reaches(
        &outcomes,
        |reached| {
            let tasks = registry();
            let ((owned, old_gone), (mine, gone)) = (Gone::new(), Gone::new());
            let old = tasks.spawn("x", brief(owned)).unwrap();
            let mut task = tasks.spawner().take();
            task.poll();
            let new = tasks.task("x").on_conflict(Replace).spawn(after(old_gone, mine)).unwrap();
            let newcomer = tasks.spawner().take();
            let runner = thread::spawn(move || newcomer.run());
            let asks = new.task().clone();
            let looks = old.task().clone();
            let canceller = thread::spawn(move || {
                let lived = !looks.is_ended();
                drop(asks.cancel());
                lived
            });
            task.go_on();
            task.finish();
            let newcomer = runner.join().unwrap();
            let lived = canceller.join().unwrap();
            newcomer.finish();
            assert!(gone.is() && tasks.get_live("x").is_none());
            // If the first had ended before this one was asked, this one was the last to have the name.
            assert!(lived || tasks.get("x").unwrap().id() == new.id());
            reached.that(match (new.outcome().unwrap().is_completed(), lived) {
                (true, _) => "completed",
                (false, true) => "before the end",
                (false, false) => "after it",
            });
        },
    );
}

#[test]
fn who_stands_between_two_may_go_while_the_first_ends_and_the_last_still_starts() {
    model("first ends ∥ middle ends").preemptions(2).reaches(&["held", "began"], |reached| {
        let tasks = registry();
        let ((owned, old_gone), (mid, _), (mine, gone)) = (Gone::new(), Gone::new(), Gone::new());
        let began = Arc::new(AtomicBool::new(false));
        drop(tasks.spawn("x", endless(owned)).unwrap());
        let mut first = tasks.spawner().take();
        first.poll();
        drop(tasks.task("x").on_conflict(Replace).spawn(endless(mid)).unwrap());
        let mut middle = tasks.spawner().take();
        let body = beginning(old_gone, mine, began.clone());
        let last = tasks.task("x").on_conflict(Replace).spawn(body).unwrap();
        let mut newcomer = tasks.spawner().take();
        newcomer.poll();
        let runner = thread::spawn(move || {
            // It was replaced itself: its poll ends it. Who comes after it goes on only if the first has ended as well.
            middle.poll();
            newcomer.go_on();
            (middle, newcomer, began.load(Relaxed))
        });
        first.go_on();
        first.finish();
        let (middle, newcomer, early) = runner.join().unwrap();
        middle.finish();
        newcomer.finish();
        assert!(gone.is() && last.outcome().unwrap().is_completed());
        reached.that(if early { "began" } else { "held" });
    });
}

#[test]
fn a_cancel_by_name_hits_the_old_task_or_the_new_one() {
    let outcomes = ["the old one", "the new one"];
    model("replace ∥ cancel by name").reaches(&outcomes, |reached| {
        let tasks = registry();
        let (owned, old_gone) = Gone::new();
        let old = tasks.spawn("x", endless(owned)).unwrap();
        let task = tasks.spawner().take().run();
        let (own, before) = (beside(&tasks), old_gone.clone());
        let replacer = thread::spawn(move || {
            let (owned, gone) = Gone::new();
            let new = own.task("x").on_conflict(Replace).spawn(after(before, owned)).unwrap();
            (new, own.spawner().take(), gone)
        });
        let asked = tasks.cancel_with("x", "asked").unwrap();
        let hit = asked.task();
        let end = Driven::new(asked).run();
        let (new, newcomer, gone) = replacer.join().unwrap();
        task.finish();
        assert!(old_gone.is());
        let newcomer = newcomer.run();
        newcomer.finish();
        assert!(gone.is() && end.finish().is_cancelled());
        let outcome = new.outcome().unwrap();
        if hit == *old.task() {
            assert_eq!(word(&outcome), "completed");
            reached.that("the old one");
        } else {
            assert_eq!((word(&outcome), outcome.reason()), ("cancelled", Some("asked")));
            reached.that("the new one");
        }
    });
}

#[test]
fn incarnations_of_a_restarted_task_never_overlap() {
    let outcomes = ["while it lived", "after its end"];
    model("restart ∥ end").reaches(&outcomes, |reached| {
        let tasks = registry();
        let running = Arc::new(AtomicBool::new(false));
        let handle = tasks
            .spawn_restartable("x", move |_| {
                let running = running.clone();
                async move {
                    assert!(!running.swap(true, Relaxed), "two incarnations at once");
                    let _end = OnDrop(running);
                    crate::harness::Yield::default().await;
                }
            })
            .unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let restarts = tasks.tasks().clone();
        let restarter = thread::spawn(move || restarts.restart("x").unwrap());
        task.go_on();
        task.finish();
        let next = restarter.join().unwrap();
        assert_ne!(next.id(), handle.id());
        tasks.spawner().take().run().finish();
        assert!(next.outcome().unwrap().is_completed());
        reached.that(match handle.outcome().unwrap().is_cancelled() {
            true => "while it lived",
            false => "after its end",
        });
    });
}

#[test]
fn of_two_restarts_at_once_each_makes_a_task_and_never_do_two_run() {
    let outcomes = ["the first is followed", "the second is followed"];
    model("restart ∥ restart").preemptions(2).reaches(&outcomes, move |reached| {
        let tasks = registry();
        let running = Arc::new(AtomicBool::new(false));
        let handle = tasks
            .spawn_restartable("x", move |_| {
                let running = running.clone();
                async move {
                    assert!(!running.swap(true, Relaxed), "two incarnations at once");
                    let _end = OnDrop(running);
                    crate::harness::Yield::default().await;
                }
            })
            .unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let restarts = tasks.tasks().clone();
        let restarter = thread::spawn(move || restarts.restart("x").unwrap());
        let first = tasks.restart("x").unwrap();
        let second = restarter.join().unwrap();
        assert!(first.id() != second.id() && first.id() != handle.id());
        // One that is replaced before its executor has it never gets there.
        let mut bodies = tasks.spawner().take_all();
        for body in &mut bodies {
            body.poll();
        }
        task.go_on();
        task.finish();
        // Each may have to wait for another.
        for _ in 0..2 {
            bodies.iter_mut().for_each(Driven::go_on);
        }
        bodies.into_iter().for_each(Driven::finish);
        assert_eq!(handle.outcome().unwrap().reason(), Some("replaced"));
        let ends = [first, second].map(|task| task.outcome().unwrap());
        reached.that(match (ends[0].is_completed(), ends[1].is_completed()) {
            (false, true) => "the first is followed",
            (true, false) => "the second is followed",
            _ => panic!("{ends:?}"),
        });
        assert_quiet(&tasks);
    });
}

#[test]
fn a_restart_that_comes_to_nothing_gives_the_name_back_unless_another_took_it() {
    let outcomes = ["taken before", "taken meanwhile or after", "held"];
    model("refused restart ∥ spawn").preemptions(2).reaches(&outcomes, move |reached| {
        let tasks = registry();
        let old = tasks.spawn_restartable("x", |_| async {}).unwrap().id();
        tasks.spawner().take().run().finish();
        tasks.spawner().refuse();
        let (own, restarts) = (beside(&tasks), tasks.tasks().clone());
        let restarter = thread::spawn(move || restarts.restart("x").unwrap_err());
        let (owned, _) = Gone::new();
        let spawned =
            own.spawn("x", brief(owned)).map(|handle| (handle.id(), own.spawner().take()));
        let error = restarter.join().unwrap();
        let named = tasks.get("x").map(|task| task.id());
        reached.that(match (&spawned, error) {
            (Ok((id, _)), RestartError::NotRestartable) if named == Some(*id) => outcomes[0],
            (Ok((id, _)), RestartError::NotSpawned(_)) if named == Some(*id) => outcomes[1],
            (Err(SpawnError::NameTaken { .. }), RestartError::NotSpawned(_))
                if named == Some(old) =>
            {
                outcomes[2]
            }
            other => panic!("{named:?}: {error:?}", error = other.1),
        });
        if let Ok((_, task)) = spawned {
            task.run().finish();
        }
        assert_quiet(&tasks);
    });
}

#[test]
fn restarts_that_come_to_nothing_give_the_name_back_however_they_overlap() {
    let outcomes = ["to the record", "to one that was replaced before its executor had it"];
    model("refused restart ∥ refused restart").preemptions(2).reaches(&outcomes, move |reached| {
        let tasks = registry();
        let old = tasks.spawn_restartable("x", |_| async {}).unwrap().id();
        tasks.spawner().take().run().finish();
        tasks.spawner().refuse();
        let restarts = tasks.tasks().clone();
        let restarter = thread::spawn(move || restarts.restart("x").ok());
        let own = tasks.restart("x").ok();
        let others = restarter.join().unwrap();
        let named = tasks.get("x").map(|task| task.id());
        reached.that(match own.as_ref().or(others.as_ref()) {
            None if named == Some(old) => outcomes[0],
            Some(replaced) if named == Some(replaced.id()) => outcomes[1],
            _ => panic!("{named:?}: {own:?}, {others:?}"),
        });
        assert_quiet(&tasks);
    });
}

struct OnDrop(Arc<AtomicBool>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

#[test]
fn the_state_of_a_name_is_that_of_whoever_has_it_again() {
    let outcomes = ["the newcomer", "the old one again"];
    model("newcomer ends ∥ state").reaches(&outcomes, move |reached| {
        let tasks = registry();
        let (_old, new, _old_task, runner) = replaced_by_one_that_ends(&tasks);
        // Both were asked to stop.
        assert_eq!(tasks.state("x"), Some(State::Stopping));
        let again = new.is_ended();
        runner.join().unwrap();
        assert_eq!(tasks.state("x"), Some(State::Stopping));
        reached.that(outcomes[usize::from(again)]);
    });
}

#[test]
fn who_asks_for_a_name_finds_whoever_has_it_again() {
    let outcomes = ["the newcomer", "the old one again"];
    model("newcomer ends ∥ get").reaches(&outcomes, move |reached| {
        let tasks = registry();
        let (old, new, _old_task, runner) = replaced_by_one_that_ends(&tasks);
        let over = new.is_ended();
        let found = tasks.get("x").unwrap();
        assert!(!over || found.id() == old.id(), "it was found, and had ended before");
        reached.that(outcomes[usize::from(found.id() == old.id())]);
        runner.join().unwrap();
        assert_eq!(tasks.get("x").map(|task| task.id()), Some(old.id()));
    });
}

#[test]
fn a_record_that_is_purged_while_its_name_is_taken_takes_no_name_along() {
    let outcomes = ["taken before", "taken meanwhile or after"];
    model("spawn ∥ purge").reaches(&outcomes, move |reached| {
        let tasks = registry();
        drop(tasks.spawn("x", async {}).unwrap());
        tasks.spawner().take().run().finish();
        let purges = tasks.tasks().clone();
        let purger = thread::spawn(move || {
            let taken = purges.get_live("x").is_some();
            assert_eq!(purges.purge(), 1);
            taken
        });
        let (owned, _) = Gone::new();
        let new = tasks.spawn("x", endless(owned)).unwrap();
        let _task = tasks.spawner().take();
        let before = purger.join().unwrap();
        assert_eq!(tasks.get("x").map(|task| task.id()), Some(new.id()));
        reached.that(outcomes[usize::from(!before)]);
    });
}

#[test]
fn a_task_that_is_replaced_while_it_starts_is_counted_once() {
    model("replace ∥ first poll").reaches(&["never ran", "ran"], |reached| {
        let tasks = registry();
        let (owned, old_gone) = Gone::new();
        let began = Arc::new(AtomicBool::new(false));
        let begins = began.clone();
        let old = tasks.spawn("x", async move {
            begins.store(true, Relaxed);
            endless(owned).await;
        });
        let task = tasks.spawner().take();
        let (own, before) = (beside(&tasks), old_gone.clone());
        let replacer = thread::spawn(move || {
            let (owned, _) = Gone::new();
            let new = own.task("x").on_conflict(Replace).spawn(after(before, owned)).unwrap();
            (new, own.spawner().take())
        });
        let task = task.run();
        let (new, newcomer) = replacer.join().unwrap();
        task.finish();
        assert!(old_gone.is() && old.unwrap().outcome().unwrap().is_cancelled());
        newcomer.run().finish();
        assert!(new.outcome().unwrap().is_completed());
        reached.that(if began.load(Relaxed) { "ran" } else { "never ran" });
        assert_quiet(&tasks);
    });
}
