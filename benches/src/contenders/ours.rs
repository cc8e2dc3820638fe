//! task-registry, with the default options: it keeps the records of the newest 1,024 ended tasks until they are purged.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::vec::Drain;

use async_executor::{Executor, LocalExecutor};
use task_registry::local::OnLocalExecutor;
use task_registry::smol::OnExecutor;
use task_registry::tokio::{Tokio, TokioLocal};
use task_registry::{
    Observer, Options, Outcome, Registry, Retain, Spawner, State, TaskHandle, TaskInfo, monotonic,
};
use tokio::runtime::Handle;
use tokio::task::LocalSet;

use crate::contender::{Awaitable, Contender, Findable, OneByOne, Reaping};
use crate::contenders::shared::waiter;
use crate::name::Name;
use crate::work::{Gauge, Work};

/// A registry on the spawner `S`, with the options of `V`.
pub struct Ours<S: Spawner, V = Plain>(Registry<S>, PhantomData<V>);

impl<S: Spawner + Clone, V> Clone for Ours<S, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<S: Spawner, V> fmt::Debug for Ours<S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ours")
    }
}

/// Options to compare.
pub trait Variant {
    /// What the registry is called in tables.
    const NAME: &'static str;

    /// Up to how many tasks it is run with.
    const MOST: usize = 100_000;

    /// Whether what has ended is purged, for which others have nothing to do.
    const PURGES: bool = true;

    /// Whether each name is that of a record.
    const AGAIN: bool = false;

    /// The options.
    fn options() -> Options;
}

/// The default options.
#[derive(Debug)]
pub struct Plain;

impl Variant for Plain {
    const NAME: &'static str = "task-registry";
    const MOST: usize = usize::MAX;
    fn options() -> Options {
        Options::new()
    }
}

/// Keeping no records of what has ended, as nobody else here does.
#[derive(Debug)]
pub struct NoRecords;

impl Variant for NoRecords {
    const NAME: &'static str = "  without records";
    const MOST: usize = usize::MAX;
    const PURGES: bool = false;
    fn options() -> Options {
        Options::new().retain(Retain::Nothing)
    }
}

/// Purging nothing, so that each name is that of a record, from the second repeat on: as where the same jobs run again and again.
/// Only with so many tasks that all of them leave one.
#[derive(Debug)]
pub struct NamesAgain;

impl Variant for NamesAgain {
    const NAME: &'static str = "  names of records";
    const MOST: usize = 1_000;
    const PURGES: bool = false;
    const AGAIN: bool = true;
    fn options() -> Options {
        Options::new()
    }
}

/// With a clock.
#[derive(Debug)]
pub struct Clock;

impl Variant for Clock {
    const NAME: &'static str = "  with a clock";
    fn options() -> Options {
        Options::new().clock(monotonic)
    }
}

/// With an observer that counts.
#[derive(Debug)]
pub struct Observed;

impl Variant for Observed {
    const NAME: &'static str = "  with an observer";
    fn options() -> Options {
        #[derive(Default)]
        struct Ended(AtomicUsize);
        impl Observer for Ended {
            fn ended(&self, _: &TaskInfo, _: &Outcome) {
                self.0.fetch_add(1, Relaxed);
            }
        }
        Options::new().observer(Ended::default())
    }
}

/// For each spawner by itself, because code that is generic over them cannot name its future in a bound.
macro_rules! ours {
    ($spawner:ty, $place:ty, $from:expr, $waiter:expr) => {
        impl<V: Variant> Contender for Ours<$spawner, V> {
            const NAME: &'static str = V::NAME;
            const MOST: usize = V::MOST;
            type Place = $place;
            type Held = TaskHandle<u64, <$spawner as Spawner>::Mode>;

            fn new(place: $place) -> Self {
                Self(Registry::with_options($from(place), V::options()), PhantomData)
            }

            #[inline]
            async fn spawn(&mut self, name: &Name, work: impl Work) -> Self::Held {
                self.0.spawn(name.as_string(), work.start()).expect("the name is free")
            }

            async fn stop_all(self, _: Vec<Self::Held>) {
                let report = self.0.shutdown(std::future::pending::<()>()).await;
                assert!(report.remaining().is_empty());
            }

            async fn known(&self) -> usize {
                if V::AGAIN { self.0.live() } else { self.0.len() }
            }
        }

        impl<V: Variant> OneByOne for Ours<$spawner, V> {
            type Joins = Self::Held;

            fn keep_to_join(held: Self::Held) -> Self::Held {
                held
            }

            #[inline]
            async fn join_all(&mut self, held: Drain<'_, Self::Held>) -> u64 {
                let mut sum = 0;
                for task in held {
                    sum += task.await.expect("it ends");
                }
                sum
            }

            type Kept = ();

            fn keep(_: Self::Held) {}

            #[inline]
            async fn cancel(&mut self, name: &Name, (): ()) {
                let outcome = self.0.cancel(name.as_str()).expect("it is known").await;
                assert!(outcome.is_cancelled());
            }

            fn forget_ended(&mut self) {
                if V::PURGES {
                    self.0.purge();
                }
            }

            fn purge(&mut self) {
                self.0.purge();
            }
        }

        impl<V: Variant> Findable for Ours<$spawner, V> {
            #[inline]
            async fn is_running(&self, name: &Name) -> bool {
                self.0.state(name.as_str()) == Some(State::Running)
            }

            async fn list(&self) -> usize {
                std::hint::black_box(self.0.snapshot()).len()
            }
        }

        impl<V: Variant> Reaping for Ours<$spawner, V> {
            fn reaping(place: $place) -> Self {
                let options = V::options().retain(Retain::Nothing);
                Self(Registry::with_options($from(place), options), PhantomData)
            }

            #[inline]
            fn spawn_forgotten(&mut self, name: &Name, work: impl Work) {
                self.0.spawn(name.as_string(), work.start()).expect("the name is free");
            }
        }

        impl<V: Variant> Awaitable for Ours<$spawner, V> {
            async fn spawn_awaited<F: Future<Output = u64> + Send + 'static>(
                &mut self,
                name: &Name,
                future: F,
            ) {
                self.0.spawn(name.as_string(), future).expect("the name is free");
            }

            fn spawn_waiter(&self, name: &Name, gauge: &'static Gauge) -> impl Future<Output = ()> {
                let task = self.0.get(name.as_str()).expect("it is known");
                let end = gauge.counts(async move { assert!(task.wait().await.is_completed()) });
                $waiter(self.0.spawner(), end)
            }

            async fn forget(&mut self, name: &Name) {
                assert!(self.0.get(name.as_str()).expect("it is known").purge());
            }
        }
    };
}

ours!(Tokio, &'static Handle, |_| Tokio::current(), |_, end| waiter(end));
ours!(
    TokioLocal<&'static LocalSet>,
    &'static LocalSet,
    TokioLocal,
    |on: &TokioLocal<&'static LocalSet>, end| {
        let task = on.0.spawn_local(end);
        async move { task.await.expect("it ends") }
    }
);
ours!(
    OnExecutor<&'static Executor<'static>>,
    &'static Executor<'static>,
    OnExecutor,
    |on: &OnExecutor<&'static Executor<'static>>, end| on.0.spawn(end)
);
ours!(
    OnLocalExecutor<&'static LocalExecutor<'static>>,
    &'static LocalExecutor<'static>,
    OnLocalExecutor,
    |on: &OnLocalExecutor<&'static LocalExecutor<'static>>, end| on.0.spawn(end)
);
