use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::RefCell;

use crate::{AroundPoll, Observer, TaskId, TaskInfo, Text};

/// Which task this code runs in: what [`current`] returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentTask {
    id: TaskId,
    name: Text,
}

impl CurrentTask {
    /// The task.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Its name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        (!self.name.is_empty()).then(|| self.name.as_str())
    }
}

std::thread_local! {
    /// The tasks this thread is in the middle of, the innermost last.
    static ENTERED: RefCell<Vec<Arc<CurrentTask>>> = const { RefCell::new(Vec::new()) };
}

/// The task that this code runs in: inside a task's future, its cleanup, or a destructor of either, of a registry that was
/// given [`TrackCurrent`]; otherwise `None`. O(1).
///
/// ```
/// use async_executor::LocalExecutor;
/// use task_registry_core::{Options, Registry, TrackCurrent, current};
/// use task_registry_local::OnLocalExecutor;
///
/// let executor = LocalExecutor::new();
/// let options = Options::new().observer(TrackCurrent);
/// let tasks = Registry::with_options(OnLocalExecutor(&executor), options);
/// let name = tasks.spawn("me", async { current()?.name().map(String::from) })?;
/// # let name = futures_lite::future::block_on(executor.run(name)).unwrap();
/// assert_eq!(name.as_deref(), Some("me"));
/// assert_eq!(current(), None);
/// # Ok::<(), task_registry_core::SpawnError>(())
/// ```
#[must_use]
pub fn current() -> Option<CurrentTask> {
    let entered = ENTERED.try_with(|entered| entered.borrow().last().cloned()).ok()??;
    Some((*entered).clone())
}

/// An [`Observer`] that makes [`current`] work: `Options::new().observer(TrackCurrent)`, or in a pair with another.
///
/// Opt-in, because it costs each task an allocation and each poll what [`AroundPoll`] does.
#[derive(Clone, Copy, Debug)]
pub struct TrackCurrent;

struct Entered(Arc<CurrentTask>);

impl AroundPoll for Entered {
    fn enter(&self) {
        // A thread that is going away has no current task.
        let _ = ENTERED.try_with(|entered| entered.borrow_mut().push(self.0.clone()));
    }

    fn exit(&self) {
        let _ = ENTERED.try_with(|entered| entered.borrow_mut().pop());
    }
}

impl Observer for TrackCurrent {
    fn around_polls(&self, task: &TaskInfo) -> Option<Arc<dyn AroundPoll>> {
        let name = task.text().clone();
        Some(Arc::new(Entered(Arc::new(CurrentTask { id: task.id(), name }))))
    }
}
