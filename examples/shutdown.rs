//! Shuts down 10,000 tasks, ten of which will not stop, within a deadline of one second: the report names the ten, and
//! waiting for them costs no processor time.
//!
//! `cargo run --release --example shutdown --features tokio`

use std::error::Error;
use std::future::pending;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use task_registry::{Registry, tokio::Tokio};
use tokio::time::sleep;

const TASKS: usize = 10_000;
const DEADLINE: Duration = Duration::from_secs(1);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    let code = runtime.block_on(run())?;
    // The ten are still there; they are not waited for a second time.
    runtime.shutdown_background();
    Ok(code)
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    let tasks = Registry::new(Tokio::current());
    for i in 0..TASKS - 10 {
        tasks.spawn(format_args!("worker:{i}"), pending::<()>())?;
    }
    for i in 0..5 {
        let shielded = tasks.task(format_args!("shielded:{i}"));
        shielded.spawn_with((), |cx| async move { cx.shield(pending::<()>()).await })?;
        let cleaning = tasks.task(format_args!("cleaning:{i}"));
        let hour = || sleep(Duration::from_secs(3600));
        cleaning.cleanup(|_| pending::<()>(), hour).spawn(pending::<()>())?;
    }
    while tasks.counts().running < TASKS {
        tokio::task::yield_now().await;
    }

    let (wall, processor) = (Instant::now(), processor_time());
    let report = tasks.shutdown(sleep(DEADLINE)).await;
    let (wall, processor) = (wall.elapsed(), processor_time().zip(processor));
    println!("{report}");
    println!("returned after {wall:.3?}, with a deadline of {DEADLINE:?}");
    // Measured over the whole second, the 9,990 cancels included.
    match processor {
        Some((after, before)) => println!("processor time: {:.0?}", after.saturating_sub(before)),
        None => println!("processor time: not known on this system"),
    }
    let idle = processor.is_none_or(|(after, before)| after.saturating_sub(before) < wall / 4);
    let right = report.cancelled() == TASKS - 10
        && report.remaining().len() == 10
        && wall >= DEADLINE
        && wall < DEADLINE * 2;
    Ok(if right && idle { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What this process has used, as Linux counts it: in hundredths of a second.
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}
