//! W6: churn from two threads on one registry, and, beside it, from one.

use std::pin::Pin;

use crate::contender::OneByOne;
use crate::measure::Reading;
use crate::work::Gauge;
use crate::workload::{Figure, Workload};
use crate::workloads::w5::Churn;

/// A contender that several threads use, and that is cloned for each.
pub trait Shared: OneByOne + Clone {
    /// [`Churn::run`], as a future that may go to another thread. Written for each contender by itself, because only there
    /// the compiler sees that it may.
    fn run(churn: Churn<Self>, repeats: usize) -> Churning<Self>;
}

/// What [`Shared::run`] returns.
pub type Churning<C> = Pin<Box<dyn Future<Output = Churn<C>> + Send>>;

/// N tasks live, of which each of two threads has half; each churns through its own.
#[derive(Debug)]
pub struct W6<C: Shared> {
    /// Both there between samples.
    churns: Option<[Churn<C>; 2]>,
}

impl<C: Shared<Kept: Send> + Send + 'static> Workload for W6<C> {
    const FIGURES: &'static [Figure] =
        &[Figure { id: "W6", what: "a step of the churn, from two threads" }];
    const SIZES: &'static [usize] = &[10_000];
    type Contender = C;

    fn operations(_: usize) -> usize {
        2 * Churn::<C>::STEPS
    }

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        Self { churns: Some(halves(place, n, watching).await) }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let mut reading = Reading::default();
        let [one, other] = self.churns.take().expect("both are there");
        let (one, other) = (C::run(one, repeats), C::run(other, repeats));
        let both = reading.add(2 * Churn::<C>::STEPS * repeats, async {
            let (one, other) = (tokio::spawn(one), tokio::spawn(other));
            (one.await.expect("it ends"), other.await.expect("it ends"))
        });
        self.churns = Some(both.await.into());
        vec![reading]
    }

    async fn tear_down(self) {
        stop(self.churns.expect("both are there")).await;
    }
}

/// W6a: the same tasks, on a runtime of one worker, which churns through the first half. What W6 is by this is how it scales.
#[derive(Debug)]
pub struct Alone<C: Shared> {
    /// Both there between samples.
    churns: Option<[Churn<C>; 2]>,
}

impl<C: Shared<Kept: Send> + Send + 'static> Workload for Alone<C> {
    const FIGURES: &'static [Figure] = &[Figure {
        id: "W6a",
        what: "a step of the churn, from one thread, the runtime's only worker",
    }];
    const SIZES: &'static [usize] = &[10_000];
    type Contender = C;

    fn operations(_: usize) -> usize {
        Churn::<C>::STEPS
    }

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        Self { churns: Some(halves(place, n, watching).await) }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let mut reading = Reading::default();
        let [one, other] = self.churns.take().expect("both are there");
        let one = C::run(one, repeats);
        let one = reading.add(Churn::<C>::STEPS * repeats, async { tokio::spawn(one).await });
        self.churns = Some([one.await.expect("it ends"), other]);
        vec![reading]
    }

    async fn tear_down(self) {
        stop(self.churns.expect("both are there")).await;
    }
}

/// Two churns on one contender, each through half of the tasks.
async fn halves<C: Shared>(place: C::Place, n: usize, watching: bool) -> [Churn<C>; 2] {
    let contender = C::new(place);
    let gauge = Gauge::new(watching);
    let mut one = Churn::new(contender.clone(), gauge, 0, 2);
    one.fill(n / 2).await;
    let mut other = Churn::new(contender, gauge, 1, 2);
    other.fill(n - n / 2).await;
    [one, other]
}

async fn stop<C: Shared>([one, other]: [Churn<C>; 2]) {
    let gauge = one.gauge;
    drop(one.stop().await);
    let contender = other.stop().await;
    assert_eq!(contender.known().await, 0);
    gauge.assert_live(0);
    contender.stop_all(Vec::new()).await;
}
