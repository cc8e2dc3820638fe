//! Runs cases: each on a thread of its own, under one watchdog.

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
            let _ = tell.send(verdict);
        });
        let Ok(thread) = spawned else {
            return Err(Fault::new(law, "there is no thread to run this case on"));
        };
        match told.recv_timeout(limit) {
            Ok(verdict) => {
                let _ = thread.join();
                verdict
            }
            Err(RecvTimeoutError::Timeout) => {
                Err(Fault::new(law, format!("it hangs: {name} has not come back in {limit:?}")))
            }
            Err(RecvTimeoutError::Disconnected) => Err(Fault::new(law, "its thread is gone")),
        }
    }
}

pub(crate) fn report<H: Harness>(
    cases: impl IntoIterator<Item = Case<H>>,
    left_out: Vec<&'static str>,
) -> Report {
    let cases = cases.into_iter();
    let cases = cases.map(|case| CaseReport { name: case.name, verdict: case.run() }).collect();
    Report { harness: std::any::type_name::<H>(), cases, left_out }
}
