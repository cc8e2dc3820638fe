//! Which contender does which workload, on which runtime.

use std::fmt;

use async_executor::{Executor, LocalExecutor};
use task_registry::local::OnLocalExecutor;
use task_registry::smol::OnExecutor;
use task_registry::tokio::{Tokio, TokioLocal};
use tokio::task::LocalSet;

use crate::contender::Contender;
use crate::contenders::abortable::Abort;
use crate::contenders::async_executor::{self as smol, SharedTask, TaskMap};
use crate::contenders::bare::Bare;
use crate::contenders::dash_map::Sharded;
use crate::contenders::join_map::{
    AsyncLockedMap as AsyncLockedJoinMap, LockedMap as LockedJoinMap, Map as JoinMap,
};
use crate::contenders::join_set::Set;
use crate::contenders::local_set::{self, LocalMap};
use crate::contenders::locked_map::LockedMap as Map;
use crate::contenders::map::{Fold, SharedName, Sip};
use crate::contenders::ours::{self, Ours};
use crate::contenders::shared::{SharedHandle, Watched as WatchMap};
use crate::contenders::taskvisor::Visor;
use crate::contenders::tracker::Tracker;
use crate::measure::{Reading, counting};
use crate::runtimes::{CurrentThread, Local, LocalThread, MultiThread, OneThread, OneWorker};
use crate::workload::{Figure, Workload};
use crate::workloads::w1::W1;
use crate::workloads::w2::W2;
use crate::workloads::w3::W3;
use crate::workloads::w4::{Purge, Reap};
use crate::workloads::w5::{Churn, W5};
use crate::workloads::w6::{Alone, Churning, Shared, W6};
use crate::workloads::w7::W7;
use crate::workloads::w8::W8;
use crate::workloads::w9::W9;
use crate::workloads::w10::W10;
use crate::workloads::w11::W11;

type Forgetful = Ours<Tokio, ours::NoRecords>;
type Again = Ours<Tokio, ours::NamesAgain>;
type Clocked = Ours<Tokio, ours::Clock>;
type Watched = Ours<Tokio, ours::Observed>;
type OnLocalSet = Ours<TokioLocal<&'static LocalSet>>;
type ForgetfulLocalSet = Ours<TokioLocal<&'static LocalSet>, ours::NoRecords>;
type OneExecutor = &'static Executor<'static>;
type OneLocal = &'static LocalExecutor<'static>;

/// What cases run on.
pub const RUNTIMES: [&str; 5] =
    [CurrentThread::NAME, Local::NAME, MultiThread::NAME, OneThread::NAME, LocalThread::NAME];

/// What a case that is open is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A sample of so many repeats.
    Sample(usize),
    /// A sample of one, of which the allocations are counted.
    Count,
    /// That it ends what it started.
    Close,
}

/// A case that is set up.
pub type Open = Box<dyn FnMut(Ask) -> Vec<Reading>>;

/// A workload, a contender, a runtime.
#[derive(Clone, Copy)]
pub struct Case {
    /// What it runs on.
    pub runtime: &'static str,
    /// Who does it.
    pub contender: &'static str,
    /// Whether that contender keeps names.
    pub names: bool,
    /// What is measured.
    pub figures: &'static [Figure],
    /// Whether it takes time; otherwise it takes memory.
    pub timed: bool,
    /// Up to how many tasks the contender is run with.
    pub most: usize,
    /// How many tasks it is run with.
    pub sizes: &'static [usize],
    /// How many operations one repeat with so many tasks is.
    pub operations: fn(usize) -> usize,
    /// Sets it up for N tasks, on a runtime of its own. The second argument: whether it is to check each step.
    pub open: fn(usize, bool) -> Open,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.runtime, self.figures[0].id, self.contender)
    }
}

/// One case. A macro and not a function, because whether a future is `Send`, as `MultiThread` needs it, the compiler sees
/// only at concrete types.
macro_rules! case {
    ($runtime:ty, $workload:ident, $contender:ty) => {
        Case {
            runtime: <$runtime>::NAME,
            contender: <$contender as Contender>::NAME,
            names: <$contender as Contender>::NAMES,
            figures: $workload::<$contender>::FIGURES,
            timed: $workload::<$contender>::TIMED,
            most: <$contender as Contender>::MOST,
            sizes: $workload::<$contender>::SIZES,
            operations: $workload::<$contender>::operations,
            open: |n, watching| {
                let runtime = <$runtime>::default();
                let place = runtime.place();
                // Boxed, so that what the future returns is of one size whoever contends: an executor moves that, empty, each time
                // the future is polled.
                let mut state =
                    Some(runtime.run(async move {
                        Box::new($workload::<$contender>::set_up(place, n, watching).await)
                    }));
                Box::new(move |ask| {
                    let mut workload = state.take().expect("it is open");
                    let _counting = (ask == Ask::Count).then(counting);
                    match ask {
                        Ask::Sample(_) | Ask::Count => {
                            let repeats = if let Ask::Sample(repeats) = ask { repeats } else { 1 };
                            let (workload, readings) = runtime.run(async move {
                                let readings = workload.sample(repeats).await;
                                (workload, readings)
                            });
                            state = Some(workload);
                            readings
                        }
                        Ask::Close => {
                            runtime.run(async move { workload.tear_down().await });
                            Vec::new()
                        }
                    }
                })
            },
        }
    };
}

/// A workload with each of its contenders on a runtime.
macro_rules! cases {
    ($runtime:ty, $workload:ident: $($contender:ty),+ $(,)?) => {
        [$(case!($runtime, $workload, $contender)),+]
    };
}

/// The contenders of each workload that are alike on tokio's runtimes.
macro_rules! on_tokio {
    ($runtime:ty) => {
        [
            &cases!($runtime, W1: Bare, Ours<Tokio>, Forgetful, Again, Clocked, Watched, Map, Map<Fold>, Sharded, Sharded<Fold>, Tracker, Abort, JoinMap, Set, Visor)[..],
            &cases!($runtime, W2: Bare, Ours<Tokio>, Forgetful, Again, Clocked, Watched, Map, Map<Fold>, Sharded, Sharded<Fold>, Tracker, Abort, JoinMap, Set, Visor),
            &cases!($runtime, W3: Ours<Tokio>, Map, Map<Fold>, Sharded, Sharded<Fold>, Tracker, Abort, LockedJoinMap, Visor),
            &cases!($runtime, Purge: Ours<Tokio>, Map, Sharded, Tracker, Abort, JoinMap, Set),
            &cases!($runtime, Reap: Bare, Ours<Tokio>, Map<Sip, SharedName>, Map<Fold, SharedName>, Sharded<Sip, SharedName>, Sharded<Fold, SharedName>, Tracker<SharedName>, Abort<SharedName>, JoinMap, Set),
            &cases!($runtime, W5: Bare, Ours<Tokio>, Forgetful, Clocked, Watched, Map, Map<Fold>, Sharded, Sharded<Fold>, Tracker, Abort, JoinMap, Set, Visor),
            &cases!($runtime, W7: Bare, Ours<Tokio>, Forgetful, Clocked, Watched, Map, Sharded, Tracker, Abort, JoinMap, Set, Visor),
            &cases!($runtime, W8: Ours<Tokio>, Map, Sharded, Tracker, Abort, LockedJoinMap, Visor),
            &cases!($runtime, W9: SharedHandle, Ours<Tokio>, WatchMap, Tracker),
            &cases!($runtime, W10: Bare, Ours<Tokio>, Map, Sharded, Tracker, Abort, JoinMap, Set, Visor),
            &cases!($runtime, W11: Bare, Ours<Tokio>, Clocked, Watched, Map, Sharded, Tracker, Abort, JoinMap, Set, Visor),
        ]
        .concat()
    };
}

/// The same on smol's: what is tokio's does not run there.
macro_rules! on_async_executor {
    ($runtime:ty, $executor:ty, $ours:ty, $forgetful:ty) => {
        [
            &cases!($runtime, W1: smol::Bare<$executor>, $ours, $forgetful, TaskMap<$executor>, TaskMap<$executor, Fold>)[..],
            &cases!($runtime, W2: smol::Bare<$executor>, $ours, $forgetful, TaskMap<$executor>, TaskMap<$executor, Fold>),
            &cases!($runtime, W3: $ours, TaskMap<$executor>, TaskMap<$executor, Fold>),
            &cases!($runtime, Purge: $ours, TaskMap<$executor>),
            &cases!($runtime, Reap: smol::Bare<$executor>, $ours),
            &cases!($runtime, W5: smol::Bare<$executor>, $ours, $forgetful, TaskMap<$executor>, TaskMap<$executor, Fold>),
            &cases!($runtime, W7: smol::Bare<$executor>, $ours, TaskMap<$executor>),
            &cases!($runtime, W8: $ours, TaskMap<$executor>),
            &cases!($runtime, W9: SharedTask<$executor>, $ours),
            &cases!($runtime, W10: smol::Bare<$executor>, $ours, TaskMap<$executor>),
            &cases!($runtime, W11: smol::Bare<$executor>, $ours, TaskMap<$executor>),
        ]
        .concat()
    };
}

/// What needs two threads, for each contender by itself.
macro_rules! on_two_threads {
    ($($contender:ty),+ $(,)?) => {
        $(impl Shared for $contender {
            fn run(mut churn: Churn<Self>, repeats: usize) -> Churning<Self> {
                Box::pin(async move {
                    churn.run(repeats).await;
                    churn
                })
            }
        })+

        fn on_two_threads() -> Vec<Case> {
            [&cases!(OneWorker, Alone: $($contender),+)[..], &cases!(MultiThread, W6: $($contender),+)].concat()
        }
    };
}

on_two_threads!(
    Bare,
    Ours<Tokio>,
    Map,
    Map<Fold>,
    Sharded,
    Sharded<Fold>,
    Tracker,
    Abort,
    AsyncLockedJoinMap,
    Visor
);

/// What is different on a `LocalSet` is how tasks are spawned and awaited.
fn on_local_set() -> Vec<Case> {
    [
        &cases!(Local, W1: local_set::Bare, OnLocalSet, ForgetfulLocalSet, LocalMap, LocalMap<Fold>)[..],
        &cases!(Local, W2: local_set::Bare, OnLocalSet, ForgetfulLocalSet, LocalMap, LocalMap<Fold>),
        &cases!(Local, W5: local_set::Bare, OnLocalSet, ForgetfulLocalSet, LocalMap, LocalMap<Fold>),
        &cases!(Local, W11: local_set::Bare, OnLocalSet, LocalMap),
    ]
    .concat()
}

/// All cases: those of one workload on one runtime stand together, the bare executor first.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        on_tokio!(CurrentThread),
        on_local_set(),
        on_tokio!(MultiThread),
        on_two_threads(),
        on_async_executor!(
            OneThread,
            OneExecutor,
            Ours<OnExecutor<OneExecutor>>,
            Ours<OnExecutor<OneExecutor>, ours::NoRecords>
        ),
        on_async_executor!(
            LocalThread,
            OneLocal,
            Ours<OnLocalExecutor<OneLocal>>,
            Ours<OnLocalExecutor<OneLocal>, ours::NoRecords>
        ),
    ]
    .concat()
}
