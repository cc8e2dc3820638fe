//! W7: memory.

use crate::contender::OneByOne;
use crate::measure::{Counts, Reading, counting};
use crate::name::Name;
use crate::work::{Gauge, Idle};
use crate::workload::{Figure, Workload};

/// N named tasks that wait: what they hold (W7), and what is left when all were cancelled (W7b).
#[derive(Debug)]
pub struct W7<C: OneByOne> {
    place: C::Place,
    gauge: &'static Gauge,
    n: usize,
}

impl<C: OneByOne> Workload for W7<C> {
    const FIGURES: &'static [Figure] = &[
        Figure { id: "W7", what: "memory of a live task that waits" },
        Figure { id: "W7b", what: "memory that is left, per task, after all were cancelled" },
    ];
    const TIMED: bool = false;
    type Contender = C;

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        Self { place, gauge: Gauge::new(watching), n }
    }

    /// Once, however often it is asked to: it counts, and does not take time.
    async fn sample(&mut self, _: usize) -> Vec<Reading> {
        let Self { place, gauge, n } = self;
        let mut name = Name::default();
        name.of(u64::MAX);
        let counting = counting();
        let before = Counts::now();
        let since = || {
            let now = Counts::now();
            Reading {
                operations: *n as u64,
                allocations: now.allocations - before.allocations,
                bytes: now.held - before.held,
                ..Reading::default()
            }
        };
        // What the caller keeps to cancel by counts, too.
        let mut kept = Vec::with_capacity(*n);
        let mut contender = C::new(*place);
        for id in 0..*n as u64 {
            kept.push(C::keep(contender.spawn(name.of(id), Idle(gauge)).await));
        }
        gauge.started(*n).await;
        gauge.assert_live(*n);
        let live = since();
        for (id, kept) in kept.into_iter().enumerate() {
            contender.cancel(name.of(id as u64), kept).await;
        }
        contender.forget_ended();
        gauge.assert_live(0);
        assert_eq!(contender.known().await, 0);
        let left = since();
        drop(counting);
        contender.stop_all(Vec::new()).await;
        vec![live, left]
    }

    async fn tear_down(self) {}
}
