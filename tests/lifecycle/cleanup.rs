//! The asynchronous `finally`: what runs once the future is gone, and what waits for it (law 2).

mod bounded;
mod gone;
mod reentry;
mod runs;
mod threads;

pub(crate) use self::{bounded::*, gone::*, reentry::*, runs::*, threads::*};

use task_registry::mode::Mode;
use task_registry::{Cleanup, TaskRef};

use crate::kit::*;
use crate::setup::*;

fn how<M: Mode>(task: &TaskRef<M>) -> Option<Cleanup> {
    task.info().cleanup()
}

/// What was noted since the last look.
fn news(trace: &Trace, seen: &mut usize) -> Vec<String> {
    let news = trace.read().split_off(*seen);
    *seen += news.len();
    news
}

/// A cleanup that notes what it is given.
fn noting(trace: &Trace) -> MakeOfEnd {
    let trace = trace.clone();
    make_of_end(move |end| async move { trace.note(format!("cleanup: {end}")) })
}

/// A future that notes its drop and ends as it is told.
fn noted<T: 'static>(trace: &Trace, end: impl FnOnce() -> T + 'static) -> Body<T> {
    let guard = note_the_drop(trace, "dropped");
    body(async move {
        let _guard = guard;
        yield_now().await;
        end()
    })
}
