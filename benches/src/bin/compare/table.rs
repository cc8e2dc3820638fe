//! Tables for people.

use crate::run::Line;

/// Prints a table for each figure among `lines`.
pub(crate) fn print(lines: &[Line]) {
    for lines in lines.chunk_by(|one, other| one.figure == other.figure) {
        let first = &lines[0];
        let figure = first.figure;
        println!("\n{} {} · N = {} · {}", figure.id, figure.what, first.n, first.runtime);
        println!(
            "  {:25} {:>10} {:>8} {:>8} {:>8} {:>8}",
            "", "median", "to bare", "to ours", "allocs", "bytes"
        );
        for line in lines {
            println!(
                "  {:25} {:>10} {:>8} {:>8} {:>8} {:>8}{}",
                line.contender,
                line.median_ns.map_or("-".to_owned(), time),
                ratio(line.ratio_to_bare),
                ratio(line.ratio_to_ours),
                amount(line.allocs),
                amount(line.bytes),
                if line.names { "" } else { "  no names" },
            );
        }
    }
}

fn time(nanos: f64) -> String {
    match nanos {
        ..1e2 => format!("{nanos:.1} ns"),
        1e2..1e4 => format!("{nanos:.0} ns"),
        1e4..1e7 => format!("{:.1} µs", nanos / 1e3),
        _ => format!("{:.1} ms", nanos / 1e6),
    }
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"))
}

fn amount(number: f64) -> String {
    if number.abs() < 99.95 { format!("{number:.1}") } else { format!("{number:.0}") }
}
