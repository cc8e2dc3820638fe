//! Lines for programs.

use serde_json::json;

use crate::run::Line;

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
