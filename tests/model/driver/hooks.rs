//! Foreign code: what futures, destructors, wakers and an observer do, and what they see.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::Waker;
use std::thread::panicking;

use task_registry::{Cleanup, Outcome, TaskInfo};

use super::Tested;
use super::model::{Number, Urgency};
use super::probes::{Does, For, Gate, Hooks, News, Takes, What};
use super::world::{Job, World};

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
            match self.pick(12) {
                0 | 6 | 7 | 8 => break,
                1 | 2 => return self.returns(number, true),
                3 => return self.returns(number, false),
                4 if !panicking() => {
                    self.log(|| format!("{number} panics"));
                    self.here().model.tasks[number].panicked = Some(None);
                    return Does::Panics;
                }
                5 => self.calmly(|| waker.wake_by_ref()),
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
        let panics = self.blows(10);
        if panics {
            self.log(|| "and its destructor panics".into());
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
        self.panics("an output's destructor")
    }

    fn cleanup_polled(&self, number: Number) -> Does {
        self.hook(true);
        match self.pick(4) {
            1 | 2 => {
                self.here().model.tasks[number].cleanup = Some(Cleanup::Ran);
                Does::Returns(true)
            }
            3 if !panicking() => {
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
        let panics = self.blows(10);
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
        if self.blows(12) {
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

    fn woken(&self, waker: usize, task: Option<(Number, usize)>) -> bool {
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
        !self.here().calm && self.panics("a waker")
    }

    fn waker_dropped(&self) {
        self.hook(false);
    }

    fn told(
        &self,
        news: News,
        info: &TaskInfo,
        outcome: Option<&Outcome>,
        reason: Option<&str>,
    ) -> bool {
        self.sync();
        let Some(number) = self.here().model.by_id(info.id()) else {
            self.fault(format!("an observer is told {news:?} of nobody"));
            return false;
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
        self.panics("an observer")
    }
}

impl<M: Tested> World<M> {
    /// Whether foreign code panics, one time in so many. While something unwinds it does not: where nobody catches it, a second
    /// panic would end the process.
    pub(super) fn blows(&self, once_in: usize) -> bool {
        self.pick(once_in) == 1 && !panicking()
    }

    /// Whether foreign code panics that is no part of a living task.
    fn panics(&self, what: &str) -> bool {
        let panics = self.blows(16);
        if panics {
            self.log(|| format!("{what} panics"));
        }
        panics
    }

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
