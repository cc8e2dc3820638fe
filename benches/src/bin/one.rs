//! One contender at one workload, again and again: for a profiler to look at.
//!
//! ```sh
//! cargo run --release -p task-registry-benches --bin one -- W1 tokio-current 1000 task-registry 100
//! ```

use std::process::ExitCode;

use task_registry_benches::cases::{Ask, all};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [workload, runtime, n, contender, repeats] = &arguments[..] else {
        eprintln!("one WORKLOAD RUNTIME N CONTENDER REPEATS");
        return ExitCode::from(2);
    };
    let (Ok(n), Ok(repeats)) = (n.parse(), repeats.parse()) else {
        eprintln!("N and REPEATS are numbers");
        return ExitCode::from(2);
    };
    let case = all().into_iter().find(|case| {
        let figure = case.figures.iter().any(|figure| figure.id == workload);
        figure && case.runtime == runtime && case.contender.trim() == contender
    });
    let Some(case) = case else {
        eprintln!("nobody of that name does that there");
        return ExitCode::from(2);
    };
    let mut open = (case.open)(n, false);
    for (figure, reading) in case.figures.iter().zip(open(Ask::Sample(repeats))) {
        if let Some(nanos) = reading.nanos() {
            println!("{}: {nanos:.1} ns", figure.id);
        }
    }
    open(Ask::Close);
    ExitCode::SUCCESS
}
