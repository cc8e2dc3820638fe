//! The scenarios of the system we follow, Sanic's background tasks, on its page's own examples.
//!
//! Its calls: `add_task`, `get_task`, `cancel_task`, `tasks`, `purge_tasks`, `shutdown_tasks`.

#[path = "common/watchdog.rs"]
mod watchdog;

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use task_registry::tokio::Tokio;
use task_registry::{Cx, Outcome, Plan, Registry, SpawnError, State, mode};
use tokio::sync::{broadcast, mpsc, oneshot};
use watchdog::Watchdog;

type Tasks = Registry<Tokio>;

/// `await asyncio.sleep(...)` of the page, until somebody lets it go on.
async fn slow_work(awake: oneshot::Receiver<()>) -> &'static str {
    awake.await.map_or("interrupted", |()| "rested")
}

#[tokio::test]
async fn add_task_runs_in_the_background_while_its_spawner_goes_on() {
    let _watchdog = Watchdog::start();
    let tasks = Tasks::new(Tokio::current());
    let (wake, awake) = oneshot::channel();
    let work = tasks.spawn_unnamed(slow_work(awake)).unwrap();
    assert!(!work.is_ended(), "add_task does not wait");
    wake.send(()).unwrap();
    assert_eq!(work.await.unwrap(), "rested");
}

#[tokio::test]
async fn add_task_may_be_called_from_a_task() {
    let _watchdog = Watchdog::start();
    let tasks = Tasks::new(Tokio::current());
    let inner = tasks.clone();
    let outer = tasks.spawn("outer", async move {
        let child = inner.spawn("inner", async { 20 }).unwrap();
        child.await.unwrap() + 1
    });
    assert_eq!(outer.unwrap().await.unwrap(), 21);
    assert!(tasks.get("inner").is_some());
}

#[tokio::test]
async fn a_callable_that_wants_the_app_captures_it() {
    let _watchdog = Watchdog::start();
    // `app.add_task(auto_inject)`: here the app is an `Arc`, the registry a field of it.
    struct App {
        name: &'static str,
        tasks: Tasks,
    }
    async fn auto_inject(app: Arc<App>) -> String {
        format!("{} has {} tasks", app.name, app.tasks.live())
    }
    let app = Arc::new(App { name: "example", tasks: Tasks::new(Tokio::current()) });
    let task = app.tasks.spawn("auto_inject", auto_inject(app.clone())).unwrap();
    assert_eq!(task.await.unwrap(), "example has 1 tasks");
}

/// `app.add_task(slow_work(5))` and `app.add_task(partial(slow_work, seconds=5))`, before the server runs: on each worker.
#[test]
fn arguments_are_bound_before_anything_runs_and_are_there_at_each_start() {
    let _watchdog = Watchdog::start();
    type Seen = Arc<Mutex<Vec<String>>>;
    async fn slow_work(seen: Seen, seconds: u32, unit: &str) {
        seen.lock().unwrap().push(format!("{seconds} {unit}"));
    }
    let seen = Seen::default();
    let mut plan = Plan::<Seen, mode::Sync>::new();
    for seconds in [5, 6] {
        let unit = String::from("seconds");
        let partial = move |cx: Cx<Seen, _>| {
            let unit = unit.clone();
            async move { slow_work(cx.app().clone(), seconds, &unit).await }
        };
        plan.task(format_args!("slow_work:{seconds}"), partial).unwrap();
    }
    // A coroutine that is there already has its arguments too, and is one: for one worker.
    plan.once_future("coroutine", slow_work(seen.clone(), 7, "once")).unwrap();
    for _worker in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let tasks = Tasks::new(Tokio::from(&runtime));
        runtime.block_on(async {
            plan.start(&tasks, seen.clone());
            tasks.wait_idle().await;
        });
    }
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(seen, ["5 seconds", "6 seconds", "7 once", "5 seconds", "6 seconds"]);
}

#[tokio::test]
async fn get_task_finds_a_named_task_from_anywhere() {
    let _watchdog = Watchdog::start();
    let tasks = Tasks::new(Tokio::current());
    let (wake, awake) = oneshot::channel();
    tasks.spawn("slow_task", slow_work(awake)).unwrap();

    let elsewhere = tasks.clone();
    let found = tokio::task::spawn_blocking(move || elsewhere.get("slow_task")).await.unwrap();
    let task = found.expect("get_task returns it");
    assert_eq!(task.name(), Some("slow_task"));
    assert!(tasks.get("fast_task").is_none(), "raise_exception=False: None");
    wake.send(()).unwrap();
    assert_eq!(task.wait().await, Outcome::Completed);
}

#[tokio::test]
async fn cancel_task_cancels_by_name_and_can_be_awaited() {
    let _watchdog = Watchdog::start();
    let tasks = Tasks::new(Tokio::current());
    let (wake, awake) = oneshot::channel();
    tasks.spawn("slow_task", slow_work(awake)).unwrap();
    let end = tasks.cancel_with("slow_task", "no longer needed").expect("it runs");
    assert_eq!(end.await.reason(), Some("no longer needed"));
    assert!(wake.is_closed(), "what the task owned is gone");
    assert!(tasks.cancel("never was").is_none());
}

#[tokio::test]
async fn a_second_task_of_a_name_is_refused_where_sanic_forgets_the_first() {
    let _watchdog = Watchdog::start();
    let tasks = Tasks::new(Tokio::current());
    tasks.spawn("feed", pending::<()>()).unwrap();
    let error = tasks.spawn("feed", pending::<()>()).unwrap_err();
    assert!(matches!(error, SpawnError::NameTaken { .. }));
    tasks.cancel_all().await;
}

#[tokio::test]
async fn tasks_lists_what_runs_and_purge_tasks_forgets_what_ended() {
    let _watchdog = Watchdog::start();
    let tasks = Tasks::new(Tokio::current());
    for number in 0..5u64 {
        tasks.spawn(format_args!("done:{number}"), async {}).unwrap().await.unwrap();
    }
    tasks.spawn("runs", pending::<()>()).unwrap();
    tasks.spawn("cancelled", pending::<()>()).unwrap();
    tasks.cancel("cancelled").unwrap().await;

    assert_eq!(tasks.snapshot().len(), 7);
    let live: Vec<_> =
        tasks.snapshot().into_iter().filter(|task| task.state() != State::Ended).collect();
    assert_eq!(live.len(), 1);
    assert_eq!(live[0].name(), Some("runs"));
    assert_eq!(tasks.purge(), 6);
    let names: Vec<_> =
        tasks.snapshot().iter().map(|task| task.name().map(str::to_owned)).collect();
    assert_eq!(names, [Some("runs".to_owned())]);
    tasks.cancel_all().await;
}

#[tokio::test]
async fn shutdown_tasks_cancels_all_and_waits_within_a_timeout() {
    let _watchdog = Watchdog::start();
    let tasks = Tasks::new(Tokio::current());
    let (drop_counter, mut drops) = mpsc::unbounded_channel();
    for number in 0..10u64 {
        let guard = OnDrop(drop_counter.clone());
        tasks
            .spawn(number, async move {
                let _guard = guard;
                pending::<()>().await;
            })
            .unwrap();
    }
    let report = tasks.shutdown(pending::<()>()).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.cancelled(), 10);
    for _ in 0..10 {
        drops.try_recv().expect("each has been dropped by now");
    }
    assert_eq!(tasks.spawn("late", async {}).unwrap_err(), SpawnError::Closed);
}

struct OnDrop(mpsc::UnboundedSender<()>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// What a WebSocket is to a handler: messages in, messages out, and either may end.
struct WebSocket {
    incoming: mpsc::UnboundedReceiver<String>,
    outgoing: mpsc::UnboundedSender<String>,
}

/// A client's end of it.
struct Client {
    to_server: mpsc::UnboundedSender<String>,
    from_server: mpsc::UnboundedReceiver<String>,
}

fn connection() -> (WebSocket, Client) {
    let (to_server, incoming) = mpsc::unbounded_channel();
    let (outgoing, from_server) = mpsc::unbounded_channel();
    (WebSocket { incoming, outgoing }, Client { to_server, from_server })
}

struct Feed {
    tasks: Tasks,
    events: broadcast::Sender<String>,
    stopped: AtomicUsize,
    log: Mutex<Vec<String>>,
}

impl Feed {
    fn new() -> Arc<Self> {
        let tasks = Tasks::new(Tokio::current());
        Arc::new(Feed {
            tasks,
            events: broadcast::channel(16).0,
            stopped: AtomicUsize::new(0),
            log: Mutex::default(),
        })
    }

    /// The page's `receiver(ws)`: sends each event to its client.
    async fn receiver(
        mut events: broadcast::Receiver<String>,
        outgoing: mpsc::UnboundedSender<String>,
    ) {
        while let Ok(event) = events.recv().await {
            if outgoing.send(event).is_err() {
                return;
            }
        }
    }

    /// The page's handler, whose `finally:` cancels the receiver, awaits it and purges: a guard here.
    async fn handler(self: Arc<Self>, id: u64, mut ws: WebSocket) {
        let receiver = Self::receiver(self.events.subscribe(), ws.outgoing.clone());
        let name = format!("receiver:{id}");
        let receiver = self.tasks.spawn(&name, receiver).expect("an id is used once").drop_guard();
        while let Some(message) = ws.incoming.recv().await {
            self.log.lock().unwrap().push(format!("{id}: {message}"));
        }
        let receiver_task = receiver.task().clone();
        let _ = ws.outgoing.send("bye".into());
        receiver.stop().await;
        receiver_task.purge();
        self.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

async fn connect(feed: &Arc<Feed>, id: u64) -> Client {
    let (ws, client) = connection();
    feed.tasks.spawn(format_args!("handler:{id}"), feed.clone().handler(id, ws)).unwrap();
    feed.tasks.wait_for(format!("receiver:{id}")).await;
    client
}

#[tokio::test]
async fn a_receiver_lives_as_long_as_its_connection() {
    let _watchdog = Watchdog::start();
    let feed = Feed::new();
    let mut clients = Vec::new();
    for id in 0..10 {
        clients.push(connect(&feed, id).await);
    }
    assert_eq!(feed.tasks.live(), 20);
    feed.events.send("news".into()).unwrap();
    for client in &mut clients {
        assert_eq!(client.from_server.recv().await.as_deref(), Some("news"));
    }
    clients[3].to_server.send("hello".into()).unwrap();
    // A client leaves: its own receiver stops, and no other.
    let Client { to_server, mut from_server } = clients.remove(3);
    drop(to_server);
    assert_eq!(feed.tasks.get("handler:3").unwrap().wait().await, Outcome::Completed);
    assert!(feed.tasks.get("receiver:3").is_none(), "its record is gone too");
    assert_eq!(from_server.recv().await.as_deref(), Some("bye"));
    assert!(from_server.recv().await.is_none(), "nobody holds the connection any more");
    assert_eq!(*feed.log.lock().unwrap(), ["3: hello"]);
    assert_eq!(feed.tasks.live(), 18);
    feed.events.send("more".into()).unwrap();
    for client in &mut clients {
        assert_eq!(client.from_server.recv().await.as_deref(), Some("more"));
    }
    assert!(feed.tasks.shutdown(pending::<()>()).await.is_clean());
    for client in &mut clients {
        assert!(client.from_server.recv().await.is_none());
    }
}

#[tokio::test]
async fn a_handler_that_is_cancelled_takes_its_receiver_along() {
    let _watchdog = Watchdog::start();
    let feed = Feed::new();
    let mut client = connect(&feed, 1).await;
    let receiver = feed.tasks.get("receiver:1").unwrap();
    assert!(feed.tasks.cancel("handler:1").unwrap().await.is_cancelled());
    assert!(receiver.wait().await.is_cancelled(), "the guard's destructor asked it to stop");
    assert!(client.from_server.recv().await.is_none());
    assert_eq!(feed.stopped.load(Ordering::SeqCst), 0, "the polite way was not taken");
    assert_eq!(feed.tasks.live(), 0);
}

#[tokio::test]
async fn a_receiver_that_is_cancelled_by_name_leaves_its_handler_alone() {
    let _watchdog = Watchdog::start();
    let feed = Feed::new();
    let mut client = connect(&feed, 1).await;
    assert!(feed.tasks.cancel("receiver:1").unwrap().await.is_cancelled());
    let _ = feed.events.send("unheard".into());
    assert!(feed.tasks.get_live("handler:1").is_some());
    client.to_server.send("still there".into()).unwrap();
    drop(client.to_server);
    feed.tasks.wait_idle().await;
    assert_eq!(*feed.log.lock().unwrap(), ["1: still there"]);
    assert_eq!(client.from_server.recv().await.as_deref(), Some("bye"));
    assert!(client.from_server.recv().await.is_none());
    assert_eq!(feed.stopped.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_connections_come_and_go_and_nothing_is_left() {
    let _watchdog = Watchdog::start();
    let feed = Feed::new();
    let mut clients = Vec::new();
    for id in 0..200 {
        clients.push(connect(&feed, id).await);
    }
    feed.events.send("news".into()).unwrap();
    for client in &mut clients {
        assert_eq!(client.from_server.recv().await.as_deref(), Some("news"));
    }
    // A third vanishes, a third is cancelled by name, a third leaves politely.
    for (id, client) in clients.into_iter().enumerate() {
        match id % 3 {
            0 => drop(client),
            1 => assert!(
                feed.tasks.cancel(&format!("handler:{id}")).expect("it lives").await.is_cancelled()
            ),
            _ => client.to_server.send("goodbye".into()).unwrap(),
        }
    }
    feed.tasks.wait_idle().await;
    feed.tasks.purge();
    assert!(feed.tasks.is_empty(), "{}", feed.tasks.snapshot());
    assert_eq!(feed.log.lock().unwrap().len(), 66);
    assert_eq!(Arc::strong_count(&feed), 1, "no handler is left");
}
