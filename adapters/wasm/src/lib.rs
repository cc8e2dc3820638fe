//! [task-registry](https://docs.rs/task-registry) in a browser: `wasm_bindgen_futures::spawn_local`.
//!
//! `spawn_local` returns nothing: no handle, no join, no cancel. With [`Wasm`] the registry brings all three.
//!
//! ```no_run
//! use task_registry_core::{Options, Registry};
//! use task_registry_wasm::{Wasm, monotonic};
//!
//! # async fn page() -> Result<(), Box<dyn core::error::Error>> {
//! let tasks = Registry::with_options(Wasm, Options::new().clock(monotonic));
//! let sum = tasks.spawn("sum", async { 41 + 1 })?;
//! assert_eq!(sum.await?, 42);
//! tasks.spawn("feed", core::future::pending::<()>())?;
//! if let Some(end) = tasks.cancel("feed") { // in the handler of a click, say
//!     end.await; // its future has been dropped
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # One thread
//!
//! Tasks run as microtasks, on the thread (the page's, or a worker's) that spawned them. `spawn` only queues: the first poll
//! comes when what runs now has returned to the browser, or awaits. A page has no threads to block:
//!
//! - Await, where elsewhere you might block: `wait_blocking` of a task that has not ended hangs the page for good, and `Workers`
//!   cannot start a thread.
//! - A task that wakes itself again and again, without ever waiting for an event or a timer, leaves the page no time to
//!   draw or to hear a click, so nobody can cancel it (law 18).
//!
//! # The end of a page
//!
//! The queue lives as long as the page: nothing is refused, and no task ends as `Abandoned` because its executor went. A
//! page that is closed stops where it is. No destructor and no cleanup runs then, and nobody is left who could wait.
//!
//! # Panics
//!
//! wasm32-unknown-unknown aborts on panic, so law 14 is void: nothing is caught, with or without std. The panic goes to the
//! browser as a JavaScript exception, and the task stays as it was at that moment: its future is not dropped, it is listed as
//! `running`, and who waits for it waits for ever. To wake it, as a request to stop does, panics again when its turn comes.
//! Other tasks go on, but in a program that was left in the middle of something; and those that were due in the same turn,
//! behind the one that panicked, stand still until something else is spawned or woken (js-sys 0.3.103). Treat a panic as the
//! end of the page: have a panic hook say so and offer to load it again.
//!
//! # Time
//!
//! `std::time::Instant` panics on wasm32-unknown-unknown, so `task_registry_core::monotonic` does not exist there. The clock
//! is [`monotonic`] of this crate. A deadline or a grace is any future; gloo-timers' `TimeoutFuture` is one, and so is
//! a `JsFuture` of a `Promise` that `setTimeout` resolves.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

use core::future::Future;
use core::time::Duration;

use js_sys::{Function, Reflect};
use task_registry_core::{Refusal, Refused, Spawn, SpawnLocal, Spawner, mode};
use wasm_bindgen_futures::{spawn_local, wasm_bindgen::JsCast};

/// Whether there is a JavaScript engine around this program, as `wasm-bindgen` sees it.
const IN_JAVASCRIPT: bool =
    cfg!(all(target_arch = "wasm32", any(target_os = "unknown", target_os = "none")));

/// Spawns futures with `wasm_bindgen_futures::spawn_local`: neither they nor their outputs have to be `Send`, and they run
/// on the thread that spawns them (law 10).
///
/// The registry's table stays on the thread too ([`mode::Unsync`]).
///
/// On any target that is not wasm32-unknown-unknown there is no browser: this crate compiles there, so that code for both can
/// name it, and a spawn is refused and gives the future back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wasm;

impl Spawner for Wasm {
    type Handle = ();
    type Mode = mode::Unsync;
}

impl SpawnLocal for Wasm {
    fn spawn_local<F>(&self, future: F) -> Result<(), Refused<F>>
    where
        F: Future<Output = ()> + 'static,
    {
        if IN_JAVASCRIPT {
            spawn_local(future);
            Ok(())
        } else {
            Err(Refused::new(future, Refusal::Other("there is no browser on this target")))
        }
    }
}

impl<F: Future<Output = ()> + 'static> Spawn<F> for Wasm {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        self.spawn_local(future)
    }
}

/// The time since this page was opened, or this worker started, from `performance.now()`: a clock for
/// [`Options::clock`](task_registry_core::Options::clock).
///
/// Browsers round it, to a tenth of a millisecond or to one. It stays at zero where there is no `performance`, which is
/// the case on targets without a browser.
#[must_use]
pub fn monotonic() -> Duration {
    let milliseconds = if IN_JAVASCRIPT { performance_now() } else { None };
    Duration::try_from_secs_f64(milliseconds.unwrap_or(0.0) / 1e3).unwrap_or_default()
}

fn performance_now() -> Option<f64> {
    let performance = Reflect::get(&js_sys::global(), &"performance".into()).ok()?;
    let now = Reflect::get(&performance, &"now".into()).ok()?;
    now.dyn_ref::<Function>()?.call0(&performance).ok()?.as_f64()
}
