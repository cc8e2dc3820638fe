//! Tasks are asked to stop: one, some, those of a scope, all.

use task_registry::{Cancel, State, TaskInfo, TaskRef};

use super::Tested;
use super::held::{Kind, Seen};
use super::model::{Model, Number, Scope, Task, Urgency};
use super::ops::{all_ended, ended, nothing};
use super::probes::{Counted, Gate, What};
use super::world::World;

const REASONS: [Option<&str>; 3] = [None, Some("one"), Some("two")];

impl<M: Tested> World<M> {
    pub(crate) fn cancel(&self) {
        let reason = REASONS[self.pick(3)];
        let urgency = [Urgency::Own, Urgency::Now, Urgency::Graced][self.pick(3)];
        let awaits = self.pick(2) == 1;
        let by_name = self.pick(3) == 1;
        let (number, found) = if by_name {
            let (at, name) = (self.pick_registry(), self.pick_name());
            let Some(registry) = self.registry(at) else { return };
            let named = self.here().model.named(at, name);
            let found = registry.get(name);
            let ids = (named.and_then(|task| self.here().model.tasks[task].id), found.as_ref());
            self.expect(ids.0 == ids.1.map(TaskRef::id), || format!("{name:?} leads elsewhere"));
            let (Some(named), Some(found)) = (named, found) else { return };
            (named, found)
        } else {
            let Some(found) = self.pick_task() else { return };
            found
        };
        if urgency == Urgency::Graced {
            let registry = self.here().model.tasks[number].registry;
            if self.here().model.registries[registry].closed {
                return;
            }
        }
        self.log(|| format!("cancel {number} {reason:?} {urgency:?}"));
        self.here().model.ask(number, reason.map(String::from), urgency);
        let cancel = || reason.map_or(Cancel::new(), Cancel::from);
        let by_id = self.pick(2) == 1;
        let id = found.id();
        let registry = self.here().model.tasks[number].registry;
        let registry = self.registry(registry).filter(|_| by_id);
        if urgency == Urgency::Graced {
            let gate = self.gate(None);
            let opens = gate.number;
            let cancelling = found.cancel_with(cancel().grace(gate));
            if awaits {
                let grace = Some((opens, vec![number]));
                self.hold_graced(Kind::End(number), grace, ended(cancelling));
            } else {
                self.sync();
                self.here().model.ask(number, None, Urgency::Now);
                drop(cancelling);
            }
            return;
        }
        let cancel = if urgency == Urgency::Now { cancel().now() } else { cancel() };
        let cancelling = match registry {
            Some(registry) => {
                let known = self.here().model.tasks[number].listed;
                let cancelling = registry.cancel_id_with(id, cancel.clone());
                if !known {
                    self.expect(cancelling.is_none(), || format!("law 7: {id} is stale"));
                    // The request was made in the model, so it is made.
                    Some(found.cancel_with(cancel))
                } else {
                    cancelling
                }
            }
            None => Some(found.cancel_with(cancel)),
        };
        let Some(cancelling) = cancelling else {
            return self.fault(format!("{id} is not found"));
        };
        if awaits {
            self.hold(Kind::End(number), ended(cancelling));
        }
    }

    pub(crate) fn begin_asks(&self, tasks: &[Number], reason: &Option<String>, urgency: Urgency) {
        let mut here = self.here();
        for task in tasks {
            if here.model.tasks[*task].asked {
                here.model.ask(*task, None, urgency);
            } else {
                here.asks.push((*task, reason.clone(), urgency));
            }
        }
    }

    /// All of them were asked by now.
    pub(crate) fn end_asks(&self, tasks: &[Number]) {
        self.sync();
        for number in tasks {
            let (task, ask, gone) = {
                let mut here = self.here();
                let at = here.asks.iter().rposition(|(task, ..)| task == number);
                let ask = at.map(|at| here.asks.remove(at));
                let task = here.model.tasks[*number].clone();
                let gone = here.registries[task.registry].is_none();
                (task, ask, gone)
            };
            let Some((_, reason, urgency)) = ask else { continue };
            let unasked = task.lives() && !task.is_decided() && !task.asked;
            self.expect(!unasked || gone, || format!("law 1: {number} is not asked: {task:?}"));
            self.here().model.ask(*number, reason, urgency);
        }
    }

    /// Some of them were asked: nobody whose turn has not come.
    pub(crate) fn end_staged(
        &self,
        tasks: &[Number],
        live: &[Number],
        gates: [usize; 2],
        shutdowns: usize,
    ) {
        self.sync();
        let mut here = self.here();
        let mut waited = Vec::new();
        for number in live {
            let at = here.asks.iter().rposition(|(task, ..)| task == number);
            if let Some(at) = at {
                here.asks.remove(at);
                waited.push(*number);
            }
        }
        let open = gates.iter().any(|gate| here.gates[*gate].open);
        let shut = Some("shutdown".into());
        let early = waited.iter().find(|task| {
            let task = &here.model.tasks[**task];
            let is_before = |other: &&Number| {
                let other = &here.model.tasks[**other];
                other.stage > task.stage && other.lives()
            };
            task.reason == shut && task.lives() && tasks.iter().any(|other| is_before(&other))
        });
        let early = early
            .filter(|_| !open && shutdowns == here.shutdowns)
            .map(|task| format!("{task} is asked before its turn"));
        drop(here);
        if let Some(early) = early {
            self.fault(early);
        }
    }

    /// Tickets that end in one call do so in no certain order, which only a reader of the endings can tell.
    pub(crate) fn is_tellable(&self, registry: usize) -> bool {
        let here = self.here();
        let tickets = here.model.live(registry).filter(|(_, task)| task.reserved).count();
        here.readers[registry].is_some() || tickets < 2
    }

    pub(crate) fn cancel_some(&self) {
        let at = self.pick_registry();
        let Some(registry) = self.registry(at) else { return };
        if !self.is_tellable(at) {
            return;
        }
        let which = self.pick(3);
        let reason = REASONS[self.pick(3)];
        let graced = self.pick(3) == 1 && !self.here().model.registries[at].closed;
        let is_meant = |task: &Task| match which {
            0 => task.name.as_ref().is_some_and(|name| name.starts_with('a')),
            1 => task.name.is_none(),
            _ => true,
        };
        let tasks: Vec<_> = {
            let here = self.here();
            here.model.live(at).filter(|(_, task)| is_meant(task)).map(|(n, _)| n).collect()
        };
        self.log(|| format!("cancel {tasks:?} of {at}"));
        let cancel = reason.map_or(Cancel::new(), Cancel::from);
        let reason = reason.map(String::from);
        let unnamed = |task: &TaskInfo| task.name().is_none();
        let awaits = self.pick(2) == 1;
        if graced {
            let gate = self.gate(None);
            let opens = gate.number;
            self.begin_asks(&tasks, &reason, Urgency::Graced);
            let cancel = cancel.grace(gate);
            let all = match which {
                0 => registry.cancel_prefix_with("a", cancel),
                1 => registry.cancel_where_with(unnamed, cancel),
                _ => registry.cancel_all_with(cancel),
            };
            self.end_asks(&tasks);
            self.expect(all.len() == tasks.len(), || format!("{} are asked", all.len()));
            if awaits {
                let grace = Some((opens, tasks.clone()));
                self.hold_graced(Kind::All(tasks), grace, all_ended(all));
            } else {
                for task in &tasks {
                    self.here().model.ask(*task, None, Urgency::Now);
                }
                drop(all);
            }
            return;
        }
        let guarded = which == 2 && self.pick(2) == 1;
        self.begin_asks(&tasks, &reason, Urgency::Own);
        if guarded && reason.is_none() && !awaits {
            self.log(|| "by a guard that is dropped".into());
            drop(registry.drop_guard());
            return self.end_asks(&tasks);
        }
        let all = match which {
            0 => registry.cancel_prefix_with("a", cancel),
            1 => registry.cancel_where_with(unnamed, cancel),
            _ if guarded => registry.drop_guard().stop_with(cancel),
            _ => registry.cancel_all_with(cancel),
        };
        self.end_asks(&tasks);
        self.expect(all.len() == tasks.len(), || format!("{} are asked", all.len()));
        if awaits {
            self.hold(Kind::All(tasks), all_ended(all));
        }
    }

    pub(crate) fn shutdown(&self, staged: bool) {
        let at = self.pick_registry();
        let Some(registry) = self.registry(at) else { return };
        let vague = |task: &Task| task.asked && !task.stop && !task.gracing;
        let waits = self.here().model.live(at).any(|(_, task)| vague(task));
        if !self.is_tellable(at) || (staged && waits) {
            return;
        }
        let tasks: Vec<_> = {
            let mut here = self.here();
            let Model { tasks, registries, .. } = &mut here.model;
            registries[at].closed = true;
            for task in tasks.iter_mut().filter(|task| task.registry == at && task.listed) {
                task.restartable = false;
            }
            here.model.live(at).map(|(number, _)| number).collect()
        };
        self.log(|| format!("shutdown of {at}: {tasks:?}, in stages: {staged}"));
        let deadline = self.gate(None);
        let opens = deadline.number;
        let shutdowns = {
            let mut here = self.here();
            here.shutdowns += 1;
            here.shutdowns
        };
        self.begin_asks(&tasks, &Some("shutdown".into()), Urgency::Own);
        if staged {
            let shared = self.gate(None).number;
            let budget = move |_| Gate { number: shared, _counted: Counted::new(What::Gate, None) };
            let end = registry.shutdown_in_stages(deadline, budget);
            self.end_staged(&tasks, &tasks, [opens, shared], shutdowns);
            let report = async move { Seen::Report(report(&end.await)) };
            return self.hold(Kind::Staged(at, tasks, opens, shared), report);
        }
        let end = registry.shutdown(deadline);
        self.end_asks(&tasks);
        if self.pick(3) != 1 {
            let report = async move { Seen::Report(report(&end.await)) };
            self.hold(Kind::Shutdown(at, tasks, opens), report);
        }
    }

    pub(crate) fn scope(&self) {
        let at = self.pick_registry();
        let Some(registry) = self.registry(at) else { return };
        let parent = self.pick_scope(at);
        if let Some(scope) = parent.filter(|_| self.pick(3) == 1) {
            let real = self.here().scopes[scope].clone().expect("it was picked");
            return self.hold(Kind::ScopeIdle(scope), nothing(real.wait_idle()));
        }
        if self.here().scopes.len() >= 4 {
            return;
        }
        let (real, path) = match parent {
            Some(parent) => {
                let outer = self.here().scopes[parent].clone().expect("it was picked");
                (outer.child("t"), format!("{}/t", self.here().model.scopes[parent].path))
            }
            None => (registry.child("s"), String::from("s")),
        };
        self.log(|| format!("scope {path} of {at}"));
        let mut here = self.here();
        here.model.scopes.push(Scope { registry: at, path, parent, closed: false });
        here.scopes.push(Some(real));
    }

    pub(crate) fn cancel_scope(&self) {
        let at = self.pick_registry();
        let Some(scope) = self.pick_scope(at) else { return };
        if !self.is_tellable(at) {
            return;
        }
        let real = self.here().scopes[scope].clone().expect("it was picked");
        {
            let mut here = self.here();
            let spawning = here.spawning.clone();
            here.model.close_scope(scope, &spawning);
        }
        let tasks = self.here().model.members(scope);
        self.log(|| format!("scope {} is cancelled: {tasks:?}", real.path()));
        self.begin_asks(&tasks, &None, Urgency::Own);
        let all = real.cancel();
        self.end_asks(&tasks);
        self.expect(all.len() == tasks.len(), || format!("{} are asked", all.len()));
        self.hold(Kind::All(tasks), all_ended(all));
    }
}

fn report(
    report: &task_registry::ShutdownReport,
) -> Vec<(task_registry::TaskId, Option<task_registry::Outcome>)> {
    let all = report.ended().iter().chain(report.remaining());
    let mut all: Vec<_> = all.map(|info| (info.id(), info.outcome().cloned())).collect();
    debug_assert!(report.remaining().iter().all(|info| info.state() != State::Ended));
    all.sort_by_key(|(id, _)| *id);
    all
}
