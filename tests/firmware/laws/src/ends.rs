//! Laws 2 and 3: ended means gone, and there is one outcome.

use core::cell::Cell;
use core::future::{pending, poll_fn, ready};
use core::pin::pin;
use core::task::Poll;

use task_registry_core::{ResultCell, State, StaticOutcome};

use crate::kit::*;
use crate::*;

pub(crate) async fn law_02_a_waiter_is_woken_after_a_cancelled_future_is_gone(lab: Lab) {
    static A: Probe = Probe::new();
    let tasks = registry!(2);
    let task = lab.hold(tasks, "a", &A).await;
    assert!(!A.dropped.is_set());
    assert!(is_cancelled(&task.cancel().await));
    assert!(A.dropped.is_set(), "what it owned is gone");
    assert!(task.is_ended() && tasks.live() == 0 && tasks.get_live("a").is_none());
}

pub(crate) async fn law_02_a_waiter_is_woken_after_a_completed_future_is_gone(lab: Lab) {
    static A: Probe = Probe::new();
    let tasks = registry!(2);
    let task = lab.hold(tasks, "a", &A).await;
    A.finish.open();
    assert!(task.wait().await == StaticOutcome::Completed);
    assert!(A.dropped.is_set(), "what it owned is gone");
    assert!(task.outcome() == Some(StaticOutcome::Completed));
}

pub(crate) async fn law_02_the_future_goes_although_its_executor_keeps_the_wrapper(_: Lab) {
    static DROPPED: [Flag; 2] = [const { Flag::new() }; 2];
    let tasks = registry!(2);
    let [completed, cancelled] = &DROPPED;
    {
        let ticket = tasks.reserve("a").expect("it is free");
        let task = ticket.task().clone();
        // Completes in its first poll, but its guard belongs to the future, not to the body.
        let guard = completed.on_drop();
        let body = poll_fn(move |_| {
            let _owned = &guard;
            Poll::Ready(())
        });
        let mut kept = pin!(ticket.track(body).expect("nobody cancelled it"));
        assert!(poll_once(&mut kept).is_ready());
        assert!(completed.is_set() && task.is_ended());
    }
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    let guard = cancelled.on_drop();
    let body = async move {
        let _guard = guard;
        pending::<()>().await;
    };
    let mut kept = pin!(ticket.track(body).expect("nobody cancelled it"));
    assert!(poll_once(&mut kept).is_pending());
    drop(task.cancel());
    assert!(poll_once(&mut kept).is_ready());
    assert!(cancelled.is_set() && task.is_ended());
}

pub(crate) async fn law_02_a_ticket_can_be_run_in_place(_: Lab) {
    static TURNS: Count = Count::new();
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    let body = poll_fn(|cx| {
        if TURNS.add() == 3 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    let run = ticket.run(body);
    assert!(task.state() == State::Queued);
    let Ok(run) = run else { panic!("nobody cancelled it") };
    assert!(run.await == StaticOutcome::Completed && TURNS.get() == 3);
    assert!(task.is_ended());

    // Cancelled, it is ready as well: there is nothing left to run.
    let ticket = tasks.reserve("b").expect("it is free");
    let task = ticket.task().clone();
    let Ok(run) = ticket.run(pending::<()>()) else { panic!("nobody cancelled it") };
    let mut run = pin!(run);
    assert!(poll_once(&mut run).is_pending());
    drop(tasks.cancel("b"));
    let Poll::Ready(outcome) = poll_once(&mut run) else { panic!("there is nothing left to run") };
    assert!(is_cancelled(&outcome) && task.is_ended());
}

pub(crate) async fn law_02_a_future_that_stays_in_its_place_is_dropped_there(_: Lab) {
    static DROPPED: [Flag; 2] = [const { Flag::new() }; 2];
    let tasks = registry!(2);
    let [run, tracked] = &DROPPED;
    let hold = |dropped: &'static Flag| {
        let guard = dropped.on_drop();
        async move {
            let _guard = guard;
            pending::<()>().await;
        }
    };
    let mut place = pin!(Some(hold(run)));
    {
        let ticket = tasks.reserve("a").expect("it is free");
        let task = ticket.task().clone();
        let Ok(run) = ticket.run_in(place.as_mut()) else { panic!("nobody cancelled it") };
        let mut run = pin!(run);
        assert!(poll_once(&mut run).is_pending());
        drop(task.cancel());
        assert!(poll_once(&mut run).is_ready() && task.is_ended());
        assert!(DROPPED[0].is_set(), "the wrapper lives, and the future is gone");
    }
    assert!(place.is_none());

    let mut place = pin!(Some(hold(tracked)));
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    drop(task.cancel());
    assert!(ticket.track_in(place.as_mut()).is_err() && place.is_some());
    assert!(!tracked.is_set(), "refused, it stays where it is");
}

pub(crate) async fn law_02_inside_its_destructors_a_task_has_not_ended(_: Lab) {
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    let seen = Cell::new(None);
    let guard = OnDrop(|| seen.set(Some((task.state(), tasks.live()))));
    let body = async move {
        let _guard = guard;
        pending::<()>().await;
    };
    let mut by_hand = pin!(ticket.track(body).expect("nobody cancelled it"));
    assert!(poll_once(&mut by_hand).is_pending());
    drop(task.cancel());
    assert!(poll_once(&mut by_hand).is_ready());
    assert!(seen.get() == Some((State::Stopping, 1)));
    assert!(task.is_ended() && tasks.live() == 0);
}

pub(crate) async fn law_02_an_output_is_in_its_cell_when_the_end_is_known(_: Lab) {
    static SUM: ResultCell<Mode, u32> = ResultCell::new();
    let tasks = registry!(2);
    let ticket = tasks.reserve("sum").expect("it is free");
    let task = ticket.task().clone();
    let mut by_hand = pin!(ticket.track_into(&SUM, ready(42)).expect("nobody cancelled it"));
    assert!(SUM.take().is_none());
    assert!(poll_once(&mut by_hand).is_ready());
    assert!(task.wait().await == StaticOutcome::Completed);
    assert!(SUM.take() == Some(42));
    assert!(SUM.take().is_none(), "a result is taken once");
}

pub(crate) async fn law_03_what_returned_ready_is_completed_although_it_was_cancelled(_: Lab) {
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    // Asked to stop within the very poll in which it returns.
    let body = poll_fn(|_| {
        drop(tasks.cancel("a"));
        Poll::Ready(())
    });
    let mut by_hand = pin!(ticket.track(body).expect("nobody cancelled it"));
    assert!(poll_once(&mut by_hand).is_ready());
    assert!(task.wait().await == StaticOutcome::Completed);
}

pub(crate) async fn law_03_cancelling_an_ended_task_changes_nothing(lab: Lab) {
    static A: Probe = Probe::new();
    let tasks = registry!(2);
    let task = lab.hold(tasks, "a", &A).await;
    A.finish.open();
    assert!(task.wait().await == StaticOutcome::Completed);
    assert!(task.cancel_with(5).await == StaticOutcome::Completed);
    assert!(tasks.cancel("a").expect("its record is there").await == StaticOutcome::Completed);
    assert!(task.outcome() == Some(StaticOutcome::Completed) && tasks.live() == 0);
}
