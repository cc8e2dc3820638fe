//! W5: churn.

use std::collections::VecDeque;

use crate::contender::Contender;
use crate::measure::Reading;
use crate::name::Name;
use crate::work::{Gauge, Idle};
use crate::workload::{Figure, Workload};

/// N tasks live; each step adds one, cancels the oldest and awaits that it has stopped.
#[derive(Debug)]
pub struct W5<C: Contender> {
    contender: C,
    gauge: &'static Gauge,
    held: VecDeque<(u64, C::Held)>,
    name: Name,
    next: u64,
    n: usize,
}

impl<C: Contender> W5<C> {
    /// The steps of one repeat.
    const STEPS: usize = 1000;

    #[inline]
    async fn add(&mut self) {
        let held = self.contender.spawn(self.name.of(self.next), Idle(self.gauge)).await;
        self.held.push_back((self.next, held));
        self.next += 1;
    }

    #[inline]
    async fn cancel_oldest(&mut self) {
        let (id, held) = self.held.pop_front().expect("some live");
        self.contender.cancel(self.name.of(id), held).await;
        self.gauge.assert_live(self.held.len());
    }
}

impl<C: Contender> Workload for W5<C> {
    const FIGURES: &'static [Figure] =
        &[Figure { id: "W5", what: "with N live: add one, cancel and await the oldest" }];
    const SIZES: &'static [usize] = &[10_000];
    type Contender = C;

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        let contender = C::new(place);
        let gauge = Gauge::new(watching);
        let held = VecDeque::with_capacity(n + 1);
        let mut this = Self { contender, gauge, held, name: Name::default(), next: 0, n };
        for _ in 0..n {
            this.add().await;
        }
        gauge.started(n).await;
        this
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let mut reading = Reading::default();
        for _ in 0..repeats {
            let churn = reading.add(Self::STEPS, async {
                for _ in 0..Self::STEPS {
                    self.add().await;
                    self.cancel_oldest().await;
                }
                self.contender.purge();
            });
            churn.await;
            assert!([0, self.n].contains(&self.contender.known()));
        }
        vec![reading]
    }

    async fn tear_down(mut self) {
        while !self.held.is_empty() {
            self.cancel_oldest().await;
        }
    }
}
