//! Named background tasks on smol's global executor.
//!
//! `cargo run --example smol --features smol`

use std::error::Error;
use std::time::Duration;

use smol::Timer;
use task_registry::smol::Smol;
use task_registry::{Registry, conflict};

async fn feed() {
    Timer::after(Duration::from_secs(3600)).await;
}

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let tasks = Registry::new(Smol);
        let answer = tasks.spawn("sum", async { 41 + 1 })?.await?;
        println!("sum: {answer}");

        // The newcomer owns the name at once, and starts when its predecessor is gone.
        let old = tasks.spawn("feed", feed())?;
        let new = tasks.task("feed").on_conflict(conflict::Replace).spawn(feed())?;
        old.task().wait().await;
        println!("{old}\n{new}");

        // A guard asks its task to stop when it is dropped, and can wait until it has.
        let guard = tasks.spawn("session", feed())?.drop_guard();
        println!("session: {}", guard.stop().await);

        let report = tasks.shutdown(Timer::after(Duration::from_secs(5))).await;
        println!("{report}");
        Ok(())
    })
}
