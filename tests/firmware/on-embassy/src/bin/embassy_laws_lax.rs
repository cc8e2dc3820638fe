//! The laws between two executors, the other way round: they run on embassy's interrupt-mode executor, and the tasks which
//! they spawn, wait for and cancel on its thread-mode executor, which they preempt.
#![no_std]
#![no_main]

use on_embassy::urgent;

#[chip::entry]
fn main() -> ! {
    chip::interrupt::enable();
    on_embassy::run(|spawner| {
        on_embassy::spawn_on(spawner.make_send());
        let Ok(token) = on_embassy::all_laws() else { panic!("they run once") };
        urgent::start().spawn(token);
    })
}
