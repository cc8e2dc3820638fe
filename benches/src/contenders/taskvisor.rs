//! taskvisor, with its limits lifted.

use std::vec::Drain;

use taskvisor::{
    Supervisor, SupervisorConfig, SupervisorHandle, TaskFn, TaskOutcome, TaskSpec, TaskWaiter,
};
use tokio::runtime::Handle;

use crate::contender::{Contender, Findable, OneByOne};
use crate::name::Name;
use crate::work::Work;

/// A supervisor. Who will await a task watches it; who will cancel one does it by name.
#[derive(Clone, Debug)]
pub struct Visor(SupervisorHandle);

impl Contender for Visor {
    const NAME: &'static str = "taskvisor";
    const MOST: usize = 10_000;
    type Place = &'static Handle;
    type Held = Option<(TaskWaiter, u64)>;

    fn new(_: &'static Handle) -> Self {
        let config = SupervisorConfig::default()
            .with_max_registered_tasks(None)
            .with_ownership_capacity(None);
        Self(Supervisor::new(config, Vec::new()).serve().expect("it starts"))
    }

    async fn spawn(&mut self, name: &Name, work: impl Work) -> Self::Held {
        let task =
            TaskFn::arc(
                move |cx| async move { cx.run_until_cancelled(work.start()).await.map(drop) },
            );
        let adding = self.0.add(TaskSpec::once(name.as_str(), task));
        match work.output() {
            Some(output) => Some((adding.watch().execute().await.expect("it is added"), output)),
            None => {
                adding.await.expect("it is added");
                None
            }
        }
    }

    async fn stop_all(self, _: Vec<Self::Held>) {
        self.0.shutdown().await.expect("all stop");
    }

    async fn known(&self) -> usize {
        self.0.list().await.len()
    }
}

impl OneByOne for Visor {
    type Kept = ();

    fn keep(_: Self::Held) {}

    type Joins = Option<(TaskWaiter, u64)>;

    fn keep_to_join(held: Self::Held) -> Self::Joins {
        held
    }

    /// It has no outputs: these are known beforehand.
    async fn join_all(&mut self, held: Drain<'_, Self::Joins>) -> u64 {
        let mut sum = 0;
        for held in held {
            let (waiter, output) = held.expect("it is watched");
            assert!(matches!(waiter.wait().await, Ok(TaskOutcome::Completed)));
            sum += output;
        }
        sum
    }

    async fn cancel(&mut self, name: &Name, (): ()) {
        assert!(self.0.cancel(name.as_str()).execute().await.expect("it is running"));
    }

    /// It keeps no records.
    fn purge(&mut self) {}
}

impl Findable for Visor {
    async fn is_running(&self, name: &Name) -> bool {
        self.0.is_alive(name.as_str()).await
    }

    async fn list(&self) -> usize {
        std::hint::black_box(self.0.list().await).len()
    }
}
