//! The executors that the laws run on.

#[cfg(feature = "local")]
pub(crate) use self::local::*;
#[cfg(feature = "smol")]
pub(crate) use self::smol::*;
#[cfg(feature = "tokio")]
pub(crate) use self::tokio::*;

use std::sync::Arc;

use task_registry::{Registry, mode};

use crate::harness::*;

#[cfg(feature = "tokio")]
mod tokio {
    use std::rc::{Rc, Weak};

    use task_registry::tokio::{Tokio, TokioLocal};
    use task_registry::{Options, Registry, Tasks, mode};
    use tokio::runtime::{Builder, Runtime};
    use tokio::task::LocalSet;

    use crate::harness::*;

    fn threads() -> Runtime {
        Builder::new_multi_thread().worker_threads(2).build().expect("a runtime")
    }

    fn current() -> Runtime {
        Builder::new_current_thread().build().expect("a runtime")
    }

    /// Two worker threads beside the law's own.
    pub(crate) struct TokioMultiThread;

    impl Harness for TokioMultiThread {
        type Mode = mode::Sync;
        type Spawner = Tokio;
        const WORKERS: usize = 2;
        fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F) {
            threads().block_on(async { law(Registry::new(Tokio::current())).await });
        }
    }

    impl Mortal for TokioMultiThread {
        fn lose() -> Left<mode::Sync> {
            threads().block_on(async { populate(Registry::new(Tokio::current())).await })
        }
    }

    pub(crate) struct TokioCurrentThread;

    impl Harness for TokioCurrentThread {
        type Mode = mode::Sync;
        type Spawner = Tokio;
        fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F) {
            current().block_on(async { law(Registry::new(Tokio::current())).await });
        }
    }

    impl Mortal for TokioCurrentThread {
        fn lose() -> Left<mode::Sync> {
            current().block_on(async { populate(Registry::new(Tokio::current())).await })
        }
    }

    pub(crate) struct TokioOnLocalSet;

    impl Harness for TokioOnLocalSet {
        type Mode = mode::Unsync;
        type Spawner = TokioLocal<&'static LocalSet>;
        fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F) {
            let set = super::for_ever(LocalSet::new());
            set.block_on(&current(), law(Registry::new(TokioLocal(set))));
        }
    }

    impl Mortal for TokioOnLocalSet {
        fn lose() -> Left<mode::Unsync> {
            let set = LocalSet::new();
            let tasks = Registry::new(TokioLocal(&set));
            set.block_on(&current(), populate(tasks))
        }
    }

    pub(crate) struct TokioOnLocalSetShared;

    impl Harness for TokioOnLocalSetShared {
        type Mode = mode::Sync;
        type Spawner = TokioLocal<Weak<LocalSet>>;
        fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F) {
            let set = Rc::new(LocalSet::new());
            let spawner = TokioLocal(Rc::downgrade(&set));
            let tasks = Registry::with_tasks(spawner, Tasks::new(Options::new()));
            set.block_on(&current(), law(tasks));
        }
    }

    impl Mortal for TokioOnLocalSetShared {
        fn lose() -> Left<mode::Sync> {
            let set = LocalSet::new();
            let tasks = Registry::with_tasks(TokioLocal(&set), Tasks::new(Options::new()));
            set.block_on(&current(), populate(tasks))
        }
    }
}

#[cfg(any(feature = "tokio", feature = "smol", feature = "local"))]
#[path = "../common/for_ever.rs"]
mod for_ever;
#[cfg(any(feature = "tokio", feature = "smol", feature = "local"))]
use for_ever::for_ever;

#[cfg(feature = "smol")]
mod smol {
    use std::sync::{Arc, Weak};

    use async_executor::Executor;
    use futures_lite::future::block_on;
    use task_registry::smol::{OnExecutor, Smol};
    use task_registry::{Registry, mode};

    use crate::harness::*;

    /// The global executor: one thread of its own, unless `SMOL_THREADS` says otherwise.
    pub(crate) struct SmolGlobal;

    impl Harness for SmolGlobal {
        type Mode = mode::Sync;
        type Spawner = Smol;
        const WORKERS: usize = 1;
        fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F) {
            smol::block_on(law(Registry::new(Smol)));
        }
    }

    /// An executor by reference, driven by the law's own thread alone.
    pub(crate) struct ExecutorByReference;

    impl Harness for ExecutorByReference {
        type Mode = mode::Sync;
        type Spawner = OnExecutor<&'static Executor<'static>>;
        fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F) {
            let executor = super::for_ever(Executor::new());
            block_on(executor.run(law(Registry::new(OnExecutor(executor)))));
        }
    }

    impl Mortal for ExecutorByReference {
        fn lose() -> Left<mode::Sync> {
            let executor = Executor::new();
            block_on(executor.run(populate(Registry::new(OnExecutor(&executor)))))
        }
    }

    /// An executor that the registry does not keep.
    pub(crate) struct ExecutorHeldWeakly;

    impl Harness for ExecutorHeldWeakly {
        type Mode = mode::Sync;
        type Spawner = OnExecutor<Weak<Executor<'static>>>;
        fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F) {
            let executor = Arc::new(Executor::new());
            let tasks = Registry::new(OnExecutor(Arc::downgrade(&executor)));
            block_on(executor.run(law(tasks)));
        }
    }

    impl Mortal for ExecutorHeldWeakly {
        fn lose() -> Left<mode::Sync> {
            let executor = Arc::new(Executor::new());
            let tasks = Registry::new(OnExecutor(Arc::downgrade(&executor)));
            block_on(executor.run(populate(tasks)))
        }
    }
}

#[cfg(feature = "local")]
mod local {
    use std::rc::{Rc, Weak};

    use async_executor::LocalExecutor;
    use futures_lite::future::block_on;
    use task_registry::local::OnLocalExecutor;
    use task_registry::{Options, Registry, Tasks, mode};

    use crate::harness::*;

    pub(crate) struct LocalByReference;

    impl Harness for LocalByReference {
        type Mode = mode::Unsync;
        type Spawner = OnLocalExecutor<&'static LocalExecutor<'static>>;
        fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F) {
            let executor = super::for_ever(LocalExecutor::new());
            block_on(executor.run(law(Registry::new(OnLocalExecutor(executor)))));
        }
    }

    impl Mortal for LocalByReference {
        fn lose() -> Left<mode::Unsync> {
            let executor = LocalExecutor::new();
            block_on(executor.run(populate(Registry::new(OnLocalExecutor(&executor)))))
        }
    }

    /// An executor that the registry does not keep.
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

    impl Mortal for LocalHeldWeakly {
        fn lose() -> Left<mode::Unsync> {
            let executor = Rc::new(LocalExecutor::new());
            let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
            block_on(executor.run(populate(tasks)))
        }
    }

    pub(crate) struct LocalByReferenceShared;

    impl Harness for LocalByReferenceShared {
        type Mode = mode::Sync;
        type Spawner = OnLocalExecutor<&'static LocalExecutor<'static>>;
        fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F) {
            let executor = OnLocalExecutor(super::for_ever(LocalExecutor::new()));
            block_on(
                executor.0.run(law(Registry::with_tasks(executor, Tasks::new(Options::new())))),
            );
        }
    }

    impl Mortal for LocalByReferenceShared {
        fn lose() -> Left<mode::Sync> {
            let executor = LocalExecutor::new();
            let tasks =
                Registry::with_tasks(OnLocalExecutor(&executor), Tasks::new(Options::new()));
            block_on(executor.run(populate(tasks)))
        }
    }
}

#[path = "../../examples/custom_executor/executor.rs"]
mod custom;

/// A queue and a thread.
pub(crate) struct CustomExecutor;

impl Harness for CustomExecutor {
    type Mode = mode::Sync;
    type Spawner = custom::Handle;
    const WORKERS: usize = 1;
    fn run<F: Future<Output = ()>>(law: impl FnOnce(Reg<Self>) -> F) {
        let executor = custom::start();
        futures_lite::future::block_on(law(Registry::new(custom::Handle(Arc::downgrade(
            &executor,
        )))));
    }
}

impl Mortal for CustomExecutor {
    fn lose() -> Left<mode::Sync> {
        let executor = custom::start();
        let tasks = Registry::new(custom::Handle(Arc::downgrade(&executor)));
        futures_lite::future::block_on(populate(tasks))
    }
}
