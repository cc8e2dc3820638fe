//! What is particular to the browser. What it has in common with other executors is in `laws` and `lifecycle`.
#![cfg(target_family = "wasm")]

use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_lite::future::or;
use gloo_timers::future::sleep;
use task_registry::wasm::{Wasm, monotonic};
use task_registry::{Options, Refusal, Refused, Registry, Spawn, SpawnError, Spawner, State};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// A later turn of the page's event loop: all microtasks have run.
async fn next_turn() {
    sleep(Duration::ZERO).await;
}

#[wasm_bindgen_test]
async fn a_spawn_returns_before_the_first_poll_and_the_page_polls_without_being_awaited() {
    let (tasks, polled) = (Registry::new(Wasm), Rc::new(Cell::new(false)));
    let task = tasks.spawn("a", {
        let polled = polled.clone();
        async move { polled.set(true) }
    });
    let task = task.unwrap();
    assert!(!polled.get());
    assert_eq!(task.state(), State::Queued);
    next_turn().await;
    assert!(polled.get() && task.is_ended());
}

#[wasm_bindgen_test]
async fn a_cancelled_task_is_gone_before_the_next_turn_of_the_event_loop() {
    let tasks = Registry::new(Wasm);
    let owned = Rc::new(());
    let task = tasks.spawn("a", {
        let owned = owned.clone();
        async move {
            let _owned = owned;
            pending::<()>().await;
        }
    });
    next_turn().await;
    assert_eq!(Rc::strong_count(&owned), 2);
    drop(tasks.cancel("a"));
    next_turn().await;
    assert_eq!(Rc::strong_count(&owned), 1);
    assert!(task.unwrap().is_ended());
}

#[wasm_bindgen_test]
async fn the_clock_of_the_page_goes_on_and_times_tasks() {
    let tasks = Registry::with_options(Wasm, Options::new().clock(monotonic));
    let task = tasks.spawn("a", async {
        let start = monotonic();
        assert!(start > Duration::ZERO, "the page was opened before");
        while monotonic() == start {
            next_turn().await;
        }
    });
    let task = task.unwrap();
    task.wait().await;
    let times = task.info().times().expect("there is a clock");
    assert!(times.ended.unwrap() > times.started.unwrap());
    assert!(times.ended.unwrap() <= monotonic());
}

#[wasm_bindgen_test]
async fn a_timer_of_the_page_is_a_deadline() {
    let tasks = Registry::new(Wasm);
    // Nobody polls it.
    let (stuck, _task) = tasks.reserve("stuck").unwrap().track(pending::<()>()).unwrap();
    let report = tasks.shutdown(sleep(Duration::ZERO)).await;
    assert_eq!(report.remaining().len(), 1);
    assert_eq!(report.remaining()[0].name(), Some("stuck"));
    drop(stuck);
}

/// The page, which takes no more than two of three.
#[derive(Clone, Default)]
struct TwoOfThree(Rc<Cell<usize>>);

impl Spawner for TwoOfThree {
    type Handle = <Wasm as Spawner>::Handle;
    type Mode = <Wasm as Spawner>::Mode;
}

impl<F: Future<Output = ()> + 'static> Spawn<F> for TwoOfThree {
    fn spawn(&self, future: F) -> Result<Self::Handle, Refused<F>> {
        self.0.set(self.0.get() + 1);
        if self.0.get() % 3 == 0 {
            return Err(Refused::new(future, Refusal::Full));
        }
        Wasm.spawn(future)
    }
}

#[wasm_bindgen_test]
async fn law_06_every_third_spawn_refused_loses_nothing() {
    let tasks = Registry::new(TwoOfThree::default());
    let (done, mut handles) = (Rc::new(Cell::new(0)), Vec::new());
    for number in 0..300u64 {
        let done = done.clone();
        match tasks.try_spawn(number, async move { done.set(done.get() + 1) }) {
            Ok(handle) => handles.push(handle),
            Err(error) => {
                assert!(matches!(error.kind, SpawnError::Refused(_)));
                assert!(tasks.get(&number.to_string()).is_none(), "it has left its name");
                // It comes back as it was.
                error.into_future().await;
            }
        }
    }
    assert!(handles.len() == 200 && tasks.records() + tasks.live() == 200);
    for handle in handles {
        handle.await.unwrap();
    }
    assert_eq!((done.get(), tasks.live(), tasks.records()), (300, 0, 200));
}

/// Never ready, and never at rest.
struct Busy;

impl Future for Busy {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    }
}

#[wasm_bindgen_test]
async fn law_18_microtasks_alone_leave_timers_no_turn() {
    let tasks = Registry::new(Wasm);
    let busy = tasks.spawn("busy", Busy).unwrap();
    let timer = async {
        next_turn().await;
        "a timer"
    };
    let microtasks = async {
        for _ in 0..1_000 {
            futures_lite::future::yield_now().await;
        }
        "a thousand microtasks"
    };
    assert_eq!(or(timer, microtasks).await, "a thousand microtasks");
    // Who runs as a microtask can still stop it.
    assert!(busy.cancel().await.is_cancelled());
    next_turn().await;
}
