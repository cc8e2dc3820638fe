//! W2: spawn tasks that wait for ever; then cancel each by its name and await that it has stopped.

use crate::contender::OneByOne;
use crate::measure::Reading;
use crate::name::Name;
use crate::work::{Gauge, Idle};
use crate::workload::{Figure, Workload};

/// Spawns N idle tasks (W2a) and, once all of them run, cancels and awaits one after the other (W2b).
#[derive(Debug)]
pub struct W2<C: OneByOne> {
    contender: C,
    gauge: &'static Gauge,
    kept: Vec<C::Kept>,
    name: Name,
    n: usize,
}

impl<C: OneByOne> Workload for W2<C> {
    const FIGURES: &'static [Figure] = &[
        Figure { id: "W2a", what: "spawn a task that waits" },
        Figure { id: "W2b", what: "cancel by name and await that it has stopped" },
    ];
    const SIZES: &'static [usize] = &[1_000, 10_000, 100_000, 1_000_000];
    type Contender = C;

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        let contender = C::new(place);
        let gauge = Gauge::new(watching);
        Self { contender, gauge, kept: Vec::with_capacity(n), name: Name::default(), n }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let Self { contender, gauge, kept, name, n } = self;
        let [mut spawning, mut cancelling] = [Reading::default(); 2];
        for _ in 0..repeats {
            let spawned = spawning.add(*n, async {
                for id in 0..*n as u64 {
                    kept.push(C::keep(contender.spawn(name.of(id), Idle(gauge)).await));
                }
            });
            spawned.await;
            gauge.started(*n).await;
            gauge.assert_live(*n);
            let cancelled = cancelling.add(*n, async {
                for (id, kept) in kept.drain(..).enumerate() {
                    contender.cancel(name.of(id as u64), kept).await;
                    gauge.assert_live(*n - id - 1);
                }
                contender.forget_ended();
            });
            cancelled.await;
            assert_eq!(contender.known().await, 0);
        }
        vec![spawning, cancelling]
    }

    async fn tear_down(self) {}
}
