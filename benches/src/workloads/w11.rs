//! W11: poll a task that is pending.

use crate::contender::OneByOne;
use crate::measure::Reading;
use crate::name::Name;
use crate::work::Yielding;
use crate::workload::{Figure, Workload};

/// Spawns one task, which wakes itself N times, and awaits it: what a poll adds to what the executor takes for it.
#[derive(Debug)]
pub struct W11<C: OneByOne> {
    contender: C,
    name: Name,
    n: u64,
}

impl<C: OneByOne> Workload for W11<C> {
    const FIGURES: &'static [Figure] = &[Figure { id: "W11", what: "poll a task that is pending" }];
    const SIZES: &'static [usize] = &[1_000];
    type Contender = C;

    async fn set_up(place: C::Place, n: usize, _: bool) -> Self {
        Self { contender: C::new(place), name: Name::default(), n: n as u64 }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let Self { contender, name, n } = self;
        let mut reading = Reading::default();
        for _ in 0..repeats {
            let polled = reading.add(*n as usize, async {
                let held = contender.spawn(name.of(0), Yielding(*n)).await;
                let polled = contender.join(0, name, held).await;
                contender.purge();
                polled
            });
            let polled = polled.await;
            assert!(!C::OUTPUT || polled == *n, "it was not polled so often");
            assert_eq!(contender.known().await, 0);
        }
        vec![reading]
    }

    async fn tear_down(self) {}
}
