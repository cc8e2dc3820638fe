//! Laws 3 and 5: one outcome, and tasks that cancel themselves or each other.

use std::sync::Arc;
use std::sync::Barrier;

use task_registry::Outcome;

use crate::harness::*;
use crate::kit::*;

pub(crate) async fn law_03_cancelling_an_ended_task_is_no_error<H: Harness>(tasks: Reg<H>) {
    let fine = tasks.spawn("fine", body(async { 1u32 })).unwrap();
    fine.wait().await;
    for _ in 0..3 {
        assert_eq!(tasks.cancel("fine").unwrap().await, Outcome::Completed);
        assert_eq!(fine.cancel_with("late").await, Outcome::Completed);
    }
    assert_eq!(fine.await.unwrap(), 1, "the result is untouched");
}

pub(crate) async fn law_03_cancelling_a_task_that_panicked_raises_nothing<H: Harness>(
    tasks: Reg<H>,
) {
    let bad = tasks.spawn("bad", body(async { blow_up("bad") })).unwrap();
    let _: &task_registry::TaskHandle<(), _> = &bad;
    bad.wait().await;
    for _ in 0..3 {
        assert!(tasks.cancel("bad").unwrap().await.is_panicked());
    }
    assert!(bad.await.unwrap_err().is_panic());
}

pub(crate) async fn law_03_ready_stands_against_a_cancel_in_the_very_same_poll<H: Harness>(
    tasks: Reg<H>,
) {
    let inner = tasks.tasks().clone();
    let task = tasks
        .spawn(
            "me",
            body(async move {
                drop(inner.cancel("me").expect("I live"));
                7u32
            }),
        )
        .unwrap();
    assert_eq!(task.wait().await, Outcome::Completed);
    assert_eq!(task.await.unwrap(), 7);
}

pub(crate) async fn law_03_ready_stands_against_a_panicking_destructor<H: Harness>(tasks: Reg<H>) {
    /// Ready at once, and its destructor panics.
    struct Rotten;
    impl Future for Rotten {
        type Output = u32;
        fn poll(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<u32> {
            std::task::Poll::Ready(7)
        }
    }
    impl Drop for Rotten {
        fn drop(&mut self) {
            blow_up("in the destructor");
        }
    }
    let task = tasks.spawn("rotten", body(Rotten)).unwrap();
    assert_eq!(task.wait().await, Outcome::Completed);
    assert_eq!(task.await.unwrap(), 7);
}

pub(crate) async fn law_03_a_panic_stands_against_a_cancel<H: Harness>(tasks: Reg<H>) {
    let inner = tasks.tasks().clone();
    let in_poll = tasks
        .spawn(
            "poll",
            body(async move {
                drop(inner.cancel("poll"));
                blow_up("in poll");
            }),
        )
        .unwrap();
    let _: &task_registry::TaskHandle<(), _> = &in_poll;
    assert!(in_poll.wait().await.is_panicked());

    let started = Gate::default();
    let in_drop = tasks
        .spawn(
            "drop",
            body({
                let started = started.clone();
                async move {
                    let _bomb = OnDrop::new(|| blow_up("in drop"));
                    started.open();
                    std::future::pending::<()>().await;
                }
            }),
        )
        .unwrap();
    started.pass().await;
    assert!(tasks.cancel("drop").unwrap().await.is_panicked());
    assert!(in_drop.await.unwrap_err().is_panic());
}

pub(crate) async fn law_03_the_outcome_never_changes<H: Harness>(tasks: Reg<H>) {
    let held = hold(&tasks, "a").await;
    tasks.cancel_with("a", "why").unwrap().await;
    let first = held.task.outcome().expect("it ended");
    held.finish.open();
    tasks.cancel_with("a", "again").unwrap().await;
    drop(tasks.shutdown(std::future::ready(())));
    assert_eq!(held.task.outcome(), Some(first.clone()));
    assert_eq!(held.task.wait().await, first);
    assert_eq!(tasks.get("a").unwrap().info().outcome(), Some(&first));
}

pub(crate) async fn law_05_a_task_may_cancel_itself_and_await_it<H: Harness>(tasks: Reg<H>) {
    let trace = Trace::default();
    let task = tasks
        .spawn(
            "me",
            body({
                let (tasks, trace) = (tasks.tasks().clone(), trace.clone());
                async move {
                    let _gone = OnDrop::new({
                        let trace = trace.clone();
                        move || trace.note("gone")
                    });
                    let end = tasks.cancel_with("me", "by myself").expect("I live");
                    trace.note("asked");
                    end.await;
                    trace.note("never");
                }
            }),
        )
        .unwrap();
    assert_eq!(task.await.unwrap_err().reason(), Some("by myself"));
    assert_eq!(trace.read(), ["asked", "gone"]);
}

pub(crate) async fn law_05_a_self_cancel_takes_effect_at_the_next_yield<H: Harness>(tasks: Reg<H>) {
    let trace = Trace::default();
    let task = tasks
        .spawn(
            "me",
            body({
                let (tasks, trace) = (tasks.tasks().clone(), trace.clone());
                async move {
                    drop(tasks.cancel("me"));
                    trace.note("still here");
                    std::future::ready(()).await;
                    trace.note("an await that does not yield is no yield");
                    std::future::pending::<()>().await;
                    trace.note("never");
                }
            }),
        )
        .unwrap();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(trace.read(), ["still here", "an await that does not yield is no yield"]);
}

pub(crate) async fn law_05_a_task_that_waits_for_itself_can_be_cancelled<H: Harness>(
    tasks: Reg<H>,
) {
    let waiting = Gate::default();
    let task = tasks
        .spawn(
            "me",
            body({
                let (tasks, waiting) = (tasks.tasks().clone(), waiting.clone());
                async move {
                    let me = tasks.get("me").expect("I live");
                    waiting.open();
                    me.wait().await;
                }
            }),
        )
        .unwrap();
    waiting.pass().await;
    assert!(task.cancel().await.is_cancelled());
}

pub(crate) async fn law_05_two_tasks_that_cancel_and_await_each_other_both_end<H: Harness>(
    tasks: Reg<H>,
) {
    // The second one is polled inside a poll of the first, so that each has asked before either yields.
    let inner = tasks.tasks().clone();
    let (second, second_task) = by_hand(&tasks, "second", async move {
        inner.cancel("first").expect("it lives").await;
    });
    let inner = tasks.tasks().clone();
    let first = tasks
        .spawn(
            "first",
            body(async move {
                let mut second = second;
                assert_pending(poll_once(&mut second.as_mut()));
                inner.cancel("second").expect("it lives").await;
            }),
        )
        .unwrap();
    assert!(first.await.unwrap_err().is_cancelled());
    assert!(second_task.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_05_two_tasks_that_cancel_each_other_on_two_threads_both_end<H: Harness>(
    tasks: Reg<H>,
) {
    if H::WORKERS < 2 {
        return; // Nothing is polled at once with anything else.
    }
    let both_ask = Arc::new(Barrier::new(2));
    let both_asked = Arc::new(Barrier::new(2));
    let duellist = |other: &'static str| {
        let (tasks, ask, asked) = (tasks.tasks().clone(), both_ask.clone(), both_asked.clone());
        body(async move {
            ask.wait();
            let end = tasks.cancel(other).expect("it lives");
            asked.wait();
            // The other one may have ended by now: then this is no yield, and the next one is.
            end.await;
            std::future::pending::<()>().await;
        })
    };
    let a = tasks.spawn("a", duellist("b")).unwrap();
    let b = tasks.spawn("b", duellist("a")).unwrap();
    assert!(a.await.unwrap_err().is_cancelled());
    assert!(b.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_05_a_task_that_wakes_itself_for_ever_can_be_cancelled<H: Harness>(
    tasks: Reg<H>,
) {
    let started = Gate::default();
    let task = tasks
        .spawn(
            "busy",
            body({
                let started = started.clone();
                async move {
                    loop {
                        started.open();
                        yield_now().await;
                    }
                }
            }),
        )
        .unwrap();
    let _: &task_registry::TaskHandle<(), _> = &task;
    started.pass().await;
    assert!(task.cancel().await.is_cancelled());
}
