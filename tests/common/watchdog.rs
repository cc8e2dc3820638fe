//! Fails a test that hangs instead of letting it block for ever: the only clock in the tests.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Barks unless it is dropped within a time that no honest run comes near.
pub(crate) struct Watchdog {
    _awake: Sender<()>,
}

impl Watchdog {
    const LIMIT: Duration = Duration::from_secs(120);

    /// Watches the test that calls this.
    #[allow(dead_code, reason = "the laws have names of their own")]
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::over(&std::panic::Location::caller().to_string())
    }

    /// Watches a test of this name.
    pub(crate) fn over(name: &str) -> Self {
        let (awake, watched) = channel();
        let name = name.to_owned();
        std::thread::spawn(move || {
            if watched.recv_timeout(Self::LIMIT) == Err(RecvTimeoutError::Timeout) {
                use std::io::Write as _;
                // Past the test's captured output, which an abort would lose.
                let _ = writeln!(std::io::stderr(), "{name} hangs");
                std::process::abort();
            }
        });
        Watchdog { _awake: awake }
    }
}
