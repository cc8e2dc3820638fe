//! A restart that comes to nothing: to whom the name goes then, and who hears of it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread::{self, JoinHandle};

use async_executor::LocalExecutor;
use futures_lite::future::block_on;
use task_registry::local::OnLocalExecutor;
use task_registry::{
    Observer, Options, Outcome, Refusal, Refused, Registry, Spawn, SpawnError, Spawner, TaskInfo,
    Tasks, conflict, mode,
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

/// Keeps the futures, or lets another thread ask the task to stop and then refuses.
#[derive(Clone, Default)]
struct Refuses(Arc<Mutex<Option<Canceller>>>, Arc<Mutex<Vec<Shelved>>>);

type Canceller = Box<dyn FnOnce() + Send>;
type Shelved = Pin<Box<dyn Future<Output = ()> + Send>>;

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
        self.1.lock().unwrap().push(Box::pin(future));
        Ok(())
    }
}

/// Holds up whoever tells of a request to stop that has no reason.
struct Slow {
    arrives: Mutex<mpsc::Sender<()>>,
    goes: Mutex<mpsc::Receiver<()>>,
}

impl Observer for Slow {
    fn stopping(&self, _: &TaskInfo, reason: Option<&str>) {
        if reason.is_none() {
            self.arrives.lock().unwrap().send(()).unwrap();
            self.goes.lock().unwrap().recv().unwrap();
        }
    }
}

/// A registry of which a spawn is refused when another thread has asked its task to stop, and still tells of that.
struct Told {
    tasks: Registry<Refuses>,
    refuses: Refuses,
    arrived: Option<mpsc::Receiver<()>>,
    go: mpsc::Sender<()>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Told {
    fn new() -> Self {
        let (arrives, arrived) = mpsc::channel();
        let (go, goes) = mpsc::channel();
        let slow = Slow { arrives: Mutex::new(arrives), goes: Mutex::new(goes) };
        let refuses = Refuses::default();
        let tasks = Registry::with_options(refuses.clone(), Options::new().observer(slow));
        Self { tasks, refuses, arrived: Some(arrived), go, thread: Arc::default() }
    }

    /// The next spawn is the one, which first does this.
    fn refuse_next(&mut self, first: impl FnOnce() + Send + 'static) {
        let (cancels, thread): (Tasks<_>, _) = ((*self.tasks).clone(), self.thread.clone());
        let arrived = self.arrived.take().unwrap();
        *self.refuses.0.lock().unwrap() = Some(Box::new(move || {
            first();
            *thread.lock().unwrap() = Some(thread::spawn(move || drop(cancels.cancel("x"))));
            arrived.recv().unwrap();
        }));
    }

    /// The other thread goes on, to its end.
    fn go_on(&self) {
        self.go.send(()).unwrap();
        self.thread.lock().unwrap().take().unwrap().join().unwrap();
    }
}

impl Drop for Told {
    /// Records and futures keep the registry.
    fn drop(&mut self) {
        self.refuses.1.lock().unwrap().clear();
        self.tasks.purge();
    }
}

#[test]
fn law_06_a_record_has_its_name_again_once_another_thread_has_told_of_its_successors_end() {
    let mut told = Told::new();
    let old = told.tasks.task("x").spawn_restartable(|_| ready(7)).unwrap();
    block_on(told.refuses.1.lock().unwrap().pop().unwrap());
    assert!(old.is_ended());
    told.refuse_next(|| {});
    assert!(told.tasks.restart("x").is_err());
    let successor = told.tasks.get("x").expect("it has not ended for anybody else");
    assert!(!successor.is_ended() && successor.id() != old.id());
    told.go_on();
    assert!(successor.is_ended());
    assert_eq!(told.tasks.get("x").map(|task| task.id()), Some(old.id()));
}

#[test]
fn law_06_a_name_goes_to_no_record_while_one_lives_before_what_was_to_follow_it() {
    let mut told = Told::new();
    let first = told.tasks.spawn("x", pending::<()>()).unwrap();
    let second = told.tasks.task("x").on_conflict(conflict::Replace);
    let second = second.spawn_restartable(|_| pending::<()>()).unwrap();
    let shelf = told.refuses.1.clone();
    told.refuse_next(move || drop(shelf.lock().unwrap().pop()));
    assert!(told.tasks.restart("x").is_err());
    assert!(second.is_ended() && !first.is_ended());
    let taken = told.tasks.spawn("x", pending::<()>());
    assert!(matches!(taken, Err(SpawnError::NameTaken { .. })), "the first one lives");
    told.go_on();
    assert_eq!(told.tasks.get_live("x").map(|task| task.id()), Some(first.id()));
}

/// Keeps what it is given, until there is something else to do: that first, and then it refuses.
#[derive(Clone, Default)]
struct Overlaps(Arc<Mutex<VecDeque<Canceller>>>);

impl Spawner for Overlaps {
    type Handle = ();
    type Mode = mode::Sync;
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for Overlaps {
    fn spawn(&self, future: F) -> Result<(), Refused<F>> {
        let first = self.0.lock().unwrap().pop_front();
        match first {
            Some(first) => {
                first();
                Err(Refused::new(future, Refusal::Full))
            }
            None => {
                block_on(future);
                Ok(())
            }
        }
    }
}

#[test]
fn law_06_a_record_has_its_name_again_after_restarts_that_came_to_nothing_one_within_the_other() {
    let spawner = Overlaps::default();
    let tasks = Registry::new(spawner.clone());
    let old = tasks.task("x").spawn_restartable(|_| ready(7)).unwrap();
    let (arrives, arrived) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let (ends, ended) = mpsc::channel();
    // The first one is refused while the second, which stands behind it, has not been; the third is behind both.
    spawner.0.lock().unwrap().push_back(Box::new(move || {
        arrives.send(()).unwrap();
        goes.recv().unwrap();
    }));
    let again: Tasks<_> = (*tasks).clone();
    let first = thread::spawn(move || {
        assert!(again.restart("x").is_err());
        ends.send(()).unwrap();
    });
    arrived.recv().unwrap();
    let third: Tasks<_> = (*tasks).clone();
    spawner.0.lock().unwrap().extend([
        Box::new(move || {
            go.send(()).unwrap();
            ended.recv().unwrap();
            assert!(third.restart("x").is_err());
        }) as Canceller,
        Box::new(|| {}),
    ]);
    assert!(tasks.restart("x").is_err());
    first.join().unwrap();
    assert_eq!(tasks.get("x").map(|task| task.id()), Some(old.id()));
    tasks.purge();
}

/// Of two restarts, one within the other, both come to nothing. Of the first another thread tells, before or after the second one
/// has come to nothing.
fn record_has_its_name_again(told_first: bool) {
    let (arrives, arrived) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let slow = Slow { arrives: Mutex::new(arrives), goes: Mutex::new(goes) };
    let spawner = Overlaps::default();
    let tasks = Registry::with_options(spawner.clone(), Options::new().observer(slow));
    let old = tasks.task("x").spawn_restartable(|_| ready(7)).unwrap();
    let (cancels, again): (Tasks<_>, Tasks<_>) = ((*tasks).clone(), (*tasks).clone());
    let (arrives, second_arrived) = mpsc::channel();
    let (second_go, goes) = mpsc::channel::<()>();
    let others = Arc::new(Mutex::new(Vec::new()));
    let (threads, jobs) = (others.clone(), spawner.clone());
    spawner.0.lock().unwrap().push_back(Box::new(move || {
        let teller = thread::spawn(move || drop(cancels.cancel("x")));
        arrived.recv().unwrap();
        jobs.0.lock().unwrap().push_back(Box::new(move || {
            arrives.send(()).unwrap();
            goes.recv().unwrap();
        }));
        let second = thread::spawn(move || assert!(again.restart("x").is_err()));
        second_arrived.recv().unwrap();
        threads.lock().unwrap().extend([second, teller]);
    }));
    assert!(tasks.restart("x").is_err());
    let end = |which: usize, go: &mpsc::Sender<()>| {
        go.send(()).unwrap();
        others.lock().unwrap().remove(which).join().unwrap();
    };
    if told_first {
        end(1, &go);
        end(0, &second_go);
    } else {
        end(0, &second_go);
        end(0, &go);
    }
    assert_eq!(tasks.get("x").map(|task| task.id()), Some(old.id()));
    assert_eq!((tasks.live(), tasks.len()), (0, 1));
    tasks.purge();
}

#[test]
fn law_06_a_record_has_its_name_again_whoever_tells_last_of_two_restarts_that_came_to_nothing() {
    record_has_its_name_again(true);
    record_has_its_name_again(false);
}
