//! What may cross threads and what may move, and what must not: both are checked, for a change of either is breaking.

use std::cell::Cell;
use std::marker::PhantomPinned;
use std::rc::Rc;

use task_registry::mode::{Sync as Shared, Unsync};
use task_registry::*;

/// Holds for types that have all of the traits.
macro_rules! is {
    ($($type:ty: $($trait:ident)+;)+) => {
        const _: () = {
            $($({
                const fn check<T: ?Sized + $trait>() {}
                check::<$type>();
            })+)+
        };
    };
}

/// Holds for types that have none of the traits: with one of them, which `Ambiguous` is meant could not be said.
macro_rules! is_not {
    ($($type:ty: $($trait:ident)+;)+) => {
        const _: () = {
            $($({
                struct Has;
                trait Ambiguous<A> {
                    fn check() {}
                }
                impl<T: ?Sized> Ambiguous<()> for T {}
                impl<T: ?Sized + $trait> Ambiguous<Has> for T {}
                let _ = <$type as Ambiguous<_>>::check;
            })+)+
        };
    };
}

type Local = Rc<Cell<u32>>;
type OnlySend = Cell<u32>;
type Ready = std::future::Ready<u32>;

// Plain data.
is! {
    TaskId: Send Sync Unpin Copy;
    State: Send Sync Unpin Copy;
    Outcome: Send Sync Unpin Clone;
    Text: Send Sync Unpin Clone;
    TaskInfo: Send Sync Unpin Clone;
    TaskEnd: Send Sync Unpin Clone;
    Snapshot: Send Sync Unpin;
    Counts: Send Sync Unpin Copy;
    Times: Send Sync Unpin Copy;
    Options: Send Sync Unpin Clone;
    Retain: Send Sync Unpin Copy;
    Cancel: Send Sync Unpin Clone;
    Lagged: Send Sync Unpin Copy;
    ShutdownReport: Send Sync Unpin;
    Refusal: Send Sync Unpin Copy;
    RestartError: Send Sync Unpin Copy;
    // Errors go through `?` into `Box<dyn Error + Send + Sync>`.
    SpawnError: Send Sync Unpin Copy;
    JoinError: Send Sync Unpin;
    TakeError: Send Sync Unpin;
    TrySpawnError<Ready>: Send Sync Unpin;
    Refused<Ready>: Send Sync Unpin;
}
is_not! {
    TrySpawnError<Local>: Send Sync;
    TrySpawnError<PhantomPinned>: Unpin;
    Refused<Local>: Send Sync;
}

// A table for all threads: what leads to it goes anywhere.
is! {
    Tasks<Shared>: Send Sync Unpin Clone;
    TaskRef<Shared>: Send Sync Unpin Clone;
    TaskHandle<u32, Shared>: Send Sync Unpin;
    TaskHandle<PhantomPinned, Shared>: Unpin;
    Ticket<Shared>: Send Sync Unpin;
    DropGuard<Shared>: Send Sync Unpin;
    TasksGuard<Shared>: Send Sync Unpin;
    Wait<Shared>: Send Sync;
    Cancelling<Shared>: Send Sync;
    CancellingAll<Shared>: Send Sync;
    WaitIdle<Shared>: Send Sync;
    WaitFor<Shared>: Send Sync;
    Endings<Shared>: Send Sync;
    Shutdown<Ready, Shared>: Send;
    Tracked<Ready, Shared>: Send;
    Run<Ready, Shared>: Send;
    Spawned<u32, Shared>: Send Sync;
}
is_not! {
    // The output is handed over by the handle, the deadline is polled by the shutdown, the future by the wrapper.
    TaskHandle<Local, Shared>: Send Sync;
    Shutdown<Local, Shared>: Send Sync;
    Tracked<NotSend, Shared>: Send Sync;
    Run<NotSend, Shared>: Send Sync;
    // Its places in lists are pointed to.
    Wait<Shared>: Unpin;
    Cancelling<Shared>: Unpin;
}
is! {
    // Moving an output that is `Send` alone is all that a handle does.
    TaskHandle<OnlySend, Shared>: Send;
}

// A table for one thread: nothing of it leaves.
is! {
    Tasks<Unsync>: Unpin Clone;
    TaskRef<Unsync>: Unpin Clone;
    TaskHandle<Local, Unsync>: Unpin;
    Ticket<Unsync>: Unpin;
}
is_not! {
    Tasks<Unsync>: Send Sync;
    TaskRef<Unsync>: Send Sync;
    TaskHandle<u32, Unsync>: Send Sync;
    Ticket<Unsync>: Send Sync;
    DropGuard<Unsync>: Send Sync;
    TasksGuard<Unsync>: Send Sync;
    Wait<Unsync>: Send Sync Unpin;
    Cancelling<Unsync>: Send Sync Unpin;
    CancellingAll<Unsync>: Send Sync;
    WaitIdle<Unsync>: Send Sync;
    WaitFor<Unsync>: Send Sync;
    Endings<Unsync>: Send Sync;
    Shutdown<Ready, Unsync>: Send Sync;
    Tracked<Ready, Unsync>: Send Sync;
    Run<Ready, Unsync>: Send Sync;
}

// Tables of fixed size: as their mode.
is! {
    StaticRegistry<Shared, 4>: Send Sync;
    StaticTasks<Shared>: Send Sync Unpin Copy;
    StaticTask<Shared>: Send Sync Unpin Clone;
    StaticTicket<Shared>: Send Sync Unpin;
    StaticRun<Ready, Shared>: Send;
    StaticReport<Shared>: Send Sync Unpin;
    ResultCell<Shared, OnlySend>: Send Sync;
    StaticOutcome: Send Sync Unpin Copy;
}
is_not! {
    StaticRun<NotSend, Shared>: Send Sync;
    StaticIdle<Shared>: Unpin;
    ResultCell<Shared, Local>: Send Sync;
    StaticRegistry<Unsync, 4>: Sync;
    StaticTasks<Unsync>: Send Sync;
    StaticTask<Unsync>: Send Sync;
    StaticTicket<Unsync>: Send Sync;
    StaticRun<Ready, Unsync>: Send Sync;
    ResultCell<Unsync, u32>: Sync;
}

/// A future that stays on its thread.
struct NotSend(#[expect(dead_code)] Local);

impl std::future::Future for NotSend {
    type Output = ();
    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        std::task::Poll::Ready(())
    }
}

// What tasks are given, carry and belong to.
mod lifecycle {
    use super::*;
    use task_registry::bound::{AnyThread, OneThread};
    use task_registry::given::{AppAlone, AppAndRegistry};

    type Done = std::future::Ready<()>;
    type Make = fn() -> Done;
    type MakeOfEnd = fn(Outcome) -> Done;

    is! {
        // A context goes wherever its value and its table may.
        Cx<u32, Shared>: Send Sync Unpin Clone;
        Cx<OnlySend, Shared>: Send;
        Cx<Local, Unsync>: Unpin Clone;
        Cancelled<Shared>: Send Sync;
        Started<Shared>: Send Sync;
        Shield<Done, Shared>: Send;
        WaitsForItself: Send Sync Unpin Copy;
        Cleanup: Send Sync Unpin Copy;
        // Terms are in the wrapper: they are what their futures and functions are.
        Tracked<Done, Shared, Graced<(), Make, Done>>: Send;
        Tracked<Done, Shared, Timed<(), Done>>: Send;
        Tracked<Done, Shared, Cleaned<(), MakeOfEnd, Make, Done>>: Send;
        Tracked<std::future::Ready<Result<u32, String>>, Shared, Fallible<()>>: Send;
        // Scopes and stages.
        Scope<Shared>: Send Sync Unpin Clone;
        Scope<Unsync>: Unpin Clone;
        ScopeIdle<Shared>: Send Sync;
        StagedShutdown<Done, fn(i64) -> Done, Done, Shared>: Send;
        // A plan goes to every worker, whatever its futures are.
        Plan<u32, Shared>: Send Sync Unpin;
        Plan<u32, Shared, OneThread>: Send Sync Unpin;
        Plan<Local, Shared>: Send Sync Unpin;
        PlannedTask<Shared>: Send Sync Unpin;
        InTask<u32, Shared, AnyThread>: Send Unpin;
        // Observers are shared by whoever changes a task.
        TrackCurrent: Send Sync Unpin Copy;
        CurrentTask: Send Sync Unpin Clone;
        dyn Observer: Send Sync;
        dyn AroundPoll: Send Sync;
        // Workers: from any thread.
        WorkersHandle: Send Sync Unpin Clone;
        Running: Send Sync Unpin;
        WorkersReport: Send Sync Unpin Clone;
        WorkerReport: Send Sync Unpin Clone;
        WorkersSnapshot: Send Sync Unpin Clone;
        WorkersShutdown<Done>: Send;
        StartError: Send Sync Unpin;
    }
    is_not! {
        Cx<Local, Shared>: Send Sync;
        Cx<u32, Unsync>: Send Sync;
        Cx<OnlySend, Shared>: Sync;
        Cancelled<Unsync>: Send Sync;
        Cancelled<Shared>: Unpin;
        Started<Unsync>: Send Sync;
        Started<Shared>: Unpin;
        Shield<NotSend, Shared>: Send Sync;
        Shield<Done, Unsync>: Send Sync;
        Tracked<Done, Shared, Timed<(), NotSend>>: Send Sync;
        Tracked<Done, Shared, Graced<(), fn() -> NotSend, NotSend>>: Send Sync;
        Tracked<Done, Shared, Cleaned<(), fn(Outcome) -> NotSend, Make, Done>>: Send Sync;
        Tracked<Done, Unsync, Timed<(), Done>>: Send Sync;
        Scope<Unsync>: Send Sync;
        ScopeIdle<Unsync>: Send Sync;
        ScopeIdle<Shared>: Unpin;
        StagedShutdown<Done, fn(i64) -> Done, Done, Unsync>: Send Sync;
        Plan<u32, Unsync>: Sync;
        PlannedTask<Unsync>: Send Sync;
        // The future that it became stays where it was made.
        InTask<u32, Shared, OneThread>: Send Sync;
        WorkersShutdown<NotSend>: Send Sync;
    }

    #[cfg(feature = "tokio")]
    mod with_the_registry {
        use super::*;
        use ::tokio::task::LocalSet;
        use task_registry::tokio::{Tokio, TokioLocal};

        type Here = TokioLocal<&'static LocalSet>;

        is! {
            WithContext<'static, Tokio, Shared, u32, AppAlone>: Send Sync Unpin;
            WithContext<'static, Tokio, Shared, u32, AppAndRegistry>: Send Sync Unpin;
            WithRegistry<u32, Tokio, Shared>: Send Sync Unpin Clone;
            WorkerCx<u32, Tokio>: Send Sync Unpin;
        }
        is_not! {
            WithContext<'static, Here, Unsync, u32, AppAlone>: Send Sync;
            WithRegistry<u32, Here, Shared>: Send Sync;
            WithRegistry<Local, Tokio, Shared>: Send Sync;
            // A worker's main future and its registry stay on its thread.
            WorkerCx<u32, Here>: Send Sync;
        }
    }
}

#[cfg(feature = "tokio")]
mod with_tokio {
    use super::{Shared, Unsync};
    use task_registry::Registry;
    use task_registry::tokio::{Tokio, TokioLocal};
    use tokio::task::LocalSet;

    is! {
        Tokio: Send Sync Unpin Clone;
        Registry<Tokio>: Send Sync Unpin Clone;
        Registry<Tokio, Shared>: Send Sync Unpin Clone;
        TokioLocal<&'static LocalSet>: Clone;
        Registry<TokioLocal<&'static LocalSet>>: Clone;
    }
    is_not! {
        TokioLocal<&'static LocalSet>: Send Sync;
        Registry<TokioLocal<&'static LocalSet>>: Send Sync;
        // Futures stay here even when names travel.
        Registry<TokioLocal<&'static LocalSet>, Shared>: Send Sync;
        Registry<TokioLocal<&'static LocalSet>, Unsync>: Send Sync;
    }
}

#[cfg(feature = "smol")]
mod with_smol {
    use async_executor::Executor;
    use task_registry::Registry;
    use task_registry::smol::{OnExecutor, Smol};

    is! {
        Smol: Send Sync Unpin Clone;
        Registry<Smol>: Send Sync Unpin Clone;
        OnExecutor<&'static Executor<'static>>: Send Sync Clone;
        Registry<OnExecutor<&'static Executor<'static>>>: Send Sync Clone;
    }
}

#[cfg(feature = "local")]
mod with_local {
    use super::Shared;
    use async_executor::LocalExecutor;
    use task_registry::Registry;
    use task_registry::local::OnLocalExecutor;

    is! {
        OnLocalExecutor<&'static LocalExecutor<'static>>: Clone;
        Registry<OnLocalExecutor<&'static LocalExecutor<'static>>>: Clone;
    }
    is_not! {
        OnLocalExecutor<&'static LocalExecutor<'static>>: Send Sync;
        Registry<OnLocalExecutor<&'static LocalExecutor<'static>>>: Send Sync;
        Registry<OnLocalExecutor<&'static LocalExecutor<'static>>, Shared>: Send Sync;
    }
}

#[cfg(feature = "wasm")]
mod with_wasm {
    use super::Shared;
    use task_registry::Registry;
    use task_registry::wasm::Wasm;

    is! {
        Wasm: Send Sync Unpin Copy;
        Registry<Wasm>: Unpin Clone;
        // Whoever spawns through it spawns on their own thread's queue.
        Registry<Wasm, Shared>: Send Sync Unpin Clone;
    }
    is_not! {
        Registry<Wasm>: Send Sync;
    }
}

#[test]
fn what_may_cross_threads_is_checked_when_this_file_compiles() {}

// Tables of fixed size, for threads and for one.
mod fixed {
    use super::*;
    use task_registry::mode::Fixed;

    type Ready = std::future::Ready<()>;

    is! {
        StaticRegistry<Shared, 2>: Send Sync;
        StaticTasks<Shared>: Send Sync Unpin Copy;
        StaticTask<Shared>: Send Sync Unpin Clone;
        StaticTicket<Shared>: Send Sync Unpin;
        StaticIdle<Shared>: Send Sync;
        StaticRun<Ready, Shared>: Send;
        ResultCell<Shared, OnlySend>: Send Sync;
    }
    is_not! {
        StaticRun<std::future::Ready<Local>, Shared>: Send;
        ResultCell<Shared, Local>: Send Sync;
        StaticRegistry<Unsync, 2>: Sync;
        StaticTasks<Unsync>: Send Sync;
        StaticTask<Unsync>: Send Sync;
        StaticTicket<Unsync>: Send Sync;
        StaticIdle<Unsync>: Send Sync;
        StaticIter<Unsync>: Send Sync;
        StaticReport<Unsync>: Send Sync;
        StaticRun<Ready, Unsync>: Send Sync;
        StaticShutdown<Unsync, Ready>: Send Sync;
        Wait<Fixed<Unsync>>: Send Sync;
        Cancelling<Fixed<Unsync>>: Send Sync;
        DropGuard<Fixed<Unsync>>: Send Sync;
        Tracked<Ready, Fixed<Unsync>>: Send Sync;
        ResultCell<Unsync, u8>: Sync;
    }
}
