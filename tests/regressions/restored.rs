//! A restart that comes to nothing, when its own factory has had the name taken away.

use std::cell::RefCell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use async_executor::LocalExecutor;
use task_registry::local::OnLocalExecutor;
use task_registry::{Outcome, Registry, conflict};

#[test]
fn law_06_a_restart_that_comes_to_nothing_gives_no_name_to_a_task_that_others_stand_behind() {
    let executor = Rc::new(LocalExecutor::new());
    let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
    let behind = Rc::new(RefCell::new(None));
    let kept = behind.clone();
    let (again, calls) = (tasks.clone(), RefCell::new(0));
    let make = move |_| {
        *calls.borrow_mut() += 1;
        if *calls.borrow() == 2 {
            // One replaces the newcomer, the name is detached from that one, and then the newcomer comes to nothing.
            let newcomer = again.task("x").on_conflict(conflict::Replace).spawn(async {});
            *kept.borrow_mut() = Some(newcomer.unwrap().task().clone());
            drop(again.task("x").on_conflict(conflict::Detach).reserve().unwrap());
            resume_unwind(Box::new("in the factory"));
        }
        pending::<()>()
    };
    let old = tasks.task("x").spawn_restartable(make).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| tasks.restart("x"))).is_err());
    assert!(tasks.get("x").is_none(), "it was detached, and the task that had it lives on");
    let last = tasks.task("x").on_conflict(conflict::Replace).spawn(async {}).unwrap();
    while executor.try_tick() {}
    let behind = behind.take().unwrap();
    assert!(old.outcome().unwrap().is_cancelled());
    assert_eq!(
        (behind.outcome(), last.outcome()),
        (Some(Outcome::Completed), Some(Outcome::Completed))
    );
    assert_eq!(tasks.live(), 0);
    // The record keeps the factory, and that the registry.
    tasks.purge();
}
