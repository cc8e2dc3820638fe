//! What there is once in a process: who gets its log, and who its numbers.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use crate::kit::lock;
use crate::watchdog::Watchdog;

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
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

struct Process {
    log: Log,
    numbers: Snapshotter,
    turn: Mutex<()>,
}

impl Process {
    fn get() -> &'static Self {
        static PROCESS: OnceLock<Process> = OnceLock::new();
        PROCESS.get_or_init(|| {
            let log = Log::default();
            let format = tracing_subscriber::fmt().without_time().with_ansi(false);
            let subscriber = format
                .with_target(false)
                .with_max_level(Level::INFO)
                .with_writer(log.clone())
                .finish();
            tracing::subscriber::set_global_default(subscriber).expect("nobody else has set one");
            let recorder = DebuggingRecorder::new();
            let numbers = recorder.snapshotter();
            recorder.install().expect("nobody else has installed one");
            Process { log, numbers, turn: Mutex::new(()) }
        })
    }
}

/// The log and the numbers, for one test at a time.
pub(crate) struct Turn {
    process: &'static Process,
    _watchdog: Watchdog,
    _turn: MutexGuard<'static, ()>,
}

impl Turn {
    pub(crate) fn take(test: &'static str) -> Self {
        let process = Process::get();
        let turn = lock(&process.turn);
        // What a test that failed has left.
        lock(&process.log.0).clear();
        Self { process, _watchdog: Watchdog::over(test), _turn: turn }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let log = String::from_utf8(std::mem::take(&mut *lock(&self.process.log.0))).unwrap();
        log.lines().map(|line| line.trim().to_owned()).collect()
    }

    /// The numbers of the registry with this label, as `name{label=value} number`, sorted.
    pub(crate) fn numbers(&self, registry: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, _, _, value) in self.process.numbers.snapshot().into_vec() {
            let mut labels = String::new();
            let mut ours = false;
            for label in key.key().labels() {
                match label.key() {
                    "registry" => ours = label.value() == registry,
                    other => labels += &format!("{{{other}={}}}", label.value()),
                }
            }
            let value = match value {
                DebugValue::Counter(count) => count.to_string(),
                DebugValue::Gauge(value) => value.to_string(),
                DebugValue::Histogram(values) => format!("{values:?}"),
            };
            let name = key.key().name().trim_start_matches("task_registry_");
            // Drained by an earlier test, it is there still.
            if ours && value != "0" {
                lines.push(format!("{name}{labels} {value}"));
            }
        }
        lines.sort();
        lines
    }
}
