//! Tasks that live while something is measured.

use crate::contender::Contender;
use crate::name::Name;
use crate::work::{Gauge, Idle};

/// A contender with idle tasks, all of which have been polled.
#[derive(Debug)]
pub(crate) struct Crowd<C: Contender> {
    pub(crate) contender: C,
    pub(crate) held: Vec<C::Held>,
    pub(crate) name: Name,
    pub(crate) gauge: &'static Gauge,
}

impl<C: Contender> Crowd<C> {
    /// `n` tasks, numbered from 0.
    pub(crate) async fn new(mut contender: C, n: usize, gauge: &'static Gauge) -> Self {
        let mut name = Name::default();
        let mut held = Vec::with_capacity(n);
        for id in 0..n as u64 {
            held.push(contender.spawn(name.of(id), Idle(gauge)).await);
        }
        gauge.started(n).await;
        gauge.assert_live(n);
        Self { contender, held, name, gauge }
    }

    /// Stops all of them.
    pub(crate) async fn disperse(self) {
        self.contender.stop_all(self.held).await;
        self.gauge.assert_live(0);
    }
}
