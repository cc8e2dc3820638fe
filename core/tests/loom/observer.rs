//! What an observer is told, and when others see it.

use std::sync::{Arc, Mutex};

use loom::sync::atomic::{AtomicU32, Ordering::Relaxed};
use loom::thread;
use task_registry_core::{Observer, Options, Outcome, TaskInfo};

use crate::harness::{Driven, Gone, assert_quiet, brief, model, with, word};

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<&'static str>>>, Arc<AtomicU32>);

impl Told {
    fn all(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, what: &'static str) {
        // Takes its time: another thread may come in between.
        self.1.fetch_add(1, Relaxed);
        self.0.lock().unwrap().push(what);
    }
}

impl Observer for Told {
    fn added(&self, _: &TaskInfo) {
        self.note("added");
    }

    fn started(&self, _: &TaskInfo) {
        self.note("started");
    }

    fn stopping(&self, _: &TaskInfo, _: Option<&str>) {
        self.note("stopping");
    }

    fn ended(&self, _: &TaskInfo, outcome: &Outcome) {
        self.note(word(outcome));
    }
}

#[test]
fn an_observer_is_told_in_the_order_of_life_and_before_the_end_is_seen() {
    let outcomes = ["never ran", "completed", "cancelled"];
    model("observed: run ∥ cancel").preemptions(2).reaches(&outcomes, |reached| {
        let told = Told::default();
        let tasks = with(Options::new().observer(told.clone()));
        told.0.lock().unwrap().clear();
        let (owned, gone) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let task = tasks.spawner().take();
        let runner = thread::spawn(move || task.run());
        let (asks, hears) = (handle.task().clone(), told.clone());
        let canceller = thread::spawn(move || {
            let mut end = Driven::new(asks.cancel());
            if end.poll() {
                assert!(
                    gone.is() && matches!(hears.all().last(), Some(&("completed" | "cancelled")))
                );
            }
            end
        });
        runner.join().unwrap().finish();
        let outcome = canceller.join().unwrap().finish();
        let told = told.all();
        reached.that(match (&told[..], word(&outcome)) {
            (["added", "stopping", "cancelled"], "cancelled") => "never ran",
            (["added", "started", "stopping", "cancelled"], "cancelled") => "cancelled",
            (["added", "started", "completed"], "completed") => "completed",
            (["added", "started", "stopping", "completed"], "completed") => "completed",
            other => panic!("{other:?}"),
        });
    });
}

#[test]
fn an_observer_is_told_once_how_a_place_ended_that_is_dropped_while_it_is_cancelled() {
    let outcomes = ["never started", "cancelled"];
    model("observed: ticket dropped ∥ cancel").reaches(&outcomes, |reached| {
        let told = Told::default();
        let tasks = with(Options::new().observer(told.clone()));
        told.0.lock().unwrap().clear();
        let ticket = tasks.reserve("x").unwrap();
        let task = ticket.task().clone();
        let dropper = thread::spawn(move || drop(ticket));
        drop(task.cancel());
        dropper.join().unwrap();
        let outcome = task.outcome().unwrap();
        reached.that(match (&told.all()[..], word(&outcome)) {
            (["added", "never started"], "never started") => "never started",
            (["added", "stopping", "cancelled"], "cancelled") => "cancelled",
            other => panic!("{other:?}"),
        });
        assert_quiet(&tasks);
    });
}

#[test]
fn an_observer_may_take_its_time_and_a_cancel_after_the_end_comes_too_late() {
    let outcomes = ["asked", "too late"];
    model("observed: end ∥ cancel").reaches(&outcomes, |reached| {
        let told = Told::default();
        let tasks = with(Options::new().observer(told.clone()));
        let (owned, _) = Gone::new();
        let handle = tasks.spawn("x", brief(owned)).unwrap();
        let mut task = tasks.spawner().take();
        task.poll();
        told.0.lock().unwrap().clear();
        let asks = handle.task().clone();
        let canceller = thread::spawn(move || drop(asks.cancel_with("asked")));
        task.go_on();
        canceller.join().unwrap();
        task.finish();
        let outcome = handle.outcome().unwrap();
        reached.that(match (&told.all()[..], outcome.is_cancelled()) {
            (["stopping", "cancelled"], true) | (["stopping", "completed"], false) => "asked",
            (["completed"], false) => "too late",
            other => panic!("{other:?}"),
        });
        assert_quiet(&tasks);
    });
}
