//! The conformance kit on embassy's executor, on the host: tasks come as futures there and not as tickets, since embassy's own tasks are
//! statics and the kit's are not. It shows that what embassy polls, wakes and drops is what the core needs.

mod section;

#[path = "../../../tests/common/for_ever.rs"]
mod for_ever;

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::raw::{Executor, TaskStorage};
use for_ever::for_ever;
use task_registry_conformance::{Harness, conformance};
use task_registry_core::mode::Unsync;
use task_registry_core::{Refused, Spawn, SpawnLocal, Spawner};

/// What an executor is made with is where it says that it has something to poll.
#[unsafe(export_name = "__pender")]
fn pender(awake: *mut ()) {
    // SAFETY: `OnHost::new` gave it away for good, and nobody changes it but by this and `drive`.
    unsafe { &*awake.cast::<AtomicBool>() }.store(true, Ordering::SeqCst);
}

/// An executor that is polled by hand, and never gone: embassy's are statics.
struct OnHost {
    executor: &'static Executor,
    awake: &'static AtomicBool,
}

#[derive(Clone)]
struct Boxes(&'static Executor);

impl Harness for OnHost {
    type Spawner = Boxes;
    const MORTAL: bool = false;

    fn new() -> Self {
        let awake: &'static AtomicBool = for_ever(AtomicBool::default());
        let context = std::ptr::from_ref(awake).cast_mut().cast();
        Self { executor: for_ever(Executor::new(context)), awake }
    }

    fn spawner(&self) -> Boxes {
        Boxes(self.executor)
    }

    fn drive(&self) {
        while self.awake.swap(false, Ordering::SeqCst) {
            // SAFETY: from the one thread that has this executor, and not from within itself.
            unsafe { self.executor.poll() };
        }
    }
}

impl Spawner for Boxes {
    type Handle = ();
    type Mode = Unsync;
}

impl SpawnLocal for Boxes {
    fn spawn_local<F: Future<Output = ()> + 'static>(&self, future: F) -> Result<(), Refused<F>> {
        // Each task has a place of its own, for good.
        let place: &'static TaskStorage<F> = for_ever(TaskStorage::new());
        self.0.spawner().spawn(place.spawn(|| future).expect("a new place is free"));
        Ok(())
    }
}

impl<F: Future<Output = ()> + 'static> Spawn<F> for Boxes {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        self.spawn_local(future)
    }
}

conformance!(OnHost, immortal local);
