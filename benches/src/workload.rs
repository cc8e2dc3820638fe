//! What a workload is.

use crate::contender::Contender;
use crate::measure::Reading;

/// One figure of a workload: a line in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What it is chosen by: `W2b`.
    pub id: &'static str,
    /// What is measured, per operation.
    pub what: &'static str,
}

/// Something that contenders are put to, measured in one or more figures.
pub trait Workload: Sized {
    /// What it measures.
    const FIGURES: &'static [Figure];

    /// How many tasks it is run with unless told otherwise.
    const SIZES: &'static [usize] = &[1_000, 10_000, 100_000];

    /// Whether it takes time; otherwise it takes memory, and counts that itself.
    const TIMED: bool = true;

    /// Who does it.
    type Contender: Contender;

    /// How many operations one repeat with `n` tasks is, in each figure.
    #[must_use]
    fn operations(n: usize) -> usize {
        n
    }

    /// What is there before the clock runs: kept from sample to sample, so that memory has grown when it counts. With
    /// `watching`, each step asserts that it left behind what it should.
    async fn set_up(place: <Self::Contender as Contender>::Place, n: usize, watching: bool)
    -> Self;

    /// Does the work `repeats` times; one reading for each figure.
    async fn sample(&mut self, repeats: usize) -> Vec<Reading>;

    /// Ends all that is still there.
    async fn tear_down(self);
}
