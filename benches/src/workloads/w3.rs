//! W3: look a task up by its name and read its state.

use crate::contender::Findable;
use crate::measure::Reading;
use crate::work::Gauge;
use crate::workload::{Figure, Workload};
use crate::workloads::crowd::Crowd;

/// N tasks live; looks them up in an order that is not that of spawning.
#[derive(Debug)]
pub struct W3<C: Findable> {
    crowd: Crowd<C>,
    n: u64,
    next: u64,
}

impl<C: Findable> W3<C> {
    /// The lookups of one repeat.
    const LOOKUPS: usize = 1000;

    /// How far the next name is from the one before: large, and, a prime, with every N a way through all names.
    const STRIDE: u64 = 7_368_787;
}

impl<C: Findable> Workload for W3<C> {
    const FIGURES: &'static [Figure] =
        &[Figure { id: "W3", what: "look up by name and read the state" }];
    const SIZES: &'static [usize] = &[1_000, 10_000, 100_000, 1_000_000];
    type Contender = C;

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        let crowd = Crowd::new(C::new(place), n, Gauge::new(watching)).await;
        assert!(!crowd.contender.is_running(&Default::default()).await, "it finds what is not");
        Self { crowd, n: n as u64, next: 0 }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let Self { crowd: Crowd { contender, name, .. }, n, next } = self;
        let mut reading = Reading::default();
        let looked = reading.add(Self::LOOKUPS * repeats, async {
            let mut running = 0;
            for _ in 0..Self::LOOKUPS * repeats {
                *next = (*next + Self::STRIDE) % *n;
                running += usize::from(contender.is_running(name.of(*next)).await);
            }
            running
        });
        assert_eq!(looked.await, Self::LOOKUPS * repeats, "not all were found");
        vec![reading]
    }

    async fn tear_down(self) {
        self.crowd.disperse().await;
    }
}
