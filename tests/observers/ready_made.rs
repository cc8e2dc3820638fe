//! The ready-made observers: log lines that bear the task's name, counters that add up.

use std::io;
use std::sync::MutexGuard;

use metrics::{
    Counter, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use task_registry::local::OnLocalExecutor;
use task_registry::metrics::MetricsObserver;
use task_registry::tokio::Tokio;
use task_registry::tracing::TracingObserver;
use task_registry::{Options, Registry};
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        let log = String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap();
        log.lines().map(|line| line.trim().to_owned()).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;
    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

/// Logs what is called inside, on this thread, from this level up.
fn logged(level: Level, inside: impl FnOnce()) -> Vec<String> {
    // What a place in the code is interested in is cached for all subscribers: one at a time.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn: MutexGuard<'_, ()> = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let log = Log::default();
    let format = tracing_subscriber::fmt().without_time().with_ansi(false).with_target(false);
    let subscriber = format.with_max_level(level).with_writer(log.clone()).finish();
    tracing::subscriber::with_default(subscriber, inside);
    log.lines()
}

fn on_tokio<F: Future<Output = ()>>(options: Options, test: impl FnOnce(Registry<Tokio>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { test(Registry::with_options(Tokio::current(), options)).await });
}

fn observed() -> Options {
    Options::new().observer(TracingObserver::new())
}

/// The lines with each id replaced by which of them it is, in the order in which they appear: what is before the place and
/// the generation counts the registries of this process. A line without an id stays as it is.
fn numbered(lines: Vec<String>) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let mut number = |id: &str| {
        assert_eq!(id.split('.').filter(|part| !part.is_empty()).count(), 3, "{id} is no id");
        let known = ids.iter().position(|known| known == id);
        known.unwrap_or_else(|| {
            ids.push(id.to_owned());
            ids.len() - 1
        }) + 1
    };
    let cut = |line: String| {
        let Some((before, after)) = line.split_once("id=") else { return line };
        let rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        format!("{before}id={}{rest}", number(&after[..after.len() - rest.len()]))
    };
    lines.into_iter().map(cut).collect()
}

#[test]
fn a_line_logged_inside_a_task_bears_its_name_on_tokio() {
    let lines = logged(Level::INFO, || {
        on_tokio(observed(), |tasks| async move {
            let feed = tasks.spawn("feed", async {
                tracing::info!("connected");
                yield_now().await;
                tracing::info!("still there");
            });
            let other = tasks.spawn_unnamed(async {
                yield_now().await;
                tracing::info!("nameless");
            });
            tracing::info!("outside");
            drop((feed.unwrap().await, other.unwrap().await));
        });
    });
    let mut lines = numbered(lines);
    lines.sort();
    let expected = [
        "INFO outside",
        "INFO task{name=\"feed\" id=1}: connected",
        "INFO task{name=\"feed\" id=1}: still there",
        "INFO task{id=2}: nameless",
    ];
    let mut expected = expected.map(String::from);
    expected.sort();
    assert_eq!(lines, expected);
}

#[test]
fn a_line_logged_inside_a_task_bears_its_name_on_a_local_executor() {
    let lines = logged(Level::INFO, || {
        let executor = async_executor::LocalExecutor::new();
        let tasks = Registry::with_options(OnLocalExecutor(&executor), observed());
        struct Logs;
        impl Drop for Logs {
            fn drop(&mut self) {
                tracing::info!("dropped");
            }
        }
        let task = tasks.spawn("feed", async {
            let _logs = Logs;
            forever().await;
        });
        let task = task.unwrap();
        futures_lite::future::block_on(executor.run(async {
            yield_now().await;
            task.cancel_with("enough").await;
        }));
    });
    let expected = [
        "INFO task{name=\"feed\" id=1}: dropped",
        "INFO task cancelled name=\"feed\" id=1 reason=\"enough\"",
    ];
    assert_eq!(numbered(lines), expected);
}

#[test]
fn failures_and_panics_are_logged_as_errors_and_an_abandoned_task_as_a_warning() {
    let lines = logged(Level::INFO, || {
        on_tokio(observed(), |tasks| async move {
            let _ =
                tasks.spawn_fallible("fails", async { Err::<(), _>("no route") }).unwrap().await;
            let _ = tasks.spawn("panics", async { blow_up("boom") }).unwrap().await;
            let cleaned = tasks.task("cleans").cleanup(|_| async { blow_up("bang") }, forever);
            let _ = cleaned.spawn(async {}).unwrap().await;
            let (tracked, _handle) = tasks.reserve("lost").unwrap().track(forever()).unwrap();
            drop(tracked);
            let _ = tasks.spawn("completes", async {}).unwrap().await;
        });
    });
    let expected = [
        "ERROR task failed name=\"fails\" id=1 error=\"no route\"",
        "ERROR task panicked name=\"panics\" id=2 panic=\"boom\"",
        "ERROR panic of task taken by nobody name=\"cleans\" id=3 panic=\"bang\"",
        "ERROR cleanup of task panicked name=\"cleans\" id=3 outcome=completed",
        "WARN task abandoned by its executor name=\"lost\" id=4 outcome=abandoned",
    ];
    assert_eq!(numbered(lines), expected);
}

#[test]
fn a_panic_that_nobody_takes_is_logged_with_the_name_of_its_task_and_passed_on() {
    let next = Seen::default();
    let options = Options::new().observer((TracingObserver::new(), next.clone()));
    let lines = logged(Level::ERROR, || {
        on_tokio(options, |tasks| async move {
            drop(tasks.spawn("text", async { blow_up("boom") }).unwrap());
            let owned = async { std::panic::resume_unwind(Box::new(String::from("bang"))) };
            drop(tasks.spawn("owned", owned).unwrap());
            let _ = tasks.spawn("taken", async { blow_up("to its handle") }).unwrap().await;
            tasks.wait_idle().await;
        });
    });
    let expected = [
        "ERROR task panicked name=\"text\" id=1 panic=\"boom\"",
        "ERROR panic of task taken by nobody name=\"text\" id=1 panic=\"boom\"",
        "ERROR task panicked name=\"owned\" id=2 panic=\"bang\"",
        "ERROR panic of task taken by nobody name=\"owned\" id=2 panic=\"bang\"",
        "ERROR task panicked name=\"taken\" id=3 panic=\"to its handle\"",
    ];
    assert_eq!(numbered(lines), expected);
    assert!(next.take().contains(&"text left a panic, boom".to_owned()));
}

#[test]
fn at_the_lowest_level_every_step_is_logged() {
    let lines = logged(Level::TRACE, || {
        on_tokio(observed(), |tasks| async move {
            let task = tasks.spawn("a", forever()).unwrap();
            yield_now().await;
            task.cancel().await;
        });
    });
    let expected = [
        "TRACE task added name=\"a\" id=1",
        "TRACE task started name=\"a\" id=1",
        "DEBUG task asked to stop name=\"a\" id=1",
        "INFO task cancelled name=\"a\" id=1",
    ];
    assert_eq!(numbered(lines), expected);
}

#[test]
fn below_the_level_of_the_span_a_task_has_none_and_its_failure_is_logged_still() {
    let lines = logged(Level::ERROR, || {
        on_tokio(observed(), |tasks| async move {
            let failing = async {
                tracing::error!("inside");
                Err::<(), _>("no route")
            };
            let _ = tasks.spawn_fallible("a", failing).unwrap().await;
        });
    });
    let expected = ["ERROR inside", "ERROR task failed name=\"a\" id=1 error=\"no route\""];
    assert_eq!(numbered(lines), expected);
}

/// The numbers of a recorder, as `name{label=value} number`, sorted.
fn numbers(snapshotter: &Snapshotter) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let key = key.key();
        let labels = key.labels().map(|label| format!("{{{}={}}}", label.key(), label.value()));
        let value = match value {
            DebugValue::Counter(count) => count.to_string(),
            DebugValue::Gauge(value) => value.to_string(),
            DebugValue::Histogram(values) => format!("{values:?}"),
        };
        let name = key.name().trim_start_matches("task_registry_");
        lines.push(format!("{name}{} {value}", labels.collect::<String>()));
    }
    lines.sort();
    lines
}

#[test]
fn tasks_are_counted_by_outcome_on_tokio() {
    let recorder = DebuggingRecorder::new();
    metrics::with_local_recorder(&recorder, || {
        on_tokio(Options::new().observer(MetricsObserver::new()), |tasks| async move {
            tasks.spawn("a", async {}).unwrap().await.unwrap();
            tasks.spawn("b", async {}).unwrap().await.unwrap();
            let _ = tasks.spawn_fallible("c", async { Err::<(), _>("no") }).unwrap().await;
            let _ = tasks.spawn("d", async { blow_up("boom") }).unwrap().await;
            tasks.task("e").cleanup(|_| ready(()), forever).spawn(ready(())).unwrap();
            tasks.wait_idle().await;
            drop(tasks.reserve("f").unwrap());
            drop(tasks.reserve("g").unwrap().track(forever()).unwrap());
            tasks.spawn("h", forever()).unwrap();
            yield_now().await;
            tasks.cancel("h").unwrap().await;
            tasks.spawn("lives", forever()).unwrap();
        });
    });
    let expected = [
        "added_total 9",
        "cleanups_total{cleanup=ran} 1",
        "ended_total{outcome=abandoned} 2",
        "ended_total{outcome=cancelled} 1",
        "ended_total{outcome=completed} 3",
        "ended_total{outcome=failed} 1",
        "ended_total{outcome=never_started} 1",
        "ended_total{outcome=panicked} 1",
        // The runtime took the last one with it.
        "live 0",
        "started_total 6",
        "stopping_total 1",
    ];
    assert_eq!(numbers(&recorder.snapshotter()), expected);
}

#[test]
fn panics_that_nobody_takes_are_counted_and_passed_on() {
    let recorder = DebuggingRecorder::new();
    let next = Seen::default();
    metrics::with_local_recorder(&recorder, || {
        let observer = MetricsObserver::new().label("registry", "feeds");
        on_tokio(Options::new().observer((observer, next.clone())), |tasks| async move {
            drop(tasks.spawn("a", async { blow_up("boom") }).unwrap());
            let cleaned = tasks.task("b").cleanup(|_| async { blow_up("bang") }, forever);
            cleaned.spawn(async {}).unwrap().await.unwrap();
            let _ = tasks.spawn("taken", async { blow_up("to its handle") }).unwrap().await;
            tasks.wait_idle().await;
        });
    });
    let numbers = numbers(&recorder.snapshotter());
    let unclaimed = "unclaimed_panics_total{registry=feeds} 2".to_owned();
    assert!(numbers.contains(&unclaimed), "{numbers:?}");
    let seen = next.take();
    for panic in ["a left a panic, boom", "b left a panic, bang"] {
        assert!(seen.iter().any(|line| line == panic), "{seen:?}");
    }
}

#[test]
fn labels_tell_registries_apart_and_a_clock_gives_seconds_on_a_local_executor() {
    let recorder = DebuggingRecorder::new();
    metrics::with_local_recorder(&recorder, || {
        let executor = async_executor::LocalExecutor::new();
        let observer = MetricsObserver::new().label("registry", "feeds");
        let options = Options::new().observer(observer).clock(|| std::time::Duration::from_secs(3));
        let tasks = Registry::with_options(OnLocalExecutor(&executor), options);
        let done = tasks.spawn("done", async {}).unwrap();
        tasks.spawn("lives", forever()).unwrap();
        futures_lite::future::block_on(executor.run(done)).unwrap();
        let expected = [
            "added_total{registry=feeds} 2",
            "ended_total{registry=feeds}{outcome=completed} 1",
            "live{registry=feeds} 1",
            "seconds{registry=feeds}{outcome=completed} [0.0]",
            "started_total{registry=feeds} 2",
        ];
        assert_eq!(numbers(&recorder.snapshotter()), expected);
    });
}

/// The gauge as this recorder has it.
fn live(recorder: &DebuggingRecorder) -> Vec<String> {
    let mut numbers = numbers(&recorder.snapshotter());
    numbers.retain(|line| line.starts_with("live"));
    numbers
}

#[test]
fn a_recorder_that_comes_late_is_told_how_many_live_and_so_is_each_of_several() {
    let executor = async_executor::LocalExecutor::new();
    let options = Options::new().observer(MetricsObserver::new());
    let tasks = Registry::with_options(OnLocalExecutor(&executor), options);
    let [a, b, c] = ["a", "b", "c"].map(|name| tasks.spawn(name, forever()).unwrap());
    let (first, second) = (DebuggingRecorder::new(), DebuggingRecorder::new());
    let end = |task: &task_registry::TaskHandle<(), _>| {
        futures_lite::future::block_on(executor.run(task.cancel()));
    };
    metrics::with_local_recorder(&first, || end(&a));
    assert_eq!(live(&first), ["live 2"]);
    metrics::with_local_recorder(&second, || end(&b));
    assert_eq!(live(&second), ["live 1"]);
    metrics::with_local_recorder(&first, || end(&c));
    assert_eq!(live(&first), ["live 0"]);
}

#[test]
fn clones_of_an_observer_count_what_lives_together_unless_a_label_is_added() {
    let recorder = DebuggingRecorder::new();
    metrics::with_local_recorder(&recorder, || {
        let executor = async_executor::LocalExecutor::new();
        let observer = MetricsObserver::new();
        let other = observer.clone().label("registry", "other");
        let _tasks = [observer.clone(), observer, other].map(|observer| {
            let options = Options::new().observer(observer);
            let tasks = Registry::with_options(OnLocalExecutor(&executor), options);
            tasks.spawn("a", forever()).unwrap();
            tasks
        });
        assert_eq!(live(&recorder), ["live 2", "live{registry=other} 1"]);
    });
    // The executor took them with it.
    assert_eq!(live(&recorder), ["live 0", "live{registry=other} 0"]);
}

/// A recorder of gauges. Before it takes a number, it does once what it was given.
#[derive(Default)]
struct Interrupted {
    first: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    value: Mutex<f64>,
}

impl GaugeFn for Interrupted {
    fn increment(&self, value: f64) {
        *self.value.lock().unwrap() += value;
    }
    fn decrement(&self, value: f64) {
        *self.value.lock().unwrap() -= value;
    }
    fn set(&self, value: f64) {
        let first = self.first.lock().unwrap().take();
        if let Some(first) = first {
            first();
        }
        *self.value.lock().unwrap() = value;
    }
}

struct Gauges(Arc<Interrupted>);

impl Recorder for Gauges {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.0.clone())
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn a_number_that_another_overtook_on_its_way_to_the_recorder_is_not_the_last() {
    let gauge = Arc::new(Interrupted::default());
    metrics::with_local_recorder(&Gauges(gauge.clone()), || {
        on_tokio(Options::new().observer(MetricsObserver::new()), |tasks| async move {
            let others = tasks.clone();
            *gauge.first.lock().unwrap() =
                Some(Box::new(move || drop(others.spawn("second", forever()).unwrap())));
            tasks.spawn("first", forever()).unwrap();
            let value = *gauge.value.lock().unwrap();
            assert_eq!(value, 2.0);
        });
    });
}

fn ready<T>(value: T) -> std::future::Ready<T> {
    std::future::ready(value)
}
