//! Which contender does which workload, on which runtime.

use std::fmt;

use task_registry::tokio::Tokio;

use crate::contender::Contender;
use crate::contenders::abortable::Abort;
use crate::contenders::bare::Bare;
use crate::contenders::dash_map::Sharded;
use crate::contenders::join_map::Map;
use crate::contenders::join_set::Set;
use crate::contenders::locked_map::LockedMap;
use crate::contenders::ours::Ours;
use crate::contenders::tracker::Tracker;
use crate::measure::Reading;
use crate::runtimes::{CurrentThread, LocalThread, MultiThread, OneThread};
use crate::workload::{Figure, Workload};
use crate::workloads::w1::W1;
use crate::workloads::w2::W2;
use crate::workloads::w5::W5;

/// What cases run on.
pub const RUNTIMES: [&str; 4] =
    [CurrentThread::NAME, MultiThread::NAME, OneThread::NAME, LocalThread::NAME];

/// What a case that is open is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A sample of so many repeats.
    Sample(usize),
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
    /// How many tasks it is run with.
    pub sizes: &'static [usize],
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
            sizes: $workload::<$contender>::SIZES,
            open: |n, watching| {
                let runtime = <$runtime>::default();
                let place = runtime.place();
                let mut state =
                    Some(runtime.run(async move {
                        $workload::<$contender>::set_up(place, n, watching).await
                    }));
                Box::new(move |ask| {
                    let mut workload = state.take().expect("it is open");
                    match ask {
                        Ask::Sample(repeats) => {
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

macro_rules! on_tokio {
    ($runtime:ty) => {
        [
            &cases!($runtime, W1: Bare, Ours<Tokio>, LockedMap, Sharded, Tracker, Abort, Map, Set)[..],
            &cases!($runtime, W2: Bare, Ours<Tokio>, LockedMap, Sharded, Tracker, Abort, Map, Set),
            &cases!($runtime, W5: Bare, Ours<Tokio>, LockedMap, Sharded, Tracker, Abort, Map, Set),
        ]
        .concat()
    };
}

/// All cases: those of one workload on one runtime stand together, the bare executor first.
#[must_use]
pub fn all() -> Vec<Case> {
    [on_tokio!(CurrentThread), on_tokio!(MultiThread)].concat()
}
