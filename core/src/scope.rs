mod members;

use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::mode::{Init, Lock, Mode};
use crate::slot::{ENDED, ENDING, SlotRef};
use crate::table::Watch;
use crate::unwind::{each, in_turn};
use crate::wait::{Event, Waiter};
use crate::{Cancel, CancellingAll, SpawnError, TaskRef, Tasks, Text};
use members::Members;

/// A group of tasks that are cancelled and awaited together, with what is nested in it: what
/// [`Tasks::child`] and [`Scope::child`] make.
///
/// Its tasks are tasks of the registry, under names that begin with the scope's path: in the scope `ws:42` the task
/// `receiver` is `ws:42/receiver`, in lists and to `get`. Within the scope names are relative. What is done to a scope
/// costs its own tasks only, whatever else lives. Once it was cancelled no task is added to it: a spawn gets
/// [`SpawnError::Closed`].
///
/// ```
/// # use async_executor::LocalExecutor;
/// # use task_registry_core::{Registry, SpawnError};
/// # use task_registry_local::OnLocalExecutor;
/// # let executor = LocalExecutor::new();
/// let tasks = Registry::new(OnLocalExecutor(&executor));
/// let connection = tasks.child("ws:42");
/// tasks.task("receiver").within(&connection).spawn(std::future::pending::<()>())?;
/// tasks.task("sender").within(&connection).spawn(std::future::pending::<()>())?;
/// assert_eq!(tasks.get("ws:42/sender"), connection.get("sender"));
/// # futures_lite::future::block_on(executor.run(
/// connection.cancel()
/// # ));
/// # assert_eq!(tasks.live(), 0);
/// # Ok::<(), SpawnError>(())
/// ```
pub struct Scope<M: Mode> {
    tasks: Tasks<M>,
    path: Text,
    inner: M::Ptr<Inner<M>>,
}

pub(crate) struct Inner<M: Mode> {
    /// Guards the members alone. No other lock is taken under it.
    members: M::Lock<Members<M>>,
    /// The last member left.
    empty: Event<M>,
    /// The scope that this one is nested in: its tasks are members there as well.
    parent: Option<M::Ptr<Inner<M>>>,
}

/// A task's places in its scope and in those around it. A list, not a chain: scopes nest as deeply as users like.
pub(crate) struct Membership<M: Mode> {
    own: Entry<M>,
    around: Vec<Entry<M>>,
}

struct Entry<M: Mode> {
    scope: M::Ptr<Inner<M>>,
    number: usize,
}

impl<M: Mode> Entry<M> {
    /// Enters a scope, unless it is closed.
    fn enter(scope: &M::Ptr<Inner<M>>, task: &SlotRef<M>) -> Option<Self> {
        let number = scope.members.with(|members| members.add(task))?;
        Some(Self { scope: scope.clone(), number })
    }

    fn leave(self) {
        let (task, empty) = self.scope.members.with(|members| members.remove(self.number));
        if empty {
            self.scope.empty.wake_all(None);
        }
        drop(task);
    }
}

impl<M: Mode> Membership<M> {
    /// Enters a scope and those around it, or none.
    fn enter(scope: &M::Ptr<Inner<M>>, task: &SlotRef<M>) -> Option<Self> {
        let mut membership = Self { own: Entry::enter(scope, task)?, around: Vec::new() };
        let mut next = scope.parent.as_ref();
        while let Some(scope) = next {
            let Some(entry) = Entry::enter(scope, task) else {
                membership.leave();
                return None;
            };
            membership.around.push(entry);
            next = scope.parent.as_ref();
        }
        Some(membership)
    }

    /// Leaves the scope and those around it.
    pub(crate) fn leave(self) {
        in_turn! {
            self.own.leave();
            each(self.around, Entry::leave);
        }
    }
}

impl<M: Mode> Drop for Inner<M> {
    /// One after another, where dropping the field would go as deep as scopes are nested.
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(parent) = next {
            next = M::into_inner(parent).and_then(|mut last| last.parent.take());
        }
    }
}

/// Makes a task that was just admitted a member.
pub(crate) fn enter<M: Mode>(
    scope: &M::Ptr<Inner<M>>,
    task: &SlotRef<M>,
) -> Result<(), SpawnError> {
    let Some(membership) = Membership::enter(scope, task) else {
        return Err(SpawnError::Closed);
    };
    let late = task.with(|body| {
        if task.flags() & ENDING != 0 {
            return Some(membership);
        }
        task.extras(body).scope = Some(membership);
        None
    });
    if let Some(membership) = late {
        membership.leave();
    }
    Ok(())
}

/// Whether a scope, or one around it, was cancelled.
pub(crate) fn is_closed<M: Mode>(scope: &M::Ptr<Inner<M>>) -> bool {
    let mut scope = Some(scope);
    while let Some(inner) = scope {
        if inner.members.with(|members| members.closed) {
            return true;
        }
        scope = inner.parent.as_ref();
    }
    false
}

impl<M: Mode> Scope<M> {
    pub(crate) fn new(tasks: Tasks<M>, path: Text) -> Self {
        Self::nested(tasks, path, None)
    }

    fn nested(tasks: Tasks<M>, path: Text, parent: Option<M::Ptr<Inner<M>>>) -> Self {
        let inner = Inner { members: Init::INIT, empty: Init::INIT, parent };
        Self { tasks, path, inner: M::ptr(inner) }
    }

    /// What the names of its tasks begin with, without the slash.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.as_str()
    }

    /// A scope within this one, which is cancelled and awaited with it, or alone.
    #[must_use]
    pub fn child(&self, name: impl Into<Text>) -> Scope<M> {
        let path = self.full_name(&name.into());
        Self::nested(self.tasks.clone(), path, Some(self.inner.clone()))
    }

    /// The name that a task of this scope has in the registry.
    pub(crate) fn full_name(&self, name: &Text) -> Text {
        Text::from(format_args!("{}/{}", self.path.as_str(), name.as_str()))
    }

    /// Makes a task that was just admitted a member.
    pub(crate) fn enter(&self, task: &SlotRef<M>) -> Result<(), SpawnError> {
        enter::<M>(&self.inner, task)
    }

    /// What is left of it without its table.
    pub(crate) fn inner(&self) -> M::Ptr<Inner<M>> {
        self.inner.clone()
    }

    /// The task of this relative name: the live one, or else the record of the last that ended with it. O(1).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<TaskRef<M>> {
        self.tasks.get(self.full_name(&Text::from(alloc::string::String::from(name))).as_str())
    }

    /// How many of its tasks, and of those of the scopes within, have not ended. O(1).
    ///
    /// One that is seen to end this instant counts until it has left, before who waits for it or for the scope is woken.
    #[must_use]
    pub fn live(&self) -> usize {
        self.inner.members.with(|members| members.live())
    }

    /// The live tasks of this scope and of those within, in the order in which they entered. O(of those).
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskRef<M>> {
        let tasks = |members: &mut Members<M>| members.tasks().cloned().collect();
        let slots: Vec<_> = self.inner.members.with(tasks);
        // One that has ended may not have left yet.
        let lives = |task: &SlotRef<M>| task.settled() & ENDED == 0;
        slots.into_iter().filter(lives).map(TaskRef).collect()
    }

    /// Whether it, or a scope around it, was cancelled.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        is_closed::<M>(&self.inner)
    }

    /// Closes the scope and asks its tasks, and those of the scopes within, to stop. O(of those).
    ///
    /// Eager, as every cancel: the returned future only waits until all of them have ended (law 1).
    pub fn cancel(&self) -> CancellingAll<M> {
        self.cancel_with(Cancel::new())
    }

    /// [`cancel`](Scope::cancel), with a reason or a grace.
    pub fn cancel_with<G: Future>(&self, cancel: impl Into<Cancel<G>>) -> CancellingAll<M, G> {
        self.inner.members.with(|members| members.closed = true);
        CancellingAll::new(self.tasks(), cancel.into())
    }

    /// Waits until none of its tasks, nor of those of the scopes within, lives.
    pub fn wait_idle(&self) -> ScopeIdle<M> {
        let watch = Watch::new(self.inner.clone(), |inner| &inner.empty);
        ScopeIdle { waiter: Waiter::new(watch, 0) }
    }
}

pin_project! {
    /// Waits until no task of a scope lives: what [`Scope::wait_idle`] returns.
    #[must_use = "futures do nothing unless polled"]
    pub struct ScopeIdle<M: Mode> {
        #[pin]
        waiter: Waiter<Watch<M, M::Ptr<Inner<M>>>>,
    }
}

impl<M: Mode> Future for ScopeIdle<M> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let idle = |watch: &Watch<M, M::Ptr<Inner<M>>>| {
            watch.core.members.with(|members| (members.live() == 0).then_some(()))
        };
        self.project().waiter.poll_until(cx, idle)
    }
}

impl<M: Mode> fmt::Debug for ScopeIdle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeIdle").finish_non_exhaustive()
    }
}

impl<M: Mode> Clone for Scope<M> {
    fn clone(&self) -> Self {
        Self { tasks: self.tasks.clone(), path: self.path.clone(), inner: self.inner.clone() }
    }
}

impl<M: Mode> fmt::Debug for Scope<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("path", &self.path).field("tasks", &self.tasks()).finish()
    }
}
