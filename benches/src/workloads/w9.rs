//! W9: one task, awaited by many.

use tokio::sync::oneshot;

use crate::contender::Awaitable;
use crate::measure::Reading;
use crate::name::Name;
use crate::work::Gauge;
use crate::workload::{Figure, Workload};

/// N tasks wait for one: from the moment at which that may end until all of them have.
#[derive(Debug)]
pub struct W9<C: Awaitable> {
    contender: C,
    gauge: &'static Gauge,
    name: Name,
    n: usize,
}

impl<C: Awaitable> Workload for W9<C> {
    const FIGURES: &'static [Figure] =
        &[Figure { id: "W9", what: "end a task that N await, per waiter" }];
    const SIZES: &'static [usize] = &[100];
    type Contender = C;

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        let contender = C::new(place);
        Self { contender, gauge: Gauge::new(watching), name: Name::default(), n }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let Self { contender, gauge, name, n } = self;
        let mut reading = Reading::default();
        for _ in 0..repeats {
            let (release, released) = oneshot::channel();
            let future = async move { released.await.expect("it is released") };
            contender.spawn_awaited(name.of(7), gauge.counts(future)).await;
            gauge.started(1).await;
            let mut waiters = Vec::with_capacity(*n);
            for _ in 0..*n {
                waiters.push(contender.spawn_waiter(name, gauge));
            }
            gauge.started(*n).await;
            let ended = reading.add(*n, async {
                release.send(7).expect("it waits");
                for waiter in waiters {
                    waiter.await;
                }
            });
            ended.await;
            contender.forget(name).await;
            assert_eq!(contender.known().await, 0);
        }
        vec![reading]
    }

    async fn tear_down(self) {}
}
