//! W4: records that go, at a word or by themselves.

use futures_lite::future::yield_now;

use crate::contender::{OneByOne, Reaping};
use crate::measure::Reading;
use crate::name::Name;
use crate::work::{Counted, Gauge};
use crate::workload::{Figure, Workload};
use crate::workloads::crowd::Crowd;

/// N tasks live, 10 more have ended and nobody awaited them: forgets the 10.
#[derive(Debug)]
pub struct Purge<C: OneByOne> {
    crowd: Crowd<C>,
    n: usize,
}

impl<C: OneByOne> Purge<C> {
    const ENDED: u64 = 10;
}

impl<C: OneByOne> Workload for Purge<C> {
    const FIGURES: &'static [Figure] =
        &[Figure { id: "W4", what: "purge the 10 that have ended, with N live" }];
    const SIZES: &'static [usize] = &[1_000, 10_000, 100_000, 1_000_000];
    type Contender = C;

    fn operations(_: usize) -> usize {
        1
    }

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        Self { crowd: Crowd::new(C::new(place), n, Gauge::new(watching)).await, n }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let Crowd { contender, name, gauge, .. } = &mut self.crowd;
        let mut reading = Reading::default();
        for _ in 0..repeats {
            for id in 0..Self::ENDED {
                let work = Counted(id, gauge);
                drop(contender.spawn(name.of(self.n as u64 + id), work).await);
            }
            gauge.started(Self::ENDED as usize).await;
            assert_eq!(contender.known().await, self.n + Self::ENDED as usize);
            // The last of them has been polled; on another thread its end may take another moment.
            for _ in 0..100 {
                yield_now().await;
            }
            reading.add(1, async { contender.purge() }).await;
            while contender.known().await > self.n {
                yield_now().await;
                contender.purge();
            }
        }
        vec![reading]
    }

    async fn tear_down(self) {
        self.crowd.disperse().await;
    }
}

/// Spawns N tasks that nobody awaits and that end at once; until nothing is known of them.
#[derive(Debug)]
pub struct Reap<C: Reaping> {
    contender: C,
    gauge: &'static Gauge,
    name: Name,
    n: usize,
}

impl<C: Reaping> Workload for Reap<C> {
    const FIGURES: &'static [Figure] =
        &[Figure { id: "W4b", what: "spawn a ready task, whose record goes by itself" }];
    type Contender = C;

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        let contender = C::reaping(place);
        Self { contender, gauge: Gauge::new(watching), name: Name::default(), n }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let Self { contender, gauge, name, n } = self;
        let mut reading = Reading::default();
        for _ in 0..repeats {
            let reaped = reading.add(*n, async {
                for id in 0..*n as u64 {
                    contender.spawn_forgotten(name.of(id), Counted(id, gauge));
                }
                gauge.started(*n).await;
                contender.reaped().await;
            });
            reaped.await;
            assert_eq!(contender.known().await, 0);
        }
        vec![reading]
    }

    async fn tear_down(self) {}
}
