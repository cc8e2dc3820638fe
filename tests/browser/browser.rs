//! How a law is run in a browser: awaited, for a page's thread cannot be blocked.

use std::time::Duration;

use futures_lite::future::or;
use task_registry::wasm::Wasm;
use task_registry::{Registry, mode};

use crate::harness::{Harness, Reg};

/// The page's own queue of microtasks.
pub(crate) struct Browser;

impl Harness for Browser {
    type Mode = mode::Unsync;
    type Spawner = Wasm;

    fn run<F: Future<Output = ()>>(_: impl FnOnce(Reg<Self>) -> F) {
        panic!("a page's thread cannot be blocked: await `browser::run`");
    }
}

/// Runs a law. One that hangs fails: the only clock here.
pub(crate) async fn run<F: Future<Output = ()>>(name: &str, law: impl FnOnce(Reg<Browser>) -> F) {
    let watchdog = async {
        gloo_timers::future::sleep(Duration::from_secs(10)).await;
        panic!("{name} hangs");
    };
    or(law(Registry::new(Wasm)), watchdog).await;
}

/// Makes a test of each law on the list, but for those that `test!` leaves out.
macro_rules! tests {
    ($($module:ident { $($law:ident)* })*) => {
        $($(test! { $module $law })*)*
    };
}
