//! W5: churn.

use std::collections::VecDeque;

use crate::contender::OneByOne;
use crate::measure::Reading;
use crate::name::Name;
use crate::work::{Gauge, Idle};
use crate::workload::{Figure, Workload};

/// N tasks live; each step adds one, cancels the oldest and awaits that it has stopped.
#[derive(Debug)]
pub struct W5<C: OneByOne> {
    churn: Churn<C>,
    n: usize,
}

impl<C: OneByOne> Workload for W5<C> {
    const FIGURES: &'static [Figure] =
        &[Figure { id: "W5", what: "with N live: add one, cancel and await the oldest" }];
    const SIZES: &'static [usize] = &[10_000];
    type Contender = C;

    fn operations(_: usize) -> usize {
        Churn::<C>::STEPS
    }

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        let mut churn = Churn::new(C::new(place), Gauge::new(watching), 0, 1);
        churn.fill(n).await;
        Self { churn, n }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let mut reading = Reading::default();
        reading.add(Churn::<C>::STEPS * repeats, self.churn.run(repeats)).await;
        assert!([0, self.n].contains(&self.churn.contender.known().await));
        vec![reading]
    }

    async fn tear_down(self) {
        let gauge = self.churn.gauge;
        let contender = self.churn.stop().await;
        assert_eq!(contender.known().await, 0);
        gauge.assert_live(0);
        contender.stop_all(Vec::new()).await;
    }
}

/// A queue of idle tasks.
#[derive(Debug)]
pub struct Churn<C: OneByOne> {
    contender: C,
    pub(crate) gauge: &'static Gauge,
    kept: VecDeque<(u64, C::Kept)>,
    name: Name,
    next: u64,
    step: u64,
}

impl<C: OneByOne> Churn<C> {
    /// The steps of one repeat.
    pub(crate) const STEPS: usize = 1000;

    /// Will number its tasks `first`, `first + step`, …
    pub(crate) fn new(contender: C, gauge: &'static Gauge, first: u64, step: u64) -> Self {
        let kept = VecDeque::new();
        Self { contender, gauge, kept, name: Name::default(), next: first, step }
    }

    /// Spawns so many tasks, and waits until they run.
    pub(crate) async fn fill(&mut self, n: usize) {
        self.kept.reserve(n + 1);
        for _ in 0..n {
            self.add().await;
        }
        self.gauge.started(n).await;
    }

    /// Adds one and cancels the oldest, `STEPS` times for each repeat.
    pub async fn run(&mut self, repeats: usize) {
        for _ in 0..repeats {
            for _ in 0..Self::STEPS {
                self.add().await;
                if self.gauge.is_watching() && self.step == 1 {
                    // Some make a task's future when it first runs: until then it is not there to be counted.
                    self.gauge.started(1).await;
                }
                self.cancel_oldest().await;
            }
            self.contender.forget_ended();
        }
    }

    /// Cancels what is left, and gives the contender back.
    pub(crate) async fn stop(mut self) -> C {
        while !self.kept.is_empty() {
            self.cancel_oldest().await;
        }
        self.contender.forget_ended();
        self.contender
    }

    #[inline]
    async fn add(&mut self) {
        let held = self.contender.spawn(self.name.of(self.next), Idle(self.gauge)).await;
        self.kept.push_back((self.next, C::keep(held)));
        self.next += self.step;
    }

    #[inline]
    async fn cancel_oldest(&mut self) {
        let (id, kept) = self.kept.pop_front().expect("some live");
        self.contender.cancel(self.name.of(id), kept).await;
        if self.step == 1 {
            self.gauge.assert_live(self.kept.len());
        }
    }
}
