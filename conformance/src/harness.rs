use std::time::Duration;

use task_registry_core::mode::Sync;
use task_registry_core::{Spawn, Tracked};

use crate::probe::{Cleaning, Guard, Probe};

/// How to make an executor, drive it, and kill it: all that the kit wants to know.
///
/// A value of it *is* an executor, without tasks at first. Each case makes one of its own with [`new`](Harness::new), on a thread
/// of its own, and kills it by dropping it.
///
/// The [crate's page](crate#a-harness) has an example.
pub trait Harness: Sized + 'static {
    /// What a registry on this executor is given.
    type Spawner: Runs + Clone + 'static;

    /// Whether the executor has threads of its own that poll its tasks.
    ///
    /// If it has none, [`drive`](Harness::drive) returns when nothing is left to poll, and a task that ought to have ended by
    /// then is lost: no case waits for time to pass. If it has, a case waits for events, and fails if none comes within
    /// [`LIMIT`](Harness::LIMIT).
    const DRIVES_ITSELF: bool = false;

    /// Whether dropping the harness drops the executor, with whatever is on it. A global executor is never gone.
    const MORTAL: bool = true;

    /// How long a case may wait for one event, which no honest run comes near. A case that has not come back after twice that
    /// hangs: it fails, and its thread is left behind.
    ///
    /// [`check`](crate::check), [`check_send`](crate::check_send) and [`check_local`](crate::check_local) skip the cases that are
    /// left after one that hangs, or after three that have waited so long in vain; the report says so, and has failed.
    const LIMIT: Duration = Duration::from_secs(30);

    /// Makes an executor.
    fn new() -> Self;

    /// A spawner for it. All that this returns, and their clones, lead to the same executor.
    fn spawner(&self) -> Self::Spawner;

    /// Polls what is to be polled, on this thread or on others, until nothing is.
    ///
    /// Does nothing where the executor [drives itself](Harness::DRIVES_ITSELF).
    fn drive(&self);
}

/// A spawner that takes the futures of the kit: every one that takes `Send + 'static` futures does.
///
/// The kit's table is always in [`mode::Sync`](task_registry_core::mode::Sync), whatever mode the spawner names: so all it
/// spawns is `Send`, but for what a [`SpawnLocal`](task_registry_core::SpawnLocal) is given besides.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not take the futures of the conformance kit",
    note = "they are `Send + 'static`, and have the output `()`: write `impl<F: Future<Output = ()> + Send + 'static> Spawn<F>`, or without `Send`"
)]
pub trait Runs:
    Spawn<Probe>
    + Spawn<Tracked<Probe, Sync>>
    + Spawn<Tracked<Probe<u64>, Sync>>
    + Spawn<Tracked<Probe<Guard>, Sync>>
    + Spawn<Tracked<Probe, Sync, Cleaning>>
{
}

impl<S> Runs for S where
    S: Spawn<Probe>
        + Spawn<Tracked<Probe, Sync>>
        + Spawn<Tracked<Probe<u64>, Sync>>
        + Spawn<Tracked<Probe<Guard>, Sync>>
        + Spawn<Tracked<Probe, Sync, Cleaning>>
{
}
