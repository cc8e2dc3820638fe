//! Tests of what only the inside can see: how many slots an operation touches, how memory is reused and given back.

mod ids;
mod kept;

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::cell::Cell;
use core::future::{Future, pending, ready};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use crate::mode::{Unsync, Word};
use crate::slot::{self, Slot};
use crate::table::{Payload, Policy};
use crate::text::Key;
use crate::{
    Options, Outcome, Retain, Scope, SpawnError, State, TaskHandle, Tasks, Text, Ticket, Tracked,
};

std::thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Counts that a slot was looked at.
pub(crate) fn step() {
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// As many as that; fewer under Miri, which takes a thousand times as long and looks for something else.
fn unless_miri(many: u64, few: u64) -> u64 {
    if cfg!(miri) { few } else { many }
}

/// How many slots were looked at during `operation`.
fn steps<R>(operation: impl FnOnce() -> R) -> (u64, R) {
    let before = STEPS.with(Cell::get);
    let result = operation();
    (STEPS.with(Cell::get) - before, result)
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

type Pending =
    (Pin<alloc::boxed::Box<Tracked<core::future::Pending<()>, Unsync>>>, TaskHandle<(), Unsync>);

fn pending_task(tasks: &Tasks<Unsync>, name: impl Into<Text>) -> Pending {
    let (tracked, handle) = tasks.reserve(name).unwrap().track(pending()).unwrap();
    let mut tracked = alloc::boxed::Box::pin(tracked);
    assert!(poll_once(&mut tracked).is_pending());
    (tracked, handle)
}

fn ended_task(tasks: &Tasks<Unsync>, name: impl Into<Text>) {
    let (tracked, handle) = tasks.reserve(name).unwrap().track(ready(())).unwrap();
    assert!(poll_once(&mut pin!(tracked)).is_ready());
    assert_eq!(handle.outcome(), Some(Outcome::Completed));
}

/// A task whose output is kept for whoever asks for it by name.
fn kept_task<F: Future<Output: 'static>>(
    tasks: &Tasks<Unsync>,
    name: &'static str,
    future: F,
) -> (Pin<alloc::boxed::Box<Tracked<F, Unsync>>>, crate::TaskRef<Unsync>) {
    let flags = slot::RESERVED | slot::HANDLE | slot::KEEP;
    let (slot, handle) = tasks.admit(name.into(), Policy::Fail, flags).unwrap();
    let (tracked, handle) = Ticket::new(slot, handle).track(future).unwrap();
    (alloc::boxed::Box::pin(tracked), handle.task().clone())
}

/// Slots looked at to cancel one of `n` named pending tasks by its name and await its end, for each of them.
fn steps_per_cancel(n: u64) -> f64 {
    let tasks = Tasks::<Unsync>::new(Options::new());
    let mut all: Vec<Pending> =
        (0..n).map(|i| pending_task(&tasks, format_args!("receiver:{i}"))).collect();
    let (steps, ()) = steps(|| {
        for (i, (tracked, handle)) in all.iter_mut().enumerate() {
            let mut end = pin!(tasks.cancel(&format!("receiver:{i}")).unwrap());
            assert!(poll_once(&mut end).is_pending());
            assert!(poll_once(tracked).is_ready());
            assert_eq!(poll_once(&mut end), Poll::Ready(Outcome::Cancelled { reason: None }));
            assert!(poll_once(handle).is_ready());
        }
    });
    steps as f64 / n as f64
}

#[test]
fn cancelling_and_awaiting_100_000_named_tasks_looks_at_as_few_slots_each_as_cancelling_10_000() {
    let (few, many) =
        (steps_per_cancel(unless_miri(10_000, 100)), steps_per_cancel(unless_miri(100_000, 1_000)));
    assert!(many < 16.0, "{many} slots looked at per cancel");
    assert!(many < few * 1.25, "{few} slots per cancel at 10,000 tasks, {many} at 100,000");
}

#[test]
fn purging_10_records_among_a_million_live_tasks_looks_at_a_few_slots_for_each_of_the_10() {
    let cost = |live: u64| {
        let tasks = Tasks::<Unsync>::new(Options::new());
        let held: Vec<_> =
            (0..live).map(|i| tasks.reserve(format_args!("live:{i}")).unwrap()).collect();
        (0..10).for_each(|i| ended_task(&tasks, format_args!("ended:{i}")));
        let (steps, purged) = steps(|| tasks.purge());
        assert_eq!((purged, tasks.live(), tasks.records()), (10, held.len(), 0));
        steps
    };
    let (few, many) = (cost(10), cost(unless_miri(1_000_000, 1_000)));
    assert!(many <= few + 10, "{few} slots looked at among 10, {many} among 1,000,000");
}

#[test]
fn cancelling_and_awaiting_a_scope_looks_at_slots_of_its_own_tasks_only() {
    let cost = |own: u64, others: u64| {
        let tasks = Tasks::<Unsync>::new(Options::new());
        let (scope, beside) = (tasks.child("ws:1"), tasks.child("ws:2"));
        let within = |scope: &Scope<Unsync>, i: u64| {
            let ticket = tasks.reserve(format_args!("{}/{i}", scope.path())).unwrap();
            scope.enter(&ticket.task().0).unwrap();
            ticket
        };
        let _others: Vec<_> = (0..others).map(|i| within(&beside, i)).collect();
        let mut members: Vec<_> = (0..own)
            .map(|i| {
                let (tracked, _) = within(&scope, i).track(pending::<()>()).unwrap();
                alloc::boxed::Box::pin(tracked)
            })
            .collect();
        let (steps, ()) = steps(|| {
            assert_eq!((scope.live(), scope.tasks().len()), (own as usize, own as usize));
            let (mut end, mut idle) = (pin!(scope.cancel()), pin!(scope.wait_idle()));
            assert!(poll_once(&mut end).is_pending() && poll_once(&mut idle).is_pending());
            assert!(members.iter_mut().all(|member| poll_once(member).is_ready()));
            assert!(poll_once(&mut end).is_ready() && poll_once(&mut idle).is_ready());
        });
        assert_eq!((scope.live(), beside.live()), (0, others as usize));
        steps
    };
    let (few, many) = (cost(10, 0), cost(10, unless_miri(100_000, 500)));
    assert_eq!(few, many, "slots looked at beside no other task, and beside 100,000");
    let (one, ten) = (cost(unless_miri(100, 20), 100), cost(unless_miri(1_000, 200), 100));
    assert!(ten < one * 11, "{one} slots looked at for 100 tasks, {ten} for 1,000");
}

#[test]
fn counts_and_lookups_look_at_a_fixed_number_of_slots() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    let _held: Vec<_> = (0..unless_miri(10_000, 500))
        .map(|i| tasks.reserve(format_args!("live:{i}")).unwrap())
        .collect();
    assert_eq!(steps(|| (tasks.len(), tasks.live(), tasks.counts())).0, 0);
    assert!(steps(|| tasks.get("live:77").unwrap().state()).0 < 8);
}

#[test]
fn two_names_of_the_same_hash_are_two_names() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    // Of hashes of 32 bits two are the same among a hundred thousand or so. Some of the names are short, some are not.
    let name = |n: u64| match n % 2 {
        0 => format!("{n}"),
        _ => format!("a name of more than 23 bytes {n}"),
    };
    let mut hashes = BTreeMap::new();
    let twins: Vec<_> = (0..)
        .filter_map(|n| Some([name(hashes.insert(tasks.0.hash(&Key::new(&name(n))), n)?), name(n)]))
        .take(unless_miri(3, 0) as usize)
        .collect();
    for [one, other] in &twins {
        let first = tasks.reserve(one.clone()).unwrap();
        assert!(tasks.state(other).is_none() && tasks.get(other).is_none());
        assert!(tasks.cancel(other).is_none() && tasks.get_live(other).is_none());
        let second = tasks.reserve(other.clone()).unwrap();
        assert!(tasks.reserve(one.clone()).is_err() && tasks.reserve(other.clone()).is_err());
        assert_eq!(tasks.get(one).map(|task| task.id()), Some(first.id()));
        assert_eq!(tasks.get(other).map(|task| task.id()), Some(second.id()));
        drop(tasks.cancel(other).unwrap());
        assert_eq!(tasks.state(one), Some(State::Queued));
        drop(first);
        assert_eq!(tasks.get(other).map(|task| task.id()), Some(second.id()));
        assert!(tasks.get_live(one).is_none());
        drop(second);
        ended_task(&tasks, one.clone());
        let third = tasks.reserve(other.clone()).unwrap();
        assert_eq!(tasks.state(one), Some(State::Ended), "the record keeps its name");
        drop((third, tasks.purge()));
    }
}

#[test]
fn a_record_yields_its_name_to_a_newcomer_that_finds_room_and_goes_without_it() {
    let tasks = Tasks::<Unsync>::new(Options::new().capacity(1));
    ended_task(&tasks, "a");
    let record = tasks.get("a").unwrap().id();
    let other = tasks.reserve("b").unwrap();
    assert_eq!(tasks.reserve("a").unwrap_err(), SpawnError::Full { capacity: 1 });
    assert_eq!(tasks.get("a").unwrap().id(), record);
    drop(other);
    let (steps, ticket) = steps(|| tasks.reserve("a").unwrap());
    assert!(steps < 10, "{steps}");
    assert_eq!(tasks.get("a").unwrap().id(), ticket.id());
    assert_eq!((tasks.len(), tasks.0.names()), (2, 1));
    assert!(tasks.by_id(record).unwrap().purge());
    assert_eq!(tasks.get("a").unwrap().id(), ticket.id());
    drop(ticket);
    assert_eq!((tasks.len(), tasks.0.names()), (0, 0));
}

#[test]
fn a_slot_is_used_again_with_another_generation() {
    let tasks = Tasks::<Unsync>::new(Options::new().retain(Retain::Nothing));
    let ids: Vec<_> = (0..3).map(|_| tasks.reserve("a").unwrap().id()).collect();
    assert!(ids.windows(2).all(|pair| pair[0].place == pair[1].place));
    assert!(ids.windows(2).all(|pair| pair[0].generation + 1 == pair[1].generation));
    assert!(ids.iter().all(|id| tasks.by_id(*id).is_none()));
}

#[test]
fn a_slot_whose_generation_would_wrap_is_never_used_again() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    let old = tasks.reserve("a").unwrap();
    let id = old.id();
    old.task().0.set_generation(u32::MAX);
    let last = old.id();
    drop(old);
    let new: Vec<_> = (0..100u64).map(|i| tasks.reserve(i).unwrap()).collect();
    assert!(new.iter().all(|ticket| ticket.id().place != id.place));
    assert!(tasks.by_id(last).is_none() && tasks.by_id(id).is_none());
}

#[test]
fn memory_goes_back_after_a_burst_and_ids_of_returned_chunks_stay_stale() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    let many = unless_miri(10_000, 2_000);
    let held: Vec<_> = (0..many).map(|i| tasks.reserve(i).unwrap()).collect();
    let ids: Vec<_> = held.iter().map(|ticket| ticket.id()).collect();
    assert!(tasks.0.chunks() as u64 > many / 33);
    drop(held);
    assert_eq!(tasks.0.chunks(), 32, "what is kept for the next tasks");
    let again: Vec<_> = (0..many).map(|i| tasks.reserve(i).unwrap()).collect();
    assert!(ids.iter().all(|id| tasks.by_id(*id).is_none()));
    assert!(again.iter().all(|ticket| tasks.by_id(ticket.id()).is_some()));
}

#[test]
fn memory_grows_by_as_much_as_there_is_and_by_a_few_chunks_at_most() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    let mut held = Vec::new();
    // A chunk is of 32 tasks.
    for (many, chunks) in [(1, 1), (32, 1), (33, 2), (64, 2), (65, 4), (129, 8), (1_025, 48)] {
        held.extend((held.len()..many).map(|i| tasks.reserve(i as u64).unwrap()));
        assert_eq!(tasks.0.chunks(), chunks, "of {many} tasks");
    }
}

#[test]
fn the_table_goes_with_the_last_registry_although_it_has_records() {
    let alive = Rc::new(());
    let tasks = Tasks::<Unsync>::new(Options::new());
    let (tracked, handle) = tasks.reserve("a").unwrap().track(ready(alive.clone())).unwrap();
    assert!(poll_once(&mut pin!(tracked)).is_ready());
    let task = handle.task().clone();
    drop(tasks);
    assert_eq!(Rc::strong_count(&alive), 2, "the output waits for the handle");
    drop(handle);
    assert_eq!(Rc::strong_count(&alive), 1);
    assert_eq!(task.name(), Some("a"), "a handle keeps its record readable");
    let table = task.0.watch_table();
    drop(task);
    assert!(table.upgrade().is_none(), "nothing is left");
}

#[test]
fn records_go_with_the_last_registry_and_who_ends_later_leaves_none() {
    let (first, second) = (Rc::new(()), Rc::new(()));
    let tasks = Tasks::<Unsync>::new(Options::new());
    // Nobody can ask for the outputs once there is no registry.
    let (mut ended, record) = kept_task(&tasks, "a", ready(first.clone()));
    let (mut lives, other) = kept_task(&tasks, "b", ready(second.clone()));
    assert!(poll_once(&mut ended).is_ready());
    assert_eq!(Rc::strong_count(&first), 2, "it is kept");
    drop(tasks);
    assert_eq!(Rc::strong_count(&first), 1, "nobody can come for it");
    assert_eq!(Rc::strong_count(&second), 2, "dropping a registry stops nothing");
    assert!(poll_once(&mut lives).is_ready());
    assert_eq!(Rc::strong_count(&second), 1);
    drop((ended, lives));
    for task in [record, other] {
        assert_eq!((task.outcome(), task.purge()), (Some(Outcome::Completed), false));
    }
}

#[cfg(feature = "std")]
#[test]
fn a_panic_that_was_kept_goes_to_the_observer_with_the_last_registry() {
    use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
    #[derive(Default)]
    struct Hears(Arc<AtomicBool>);
    impl crate::Observer for Hears {
        fn unclaimed_panic(
            &self,
            _: &crate::TaskInfo,
            panic: alloc::boxed::Box<dyn core::any::Any + Send>,
        ) -> Option<alloc::boxed::Box<dyn core::any::Any + Send>> {
            self.0.store(panic.is::<&str>(), Relaxed);
            None
        }
    }
    let heard = Arc::new(AtomicBool::new(false));
    let tasks = Tasks::<Unsync>::new(Options::new().observer(Hears(heard.clone())));
    let (mut panics, task) = kept_task(&tasks, "a", async { panic!("kept") });
    assert!(poll_once(&mut panics).is_ready());
    assert!(!heard.load(Relaxed), "it is kept for whoever asks for it by name");
    drop(tasks);
    assert!(heard.load(Relaxed));
    assert!(task.outcome().unwrap().is_panicked());
}

#[test]
fn a_name_is_not_restored_to_a_record_that_is_gone() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    let (tracked, handle) = tasks.reserve("a").unwrap().track(ready(())).unwrap();
    assert!(poll_once(&mut pin!(tracked)).is_ready());
    tasks.0.restore_name(&handle.task().0);
    assert_eq!(tasks.0.names(), 1);
    tasks.purge();
    // As if it had been purged while the task that was to follow it came to nothing.
    tasks.0.restore_name(&handle.task().0);
    assert_eq!(tasks.0.names(), 0, "no entry that nobody takes out again");
}

/// A waker that can be counted.
struct Mute;

impl Wake for Mute {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_waker_is_stored_once_and_again_only_when_it_changed() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    let (tracked, _handle) = tasks.reserve("a").unwrap().track(pending::<()>()).unwrap();
    let mut tracked = pin!(tracked);
    let (one, two) = (Arc::new(Mute), Arc::new(Mute));
    for (waker, kept) in [(&one, (2, 1)), (&one, (2, 1)), (&two, (1, 2)), (&one, (2, 1))] {
        let waker = Waker::from(waker.clone());
        assert!(tracked.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        assert_eq!((Arc::strong_count(&one), Arc::strong_count(&two)), kept);
    }
}

#[test]
fn a_handle_that_was_awaited_and_is_dropped_takes_its_waker_along() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    let (_tracked, mut handle) = pending_task(&tasks, "a");
    let one = Arc::new(Mute);
    let waker = Waker::from(one.clone());
    assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    assert_eq!(Arc::strong_count(&one), 2, "the task knows whom to wake");
    drop(handle);
    assert_eq!(Arc::strong_count(&one), 1);
}

#[test]
fn a_payload_gives_back_what_went_in_and_drops_what_is_not_taken() {
    let alive = Rc::new(());
    let small = Payload::new(alive.clone());
    let large = Payload::new(([7u64; 9], alive.clone()));
    assert!(large.is::<([u64; 9], Rc<()>)>());
    let Err(large) = large.take::<u8>() else { panic!("taken as another type") };
    assert_eq!(large.take::<([u64; 9], Rc<()>)>().ok().map(|(sevens, _)| sevens), Some([7; 9]));
    assert_eq!(Rc::strong_count(&alive), 2);
    drop(small);
    assert_eq!(Rc::strong_count(&alive), 1);
    assert!(Payload::new(()).take::<()>().is_ok());
    #[repr(align(64))]
    #[derive(Debug, PartialEq)]
    struct Aligned(u8);
    assert_eq!(Payload::new(Aligned(1)).take().ok(), Some(Aligned(1)));
}

#[test]
fn texts_are_kept_inline_up_to_23_bytes_and_compare_by_content() {
    for len in [0, 1, 22, 23, 24, 25, 1000] {
        let string = "x".repeat(len);
        let text = Text::from(string.clone());
        assert_eq!(text.as_str(), string);
        assert_eq!(text, Text::from(format_args!("{string}")));
        assert_eq!(text, Text::from(alloc::sync::Arc::<str>::from(&*string)));
    }
    let cut = format!("{}é{}", "a".repeat(22), "b");
    assert_eq!(Text::from(format_args!("{}{}", "a".repeat(22), "éb")), Text::from(cut));
    assert_eq!(Text::from(42), "42");
}

#[test]
fn a_text_is_printed_on_one_line_whatever_it_contains() {
    for odd in ["a\nb", "a\0b", "a\r\u{1b}[31m", "\u{202e}abc", "e\u{301}", "\u{2028}", "a\tb"] {
        let shown = Text::from(odd.to_string()).to_string();
        assert!(shown.chars().all(|c| !c.is_control()), "{shown:?}");
        assert!(!shown.contains(['\u{202e}', '\u{2028}']), "{shown:?}");
    }
    let long = Text::from("x".repeat(1 << 20)).to_string();
    assert_eq!(long.chars().count(), 101);
    assert_eq!(format!("[{:>4}]", Text::from("a")), "[   a]");
    let plain: String = Text::from("it's «fine»").to_string();
    assert_eq!(plain, "it's «fine»");
}

#[test]
fn errors_of_a_full_or_closed_registry_leave_no_trace() {
    let tasks = Tasks::<Unsync>::new(Options::new().capacity(1));
    let held = tasks.reserve("a").unwrap();
    for _ in 0..100 {
        assert_eq!(tasks.reserve("b").unwrap_err(), SpawnError::Full { capacity: 1 });
        assert!(matches!(tasks.reserve("a").unwrap_err(), SpawnError::NameTaken { .. }));
    }
    assert_eq!((tasks.len(), tasks.0.chunks()), (1, 1));
    drop(held);
    assert_eq!(tasks.reserve("b").unwrap().task().state(), State::Queued);
    assert_eq!(tasks.len(), 0);
}

#[test]
fn a_slot_stays_small() {
    // What one task costs beside its executor's own; 64-bit only, the mode without locks.
    if size_of::<usize>() == 8 {
        assert!(size_of::<Slot<Unsync>>() <= 128, "{}", size_of::<Slot<Unsync>>());
        #[cfg(not(loom))]
        assert!(size_of::<Slot<crate::mode::Sync>>() <= 128);
    }
    let _ = vec![()];
}

#[test]
fn a_future_that_waits_is_six_words() {
    // It is moved into the future of whoever awaits it, and that one into another. 64-bit only, as above.
    #[cfg(all(not(loom), target_pointer_width = "64"))]
    assert_eq!(size_of::<crate::Cancelling<crate::mode::Sync>>(), 6 * size_of::<usize>());
}

#[test]
fn references_that_were_leaked_by_the_billion_never_come_round_to_nought() {
    let tasks = Tasks::<Unsync>::new(Options::new().retain(Retain::Nothing));
    let ticket = tasks.reserve("a").unwrap();
    let task = ticket.task().clone();
    // As if the others had been leaked.
    task.0.refs.store((1 << 31) - 1);
    let clones: Vec<_> = (0..10).map(|_| task.clone()).collect();
    drop(clones);
    drop(ticket);
    let others: Vec<_> = (0..100u64).map(|i| tasks.reserve(i).unwrap()).collect();
    assert_eq!(task.name(), Some("a"), "the slot is nobody else's");
    assert!(others.iter().all(|other| other.id().place != task.id().place));
    // So that this test leaks nothing: it is the only reference but the record's.
    task.0.refs.store(2);
}

#[test]
fn without_an_observer_a_task_carries_nothing_for_one() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    let (mut tracked, handle) = pending_task(&tasks, "a");
    drop(handle.cancel());
    assert!(poll_once(&mut tracked).is_ready());
    assert!(handle.task().0.with(|body| body.some_extras().is_none()), "nothing was allocated");

    struct Deaf;
    impl crate::Observer for Deaf {}
    let tasks = Tasks::<Unsync>::new(Options::new().observer(Deaf));
    let (tracked, handle) = pending_task(&tasks, "a");
    assert!(handle.task().0.with(|body| body.news().is_some()));
    assert_eq!(handle.task().0.flags() & crate::slot::AROUND, 0, "and polls enter nothing");
    drop(tracked);
    assert_eq!(handle.outcome(), Some(Outcome::Abandoned));
}

#[test]
fn records_that_are_taken_out_of_the_middle_leave_no_room_behind_and_the_others_in_order() {
    let tasks = Tasks::<Unsync>::new(Options::new().retain(Retain::Everything));
    let names = |from: u32, to: u32| (from..to).map(|n| n.to_string()).collect::<Vec<_>>();
    names(0, 500).into_iter().for_each(|name| ended_task(&tasks, name));
    let mut left = names(0, 500);
    let mut random = 1u32;
    while left.len() > 3 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Mostly not the oldest.
        let gone = left.remove((random >> 8) as usize % left.len());
        let record = tasks.get(&gone).unwrap();
        assert!(record.purge() && !record.purge());
        assert_eq!(tasks.records(), left.len());
        let places = tasks.0.ended.places();
        assert!(places <= 2 * left.len() + 2, "{places} places for {} records", left.len());
    }
    names(500, 510).into_iter().for_each(|name| ended_task(&tasks, name));
    left.extend(names(500, 510));
    // The oldest goes first, also after the records were numbered anew.
    let limited = Tasks::<Unsync>::new(Options::new().retain(Retain::Newest(4)));
    names(0, 6).into_iter().for_each(|name| ended_task(&limited, name));
    assert!(limited.get("3").unwrap().purge() && limited.get("4").unwrap().purge());
    names(6, 9).into_iter().for_each(|name| ended_task(&limited, name));
    let known = |name: &String| limited.get(name).is_some();
    assert_eq!(names(0, 9).into_iter().filter(known).collect::<Vec<_>>(), ["5", "6", "7", "8"]);
    assert_eq!(tasks.purge(), left.len());
    assert!(tasks.is_empty() && tasks.0.ended.places() == 0);
}

/// Nodes that are passed where one task is cancelled for whose token `n` wait, behind `n` who wait for its end.
fn passed_per_waiter(n: usize) -> f64 {
    let tasks = Tasks::<Unsync>::new(Options::new());
    let (_tracked, handle) = pending_task(&tasks, "a");
    let mut ends: Vec<_> = (0..n).map(|_| alloc::boxed::Box::pin(handle.wait())).collect();
    let mut tokens: Vec<_> =
        (0..n).map(|_| alloc::boxed::Box::pin(handle.task().cancelled())).collect();
    assert!(ends.iter_mut().all(|end| poll_once(end).is_pending()));
    assert!(tokens.iter_mut().all(|token| poll_once(token).is_pending()));
    let (steps, cancelling) = steps(|| handle.cancel());
    drop(cancelling);
    assert!(tokens.iter_mut().all(|token| poll_once(token).is_ready()));
    steps as f64 / n as f64
}

#[test]
fn to_wake_1_000_who_wait_for_a_token_passes_as_few_others_each_as_to_wake_100() {
    let (few, many) = (passed_per_waiter(100), passed_per_waiter(1_000));
    assert!(many < 4.0, "{many} passed for each");
    assert!(many < few * 1.25, "{few} passed for each of 100, {many} for each of 1,000");
}

#[test]
fn a_record_that_comes_while_others_are_purged_stays_and_can_be_purged_by_itself() {
    struct Ends(Tasks<Unsync>);
    impl Drop for Ends {
        fn drop(&mut self) {
            ended_task(&self.0, "late");
        }
    }
    let tasks = Tasks::<Unsync>::new(Options::new());
    let (mut tracked, _) = kept_task(&tasks, "first", ready(Ends(tasks.clone())));
    assert!(poll_once(&mut tracked).is_ready());
    // More than are taken from the list at once, so that some go after it has come.
    (0..40).for_each(|name: u32| ended_task(&tasks, name.to_string()));
    assert_eq!(tasks.purge(), 41);
    assert!(tasks.get("late").unwrap().purge() && tasks.is_empty());
}

#[test]
fn a_slot_whose_record_was_purged_while_a_handle_lived_is_used_again() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    let (tracked, handle) = tasks.reserve("a").unwrap().track(ready(())).unwrap();
    assert!(poll_once(&mut pin!(tracked)).is_ready());
    let place = handle.id().place;
    assert_eq!(tasks.purge(), 1);
    assert_ne!(tasks.reserve("b").unwrap().id().place, place, "the handle still has it");
    drop(handle);
    assert_eq!(tasks.reserve("c").unwrap().id().place, place);
}

#[cfg(feature = "std")]
#[test]
fn several_threads_let_go_of_the_last_tasks_of_a_table_and_it_goes_with_them() {
    use std::thread;

    struct Mute;
    impl crate::Observer for Mute {}
    for _ in 0..unless_miri(300, 8) {
        let observer = Arc::new(Mute);
        let options = Options::new().observer(observer.clone());
        let tasks = Tasks::<crate::mode::Sync>::new(options);
        // Some of them are in the same shard.
        let last = [0, 1, 2, 3].map(|task| tasks.reserve(task).unwrap().task().clone());
        assert_eq!(tasks.purge(), 0, "they never started, and left no record");
        drop(tasks);
        thread::scope(|threads| {
            for task in last {
                threads.spawn(|| drop(task));
            }
        });
        assert_eq!(Arc::strong_count(&observer), 1);
    }
}
