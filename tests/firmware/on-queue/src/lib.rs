//! The run queue as the laws' executor.
#![no_std]

use laws::{Lab, Tracking};
use queue::Queue;
use task_registry_core::{Refusal, Refused, Spawn, SpawnError, Spawner, mode};

static QUEUE: Queue<Tracking, 4> = Queue::new();

/// The queue, as the registry's spawner: all it offers is to run.
struct OnQueue;

impl Spawner for OnQueue {
    type Handle = ();
    type Mode = mode::Unsync;
}

impl Spawn<Tracking> for OnQueue {
    fn spawn(&self, future: Tracking) -> Result<(), Refused<Tracking>> {
        QUEUE.spawn(future).map_err(|future| Refused::new(future, Refusal::Full))
    }
}

/// For the laws.
pub const LAB: Lab = Lab {
    spawn: |ticket, body| match ticket.spawn_on(&OnQueue, body) {
        Ok(_) => Ok(()),
        Err(error) => Err(SpawnError::from(error)),
    },
    interrupt: chip::interrupt::call,
    is_inside: chip::interrupt::is_inside,
};

/// Drops all that was spawned.
pub fn clear() {
    QUEUE.clear();
}

/// Runs it and what it spawns, and ends the emulator.
pub fn run(main: impl Future<Output = ()>, idle: impl FnMut()) -> ! {
    chip::exit(QUEUE.drive(main, idle).is_some())
}

#[cortex_m_rt::exception]
unsafe fn DefaultHandler(number: i16) {
    match number {
        chip::interrupt::SPARE => chip::interrupt::serve(),
        _ => panic!("an exception that nobody expects"),
    }
}
