//! The clients: real WebSockets and real HTTP against the server. Every step waits for what it has
//! brought about, never for time to pass.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use futures_util::future::try_join_all;
use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::server::{App, Server};

const CLIENTS: usize = 200;
const EVENTS: usize = 10;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Fails unless the two are equal.
fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("{what}: expected {wanted:?}, found {found:?}").into())
}

pub(crate) async fn drive(server: Server) -> Result<()> {
    let begin = Instant::now();
    let (app, address) = (server.app.clone(), server.address);
    let http = Http::new(address);
    let mut endings = app.tasks.endings();

    // Some at a time: a queue of unanswered connections that overflows costs a second.
    let connect = (0..CLIENTS).map(|_| Client::connect(address));
    let mut clients: Vec<_> = stream::iter(connect).buffered(50).try_collect().await?;
    expect("receivers in GET /tasks", http.receivers().await?, CLIENTS)?;
    let mut delivered = publish(&app, &mut clients).await?;

    // A third is killed: half of them with a TCP reset, half just gone without a goodbye.
    let killed = clients.split_off(CLIENTS - CLIENTS / 3);
    let killed_names = names(&killed);
    for client in killed.iter().step_by(2) {
        client.socket.get_ref().set_zero_linger()?;
    }
    drop(killed);
    settled(&app, &http, clients.len()).await?;
    delivered += publish(&app, &mut clients).await?;

    // A third is cancelled by name, over HTTP.
    let cancelled = clients.split_off(CLIENTS - 2 * (CLIENTS / 3));
    let cancelled_names = names(&cancelled);
    try_join_all(cancelled.into_iter().map(|client| client.cancel(&http))).await?;
    settled(&app, &http, clients.len()).await?;
    let (status, _) = http.send(Method::DELETE, "/tasks/receiver:none").await?;
    expect("DELETE of an unknown name", status, StatusCode::NOT_FOUND)?;
    delivered += publish(&app, &mut clients).await?;

    // A third leaves politely.
    let polite = clients.split_off(CLIENTS - 3 * (CLIENTS / 3));
    let polite_names = names(&polite);
    try_join_all(polite.into_iter().map(Client::leave)).await?;
    settled(&app, &http, clients.len()).await?;

    // Who is still there, and the server's own ticker, are for the shutdown.
    drop(http);
    let stayed_names = names(&clients);
    let stayed = try_join_all(clients.into_iter().map(|client| client.closed("shutdown")));
    let ((report, connections), stayed) = tokio::join!(server.stop(Duration::from_secs(5)), stayed);
    stayed?;
    app.tasks.purge();

    let mut ended = HashMap::new();
    while let Some(end) = endings.try_next_ended() {
        let end = end.map_err(|lagged| format!("{} endings were missed", lagged.0))?;
        if let Some(name) = end.name() {
            ended.insert(name.to_owned(), end.outcome().to_string());
        }
    }
    println!("{CLIENTS} WebSocket clients on {address}, {:.1?}\n", begin.elapsed());
    println!("{:>8}  {:<30}their receivers", "clients", "how they left");
    for (how, names) in [
        ("killed (reset, or just gone)", &killed_names),
        ("DELETE /tasks/receiver:{id}", &cancelled_names),
        ("closing handshake", &polite_names),
        ("stayed until the shutdown", &stayed_names),
    ] {
        let mut outcomes = BTreeMap::<_, usize>::new();
        for name in names {
            let outcome = ended.get(name).ok_or_else(|| format!("{name} never ended"))?;
            *outcomes.entry(outcome).or_default() += 1;
        }
        let outcomes: Vec<_> = outcomes.iter().map(|(what, n)| format!("{n} {what}")).collect();
        println!("{:>8}  {how:<30}{}", names.len(), outcomes.join(", "));
    }
    println!("\n{delivered} events delivered\nshutdown: {report}");

    let executor = tokio_tasks_left().await;
    let (live, records) = (app.tasks.live(), app.tasks.records());
    println!(
        "left over: {live} tasks ({executor} on the executor), {records} records, \
         {connections} connections"
    );
    expect("a clean shutdown", report.is_clean(), true)?;
    expect("left over", (live, executor, records, connections), (0, 0, 0, 0))
}

fn names(clients: &[Client]) -> Vec<String> {
    clients.iter().map(|client| client.name.clone()).collect()
}

/// Publishes a batch of events from a task and waits until every client has received each.
async fn publish(app: &App, clients: &mut [Client]) -> Result<usize> {
    async fn publisher(events: broadcast::Sender<String>) -> usize {
        (0..EVENTS).map(|n| events.send(format!("event {n}"))).filter(|sent| sent.is_ok()).count()
    }
    let published = app.tasks.spawn("publisher", publisher(app.events.clone()))?.await?;
    expect("events published", published, EVENTS)?;
    let received = try_join_all(clients.iter_mut().map(Client::receive_batch)).await?;
    Ok(received.into_iter().sum())
}

/// Waits until so many connections are left, and checks that tasks and records followed.
async fn settled(app: &App, http: &Http, left: usize) -> Result<()> {
    app.connections().wait_for(|open| *open == left).await?;
    expect("receivers in GET /tasks", http.receivers().await?, left)
}

/// Whether tokio agrees that nothing runs any more: an independent witness.
async fn tokio_tasks_left() -> usize {
    let metrics = tokio::runtime::Handle::current().metrics();
    for _ in 0..1000 {
        if metrics.num_alive_tasks() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    metrics.num_alive_tasks()
}

struct Client {
    name: String,
    socket: WebSocketStream<TcpStream>,
}

impl Client {
    /// Connects and waits to be greeted, so that its receiver is known to run.
    async fn connect(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        let (mut socket, _) = client_async(format!("ws://{server}/feed"), stream).await?;
        let greeting = socket.next().await.ok_or("no greeting")??;
        let name = greeting.to_text()?.strip_prefix("hello ").ok_or("an odd greeting")?;
        Ok(Self { name: name.to_owned(), socket })
    }

    async fn receive_batch(&mut self) -> Result<usize> {
        let mut received = 0;
        while received < EVENTS {
            let message = self.socket.next().await.ok_or("closed between events")??;
            let text = message.to_text()?;
            if text != "tick" {
                expect(&self.name, text, &format!("event {received}"))?;
                received += 1;
            }
        }
        Ok(received)
    }

    /// Has its receiver cancelled, and sees the server close the connection because of it.
    async fn cancel(self, http: &Http) -> Result<()> {
        let (status, answer) = http.send(Method::DELETE, &format!("/tasks/{}", self.name)).await?;
        expect(&self.name, status, StatusCode::OK)?;
        expect(&self.name, answer["name"].as_str(), Some(&self.name))?;
        self.closed("DELETE /tasks").await
    }

    /// Waits until the server closes the connection, for this reason.
    async fn closed(mut self, reason: &str) -> Result<()> {
        let mut goodbye = None;
        while let Some(message) = self.socket.next().await {
            if let Message::Close(Some(frame)) = message? {
                goodbye = Some(frame.reason.to_string());
            }
        }
        expect(&self.name, goodbye.as_deref(), Some(reason))
    }

    /// Says goodbye and waits for the answer.
    async fn leave(mut self) -> Result<()> {
        self.socket.send(Message::Close(None)).await?;
        while let Some(message) = self.socket.next().await {
            message?;
        }
        Ok(())
    }
}

struct Http {
    server: SocketAddr,
    client: HttpClient<HttpConnector, Body>,
}

impl Http {
    fn new(server: SocketAddr) -> Self {
        Self { server, client: HttpClient::builder(TokioExecutor::new()).build_http() }
    }

    async fn send(&self, method: Method, path: &str) -> Result<(StatusCode, Value)> {
        let uri = format!("http://{}{path}", self.server);
        let request = Request::builder().method(method).uri(uri).body(Body::empty())?;
        let response = self.client.request(request).await?;
        let status = response.status();
        let body = to_bytes(Body::new(response.into_body()), 1 << 20).await?;
        Ok((status, serde_json::from_slice(&body)?))
    }

    /// How many receivers `GET /tasks` lists; running ones, since their records go with them.
    async fn receivers(&self) -> Result<usize> {
        let (status, list) = self.send(Method::GET, "/tasks").await?;
        expect("GET /tasks", status, StatusCode::OK)?;
        let is_receiver = |task: &&Value| task["name"].as_str().is_some_and(is_receiver_name);
        let mut receivers = 0;
        for task in list.as_array().ok_or("GET /tasks: not a list")?.iter().filter(is_receiver) {
            expect("state", task["state"].as_str(), Some("running"))?;
            receivers += 1;
        }
        Ok(receivers)
    }
}

fn is_receiver_name(name: &str) -> bool {
    name.starts_with("receiver:")
}
