//! Shutdowns in stages.

use std::future::{Future, Pending, Ready, pending, ready};
use std::pin::{Pin, pin};

use task_registry::mode::Mode;
use task_registry::{
    Cx, Options, Registry, ShutdownReport, SpawnError, State, TaskHandle, TaskInfo, Tasks, conflict,
};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

/// The budget of a stage that is given all the time.
fn unlimited(_: i64) -> Pending<()> {
    pending()
}

/// The budget of a stage that is given none.
fn none(_: i64) -> Ready<()> {
    ready(())
}

/// Runs, in hand, until it is stepped after it was asked to stop.
struct Stepped<M: Mode> {
    task: TaskHandle<(), M>,
    wrapper: Wrapper,
}

impl<M: Mode> Stepped<M> {
    fn stop(&mut self) {
        assert!(step(&mut self.wrapper));
    }
}

fn stepped<M: Mode>(hand: &Registry<Hand, M>, name: &'static str, stage: i64) -> Stepped<M> {
    let task = hand.task(name).stage(stage).spawn(pending::<()>()).unwrap();
    let mut wrapper = take(hand);
    assert!(!step(&mut wrapper));
    Stepped { task, wrapper }
}

fn asked<M: Mode>(tasks: &[&Stepped<M>]) -> Vec<bool> {
    tasks.iter().map(|task| task.task.state() == State::Stopping).collect()
}

fn names(tasks: &[TaskInfo]) -> Vec<&str> {
    let mut names: Vec<_> = tasks.iter().map(|task| task.name().unwrap()).collect();
    names.sort_unstable();
    names
}

/// On the executor itself; notes when its future goes.
async fn noted<S: Runs<M>, M: Mode>(
    registry: &Registry<S, M>,
    trace: &Trace,
    name: &'static str,
    stage: Option<i64>,
) {
    let (started, guard) = (Gate::default(), note_the_drop(trace, name));
    let open = started.clone();
    let future = body(async move {
        open.open();
        noted_pending(guard).await;
    });
    let task = match stage {
        Some(stage) => registry.task(name).stage(stage).spawn(future),
        None => registry.spawn(name, future),
    };
    drop(task.unwrap());
    started.pass().await;
}

pub(crate) async fn stages_end_one_after_the_other_the_highest_first<H: Lives>(tasks: Reg<H>) {
    let trace = Trace::default();
    let stages = [("five", 5), ("minus", -3), ("max", i64::MAX), ("one", 1), ("min", i64::MIN)];
    for (name, stage) in stages {
        noted(&tasks, &trace, name, Some(stage)).await;
    }
    noted(&tasks, &trace, "nought unless said otherwise", None).await;
    let report = tasks.shutdown_in_stages(pending::<()>(), unlimited).await;
    assert_eq!((report.cancelled(), report.is_clean()), (6, true));
    let nought = "nought unless said otherwise";
    assert_eq!(trace.read(), ["max", "five", "one", nought, "minus", "min"]);
    let reasons = report.ended().iter().map(|task| task.outcome().unwrap().reason());
    assert!(reasons.into_iter().all(|reason| reason == Some("shutdown")));
}

pub(crate) async fn a_stage_is_asked_only_once_all_of_the_one_before_have_ended<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let mut low = stepped(&hand, "low", 1);
    let mut one = stepped(&hand, "one", 2);
    let mut two = stepped(&hand, "two", 2);
    let mut end = pin!(tasks.shutdown_in_stages(pending::<()>(), unlimited));
    assert_eq!(asked(&[&low, &one, &two]), [false, true, true]);
    assert_pending(poll_once(&mut end));
    two.stop();
    assert_pending(poll_once(&mut end));
    assert_eq!(asked(&[&low, &one]), [false, true]);
    one.stop();
    assert_eq!(asked(&[&low]), [false], "it is the future that asks");
    assert_pending(poll_once(&mut end));
    assert_eq!(asked(&[&low]), [true]);
    low.stop();
    let report = assert_ready(poll_once(&mut end));
    assert_eq!(names(report.ended()), ["low", "one", "two"]);
}

pub(crate) async fn it_is_woken_by_each_stages_end_and_by_the_last_task<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let mut first = stepped(&hand, "first", 1);
    let mut second = stepped(&hand, "second", 0);
    let (waker, wakes) = counting_waker();
    let mut end = pin!(tasks.shutdown_in_stages(pending::<()>(), unlimited));
    assert_pending(poll_with(&mut end, &waker));
    assert_eq!(wakes.get(), 0);
    first.stop();
    assert_eq!(wakes.get(), 1);
    assert_pending(poll_with(&mut end, &waker));
    second.stop();
    assert_eq!(wakes.get(), 2);
    assert!(assert_ready(poll_with(&mut end, &waker)).is_clean());
}

pub(crate) async fn the_gate_is_shut_and_the_first_stage_asked_by_the_call_itself<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let mut high = stepped(&hand, "high", 1);
    let mut low = stepped(&hand, "low", 0);
    drop(tasks.shutdown_in_stages(pending::<()>(), unlimited));
    assert!(tasks.is_closed());
    assert_eq!(tasks.spawn("late", body(ready(()))).unwrap_err(), SpawnError::Closed);
    assert_eq!(asked(&[&high, &low]), [true, true], "what was dropped asks all that is left");
    high.stop();
    let mut end = pin!(tasks.shutdown(pending::<()>()));
    low.stop();
    assert_eq!(names(assert_ready(poll_once(&mut end)).ended()), ["low"]);
}

pub(crate) async fn a_task_that_hangs_costs_its_stage_its_budget_and_the_others_nothing<
    H: Lives,
>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let hangs = stepped(&hand, "hangs", 2);
    let mut stops = stepped(&hand, "stops", 2);
    let mut next = stepped(&hand, "next", 1);
    let mut last = stepped(&hand, "last", 0);
    let (budget, deadline) = (Gate::default(), Gate::default());
    let budgets = |stage| if stage == 2 { budget.pass() } else { Gate::default().pass() };
    let mut end = pin!(tasks.shutdown_in_stages(deadline.pass(), budgets));
    stops.stop();
    assert_pending(poll_once(&mut end));
    assert_eq!(asked(&[&hangs, &next, &last]), [true, false, false]);
    budget.open();
    assert_pending(poll_once(&mut end));
    assert_eq!(asked(&[&next, &last]), [true, false]);
    next.stop();
    assert_pending(poll_once(&mut end));
    assert_eq!(asked(&[&last]), [true]);
    last.stop();
    assert_pending(poll_once(&mut end));
    deadline.open();
    let report = assert_ready(poll_once(&mut end));
    assert_eq!(names(report.remaining()), ["hangs"]);
    assert_eq!(names(report.ended()), ["last", "next", "stops"]);
    assert!(format!("{report}").contains("hangs  stopping"), "{report}");
    assert_eq!(hangs.task.state(), State::Stopping, "visibly");
}

/// The same on the executor itself, with a shield and a cleanup that hang.
pub(crate) async fn one_hung_task_does_not_eat_the_budget_of_the_others<H: Lives>(tasks: Reg<H>) {
    let (trace, free, started) = (Trace::default(), Gate::default(), Gate::default());
    let (release, open) = (free.clone(), started.clone());
    let shielded = |cx: Cx<(), H::Mode>| {
        body(async move {
            open.open();
            cx.shield(release.pass()).await;
        })
    };
    drop(tasks.task("shielded").stage(2).spawn_with((), shielded).unwrap());
    started.pass().await;
    let release = free.clone();
    let cleaning = tasks.task("cleaning").stage(2);
    let cleaning = cleaning.cleanup(make_of_end(move |_| release.pass()), never());
    drop(cleaning.spawn(body(pending::<()>())).unwrap());
    for (name, stage) in [("first", 3), ("stops", 2), ("next", 1), ("last", 0)] {
        noted(&tasks, &trace, name, Some(stage)).await;
    }
    let ends = |name| tasks.get(name).unwrap().wait();
    let (made, deadline) = (Trace::default(), Gate::default());
    // That of the stage with the two is spent once the third of it has ended; the others have all the time.
    let budgets = |stage: i64| {
        made.note(stage.to_string());
        let (spent, unlimited) = (ends("stops"), stage != 2);
        async move {
            spent.await;
            if unlimited {
                pending::<()>().await;
            }
        }
    };
    let mut last = pin!(ends("last"));
    let mut shutdown = pin!(tasks.shutdown_in_stages(deadline.pass(), budgets));
    std::future::poll_fn(|cx| {
        assert_pending(shutdown.as_mut().poll(cx));
        last.as_mut().poll(cx)
    })
    .await;
    // All but the two have ended by now, and nothing has been said of a deadline.
    assert_eq!(trace.read(), ["first", "stops", "next", "last"]);
    assert_eq!(made.read(), ["3", "2", "1", "0"], "each has a budget of its own");
    deadline.open();
    let report = shutdown.await;
    assert_eq!(names(report.remaining()), ["cleaning", "shielded"]);
    assert_eq!(names(report.ended()), ["first", "last", "next", "stops"]);
    assert_eq!(report.cancelled(), 4);
    free.open();
    tasks.wait_idle().await;
}

pub(crate) async fn one_that_hung_and_ends_later_is_in_the_report<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let mut slow = stepped(&hand, "slow", 1);
    let mut last = stepped(&hand, "last", 0);
    let mut end = pin!(tasks.shutdown_in_stages(pending::<()>(), none));
    assert_pending(poll_once(&mut end));
    last.stop();
    assert_pending(poll_once(&mut end));
    slow.stop();
    let report = assert_ready(poll_once(&mut end));
    assert_eq!((names(report.ended()), report.is_clean()), (vec!["last", "slow"], true));
}

pub(crate) async fn a_deadline_in_the_middle_asks_all_that_is_left<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let names_of = ["a", "b", "c", "d", "e"];
    let stages = (-4..=0).rev();
    let mut all: Vec<_> =
        names_of.into_iter().zip(stages).map(|(name, stage)| stepped(&hand, name, stage)).collect();
    let (made, deadline) = (Trace::default(), Gate::default());
    let budgets = |stage: i64| {
        made.note(stage.to_string());
        pending::<()>()
    };
    let mut end = pin!(tasks.shutdown_in_stages(deadline.pass(), budgets));
    all[0].stop();
    assert_pending(poll_once(&mut end));
    deadline.open();
    let report = assert_ready(poll_once(&mut end));
    assert_eq!(asked(&all[1..].iter().collect::<Vec<_>>()), [true; 4]);
    assert_eq!(names(report.ended()), ["a"]);
    assert_eq!(names(report.remaining()), ["b", "c", "d", "e"]);
    assert_eq!(made.read(), ["0", "-1"], "a stage without a turn has no budget");
}

pub(crate) async fn a_deadline_that_is_ready_at_once_asks_everybody_at_the_first_poll<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let (high, low) = (stepped(&hand, "high", 1), stepped(&hand, "low", 0));
    let mut end = pin!(tasks.shutdown_in_stages(ready(()), unlimited));
    assert_eq!(asked(&[&high, &low]), [true, false]);
    let report = assert_ready(poll_once(&mut end));
    assert_eq!(asked(&[&high, &low]), [true, true]);
    assert_eq!(names(report.remaining()), ["high", "low"]);
}

pub(crate) async fn newest_first_ends_them_in_the_reverse_order_of_spawning<H: Lives>(
    tasks: Reg<H>,
) {
    let tasks = another(&tasks, Options::new().newest_first());
    let trace = Trace::default();
    for name in ["database", "cache", "queue", "server"] {
        noted(&tasks, &trace, name, None).await;
    }
    // One that came and went between changes nothing.
    tasks.spawn("gone", body(ready(()))).unwrap().await.unwrap();
    noted(&tasks, &trace, "clients", None).await;
    let report = tasks.shutdown_in_stages(pending::<()>(), unlimited).await;
    assert_eq!(report.cancelled(), 5);
    assert_eq!(trace.read(), ["clients", "server", "queue", "cache", "database"]);
}

pub(crate) async fn a_stage_that_is_said_goes_before_the_order_of_spawning<H: Lives>(
    tasks: Reg<H>,
) {
    let tasks = another(&tasks, Options::new().newest_first());
    let trace = Trace::default();
    noted(&tasks, &trace, "very first", Some(i64::MAX)).await;
    noted(&tasks, &trace, "old", None).await;
    noted(&tasks, &trace, "very last", Some(-1)).await;
    noted(&tasks, &trace, "new", None).await;
    tasks.shutdown_in_stages(pending::<()>(), unlimited).await;
    assert_eq!(trace.read(), ["very first", "new", "old", "very last"]);
}

pub(crate) async fn a_thousand_spawned_by_one_end_in_the_reverse_order<H: Lives>(tasks: Reg<H>) {
    drop(tasks);
    let table = Tasks::<H::Mode>::new(Options::new().newest_first());
    let hand = Registry::with_tasks(Hand::default(), table);
    let trace = Trace::default();
    let budgets = |stage: i64| {
        trace.note(stage.to_string());
        ready(())
    };
    let woken = Trace::default();
    let live: Vec<_> = (0..1000u64)
        .map(|n| {
            let (task, mut wrapper) =
                hand.spawn(n, pending::<()>()).map(|task| (task, take(&hand))).unwrap();
            let woken = woken.clone();
            let waker = waker_calling(move || woken.note(n.to_string()));
            assert_pending(poll_with(&mut Pin::new(&mut wrapper), &waker));
            (task, wrapper)
        })
        .collect();
    let mut end = pin!(hand.shutdown_in_stages(pending::<()>(), budgets));
    assert_pending(poll_once(&mut end));
    let stages: Vec<i64> = trace.read().iter().map(|stage| stage.parse().unwrap()).collect();
    assert_eq!(stages.len(), 1000);
    assert!(stages.windows(2).all(|pair| pair[0] > pair[1]));
    let asked: Vec<u64> = woken.read().iter().map(|n| n.parse().unwrap()).collect();
    assert!(asked.into_iter().eq((0..1000).rev()), "the youngest was asked first");
    for (task, mut wrapper) in live {
        assert!(step(&mut wrapper) && task.is_ended());
    }
    assert_eq!(assert_ready(poll_once(&mut end)).cancelled(), 1000);
}

pub(crate) async fn budgets_that_are_ready_ask_everybody_in_order_at_once<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let mut all = [
        stepped(&hand, "a", 1),
        stepped(&hand, "b", 3),
        stepped(&hand, "c", 2),
        stepped(&hand, "d", 3),
    ];
    let made = Trace::default();
    let budgets = |stage: i64| {
        made.note(stage.to_string());
        ready(())
    };
    let mut end = pin!(tasks.shutdown_in_stages(pending::<()>(), budgets));
    assert_eq!(made.read(), ["3"]);
    assert_pending(poll_once(&mut end));
    assert_eq!(made.read(), ["3", "2", "1"], "one for each, when its turn comes");
    assert_eq!(asked(&all.iter().collect::<Vec<_>>()), [true; 4]);
    all.iter_mut().for_each(Stepped::stop);
    assert!(assert_ready(poll_once(&mut end)).is_clean());
    assert_eq!(made.read().len(), 3);
}

pub(crate) async fn without_tasks_it_is_over_at_once<H: Lives>(tasks: Reg<H>) {
    tasks.spawn("gone", body(ready(()))).unwrap().await.unwrap();
    tasks.wait_idle().await;
    let made = Count::default();
    let budgets = |_| {
        made.add();
        pending::<()>()
    };
    let report =
        assert_ready(poll_once(&mut pin!(tasks.shutdown_in_stages(pending::<()>(), budgets))));
    assert!(report.is_clean() && report.ended().is_empty());
    assert_eq!((made.get(), tasks.is_closed()), (0, true));
}

pub(crate) async fn a_second_call_joins_the_first_and_reports_what_lived_by_then<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let mut high = stepped(&hand, "high", 2);
    let mut middle = stepped(&hand, "middle", 1);
    let mut low = stepped(&hand, "low", 0);
    let mut first = pin!(tasks.shutdown_in_stages(pending::<()>(), unlimited));
    high.stop();
    // The first has not been polled: it is the second that asks the next stage, which is its first.
    let mut second = pin!(tasks.shutdown_in_stages(pending::<()>(), unlimited));
    assert_eq!(asked(&[&middle, &low]), [true, false]);
    middle.stop();
    assert_pending(poll_once(&mut first));
    assert_eq!(asked(&[&low]), [true]);
    assert_pending(poll_once(&mut second));
    low.stop();
    let reports: [ShutdownReport; 2] =
        [assert_ready(poll_once(&mut first)), assert_ready(poll_once(&mut second))];
    assert_eq!(names(reports[0].ended()), ["high", "low", "middle"]);
    assert_eq!(names(reports[1].ended()), ["low", "middle"]);
    let third = tasks.shutdown_in_stages(pending::<()>(), unlimited).await;
    assert!(third.ended().is_empty());
}

pub(crate) async fn a_plain_shutdown_beside_it_asks_all_stages<H: Lives>(tasks: Reg<H>) {
    let hand = in_hand(&tasks);
    let mut high = stepped(&hand, "high", 1);
    let mut low = stepped(&hand, "low", 0);
    let mut staged = pin!(tasks.shutdown_in_stages(pending::<()>(), unlimited));
    assert_pending(poll_once(&mut staged));
    drop(tasks.shutdown(pending::<()>()));
    assert_eq!(asked(&[&high, &low]), [true, true]);
    low.stop();
    assert_pending(poll_once(&mut staged));
    high.stop();
    assert!(assert_ready(poll_once(&mut staged)).is_clean());
}

pub(crate) async fn a_stage_reaches_tickets_and_what_waits_for_its_predecessor<H: Lives>(
    tasks: Reg<H>,
) {
    let hand = in_hand(&tasks);
    let ticket = hand.task("ticket").stage(3).reserve().unwrap();
    let mut old = stepped(&hand, "name", 1);
    let queued = hand.task("name").stage(2).on_conflict(conflict::Replace);
    let queued = queued.spawn(pending::<()>()).unwrap();
    let mut queued_wrapper = take(&hand);
    let mut end = pin!(tasks.shutdown_in_stages(pending::<()>(), unlimited));
    assert_eq!(ticket.task().outcome().unwrap().reason(), Some("shutdown"));
    assert_pending(poll_once(&mut end));
    assert_eq!(queued.state(), State::Stopping);
    assert!(step(&mut queued_wrapper));
    assert_pending(poll_once(&mut end));
    old.stop();
    let report = assert_ready(poll_once(&mut end));
    assert_eq!((report.cancelled(), report.is_clean()), (3, true));
}

pub(crate) async fn a_stage_waits_for_the_cleanup_of_its_tasks<H: Lives>(tasks: Reg<H>) {
    let trace = Trace::default();
    let cleaned = trace.clone();
    let clean = make_of_end(move |_| async move {
        yield_now().await;
        cleaned.note("high cleaned up");
    });
    let started = Gate::default();
    let open = started.clone();
    let high = tasks.task("high").stage(1).cleanup(clean, never()).spawn(body(async move {
        open.open();
        pending::<()>().await;
    }));
    drop(high.unwrap());
    started.pass().await;
    noted(&tasks, &trace, "low", Some(0)).await;
    tasks.shutdown_in_stages(pending::<()>(), unlimited).await;
    assert_eq!(trace.read(), ["high cleaned up", "low"]);
}
