//! What was asked for.

use std::path::PathBuf;

use task_registry_benches::cases::RUNTIMES;

use crate::run::Line;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
compare [--only W1,W2b] [--n 1000,100000] [--runtime tokio-current,…] [--contender bare,…] [--rounds R] [--json] [--plot DIR [--from a.json,…]]

  --only       workloads (W2) or single figures (W2b); all unless told
  --n          how many tasks; otherwise what each workload is run at: 1000, 10000, 100000, some 1000000
  --runtime    tokio-current, tokio-local, tokio-multi, async-executor, local-executor; all unless told
  --contender  bare, task-registry, JoinMap, … as the tables call them; all unless told
  --rounds     how many rounds; otherwise more for small N than for large ones
  --json       one object a line instead of tables
  --plot       also draws cost over N, an SVG for each figure and runtime that was run at several N
  --from       draws what --json has printed before, of several runs the one in the middle, and runs nothing";

/// The arguments.
#[derive(Debug, Default)]
pub(crate) struct Args {
    pub(crate) only: Vec<String>,
    pub(crate) n: Vec<usize>,
    pub(crate) runtimes: Vec<String>,
    pub(crate) contenders: Vec<String>,
    pub(crate) rounds: Option<usize>,
    pub(crate) json: bool,
    pub(crate) plot: Option<PathBuf>,
    pub(crate) from: Vec<PathBuf>,
}

/// What came of reading them.
#[derive(Debug)]
pub(crate) enum Parsed {
    Run(Args),
    Help,
}

impl Args {
    /// Reads the arguments, or says what is wrong with them.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Parsed, String> {
        let mut args = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--only" => args.only = list(&value()?),
                "--n" => args.n = numbers(&value()?)?,
                "--runtime" => args.runtimes = list(&value()?),
                "--contender" => args.contenders = list(&value()?),
                "--rounds" => args.rounds = Some(positive(&value()?)?),
                "--json" => args.json = true,
                "--plot" => args.plot = Some(value()?.into()),
                "--from" => args.from = files(&value()?)?,
                "--help" | "-h" => return Ok(Parsed::Help),
                other => return Err(format!("{other} is no option")),
            }
        }
        if !args.from.is_empty() && (args.plot.is_none() || args.json || args.rounds.is_some()) {
            return Err("--from is what --plot is to draw, and nothing is run for it".to_owned());
        }
        match args.runtimes.iter().find(|name| !RUNTIMES.contains(&name.as_str())) {
            Some(other) => Err(format!("{other} is no runtime")),
            None => Ok(Parsed::Run(args)),
        }
    }

    /// Whether a figure is wanted: by its own name, or its workload's.
    pub(crate) fn wants(&self, figure: &str) -> bool {
        let workload = figure.trim_end_matches(|last: char| last.is_ascii_lowercase());
        self.only.is_empty() || self.only.iter().any(|only| only == figure || only == workload)
    }

    /// Whether a line is wanted that was printed before.
    pub(crate) fn wants_line(&self, line: &Line) -> bool {
        self.wants(line.figure.id)
            && self.wants_runtime(line.runtime)
            && self.wants_contender(line.contender)
            && (self.n.is_empty() || self.n.contains(&line.n))
    }

    /// Whether a runtime is wanted.
    pub(crate) fn wants_runtime(&self, runtime: &str) -> bool {
        self.runtimes.is_empty() || self.runtimes.iter().any(|name| name == runtime)
    }

    /// Whether a contender is wanted.
    pub(crate) fn wants_contender(&self, contender: &str) -> bool {
        let wanted = |name: &String| *name == contender.trim_start();
        self.contenders.is_empty() || self.contenders.iter().any(wanted)
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn files(text: &str) -> Result<Vec<PathBuf>, String> {
    let files: Vec<PathBuf> = list(text).into_iter().map(PathBuf::from).collect();
    if files.is_empty() { Err(format!("{text} names no file")) } else { Ok(files) }
}

fn numbers(text: &str) -> Result<Vec<usize>, String> {
    list(text).iter().map(|number| positive(number)).collect()
}

fn positive(text: &str) -> Result<usize, String> {
    let number = text.replace('_', "").parse().ok().filter(|number| *number > 0);
    number.ok_or(format!("{text} is no number from 1 on"))
}

#[cfg(test)]
mod tests {
    use super::Args;

    #[test]
    fn what_makes_no_sense_is_refused_in_a_line() {
        for (arguments, why) in [
            ("--n 0", "0 is no number from 1 on"),
            ("--rounds x", "x is no number from 1 on"),
            ("--only", "--only needs a value"),
            ("--runtime async-std", "async-std is no runtime"),
            ("--from a.json", "--from is what --plot is to draw, and nothing is run for it"),
            (
                "--plot plots --from a.json --json",
                "--from is what --plot is to draw, and nothing is run for it",
            ),
            ("--plot plots --from ,", ", names no file"),
            ("--fast", "--fast is no option"),
        ] {
            let arguments = arguments.split(' ').map(str::to_owned);
            assert_eq!(Args::parse(arguments).expect_err("it makes no sense"), why);
        }
    }
}
