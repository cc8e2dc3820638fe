//! The middle level: the growable table, in the mode `Unsync`, with an allocator and without std. On the Cortex-M0 what it
//! counts with is portable-atomic's. Tasks are named at run time, awaited, cancelled, replaced, listed, purged and shut
//! down, again and again, and at the end nothing is left on the heap.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use core::future::{Future, pending};
use core::pin::Pin;

use embedded_alloc::LlffHeap;
use queue::Queue;
use static_cell::StaticCell;
use task_registry_core::conflict::Replace;
use task_registry_core::{Outcome, Refused, Registry, Spawn, Spawner, mode};

#[global_allocator]
static HEAP: LlffHeap = LlffHeap::empty();

type Body = Pin<Box<dyn Future<Output = ()>>>;

static QUEUE: StaticCell<Queue<Body, 4>> = StaticCell::new();

/// The run queue, for futures of any type.
#[derive(Clone, Copy)]
struct OnQueue(&'static Queue<Body, 4>);

impl Spawner for OnQueue {
    type Handle = ();
    type Mode = mode::Unsync;
}

impl<F: Future<Output = ()> + 'static> Spawn<F> for OnQueue {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        // What is refused would have to come back unboxed; there is room for all of this firmware.
        assert!(self.0.spawn(Box::pin(future)).is_ok());
        Ok(())
    }
}

async fn round(queue: OnQueue) {
    let tasks = Registry::new(queue);
    let sum = tasks.spawn("sum", async { 41 + 1 }).expect("it is free");
    assert!(matches!(sum.await, Ok(42)));
    let sensor = tasks.spawn(format_args!("sensor:{}", 7), pending::<()>()).expect("it is free");
    assert!(tasks.try_spawn("sensor:7", async {}).is_err(), "a live name is an error");
    let newcomer =
        tasks.task("sensor:7").on_conflict(Replace).spawn(pending::<()>()).expect("there is room");
    assert!(matches!(sensor.wait().await, Outcome::Cancelled { .. }));
    assert!(tasks.snapshot().into_iter().count() == 3);
    let end = tasks.cancel("sensor:7").expect("it lives");
    assert!(matches!(end.await, Outcome::Cancelled { .. }));
    drop(newcomer);
    assert!(tasks.purge() > 0 && tasks.get("sensor:7").is_none());
    let _last = tasks.spawn("last", pending::<()>()).expect("it is free");
    assert!(tasks.shutdown(pending::<()>()).await.is_clean());
}

#[chip::entry]
fn main() -> ! {
    const SIZE: usize = 8 * 1024;
    static mut MEMORY: [u8; SIZE] = [0; SIZE];
    // SAFETY: once, and nobody else knows of this memory.
    unsafe { HEAP.init(&raw mut MEMORY as usize, SIZE) };
    let queue = OnQueue(QUEUE.init(Queue::new()));
    let rounds = async {
        for _ in 0..3 {
            round(queue).await;
        }
    };
    let idle = || panic!("nothing is left that could wake it");
    let ended = queue.0.drive(rounds, idle).is_some();
    chip::exit(ended && HEAP.used() == 0)
}
