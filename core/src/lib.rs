//! The executor-agnostic core of [task-registry]: give a future a name, and from anywhere find it, await its
//! result, cancel it and know when it has really stopped, list what runs, purge what ended, shut all of it down.
//!
//! Most people depend on the facade crate `task-registry`, which re-exports everything here and adds an adapter
//! per runtime. Depend on this crate to write an adapter for an executor of your own: implement [`Spawner`] and
//! [`Spawn`], and [`Registry`] does the rest.
//!
//! # Features
//!
//! | feature | adds |
//! | --- | --- |
//! | none | the adapter traits, [`TaskId`], [`State`]; no allocator is needed |
//! | `alloc` | [`Registry`] and all that belongs to it, in [`mode::Unsync`] |
//! | `std` (default) | [`mode::Sync`], panics caught, `wait_blocking`, [`monotonic`] |
//!
//! [task-registry]: https://docs.rs/task-registry
#![no_std]
#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

// In import order: each module uses only those above it.
mod id;
#[cfg(feature = "alloc")]
mod text;

#[cfg(feature = "alloc")]
mod outcome;
mod state;

#[cfg(feature = "alloc")]
mod unwind;

#[cfg(feature = "std")]
mod blocking;

pub mod mode;

mod spawner;

#[cfg(feature = "alloc")]
mod error;
#[cfg(feature = "alloc")]
mod observer;
#[cfg(feature = "alloc")]
mod options;

#[cfg(feature = "alloc")]
mod slot;
#[cfg(feature = "alloc")]
mod table;
#[cfg(feature = "alloc")]
mod wait;

#[cfg(feature = "alloc")]
mod info;

#[cfg(feature = "alloc")]
mod guard;
#[cfg(feature = "alloc")]
mod handle;
#[cfg(feature = "alloc")]
mod terms;
#[cfg(feature = "alloc")]
mod tracked;

#[cfg(feature = "alloc")]
mod ticket;

#[cfg(feature = "alloc")]
mod cancel;
#[cfg(feature = "alloc")]
mod endings;
#[cfg(feature = "alloc")]
mod scope;
#[cfg(feature = "alloc")]
mod shutdown;
#[cfg(feature = "alloc")]
mod staged;
#[cfg(feature = "alloc")]
mod tasks;

#[cfg(feature = "alloc")]
mod cx;

#[cfg(feature = "alloc")]
mod builder;
#[cfg(feature = "alloc")]
mod context;
#[cfg(feature = "std")]
mod current;
#[cfg(feature = "alloc")]
mod plan;
#[cfg(feature = "alloc")]
mod registry;

#[cfg(feature = "std")]
mod workers;

#[cfg(test)]
mod tests;

pub use id::TaskId;
pub use spawner::{
    JoinHandle, Refusal, Refused, Spawn, SpawnBlocking, SpawnLocal, SpawnSend, Spawner,
};
pub use state::State;

#[cfg(feature = "alloc")]
pub use {
    builder::{Spawned, TaskBuilder, conflict},
    cancel::{Cancel, Cancelling, CancellingAll},
    context::{WithContext, WithRegistry},
    cx::{Cancelled, Cx, Shield, WaitsForItself},
    endings::{Endings, Lagged, NextEnded},
    error::{JoinError, SpawnError, TakeError, TrySpawnError},
    guard::{DropGuard, TasksGuard},
    handle::{Started, TaskHandle, TaskRef, Wait},
    info::{Snapshot, TaskInfo, Times},
    observer::{AroundPoll, Observer},
    options::{Options, Retain},
    outcome::{Cleanup, Outcome},
    plan::{InTask, Plan, PlannedTask, bound},
    registry::Registry,
    scope::{Scope, ScopeIdle},
    shutdown::{Shutdown, ShutdownReport},
    staged::StagedShutdown,
    table::TaskEnd,
    tasks::{Counts, Tasks, WaitFor, WaitIdle},
    terms::{Cleaned, Fallible, Graced, Never, Terms, Timed},
    text::Text,
    ticket::{Run, Ticket},
    tracked::Tracked,
};

#[cfg(all(feature = "std", not(all(target_family = "wasm", target_os = "unknown"))))]
pub use options::monotonic;
#[cfg(feature = "std")]
pub use {
    current::{CurrentTask, TrackCurrent, current},
    workers::{
        Running, Runtime, StartError, WorkerCx, WorkerReport, Workers, WorkersHandle,
        WorkersReport, WorkersShutdown, WorkersSnapshot,
    },
};
