//! The feed on the run queue.
#![no_std]
#![no_main]

use on_queue::LAB;

#[chip::entry]
fn main() -> ! {
    chip::print(&["the feed"]);
    chip::timer::start(10_000);
    on_queue::run(laws::feed::run(LAB), cortex_m::asm::wfe)
}

#[cortex_m_rt::exception]
fn SysTick() {
    laws::feed::tick();
}
