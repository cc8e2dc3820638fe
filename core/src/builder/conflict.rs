//! What to do when a live task has the name: types, because what a spawn returns depends on it (law 6).

use crate::mode::Mode;
use crate::table::Policy;
use crate::{SpawnError, Spawned, TaskHandle, TaskRef};

/// An error; the future comes back from `try_spawn`. The default.
#[derive(Clone, Copy, Debug)]
pub struct Fail;

/// The newcomer has the name at once and the other task is asked to stop; the newcomer is queued until that one,
/// and what that one was to replace itself, has ended. Never do the futures of two of them run. A cleanup may: that of a
/// newcomer that is asked to stop while it waits runs at once, on its own executor, beside the task it waits for. The other
/// task is asked to stop before the executor is given the newcomer, so also when the executor then refuses that.
#[derive(Clone, Copy, Debug)]
pub struct Replace;

/// The other task stays, the future is dropped, and the spawn returns
/// [`Spawned::Existing`](crate::Spawned::Existing).
#[derive(Clone, Copy, Debug)]
pub struct Keep;

/// The other task loses the name and runs on, reachable by its id: for one that will not stop. It loses the name at once and for
/// good, also where the executor then refuses the newcomer, or the making of that one's future panics.
#[derive(Clone, Copy, Debug)]
pub struct Detach;

/// One of the types in this module. Sealed.
#[expect(private_bounds, reason = "sealed")]
pub trait Conflict: HasPolicy {
    /// What a spawn returns.
    type Spawned<T, M: Mode>;

    #[doc(hidden)]
    fn spawned<T, M: Mode>(handle: TaskHandle<T, M>) -> Self::Spawned<T, M>;

    #[doc(hidden)]
    fn existing<T, M: Mode>(task: TaskRef<M>) -> Result<Self::Spawned<T, M>, SpawnError> {
        Err(SpawnError::NameTaken { holder: task.id() })
    }
}

pub(crate) trait HasPolicy {
    const POLICY: Policy;
}

macro_rules! gives_handle {
    ($($policy:ident)*) => {$(
        impl HasPolicy for $policy {
            const POLICY: Policy = Policy::$policy;
        }
        impl Conflict for $policy {
            type Spawned<T, M: Mode> = TaskHandle<T, M>;
            fn spawned<T, M: Mode>(handle: TaskHandle<T, M>) -> TaskHandle<T, M> {
                handle
            }
        }
    )*};
}

gives_handle!(Fail Replace Detach);

impl HasPolicy for Keep {
    const POLICY: Policy = Policy::Keep;
}

impl Conflict for Keep {
    type Spawned<T, M: Mode> = Spawned<T, M>;
    fn spawned<T, M: Mode>(handle: TaskHandle<T, M>) -> Spawned<T, M> {
        Spawned::New(handle)
    }
    fn existing<T, M: Mode>(task: TaskRef<M>) -> Result<Spawned<T, M>, SpawnError> {
        Ok(Spawned::Existing(task))
    }
}
