//! [task-registry](https://docs.rs/task-registry) in [`tracing`]: a span for each task, and an event where one ends badly.
//!
//! ```
//! use task_registry_core::Options;
//! use task_registry_tracing::TracingObserver;
//!
//! let options = Options::new().observer(TracingObserver::new());
//! ```
//!
//! # The span
//!
//! Named `task`, with the fields `name` (absent for a task without one) and `id`. It is entered whenever the task runs: its
//! polls, its destructors, its cleanup. So every line that is logged inside bears the task's name. It has no parent, because
//! a task outlives what spawned it, and [follows from](tracing::Span::follows_from) the span that it was spawned in. It is
//! let go of when the task has ended.
//!
//! # The events
//!
//! All have the fields `name` and `id`, for most are told outside the span, and the target `task_registry`, as the span has.
//! Inside it is told that a task asked itself to stop. What a task does to others, such as to spawn them or to ask them to
//! stop, is told inside its own span, not in theirs.
//!
//! | level | when | further fields |
//! | --- | --- | --- |
//! | error | it failed, or panicked | `error`, or `panic` where the message is known |
//! | error | its cleanup panicked | `outcome` |
//! | error | it panicked and [nobody took that](Observer::unclaimed_panic): no handle, or the cleanup or a destructor did | `panic` where the message is known |
//! | warn | its executor let go of it; its cleanup timed out or was skipped | `outcome` |
//! | info | it was cancelled and has ended | `reason`, if there is one |
//! | debug | it was asked to stop | `reason`, if there is one |
//! | debug | it completed, or never started | |
//! | trace | it was added, it started | |
//!
//! # Cost
//!
//! What the subscriber asks for. Where the level of the span (info) is off a task has none, and its polls cost nothing.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::any::Any;

use task_registry_core::{AroundPoll, Cleanup, Observer, Outcome, TaskInfo};
use tracing::{Span, debug, error, info, info_span, trace, warn};

const TARGET: &str = "task_registry";

/// Writes what happens to tasks to the current [`tracing`] subscriber: see the [crate].
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TracingObserver;

impl TracingObserver {
    /// Makes one. Which lines appear is up to the subscriber's filter.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

/// Writes an event of this level about this task.
macro_rules! tell {
    ($level:ident, $task:ident, $($fields:tt)*) => {
        $level!(target: TARGET, name = $task.name(), id = %$task.id(), $($fields)*)
    };
}

impl Observer for TracingObserver {
    fn added(&self, task: &TaskInfo) {
        tell!(trace, task, "task added");
    }

    fn started(&self, task: &TaskInfo) {
        tell!(trace, task, "task started");
    }

    fn stopping(&self, task: &TaskInfo, reason: Option<&str>) {
        tell!(debug, task, reason, "task asked to stop");
    }

    fn ended(&self, task: &TaskInfo, outcome: &Outcome) {
        match outcome {
            Outcome::Failed { message } => {
                tell!(error, task, error = message.as_str(), "task failed");
            }
            Outcome::Panicked { message } => {
                tell!(error, task, panic = message.as_deref(), "task panicked");
            }
            Outcome::Abandoned => tell!(warn, task, %outcome, "task abandoned by its executor"),
            Outcome::Cancelled { reason } => {
                tell!(info, task, reason = reason.as_deref(), "task cancelled");
            }
            outcome => tell!(debug, task, "task {outcome}"),
        }
        match task.cleanup() {
            Some(Cleanup::Panicked) => tell!(error, task, %outcome, "cleanup of task panicked"),
            Some(Cleanup::TimedOut) => tell!(warn, task, %outcome, "cleanup of task timed out"),
            Some(Cleanup::Skipped) => tell!(warn, task, %outcome, "cleanup of task skipped"),
            _ => {}
        }
    }

    /// The next observer is given it as well: a line is not the payload.
    fn unclaimed_panic(
        &self,
        task: &TaskInfo,
        payload: Box<dyn Any + Send>,
    ) -> Option<Box<dyn Any + Send>> {
        let text = payload.downcast_ref::<&'static str>().copied();
        let panic = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        tell!(error, task, panic, "panic of task taken by nobody");
        Some(payload)
    }

    fn around_polls(&self, task: &TaskInfo) -> Option<Arc<dyn AroundPoll>> {
        let span =
            info_span!(target: TARGET, parent: None, "task", name = task.name(), id = %task.id());
        if span.is_disabled() {
            return None;
        }
        span.follows_from(Span::current());
        Some(Arc::new(TaskSpan(span)))
    }
}

/// A task's span. It is entered and left by hand, because the guards of `tracing` cannot be kept in a table.
struct TaskSpan(Span);

impl AroundPoll for TaskSpan {
    fn enter(&self) {
        self.0.with_subscriber(|(id, subscriber)| subscriber.enter(id));
    }

    fn exit(&self) {
        self.0.with_subscriber(|(id, subscriber)| subscriber.exit(id));
    }
}
