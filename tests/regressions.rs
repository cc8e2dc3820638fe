//! What was wrong once, found by reading: each of these failed before it was mended, in the code or, in `names`, in what was
//! said of it.

#[path = "regressions/blocking.rs"]
mod blocking;
#[path = "regressions/cleanup.rs"]
mod cleanup;
#[path = "regressions/closed.rs"]
mod closed;
#[path = "regressions/endings.rs"]
mod endings;
#[path = "regressions/guard.rs"]
mod guard;
#[path = "regressions/itself.rs"]
mod itself;
#[path = "regressions/let_go.rs"]
mod let_go;
#[path = "regressions/names.rs"]
mod names;
#[path = "regressions/planned.rs"]
mod planned;
#[path = "regressions/refused.rs"]
mod refused;
#[path = "regressions/restored.rs"]
mod restored;
#[path = "regressions/scopes.rs"]
mod scopes;
#[path = "regressions/shutdown.rs"]
mod shutdown;
#[path = "regressions/staged.rs"]
mod staged;
#[path = "regressions/started.rs"]
mod started;
#[path = "regressions/token.rs"]
mod token;
#[path = "common/watchdog.rs"]
mod watchdog;

use std::future::{pending, ready};
use std::time::Duration;

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::{Options, Registry, SpawnError, State, conflict};

#[test]
fn law_12_a_ticket_of_a_lower_stage_is_refused_once_a_staged_shutdown_was_called() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let _high = tasks.task("high").stage(5).spawn(pending::<()>()).unwrap();
    let ticket = tasks.reserve("low").unwrap();
    let shutdown = tasks.shutdown_in_stages(ready(()), |_| pending::<()>());
    assert!(tasks.is_closed());
    let error = ticket.spawn_on(tasks.spawner(), async { 7 }).unwrap_err();
    assert_eq!(error.kind, SpawnError::Closed);
    assert_eq!(block_on(error.into_future()), 7, "the future comes back, never polled");
    drop(shutdown);
}

#[test]
fn law_06_a_spawn_that_a_closed_scope_refuses_leaves_the_holder_of_the_name_alone() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let scope = tasks.child("s");
    let holder = tasks.spawn("s/a", pending::<()>()).unwrap();
    drop(scope.cancel());
    let newcomer = tasks.task("a").within(&scope).on_conflict(conflict::Replace);
    assert_eq!(newcomer.spawn(async {}).unwrap_err(), SpawnError::Closed);
    assert_eq!(holder.state(), State::Queued, "nobody asked it to stop");
    assert_eq!(tasks.len(), 1);
}

#[test]
fn law_14_a_clock_that_panics_is_no_clock() {
    fn broken() -> Duration {
        std::panic::resume_unwind(Box::new("no time"))
    }
    let executor = LocalExecutor::new();
    let options = Options::new().clock(broken);
    let tasks = Registry::with_options(OnLocalExecutor(&executor), options);
    let answer = tasks.spawn("a", async { 42 }).unwrap();
    assert_eq!(block_on(executor.run(answer)).unwrap(), 42);
    assert_eq!(tasks.live(), 0);
    assert!(block_on(tasks.shutdown(pending::<()>())).is_clean());
}
