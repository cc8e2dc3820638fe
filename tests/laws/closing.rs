//! Laws 12 and 13: closing is a gate, and a shutdown ends.

use std::future::{pending, ready};
use std::pin::pin;

use task_registry::{Options, Outcome, Retain, SpawnError, State, conflict};

use crate::harness::*;
use crate::kit::*;

pub(crate) async fn law_12_after_shutdown_every_spawn_gets_closed<H: Harness>(tasks: Reg<H>) {
    let held = hold(&tasks, "a").await;
    let ticket = tasks.reserve("ticket").unwrap();
    let another_ticket = tasks.reserve("another ticket").unwrap();
    assert!(!tasks.is_closed());
    let shutdown = tasks.shutdown(pending::<()>());
    // It closes at the call: nothing was polled yet.
    assert!(tasks.is_closed());
    let ran = Flag::default();
    let run = || {
        let ran = ran.clone();
        body(async move { ran.set() })
    };
    assert_eq!(tasks.spawn("b", run()).unwrap_err(), SpawnError::Closed);
    assert_eq!(tasks.spawn_unnamed(run()).unwrap_err(), SpawnError::Closed);
    assert_eq!(tasks.reserve("b").unwrap_err(), SpawnError::Closed);
    assert_eq!(
        tasks.task("a").on_conflict(conflict::Replace).spawn(run()).unwrap_err(),
        SpawnError::Closed
    );
    assert_eq!(
        tasks.task("a").on_conflict(conflict::Detach).spawn(run()).unwrap_err(),
        SpawnError::Closed
    );
    let refused = tasks.try_spawn("b", run()).unwrap_err();
    assert_eq!(refused.kind, SpawnError::Closed);
    assert!(!ran.is_set());
    refused.into_future().await;
    assert!(ran.is_set(), "the future came back");
    let refused = ticket.spawn_on(tasks.spawner(), body(pending::<()>())).unwrap_err();
    assert!(
        matches!(refused.kind, SpawnError::Closed | SpawnError::Cancelled),
        "{:?}",
        refused.kind
    );
    drop((refused, another_ticket));
    let report = shutdown.await;
    assert!(report.is_clean(), "{report}");
    assert!(held.dropped.is_set());
    assert_eq!(
        tasks.spawn("b", body(pending::<()>())).unwrap_err(),
        SpawnError::Closed,
        "it is final"
    );
    assert_eq!(tasks.live(), 0);
}

pub(crate) async fn law_12_a_shutdown_cancels_what_lives_and_says_so<H: Harness>(tasks: Reg<H>) {
    let tasks = another(&tasks, Options::new().retain(Retain::Everything));
    let (a, b) = (hold(&tasks, "a").await, hold(&tasks, "b").await);
    let nameless = tasks.spawn_unnamed(body(pending::<()>())).unwrap();
    let report = tasks.shutdown(pending::<()>()).await;
    assert!(a.dropped.is_set() && b.dropped.is_set() && nameless.is_ended());
    assert!(report.is_clean());
    assert!(report.remaining().is_empty());
    assert_eq!(
        (report.cancelled(), report.completed(), report.panicked(), report.abandoned()),
        (3, 0, 0, 0)
    );
    let mut names: Vec<_> = report.ended().iter().filter_map(|task| task.name()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b"]);
    assert!(report.ended().iter().all(|task| task.outcome().is_some_and(Outcome::is_cancelled)));
    assert!(!report.to_string().is_empty());
}

pub(crate) async fn law_12_a_shutdown_reports_each_kind_of_end<H: Harness>(tasks: Reg<H>) {
    // Each ends in its own way after it was asked to stop: the first asks for the shutdown and returns in that poll.
    let asked = std::rc::Rc::new(std::cell::RefCell::new(None));
    let (mut completes, a) = by_hand(&tasks, "completes", {
        let (tasks, asked) = (tasks.tasks().clone(), asked.clone());
        async move { asked.replace(Some(tasks.shutdown(pending::<()>()))).is_none() }
    });
    let (mut panics, b) = by_hand(&tasks, "panics", async {
        let _bomb = OnDrop::new(|| blow_up("late"));
        pending::<()>().await;
    });
    let (abandoned, c) = by_hand(&tasks, "cancelled", pending::<()>());
    let held = hold(&tasks, "held").await;
    assert_pending(poll_once(&mut panics.as_mut()));
    assert_ready(poll_once(&mut completes.as_mut()));
    panics.await;
    drop(abandoned);
    let shutdown = asked.take().expect("it asked");
    let report = shutdown.await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.completed(), report.cancelled(), report.panicked()), (1, 2, 1), "{report}");
    assert_eq!(report.ended().len(), 4);
    assert!(a.await.unwrap());
    assert!(b.await.unwrap_err().is_panic());
    assert!(c.await.unwrap_err().is_cancelled());
    assert!(held.task.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_12_several_callers_join_one_shutdown<H: Harness>(tasks: Reg<H>) {
    let (stuck, stuck_task) = by_hand(&tasks, "stuck", pending::<()>());
    let (first, second, third) = (
        tasks.shutdown(pending::<()>()),
        tasks.shutdown(pending::<()>()),
        tasks.clone().shutdown(pending::<()>()),
    );
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (waker_1, wakes_1) = counting_waker();
    let (waker_2, wakes_2) = counting_waker();
    assert_pending(poll_with(&mut first, &waker_1).map(|_| ()));
    assert_pending(poll_with(&mut second, &waker_2).map(|_| ()));
    drop(third);
    assert_eq!((wakes_1.get(), wakes_2.get()), (0, 0));
    drop(stuck);
    assert!(wakes_1.get() >= 1 && wakes_2.get() >= 1, "each is woken");
    assert!(assert_ready(poll_with(&mut first, &waker_1)).is_clean());
    assert!(assert_ready(poll_with(&mut second, &waker_2)).is_clean());
    assert!(tasks.shutdown(pending::<()>()).await.is_clean(), "once more, long after");
    assert!(stuck_task.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_12_dropping_a_shutdown_does_not_open_the_gate_again<H: Harness>(
    tasks: Reg<H>,
) {
    let held = hold(&tasks, "a").await;
    drop(tasks.shutdown(pending::<()>()));
    assert!(tasks.is_closed());
    assert!(held.task.await.unwrap_err().is_cancelled());
    assert_eq!(tasks.spawn("b", body(async {})).unwrap_err(), SpawnError::Closed);
}

pub(crate) async fn law_12_a_task_may_shut_its_registry_down<H: Harness>(tasks: Reg<H>) {
    let held = hold(&tasks, "other").await;
    let trace = Trace::default();
    let task = tasks
        .spawn(
            "me",
            body({
                let (tasks, trace) = (tasks.tasks().clone(), trace.clone());
                async move {
                    let shutdown = tasks.shutdown(pending::<()>());
                    trace.note("asked");
                    drop(shutdown.await);
                    trace.note("never");
                }
            }),
        )
        .unwrap();
    assert!(task.await.unwrap_err().is_cancelled(), "it is itself one of those that are cancelled");
    assert!(held.task.await.unwrap_err().is_cancelled());
    assert_eq!(trace.read(), ["asked"]);
    assert!(tasks.shutdown(pending::<()>()).await.is_clean());
}

pub(crate) async fn law_12_a_task_that_ends_may_not_be_followed<H: Harness>(registry: Reg<H>) {
    // A destructor that runs in the shutdown tries to slip a task in.
    let late = Gate::default();
    let started = Gate::default();
    let guard = OnDrop::new({
        let (registry, late) = (registry.clone(), late.clone());
        move || {
            if registry
                .spawn("late", body(pending::<()>()))
                .is_err_and(|error| error == SpawnError::Closed)
            {
                late.open();
            }
        }
    });
    let opened = started.clone();
    let task = registry
        .spawn(
            "a",
            body(async move {
                let _guard = guard;
                opened.open();
                pending::<()>().await;
            }),
        )
        .unwrap();
    started.pass().await;
    assert!(registry.shutdown(pending::<()>()).await.is_clean());
    assert!(late.is_open());
    assert!(task.is_ended());
}

pub(crate) async fn law_12_no_spawn_slips_in_between<H: Sends>(tasks: Reg<H>) {
    for _ in 0..20 {
        let registry = another(&tasks, Options::new().retain(Retain::Everything));
        let begun = Gate::default();
        let (inner, started) = (registry.clone(), begun.clone());
        let mut threads = Box::pin(on_threads(3, move |_| {
            let mut accepted = Vec::new();
            loop {
                match inner.spawn_unnamed(body(pending::<()>())) {
                    Ok(task) => accepted.push(task),
                    Err(error) => {
                        assert_eq!(error, SpawnError::Closed);
                        return accepted;
                    }
                }
                if accepted.len() == 20 {
                    started.open();
                }
            }
        }));
        // Started by its first poll.
        assert_pending(poll_once(&mut threads.as_mut()).map(drop));
        begun.pass().await;
        let report = registry.shutdown(pending::<()>()).await;
        let accepted: Vec<_> = threads.await.into_iter().flatten().collect();
        assert!(report.is_clean());
        assert_eq!(report.ended().len(), accepted.len(), "each spawn is refused or reported");
        assert!(accepted.iter().all(|task| task.is_ended()));
    }
}

pub(crate) async fn law_13_a_shutdown_ends_at_its_deadline_and_names_what_remains<H: Harness>(
    tasks: Reg<H>,
) {
    let held = hold(&tasks, "polite").await;
    let (stuck, stuck_task) = by_hand(&tasks, "stuck", pending::<()>());
    let deadline = Gate::default();
    let (waker, wakes) = counting_waker();
    let mut shutdown = pin!(tasks.shutdown(deadline.pass()));
    assert_pending(poll_with(&mut shutdown, &waker).map(|_| ()));
    held.task.wait().await;
    assert_pending(poll_with(&mut shutdown, &waker).map(|_| ()));
    let before = wakes.get();
    deadline.open();
    assert!(wakes.get() > before, "the deadline wakes it");
    let report = assert_ready(poll_with(&mut shutdown, &waker));
    assert!(!report.is_clean());
    let remaining: Vec<_> =
        report.remaining().iter().map(|task| (task.id(), task.state())).collect();
    assert_eq!(remaining, [(stuck_task.id(), State::Stopping)]);
    assert_eq!(report.cancelled(), 1);
    assert!(report.to_string().contains("stuck"), "{report}");
    assert_eq!(tasks.get("stuck").unwrap().state(), State::Stopping, "it stays visible");
    assert_eq!(tasks.counts().stopping, 1);
    // Another round is allowed to succeed.
    let again = tasks.shutdown(pending::<()>());
    stuck.await;
    assert!(again.await.is_clean());
}

pub(crate) async fn law_13_a_deadline_that_has_passed_still_asks_everyone<H: Harness>(
    tasks: Reg<H>,
) {
    let (stuck, stuck_task) = by_hand(&tasks, "stuck", pending::<()>());
    let held = hold(&tasks, "a").await;
    let report = tasks.shutdown(ready(())).await;
    assert!(report.remaining().iter().any(|task| task.id() == stuck_task.id()));
    assert!(held.task.await.unwrap_err().is_cancelled());
    drop(stuck);
    assert!(tasks.shutdown(ready(())).await.is_clean(), "nothing is left: no deadline is needed");
}

pub(crate) async fn law_13_a_shutdown_of_nothing_is_ready_at_once<H: Harness>(tasks: Reg<H>) {
    let report = assert_ready(poll_once(&mut pin!(tasks.shutdown(pending::<()>()))));
    assert!(report.is_clean() && report.ended().is_empty() && report.remaining().is_empty());
}

pub(crate) async fn law_18_a_blocked_thread_is_named_and_not_waited_for<H: Harness>(tasks: Reg<H>) {
    if H::WORKERS == 0 {
        return; // It would block the law itself (law 18).
    }
    let (started, release) = (Gate::default(), Gate::default());
    let blocked = tasks
        .spawn(
            "blocked",
            body({
                let (started, release) = (started.clone(), release.clone());
                async move {
                    started.open();
                    release.pass_blocking();
                    pending::<()>().await;
                }
            }),
        )
        .unwrap();
    started.pass().await;
    let report = tasks.shutdown(ready(())).await;
    let open = OnDrop::new(move || release.open());
    assert_eq!(report.remaining().len(), 1);
    assert_eq!(report.remaining()[0].name(), Some("blocked"));
    assert_eq!(report.remaining()[0].state(), State::Stopping);
    drop(open);
    assert!(blocked.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_13_a_waiting_shutdown_never_spins<H: Harness>(tasks: Reg<H>) {
    let mut stuck = Vec::new();
    for name in ["a", "b", "c", "d"] {
        stuck.push(by_hand(&tasks, name, pending::<()>()));
    }
    let polled = Count::default();
    let deadline = std::future::poll_fn({
        let polled = polled.clone();
        move |_| {
            polled.add();
            std::task::Poll::<()>::Pending
        }
    });
    let (waker, wakes) = counting_waker();
    let mut shutdown = pin!(tasks.shutdown(deadline));
    assert_pending(poll_with(&mut shutdown, &waker).map(|_| ()));
    for _ in 0..10 {
        yield_now().await;
    }
    assert_eq!(wakes.get(), 0, "nothing happened, so nobody is woken");
    while let Some((future, task)) = stuck.pop() {
        future.await;
        assert!(task.is_ended());
        if !stuck.is_empty() {
            assert_pending(poll_with(&mut shutdown, &waker).map(|_| ()));
        }
    }
    assert!(wakes.get() <= 4, "at most one wake an end: {}", wakes.get());
    assert!(wakes.get() >= 1);
    assert!(assert_ready(poll_with(&mut shutdown, &waker)).is_clean());
    assert!(polled.get() <= 5, "the deadline is polled no more often than the shutdown");
}

pub(crate) async fn law_13_a_deadline_may_be_any_future<H: Harness>(tasks: Reg<H>) {
    let (stuck, _task) = by_hand(&tasks, "stuck", pending::<()>());
    // Not `Unpin`, not `Send`, with an output of its own.
    let not_send = std::rc::Rc::new(1);
    let report = tasks
        .shutdown(async move {
            yield_now().await;
            not_send
        })
        .await;
    assert_eq!(report.remaining().len(), 1);
    let gate = Gate::default();
    gate.open();
    let report = tasks.shutdown(Box::pin(gate.pass())).await;
    assert_eq!(report.remaining().len(), 1);
    drop(stuck);
}
