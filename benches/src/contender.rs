//! What a contender can do.

use std::vec::Drain;

use crate::name::Name;
use crate::work::{Gauge, Work};

/// A way to run tasks and keep hold of them, as its own users would write it, with care.
///
/// The names are built by the workloads, for all alike. `&mut self`, because that is what some have.
pub trait Contender: Sized {
    /// What it is called in tables.
    const NAME: &'static str;

    /// Whether a task can be found by its name. Where not, it is found by what `spawn` returned.
    const NAMES: bool = true;

    /// Up to how many tasks it is run with: fewer where it would take all the time there is.
    const MOST: usize = usize::MAX;

    /// What it runs on.
    type Place: Copy;

    /// What the caller of `spawn` keeps.
    type Held: std::fmt::Debug;

    /// An empty one. Called on its runtime.
    fn new(place: Self::Place) -> Self;

    /// Starts a task and enters its name.
    async fn spawn(&mut self, name: &Name, work: impl Work) -> Self::Held;

    /// Stops all tasks, awaits that they have stopped, and forgets them: the last that is done with it. `held` is what
    /// `spawn` returned for each of them.
    async fn stop_all(self, held: Vec<Self::Held>);

    /// How many tasks it knows: names, or, without names, what it tracks.
    async fn known(&self) -> usize;
}

/// Tasks are awaited, and cancelled one at a time.
pub trait OneByOne: Contender {
    /// Whether the task's output comes back.
    const OUTPUT: bool = true;

    /// What who will await all tasks, and cancel none, keeps of each until then: nothing, where the contender has them.
    type Joins: std::fmt::Debug;

    /// Gives up the rest.
    fn keep_to_join(held: Self::Held) -> Self::Joins;

    /// Awaits the end of all tasks, in whatever order its users would, and takes their records away, at the latest with the next
    /// [`forget_ended`](OneByOne::forget_ended). Returns the sum of their outputs.
    async fn join_all(&mut self, held: Drain<'_, Self::Joins>) -> u64;

    /// What who will cancel a task, and not join it, keeps of it until then: nothing, where its name says which task it is.
    type Kept: std::fmt::Debug;

    /// Gives up the rest.
    fn keep(held: Self::Held) -> Self::Kept;

    /// Stops the task, awaits that it has stopped, and takes its record away, as `join_all` does.
    async fn cancel(&mut self, name: &Name, kept: Self::Kept);

    /// Takes away the records that `join_all` and `cancel` have left: its users have to call it now and then. Nothing where these two take
    /// the record away themselves.
    fn forget_ended(&mut self) {}

    /// Takes away the records of all tasks that have ended, also of those that nobody has awaited.
    fn purge(&mut self);
}

/// Tasks are found by name, from anywhere.
pub trait Findable: Contender {
    /// Whether the task of this name is there and running.
    async fn is_running(&self, name: &Name) -> bool;

    /// Lists all tasks, as values that may be kept; returns how many there are.
    async fn list(&self) -> usize;
}

/// Records go when their tasks end, by themselves.
pub trait Reaping: Contender {
    /// One whose records do.
    fn reaping(place: Self::Place) -> Self;

    /// Starts a task that nobody will await.
    fn spawn_forgotten(&mut self, name: &Name, work: impl Work);

    /// What it takes until the records of ended tasks have gone, once they have ended.
    async fn reaped(&mut self) {
        while self.known().await > 0 {
            futures_lite::future::yield_now().await;
        }
    }
}

/// One task may be awaited by many.
pub trait Awaitable: Contender {
    /// Starts a task that many will await.
    async fn spawn_awaited<F: Future<Output = u64> + Send + 'static>(
        &mut self,
        name: &Name,
        future: F,
    );

    /// Spawns a task, as the executor itself does, that waits until the task of this name has ended, and that the gauge
    /// counts. The future is ready when that waiter is.
    fn spawn_waiter(&self, name: &Name, gauge: &'static Gauge) -> impl Future<Output = ()>;

    /// Forgets the task, which has ended.
    async fn forget(&mut self, name: &Name);
}
