//! What a planned task consists of, where that panics: its factory, its context, its future.

use std::fmt;
use std::future::{Future, ready};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use async_executor::LocalExecutor;
use task_registry::local::OnLocalExecutor;
use task_registry::{Outcome, Plan, PlannedTask, Registry, bound, mode};

use crate::let_go::Bomb;

type Local<A> = Plan<A, mode::Unsync, bound::OneThread>;

/// Does that when it is polled, and panics when it is dropped.
struct Does(fn() -> Poll<()>, Bomb);

impl Future for Does {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        (self.0)()
    }
}

fn blow_up() -> Poll<()> {
    resume_unwind(Box::new("in poll"))
}

/// Starts a plan that goes at once, and runs what it planned.
fn run<A: Clone + 'static>(plan: Local<A>, app: A) -> Vec<PlannedTask<mode::Unsync>> {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let started = plan.start(&tasks, app);
    drop(plan);
    while executor.try_tick() {}
    started
}

#[test]
fn law_03_a_planned_task_that_returned_completed_although_its_destructor_panics() {
    let mut plan = Local::new();
    plan.task("a", |_| Does(|| Poll::Ready(()), Bomb)).unwrap();
    plan.once_future("b", Does(|| Poll::Ready(()), Bomb)).unwrap();
    let ends: Vec<_> = run(plan, ()).iter().map(PlannedTask::outcome).collect();
    assert_eq!(ends, [Some(Outcome::Completed), Some(Outcome::Completed)]);
}

#[test]
fn law_03_a_planned_task_that_failed_did_so_although_its_error_panics_when_it_goes() {
    struct NoRoute(Bomb);
    impl fmt::Display for NoRoute {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no route")
        }
    }
    let mut plan = Local::new();
    plan.task_fallible("a", |_| ready(Err(NoRoute(Bomb)))).unwrap();
    plan.once_fallible("b", |_| ready(Err(NoRoute(Bomb)))).unwrap();
    for planned in run(plan, ()) {
        assert_eq!(planned.outcome().unwrap().to_string(), "failed: no route");
    }
}

#[test]
fn law_14_a_planned_task_that_panics_in_a_poll_and_in_its_destructor_panicked_with_the_former() {
    let mut plan = Local::new();
    plan.task("a", |_| Does(blow_up, Bomb)).unwrap();
    let ends = run(plan, ());
    assert_eq!(ends[0].outcome().unwrap().to_string(), "panicked: in poll");
}

#[test]
fn law_14_a_factory_whose_plan_is_gone_panics_in_the_making_and_when_it_goes() {
    let (mut plan, bomb) = (Local::new(), Bomb);
    plan.task("a", move |_| {
        let _ = &bomb;
        let _ = blow_up();
        ready(())
    })
    .unwrap();
    let ends = run(plan, ());
    assert_eq!(ends[0].outcome().unwrap().to_string(), "panicked: in poll");
}

#[test]
fn law_14_an_app_that_panics_when_it_goes_takes_no_start_of_a_plan_along() {
    #[derive(Clone)]
    struct App(#[expect(dead_code, reason = "dropped")] Rc<()>);
    impl Drop for App {
        fn drop(&mut self) {
            drop(Bomb);
        }
    }
    let mut plan = Local::new();
    plan.task("a", |_| ready(())).unwrap();
    let started = run(plan, App(Rc::default()));
    // The context goes within the factory, whose panic this is.
    assert!(started[0].outcome().unwrap().is_panicked());
}
