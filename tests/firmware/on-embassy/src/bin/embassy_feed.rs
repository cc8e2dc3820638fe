//! The feed on embassy's thread-mode executor.
#![no_std]
#![no_main]

#[chip::entry]
fn main() -> ! {
    chip::print(&["the feed"]);
    chip::timer::start(10_000);
    on_embassy::run(|spawner| {
        on_embassy::spawn_on(spawner.make_send());
        let Ok(token) = on_embassy::feed() else { panic!("it runs once") };
        spawner.spawn(token);
    })
}

#[cortex_m_rt::exception]
fn SysTick() {
    laws::feed::tick();
}
