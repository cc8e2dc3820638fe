//! When an executor's own handle is let go of: with the task's handle where the adapter keeps it, else at once.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::future::{Future, ready};
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use core::task::Poll;
use std::sync::Mutex;

use super::poll_once;
use crate::mode::{self, Mode, Sync, Unsync};
use crate::{JoinHandle, Kept, Options, Refused, Registry, Spawn, Spawner, TaskHandle, Tasks};

/// How often handles were detached, and how often they were dropped.
#[derive(Clone, Default)]
struct Counts(Arc<[AtomicUsize; 2]>);

impl Counts {
    fn get(&self) -> [usize; 2] {
        [0, 1].map(|n| self.0[n].load(SeqCst))
    }
}

/// `N` words more than a kept handle may have.
struct Handle<const N: usize>(Counts, [usize; N]);

impl<const N: usize> JoinHandle for Handle<N> {
    fn detach(self) {
        self.0.0[0].fetch_add(1, SeqCst);
    }

    fn keep(self) -> Kept {
        Kept::new(self)
    }
}

impl<const N: usize> Drop for Handle<N> {
    fn drop(&mut self) {
        self.0.0[1].fetch_add(1, SeqCst);
    }
}

type Queue = Arc<Mutex<Vec<Pin<Box<dyn Future<Output = ()> + Send>>>>>;

#[derive(Clone, Default)]
struct Later(Queue, Counts);

impl Later {
    fn run(&self) {
        let queue = core::mem::take(&mut *self.0.lock().unwrap());
        queue.into_iter().for_each(|mut future| assert!(poll_once(&mut future).is_ready()));
    }
}

impl Spawner for Later {
    type Handle = Handle<0>;
    type Mode = mode::Sync;
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for Later {
    fn spawn(&self, future: F) -> Result<Handle<0>, Refused<F>> {
        self.0.lock().unwrap().push(Box::pin(future));
        Ok(Handle(self.1.clone(), []))
    }
}

#[test]
fn what_is_kept_is_detached_once_and_when_it_goes() {
    let counts = Counts::default();
    let kept = Kept::new(Handle::<0>(counts.clone(), []));
    assert_eq!(counts.get(), [0, 0]);
    drop(kept);
    assert_eq!(counts.get(), [1, 1]);
    drop(Kept::nothing());
}

#[test]
fn a_handle_that_is_larger_than_a_pointer_is_detached_at_once() {
    let counts = Counts::default();
    let kept = Kept::new(Handle(counts.clone(), [0; 1]));
    assert_eq!(counts.get(), [1, 1]);
    drop(kept);
    assert_eq!(counts.get(), [1, 1]);
}

#[test]
fn a_panic_while_a_kept_handle_is_detached_stays_inside() {
    struct Panics;
    impl JoinHandle for Panics {
        fn detach(self) {
            panic!("on purpose");
        }
    }
    drop(Kept::new(Panics));
}

#[test]
fn law_08_a_kept_handle_goes_with_the_tasks_handle_awaited_or_not() {
    let spawner = Later::default();
    let tasks = Registry::new(spawner.clone());
    let mut awaited = tasks.spawn("awaited", ready(1)).unwrap();
    let dropped = tasks.spawn("dropped", ready(2)).unwrap();
    assert_eq!(spawner.1.get(), [0, 0]);
    drop(dropped);
    assert_eq!(spawner.1.get(), [1, 1]);
    spawner.run();
    assert!(tasks.get("dropped").unwrap().outcome().unwrap().is_completed());
    assert!(matches!(poll_once(&mut awaited), Poll::Ready(Ok(1))));
    assert_eq!(spawner.1.get(), [2, 2]);
    drop(awaited);
    assert_eq!(spawner.1.get(), [2, 2]);
}

#[test]
fn a_kept_handle_goes_to_another_thread_with_the_tasks_handle() {
    let spawner = Later::default();
    let tasks = Registry::new(spawner.clone());
    let handle = tasks.spawn("a", ready(1)).unwrap();
    assert_eq!(spawner.1.get(), [0, 0]);
    std::thread::spawn(|| drop(handle)).join().unwrap();
    assert_eq!(spawner.1.get(), [1, 1]);
    spawner.run();
}

/// How many were detached by the end of a spawn.
fn detached_at_once<M: Mode>() -> usize {
    let spawner = Later::default();
    let tasks = Registry::with_tasks(Anything(spawner.clone()), Tasks::<M>::new(Options::new()));
    let handle = tasks.spawn("a", ready(1)).unwrap();
    let detached = spawner.1.get()[0];
    drop(handle);
    assert_eq!(spawner.1.get(), [1, 1]);
    detached
}

/// Drops every future, so that it takes any.
struct Anything(Later);

impl Spawner for Anything {
    type Handle = Handle<0>;
    type Mode = mode::Sync;
}

impl<F: Future<Output = ()>> Spawn<F> for Anything {
    fn spawn(&self, future: F) -> Result<Handle<0>, Refused<F>> {
        drop(future);
        Ok(Handle(self.0.1.clone(), []))
    }
}

#[test]
fn a_table_of_one_thread_keeps_no_handles() {
    assert_eq!(detached_at_once::<Sync>(), 0);
    assert_eq!(detached_at_once::<Unsync>(), 1);
}

#[test]
fn a_table_that_two_spawners_share_keeps_the_handles_of_the_first() {
    let (first, second) = (Later::default(), Later::default());
    let table = Tasks::<Sync>::new(Options::new());
    let kept = Registry::with_tasks(first.clone(), table.clone()).spawn("a", ready(1)).unwrap();
    let detached = Registry::with_tasks(Other(second.clone()), table).spawn("b", ready(2)).unwrap();
    assert_eq!((first.1.get(), second.1.get()), ([0, 0], [1, 1]));
    drop((kept, detached));
    assert_eq!((first.1.get(), second.1.get()), ([1, 1], [1, 1]));
}

/// As `Later`, with handles of another type.
struct Other(Later);

struct Another(Handle<0>);

impl JoinHandle for Another {
    fn detach(self) {
        self.0.detach();
    }

    fn keep(self) -> Kept {
        Kept::new(self)
    }
}

impl Spawner for Other {
    type Handle = Another;
    type Mode = mode::Sync;
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for Other {
    fn spawn(&self, future: F) -> Result<Another, Refused<F>> {
        Ok(Another(self.0.spawn(future)?))
    }
}

#[test]
fn a_tasks_handle_has_two_words_whatever_it_keeps() {
    let word = size_of::<usize>();
    assert_eq!(size_of::<TaskHandle<[u64; 9], Sync>>(), 2 * word);
    assert_eq!(size_of::<TaskHandle<[u64; 9], Unsync>>(), 2 * word);
}

#[test]
fn a_task_that_can_be_made_anew_keeps_no_handle() {
    let spawner = Later::default();
    let tasks = Registry::new(spawner.clone());
    let handle = tasks.spawn_restartable("a", |_| ready(1)).unwrap();
    assert_eq!(spawner.1.get(), [1, 1]);
    spawner.run();
    drop(handle);
    assert_eq!(spawner.1.get(), [1, 1]);
}
