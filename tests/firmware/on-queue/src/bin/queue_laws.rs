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
        chip::print(&["law_11, of what the queue drops"]);
        laws::gone_with(LAB, on_queue::clear).await;
    };
    on_queue::run(all, || panic!("nothing is left that could wake it"))
}
