//! W11: poll a task that is pending.

use crate::contender::OneByOne;
use crate::measure::Reading;
use crate::name::Name;
use crate::work::Yielding;
use crate::workload::{Figure, Workload};

/// Spawns a few tasks, which wake themselves N times between them, and awaits them: what a poll adds to what the executor takes
/// for it. A few, so that no worker is idle: one that is takes the only task from the other, now and then. With two workers two are
/// polled at a time, and the figure is half of what one takes.
#[derive(Debug)]
pub struct W11<C: OneByOne> {
    contender: C,
    held: Vec<C::Joins>,
    name: Name,
    each: u64,
}

impl<C: OneByOne> W11<C> {
    const TASKS: u64 = 8;

    /// How often each is to wake itself.
    fn each(n: usize) -> u64 {
        (n as u64 / Self::TASKS).max(1)
    }
}

impl<C: OneByOne> Workload for W11<C> {
    const FIGURES: &'static [Figure] = &[Figure { id: "W11", what: "poll a task that is pending" }];
    const SIZES: &'static [usize] = &[10_000];
    type Contender = C;

    fn operations(n: usize) -> usize {
        (Self::each(n) * Self::TASKS) as usize
    }

    async fn set_up(place: C::Place, n: usize, _: bool) -> Self {
        let (held, name) = (Vec::new(), Name::default());
        Self { contender: C::new(place), held, name, each: Self::each(n) }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let Self { contender, held, name, each } = self;
        let all = *each * Self::TASKS;
        let mut reading = Reading::default();
        for _ in 0..repeats {
            let polled = reading.add(all as usize, async {
                for id in 0..Self::TASKS {
                    held.push(C::keep_to_join(contender.spawn(name.of(id), Yielding(*each)).await));
                }
                let polled = contender.join_all(held.drain(..)).await;
                contender.forget_ended();
                polled
            });
            let polled = polled.await;
            assert!(!C::OUTPUT || polled == all, "they were not polled so often");
            assert_eq!(contender.known().await, 0);
        }
        vec![reading]
    }

    async fn tear_down(self) {}
}
