//! A small run queue that is right, and that can be made wrong in one way at a time.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    None,
    /// No flaw either: another thread has polled what is woken before the wake returns.
    NoneAndQuick,
    DropsAtOnce,
    DropsWhenIdle,
    DropsWhatNobodyCanWake,
    DropsWithTheHandle,
    DropsWithTheHandleLater,
    RunsInline,
    PollsAfterCompletion,
    PollsAfterCompletionWhenWoken,
    LeaksWhatCompletes,
    LeaksWhatIsLeft,
    KeepsWhatCompletes,
    WakesTheNeighbour,
    WakesNobody,
    LosesWakesDuringPolls,
    LosesWakesOfThreads,
    LosesSecondWakes,
    PollsInsideWake,
    PollsInsideWakesOfThreads,
    ForgetsEverySeventh,
    LocksWhilePolling,
    BorrowsWhilePolling,
    LocksWhileDropping,
    TakesWhenGone,
    PanicsWhenGone,
    OwnsItself,
    WakersOwnTasks,
    RefusesNowAndThen,
}

pub(crate) type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Queue {
    flaw: Flaw,
    /// Who has not completed, by number.
    all: Mutex<BTreeMap<usize, Arc<Task>>>,
    ready: Mutex<VecDeque<Arc<Task>>>,
    next: AtomicUsize,
    home: ThreadId,
    /// What a flaw holds in the middle of polls.
    held: Mutex<()>,
    /// What a flaw does not let go of.
    kept: Mutex<Vec<BoxFuture>>,
}

pub(crate) struct Task {
    number: usize,
    queue: Weak<Queue>,
    future: Mutex<Option<BoxFuture>>,
    /// Whether it is in `ready`, and whether it is being polled.
    now: Mutex<(bool, bool)>,
    cancelled: Mutex<bool>,
}

thread_local! {
    /// What another flaw holds in the middle of polls.
    static BORROWED: RefCell<()> = const { RefCell::new(()) };
}

impl Queue {
    pub(crate) fn new(flaw: Flaw) -> Arc<Self> {
        Arc::new(Self {
            flaw,
            all: Mutex::default(),
            ready: Mutex::default(),
            next: AtomicUsize::new(0),
            home: thread::current().id(),
            held: Mutex::new(()),
            kept: Mutex::default(),
        })
    }

    pub(crate) fn push(self: &Arc<Self>, future: BoxFuture) -> Arc<Task> {
        match self.flaw {
            Flaw::LocksWhilePolling | Flaw::LocksWhileDropping => drop(lock(&self.held)),
            Flaw::BorrowsWhilePolling => BORROWED.with(|cell| drop(cell.borrow_mut())),
            _ => (),
        }
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let task = Arc::new(Task {
            number,
            queue: Arc::downgrade(self),
            future: Mutex::new(Some(future)),
            now: Mutex::default(),
            cancelled: Mutex::default(),
        });
        match self.flaw {
            Flaw::DropsAtOnce => return task,
            Flaw::RunsInline => {
                lock(&self.all).insert(number, task.clone());
                task.run(self);
                return task;
            }
            Flaw::ForgetsEverySeventh if number % 7 == 6 => {
                lock(&self.all).insert(number, task.clone());
                return task;
            }
            // Nothing but its wakers lead to it.
            Flaw::WakersOwnTasks => (),
            _ => drop(lock(&self.all).insert(number, task.clone())),
        }
        task.schedule();
        task
    }

    /// Polls until nothing is to be polled.
    pub(crate) fn run(self: &Arc<Self>) {
        loop {
            let Some(task) = lock(&self.ready).pop_front() else { break };
            task.run(self);
        }
        if self.flaw == Flaw::DropsWhenIdle {
            let all = std::mem::take(&mut *lock(&self.all));
            drop(all.into_values().map(|task| lock(&task.future).take()).collect::<Vec<_>>());
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let all = std::mem::take(&mut *lock(&self.all));
        lock(&self.ready).clear();
        for task in all.into_values() {
            let future = lock(&task.future).take();
            if self.flaw == Flaw::LeaksWhatIsLeft {
                std::mem::forget(future);
                continue;
            }
            // Outside the lock: a destructor may spawn.
            drop(future);
        }
    }
}

impl Task {
    fn schedule(self: &Arc<Self>) {
        let Some(queue) = self.queue.upgrade() else { return };
        {
            let mut now = lock(&self.now);
            if std::mem::replace(&mut now.0, true) {
                return;
            }
        }
        lock(&queue.ready).push_back(self.clone());
    }

    fn run(self: &Arc<Self>, queue: &Arc<Queue>) {
        *lock(&self.now) = (false, true);
        let Some(mut future) = lock(&self.future).take() else { return };
        if *lock(&self.cancelled) {
            drop(lock(&queue.all).remove(&self.number));
            return;
        }
        let waker = Waker::from(self.clone());
        let mut cx = Context::from_waker(&waker);
        let polled = {
            let _held = (queue.flaw == Flaw::LocksWhilePolling).then(|| lock(&queue.held));
            if queue.flaw == Flaw::BorrowsWhilePolling {
                BORROWED.with(|cell| {
                    let _borrowed = cell.borrow_mut();
                    future.as_mut().poll(&mut cx)
                })
            } else {
                future.as_mut().poll(&mut cx)
            }
        };
        lock(&self.now).1 = false;
        if polled == Poll::Pending && queue.flaw == Flaw::DropsWhatNobodyCanWake {
            // The list of all has it, this very call, and the waker that is here.
            if Arc::strong_count(self) == 3 {
                drop(lock(&queue.all).remove(&self.number));
                return;
            }
        }
        if polled == Poll::Pending || queue.flaw == Flaw::PollsAfterCompletionWhenWoken {
            *lock(&self.future) = Some(future);
            return;
        }
        if queue.flaw == Flaw::PollsAfterCompletion {
            let _ = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx).is_ready()));
        }
        drop(lock(&queue.all).remove(&self.number));
        match queue.flaw {
            Flaw::LeaksWhatCompletes => std::mem::forget(future),
            Flaw::KeepsWhatCompletes => lock(&queue.kept).push(future),
            Flaw::LocksWhileDropping => {
                let _held = lock(&queue.held);
                drop(future);
            }
            _ => drop(future),
        }
    }

    /// What a handle does that is not to stop the task, and does.
    pub(crate) fn cancel(self: &Arc<Self>, later: bool) {
        if later {
            *lock(&self.cancelled) = true;
            self.schedule();
        } else {
            let future = lock(&self.future).take();
            drop(future);
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(queue) = self.queue.upgrade() else { return };
        let during_a_poll = lock(&self.now).1;
        match queue.flaw {
            Flaw::WakesNobody => (),
            Flaw::LosesWakesDuringPolls if during_a_poll => (),
            Flaw::LosesWakesOfThreads if thread::current().id() != queue.home => (),
            Flaw::LosesSecondWakes => {
                // Twice is taken for never.
                let mut now = lock(&self.now);
                if now.0 {
                    now.0 = false;
                    lock(&queue.ready).retain(|task| !Arc::ptr_eq(task, self));
                    return;
                }
                drop(now);
                self.schedule();
            }
            Flaw::WakesTheNeighbour => {
                let all = lock(&queue.all);
                let next = all.range(self.number + 1..).next().or_else(|| all.iter().next());
                let next = next.map(|(_, task)| task.clone());
                drop(all);
                next.iter().for_each(Task::schedule);
            }
            Flaw::NoneAndQuick if !during_a_poll => {
                thread::scope(|scope| drop(scope.spawn(|| self.run(&queue))));
            }
            Flaw::PollsInsideWake if !during_a_poll => self.run(&queue),
            Flaw::PollsInsideWakesOfThreads
                if !during_a_poll && thread::current().id() != queue.home =>
            {
                self.run(&queue);
            }
            _ => self.schedule(),
        }
    }
}
