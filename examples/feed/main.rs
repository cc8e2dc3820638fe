//! A WebSocket feed that keeps its background tasks in a registry.
//!
//! `cargo run --release --example feed --features tokio` starts the server on a free port and 200
//! WebSocket clients against it, ends them in three ways, prints what happened, and exits with 1
//! if a task, a record or a connection is left over.
//!
//! `… --example feed --features tokio -- --serve 127.0.0.1:8000` serves until Ctrl-C:
//!
//! ```text
//! websocat ws://127.0.0.1:8000/feed
//! curl http://127.0.0.1:8000/tasks
//! curl -X DELETE http://127.0.0.1:8000/tasks/receiver:0
//! ```
//!
//! The part to read is `server.rs`; `drive.rs` plays the clients.

mod drive;
mod server;

use std::error::Error;
use std::future::pending;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use server::Server;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => drive().await,
        ["--serve", address] => serve(address).await,
        _ => {
            eprintln!("usage: feed [--serve ADDRESS:PORT]");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("feed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: &str) -> Result<(), Box<dyn Error>> {
    let server = Server::start(address).await?;
    tokio::select! {
        biased; // so that whoever reads the address may already press Ctrl-C
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        () = announce(server.address) => {}
    }
    let (report, connections) = server.stop(Duration::from_secs(5)).await;
    println!("shutdown: {report}");
    match connections {
        0 => Ok(()),
        left => Err(format!("{left} connections would not close").into()),
    }
}

async fn announce(address: SocketAddr) {
    println!("ws://{address}/feed and http://{address}/tasks, until Ctrl-C");
    pending::<()>().await
}

async fn drive() -> Result<(), Box<dyn Error>> {
    let server = Server::start("127.0.0.1:0").await?;
    let tasks = server.app.tasks.clone();
    let driven = tokio::time::timeout(Duration::from_secs(50), drive::drive(server)).await;
    driven.unwrap_or_else(|_| Err("not done after 50 seconds".into())).inspect_err(|_| {
        eprintln!("{}", tasks.snapshot());
    })
}
