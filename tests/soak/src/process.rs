//! What a process has of the machine, as Linux tells it.

use std::fs;

use crate::Result;

/// Memory that is in RAM and belongs to no file, in KiB: heap and stacks. Pages of the program itself come and go as the
/// kernel likes.
///
/// # Errors
///
/// If there is no such process.
pub fn memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .ok_or("no RssAnon in /proc")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Open file descriptors.
///
/// # Errors
///
/// If there is no such process.
pub fn descriptors(pid: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// How many descriptors a process may have, by the limit that it can raise itself no further.
///
/// # Errors
///
/// If there is no such process.
pub fn descriptor_limit(pid: u32) -> Result<u64> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).ok_or("no limit in /proc")?;
    Ok(soft.parse().unwrap_or(u64::MAX))
}
