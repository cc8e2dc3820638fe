//! A great many tasks in one process: memory stays what it was.
//!
//! `TASKS=50000000 soak-churn` spawns so many named tasks on tokio's two workers and lets them go in each way there is. Each of
//! `SPAWNERS` tasks holds up to 64 others at any time. Beside them `RESIDENTS` tasks live from the beginning to the end, as in
//! a service that has something to do: of a process that holds nothing, 1 % would be two pages, which the allocator alone
//! moves by. Memory is looked at a hundred times; the first ten are warm-up, and the mean of the later half of the rest may
//! differ from that of the earlier half by 1 %.

use std::future::pending;
use std::process::{ExitCode, id};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use task_registry::conflict::Replace;
use task_registry::tokio::Tokio;
use task_registry::{Registry, TaskHandle, Text, mode};
use task_registry_soak::process::memory;
use task_registry_soak::{Result, number};
use tokio::sync::mpsc;
use tokio::task::yield_now;

/// Looks at memory, of which the first ones are warm-up.
const LOOKS: u64 = 100;
const WARM_UP: usize = 10;

/// Tasks that a spawner holds at a time.
const HELD: usize = 64;

type Handle = TaskHandle<u64, mode::Sync>;

/// How many went which way.
#[derive(Default)]
struct Ways([AtomicU64; WAYS.len()]);

const WAYS: [&str; 7] = [
    "awaited",
    "cancelled by name, awaited",
    "held, then cancelled by its handle",
    "handle dropped, then ended",
    "replaced under its name",
    "aborted before its first poll",
    "panicked",
];

fn on_purpose() {
    panic!("on purpose")
}

/// Spawns `tasks` tasks, and says so by and by.
async fn spawner(
    registry: Registry<Tokio>,
    number: u64,
    tasks: u64,
    ways: Arc<Ways>,
    said: mpsc::Sender<u64>,
) -> Result {
    let mut random = Rng::with_seed(number);
    let mut held: Vec<Option<Handle>> = (0..HELD).map(|_| None).collect();
    for n in 0..tasks {
        let name = Text::from(format_args!("{number}/{n}"));
        let way = match random.u32(..1000) {
            0..300 => 0,
            300..500 => 1,
            500..650 => 2,
            650..800 => 3,
            800..900 => 4,
            900..999 => 5,
            _ => 6,
        };
        ways.0[way].fetch_add(1, Ordering::Relaxed);
        match way {
            0 => {
                let sum = registry.spawn(name, async move { n + 1 })?.await?;
                if sum != n + 1 {
                    return Err(format!("{sum} is not the output of {n}").into());
                }
            }
            1 => {
                let _handle = registry.spawn(name.clone(), pending::<u64>())?;
                yield_now().await;
                let outcome = registry.cancel(&name).ok_or("no such name")?.await;
                if !outcome.is_cancelled() {
                    return Err(format!("{name} was cancelled, and is {outcome}").into());
                }
            }
            2 => {
                // At random, so that some live a thousand times longer than others.
                let place = random.usize(..HELD);
                if let Some(old) = held[place].replace(registry.spawn(name, pending())?) {
                    old.cancel().await;
                }
            }
            3 => drop(registry.spawn(name, async {
                yield_now().await;
                0
            })?),
            // One name, over and over: most of the time there is one who has it.
            4 => {
                let name = Text::from(number);
                drop(registry.task(name).on_conflict(Replace).spawn(pending::<u64>())?);
            }
            5 => drop(registry.spawn(name, pending::<u64>())?.cancel()),
            _ => {
                let failed = registry.spawn(name, async { on_purpose() })?.await;
                if !failed.is_err_and(|error| error.is_panic()) {
                    return Err("a panic went unseen".into());
                }
            }
        }
        if n % 1000 == 999 {
            let _ = said.send(1000).await;
        }
    }
    for task in held.into_iter().flatten() {
        task.cancel().await;
    }
    if let Some(last) = registry.cancel(&Text::from(number)) {
        last.await;
    }
    let _ = said.send(tasks % 1000).await;
    Ok(())
}

async fn churn() -> Result {
    let (tasks, spawners) = (number("TASKS", 50_000_000)?, number("SPAWNERS", 8)?);
    let each = tasks / spawners;
    let tasks = each * spawners;
    let (begin, registry, ways) =
        (Instant::now(), Registry::new(Tokio::current()), Arc::new(Ways::default()));
    let residents = (0..number("RESIDENTS", 10_000)?)
        .map(|n| registry.spawn(format_args!("resident:{n}"), pending::<()>()))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let (said, mut hear) = mpsc::channel(64);
    let churning: Vec<_> = (0..spawners)
        .map(|number| {
            tokio::spawn(spawner(registry.clone(), number, each, ways.clone(), said.clone()))
        })
        .collect();
    drop(said);

    let (mut done, mut looks) = (0, Vec::new());
    loop {
        let heard = tokio::time::timeout(Duration::from_secs(60), hear.recv()).await;
        let Some(more) =
            heard.map_err(|_| format!("nothing happens any more after {done} tasks"))?
        else {
            break;
        };
        done += more;
        while done * LOOKS >= (looks.len() as u64 + 1) * tasks {
            looks.push(memory(id())?);
            if looks.len() % WARM_UP == 0 {
                let live = registry.live();
                println!(
                    "{done:>11} tasks {:>7.1?} {:>7} KiB {live:>6} live",
                    begin.elapsed(),
                    looks[looks.len() - 1]
                );
            }
        }
    }
    for spawner in churning {
        spawner.await??;
    }
    let resident = residents.iter().filter(|task| task.outcome().is_none()).count();
    if resident != residents.len() || registry.live() < resident {
        return Err(format!("{resident} residents of {} are left", residents.len()).into());
    }
    registry.cancel_prefix("resident:").await;
    registry.wait_idle().await;
    let took = begin.elapsed();
    for (way, n) in WAYS.iter().zip(&ways.0) {
        println!("{:>11} {way}", n.load(Ordering::Relaxed));
    }
    let (live, records) = (registry.live(), registry.records());
    println!("{done} tasks in {took:.1?}; {live} live, {records} records");

    let warm = &looks[WARM_UP..];
    let mean = |of: &[u64]| of.iter().sum::<u64>() as f64 / of.len() as f64;
    let (early, late) = warm.split_at(warm.len() / 2);
    let (early, late) = (mean(early), mean(late));
    let grown = (late / early - 1.0) * 100.0;
    let (least, most) = (warm.iter().min().unwrap_or(&0), warm.iter().max().unwrap_or(&0));
    println!(
        "memory after warm-up: {early:.0} KiB, then {late:.0} KiB: {grown:+.2} % ({least} to {most} KiB)"
    );
    if done != tasks || live != 0 || records > 1024 {
        return Err("something is left over".into());
    }
    if grown.abs() > 1.0 {
        return Err("memory is not flat".into());
    }
    Ok(())
}

fn main() -> ExitCode {
    // They are many, and meant.
    std::panic::set_hook(Box::new(|panic| {
        if panic.payload().downcast_ref() != Some(&"on purpose") {
            eprintln!("{panic}");
        }
    }));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(churn())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak-churn: {error}");
            ExitCode::FAILURE
        }
    }
}
