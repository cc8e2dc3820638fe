//! Futures that somebody holds and polls now and then.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use task_registry::{Outcome, TaskId};

use super::Tested;
use super::model::{Model, Number, Payload, Urgency};
use super::world::World;

/// What came of it.
#[derive(Debug)]
pub(crate) enum Seen {
    End(Outcome),
    /// Whose output, or how it ended without.
    Joined(Result<Number, Outcome>),
    Started(Result<(), Outcome>),
    Ends(Vec<(TaskId, Outcome)>),
    Named(TaskId),
    Next(Option<(TaskId, Outcome)>),
    /// How each ended, if it has.
    Report(Vec<(TaskId, Option<Outcome>)>),
    Nothing,
}

/// What it waits for.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    End(Number),
    Joined(Number),
    Started(Number),
    Token(Number),
    All(Vec<Number>),
    Idle(usize),
    Named(usize, String),
    /// Of a registry, the ending with this number.
    Next(usize, usize),
    ScopeIdle(usize),
    /// Of a registry, these tasks, by this gate.
    Shutdown(usize, Vec<Number>, usize),
    /// The same, stage by stage, or when the other gate is open.
    Staged(usize, Vec<Number>, usize, usize),
}

pub(crate) struct Held<M: Tested> {
    pub(crate) kind: Kind,
    /// Whom dropping it, or this gate, stops now.
    pub(crate) grace: Option<(usize, Vec<Number>)>,
    pub(crate) future: Pin<Box<dyn Future<Output = Seen>>>,
    /// It was pending, and will sound this.
    pub(crate) alarm: Option<usize>,
    pub(crate) mode: std::marker::PhantomData<M>,
}

impl Kind {
    /// Whether it is ready, as things stand.
    pub(crate) fn is_ready(&self, model: &Model, is_open: impl Fn(usize) -> bool) -> bool {
        let ended = |task: &Number| model.tasks[*task].ended.is_some();
        let idle = |registry: usize| model.live(registry).next().is_none();
        match self {
            Kind::End(task) | Kind::Joined(task) => ended(task),
            Kind::Started(task) => ended(task) || model.tasks[*task].ready,
            Kind::Token(task) => ended(task) || model.tasks[*task].asked,
            Kind::All(tasks) => tasks.iter().all(ended),
            Kind::Idle(registry) => idle(*registry),
            Kind::Named(registry, name) => model.holder(*registry, name).is_some(),
            Kind::Next(registry, number) => {
                let books = &model.registries[*registry];
                books.log.len() > *number || (books.closed && idle(*registry))
            }
            Kind::ScopeIdle(scope) => model.members(*scope).is_empty(),
            Kind::Shutdown(registry, _, gate) | Kind::Staged(registry, _, gate, _) => {
                idle(*registry) || is_open(*gate)
            }
        }
    }

    fn has_gate(&self) -> bool {
        matches!(self, Kind::Shutdown(..) | Kind::Staged(..))
    }

    /// Whether it is woken by nothing but what makes it ready.
    fn is_woken_once(&self) -> bool {
        matches!(self, Kind::End(_) | Kind::Joined(_) | Kind::Started(_) | Kind::Token(_))
    }
}

impl<M: Tested> World<M> {
    pub(crate) fn is_ready(&self, kind: &Kind) -> bool {
        let here = self.here();
        kind.is_ready(&here.model, |gate| here.gates[gate].open)
    }

    pub(crate) fn hold(&self, kind: Kind, future: impl Future<Output = Seen> + 'static) {
        self.hold_graced(kind, None, future);
    }

    pub(crate) fn hold_graced(
        &self,
        kind: Kind,
        grace: Option<(usize, Vec<Number>)>,
        future: impl Future<Output = Seen> + 'static,
    ) {
        let mode = std::marker::PhantomData;
        let held = Held { kind, grace, future: Box::pin(future), alarm: None, mode };
        self.here().held.push(held);
    }

    pub(crate) fn poll_held(&self, at: usize) {
        let mut held = self.here().held.swap_remove(at);
        self.log(|| format!("poll {:?}", held.kind));
        let granted = held.grace.as_ref().filter(|(gate, _)| self.here().gates[*gate].open);
        if let Some((_, tasks)) = granted {
            for task in tasks {
                self.here().model.ask(*task, None, Urgency::Now);
            }
        }
        let lives = |task: &Number| self.here().model.tasks[*task].lives();
        let staged = match &held.kind {
            Kind::Staged(_, tasks, ..) => tasks.iter().copied().filter(lives).collect(),
            _ => Vec::new(),
        };
        self.begin_asks(&staged, &Some("shutdown".into()), Urgency::Own);
        let (shutdowns, left) = {
            let mut here = self.here();
            here.joining = match held.kind {
                Kind::Joined(task) => Some(task),
                _ => None,
            };
            (here.shutdowns, here.joining.and_then(|task| here.model.tasks[task].payload))
        };
        let (alarm, waker) = self.alarm();
        let polled = held.future.as_mut().poll(&mut Context::from_waker(&waker));
        drop(waker);
        self.here().joining = None;
        self.sync();
        if let Kind::Staged(_, tasks, deadline, budget) = &held.kind {
            self.end_staged(tasks, &staged, [*deadline, *budget], shutdowns);
        }
        let ready = self.is_ready(&held.kind);
        match polled {
            Poll::Pending => {
                // What it waits for may have come while it was polled; then it was woken as well.
                let heard = self.here().alarms[alarm] > 0;
                self.expect(!ready || (heard && held.kind.has_gate()), || {
                    format!("{:?} is pending and should not be", held.kind)
                });
                held.alarm = Some(alarm);
                self.here().held.push(held);
            }
            Poll::Ready(seen) => {
                self.expect(ready, || format!("{:?} is ready: {seen:?}", held.kind));
                self.judge(&held.kind, &seen, left);
            }
        }
    }

    /// Whether what came of it is right.
    fn judge(&self, kind: &Kind, seen: &Seen, left: Option<Payload>) {
        self.log(|| format!("= {seen:?}"));
        let ends = |tasks: &[Number]| {
            let here = self.here();
            let mut ends: Vec<_> = tasks
                .iter()
                .map(|task| &here.model.tasks[*task])
                .map(|task| (task.id.expect("it was admitted"), task.ended.clone()))
                .collect();
            ends.sort_by_key(|(id, _)| *id);
            ends
        };
        let right = match (kind, seen) {
            (Kind::End(task), Seen::End(outcome)) => {
                self.here().model.tasks[*task].ended.as_ref() == Some(outcome)
            }
            (Kind::Joined(task), Seen::Joined(joined)) => {
                let task = &mut self.here().model.tasks[*task];
                let ended = task.ended.clone();
                task.payload = None;
                match joined {
                    Ok(_) => left == Some(Payload::Output),
                    Err(outcome) => {
                        left != Some(Payload::Output) && ended.as_ref() == Some(outcome)
                    }
                }
            }
            (Kind::Started(task), Seen::Started(started)) => {
                let task = &self.here().model.tasks[*task];
                match started {
                    Ok(()) => task.ready,
                    Err(outcome) => !task.ready && task.ended.as_ref() == Some(outcome),
                }
            }
            (Kind::All(tasks), Seen::Ends(seen)) => {
                let mut seen: Vec<_> =
                    seen.iter().map(|(id, end)| (*id, Some(end.clone()))).collect();
                seen.sort_by_key(|(id, _)| *id);
                seen == ends(tasks)
            }
            (Kind::Named(registry, name), Seen::Named(id)) => {
                let here = self.here();
                let holder = here.model.holder(*registry, name);
                holder.is_some_and(|holder| here.model.tasks[holder].id == Some(*id))
            }
            (Kind::Next(registry, number), Seen::Next(end)) => {
                let here = self.here();
                let log = &here.model.registries[*registry].log;
                let ended = log.get(*number).map(|task| &here.model.tasks[*task]);
                match (ended, end) {
                    (Some(ended), Some((id, outcome))) => {
                        // In which order, nobody tells of a registry that is gone.
                        let known = here.registries[*registry].is_some();
                        !known || (ended.id == Some(*id) && ended.ended.as_ref() == Some(outcome))
                    }
                    (None, None) => true,
                    _ => false,
                }
            }
            (Kind::Shutdown(_, tasks, _) | Kind::Staged(_, tasks, ..), Seen::Report(seen)) => {
                *seen == ends(tasks)
            }
            (Kind::Token(_) | Kind::Idle(_) | Kind::ScopeIdle(_), Seen::Nothing) => true,
            _ => false,
        };
        self.expect(right, || format!("{kind:?} came to {seen:?}"));
    }

    pub(crate) fn drop_held(&self, at: usize) {
        let held = self.here().held.swap_remove(at);
        self.log(|| format!("drop {:?}", held.kind));
        if let Some((_, tasks)) = &held.grace {
            for task in tasks {
                self.here().model.ask(*task, None, Urgency::Now);
            }
        }
        if let Kind::Joined(task) = held.kind {
            self.here().model.drop_handle(task);
        }
        let staged = match &held.kind {
            Kind::Staged(_, tasks, ..) => tasks.clone(),
            _ => Vec::new(),
        };
        self.begin_asks(&staged, &Some("shutdown".into()), Urgency::Own);
        drop(held);
        self.end_asks(&staged);
    }

    /// Who waits is woken when, and only when, there is a reason (law 2).
    pub(crate) fn check_held(&self) {
        let held: Vec<_> = {
            let here = self.here();
            let parts = |held: &Held<M>| (held.kind.clone(), held.alarm, held.grace.is_none());
            here.held.iter().map(parts).collect()
        };
        for (kind, alarm, alone) in held {
            let Some(alarm) = alarm else { continue };
            let heard = self.here().alarms[alarm];
            let ready = self.is_ready(&kind);
            self.expect(!ready || heard > 0, || format!("{kind:?} is never woken"));
            if alone && kind.is_woken_once() {
                self.expect(ready || heard == 0, || format!("{kind:?} is woken for nothing"));
                self.expect(heard < 2, || format!("{kind:?} is woken {heard} times"));
            }
        }
    }
}
