//! The laws between two executors: they run on embassy's thread-mode executor, and the tasks which they spawn, wait for
//! and cancel on its interrupt-mode executor, which preempts it.
#![no_std]
#![no_main]

use on_embassy::urgent;

#[chip::entry]
fn main() -> ! {
    chip::interrupt::enable();
    on_embassy::spawn_on(urgent::start());
    on_embassy::run(|spawner| {
        let Ok(token) = on_embassy::all_laws() else { panic!("they run once") };
        spawner.spawn(token);
    })
}
