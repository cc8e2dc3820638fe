//! The executor: any job may be polled, or dropped, at any time.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use task_registry::Cleanup;

use super::Tested;
use super::model::Number;
use super::probes::{Alarm, For};
use super::world::World;

impl<M: Tested> World<M> {
    /// A wrapper has done its last. Nobody sees the end where the registry is gone.
    pub(crate) fn finished(&self, number: Number) {
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
    pub(crate) fn check_limits(&self, number: Number, cleans: bool) {
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

    pub(crate) fn drop_future(&self, number: Number, future: Pin<Box<dyn Future<Output = ()>>>) {
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
        let mut here = self.here();
        if here.runs.remove(&number) {
            here.model.drop_handle(number);
        }
    }
}
