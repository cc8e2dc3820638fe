//! Every pair of operations, the second as an interrupt after each critical section of the first, in every situation that a
//! few operations lead to: `PREFIX=5 cargo test .. interrupt` begins with more of them.
//!
//! What comes of it has to be what comes of the model when the second comes between two steps of the first (`model::Step`,
//! which lists what may be seen half done), there and in all that follows; and `Real::faults` has to find nothing.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use task_registry::mode::Interrupt;

use crate::model::{Doing, MOST, Model, Op, Res};
use crate::real::{NEWCOMER, Real};
use crate::section::interrupted;
use crate::{depth, registry};

#[test]
fn every_interrupt_finds_one_slot_between_two_steps_of_the_model() {
    everything::<1>();
}

#[test]
fn every_interrupt_finds_two_slots_between_two_steps_of_the_model() {
    everything::<2>();
}

#[test]
fn every_interrupt_finds_three_slots_between_two_steps_of_the_model() {
    everything::<3>();
}

#[test]
fn every_interrupt_finds_four_slots_between_two_steps_of_the_model() {
    everything::<4>();
}

fn everything<const N: usize>() {
    for (prefix, model) in situations(N, depth("PREFIX", 3)) {
        let ops = model.ops();
        for &first in &ops {
            for &second in &ops {
                // One ticket or future is in one hand.
                if first.owned().is_none() || first.owned() != second.owned() {
                    Pair { prefix: &prefix, model: &model, first, second }.everywhere::<N>();
                }
            }
        }
    }
}

/// Each situation by one of the shortest ways there.
fn situations(capacity: usize, depth: usize) -> Vec<(Vec<Op>, Model)> {
    let mut seen = BTreeSet::new();
    let mut all = vec![(Vec::new(), Model::new(capacity))];
    let mut from = 0;
    for length in 1..=depth.min(MOST - 2) {
        let shorter = all[from..].to_vec();
        from = all.len();
        for (way, model) in shorter {
            for op in model.ops() {
                let mut next = model.clone();
                next.apply(op, length - 1);
                if seen.insert(next.shape()) {
                    all.push(([&way[..], &[op]].concat(), next));
                }
            }
        }
    }
    all
}

/// Two operations, and what they came to.
struct Pair<'a> {
    prefix: &'a [Op],
    model: &'a Model,
    first: Op,
    second: Op,
}

type Results = (Res, Res);

impl Pair<'_> {
    fn numbers(&self) -> (usize, usize) {
        (self.prefix.len(), self.prefix.len() + 1)
    }

    /// What may come of it: the second before, between and after the steps of the first.
    fn allowed(&self) -> Vec<(Results, Model)> {
        let numbers = self.numbers();
        let steps = self.model.steps(self.first, numbers.0);
        let at = |place: usize| {
            let (mut model, mut doing) = (self.model.clone(), Doing::NEW);
            steps[..place].iter().for_each(|step| model.step(*step, &mut doing));
            let second = model.apply(self.second, numbers.1);
            steps[place..].iter().for_each(|step| model.step(*step, &mut doing));
            ((doing.res, second), model)
        };
        (0..=steps.len()).map(at).collect()
    }

    fn everywhere<const N: usize>(&self) {
        let allowed = self.allowed();
        for after in 0.. {
            let real = Rc::new(Real::new(registry::<Interrupt, N>()));
            for (at, op) in self.prefix.iter().enumerate() {
                real.apply(*op, at);
            }
            let Some(results) = self.interrupted(&real, after) else { return };
            if let Err(fault) = Self::follow(&real, results, allowed.clone()) {
                let Pair { prefix, first, second, .. } = self;
                panic!(
                    "after {prefix:?}, {first:?} with {second:?} after its section {after}: {fault}\n\
                     allowed were {:?}",
                    allowed.iter().map(|(res, model)| (res, model.seen())).collect::<Vec<_>>()
                );
            }
        }
    }

    fn interrupted(&self, real: &Rc<Real<Interrupt>>, after: usize) -> Option<Results> {
        let numbers = self.numbers();
        let (mut first, second) = (None, Rc::new(RefCell::new(None)));
        let interrupt = {
            let (real, op, second) = (real.clone(), self.second, second.clone());
            move || *second.borrow_mut() = Some(real.apply(op, numbers.1))
        };
        real.disturbed.set(true);
        if !interrupted(after, interrupt, || first = Some(real.apply(self.first, numbers.0))) {
            return None;
        }
        real.disturbed.set(false);
        let second = match second.take()? {
            Res::Taken(NEWCOMER) => Res::Taken(numbers.0),
            Res::Found(Some(NEWCOMER)) => Res::Found(Some(numbers.0)),
            other => other,
        };
        Some((first?, second))
    }

    /// Compares what can be seen, and then lets everything go on until it is over, so that the rest can be seen, too.
    fn follow(
        real: &Real<Interrupt>,
        results: Results,
        allowed: Vec<(Results, Model)>,
    ) -> Result<(), String> {
        let check = |models: &[Model], of: String| match (models, &real.faults()[..]) {
            (_, [fault, ..]) => Err(format!("{fault}, {of}")),
            ([], []) => Err(format!("{of} {:?}", real.seen())),
            _ => Ok(()),
        };
        let seen = real.seen();
        let same = |(res, model): (Results, Model)| {
            (res == results && model.seen() == seen).then_some(model)
        };
        let mut models: Vec<_> = allowed.into_iter().filter_map(same).collect();
        check(&models, format!("{results:?}"))?;
        // All are polled, twice, and then one after the other finishes, while the others are polled: the last first, so that
        // who waits does so before whom it waits for is gone.
        let finishes = (0..MOST).chain(0..MOST).map(Some);
        let tickets = (0..MOST).filter_map(|task| real.next(task, false));
        let starts: Vec<_> = tickets.filter(|op| matches!(op, Op::Start(_))).collect();
        let mut go_on = |op| {
            let (res, seen) = (real.apply(op, MOST), real.seen());
            models.retain_mut(|model| model.apply(op, MOST) == res && model.seen() == seen);
            check(&models, format!("{results:?}, later {op:?} came to {res:?}"))
        };
        starts.into_iter().try_for_each(&mut go_on)?;
        for finished in [None, None].into_iter().chain(finishes).take_while(|_| !real.has_ended()) {
            for task in (0..MOST).rev() {
                real.next(task, finished == Some(task)).map_or(Ok(()), &mut go_on)?;
            }
        }
        if real.has_ended() { Ok(()) } else { Err("somebody is held for ever".to_owned()) }
    }
}
