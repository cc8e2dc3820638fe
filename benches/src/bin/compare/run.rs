//! Contests: all contenders of one workload, on one runtime, at one N, taking turns.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use task_registry_benches::cases::{Ask, Case, Open, all};
use task_registry_benches::measure::Reading;
use task_registry_benches::workload::Figure;

use crate::args::Args;
use crate::order::Orders;

/// A sample is repeated until it takes about so long, so that reading the clock and one interruption do not count.
const SAMPLE: Duration = Duration::from_millis(2);

/// Contenders that take turns.
#[derive(Debug)]
pub(crate) struct Contest {
    cases: Vec<Case>,
    wanted: Vec<bool>,
    n: usize,
    rounds: usize,
}

/// What one contender came to in one figure.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) runtime: &'static str,
    pub(crate) figure: Figure,
    pub(crate) n: usize,
    pub(crate) contender: &'static str,
    pub(crate) names: bool,
    /// None where memory is the figure.
    pub(crate) median_ns: Option<f64>,
    /// Medians over the rounds of what each round's ratio was: a machine that is slower for a while is so for both.
    pub(crate) ratio_to_bare: Option<f64>,
    pub(crate) ratio_to_ours: Option<f64>,
    /// Allocations and bytes of one operation: what it allocates, or, where memory is the figure, what it holds.
    pub(crate) allocs: f64,
    pub(crate) bytes: f64,
}

/// All that was asked for.
pub(crate) fn contests(args: &Args) -> Vec<Contest> {
    let mut contests: Vec<Contest> = Vec::new();
    for case in all() {
        if !args.wants_runtime(case.runtime) || !args.wants_contender(case.contender) {
            continue;
        }
        let wanted: Vec<bool> = case.figures.iter().map(|figure| args.wants(figure.id)).collect();
        if !wanted.contains(&true) {
            continue;
        }
        for &n in if args.n.is_empty() { case.sizes } else { &args.n } {
            if n > case.most {
                continue;
            }
            let same = |contest: &&mut Contest| {
                let other = &contest.cases[0];
                contest.n == n && other.runtime == case.runtime && other.figures == case.figures
            };
            match contests.iter_mut().find(same) {
                Some(contest) => contest.cases.push(case),
                None => contests.push(Contest {
                    cases: vec![case],
                    wanted: wanted.clone(),
                    n,
                    rounds: if case.timed { args.rounds.unwrap_or(rounds(n)) } else { 0 },
                }),
            }
        }
    }
    contests
}

fn rounds(n: usize) -> usize {
    match n {
        ..5_000 => 25,
        5_000..50_000 => 15,
        50_000..500_000 => 7,
        _ => 3,
    }
}

/// A bar over all rounds, on stderr; invisible where that is no terminal.
pub(crate) fn progress(contests: &[Contest]) -> ProgressBar {
    let steps =
        contests.iter().map(|contest| contest.cases.len() * (contest.rounds + 1)).sum::<usize>();
    let style = ProgressStyle::with_template("{bar:30} {percent:>3}% {elapsed} {wide_msg}");
    ProgressBar::new(steps as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Contest {
    /// Runs all rounds, each in an order of its own; then each once more to count what it allocates.
    pub(crate) fn run(&self, progress: &ProgressBar) -> Vec<Line> {
        let count = self.cases.len();
        let warm = |case| {
            self.say(progress, case);
            warm(case, self.n)
        };
        let mut open: Vec<(Open, usize)> = self.cases.iter().map(warm).collect();
        let mut nanos = vec![vec![Vec::with_capacity(self.rounds); count]; self.wanted.len()];
        let mut orders = Orders::of(&self.name());
        for _ in 0..self.rounds {
            for index in orders.round(count) {
                self.say(progress, &self.cases[index]);
                let (open, repeats) = &mut open[index];
                // The contender before has taken the caches, and left the heap in its own order: neither is a cost of this one's.
                open(Ask::Sample(1));
                for (figure, reading) in open(Ask::Sample(*repeats)).iter().enumerate() {
                    // One in each round, so that the rounds of two contenders stand beside each other.
                    nanos[figure][index].push(reading.nanos().expect("time was taken"));
                }
                progress.inc(1);
            }
        }
        let mut counted: Vec<Vec<Reading>> = Vec::new();
        for (case, (mut open, _)) in self.cases.iter().zip(open) {
            self.say(progress, case);
            counted.push(open(if case.timed { Ask::Count } else { Ask::Sample(1) }));
            open(Ask::Close);
            progress.inc(1);
        }
        let lines =
            self.cases[0].figures.iter().enumerate().filter(|(index, _)| self.wanted[*index]);
        lines
            .flat_map(|(index, figure)| {
                self.lines(*figure, &nanos[index], counted.iter().map(|of| of[index]))
            })
            .collect()
    }

    fn say(&self, progress: &ProgressBar, case: &Case) {
        progress.set_message(format!("{}: {}", self.name(), case.contender.trim()));
    }

    fn name(&self) -> String {
        let case = &self.cases[0];
        format!("{} of {} on {}", case.figures[0].id, self.n, case.runtime)
    }

    fn lines(
        &self,
        figure: Figure,
        nanos: &[Vec<f64>],
        counted: impl Iterator<Item = Reading>,
    ) -> Vec<Line> {
        let of = |name| {
            self.cases.iter().position(|case| case.contender == name).map(|index| &nanos[index])
        };
        let (bare, ours) = (of("bare"), of("task-registry"));
        let ratio = |own: &[f64], other: Option<&Vec<f64>>| {
            let other = other?;
            assert_eq!(own.len(), other.len(), "a round of one of them is missing");
            median(own.iter().zip(other).map(|(own, other)| own / other))
        };
        let line = |((case, own), counted): ((&Case, &Vec<f64>), Reading)| Line {
            runtime: case.runtime,
            figure,
            n: self.n,
            contender: case.contender,
            names: case.names,
            median_ns: median(own.iter().copied()),
            ratio_to_bare: ratio(own, bare),
            ratio_to_ours: ratio(own, ours),
            allocs: counted.allocations as f64 / counted.operations as f64,
            bytes: counted.bytes as f64 / counted.operations as f64,
        };
        self.cases.iter().zip(nanos).zip(counted).map(line).collect()
    }
}

/// Opens the case and runs it once or twice, to have grown what grows and to see how long it takes.
fn warm(case: &Case, n: usize) -> (Open, usize) {
    let mut open = (case.open)(n, false);
    if !case.timed {
        return (open, 1);
    }
    let took =
        |readings: Vec<Reading>| readings.iter().map(|reading| reading.time).sum::<Duration>();
    let first = took(open(Ask::Sample(1)));
    let once = if first < SAMPLE { took(open(Ask::Sample(1))) } else { first };
    let repeats = SAMPLE.as_nanos().div_ceil(once.as_nanos().max(1)).clamp(1, 1000);
    (open, repeats as usize)
}

/// The one in the middle, or between the two.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    let upper = *numbers.get(numbers.len() / 2)?;
    let lower = numbers[(numbers.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}
