//! W10: shutdown.

use crate::contender::Contender;
use crate::measure::Reading;
use crate::work::Gauge;
use crate::workload::{Figure, Workload};
use crate::workloads::crowd::Crowd;

/// N tasks live: stops all of them and awaits that they have stopped.
#[derive(Debug)]
pub struct W10<C: Contender> {
    place: C::Place,
    gauge: &'static Gauge,
    n: usize,
}

impl<C: Contender> Workload for W10<C> {
    const FIGURES: &'static [Figure] = &[Figure { id: "W10", what: "shut N down, per task" }];
    type Contender = C;

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        Self { place, gauge: Gauge::new(watching), n }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let mut reading = Reading::default();
        for _ in 0..repeats {
            let crowd = Crowd::new(C::new(self.place), self.n, self.gauge).await;
            reading.add(self.n, crowd.disperse()).await;
        }
        vec![reading]
    }

    async fn tear_down(self) {}
}
