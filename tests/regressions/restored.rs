//! A restart that comes to nothing, when its own factory has had the name taken away.

use std::cell::RefCell;
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread::{self, JoinHandle};

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::{
    Observer, Options, Outcome, Refusal, Refused, Registry, Spawn, Spawner, TaskInfo, Tasks,
    conflict, mode,
};

#[test]
fn law_06_a_restart_that_comes_to_nothing_gives_no_name_to_a_task_that_others_stand_behind() {
    let executor = Rc::new(LocalExecutor::new());
    let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
    let behind = Rc::new(RefCell::new(None));
    let kept = behind.clone();
    let (again, calls) = (tasks.clone(), RefCell::new(0));
    let make = move |_| {
        *calls.borrow_mut() += 1;
        if *calls.borrow() == 2 {
            // One replaces the newcomer, the name is detached from that one, and then the newcomer comes to nothing.
            let newcomer = again.task("x").on_conflict(conflict::Replace).spawn(async {});
            *kept.borrow_mut() = Some(newcomer.unwrap().task().clone());
            drop(again.task("x").on_conflict(conflict::Detach).reserve().unwrap());
            resume_unwind(Box::new("in the factory"));
        }
        pending::<()>()
    };
    let old = tasks.task("x").spawn_restartable(make).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| tasks.restart("x"))).is_err());
    assert!(tasks.get("x").is_none(), "it was detached, and the task that had it lives on");
    let last = tasks.task("x").on_conflict(conflict::Replace).spawn(async {}).unwrap();
    while executor.try_tick() {}
    let behind = behind.take().unwrap();
    assert!(old.outcome().unwrap().is_cancelled());
    assert_eq!(
        (behind.outcome(), last.outcome()),
        (Some(Outcome::Completed), Some(Outcome::Completed))
    );
    assert_eq!(tasks.live(), 0);
    // The record keeps the factory, and that the registry.
    tasks.purge();
}

/// Notes that it was woken.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn whoever_waits_for_a_name_hears_that_a_restart_which_came_to_nothing_gave_it_back() {
    let executor = Rc::new(LocalExecutor::new());
    let tasks = Registry::new(OnLocalExecutor(Rc::downgrade(&executor)));
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    let waiting = Rc::new(RefCell::new(None));
    let (again, calls, place) = (tasks.clone(), RefCell::new(0), waiting.clone());
    let make = move |_| {
        *calls.borrow_mut() += 1;
        if *calls.borrow() == 2 {
            // The name is detached, and nobody has it: then somebody waits for it.
            drop(again.task("x").on_conflict(conflict::Detach).reserve().unwrap());
            let mut wait = Box::pin((*again).clone().wait_for("x"));
            assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            *place.borrow_mut() = Some(wait);
            resume_unwind(Box::new("in the factory"));
        }
        pending::<()>()
    };
    let old = tasks.task("x").spawn_restartable(make).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| tasks.restart("x"))).is_err());
    assert_eq!(tasks.get_live("x").map(|task| task.id()), Some(old.id()));
    assert!(bell.0.load(Relaxed));
    drop(waiting.take());
    drop(old);
    while executor.try_tick() {}
    tasks.purge();
}

/// Runs each future at once, or lets another thread ask the task to stop and then refuses.
#[derive(Clone, Default)]
struct Refuses(Arc<Mutex<Option<Canceller>>>);

type Canceller = Box<dyn FnOnce() + Send>;

impl Spawner for Refuses {
    type Handle = ();
    type Mode = mode::Sync;
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for Refuses {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        if let Some(cancel) = self.0.lock().unwrap().take() {
            cancel();
            return Err(Refused::new(future, Refusal::Full));
        }
        block_on(future);
        Ok(())
    }
}

/// Holds up whoever tells of a request to stop.
struct Slow {
    arrives: Mutex<mpsc::Sender<()>>,
    goes: Mutex<mpsc::Receiver<()>>,
}

impl Observer for Slow {
    fn stopping(&self, _: &TaskInfo, _: Option<&str>) {
        self.arrives.lock().unwrap().send(()).unwrap();
        self.goes.lock().unwrap().recv().unwrap();
    }
}

#[test]
fn law_06_a_record_has_its_name_again_although_another_thread_still_tells_of_its_successors_end() {
    let (arrives, arrived) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let slow = Slow { arrives: Mutex::new(arrives), goes: Mutex::new(goes) };
    let refuses = Refuses::default();
    let tasks = Registry::with_options(refuses.clone(), Options::new().observer(slow));
    let old = tasks.task("x").spawn_restartable(|_| ready(7)).unwrap();
    assert!(old.is_ended());
    let thread: Arc<Mutex<Option<JoinHandle<()>>>> = Arc::default();
    let (cancels, canceller): (Tasks<_>, _) = ((*tasks).clone(), thread.clone());
    *refuses.0.lock().unwrap() = Some(Box::new(move || {
        *canceller.lock().unwrap() = Some(thread::spawn(move || drop(cancels.cancel("x"))));
        arrived.recv().unwrap();
    }));
    assert!(tasks.restart("x").is_err());
    assert_eq!(tasks.get("x").map(|task| task.id()), Some(old.id()));
    go.send(()).unwrap();
    let canceller = thread.lock().unwrap().take().unwrap();
    canceller.join().unwrap();
    assert_eq!(tasks.get("x").map(|task| task.id()), Some(old.id()));
    // The record keeps the spawner.
    drop(old);
    tasks.purge();
}
