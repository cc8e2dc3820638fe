//! The same firmware with and without a registry: two sensors on a run queue, and a main task that lets them take a few
//! turns. With a registry it then does with them what registries are for, or a part of that. `table` measures.
#![no_std]

use core::future::Future;
use core::hint::black_box;
use core::pin::Pin;
use core::task::{Context, Poll};

use cortex_m::asm;
use task_registry_core::StaticTasks;
use task_registry_core::mode::Interrupt;

pub use chip;
pub use queue::Queue;
pub use task_registry_core::mode::{self, Fixed};
pub use task_registry_core::{StaticRegistry, Tracked};

/// What the main task does besides reserving tickets and running sensors under them.
pub const GET: u8 = 1;
pub const CANCEL: u8 = 2;
pub const PURGE: u8 = 4;
pub const LIST: u8 = 8;
pub const REPLACE: u8 = 16;
pub const SHUTDOWN: u8 = 32;
pub const USUAL: u8 = GET | CANCEL | PURGE | LIST;

/// Takes turns without end.
pub struct Sensor {
    readings: u32,
}

impl Sensor {
    #[expect(clippy::new_without_default, reason = "there is no default sensor")]
    pub fn new() -> Self {
        Self { readings: 0 }
    }
}

impl Future for Sensor {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.readings = black_box(self.readings.wrapping_add(1));
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Another type of future: it ends.
pub struct Other {
    turns: u32,
}

impl Other {
    #[expect(clippy::new_without_default, reason = "there is no default")]
    pub fn new() -> Self {
        Self { turns: black_box(2) }
    }
}

impl Future for Other {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.turns = self.turns.saturating_sub(1);
        if self.turns == 0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Lets those take a few turns.
pub fn others<F: Future<Output = ()>>(queue: &'static Queue<F, 1>) -> bool {
    queue.drive(Turns(5), asm::nop).is_some()
}

/// Lets the sensors take a few turns. No `async` here, which brings a panic of its own for being polled once more.
pub struct Turns(pub u32);

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0 = self.0.saturating_sub(1);
        if self.0 == 0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What both kinds of firmware have, though only one would need it here: moving and comparing bytes, which is hardly ever
/// missing from any firmware, and so is not what the registry costs.
pub fn usual() -> bool {
    let one = black_box([1u8; 600]);
    let other = black_box(one);
    black_box(&one[..]) == black_box(&other[..])
}

type Drive = Queue<Tracked<Sensor, Fixed<Interrupt>>, 2>;

/// What firmware with a registry does. `USES` says what it uses.
pub fn supervise<const USES: u8>(tasks: StaticTasks<Interrupt>, queue: &'static Drive) -> bool {
    let mut well = usual();
    for name in ["temperature", "humidity"] {
        well &= match tasks.reserve(name).map(|ticket| ticket.track(Sensor::new())) {
            Ok(Ok(tracked)) => queue.spawn(tracked).is_ok(),
            _ => false,
        };
    }
    well &= queue.drive(Turns(5), asm::nop).is_some();
    if USES & GET != 0 {
        well &= tasks.get(black_box("temperature")).is_some();
    }
    if USES & CANCEL != 0 {
        well &= match tasks.cancel(black_box("temperature")) {
            Some(end) => queue.drive(end, asm::nop).is_some(),
            None => false,
        };
    }
    if USES & LIST != 0 {
        let (mut listed, mut last) = (0, None);
        while let Some(task) = tasks.next_after(last) {
            listed += 1;
            last = Some(task.id());
        }
        well &= listed == 2;
    }
    if USES & PURGE != 0 {
        well &= tasks.purge() == usize::from(USES & CANCEL != 0);
    }
    if USES & REPLACE != 0 {
        well &= tasks.reserve_replacing(black_box("humidity")).is_ok();
    }
    if USES & SHUTDOWN != 0 {
        let report = queue.drive(tasks.shutdown(Turns(9)), asm::nop);
        well &= report.is_some_and(|report| report.is_clean());
    }
    well
}

/// Firmware with a registry of so many slots, whose main task uses so much of it.
#[macro_export]
macro_rules! with_registry {
    ($slots:literal, $uses:expr) => {
        static REGISTRY: $crate::StaticRegistry<$crate::mode::Interrupt, $slots> =
            $crate::StaticRegistry::new();
        static QUEUE: $crate::Queue<
            $crate::Tracked<$crate::Sensor, $crate::Fixed<$crate::mode::Interrupt>>,
            2,
        > = $crate::Queue::new();

        #[$crate::chip::entry]
        fn main() -> ! {
            $crate::chip::exit($crate::supervise::<{ $uses }>(REGISTRY.tasks(), &QUEUE))
        }
    };
}
