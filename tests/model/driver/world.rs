//! A program at work: the registries, what was got from them, the executors, and the model beside them.

use std::any::Any;
use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use task_registry::{
    Cleanup, Cx, DropGuard, Endings, Outcome, Registry, Scope, Shield, State, TaskInfo, TaskRef,
    Ticket,
};

use super::Tested;
use super::bytes::Bytes;
use super::held::Held;
use super::model::{Model, Number, Urgency};
use super::probes::{Alarm, Counted, Does, For, Gate, Hooks, News, On, Takes, What};

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
    pub(crate) refs: Vec<(Number, TaskRef<M>)>,
    pub(crate) guards: Vec<(Number, DropGuard<M>)>,
    pub(crate) scopes: Vec<Option<Scope<M>>>,
    pub(crate) contexts: BTreeMap<Number, Cx<(), M>>,
    pub(crate) shields: Vec<Raised<M>>,
    pub(crate) gates: Vec<GateState>,
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
    waker: Option<Waker>,
    pub(crate) woken: bool,
    /// Which of its wakers counts: the last.
    epoch: usize,
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
    waker: Option<Waker>,
    of: Option<(For, Number)>,
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
            waker.wake();
        }
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
    fn hook(&self, acts: bool) {
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

    /// Lets the model know what can be seen: who was admitted, asked to stop, has ended.
    pub(crate) fn sync(&self) {
        let count = self.here().registries.len();
        for number in 0..count {
            if self.is_at_rest(number) {
                continue;
            }
            let Some(registry) = self.registry(number) else { continue };
            self.bind(number, &registry);
            for (task, outcome) in self.newly_ended(number, &registry) {
                self.ended(task, outcome);
            }
            let asks = self.here().asks.clone();
            // A call inside a call comes before what is left of the outer one.
            for (task, reason, urgency) in asks.into_iter().rev() {
                let Some(id) = self.here().model.tasks[task].id else { continue };
                let unasked = {
                    let here = self.here();
                    let task = &here.model.tasks[task];
                    task.registry == number && task.lives() && !task.asked
                };
                let stops = registry.by_id(id).is_some_and(|task| task.state() == State::Stopping);
                if unasked && stops {
                    self.here().model.ask(task, reason, urgency);
                }
            }
        }
        self.sync_blind();
    }

    /// Whether nothing can have been missed: as many live as the model has it, and all of them are known.
    fn is_at_rest(&self, number: usize) -> bool {
        let here = self.here();
        let Some(registry) = &here.registries[number] else { return true };
        let known = here.model.live(number).filter(|(_, task)| task.id.is_some()).count();
        here.asks.is_empty() && registry.live() == known && here.model.live(number).count() == known
    }

    /// Of registries that are gone nobody tells: what has no future ends when it is asked to, or given up.
    fn sync_blind(&self) {
        let seen: Vec<_> = {
            let here = self.here();
            let gone = |task: Number| here.registries[here.model.tasks[task].registry].is_none();
            let ended = here.refs.iter().filter(|(task, real)| gone(*task) && real.is_ended());
            ended.map(|(task, real)| (*task, real.outcome())).collect()
        };
        for (task, outcome) in seen {
            let lives = self.here().model.tasks[task].lives();
            if lives {
                self.ended(task, outcome);
            }
        }
        let mut here = self.here();
        for number in 0..here.model.tasks.len() {
            let task = &here.model.tasks[number];
            let over = task.over || task.withdrawn || (task.reserved && task.asked);
            let observed = here.model.registries[task.registry].observed;
            let told = !observed || (task.told & 1 << News::Ended as u8 != 0 && task.telling == 0);
            if here.registries[task.registry].is_none() && task.lives() && over && told {
                here.model.end(number);
            }
        }
    }

    fn bind(&self, number: usize, registry: &Registry<On, M>) {
        let unbound = {
            let here = self.here();
            here.model.live(number).find(|(_, task)| task.id.is_none()).map(|(task, _)| task)
        };
        let Some(unbound) = unbound else { return };
        for info in registry.snapshot() {
            let mut here = self.here();
            if here.model.by_id(info.id()).is_none() {
                here.model.tasks[unbound].id = Some(info.id());
                return;
            }
        }
    }

    fn newly_ended(
        &self,
        number: usize,
        registry: &Registry<On, M>,
    ) -> Vec<(Number, Option<Outcome>)> {
        let reader = self.here().readers[number].take();
        let mut ended = Vec::new();
        if let Some(mut reader) = reader {
            while let Some(end) = reader.try_next_ended() {
                let end = end.expect("never so many at once");
                match self.here().model.by_id(end.id()) {
                    Some(task) => ended.push((task, Some(end.outcome().clone()))),
                    None => ended.push((usize::MAX, None)),
                }
            }
            self.here().readers[number] = Some(reader);
            return ended;
        }
        let live: Vec<_> = {
            let here = self.here();
            here.model.live(number).filter_map(|(task, known)| Some((task, known.id?))).collect()
        };
        for (task, id) in live {
            match registry.by_id(id) {
                None => ended.push((task, None)),
                Some(found) if found.is_ended() => ended.push((task, found.outcome())),
                Some(_) => {}
            }
        }
        self.expect(ended.len() < 2, || format!("{ended:?} ended at once: in which order?"));
        ended
    }

    /// The end of a task is seen.
    fn ended(&self, number: Number, outcome: Option<Outcome>) {
        if number == usize::MAX {
            return self.fault("a task ended that nobody spawned".into());
        }
        let mut here = self.here();
        let asked = here.asks.iter().rfind(|(task, ..)| *task == number).cloned();
        let cancelled = matches!(outcome, None | Some(Outcome::Cancelled { .. }));
        if let (Some((_, reason, urgency)), true) = (asked, cancelled) {
            here.model.ask(number, reason, urgency);
        }
        let task = here.model.tasks[number].clone();
        let expected = task.decided.clone().unwrap_or_else(|| task.outcome());
        here.model.end(number);
        drop(here);
        self.log(|| format!("# {number} ended: {expected:?}, cleanup {:?}", task.cleanup));
        self.expect(task.lives(), || format!("law 3: {number} ended twice"));
        self.expect(task.may_end(), || {
            format!("law 2: {number} ended before it was gone: {task:?}")
        });
        self.expect(outcome.is_none_or(|outcome| outcome == expected), || {
            format!("law 3: {number} should have ended {expected}: {task:?}")
        });
    }

    /// A wrapper has done its last. Nobody sees the end where the registry is gone.
    fn finished(&self, number: Number) {
        self.here().model.tasks[number].over = true;
        self.sync();
        let task = self.here().model.tasks[number].clone();
        if !task.lives() {
            return;
        }
        let told_later = task.decided.is_some() || task.telling > 0;
        self.expect(told_later, || format!("law 2: {number} is over and does not end: {task:?}"));
        if told_later && task.decided.is_none() {
            self.here().model.tasks[number].decided = Some(task.outcome());
        }
    }

    /// Polls a job. Any may be polled at any time.
    pub(crate) fn poll_job(&self, at: usize) {
        // Most executors have one waker for each job.
        let again = self.pick(3) != 1;
        let (number, mut future, epoch, old) = {
            let mut here = self.here();
            let job = &mut here.jobs[at];
            let Some(future) = job.future.take() else { return };
            job.woken = false;
            let old = job.waker.take();
            if old.is_none() || !again {
                job.epoch += 1;
            }
            (job.task, future, job.epoch, old)
        };
        let old = old.filter(|_| again);
        self.log(|| format!("poll {number}"));
        let waker = old.unwrap_or_else(|| {
            let (alarm, _) = self.alarm();
            Alarm::waker(alarm, Some((number, epoch)))
        });
        {
            let mut here = self.here();
            here.model.tasks[number].released = false;
            here.polling.push(number);
        }
        let mut cx = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx)));
        self.here().polling.pop();
        self.sync();
        let Some(at) = self.here().jobs.iter().position(|job| job.task == number) else {
            return self.fault(format!("the job of {number} is gone"));
        };
        match polled {
            Err(_) => {
                self.fault(format!("law 14: the panic of {number} came out of its wrapper"));
                std::mem::forget(future);
            }
            Ok(Poll::Ready(())) => {
                self.finished(number);
                let job = self.here().jobs.remove(at);
                drop(future);
                drop(job);
            }
            Ok(Poll::Pending) => {
                let (task, job_waits, stands) = {
                    let mut here = self.here();
                    let stands = here.executors[here.jobs[at].executor];
                    let body_gone = here.jobs[at].body_gone;
                    here.jobs[at].waker = Some(waker);
                    (here.model.tasks[number].clone(), body_gone, stands)
                };
                let held = task.before.is_some() && !task.asked && !task.started;
                let runs = task.started || task.asked;
                let waits = job_waits || held || (runs && !task.must_stop());
                self.expect(task.lives() && waits, || {
                    format!("law 1: {number} waits and should not: {task:?}")
                });
                self.check_limits(number, job_waits);
                if stands {
                    self.here().jobs[at].future = Some(future);
                } else {
                    let job = self.here().jobs.remove(at);
                    self.drop_future(number, future);
                    drop(job);
                }
            }
        }
    }

    /// A task that waits has looked at its limits (law 13).
    fn check_limits(&self, number: Number, cleans: bool) {
        let here = self.here();
        let task = &here.model.tasks[number];
        let of = here.gates.iter().filter(|gate| gate.open).filter_map(|gate| gate.of);
        let passed = of.filter(|(_, of)| *of == number).find(|(which, _)| match which {
            For::Deadline => cleans,
            For::Timeout => !cleans && task.started && !task.asked,
            For::Grace => !cleans && task.gracing && !task.stop,
        });
        let passed = passed.map(|(which, _)| format!("law 13: {which:?} is over: {task:?}"));
        drop(here);
        if let Some(passed) = passed {
            self.fault(passed);
        }
    }

    /// Whether it is known of each task that ends now whether it was asked to stop before.
    pub(crate) fn is_clear(&self) -> bool {
        let here = self.here();
        here.asks.is_empty() || here.readers.iter().all(Option::is_some)
    }

    /// The executor lets go of a job.
    pub(crate) fn drop_job(&self, at: usize) {
        if !self.is_clear() {
            return;
        }
        let mut job = self.here().jobs.remove(at);
        match job.future.take() {
            Some(future) => self.drop_future(job.task, future),
            // It is being polled, and dropped after that.
            None => self.here().jobs.push(job),
        }
    }

    fn drop_future(&self, number: Number, future: Pin<Box<dyn Future<Output = ()>>>) {
        self.log(|| format!("drop job {number}"));
        {
            let mut here = self.here();
            here.dropping.push(number);
            let task = &mut here.model.tasks[number];
            if task.has_cleanup && task.lives() && !task.withdrawn {
                task.cleanup = Some(Cleanup::Skipped);
            }
        }
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
        self.here().dropping.pop();
        self.expect(dropped.is_ok(), || format!("law 14: dropping {number} panicked"));
        self.finished(number);
    }
}

impl<M: Tested> Hooks for World<M> {
    fn any(&self) -> &dyn Any {
        self
    }

    fn count(&self, what: What, owner: Option<Number>, more: bool) {
        let change = if more { 1 } else { -1 };
        let mut here = self.here();
        *here.alive.entry(what).or_default() += change;
        let Some(owner) = owner else { return };
        match what {
            What::Output => here.left.entry(owner).or_default().0 += change,
            What::Panic => here.left.entry(owner).or_default().1 += change,
            _ => {
                let owned = &mut here.model.tasks[owner].owned;
                *owned = owned.wrapping_add_signed(change);
            }
        }
    }

    fn body_polled(&self, number: Number, waker: &Waker) -> Does {
        self.sync();
        let task = self.here().model.tasks[number].clone();
        self.expect(task.lives() && self.here().polling.last() == Some(&number), || {
            format!("law 10: the body of {number} is polled by nobody: {task:?}")
        });
        if task.started {
            self.expect(!task.must_stop() || task.telling > 0 || task.told & 2 != 0, || {
                format!("law 1: {number} is polled although it was asked to stop: {task:?}")
            });
        } else {
            self.expect(!task.asked, || format!("law 4: {number} was asked before: {task:?}"));
        }
        self.expect(task.before.is_none(), || format!("law 6: {number} is held: {task:?}"));
        self.expect(task.returned.is_none(), || format!("{number} is polled after its end"));
        self.here().model.tasks[number].started = true;
        self.glance();
        for _ in 0..4 {
            match self.pick(9) {
                0 => break,
                1 | 2 => return self.returns(number, true),
                3 => return self.returns(number, false),
                4 => {
                    self.log(|| format!("{number} panics"));
                    self.here().model.tasks[number].panicked = Some(None);
                    return Does::Panics;
                }
                5 => waker.wake_by_ref(),
                _ => self.act_inside(),
            }
        }
        Does::Waits
    }

    fn body_dropped(&self, number: Number) -> bool {
        self.sync();
        self.log(|| format!("body of {number} is dropped"));
        let (task, driven) = {
            let mut here = self.here();
            let polled = here.polling.last() == Some(&number);
            let let_go = here.dropping.contains(&number);
            if let Some(job) = here.jobs.iter_mut().find(|job| job.task == number) {
                job.body_gone = true;
            }
            let task = here.model.tasks[number].clone();
            let over = task.returned.is_some() || task.panicked.is_some() || task.must_stop();
            let came_back = !task.admitted || task.withdrawn;
            let fine = (polled && over) || let_go || came_back;
            (task, fine)
        };
        self.expect(driven, || format!("law 8: the body of {number} is dropped: {task:?}"));
        let context = self.here().contexts.remove(&number);
        drop(context);
        if !task.admitted || task.withdrawn {
            return false;
        }
        self.expect(task.ended.is_none(), || format!("law 2: {number} has ended: {task:?}"));
        self.hook(true);
        let panics = self.pick(10) == 1;
        if panics {
            self.log(|| format!("and its destructor panics"));
            let task = &mut self.here().model.tasks[number];
            if task.returned.is_none() && task.panicked.is_none() {
                task.panicked = Some(None);
            }
        }
        panics
    }

    fn output_dropped(&self, number: Number) -> bool {
        {
            let mut here = self.here();
            if here.joining == Some(number) {
                here.model.tasks[number].payload = None;
                here.joining = None;
            }
        }
        self.hook(true);
        false
    }

    fn cleanup_polled(&self, number: Number) -> Does {
        self.hook(true);
        match self.pick(4) {
            1 | 2 => {
                self.here().model.tasks[number].cleanup = Some(Cleanup::Ran);
                Does::Returns(true)
            }
            3 => {
                self.here().model.tasks[number].cleanup = Some(Cleanup::Panicked);
                Does::Panics
            }
            _ => Does::Waits,
        }
    }

    fn cleanup_dropped(&self, number: Number) -> bool {
        self.hook(true);
        let task = self.here().model.tasks[number].clone();
        self.expect(task.ended.is_none(), || format!("law 2: {number} has ended: {task:?}"));
        let panics = self.pick(10) == 1;
        if panics && !self.here().dropping.contains(&number) {
            self.here().model.tasks[number].cleanup = Some(Cleanup::Panicked);
        }
        panics
    }

    fn cleanup_made(&self, end: Outcome) -> Number {
        let number = *self.here().polling.last().expect("it is made while its task is polled");
        self.hook(true);
        let mut here = self.here();
        let task = &mut here.model.tasks[number];
        task.cleanup_made = true;
        let task = task.clone();
        let gone = here.jobs.iter().any(|job| job.task == number && job.body_gone);
        drop(here);
        self.expect(gone, || format!("law 2: {number} is not gone when its cleanup is made"));
        self.expect(end == task.outcome(), || format!("{end} is told to the cleanup of {task:?}"));
        if self.pick(12) == 1 {
            self.here().model.tasks[number].cleanup = Some(Cleanup::Panicked);
            super::probes::blow(number);
        }
        number
    }

    fn own_gate(&self, gate: For) -> Gate {
        let number = *self.here().polling.last().expect("it is made while its task is polled");
        if gate == For::Grace {
            let mut here = self.here();
            let job = here.jobs.iter_mut().find(|job| job.task == number);
            job.expect("a task is polled").grace_made = true;
        }
        self.gate(Some((gate, number)))
    }

    fn gate_polled(&self, gate: usize, waker: &Waker) -> bool {
        let (open, of, old) = {
            let mut here = self.here();
            let gate = &mut here.gates[gate];
            let old = gate.waker.replace(waker.clone());
            (gate.open, gate.of, old)
        };
        drop(old);
        if let (true, Some((which, task))) = (open, of) {
            let mut here = self.here();
            match which {
                For::Grace => here.model.ask(task, None, Urgency::Now),
                For::Timeout => here.model.ask(task, Some("timed out".into()), Urgency::Own),
                For::Deadline => here.model.tasks[task].cleanup = Some(Cleanup::TimedOut),
            }
        }
        open
    }

    fn offered(&self, executor: usize) -> Takes {
        self.enter_last();
        self.hook(true);
        let stands = self.here().executors[executor];
        let choice = self.pick(16);
        match choice {
            _ if !stands => self.refuse(),
            1 => self.refuse(),
            2 => Takes::Drops,
            3 => Takes::Polls,
            _ => Takes::Queues,
        }
    }

    fn taken(&self, executor: usize, future: Pin<Box<dyn Future<Output = ()>>>, takes: Takes) {
        let task = *self.here().spawning.last().expect("somebody spawns");
        self.here().jobs.push(Job {
            executor,
            task,
            future: Some(future),
            waker: None,
            woken: true,
            epoch: 0,
            grace_made: false,
            body_gone: false,
        });
        let at = self.here().jobs.len() - 1;
        match takes {
            Takes::Drops => self.drop_job(at),
            Takes::Polls => self.poll_job(at),
            _ => {}
        }
    }

    fn woken(&self, waker: usize, task: Option<(Number, usize)>) {
        {
            let mut here = self.here();
            here.alarms[waker] += 1;
            if let Some((task, epoch)) = task {
                let job = here.jobs.iter_mut().find(|job| job.task == task && job.epoch == epoch);
                if let Some(job) = job {
                    job.woken = true;
                }
            }
        }
        self.hook(true);
    }

    fn waker_dropped(&self) {
        self.hook(false);
    }

    fn told(&self, news: News, info: &TaskInfo, outcome: Option<&Outcome>, reason: Option<&str>) {
        self.sync();
        let Some(number) = self.here().model.by_id(info.id()) else {
            return self.fault(format!("an observer is told {news:?} of nobody"));
        };
        self.log(|| format!("told {news:?} {number}"));
        let task = self.here().model.tasks[number].clone();
        let bit = 1 << news as u8;
        self.expect(news == News::Unclaimed || task.told < bit, || {
            format!("an observer is told {news:?} too late, or twice: {task:?}")
        });
        self.expect(task.telling == 0, || format!("two calls about {number} overlap"));
        self.expect(news == News::Unclaimed || task.lives(), || {
            format!("{news:?} of {number} comes after its end: {task:?}")
        });
        match news {
            News::Added => {}
            News::Started => {
                self.expect(!task.asked, || format!("law 4: {number} was asked before: {task:?}"));
                self.here().model.tasks[number].started = true;
            }
            News::Stopping => {
                let right = task.asked && task.reason.as_deref() == reason;
                self.expect(right, || format!("stopping for {reason:?}: {task:?}"));
            }
            News::Ended => {
                let expected = task.decided.clone().unwrap_or_else(|| task.outcome());
                self.expect(outcome == Some(&expected), || {
                    format!("law 3: an observer is told {outcome:?} of {task:?}")
                });
                self.expect(task.may_end(), || format!("law 2: {number} is not gone: {task:?}"));
                self.here().model.tasks[number].decided = Some(expected);
            }
            News::Unclaimed => {}
        }
        {
            let mut here = self.here();
            let task = &mut here.model.tasks[number];
            task.telling += 1;
            task.told |= if news == News::Unclaimed { 0 } else { bit };
        }
        self.hook(true);
        self.here().model.tasks[number].telling -= 1;
    }
}

impl<M: Tested> World<M> {
    fn returns(&self, number: Number, well: bool) -> Does {
        self.log(|| format!("{number} returns {well}"));
        let task = &mut self.here().model.tasks[number];
        let failed = task.fallible && !well;
        task.returned = Some(failed.then(|| format!("error of {number}")));
        Does::Returns(well)
    }

    fn refuse(&self) -> Takes {
        let mut here = self.here();
        let task = *here.spawning.last().expect("somebody spawns");
        here.model.tasks[task].withdrawn = true;
        Takes::Refuses
    }
}

/// The world of the program that runs.
pub(crate) fn with_world<M: Tested, R>(body: impl FnOnce(&World<M>) -> R) -> R {
    let hooks: Rc<dyn Hooks> = super::probes::hooks();
    body(hooks.any().downcast_ref().expect("a program runs in one mode"))
}
