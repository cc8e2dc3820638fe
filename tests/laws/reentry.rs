//! Law 9: foreign code runs under no lock, so it may call the registry from anywhere.

use std::pin::pin;

use task_registry::mode::Mode;
use task_registry::{Options, Refused, Registry, Retain, Spawn, Spawner, Tasks, conflict};

use crate::harness::*;
use crate::kit::*;

/// Calls nearly everything there is, and leaves nothing behind.
fn exercise<M: Mode>(tasks: &Tasks<M>) {
    let _ = (
        tasks.len(),
        tasks.live(),
        tasks.records(),
        tasks.is_empty(),
        tasks.is_closed(),
        tasks.counts(),
    );
    let list = tasks.snapshot();
    for task in &*list {
        let _ = task.to_string();
        if let Some(task) = tasks.by_id(task.id()) {
            let _ = (task.to_string(), format!("{task:?}"), task.outcome());
        }
    }
    drop(tasks.get("victim"));
    drop(tasks.cancel("victim"));
    drop(tasks.cancel_where(|task| task.name() == Some("victim")));
    let ticket = tasks.reserve(format_args!("ticket {}", list.len()));
    drop(ticket);
    drop(tasks.endings());
    let _ = poll_once(&mut pin!(tasks.wait_idle()));
    let _ = poll_once(&mut pin!(tasks.wait_for("nobody")));
    tasks.purge();
}

/// The same, and spawns.
fn exercise_all<S: Runs<M>, M: Mode>(registry: &Registry<S, M>) {
    exercise(registry.tasks());
    drop(registry.spawn_unnamed(body(async {})));
    drop(registry.spawn("from a destructor", body(async {})));
}

/// A flag that a destructor sets after it has called the registry.
fn on_drop_exercise<S: Runs<M> + Clone + 'static, M: Mode>(
    registry: &Registry<S, M>,
    done: &Gate,
) -> OnDrop {
    let (registry, done) = (registry.clone(), done.clone());
    OnDrop::new(move || {
        exercise_all(&registry);
        done.open();
    })
}

pub(crate) async fn law_09_a_futures_destructor_may_call_the_registry<H: Harness>(tasks: Reg<H>) {
    for way in ["returns", "cancelled", "cancelled unpolled", "dropped by its owner"] {
        let done = Gate::default();
        let guard = on_drop_exercise(&tasks, &done);
        let (started, finish) = (Gate::default(), Gate::default());
        let future = {
            let (started, finish) = (started.clone(), finish.clone());
            async move {
                let _guard = guard;
                started.open();
                finish.pass().await;
            }
        };
        hold(&tasks, "victim").await;
        match way {
            "returns" => {
                finish.open();
                tasks.spawn("a", body(future)).unwrap().await.unwrap();
            }
            "cancelled" => {
                let task = tasks.spawn("a", body(future)).unwrap();
                started.pass().await;
                assert!(task.cancel().await.is_cancelled());
            }
            "cancelled unpolled" => {
                let stalled = stall::<H>(&tasks).await;
                let end = tasks.spawn("a", body(future)).unwrap().cancel();
                drop(stalled);
                assert!(end.await.is_cancelled());
            }
            _ => {
                let (future, task) = by_hand(&tasks, "a", future);
                drop(future);
                task.await.unwrap_err();
            }
        }
        assert!(done.is_open(), "{way}");
        tasks.wait_idle().await;
    }
}

pub(crate) async fn law_09_an_outputs_destructor_may_call_the_registry<H: Harness>(tasks: Reg<H>) {
    // The handle is gone before the end: the output is dropped by the task.
    let done = Gate::default();
    let output = on_drop_exercise(&tasks, &done);
    drop(tasks.spawn("a", body(async move { output })).unwrap());
    done.pass().await;

    // The handle goes after the end: the output goes with it.
    let done = Gate::default();
    let output = on_drop_exercise(&tasks, &done);
    let task = tasks.spawn("b", body(async move { output })).unwrap();
    task.wait().await;
    assert!(!done.is_open(), "an output is kept while its handle lives");
    drop(task);
    assert!(done.is_open());

    // The same after its record was purged.
    let done = Gate::default();
    let output = on_drop_exercise(&tasks, &done);
    let task = tasks.spawn("c", body(async move { output })).unwrap();
    task.wait().await;
    tasks.purge();
    drop(task);
    assert!(done.is_open());
    tasks.wait_idle().await;
}

pub(crate) async fn law_09_a_kept_outputs_destructor_may_call_the_registry<H: Harness>(
    tasks: Reg<H>,
) where
    H::Mode: task_registry::mode::Carry<OnDrop>,
{
    // Purge, purge of one, eviction and the end of the registry each drop a kept output.
    for way in ["purge", "one", "evict", "registry"] {
        let other = another(&tasks, Options::new().retain(Retain::Newest(1)));
        let done = Gate::default();
        let output = on_drop_exercise(&tasks, &done);
        let kept = other.task("kept").keep_result().spawn(body(async move { output })).unwrap();
        let by_ref = kept.task().clone();
        drop(kept);
        by_ref.wait().await;
        assert!(!done.is_open(), "it is kept");
        match way {
            "purge" => drop(other.purge()),
            "one" => assert!(by_ref.purge()),
            "evict" => other.spawn("next", body(async {})).unwrap().await.unwrap(),
            _ => drop(other),
        }
        drop(by_ref);
        done.pass().await;
    }
    tasks.wait_idle().await;
}

pub(crate) async fn law_09_a_waker_may_call_the_registry<H: Harness>(tasks: Reg<H>) {
    for on in [WakerCall::Clone, WakerCall::Wake, WakerCall::Drop] {
        let called = Gate::default();
        let waker = waker_telling({
            let (tasks, called) = (tasks.clone(), called.clone());
            move |call| {
                if call == on {
                    exercise_all(&tasks);
                    called.open();
                }
            }
        });
        // Not waited for: a call of the waker that is still under way may stop it at any time.
        let victim = tasks.task("victim").on_conflict(conflict::Replace);
        let victim = victim.spawn(body(std::future::pending::<()>())).unwrap();
        let other = hold(&tasks, "other").await;
        let mut wait = pin!(other.task.wait());
        let mut end = pin!(other.task.cancel());
        let mut all = pin!(tasks.cancel_where(|task| task.name() == Some("other")));
        let mut idle = pin!(tasks.wait_idle());
        let mut appears = pin!(tasks.wait_for("appears"));
        let mut endings = tasks.endings();
        let mut shutdown =
            pin!(another(&tasks, Options::new()).shutdown(std::future::pending::<()>()));
        let _ = poll_with(&mut wait, &waker);
        let _ = poll_with(&mut end, &waker);
        let _ = poll_with(&mut all, &waker);
        let _ = poll_with(&mut idle, &waker);
        let _ = poll_with(&mut appears, &waker);
        let _ = poll_with(&mut pin!(endings.next_ended()), &waker);
        let _ = poll_with(&mut shutdown, &waker);
        // A second waker drops the first one's clone where it was stored.
        let _ = poll_once(&mut wait);
        let _ = poll_with(&mut wait, &waker);
        drop(waker);
        tasks.spawn("appears", body(async {})).unwrap().await.unwrap();
        assert!(victim.cancel().await.is_cancelled());
        assert!(other.task.await.unwrap_err().is_cancelled());
        called.pass().await;
    }
    tasks.wait_idle().await;
}

pub(crate) async fn law_09_a_destructor_or_a_waker_may_shut_the_registry_down<H: Harness>(
    tasks: Reg<H>,
) {
    for by_waker in [false, true] {
        let tasks = another(&tasks, Options::new());
        let other = hold(&tasks, "other").await;
        let close = {
            let tasks = tasks.tasks().clone();
            move || drop(tasks.shutdown(std::future::pending::<()>()))
        };
        let (mut future, task) = by_hand(&tasks, "a", {
            let guard = (!by_waker).then(|| OnDrop::new(close.clone()));
            async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            }
        });
        let mut wait = pin!(task.wait());
        if by_waker {
            assert_pending(poll_with(&mut wait, &waker_calling(close)));
        }
        assert_pending(poll_once(&mut future.as_mut()));
        drop(future);
        assert!(tasks.is_closed());
        assert!(task.is_ended());
        assert!(other.task.await.unwrap_err().is_cancelled());
        assert!(tasks.shutdown(std::future::pending::<()>()).await.is_clean());
    }
}

pub(crate) async fn law_09_a_tasks_own_waker_may_call_the_registry<H: Harness>(tasks: Reg<H>) {
    for on in [WakerCall::Clone, WakerCall::Wake, WakerCall::Drop] {
        let called = Flag::default();
        let (mut future, task) = by_hand(&tasks, "a", std::future::pending::<()>());
        let waker = waker_telling({
            let (tasks, called) = (tasks.clone(), called.clone());
            move |call| {
                if call == on {
                    exercise_all(&tasks);
                    called.set();
                }
            }
        });
        // Stored, replaced by another one, stored again, woken by the cancel, dropped with the task.
        assert_pending(poll_with(&mut future.as_mut(), &waker));
        assert_pending(poll_once(&mut future.as_mut()));
        assert_pending(poll_with(&mut future.as_mut(), &waker));
        drop(task.cancel());
        assert_ready(poll_with(&mut future.as_mut(), &waker));
        drop((future, waker));
        assert!(called.is_set(), "{on:?}");
        assert!(task.outcome().unwrap().is_cancelled());
    }
    tasks.wait_idle().await;
}

pub(crate) async fn law_09_a_predicate_or_a_name_may_call_the_registry<H: Harness>(tasks: Reg<H>) {
    /// Calls the registry while it is turned into a name, or printed into one.
    struct Nosy<'a, M: Mode>(&'a Tasks<M>);
    impl<M: Mode> From<Nosy<'_, M>> for task_registry::Text {
        fn from(nosy: Nosy<'_, M>) -> Self {
            exercise(nosy.0);
            "nosy".into()
        }
    }
    impl<M: Mode> std::fmt::Display for Nosy<'_, M> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            exercise(self.0);
            f.write_str("printed")
        }
    }
    hold(&tasks, "a").await;
    hold(&tasks, "b").await;
    let ends = tasks.cancel_where(|task| {
        exercise_all(&tasks);
        task.name() == Some("a")
    });
    assert_eq!(ends.len(), 1);
    ends.await;
    tasks.spawn(Nosy(&tasks), body(async {})).unwrap().await.unwrap();
    assert!(tasks.get("nosy").is_some());
    tasks.spawn(format_args!("{}", Nosy(&tasks)), body(async {})).unwrap().await.unwrap();
    assert!(tasks.get("printed").is_some());
    tasks.cancel_all().await;
}

pub(crate) async fn law_09_a_deadline_may_call_the_registry<H: Harness>(tasks: Reg<H>) {
    /// Calls the registry when it is polled and when it is dropped.
    struct Deadline<S: Runs<M>, M: Mode>(Registry<S, M>, Gate, bool);
    impl<S: Runs<M>, M: Mode> Future for Deadline<S, M> {
        type Output = ();
        fn poll(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<()> {
            exercise_all(&self.0);
            if std::mem::replace(&mut self.2, true) {
                return std::task::Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        }
    }
    impl<S: Runs<M>, M: Mode> Drop for Deadline<S, M> {
        fn drop(&mut self) {
            exercise_all(&self.0);
            self.1.open();
        }
    }
    impl<S: Runs<M>, M: Mode> Unpin for Deadline<S, M> {}

    let (stuck, _stuck_task) = by_hand(&tasks, "stuck", std::future::pending::<()>());
    let dropped = Gate::default();
    let registry = Registry::with_tasks(tasks.spawner().clone(), tasks.tasks().clone());
    let report = tasks.shutdown(Deadline(registry, dropped.clone(), false)).await;
    assert_eq!(report.remaining().len(), 1);
    assert!(dropped.is_open());
    drop(stuck);
}

/// A spawner that looks at the registry while it spawns, and may run the future at once.
#[derive(Clone)]
struct NosySpawner<S, M: Mode> {
    inner: S,
    tasks: Tasks<M>,
    polls_inline: bool,
    refuses: bool,
}

impl<S: Spawner, M: Mode> Spawner for NosySpawner<S, M> {
    type Handle = ();
    type Mode = M;
}

impl<S: Spawn<Tracked<M>>, M: Mode> Spawn<Tracked<M>> for NosySpawner<S, M> {
    fn spawn(&self, future: Tracked<M>) -> Result<(), Refused<Tracked<M>>> {
        exercise(&self.tasks);
        if self.refuses {
            return Err(Refused::gone(future));
        }
        if self.polls_inline {
            let mut future = Box::pin(future);
            assert_ready(poll_once(&mut future.as_mut()));
            return Ok(());
        }
        let handle = self.inner.spawn(future)?;
        task_registry::JoinHandle::detach(handle);
        Ok(())
    }
}

type Tracked<M> = task_registry::Tracked<Body<()>, M>;

pub(crate) async fn law_09_a_spawner_may_call_the_registry<H: Harness>(tasks: Reg<H>) {
    for (polls_inline, refuses) in [(false, false), (true, false), (false, true)] {
        let inner = Tasks::<H::Mode>::new(Options::new());
        let spawner = NosySpawner {
            inner: tasks.spawner().clone(),
            tasks: inner.clone(),
            polls_inline,
            refuses,
        };
        let nosy = Registry::with_tasks(spawner, inner);
        let spawned = nosy.spawn(
            "a",
            body({
                let tasks = nosy.tasks().clone();
                async move { exercise(&tasks) }
            }),
        );
        match spawned {
            Ok(task) => task.await.unwrap(),
            Err(error) => {
                assert!(refuses, "{error}");
                assert_eq!(nosy.live(), 0);
            }
        }
    }
}

pub(crate) async fn law_09_a_refused_futures_destructor_may_call_the_registry<H: Harness>(
    tasks: Reg<H>,
) {
    hold(&tasks, "a").await;
    let done = Gate::default();
    let guard = on_drop_exercise(&tasks, &done);
    tasks.spawn("a", body(async move { drop(guard) })).unwrap_err();
    assert!(done.is_open());
    tasks.cancel_all().await;
}
