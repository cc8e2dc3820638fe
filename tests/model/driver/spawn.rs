//! Tasks of all kinds, by all ways.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use task_registry::{Cx, Outcome, Scope, SpawnError, Spawned, TaskHandle, TaskRef, Text, conflict};

use super::Tested;
use super::check::{LONG, ODD};
use super::held::{Kind, Seen};
use super::model::{Number, Payload, Policy, Refused, Task};
use super::probes::{
    Blow, Body, Cleaning, Counted, For, Gate, On, Ready, Takes, What, blow_aside, hooks,
};
use super::world::{World, with_world};

/// What a task is to be.
pub(crate) struct Spec<M: Tested> {
    pub(crate) number: Number,
    /// Relative to its scope.
    pub(crate) name: Option<&'static str>,
    pub(crate) policy: Policy,
    pub(crate) terms: Terms,
    pub(crate) keep: bool,
    pub(crate) scope: Option<Scope<M>>,
    pub(crate) stage: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Terms {
    None,
    Grace,
    TimeoutAndCleanup,
    Cleanup,
    Fallible,
    All,
}

/// What came of a spawn.
pub(crate) enum Came<M: Tested> {
    New(TaskHandle<Ready, M>),
    Existing(TaskRef<M>),
}

impl<M: Tested> From<TaskHandle<Ready, M>> for Came<M> {
    fn from(handle: TaskHandle<Ready, M>) -> Self {
        Came::New(handle)
    }
}

impl<M: Tested> From<Spawned<Ready, M>> for Came<M> {
    fn from(spawned: Spawned<Ready, M>) -> Self {
        match spawned {
            Spawned::New(handle) => Came::New(handle),
            Spawned::Existing(task) => Came::Existing(task),
        }
    }
}

pub(crate) fn grace(owner: Option<Number>) -> impl FnOnce() -> Gate + Clone {
    let counted = Counted::new(What::Term, owner);
    move || {
        let _counted = &counted;
        hooks().own_gate(For::Grace)
    }
}

pub(crate) fn cleanup(owner: Option<Number>) -> impl FnOnce(Outcome) -> Cleaning + Clone {
    let counted = Counted::new(What::Term, owner);
    move |end| {
        let _counted = &counted;
        Cleaning::new(hooks().cleanup_made(end))
    }
}

pub(crate) fn deadline(owner: Option<Number>) -> impl FnOnce() -> Gate + Clone {
    let counted = Counted::new(What::Term, owner);
    move || {
        let _counted = &counted;
        hooks().own_gate(For::Deadline)
    }
}

/// The future of the task that is being spawned, from its context.
pub(crate) fn made<M: Tested>(cx: Cx<(), M>) -> Body {
    with_world::<M, _>(|world| world.made(cx))
}

macro_rules! builder {
    ($registry:expr, $spec:expr) => {{
        let mut builder = match $spec.name {
            Some(name) => $registry.task(name),
            None => $registry.unnamed(),
        };
        if let Some(scope) = &$spec.scope {
            builder = builder.within(scope);
        }
        if let Some(stage) = $spec.stage {
            builder = builder.stage(stage);
        }
        builder
    }};
}
pub(crate) use builder;

macro_rules! restartable {
    ($registry:expr, $spec:expr, $mode:ident) => {{
        let builder = $crate::driver::spawn::builder!($registry, $spec);
        let factory =
            $crate::driver::probes::Counted::new($crate::driver::probes::What::Factory, None);
        let make = move |cx: task_registry::Cx<(), $mode>| {
            let _factory = &factory;
            $crate::driver::spawn::made(cx)
        };
        use task_registry::conflict::Replace;
        use $crate::driver::spawn::{Terms, cleanup, deadline, grace};
        match ($spec.terms, $spec.keep) {
            (Terms::Grace, _) => {
                builder.on_conflict(Replace).grace(grace(None)).spawn_restartable(make)
            }
            (Terms::Cleanup, _) => {
                let builder = builder.cleanup(cleanup(None), deadline(None));
                builder.spawn_restartable(make)
            }
            (Terms::Fallible, _) => builder.fallible().spawn_restartable(make),
            (_, true) => builder.keep_result().spawn_restartable(make),
            (_, false) => builder.on_conflict(Replace).spawn_restartable(make),
        }
    }};
}
pub(crate) use restartable;

macro_rules! with_terms {
    ($world:expr, $spec:expr, $builder:expr, $spawn:ident) => {{
        let (builder, of) = ($builder, Some($spec.number));
        match ($spec.terms, $spec.keep) {
            (Terms::None, false) => $spawn!(builder),
            (Terms::None, true) => $spawn!(builder.keep_result()),
            (Terms::Grace, _) => $spawn!(builder.grace(grace(of))),
            (Terms::TimeoutAndCleanup, _) => {
                let timeout = $world.gate(Some((For::Timeout, $spec.number)));
                $spawn!(builder.timeout(timeout).cleanup(cleanup(of), deadline(of)))
            }
            (Terms::Cleanup, _) => $spawn!(builder.cleanup(cleanup(of), deadline(of))),
            (Terms::Fallible, _) => $spawn!(builder.fallible()),
            (Terms::All, _) => {
                let timeout = $world.gate(Some((For::Timeout, $spec.number)));
                let builder = builder.keep_result().timeout(timeout).grace(grace(of));
                $spawn!(builder.cleanup(cleanup(of), deadline(of)).fallible())
            }
        }
    }};
}

macro_rules! with_policy {
    ($world:expr, $spec:expr, $registry:expr, $spawn:ident) => {{
        let builder = builder!($registry, $spec);
        match $spec.policy {
            Policy::Replace => {
                with_terms!($world, $spec, builder.on_conflict(conflict::Replace), $spawn)
            }
            Policy::Keep => with_terms!($world, $spec, builder.on_conflict(conflict::Keep), $spawn),
            Policy::Detach => {
                with_terms!($world, $spec, builder.on_conflict(conflict::Detach), $spawn)
            }
            _ => with_terms!($world, $spec, builder, $spawn),
        }
    }};
}

impl<M: Tested> World<M> {
    fn made(&self, cx: Cx<(), M>) -> Body {
        let number = *self.here().spawning.last().expect("a task is being spawned");
        self.sync();
        {
            let mut here = self.here();
            let known = here.model.tasks[number].id == Some(cx.id());
            here.model.tasks[number].has_body = true;
            here.model.tasks[number].entered = true;
            here.contexts.insert(number, cx);
            drop(here);
            self.expect(known, || format!("law 7: {number} is given the context of another"));
        }
        let body = Body::new(number);
        if self.pick(4) == 1 {
            self.act_inside();
        }
        if self.blows(12) {
            self.log(|| "a factory panics".into());
            self.withdraw(number);
            self.here().model.tasks[number].withdrawn = true;
            // The body goes first: it has come to nothing by then, as has the task.
            drop(body);
            blow_aside();
            unreachable!("nothing unwinds");
        }
        self.claim(number);
        body
    }

    /// A future comes to a place that was reserved: why it may be refused.
    pub(crate) fn claim(&self, number: Number) -> Option<SpawnError> {
        self.sync();
        let mut here = self.here();
        let registry = here.model.tasks[number].registry;
        let closed = here.model.registries[registry].closed;
        let task = &mut here.model.tasks[number];
        let refused = match (closed, task.asked || task.is_decided()) {
            (true, _) => Some(SpawnError::Closed),
            (false, true) => Some(SpawnError::Cancelled),
            (false, false) => None,
        };
        match refused {
            Some(_) => task.withdrawn = true,
            None => task.reserved = false,
        }
        task.claim = Some(refused);
        refused
    }

    pub(crate) fn spawn(&self, reserve: bool) {
        let registries = self.here().registries.len();
        let at = self.pick(registries);
        let Some(registry) = self.registry(at) else { return };
        let ways = [Way::TrySpawn, Way::Spawn, Way::SpawnWith, Way::Restartable];
        let way = if reserve { Way::Reserve } else { ways[self.pick(4)] };
        // Tasks that have to do with each other are worth more.
        let names = [Some("a"), Some("a"), Some("b"), Some("ab"), None, Some("a"), Some("b")];
        let name = match self.pick(10) {
            7 => Some(LONG),
            8 => Some(ODD),
            9 => Some(""),
            some => names[some],
        };
        let policies =
            [Policy::Fail, Policy::Replace, Policy::Replace, Policy::Keep, Policy::Detach];
        let policy = policies[self.pick(5)];
        let all = [
            Terms::None,
            Terms::Grace,
            Terms::TimeoutAndCleanup,
            Terms::Cleanup,
            Terms::Fallible,
            Terms::All,
        ];
        let terms = all[self.pick(6)];
        let keep = self.pick(3) == 1;
        let scope = if self.pick(4) == 1 { self.pick_scope(at) } else { None };
        let stage = [None, None, Some(-1), Some(2)][self.pick(4)];
        let (mut policy, mut terms) = (policy, terms);
        match way {
            Way::Reserve => terms = Terms::None,
            Way::SpawnWith => {
                policy = if policy == Policy::Keep { Policy::Replace } else { policy };
            }
            Way::Restartable => {
                if matches!(terms, Terms::All | Terms::TimeoutAndCleanup) {
                    terms = Terms::None;
                }
                let replaces = matches!((terms, keep), (Terms::Grace, _) | (Terms::None, false));
                policy = if replaces { Policy::Replace } else { Policy::Fail };
            }
            _ => {}
        }
        let keeps = terms == Terms::All || (terms == Terms::None && keep);
        let plain = matches!(way, Way::Reserve);
        let number = self.new_task(Task {
            registry: at,
            name: name.map(|name| match scope {
                Some(scope) => format!("{}/{name}", self.here().model.scopes[scope].path),
                None => name.into(),
            }),
            reserved: matches!(way, Way::SpawnWith | Way::Restartable | Way::Reserve),
            has_grace: matches!(terms, Terms::Grace | Terms::All),
            has_cleanup: matches!(terms, Terms::Cleanup | Terms::TimeoutAndCleanup | Terms::All),
            fallible: matches!(terms, Terms::Fallible | Terms::All),
            restartable: matches!(way, Way::Restartable),
            handle: true,
            keep: keeps && !plain,
            keep_of_all: keeps && !plain,
            own_stage: stage,
            scope,
            ..Task::default()
        });
        let real_scope = scope.and_then(|scope| self.here().scopes[scope].clone());
        let spec = Spec { number, name, policy, terms, keep, scope: real_scope, stage };
        self.log(|| {
            let scope = spec.scope.as_ref().map(Scope::path);
            format!("{way:?} {number} {name:?} in {at} {scope:?} {policy:?} {terms:?} {stage:?}")
        });
        let body = match way {
            Way::TrySpawn | Way::Spawn => {
                self.here().model.tasks[number].has_body = true;
                Some(Body::new(number))
            }
            _ => None,
        };
        let predicted = match scope {
            Some(scope) if self.here().model.scope_is_closed(scope) => Err(Refused::Closed),
            _ if name == Some("") => Err(Refused::Empty),
            _ => self.here().model.admit(number, policy),
        };
        if let (Ok(()), Some(stage)) = (&predicted, stage) {
            self.here().model.tasks[number].stage = stage;
        }
        self.here().spawning.push(number);
        if let Way::Reserve = way {
            let builder = builder!(registry, spec);
            let reserved = match policy {
                Policy::Replace => builder.on_conflict(conflict::Replace).reserve(),
                Policy::Detach => builder.on_conflict(conflict::Detach).reserve(),
                Policy::Keep => builder.on_conflict(conflict::Keep).reserve(),
                _ if spec.scope.is_none() && stage.is_none() => match name {
                    Some(name) => registry.reserve(name),
                    None => builder.reserve(),
                },
                _ => builder.reserve(),
            };
            self.enter_last();
            self.here().spawning.pop();
            let id = reserved.as_ref().ok().map(task_registry::Ticket::id);
            self.judge_spawn(number, &predicted, &reserved.as_ref().map(|_| id).map_err(|e| *e));
            if let Ok(ticket) = reserved {
                self.here().tickets.push((number, ticket));
            }
            return;
        }
        let came: Option<Result<Came<M>, SpawnError>> = match (way, body) {
            (Way::TrySpawn, Some(body)) => {
                macro_rules! go {
                    ($builder:expr) => {
                        $builder.try_spawn(body).map(Came::from).map_err(|error| {
                            let (kind, body) = error.into_parts();
                            drop(body);
                            kind
                        })
                    };
                }
                Some(with_policy!(self, spec, registry, go))
            }
            (_, Some(body)) => {
                macro_rules! go {
                    ($builder:expr) => {
                        $builder.spawn(body).map(Came::from)
                    };
                }
                Some(with_policy!(self, spec, registry, go))
            }
            (Way::SpawnWith, None) => {
                macro_rules! go {
                    ($builder:expr) => {
                        $builder.spawn_with((), made::<M>).map(Came::from)
                    };
                }
                self.panicking(|| with_policy!(self, spec, registry, go))
            }
            (_, None) => self.panicking(|| M::restartable(&registry, &spec).map(Came::from)),
        };
        self.here().spawning.pop();
        let Some(came) = came else {
            self.sync();
            self.log(|| "-> a panic".into());
            return self.expect_withdrawn(number);
        };
        match came {
            Ok(Came::New(handle)) => {
                self.judge_spawn(number, &predicted, &Ok(Some(handle.id())));
                self.keep_handle(number, handle);
            }
            Ok(Came::Existing(task)) => {
                self.sync();
                self.log(|| format!("-> existing {}", task.id()));
                let holder = match predicted {
                    Err(Refused::Existing(holder)) if policy == Policy::Keep => Some(holder),
                    _ => None,
                };
                let right = holder.and_then(|holder| self.here().model.tasks[holder].id);
                self.expect(right == Some(task.id()), || format!("law 6: {} was there", task.id()));
            }
            Err(error) => {
                self.judge_spawn(number, &predicted, &Err(error));
            }
        }
    }

    /// Calls a factory, whose panic comes out (law 14).
    pub(crate) fn panicking<R>(&self, spawn: impl FnOnce() -> R) -> Option<R> {
        match catch_unwind(AssertUnwindSafe(spawn)) {
            Ok(came) => Some(came),
            Err(panic) if panic.is::<Blow>() => None,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// A panic came out of a spawn: its task never started, and is gone.
    pub(crate) fn expect_withdrawn(&self, number: Number) {
        let task = self.here().model.tasks[number].clone();
        self.expect(task.withdrawn && (!task.lives() || task.telling > 0), || {
            format!("law 14: a panic came out of the spawn of {task:?}")
        });
    }

    /// What is being spawned is in its scope.
    pub(crate) fn enter_last(&self) {
        let mut here = self.here();
        let last = here.spawning.last().copied();
        if let Some(task) = last.and_then(|last| here.model.tasks.get_mut(last)) {
            task.entered = true;
        }
    }

    /// A place is given back.
    pub(crate) fn withdraw(&self, number: Number) {
        let mut here = self.here();
        let task = &mut here.model.tasks[number];
        task.withdrawn = task.lives();
        if task.withdrawn && task.decided.is_none() {
            task.decided = Some(task.outcome());
        }
    }

    pub(crate) fn new_task(&self, task: Task) -> Number {
        let mut here = self.here();
        here.model.tasks.push(task);
        here.model.tasks.len() - 1
    }

    pub(crate) fn keep_handle(&self, number: Number, handle: TaskHandle<Ready, M>) {
        match self.pick(4) {
            1 => {
                self.here().model.drop_handle(number);
                drop(handle);
            }
            2 => {
                let task = handle.task().clone();
                self.here().refs.push((number, task));
                self.hold(Kind::Joined(number), joined(handle));
            }
            _ => self.hold(Kind::Joined(number), joined(handle)),
        }
    }

    /// Whether a spawn came to what the model says.
    pub(crate) fn judge_spawn(
        &self,
        number: Number,
        predicted: &Result<(), Refused>,
        came: &Result<Option<task_registry::TaskId>, SpawnError>,
    ) {
        if let Ok(Some(id)) = came {
            let task = &mut self.here().model.tasks[number];
            if task.admitted && task.id.is_none() {
                task.id = Some(*id);
            }
        }
        self.sync();
        let expected = self.expected(number, predicted);
        self.log(|| format!("-> {came:?}"));
        let task = self.here().model.tasks[number].clone();
        let right = match (&expected, came) {
            (Ok(()), Ok(id)) => *id == task.id,
            (Err(expected), Err(error)) => {
                // An observer may still be telling itself about it.
                expected == error && (!task.lives() || task.telling > 0)
            }
            _ => false,
        };
        self.expect(right, || format!("{number} came to {came:?}, not {expected:?}: {task:?}"));
    }

    pub(crate) fn expected(
        &self,
        number: Number,
        predicted: &Result<(), Refused>,
    ) -> Result<(), SpawnError> {
        let here = self.here();
        let id = |task: Number| here.model.tasks[task].id.expect("it was admitted");
        let task = &here.model.tasks[number];
        match predicted {
            Err(Refused::Closed) => Err(SpawnError::Closed),
            Err(Refused::Empty) => Err(SpawnError::EmptyName),
            Err(Refused::Full(capacity)) => Err(SpawnError::Full { capacity: *capacity }),
            Err(Refused::Taken(holder) | Refused::Existing(holder)) => {
                Err(SpawnError::NameTaken { holder: id(*holder) })
            }
            Ok(()) => match task.claim {
                Some(Some(refused)) => Err(refused),
                _ if task.withdrawn => Err(SpawnError::Refused(task_registry::Refusal::Full)),
                _ => Ok(()),
            },
        }
    }

    /// A ticket comes to its end, one way or the other.
    pub(crate) fn use_ticket(&self) {
        let count = self.here().tickets.len();
        if count == 0 || !self.is_clear() {
            return;
        }
        let at = self.pick(count);
        let (number, ticket) = self.here().tickets.swap_remove(at);
        let executors = self.here().executors.len();
        let executor = self.pick(executors);
        let way = self.pick(4);
        self.log(|| format!("ticket {number}: {}", ["spawn_on", "track", "drop", "run"][way]));
        if way == 2 {
            self.withdraw(number);
            drop(ticket);
            return self.sync();
        }
        self.here().model.tasks[number].has_body = true;
        let body = Body::new(number);
        let refused = self.claim(number);
        self.here().spawning.push(number);
        let came = match way {
            0 => ticket.spawn_on(&On(executor), body).map(Some),
            3 => ticket.run(body).map(|run| {
                self.here().runs.insert(number);
                let run = async move {
                    let output = run.await;
                    // Before the output is dropped, which may look for it in the registry.
                    with_world::<M, _>(|world| world.has_run(number, output.is_ok()));
                    let _ = output.map(|(Ok(output) | Err(output))| output.take());
                };
                let stands = self.here().executors[executor];
                let takes = if stands { Takes::Queues } else { Takes::Drops };
                hooks().taken(executor, Box::pin(run), takes);
                None
            }),
            _ => ticket.track(body).map(|(tracked, handle)| {
                let stands = self.here().executors[executor];
                let takes = if stands { Takes::Queues } else { Takes::Drops };
                hooks().taken(executor, Box::pin(tracked), takes);
                Some(handle)
            }),
        };
        self.here().spawning.pop();
        let came = came.map_err(|error| {
            let (kind, body) = error.into_parts();
            drop(body);
            kind
        });
        self.expect(refused.is_none() || came.is_err(), || "law 12: a ticket".into());
        let known = self.here().model.tasks[number].id;
        let id =
            |handle: &Option<TaskHandle<_, M>>| handle.as_ref().map_or(known, |h| Some(h.id()));
        self.judge_spawn(number, &Ok(()), &came.as_ref().map(id).map_err(|e| *e));
        if let Ok(Some(handle)) = came {
            self.keep_handle(number, handle);
        }
    }

    /// A task that ran inside another has given its output to it.
    fn has_run(&self, number: Number, well: bool) {
        // Nobody else tells where the registry is gone.
        self.here().model.tasks[number].over = true;
        self.sync();
        let task = self.here().model.tasks[number].clone();
        self.log(|| format!("{number} has run in place: {well}"));
        let right = task.ended.is_some() && well == (task.payload == Some(Payload::Output));
        self.expect(right, || format!("law 17: {well} comes of {task:?}"));
        let mut here = self.here();
        here.runs.remove(&number);
        here.model.tasks[number].payload = None;
        here.model.drop_handle(number);
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    TrySpawn,
    Spawn,
    SpawnWith,
    Restartable,
    Reserve,
}

async fn joined<M: Tested>(handle: TaskHandle<Ready, M>) -> Seen {
    Seen::Joined(match handle.await {
        Ok(Ok(output) | Err(output)) => Ok(output.take()),
        Err(error) => Err(error.outcome().clone()),
    })
}

/// Names, for what is generic.
pub(crate) fn text(name: &str) -> Text {
    String::from(name).into()
}
