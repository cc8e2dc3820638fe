//! Where no records are kept, whoever begins to follow the endings looks at each task. That a race was lost there before is modelled in
//! `core/tests/loom/endings.rs`.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use task_registry::mode::Sync;
use task_registry::{Endings, Observer, Options, Outcome, Retain, TaskInfo, Tasks};

/// Begins to follow wherever it is called from.
#[derive(Clone, Default)]
struct Follows(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    tasks: Option<Tasks<Sync>>,
    readers: Vec<Endings<Sync>>,
}

impl Follows {
    fn begin(&self) {
        let tasks = self.0.lock().unwrap().tasks.clone();
        let reader = tasks.map(|tasks| tasks.endings());
        self.0.lock().unwrap().readers.extend(reader);
    }
}

impl Observer for Follows {
    fn ended(&self, _: &TaskInfo, _: &Outcome) {
        self.begin();
    }
}

impl Wake for Follows {
    fn wake(self: Arc<Self>) {
        self.begin();
    }
}

struct OnDrop(Follows);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.begin();
    }
}

#[test]
fn law_09_foreign_code_may_begin_to_follow_where_each_task_is_looked_at_for_that() {
    let follows = Follows::default();
    let tasks = Tasks::new(Options::new().retain(Retain::Nothing).observer(follows.clone()));
    follows.0.lock().unwrap().tasks = Some(tasks.clone());
    let ticket = tasks.reserve("x").unwrap();
    let owned = OnDrop(follows.clone());
    let body = async move {
        let _owned = owned;
        std::future::pending::<()>().await;
    };
    let (task, _handle) = ticket.track(body).map_err(drop).unwrap();
    let waker = Waker::from(Arc::new(follows.clone()));
    let mut cx = Context::from_waker(&waker);
    let mut task = Box::pin(task);
    assert!(task.as_mut().poll(&mut cx).is_pending());
    // Its waker begins to follow, its destructor, its observer, and whoever waits for its end.
    let mut end = std::pin::pin!(tasks.cancel("x").unwrap());
    assert!(end.as_mut().poll(&mut cx).is_pending());
    assert_eq!(task.as_mut().poll(&mut cx), Poll::Ready(()));
    drop(task);
    let mut readers = std::mem::take(&mut follows.0.lock().unwrap().readers);
    let told: Vec<_> = readers.iter_mut().map(|reader| reader.try_next_ended().is_some()).collect();
    assert_eq!(told, [true, true, true, false], "the last began when it had ended");
    follows.0.lock().unwrap().tasks = None;
}
