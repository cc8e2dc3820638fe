//! What belongs to a table of one thread stays there.

use task_registry::mode::Unsync;
use task_registry::{Options, Tasks};

fn main() {
    let tasks = Tasks::<Unsync>::new(Options::new());
    std::thread::spawn(move || drop(tasks.cancel("a")));
}
