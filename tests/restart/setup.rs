//! A factory whose type has a name, and tasks that tell of their incarnations.

use std::rc::{Rc, Weak};

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::mode::{self, Mode, Remember};
use task_registry::{Cx, Recipe, Registry, TaskHandle};

use crate::harness::*;
use crate::kit::*;

/// What the tasks of these tests are made by.
pub(crate) type Factory<M> = Box<dyn Fn(Cx<(), M>) -> Body<()> + Send + Sync>;

type RecipeOf<H> =
    Recipe<<H as Harness>::Spawner, <H as Harness>::Mode, (), Factory<<H as Harness>::Mode>, ()>;

/// An executor whose table can remember its spawner.
pub(crate) trait Restarts: Harness<Mode: Remember<RecipeOf<Self>>> {}
impl<H: Harness<Mode: Remember<RecipeOf<H>>>> Restarts for H {}

/// The same, for registries that other threads may use.
pub(crate) trait RestartsAcross: Sends + Restarts {}
impl<H: Sends + Restarts> RestartsAcross for H {}

/// As `Body` vouches for a future, for a factory.
pub(crate) fn factory<M: Mode>(make: impl Fn(Cx<(), M>) -> Body<()> + 'static) -> Factory<M> {
    let make = Trusted(make);
    Box::new(move |cx| (make.get())(cx))
}

/// What incarnations of one name do, and what they are let do.
#[derive(Clone, Default)]
pub(crate) struct Feed {
    /// "made", "starts" and "ends", each with the number of the incarnation.
    pub(crate) trace: Trace,
    pub(crate) made: Count,
    /// Opened by each incarnation that starts.
    pub(crate) started: Gate,
    /// Those that are shielded end when this is open.
    pub(crate) finish: Gate,
}

impl Feed {
    fn make<M: Mode>(&self, cx: Cx<(), M>, shielded: bool) -> Body<()> {
        let number = self.made.add();
        self.trace.note(format!("made {number}"));
        let feed = self.clone();
        body(async move {
            feed.trace.note(format!("starts {number}"));
            let trace = feed.trace.clone();
            let _ends = OnDrop::new(move || trace.note(format!("ends {number}")));
            feed.started.open();
            match shielded {
                true => cx.shield(feed.finish.pass()).await,
                false => feed.finish.pass().await,
            }
        })
    }

    /// Its tasks end when they are asked to, or let.
    pub(crate) fn factory<M: Mode>(&self) -> Factory<M> {
        let feed = self.clone();
        factory(move |cx| feed.make(cx, false))
    }

    /// Its tasks go on until they are let, whoever asks.
    pub(crate) fn shielded<M: Mode>(&self) -> Factory<M> {
        let feed = self.clone();
        factory(move |cx| feed.make(cx, true))
    }
}

/// Spawns the first incarnation of "feed" and waits until its body runs.
pub(crate) async fn feed<H: Restarts>(
    tasks: &Reg<H>,
    feed: &Feed,
    make: Factory<H::Mode>,
) -> TaskHandle<(), H::Mode> {
    let task = tasks.spawn_restartable("feed", make).expect("the name is free");
    feed.started.pass().await;
    task
}

/// An executor of one thread that the registry does not keep.
pub(crate) struct LocalHeldWeakly;

impl Harness for LocalHeldWeakly {
    type Mode = mode::Unsync;
    type Spawner = OnLocalExecutor<Weak<LocalExecutor<'static>>>;
    fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F) {
        let executor = Rc::new(LocalExecutor::new());
        let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
        block_on(executor.run(law(tasks)));
    }
}
