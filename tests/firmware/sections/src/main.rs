//! What each operation's longest critical section is, in registries of 4, 16 and 64 slots, where it is worst: all slots are
//! taken, names differ in their last letter, and what is looked for is last.
#![no_std]
#![no_main]

use core::future::{Future, Pending, Ready, pending, ready};
use core::pin::{Pin, pin};
use core::task::{Context, Waker};

use sections::Scale;
use task_registry_core::mode::{Fixed, Interrupt};
use task_registry_core::{StaticRegistry, StaticTask, StaticTasks, StaticTicket, Tracked};

const NAME: usize = 12;

static NAMES: [[u8; NAME]; 64] = {
    let mut names = [*b"sensor of 00"; 64];
    let mut number = 0;
    while number < 64 {
        names[number][NAME - 2] += number as u8 / 10;
        names[number][NAME - 1] += number as u8 % 10;
        number += 1;
    }
    names
};

fn name(number: usize) -> &'static str {
    core::str::from_utf8(&NAMES[number]).expect("it is ASCII")
}

type Tasks = StaticTasks<Interrupt>;
type Run<F> = Tracked<F, Fixed<Interrupt>>;

fn track<F: Future<Output = ()>>(ticket: StaticTicket<Interrupt>, future: F) -> Run<F> {
    ticket.track(future).ok().expect("nobody cancelled it")
}

fn poll<F: Future>(future: Pin<&mut F>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// Fills all slots but `free`, and has the tasks begin.
fn fill<const N: usize>(tasks: Tasks, free: usize) -> [Option<Run<Pending<()>>>; N] {
    core::array::from_fn(|number| {
        (number + free < N).then(|| {
            let ticket = tasks.reserve(name(number)).ok().expect("there is room");
            let mut run = track(ticket, pending());
            assert!(!poll(Pin::new(&mut run)));
            run
        })
    })
}

/// The task in the last place, alive.
fn last<const N: usize>(tasks: Tasks) -> StaticTask<Interrupt> {
    tasks.get(name(N - 1)).expect("it lives")
}

/// Fills all slots with records of one name: a task that was started again and again.
fn records(tasks: Tasks) {
    tasks.purge();
    for _ in 0..tasks.capacity() {
        end(track(tasks.reserve(name(0)).ok().expect("there is room"), ready(())));
    }
}

struct Report {
    scale: Scale,
    slots: u32,
}

impl Report {
    /// Measures it and says so.
    fn of(&self, what: &str, operation: impl FnOnce()) {
        let longest = self.scale.longest(operation);
        let (slots, longest) = (chip::Digits::of(self.slots), chip::Digits::of(longest));
        chip::print(&["section: ", slots.as_str(), " ", longest.as_str(), " ", what]);
    }
}

/// A frame of its own for each operation: the smaller chip has no stack for all of them.
#[inline(never)]
fn outside(operation: impl FnOnce()) {
    operation();
}

/// Each operation finds the registry full, but for `$free` slots, and leaves it to the next; that of a shutdown is the last.
macro_rules! operations {
    ($report:ident, $slots:literal: $($what:literal, $free:literal, |$tasks:ident, $runs:ident| $body:expr;)*) => {
        static REGISTRY: StaticRegistry<Interrupt, $slots> = StaticRegistry::new();
        $(outside(|| {
            let $tasks = REGISTRY.tasks();
            $tasks.purge();
            #[allow(unused_mut, unused_variables, reason = "some need them")]
            let mut $runs = fill::<$slots>($tasks, $free);
            let operation = $body;
            $report.of($what, operation);
        });)*
    };
}

macro_rules! measure {
    ($scale:ident, $($slots:literal)*) => {$({
        let report = Report { scale: $scale, slots: $slots };
        operations! { report, $slots:
            "reserve, the last free place", 1, |tasks, runs| || {
                assert!(tasks.reserve(name($slots - 1)).is_ok());
            };
            "reserve_replacing, the last name", 1, |tasks, runs| {
                let first = track(tasks.reserve_unnamed().ok().expect("there is room"), ready(()));
                end(first);
                || assert!(tasks.reserve_replacing(name($slots - 2)).is_ok())
            };
            "get, no such name", 0, |tasks, runs| || assert!(tasks.get("sensor of 99").is_none());
            "get, the last name", 0, |tasks, runs| || assert!(tasks.get(name($slots - 1)).is_some());
            "get, that many records of the name", 0, |tasks, runs| {
                drop(runs);
                records(tasks);
                || assert!(tasks.get(name(0)).is_some())
            };
            "reserve, that many records of the name", 0, |tasks, runs| {
                drop(runs);
                records(tasks);
                || assert!(tasks.reserve(name(0)).is_ok())
            };
            "get, that many records of the name, which is spelt anew", 0, |tasks, runs| {
                drop(runs);
                records(tasks);
                let spelt = NAMES[0];
                move || {
                    let name = core::str::from_utf8(&spelt).expect("it is ASCII");
                    assert!(tasks.get(name).is_some());
                }
            };
            "by_id", 0, |tasks, runs| {
                let id = last::<$slots>(tasks).id();
                move || assert!(tasks.by_id(id).is_some())
            };
            "cancel by name", 0, |tasks, runs| || assert!(tasks.cancel(name($slots - 1)).is_some());
            "cancel by id", 0, |tasks, runs| {
                let id = last::<$slots>(tasks).id();
                move || assert!(tasks.cancel_id(id).is_some())
            };
            "cancel by handle", 0, |tasks, runs| {
                let task = last::<$slots>(tasks);
                move || drop(task.cancel())
            };
            "a poll that stops a task", 0, |tasks, runs| {
                drop(last::<$slots>(tasks).cancel());
                || assert!(poll(Pin::new(runs[$slots - 1].as_mut().expect("it runs"))))
            };
            "a poll that ends the last task, while somebody waits for that", 0, |tasks, runs| {
                runs[..$slots - 1].fill_with(|| None);
                drop(last::<$slots>(tasks).cancel());
                || {
                    let mut idle = pin!(tasks.wait_idle());
                    assert!(!poll(idle.as_mut()));
                    assert!(poll(Pin::new(runs[$slots - 1].as_mut().expect("it runs"))));
                }
            };
            "a poll that ends a task which another replaces", 1, |tasks, runs| {
                let ticket = tasks.reserve_replacing(name($slots - 2)).ok().expect("there is room");
                || {
                    assert!(poll(Pin::new(runs[$slots - 2].as_mut().expect("it runs"))));
                    drop(ticket);
                }
            };
            "a list", 0, |tasks, runs| || assert!(tasks.iter().count() == $slots);
            "purge", 0, |tasks, runs| {
                drop(runs);
                || assert!(tasks.purge() == $slots)
            };
            "shutdown", 0, |tasks, runs| || {
                let mut shutdown = pin!(tasks.shutdown(pending::<()>()));
                assert!(!poll(shutdown.as_mut()));
            };
        }
    })*};
}

fn end(mut run: Run<Ready<()>>) {
    assert!(poll(Pin::new(&mut run)));
}

#[chip::entry]
fn main() -> ! {
    let scale = Scale::new();
    measure!(scale, 4 16 64);
    chip::exit(true)
}
