//! The laws on embassy's thread-mode executor.
#![no_std]
#![no_main]

#[chip::entry]
fn main() -> ! {
    chip::interrupt::enable();
    on_embassy::run(|spawner| {
        on_embassy::spawn_on(spawner.make_send());
        let Ok(token) = on_embassy::all_laws() else { panic!("they run once") };
        spawner.spawn(token);
    })
}
