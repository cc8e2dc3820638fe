//! smol's executors: the floor, and a map of its tasks.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::vec::Drain;

use async_executor::{Executor, LocalExecutor, Task};
use futures_util::FutureExt;
use futures_util::future::Shared;

use crate::contender::{Awaitable, Contender, Findable, OneByOne, Reaping};
use crate::contenders::map::{Hashing, Sip};
use crate::name::Name;
use crate::work::{Gauge, Work};

/// One of the two, for ever.
pub trait Executes: Copy + 'static {
    /// How a map of tasks is shared there.
    type Map<S: Hashing>: Access<S>;

    /// Runs a future.
    fn spawn<F: Future<Output: Send> + Send + 'static>(self, future: F) -> Task<F::Output>;
}

impl Executes for &'static Executor<'static> {
    type Map<S: Hashing> = Arc<Mutex<Tasks<S>>>;
    #[inline]
    fn spawn<F: Future<Output: Send> + Send + 'static>(self, future: F) -> Task<F::Output> {
        Executor::spawn(self, future)
    }
}

impl Executes for &'static LocalExecutor<'static> {
    type Map<S: Hashing> = Rc<RefCell<Tasks<S>>>;
    #[inline]
    fn spawn<F: Future<Output: Send> + Send + 'static>(self, future: F) -> Task<F::Output> {
        LocalExecutor::spawn(self, future)
    }
}

/// A map of tasks.
pub type Tasks<S> = HashMap<String, Task<u64>, S>;

/// A map that is shared among threads, or within one.
pub trait Access<S>: Default + Clone {
    /// What it is called in tables.
    const NAME: &'static str;

    /// Gives access to the map.
    fn with<R>(&self, visit: impl FnOnce(&mut Tasks<S>) -> R) -> R;
}

impl<S: Hashing> Access<S> for Arc<Mutex<Tasks<S>>> {
    const NAME: &'static str = S::LOCKED;
    #[inline]
    fn with<R>(&self, visit: impl FnOnce(&mut Tasks<S>) -> R) -> R {
        visit(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Hashing> Access<S> for Rc<RefCell<Tasks<S>>> {
    const NAME: &'static str = S::IN_CELL;
    #[inline]
    fn with<R>(&self, visit: impl FnOnce(&mut Tasks<S>) -> R) -> R {
        visit(&mut self.borrow_mut())
    }
}

/// `spawn`, and a `Task` in the caller's hands.
#[derive(Clone)]
pub struct Bare<E>(E);

impl<E> fmt::Debug for Bare<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bare")
    }
}

impl<E: Executes> Contender for Bare<E> {
    const NAME: &'static str = "bare";
    const NAMES: bool = false;
    type Place = E;
    type Held = Task<u64>;

    fn new(place: E) -> Self {
        Self(place)
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) -> Task<u64> {
        black_box(name);
        self.0.spawn(work.start())
    }

    async fn stop_all(self, held: Vec<Task<u64>>) {
        stop(held).await;
    }

    async fn known(&self) -> usize {
        0
    }
}

impl<E: Executes> OneByOne for Bare<E> {
    type Kept = Task<u64>;

    fn keep(held: Task<u64>) -> Task<u64> {
        held
    }

    type Joins = Task<u64>;

    fn keep_to_join(held: Task<u64>) -> Task<u64> {
        held
    }

    #[inline]
    async fn join_all(&mut self, held: Drain<'_, Task<u64>>) -> u64 {
        let mut sum = 0;
        for task in held {
            sum += task.await;
        }
        sum
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, held: Task<u64>) {
        black_box(name);
        assert_eq!(held.cancel().await, None);
    }

    fn purge(&mut self) {}
}

impl<E: Executes> Reaping for Bare<E> {
    fn reaping(place: E) -> Self {
        Self(place)
    }

    #[inline]
    fn spawn_forgotten(&mut self, name: &Name, work: impl Work) {
        black_box(name);
        self.0.spawn(work.start()).detach();
    }
}

/// All at once: `cancel` asks when it is first polled. For that each of its futures needs a place, a box.
async fn stop(tasks: impl IntoIterator<Item = Task<u64>>) {
    let cancel = |task: Task<u64>| Box::pin(task.cancel());
    let mut ends: Vec<_> = tasks.into_iter().map(cancel).collect();
    poll_fn(|cx| {
        for end in &mut ends {
            assert!(end.as_mut().poll(cx).is_pending(), "it waits for ever");
        }
        Poll::Ready(())
    })
    .await;
    for end in ends {
        assert_eq!(end.await, None);
    }
}

/// A map of tasks, shared as is usual on the executor. Who awaits a task takes it out of the map.
pub struct TaskMap<E: Executes, S: Hashing = Sip> {
    executor: E,
    tasks: E::Map<S>,
}

impl<E: Executes, S: Hashing> TaskMap<E, S> {
    #[inline]
    fn take(&self, name: &str) -> Task<u64> {
        self.tasks.with(|tasks| tasks.remove(name)).expect("it is known")
    }
}

impl<E: Executes, S: Hashing> fmt::Debug for TaskMap<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(E::Map::<S>::NAME)
    }
}

impl<E: Executes, S: Hashing> Contender for TaskMap<E, S> {
    const NAME: &'static str = E::Map::<S>::NAME;
    type Place = E;
    type Held = ();

    fn new(place: E) -> Self {
        Self { executor: place, tasks: E::Map::<S>::default() }
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) {
        let task = self.executor.spawn(work.start());
        let before = self.tasks.with(|tasks| tasks.insert(name.to_owned(), task));
        assert!(before.is_none(), "a live name was taken");
    }

    async fn stop_all(self, _: Vec<()>) {
        stop(self.tasks.with(std::mem::take).into_values()).await;
    }

    async fn known(&self) -> usize {
        self.tasks.with(|tasks| tasks.len())
    }
}

impl<E: Executes, S: Hashing> OneByOne for TaskMap<E, S> {
    type Kept = ();

    fn keep((): ()) {}

    type Joins = ();

    fn keep_to_join((): ()) {}

    /// All at once out of the map: none of them has to be looked for.
    #[inline]
    async fn join_all(&mut self, _: Drain<'_, ()>) -> u64 {
        let tasks: Vec<Task<u64>> =
            self.tasks.with(|tasks| tasks.drain().map(|(_, task)| task).collect());
        let mut sum = 0;
        for task in tasks {
            sum += task.await;
        }
        sum
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, (): ()) {
        assert_eq!(self.take(name.as_str()).cancel().await, None);
    }

    fn purge(&mut self) {
        self.tasks.with(|tasks| tasks.retain(|_, task| !task.is_finished()));
    }
}

impl<E: Executes, S: Hashing> Findable for TaskMap<E, S> {
    #[inline]
    async fn is_running(&self, name: &Name) -> bool {
        self.tasks.with(|tasks| tasks.get(name.as_str()).is_some_and(|task| !task.is_finished()))
    }

    async fn list(&self) -> usize {
        let tasks: Vec<(String, bool)> = self.tasks.with(|tasks| {
            tasks.iter().map(|(name, task)| (name.clone(), task.is_finished())).collect()
        });
        black_box(tasks).len()
    }
}

/// The floor of W9: a task that is shared with `FutureExt::shared`. One task, no names.
pub struct SharedTask<E> {
    executor: E,
    task: Option<Shared<Task<u64>>>,
}

impl<E> fmt::Debug for SharedTask<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedTask")
    }
}

impl<E: Executes> Contender for SharedTask<E> {
    const NAME: &'static str = "bare";
    const NAMES: bool = false;
    type Place = E;
    type Held = ();

    fn new(place: E) -> Self {
        Self { executor: place, task: None }
    }

    async fn spawn(&mut self, name: &Name, work: impl Work) {
        self.spawn_awaited(name, work.start()).await;
    }

    async fn stop_all(self, _: Vec<()>) {}

    async fn known(&self) -> usize {
        usize::from(self.task.is_some())
    }
}

impl<E: Executes> Awaitable for SharedTask<E> {
    async fn spawn_awaited<F: Future<Output = u64> + Send + 'static>(
        &mut self,
        name: &Name,
        future: F,
    ) {
        black_box(name);
        self.task = Some(self.executor.spawn(future).shared());
    }

    fn spawn_waiter(&self, name: &Name, gauge: &'static Gauge) -> impl Future<Output = ()> {
        black_box(name);
        let end = self.task.clone().expect("it is known");
        self.executor.spawn(gauge.counts(end.map(drop)))
    }

    async fn forget(&mut self, _: &Name) {
        self.task = None;
    }
}
