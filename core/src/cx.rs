use core::fmt;
use core::future::Future;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use crate::mode::Mode;
use crate::slot::{CANCEL, ENDING, FOR_READY, READY, SlotRef};
use crate::unwind::{contain, wake};
use crate::wait::wake_all;
use crate::{Cancelled, TaskRef, Tasks, Text, Wait};

/// What a task is given: the application's value, the tasks beside it, itself, and its token. Derefs to the value.
///
/// It holds the table and its own record, never an executor, so it is no cycle. To spawn from inside a task, see
/// [`WithContext::with_registry`](crate::WithContext::with_registry).
pub struct Cx<A, M: Mode> {
    app: A,
    task: TaskRef<M>,
    tasks: Tasks<M>,
}

impl<A, M: Mode> Cx<A, M> {
    pub(crate) fn new(app: A, task: &TaskRef<M>, tasks: &Tasks<M>) -> Self {
        Self { app, task: task.clone(), tasks: tasks.clone() }
    }

    /// The application's value.
    pub fn app(&self) -> &A {
        &self.app
    }

    /// All tasks of the registry.
    pub fn tasks(&self) -> &Tasks<M> {
        &self.tasks
    }

    /// This task.
    pub fn task(&self) -> &TaskRef<M> {
        &self.task
    }

    /// This task's id.
    pub fn id(&self) -> crate::TaskId {
        self.task.id()
    }

    /// This task's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.task.name()
    }

    /// Ready once the task was asked to stop: the cooperative half of a cancel with a grace.
    ///
    /// Cancel safe; waiting costs no allocation. Without a grace the task is dropped where it next yields, and sees this
    /// only if it looks before.
    pub fn cancelled(&self) -> Cancelled<M> {
        self.task.cancelled()
    }

    /// Says that the task is ready for what others expect of it: who waits in
    /// [`TaskRef::started`](crate::TaskRef::started) goes on. Saying so again changes nothing, nor does it after the end:
    /// a task that ended before it was ready never was.
    pub fn ready(&self) {
        let task = &self.task.0;
        let first = task.with(|body| {
            let ended = task.flags() & ENDING != 0 || body.is_ending();
            !ended && task.set(READY) & READY == 0
        });
        if first {
            wake_all(task, Some(FOR_READY));
        }
    }

    /// Wakes `waker` once, when the task is asked to stop, or right away if it was. What other kinds of tokens are
    /// built on; a task itself uses [`cancelled`](Cx::cancelled).
    ///
    /// A waker is kept until the task is asked to stop or ends, once if it registers again ([`Waker::will_wake`]).
    /// O(of those that are kept).
    pub fn wake_on_cancel(&self, waker: Waker) {
        let mut waker = Some(waker);
        let asked = self.task.0.with(|body| {
            let flags = self.task.0.flags();
            if flags & (CANCEL | ENDING) == 0 {
                let hooks = &mut self.task.0.extras(body).hooks;
                // Compares pointers, and runs no foreign code (law 9).
                let known = |new: &Waker| hooks.iter().any(|hook| hook.will_wake(new));
                if !waker.as_ref().is_some_and(known) {
                    hooks.extend(waker.take());
                }
            }
            flags & CANCEL != 0
        });
        // It is foreign: woken, or dropped, outside the lock.
        contain(|| match waker {
            Some(waker) if asked => waker.wake(),
            waker => drop(waker),
        });
    }

    /// Whether the task was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.task.0.flags() & CANCEL != 0
    }

    /// Why the task was asked to stop, if it was and a reason was given.
    pub fn cancel_reason(&self) -> Option<Text> {
        self.task.0.with(|body| body.reason())
    }

    /// Waits for the end of `task`, which must be another one: a task that waits for itself under a shield would wait for
    /// ever, and in its cleanup until the deadline (law 5). [`TaskRef::wait`], which does not know who waits, does.
    ///
    /// # Errors
    ///
    /// `task` is this one.
    pub fn wait(&self, task: &TaskRef<M>) -> Result<Wait<M>, WaitsForItself> {
        if *task == self.task { Err(WaitsForItself) } else { Ok(task.wait()) }
    }

    /// Runs `section` to its end although the task may be asked to stop meanwhile: its future is dropped only after that.
    ///
    /// The token fires as usual. A section that hangs keeps the task `stopping`, visibly, and a shutdown reports it. One
    /// that waits for the end of its own task, which waits for the section, is such a section (law 5): in it wait for others
    /// with [`wait`](Cx::wait), where that is an error, and of its own cancelling drop the future. A shield is up from its
    /// first poll until it is ready or dropped; one that was raised elsewhere before the task's own first poll keeps a task
    /// that is cancelled then from being dropped, though not from never running (law 4).
    pub fn shield<F: Future>(&self, section: F) -> Shield<F, M> {
        Shield { section, guard: ShieldGuard { task: self.task.0.clone(), up: false } }
    }
}

impl<A, M: Mode> Deref for Cx<A, M> {
    type Target = A;
    fn deref(&self) -> &A {
        &self.app
    }
}

impl<A: Clone, M: Mode> Clone for Cx<A, M> {
    fn clone(&self) -> Self {
        Self::new(self.app.clone(), &self.task, &self.tasks)
    }
}

impl<A: fmt::Debug, M: Mode> fmt::Debug for Cx<A, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx")
            .field("app", &self.app)
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}

/// A task was about to wait for its own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitsForItself;

impl fmt::Display for WaitsForItself {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a task cannot wait for its own end")
    }
}

impl core::error::Error for WaitsForItself {}

pin_project! {
    /// A section of a task that is not dropped half-way: what [`Cx::shield`] returns.
    ///
    /// It must not wait for the end of its own task, which waits for it: [`Cx::wait`] makes that an error (law 5).
    #[must_use = "futures do nothing unless polled"]
    pub struct Shield<F, M: Mode> {
        #[pin]
        section: F,
        guard: ShieldGuard<M>,
    }
}

struct ShieldGuard<M: Mode> {
    task: SlotRef<M>,
    up: bool,
}

impl<M: Mode> ShieldGuard<M> {
    fn set(&mut self, up: bool) {
        if self.up != up {
            self.up = up;
            wake(self.task.shield(up));
        }
    }
}

impl<M: Mode> Drop for ShieldGuard<M> {
    fn drop(&mut self) {
        self.set(false);
    }
}

impl<F: Future, M: Mode> Future for Shield<F, M> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.guard.set(true);
        let polled = this.section.poll(cx);
        if polled.is_ready() {
            this.guard.set(false);
        }
        polled
    }
}

impl<F, M: Mode> fmt::Debug for Shield<F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shield").field("up", &self.guard.up).finish_non_exhaustive()
    }
}
