//! Whoever waits for something of a whole table, follows its endings or guards it, and lets go of that while it comes.

use std::future::{Future, pending};

use loom::thread;
use task_registry_core::{Cancel, Cx, Registry, State, Tasks, mode::Sync};

use crate::harness::{
    Driven, Gone, Reached, Shelf, Task, assert_quiet, beside, brief, endless, model, registry, word,
};

const OUTCOMES: [&str; 3] = ["ready", "dropped in time", "woken, then dropped"];

/// One comes to wait and leaves again, among others who were there before and stay, while `come` makes it come.
fn leave<F: Future + Send + 'static>(
    reached: &Reached,
    wait: impl Fn() -> F,
    come: impl FnOnce(),
    here: impl Fn(F::Output),
) {
    let [first, leaves, last] = [wait(), wait(), wait()];
    let first = Driven::new(first).run();
    let leaver = thread::spawn(move || {
        let mut wait = Driven::new(leaves);
        if wait.poll() {
            return OUTCOMES[0];
        }
        wait.abandon();
        if wait.woken() { OUTCOMES[2] } else { OUTCOMES[1] }
    });
    let last = Driven::new(last).run();
    come();
    reached.that(leaver.join().unwrap());
    here(first.finish());
    here(last.finish());
}

fn running(tasks: &Registry<Shelf>) -> Task {
    let (owned, _) = Gone::new();
    drop(tasks.spawn("x", brief(owned)).unwrap());
    let mut task = tasks.spawner().take();
    task.poll();
    task
}

#[test]
fn who_gives_up_waiting_for_idleness_takes_no_wake_up_from_others() {
    model("end ∥ drop WaitIdle").reaches(&OUTCOMES, |reached| {
        let tasks = registry();
        let mut task = running(&tasks);
        let end = || {
            task.go_on();
            task.finish();
        };
        leave(reached, || tasks.wait_idle(), end, |()| assert_eq!(tasks.live(), 0));
    });
}

#[test]
fn who_gives_up_waiting_for_a_name_takes_no_wake_up_from_others() {
    model("spawn ∥ drop WaitFor").reaches(&OUTCOMES, |reached| {
        let tasks = registry();
        let spawn = || {
            let (owned, _) = Gone::new();
            drop(tasks.spawn("x", brief(owned)).unwrap());
        };
        leave(reached, || tasks.wait_for("x"), spawn, |task| assert_eq!(task.name(), Some("x")));
    });
}

#[test]
fn a_reader_that_leaves_takes_no_ending_from_others() {
    model("end ∥ drop Endings").reaches(&OUTCOMES, |reached| {
        let tasks = registry();
        let mut task = running(&tasks);
        let end = || {
            task.go_on();
            task.finish();
        };
        let read = || {
            let mut endings = tasks.endings();
            async move { endings.next_ended().await.unwrap().unwrap() }
        };
        leave(reached, read, end, |end| assert_eq!(end.name(), Some("x")));
    });
}

#[test]
fn the_last_reader_may_leave_while_a_task_ends_and_the_next_sees_nothing_of_it() {
    model("end ∥ drop the last Endings").reaches(&["told", "left before"], |reached| {
        let tasks = registry();
        let mut task = running(&tasks);
        let mut endings = tasks.endings();
        let reader = thread::spawn(move || endings.try_next_ended().is_some());
        task.go_on();
        task.finish();
        reached.that(if reader.join().unwrap() { "told" } else { "left before" });
        let mut next = tasks.endings();
        assert!(next.try_next_ended().is_none(), "what ended before it began");
        running(&tasks).finish();
        assert!(next.try_next_ended().is_some_and(|end| end.is_ok()));
    });
}

#[test]
fn a_guard_that_is_dropped_while_its_task_ends_asks_it_or_comes_too_late() {
    model("end ∥ drop DropGuard").reaches(&["cancelled", "completed"], |reached| {
        let tasks = registry();
        let mut task = running(&tasks);
        let found = tasks.get("x").unwrap();
        let guard = found.clone().drop_guard();
        let dropper = thread::spawn(move || drop(guard));
        task.go_on();
        dropper.join().unwrap();
        task.finish();
        reached.that(word(&found.outcome().unwrap()));
        assert_quiet(&tasks);
    });
}

/// One thread spawns while another asks all to stop: who is there in time is asked, and nobody is asked twice.
fn spawn_while_all_are_asked(name: &'static str, ask: fn(Tasks<Sync>)) {
    model(name).reaches(&["asked", "came later"], move |reached| {
        let tasks = registry();
        let (own, asks) = (beside(&tasks), tasks.tasks().clone());
        let asker = thread::spawn(move || ask(asks));
        let (owned, gone) = Gone::new();
        let task = own.spawn("x", brief(owned)).unwrap();
        let body = own.spawner().take();
        asker.join().unwrap();
        body.run().finish();
        assert!(gone.is());
        reached.that(match task.outcome().unwrap().is_cancelled() {
            true => "asked",
            false => "came later",
        });
        assert_quiet(&tasks);
    });
}

#[test]
fn a_guard_of_all_tasks_asks_who_is_there_and_closes_nothing() {
    spawn_while_all_are_asked("spawn ∥ drop TasksGuard", |tasks| drop(tasks.drop_guard()));
}

#[test]
fn a_cancel_of_all_that_is_dropped_stands_for_who_was_there() {
    spawn_while_all_are_asked("spawn ∥ drop CancellingAll", |tasks| {
        let mut all = Driven::new(tasks.cancel_all());
        all.poll();
        all.abandon();
    });
}

#[test]
fn a_shutdown_that_is_dropped_while_a_task_ends_stands() {
    model("end ∥ drop Shutdown").reaches(&["cancelled", "completed"], |reached| {
        let tasks = registry();
        let mut task = running(&tasks);
        let found = tasks.get("x").unwrap();
        let closes = tasks.tasks().clone();
        let closer = thread::spawn(move || {
            let mut report = Driven::new(closes.shutdown(pending::<()>()));
            report.poll();
            report.abandon();
        });
        task.go_on();
        closer.join().unwrap();
        task.finish();
        assert!(tasks.is_closed() && tasks.reserve("y").is_err());
        reached.that(word(&found.outcome().unwrap()));
        assert_quiet(&tasks);
    });
}

#[test]
fn a_shutdown_in_stages_that_is_dropped_asks_all_that_is_left() {
    model("end ∥ drop StagedShutdown").preemptions(2).reaches(
        &["cancelled", "completed"],
        |reached| {
            let tasks = registry();
            let (owned, _) = Gone::new();
            let low = tasks.task("low").stage(-1).spawn(brief(owned)).unwrap();
            let mut task = tasks.spawner().take();
            task.poll();
            let (owned, _) = Gone::new();
            drop(tasks.task("high").spawn(brief(owned)).unwrap());
            let high = tasks.spawner().take();
            let closes = tasks.tasks().clone();
            let closer = thread::spawn(move || {
                let end = closes.shutdown_in_stages(pending::<()>(), |_| pending::<()>());
                drop(end);
            });
            task.go_on();
            closer.join().unwrap();
            task.finish();
            high.run().finish();
            reached.that(word(&low.outcome().unwrap()));
            assert_quiet(&tasks);
        },
    );
}

#[test]
fn who_gives_up_waiting_for_readiness_takes_no_wake_up_from_others() {
    model("ready ∥ drop Started").reaches(&OUTCOMES, |reached| {
        let tasks = registry();
        let body = |cx: Cx<(), Sync>| async move {
            cx.ready();
            pending::<()>().await;
        };
        let handle = tasks.with_context(()).spawn_with("x", body).unwrap();
        let mut task = tasks.spawner().take();
        leave(
            reached,
            || handle.started(),
            || assert!(!task.poll()),
            |ready| assert_eq!(ready, Ok(())),
        );
    });
}

#[test]
fn who_gives_up_waiting_for_a_token_takes_no_wake_up_from_others() {
    model("cancel ∥ drop Cancelled").reaches(&OUTCOMES, |reached| {
        let tasks = registry();
        let task = running(&tasks);
        let found = tasks.get("x").unwrap();
        // In the same list, before all of them.
        let end = Driven::new(found.wait()).run();
        leave(
            reached,
            || found.cancelled(),
            || drop(found.cancel()),
            |()| assert!(found.state() == State::Stopping),
        );
        task.finish();
        end.finish();
        assert_quiet(&tasks);
    });
}

#[test]
fn who_was_woken_and_leaves_is_counted_out_once() {
    model("spawn ∥ drop WaitFor, then wait again").reaches(&OUTCOMES, |reached| {
        let tasks = registry();
        let leaves = tasks.wait_for("x");
        let leaver = thread::spawn(move || {
            let mut wait = Driven::new(leaves);
            if wait.poll() {
                return OUTCOMES[0];
            }
            wait.abandon();
            if wait.woken() { OUTCOMES[2] } else { OUTCOMES[1] }
        });
        let _first = running(&tasks);
        reached.that(leaver.join().unwrap());
        // If too many had been counted out, nobody would seem to wait now.
        let wait = Driven::new(tasks.wait_for("y")).run();
        let (owned, _) = Gone::new();
        let new = tasks.spawn("y", brief(owned)).unwrap();
        assert_eq!(wait.finish().id(), new.id());
    });
}

#[test]
fn a_grace_of_all_that_is_let_go_of_while_a_task_ends_stops_it_all_the_same() {
    model("end ∥ drop CancellingAll with a grace").reaches(
        &["in its grace", "completed"],
        |reached| {
            let tasks = registry();
            let mut task = running(&tasks);
            let found = tasks.get("x").unwrap();
            let (owned, gone) = Gone::new();
            let stays = tasks.spawn("y", endless(owned)).unwrap();
            let last = tasks.spawner().take().run();
            let asks = tasks.tasks().clone();
            let canceller = thread::spawn(move || {
                let all = asks.cancel_all_with(Cancel::new().grace(pending::<()>()));
                drop(all);
            });
            task.go_on();
            canceller.join().unwrap();
            task.finish();
            last.finish();
            assert!(gone.is() && stays.outcome().unwrap().is_cancelled());
            reached.that(match found.outcome().unwrap().is_cancelled() {
                true => "in its grace",
                false => "completed",
            });
            assert_quiet(&tasks);
        },
    );
}
