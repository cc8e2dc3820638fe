//! What a named, findable, cancellable, awaitable task costs, beside the bare executor and beside every peer.
//!
//! A [workload](workload::Workload) is written once; a [contender](contender::Contender) does it as its own users would; a
//! [case](cases::Case) is one of the first with one of the second, on a [runtime](runtimes). The program `compare` and the
//! criterion benches run the same cases, and `tests/same_work.rs` checks that all of them do the same work.
//!
//! Reading order: `work.rs` (the futures that are run), `contender.rs`, `contenders/bare.rs` and `ours.rs`, `workload.rs`,
//! `workloads/w1.rs`, `cases.rs`.

// Nobody else implements these traits, and each use is at concrete types, where the compiler sees what is `Send`.
#![allow(async_fn_in_trait)]

pub mod cases;
pub mod contender;
pub mod contenders;
pub mod measure;
pub mod name;
pub mod runtimes;
pub mod work;
pub mod workload;
pub mod workloads;
