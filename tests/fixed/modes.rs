//! What a fixed table does, in each of its modes.

use std::future::{Future, Ready, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};

use task_registry::mode::Locking;
use task_registry::{
    Cancel, Refusal, Refused, ResultCell, Spawn, SpawnError, Spawner, State, StaticOutcome,
    TrySpawnError,
};

use crate::{for_ever, poll, registry};

/// Every test in every mode.
macro_rules! tests {
    ($($name:ident)*) => {
        mod unsync {
            $(#[test] fn $name() { super::$name::<task_registry::mode::Unsync>(); })*
        }
        mod sync {
            $(#[test] fn $name() { super::$name::<task_registry::mode::Sync>(); })*
        }
        mod interrupt {
            $(#[test] fn $name() { super::$name::<task_registry::mode::Interrupt>(); })*
        }
    };
}

tests! {
    a_ticket_runs_in_place_and_its_record_stays_readable
    an_unused_ticket_gives_its_place_back_and_leaves_no_record
    law_02_a_waiter_is_woken_once_the_future_is_gone
    law_03_the_first_code_stands
    law_03_a_first_request_without_a_code_stands
    law_03_ready_stands_although_the_output_before_panics
    law_04_a_task_cancelled_before_its_first_poll_never_runs
    law_06_a_newcomer_starts_after_its_predecessor_and_that_ones
    law_06_the_name_goes_back_when_the_newcomer_gives_up
    law_06_a_detached_task_runs_on_without_its_name
    law_07_an_id_of_before_never_finds_who_has_its_place_now
    law_11_a_dropped_task_is_abandoned
    law_12_closing_is_a_gate_and_law_13_the_report_says_what_remains
    a_shutdown_waits_until_the_last_has_ended
    law_13_a_shutdown_polled_again_reports_again
    the_oldest_record_makes_room_and_pinned_ones_are_skipped
    a_list_needs_no_buffer_and_holds_no_lock_between_its_steps
    an_output_waits_in_a_cell_of_the_callers
    what_a_closed_registry_or_a_cancelled_ticket_refuses_comes_back
    what_a_spawner_refuses_comes_back_and_its_place_is_free
    a_future_is_made_when_it_is_known_that_it_may_run
    a_future_that_cannot_be_made_gives_the_place_back
    a_grace_fires_the_token_and_ends_when_it_is_ready
    law_20_no_name_is_an_error_and_no_name_panics
    law_20_names_of_one_hash_are_told_apart
    a_registry_without_slots_is_full
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn cancelled(code: u8) -> StaticOutcome {
    StaticOutcome::Cancelled { code: std::num::NonZeroU8::new(code) }
}

fn a_ticket_runs_in_place_and_its_record_stays_readable<L: Locking>() {
    let tasks = registry::<L, 2>();
    let ticket = tasks.reserve("blink").unwrap();
    assert_eq!(ticket.name(), Some("blink"));
    assert_eq!(ticket.task().state(), State::Queued);
    let mut turns = 0;
    let mut run = pin!(
        ticket
            .run(poll_fn(|_| {
                turns += 1;
                if turns == 2 { Poll::Ready(()) } else { Poll::Pending }
            }))
            .unwrap()
    );
    assert!(poll(run.as_mut()).is_pending());
    assert_eq!(tasks.get("blink").unwrap().state(), State::Running);
    assert_eq!(poll(run.as_mut()), Poll::Ready(StaticOutcome::Completed));
    assert!(poll(run.as_mut()).is_pending(), "it has ended once");
    let record = tasks.get("blink").unwrap();
    assert_eq!(record.outcome(), Some(StaticOutcome::Completed));
    assert!(tasks.get_live("blink").is_none());
    assert_eq!(tasks.purge(), 1);
    assert!(tasks.get("blink").is_none());
    assert_eq!(record.outcome(), Some(StaticOutcome::Completed));
}

fn an_unused_ticket_gives_its_place_back_and_leaves_no_record<L: Locking>() {
    let tasks = registry::<L, 1>();
    let ticket = tasks.reserve("a").unwrap();
    let task = ticket.task().clone();
    assert_eq!(tasks.reserve("b").unwrap_err(), SpawnError::Full { capacity: 1 });
    drop(ticket);
    assert_eq!(task.outcome(), Some(StaticOutcome::NeverStarted));
    assert!(tasks.is_empty());
    assert_eq!(tasks.reserve("b").unwrap_err(), SpawnError::Full { capacity: 1 }, "it is pinned");
    drop(task);
    assert!(tasks.reserve("b").is_ok());
}

fn law_02_a_waiter_is_woken_once_the_future_is_gone<L: Locking>() {
    struct Owned(Arc<Wakes>);
    impl Drop for Owned {
        fn drop(&mut self) {
            assert_eq!(self.0.0.load(Ordering::SeqCst), 0, "woken before the future was gone");
        }
    }
    let tasks = registry::<L, 1>();
    let wakes = Arc::new(Wakes::default());
    let owned = Owned(wakes.clone());
    let ticket = tasks.reserve("a").unwrap();
    let mut wait = pin!(ticket.task().wait());
    let mut run = pin!(
        ticket
            .run(async move {
                let _owned = owned;
                pending::<()>().await;
            })
            .unwrap()
    );
    assert!(poll(run.as_mut()).is_pending());
    let waker = wakes.clone().into();
    assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let _ = tasks.cancel("a");
    assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
    assert_eq!(poll(run), Poll::Ready(cancelled(0)));
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert_eq!(poll(wait), Poll::Ready(cancelled(0)));
}

fn law_03_the_first_code_stands<L: Locking>() {
    let tasks = registry::<L, 1>();
    let mut run = pin!(tasks.reserve("a").unwrap().run(pending::<()>()).unwrap());
    assert!(poll(run.as_mut()).is_pending());
    let _ = tasks.cancel_with("a", 7);
    let _ = tasks.cancel_with("a", 8);
    assert_eq!(poll(run), Poll::Ready(cancelled(7)));
    assert_eq!(tasks.get("a").unwrap().outcome().unwrap().code(), 7);
}

fn law_03_a_first_request_without_a_code_stands<L: Locking>() {
    let tasks = registry::<L, 1>();
    let mut run = pin!(tasks.reserve("a").unwrap().run(pending::<()>()).unwrap());
    assert!(poll(run.as_mut()).is_pending());
    let _ = tasks.cancel("a");
    let _ = tasks.cancel_with("a", 7);
    assert_eq!(poll(run), Poll::Ready(cancelled(0)));
}

fn law_03_ready_stands_although_the_output_before_panics<L: Locking>() {
    struct Output(bool);
    impl Drop for Output {
        fn drop(&mut self) {
            assert!(!self.0, "an output that nobody took");
        }
    }
    let tasks = registry::<L, 1>();
    let cell = ResultCell::<L, Output>::new();
    // The first ends while the second, which is given the same cell, runs.
    let second = AtomicUsize::new(0);
    let other = registry::<L, 1>();
    let done = poll_fn(|_| match second.load(Ordering::SeqCst) {
        0 => Poll::Pending,
        _ => Poll::Ready(Output(false)),
    });
    let mut run = pin!(tasks.reserve("b").unwrap().run_into(&cell, done).unwrap());
    assert!(poll(run.as_mut()).is_pending());
    let before = other.reserve("a").unwrap().run_into(&cell, async { Output(true) }).unwrap();
    assert_eq!(poll(pin!(before)), Poll::Ready(StaticOutcome::Completed));
    second.store(1, Ordering::SeqCst);
    assert_eq!(poll(run), Poll::Ready(StaticOutcome::Completed));
    assert!(cell.take().is_some_and(|output| !output.0));
}

fn law_04_a_task_cancelled_before_its_first_poll_never_runs<L: Locking>() {
    let tasks = registry::<L, 1>();
    let run = tasks.reserve("a").unwrap().run(async { panic!("it ran") }).unwrap();
    let _ = tasks.cancel("a");
    assert_eq!(poll(pin!(run)), Poll::Ready(cancelled(0)));
}

fn law_06_a_newcomer_starts_after_its_predecessor_and_that_ones<L: Locking>() {
    let tasks = registry::<L, 3>();
    let mut first = pin!(tasks.reserve("a").unwrap().run(pending::<()>()).unwrap());
    assert!(poll(first.as_mut()).is_pending());
    assert!(matches!(tasks.reserve("a"), Err(SpawnError::NameTaken { .. })));

    let second = tasks.reserve_replacing("a").unwrap();
    let third = tasks.reserve_replacing("a").unwrap();
    assert_eq!(tasks.get("a").unwrap().id(), third.id());
    let wakes = Arc::new(Wakes::default());
    let waker = wakes.clone().into();
    let mut third = pin!(third.run(ready(())).unwrap());
    assert!(third.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(tasks.get("a").unwrap().state(), State::Queued);
    // The second was asked to stop when the third came: it never starts, and the third now waits for the first.
    assert!(matches!(second.run(ready(())), Err(error) if error.kind == SpawnError::Cancelled));
    assert!(third.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
    assert_eq!(poll(first), Poll::Ready(cancelled(0)));
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert_eq!(poll(third), Poll::Ready(StaticOutcome::Completed));
}

fn law_06_the_name_goes_back_when_the_newcomer_gives_up<L: Locking>() {
    let tasks = registry::<L, 2>();
    let mut first = pin!(tasks.reserve("a").unwrap().run(pending::<()>()).unwrap());
    assert!(poll(first.as_mut()).is_pending());
    let id = tasks.get("a").unwrap().id();
    drop(tasks.reserve_replacing("a").unwrap());
    assert_eq!(tasks.get_live("a").unwrap().id(), id);
    assert_eq!(tasks.get("a").unwrap().state(), State::Stopping);
}

fn law_06_a_detached_task_runs_on_without_its_name<L: Locking>() {
    let tasks = registry::<L, 2>();
    let mut first = pin!(tasks.reserve("a").unwrap().run(pending::<()>()).unwrap());
    assert!(poll(first.as_mut()).is_pending());
    let id = tasks.get("a").unwrap().id();
    let second = tasks.reserve_detaching("a").unwrap();
    assert_eq!(tasks.get("a").unwrap().id(), second.id());
    assert_eq!(tasks.by_id(id).unwrap().state(), State::Running);
    assert_eq!(poll(pin!(second.run(ready(())).unwrap())), Poll::Ready(StaticOutcome::Completed));
    assert!(tasks.get_live("a").is_none());
}

fn law_07_an_id_of_before_never_finds_who_has_its_place_now<L: Locking>() {
    let tasks = registry::<L, 1>();
    let old = tasks.reserve("a").unwrap().id();
    let new = tasks.reserve("b").unwrap();
    assert!(tasks.by_id(old).is_none());
    assert!(tasks.cancel_id(old).is_none());
    assert_eq!(tasks.by_id(new.id()).unwrap(), *new.task());
    let other = registry::<L, 1>();
    let _foreign = other.reserve("b").unwrap();
    assert!(other.by_id(new.id()).is_none());
}

fn law_11_a_dropped_task_is_abandoned<L: Locking>() {
    let tasks = registry::<L, 1>();
    let run = tasks.reserve("a").unwrap().run(pending::<()>()).unwrap();
    drop(run);
    assert_eq!(tasks.get("a").unwrap().outcome(), Some(StaticOutcome::Abandoned));
}

fn law_12_closing_is_a_gate_and_law_13_the_report_says_what_remains<L: Locking>() {
    let tasks = registry::<L, 4>();
    let mut stuck = pin!(tasks.reserve("stuck").unwrap().run(pending::<()>()).unwrap());
    let mut done = pin!(tasks.reserve("done").unwrap().run(ready(())).unwrap());
    let mut fine = pin!(tasks.reserve("fine").unwrap().run(pending::<()>()).unwrap());
    assert!(poll(done.as_mut()).is_ready());
    assert!(poll(stuck.as_mut()).is_pending());
    assert!(poll(fine.as_mut()).is_pending());
    let late = tasks.reserve("late").unwrap();
    let mut shutdown = pin!(tasks.shutdown(ready(())));
    assert!(tasks.is_closed());
    assert_eq!(tasks.reserve("x").unwrap_err(), SpawnError::Closed);
    assert!(matches!(late.run(ready(())), Err(error) if error.kind == SpawnError::Closed));
    assert_eq!(poll(fine), Poll::Ready(cancelled(0)));
    let Poll::Ready(report) = poll(shutdown.as_mut()) else { panic!("the deadline was ready") };
    // "late" was asked before it had a future: it ended then, cancelled.
    assert_eq!((report.completed, report.cancelled, report.remaining), (0, 2, 1));
    assert!(!report.is_clean());
    let remaining: Vec<_> =
        report.remaining_tasks().map(|task| task.name().unwrap().len()).collect();
    assert_eq!(remaining, ["stuck".len()]);
}

fn a_shutdown_waits_until_the_last_has_ended<L: Locking>() {
    let tasks = registry::<L, 2>();
    let mut one = pin!(tasks.reserve("one").unwrap().run(pending::<()>()).unwrap());
    assert!(poll(one.as_mut()).is_pending());
    let wakes = Arc::new(Wakes::default());
    let waker = wakes.clone().into();
    let mut shutdown = pin!(tasks.shutdown(pending::<()>()));
    assert!(shutdown.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(poll(one).is_ready());
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    let Poll::Ready(report) = shutdown.as_mut().poll(&mut Context::from_waker(&waker)) else {
        panic!("all have ended")
    };
    assert!(report.is_clean());
    assert_eq!(report.cancelled, 1);
}

fn law_13_a_shutdown_polled_again_reports_again<L: Locking>() {
    let tasks = registry::<L, 1>();
    let mut one = pin!(tasks.reserve("one").unwrap().run(pending::<()>()).unwrap());
    assert!(poll(one.as_mut()).is_pending());
    // A deadline that panics when it is polled once too often.
    let mut shutdown = pin!(tasks.shutdown(async {}));
    let Poll::Ready(report) = poll(shutdown.as_mut()) else { panic!("the deadline was ready") };
    assert_eq!((report.cancelled, report.remaining), (0, 1));
    let Poll::Ready(report) = poll(shutdown.as_mut()) else { panic!("it was over") };
    assert_eq!((report.cancelled, report.remaining), (0, 1));
    assert!(poll(one).is_ready());
    let Poll::Ready(report) = poll(shutdown.as_mut()) else { panic!("it was over") };
    assert_eq!((report.cancelled, report.remaining), (1, 0));
}

fn the_oldest_record_makes_room_and_pinned_ones_are_skipped<L: Locking>() {
    let tasks = registry::<L, 3>();
    let mut end = |name| {
        let run = tasks.reserve(name).unwrap().run(ready(())).unwrap();
        assert!(poll(pin!(run)).is_ready());
    };
    ["a", "b", "c"].into_iter().for_each(&mut end);
    let pinned = tasks.get("a").unwrap();
    end("d");
    assert!(tasks.get("b").is_none(), "the oldest that nobody holds");
    assert!(tasks.get("a").is_some() && tasks.get("c").is_some());
    assert_eq!(pinned.outcome(), Some(StaticOutcome::Completed));
    let _c = tasks.get("c");
    let _d = tasks.get("d");
    assert_eq!(tasks.reserve("e").unwrap_err(), SpawnError::Full { capacity: 3 });
}

fn a_list_needs_no_buffer_and_holds_no_lock_between_its_steps<L: Locking>() {
    let tasks = registry::<L, 4>();
    let tickets = ["a", "b", "c"].map(|name| tasks.reserve(name).unwrap());
    let first = tasks.next_after(None).unwrap();
    assert_eq!(first.name(), Some("a"));
    drop(tickets);
    // Where it stood is gone, and the list goes on from there.
    let d = tasks.reserve("d").unwrap();
    assert!(tasks.next_after(Some(first.id())).is_some_and(|task| task.id() == d.id()));
    assert!(tasks.next_after(Some(d.id())).is_none());
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks.counts().queued, 1);
}

fn an_output_waits_in_a_cell_of_the_callers<L: Locking>() {
    let sum = ResultCell::<L, u32>::new();
    let tasks = registry::<L, 1>();
    let run = tasks.reserve("sum").unwrap().run_into(&sum, async { 41 + 1 }).unwrap();
    assert_eq!(sum.take(), None);
    assert_eq!(poll(pin!(run)), Poll::Ready(StaticOutcome::Completed));
    assert_eq!(sum.take(), Some(42));
    assert_eq!(sum.take(), None);
}

fn what_a_closed_registry_or_a_cancelled_ticket_refuses_comes_back<L: Locking>() {
    let tasks = registry::<L, 4>();
    let cell = ResultCell::<L, u32>::new();
    let before = registry::<L, 1>().reserve("before").unwrap().run_into(&cell, ready(7)).unwrap();
    assert!(poll(pin!(before)).is_ready());
    let tickets =
        ["run", "track", "run_into", "track_into"].map(|name| tasks.reserve(name).unwrap());
    let [run, track, run_into, track_into] = tickets;
    // Two of them are cancelled, and two more refused because the gate is shut.
    let _ = (tasks.cancel("run"), tasks.cancel("run_into"));
    let refused = |error: TrySpawnError<Ready<u32>>, why| {
        let (kind, future) = error.into_parts();
        assert_eq!((kind, future.into_inner()), (why, 42));
    };
    refused(run.run(ready(42)).unwrap_err(), SpawnError::Cancelled);
    refused(run_into.run_into(&cell, ready(42)).err().unwrap(), SpawnError::Cancelled);
    drop(tasks.shutdown(pending::<()>()));
    refused(track.track(ready(42)).unwrap_err(), SpawnError::Closed);
    refused(track_into.track_into(&cell, ready(42)).err().unwrap(), SpawnError::Closed);
    assert_eq!(cell.take(), Some(7), "what did not run leaves the cell as it was");
    assert_eq!(tasks.live(), 0);
}

fn what_a_spawner_refuses_comes_back_and_its_place_is_free<L: Locking>() {
    /// Refuses what it is given, at once or after it was polled to its end.
    struct Refuses {
        polled: bool,
    }
    impl Spawner for Refuses {
        type Handle = ();
        type Mode = task_registry::mode::Unsync;
    }
    impl<F: Future<Output = ()> + Unpin> Spawn<F> for Refuses {
        fn spawn(&self, mut future: F) -> Result<(), Refused<F>> {
            if self.polled {
                assert!(poll(Pin::new(&mut future)).is_ready());
            }
            Err(Refused::new(future, Refusal::Full))
        }
    }
    let tasks = registry::<L, 1>();
    for _ in 0..2 {
        let ticket = tasks.reserve("a").unwrap();
        let task = ticket.task().clone();
        let error = ticket.spawn_on(&Refuses { polled: false }, ready(42)).unwrap_err();
        let (kind, future) = error.into_parts();
        assert_eq!((kind, future.into_inner()), (SpawnError::Refused(Refusal::Full), 42));
        assert_eq!(task.outcome(), Some(StaticOutcome::NeverStarted));
        assert!(tasks.is_empty());
    }
    let ran = tasks.reserve("a").unwrap().spawn_on(&Refuses { polled: true }, ready(42)).unwrap();
    assert_eq!(ran.outcome(), Some(StaticOutcome::Completed));
}

fn a_future_is_made_when_it_is_known_that_it_may_run<L: Locking>() {
    let tasks = registry::<L, 2>();
    let (run, track) = (tasks.reserve("run").unwrap(), tasks.reserve("track").unwrap());
    let mut run = pin!(run.run_with(|| ready(())).unwrap());
    let mut track = pin!(track.track_with(|| ready(())).unwrap());
    assert_eq!(poll(run.as_mut()), Poll::Ready(StaticOutcome::Completed));
    assert!(poll(track.as_mut()).is_ready());
    let cancelled = tasks.reserve("run").unwrap();
    let closed = tasks.reserve("track").unwrap();
    let never = || -> Ready<()> { panic!("it may not run") };
    let _ = tasks.cancel("run");
    assert_eq!(cancelled.run_with(never).unwrap_err(), SpawnError::Cancelled);
    drop(tasks.shutdown(pending::<()>()));
    assert_eq!(closed.track_with(never).unwrap_err(), SpawnError::Closed);
    assert_eq!(tasks.live(), 0);
}

fn a_future_that_cannot_be_made_gives_the_place_back<L: Locking>() {
    let tasks = registry::<L, 1>();
    let ticket = tasks.reserve("a").unwrap();
    let task = ticket.task().clone();
    let made = catch_unwind(AssertUnwindSafe(|| {
        ticket.run_with(|| -> Ready<()> { panic!("there is no memory for it") }).is_ok()
    }));
    assert!(made.is_err());
    assert_eq!(task.outcome(), Some(StaticOutcome::NeverStarted));
    drop(task);
    assert!(tasks.reserve("a").is_ok());
}

fn a_grace_fires_the_token_and_ends_when_it_is_ready<L: Locking>() {
    let tasks = registry::<L, 1>();
    let ticket = tasks.reserve("a").unwrap();
    let mut token = pin!(ticket.task().cancelled());
    let mut run = pin!(ticket.run(pending::<()>()).unwrap());
    assert!(poll(run.as_mut()).is_pending());
    assert!(poll(token.as_mut()).is_pending());
    let open = AtomicUsize::new(0);
    let grace = poll_fn(|_| match open.load(Ordering::SeqCst) {
        0 => Poll::Pending,
        _ => Poll::Ready(()),
    });
    let mut cancelling = pin!(tasks.cancel_with("a", Cancel::code(3).grace(grace)).unwrap());
    assert!(poll(token).is_ready());
    assert!(poll(cancelling.as_mut()).is_pending());
    assert!(poll(run.as_mut()).is_pending(), "the grace is not over");
    open.store(1, Ordering::SeqCst);
    assert!(poll(cancelling.as_mut()).is_pending());
    assert_eq!(poll(run), Poll::Ready(cancelled(3)));
    assert_eq!(poll(cancelling), Poll::Ready(cancelled(3)));
}

fn law_20_no_name_is_an_error_and_no_name_panics<L: Locking>() {
    let tasks = registry::<L, 1>();
    assert_eq!(tasks.reserve("").unwrap_err(), SpawnError::EmptyName);
    assert!(tasks.get("").is_none());
    assert!(tasks.get("\u{0}\u{202e}").is_none());
    let unnamed = tasks.reserve_unnamed().unwrap();
    assert_eq!(unnamed.name(), None);
}

/// More names than there are hashes of 11 bits, so that some have the same.
fn law_20_names_of_one_hash_are_told_apart<L: Locking>() {
    let tasks = registry::<L, 2049>();
    let names = for_ever((0..2049).map(|number| format!("task {number:04}")).collect::<Vec<_>>());
    let name = |number: usize| names[number].as_str();
    let tickets: Vec<_> = (0..2049).map(|number| tasks.reserve(name(number)).unwrap()).collect();
    for (number, ticket) in tickets.iter().enumerate() {
        assert_eq!(tasks.get(name(number)).unwrap().id(), ticket.id());
        assert!(matches!(tasks.reserve(name(number)), Err(SpawnError::NameTaken { .. })));
    }
    assert!(tasks.get("task 2049").is_none());
}

fn a_registry_without_slots_is_full<L: Locking>() {
    let tasks = registry::<L, 0>();
    assert_eq!(tasks.reserve("a").unwrap_err(), SpawnError::Full { capacity: 0 });
    assert!(poll(pin!(tasks.wait_idle())).is_ready());
}
