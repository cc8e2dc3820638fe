//! A program from its first byte to the last destructor.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use task_registry::{Options, Registry, Retain, Tasks};

use super::Tested;
use super::bytes::Bytes;
use super::model::{self, Model};
use super::probes::{Counted, On, Watcher, What, install};
use super::world::{Inside, World};

/// What is wrong, and what led to it.
pub(crate) struct Failure {
    pub(crate) fault: String,
    pub(crate) log: Vec<String>,
}

/// Runs a program, and says what it did; on request, since writing that takes longer than the program.
pub(crate) fn run<M: Tested>(program: &[u8], logs: bool) -> Result<Vec<String>, Failure> {
    let world = Rc::new(World::<M>(RefCell::new(Inside {
        bytes: Bytes::new(program),
        model: Model::default(),
        registries: Vec::new(),
        readers: Vec::new(),
        executors: Vec::new(),
        jobs: Vec::new(),
        held: Vec::new(),
        tickets: Vec::new(),
        runs: BTreeSet::new(),
        refs: Vec::new(),
        guards: Vec::new(),
        scopes: Vec::new(),
        contexts: BTreeMap::new(),
        shields: Vec::new(),
        gates: Vec::new(),
        hooks: Vec::new(),
        alarms: Vec::new(),
        spawning: Vec::new(),
        polling: Vec::new(),
        dropping: Vec::new(),
        asks: Vec::new(),
        alive: BTreeMap::new(),
        left: BTreeMap::new(),
        joining: None,
        shutdowns: 0,
        depth: 0,
        calm: false,
        vague: false,
        fault: None,
        log: logs.then(Vec::new),
    })));
    install(Some(world.clone()));
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    if let Err(panic) = ran {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| String::from(*text)));
        let text = text.unwrap_or_else(|| "of a task".into());
        if let Ok(mut here) = world.0.try_borrow_mut() {
            here.fault.get_or_insert(format!("law 14: a panic came out: {text}"));
        }
    }
    let (fault, log) = match world.0.try_borrow_mut() {
        Ok(mut here) => (here.fault.take(), here.log.take()),
        Err(_) => (Some("the driver itself failed".into()), None),
    };
    match fault {
        None => {
            install(None);
            Ok(log.unwrap_or_default())
        }
        Some(fault) => {
            // What is left may be in any state: it is not touched again.
            std::mem::forget(world);
            Err(Failure { fault, log: log.unwrap_or_default() })
        }
    }
}

impl<M: Tested> World<M> {
    fn run(&self) {
        self.set_up();
        for _ in 0..400 {
            if self.here().bytes.is_over() || self.here().fault.is_some() {
                break;
            }
            self.act(true);
            self.check();
        }
        if self.here().fault.is_none() {
            self.tear_down();
        }
    }

    fn set_up(&self) {
        let executors = 1 + self.pick(2);
        self.here().executors = vec![true; executors];
        let registries = [1, 1, 2, 3][self.pick(4)];
        for number in 0..registries {
            let limits = [usize::MAX, 0, 1, 2, 5];
            let limit = limits[self.pick(limits.len())];
            let capacity = [None, None, Some(3), Some(1)][self.pick(4)];
            let newest_first = self.pick(4) == 1;
            let observed = self.pick(3) == 1;
            let retain = match limit {
                usize::MAX => Retain::Everything,
                0 => Retain::Nothing,
                some => Retain::Newest(some),
            };
            let mut options = Options::new().retain(retain);
            if let Some(capacity) = capacity {
                options = options.capacity(capacity);
            }
            if newest_first {
                options = options.newest_first();
            }
            if observed {
                options =
                    options.observer(Watcher { _counted: Counted::new(What::Observer, None) });
            }
            let on = On(self.pick(executors));
            let registry = Registry::with_tasks(on, Tasks::<M>::new(options));
            let reads = self.pick(2) == 1;
            let reader = reads.then(|| registry.endings());
            let mut here = self.here();
            here.registries.push(Some(registry));
            here.readers.push(reader);
            here.model.registries.push(model::Registry {
                limit,
                capacity,
                newest_first,
                observed,
                closed: false,
                names: BTreeMap::new(),
                records: std::collections::VecDeque::new(),
                log: Vec::new(),
                spawned: 0,
            });
            drop(here);
            self.log(|| {
                format!("registry {number}: {limit} {capacity:?} {newest_first} {observed} {reads}")
            });
        }
    }

    /// All goes, in an order that the program's last bytes choose; nothing is left.
    fn tear_down(&self) {
        let mut steps: Vec<usize> = (0..6).collect();
        while !steps.is_empty() {
            let step = steps.remove(self.pick(steps.len()));
            self.log(|| format!("the end: {step}"));
            match step {
                0 => {
                    let executors = self.here().executors.len();
                    (0..executors).for_each(|executor| self.close_executor(executor));
                }
                1 => {
                    while !self.here().tickets.is_empty() {
                        let (number, ticket) = self.here().tickets.remove(0);
                        self.withdraw(number);
                        drop(ticket);
                        self.sync();
                    }
                }
                2 => {
                    while !self.here().held.is_empty() {
                        self.drop_held(0);
                        self.sync();
                    }
                }
                3 => {
                    while !self.here().guards.is_empty() {
                        let (number, guard) = self.here().guards.remove(0);
                        let urgency = model::Urgency::Own;
                        self.here().model.ask(number, None, urgency);
                        drop(guard);
                        self.sync();
                    }
                }
                4 => {
                    while !self.here().shields.is_empty() {
                        let mut shield = self.here().shields.remove(0);
                        self.lower(&mut shield);
                        drop(shield);
                    }
                }
                _ => {
                    let refs = std::mem::take(&mut self.here().refs);
                    drop(refs);
                }
            }
            self.check();
        }
        let registries = self.here().registries.len();
        (0..registries).for_each(|registry| self.close_registry(registry));
        let gates = std::mem::take(&mut self.here().gates);
        drop(gates);
        // Futures that destructors spawned meanwhile.
        loop {
            let jobs = self.here().jobs.len();
            let held = self.here().held.len();
            let tickets = self.here().tickets.pop();
            if let Some((number, ticket)) = tickets {
                self.withdraw(number);
                drop(ticket);
                self.sync();
            } else if held > 0 {
                self.drop_held(0);
            } else if jobs > 0 {
                self.drop_job(0);
            } else {
                break;
            }
        }
        let (refs, guards, shields, contexts, gates) = {
            let mut here = self.here();
            let (refs, guards) = (here.refs.split_off(0), here.guards.split_off(0));
            let contexts = std::mem::take(&mut here.contexts);
            let (shields, gates) = (here.shields.split_off(0), here.gates.split_off(0));
            (refs, guards, shields, contexts, gates)
        };
        drop((guards, shields, contexts, refs, gates));
        let left: Vec<_> =
            self.here().alive.iter().filter(|(_, n)| **n != 0).map(|(w, n)| (*w, *n)).collect();
        self.expect(left.is_empty(), || format!("left over, or gone twice: {left:?}"));
        let live = self.here().model.tasks.iter().position(model::Task::lives);
        self.expect(live.is_none(), || format!("law 11: {live:?} never ends"));
    }
}
