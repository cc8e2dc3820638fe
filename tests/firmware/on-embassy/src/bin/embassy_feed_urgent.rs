//! The feed with its sensors on embassy's interrupt-mode executor, and who supervises them on its thread-mode executor.
#![no_std]
#![no_main]

use on_embassy::urgent;

#[chip::entry]
fn main() -> ! {
    chip::print(&["the feed"]);
    chip::timer::start(10_000);
    on_embassy::spawn_on(urgent::start());
    on_embassy::run(|spawner| {
        let Ok(token) = on_embassy::feed() else { panic!("it runs once") };
        spawner.spawn(token);
    })
}

#[cortex_m_rt::exception]
fn SysTick() {
    laws::feed::tick();
}
