//! Work that blocks, on the threads that a worker's runtime has for it.

use std::future::pending;
use std::pin::pin;
use std::sync::mpsc::channel;
use std::thread;

use futures_lite::future::block_on;
use task_registry::{Runtime, SpawnBlocking};

use crate::Tested;
use crate::kit::{Gate, Trace, lock, poll_once};
use crate::setup::{Cx, thread_name, workers};

pub(crate) fn a_worker_has_threads_for_what_blocks_and_its_shutdown_waits_for_them<R>()
where
    R: Tested + Runtime<Spawner: SpawnBlocking>,
{
    let (go_on, trace) = (Gate::default(), Trace::default());
    let (said, blocked) = channel();
    let said = std::sync::Mutex::new(said);
    let gate = go_on.clone();
    let main = move |cx: Cx<R>| {
        let (gate, own, said) = (gate.clone(), thread::current().id(), lock(&said).clone());
        async move {
            let passed = said.clone();
            let work = cx.registry().spawn_blocking("hash", move |task| {
                said.send(task.name() == Some("hash") && thread::current().id() != own).unwrap();
                gate.pass_blocking();
                task.cancel_reason().map(|reason| reason.to_string())
            });
            // The worker goes on meanwhile: its other tasks, and this.
            let other = cx.registry().spawn_local("other", async { thread_name() }).unwrap();
            cx.note(other.await.unwrap());
            passed.send(true).unwrap();
            cx.note(format!("{:?}", work.unwrap().await.unwrap()));
        }
    };
    let started = block_on(workers::<R>(1).start(trace.clone(), main)).unwrap();
    assert!(blocked.recv().unwrap(), "on a thread that is not the worker's");
    // Both have come so far, before anything is asked to stop.
    assert!(blocked.recv().unwrap());
    assert_eq!(started.get("hash").len(), 1);
    let mut shutdown = pin!(started.shutdown(pending::<()>()));
    assert!(poll_once(&mut shutdown).is_pending());
    assert!(!started.get("hash")[0].1.is_ended(), "nothing stops a blocked thread");
    go_on.open();
    let report = block_on(shutdown);
    assert!(report.is_clean(), "{report}");
    assert_eq!(trace.read(), ["worker-0", "Some(\"shutdown\")"]);
}
