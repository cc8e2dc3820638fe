//! The clients: each asks, with a connection per request, until nobody listens any more.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What the clients have seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) answered: usize,
    pub(crate) by_worker: BTreeMap<usize, usize>,
    /// Answers that ended before their end.
    pub(crate) cut_short: usize,
    /// Connections that were closed before a byte came, while the workers were going: none of them had accepted these.
    pub(crate) not_taken_up: usize,
}

static CLOSING: AtomicBool = AtomicBool::new(false);

/// From now on a client may be turned away; before it is a loss.
pub(crate) fn closing() {
    CLOSING.store(true, Relaxed);
}

enum Answer {
    By(usize),
    CutShort,
    NotTakenUp,
}

pub(crate) async fn clients(count: usize, server: SocketAddr) -> Seen {
    let mut all = Seen::default();
    for seen in join_all((0..count).map(|_| client(server))).await {
        all.answered += seen.answered;
        all.cut_short += seen.cut_short;
        all.not_taken_up += seen.not_taken_up;
        for (worker, answered) in seen.by_worker {
            *all.by_worker.entry(worker).or_default() += answered;
        }
    }
    all
}

async fn client(server: SocketAddr) -> Seen {
    let mut seen = Seen::default();
    while let Ok(stream) = TcpStream::connect(server).await {
        match ask(stream).await {
            Answer::By(worker) => {
                seen.answered += 1;
                *seen.by_worker.entry(worker).or_default() += 1;
            }
            Answer::CutShort => seen.cut_short += 1,
            Answer::NotTakenUp => seen.not_taken_up += 1,
        }
    }
    seen
}

async fn ask(mut stream: TcpStream) -> Answer {
    let mut answer = Vec::new();
    let done: io::Result<()> = async {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
        stream.read_to_end(&mut answer).await?;
        Ok(())
    }
    .await;
    if answer.is_empty() && CLOSING.load(Relaxed) {
        return Answer::NotTakenUp;
    }
    match (done, worker(&String::from_utf8_lossy(&answer))) {
        (Ok(()), Some(worker)) => Answer::By(worker),
        _ => Answer::CutShort,
    }
}

/// Who gave this answer, if it is whole: `worker 3.`
fn worker(answer: &str) -> Option<usize> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let worker = body.strip_prefix("worker ")?.strip_suffix(".\n")?;
    head.starts_with("HTTP/1.1 200 ").then(|| worker.parse().ok())?
}
