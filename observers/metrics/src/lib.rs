//! [task-registry](https://docs.rs/task-registry) in numbers, through the facade of the [`metrics`] crate: install whichever
//! exporter your metrics endpoint has, and give this observer to the registry.
//!
//! ```
//! use task_registry_core::Options;
//! use task_registry_metrics::MetricsObserver;
//!
//! let options = Options::new().observer(MetricsObserver::new().label("registry", "feeds"));
//! ```
//!
//! | metric | kind | labels |
//! | --- | --- | --- |
//! | `task_registry_added_total` | counter | |
//! | `task_registry_started_total` | counter | |
//! | `task_registry_stopping_total` | counter: tasks that were asked to stop | |
//! | `task_registry_ended_total` | counter | `outcome`: `completed`, `failed`, `cancelled`, `panicked`, `abandoned`, `never_started` |
//! | `task_registry_cleanups_total` | counter | `cleanup`: `ran`, `skipped`, `timed_out`, `panicked` |
//! | `task_registry_unclaimed_panics_total` | counter: panics that [nobody took](Observer::unclaimed_panic) | |
//! | `task_registry_live` | gauge: added and not ended | |
//! | `task_registry_seconds` | histogram: from spawn to end, the cleanup included, if the registry has a [clock](task_registry_core::Options::clock) | `outcome` |
//!
//! Names of tasks are no labels: there may be any number of them.
//!
//! # Several registries
//!
//! Clones of an observer count together, so that registries which share one are one in the numbers. Observers that were made
//! apart need different labels: with the same ones their counters add up, but each sets the gauge to what lives of its own,
//! and what the other said is gone. [`label`](MetricsObserver::label) makes an observer apart.
//!
//! # Cost
//!
//! A look-up in the recorder for each number, so that a recorder that is installed late is found. What happened before that
//! is not counted, but the gauge is right from the first task on that it is told of: the observer itself keeps the number. So
//! it is where threads have recorders of their own: each has what lived when a task was last added, or ended, there. Without
//! a recorder all of this costs next to nothing.
#![forbid(unsafe_code)]

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering::AcqRel};

use metrics::{Label, SharedString, counter, gauge, histogram};
use task_registry_core::{Cleanup, Observer, Outcome, TaskInfo};

/// Counts what happens to tasks: see the [crate].
#[derive(Clone, Debug, Default)]
pub struct MetricsObserver {
    labels: Vec<Label>,
    live: Arc<AtomicIsize>,
}

impl MetricsObserver {
    /// Makes one, without labels of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a label to all of its numbers, to tell several registries apart. What it counts from now on is its own, and no
    /// longer what clones of it do that were made before.
    #[must_use]
    pub fn label(mut self, key: impl Into<SharedString>, value: impl Into<SharedString>) -> Self {
        self.labels.push(Label::new(key, value));
        Self { labels: self.labels, live: Arc::default() }
    }

    fn labels(&self) -> Vec<Label> {
        self.labels.clone()
    }

    fn labels_with(&self, key: &'static str, value: &'static str) -> Vec<Label> {
        let mut labels = self.labels();
        labels.push(Label::from_static_parts(key, value));
        labels
    }

    /// Sets the gauge to how many live, which were so many just now. Another thread may overtake that on its way to the
    /// recorder; so who has said a number looks again, and says the new one if there is one: what is said last is right.
    fn tell_live(&self, mut live: isize) {
        let gauge = gauge!("task_registry_live", self.labels());
        loop {
            gauge.set(live as f64);
            // A change, although of nothing: one that comes after it has seen what was said.
            let now = self.live.fetch_add(0, AcqRel);
            if now == live {
                return;
            }
            live = now;
        }
    }
}

impl Observer for MetricsObserver {
    fn added(&self, _: &TaskInfo) {
        let live = self.live.fetch_add(1, AcqRel) + 1;
        counter!("task_registry_added_total", self.labels()).increment(1);
        self.tell_live(live);
    }

    fn started(&self, _: &TaskInfo) {
        counter!("task_registry_started_total", self.labels()).increment(1);
    }

    fn stopping(&self, _: &TaskInfo, _: Option<&str>) {
        counter!("task_registry_stopping_total", self.labels()).increment(1);
    }

    fn ended(&self, task: &TaskInfo, outcome: &Outcome) {
        // First: a recorder that panics leaves this right.
        let live = self.live.fetch_sub(1, AcqRel) - 1;
        let labels = self.labels_with("outcome", outcome_label(outcome));
        if let Some((spawned, ended)) =
            task.times().and_then(|times| Some((times.spawned, times.ended?)))
        {
            let seconds = ended.saturating_sub(spawned).as_secs_f64();
            histogram!("task_registry_seconds", labels.clone()).record(seconds);
        }
        counter!("task_registry_ended_total", labels).increment(1);
        if let Some(cleanup) = task.cleanup() {
            let labels = self.labels_with("cleanup", cleanup_label(cleanup));
            counter!("task_registry_cleanups_total", labels).increment(1);
        }
        self.tell_live(live);
    }

    /// The next observer is given it as well: a number is not the payload.
    fn unclaimed_panic(
        &self,
        _: &TaskInfo,
        payload: Box<dyn Any + Send>,
    ) -> Option<Box<dyn Any + Send>> {
        counter!("task_registry_unclaimed_panics_total", self.labels()).increment(1);
        Some(payload)
    }
}

fn outcome_label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Failed { .. } => "failed",
        Outcome::Cancelled { .. } => "cancelled",
        Outcome::Panicked { .. } => "panicked",
        Outcome::Abandoned => "abandoned",
        Outcome::NeverStarted => "never_started",
        _ => "other",
    }
}

fn cleanup_label(cleanup: Cleanup) -> &'static str {
    match cleanup {
        Cleanup::Ran => "ran",
        Cleanup::Skipped => "skipped",
        Cleanup::TimedOut => "timed_out",
        Cleanup::Panicked => "panicked",
        _ => "other",
    }
}
