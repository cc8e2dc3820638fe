//! What has to hold, between any two steps.

use task_registry::{Outcome, State, TaskId};

use super::Tested;
use super::model::{Number, Payload};
use super::world::World;

/// A task, as lists show it.
type Line = (TaskId, Option<String>, State, Option<Outcome>, Option<task_registry::Cleanup>);

pub(crate) const NAMES: [&str; 9] =
    ["a", "b", "ab", "s/a", "s/t/a", LONG, ODD, "s/\u{7}\n\u{202e}é\0", ""];

/// More than any name that is kept in its place.
pub(crate) const LONG: &str = concat!(fifty!(), fifty!(), fifty!(), fifty!(), fifty!(), fifty!());

/// What no terminal should be shown as it is.
pub(crate) const ODD: &str = "\u{7}\n\u{202e}é\0";

macro_rules! fifty {
    () => {
        "a name that is as long as those of whole sentences"
    };
}
use fifty;

impl<M: Tested> World<M> {
    /// What is seen from foreign code, in the middle of something.
    pub(crate) fn glance(&self) {
        if self.here().vague {
            return;
        }
        let count = self.here().registries.len();
        for number in 0..count {
            let Some(registry) = self.registry(number) else { continue };
            let (live, records) = {
                let here = self.here();
                (here.model.live(number).count(), here.model.registries[number].records.len())
            };
            let seen = (registry.live(), registry.records());
            self.expect(seen == (live, records), || {
                format!("{seen:?} live and recorded, not {:?}", (live, records))
            });
            for name in NAMES {
                self.check_name(number, name);
            }
        }
    }

    fn check_name(&self, number: usize, name: &str) {
        let Some(registry) = self.registry(number) else { return };
        let (named, holder) = {
            let here = self.here();
            let id = |task: Number| here.model.tasks[task].id;
            let named = here.model.named(number, name).map(id);
            (named, here.model.holder(number, name).map(id))
        };
        let found = registry.get(name).map(|task| Some(task.id()));
        let live = registry.get_live(name).map(|task| Some(task.id()));
        self.expect((found, live) == (named, holder), || {
            format!("law 6: {name:?} leads to {found:?}, {live:?}, not {named:?}, {holder:?}")
        });
    }

    /// All of it: nothing is under way.
    pub(crate) fn check(&self) {
        self.sync();
        self.glance();
        let count = self.here().registries.len();
        for number in 0..count {
            self.check_registry(number);
        }
        self.check_tasks();
        self.check_jobs();
        self.check_held();
        self.check_hooks();
    }

    /// A hook is woken by a request to stop, once, and by nothing else.
    fn check_hooks(&self) {
        let here = self.here();
        let wrong = here.hooks.iter().find(|(task, alarm)| {
            here.alarms[*alarm] != usize::from(here.model.tasks[*task].asked)
        });
        let wrong = wrong.map(|(task, alarm)| {
            let heard = here.alarms[*alarm];
            format!("law 1: a hook is woken {heard} times: {:?}", here.model.tasks[*task])
        });
        drop(here);
        if let Some(wrong) = wrong {
            self.fault(wrong);
        }
    }

    fn check_registry(&self, number: usize) {
        let Some(registry) = self.registry(number) else { return };
        let (lines, closed, limit, capacity) = {
            let here = self.here();
            let line = |(_, task): (Number, &super::model::Task)| -> Option<Line> {
                let cleanup = task.ended.as_ref().and(task.cleanup);
                let (name, state) = (task.name.clone(), task.state());
                task.listed.then(|| (task.id, name, state, task.ended.clone(), cleanup)).and_then(
                    |(id, name, state, ended, cleanup)| Some((id?, name, state, ended, cleanup)),
                )
            };
            let mut lines: Vec<Line> = here.model.of(number).filter_map(line).collect();
            lines.sort_by_key(|line| line.0);
            let books = &here.model.registries[number];
            (lines, books.closed, books.limit, books.capacity)
        };
        let mut seen: Vec<Line> = registry
            .snapshot()
            .into_iter()
            .map(|info| {
                let outcome = info.outcome().cloned();
                let name = info.name().map(String::from);
                (info.id(), name, info.state(), outcome, info.cleanup())
            })
            .collect();
        seen.sort_by_key(|line| line.0);
        self.expect(seen == lines, || format!("listed are {seen:#?}\nand not {lines:#?}"));
        let of = |state| lines.iter().filter(|line| line.2 == state).count();
        let counts = registry.counts();
        let counts = [counts.queued, counts.running, counts.stopping, counts.ended];
        let expected =
            [of(State::Queued), of(State::Running), of(State::Stopping), of(State::Ended)];
        self.expect(counts == expected, || format!("counts are {counts:?}, not {expected:?}"));
        self.expect(registry.len() == lines.len(), || format!("{} are known", registry.len()));
        self.expect(registry.is_closed() == closed, || "law 12: the gate".into());
        self.expect(expected[3] <= limit, || format!("law 15: {} records", expected[3]));
        let bounded = capacity.is_none_or(|capacity| registry.live() <= capacity);
        self.expect(bounded, || format!("{} live", registry.live()));
        let ids: Vec<_> = {
            let here = self.here();
            let tasks = here.model.tasks.iter().filter(|task| task.registry == number);
            tasks.filter_map(|task| Some((task.id?, task.listed))).collect()
        };
        for (id, listed) in ids {
            let found = registry.by_id(id).map(|task| task.id());
            self.expect(found == listed.then_some(id), || {
                format!("law 7: {id} leads to {found:?}, listed: {listed}")
            });
        }
        self.check_scopes(number);
    }

    fn check_scopes(&self, number: usize) {
        let scopes = self.here().scopes.len();
        for scope in 0..scopes {
            if self.here().model.scopes[scope].registry != number {
                continue;
            }
            let Some(real) = self.here().scopes[scope].clone() else { continue };
            let (mut members, closed): (Vec<_>, _) = {
                let here = self.here();
                let members = here.model.members(scope);
                let id = |task: &Number| here.model.tasks[*task].id;
                (members.iter().filter_map(id).collect(), here.model.scope_is_closed(scope))
            };
            let mut seen: Vec<_> = real.tasks().iter().map(|task| task.id()).collect();
            members.sort();
            seen.sort();
            self.expect(seen == members && real.live() == members.len(), || {
                format!("{} has {seen:?}, not {members:?}", real.path())
            });
            self.expect(real.is_closed() == closed, || format!("{} is open", real.path()));
        }
    }

    fn check_tasks(&self) {
        let refs: Vec<_> = self.here().refs.clone();
        for (number, real) in refs {
            let task = self.here().model.tasks[number].clone();
            let seen = (Some(real.id()), real.name(), real.state(), real.outcome());
            let expected = (task.id, task.name.as_deref(), task.state(), task.ended.clone());
            self.expect(seen == expected, || format!("law 15: {seen:?}, not {expected:?}"));
        }
        let here = self.here();
        let of = |number: Number| {
            let (outputs, panics) = here.left.get(&number).copied().unwrap_or_default();
            let task = &here.model.tasks[number];
            // Records go with the table, and nobody tells when that is.
            if here.registries[task.registry].is_none() && !task.handle {
                return outputs + panics <= 1;
            }
            match task.payload {
                Some(Payload::Output) => (outputs, panics) == (1, 0),
                Some(Payload::Panic) => (outputs, panics) == (0, 1),
                None => (outputs, panics) == (0, 0),
            }
        };
        // An output that waits for the end of a cleanup.
        let cleans = |number: Number| here.model.tasks[number].lives();
        let wrong = (0..here.model.tasks.len()).find(|number| !of(*number) && !cleans(*number));
        let wrong = wrong.map(|number| {
            let (left, task) = (here.left.get(&number).copied(), &here.model.tasks[number]);
            format!("law 15: outputs and panics of {number} that live: {left:?}: {task:?}")
        });
        let told = here.model.tasks.iter().find(|task| {
            let observed = here.model.registries[task.registry].observed;
            let due = if task.ended.is_some() { 0b1001 } else { 0 };
            let asked = if task.ended.is_some() && task.asked { 0b100 } else { 0 };
            observed && task.admitted && task.told & (due | asked) != due | asked
        });
        let untold = told.map(|task| format!("an observer is not told of all: {task:?}"));
        drop(here);
        for wrong in [wrong, untold].into_iter().flatten() {
            self.fault(wrong);
        }
    }

    /// A task that has a reason to be polled is woken (laws 1, 6).
    fn check_jobs(&self) {
        let here = self.here();
        let asleep = here.jobs.iter().find(|job| {
            let task = &here.model.tasks[job.task];
            let grace = task.started && task.gracing && !job.grace_made;
            let free = !task.started && task.released && task.before.is_none();
            !job.woken && !job.body_gone && task.lives() && (task.must_stop() || grace || free)
        });
        let wrong = asleep.map(|job| {
            format!("law 1: {} is never woken: {:?}", job.task, here.model.tasks[job.task])
        });
        drop(here);
        if let Some(wrong) = wrong {
            self.fault(wrong);
        }
    }
}
