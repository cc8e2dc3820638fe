//! smol's executors: the floor, and a map of its tasks.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use async_executor::{Executor, LocalExecutor, Task};
use futures_util::FutureExt;
use futures_util::future::Shared;

use crate::contender::{Awaitable, Contender, Findable, OneByOne, Reaping};
use crate::name::Name;
use crate::work::{Gauge, Work};

/// One of the two, for ever.
pub trait Executes: Copy + 'static {
    /// How a map of tasks is shared there.
    type Map: Access;

    /// Runs a future.
    fn spawn<F: Future<Output: Send> + Send + 'static>(self, future: F) -> Task<F::Output>;
}

impl Executes for &'static Executor<'static> {
    type Map = Arc<Mutex<HashMap<String, Task<u64>>>>;
    #[inline]
    fn spawn<F: Future<Output: Send> + Send + 'static>(self, future: F) -> Task<F::Output> {
        Executor::spawn(self, future)
    }
}

impl Executes for &'static LocalExecutor<'static> {
    type Map = Rc<RefCell<HashMap<String, Task<u64>>>>;
    #[inline]
    fn spawn<F: Future<Output: Send> + Send + 'static>(self, future: F) -> Task<F::Output> {
        LocalExecutor::spawn(self, future)
    }
}

/// A map that is shared among threads, or within one.
pub trait Access: Default + Clone {
    /// What it is called in tables.
    const NAME: &'static str;

    /// Gives access to the map.
    fn with<R>(&self, visit: impl FnOnce(&mut HashMap<String, Task<u64>>) -> R) -> R;
}

impl Access for Arc<Mutex<HashMap<String, Task<u64>>>> {
    const NAME: &'static str = "Mutex<HashMap>";
    #[inline]
    fn with<R>(&self, visit: impl FnOnce(&mut HashMap<String, Task<u64>>) -> R) -> R {
        visit(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Access for Rc<RefCell<HashMap<String, Task<u64>>>> {
    const NAME: &'static str = "RefCell<HashMap>";
    #[inline]
    fn with<R>(&self, visit: impl FnOnce(&mut HashMap<String, Task<u64>>) -> R) -> R {
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

    #[inline]
    async fn join(&mut self, _: u64, _: &mut Name, held: Task<u64>) -> u64 {
        held.await
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

/// One after the other: `cancel` asks when it is first polled.
async fn stop(tasks: impl IntoIterator<Item = Task<u64>>) {
    for task in tasks {
        assert_eq!(task.cancel().await, None);
    }
}

/// A map of tasks, shared as is usual on the executor. Who awaits a task takes it out of the map.
pub struct TaskMap<E: Executes> {
    executor: E,
    tasks: E::Map,
}

impl<E: Executes> TaskMap<E> {
    #[inline]
    fn take(&self, name: &str) -> Task<u64> {
        self.tasks.with(|tasks| tasks.remove(name)).expect("it is known")
    }
}

impl<E: Executes> fmt::Debug for TaskMap<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(E::Map::NAME)
    }
}

impl<E: Executes> Contender for TaskMap<E> {
    const NAME: &'static str = E::Map::NAME;
    type Place = E;
    type Held = ();

    fn new(place: E) -> Self {
        Self { executor: place, tasks: E::Map::default() }
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

impl<E: Executes> OneByOne for TaskMap<E> {
    type Kept = ();

    fn keep((): ()) {}

    #[inline]
    async fn join(&mut self, id: u64, name: &mut Name, (): ()) -> u64 {
        self.take(name.of(id).as_str()).await
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, (): ()) {
        assert_eq!(self.take(name.as_str()).cancel().await, None);
    }

    fn purge(&mut self) {
        self.tasks.with(|tasks| tasks.retain(|_, task| !task.is_finished()));
    }
}

impl<E: Executes> Findable for TaskMap<E> {
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
