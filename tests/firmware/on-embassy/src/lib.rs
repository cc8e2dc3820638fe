//! Embassy's executors as the laws' executor.
#![no_std]

use core::cell::Cell;

use critical_section::Mutex;
use embassy_executor::{Executor, SendSpawner, Spawner};
use laws::kit::Body;
use laws::{Lab, Ticket};
use static_cell::StaticCell;
use task_registry_embassy::SpawnTicket;

pub mod urgent;

/// Where the laws' tasks are spawned.
static SPAWNER: Mutex<Cell<Option<SendSpawner>>> = Mutex::new(Cell::new(None));

/// Has the laws' tasks run there.
pub fn spawn_on(spawner: SendSpawner) {
    critical_section::with(|cs| SPAWNER.borrow(cs).set(Some(spawner)));
}

// The laws run at most four at once. One more for a task whose waiter runs at a higher priority: it goes on before embassy
// has taken the storage back.
#[embassy_executor::task(pool_size = 5)]
async fn task(ticket: Ticket, body: Body) {
    let Ok(run) = ticket.run(body) else { return };
    run.await;
}

/// For the laws.
pub const LAB: Lab = Lab {
    spawn: |ticket, body| {
        let spawner = critical_section::with(|cs| SPAWNER.borrow(cs).get());
        let spawner = spawner.expect("`spawn_on` was called before");
        spawner.spawn_ticket(ticket, |ticket| task(ticket, body)).map(drop)
    },
    interrupt: chip::interrupt::call,
    is_inside: chip::interrupt::is_inside,
};

/// All laws, one after the other, and the end of the emulator.
#[embassy_executor::task]
pub async fn all_laws() {
    for law in laws::ALL {
        chip::print(&[law.name]);
        (law.run)(LAB).await;
    }
    chip::exit(true)
}

/// The feed, and the end of the emulator.
#[embassy_executor::task]
pub async fn feed() {
    laws::feed::run(LAB).await;
    chip::exit(true)
}

/// Runs the thread-mode executor.
pub fn run(init: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<Executor> = StaticCell::new();
    EXECUTOR.init(Executor::new()).run(init)
}

#[cortex_m_rt::exception]
unsafe fn DefaultHandler(number: i16) {
    match number {
        chip::interrupt::SPARE => chip::interrupt::serve(),
        urgent::LINE => urgent::serve(),
        _ => panic!("an exception that nobody expects"),
    }
}
