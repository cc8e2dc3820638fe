//! Our own adapters, and the executor of the example, through the kit that others test theirs with.
//!
//! An executor without threads of its own is driven until it is idle, so that a task which has not ended by then is lost.

#[cfg(any(feature = "smol", feature = "local"))]
#[path = "common/for_ever.rs"]
mod for_ever;
#[cfg(any(feature = "smol", feature = "local"))]
use for_ever::for_ever;

#[cfg(feature = "tokio")]
mod tokio {
    use std::future::poll_fn;
    use std::rc::{Rc, Weak};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::task::{Poll, Waker};

    use task_registry::tokio::{Tokio, TokioLocal};
    use task_registry_conformance::{Harness, conformance};
    use tokio::runtime::{Builder, Runtime};
    use tokio::task::LocalSet;

    struct MultiThread(Runtime);

    impl Harness for MultiThread {
        type Spawner = Tokio;
        const DRIVES_ITSELF: bool = true;
        fn new() -> Self {
            Self(Builder::new_multi_thread().worker_threads(2).build().unwrap())
        }
        fn spawner(&self) -> Tokio {
            Tokio::from(&self.0)
        }
        fn drive(&self) {}
    }

    /// A runtime of one thread that says when that is about to sleep: then nothing is left to poll.
    struct Idle {
        runtime: Runtime,
        sleeps: Arc<Mutex<Option<Waker>>>,
    }

    fn asleep(sleeps: &Mutex<Option<Waker>>) -> std::sync::MutexGuard<'_, Option<Waker>> {
        sleeps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    impl Idle {
        fn new() -> Self {
            let sleeps = Arc::<Mutex<Option<Waker>>>::default();
            let told = sleeps.clone();
            let runtime = Builder::new_current_thread()
                .on_thread_park(move || {
                    let waker = asleep(&told).take();
                    waker.into_iter().for_each(Waker::wake);
                })
                .build()
                .unwrap();
            Self { runtime, sleeps }
        }

        /// Ready when the thread has nothing else to do.
        fn comes(&self) -> impl Future<Output = ()> + use<> {
            let sleeps = self.sleeps.clone();
            let mut asked = false;
            poll_fn(move |cx| {
                let mut sleeps = asleep(&sleeps);
                if std::mem::replace(&mut asked, true) && sleeps.is_none() {
                    return Poll::Ready(());
                }
                *sleeps = Some(cx.waker().clone());
                Poll::Pending
            })
        }
    }

    struct CurrentThread(Idle);

    impl Harness for CurrentThread {
        type Spawner = Tokio;
        fn new() -> Self {
            Self(Idle::new())
        }
        fn spawner(&self) -> Tokio {
            Tokio::from(&self.0.runtime)
        }
        fn drive(&self) {
            self.0.runtime.block_on(self.0.comes());
        }
    }

    struct OnLocalSet {
        set: Rc<LocalSet>,
        idle: Idle,
    }

    impl Harness for OnLocalSet {
        type Spawner = TokioLocal<Weak<LocalSet>>;
        fn new() -> Self {
            Self { set: Rc::new(LocalSet::new()), idle: Idle::new() }
        }
        fn spawner(&self) -> Self::Spawner {
            TokioLocal(Rc::downgrade(&self.set))
        }
        fn drive(&self) {
            self.set.block_on(&self.idle.runtime, self.idle.comes());
        }
    }

    mod multi_thread {
        super::conformance!(super::MultiThread, send);
    }
    mod current_thread {
        super::conformance!(super::CurrentThread, send);
    }
    mod local_set {
        super::conformance!(super::OnLocalSet, local);
    }
}

#[cfg(feature = "smol")]
mod smol {
    use std::sync::{Arc, Weak};

    use async_executor::Executor;
    use task_registry::smol::{OnExecutor, Smol};
    use task_registry_conformance::{Harness, conformance};

    struct Global;

    impl Harness for Global {
        type Spawner = Smol;
        const DRIVES_ITSELF: bool = true;
        const MORTAL: bool = false;
        fn new() -> Self {
            Self
        }
        fn spawner(&self) -> Smol {
            Smol
        }
        fn drive(&self) {}
    }

    struct ByReference(&'static Executor<'static>);

    impl Harness for ByReference {
        type Spawner = OnExecutor<&'static Executor<'static>>;
        const MORTAL: bool = false;
        fn new() -> Self {
            Self(super::for_ever(Executor::new()))
        }
        fn spawner(&self) -> Self::Spawner {
            OnExecutor(self.0)
        }
        fn drive(&self) {
            while self.0.try_tick() {}
        }
    }

    struct HeldWeakly(Arc<Executor<'static>>);

    impl Harness for HeldWeakly {
        type Spawner = OnExecutor<Weak<Executor<'static>>>;
        fn new() -> Self {
            Self(Arc::new(Executor::new()))
        }
        fn spawner(&self) -> Self::Spawner {
            OnExecutor(Arc::downgrade(&self.0))
        }
        fn drive(&self) {
            while self.0.try_tick() {}
        }
    }

    mod global {
        super::conformance!(super::Global, immortal send);
    }
    mod executor_by_reference {
        super::conformance!(super::ByReference, immortal send);
    }
    mod executor_held_weakly {
        super::conformance!(super::HeldWeakly, send);
    }
}

#[cfg(feature = "local")]
mod local {
    use std::rc::{Rc, Weak};

    use async_executor::LocalExecutor;
    use task_registry::local::OnLocalExecutor;
    use task_registry_conformance::{Harness, conformance};

    struct ByReference(&'static LocalExecutor<'static>);

    impl Harness for ByReference {
        type Spawner = OnLocalExecutor<&'static LocalExecutor<'static>>;
        const MORTAL: bool = false;
        fn new() -> Self {
            Self(super::for_ever(LocalExecutor::new()))
        }
        fn spawner(&self) -> Self::Spawner {
            OnLocalExecutor(self.0)
        }
        fn drive(&self) {
            while self.0.try_tick() {}
        }
    }

    struct HeldWeakly(Rc<LocalExecutor<'static>>);

    impl Harness for HeldWeakly {
        type Spawner = OnLocalExecutor<Weak<LocalExecutor<'static>>>;
        fn new() -> Self {
            Self(Rc::new(LocalExecutor::new()))
        }
        fn spawner(&self) -> Self::Spawner {
            OnLocalExecutor(Rc::downgrade(&self.0))
        }
        fn drive(&self) {
            while self.0.try_tick() {}
        }
    }

    mod local_executor_by_reference {
        super::conformance!(super::ByReference, immortal local);
    }
    mod local_executor_held_weakly {
        super::conformance!(super::HeldWeakly, local);
    }
}

#[path = "../examples/custom_executor/executor.rs"]
mod custom;

mod custom_executor {
    use std::sync::Arc;

    use task_registry_conformance::{Harness, conformance};

    use crate::custom::{self, Executor, Handle};

    struct Custom(Arc<Executor>);

    impl Harness for Custom {
        type Spawner = Handle;
        const DRIVES_ITSELF: bool = true;
        fn new() -> Self {
            Self(custom::start())
        }
        fn spawner(&self) -> Handle {
            Handle(Arc::downgrade(&self.0))
        }
        fn drive(&self) {}
    }

    conformance!(Custom, send);
}
