//! The gate (law 12), of a registry and of a scope.

use std::future::pending;

use loom::thread;
use task_registry_core::{Registry, Scope, SpawnError, State, mode::Sync};

use crate::harness::{Driven, Gone, Shelf, beside, brief, endless, model, registry};

#[test]
fn a_spawn_is_before_the_gate_or_refused() {
    model("spawn ∥ shutdown").reaches(&["closed", "stopped"], |reached| {
        let tasks = registry();
        let own = beside(&tasks);
        let spawner = thread::spawn(move || {
            let (owned, gone) = Gone::new();
            let spawned =
                own.spawn("x", endless(owned)).map(|handle| (handle, own.spawner().take()));
            (spawned, gone)
        });
        let report = Driven::new(tasks.shutdown(pending::<()>())).run();
        let (spawned, gone) = spawner.join().unwrap();
        match spawned {
            Ok((handle, task)) => {
                task.run().finish();
                let report = report.finish();
                assert!(gone.is() && report.cancelled() == 1 && report.is_clean());
                assert_eq!(handle.outcome().unwrap().reason(), Some("shutdown"));
                reached.that("stopped");
            }
            Err(error) => {
                assert_eq!(error, SpawnError::Closed);
                assert!(gone.is() && report.finish().ended().is_empty());
                reached.that("closed");
            }
        }
    });
}

#[test]
fn no_task_slips_in_between_the_shards_of_a_gate() {
    let outcomes = ["none", "one", "both"];
    model("spawn ∥ spawn ∥ shutdown").preemptions(2).shard_bits(1).reaches(
        &outcomes,
        move |reached| {
            let tasks = registry();
            let spawners = [(), ()].map(|()| {
                let own = beside(&tasks);
                thread::spawn(move || {
                    let (owned, _) = Gone::new();
                    own.spawn_unnamed(endless(owned)).ok().map(|_| own.spawner().take())
                })
            });
            let report = Driven::new(tasks.shutdown(pending::<()>())).run();
            let spawned = spawners.map(|spawner| spawner.join().unwrap());
            let count = spawned.iter().flatten().count();
            for task in spawned.into_iter().flatten() {
                task.run().finish();
            }
            assert_eq!(report.finish().cancelled(), count);
            assert_eq!(tasks.live(), 0);
            reached.that(outcomes[count]);
        },
    );
}

#[test]
fn a_ticket_that_is_used_while_the_gate_shuts_is_refused_or_stopped() {
    model("ticket used ∥ shutdown").reaches(&["closed", "cancelled", "stopped"], |reached| {
        let tasks = registry();
        let ticket = tasks.reserve("x").unwrap();
        let user = thread::spawn(move || {
            let (owned, gone) = Gone::new();
            let used = ticket.track(endless(owned));
            (used.map(|(tracked, _)| Driven::new(tracked).run()), gone)
        });
        let report = Driven::new(tasks.shutdown(pending::<()>())).run();
        let (used, gone) = user.join().unwrap();
        reached.that(match used {
            Ok(task) => {
                task.finish();
                assert!(gone.is());
                "stopped"
            }
            Err(error) => match error.into_parts() {
                (SpawnError::Closed, _) => "closed",
                (SpawnError::Cancelled, _) => "cancelled",
                (error, _) => panic!("{error}"),
            },
        });
        assert!(report.finish().is_clean());
    });
}

#[test]
fn a_shutdown_reports_a_task_that_ends_meanwhile_as_ended() {
    let outcomes = ["ended before", "completed", "cancelled"];
    model("end ∥ shutdown").reaches(&outcomes, move |reached| {
        let tasks = registry();
        let (owned, gone) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let runner = thread::spawn(move || {
            task.go_on();
            task
        });
        let mut report = Driven::new(tasks.shutdown(pending::<()>()));
        if report.poll() {
            assert!(gone.is());
        }
        runner.join().unwrap().finish();
        let report = report.finish();
        assert!(report.is_clean() && handle.state() == State::Ended);
        reached.that(match (report.ended().len(), report.completed(), report.cancelled()) {
            (0, 0, 0) => "ended before",
            (1, 1, 0) => "completed",
            (1, 0, 1) => "cancelled",
            _ => panic!("{report}"),
        });
    });
}

/// As for a table: its words come to be with their first use.
fn used(tasks: &Registry<Shelf>, scope: Scope<Sync>) -> Scope<Sync> {
    drop(tasks.task("first").within(&scope).spawn(async {}).unwrap());
    let idle = Driven::new(scope.wait_idle()).run();
    tasks.spawner().take().run().finish();
    idle.finish();
    tasks.purge();
    scope
}

#[test]
fn a_task_enters_a_scope_before_it_is_cancelled_or_not_at_all() {
    model("spawn within ∥ cancel scope").reaches(&["closed", "stopped"], |reached| {
        let tasks = registry();
        let scope = used(&tasks, tasks.child("s"));
        let (own, within) = (beside(&tasks), scope.clone());
        let spawner = thread::spawn(move || {
            let (owned, gone) = Gone::new();
            let spawned = own.task("x").within(&within).spawn(endless(owned));
            (spawned.map(|handle| (handle, own.spawner().take())), gone)
        });
        let ends = Driven::new(scope.cancel()).run();
        let (spawned, gone) = spawner.join().unwrap();
        match spawned {
            Ok((handle, task)) => {
                task.run().finish();
                assert!(handle.outcome().unwrap().is_cancelled());
                assert_eq!(ends.finish().len(), 1);
                reached.that("stopped");
            }
            Err(error) => {
                assert_eq!(error, SpawnError::Closed);
                ends.finish();
                reached.that("closed");
            }
        }
        assert!(gone.is() && scope.live() == 0 && tasks.live() == 0);
    });
}

#[test]
fn the_last_member_that_leaves_a_scope_wakes_who_waits_for_that() {
    model("end ∥ scope idle").reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let scope = used(&tasks, tasks.child("s"));
        let (owned, gone) = Gone::new();
        drop(tasks.task("x").within(&scope).spawn(brief(owned)).unwrap());
        let mut task = tasks.spawner().take();
        task.poll();
        let runner = thread::spawn(move || {
            task.go_on();
            task
        });
        let mut idle = Driven::new(scope.wait_idle());
        if idle.poll() {
            assert!(gone.is());
        }
        runner.join().unwrap().finish();
        reached.that(if idle.is_done() { "at once" } else { "woken" });
        idle.finish();
    });
}

#[test]
fn of_two_shutdowns_at_once_both_report_when_all_has_ended() {
    model("shutdown ∥ shutdown").preemptions(2).reaches(
        &["both asked", "one came when it was over"],
        |reached| {
            let tasks = registry();
            let (owned, gone) = Gone::new();
            let handle = tasks.spawn("x", brief(owned)).unwrap();
            let task = tasks.spawner().take();
            // The words of the event come to be with their first use, which has to be before there are two threads.
            drop(Driven::new(tasks.wait_idle()).run());
            let closes = tasks.tasks().clone();
            let closer = thread::spawn(move || Driven::new(closes.shutdown(pending::<()>())).run());
            let first = Driven::new(tasks.shutdown(pending::<()>())).run();
            task.run().finish();
            let second = closer.join().unwrap().finish();
            let first = first.finish();
            assert!(gone.is() && first.is_clean() && second.is_clean() && first.cancelled() == 1);
            assert_eq!(handle.outcome().unwrap().reason(), Some("shutdown"));
            reached.that(match second.ended().len() {
                1 => "both asked",
                _ => "one came when it was over",
            });
        },
    );
}

#[test]
fn a_stage_is_asked_when_the_one_before_it_has_ended_and_no_sooner() {
    model("end ∥ staged shutdown").preemptions(2).reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let (owned, low_gone) = Gone::new();
        let low = tasks.task("low").stage(-1).spawn(endless(owned)).unwrap();
        let mut last = tasks.spawner().take();
        last.poll();
        let (owned, high_gone) = Gone::new();
        let high = tasks.task("high").spawn(brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        let end = tasks.shutdown_in_stages(pending::<()>(), |_| pending::<()>());
        let (high, low) = (high.task().clone(), low.task().clone());
        let (asked, seen) = (low.clone(), high_gone.clone());
        let closer = thread::spawn(move || {
            let mut end = Driven::new(end);
            assert!(!end.poll());
            assert!(asked.state() != State::Stopping || seen.is());
            (end, asked.state() == State::Stopping)
        });
        task.go_on();
        let (mut end, at_once) = closer.join().unwrap();
        task.finish();
        end.go_on();
        assert!(high.is_ended() && low.state() == State::Stopping);
        last.go_on();
        last.finish();
        let report = end.finish();
        assert!(report.is_clean() && low_gone.is() && report.ended().len() == 2);
        reached.that(if at_once { "at once" } else { "woken" });
    });
}

#[test]
fn a_task_enters_a_scope_before_the_one_around_it_is_cancelled_or_not_at_all() {
    model("spawn within inner ∥ cancel outer").preemptions(2).reaches(
        &["closed", "stopped"],
        |reached| {
            let tasks = registry();
            let outer = used(&tasks, tasks.child("s"));
            let inner = used(&tasks, outer.child("t"));
            let (own, within) = (beside(&tasks), inner.clone());
            let spawner = thread::spawn(move || {
                let (owned, gone) = Gone::new();
                let spawned = own.task("x").within(&within).spawn(endless(owned));
                (spawned.map(|handle| (handle, own.spawner().take())), gone)
            });
            let ends = Driven::new(outer.cancel()).run();
            let (spawned, gone) = spawner.join().unwrap();
            reached.that(match spawned {
                Ok((handle, task)) => {
                    task.run().finish();
                    assert!(handle.outcome().unwrap().is_cancelled());
                    assert_eq!(ends.finish().len(), 1);
                    "stopped"
                }
                Err(error) => {
                    assert_eq!(error, SpawnError::Closed);
                    ends.finish();
                    "closed"
                }
            });
            assert!(gone.is() && outer.live() == 0 && inner.live() == 0 && tasks.live() == 0);
        },
    );
}

#[test]
fn who_gives_up_waiting_for_a_scope_takes_no_wake_up_from_others() {
    let outcomes = ["ready", "dropped in time", "woken, then dropped"];
    model("end ∥ drop ScopeIdle").reaches(&outcomes, move |reached| {
        let tasks = registry();
        let scope = used(&tasks, tasks.child("s"));
        let (owned, _) = Gone::new();
        drop(tasks.task("x").within(&scope).spawn(brief(owned)).unwrap());
        let mut task = tasks.spawner().take();
        task.poll();
        let stays = Driven::new(scope.wait_idle()).run();
        let leaves = scope.clone();
        let leaver = thread::spawn(move || {
            let mut wait = Driven::new(leaves.wait_idle());
            if wait.poll() {
                return outcomes[0];
            }
            wait.abandon();
            if wait.woken() { outcomes[2] } else { outcomes[1] }
        });
        task.go_on();
        task.finish();
        reached.that(leaver.join().unwrap());
        stays.finish();
        assert_eq!(scope.live(), 0);
    });
}

#[test]
fn a_place_that_ends_while_it_enters_its_scope_is_no_member_for_good() {
    model("reserve within ∥ cancel").reaches(&["not found", "cancelled"], |reached| {
        let tasks = registry();
        let scope = used(&tasks, tasks.child("s"));
        let (own, within) = (beside(&tasks), scope.clone());
        let entrant = thread::spawn(move || own.task("x").within(&within).reserve().unwrap());
        // What has no future yet has ended when this returns, maybe before it is in its scope.
        let found = tasks.cancel("s/x").is_some();
        let ticket = entrant.join().unwrap();
        assert_eq!((ticket.task().is_ended(), scope.live()), (found, usize::from(!found)));
        drop(ticket);
        assert_eq!((scope.live(), tasks.live()), (0, 0));
        reached.that(if found { "cancelled" } else { "not found" });
    });
}

#[test]
fn who_finds_a_registry_closed_is_refused_in_each_of_its_shards() {
    model("shutdown ∥ is_closed, spawn").shard_bits(1).reaches(&["not yet", "closed"], |reached| {
        let tasks = registry();
        let own = beside(&tasks);
        let closes = tasks.tasks().clone();
        let closer = thread::spawn(move || drop(closes.shutdown(pending::<()>())));
        let closed = own.is_closed();
        if closed {
            // One after the other they go to each shard.
            for _ in 0..2 {
                assert_eq!(own.spawn_unnamed(async {}).unwrap_err(), SpawnError::Closed);
            }
        }
        closer.join().unwrap();
        reached.that(if closed { "closed" } else { "not yet" });
    });
}

#[test]
fn who_follows_the_endings_hears_that_there_will_be_none() {
    model("shutdown of nothing ∥ next_ended").reaches(&["at once", "woken"], |reached| {
        let tasks = registry();
        let mut endings = tasks.endings();
        let closes = tasks.tasks().clone();
        let closer = thread::spawn(move || drop(closes.shutdown(pending::<()>())));
        let mut next = Driven::new(async move { endings.next_ended().await.is_none() });
        next.poll();
        closer.join().unwrap();
        reached.that(if next.is_done() { "at once" } else { "woken" });
        assert!(next.finish());
    });
}
