//! What a task may be given besides its future: a context, a grace, shields, a timeout, a cleanup, a verdict on its
//! output; and plans. Each test is written once and run on every executor of the laws.
//!
//! As there, orders are forced by gates and by polling by hand, never by time; the watchdog is the only clock.

#[allow(dead_code, unreachable_pub, reason = "shared with the laws, which use the rest")]
#[path = "../laws/executors.rs"]
mod executors;
#[allow(dead_code, reason = "shared with the laws, which use the rest")]
#[path = "../laws/harness.rs"]
mod harness;
#[allow(dead_code, reason = "shared with the laws, which use the rest")]
#[path = "../laws/kit.rs"]
mod kit;
#[path = "../laws/storm.rs"]
mod storm;
#[path = "../common/watchdog.rs"]
mod watchdog;

#[macro_use]
mod list;
mod setup;

mod cleanup;
mod context;
mod fallible;
mod given;
mod grace;
mod observed;
mod plan;
mod ready;
mod restart;
mod scope;
mod shield;
mod staged;
#[cfg(feature = "supervise")]
mod supervised;
mod timeout;
#[cfg(feature = "tokio")]
mod tokens;

// What follows the type: `dies` if the executor is gone after a run, `across` if other threads may use the table,
// `sends` if other threads may spawn, `local` if it takes futures that are not `Send`.
#[cfg(feature = "tokio")]
lifecycle!(tokio_multi_thread, crate::executors::TokioMultiThread, dies across sends);
#[cfg(feature = "tokio")]
lifecycle!(tokio_current_thread, crate::executors::TokioCurrentThread, dies across sends);
#[cfg(feature = "tokio")]
lifecycle!(tokio_local, crate::executors::TokioOnLocalSet, local);
#[cfg(feature = "tokio")]
lifecycle!(tokio_local_with_a_sync_table, crate::executors::TokioOnLocalSetShared, dies across local local_across);
#[cfg(feature = "smol")]
lifecycle!(smol_global, crate::executors::SmolGlobal, across sends);
#[cfg(feature = "smol")]
lifecycle!(executor_by_reference, crate::executors::ExecutorByReference, across sends);
#[cfg(feature = "smol")]
lifecycle!(executor_held_weakly, crate::executors::ExecutorHeldWeakly, dies across sends);
#[cfg(feature = "local")]
lifecycle!(local_executor, crate::executors::LocalByReference, local);
#[cfg(feature = "local")]
lifecycle!(local_executor_held_weakly, crate::setup::LocalHeldWeakly, dies local);
#[cfg(feature = "local")]
lifecycle!(local_executor_with_a_sync_table, crate::executors::LocalByReferenceShared, across local local_across);
lifecycle!(custom_executor, crate::executors::CustomExecutor, dies across sends);
