//! Every contender at every workload, in one process, in interleaved rounds.
//!
//! ```sh
//! cargo run --release -p task-registry-benches --bin compare -- --only W1,W2b --n 1000
//! ```

mod args;
mod json;
mod plot;
mod run;
mod table;

use std::error::Error;
use std::process::ExitCode;

use args::{Args, Parsed};

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Parsed::Run(args)) => args,
        Ok(Parsed::Help) => {
            println!("{}", args::HELP);
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("{why}\n\n{}", args::HELP);
            return ExitCode::from(2);
        }
    };
    if let (false, Some(directory)) = (args.from.is_empty(), &args.plot) {
        let drawn = json::read(&args.from, &args).and_then(|lines| plot::draw(directory, &lines));
        return said(drawn);
    }
    let contests = run::contests(&args);
    if contests.is_empty() {
        eprintln!("nothing to run: no workload is called so, or it is not run at that N");
        return ExitCode::from(2);
    }
    let progress = run::progress(&contests);
    let mut all = Vec::new();
    for contest in &contests {
        let lines = contest.run(&progress);
        // The bar gives way while something is printed.
        progress.suspend(|| {
            if args.json {
                json::print(&lines);
            } else {
                table::print(&lines);
            }
        });
        all.extend(lines);
    }
    progress.finish_and_clear();
    said(args.plot.as_ref().map_or(Ok(()), |directory| plot::draw(directory, &all)))
}

/// What became of the plots.
fn said(drawn: Result<(), Box<dyn Error>>) -> ExitCode {
    match drawn {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("the plots were not drawn: {why}");
            ExitCode::FAILURE
        }
    }
}
