//! All that a fixed table offers, so that its symbols and calls can be looked at. Not measured.
#![no_std]
#![no_main]

use core::future::Future;
use core::hint::black_box;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use cortex_m::asm;
use footprint::mode::{Fixed, Interrupt};
use footprint::{Queue, Sensor, StaticRegistry, Tracked, Turns, chip};
use task_registry_core::{Cancel, Refusal, Refused, ResultCell, Spawn, Spawner, StaticTasks};

static REGISTRY: StaticRegistry<Interrupt, 8> = StaticRegistry::new();
static QUEUE: Queue<Tracked<Sensor, Fixed<Interrupt>>, 4> = Queue::new();
static CELL: ResultCell<Interrupt, u32> = ResultCell::new();

struct OnQueue;

impl Spawner for OnQueue {
    type Handle = ();
    type Mode = footprint::mode::Unsync;
}

impl Spawn<Tracked<Sensor, Fixed<Interrupt>>> for OnQueue {
    fn spawn(
        &self,
        future: Tracked<Sensor, Fixed<Interrupt>>,
    ) -> Result<(), Refused<Tracked<Sensor, Fixed<Interrupt>>>> {
        QUEUE.spawn(future).map_err(|future| Refused::new(future, Refusal::Full))
    }
}

/// What comes from outside: any name, any id.
fn find(tasks: StaticTasks<Interrupt>, name: &'static str) -> usize {
    let mut seen = 0;
    for task in tasks {
        seen += usize::from(task.name() == Some(name)) + usize::from(task.state() as u8 == 1);
        seen += usize::from(tasks.by_id(black_box(task.id())).is_some_and(|same| same.is_ended()));
        seen += usize::from(task.outcome().is_some_and(|outcome| outcome.code() == 7));
    }
    let counts = tasks.counts();
    seen += counts.queued
        + counts.running
        + counts.stopping
        + counts.ended
        + tasks.len()
        + tasks.live();
    seen + usize::from(tasks.get(name).is_some() || tasks.get_live(name).is_some())
}

fn spawn(tasks: StaticTasks<Interrupt>, name: &'static str) {
    if let Ok(ticket) = tasks.reserve(name) {
        let _ = ticket.spawn_on(&OnQueue, Sensor::new()).map_err(|error| error.into_parts());
    }
    if let Ok(Ok(tracked)) = tasks.reserve_unnamed().map(|ticket| ticket.track_with(Sensor::new)) {
        let _ = QUEUE.spawn(tracked);
    }
    if let Ok(Ok(tracked)) = tasks.reserve_detaching(name).map(|ticket| ticket.track(Sensor::new()))
    {
        let _ = QUEUE.spawn(tracked);
    }
    let _unused = tasks.reserve_replacing(name);
}

fn cancel(tasks: StaticTasks<Interrupt>, name: &'static str) {
    let Some(task) = tasks.get(name) else { return };
    if let Some(end) = tasks.cancel_with(name, Cancel::code(7).grace(Turns(3))) {
        let _ = QUEUE.drive(end, asm::nop);
    }
    drop(tasks.cancel_id(black_box(task.id())));
    drop(task.clone().drop_guard());
    let _ = QUEUE.drive(task.drop_guard().stop(), asm::nop);
    let _ = QUEUE.drive(task.cancelled(), asm::nop);
    let _ = QUEUE.drive(task.wait(), asm::nop);
    drop(tasks.cancel(name));
}

/// Ready at once, as often as one likes.
struct Number;

impl Future for Number {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
        Poll::Ready(black_box(7))
    }
}

/// What runs in place.
fn run(tasks: StaticTasks<Interrupt>, name: &'static str) -> bool {
    if let Ok(Ok(run)) = tasks.reserve(name).map(|ticket| ticket.run_into(&CELL, Number)) {
        let _ = QUEUE.drive(run, asm::nop);
    }
    if let Ok(Ok(run)) = tasks.reserve(name).map(|ticket| ticket.run_with(|| Number)) {
        let _ = QUEUE.drive(run, asm::nop);
    }
    if let Ok(Ok(run)) = tasks.reserve(name).map(|ticket| ticket.track_into(&CELL, Number)) {
        let _ = QUEUE.drive(run, asm::nop);
    }
    let mut place = pin!(Some(Number));
    if let Ok(Ok(run)) = tasks.reserve(name).map(|ticket| ticket.run_in(place.as_mut())) {
        let _ = QUEUE.drive(run, asm::nop);
    }
    let mut place = pin!(Some(Sensor::new()));
    if let Ok(lost) = tasks.reserve(name).map(|ticket| ticket.track_in(place.as_mut())) {
        drop(lost);
    }
    CELL.take() == Some(7)
}

#[chip::entry]
fn main() -> ! {
    let (tasks, name) = (REGISTRY.tasks(), black_box("sensor"));
    let mut well = tasks.is_empty() && !tasks.is_closed() && tasks.capacity() == 8;
    spawn(tasks, name);
    let _ = QUEUE.drive(Turns(5), asm::nop);
    well &= find(tasks, name) > 3;
    cancel(tasks, name);
    well &= run(tasks, name);
    tasks.cancel_all();
    let _ = QUEUE.drive(tasks.wait_idle(), asm::nop);
    well &= tasks.purge() > 0;
    let report = QUEUE.drive(tasks.shutdown(Turns(9)), asm::nop);
    well &=
        report.is_some_and(|report| report.is_clean() && report.remaining_tasks().next().is_none());
    chip::exit(well)
}
