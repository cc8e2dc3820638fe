//! The laws on the run queue.
#![no_std]
#![no_main]

use on_queue::LAB;

#[chip::entry]
fn main() -> ! {
    chip::interrupt::enable();
    let all = async {
        for law in laws::ALL {
            chip::print(&[law.name]);
            (law.run)(LAB).await;
        }
    };
    on_queue::run(all, || panic!("nothing is left that could wake it"))
}
