//! What an observer is told, in which order, and who gets what a task panicked with.

use std::future::ready;
use std::sync::mpsc::{Receiver, Sender, channel};

use task_registry::conflict::Replace;
use task_registry::{Options, State, Tasks, mode};

use super::*;

everywhere! {
    fn a_task_that_completes_was_added_and_started(tasks, seen) {
        tasks.spawn("a", async {}).unwrap().await.unwrap();
        assert_eq!(seen.take(), ["a added, queued", "a started, running", "a ended, completed"]);
    }

    fn a_task_without_a_name_is_told_of_as_well(tasks, seen) {
        tasks.spawn_unnamed(async {}).unwrap().await.unwrap();
        assert_eq!(seen.take().len(), 3);
    }

    fn a_task_that_fails_says_why(tasks, seen) {
        let failing = tasks.spawn_fallible("a", async { Err::<(), _>("no route") }).unwrap();
        failing.await.unwrap().unwrap_err();
        assert_eq!(seen.take()[2], "a ended, failed: no route");
    }

    fn a_task_cancelled_before_its_first_poll_was_never_started(tasks, seen) {
        let task = tasks.spawn("a", forever()).unwrap();
        let end = task.cancel_with("too late");
        assert_eq!(seen.take(), ["a added, queued", "a asked: too late"]);
        end.await;
        assert_eq!(seen.take(), ["a ended, cancelled: too late"]);
    }

    fn only_the_first_request_to_stop_is_told_and_before_cancel_returns(tasks, seen) {
        let task = tasks.spawn("a", forever()).unwrap();
        yield_now().await;
        assert_eq!(seen.take(), ["a added, queued", "a started, running"]);
        let first = task.cancel();
        assert_eq!(seen.take(), ["a asked: no reason"]);
        task.cancel_with("again");
        assert!(seen.take().is_empty());
        first.await;
        assert_eq!(seen.take(), ["a ended, cancelled"]);
        task.cancel().await;
        tasks.purge();
        assert!(seen.take().is_empty(), "nothing comes after the end");
    }

    fn a_replaced_task_ends_before_its_successor_starts(tasks, seen) {
        tasks.spawn("a", forever()).unwrap();
        yield_now().await;
        let second = tasks.task("a").on_conflict(Replace).spawn(async {}).unwrap();
        second.await.unwrap();
        let expected = [
            "a added, queued",
            "a started, running",
            "a asked: replaced",
            "a added, queued",
            "a ended, cancelled: replaced",
            "a started, running",
            "a ended, completed",
        ];
        assert_eq!(seen.take(), expected);
    }

    fn a_shutdown_gives_its_reason_to_each(tasks, seen) {
        tasks.spawn("a", forever()).unwrap();
        tasks.shutdown(std::future::pending::<()>()).await;
        assert_eq!(seen.take()[1..], ["a asked: shutdown", "a ended, cancelled: shutdown"]);
    }

    fn law_12_an_unused_ticket_was_added_and_never_started(tasks, seen) {
        drop(tasks.reserve("a").unwrap());
        assert_eq!(seen.take(), ["a added, queued", "a ended, never started"]);
        let ticket = tasks.reserve("b").unwrap();
        ticket.task().cancel();
        assert_eq!(seen.take(), ["b added, queued", "b asked: no reason", "b ended, cancelled"]);
        drop(ticket);
        assert!(seen.take().is_empty());
    }

    fn what_is_refused_is_not_told(tasks, seen) {
        let _first = tasks.reserve("a").unwrap();
        seen.take();
        tasks.spawn("a", async {}).unwrap_err();
        tasks.spawn("", async {}).unwrap_err();
        assert!(seen.take().is_empty());
    }

    fn a_task_that_is_dropped_unfinished_is_abandoned(tasks, seen) {
        let (tracked, _handle) = tasks.reserve("a").unwrap().track(forever()).unwrap();
        let mut tracked = Box::pin(tracked);
        assert!(poll_once(&mut tracked).is_pending());
        drop(tracked);
        assert_eq!(seen.take(), ["a added, queued", "a started, running", "a ended, abandoned"]);
    }

    fn the_end_comes_after_the_cleanup_and_says_how_that_went(tasks, seen) {
        let inside = seen.clone();
        let task = tasks.task("a").cleanup(
            move |outcome| async move { inside.note(format!("cleaning, {outcome}")) },
            forever,
        );
        task.spawn(async {}).unwrap().await.unwrap();
        assert_eq!(seen.take()[2..], ["cleaning, completed", "a ended, completed, cleaned up"]);
        let task = tasks.task("b").cleanup(|_| forever(), || ready(()));
        task.spawn(async {}).unwrap().await.unwrap();
        assert_eq!(seen.take()[2..], ["b ended, completed, cleanup timed out"]);
    }

    fn law_14_a_panic_goes_to_the_handle_and_then_to_nobody_else(tasks, seen) {
        let task = tasks.spawn("a", async { blow_up("boom") }).unwrap();
        let error = task.await.unwrap_err();
        assert_eq!(error.into_panic().unwrap().downcast_ref::<&str>(), Some(&"boom"));
        let expected = ["a added, queued", "a started, running", "a ended, panicked: boom"];
        assert_eq!(seen.take(), expected);
    }

    fn law_14_a_panic_without_a_handle_goes_to_the_observer(tasks, seen) {
        drop(tasks.spawn("a", async { blow_up("boom") }).unwrap());
        tasks.wait_idle().await;
        assert_eq!(seen.take()[2..], ["a ended, panicked: boom", "a left a panic, boom"]);
    }

    fn law_14_a_handle_dropped_after_the_end_leaves_its_panic_to_the_observer(tasks, seen) {
        let task = tasks.spawn("a", async { blow_up("boom") }).unwrap();
        task.wait().await;
        assert_eq!(seen.take()[2..], ["a ended, panicked: boom"]);
        drop(task);
        assert_eq!(seen.take(), ["a left a panic, boom"]);
    }

    fn law_14_a_kept_panic_goes_to_the_observer_when_its_record_is_purged(tasks, seen) {
        let task = tasks.task("a").keep_result().spawn(async { blow_up("boom") }).unwrap();
        task.wait().await;
        drop(task);
        assert_eq!(seen.take()[2..], ["a ended, panicked: boom"]);
        tasks.purge();
        assert_eq!(seen.take(), ["a left a panic, boom"]);
    }

    fn law_14_a_panic_that_is_not_the_outcome_goes_to_the_observer(tasks, seen) {
        let task = tasks.task("a").cleanup(|_| async { blow_up("in cleanup") }, forever);
        task.spawn(async {}).unwrap().await.unwrap();
        let expected = ["a left a panic, in cleanup", "a ended, completed, cleanup panicked"];
        assert_eq!(seen.take()[2..], expected);

        let bomb = PanicsWhenDropped("in a destructor");
        let returns = std::future::poll_fn(move |_| {
            let _owned = &bomb;
            Poll::Ready(7)
        });
        assert_eq!(tasks.spawn("b", returns).unwrap().await.unwrap(), 7);
        assert_eq!(seen.take()[2..], ["b left a panic, in a destructor", "b ended, completed"]);
    }
}

#[test]
fn each_poll_is_entered_and_left_and_so_is_the_destructor() {
    let seen = Seen::default();
    let tasks = Tasks::<mode::Unsync>::new(Options::new().observer(SeenAround(seen.clone())));
    let inside = seen.clone();
    let body = async move {
        struct Drops(Seen);
        impl Drop for Drops {
            fn drop(&mut self) {
                self.0.note("dropped".into());
            }
        }
        let inside = Drops(inside);
        inside.0.note("first".into());
        yield_now().await;
        inside.0.note("second".into());
        forever().await;
    };
    let (tracked, handle) = tasks.reserve("a").unwrap().track(body).unwrap();
    let mut tracked = Box::pin(tracked);
    assert!(poll_once(&mut tracked).is_pending());
    assert_eq!(seen.take(), ["a entered", "first", "a left"]);
    assert!(poll_once(&mut tracked).is_pending());
    assert_eq!(seen.take(), ["a entered", "second", "a left"]);
    handle.cancel();
    assert!(poll_once(&mut tracked).is_ready());
    let expected = ["a entered", "dropped", "a left", "a ended, cancelled", "a let go"];
    assert_eq!(seen.take(), expected);
}

#[test]
fn a_poll_that_panics_is_left() {
    let seen = Seen::default();
    let tasks = Tasks::<mode::Unsync>::new(Options::new().observer(SeenAround(seen.clone())));
    let (tracked, _handle) = tasks.reserve("a").unwrap().track(async { blow_up("boom") }).unwrap();
    assert!(poll_once(&mut Box::pin(tracked)).is_ready());
    assert_eq!(seen.take()[..2], ["a entered", "a left"]);
}

#[test]
fn of_a_pair_both_are_told_and_a_panic_goes_to_the_first_that_takes_it() {
    let (first, second) = (Seen::default(), Seen::default());
    let around = SeenAround(Seen::default());
    let pair = ((around.clone(), first.clone()), second.clone());
    let tasks = Tasks::<mode::Unsync>::new(Options::new().observer(pair));
    let ticket = tasks.reserve("a").unwrap();
    let (tracked, handle) = ticket.track(async { blow_up("boom") }).unwrap();
    drop(handle);
    assert!(poll_once(&mut Box::pin(tracked)).is_ready());
    let (first, second) = (first.take(), second.take());
    assert_eq!(first[3], "a left a panic, boom");
    assert_eq!(first[..3], second);
    assert_eq!(around.0.take()[..2], ["a entered", "a left"]);
}

/// Waits, when a task is asked to stop, until it may go on.
struct Slow {
    seen: Seen,
    reached: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl Observer for Slow {
    fn added(&self, task: &TaskInfo) {
        self.seen.added(task);
    }
    fn started(&self, task: &TaskInfo) {
        self.seen.started(task);
    }
    fn stopping(&self, task: &TaskInfo, reason: Option<&str>) {
        self.reached.lock().unwrap().send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
        self.seen.stopping(task, reason);
    }
    fn ended(&self, task: &TaskInfo, outcome: &Outcome) {
        self.seen.ended(task, outcome);
    }
}

#[test]
fn a_task_that_ends_while_its_stopping_is_told_ends_after_that() {
    let _watchdog = crate::watchdog::Watchdog::start();
    let seen = Seen::default();
    let ((reached, has_reached), (go_on, may_go_on)) = (channel(), channel());
    let slow =
        Slow { seen: seen.clone(), reached: Mutex::new(reached), go_on: Mutex::new(may_go_on) };
    let tasks = Tasks::<mode::Sync>::new(Options::new().observer(slow));
    let (tracked, handle) = tasks.reserve("a").unwrap().track(forever()).unwrap();
    let mut tracked = Box::pin(tracked);
    assert!(poll_once(&mut tracked).is_pending());
    let canceller = std::thread::spawn({
        let tasks = tasks.clone();
        move || drop(tasks.cancel("a"))
    });
    has_reached.recv().unwrap();
    assert_eq!(handle.state(), State::Stopping, "the request stands");
    // Another thread is in the middle of a call about the task: this one leaves it the rest.
    assert!(poll_once(&mut tracked).is_ready());
    assert_eq!((handle.state(), handle.outcome()), (State::Stopping, None));
    assert_eq!(tasks.live(), 1);
    let mut joined = Box::pin(handle);
    assert!(poll_once(&mut joined).is_pending());
    go_on.send(()).unwrap();
    canceller.join().unwrap();
    assert!(poll_once(&mut joined).is_ready());
    assert_eq!(tasks.live(), 0);
    assert_eq!(seen.take()[2..], ["a asked: no reason", "a ended, cancelled"]);
}
