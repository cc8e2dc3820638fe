//! On a tokio `LocalSet`: the floor, and a map within one thread.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hint::black_box;
use std::vec::Drain;

use tokio::task::{JoinHandle, LocalSet, spawn_local};

use crate::contender::{Contender, OneByOne};
use crate::contenders::map::{Hashing, Sip};
use crate::name::Name;
use crate::work::Work;

/// `spawn_local`, and a `JoinHandle` in the caller's hands.
#[derive(Debug)]
pub struct Bare;

impl Contender for Bare {
    const NAME: &'static str = "bare";
    const NAMES: bool = false;
    type Place = &'static LocalSet;
    type Held = JoinHandle<u64>;

    fn new(_: &'static LocalSet) -> Self {
        Self
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) -> JoinHandle<u64> {
        black_box(name);
        spawn_local(work.start())
    }

    async fn stop_all(self, held: Vec<JoinHandle<u64>>) {
        stop(held).await;
    }

    async fn known(&self) -> usize {
        0
    }
}

impl OneByOne for Bare {
    type Kept = JoinHandle<u64>;

    fn keep(held: JoinHandle<u64>) -> JoinHandle<u64> {
        held
    }

    type Joins = JoinHandle<u64>;

    fn keep_to_join(held: JoinHandle<u64>) -> JoinHandle<u64> {
        held
    }

    #[inline]
    async fn join_all(&mut self, held: Drain<'_, JoinHandle<u64>>) -> u64 {
        let mut sum = 0;
        for task in held {
            sum += task.await.expect("it ends");
        }
        sum
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, held: JoinHandle<u64>) {
        black_box(name);
        held.abort();
        assert!(held.await.is_err_and(|error| error.is_cancelled()));
    }

    fn purge(&mut self) {}
}

async fn stop(tasks: Vec<JoinHandle<u64>>) {
    tasks.iter().for_each(JoinHandle::abort);
    for task in tasks {
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
    }
}

/// `RefCell<HashMap<String, JoinHandle>>`. Who awaits a task takes its handle out of the map.
#[derive(Debug, Default)]
pub struct LocalMap<S = Sip>(RefCell<HashMap<String, JoinHandle<u64>, S>>);

impl<S: Hashing> LocalMap<S> {
    #[inline]
    fn take(&self, name: &str) -> JoinHandle<u64> {
        self.0.borrow_mut().remove(name).expect("it is known")
    }
}

impl<S: Hashing> Contender for LocalMap<S> {
    const NAME: &'static str = S::IN_CELL;
    type Place = &'static LocalSet;
    type Held = ();

    fn new(_: &'static LocalSet) -> Self {
        Self::default()
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) {
        let task = spawn_local(work.start());
        let before = self.0.borrow_mut().insert(name.to_owned(), task);
        assert!(before.is_none(), "a live name was taken");
    }

    async fn stop_all(self, _: Vec<()>) {
        stop(self.0.into_inner().into_values().collect()).await;
    }

    async fn known(&self) -> usize {
        self.0.borrow().len()
    }
}

impl<S: Hashing> OneByOne for LocalMap<S> {
    type Kept = ();

    fn keep((): ()) {}

    type Joins = ();

    fn keep_to_join((): ()) {}

    /// All at once out of the map: none of them has to be looked for.
    #[inline]
    async fn join_all(&mut self, _: Drain<'_, ()>) -> u64 {
        let tasks: Vec<JoinHandle<u64>> =
            self.0.borrow_mut().drain().map(|(_, task)| task).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("it ends");
        }
        sum
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, (): ()) {
        let task = self.take(name.as_str());
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
    }

    fn purge(&mut self) {
        self.0.borrow_mut().retain(|_, task| !task.is_finished());
    }
}
