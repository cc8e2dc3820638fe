//! Tasks that borrow, on an `async_executor::Executor<'a>` of one's own.
//!
//! `cargo run --example on_executor --features smol`

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_executor::Executor;
use futures_lite::future::block_on;
use task_registry::Registry;
use task_registry::smol::OnExecutor;

fn main() -> Result<(), Box<dyn Error>> {
    // Whatever is declared before the executor, its tasks may borrow.
    let total = AtomicUsize::new(0);
    let words = ["one", "three", "five"];

    let executor = Executor::new();
    let tasks = Registry::new(OnExecutor(&executor));
    block_on(executor.run(async {
        for word in &words {
            tasks.spawn(format_args!("count:{word}"), async {
                total.fetch_add(word.len(), Ordering::Relaxed);
            })?;
        }
        // No task is left that has not ended.
        tasks.wait_idle().await;
        println!("{} letters", total.load(Ordering::Relaxed));

        // Results are kept by name where that was asked for. They outlive the executor: 'static.
        let longest = async { words.iter().map(|word| word.len()).max() };
        tasks.task("longest").keep_result().spawn(longest)?.task().wait().await;
        let longest = tasks.take_result::<Option<usize>>("longest")?;
        println!("longest: {longest:?}");

        println!("{}", tasks.snapshot());
        Ok(())
    }))
}
