//! Planned tasks that are made anew.

use std::future::{pending, ready};
use std::sync::{Arc, Weak};

use task_registry::mode::{self, Mode};
use task_registry::{Cx, Outcome, Plan, SpawnError, State};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;
use crate::storm::Incarnations;

type P<H> = Plan<App, <H as Harness>::Mode>;

/// Each notes that it starts and that it goes, with the number that it has among those of its plan.
fn numbered<M: Mode>(made: &Count) -> impl Fn(Cx<App, M>) -> Body<()> + Send + Sync + 'static {
    let made = made.clone();
    move |cx: Cx<App, M>| {
        let number = made.add();
        let trace = cx.trace.clone();
        trace.note(format!("{number} starts"));
        let guard = OnDrop::new(move || trace.note(format!("{number} goes")));
        body(async move {
            let _cx = cx;
            noted_pending(guard).await;
        })
    }
}

pub(crate) async fn the_new_one_starts_once_the_old_one_has_ended<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let mut plan = P::<H>::new();
    plan.task("a", numbered(&Count::default())).unwrap();
    let app = App::default();
    let old = plan.start(&hand, app.clone()).pop().unwrap().into_task().unwrap();
    let mut old_wrapper = take(&hand);
    assert!(!step(&mut old_wrapper));
    let new = plan.restart(&hand, app.clone(), "a").unwrap();
    assert_eq!((new.name(), new.outcome()), (Some("a"), None));
    let (new, mut wrapper) = (new.into_task().unwrap(), take(&hand));
    assert_eq!(tasks.get("a").as_ref(), Some(new.task()), "one name throughout");
    assert_eq!((old.state(), new.state()), (State::Stopping, State::Queued));
    assert!(!step(&mut wrapper));
    assert!(step(&mut old_wrapper));
    assert!(!step(&mut wrapper));
    assert_eq!(app.trace.read(), ["1 starts", "1 goes", "2 starts"]);
    assert_eq!((new.state(), tasks.live()), (State::Running, 1));
    drop(new.cancel());
    assert!(step(&mut wrapper));
}

pub(crate) async fn one_that_does_not_run_is_started<H: Lives>(tasks: Reg<H>) {
    let mut plan = P::<H>::new();
    plan.task("a", |cx| body(async move { cx.trace.note("ran") })).unwrap();
    let app = App::default();
    for times in 1..=3 {
        let task = plan.restart(&tasks, app.clone(), "a").unwrap().into_task().unwrap();
        task.await.unwrap().unwrap();
        assert_eq!(app.trace.read().len(), times);
    }
}

pub(crate) async fn a_restart_touches_no_other_task_and_brings_its_own_app<H: Lives>(
    tasks: Reg<H>,
) {
    let mut plan = P::<H>::new();
    let made = Count::default();
    plan.task("a", numbered(&made)).unwrap().task("b", numbered(&made)).unwrap();
    let (first, second) = (App::default(), App::default());
    let started = plan.start(&tasks, first.clone());
    let [a, b] = &started[..] else { unreachable!() };
    while first.trace.read().len() < 2 {
        yield_now().await;
    }
    let again = plan.restart(&tasks, second.clone(), "a").unwrap().into_task().unwrap();
    assert!(a.task().unwrap().wait().await.is_cancelled());
    while second.trace.read().is_empty() {
        yield_now().await;
    }
    assert_eq!(second.trace.read(), ["3 starts"]);
    assert_eq!(b.task().unwrap().state(), State::Running);
    again.cancel().await;
    b.task().unwrap().cancel().await;
    assert_eq!(second.trace.read(), ["3 starts", "3 goes"]);
}

pub(crate) async fn a_once_is_not_made_anew_and_stays_to_be_made<H: Lives>(tasks: Reg<H>) {
    let made = Count::default();
    let count = made.clone();
    let mut plan = P::<H>::new();
    plan.once("once", move |_| {
        count.add();
        body(ready(()))
    })
    .unwrap();
    let app = App::default();
    assert!(plan.restart(&tasks, app.clone(), "once").is_none());
    assert_eq!((made.get(), tasks.len()), (0, 0));
    plan.start(&tasks, app.clone()).pop().unwrap().into_task().unwrap().await.unwrap().unwrap();
    assert!(plan.restart(&tasks, app, "once").is_none());
    assert_eq!(made.get(), 1);
}

pub(crate) async fn a_name_that_was_not_planned_is_none<H: Lives>(tasks: Reg<H>) {
    let mut plan = P::<H>::new();
    plan.task("a", numbered(&Count::default())).unwrap();
    let held = hold(&tasks, "not planned").await;
    for name in ["not planned", "", "a ", "A"] {
        assert!(plan.restart(&tasks, App::default(), name).is_none(), "{name}");
    }
    assert_eq!((held.task.state(), tasks.live()), (State::Running, 1));
    held.finish.open();
    held.task.await.unwrap();
}

pub(crate) async fn the_empty_name_does_not_mean_a_task_without_one<H: Lives>(tasks: Reg<H>) {
    let mut plan = P::<H>::new();
    plan.unnamed(|_| body(ready(())));
    assert!(plan.restart(&tasks, App::default(), "").is_none());
    assert_eq!(tasks.len(), 0);
}

pub(crate) async fn a_restart_after_a_shutdown_says_closed<H: Lives>(tasks: Reg<H>) {
    let mut plan = P::<H>::new();
    plan.task("a", numbered(&Count::default())).unwrap();
    tasks.shutdown(pending::<()>()).await;
    let refused = plan.restart(&tasks, App::default(), "a").unwrap();
    assert_eq!(refused.task().unwrap_err(), SpawnError::Closed);
    assert_eq!(refused.outcome(), Some(Outcome::NeverStarted));
    assert_eq!(tasks.len(), 0);
}

pub(crate) async fn a_restarted_factory_that_panics_can_be_restarted<H: Lives>(tasks: Reg<H>) {
    let made = Count::default();
    let mut plan = P::<H>::new();
    plan.task("a", move |_| if made.add() < 3 { blow_up("not yet") } else { body(ready(())) })
        .unwrap();
    for _ in 0..2 {
        let task = plan.restart(&tasks, App::default(), "a").unwrap().into_task().unwrap();
        assert!(task.await.unwrap_err().is_panic());
    }
    plan.restart(&tasks, App::default(), "a").unwrap().into_task().unwrap().await.unwrap().unwrap();
}

pub(crate) async fn one_restarted_while_it_waits_is_never_made<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let mut plan = P::<H>::new();
    plan.task("a", numbered(&Count::default())).unwrap();
    let app = App::default();
    let mut wrappers = Vec::new();
    let mut ends = Vec::new();
    for _ in 0..3 {
        ends.push(plan.restart(&hand, app.clone(), "a").unwrap().into_task().unwrap());
        let mut wrapper = take(&hand);
        assert!(!step(&mut wrapper));
        wrappers.push(wrapper);
    }
    assert_eq!(app.trace.read(), ["1 starts"]);
    assert!(step(&mut wrappers[1]), "the middle one does not wait for the first");
    assert!(!step(&mut wrappers[2]));
    assert!(step(&mut wrappers[0]));
    assert!(!step(&mut wrappers[2]));
    assert_eq!(app.trace.read(), ["1 starts", "1 goes", "2 starts"]);
    assert!(ends[..2].iter().all(|task| task.outcome().unwrap().is_cancelled()));
}

pub(crate) async fn a_task_may_restart_itself<H>(tasks: Reg<H>)
where
    H: Lives + Sends + Harness<Mode = mode::Sync>,
{
    let made = Count::default();
    let plan = Arc::new_cyclic(|plan: &Weak<Plan<App, mode::Sync>>| {
        let mut own = Plan::new();
        let (plan, tasks, made) = (plan.clone(), tasks.clone(), made.clone());
        own.task("a", move |cx: Cx<App, _>| {
            let (plan, tasks, number) = (plan.clone(), tasks.clone(), made.add());
            body(async move {
                if number < 4 {
                    let plan = plan.upgrade().unwrap();
                    drop(plan.restart(&tasks, cx.app().clone(), "a").unwrap().into_task().unwrap());
                    pending::<()>().await;
                }
                cx.gate.open();
            })
        })
        .unwrap();
        own
    });
    let app = App::default();
    let started = plan.start(&tasks, app.clone());
    app.gate.pass().await;
    tasks.wait_idle().await;
    assert_eq!(made.get(), 4);
    assert_eq!(started[0].outcome().map(|end| end.is_cancelled()), Some(true));
}

/// Eight threads restart one task at will, while the executor runs it.
pub(crate) async fn a_thousand_restarts_from_eight_threads_never_run_two_at_once<H>(tasks: Reg<H>)
where
    H: Lives + Sends + Harness<Mode = mode::Sync>,
{
    let all = Incarnations::default();
    let mut plan = Plan::<App, mode::Sync>::new();
    let made = all.clone();
    plan.task("a", move |cx| made.one(cx)).unwrap();
    let registry = tasks.clone();
    let plan = Arc::new(plan);
    all.storm(move || {
        let task = plan.restart(&registry, App::default(), "a").unwrap();
        // Another thread may be so soon that this one's place is taken before its task is in it.
        let refused = task.task().err();
        assert!(matches!(refused, None | Some(SpawnError::Cancelled)), "{refused:?}");
    })
    .await;
    // Whoever is last was asked by nobody; when it runs, all before it have ended.
    let last = tasks.get_live("a").expect("the last one restarted");
    last.started().await.expect("nobody replaced it");
    assert_eq!((last.state(), tasks.live()), (State::Running, 1));
    last.cancel().await;
    tasks.wait_idle().await;
    all.assert_never_two();
}
