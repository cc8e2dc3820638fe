//! The lists of those who wait: nobody in them is forgotten, nobody who left is woken.

use loom::thread;
use task_registry_core::{Options, Outcome, Retain};

use crate::harness::{Driven, Gone, beside, brief, endless, model, registry, with};

#[test]
fn whoever_comes_to_wait_while_a_task_ends_is_woken_or_sees_the_end() {
    let outcomes = ["both at once", "one woken", "both woken"];
    model("end ∥ wait ∥ wait").preemptions(2).reaches(&outcomes, move |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let waiters = [(), ()].map(|()| {
            let (waits, gone) = (handle.task().clone(), gone.clone());
            thread::spawn(move || {
                let mut wait = Driven::new(waits.wait());
                if wait.poll() {
                    assert!(gone.is());
                }
                wait
            })
        });
        task.go_on();
        task.finish();
        let waiters = waiters.map(|waiter| waiter.join().unwrap());
        let woken = waiters.iter().filter(|wait| !wait.is_done()).count();
        for wait in waiters {
            assert_eq!(wait.finish(), Outcome::Completed);
        }
        reached.that(outcomes[woken]);
    });
}

#[test]
fn a_waiter_that_moves_to_another_waker_is_woken_by_the_new_one() {
    model("end ∥ wait again").reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let (owned, _) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let mut wait = Driven::new(handle.wait());
        wait.poll();
        wait.migrate();
        let waiter = thread::spawn(move || {
            wait.poll();
            wait
        });
        task.go_on();
        task.finish();
        let wait = waiter.join().unwrap();
        reached.that(if wait.is_done() { "at once" } else { "woken" });
        assert_eq!(wait.finish(), Outcome::Completed);
    });
}

#[test]
fn a_token_wakes_those_who_wait_for_it_and_the_end_the_others() {
    model("cancel ∥ wait, cancelled()").preemptions(2).reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let (owned, _) = Gone::new();
        let handle = tasks.spawn("x", endless(owned)).unwrap();
        let task = tasks.spawner().take().run();
        let end = Driven::new(handle.wait()).run();
        let waits = handle.task().clone();
        let waiter = thread::spawn(move || {
            let mut token = Driven::new(waits.cancelled());
            token.poll();
            token
        });
        let runner = thread::spawn(move || {
            let mut task = task;
            task.go_on();
            task
        });
        drop(handle.cancel());
        runner.join().unwrap().finish();
        let token = waiter.join().unwrap();
        reached.that(if token.is_done() { "at once" } else { "woken" });
        token.finish();
        assert!(end.finish().is_cancelled());
    });
}

#[test]
fn the_last_of_two_ends_in_different_shards_wakes_who_waits_for_idleness() {
    two_ends("end ∥ end ∥ wait_idle", Options::new);
}

#[test]
fn the_last_of_two_ends_that_leave_no_record_wakes_who_waits_for_idleness() {
    let nothing = || Options::new().retain(Retain::Nothing);
    two_ends("end ∥ end ∥ wait_idle, without records", nothing);
}

fn two_ends(name: &'static str, options: fn() -> Options) {
    let outcomes = ["at once", "woken"];
    model(name).preemptions(2).shard_bits(1).reaches(&outcomes, move |reached| {
        let tasks = with(options());
        let runs = [(), ()].map(|()| {
            let (owned, gone) = Gone::new();
            drop(tasks.spawn_unnamed(brief(owned)).unwrap());
            let mut task = tasks.spawner().take();
            task.poll();
            (task, gone)
        });
        let mut idle = Driven::new(tasks.wait_idle());
        let [(mut one, one_gone), (mut two, two_gone)] = runs;
        let runner = thread::spawn(move || {
            two.go_on();
            two
        });
        let waiter = thread::spawn(move || {
            if idle.poll() {
                assert!(one_gone.is() && two_gone.is());
            }
            idle
        });
        one.go_on();
        one.finish();
        runner.join().unwrap().finish();
        let idle = waiter.join().unwrap();
        reached.that(if idle.is_done() { "at once" } else { "woken" });
        idle.finish();
        assert_eq!(tasks.live(), 0);
    });
}

#[test]
fn nothing_is_idle_between_a_task_and_one_that_it_spawned() {
    end_after_spawn("end after spawn ∥ wait_idle", Options::new);
}

#[test]
fn nothing_is_idle_between_a_task_and_one_that_it_spawned_without_records() {
    let nothing = || Options::new().retain(Retain::Nothing);
    end_after_spawn("end after spawn ∥ wait_idle, without records", nothing);
}

fn end_after_spawn(name: &'static str, options: fn() -> Options) {
    let outcomes = ["at once", "not yet"];
    model(name).shard_bits(1).reaches(&outcomes, move |reached| {
        let tasks = with(options());
        let (owned, _) = Gone::new();
        drop(tasks.spawn_unnamed(brief(owned)).unwrap());
        let mut first = tasks.spawner().take();
        first.poll();
        let (own, mut idle) = (beside(&tasks), Driven::new(tasks.wait_idle()));
        // At no instant does nothing live, before the second has ended.
        let spawner = thread::spawn(move || {
            let (owned, gone) = Gone::new();
            drop(own.spawn_unnamed(brief(owned)).unwrap());
            first.go_on();
            first.finish();
            own.spawner().take().run().finish();
            gone
        });
        idle.poll();
        let early = idle.is_done();
        let gone = spawner.join().unwrap();
        assert!(gone.is());
        reached.that(if early { "at once" } else { "not yet" });
        idle.finish();
    });
}

#[test]
fn whoever_waits_for_a_name_is_woken_when_it_comes() {
    model("spawn ∥ wait_for").reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let (own, mut wait) = (beside(&tasks), Driven::new(tasks.wait_for("x")));
        let spawner = thread::spawn(move || {
            let (owned, _) = Gone::new();
            let handle = own.spawn("x", endless(owned)).unwrap();
            (handle.id(), own.spawner().take())
        });
        wait.poll();
        let (id, _task) = spawner.join().unwrap();
        reached.that(if wait.is_done() { "at once" } else { "woken" });
        assert_eq!(wait.finish().id(), id);
    });
}

#[test]
fn whoever_follows_the_endings_is_told_of_each() {
    model("end ∥ next_ended").reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let mut endings = tasks.endings();
        let runner = thread::spawn(move || {
            task.go_on();
            task
        });
        let mut next = Driven::new(async move { endings.next_ended().await });
        if next.poll() {
            assert!(gone.is());
        }
        runner.join().unwrap().finish();
        reached.that(if next.is_done() { "at once" } else { "woken" });
        assert_eq!(next.finish().unwrap().unwrap().id(), handle.id());
    });
}

#[test]
fn readiness_is_told_to_whoever_comes_meanwhile() {
    model("ready ∥ started").reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let handle = tasks
            .with_context(())
            .spawn_with("x", |cx| async move {
                cx.ready();
                std::future::pending::<()>().await;
            })
            .unwrap();
        let task = tasks.spawner().take();
        let waits = handle.task().clone();
        let waiter = thread::spawn(move || {
            let mut started = Driven::new(waits.started());
            started.poll();
            started
        });
        let _task = task.run();
        let started = waiter.join().unwrap();
        reached.that(if started.is_done() { "at once" } else { "woken" });
        assert_eq!(started.finish(), Ok(()));
    });
}

#[test]
fn who_finds_the_registry_at_rest_finds_what_ended() {
    model("end ∥ wait_idle, then records").reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let (owned, _) = Gone::new();
        drop(tasks.spawn("x", brief(owned)).unwrap());
        let mut task = tasks.spawner().take();
        task.poll();
        let (waits, mut idle) = (tasks.tasks().clone(), Driven::new(tasks.wait_idle()));
        let waiter = thread::spawn(move || {
            if idle.poll() {
                assert_eq!(waits.records(), 1);
            }
            idle
        });
        task.go_on();
        task.finish();
        let idle = waiter.join().unwrap();
        reached.that(if idle.is_done() { "at once" } else { "woken" });
        idle.finish();
    });
}

#[test]
fn who_follows_the_endings_of_a_closed_registry_hears_of_the_last() {
    model("end ∥ close, next_ended").reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let (owned, _) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let (closes, mut endings) = (tasks.tasks().clone(), tasks.endings());
        let reader = thread::spawn(move || {
            drop(closes.shutdown(std::future::pending::<()>()));
            let mut next = Driven::new(async move { endings.next_ended().await });
            next.poll();
            next
        });
        task.go_on();
        task.finish();
        let next = reader.join().unwrap();
        reached.that(if next.is_done() { "at once" } else { "woken" });
        assert_eq!(next.finish().unwrap().unwrap().id(), handle.id());
    });
}
