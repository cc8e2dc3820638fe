//! Lines for programs.

use serde_json::{Value, json};
use task_registry_benches::cases::{Case, all};

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
                "contender": line.contender.trim(),
                "median_ns": line.median_ns,
                "ratio_to_bare": line.ratio_to_bare,
                "ratio_to_ours": line.ratio_to_ours,
                "allocs": line.allocs,
                "bytes": line.bytes,
            })
        );
    }
}

/// Reads what several runs have printed, as far as it is wanted: of each time the one in the middle. Without ratios, which are of one
/// run each.
pub(crate) fn parse<'a>(
    runs: impl IntoIterator<Item = &'a str>,
    args: &Args,
) -> Result<Vec<Line>, String> {
    let cases = all();
    let mut parsed: Vec<(Line, Vec<f64>)> = Vec::new();
    for text in runs.into_iter().flat_map(str::lines) {
        let line = line(text, &cases)?;
        if !args.wants_line(&line) {
            continue;
        }
        let key = |line: &Line| (line.runtime, line.figure.id, line.n, line.contender);
        match parsed.iter_mut().find(|(before, _)| key(before) == key(&line)) {
            Some((_, times)) => times.extend(line.median_ns),
            None => {
                let times = line.median_ns.into_iter().collect();
                parsed.push((line, times));
            }
        }
    }
    let in_the_middle = |(line, times)| Line { median_ns: median(times), ..line };
    Ok(parsed.into_iter().map(in_the_middle).collect())
}

fn line(text: &str, cases: &[Case]) -> Result<Line, String> {
    let object: Value = serde_json::from_str(text).map_err(|why| format!("{why}: {text}"))?;
    let word = |key: &str| object[key].as_str().ok_or_else(|| format!("without its {key}: {text}"));
    let (runtime, workload, contender) = (word("runtime")?, word("workload")?, word("contender")?);
    let n = object["n"].as_u64().ok_or_else(|| format!("without its n: {text}"))? as usize;
    let number = |key: &str| object[key].as_f64();
    let known = cases.iter().find_map(|case| {
        let figure = case.figures.iter().find(|figure| figure.id == workload)?;
        let same = case.runtime == runtime && case.contender.trim() == contender.trim();
        same.then(|| Line {
            runtime: case.runtime,
            figure: *figure,
            n,
            contender: case.contender,
            names: case.names,
            median_ns: number("median_ns"),
            ratio_to_bare: None,
            ratio_to_ours: None,
            allocs: number("allocs").unwrap_or(0.0),
            bytes: number("bytes").unwrap_or(0.0),
        })
    });
    known.ok_or_else(|| format!("nobody runs that: {text}"))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::args::Args;

    fn printed(contender: &str, n: u32, nanos: &str) -> String {
        format!(
            r#"{{"runtime":"tokio-current","workload":"W1","n":{n},"contender":"{contender}","median_ns":{nanos},"bytes":8}}"#
        )
    }

    fn times(runs: &[String], args: &Args) -> Vec<(usize, &'static str, Option<f64>)> {
        let lines = parse(runs.iter().map(String::as_str), args).expect("that was printed");
        lines.iter().map(|line| (line.n, line.contender, line.median_ns)).collect()
    }

    #[test]
    fn of_several_runs_the_time_in_the_middle_counts() {
        let run = |nanos| format!("{}\n{}", printed("bare", 1000, nanos), printed("bare", 10, "1"));
        let runs = ["300.0", "100.0", "200.0"].map(run);
        let expected = [(1000, "bare", Some(200.0)), (10, "bare", Some(1.0))];
        assert_eq!(times(&runs, &Args::default()), expected);
    }

    #[test]
    fn a_variant_is_known_as_it_is_printed_and_as_it_was_with_the_blanks_of_the_tables() {
        let runs = [printed("without records", 10, "1"), printed("  without records", 10, "3")];
        assert_eq!(times(&runs, &Args::default()), [(10, "  without records", Some(2.0))]);
    }

    #[test]
    fn what_is_not_wanted_is_left_out() {
        let all =
            [printed("bare", 1000, "1"), printed("JoinSet", 1000, "1"), printed("bare", 10, "1")];
        let args = Args { n: vec![10], ..Args::default() };
        assert_eq!(times(&all, &args), [(10, "bare", Some(1.0))]);
        assert!(times(&all, &Args { only: vec!["W2".to_owned()], ..args }).is_empty());
    }

    #[test]
    fn memory_has_no_time() {
        assert_eq!(times(&[printed("bare", 10, "null")], &Args::default()), [(10, "bare", None)]);
    }

    #[test]
    fn what_compare_did_not_print_is_an_error_that_shows_it() {
        let gone = printed("gone", 10, "1");
        for text in ["{", r#"{"workload":"W1"}"#, &gone] {
            let error = parse([text], &Args::default()).expect_err("that is no line of it");
            assert!(error.ends_with(text), "{error}");
        }
    }
}
