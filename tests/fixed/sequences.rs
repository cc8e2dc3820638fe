//! Every sequence of operations, one after the other: `DEPTH=6 cargo test .. sequence` goes deeper.

use task_registry::StaticTasks;
use task_registry::mode::Unsync;

use crate::model::{Model, Op};
use crate::real::Real;
use crate::{depth, registry};

#[test]
fn every_sequence_does_on_one_slot_what_the_model_says() {
    Search::<1>::new().all();
}

#[test]
fn every_sequence_does_on_two_slots_what_the_model_says() {
    Search::<2>::new().all();
}

#[test]
fn every_sequence_does_on_three_slots_what_the_model_says() {
    Search::<3>::new().all();
}

struct Search<const N: usize> {
    /// Used again and again: so places and generations are not always those of a new registry.
    tasks: StaticTasks<Unsync>,
    sequence: Vec<Op>,
    depth: usize,
}

impl<const N: usize> Search<N> {
    fn new() -> Self {
        Search { tasks: registry::<Unsync, N>(), sequence: Vec::new(), depth: depth("DEPTH", 5) }
    }

    fn all(mut self) {
        self.from(&Model::new(N));
    }

    fn from(&mut self, model: &Model) {
        if self.sequence.len() == self.depth {
            return;
        }
        for op in model.ops() {
            let mut next = model.clone();
            let expected = next.apply(op, self.sequence.len());
            self.sequence.push(op);
            let real = Real::new(self.tasks);
            let results = self.sequence.iter().enumerate().map(|(at, op)| real.apply(*op, at));
            assert_eq!(results.last(), Some(expected), "after {:?}", self.sequence);
            assert_eq!(real.seen(), next.seen(), "after {:?}", self.sequence);
            assert_eq!(real.faults(), [""; 0], "after {:?}", self.sequence);
            real.clear();
            if self.tasks.is_closed() {
                self.tasks = registry::<Unsync, N>();
            }
            self.from(&next);
            self.sequence.pop();
        }
    }
}
