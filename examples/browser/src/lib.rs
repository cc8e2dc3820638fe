//! A page that lists its tasks while they run. Each has a button that cancels it, waits until it is gone, and then takes
//! its row away.
//!
//! ```sh
//! cd examples/browser
//! rustup target add wasm32-unknown-unknown
//! cargo install wasm-bindgen-cli --version 0.2.126 --locked
//! cargo build --release --target wasm32-unknown-unknown
//! wasm-bindgen --target web --out-dir pkg target/wasm32-unknown-unknown/release/page.wasm
//! python3 -m http.server    # and open http://localhost:8000
//! ```

mod dom;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use gloo_timers::future::sleep;
use task_registry::wasm::{Wasm, monotonic};
use task_registry::{Options, Registry, SpawnError, State, TaskId, TaskInfo};
use wasm_bindgen::prelude::*;

use dom::Row;

/// What every handler and every task of the page may need.
struct Page {
    tasks: Registry<Wasm>,
    rows: RefCell<HashMap<TaskId, Row>>,
}

#[wasm_bindgen(start)]
fn start() {
    let tasks = Registry::with_options(Wasm, Options::new().clock(monotonic));
    let page = Rc::new(Page { tasks, rows: RefCell::default() });
    page.populate().expect("the names differ");
    dom::on_submit("add", "name", {
        let page = page.clone();
        move |name| dom::show("answer", page.answer(page.tick(name)))
    });
    // The list is drawn by a task, too: one without a name, which it does not list.
    let drawing = page.clone().draw_again_and_again();
    page.tasks.spawn_unnamed(drawing).expect("nobody shuts the registry down");
}

impl Page {
    /// The tasks that a visitor finds.
    fn populate(self: &Rc<Self>) -> Result<(), SpawnError> {
        self.tick("clock".into())?;
        self.tick("feed:42".into())?;
        self.tasks.spawn("hello", async { dom::log("hello") })?;

        // An editor that is not gone before its draft is saved, however long that takes.
        let editing = async {
            let _gone = Gone("draft".into());
            std::future::pending::<()>().await;
        };
        let saved = |_end| dom::clicked("saved");
        let at_most = || sleep(Duration::from_secs(60));
        self.tasks.task("draft").cleanup(saved, at_most).spawn(editing)?;
        Ok(())
    }

    /// Starts a task that ticks for ever.
    fn tick(&self, name: String) -> Result<(), SpawnError> {
        let own = name.clone();
        self.tasks.spawn(name, async move {
            let _gone = Gone(own);
            loop {
                sleep(Duration::from_secs(1)).await;
            }
        })?;
        Ok(())
    }

    /// What the form says to whoever sent it.
    fn answer(&self, started: Result<(), SpawnError>) -> String {
        started.map_or_else(|error| error.to_string(), |()| String::new())
    }

    async fn draw_again_and_again(self: Rc<Self>) {
        loop {
            for task in self.tasks.snapshot() {
                self.draw(&task);
            }
            dom::show("counts", self.tasks.counts());
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn draw(self: &Rc<Self>, task: &TaskInfo) {
        let Some(name) = task.name() else { return };
        let mut rows = self.rows.borrow_mut();
        // A task that has ended has a row if it had one: it leaves when it is dismissed.
        if task.state() != State::Ended && !rows.contains_key(&task.id()) {
            let (page, id) = (self.clone(), task.id());
            rows.insert(id, Row::new(name, move || page.cancel(id)));
        }
        if let Some(row) = rows.get(&task.id()) {
            row.show(&state_and_age(task));
        }
    }

    /// A click on the row's button.
    fn cancel(self: &Rc<Self>, id: TaskId) {
        // The request is made here and now. Waiting for the end is work for a task.
        let Some(end) = self.tasks.cancel_id(id) else { return };
        let page = self.clone();
        let waiting = async move {
            let name = end.task().name().unwrap_or_default().to_owned();
            let outcome = end.await;
            page.rows.borrow_mut().remove(&id);
            dom::log(&format!("{name}: {outcome}"));
        };
        self.tasks.spawn_unnamed(waiting).expect("nobody shuts the registry down");
    }
}

fn state_and_age(task: &TaskInfo) -> String {
    let age = task.times().map_or(Duration::ZERO, |times| {
        times.ended.unwrap_or_else(monotonic).saturating_sub(times.spawned)
    });
    let state = match task.outcome() {
        Some(outcome) => outcome.to_string(),
        None => task.state().to_string(),
    };
    format!("{state}, {:.1} s", age.as_secs_f64())
}

/// Owned by a task's future once it runs: tells when that was dropped.
struct Gone(String);

impl Drop for Gone {
    fn drop(&mut self) {
        dom::log(&format!("{}: its future is gone", self.0));
    }
}
