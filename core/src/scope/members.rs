//! Who is in a scope: places with numbers, so that a task finds its own in one step, and from each member to the next, so that
//! to visit them all takes as many steps as there are, however many there once were.

use alloc::vec::Vec;
use core::iter::successors;

use crate::mode::{Init, Mode};
use crate::slot::SlotRef;

pub(super) struct Members<M: Mode> {
    pub(super) closed: bool,
    /// By number. As many as there once were at a time, since it was last empty.
    places: Vec<Place<M>>,
    /// The head of the list of free places.
    free: Option<usize>,
    /// In the order in which they entered.
    first: Option<usize>,
    last: Option<usize>,
    live: usize,
}

enum Place<M: Mode> {
    Taken { task: SlotRef<M>, before: Option<usize>, after: Option<usize> },
    Free { next: Option<usize> },
}

impl<M: Mode> Init for Members<M> {
    const INIT: Self =
        Members { closed: false, places: Vec::new(), free: None, first: None, last: None, live: 0 };
}

impl<M: Mode> Members<M> {
    /// The number of a place for this task, unless the scope is closed.
    pub(super) fn add(&mut self, task: &SlotRef<M>) -> Option<usize> {
        if self.closed {
            return None;
        }
        let number = self.free.unwrap_or(self.places.len());
        let place = Place::Taken { task: task.clone(), before: self.last, after: None };
        match self.places.get_mut(number) {
            Some(free) => {
                if let Place::Free { next } = *free {
                    self.free = next;
                }
                *free = place;
            }
            None => self.places.push(place),
        }
        match self.last.replace(number) {
            Some(last) => self.link(last, |_, after| *after = Some(number)),
            None => self.first = Some(number),
        }
        self.live += 1;
        Some(number)
    }

    /// The task with this number, and whether it was the last.
    pub(super) fn remove(&mut self, number: usize) -> (Option<SlotRef<M>>, bool) {
        let Some(place @ Place::Taken { .. }) = self.places.get_mut(number) else {
            return (None, false);
        };
        let Place::Taken { task, before, after } =
            core::mem::replace(place, Place::Free { next: self.free.replace(number) })
        else {
            unreachable!("it was looked at above")
        };
        match before {
            Some(before) => self.link(before, |_, link| *link = after),
            None => self.first = after,
        }
        match after {
            Some(after) => self.link(after, |link, _| *link = before),
            None => self.last = before,
        }
        self.live -= 1;
        let empty = self.live == 0;
        if empty {
            self.places.clear();
            self.free = None;
        }
        (Some(task), empty)
    }

    fn link(&mut self, number: usize, set: impl FnOnce(&mut Option<usize>, &mut Option<usize>)) {
        if let Some(Place::Taken { before, after, .. }) = self.places.get_mut(number) {
            set(before, after);
        }
    }

    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// Each member, in the order in which they entered. A step for each.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &SlotRef<M>> {
        let taken = |number: Option<usize>| match self.places.get(number?)? {
            Place::Taken { task, after, .. } => Some((task, *after)),
            Place::Free { .. } => None,
        };
        successors(taken(self.first), move |(_, after)| taken(*after)).map(|(task, _)| task)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use super::Members;
    use crate::mode::{Init, Unsync};
    use crate::{Options, TaskId, Tasks, Ticket};

    fn ids(members: &Members<Unsync>) -> Vec<TaskId> {
        members.tasks().map(|task| task.id()).collect()
    }

    #[test]
    fn to_visit_the_members_takes_a_step_for_each_however_many_there_were() {
        let tasks = Tasks::<Unsync>::new(Options::new());
        let mut members = Members::INIT;
        let tickets: Vec<_> = (0..10_000u64).map(|number| tasks.reserve(number).unwrap()).collect();
        let numbers: Vec<_> =
            tickets.iter().map(|ticket| members.add(&ticket.task().0).unwrap()).collect();
        let all: Vec<_> = tickets.iter().map(Ticket::id).collect();
        assert_eq!(ids(&members), all);
        // The first, one in the middle and the last are left.
        let left = [0, 4_711, 9_999];
        for number in numbers.into_iter().filter(|number| !left.contains(number)) {
            assert!(!members.remove(number).1);
        }
        // The iterator takes one step a member, and no other: it has no way to pass over a free place.
        assert_eq!((members.live(), members.tasks().count()), (3, 3));
        assert_eq!(ids(&members), left.map(|number| all[number]));
        // What comes now takes the places that are free.
        assert!(members.add(&tickets[1].task().0).is_some_and(|number| number < 10_000));
        assert_eq!(members.places.len(), 10_000);
    }

    #[test]
    fn members_come_and_go_as_in_a_list() {
        let tasks = Tasks::<Unsync>::new(Options::new());
        let tickets: Vec<_> = (0..64u64).map(|number| tasks.reserve(number).unwrap()).collect();
        let mut members = Members::INIT;
        // The same, naively: by order of entering.
        let mut naive = BTreeMap::new();
        let mut held = BTreeMap::new();
        let mut random = 1u32;
        for step in 0..10_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let which = (random >> 16) as usize % tickets.len();
            match held.remove(&which) {
                Some((number, entered)) => {
                    let (task, empty) = members.remove(number);
                    assert_eq!(task.unwrap().id(), tickets[which].id());
                    naive.remove(&entered);
                    assert_eq!(empty, naive.is_empty());
                }
                None => {
                    let number = members.add(&tickets[which].task().0).unwrap();
                    held.insert(which, (number, step));
                    naive.insert(step, tickets[which].id());
                }
            }
            assert!(ids(&members).iter().eq(naive.values()), "at step {step}");
            assert_eq!(members.live(), naive.len());
        }
        for (number, _) in held.into_values() {
            members.remove(number);
        }
        assert!(members.remove(0).0.is_none(), "nobody is left");
        members.closed = true;
        assert!(members.add(&tickets[0].task().0).is_none());
    }
}
