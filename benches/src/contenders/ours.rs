//! task-registry, with the default options: it keeps the records of the newest 1,024 ended tasks until they are purged.

use async_executor::{Executor, LocalExecutor};
use task_registry::local::OnLocalExecutor;
use task_registry::smol::OnExecutor;
use task_registry::tokio::Tokio;
use task_registry::{Registry, Spawner, TaskHandle};
use tokio::runtime::Handle;

use crate::contender::Contender;
use crate::name::Name;
use crate::work::Work;

/// A registry on the spawner `S`.
#[derive(Debug)]
pub struct Ours<S: Spawner>(Registry<S>);

/// For each spawner by itself, because code that is generic over them cannot name its future in a bound.
macro_rules! ours {
    ($spawner:ty, $place:ty, $from:expr) => {
        impl Contender for Ours<$spawner> {
            const NAME: &'static str = "task-registry";
            type Place = $place;
            type Held = TaskHandle<u64, <$spawner as Spawner>::Mode>;

            fn new(place: $place) -> Self {
                Self(Registry::new($from(place)))
            }

            #[inline]
            async fn spawn(&mut self, name: &Name, work: impl Work) -> Self::Held {
                self.0.spawn(name.as_string(), work.start()).expect("the name is free")
            }

            #[inline]
            async fn join(&mut self, _: u64, _: &mut Name, held: Self::Held) -> u64 {
                held.await.expect("it ends")
            }

            #[inline]
            async fn cancel(&mut self, name: &Name, _: Self::Held) {
                let outcome = self.0.cancel(name.as_str()).expect("it is known").await;
                assert!(outcome.is_cancelled());
            }

            fn purge(&mut self) {
                self.0.purge();
            }

            fn known(&self) -> usize {
                self.0.len()
            }
        }
    };
}

ours!(Tokio, &'static Handle, |_| Tokio::current());
ours!(OnExecutor<&'static Executor<'static>>, &'static Executor<'static>, OnExecutor);
ours!(
    OnLocalExecutor<&'static LocalExecutor<'static>>,
    &'static LocalExecutor<'static>,
    OnLocalExecutor
);
