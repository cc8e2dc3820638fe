//! tokio-util's `JoinMap`: with one owner, and behind a lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Drain;

use tokio::runtime::Handle;
use tokio_util::task::JoinMap;

use crate::contender::{Contender, Findable, OneByOne, Reaping};
use crate::name::Name;
use crate::work::Work;

/// A `JoinMap` that has one owner.
#[derive(Debug)]
pub struct Map(JoinMap<String, u64>);

impl Contender for Map {
    const NAME: &'static str = "JoinMap";
    type Place = &'static Handle;
    type Held = ();

    fn new(_: &'static Handle) -> Self {
        Self(JoinMap::new())
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) {
        self.0.spawn(name.to_owned(), work.start());
    }

    async fn stop_all(mut self, _: Vec<()>) {
        self.0.shutdown().await;
    }

    async fn known(&self) -> usize {
        self.0.len()
    }
}

impl OneByOne for Map {
    type Kept = ();

    fn keep((): ()) {}

    type Joins = ();

    fn keep_to_join((): ()) {}

    #[inline]
    async fn join_all(&mut self, _: Drain<'_, ()>) -> u64 {
        let mut sum = 0;
        while let Some((_, end)) = self.0.join_next().await {
            sum += end.expect("it ends");
        }
        sum
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, (): ()) {
        abort(&mut self.0, name).await;
    }

    fn purge(&mut self) {
        while self.0.try_join_next().is_some() {}
    }
}

impl Reaping for Map {
    fn reaping(place: &'static Handle) -> Self {
        Self::new(place)
    }

    #[inline]
    fn spawn_forgotten(&mut self, name: &Name, work: impl Work) {
        self.0.spawn(name.to_owned(), work.start());
    }

    /// Its owner has to.
    async fn reaped(&mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// Aborts a task and awaits its end, which is the next that comes: no other ends by itself.
#[inline]
async fn abort(map: &mut JoinMap<String, u64>, name: &Name) {
    assert!(map.abort(name.as_str()));
    let (ended, end) = map.join_next().await.expect("one is left");
    assert!(ended == name.as_str() && end.is_err_and(|error| error.is_cancelled()));
}

/// `Mutex<JoinMap>`, to be looked into from anywhere. It says whether it knows a name, not more.
#[derive(Debug)]
pub struct LockedMap(Arc<Mutex<JoinMap<String, u64>>>);

impl LockedMap {
    #[inline]
    fn lock(&self) -> MutexGuard<'_, JoinMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contender for LockedMap {
    const NAME: &'static str = "Mutex<JoinMap>";
    type Place = &'static Handle;
    type Held = ();

    fn new(_: &'static Handle) -> Self {
        Self(Arc::default())
    }

    async fn spawn(&mut self, name: &Name, work: impl Work) {
        self.lock().spawn(name.to_owned(), work.start());
    }

    async fn stop_all(self, _: Vec<()>) {
        let mut map = std::mem::take(&mut *self.lock());
        map.shutdown().await;
    }

    async fn known(&self) -> usize {
        self.lock().len()
    }
}

impl Findable for LockedMap {
    #[inline]
    async fn is_running(&self, name: &Name) -> bool {
        self.lock().contains_key(name.as_str())
    }

    async fn list(&self) -> usize {
        let names: Vec<String> = self.lock().keys().cloned().collect();
        std::hint::black_box(names).len()
    }
}

/// A `JoinMap` behind tokio's lock, which may be held until the task that was aborted has ended.
#[derive(Clone, Debug)]
pub struct AsyncLockedMap(Arc<tokio::sync::Mutex<JoinMap<String, u64>>>);

impl Contender for AsyncLockedMap {
    const NAME: &'static str = "Mutex<JoinMap>";
    type Place = &'static Handle;
    type Held = ();

    fn new(_: &'static Handle) -> Self {
        Self(Arc::default())
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) {
        self.0.lock().await.spawn(name.to_owned(), work.start());
    }

    async fn stop_all(self, _: Vec<()>) {
        self.0.lock().await.shutdown().await;
    }

    async fn known(&self) -> usize {
        self.0.lock().await.len()
    }
}

impl OneByOne for AsyncLockedMap {
    type Kept = ();

    fn keep((): ()) {}

    type Joins = ();

    fn keep_to_join((): ()) {}

    #[inline]
    async fn join_all(&mut self, _: Drain<'_, ()>) -> u64 {
        let mut map = self.0.lock().await;
        let mut sum = 0;
        while let Some((_, end)) = map.join_next().await {
            sum += end.expect("it ends");
        }
        sum
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, (): ()) {
        abort(&mut *self.0.lock().await, name).await;
    }

    fn purge(&mut self) {}
}
