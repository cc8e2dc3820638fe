//! The laws of ARCHITECTURE.md, written once and run on every executor.
//!
//! A law is a generic function whose name begins with its number; `list.rs` has them all; each `laws!` line below
//! runs them on one executor. A new executor is one small type in `executors.rs` and one line here.
//!
//! Orders are forced by gates and by polling by hand, never by time. The only clock is the watchdog of
//! `watchdog`, which fails a law that hangs.
#![cfg_attr(
    not(any(feature = "tokio", feature = "local")),
    allow(dead_code, unused_macros, reason = "no executor here takes futures that are not `Send`")
)]

mod executors;
mod harness;
mod kit;
#[macro_use]
mod list;
mod storm;
#[path = "../common/watchdog.rs"]
mod watchdog;

mod cancel;
mod closing;
mod ends;
mod events;
mod generic;
mod gone;
mod identity;
mod names;
mod outcomes;
mod panics;
mod races;
mod records;
mod reentry;
mod replacing;
mod texts;
mod threads;
mod tickets;
mod waiters;

// What follows the type: `gone` if the executor can be dropped under its tasks, `across` if other threads may use the
// table, `send` if they may spawn as well, `local` if it takes futures that are not `Send`.
#[cfg(feature = "tokio")]
laws!(tokio_multi_thread, crate::executors::TokioMultiThread, gone across send);
#[cfg(feature = "tokio")]
laws!(tokio_current_thread, crate::executors::TokioCurrentThread, gone across send);
#[cfg(feature = "tokio")]
laws!(tokio_local, crate::executors::TokioOnLocalSet, gone local);
#[cfg(feature = "tokio")]
laws!(tokio_local_with_a_sync_table, crate::executors::TokioOnLocalSetShared, gone across local local_across);
#[cfg(feature = "smol")]
laws!(smol_global, crate::executors::SmolGlobal, across send);
#[cfg(feature = "smol")]
laws!(executor_by_reference, crate::executors::ExecutorByReference, gone across send);
#[cfg(feature = "smol")]
laws!(executor_held_weakly, crate::executors::ExecutorHeldWeakly, gone across send);
#[cfg(feature = "local")]
laws!(local_executor, crate::executors::LocalByReference, gone local);
#[cfg(feature = "local")]
laws!(local_executor_held_weakly, crate::executors::LocalHeldWeakly, gone local);
#[cfg(feature = "local")]
laws!(local_executor_with_a_sync_table, crate::executors::LocalByReferenceShared, gone across local local_across);
laws!(custom_executor, crate::executors::CustomExecutor, gone across send);
