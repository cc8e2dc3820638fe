//! What a contender can do.

use crate::name::Name;
use crate::work::Work;

/// A way to run tasks and keep hold of them, as its own users would write it, with care.
///
/// The names are built by the workloads, for all alike. `&mut self`, because that is what some have; who can be shared
/// implements [`Shared`] too.
pub trait Contender: Sized {
    /// What it is called in tables.
    const NAME: &'static str;

    /// Whether a task can be found by its name. Where not, it is found by what `spawn` returned.
    const NAMES: bool = true;

    /// Whether the task's output comes back.
    const OUTPUT: bool = true;

    /// What it runs on.
    type Place: Copy;

    /// What the caller of `spawn` keeps.
    type Held;

    /// An empty one. Called on its runtime.
    fn new(place: Self::Place) -> Self;

    /// Starts a task and enters its name.
    async fn spawn(&mut self, name: &Name, work: impl Work) -> Self::Held;

    /// Awaits the end of a task, this one or, where it is all the contender offers, whichever is next, and takes its record
    /// away, at the latest with the next [`purge`](Contender::purge). Returns its output.
    async fn join(&mut self, id: u64, name: &mut Name, held: Self::Held) -> u64;

    /// Stops the task, awaits that it has stopped, and takes its record away, as `join` does.
    async fn cancel(&mut self, name: &Name, held: Self::Held);

    /// Takes away the records of all tasks that have ended.
    fn purge(&mut self);

    /// How many tasks it knows: names, or, without names, what it tracks.
    fn known(&self) -> usize;
}
