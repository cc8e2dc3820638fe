//! The modes are the crate's own: unsafe code relies on them.

use task_registry::mode::Mode;

enum Mine {}

impl Mode for Mine {}

fn main() {}
