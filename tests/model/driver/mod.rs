//! Random programs of public operations on growing tables, each operation done to the real thing and to a naive model.
//!
//! A program is a string of bytes ([`bytes`]); the driver takes the next one wherever there is a choice: which operation,
//! with which settings, which task the executor polls next, what a future does at a poll, whether its destructor panics,
//! whether a waker, an observer or a destructor uses the registry. What has to hold is in [`check`], what is expected of
//! each operation where it is done ([`spawn`], [`stop`], [`again`], [`gone`], [`ops`]), and what foreign code does and sees
//! in [`hooks`].
//!
//! Every call of the registry is made to the model first, so that whatever runs inside the call finds both alike. Of two things
//! the model does not say when they happen, and [`sync`] looks: at which instant of the poll that finishes a task its end is
//! seen, and in which order a call that asks several tasks asks them. Once they are seen, everything else has to fit.
//!
//! What is not done here: several threads (loom and the storms of `tests/laws`), clocks, `around_polls`, plans and workers.
//!
//! Whether the model would notice is tried by `tests/model/faults`, which plants one fault after the other in the core.

mod again;
mod bytes;
mod check;
mod gone;
mod held;
mod hooks;
mod inside;
mod jobs;
mod model;
mod ops;
mod probes;
mod program;
mod spawn;
mod stop;
mod sync;
mod world;

use task_registry::mode::{Carry, Mode, Sync, Unsync};
use task_registry::{Registry, SpawnError, TaskHandle};

pub(crate) use program::run;

use probes::{On, Ready};

/// A mode that programs run in.
pub(crate) trait Tested: Mode + Carry<Ready> + Carry<u8> {
    /// Generic code cannot name what is kept of a closure.
    fn restartable(
        registry: &Registry<On, Self>,
        spec: &spawn::Spec<Self>,
    ) -> Result<TaskHandle<Ready, Self>, SpawnError>;
}

macro_rules! tested {
    ($($mode:ident)*) => {$(
        impl Tested for $mode {
            fn restartable(
                registry: &Registry<On, Self>,
                spec: &spawn::Spec<Self>,
            ) -> Result<TaskHandle<Ready, Self>, SpawnError> {
                spawn::restartable!(registry, spec, $mode)
            }
        }
    )*};
}

tested!(Unsync Sync);
