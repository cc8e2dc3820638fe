//! What a registry does, said naively: tasks in a list, names in a map, records in a queue.
//!
//! Nothing here knows of slots, locks, flags or wakers. One thing the model does not say: *when* within the poll that
//! finishes a task its end can be seen. It says from when on it may be ([`Task::may_end`]) and what then has to hold.

use std::collections::{BTreeMap, VecDeque};

use task_registry::{Cleanup, Outcome, State, TaskId};

/// A task's number, in the order of trying to spawn them.
pub(crate) type Number = usize;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Policy {
    Fail,
    Replace,
    Keep,
    Detach,
    /// Of a restart.
    Follow,
}

/// How urgently a task is asked to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Urgency {
    Graced,
    Own,
    Now,
}

/// Why there is no place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    Taken(Number),
    Existing(Number),
    Closed,
    Empty,
    Full(usize),
}

/// What a task leaves to whoever takes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Payload {
    Output,
    Panic,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Task {
    pub(crate) registry: usize,
    pub(crate) name: Option<String>,
    pub(crate) id: Option<TaskId>,
    pub(crate) admitted: bool,
    /// It has a place and no future yet.
    pub(crate) reserved: bool,
    pub(crate) started: bool,
    pub(crate) ready: bool,
    pub(crate) asked: bool,
    pub(crate) stop: bool,
    pub(crate) reason: Option<String>,
    pub(crate) has_grace: bool,
    pub(crate) gracing: bool,
    pub(crate) shields: usize,
    /// Whom it waits for (law 6).
    pub(crate) before: Option<Number>,
    /// It waited and need not any more.
    pub(crate) released: bool,
    /// How many things live that its future or its terms own (law 2).
    pub(crate) owned: usize,
    /// What its future returned: nothing, or the message of its error.
    pub(crate) returned: Option<Option<String>>,
    /// What its future panicked with.
    pub(crate) panicked: Option<Option<String>>,
    /// Its wrapper has done its last.
    pub(crate) over: bool,
    /// Its future was given back, or never came.
    pub(crate) withdrawn: bool,
    /// What came of giving it a future, where its place was taken before.
    pub(crate) claim: Option<Option<task_registry::SpawnError>>,
    pub(crate) has_body: bool,
    pub(crate) has_cleanup: bool,
    pub(crate) cleanup_made: bool,
    pub(crate) cleanup: Option<Cleanup>,
    pub(crate) fallible: bool,
    pub(crate) restartable: bool,
    /// An observer was told how it ends, which nobody else sees yet.
    pub(crate) decided: Option<Outcome>,
    pub(crate) ended: Option<Outcome>,
    pub(crate) handle: bool,
    pub(crate) keep: bool,
    pub(crate) payload: Option<Payload>,
    /// Lists show it.
    pub(crate) listed: bool,
    pub(crate) scope: Option<usize>,
    /// It is a member of its scope by now.
    pub(crate) entered: bool,
    pub(crate) stage: i64,
    /// The stage it was given, which a restart carries on.
    pub(crate) own_stage: Option<i64>,
    /// Whether its output was asked to be kept, whatever became of that.
    pub(crate) keep_of_all: bool,
    /// What the observer was told of it: one bit each, in order.
    pub(crate) told: u8,
    /// How many of an observer's calls about it are under way.
    pub(crate) telling: usize,
}

impl Task {
    pub(crate) fn lives(&self) -> bool {
        self.admitted && self.ended.is_none()
    }

    /// It lives, and nothing that happens now changes how it ends.
    pub(crate) fn is_decided(&self) -> bool {
        self.decided.is_some() || self.ended.is_some()
    }

    pub(crate) fn state(&self) -> State {
        match self {
            Task { ended: Some(_), .. } => State::Ended,
            Task { asked: true, .. } => State::Stopping,
            Task { started: true, .. } => State::Running,
            _ => State::Queued,
        }
    }

    /// Its future is to be dropped instead of being polled.
    pub(crate) fn must_stop(&self) -> bool {
        (if self.started { self.stop } else { self.asked }) && self.shields == 0
    }

    /// Law 3, in one line each.
    pub(crate) fn outcome(&self) -> Outcome {
        if let Some(returned) = &self.returned {
            return match returned {
                None => Outcome::Completed,
                Some(message) => Outcome::Failed { message: message.clone().into() },
            };
        }
        if let Some(message) = &self.panicked {
            return Outcome::Panicked { message: message.clone().map(Into::into) };
        }
        let cancelled = Outcome::Cancelled { reason: self.reason.clone().map(Into::into) };
        match (self.withdrawn, self.asked) {
            (true, true) if self.reserved => cancelled,
            (true, _) => Outcome::NeverStarted,
            (false, true) => cancelled,
            (false, false) => Outcome::Abandoned,
        }
    }

    /// Law 2: whether its end may be seen.
    pub(crate) fn may_end(&self) -> bool {
        let unborn = self.reserved && (self.asked || self.withdrawn);
        unborn || self.withdrawn || (self.has_body && self.owned == 0)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Registry {
    /// How many records it keeps.
    pub(crate) limit: usize,
    pub(crate) capacity: Option<usize>,
    pub(crate) newest_first: bool,
    pub(crate) observed: bool,
    pub(crate) closed: bool,
    pub(crate) names: BTreeMap<String, Number>,
    /// The oldest first.
    pub(crate) records: VecDeque<Number>,
    /// All that ended, in order.
    pub(crate) log: Vec<Number>,
    pub(crate) spawned: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) registry: usize,
    pub(crate) path: String,
    pub(crate) parent: Option<usize>,
    pub(crate) closed: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) tasks: Vec<Task>,
    pub(crate) registries: Vec<Registry>,
    pub(crate) scopes: Vec<Scope>,
}

impl Model {
    pub(crate) fn of(&self, registry: usize) -> impl Iterator<Item = (Number, &Task)> {
        let of = move |(_, task): &(Number, &Task)| task.registry == registry && task.admitted;
        self.tasks.iter().enumerate().filter(of)
    }

    pub(crate) fn live(&self, registry: usize) -> impl Iterator<Item = (Number, &Task)> {
        self.of(registry).filter(|(_, task)| task.lives())
    }

    pub(crate) fn by_id(&self, id: TaskId) -> Option<Number> {
        self.tasks.iter().position(|task| task.id == Some(id))
    }

    /// Whom a name leads to.
    pub(crate) fn named(&self, registry: usize, name: &str) -> Option<Number> {
        self.registries[registry].names.get(name).copied()
    }

    pub(crate) fn holder(&self, registry: usize, name: &str) -> Option<Number> {
        self.named(registry, name).filter(|number| self.tasks[*number].lives())
    }

    /// Takes a place for a task that was made.
    pub(crate) fn admit(&mut self, new: Number, policy: Policy) -> Result<(), Refused> {
        let Task { registry, name, .. } = self.tasks[new].clone();
        let live = self.live(registry).count();
        if self.registries[registry].closed {
            return Err(Refused::Closed);
        }
        let holder = name.as_deref().and_then(|name| self.holder(registry, name));
        match (holder, policy) {
            (Some(holder), Policy::Fail) => return Err(Refused::Taken(holder)),
            (Some(holder), Policy::Keep) => return Err(Refused::Existing(holder)),
            _ => {}
        }
        let books = &mut self.registries[registry];
        if let Some(capacity) = books.capacity.filter(|capacity| live >= *capacity) {
            return Err(Refused::Full(capacity));
        }
        books.spawned += 1;
        let order = if books.newest_first { books.spawned } else { 0 };
        if let Some(name) = name {
            books.names.insert(name, new);
        }
        let replaces = matches!(policy, Policy::Replace | Policy::Follow);
        let before = holder.filter(|_| replaces);
        if let Some(before) = before {
            self.ask(before, Some("replaced".into()), Urgency::Own);
        }
        let task = &mut self.tasks[new];
        (task.admitted, task.listed, task.before, task.stage) = (true, true, before, order);
        Ok(())
    }

    /// Of several requests the most urgent counts, and the first reason.
    pub(crate) fn ask(&mut self, number: Number, reason: Option<String>, urgency: Urgency) {
        let task = &mut self.tasks[number];
        if task.is_decided() || task.stop {
            return;
        }
        match urgency {
            Urgency::Graced => {}
            Urgency::Own if task.has_grace => task.gracing = true,
            Urgency::Own | Urgency::Now => task.stop = true,
        }
        if !task.asked {
            (task.asked, task.reason) = (true, reason);
        }
        // Nobody but the canceller can report its end.
        if task.reserved {
            task.decided = Some(task.outcome());
        }
    }

    /// The end of a task can be seen.
    pub(crate) fn end(&mut self, number: Number) {
        let task = &mut self.tasks[number];
        let outcome = task.decided.take().unwrap_or_else(|| task.outcome());
        task.ended = Some(outcome.clone());
        let (registry, before) = (task.registry, task.before.take());
        let name = task.name.clone();
        let next = self.tasks.iter_mut().find(|task| task.lives() && task.before == Some(number));
        let books = &mut self.registries[registry];
        let has_name = |books: &Registry| {
            name.as_ref().is_some_and(|name| books.names.get(name) == Some(&number))
        };
        match (next, before, &name) {
            (Some(next), _, _) => {
                next.before = before;
                next.released = before.is_none();
            }
            (None, Some(before), Some(name)) if has_name(books) => {
                books.names.insert(name.clone(), before);
            }
            _ => {}
        }
        books.log.push(number);
        let task = &mut self.tasks[number];
        let leaves = match outcome {
            Outcome::Completed | Outcome::Failed { .. } => Some(Payload::Output),
            Outcome::Panicked { .. } => Some(Payload::Panic),
            _ => None,
        };
        if books.limit > 0 && outcome != Outcome::NeverStarted {
            task.payload = leaves.filter(|_| task.handle || task.keep);
            books.records.push_back(number);
            if books.records.len() > books.limit {
                let oldest = books.records.front().copied().expect("there is the new one");
                self.evict(oldest);
            }
            return;
        }
        task.payload = leaves.filter(|_| task.handle);
        task.listed = false;
        if has_name(books) {
            books.names.retain(|_, holder| *holder != number);
        }
    }

    /// Forgets a record.
    pub(crate) fn evict(&mut self, number: Number) {
        let task = &mut self.tasks[number];
        task.listed = false;
        if !task.handle {
            task.payload = None;
        }
        let books = &mut self.registries[task.registry];
        books.records.retain(|record| *record != number);
        books.names.retain(|_, holder| *holder != number);
    }

    /// The handle goes, and with it the claim.
    pub(crate) fn drop_handle(&mut self, number: Number) {
        let task = &mut self.tasks[number];
        task.handle = false;
        if task.ended.is_some() && !(task.keep && task.listed) {
            task.payload = None;
        }
    }

    pub(crate) fn scope_is_closed(&self, scope: usize) -> bool {
        let scope = &self.scopes[scope];
        scope.closed || scope.parent.is_some_and(|parent| self.scope_is_closed(parent))
    }

    /// The live members of a scope and of those within.
    pub(crate) fn members(&self, scope: usize) -> Vec<Number> {
        let within = |mut at: Option<usize>| {
            while let Some(inner) = at {
                if inner == scope {
                    return true;
                }
                at = self.scopes[inner].parent;
            }
            false
        };
        let registry = self.scopes[scope].registry;
        let members = self.live(registry).filter(|(_, task)| task.entered && within(task.scope));
        members.map(|(number, _)| number).collect()
    }

    /// A scope is cancelled: it takes no more.
    pub(crate) fn close_scope(&mut self, scope: usize, spawning: &[Number]) {
        self.scopes[scope].closed = true;
        for number in spawning {
            let Some(task) = self.tasks.get(*number) else { continue };
            let refused = task.scope.is_some_and(|scope| self.scope_is_closed(scope));
            if refused && task.lives() && !task.entered {
                let task = &mut self.tasks[*number];
                task.withdrawn = true;
                task.claim = Some(Some(task_registry::SpawnError::Closed));
            }
        }
    }
}
