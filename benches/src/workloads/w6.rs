//! W6: churn from two threads on one registry.

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

/// N tasks live, of which each of two threads has half; each churns through its own (W6). Beside it the same from one thread
/// (W6a): the second by the first is how it scales.
#[derive(Debug)]
pub struct W6<C: Shared> {
    /// Both there between samples.
    churns: Option<[Churn<C>; 2]>,
    gauge: &'static Gauge,
}

impl<C: Shared<Kept: Send> + Send + 'static> Workload for W6<C> {
    const FIGURES: &'static [Figure] = &[
        Figure { id: "W6a", what: "a step of the churn, from one thread" },
        Figure { id: "W6", what: "a step of the churn, from two threads" },
    ];
    const SIZES: &'static [usize] = &[10_000];
    type Contender = C;

    async fn set_up(place: C::Place, n: usize, watching: bool) -> Self {
        let contender = C::new(place);
        let gauge = Gauge::new(watching);
        let mut one = Churn::new(contender.clone(), gauge, 0, 2);
        one.fill(n / 2).await;
        let mut other = Churn::new(contender, gauge, 1, 2);
        other.fill(n - n / 2).await;
        Self { churns: Some([one, other]), gauge }
    }

    async fn sample(&mut self, repeats: usize) -> Vec<Reading> {
        let [mut alone, mut together] = [Reading::default(); 2];
        let steps = Churn::<C>::STEPS * repeats;
        let [one, other] = self.churns.take().expect("both are there");
        let running = C::run(one, repeats);
        let one = alone.add(steps, tokio::spawn(running)).await.expect("it ends");
        let (one, other) = (C::run(one, repeats), C::run(other, repeats));
        let both = together.add(2 * steps, async {
            let (one, other) = (tokio::spawn(one), tokio::spawn(other));
            (one.await.expect("it ends"), other.await.expect("it ends"))
        });
        self.churns = Some(both.await.into());
        vec![alone, together]
    }

    async fn tear_down(self) {
        let [one, other] = self.churns.expect("both are there");
        drop(one.stop().await);
        let contender = other.stop().await;
        assert_eq!(contender.known().await, 0);
        self.gauge.assert_live(0);
        contender.stop_all(Vec::new()).await;
    }
}
