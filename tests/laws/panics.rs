//! Law 14: a panic harms nobody but its own task.

use std::pin::pin;

use task_registry::mode::Carry;
use task_registry::{Options, Outcome, Retain, TaskHandle};

use crate::harness::*;
use crate::kit::*;

fn message(payload: Option<Box<dyn std::any::Any + Send>>) -> &'static str {
    payload
        .expect("the payload goes to the handle")
        .downcast_ref::<&'static str>()
        .expect("as it was thrown")
}

pub(crate) async fn law_14_a_panic_in_poll_goes_to_the_handle<H: Harness>(tasks: Reg<H>) {
    let bystander = hold(&tasks, "bystander").await;
    let task: TaskHandle<u32, _> = tasks.spawn("bad", body(async { blow_up("in poll") })).unwrap();
    match task.wait().await {
        Outcome::Panicked { message } => assert_eq!(message.as_deref(), Some("in poll")),
        other => panic!("{other}"),
    }
    let error = task.await.unwrap_err();
    assert!(error.is_panic() && !error.is_cancelled());
    assert_eq!(message(error.into_panic()), "in poll");
    assert!(tasks.get("bad").unwrap().outcome().unwrap().is_panicked());
    still_works(&tasks, bystander).await;
}

pub(crate) async fn law_14_a_payload_comes_back_as_it_was_thrown<H: Harness>(tasks: Reg<H>) {
    struct Special(u32);
    let task: TaskHandle<(), _> = tasks
        .spawn(
            "bad",
            body(async {
                std::panic::resume_unwind(Box::new(Special(42)));
            }),
        )
        .unwrap();
    assert!(matches!(task.wait().await, Outcome::Panicked { message: None }));
    let payload = task.await.unwrap_err().into_panic().expect("a payload");
    assert_eq!(payload.downcast::<Special>().expect("its own type").0, 42);

    // A long message is bounded in the record, and whole at the handle.
    let long = "x".repeat(1 << 20);
    let thrown = long.clone();
    let task: TaskHandle<(), _> = tasks
        .spawn(
            "long",
            body(async move {
                std::panic::resume_unwind(Box::new(thrown));
            }),
        )
        .unwrap();
    match task.wait().await {
        Outcome::Panicked { message: Some(message) } => assert!(message.as_str().len() <= 1024),
        other => panic!("{other:?}"),
    }
    let payload = task.await.unwrap_err().into_panic().expect("a payload");
    assert_eq!(payload.downcast_ref::<String>(), Some(&long));
}

pub(crate) async fn law_14_a_panic_after_a_yield_and_at_once_are_the_same<H: Harness>(
    tasks: Reg<H>,
) {
    for yields in 0..3 {
        let gone = Flag::default();
        let guard = gone.on_drop();
        let task: TaskHandle<(), _> = tasks
            .spawn(
                "bad",
                body(async move {
                    let _guard = guard;
                    for _ in 0..yields {
                        yield_now().await;
                    }
                    blow_up("late")
                }),
            )
            .unwrap();
        assert!(task.wait().await.is_panicked());
        assert!(gone.is_set());
    }
}

pub(crate) async fn law_14_a_panic_in_the_futures_destructor_is_the_outcome<H: Harness>(
    tasks: Reg<H>,
) {
    // Cancelled before its first poll, after it, dropped by its owner.
    let bystander = hold(&tasks, "bystander").await;
    let bomb = || {
        let bomb = OnDrop::new(|| blow_up("in drop"));
        async move {
            let _bomb = bomb;
            std::future::pending::<()>().await;
        }
    };
    let (future, task) = by_hand(&tasks, "a", bomb());
    drop(task.cancel());
    future.await;
    assert_eq!(message(task.await.unwrap_err().into_panic()), "in drop");

    let (mut future, task) = by_hand(&tasks, "b", bomb());
    assert_pending(poll_once(&mut future.as_mut()));
    drop(task.cancel());
    assert_ready(poll_once(&mut future.as_mut()));
    assert_eq!(message(task.await.unwrap_err().into_panic()), "in drop");

    let task = tasks.spawn("c", body(bomb())).unwrap();
    task.cancel().await;
    assert_eq!(message(task.await.unwrap_err().into_panic()), "in drop");
    still_works(&tasks, bystander).await;
}

pub(crate) async fn law_14_a_panic_while_an_unfinished_future_is_dropped_is_contained<
    H: Harness,
>(
    tasks: Reg<H>,
) {
    let (future, task) = by_hand(&tasks, "a", async {
        let _bomb = OnDrop::new(|| blow_up("in drop"));
        std::future::pending::<()>().await;
    });
    let mut future = future;
    assert_pending(poll_once(&mut future.as_mut()));
    // Whether its owner sees this panic is the owner's affair; the task has ended, and its waiters know.
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(future)));
    let outcome = assert_ready(poll_once(&mut pin!(task.wait())));
    assert!(outcome.is_panicked(), "{outcome}");
    drop(dropped);
    tasks.spawn("a", body(async {})).unwrap().await.unwrap();
}

pub(crate) async fn law_14_a_panic_in_an_outputs_destructor_harms_nobody<H: Harness>(
    tasks: Reg<H>,
) {
    let bystander = hold(&tasks, "bystander").await;
    // Nobody holds the handle: the task drops its output.
    let bomb = OnDrop::new(|| blow_up("in the output"));
    let stalled = stall::<H>(&tasks).await;
    let task = tasks.spawn("a", body(async move { bomb })).unwrap();
    let by_ref = task.task().clone();
    drop(task);
    drop(stalled);
    assert_eq!(by_ref.wait().await, Outcome::Completed);
    still_works(&tasks, bystander).await;
}

pub(crate) async fn law_14_whoever_purges_or_spawns_never_sees_a_kept_outputs_panic<H: Harness>(
    tasks: Reg<H>,
) where
    H::Mode: Carry<OnDrop>,
{
    for way in ["purge", "one", "evict", "last clone"] {
        let other = another(&tasks, Options::new().retain(Retain::Newest(1)));
        let bomb = OnDrop::new(|| blow_up("in a kept output"));
        let kept = other.task("kept").keep_result().spawn(body(async move { bomb })).unwrap();
        let by_ref = kept.task().clone();
        drop(kept);
        assert_eq!(by_ref.wait().await, Outcome::Completed);
        match way {
            "purge" => assert_eq!(other.purge(), 1),
            "one" => assert!(by_ref.purge()),
            "evict" => {
                drop(by_ref);
                other.spawn("next", body(async {})).unwrap().await.unwrap();
                other.spawn("kept", body(async {})).unwrap().await.unwrap();
            }
            _ => drop(other),
        }
    }
    tasks.spawn("a", body(async {})).unwrap().await.unwrap();
}

pub(crate) async fn law_14_a_panicking_waker_harms_no_other_waiter<H: Harness>(tasks: Reg<H>) {
    let bystander = hold(&tasks, "bystander").await;
    let held = hold(&tasks, "a").await;
    let bomb = waker_telling(|call| {
        if call == WakerCall::Wake {
            blow_up("in a waker");
        }
    });
    let (waker, wakes) = counting_waker();
    let woken = Gate::default();
    let last = waker_calling({
        let woken = woken.clone();
        move || woken.open()
    });
    let mut first = pin!(held.task.wait());
    let mut second = pin!(held.task.wait());
    let mut third = pin!(held.task.wait());
    let mut fourth = pin!(held.task.wait());
    assert_pending(poll_with(&mut first, &bomb));
    assert_pending(poll_with(&mut second, &waker));
    assert_pending(poll_with(&mut third, &bomb));
    assert_pending(poll_with(&mut fourth, &last));
    held.finish.open();
    woken.pass().await;
    held.task.wait().await;
    // Woken in whatever order, but each one.
    while wakes.get() == 0 {
        yield_now().await;
    }
    assert_eq!(assert_ready(poll_once(&mut first)), Outcome::Completed);
    assert_eq!(assert_ready(poll_once(&mut second)), Outcome::Completed);
    assert_eq!(
        held.task.outcome(),
        Some(Outcome::Completed),
        "nor is the task called panicked for it"
    );
    still_works(&tasks, bystander).await;
}

pub(crate) async fn law_14_whatever_is_woken_by_an_end_may_panic<H: Harness>(tasks: Reg<H>) {
    // Who awaits the handle, a reference, quiet, the endings, a cancel of all and the shutdown: each waker panics.
    let bomb = || {
        waker_telling(|call| {
            if call == WakerCall::Wake {
                blow_up("in a waker");
            }
        })
    };
    for way in ["polled", "dropped"] {
        let tasks = another(&tasks, Options::new());
        let (mut future, mut handle) = by_hand(&tasks, "a", std::future::pending::<()>());
        let by_ref = handle.task().clone();
        let mut endings = tasks.endings();
        {
            let mut handle = std::pin::Pin::new(&mut handle);
            let mut wait = pin!(by_ref.wait());
            let mut idle = pin!(tasks.wait_idle());
            let mut next = pin!(endings.next_ended());
            let mut all = pin!(tasks.cancel_all());
            let mut shutdown = pin!(tasks.shutdown(std::future::pending::<()>()));
            let (waker, wakes) = counting_waker();
            let mut last = pin!(by_ref.wait());
            assert_pending(poll_with(&mut handle, &bomb()).map(drop));
            assert_pending(poll_with(&mut wait, &bomb()));
            assert_pending(poll_with(&mut idle, &bomb()));
            assert_pending(poll_with(&mut next, &bomb()).map(drop));
            assert_pending(poll_with(&mut all, &bomb()).map(drop));
            assert_pending(poll_with(&mut shutdown, &bomb()).map(drop));
            assert_pending(poll_with(&mut last, &waker));
            // A panic that got out would come out here.
            if way == "polled" {
                assert_ready(poll_once(&mut future.as_mut()));
            }
            drop(future);
            assert_eq!(wakes.get(), 1, "the one that does not panic is woken all the same");
            assert!(assert_ready(poll_once(&mut wait)).is_cancelled());
            assert!(assert_ready(poll_once(&mut shutdown)).is_clean());
        }
        assert!(handle.await.unwrap_err().is_cancelled());
    }
}

pub(crate) async fn law_14_a_panicking_waker_of_the_task_is_not_the_cancellers<H: Harness>(
    tasks: Reg<H>,
) {
    let (mut future, task) = by_hand(&tasks, "a", std::future::pending::<()>());
    let bomb = waker_telling(|call| {
        if call == WakerCall::Wake {
            blow_up("in the task's waker");
        }
    });
    assert_pending(poll_with(&mut future.as_mut(), &bomb));
    drop(task.cancel());
    assert_ready(poll_once(&mut future.as_mut()));
    assert!(task.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_14_a_waker_that_panics_when_cloned_or_dropped_harms_nobody<H: Harness>(
    tasks: Reg<H>,
) {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    for on in [WakerCall::Clone, WakerCall::Drop] {
        // Silent until it is armed, and once only.
        let armed = Flag::default();
        let spent = Flag::default();
        let waker = || {
            let (armed, spent) = (armed.clone(), spent.clone());
            waker_telling(move |call| {
                if call == on && armed.is_set() && !spent.is_set() {
                    spent.set();
                    blow_up("in a waker");
                }
            })
        };
        let bystander = hold(&tasks, "bystander").await;
        let (mut future, task) = by_hand(&tasks, "a", std::future::pending::<()>());
        let (first, second) = (waker(), waker());
        let mut wait = Box::pin(task.wait());
        assert_pending(poll_with(&mut future.as_mut(), &first));
        assert_pending(poll_with(&mut wait.as_mut(), &first));
        armed.set();
        // Whoever brought such a waker may see its panic; nobody else does.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _ = poll_with(&mut future.as_mut(), &second);
        }));
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _ = poll_with(&mut wait.as_mut(), &second);
        }));
        let _ = catch_unwind(AssertUnwindSafe(|| drop((first, second))));
        assert!(spent.is_set());
        drop(future);
        let outcome = task.wait().await;
        assert!(outcome == Outcome::Abandoned || outcome.is_panicked(), "{outcome}");
        assert_eq!(assert_ready(poll_once(&mut wait.as_mut())), outcome);
        still_works(&tasks, bystander).await;
    }
}

pub(crate) async fn law_14_a_payload_that_panics_when_dropped_is_contained<H: Harness>(
    tasks: Reg<H>,
) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                blow_up("in a payload");
            }
        }
    }
    let spawn = || -> TaskHandle<(), _> {
        tasks.spawn("a", body(async { std::panic::resume_unwind(Box::new(Bomb)) })).unwrap()
    };
    // Let go of by the handle, and by the task whose handle is gone.
    let task = spawn();
    assert!(task.wait().await.is_panicked());
    drop(task);
    let task = spawn();
    let by_ref = task.task().clone();
    drop(task);
    assert!(by_ref.wait().await.is_panicked());
    // Given to whoever awaits it, it is his.
    let payload = spawn().await.unwrap_err().into_panic().expect("a payload");
    std::mem::forget(payload);
    tasks.purge();
    let bystander = hold(&tasks, "bystander").await;
    still_works(&tasks, bystander).await;
}

pub(crate) async fn law_14_a_panicking_deadline_or_predicate_poisons_nothing<H: Harness>(
    tasks: Reg<H>,
) {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let held = hold(&tasks, "a").await;
    let thrown =
        catch_unwind(AssertUnwindSafe(|| drop(tasks.cancel_where(|_| blow_up("in a predicate")))));
    assert!(thrown.is_err(), "the predicate is the caller's own code");
    assert_eq!(held.task.state(), task_registry::State::Running);
    let bystander = hold(&tasks, "bystander").await;
    still_works(&tasks, bystander).await;
    let (stuck, stuck_task) = by_hand(&tasks, "stuck", std::future::pending::<()>());
    let mut shutdown =
        Box::pin(tasks.shutdown(std::future::poll_fn(|_| -> std::task::Poll<()> {
            blow_up("in a deadline")
        })));
    let thrown = catch_unwind(AssertUnwindSafe(|| poll_once(&mut shutdown.as_mut()).is_ready()));
    assert!(thrown.is_err(), "so is the deadline");
    drop(shutdown);
    assert!(tasks.is_closed());
    stuck.await;
    assert!(stuck_task.is_ended());
    assert!(tasks.shutdown(std::future::pending::<()>()).await.is_clean());
    assert!(held.task.await.unwrap_err().is_cancelled());
}

pub(crate) async fn law_14_a_thousand_panics_leave_nothing_behind<H: Harness>(tasks: Reg<H>) {
    let tasks = another(&tasks, Options::new().retain(Retain::Nothing));
    for _ in 0..1000 {
        let task: TaskHandle<(), _> = tasks.spawn("bad", body(async { blow_up("again") })).unwrap();
        assert!(task.await.unwrap_err().is_panic());
    }
    assert_eq!((tasks.live(), tasks.len()), (0, 0));
}

async fn still_works<S: Runs<M>, M: task_registry::mode::Mode>(
    tasks: &task_registry::Registry<S, M>,
    bystander: Held<M>,
) {
    assert_eq!(bystander.task.state(), task_registry::State::Running);
    bystander.finish.open();
    bystander.task.await.unwrap();
    assert_eq!(tasks.spawn("next", body(async { 3u32 })).unwrap().await.unwrap(), 3);
    tasks.purge();
    assert!(!tasks.snapshot().to_string().is_empty() || tasks.is_empty());
}
