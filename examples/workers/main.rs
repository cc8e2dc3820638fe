//! HTTP on several workers that share a port, each a thread with an executor and a registry of its own.
//!
//! `cargo run --release --example workers --features tokio` starts the workers on a free port, puts
//! them under load, presses Ctrl-C itself, prints what happened, and exits with 1 if a request that
//! a worker had accepted was lost, a task is left over, or the run proves nothing: no request was in
//! flight at Ctrl-C, or a worker's heart did not beat.
//!
//! `… --example workers --features tokio -- --serve 127.0.0.1:8000` serves until Ctrl-C.
//!
//! The part to read is `server.rs`; `load.rs` plays the clients.

#[cfg(unix)]
mod load;
#[cfg(unix)]
mod server;

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => run::drive().await,
        ["--serve", address] => run::serve(address).await,
        _ => {
            eprintln!("usage: workers [--serve ADDRESS:PORT]");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("workers: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Sharing a port between listeners is a matter of Unix.
#[cfg(not(unix))]
fn main() {
    eprintln!("workers: this example needs SO_REUSEPORT");
}

#[cfg(unix)]
mod run {
    use std::error::Error;
    use std::process::Command;
    use std::time::Duration;

    use task_registry::WorkersReport;
    use tokio::time::{sleep, timeout};

    use crate::load;
    use crate::server::Server;

    const WORKERS: usize = 4;
    const CLIENTS: usize = 32;
    const LOAD: Duration = Duration::from_millis(1500);
    const DEADLINE: Duration = Duration::from_secs(5);

    type Result<T> = std::result::Result<T, Box<dyn Error>>;

    pub(crate) async fn serve(address: &str) -> Result<()> {
        let server = Server::start(WORKERS, address.parse()?).await?;
        tokio::select! {
            biased; // so that whoever reads the address may already press Ctrl-C
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            () = announce(&server) => {}
        }
        let report = server.workers.shutdown(sleep(DEADLINE)).await;
        println!("{report}");
        clean(&report)
    }

    async fn announce(server: &Server) {
        println!("http://{} on {WORKERS} workers, until Ctrl-C", server.address);
        std::future::pending::<()>().await
    }

    pub(crate) async fn drive() -> Result<()> {
        let driven = timeout(Duration::from_secs(50), drive_all()).await;
        driven.unwrap_or_else(|_| Err("not done after 50 seconds".into()))
    }

    async fn drive_all() -> Result<()> {
        let server = Server::start(WORKERS, "127.0.0.1:0".parse()?).await?;
        let clients = tokio::spawn(load::clients(CLIENTS, server.address));
        tokio::select! {
            biased; // so that the handler is there before the signal
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            pressed = press_ctrl_c() => pressed?,
        }
        let in_flight = server.app.in_flight();
        load::closing();
        let report = server.workers.shutdown(sleep(DEADLINE)).await;
        // They come to their ends when nobody listens any more.
        let load = clients.await?;

        println!("{CLIENTS} clients on {}, {LOAD:.1?}, then Ctrl-C\n", server.address);
        println!("worker  requests  heartbeats  main       tasks left");
        for worker in report.workers() {
            let n = worker.worker();
            let main = worker.main().map_or_else(|| "hangs".into(), ToString::to_string);
            let left = server.workers.tasks(n).map_or(0, |tasks| tasks.live());
            let (answered, beats) = (load.by_worker.get(&n).unwrap_or(&0), server.app.beats(n));
            println!("{n:>6}  {answered:>8}  {beats:>10}  {main:<9}  {left:>10}");
        }
        let accepted = server.app.accepted();
        let migrations = server.app.migrations();
        println!(
            "\n{accepted} requests accepted, {in_flight} of them in flight at Ctrl-C, {} answered; {} cut short, \
             {} connections not taken up; {migrations} migration",
            load.answered, load.cut_short, load.not_taken_up
        );
        clean(&report)?;
        if in_flight == 0 {
            return Err("no request was in flight at Ctrl-C, so none could be lost".into());
        }
        if (0..WORKERS).any(|worker| server.app.beats(worker) == 0) {
            return Err("a worker's heart did not beat".into());
        }
        // The kernel makes connections until a listener is gone. One made after the worker has looked for the last time is
        // turned away without a word, so the client knows that it may ask again. Each worker does so to a client once.
        if load.not_taken_up > CLIENTS * WORKERS {
            return Err(format!("{} connections were not taken up", load.not_taken_up).into());
        }
        if accepted != load.answered || load.cut_short > 0 {
            return Err(format!("{} requests were lost", accepted.abs_diff(load.answered)).into());
        }
        if migrations != 1 || load.by_worker.len() != WORKERS {
            return Err("not every worker did its work".into());
        }
        // What is known of the ended can be had as long as the handle lives.
        for (worker, end) in server.workers.join().into_iter().enumerate() {
            end.map_err(|error| format!("worker {worker}: {error}"))?;
        }
        Ok(())
    }

    fn clean(report: &WorkersReport) -> Result<()> {
        match report.is_clean() {
            true => Ok(()),
            false => Err(format!("something would not stop:\n{report}").into()),
        }
    }

    /// After a while under load sends this process what Ctrl-C would.
    async fn press_ctrl_c() -> Result<()> {
        sleep(LOAD).await;
        let sent = Command::new("sh").args(["-c", "kill -INT $PPID"]).status()?;
        if !sent.success() {
            return Err("could not send a signal".into());
        }
        std::future::pending().await
    }
}
