//! One task's life: asked to stop, coming to its end, let go of by its executor, on several threads at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use loom::thread;
use task_registry_core::{Cancel, Options, Outcome, Retain, SpawnError, State};

use crate::harness::{
    Driven, Gone, Yield, assert_quiet, beside, brief, endless, model, registry, with, word,
};

#[test]
fn a_task_that_completes_while_it_is_cancelled_has_one_outcome() {
    model("cancel ∥ complete").reaches(&["completed", "cancelled", "never ran"], |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let ran = Arc::new(AtomicBool::new(false));
        let runs = ran.clone();
        let handle = tasks
            .spawn("x", async move {
                runs.store(true, Relaxed);
                brief(owned).await;
                7
            })
            .unwrap();
        let task = tasks.spawner().take();
        let asks = handle.task().clone();
        let runner = thread::spawn(move || task.run());
        let canceller = {
            let gone = gone.clone();
            thread::spawn(move || {
                let mut end = Driven::new(asks.cancel_with("asked"));
                // Law 2: whoever sees the end sees the body gone.
                assert!(!end.poll() || gone.is());
                end
            })
        };
        runner.join().unwrap().finish();
        let outcome = canceller.join().unwrap().finish();
        assert!(gone.is());
        assert_eq!(handle.outcome(), Some(outcome.clone()));
        match Driven::new(handle).run().finish() {
            Ok(output) => assert!(outcome.is_completed() && output == 7),
            Err(error) => assert_eq!(error.outcome(), &outcome),
        }
        reached.that(match (&outcome, ran.load(Relaxed)) {
            (_, false) => "never ran",
            (outcome, true) => word(outcome),
        });
        assert!(!outcome.is_cancelled() || outcome.reason() == Some("asked"));
        assert_quiet(&tasks);
    });
}

#[test]
fn whoever_waited_for_an_end_does_not_find_the_task_among_the_live() {
    model("complete ∥ wait, count").reaches(&["at once", "woken", "lives"], |reached| {
        let tasks = registry();
        let (owned, _) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let counts = tasks.clone();
        let waiter = thread::spawn(move || {
            let mut wait = Driven::new(handle.wait());
            let at_once = wait.poll();
            wait.go_on();
            let over = wait.is_done();
            assert!(!over || counts.live() == 0, "it has ended, and lives");
            (wait, at_once, over)
        });
        task.go_on();
        task.finish();
        let (wait, at_once, over) = waiter.join().unwrap();
        assert_eq!(wait.finish(), Outcome::Completed);
        reached.that(match (at_once, over) {
            (true, _) => "at once",
            (false, true) => "woken",
            (false, false) => "lives",
        });
        assert_quiet(&tasks);
    });
}

#[test]
fn of_two_requests_the_first_reason_stands_and_the_task_stops_once() {
    model("cancel ∥ cancel").reaches(&["one", "two"], |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let handle = tasks.spawn("x", endless(owned)).unwrap();
        let task = tasks.spawner().take().run();
        let askers = ["one", "two"].map(|reason| {
            let task = handle.task().clone();
            thread::spawn(move || drop(task.cancel_with(reason)))
        });
        askers.into_iter().for_each(|asker| asker.join().unwrap());
        task.finish();
        assert!(gone.is());
        reached.that(match handle.outcome().unwrap().reason() {
            Some("one") => "one",
            Some("two") => "two",
            _ => "none",
        });
        assert_quiet(&tasks);
    });
}

#[test]
fn an_executor_that_drops_a_task_while_it_is_cancelled_ends_it_once() {
    model("cancel ∥ executor gone").reaches(&["abandoned", "cancelled"], |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let handle = tasks.spawn("x", endless(owned)).unwrap();
        let task = tasks.spawner().take().run();
        let waiter = Driven::new(handle.wait()).run();
        let asks = handle.task().clone();
        let canceller = thread::spawn(move || drop(asks.cancel()));
        let executor = thread::spawn(move || drop(task));
        canceller.join().unwrap();
        executor.join().unwrap();
        let outcome = waiter.finish();
        assert!(gone.is());
        reached.that(word(&outcome));
        assert_quiet(&tasks);
    });
}

#[test]
fn nobody_sees_one_half_of_an_end() {
    model("end ∥ state, counts").reaches(&["running", "ended"], |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let (looks, table) = (handle.task().clone(), tasks.tasks().clone());
        let looker = {
            let gone = gone.clone();
            thread::spawn(move || match looks.state() {
                State::Ended => {
                    assert!(gone.is());
                    // First what takes no lock that whoever ends it has.
                    assert_eq!(table.live(), 0);
                    assert_eq!(table.records(), 1);
                    assert_eq!(looks.outcome(), Some(Outcome::Completed));
                    assert!(table.get_live("x").is_none() && table.get("x").is_some());
                    true
                }
                state => {
                    assert_eq!(state, State::Running);
                    false
                }
            })
        };
        task.go_on();
        task.finish();
        reached.that(if looker.join().unwrap() { "ended" } else { "running" });
        assert_quiet(&tasks);
    });
}

#[test]
fn whoever_finds_the_record_counted_finds_the_task_ended() {
    model("end ∥ records").reaches(&["not yet", "counted"], |reached| {
        let tasks = registry();
        let (owned, _) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let (looks, table) = (handle.task().clone(), tasks.tasks().clone());
        let looker = thread::spawn(move || {
            let counted = table.records() == 1;
            assert!(!counted || looks.is_ended());
            counted
        });
        task.go_on();
        task.finish();
        reached.that(if looker.join().unwrap() { "counted" } else { "not yet" });
        assert_quiet(&tasks);
    });
}

#[test]
fn a_task_that_ends_is_counted_once() {
    model("end ∥ len").reaches(&["live", "ended"], |reached| {
        let tasks = registry();
        let (owned, _) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let table = tasks.tasks().clone();
        let counter = thread::spawn(move || {
            assert_eq!(table.len(), 1);
            let counts = table.counts();
            assert_eq!((counts.running + counts.ended, counts.queued), (1, 0));
            counts.ended == 1
        });
        task.go_on();
        task.finish();
        reached.that(if counter.join().unwrap() { "ended" } else { "live" });
        drop(handle);
        assert_quiet(&tasks);
    });
}

#[test]
fn whoever_finds_nothing_alive_finds_the_task_ended() {
    finds_nothing_alive("end ∥ live", Options::new);
}

#[test]
fn whoever_finds_nothing_alive_finds_a_task_ended_that_leaves_no_record() {
    finds_nothing_alive("end without record ∥ live", || Options::new().retain(Retain::Nothing));
}

fn finds_nothing_alive(name: &'static str, options: fn() -> Options) {
    model(name).reaches(&["not yet", "nothing"], move |reached| {
        let tasks = with(options());
        let (owned, _) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let (looks, table) = (handle.task().clone(), tasks.tasks().clone());
        let looker = thread::spawn(move || {
            let nothing = table.live() == 0;
            assert!(!nothing || looks.is_ended());
            nothing
        });
        task.go_on();
        task.finish();
        reached.that(if looker.join().unwrap() { "nothing" } else { "not yet" });
        assert_quiet(&tasks);
    });
}

#[test]
fn a_grace_that_is_let_go_of_while_the_task_ends_stops_it_all_the_same() {
    model("grace dropped ∥ poll").reaches(&["in its grace", "at once"], |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let polls = Arc::new(AtomicBool::new(false));
        let (handle, said) = (tasks.with_context(()), polls.clone());
        let handle = handle
            .spawn_with("x", move |cx| async move {
                cx.cancelled().await;
                said.store(true, Relaxed);
                endless(owned).await;
            })
            .unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let asks = handle.task().clone();
        let canceller = thread::spawn(move || {
            drop(asks.cancel_with(Cancel::new().grace(std::future::pending::<()>())));
        });
        let runner = thread::spawn(move || {
            task.go_on();
            task
        });
        canceller.join().unwrap();
        runner.join().unwrap().finish();
        assert!(gone.is() && handle.outcome().unwrap().is_cancelled());
        reached.that(if polls.load(Relaxed) { "in its grace" } else { "at once" });
        assert_quiet(&tasks);
    });
}

#[test]
fn a_ticket_that_is_dropped_while_it_is_cancelled_ends_once_and_gives_its_name_back() {
    model("ticket dropped ∥ cancel").reaches(&["never started", "cancelled"], |reached| {
        let tasks = registry();
        let ticket = tasks.reserve("x").unwrap();
        let task = ticket.task().clone();
        let waiter = Driven::new(task.wait()).run();
        let looks = task.clone();
        let dropper = thread::spawn(move || {
            let asked = looks.state() == State::Stopping;
            drop(ticket);
            asked
        });
        let canceller = thread::spawn(move || Driven::new(task.cancel()).run());
        let asked = dropper.join().unwrap();
        let outcome = canceller.join().unwrap().finish();
        // What was asked first counts, whoever is the first to report it.
        assert!(!asked || outcome.is_cancelled());
        assert_eq!(waiter.finish(), outcome);
        assert!(tasks.get_live("x").is_none() && tasks.live() == 0);
        drop(tasks.reserve("x").unwrap());
        reached.that(word(&outcome));
        assert_quiet(&tasks);
    });
}

#[test]
fn a_ticket_that_is_cancelled_while_it_is_used_refuses_the_future_or_stops_it() {
    let outcomes = ["refused", "cancelled", "completed"];
    model("ticket used ∥ cancel").reaches(&outcomes, |reached| {
        let tasks = registry();
        let ticket = tasks.reserve("x").unwrap();
        let task = ticket.task().clone();
        let (owned, gone) = Gone::new();
        let user = thread::spawn(move || {
            ticket.track(brief(owned)).map(|(tracked, handle)| (Driven::new(tracked).run(), handle))
        });
        let canceller = thread::spawn(move || Driven::new(task.cancel()).run());
        let used = user.join().unwrap();
        let end = canceller.join().unwrap();
        match used {
            Ok((tracked, _handle)) => {
                tracked.finish();
                assert!(gone.is());
                reached.that(word(&end.finish()));
            }
            Err(error) => {
                let (why, future) = error.into_parts();
                assert_eq!(why, SpawnError::Cancelled);
                assert!(!gone.is());
                drop(future);
                assert!(end.finish().is_cancelled());
                reached.that("refused");
            }
        }
        assert_quiet(&tasks);
    });
}

#[test]
fn a_stop_that_a_shield_defers_is_never_lost() {
    let reaches = ["before", "under the shield", "after"];
    model("shield ∥ cancel").reaches(&reaches, |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let (came, through) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (up, down) = (came.clone(), through.clone());
        let handle = tasks
            .with_context(())
            .spawn_with("x", move |cx| async move {
                up.store(true, Relaxed);
                cx.shield(Yield::default()).await;
                down.store(true, Relaxed);
                endless(owned).await;
            })
            .unwrap();
        let task = tasks.spawner().take();
        let asks = handle.task().clone();
        let runner = thread::spawn(move || task.run());
        let was_up = came.clone();
        let canceller = thread::spawn(move || {
            drop(asks.cancel());
            was_up.load(Relaxed)
        });
        let (task, up) = (runner.join().unwrap(), canceller.join().unwrap());
        task.finish();
        assert!(gone.is() && handle.outcome().unwrap().is_cancelled());
        // What begins under a shield goes on to its end.
        assert_eq!(came.load(Relaxed), through.load(Relaxed));
        reached.that(match (came.load(Relaxed), up) {
            (false, _) => "before",
            (true, false) => "under the shield",
            (true, true) => "after",
        });
        assert_quiet(&tasks);
    });
}

#[test]
fn who_waits_while_a_task_is_cancelled_and_completes_sees_the_one_outcome() {
    let outcomes = ["completed", "cancelled"];
    model("cancel ∥ complete ∥ wait").preemptions(2).reaches(&outcomes, |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let (asks, waits, seen) = (handle.task().clone(), handle.task().clone(), gone.clone());
        let canceller = thread::spawn(move || drop(asks.cancel()));
        let waiter = thread::spawn(move || {
            let mut wait = Driven::new(waits.wait());
            assert!(!wait.poll() || seen.is());
            wait
        });
        task.go_on();
        canceller.join().unwrap();
        task.finish();
        let outcome = waiter.join().unwrap().finish();
        assert!(gone.is() && handle.outcome() == Some(outcome.clone()));
        reached.that(word(&outcome));
    });
}

fn ticks() -> Duration {
    static TICKS: AtomicU64 = AtomicU64::new(0);
    Duration::from_nanos(TICKS.fetch_add(1, Relaxed))
}

#[test]
fn when_a_place_ended_is_said_once_however_many_report_it() {
    model("ticket dropped ∥ cancel, look (clock)").reaches(
        &["never started", "cancelled"],
        |reached| {
            let tasks = with(Options::new().clock(ticks));
            let ticket = tasks.reserve("x").unwrap();
            let task = ticket.task().clone();
            let asks = task.clone();
            let dropper = thread::spawn(move || drop(ticket));
            drop(asks.cancel());
            let seen = asks.info();
            assert!(seen.outcome().is_some());
            dropper.join().unwrap();
            assert_eq!(task.info().times(), seen.times());
            reached.that(word(&task.outcome().unwrap()));
            assert_quiet(&tasks);
        },
    );
}

#[test]
fn no_more_are_counted_as_alive_than_ever_lived_at_once() {
    model("end, then spawn ∥ live, counts").reaches(&["none", "one"], |reached| {
        let tasks = registry();
        let (owned, _) = Gone::new();
        drop(tasks.spawn("x", brief(owned)).unwrap());
        let mut task = tasks.spawner().take();
        task.poll();
        let own = beside(&tasks);
        let runner = thread::spawn(move || {
            task.go_on();
            task.finish();
            let (owned, _) = Gone::new();
            drop(own.spawn("y", endless(owned)).unwrap());
            own.spawner().take()
        });
        let live = tasks.live();
        assert!(live <= 1, "{live}");
        let _second = runner.join().unwrap();
        reached.that(["none", "one"][live]);
    });
}

#[test]
fn what_is_counted_as_queued_was_spawned_and_had_not_started() {
    model("spawn, start, cancel ∥ counts").preemptions(2).reaches(
        &["none", "queued", "running", "stopping"],
        |reached| {
            let tasks = registry();
            let own = beside(&tasks);
            let runner = thread::spawn(move || {
                let (owned, _) = Gone::new();
                let handle = own.spawn("x", endless(owned)).unwrap();
                let mut task = own.spawner().take();
                task.poll();
                drop(handle.cancel());
                task
            });
            let counts = tasks.counts();
            reached.that(match (counts.queued, counts.running, counts.stopping) {
                (0, 0, 0) => "none",
                (1, 0, 0) => "queued",
                (0, 1, 0) => "running",
                (0, 0, 1) => "stopping",
                other => panic!("{other:?}"),
            });
            runner.join().unwrap().finish();
            assert_quiet(&tasks);
        },
    );
}
