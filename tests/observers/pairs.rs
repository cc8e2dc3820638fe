//! Of two observers, a panic of one is kept from the other.

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::{Options, Registry};

use super::*;

/// Panics whatever it is told: with the panic it is given, if it is given one.
struct Panics;

impl Observer for Panics {
    fn added(&self, _: &TaskInfo) {
        blow_up("in added");
    }
    fn started(&self, _: &TaskInfo) {
        blow_up("in started");
    }
    fn stopping(&self, _: &TaskInfo, _: Option<&str>) {
        blow_up("in stopping");
    }
    fn ended(&self, _: &TaskInfo, _: &Outcome) {
        blow_up("in ended");
    }
    fn unclaimed_panic(
        &self,
        _: &TaskInfo,
        payload: Box<dyn Any + Send>,
    ) -> Option<Box<dyn Any + Send>> {
        std::panic::resume_unwind(payload)
    }
    fn around_polls(&self, _: &TaskInfo) -> Option<Arc<dyn AroundPoll>> {
        blow_up("in around_polls")
    }
}

/// What `seen` is told of a task that is asked to stop and panics, one that returns, and the panic that nobody takes.
fn told(observer: impl Observer + 'static, seen: &Seen) -> Vec<String> {
    let executor = LocalExecutor::new();
    let options = Options::new().observer(observer);
    let tasks = Registry::with_options(OnLocalExecutor(&executor), options);
    let bomb = PanicsWhenDropped("boom");
    block_on(executor.run(async {
        let task = tasks.spawn("a", async move {
            let _bomb = bomb;
            forever().await;
        });
        yield_now().await;
        task.unwrap().cancel_with("enough").await;
        tasks.wait_idle().await;
    }));
    seen.take()
}

#[test]
fn a_panic_in_one_of_two_observers_loses_no_call_of_the_other() {
    let _watchdog = crate::watchdog::Watchdog::start();
    let expected = [
        "a added, queued",
        "a started, running",
        "a asked: enough",
        "a ended, panicked: boom",
        "a left a panic, boom",
    ];
    let seen = Seen::default();
    assert_eq!(told((seen.clone(), Panics), &seen), expected);
    assert_eq!(told((Panics, seen.clone()), &seen), expected);
    assert_eq!(told((Panics, (Panics, seen.clone())), &seen), expected);
}

#[test]
fn a_panic_in_one_of_two_observers_takes_nothing_from_around_the_others_polls() {
    let _watchdog = crate::watchdog::Watchdog::start();
    let expected =
        ["a entered", "a left", "a entered", "a left", "a ended, panicked: boom", "a let go"];
    let seen = Seen::default();
    assert_eq!(told((Panics, SeenAround(seen.clone())), &seen), expected);
    assert_eq!(told((SeenAround(seen.clone()), Panics), &seen), expected);
}
