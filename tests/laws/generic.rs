//! Code that is generic over the runtime: it cannot name the type of an async block.

use std::cell::Cell;
use std::rc::Rc;

use task_registry::mode::{Mode, Shared};
use task_registry::{Registry, SpawnError, SpawnLocal, SpawnSend, TaskHandle};

use crate::harness::*;
use crate::kit::*;

fn send_sum<S: SpawnSend, M: Shared>(
    tasks: &Registry<S, M>,
    gate: Gate,
) -> Result<TaskHandle<u32, M>, SpawnError> {
    tasks.spawn_send("sum", async move {
        gate.pass().await;
        40 + 2
    })
}

fn local_sum<S: SpawnLocal, M: Mode>(
    tasks: &Registry<S, M>,
    gate: Gate,
) -> Result<TaskHandle<Rc<Cell<u32>>, M>, SpawnError> {
    let sum = Rc::new(Cell::new(40));
    tasks.spawn_local("sum", async move {
        gate.pass().await;
        sum.set(sum.get() + 2);
        sum
    })
}

pub(crate) async fn law_16_code_generic_over_send_runtimes_spawns_async_blocks<H>(tasks: Reg<H>)
where
    H: Harness<Mode: Shared, Spawner: SpawnSend>,
{
    let gate = Gate::default();
    let sum = send_sum(&tasks, gate.clone()).unwrap();
    assert!(tasks.get_live("sum").is_some());
    gate.open();
    assert_eq!(sum.await.unwrap(), 42);
    let by_builder = tasks.task("builder").spawn_send(async { 1 }).unwrap();
    assert_eq!(by_builder.await.unwrap(), 1);
}

pub(crate) async fn law_16_code_generic_over_local_runtimes_spawns_async_blocks<H: Local>(
    tasks: Reg<H>,
) {
    let gate = Gate::default();
    let sum = local_sum(&tasks, gate.clone()).unwrap();
    assert!(tasks.get_live("sum").is_some());
    gate.open();
    assert_eq!(sum.await.unwrap().get(), 42);
    let by_builder = tasks.task("builder").spawn_local(async { Rc::new(1) }).unwrap();
    assert_eq!(*by_builder.await.unwrap(), 1);
}
