//! What is done to the registries, each time to the model as well.

use std::future::Future;

use task_registry::{TakeError, TaskRef};

use super::Tested;
use super::held::{Kind, Seen};
use super::model::Number;
use super::probes::Ready;
use super::spawn::text;
use super::world::World;

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

    pub(crate) fn pick_registry(&self) -> usize {
        let count = self.here().registries.len();
        self.pick(count)
    }

    pub(crate) fn pick_name(&self) -> &'static str {
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
    pub(crate) fn pick_task(&self) -> Option<(Number, TaskRef<M>)> {
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

    pub(crate) fn run_some(&self) {
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

    pub(crate) fn poll_some_held(&self) {
        let held = self.here().held.len();
        if held > 0 {
            let at = self.pick(held);
            self.poll_held(at);
        }
    }

    pub(crate) fn look(&self) {
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

    pub(crate) fn purge(&self) {
        if self.pick(2) == 1 {
            let Some((number, task)) = self.pick_task() else { return };
            let (record, may_be_gone) = {
                let here = self.here();
                let task = &here.model.tasks[number];
                (task.listed && task.ended.is_some(), here.registries[task.registry].is_none())
            };
            self.log(|| format!("purge {number}"));
            if record {
                self.here().model.evict(number);
            }
            let purged = task.purge();
            // Records go with the last that refers to their registry, and nobody tells when that is.
            let right = purged == record || may_be_gone && !purged;
            return self.expect(right, || format!("{number} purged: {purged}"));
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

    pub(crate) fn take_result(&self) {
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
        // All that is looked at is whose it is.
        let taken = taken.map(|taken| match taken {
            Ok(output) => Ok(output.take()),
            Err(output) => Err(output.take()),
        });
        let right = match (&task, &taken) {
            (None, Err(TakeError::NotFound)) => true,
            (Some(task), Err(TakeError::NotEnded)) => task.lives(),
            (Some(task), Err(TakeError::NoResult)) => task.ended.is_some() && left.is_none(),
            (Some(task), Err(TakeError::Join(error))) => {
                task.ended.as_ref() == Some(error.outcome())
            }
            (Some(_), Ok(Ok(output) | Err(output))) => {
                left == Some(super::model::Payload::Output) && Some(*output) == named
            }
            _ => false,
        };
        let taken = taken.map(|taken| taken.is_ok());
        self.log(|| format!("-> taken: {taken:?}"));
        self.expect(right, || format!("law 17: {taken:?} of {task:?}"));
    }

    pub(crate) fn open_gate(&self) {
        let gates = self.here().gates.len();
        if gates > 0 {
            let at = gates - 1 - self.pick(gates.min(8));
            self.log(|| format!("gate {at} opens"));
            self.open(at);
        }
    }

    pub(crate) fn wait(&self) {
        if self.pick(3) == 1 {
            let at = self.pick_registry();
            let Some(registry) = self.registry(at) else { return };
            if self.pick(2) == 1 {
                let name = self.pick_name();
                let named = registry.wait_for(text(name));
                let seen = async move { Seen::Named(named.await.id()) };
                return self.hold(Kind::Named(at, name.into()), seen);
            }
            if self.pick(3) == 1 {
                let number = self.here().model.registries[at].log.len();
                let mut endings = registry.endings();
                let next = async move {
                    let next = endings.next_ended().await;
                    let end = next.map(|end| end.expect("never so many at once"));
                    Seen::Next(end.map(|end| (end.id(), end.outcome().clone())))
                };
                return self.hold(Kind::Next(at, number), next);
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

    pub(crate) fn let_go(&self) {
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
}

pub(crate) async fn ended(future: impl Future<Output = task_registry::Outcome>) -> Seen {
    Seen::End(future.await)
}

pub(crate) async fn nothing(future: impl Future<Output = ()>) -> Seen {
    future.await;
    Seen::Nothing
}

pub(crate) async fn all_ended(future: impl Future<Output = Vec<task_registry::TaskEnd>>) -> Seen {
    let ends = future.await;
    Seen::Ends(ends.iter().map(|end| (end.id(), end.outcome().clone())).collect())
}
