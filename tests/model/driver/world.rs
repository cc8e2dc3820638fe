//! A program at work: the registries, what was got from them, the executors, and the model beside them.

use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Waker;

use task_registry::{Cx, DropGuard, Endings, Registry, Scope, Shield, TaskRef, Ticket};

use super::Tested;
use super::bytes::Bytes;
use super::held::Held;
use super::model::{Model, Number, Urgency};
use super::probes::{Alarm, Counted, For, Gate, Hooks, On, What};

pub(crate) struct World<M: Tested>(pub(crate) RefCell<Inside<M>>);

/// Borrowed for an instant at a time: never while the registry or foreign code runs.
pub(crate) struct Inside<M: Tested> {
    pub(crate) bytes: Bytes,
    pub(crate) model: Model,
    pub(crate) registries: Vec<Option<Registry<On, M>>>,
    /// Tell the order in which tasks end.
    pub(crate) readers: Vec<Option<Endings<M>>>,
    /// Whether each stands.
    pub(crate) executors: Vec<bool>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) held: Vec<Held<M>>,
    pub(crate) tickets: Vec<(Number, Ticket<M>)>,
    /// Tasks that run inside others, which have their handles.
    pub(crate) runs: BTreeSet<Number>,
    pub(crate) refs: Vec<(Number, TaskRef<M>)>,
    pub(crate) guards: Vec<(Number, DropGuard<M>)>,
    pub(crate) scopes: Vec<Option<Scope<M>>>,
    pub(crate) contexts: BTreeMap<Number, Cx<(), M>>,
    pub(crate) shields: Vec<Raised<M>>,
    pub(crate) gates: Vec<GateState>,
    /// Which alarm is to be heard when this task is asked to stop.
    pub(crate) hooks: Vec<(Number, usize)>,
    /// How often each was heard.
    pub(crate) alarms: Vec<usize>,
    /// The tasks that are on their way to an executor.
    pub(crate) spawning: Vec<Number>,
    pub(crate) polling: Vec<Number>,
    /// Jobs that their executor lets go of.
    pub(crate) dropping: Vec<Number>,
    /// Requests of a call that makes several, which may or may not have been made yet.
    pub(crate) asks: Vec<(Number, Option<String>, Urgency)>,
    pub(crate) alive: BTreeMap<What, isize>,
    /// How many outputs and panics of each task live.
    pub(crate) left: BTreeMap<Number, (isize, isize)>,
    /// Whose handle is polled, and may give its output.
    pub(crate) joining: Option<Number>,
    /// How many shutdowns there were.
    pub(crate) shutdowns: usize,
    pub(crate) depth: usize,
    /// The driver wakes, and not the registry: a panic would be its own.
    pub(crate) calm: bool,
    /// Records are being purged, some of them already.
    pub(crate) vague: bool,
    pub(crate) fault: Option<String>,
    pub(crate) log: Option<Vec<String>>,
}

pub(crate) struct Job {
    pub(crate) executor: usize,
    pub(crate) task: Number,
    /// `None` while it is polled.
    pub(crate) future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    pub(crate) waker: Option<Waker>,
    pub(crate) woken: bool,
    /// Which of its wakers counts: the last.
    pub(crate) epoch: usize,
    pub(crate) grace_made: bool,
    pub(crate) body_gone: bool,
}

pub(crate) struct Raised<M: Tested> {
    pub(crate) task: Number,
    pub(crate) up: bool,
    pub(crate) gate: usize,
    pub(crate) shield: Pin<Box<Shield<Gate, M>>>,
}

#[derive(Default)]
pub(crate) struct GateState {
    pub(crate) open: bool,
    pub(crate) waker: Option<Waker>,
    pub(crate) of: Option<(For, Number)>,
}

impl<M: Tested> World<M> {
    pub(crate) fn here(&self) -> RefMut<'_, Inside<M>> {
        self.0.borrow_mut()
    }

    pub(crate) fn pick(&self, of: usize) -> usize {
        self.here().bytes.pick(of)
    }

    /// What is wrong. It may be said in foreign code, whose panics the registry contains.
    pub(crate) fn fault(&self, what: String) {
        self.here().fault.get_or_insert(what);
    }

    pub(crate) fn expect(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            let what = what();
            self.fault(what);
        }
    }

    pub(crate) fn log(&self, line: impl FnOnce() -> String) {
        let depth = {
            let here = self.here();
            if here.log.is_none() {
                return;
            }
            here.depth
        };
        let line = format!("{}{}", "  ".repeat(depth), line());
        if let Some(log) = &mut self.here().log {
            log.push(line);
        }
    }

    pub(crate) fn registry(&self, number: usize) -> Option<Registry<On, M>> {
        self.here().registries[number].clone()
    }

    /// Something that the model has none of yet.
    pub(crate) fn gate(&self, of: Option<(For, Number)>) -> Gate {
        let number = {
            let mut here = self.here();
            here.gates.push(GateState { of, ..GateState::default() });
            here.gates.len() - 1
        };
        Gate { number, _counted: Counted::new(What::Gate, of.map(|(_, task)| task)) }
    }

    pub(crate) fn open(&self, gate: usize) {
        let waker = {
            let gate = &mut self.here().gates[gate];
            gate.open = true;
            gate.waker.take()
        };
        if let Some(waker) = waker {
            self.calmly(|| waker.wake());
        }
    }

    /// What `body` wakes does not panic.
    pub(crate) fn calmly(&self, body: impl FnOnce()) {
        let before = std::mem::replace(&mut self.here().calm, true);
        body();
        self.here().calm = before;
    }

    pub(crate) fn alarm(&self) -> (usize, Waker) {
        let number = {
            let mut here = self.here();
            here.alarms.push(0);
            here.alarms.len() - 1
        };
        (number, Alarm::waker(number, None))
    }

    /// Foreign code runs: what happened since it last did is taken note of, and it may do something itself.
    pub(crate) fn hook(&self, acts: bool) {
        self.sync();
        self.glance();
        if !acts || self.here().depth >= 3 || self.here().vague {
            return;
        }
        if self.pick(6) == 1 {
            self.act_inside();
        }
    }

    pub(crate) fn act_inside(&self) {
        self.here().depth += 1;
        self.act(false);
        self.here().depth -= 1;
        self.sync();
    }
}

/// The world of the program that runs.
pub(crate) fn with_world<M: Tested, R>(body: impl FnOnce(&World<M>) -> R) -> R {
    let hooks: Rc<dyn Hooks> = super::probes::hooks();
    body(hooks.any().downcast_ref().expect("a program runs in one mode"))
}
