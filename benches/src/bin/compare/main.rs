//! Every contender at every workload, in one process, in interleaved rounds.
//!
//! ```sh
//! cargo run --release -p task-registry-benches --bin compare -- --only W1,W2b --n 1000
//! ```

mod args;
mod json;
mod order;
mod plot;
mod run;
mod table;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use args::{Args, Parsed};
use run::{Contest, Line};

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
    let contests = run::contests(&args);
    if contests.is_empty() {
        eprintln!("nothing to run: no workload is called so, or it is not run at that N");
        return ExitCode::from(2);
    }
    let done = if args.from.is_empty() { Ok(run_all(&args, &contests)) } else { read_all(&args) };
    match done.and_then(|lines| draw(&args, &lines)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what is wanted and prints it.
fn run_all(args: &Args, contests: &[Contest]) -> Vec<Line> {
    let progress = run::progress(contests);
    let mut all = Vec::new();
    for contest in contests {
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
    all
}

/// Reads what was printed before, as far as it is wanted.
fn read_all(args: &Args) -> Result<Vec<Line>, Box<dyn Error>> {
    let read = |file: &PathBuf| {
        fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))
    };
    let runs: Vec<String> = args.from.iter().map(read).collect::<Result<_, _>>()?;
    let lines = json::parse(runs.iter().map(String::as_str), args)?;
    if lines.is_empty() {
        return Err("nothing to draw: what is wanted is not in there".into());
    }
    Ok(lines)
}

fn draw(args: &Args, lines: &[Line]) -> Result<(), Box<dyn Error>> {
    let Some(directory) = &args.plot else { return Ok(()) };
    plot::draw(directory, lines).map_err(|why| format!("the plots were not drawn: {why}").into())
}
