use std::time::Duration;

use task_registry_core::mode::Sync;
use task_registry_core::{Spawn, Tracked};

use crate::probe::{Cleaning, Guard, Probe};

/// How to make an executor, drive it, and kill it: all that the kit wants to know.
///
/// A value of it *is* an executor, without tasks at first. Each case makes one of its own with [`new`](Harness::new), on a thread
/// of its own, and kills it by dropping it.
///
/// ```
/// use std::cell::RefCell;
/// use std::collections::VecDeque;
/// use std::pin::Pin;
/// use std::rc::{Rc, Weak};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use std::task::{Context, Wake, Waker};
///
/// use task_registry_conformance::{Harness, check_local};
/// use task_registry_core::{Refused, Spawn, SpawnLocal, Spawner, mode};
///
/// // The executor: tasks, each with a flag that says whether it was woken.
/// struct Woken(AtomicBool);
/// impl Wake for Woken {
///     fn wake(self: Arc<Self>) {
///         self.0.store(true, Ordering::SeqCst);
///     }
/// }
/// type Task = (Arc<Woken>, Pin<Box<dyn Future<Output = ()>>>);
/// type Tasks = RefCell<VecDeque<Task>>;
///
/// fn run_until_idle(tasks: &Tasks) {
///     let mut rested = 0;
///     while rested < tasks.borrow().len() {
///         let Some((woken, mut future)) = tasks.borrow_mut().pop_front() else { break };
///         rested += 1;
///         if woken.0.swap(false, Ordering::SeqCst) {
///             rested = 0;
///             let waker = Waker::from(woken.clone());
///             if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
///                 continue;
///             }
///         }
///         tasks.borrow_mut().push_back((woken, future));
///     }
/// }
///
/// // The spawner: what a registry is given, and what is tested here.
/// #[derive(Clone)]
/// struct OnMine(Weak<Tasks>);
///
/// impl Spawner for OnMine {
///     type Handle = ();
///     type Mode = mode::Unsync;
/// }
///
/// impl SpawnLocal for OnMine {
///     fn spawn_local<F: Future<Output = ()> + 'static>(&self, future: F) -> Result<(), Refused<F>> {
///         let Some(tasks) = self.0.upgrade() else { return Err(Refused::gone(future)) };
///         let woken = Arc::new(Woken(AtomicBool::new(true)));
///         tasks.borrow_mut().push_back((woken, Box::pin(future)));
///         Ok(())
///     }
/// }
///
/// impl<F: Future<Output = ()> + 'static> Spawn<F> for OnMine {
///     fn spawn(&self, future: F) -> Result<(), Refused<F>> {
///         self.spawn_local(future)
///     }
/// }
///
/// // The harness.
/// struct Mine(Rc<Tasks>);
///
/// impl Harness for Mine {
///     type Spawner = OnMine;
///     fn new() -> Self {
///         Mine(Rc::default())
///     }
///     fn spawner(&self) -> OnMine {
///         OnMine(Rc::downgrade(&self.0))
///     }
///     fn drive(&self) {
///         run_until_idle(&self.0);
///     }
/// }
///
/// let report = check_local::<Mine>();
/// assert!(report.is_ok(), "{report}");
/// ```
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
