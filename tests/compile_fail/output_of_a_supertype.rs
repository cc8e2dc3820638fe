//! The output of a task is found by its type: so a handle is of that very type.

use task_registry::{TaskHandle, mode};

type General = for<'a> fn(&'a u8);
type Special = fn(&'static u8);

fn special(handle: TaskHandle<General, mode::Unsync>) -> TaskHandle<Special, mode::Unsync> {
    handle
}

fn main() {}
