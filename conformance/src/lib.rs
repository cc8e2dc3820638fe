#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bench;
pub mod cases;
mod fault;
mod harness;
mod kit;
mod probe;
mod report;
mod run;

use task_registry_core::{SpawnLocal, SpawnSend};

pub use bench::Bench;
pub use fault::{Fault, Verdict};
pub use harness::{Harness, Runs};
pub use probe::{Cleaning, Guard, LocalProbe, Probe, Probed};
pub use report::{CaseReport, Report};

use run::{Case, report};

/// Makes a test of each case, in the module where it stands.
///
/// `conformance!(Mine)` for what every spawner owes; `conformance!(Mine, send)` for a spawner that is `Send`, `Sync` and
/// [`SpawnSend`], `conformance!(Mine, local)` for one that is [`SpawnLocal`]: that has more cases. For an executor that is never
/// gone, whose harness says so ([`Harness::MORTAL`]), write `immortal`: `conformance!(Mine, immortal send)`.
///
/// The [crate's page](crate#a-harness) has an example. Two harnesses in one file need a module each.
///
/// Each test waits for itself, however many have failed: [`check`] does not.
#[macro_export]
macro_rules! conformance {
    ($harness:ty) => {
        $crate::__cases!(any __tests [$harness]);
        $crate::__cases!(mortal __tests [$harness]);
    };
    ($harness:ty, send) => {
        $crate::conformance!($harness);
        $crate::__cases!(send __tests [$harness]);
        $crate::__cases!(mortal_send __tests [$harness]);
    };
    ($harness:ty, local) => {
        $crate::conformance!($harness);
        $crate::__cases!(local __tests [$harness]);
        $crate::__cases!(mortal_local __tests [$harness]);
    };
    ($harness:ty, immortal) => {
        $crate::__cases!(any __tests [$harness]);
    };
    ($harness:ty, immortal send) => {
        $crate::conformance!($harness, immortal);
        $crate::__cases!(send __tests [$harness]);
    };
    ($harness:ty, immortal local) => {
        $crate::conformance!($harness, immortal);
        $crate::__cases!(local __tests [$harness]);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ([$harness:ty] $($case:ident)*) => {$(
        #[test]
        fn $case() {
            $crate::__hold::<$harness>(::core::stringify!($case), $crate::cases::$case::<$harness>);
        }
    )*};
}

/// Panics unless the case holds.
#[doc(hidden)]
#[track_caller]
pub fn __hold<H: Harness>(name: &'static str, run: fn(Bench<H>) -> Verdict) {
    if let Err(fault) = (Case { name, run }).run() {
        panic!("{fault}");
    }
}

macro_rules! list {
    ([$harness:ident] $($case:ident)*) => {
        vec![$(Case { name: stringify!($case), run: cases::$case::<$harness> }),*]
    };
}
use list as __list;

const NOT_MORTAL: &str = "the cases of an executor that goes, because this one is never gone";

fn for_any<H: Harness>() -> (Vec<Case<H>>, Vec<&'static str>) {
    let mut all: Vec<Case<H>> = __cases!(any __list [H]);
    let mut left_out = Vec::new();
    if H::MORTAL {
        all.extend(__cases!(mortal __list [H]));
    } else {
        left_out.push(NOT_MORTAL);
    }
    (all, left_out)
}

/// Runs what every spawner owes, each case on a fresh executor, and reports.
///
/// [`check_send`] and [`check_local`] have more cases, for spawners that are `Send`, or take futures that are not.
///
/// Panics that the cases provoke are silent where the kit throws them; what an executor panics with itself goes through the panic
/// hook as usual.
///
/// Takes seconds on an executor that is right. On one that is not, the cases that are left are skipped after one that hangs, or
/// after three that have waited for [`Harness::LIMIT`] in vain: the report says how many and why, and has failed. At the limit as
/// it is, that takes about two minutes at most.
pub fn check<H: Harness>() -> Report {
    let (all, mut left_out) = for_any::<H>();
    left_out.push("the cases of `check_send`, for spawners that other threads have");
    left_out.push("the cases of `check_local`, for spawners of futures that are not `Send`");
    report(all, left_out)
}

/// [`check`], as patient, and what a spawner owes that other threads and tasks may have.
pub fn check_send<H: Harness<Spawner: SpawnSend + Send + Sync>>() -> Report {
    let (mut all, left_out) = for_any::<H>();
    all.extend(__cases!(send __list [H]));
    if H::MORTAL {
        all.extend(__cases!(mortal_send __list [H]));
    }
    report(all, left_out)
}

/// [`check`], as patient, and what a spawner owes that takes futures which are not `Send`.
pub fn check_local<H: Harness<Spawner: SpawnLocal>>() -> Report {
    let (mut all, left_out) = for_any::<H>();
    all.extend(__cases!(local __list [H]));
    if H::MORTAL {
        all.extend(__cases!(mortal_local __list [H]));
    }
    report(all, left_out)
}
