//! Who is told what happens to tasks: exact traces of calls, on executors of several kinds.
//!
//! Orders are forced by gates and by polling by hand, never by time. The only clock is the watchdog.

use std::any::Any;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use task_registry::{AroundPoll, Observer, Outcome, TaskInfo};

#[path = "../common/watchdog.rs"]
mod watchdog;

/// Runs each test on tokio and on a local executor, with a registry whose observer writes down what it is told.
macro_rules! everywhere {
    ($(fn $name:ident($tasks:ident, $seen:ident) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs all")]
            use super::*;

            #[test]
            fn on_tokio() {
                let _watchdog = crate::watchdog::Watchdog::start();
                let $seen = Seen::default();
                let options = task_registry::Options::new().observer($seen.clone());
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    let spawner = task_registry::tokio::Tokio::current();
                    let $tasks = task_registry::Registry::with_options(spawner, options);
                    $body
                });
            }

            #[test]
            fn on_a_local_executor() {
                let _watchdog = crate::watchdog::Watchdog::start();
                let $seen = Seen::default();
                let options = task_registry::Options::new().observer($seen.clone());
                let executor = async_executor::LocalExecutor::new();
                futures_lite::future::block_on(executor.run(async {
                    let spawner = task_registry::local::OnLocalExecutor(&executor);
                    let $tasks = task_registry::Registry::with_options(spawner, options);
                    $body
                }));
            }
        }
    )+};
}

mod calls;
mod pairs;
mod ready_made;
mod reentry;

/// Writes down every call.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, what: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// What was written down since this was last asked.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn name(task: &TaskInfo) -> &str {
    task.name().unwrap_or("unnamed")
}

impl Observer for Seen {
    fn added(&self, task: &TaskInfo) {
        self.note(format!("{} added, {}", name(task), task.state()));
    }
    fn started(&self, task: &TaskInfo) {
        self.note(format!("{} started, {}", name(task), task.state()));
    }
    fn stopping(&self, task: &TaskInfo, reason: Option<&str>) {
        self.note(format!("{} asked: {}", name(task), reason.unwrap_or("no reason")));
    }
    fn ended(&self, task: &TaskInfo, outcome: &Outcome) {
        assert_eq!(task.outcome(), Some(outcome));
        let cleanup = task.cleanup().map_or(String::new(), |cleanup| format!(", {cleanup}"));
        self.note(format!("{} ended, {outcome}{cleanup}", name(task)));
    }
    fn unclaimed_panic(
        &self,
        task: &TaskInfo,
        payload: Box<dyn Any + Send>,
    ) -> Option<Box<dyn Any + Send>> {
        let text = payload.downcast_ref::<&str>().copied();
        let message = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = message.expect("a test's panic is a string");
        self.note(format!("{} left a panic, {message}", name(task)));
        None
    }
}

/// The same, and the polls.
#[derive(Clone, Default)]
struct SeenAround(Seen);

impl Observer for SeenAround {
    fn around_polls(&self, task: &TaskInfo) -> Option<Arc<dyn AroundPoll>> {
        Some(Arc::new(Around(self.0.clone(), name(task).to_owned())))
    }
    fn ended(&self, task: &TaskInfo, outcome: &Outcome) {
        self.0.ended(task, outcome);
    }
}

struct Around(Seen, String);

impl AroundPoll for Around {
    fn enter(&self) {
        self.0.note(format!("{} entered", self.1));
    }
    fn exit(&self) {
        self.0.note(format!("{} left", self.1));
    }
}

impl Drop for Around {
    fn drop(&mut self) {
        self.0.note(format!("{} let go", self.1));
    }
}

/// Panics without the noise of the panic hook.
fn blow_up(message: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(message))
}

/// A future that panics when it is dropped.
struct PanicsWhenDropped(&'static str);

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        blow_up(self.0);
    }
}

fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

async fn yield_now() {
    futures_lite::future::yield_now().await;
}

async fn forever() {
    pending().await
}
