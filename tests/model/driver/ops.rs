//! What is done to the registries, each time to the model as well.

use std::future::Future;

use task_registry::{Cancel, RestartError, SpawnError, State, TakeError, TaskInfo, TaskRef};

use super::Tested;
use super::held::{Kind, Seen};
use super::model::{Model, Number, Policy, Scope, Task, Urgency};
use super::probes::{Gate, Ready};
use super::spawn::text;
use super::world::{Raised, World};

const REASONS: [Option<&str>; 3] = [None, Some("one"), Some("two")];

impl<M: Tested> World<M> {
    /// One operation. Some are only done from the outside.
    pub(crate) fn act(&self, outside: bool) {
        self.sync();
        match self.pick(if outside { 32 } else { 20 }) {
            0 => {}
            1 | 2 => self.spawn(false),
            3 => self.cancel(),
            4 => self.spawn(true),
            5 => self.use_ticket(),
            6 => self.look(),
            7 => self.purge(),
            8 => self.take_result(),
            9 => self.open_gate(),
            10 => self.restart(),
            11 => self.cancel_some(),
            12 => self.wait(),
            13 => self.let_go(),
            14 => self.shield(),
            15 => self.context(),
            16 => self.guard(),
            17 => self.drop_some_job(),
            18 => match self.pick(4) {
                1 => self.shutdown(false),
                _ => self.wait(),
            },
            19 => match self.pick(6) {
                1 => self.drop_executor(),
                2 => self.cancel_scope(),
                _ => self.cancel(),
            },
            20..=25 => self.run_some(),
            26 | 27 => self.poll_some_held(),
            28 => self.scope(),
            29 => self.cancel_scope(),
            30 => match self.pick(3) {
                0 => self.run_some(),
                _ => self.shutdown(true),
            },
            _ => match self.pick(6) {
                1 => self.drop_registry(),
                _ => self.poll_some_held(),
            },
        }
        self.sync();
    }

    fn pick_registry(&self) -> usize {
        let count = self.here().registries.len();
        self.pick(count)
    }

    fn pick_name(&self) -> &'static str {
        super::check::NAMES[self.pick(super::check::NAMES.len())]
    }

    pub(crate) fn pick_scope(&self, registry: usize) -> Option<usize> {
        let scopes: Vec<_> = {
            let here = self.here();
            let of = |at: &usize| here.model.scopes[*at].registry == registry;
            (0..here.scopes.len()).filter(of).filter(|at| here.scopes[*at].is_some()).collect()
        };
        if scopes.is_empty() { None } else { Some(scopes[self.pick(scopes.len())]) }
    }

    /// A task, and how it is reached.
    fn pick_task(&self) -> Option<(Number, TaskRef<M>)> {
        let (refs, tasks) = {
            let here = self.here();
            (here.refs.len(), here.model.tasks.len())
        };
        if self.pick(2) == 1 && refs > 0 {
            let at = self.pick(refs);
            return Some(self.here().refs[at].clone());
        }
        if tasks == 0 {
            return None;
        }
        // Rather a late one.
        let number = tasks - 1 - self.pick(tasks.min(12));
        let (registry, id) = {
            let here = self.here();
            (here.model.tasks[number].registry, here.model.tasks[number].id?)
        };
        Some((number, self.registry(registry)?.by_id(id)?))
    }

    fn run_some(&self) {
        let woken: Vec<_> = {
            let here = self.here();
            let is = |at: &usize| here.jobs[*at].woken;
            (0..here.jobs.len()).filter(is).collect()
        };
        let jobs = self.here().jobs.len();
        if jobs == 0 {
            return;
        }
        let anyhow = woken.is_empty() || self.pick(4) == 1;
        let at = if anyhow { self.pick(jobs) } else { woken[self.pick(woken.len())] };
        self.poll_job(at);
    }

    fn poll_some_held(&self) {
        let held = self.here().held.len();
        if held > 0 {
            let at = self.pick(held);
            self.poll_held(at);
        }
    }

    fn cancel(&self) {
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

    fn look(&self) {
        let Some((number, task)) = self.pick_task() else { return };
        let known = self.here().model.tasks[number].clone();
        let (state, outcome) = (task.state(), task.outcome());
        self.expect((state, &outcome) == (known.state(), &known.ended), || {
            format!("{number} is {state:?} {outcome:?}: {known:?}")
        });
        let info = task.info();
        let cleanup = known.ended.as_ref().and(known.cleanup);
        self.expect(info.state() == known.state() && info.cleanup() == cleanup, || {
            format!("{number} is {info}: {known:?}")
        });
        if self.pick(2) == 1 {
            self.here().refs.push((number, task));
        }
    }

    fn purge(&self) {
        if self.pick(2) == 1 {
            let Some((number, task)) = self.pick_task() else { return };
            let record = {
                let here = self.here();
                here.model.tasks[number].listed && here.model.tasks[number].ended.is_some()
            };
            self.log(|| format!("purge {number}"));
            if record {
                self.here().model.evict(number);
            }
            let purged = task.purge();
            return self.expect(purged == record, || format!("{number} purged: {purged}"));
        }
        let at = self.pick_registry();
        let Some(registry) = self.registry(at) else { return };
        let records: Vec<_> = self.here().model.registries[at].records.iter().copied().collect();
        self.log(|| format!("purge {records:?} of {at}"));
        for record in &records {
            self.here().model.evict(*record);
        }
        let vague = self.here().vague;
        self.here().vague = vague || records.len() > 1;
        let purged = registry.purge();
        self.here().vague = vague;
        self.expect(purged == records.len(), || format!("law 15: {purged} of {records:?}"));
    }

    fn take_result(&self) {
        let (at, name) = (self.pick_registry(), self.pick_name());
        let Some(registry) = self.registry(at) else { return };
        let named = self.here().model.named(at, name);
        let task = named.map(|named| self.here().model.tasks[named].clone());
        if self.pick(3) == 1 {
            let taken = registry.take_result::<u8>(name);
            let wrong = task.is_some_and(|task| {
                task.payload == Some(super::model::Payload::Output) && task.ended.is_some()
            });
            let right = matches!(taken, Err(TakeError::WrongType)) == wrong;
            self.expect(right, || format!("law 17: {:?} as another type", taken.err()));
            if let (Some(named), false) = (named, wrong) {
                let panicked = self.here().model.tasks[named].payload.is_some();
                if panicked {
                    self.here().model.tasks[named].payload = None;
                }
            }
            return;
        }
        self.log(|| format!("take {name:?}"));
        let left = task.as_ref().and_then(|task| task.payload);
        if let Some(named) = named.filter(|_| left.is_some()) {
            self.here().model.tasks[named].payload = None;
        }
        let taken = registry.take_result::<Ready>(name);
        let right = match (&task, &taken) {
            (None, Err(TakeError::NotFound)) => true,
            (Some(task), Err(TakeError::NotEnded)) => task.lives(),
            (Some(task), Err(TakeError::NoResult)) => task.ended.is_some() && left.is_none(),
            (Some(task), Err(TakeError::Join(error))) => {
                task.ended.as_ref() == Some(error.outcome())
            }
            (Some(_), Ok(Ok(output) | Err(output))) => {
                left == Some(super::model::Payload::Output) && Some(output.task) == named
            }
            _ => false,
        };
        let taken = taken.map(|taken| taken.is_ok());
        self.log(|| format!("-> taken: {taken:?}"));
        self.expect(right, || format!("law 17: {taken:?} of {task:?}"));
    }

    fn open_gate(&self) {
        let gates = self.here().gates.len();
        if gates > 0 {
            let at = gates - 1 - self.pick(gates.min(8));
            self.log(|| format!("gate {at} opens"));
            self.open(at);
        }
    }

    fn restart(&self) {
        let (at, name) = (self.pick_registry(), self.pick_name());
        let Some(registry) = self.registry(at) else { return };
        let old = self.here().model.named(at, name);
        let closed = self.here().model.registries[at].closed;
        let expected = match old.map(|old| self.here().model.tasks[old].clone()) {
            None => Err(RestartError::NotFound),
            Some(old) if !old.restartable && closed => Err(SpawnError::Closed.into()),
            Some(old) if !old.restartable => Err(RestartError::NotRestartable),
            Some(old) if old.scope.is_some_and(|s| self.here().model.scope_is_closed(s)) => {
                Err(SpawnError::Closed.into())
            }
            Some(old) => Ok(old),
        };
        self.log(|| format!("restart {name:?} of {at}"));
        let (number, predicted) = match &expected {
            Err(_) => (usize::MAX, Ok(())),
            Ok(old) => {
                let number = self.new_task(Task {
                    registry: at,
                    name: old.name.clone(),
                    reserved: true,
                    has_grace: old.has_grace,
                    has_cleanup: old.has_cleanup,
                    fallible: old.fallible,
                    restartable: true,
                    keep: old.keep_of_all,
                    keep_of_all: old.keep_of_all,
                    scope: old.scope,
                    own_stage: old.own_stage,
                    ..Task::default()
                });
                let mut here = self.here();
                let predicted = here.model.admit(number, Policy::Follow);
                if let (Ok(()), Some(stage)) = (&predicted, old.own_stage) {
                    here.model.tasks[number].stage = stage;
                }
                (number, predicted)
            }
        };
        self.here().spawning.push(number);
        let came = registry.restart(name);
        self.here().spawning.pop();
        self.log(|| format!("-> restart: {came:?}"));
        if let Err(expected) = expected {
            return self.expect(came.as_ref().err() == Some(&expected), || {
                format!("a restart of {name:?} comes to {came:?}, not {expected:?}")
            });
        }
        let id = came.as_ref().ok().map(TaskRef::id);
        if let (Some(id), Ok(())) = (id, &predicted) {
            self.here().model.tasks[number].id.get_or_insert(id);
        }
        self.sync();
        let expected = self.expected(number, &predicted);
        let right = match (&expected, &came) {
            (Ok(()) | Err(SpawnError::Cancelled), Ok(new)) => {
                self.here().model.tasks[number].id == Some(new.id())
            }
            (Err(expected), Err(RestartError::NotSpawned(error))) => {
                if predicted.is_ok() {
                    self.name_again(at, name, old.expect("it was found"));
                }
                *expected != SpawnError::Cancelled && expected == error
            }
            _ => false,
        };
        self.expect(right, || format!("a restart comes to {came:?}, not {expected:?}"));
        if let Ok(new) = came {
            if self.pick(2) == 1 {
                self.here().refs.push((number, new));
            }
        }
    }

    /// Of a restart that came to nothing the old record has the name.
    fn name_again(&self, at: usize, name: &str, old: Number) {
        let mut here = self.here();
        let listed = here.model.tasks[old].listed;
        if listed && here.model.named(at, name).is_none() {
            here.model.registries[at].names.insert(name.into(), old);
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
    fn is_tellable(&self, registry: usize) -> bool {
        let here = self.here();
        let tickets = here.model.live(registry).filter(|(_, task)| task.reserved).count();
        here.readers[registry].is_some() || tickets < 2
    }

    fn cancel_some(&self) {
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
        self.begin_asks(&tasks, &reason, Urgency::Own);
        let all = match which {
            0 => registry.cancel_prefix_with("a", cancel),
            1 => registry.cancel_where_with(unnamed, cancel),
            _ => registry.cancel_all_with(cancel),
        };
        self.end_asks(&tasks);
        self.expect(all.len() == tasks.len(), || format!("{} are asked", all.len()));
        if awaits {
            self.hold(Kind::All(tasks), all_ended(all));
        }
    }

    fn wait(&self) {
        if self.pick(3) == 1 {
            let at = self.pick_registry();
            let Some(registry) = self.registry(at) else { return };
            if self.pick(2) == 1 {
                let name = self.pick_name();
                let named = registry.wait_for(text(name));
                let seen = async move { Seen::Named(named.await.id()) };
                return self.hold(Kind::Named(at, name.into()), seen);
            }
            let idle = registry.wait_idle();
            return self.hold(Kind::Idle(at), nothing(idle));
        }
        let Some((number, task)) = self.pick_task() else { return };
        self.log(|| format!("wait for {number}"));
        match self.pick(3) {
            0 => self.hold(Kind::End(number), ended(task.wait())),
            1 => {
                let started = task.started();
                self.hold(Kind::Started(number), async move { Seen::Started(started.await) });
            }
            _ => self.hold(Kind::Token(number), nothing(task.cancelled())),
        }
    }

    fn let_go(&self) {
        if self.pick(3) == 1 {
            let refs = self.here().refs.len();
            if refs > 0 {
                let at = self.pick(refs);
                let gone = self.here().refs.swap_remove(at);
                drop(gone);
            }
            return;
        }
        let held = self.here().held.len();
        if held > 0 {
            let at = self.pick(held);
            let many = match &self.here().held[at].kind {
                Kind::Staged(registry, ..) => Some(*registry),
                _ => None,
            };
            if many.is_none_or(|registry| self.is_tellable(registry)) {
                self.drop_held(at);
            }
        }
    }

    fn shield(&self) {
        let raised = self.here().shields.len();
        if raised > 0 && self.pick(2) == 1 {
            let at = self.pick(raised);
            let mut shield = self.here().shields.swap_remove(at);
            if self.pick(2) == 1 && shield.up {
                let open = self.here().gates[shield.gate].open;
                let (_, waker) = self.alarm();
                if open {
                    self.lower(&mut shield);
                }
                let mut cx = std::task::Context::from_waker(&waker);
                let polled = shield.shield.as_mut().poll(&mut cx);
                self.expect(polled.is_ready() == open, || "law 5: a shield".into());
                if !open {
                    self.here().shields.push(shield);
                }
                return;
            }
            self.lower(&mut shield);
            drop(shield);
            return;
        }
        let with: Vec<_> = self.here().contexts.keys().copied().collect();
        if with.is_empty() {
            return;
        }
        let task = with[self.pick(with.len())];
        let gate = self.gate(None);
        let number = gate.number;
        let shield = self.here().contexts[&task].shield(gate);
        let mut shield = Raised { task, up: true, gate: number, shield: Box::pin(shield) };
        self.log(|| format!("shield over {task}"));
        self.here().model.tasks[task].shields += 1;
        let (_, waker) = self.alarm();
        let polled = shield.shield.as_mut().poll(&mut std::task::Context::from_waker(&waker));
        self.expect(polled.is_pending(), || "its gate is shut".into());
        self.here().shields.push(shield);
    }

    pub(crate) fn lower(&self, shield: &mut Raised<M>) {
        if std::mem::take(&mut shield.up) {
            self.log(|| format!("no shield over {}", shield.task));
            self.here().model.tasks[shield.task].shields -= 1;
        }
    }

    fn context(&self) {
        let with: Vec<_> = self.here().contexts.keys().copied().collect();
        if with.is_empty() {
            return;
        }
        let number = with[self.pick(with.len())];
        let cx = self.here().contexts[&number].clone();
        if self.pick(2) == 1 {
            let task = self.here().model.tasks[number].clone();
            let (asked, reason) = (task.asked, task.reason);
            let seen = (cx.is_cancelled(), cx.cancel_reason().map(|text| text.to_string()));
            return self.expect(seen == (asked, reason), || format!("{seen:?} of {number}"));
        }
        {
            let mut here = self.here();
            let task = &mut here.model.tasks[number];
            task.ready = task.ready || !task.is_decided();
        }
        self.log(|| format!("{number} is ready"));
        cx.ready();
    }

    fn guard(&self) {
        let guards = self.here().guards.len();
        if guards > 0 && self.pick(2) == 1 {
            let at = self.pick(guards);
            let (number, guard) = self.here().guards.swap_remove(at);
            match self.pick(3) {
                0 => {
                    self.log(|| format!("guard of {number} is dropped"));
                    self.here().model.ask(number, None, Urgency::Own);
                    drop(guard);
                }
                1 => {
                    self.here().model.ask(number, Some("one".into()), Urgency::Own);
                    let stopping = guard.stop_with("one");
                    self.hold(Kind::End(number), ended(stopping));
                }
                _ => drop(guard.disarm()),
            }
            return;
        }
        let Some((number, task)) = self.pick_task() else { return };
        self.here().guards.push((number, task.drop_guard()));
    }

    fn drop_some_job(&self) {
        let jobs = self.here().jobs.len();
        if jobs > 0 && self.pick(3) == 1 {
            let at = self.pick(jobs);
            self.drop_job(at);
        }
    }

    fn drop_executor(&self) {
        let executors = self.here().executors.len();
        let executor = self.pick(executors);
        self.close_executor(executor);
    }

    pub(crate) fn close_executor(&self, executor: usize) {
        self.log(|| format!("executor {executor} is gone"));
        self.here().executors[executor] = false;
        let tasks: Vec<_> = {
            let here = self.here();
            let jobs = here.jobs.iter().filter(|job| job.executor == executor);
            jobs.map(|job| job.task).collect()
        };
        for task in tasks {
            let at = self.here().jobs.iter().position(|job| job.task == task);
            if let Some(at) = at {
                self.drop_job(at);
            }
        }
    }

    fn shutdown(&self, staged: bool) {
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
            let budget = move |_| Gate {
                number: shared,
                _counted: super::probes::Counted::new(super::probes::What::Gate, None),
            };
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

    fn scope(&self) {
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

    fn cancel_scope(&self) {
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

    pub(crate) fn drop_registry(&self) {
        let at = self.pick_registry();
        self.close_registry(at);
    }

    pub(crate) fn close_registry(&self, at: usize) {
        // A shutdown in stages asks tasks whenever it is polled, and nobody could tell which.
        let staged = |kind: &Kind| matches!(kind, Kind::Staged(registry, ..) if *registry == at);
        loop {
            let found = self.here().held.iter().position(|held| staged(&held.kind));
            let Some(found) = found else { break };
            if !self.is_tellable(at) {
                return;
            }
            self.drop_held(found);
        }
        self.sync();
        self.log(|| format!("registry {at} is dropped"));
        let gone = {
            let mut here = self.here();
            let mine = |scope: &usize| here.model.scopes[*scope].registry == at;
            let scopes: Vec<_> = (0..here.scopes.len()).filter(mine).collect();
            let scopes: Vec<_> = scopes.into_iter().map(|s| here.scopes[s].take()).collect();
            (here.registries[at].take(), here.readers[at].take(), scopes)
        };
        drop(gone);
    }
}

fn ended<F: Future<Output = task_registry::Outcome>>(future: F) -> impl Future<Output = Seen> {
    async move { Seen::End(future.await) }
}

fn nothing(future: impl Future<Output = ()>) -> impl Future<Output = Seen> {
    async move {
        future.await;
        Seen::Nothing
    }
}

fn all_ended(
    future: impl Future<Output = Vec<task_registry::TaskEnd>>,
) -> impl Future<Output = Seen> {
    async move {
        let ends = future.await;
        Seen::Ends(ends.iter().map(|end| (end.id(), end.outcome().clone())).collect())
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
