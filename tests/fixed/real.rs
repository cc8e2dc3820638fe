//! The model's operations, done to a registry; and what has to hold whatever order they come in.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};

use task_registry::mode::Locking;
use task_registry::{
    SpawnError, State, StaticOutcome, StaticTask, StaticTasks, StaticTicket, TaskId,
};

use crate::model::{MOST, Op, Out, Res, Seen};

pub(crate) struct Real<L: Locking> {
    tasks: StaticTasks<L>,
    known: Vec<Cell<Option<TaskId>>>,
    bodies: Vec<RefCell<Body<L>>>,
    /// How many bodies have started and are not dropped.
    running: Rc<Cell<usize>>,
    detached: Rc<Cell<bool>>,
    /// Whether an operation is interrupted: who is polled meanwhile need not be woken yet.
    pub(crate) disturbed: Cell<bool>,
    /// What must never be.
    faults: Rc<RefCell<Vec<String>>>,
}

enum Body<L: Locking> {
    None,
    Ticket(StaticTicket<L>),
    Run(Run),
}

struct Run {
    future: Pin<Box<dyn Future<Output = StaticOutcome>>>,
    finish: Rc<Cell<bool>>,
    woken: Arc<Woken>,
}

/// Whether an executor would poll the task: at first, and when it was woken since.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Counts a body while it runs.
struct Running(Rc<Cell<usize>>);

impl Running {
    fn new(count: Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Running(count)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A task that is not numbered yet: the newcomer of an operation that is under way.
pub(crate) const NEWCOMER: usize = MOST;

impl<L: Locking> Real<L> {
    pub(crate) fn new(tasks: StaticTasks<L>) -> Self {
        Real {
            tasks,
            known: (0..MOST).map(|_| Cell::new(None)).collect(),
            bodies: (0..MOST).map(|_| RefCell::new(Body::None)).collect(),
            running: Rc::default(),
            detached: Rc::default(),
            disturbed: Cell::new(false),
            faults: Rc::default(),
        }
    }

    fn number(&self, id: TaskId) -> usize {
        self.known.iter().position(|known| known.get() == Some(id)).unwrap_or(NEWCOMER)
    }

    pub(crate) fn apply(&self, op: Op, number: usize) -> Res {
        match op {
            Op::Reserve => self.admit(number, self.tasks.reserve("x")),
            Op::Replace => self.admit(number, self.tasks.reserve_replacing("x")),
            Op::Detach => {
                self.detached.set(true);
                self.admit(number, self.tasks.reserve_detaching("x"))
            }
            Op::CancelName => {
                let found = self.tasks.cancel("x");
                Res::Found(found.map(|cancelling| self.number(cancelling.task().id())))
            }
            Op::Cancel(task) => {
                let id = self.known[task].get().expect("it was admitted");
                let found = self.tasks.cancel_id(id);
                Res::Found(found.map(|cancelling| self.number(cancelling.task().id())))
            }
            Op::Purge => Res::Purged(self.tasks.purge()),
            Op::Shutdown => {
                drop(self.tasks.shutdown(pending::<()>()));
                Res::Done
            }
            Op::Start(task) => self.start(task),
            Op::Poll(task) | Op::Finish(task) => self.poll(task, matches!(op, Op::Finish(_))),
            Op::Drop(task) => {
                let body = self.bodies[task].replace(Body::None);
                drop(body);
                Res::Done
            }
        }
    }

    fn admit(&self, number: usize, ticket: Result<StaticTicket<L>, SpawnError>) -> Res {
        match ticket {
            Ok(ticket) => {
                self.known[number].set(Some(ticket.id()));
                self.bodies[number].replace(Body::Ticket(ticket));
                Res::Done
            }
            Err(error) => self.refusal(error),
        }
    }

    fn refusal(&self, error: SpawnError) -> Res {
        match error {
            SpawnError::NameTaken { holder } => Res::Taken(self.number(holder)),
            SpawnError::Full { .. } => Res::Full,
            SpawnError::Closed => Res::Closed,
            SpawnError::Cancelled => Res::Refused,
            other => panic!("{other}"),
        }
    }

    fn start(&self, task: usize) -> Res {
        let Body::Ticket(ticket) = self.bodies[task].replace(Body::None) else {
            panic!("no ticket")
        };
        let finish = Rc::new(Cell::new(false));
        let (finishes, running, detached) =
            (finish.clone(), self.running.clone(), self.detached.clone());
        let faults = self.faults.clone();
        let run = ticket.run(async move {
            if running.get() > 0 && !detached.get() {
                faults.borrow_mut().push(format!("{task} runs beside another"));
            }
            let _running = Running::new(running);
            std::future::poll_fn(|_| if finishes.get() { Poll::Ready(()) } else { Poll::Pending })
                .await;
        });
        match run {
            Ok(run) => {
                let woken = Arc::new(Woken(AtomicBool::new(true)));
                self.bodies[task].replace(Body::Run(Run { future: Box::pin(run), finish, woken }));
                Res::Done
            }
            Err(error) => self.refusal(error.kind),
        }
    }

    fn poll(&self, task: usize, finish: bool) -> Res {
        let mut body = self.bodies[task].borrow_mut();
        let Body::Run(run) = &mut *body else { panic!("no future") };
        run.finish.set(finish);
        let woken = run.woken.0.swap(false, Ordering::SeqCst);
        let before = self.state(task);
        let waker = run.woken.clone().into();
        let polled = run.future.as_mut().poll(&mut Context::from_waker(&waker));
        let goes_on = polled.is_ready() || self.state(task) != before;
        if goes_on && !woken && !finish && !self.disturbed.get() {
            self.fault(format!("{task} goes on, and nobody woke it"));
        }
        if polled.is_pending() {
            return Res::Pending;
        }
        *body = Body::None;
        Res::Done
    }

    fn state(&self, task: usize) -> Option<State> {
        Some(self.tasks.by_id(self.known[task].get()?)?.state())
    }

    fn fault(&self, fault: String) {
        self.faults.borrow_mut().push(fault);
    }

    /// What can be done to this task next: first it starts, then it is polled, at last it finishes.
    pub(crate) fn next(&self, task: usize, last: bool) -> Option<Op> {
        match &*self.bodies[task].borrow() {
            Body::None => None,
            Body::Ticket(_) => Some(Op::Start(task)),
            Body::Run(_) if last => Some(Op::Finish(task)),
            Body::Run(_) => Some(Op::Poll(task)),
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        let number = |task: StaticTask<L>| self.number(task.id());
        let of = |id: &Cell<Option<TaskId>>| {
            let task = self.tasks.by_id(id.get()?)?;
            Some((task.state(), task.outcome().map(out)))
        };
        Seen {
            named: self.tasks.get("x").map(number),
            named_live: self.tasks.get_live("x").map(number),
            live: self.tasks.live(),
            tasks: self.known.iter().map(of).collect(),
        }
    }

    /// What is wrong, although no order of the operations would make it right.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = self.faults.take();
        let mut check = |holds: bool, what: &str| {
            if !holds {
                faults.push(what.to_owned());
            }
        };
        let all: Vec<_> = self.tasks.iter().collect();
        let live: Vec<_> = all.iter().filter(|task| !task.is_ended()).collect();
        let asked = |task: &&&StaticTask<L>| task.state() == State::Stopping;
        let unasked = live.len() - live.iter().filter(asked).count();
        check(unasked <= 1 || self.detached.get(), "two that nobody asked to stop have one name");
        for task in &all {
            check(task.is_ended() == task.outcome().is_some(), "a state and an outcome disagree");
        }
        check(live.len() == self.tasks.live() && all.len() == self.tasks.len(), "a count is wrong");
        let named = self.tasks.get_live("x");
        check(named.is_none_or(|task| !task.is_ended()), "a live task has ended");
        faults
    }

    /// Everything was let go on until it was over.
    pub(crate) fn has_ended(&self) -> bool {
        self.tasks.live() == 0 && (0..MOST).all(|task| self.next(task, true).is_none())
    }

    /// As new, unless it was shut down.
    pub(crate) fn clear(&self) {
        for body in &self.bodies {
            drop(body.replace(Body::None));
        }
        self.tasks.purge();
    }
}

fn out(outcome: StaticOutcome) -> Out {
    match outcome {
        StaticOutcome::Completed => Out::Completed,
        StaticOutcome::Cancelled { .. } => Out::Cancelled,
        StaticOutcome::Abandoned => Out::Abandoned,
        StaticOutcome::NeverStarted => Out::Never,
        other => panic!("{other:?}"),
    }
}
