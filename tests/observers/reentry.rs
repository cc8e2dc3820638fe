//! Observers that call the registry, that panic, that are raced (laws 9, 14).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, OnceLock};

use task_registry::conflict::Replace;
use task_registry::local::OnLocalExecutor;
use task_registry::tokio::Tokio;
use task_registry::{Options, Registry, Retain, State, TaskId, Tasks, mode};

use super::*;

/// Uses the table in every call, but about what it adds itself.
#[derive(Default)]
struct Nosy {
    tasks: OnceLock<Tasks<mode::Sync>>,
    calls: AtomicUsize,
}

impl Nosy {
    fn meddle(&self, task: &TaskInfo, state: State) {
        let Some(tasks) = self.tasks.get() else { return };
        if task.name() == Some("mine") {
            return;
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        let found = tasks.get(name(task)).expect("it lives until this call is over");
        assert_eq!(found.id(), task.id());
        assert_eq!(found.state(), state);
        assert_eq!(tasks.by_id(task.id()).map(|task| task.outcome()), Some(None));
        assert!(tasks.reserve(name(task).to_owned()).is_err(), "its name is taken");
        drop(tasks.reserve("mine").unwrap());
        assert_eq!(tasks.snapshot().iter().filter(|task| task.name() == Some("a")).count(), 1);
        assert!(tasks.counts().running <= 1);
        drop(tasks.cancel_where(|_| false));
        tasks.purge();
        drop(tasks.endings());
        drop((tasks.wait_idle(), tasks.wait_for("a"), found.wait()));
    }
}

impl Observer for Nosy {
    fn added(&self, task: &TaskInfo) {
        self.meddle(task, State::Queued);
    }
    fn started(&self, task: &TaskInfo) {
        self.meddle(task, State::Running);
        if let Some(tasks) = self.tasks.get() {
            drop(tasks.cancel(name(task)));
        }
    }
    fn stopping(&self, task: &TaskInfo, _: Option<&str>) {
        self.meddle(task, State::Stopping);
    }
    fn ended(&self, task: &TaskInfo, _: &Outcome) {
        self.meddle(task, State::Stopping);
    }
}

/// An observer that has its registry keeps that, and is kept by it: reachable, so that leak checkers are content.
fn kept<T: Send + Sync + 'static>(observer: T) -> Arc<T> {
    static KEPT: Mutex<Vec<Arc<dyn Any + Send + Sync>>> = Mutex::new(Vec::new());
    let observer = Arc::new(observer);
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(observer.clone());
    observer
}

fn nosy() -> (Arc<Nosy>, Tasks<mode::Sync>) {
    let nosy = kept(Nosy::default());
    let tasks = Tasks::new(Options::new().observer(nosy.clone()));
    assert!(nosy.tasks.set(tasks.clone()).is_ok());
    (nosy, tasks)
}

#[test]
fn law_09_an_observer_may_use_the_registry_on_tokio() {
    let _watchdog = crate::watchdog::Watchdog::start();
    let (nosy, tasks) = nosy();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let tasks = Registry::with_tasks(Tokio::current(), tasks);
        let end = tasks.spawn("a", forever()).unwrap().await;
        assert!(end.unwrap_err().is_cancelled(), "its observer cancelled it when it started");
    });
    assert_eq!(nosy.calls.load(Ordering::Relaxed), 4);
}

#[test]
fn law_09_an_observer_may_use_the_registry_on_a_local_executor() {
    let _watchdog = crate::watchdog::Watchdog::start();
    let (nosy, tasks) = nosy();
    let executor = async_executor::LocalExecutor::new();
    let tasks = Registry::with_tasks(OnLocalExecutor(&executor), tasks);
    let task = tasks.spawn("a", forever()).unwrap();
    let end = futures_lite::future::block_on(executor.run(task));
    assert!(end.unwrap_err().is_cancelled());
    assert_eq!(nosy.calls.load(Ordering::Relaxed), 4);
}

/// Spawns a task anew, up to three times, when it ends.
#[derive(Default)]
struct Again {
    tasks: OnceLock<Registry<Tokio>>,
    times: AtomicUsize,
}

impl Observer for Again {
    fn ended(&self, task: &TaskInfo, _: &Outcome) {
        let Some(tasks) = self.tasks.get() else { return };
        if self.times.fetch_add(1, Ordering::Relaxed) < 3 {
            tasks.spawn(name(task).to_owned(), async {}).expect_err("the name is still taken");
            let again = tasks.task(name(task).to_owned()).on_conflict(Replace);
            assert_eq!(again.spawn(async {}).unwrap().state(), State::Queued);
        }
    }
}

#[test]
fn law_09_a_successor_spawned_by_the_observer_of_an_end_starts_after_it() {
    let _watchdog = crate::watchdog::Watchdog::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (again, seen) = (kept(Again::default()), Seen::default());
    runtime.block_on(async {
        let options = Options::new().observer((seen.clone(), again.clone()));
        let tasks = Registry::with_options(Tokio::current(), options);
        assert!(again.tasks.set(tasks.clone()).is_ok());
        tasks.spawn("a", async {}).unwrap();
        tasks.wait_idle().await;
    });
    let seen = seen.take();
    let ends = |seen: &[String]| seen.iter().filter(|line| line.contains("ended")).count();
    assert_eq!(ends(&seen), 4);
    let starts = seen.iter().enumerate().filter(|(_, line)| line.contains("started"));
    for (nth, (at, _)) in starts.enumerate() {
        assert_eq!(ends(&seen[..at]), nth, "it starts when as many have ended: {seen:?}");
    }
}

/// Panics at every turn.
struct Panicking;

impl Observer for Panicking {
    fn added(&self, _: &TaskInfo) {
        blow_up("added");
    }
    fn started(&self, _: &TaskInfo) {
        blow_up("started");
    }
    fn stopping(&self, _: &TaskInfo, _: Option<&str>) {
        blow_up("stopping");
    }
    fn ended(&self, _: &TaskInfo, _: &Outcome) {
        blow_up("ended");
    }
    fn unclaimed_panic(&self, _: &TaskInfo, _: Box<dyn Any + Send>) -> Option<Box<dyn Any + Send>> {
        blow_up("unclaimed");
    }
    fn around_polls(&self, task: &TaskInfo) -> Option<Arc<dyn AroundPoll>> {
        if task.name() == Some("around") {
            blow_up("around");
        }
        Some(Arc::new(Panicking))
    }
}

impl AroundPoll for Panicking {
    fn enter(&self) {
        blow_up("enter");
    }
    fn exit(&self) {
        blow_up("exit");
    }
}

impl Drop for Panicking {
    fn drop(&mut self) {
        blow_up("dropped");
    }
}

fn panicking() -> Options {
    Options::new().observer(Panicking)
}

/// The same on both, and the other of a pair hears all of it.
macro_rules! harms_nobody {
    ($tasks:ident) => {
        assert_eq!($tasks.spawn("a", async { 7 }).unwrap().await.unwrap(), 7);
        assert_eq!($tasks.spawn("around", async { 8 }).unwrap().await.unwrap(), 8);
        let task = $tasks.spawn("b", forever()).unwrap();
        yield_now().await;
        assert!(task.cancel().await.is_cancelled());
        let error = $tasks.spawn("c", async { blow_up("boom") }).unwrap().await.unwrap_err();
        assert_eq!(error.into_panic().unwrap().downcast_ref::<&str>(), Some(&"boom"));
        drop($tasks.spawn("d", async { blow_up("boom") }).unwrap());
        drop($tasks.reserve("e").unwrap());
        $tasks.wait_idle().await;
        assert_eq!($tasks.purge(), 5);
        assert!($tasks.shutdown(forever()).await.is_clean());
    };
}

#[test]
fn law_14_an_observer_that_panics_harms_nobody_on_tokio() {
    let _watchdog = crate::watchdog::Watchdog::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let tasks = Registry::with_options(Tokio::current(), panicking());
        harms_nobody!(tasks);
    });
}

#[test]
fn law_14_an_observer_that_panics_harms_nobody_on_a_local_executor() {
    let _watchdog = crate::watchdog::Watchdog::start();
    let executor = async_executor::LocalExecutor::new();
    let tasks = Registry::with_options(OnLocalExecutor(&executor), panicking());
    futures_lite::future::block_on(executor.run(async {
        harms_nobody!(tasks);
    }));
}

#[test]
fn law_14_of_a_pair_one_that_panics_is_kept_from_the_other() {
    let seen = Seen::default();
    let pair = (Panicking, (SeenAround(seen.clone()), seen.clone()));
    let tasks = Tasks::<mode::Unsync>::new(Options::new().observer(pair));
    let (tracked, handle) = tasks.reserve("a").unwrap().track(forever()).unwrap();
    let mut tracked = Box::pin(tracked);
    assert!(poll_once(&mut tracked).is_pending());
    handle.cancel();
    assert!(poll_once(&mut tracked).is_ready());
    let seen = seen.take();
    for line in ["a added, queued", "a started, running", "a asked: no reason", "a entered"] {
        assert!(seen.iter().any(|seen| seen == line), "{line} is missing in {seen:?}");
    }
    assert_eq!(seen.iter().filter(|line| *line == "a ended, cancelled").count(), 2);
}

/// Checks the order of what it is told of each task, and that no two calls about one overlap.
#[derive(Default)]
struct Strict {
    told: Mutex<HashMap<TaskId, (u8, bool)>>,
    ended: AtomicUsize,
}

impl Strict {
    fn step(&self, task: &TaskInfo, step: u8) {
        let mut told = self.told.lock().unwrap();
        let (last, busy) = told.entry(task.id()).or_default();
        assert!(!*busy && *last < step, "{task}: {step} after {last}, busy: {busy}");
        assert!(step == 1 || *last > 0, "{task} was not added");
        (*last, *busy) = (step, true);
        drop(told);
        std::thread::yield_now();
        self.told.lock().unwrap().get_mut(&task.id()).unwrap().1 = false;
    }
}

impl Observer for Strict {
    fn added(&self, task: &TaskInfo) {
        self.step(task, 1);
    }
    fn started(&self, task: &TaskInfo) {
        self.step(task, 2);
    }
    fn stopping(&self, task: &TaskInfo, _: Option<&str>) {
        self.step(task, 3);
    }
    fn ended(&self, task: &TaskInfo, _: &Outcome) {
        self.step(task, 4);
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

/// Closes the registry, and so ends the cancellers, also when the test fails.
struct Close<'a>(&'a Registry<Tokio>);

impl Drop for Close<'_> {
    fn drop(&mut self) {
        drop(self.0.shutdown(forever()));
    }
}

#[test]
fn order_holds_and_ends_are_counted_before_they_are_seen_whoever_races() {
    const ROUNDS: usize = 300;
    let _watchdog = crate::watchdog::Watchdog::start();
    let strict = Arc::new(Strict::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let options = Options::new().observer(strict.clone()).retain(Retain::Newest(3));
    let tasks = Registry::with_options(Tokio::from(runtime.handle().clone()), options);
    std::thread::scope(|scope| {
        let close = Close(&tasks);
        let cancellers = [(); 2].map(|()| {
            scope.spawn(|| {
                while !tasks.is_closed() {
                    for name in ["a", "b"] {
                        drop(tasks.cancel(name));
                    }
                    std::thread::yield_now();
                }
            })
        });
        for name in ["a", "b"] {
            let tasks = &tasks;
            runtime.block_on(async move {
                for round in 0..ROUNDS {
                    match round % 3 {
                        0 => {
                            let ticket = tasks.reserve(name).unwrap();
                            let task = ticket.task().clone();
                            drop(ticket);
                            // A canceller may be in the middle of a call about it, and ends it then.
                            task.wait().await;
                        }
                        1 => drop(tasks.spawn(name, forever()).unwrap().await),
                        _ => drop(tasks.spawn(name, async { yield_now().await }).unwrap().await),
                    }
                }
            });
        }
        drop(close);
        for canceller in cancellers {
            canceller.join().unwrap();
        }
    });
    assert!(runtime.block_on(tasks.shutdown(forever())).is_clean());
    let told = strict.told.lock().unwrap();
    assert_eq!(told.len(), 2 * ROUNDS);
    assert!(told.values().all(|(last, busy)| (*last, *busy) == (4, false)));
    assert_eq!(strict.ended.load(Ordering::SeqCst), 2 * ROUNDS);
}

#[test]
fn who_awaits_a_task_finds_its_end_counted() {
    let _watchdog = crate::watchdog::Watchdog::start();
    let strict = Arc::new(Strict::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let options = Options::new().observer(strict.clone());
        let tasks = Registry::with_options(Tokio::current(), options);
        for round in 1..=500 {
            let task = tasks.spawn_unnamed(async {}).unwrap();
            // Awake all the time, to see the end at the first moment at which it can be seen.
            while !task.is_ended() {
                std::hint::spin_loop();
            }
            assert_eq!(strict.ended.load(Ordering::SeqCst), round);
        }
    });
}

/// Is held up where it says what to enter, and where it tells of a request to stop.
struct HeldUp {
    seen: Seen,
    adding: Barrier,
    stopping: Barrier,
}

impl Observer for HeldUp {
    fn around_polls(&self, task: &TaskInfo) -> Option<Arc<dyn AroundPoll>> {
        self.adding.wait();
        self.adding.wait();
        SeenAround(self.seen.clone()).around_polls(task)
    }
    fn stopping(&self, _: &TaskInfo, _: Option<&str>) {
        self.stopping.wait();
        self.stopping.wait();
    }
    fn ended(&self, task: &TaskInfo, outcome: &Outcome) {
        self.seen.ended(task, outcome);
    }
}

#[test]
fn what_is_entered_around_polls_is_let_go_of_after_an_end_of_which_another_thread_tells() {
    let _watchdog = crate::watchdog::Watchdog::start();
    let seen = Seen::default();
    let two = || Barrier::new(2);
    let held_up = HeldUp { seen: seen.clone(), adding: two(), stopping: two() };
    let observer = Arc::new(held_up);
    let tasks = Tasks::<mode::Sync>::new(Options::new().observer(observer.clone()));
    std::thread::scope(|threads| {
        let adding = threads.spawn(|| drop(tasks.reserve("a").unwrap()));
        observer.adding.wait();
        threads.spawn(|| drop(tasks.cancel("a").unwrap()));
        observer.stopping.wait();
        // The end is decided, but not told, while the one who adds the task goes on.
        observer.adding.wait();
        adding.join().unwrap();
        observer.stopping.wait();
    });
    assert_eq!(seen.take(), ["a ended, cancelled", "a let go"]);
}
