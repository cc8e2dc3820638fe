//! A named background-task registry for any async executor: give a future a name, and from anywhere find it, await
//! its result, cancel it and know when it has really stopped, list what runs, purge what ended, shut all of it down.
//!
//! This crate re-exports [`task_registry_core`] and, by feature, an adapter per runtime:
//!
//! | feature | adds |
//! | --- | --- |
//! | none | [`StaticRegistry`]: a fixed number of tasks, without an allocator |
//! | `interrupt` | [`mode::Interrupt`]: a [`StaticRegistry`] that interrupts share |
//! | `alloc` | [`Registry`] and all that belongs to it, in [`mode::Unsync`] |
//! | `std` (default) | [`mode::Sync`], panics caught, `wait_blocking`, [`monotonic`] |
//! | `tokio` | [`tokio::Tokio`], [`tokio::TokioLocal`] |
//! | `smol` | [`smol::Smol`], [`smol::OnExecutor`] |
//! | `local` | [`local::OnLocalExecutor`] |
//! | `embassy` | [`embassy::SpawnTicket`]: tickets on embassy's executors |
//! | `wasm` | [`wasm::Wasm`]: in a browser; neither std nor threads are needed |
//! | `supervise` | [`supervise::supervise`], [`supervise::Supervisor`]: a task that is made again when it fails |
//! | `tracing` | [`tracing::TracingObserver`]: a span per task, failures and panics as errors |
//! | `metrics` | [`metrics::MetricsObserver`]: counters and a gauge for a metrics endpoint |
//!
//! Features only add (law 19): turn on as many runtimes as you like. For an executor of your own, implement
//! [`Spawner`] and [`Spawn`], and hand it to [`Registry::new`].
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "supervise")]
extern crate std;

pub use task_registry_core::*;

#[cfg(feature = "supervise")]
pub mod supervise;

/// On tokio.
#[cfg(feature = "tokio")]
pub mod tokio {
    pub use task_registry_tokio::*;
}

/// On smol, and on any `async_executor::Executor`.
#[cfg(feature = "smol")]
pub mod smol {
    pub use task_registry_smol::*;
}

/// On one thread: `async_executor::LocalExecutor`.
#[cfg(feature = "local")]
pub mod local {
    pub use task_registry_local::*;
}

/// On embassy's executors, by ticket.
#[cfg(feature = "embassy")]
pub mod embassy {
    pub use task_registry_embassy::*;
}

/// In a browser: `wasm-bindgen-futures`.
#[cfg(feature = "wasm")]
pub mod wasm {
    pub use task_registry_wasm::*;
}

/// What happens to tasks, in `tracing`.
#[cfg(feature = "tracing")]
pub mod tracing {
    pub use task_registry_tracing::*;
}

/// What happens to tasks, in numbers.
#[cfg(feature = "metrics")]
pub mod metrics {
    pub use task_registry_metrics::*;
}

#[cfg(all(doctest, feature = "tokio", feature = "local", feature = "wasm", feature = "embassy"))]
#[doc = include_str!("../README.md")]
mod readme {}
