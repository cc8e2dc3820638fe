//! W1: spawn tasks that are ready at once, and await all of them.

use crate::contender::OneByOne;
use crate::measure::Reading;
use crate::name::Name;
use crate::work::Ready;
use crate::workload::{Figure, Workload};

/// Spawns N ready tasks, then awaits each; at the end nothing is known of them.
#[derive(Debug)]
pub struct W1<C: OneByOne> {
    contender: C,
    held: Vec<C::Joins>,
    name: Name,
    n: usize,
}

impl<C: OneByOne> Workload for W1<C> {
    const FIGURES: &'static [Figure] = &[Figure { id: "W1", what: "spawn and join a ready task" }];
    const SIZES: &'static [usize] = &[1_000, 10_000, 100_000, 1_000_000];
    type Contender = C;

    async fn set_up(place: C::Place, n: usize, _: bool) -> Self {
        Self { contender: C::new(place), held: Vec::with_capacity(n), name: Name::default(), n }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let Self { contender, held, name, n } = self;
        let mut reading = Reading::default();
        for _ in 0..repeats {
            let sum = reading.add(*n, async {
                for id in 0..*n as u64 {
                    held.push(C::keep_to_join(contender.spawn(name.of(id), Ready(id)).await));
                }
                let sum = contender.join_all(held.drain(..)).await;
                contender.forget_ended();
                sum
            });
            let sum = sum.await;
            assert!(!C::OUTPUT || sum == (*n as u64 - 1) * *n as u64 / 2, "an output is missing");
            assert_eq!(contender.known().await, 0);
        }
        vec![reading]
    }

    async fn tear_down(self) {}
}
