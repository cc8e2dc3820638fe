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
//! | none | [`StaticRegistry`] and what belongs to it: a fixed number of tasks, no allocator |
//! | `interrupt` | [`mode::Interrupt`], by way of the crate `critical-section`: a table that interrupts share |
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

// In reading order: a module is mostly built on those above it. Some name one below as well, such as a type that they hold or return;
// ARCHITECTURE.md lists which.
#[cfg(feature = "alloc")]
mod arc;
mod id;
mod text;

mod outcome;
mod state;

mod unwind;

#[cfg(feature = "std")]
mod blocking;

pub mod mode;

mod spawner;

mod error;
#[cfg(feature = "alloc")]
mod observer;
#[cfg(feature = "alloc")]
mod options;

mod wait;

mod slot;
#[cfg(feature = "alloc")]
mod table;

#[cfg(feature = "alloc")]
mod info;

mod guard;
#[cfg(feature = "alloc")]
mod handle;
mod task;
mod terms;
mod tracked;

mod ticket;

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
pub mod given;
#[cfg(feature = "alloc")]
mod restart;

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

mod fixed;

#[cfg(test)]
mod tests;

pub use {
    cancel::{Cancel, Cancelling},
    error::{SpawnError, TrySpawnError},
    fixed::{
        InPlace, ResultCell, StaticIdle, StaticIter, StaticOutcome, StaticRegistry, StaticReport,
        StaticRun, StaticShutdown, StaticTask, StaticTasks, StaticTicket,
    },
    guard::DropGuard,
    id::TaskId,
    outcome::{Cleanup, Outcome},
    spawner::{JoinHandle, Refusal, Refused, Spawn, SpawnBlocking, SpawnLocal, SpawnSend, Spawner},
    state::{Counts, State},
    task::{Cancelled, TaskRef, Wait},
    terms::{Cleaned, Graced, Never, Terms, Timed},
    text::Text,
    ticket::Ticket,
    tracked::Tracked,
};

#[cfg(feature = "alloc")]
pub use {
    builder::{Spawned, TaskBuilder, conflict},
    cancel::CancellingAll,
    context::{WithContext, WithRegistry},
    cx::{Cx, Shield, WaitsForItself},
    endings::{Endings, Lagged, NextEnded},
    error::{JoinError, TakeError},
    guard::TasksGuard,
    handle::{Started, TaskHandle},
    info::{Snapshot, TaskInfo, Times},
    observer::{AroundPoll, Observer},
    options::{Options, Retain},
    plan::{InTask, Plan, PlannedTask, bound},
    registry::Registry,
    restart::{Recipe, RestartError},
    scope::{Scope, ScopeIdle},
    shutdown::{Shutdown, ShutdownReport},
    staged::StagedShutdown,
    table::{Kept, TaskEnd},
    tasks::{Tasks, WaitFor, WaitIdle},
    terms::{Fallible, Renew},
    ticket::Run,
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
