//! Every order in which threads can take the steps of the registry, as far as loom tells them apart.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p task-registry-core --release --test loom -- --nocapture
//! core/tests/loom/mutations        # what each check is there for: it is taken away, and a model fails
//! ```
//!
//! Each model says which outcomes its race has, and fails if one of them is not reached, or another one is. It prints how
//! many schedules were explored. `LOOM_MAX_PREEMPTIONS=n` explores all models with that bound instead of their own, and
//! `LOOM_QUICK=1` the largest with one less.
//!
//! What loom does not see: [`harness`] says. `MUTATIONS.md`, beside this, lists what was changed and which model
//! failed, and argues the rest.
#![cfg(loom)]

mod closing;
mod end;
mod endings;
mod fixed;
mod handles;
mod harness;
mod leaving;
mod names;
mod observer;
mod records;
mod sleep;
mod tables;
mod waiters;
