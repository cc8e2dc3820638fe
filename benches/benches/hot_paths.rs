//! How many instructions the hot paths take, under valgrind: what a noisy machine cannot hide.
//!
//! `benches/instructions` runs this and compares with the figures that are checked in. Each function does its path 1,000
//! times in each of twenty tables in which 500 other tasks live, without an executor: a future is boxed and put on a list, and
//! polled by hand. Sync is the table for several threads, unsync the one for one thread.
//!
//! So many, since where a name comes to lie is drawn by lot, which differs with each build: of half of the tables with a
//! tenth of the names the figures of one source differed by a twentieth.

// What the macros make has no documentation.
#![allow(missing_docs)]

use std::cell::RefCell;
use std::future::{Future, pending, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use gungraun::prelude::*;
use task_registry::mode::{Mode, Sync, Unsync};
use task_registry::{Options, Refused, Registry, Spawn, Spawner, State, TaskHandle, Tasks};

// `benches/instructions` divides by `TIMES * TABLES`. `OTHERS` and `TIMES` are together far from where an index grows, so that no lot
// decides that.
const OTHERS: usize = 500;
const TIMES: usize = 1_000;
const TABLES: usize = 20;

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

/// What was spawned, to be polled by hand.
#[derive(Clone, Default)]
struct List(Rc<RefCell<Vec<Boxed>>>);

impl Spawner for List {
    type Handle = ();
    type Mode = Unsync;
}

impl<F: Future<Output = ()> + 'static> Spawn<F> for List {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        self.0.borrow_mut().push(Box::pin(future));
        Ok(())
    }
}

/// A table with tasks in it, and what is needed for more.
struct Scene<M: Mode> {
    registry: Registry<List, M>,
    others: Vec<Boxed>,
    names: Vec<String>,
    futures: Vec<Boxed>,
    handles: Vec<TaskHandle<u64, M>>,
}

impl<M: Mode> Scene<M> {
    /// Has had, and forgotten, as many tasks as will come.
    fn new() -> Self {
        let list = List(Rc::new(RefCell::new(Vec::with_capacity(OTHERS + TIMES))));
        let registry = Registry::with_tasks(list, Tasks::<M>::new(Options::new()));
        let mut scene = Self {
            registry,
            others: Vec::new(),
            names: (0..TIMES).map(|id| format!("receiver:{id}")).collect(),
            futures: Vec::new(),
            handles: Vec::with_capacity(TIMES),
        };
        for other in 0..OTHERS {
            let name = format!("other:{other}");
            drop(scene.registry.spawn(name, pending::<u64>()).expect("the name is free"));
        }
        scene.others = scene.take();
        poll(&mut scene.others);
        spawn(&mut scene, ready(1));
        scene.futures = scene.take();
        poll(&mut scene.futures);
        scene.forget();
        scene
    }

    fn forget(&mut self) {
        self.futures.clear();
        self.handles.clear();
        assert_eq!(self.registry.purge(), TIMES);
    }

    /// The same, with tasks that wait and have been polled.
    fn waiting() -> Self {
        let mut scene = Self::new();
        spawn(&mut scene, pending());
        scene.futures = scene.take();
        poll(&mut scene.futures);
        scene
    }

    /// The same, with tasks that are ready and have not been polled.
    fn ready() -> Self {
        let mut scene = Self::new();
        spawn(&mut scene, ready(1));
        scene.futures = scene.take();
        scene
    }

    /// The same, with tasks that have ended.
    fn ended() -> Self {
        let mut scene = Self::ready();
        assert_eq!(poll(&mut scene.futures), TIMES);
        scene
    }

    /// The same, and nobody holds a handle.
    fn forgotten() -> Self {
        let mut scene = Self::ended();
        scene.handles.clear();
        scene
    }

    fn take(&self) -> Vec<Boxed> {
        self.registry.spawner().0.borrow_mut().drain(..).collect()
    }
}

fn scenes<M: Mode>(make: fn() -> Scene<M>) -> Vec<Scene<M>> {
    (0..TABLES).map(|_| make()).collect()
}

/// Tables whose tasks went after the last of all others was made: so their futures' memory is there for those that come.
fn rested<M: Mode>() -> Vec<Scene<M>> {
    let mut scenes = scenes(Scene::<M>::ended);
    for scene in &mut scenes {
        scene.forget();
    }
    scenes
}

/// Tables in which each name is that of a record, and was before: so there is room for those that come.
fn again<M: Mode>() -> Vec<Scene<M>> {
    let mut scenes = scenes(Scene::<M>::forgotten);
    for scene in &mut scenes {
        spawn(scene, ready(1));
        let mut futures = scene.take();
        assert_eq!(poll(&mut futures), TIMES);
        scene.futures.extend(futures);
    }
    // As in `rested`.
    for scene in &mut scenes {
        scene.futures.clear();
        scene.handles.clear();
    }
    scenes
}

/// Spawns the future under each of the names.
fn spawn<M: Mode>(scene: &mut Scene<M>, future: impl Future<Output = u64> + Clone + 'static) {
    for name in &scene.names {
        let handle = scene.registry.spawn(black_box(name), future.clone());
        scene.handles.push(handle.expect("the name is free"));
    }
}

/// Polls each; says how many were ready.
fn poll(futures: &mut [Boxed]) -> usize {
    let mut cx = Context::from_waker(Waker::noop());
    futures.iter_mut().map(|future| usize::from(future.as_mut().poll(&mut cx).is_ready())).sum()
}

// Spawn a task that waits.
#[library_benchmark]
#[bench::sync(rested::<Sync>())]
#[bench::unsync(rested::<Unsync>())]
fn spawn_waiting<M: Mode>(mut scenes: Vec<Scene<M>>) -> Vec<Scene<M>> {
    for scene in &mut scenes {
        spawn(scene, pending());
    }
    scenes
}

// Spawn a task that is ready.
#[library_benchmark]
#[bench::sync(rested::<Sync>())]
#[bench::unsync(rested::<Unsync>())]
fn spawn_ready<M: Mode>(mut scenes: Vec<Scene<M>>) -> Vec<Scene<M>> {
    for scene in &mut scenes {
        spawn(scene, ready(1));
    }
    scenes
}

// Spawn a task that is ready under the name of one that has ended.
#[library_benchmark]
#[bench::sync(again::<Sync>())]
#[bench::unsync(again::<Unsync>())]
fn spawn_again<M: Mode>(mut scenes: Vec<Scene<M>>) -> Vec<Scene<M>> {
    for scene in &mut scenes {
        spawn(scene, ready(1));
    }
    scenes
}

// Poll a task that has been polled with the same waker, and still waits.
#[library_benchmark]
#[bench::sync(scenes(Scene::<Sync>::waiting))]
#[bench::unsync(scenes(Scene::<Unsync>::waiting))]
fn poll_pending<M: Mode>(mut scenes: Vec<Scene<M>>) -> Vec<Scene<M>> {
    for scene in &mut scenes {
        assert_eq!(poll(&mut scene.futures), 0);
    }
    scenes
}

// Poll a task that is ready: its future is dropped, its output stored, its end reported.
#[library_benchmark]
#[bench::sync(scenes(Scene::<Sync>::ready))]
#[bench::unsync(scenes(Scene::<Unsync>::ready))]
fn finish<M: Mode>(mut scenes: Vec<Scene<M>>) -> Vec<Scene<M>> {
    for scene in &mut scenes {
        assert_eq!(poll(&mut scene.futures), TIMES);
    }
    scenes
}

// Take the output of a task that has ended.
#[library_benchmark]
#[bench::sync(scenes(Scene::<Sync>::ended))]
#[bench::unsync(scenes(Scene::<Unsync>::ended))]
fn join<M: Mode>(mut scenes: Vec<Scene<M>>) -> Vec<Scene<M>> {
    let mut cx = Context::from_waker(Waker::noop());
    for scene in &mut scenes {
        for handle in &mut scene.handles {
            assert!(matches!(pin!(handle).poll(&mut cx), Poll::Ready(Ok(1))));
        }
    }
    scenes
}

// Find a task by its name, for a handle, and read its state.
#[library_benchmark]
#[bench::sync(scenes(Scene::<Sync>::waiting))]
#[bench::unsync(scenes(Scene::<Unsync>::waiting))]
fn lookup<M: Mode>(scenes: Vec<Scene<M>>) -> Vec<Scene<M>> {
    for scene in &scenes {
        for name in &scene.names {
            let task = scene.registry.get(black_box(name)).expect("it is known");
            assert_eq!(task.state(), State::Running);
        }
    }
    scenes
}

// Read the state of the task of a name, without a handle: as W3 does.
#[library_benchmark]
#[bench::sync(scenes(Scene::<Sync>::waiting))]
#[bench::unsync(scenes(Scene::<Unsync>::waiting))]
fn state_by_name<M: Mode>(scenes: Vec<Scene<M>>) -> Vec<Scene<M>> {
    for scene in &scenes {
        for name in &scene.names {
            assert_eq!(scene.registry.state(black_box(name)), Some(State::Running));
        }
    }
    scenes
}

// Cancel a task by its name.
#[library_benchmark]
#[bench::sync(scenes(Scene::<Sync>::waiting))]
#[bench::unsync(scenes(Scene::<Unsync>::waiting))]
fn cancel<M: Mode>(scenes: Vec<Scene<M>>) -> Vec<Scene<M>> {
    for scene in &scenes {
        for name in &scene.names {
            drop(scene.registry.cancel(black_box(name)).expect("it is known"));
        }
    }
    scenes
}

// Cancel a task by its name, and poll it: its future is dropped, its end reported.
#[library_benchmark]
#[bench::sync(scenes(Scene::<Sync>::waiting))]
#[bench::unsync(scenes(Scene::<Unsync>::waiting))]
fn cancel_and_stop<M: Mode>(mut scenes: Vec<Scene<M>>) -> Vec<Scene<M>> {
    let mut cx = Context::from_waker(Waker::noop());
    for scene in &mut scenes {
        for (name, future) in scene.names.iter().zip(&mut scene.futures) {
            let end = scene.registry.cancel(black_box(name)).expect("it is known");
            assert!(future.as_mut().poll(&mut cx).is_ready());
            assert!(pin!(end).poll(&mut cx).is_ready());
        }
    }
    scenes
}

// Forget a task that has ended, of which nobody has a handle.
#[library_benchmark]
#[bench::sync(scenes(Scene::<Sync>::forgotten))]
#[bench::unsync(scenes(Scene::<Unsync>::forgotten))]
fn purge<M: Mode>(scenes: Vec<Scene<M>>) -> Vec<Scene<M>> {
    for scene in &scenes {
        assert_eq!(scene.registry.purge(), TIMES);
    }
    scenes
}

library_benchmark_group!(
    name = hot_paths,
    benchmarks = [
        spawn_waiting,
        spawn_ready,
        spawn_again,
        poll_pending,
        finish,
        join,
        lookup,
        state_by_name,
        cancel,
        cancel_and_stop,
        purge
    ]
);

gungraun::main!(library_benchmark_groups = hot_paths);
