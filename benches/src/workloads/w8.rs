//! W8: list all tasks.

use crate::contender::Findable;
use crate::measure::Reading;
use crate::work::Gauge;
use crate::workload::{Figure, Workload};
use crate::workloads::crowd::Crowd;

/// N tasks live: names and states as values that one may keep.
#[derive(Debug)]
pub struct W8<C: Findable> {
    crowd: Crowd<C>,
    n: usize,
}

impl<C: Findable> Workload for W8<C> {
    const FIGURES: &'static [Figure] = &[Figure { id: "W8", what: "list all, per task" }];
    type Contender = C;

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        Self { crowd: Crowd::new(C::new(place), n, Gauge::new(watching)).await, n }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let mut reading = Reading::default();
        for _ in 0..repeats {
            let listed = reading.add(self.n, self.crowd.contender.list()).await;
            assert_eq!(listed, self.n);
        }
        vec![reading]
    }

    async fn tear_down(self) {
        self.crowd.disperse().await;
    }
}
