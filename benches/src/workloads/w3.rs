//! W3: look a task up by its name and read its state.

use crate::contender::Findable;
use crate::measure::Reading;
use crate::name::Name;
use crate::work::Gauge;
use crate::workload::{Figure, Workload};
use crate::workloads::crowd::Crowd;

/// N tasks live; looks them up in an order that is not that of spawning.
#[derive(Debug)]
pub struct W3<C: Findable> {
    crowd: Crowd<C>,
    names: [Name; 16],
    n: u64,
    stride: u64,
    next: u64,
}

impl<C: Findable> W3<C> {
    /// The lookups of one repeat.
    const LOOKUPS: usize = 1024;

    /// How far the next name is from the one before: large, and, a prime, with every N a way through all names.
    const STRIDE: u64 = 7_368_787;
}

impl<C: Findable> Workload for W3<C> {
    const FIGURES: &'static [Figure] =
        &[Figure { id: "W3", what: "look up by name and read the state" }];
    const SIZES: &'static [usize] = &[1_000, 10_000, 100_000, 1_000_000];
    type Contender = C;

    fn operations(_: usize) -> usize {
        Self::LOOKUPS
    }

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        let crowd = Crowd::new(C::new(place), n, Gauge::new(watching)).await;
        assert!(!crowd.contender.is_running(&Default::default()).await, "it finds what is not");
        Self {
            crowd,
            names: Default::default(),
            n: n as u64,
            stride: Self::STRIDE % n as u64,
            next: 0,
        }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let Self { crowd: Crowd { contender, .. }, names, n, stride, next } = self;
        let mut reading = Reading::default();
        let looked = reading.add(Self::LOOKUPS * repeats, async {
            let mut running = 0;
            for _ in 0..Self::LOOKUPS * repeats / names.len() {
                // Some names before they are looked up, as a request has one: one that was written a moment ago is still on its way
                // to the cache, and whoever reads it waits for that about as long as a look-up takes.
                for name in &mut *names {
                    *next += *stride;
                    *next -= if *next < *n { 0 } else { *n };
                    name.of(*next);
                }
                for name in &*names {
                    running += usize::from(contender.is_running(name).await);
                }
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
