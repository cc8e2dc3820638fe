//! The server. Every connection gets a task of its own, `receiver:{connection id}`, which waits
//! for events and sends them to its client; `/tasks` is the registry over HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use task_registry::tokio::Tokio;
use task_registry::{Cancel, Outcome, Registry, ShutdownReport};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, broadcast, oneshot, watch};
use tokio::time::{interval, sleep, timeout};

/// What every handler can reach. A clone is cheap.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) tasks: Registry<Tokio>,
    pub(crate) events: broadcast::Sender<String>,
    connections: watch::Sender<usize>,
    next_connection: Arc<AtomicU64>,
}

impl App {
    fn new() -> Self {
        Self {
            tasks: Registry::new(Tokio::current()),
            events: broadcast::Sender::new(256),
            connections: watch::Sender::new(0),
            next_connection: Arc::default(),
        }
    }

    /// How many WebSocket handlers have not returned, to read or to wait for.
    pub(crate) fn connections(&self) -> watch::Receiver<usize> {
        self.connections.subscribe()
    }
}

/// The half of a connection that sends. The receiver holds it while it lives, then its handler.
type Outgoing = Arc<Mutex<SplitSink<WebSocket, Message>>>;

async fn upgrade(State(app): State<App>, socket: WebSocketUpgrade) -> Response {
    socket.on_upgrade(|socket| connection(app, socket))
}

/// One WebSocket connection, from its upgrade to its end.
async fn connection(app: App, socket: WebSocket) {
    let _open = Open::new(&app.connections);
    let id = app.next_connection.fetch_add(1, Ordering::Relaxed);
    let (sink, mut incoming) = socket.split();
    let outgoing = Outgoing::new(Mutex::new(sink));

    let receiver = receiver(id, app.events.subscribe(), outgoing.clone());
    let guard = match app.tasks.spawn(format!("receiver:{id}"), receiver) {
        Ok(task) => task.drop_guard(),
        Err(refused) => return close(outgoing, incoming, 1013, &refused.to_string()).await,
    };

    // Until the client leaves, politely or not, or somebody stops the receiver by its name.
    let task = guard.task().clone();
    tokio::select! {
        () = hung_up(&mut incoming) => {}
        _ = task.wait() => {}
    }

    // The `finally:` of this handler. Were the handler itself dropped, the guard would still stop
    // the receiver; here it also waits until the receiver is gone, and then forgets it.
    let outcome = guard.stop().await;
    task.purge();

    match outcome {
        Outcome::Cancelled { reason: Some(why) } => {
            close(outgoing, incoming, 1001, why.as_str()).await;
        }
        _ => close(outgoing, incoming, 1000, "").await,
    }
}

/// The named task: waits for events and sends them to its client.
async fn receiver(id: u64, mut events: broadcast::Receiver<String>, outgoing: Outgoing) {
    use broadcast::error::RecvError::{Closed, Lagged};

    let mut client = outgoing.lock().await;
    let mut message = format!("hello receiver:{id}");
    while client.send(Message::text(message)).await.is_ok() {
        message = match events.recv().await {
            Ok(event) => event,
            Err(Lagged(missed)) => format!("missed {missed} events"),
            Err(Closed) => break,
        };
    }
}

/// Reads until the connection has closed or failed.
async fn hung_up(incoming: &mut SplitStream<WebSocket>) {
    while let Some(Ok(_)) = incoming.next().await {}
}

/// Says goodbye to a client that still listens, and waits for its answer, a second at most.
async fn close(outgoing: Outgoing, mut incoming: SplitStream<WebSocket>, code: u16, reason: &str) {
    let reason = reason.into();
    // Ended means gone: the receiver has dropped what it held, so this clone is the last.
    let Some(sink) = Arc::into_inner(outgoing) else {
        unreachable!("the receiver has ended, yet still holds its client")
    };
    let goodbye = Message::Close(Some(CloseFrame { code, reason }));
    let _ = timeout(Duration::from_secs(1), async {
        if sink.into_inner().send(goodbye).await.is_ok() {
            hung_up(&mut incoming).await;
        }
    })
    .await;
}

/// `GET /tasks`
async fn list(State(app): State<App>) -> Json<serde_json::Value> {
    let tasks = app.tasks.snapshot();
    let tasks = tasks.iter().map(|task| {
        json!({
            "id": task.id().to_string(),
            "name": task.name(),
            "state": task.state().to_string(),
            "outcome": task.outcome().map(|outcome| outcome.to_string()),
        })
    });
    Json(tasks.collect())
}

/// `DELETE /tasks/{name}`: the answer comes once the task has ended.
async fn cancel(State(app): State<App>, Path(name): Path<String>) -> Response {
    let reason = Cancel::new().reason("DELETE /tasks");
    let Some(end) = app.tasks.cancel_with(&name, reason) else {
        let error = format!("no task is named {name:?}");
        return (StatusCode::NOT_FOUND, Json(json!({ "error": error }))).into_response();
    };
    let outcome = end.await.to_string();
    Json(json!({ "name": name, "outcome": outcome })).into_response()
}

/// A background task of the whole server: an event a second.
async fn ticker(events: broadcast::Sender<String>) {
    let mut second = interval(Duration::from_secs(1));
    loop {
        second.tick().await;
        let _ = events.send("tick".into());
    }
}

/// A server that runs, until it is stopped.
pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    http: tokio::task::JoinHandle<io::Result<()>>,
}

impl Server {
    pub(crate) async fn start(address: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let app = App::new();
        app.tasks.spawn("ticker", ticker(app.events.clone()))?;
        let router = Router::new()
            .route("/feed", get(upgrade))
            .route("/tasks", get(list))
            .route("/tasks/{name}", delete(cancel))
            .with_state(app.clone());

        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let http = axum::serve(listener, router).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        let http = tokio::spawn(http.into_future());
        Ok(Self { app, address, stop, http })
    }

    /// Ends the tasks, then the connections, then HTTP, each within the deadline. Tells what the
    /// tasks did and how many connections remained.
    pub(crate) async fn stop(self, deadline: Duration) -> (ShutdownReport, usize) {
        let report = self.app.tasks.shutdown(sleep(deadline)).await;
        // Each handler has seen its receiver end and is saying goodbye.
        let mut connections = self.app.connections();
        let _ = timeout(deadline, connections.wait_for(|open| *open == 0)).await;
        let _ = self.stop.send(());
        let _ = timeout(deadline, self.http).await;
        (report, *connections.borrow())
    }
}

/// Counts a connection for as long as its handler runs.
struct Open(watch::Sender<usize>);

impl Open {
    fn new(connections: &watch::Sender<usize>) -> Self {
        connections.send_modify(|open| *open += 1);
        Self(connections.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}
