//! Runs cases: each on a thread of its own, under one watchdog, and a report's as long as there is patience for failures.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use crate::bench::Bench;
use crate::fault::{Fault, Verdict};
use crate::harness::Harness;
use crate::kit::message;
use crate::probe::Log;
use crate::report::{CaseReport, Report};

pub(crate) struct Case<H: Harness> {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Bench<H>) -> Verdict,
}

/// What a failure has cost: so that an executor on which most cases fail is not waited for in each of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cost {
    Little,
    /// It has waited in vain as long as [`Harness::LIMIT`] allows.
    Limit,
    /// Twice that; and what hangs stays, and may take a processor from what comes after it.
    Hang,
}

/// How many cases of a report may fail by waiting to the limit.
const PATIENCE: usize = 3;

/// The law in a case's name, `law_07_…`.
fn law(name: &str) -> Option<u8> {
    name.strip_prefix("law_")?.get(..2)?.parse().ok()
}

impl<H: Harness> Case<H> {
    /// Runs the case on an executor of its own.
    ///
    /// Everything, from making the executor to dropping it, happens on one thread, which nobody waits for for ever: an executor
    /// that blocks, or polls without end, is an answer too.
    pub(crate) fn run(&self) -> Verdict {
        self.run_for().0
    }

    fn run_for(&self) -> (Verdict, Cost) {
        let (name, case) = (self.name, self.run);
        let (law, limit) = (law(name), H::LIMIT * 2);
        let (tell, told) = channel();
        let spawned = thread::Builder::new().name(name.into()).spawn(move || {
            let log = Log::default();
            let run = || case(Bench::new(log.clone(), law));
            let verdict = catch_unwind(AssertUnwindSafe(run));
            // What a probe has seen comes first: the rest follows from it.
            let verdict = log.verdict().and(verdict.unwrap_or_else(|panic| {
                Err(Fault::new(law, format!("something panicked: {}", message(&*panic))))
            }));
            let in_vain = verdict.is_err() && log.has_waited_in_vain();
            let _ = tell.send((verdict, if in_vain { Cost::Limit } else { Cost::Little }));
        });
        let fault = |why: &str| Err(Fault::new(law, why));
        let Ok(thread) = spawned else {
            return (fault("there is no thread to run this case on"), Cost::Little);
        };
        match told.recv_timeout(limit) {
            Ok(ran) => {
                let _ = thread.join();
                ran
            }
            Err(RecvTimeoutError::Timeout) => {
                let why = format!("it hangs: {name} has not come back in {limit:?}");
                (fault(&why), Cost::Hang)
            }
            Err(RecvTimeoutError::Disconnected) => (fault("its thread is gone"), Cost::Little),
        }
    }
}

pub(crate) fn report<H: Harness>(all: Vec<Case<H>>, left_out: Vec<&'static str>) -> Report {
    let (mut cases, mut skipped, mut in_vain) = (Vec::new(), None, 0);
    let mut all = all.into_iter();
    while let Some(case) = all.next() {
        let (verdict, cost) = case.run_for();
        cases.push(CaseReport { name: case.name, verdict });
        in_vain += usize::from(cost == Cost::Limit);
        let enough = if cost == Cost::Hang {
            format!("{} hangs", case.name)
        } else if in_vain == PATIENCE {
            format!("{PATIENCE} cases have waited {:?} each for what never came", H::LIMIT)
        } else {
            continue;
        };
        skipped = (all.len() > 0).then(|| (all.len(), enough));
        break;
    }
    Report { harness: std::any::type_name::<H>(), cases, skipped, left_out }
}
