//! What an observer is told, and when others see it.

use std::sync::{Arc, Mutex};

use loom::sync::atomic::{AtomicU32, Ordering::Relaxed};
use loom::thread;
use task_registry_core::{Observer, Options, Outcome, TaskInfo};

use crate::harness::{Driven, Gone, brief, model, with, word};

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
