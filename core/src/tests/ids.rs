//! Law 7 where it is narrow: places that are used more often than half a word counts, or can count at all, and ids of two
//! tables that differ in nothing but the table.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::future::{pending, ready};
use core::pin::pin;

use super::{poll_once, unless_miri};
use crate::mode::{Mode, Sync, Unsync};
use crate::{Options, Outcome, Retain, SpawnError, State, StaticRegistry, TaskId, Tasks};

/// More often than 16 bits count, and then some; under Miri, which takes a thousand times as long, more often than 8 do.
const MANY: u32 = if cfg!(miri) { (1 << 8) + 100 } else { (1 << 16) + 1_000 };

/// Keeps it reachable, so that leak checkers are content.
fn for_ever<T>(value: T) -> &'static T {
    static KEPT: std::sync::Mutex<Vec<usize>> = std::sync::Mutex::new(Vec::new());
    let kept: &'static T = Box::leak(Box::new(value));
    let mut all = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    all.push(std::ptr::from_ref(kept).expose_provenance());
    kept
}

#[test]
fn an_id_stays_stale_through_more_generations_of_its_place_than_16_bits_count() {
    stays_stale::<Unsync>();
}

#[test]
fn an_id_of_a_shared_table_stays_stale_through_more_generations_than_16_bits_count() {
    // One name, and so one shard.
    stays_stale::<Sync>();
}

fn stays_stale<M: Mode>() {
    let tasks = Tasks::<M>::new(Options::new().retain(Retain::Nothing));
    let first = tasks.reserve("a").unwrap().id();
    for again in 1..=MANY {
        let tenant = tasks.reserve("a").unwrap();
        let expected = TaskId { generation: first.generation + again, ..first };
        assert_eq!(tenant.id(), expected, "one place is used again and again");
        assert!(tasks.by_id(first).is_none() && tasks.cancel_id(first).is_none());
        assert_eq!(tasks.by_id(tenant.id()).unwrap(), *tenant.task());
        assert_eq!(tenant.task().state(), State::Queued, "nobody asked it to stop");
    }
    assert_eq!(tasks.0.chunks(), 1);
}

#[test]
fn an_id_of_a_fixed_table_stays_stale_through_more_generations_than_16_bits_count() {
    let tasks = for_ever(StaticRegistry::<Unsync, 1>::new()).tasks();
    let first = tasks.reserve("a").unwrap().id();
    for again in 1..=MANY {
        let tenant = tasks.reserve("a").unwrap();
        let expected = TaskId { generation: first.generation + again, ..first };
        assert_eq!(tenant.id(), expected, "one place is used again and again");
        assert!(tasks.by_id(first).is_none() && tasks.cancel_id(first).is_none());
        assert_eq!(tenant.task().state(), State::Queued, "nobody asked it to stop");
    }
}

#[test]
fn a_task_lives_in_the_last_generation_of_its_place_which_then_retires() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    let ticket = tasks.reserve("last").unwrap();
    let before = ticket.id();
    ticket.task().0.set_generation(u32::MAX);
    let last = ticket.id();
    let (tracked, handle) = ticket.track(ready(7)).unwrap();
    assert_eq!(tasks.by_id(last).unwrap(), *handle.task());
    assert!(tasks.by_id(before).is_none());
    assert!(poll_once(&mut pin!(tracked)).is_ready());
    assert_eq!(tasks.by_id(last).unwrap().outcome(), Some(Outcome::Completed), "it has a record");
    drop(handle);
    assert_eq!(tasks.purge(), 1);
    // Neither at once nor when the memory around it has come and gone.
    for _ in 0..2 {
        let held: Vec<_> =
            (0..unless_miri(10_000, 1_000)).map(|i| tasks.reserve(i).unwrap()).collect();
        assert!(held.iter().all(|ticket| ticket.id().place != last.place));
        assert!(tasks.by_id(last).is_none() && tasks.by_id(before).is_none());
    }
    assert_eq!((tasks.live(), tasks.records()), (0, 0), "it counts for nothing");
}

#[test]
fn a_place_of_a_fixed_table_retires_and_is_no_room_any_more() {
    let tasks = for_ever(StaticRegistry::<Unsync, 2>::new()).tasks();
    let ticket = tasks.reserve("last").unwrap();
    ticket.task().0.set_generation(u32::MAX);
    let last = ticket.id();
    let mut tracked = Box::pin(ticket.track(pending::<()>()).unwrap());
    assert!(poll_once(&mut tracked).is_pending());
    drop(tasks.cancel_id(last).expect("it lives"));
    assert!(poll_once(&mut tracked).is_ready());
    drop(tracked);
    assert!(
        tasks.by_id(last).unwrap().is_ended(),
        "it has a record, that makes no room for another"
    );
    for round in 0..3 {
        let other = tasks.reserve("other").unwrap();
        assert_ne!(other.id().place, last.place);
        assert!(matches!(tasks.reserve("third"), Err(SpawnError::Full { .. })));
        assert_eq!(tasks.by_id(last).is_some(), round == 0);
        tasks.purge();
    }
    assert_eq!(tasks.live(), 0);
}

#[test]
fn an_id_of_another_table_with_the_same_place_and_generation_is_a_stranger() {
    fn strangers(here: TaskId, there: TaskId) -> bool {
        here.registry != there.registry
            && (here.place, here.generation) == (there.place, there.generation)
    }

    let (here, there) =
        (Tasks::<Unsync>::new(Options::new()), Tasks::<Unsync>::new(Options::new()));
    let (mine, yours) = (here.reserve("a").unwrap(), there.reserve("a").unwrap());
    assert!(strangers(mine.id(), yours.id()), "{} and {}", mine.id(), yours.id());
    assert!(here.by_id(yours.id()).is_none() && here.cancel_id(yours.id()).is_none());
    assert_eq!(mine.task().state(), State::Queued);

    // Spread over locks by their names, some places of so many are the same.
    let (here, there) = (Tasks::<Sync>::new(Options::new()), Tasks::<Sync>::new(Options::new()));
    let (mine, yours): (Vec<_>, Vec<_>) =
        (0..1_000u64).map(|i| (here.reserve(i).unwrap(), there.reserve(i).unwrap())).unzip();
    let same = |yours: TaskId| mine.iter().any(|mine| strangers(mine.id(), yours));
    assert!(yours.iter().any(|ticket| same(ticket.id())));
    for ticket in &yours {
        assert!(here.by_id(ticket.id()).is_none() && here.cancel_id(ticket.id()).is_none());
    }
    assert!(mine.iter().all(|ticket| ticket.task().state() == State::Queued));

    let [here, there] = [(); 2].map(|()| for_ever(StaticRegistry::<Unsync, 4>::new()).tasks());
    let (mine, yours) = (here.reserve("a").unwrap(), there.reserve("a").unwrap());
    assert!(strangers(mine.id(), yours.id()), "{} and {}", mine.id(), yours.id());
    assert!(here.by_id(yours.id()).is_none() && here.cancel_id(yours.id()).is_none());
    assert_eq!(mine.task().state(), State::Queued);
}
