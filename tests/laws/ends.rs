//! Law 2: ended means gone.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use task_registry::{Outcome, State};

use crate::harness::*;
use crate::kit::*;

/// Ways for a task to end while its body waits for a gate.
#[derive(Clone, Copy)]
enum Way {
    Returns,
    IsCancelled,
    Panics,
}

/// A future and what it owns, which its own panic does not drop.
struct Owner {
    future: Body<()>,
    _owned: OnDrop,
}

impl Future for Owner {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.future).poll(cx)
    }
}

/// Whoever waits sees the future gone when he is woken: not later, and not only when he is polled.
async fn a_waiter_is_woken_after_the_drop<H: Harness>(tasks: Reg<H>, way: Way) {
    let (started, finish, dropped) = (Gate::default(), Gate::default(), Flag::default());
    let future = body({
        let (started, finish) = (started.clone(), finish.clone());
        async move {
            started.open();
            finish.pass().await;
            if let Way::Panics = way {
                blow_up("on purpose");
            }
        }
    });
    let task = tasks.spawn("a", body(Owner { future, _owned: dropped.on_drop() })).unwrap();
    started.pass().await;

    let mut wakers = Vec::new();
    let mut woken = Vec::new();
    for _ in 0..3 {
        let (seen, gate) = (Flag::default(), Gate::default());
        let waker = waker_calling({
            let (task, dropped, seen, gate) =
                (task.task().clone(), dropped.clone(), seen.clone(), gate.clone());
            move || {
                if dropped.is_set() && task.state() == State::Ended && task.outcome().is_some() {
                    seen.set();
                }
                gate.open();
            }
        });
        wakers.push(waker);
        woken.push((seen, gate));
    }
    let mut wait = pin!(task.wait());
    assert_pending(poll_with(&mut wait, &wakers[0]));
    let mut again = pin!(task.wait());
    assert_pending(poll_with(&mut again, &wakers[1]));
    let mut handle = pin!(task);
    assert_pending(poll_with(&mut handle, &wakers[2]).map(|_| ()));

    match way {
        Way::IsCancelled => drop(tasks.cancel("a")),
        Way::Returns | Way::Panics => finish.open(),
    }
    for (seen, gate) in woken {
        gate.pass().await;
        assert!(seen.is_set(), "woken before the future was dropped");
    }
    let outcome = assert_ready(poll_once(&mut wait));
    assert_eq!(assert_ready(poll_once(&mut again)), outcome);
    assert!(match way {
        Way::Returns => outcome.is_completed(),
        Way::IsCancelled => outcome.is_cancelled(),
        Way::Panics => outcome.is_panicked(),
    });
    assert_eq!(assert_ready(poll_once(&mut handle)).is_ok(), outcome.is_completed());
}

pub(crate) async fn law_02_a_waiter_is_woken_after_a_completed_future_is_gone<H: Harness>(
    tasks: Reg<H>,
) {
    a_waiter_is_woken_after_the_drop::<H>(tasks, Way::Returns).await;
}

pub(crate) async fn law_02_a_waiter_is_woken_after_a_cancelled_future_is_gone<H: Harness>(
    tasks: Reg<H>,
) {
    a_waiter_is_woken_after_the_drop::<H>(tasks, Way::IsCancelled).await;
}

pub(crate) async fn law_02_a_waiter_is_woken_after_a_panicked_future_is_gone<H: Harness>(
    tasks: Reg<H>,
) {
    a_waiter_is_woken_after_the_drop::<H>(tasks, Way::Panics).await;
}

pub(crate) async fn law_02_inside_its_destructors_a_task_has_not_ended<H: Harness>(tasks: Reg<H>) {
    for cancelled in [false, true] {
        let (started, finish, checked) = (Gate::default(), Gate::default(), Flag::default());
        let task = tasks
            .spawn(
                "a",
                body({
                    let guard = OnDrop::new({
                        let (tasks, checked) = (tasks.tasks().clone(), checked.clone());
                        move || {
                            let me = tasks.get_live("a").expect("its name is still its own");
                            assert_pending(poll_once(&mut pin!(me.wait())));
                            if !me.is_ended() && me.outcome().is_none() {
                                checked.set();
                            }
                        }
                    });
                    let (started, finish) = (started.clone(), finish.clone());
                    async move {
                        let _guard = guard;
                        started.open();
                        finish.pass().await;
                    }
                }),
            )
            .unwrap();
        started.pass().await;
        if cancelled {
            drop(task.cancel());
        } else {
            finish.open();
        }
        let outcome = task.wait().await;
        assert_eq!(outcome.is_cancelled(), cancelled, "{outcome}");
        assert!(checked.is_set());
    }
}

pub(crate) async fn law_02_the_future_goes_although_its_executor_keeps_the_wrapper<H: Harness>(
    tasks: Reg<H>,
) {
    // Returned: polled to its end and then kept.
    let (done, gone) = (Flag::default(), Flag::default());
    let guard = gone.on_drop();
    let (mut kept, task) = by_hand(&tasks, "a", {
        let done = done.clone();
        async move {
            let _guard = guard;
            done.set();
            7u32
        }
    });
    assert_ready(poll_once(&mut kept.as_mut()));
    assert!(done.is_set() && gone.is_set());
    assert_eq!(task.await.unwrap(), 7);

    // Cancelled: polled once more and then kept.
    let gone = Flag::default();
    let guard = gone.on_drop();
    let (mut kept_too, task) = by_hand(&tasks, "b", async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    });
    assert_pending(poll_once(&mut kept_too.as_mut()));
    let (waker, wakes) = counting_waker();
    let mut wait = pin!(task.wait());
    assert_pending(poll_with(&mut wait, &waker));
    drop(task.cancel());
    assert_eq!(wakes.get(), 0, "nothing has ended yet");
    assert!(!gone.is_set());
    assert_ready(poll_once(&mut kept_too.as_mut()));
    assert!(gone.is_set());
    assert_eq!(wakes.get(), 1);
    assert!(assert_ready(poll_once(&mut wait)).is_cancelled());
    drop((kept, kept_too));
    assert_eq!(task.outcome(), Some(Outcome::Cancelled { reason: None }));
}

pub(crate) async fn law_02_a_wrapper_dropped_unfinished_reports_after_its_future_is_gone<
    H: Harness,
>(
    tasks: Reg<H>,
) {
    for polled in [false, true] {
        for cancelled in [false, true] {
            let gone = Flag::default();
            let guard = gone.on_drop();
            let (mut future, task) = by_hand(&tasks, "a", async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            });
            if polled {
                assert_pending(poll_once(&mut future.as_mut()));
            }
            if cancelled {
                drop(task.cancel());
            }
            let seen = Flag::default();
            let waker = waker_calling({
                let (seen, gone) = (seen.clone(), gone.clone());
                move || {
                    if gone.is_set() {
                        seen.set();
                    }
                }
            });
            let mut wait = pin!(task.wait());
            assert_pending(poll_with(&mut wait, &waker));
            drop(future);
            assert!(seen.is_set());
            let outcome = assert_ready(poll_once(&mut wait));
            assert_eq!(outcome.is_cancelled(), cancelled, "{outcome}");
            assert_eq!(outcome == Outcome::Abandoned, !cancelled, "{outcome}");
        }
    }
}

pub(crate) async fn law_02_a_name_is_free_when_its_end_is_known<H: Harness>(tasks: Reg<H>) {
    for round in 0..50u32 {
        let task =
            tasks.spawn("again", body(async move { round })).expect("the one before has ended");
        assert_eq!(task.await.unwrap(), round);
        let held = hold(&tasks, "again").await;
        assert!(tasks.cancel("again").unwrap().await.is_cancelled());
        assert!(held.dropped.is_set());
    }
}

pub(crate) async fn law_02_a_thread_that_waits_finds_the_future_gone<H: Across>(tasks: Reg<H>) {
    for cancelled in [false, true] {
        let held = hold(&tasks, "a").await;
        let resolved = Gate::default();
        let thread = on_thread({
            let (task, dropped, resolved) =
                (held.task.task().clone(), held.dropped.clone(), resolved.clone());
            move || {
                let outcome = task.wait_blocking();
                let gone = dropped.is_set();
                resolved.open();
                (outcome, gone)
            }
        });
        if cancelled {
            drop(held.task.cancel());
        } else {
            held.finish.open();
        }
        resolved.pass().await;
        let (outcome, gone) = thread.join();
        assert_eq!(outcome.is_cancelled(), cancelled);
        assert!(gone);
    }
}

pub(crate) async fn law_02_a_thread_may_wait_for_a_result_or_a_cancel<H: Across>(tasks: Reg<H>) {
    let (finish, finished) = (Gate::default(), Gate::default());
    let sum = tasks
        .spawn(
            "sum",
            body({
                let finish = finish.clone();
                async move {
                    finish.pass().await;
                    42u32
                }
            }),
        )
        .unwrap();
    let held = hold(&tasks, "held").await;
    let thread = on_thread({
        let (tasks, finished, dropped) =
            (tasks.tasks().clone(), finished.clone(), held.dropped.clone());
        move || {
            finish.open();
            let sum = sum.wait_blocking();
            let outcome = tasks.cancel("held").expect("it lives").wait_blocking();
            let gone = dropped.is_set();
            finished.open();
            (sum.unwrap(), outcome, gone)
        }
    });
    finished.pass().await;
    let (sum, outcome, gone) = thread.join();
    assert_eq!(sum, 42);
    assert!(outcome.is_cancelled() && gone);
}

pub(crate) async fn law_02_a_handle_that_was_awaited_late_still_yields_its_result<H: Harness>(
    tasks: Reg<H>,
) {
    let task = tasks.spawn("a", body(async { 5u32 })).unwrap();
    let by_ref = task.task().clone();
    by_ref.wait().await;
    tasks.purge();
    assert_eq!(by_ref.wait().await, Outcome::Completed);
    assert_eq!(task.await.unwrap(), 5);
}
