//! Futures that are not `Send`, on a tokio `LocalSet`; listed and cancelled from another thread.
//!
//! `cargo run --example tokio_local --features tokio`

use std::error::Error;
use std::future::pending;
use std::rc::Rc;

use task_registry::tokio::TokioLocal;
use task_registry::{Options, Registry, Tasks, mode};
use tokio::task::{LocalSet, spawn_blocking};

async fn run(set: &LocalSet) -> Result<(), Box<dyn Error>> {
    // The registry and its handles stay on this thread, as cheap as that allows.
    let tasks = Registry::new(TokioLocal(set));
    let shared = Rc::new(41);
    let sum = tasks.spawn("sum", async move { Rc::new(*shared + 1) })?;
    println!("sum: {}", sum.await?);

    // Where futures run and where names travel are two choices: the tasks of this one stay here,
    // too, but any thread may list and cancel them.
    let names = Tasks::<mode::Sync>::new(Options::new());
    let tasks = Registry::with_tasks(TokioLocal(set), names.clone());
    let owned = Rc::new("dropped on the thread that made it");
    let session = tasks.spawn("session", async move {
        pending::<()>().await;
        println!("{owned}");
    })?;

    let elsewhere = spawn_blocking(move || {
        println!("from another thread:\n{}", names.snapshot());
        names.cancel("session").map(|end| end.wait_blocking())
    });
    println!("session: {}", session.task().wait().await);
    println!("the other thread saw: {:?}", elsewhere.await?);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let set = LocalSet::new();
    set.run_until(run(&set)).await
}
