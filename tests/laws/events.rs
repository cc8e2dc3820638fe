//! What one can wait for beside a single task: ends in their order, quiet, a name; and what can be counted.

use std::pin::pin;

#[cfg(not(target_family = "wasm"))]
use task_registry::monotonic;
#[cfg(target_family = "wasm")]
use task_registry::wasm::monotonic;
use task_registry::{Counts, Lagged, Options, Outcome, Retain, State, Tasks};

use crate::harness::*;
use crate::kit::*;

fn counts<M: task_registry::mode::Mode>(tasks: &Tasks<M>) -> [usize; 4] {
    let Counts { queued, running, stopping, ended, .. } = tasks.counts();
    [queued, running, stopping, ended]
}

pub(crate) async fn law_02_endings_come_in_the_order_of_ending<H: Harness>(tasks: Reg<H>) {
    let mut endings = tasks.endings();
    assert!(endings.try_next_ended().is_none());
    let (a, b, c) = (hold(&tasks, "a").await, hold(&tasks, "b").await, hold(&tasks, "c").await);
    let (waker, wakes) = counting_waker();
    assert_pending(poll_with(&mut pin!(endings.next_ended()), &waker).map(|_| ()));
    b.finish.open();
    b.task.wait().await;
    a.task.cancel_with("why").await;
    c.finish.open();
    c.task.wait().await;
    assert!(wakes.get() <= 3);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let end =
            endings.next_ended().await.expect("the registry is open").expect("nothing was missed");
        seen.push((end.id(), end.name().unwrap().to_owned(), end.outcome().clone()));
    }
    assert_eq!(seen[0], (b.task.id(), "b".to_owned(), Outcome::Completed));
    assert_eq!((seen[1].0, seen[1].2.reason()), (a.task.id(), Some("why")));
    assert_eq!(seen[2], (c.task.id(), "c".to_owned(), Outcome::Completed));
    assert!(endings.try_next_ended().is_none());
    let d = tasks.spawn_unnamed(body(async {})).unwrap();
    let end = endings.next_ended().await.unwrap().unwrap();
    assert_eq!((end.id(), end.name()), (d.id(), None));
}

pub(crate) async fn law_02_each_reader_sees_each_end_once<H: Harness>(tasks: Reg<H>) {
    let mut first = tasks.endings();
    tasks.spawn("a", body(async {})).unwrap().await.unwrap();
    let mut second = tasks.endings();
    tasks.spawn("b", body(async {})).unwrap().await.unwrap();
    let names = |endings: &mut task_registry::Endings<H::Mode>| {
        let mut names = Vec::new();
        while let Some(end) = endings.try_next_ended() {
            names.push(end.expect("nothing was missed").name().unwrap().to_owned());
        }
        names
    };
    assert_eq!(names(&mut first), ["a", "b"]);
    assert_eq!(names(&mut second), ["b"], "a reader begins where it was made");
}

pub(crate) async fn law_02_a_waiting_reader_is_woken_by_an_end<H: Harness>(tasks: Reg<H>) {
    let mut endings = tasks.endings();
    let (stuck, task) = by_hand(&tasks, "a", std::future::pending::<()>());
    let (waker, wakes) = counting_waker();
    let mut next = pin!(endings.next_ended());
    assert_pending(poll_with(&mut next, &waker).map(|_| ()));
    assert_eq!(wakes.get(), 0);
    drop(stuck);
    assert_eq!(wakes.get(), 1);
    let end = assert_ready(poll_with(&mut next, &waker)).unwrap().unwrap();
    assert_eq!((end.id(), end.outcome()), (task.id(), &Outcome::Abandoned));
}

pub(crate) async fn law_15_a_reader_that_lags_is_told_how_much_it_missed<H: Harness>(
    tasks: Reg<H>,
) {
    const MANY: u64 = 3000;
    let tasks = another(&tasks, Options::new().retain(Retain::Newest(4)));
    let mut endings = tasks.endings();
    for number in 0..MANY {
        tasks.spawn(number, body(async {})).unwrap().await.unwrap();
    }
    let (mut missed, mut seen) = (0, Vec::new());
    while let Some(next) = endings.try_next_ended() {
        match next {
            Err(Lagged(count)) => {
                assert!(seen.is_empty(), "it is told before it goes on");
                missed += count;
            }
            Ok(end) => seen.push(end.name().unwrap().to_owned()),
        }
    }
    assert_eq!(missed + seen.len() as u64, MANY, "each end is read or counted as missed");
    let last: Vec<_> = (missed..MANY).map(|number| number.to_string()).collect();
    assert_eq!(seen, last, "the newest ones are read, in order");
    assert!(missed > 0 && !seen.is_empty());
}

pub(crate) async fn law_12_endings_are_over_when_a_closed_registry_is_idle_and_drained<
    H: Harness,
>(
    tasks: Reg<H>,
) {
    let mut endings = tasks.endings();
    let (stuck, _task) = by_hand(&tasks, "a", std::future::pending::<()>());
    let shutdown = tasks.shutdown(std::future::pending::<()>());
    {
        let mut next = pin!(endings.next_ended());
        let (waker, wakes) = counting_waker();
        assert_pending(poll_with(&mut next, &waker).map(|_| ()));
        drop(stuck);
        assert!(wakes.get() >= 1);
        assert!(
            assert_ready(poll_with(&mut next, &waker)).unwrap().unwrap().outcome().is_cancelled()
        );
    }
    assert!(endings.next_ended().await.is_none());
    assert!(endings.next_ended().await.is_none());
    shutdown.await;
    // A reader that waits when the registry is closed is woken by that.
    let idle = another(&tasks, Options::new());
    let mut endings = idle.endings();
    let mut next = pin!(endings.next_ended());
    let (waker, wakes) = counting_waker();
    assert_pending(poll_with(&mut next, &waker).map(|_| ()));
    drop(idle.shutdown(std::future::ready(())));
    assert!(wakes.get() >= 1);
    assert!(assert_ready(poll_with(&mut next, &waker)).is_none());
}

pub(crate) async fn law_02_wait_idle_waits_for_the_last_one<H: Harness>(tasks: Reg<H>) {
    assert_ready(poll_once(&mut pin!(tasks.wait_idle())));
    let (a, a_task) = by_hand(&tasks, "a", std::future::pending::<()>());
    let (b, b_task) = by_hand(&tasks, "b", std::future::pending::<()>());
    let (waker, wakes) = counting_waker();
    let mut idle = pin!(tasks.wait_idle());
    assert_pending(poll_with(&mut idle, &waker));
    drop(a);
    assert_pending(poll_with(&mut idle, &waker));
    drop(b);
    assert!(wakes.get() >= 1);
    assert_ready(poll_with(&mut idle, &waker));
    assert!(a_task.is_ended() && b_task.is_ended());
    let held = hold(&tasks, "c").await;
    held.finish.open();
    tasks.wait_idle().await;
    assert!(held.dropped.is_set() && held.task.is_ended());
    // A reserved name is not idle.
    let ticket = tasks.reserve("d").unwrap();
    let (waker, wakes) = counting_waker();
    let mut idle = pin!(tasks.wait_idle());
    assert_pending(poll_with(&mut idle, &waker));
    drop(ticket);
    assert!(wakes.get() >= 1);
    assert_ready(poll_with(&mut idle, &waker));
}

pub(crate) async fn law_06_wait_for_returns_the_task_of_a_name_when_it_appears<H: Harness>(
    tasks: Reg<H>,
) {
    let (waker, wakes) = counting_waker();
    let mut appears = pin!(tasks.wait_for("late"));
    assert_pending(poll_with(&mut appears, &waker).map(|_| ()));
    let other = hold(&tasks, "other").await;
    assert_pending(poll_with(&mut appears, &waker).map(|_| ()));
    let held = hold(&tasks, "late").await;
    assert!(wakes.get() >= 1);
    let found = assert_ready(poll_with(&mut appears, &waker));
    assert_eq!(found.id(), held.task.id());
    assert_eq!(tasks.wait_for("late").await.id(), held.task.id(), "at once where it lives already");
    held.finish.open();
    held.task.wait().await;
    other.finish.open();
    // Two may wait for one name, and one may lose interest.
    let mut first = Box::pin(tasks.wait_for("twice"));
    let mut second = Box::pin(tasks.wait_for("twice"));
    let mut third = Box::pin(tasks.wait_for("twice"));
    assert_pending(poll_once(&mut first.as_mut()).map(|_| ()));
    assert_pending(poll_once(&mut second.as_mut()).map(|_| ()));
    assert_pending(poll_once(&mut third.as_mut()).map(|_| ()));
    drop(second);
    let held = hold(&tasks, "twice").await;
    assert_eq!(first.await.id(), held.task.id());
    assert_eq!(third.await.id(), held.task.id());
}

pub(crate) async fn law_16_counts_follow_each_step_of_a_life<H: Harness>(tasks: Reg<H>) {
    assert_eq!(counts(&tasks), [0, 0, 0, 0]);
    let ticket = tasks.reserve("a").unwrap();
    assert_eq!(counts(&tasks), [1, 0, 0, 0]);
    let (future, task) = ticket.track(body(std::future::pending::<()>())).unwrap();
    let mut future = Box::pin(future);
    assert_eq!((counts(&tasks), task.state()), ([1, 0, 0, 0], State::Queued));
    assert_pending(poll_once(&mut future.as_mut()));
    assert_eq!((counts(&tasks), task.state()), ([0, 1, 0, 0], State::Running));
    assert_eq!((tasks.len(), tasks.live(), tasks.records()), (1, 1, 0));
    drop(task.cancel());
    assert_eq!((counts(&tasks), task.state()), ([0, 0, 1, 0], State::Stopping));
    drop(task.cancel());
    assert_eq!(counts(&tasks), [0, 0, 1, 0], "a second request changes nothing");
    assert_ready(poll_once(&mut future.as_mut()));
    assert_eq!((counts(&tasks), task.state()), ([0, 0, 0, 1], State::Ended));
    assert_eq!((tasks.len(), tasks.live(), tasks.records()), (1, 0, 1));
    drop(future);
    assert_eq!(counts(&tasks), [0, 0, 0, 1]);
    tasks.purge();
    assert_eq!(counts(&tasks), [0, 0, 0, 0]);
    assert!(tasks.is_empty());
    // Straight from queued to the end, in each way.
    let (future, _task) = by_hand(&tasks, "b", std::future::pending::<()>());
    drop(future);
    assert_eq!(counts(&tasks), [0, 0, 0, 1]);
    let (future, _task) = by_hand(&tasks, "c", async {});
    future.await;
    assert_eq!(counts(&tasks), [0, 0, 0, 2]);
    let ticket = tasks.reserve("d").unwrap();
    tasks.cancel("d").unwrap().await;
    drop(ticket);
    assert_eq!(counts(&tasks), [0, 0, 0, 3]);
}

pub(crate) async fn law_16_a_snapshot_is_a_copy_that_locks_nothing<H: Harness>(tasks: Reg<H>) {
    let held = hold(&tasks, "a").await;
    let list = tasks.snapshot();
    tasks.cancel_all().await;
    tasks.purge();
    assert_eq!(list.len(), 1);
    assert_eq!(
        (list[0].name(), list[0].id(), list[0].state()),
        (Some("a"), held.task.id(), State::Running)
    );
    assert!(list[0].outcome().is_none());
    assert!(list[0].times().is_none(), "no clock was given, so none was read");
    assert!(tasks.snapshot().is_empty());
    assert_eq!(list.into_iter().count(), 1);
}

pub(crate) async fn law_16_a_clock_is_read_where_one_was_given<H: Harness>(tasks: Reg<H>) {
    // A clock that counts how often it was read: one step later each time.
    fn clock() -> std::time::Duration {
        use std::sync::atomic::{AtomicU64, Ordering};
        static READ: AtomicU64 = AtomicU64::new(1);
        std::time::Duration::from_secs(READ.fetch_add(1, Ordering::SeqCst))
    }
    let tasks = another(&tasks, Options::new().clock(clock));
    let (mut future, task) = by_hand(&tasks, "a", yield_now());
    let times = task.info().times().expect("there is a clock");
    assert!(times.started.is_none() && times.ended.is_none());
    assert_pending(poll_once(&mut future.as_mut()));
    let started = task.info().times().unwrap().started.expect("it started");
    assert!(started > times.spawned);
    assert_ready(poll_once(&mut future.as_mut()));
    let last = task.info().times().unwrap();
    assert_eq!((last.spawned, last.started), (times.spawned, Some(started)));
    assert!(last.ended.expect("it ended") > started);
    assert!(tasks.snapshot()[0].times().is_some());
    let real = another(&tasks, Options::new().clock(monotonic));
    let done = real.spawn("b", body(async {})).unwrap();
    done.wait().await;
    let times = done.info().times().unwrap();
    assert!(times.spawned <= times.started.unwrap() && times.started <= times.ended);
}

pub(crate) async fn law_02_endings_are_a_stream_as_well<H: Harness>(tasks: Reg<H>) {
    use futures_util::StreamExt as _;
    let endings = tasks.endings();
    for name in ["a", "b", "c"] {
        tasks.spawn(name, body(async {})).unwrap().await.unwrap();
    }
    assert!(tasks.shutdown(std::future::pending::<()>()).await.is_clean());
    let names = endings.map(|end| end.unwrap().name().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names.await, ["a", "b", "c"]);
}
