//! Making a task anew: what a task that was spawned from a factory keeps for that, and who asks for it.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;

use crate::given::{AppAlone, Given};
use crate::mode::{Mode, Remember};
use crate::scope;
use crate::slot::SlotRef;
use crate::slot::{HANDLE, RESERVED};
use crate::table::{Brought, NotAdmitted, Policy};
use crate::terms::{Apart, Renew, Terms, again};
use crate::ticket::launch;
use crate::unwind::{Contained, contain};
use crate::{Cx, Spawn, SpawnError, TaskRef, Tasks, Text, Ticket, Tracked};

/// Why [`Tasks::restart`] did not restart a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestartError {
    /// No task of this name is known: there never was one, its record was purged or evicted, or another restart of it has just come to
    /// nothing and is about to give the name back.
    NotFound,
    /// The task was not spawned by `spawn_restartable`: there is nothing to make it from.
    NotRestartable,
    /// There is no place for a new one, or the executor does not take it.
    NotSpawned(SpawnError),
}

impl fmt::Display for RestartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RestartError::NotFound => f.write_str("no task has this name"),
            RestartError::NotRestartable => f.write_str("the task was not spawned from a factory"),
            RestartError::NotSpawned(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RestartError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            RestartError::NotSpawned(error) => Some(error),
            _ => None,
        }
    }
}

impl From<SpawnError> for RestartError {
    fn from(error: SpawnError) -> Self {
        RestartError::NotSpawned(error)
    }
}

/// What a restartable task is made from, each time. Nothing in it leads to a table: that is passed in.
pub(crate) trait Again<M: Mode> {
    /// What every incarnation is admitted with.
    fn flags(&self) -> u32;

    /// When an ordered shutdown comes to each of them, if that was said.
    fn stage(&self) -> Option<i64>;

    /// Whether the scope that the task belongs to takes no more.
    fn is_closed(&self) -> bool;

    /// Makes the future for a place that was just taken, and puts it on the executor. An error, or a panic of foreign code,
    /// gives the place back.
    fn start(
        &self,
        tasks: &Tasks<M>,
        slot: SlotRef<M>,
        handle: SlotRef<M>,
    ) -> Result<SlotRef<M>, SpawnError>;
}

/// What a restartable task keeps to be made anew from: a clone of the spawner, the factory, the value for its context, and
/// what its terms are made from. `K` is what else the context is given, which is not kept: it may lead to the table. Named in
/// bounds only, `M: Remember<Recipe<…>>`.
pub struct Recipe<S, M: Mode, A, G, X: Renew, K = AppAlone> {
    spawner: Contained<S>,
    app: Contained<A>,
    make: Contained<G>,
    terms: X::Recipe,
    stage: Option<i64>,
    scope: Option<M::Ptr<scope::Inner<M>>>,
    flags: u32,
    of: PhantomData<fn() -> (X, K)>,
}

impl<S, M: Mode, A, G, X: Renew, K> Recipe<S, M, A, G, X, K> {
    pub(crate) fn new(
        spawner: Contained<S>,
        app: Contained<A>,
        make: Contained<G>,
        terms: &X,
        flags: u32,
    ) -> Self {
        let terms = terms.recipe();
        Self { spawner, app, make, terms, stage: None, scope: None, flags, of: PhantomData }
    }

    pub(crate) fn placed(
        mut self,
        stage: Option<i64>,
        scope: Option<M::Ptr<scope::Inner<M>>>,
    ) -> Self {
        (self.stage, self.scope) = (stage, scope);
        self
    }
}

impl<S, M, A, G, F, X, K> Again<M> for Recipe<S, M, A, G, X, K>
where
    M: Mode,
    A: Clone,
    K: Given<S, M, A>,
    G: Fn(Cx<K::App, M>) -> F,
    F: Future<Output: 'static>,
    X: Terms<F::Output> + Renew,
    S: Spawn<Tracked<F, M, X>>,
{
    fn flags(&self) -> u32 {
        self.flags
    }

    fn stage(&self) -> Option<i64> {
        self.stage
    }

    fn is_closed(&self) -> bool {
        self.scope.as_ref().is_some_and(scope::is_closed::<M>)
    }

    fn start(
        &self,
        tasks: &Tasks<M>,
        slot: SlotRef<M>,
        handle: SlotRef<M>,
    ) -> Result<SlotRef<M>, SpawnError> {
        let ticket = Ticket::new(slot, handle);
        if let Some(scope) = &self.scope {
            scope::enter::<M>(scope, &ticket.task().0)?;
        }
        let spawner = self.spawner.get();
        let terms = Apart::<X, F::Output>::new(<X as again::Renew>::renew(&self.terms));
        let app = K::give(self.app.get().clone(), spawner, tasks);
        let future = (self.make.get())(Cx::new(app, ticket.task(), tasks));
        let (tracked, handle) = ticket.wrap(future, terms.into_inner())?;
        Ok(launch(tracked, handle, |tracked| spawner.spawn(tracked))?.into_slot())
    }
}

impl<S, M: Mode, A, G, X: Renew, K> fmt::Debug for Recipe<S, M, A, G, X, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe").finish_non_exhaustive()
    }
}

/// A hold on a recipe. It may be the last: what the destructors of foreign code panic with then concerns nobody here.
pub(crate) struct Remembered<M: Mode>(Option<M::Again>);

impl<M: Mode> Remembered<M> {
    pub(crate) fn new<T>(recipe: T) -> Self
    where
        M: Remember<T>,
    {
        Self(Some(M::erase(recipe)))
    }

    /// What this task is made from.
    fn of(task: &SlotRef<M>) -> Option<Self> {
        task.with(|body| body.some_extras()?.again.clone()).map(|again| Self(Some(again)))
    }

    /// The same, which the task then has no more.
    pub(crate) fn take(task: &SlotRef<M>) -> Option<Self> {
        task.with(|body| body.some_extras()?.again.take()).map(|again| Self(Some(again)))
    }

    fn get(&self) -> &dyn Again<M> {
        M::again(self.0.as_ref().expect("it is taken by the destructor alone"))
    }

    /// Takes a place for a task that has this recipe, and its stage, from its first instant: who finds the task can restart it.
    pub(crate) fn admit(
        &self,
        tasks: &Tasks<M>,
        name: Text,
        policy: Policy,
        flags: u32,
    ) -> Result<(SlotRef<M>, SlotRef<M>), NotAdmitted<M>> {
        let flags = self.get().flags() | RESERVED | flags;
        let brought = Brought { stage: self.get().stage(), again: self.0.as_ref() };
        tasks.0.admit_with(name, policy, flags, Some(&brought))
    }

    pub(crate) fn start(
        &self,
        tasks: &Tasks<M>,
        (slot, handle): (SlotRef<M>, SlotRef<M>),
    ) -> Result<SlotRef<M>, SpawnError> {
        self.get().start(tasks, slot, handle)
    }
}

impl<M: Mode> Drop for Remembered<M> {
    fn drop(&mut self) {
        let again = self.0.take();
        contain(|| drop(again));
    }
}

impl<M: Mode> Tasks<M> {
    /// Makes the task of this name anew, from the factory it was spawned from by
    /// [`spawn_restartable`](crate::TaskBuilder::spawn_restartable), and returns the new one.
    ///
    /// A live task is asked to stop, with the reason "replaced" and its own grace if it has one. The new one owns the name
    /// at once, and starts when the old one has ended: never do the futures of two of them run (law 6). Of a task that has
    /// ended the record is enough. From anywhere, also from inside the task itself, which then ends at its next `await`. Restarts at the same
    /// time are put in a row: each but the last returns a task that ends before it started, as "replaced".
    ///
    /// The factory is called by whoever calls this, and not under a lock (law 9); the output of the new task goes to nobody,
    /// unless the builder said [`keep_result`](crate::TaskBuilder::keep_result). Its panic comes out here and leaves no new
    /// task behind: a live one has been asked to stop by then, a record has its name again. (Where another thread still tells an
    /// observer of the new task, that is so once it has.) O(1).
    ///
    /// # Errors
    ///
    /// [`RestartError`] says that no such task is known, that it was not spawned from a factory, or what is in the way of
    /// spawning. A closed or full registry (the old task still has its place), or a scope that was cancelled, leaves the old
    /// task alone; an executor that refuses does so after the old one was asked to stop.
    ///
    /// # Panics
    ///
    /// If the factory, or a `Clone` of what a restart clones, does.
    pub fn restart(&self, name: &str) -> Result<TaskRef<M>, RestartError> {
        loop {
            let old = self.get(name).ok_or(RestartError::NotFound)?.0;
            let Some(recipe) = Remembered::of(&old) else {
                let closed = self.is_closed().then_some(SpawnError::Closed.into());
                return Err(closed.unwrap_or(RestartError::NotRestartable));
            };
            if recipe.get().is_closed() {
                return Err(SpawnError::Closed.into());
            }
            // Nobody has a handle for the output.
            let admitted = recipe.admit(self, old.text().clone(), Policy::Follow(old.id()), 0);
            let (slot, handle) = match admitted {
                Ok(places) => places,
                // Another task has the name since it was looked up.
                Err(
                    NotAdmitted::Existing(_) | NotAdmitted::Error(SpawnError::NameTaken { .. }),
                ) => {
                    continue;
                }
                Err(NotAdmitted::Error(error)) => return Err(error.into()),
            };
            let new = TaskRef(handle.clone());
            return match recipe.start(self, (slot, handle)) {
                // It was asked to stop before its executor had it, as it might have been a moment later: it has a record.
                Ok(_) | Err(SpawnError::Cancelled) => Ok(new),
                Err(error) => Err(error.into()),
            };
        }
    }
}

/// The flags of a first incarnation, which has a handle, without those that the others do not have.
pub(crate) fn lasting(flags: u32) -> u32 {
    flags & !HANDLE
}

#[cfg(test)]
mod tests {
    use core::future::{Future, ready};
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};

    use super::{HANDLE, NotAdmitted, Policy, RESERVED, SpawnError, Tasks};
    use crate::mode::Unsync;
    use crate::{Options, TaskId};

    fn follow(tasks: &Tasks<Unsync>, id: TaskId) -> Result<TaskId, SpawnError> {
        match tasks.0.admit(&mut "x".into(), Policy::Follow(id), RESERVED | HANDLE, None) {
            Ok((slot, handle)) => Ok(crate::Ticket::new(slot, handle).id()),
            Err(NotAdmitted::Error(error)) => Err(error),
            Err(NotAdmitted::Existing(_)) => unreachable!("that is for another policy"),
        }
    }

    #[test]
    fn law_07_a_restart_follows_the_task_that_was_found_and_no_other_of_its_name() {
        let tasks = Tasks::<Unsync>::new(Options::new());
        let found = tasks.reserve("x").unwrap();
        let stale = found.id();
        assert!(follow(&tasks, stale).is_ok());
        drop(found);
        assert!(follow(&tasks, stale).is_ok(), "nobody has the name");

        let (tracked, other) = tasks.reserve("x").unwrap().track(ready(7)).unwrap();
        let taken = Err(SpawnError::NameTaken { holder: other.id() });
        assert_eq!(follow(&tasks, stale), taken, "another task has it");
        assert!(!other.is_ended(), "and is left alone");
        let polled = pin!(tracked).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!((polled, other.is_ended()), (Poll::Ready(()), true));
        assert_eq!(follow(&tasks, stale), taken, "or has ended with it");
        assert!(follow(&tasks, other.id()).is_ok());
    }
    #[test]
    fn law_06_a_restart_is_not_admitted_where_the_task_it_follows_lives_on_without_its_name() {
        let tasks = Tasks::<Unsync>::new(Options::new());
        let lives = tasks.reserve("x").unwrap();
        let detached =
            tasks.0.admit(&mut "x".into(), Policy::Detach, RESERVED | HANDLE, None).ok().unwrap();
        // It never starts and leaves no record, so nobody has the name: while somebody refers to it, and then.
        let ticket = crate::Ticket::new(detached.0, detached.1);
        let kept = ticket.task().clone();
        drop(ticket);
        assert!(tasks.get("x").is_none());
        let taken = Err(SpawnError::NameTaken { holder: lives.id() });
        assert_eq!(follow(&tasks, lives.id()), taken);
        drop(kept);
        assert_eq!(follow(&tasks, lives.id()), taken);
    }
}
