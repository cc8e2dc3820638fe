//! The feed example, in a process of its own.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use task_registry_soak::Result;
use task_registry_soak::process::{descriptors, memory};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::http;

/// A server that is killed when this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

/// What a server has.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Has {
    pub(crate) live: usize,
    pub(crate) records: usize,
    pub(crate) descriptors: usize,
}

impl Server {
    pub(crate) async fn start(program: &str) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["--serve", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{program}: {error}"))?;
        let pid = child.id().ok_or("no process")?;
        let mut said = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let line =
            timeout(Duration::from_secs(10), said.next_line()).await??.ok_or("it says nothing")?;
        let address = line
            .strip_prefix("ws://")
            .and_then(|rest| rest.split('/').next())
            .ok_or("it says no address")?;
        Ok(Self { address: address.parse()?, pid, child, said })
    }

    pub(crate) async fn has(&self) -> Result<Has> {
        let (live, records) = http::tasks(self.address).await?;
        // The connection that was just used may not be closed yet.
        let mut least = usize::MAX;
        for _ in 0..10 {
            sleep(Duration::from_millis(20)).await;
            least = least.min(descriptors(self.pid)?);
        }
        Ok(Has { live, records, descriptors: least })
    }

    pub(crate) fn memory(&self) -> Result<u64> {
        memory(self.pid)
    }

    /// Waits until it has what it should have; what it has instead is the error.
    pub(crate) async fn comes_to(&self, wanted: Has, within: Duration) -> Result {
        let begin = Instant::now();
        loop {
            let has = self.has().await?;
            if has == wanted {
                return Ok(());
            }
            if begin.elapsed() > within {
                let Has { live, records, descriptors } = has;
                return Err(format!(
                    "after {within:?}: {live} tasks, {records} records, {descriptors} descriptors; \
                     wanted: {} tasks, {} records, {} descriptors",
                    wanted.live, wanted.records, wanted.descriptors
                )
                .into());
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Presses Ctrl-C, and returns the last it says.
    pub(crate) async fn stop(mut self) -> Result<String> {
        let pid = self.pid.to_string();
        Command::new("kill").args(["-INT", &pid]).status().await?;
        let status = timeout(Duration::from_secs(30), self.child.wait())
            .await
            .map_err(|_| "Ctrl-C does not stop it")??;
        let last = self.said.next_line().await?.unwrap_or_default();
        if !status.success() {
            return Err(format!("the server ended with {status}: {last}").into());
        }
        Ok(last)
    }
}
