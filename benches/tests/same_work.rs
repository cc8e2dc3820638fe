//! Each contender does the work it is timed for: a test for each case, in which the workload asserts, at every step, that
//! outputs came back, that what was awaited has really ended (its future was dropped), and that nothing is known of it after.
//!
//! `cargo test -p task-registry-benches --test same_work DashMap` runs some of them.

use libtest_mimic::{Arguments, Trial};
use task_registry_benches::cases::{Ask, Case, all};
use task_registry_benches::measure::Reading;

fn main() {
    let mut arguments = Arguments::from_args();
    // One at a time: what is allocated is counted for the whole process.
    arguments.test_threads = Some(1);
    let trials = all().into_iter().map(|case| {
        let name = format!("{} does {} on {}", case.contender.trim(), figures(&case), case.runtime);
        Trial::test(name, move || {
            check(&case);
            Ok(())
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

fn figures(case: &Case) -> String {
    case.figures.iter().map(|figure| figure.id).collect::<Vec<_>>().join(" and ")
}

/// How many tasks.
const N: usize = 64;

fn check(case: &Case) {
    let mut open = (case.open)(N, true);
    if case.timed {
        assert_readings(case, &open(Ask::Sample(2)), 2);
        assert_readings(case, &open(Ask::Count), 1);
    } else {
        let readings = open(Ask::Sample(1));
        assert_readings(case, &readings, 1);
        let [live, left] = readings[..] else { panic!("two figures") };
        assert!(live.bytes > 64 * N as isize, "{N} tasks hold {} bytes", live.bytes);
        assert!(left.bytes < live.bytes, "{} of {} bytes are left", left.bytes, live.bytes);
    }
    open(Ask::Close);
}

fn assert_readings(case: &Case, readings: &[Reading], repeats: usize) {
    assert_eq!(readings.len(), case.figures.len());
    for reading in readings {
        assert_eq!(reading.operations as usize, repeats * (case.operations)(N));
        assert_eq!(reading.nanos().is_some(), case.timed);
    }
}
