//! Lines for programs.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use task_registry_benches::cases::all;

use crate::args::Args;
use crate::run::{Line, median};

/// Prints one object per line.
pub(crate) fn print(lines: &[Line]) {
    for line in lines {
        println!(
            "{}",
            json!({
                "runtime": line.runtime,
                "workload": line.figure.id,
                "n": line.n,
                "contender": line.contender,
                "median_ns": line.median_ns,
                "ratio_to_bare": line.ratio_to_bare,
                "ratio_to_ours": line.ratio_to_ours,
                "allocs": line.allocs,
                "bytes": line.bytes,
            })
        );
    }
}

/// Reads what was printed, for the plots, as far as it is wanted; of times that are there several times, from several runs, the median.
pub(crate) fn read(files: &[PathBuf], args: &Args) -> Result<Vec<Line>, Box<dyn Error>> {
    let cases = all();
    let mut read: Vec<(Line, Vec<f64>)> = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))?;
        for text in text.lines() {
            let object: Value = serde_json::from_str(text)?;
            let is = |key: &str, value: &str| object[key] == value;
            let known = cases.iter().find_map(|case| {
                let figure = case.figures.iter().find(|figure| is("workload", figure.id))?;
                let same = is("runtime", case.runtime) && is("contender", case.contender);
                same.then_some((case, *figure))
            });
            let (case, figure) = known.ok_or_else(|| format!("of another program: {text}"))?;
            let n = object["n"].as_u64().ok_or_else(|| format!("without its N: {text}"))? as usize;
            let wanted = args.wants(figure.id)
                && args.wants_runtime(case.runtime)
                && args.wants_contender(case.contender)
                && (args.n.is_empty() || args.n.contains(&n));
            if !wanted {
                continue;
            }
            let number = |key: &str| object[key].as_f64();
            let line = Line {
                runtime: case.runtime,
                figure,
                n,
                contender: case.contender,
                names: case.names,
                median_ns: number("median_ns"),
                ratio_to_bare: number("ratio_to_bare"),
                ratio_to_ours: number("ratio_to_ours"),
                allocs: number("allocs").unwrap_or(0.0),
                bytes: number("bytes").unwrap_or(0.0),
            };
            let nanos = line.median_ns;
            let key = |line: &Line| (line.runtime, line.figure.id, line.n, line.contender);
            match read.iter_mut().find(|(before, _)| key(before) == key(&line)) {
                Some((_, runs)) => runs.extend(nanos),
                None => read.push((line, nanos.into_iter().collect())),
            }
        }
    }
    let in_the_middle = |(line, runs): (Line, Vec<f64>)| Line { median_ns: median(runs), ..line };
    Ok(read.into_iter().map(in_the_middle).collect())
}
