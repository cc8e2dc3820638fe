//! The server. Every worker listens on the same port, and the kernel gives each its share of the
//! connections, which its main future serves.

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use task_registry::tokio::CurrentThread;
use task_registry::{Plan, Running, Runtime, WorkerCx, Workers, mode};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{interval, sleep};

/// What all workers share, and every task is given.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

struct Shared {
    /// Taken before the workers start. Nobody listens on this socket; it keeps the port.
    port: OnceLock<TcpSocket>,
    migrated: watch::Sender<usize>,
    beats: Vec<AtomicUsize>,
    accepted: AtomicUsize,
    ended: AtomicUsize,
}

thread_local! {
    /// A worker is a thread: what is its own needs no lock.
    static BEATS: Cell<usize> = const { Cell::new(0) };
}

impl App {
    fn new(workers: usize) -> Self {
        Self(Arc::new(Shared {
            port: OnceLock::new(),
            migrated: watch::Sender::new(0),
            beats: (0..workers).map(|_| AtomicUsize::new(0)).collect(),
            accepted: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
        }))
    }

    fn address(&self) -> io::Result<SocketAddr> {
        self.0.port.get().ok_or(io::ErrorKind::NotFound)?.local_addr()
    }

    /// How often a worker's heart has beaten, once its main future has ended.
    pub(crate) fn beats(&self, worker: usize) -> usize {
        self.0.beats[worker].load(Relaxed)
    }

    /// How many connections were accepted, each for one request.
    pub(crate) fn accepted(&self) -> usize {
        self.0.accepted.load(Relaxed)
    }

    /// How many requests are in flight at this moment.
    pub(crate) fn in_flight(&self) -> usize {
        let ended = self.0.ended.load(Relaxed);
        self.accepted().saturating_sub(ended)
    }

    pub(crate) fn migrations(&self) -> usize {
        *self.0.migrated.borrow()
    }
}

pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    pub(crate) workers: Running,
}

impl Server {
    pub(crate) async fn start(workers: usize, address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let app = App::new(workers);
        let mut plan = Plan::<App, mode::Sync>::new();
        plan.task("heartbeat", |_| heartbeat())?; // on every worker
        plan.once("migration", |cx| migration(cx.app().clone()))?; // on one of them

        let main = async |cx: WorkerCx<App, _>| {
            if let Err(error) = serve(&cx).await {
                panic!("worker {}: {error}", cx.worker()); // reported as how this worker ended
            }
        };
        let workers = Workers::new(workers, CurrentThread::new())
            .plan(plan)
            .before_workers(take_port(app.clone(), address))
            .start(app.clone(), main)
            .await?;
        for worker in 0..workers.count() {
            if let Some(main) = workers.main(worker) {
                main.started().await.map_err(|ended| format!("worker {worker} {ended}"))?;
            }
        }
        Ok(Self { address: app.address()?, app, workers })
    }
}

async fn take_port(app: App, address: SocketAddr) -> io::Result<()> {
    let _ = app.0.port.set(socket(address)?);
    Ok(())
}

async fn heartbeat() {
    let mut beat = interval(Duration::from_millis(100));
    loop {
        beat.tick().await;
        BEATS.set(BEATS.get() + 1);
    }
}

async fn migration(app: App) {
    sleep(Duration::from_millis(50)).await; // CREATE TABLE …
    app.0.migrated.send_modify(|migrations| *migrations += 1);
}

/// A socket whose port others of this kind may have as well.
fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

type Cx = WorkerCx<App, <CurrentThread as Runtime>::Spawner>;

/// The main future of each worker: accepts until its token fires, then answers all it has accepted.
async fn serve(cx: &Cx) -> Result<(), Box<dyn Error>> {
    let mut stop = pin!(cx.cancelled());
    let mut migrated = cx.0.migrated.subscribe();
    tokio::select! {
        () = &mut stop => return Ok(()),
        migrated = migrated.wait_for(|times| *times > 0) => drop(migrated?),
    }
    let listener = socket(cx.address()?)?.listen(1024)?;
    cx.ready();
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(()) = open.next() => {}
            accepted = listener.accept() => open.push(answer(cx, accepted?.0)),
        }
    }
    // The kernel has greeted those already; they would be turned away with the listener. It is asked itself: what the runtime
    // knows of is what there was when it last looked.
    let listener = listener.into_std()?;
    while let Ok((stream, _)) = listener.accept() {
        stream.set_nonblocking(true)?;
        open.push(answer(cx, TcpStream::from_std(stream)?));
    }
    drop(listener);
    while let Some(()) = open.next().await {}
    cx.0.beats[cx.worker()].store(BEATS.get(), Relaxed);
    Ok(())
}

/// One connection, which is one request. After the token has fired a client that has connected, and
/// not asked yet, has a moment to do so.
async fn answer(cx: &Cx, stream: TcpStream) {
    cx.0.accepted.fetch_add(1, Relaxed);
    let service = service_fn(async |_request| {
        sleep(Duration::from_millis(20)).await; // SELECT …
        cx.0.ended.fetch_add(1, Relaxed);
        let body = Body::from(format!("worker {}.\n", cx.worker()));
        Ok::<_, Infallible>(Response::new(body))
    });
    let connection =
        http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let last_call = async {
        cx.cancelled().await;
        sleep(Duration::from_millis(250)).await;
    };
    // How a client leaves is no concern of the server's.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = last_call => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
