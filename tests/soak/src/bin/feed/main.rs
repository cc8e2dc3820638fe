//! The feed example under load: `soak-feed target/release/examples/feed`.
//!
//! `CLIENTS` WebSocket clients (10,000) connect and stay until each has heard an event. Then, for `CHURN_SECONDS` (60), 200 loops
//! have a client leave in a random way and another one come in its place, so that about as many are connected all the time.
//! Then all leave, each in some way. All of it happens `ROUNDS` times (3). After each round the server must have exactly the
//! tasks, the records and the descriptors that it had at first.
//!
//! Its memory after the last round may be what it was after the first, and `BYTES` (64) for each connection that came and
//! went in between: the holes that an allocator is left with grow for a while, but whatever is kept of one task, its
//! record, its slot or its future, is larger. And it must be less than a twentieth of what it was with all connected; how much it is
//! beside the memory of the process at rest, before anybody came, is printed: buffers and threads that come with the first use. That
//! wants an allocator that gives back what is free, which glibc's does not: see `.ci/soak`.

mod client;
mod http;
mod server;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::{ExitCode, id};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use task_registry_soak::process::descriptor_limit;
use task_registry_soak::{Result, number};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use client::{Client, Leave};
use server::{Has, Server};

const LOOPS: usize = 200;

/// How many left in each way.
type Left = Arc<[AtomicU64; Leave::ALL.len()]>;

async fn leave(client: Client, left: &Left) -> Result {
    let way = fastrand::usize(..Leave::ALL.len());
    let (how, name) = Leave::ALL[way];
    let gone = timeout(Duration::from_secs(30), client.leave(how)).await;
    gone.unwrap_or_else(|_| Err("it hangs".into())).map_err(|error| format!("{name}: {error}"))?;
    left[way].fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Has clients leave and others come, until then; then all leave.
async fn churn(server: SocketAddr, mut clients: Vec<Client>, until: Instant, left: Left) -> Result {
    while !clients.is_empty() && Instant::now() < until {
        let at = fastrand::usize(..clients.len());
        leave(clients.swap_remove(at), &left).await?;
        clients.push(connect(server).await?);
    }
    for client in clients {
        leave(client, &left).await?;
    }
    Ok(())
}

/// Connects. A kernel that has no room for another unanswered connection may reset one: that one is tried again.
async fn connect(server: SocketAddr) -> Result<Client> {
    for _ in 0..4 {
        match timeout(Duration::from_secs(30), Client::connect(server))
            .await
            .map_err(|_| "connecting hangs")?
        {
            Err(error) if is_reset(&*error) => AGAIN.fetch_add(1, Ordering::Relaxed),
            done => return done,
        };
    }
    Client::connect(server).await
}

/// Connections that were tried again.
static AGAIN: AtomicU64 = AtomicU64::new(0);

fn is_reset(mut error: &(dyn std::error::Error + 'static)) -> bool {
    loop {
        if error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == ErrorKind::ConnectionReset)
        {
            return true;
        }
        match error.source() {
            Some(source) => error = source,
            None => return false,
        }
    }
}

/// One round; returns what memory the server had with all connected.
async fn round(
    server: &Server,
    idle: Has,
    clients: usize,
    seconds: u64,
    left: &Left,
) -> Result<u64> {
    let begin = Instant::now();
    let address = server.address;
    let mut held: Vec<_> = stream::iter((0..clients).map(|_| connect(address)))
        .buffer_unordered(100)
        .try_collect()
        .await?;
    let all_here =
        Has { live: idle.live + clients, descriptors: idle.descriptors + clients, ..idle };
    server.comes_to(all_here, Duration::from_secs(30)).await?;
    let heard =
        stream::iter(held.iter_mut().map(Client::hear)).buffer_unordered(100).try_collect::<()>();
    timeout(Duration::from_secs(60), heard).await.map_err(|_| "an event was not heard")??;
    let full = server.memory()?;
    println!("  {clients} connected, and each heard an event: {:.1?}, {full} KiB", begin.elapsed());

    let until = Instant::now() + Duration::from_secs(seconds);
    let mut loops = JoinSet::new();
    let each = held.len().div_ceil(LOOPS).max(1);
    while !held.is_empty() {
        let share = held.split_off(held.len().saturating_sub(each));
        loops.spawn(churn(address, share, until, left.clone()));
    }
    while let Some(done) = loops.join_next().await {
        done??;
    }
    // What a goodbye may take that nobody answers is a second.
    server.comes_to(idle, Duration::from_secs(30)).await?;
    Ok(full)
}

async fn soak(program: &str) -> Result {
    let (clients, seconds) = (number("CLIENTS", 10_000)?, number("CHURN_SECONDS", 60)?);
    let (rounds, tolerance) = (number("ROUNDS", 3)?, number("BYTES", 64)?);
    let server = Server::start(program).await?;
    // The standard ones, the runtime's, and what the HTTP requests need.
    let needed = clients + LOOPS as u64 * 2 + 100;
    for pid in [id(), server.pid] {
        let limit = descriptor_limit(pid)?;
        if limit < needed {
            return Err(format!("{limit} descriptors are too few: ulimit -n {needed}").into());
        }
    }

    let idle = server.has().await?;
    let at_rest = server.memory()?;
    println!(
        "{}: {} live, {} records, {} descriptors, {at_rest} KiB",
        server.address, idle.live, idle.records, idle.descriptors
    );
    let left = Left::default();
    let total = || left.iter().map(|n| n.load(Ordering::Relaxed)).sum::<u64>();
    let (mut memory, mut came_first) = (Vec::new(), 0);
    for n in 1..=rounds {
        println!("round {n} of {rounds}");
        let done = round(&server, idle, clients as usize, seconds, &left);
        let done = timeout(Duration::from_secs(seconds + 180), done).await;
        let full = done.map_err(|_| "the round takes too long")??;
        let now = server.memory()?;
        memory.push(now);
        if n == 1 {
            came_first = total();
        }
        let (stays, took) = (now.saturating_sub(at_rest), full.saturating_sub(at_rest).max(1));
        println!(
            "  all gone: {} live, {} records, {} descriptors, {now} KiB: of {took} KiB that the connections took, {stays} stay, {:.2} %",
            idle.live,
            idle.records,
            idle.descriptors,
            stays as f64 * 100.0 / took as f64
        );
        if now > full / 20 {
            return Err(format!("{now} KiB of {full} stay").into());
        }
    }
    for ((_, name), n) in Leave::ALL.iter().zip(left.iter()) {
        println!("{:>9}  {name}", n.load(Ordering::Relaxed));
    }
    println!(
        "{:>9}  came again, because the kernel's queue was full",
        AGAIN.load(Ordering::Relaxed)
    );
    println!("{}", server.stop().await?);
    if let [first, .., last] = memory[..] {
        let came = total() - came_first;
        let grown = (last as f64 - first as f64) * 1024.0 / came as f64;
        println!(
            "from the first round to the last: {grown:+.1} bytes for each of {came} connections"
        );
        if grown > tolerance as f64 {
            return Err("memory grows".into());
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(program) = std::env::args().nth(1) else {
        eprintln!("usage: soak-feed FEED");
        return ExitCode::from(2);
    };
    match soak(&program).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak-feed: {error}");
            ExitCode::FAILURE
        }
    }
}
