//! What a registry of a few slots does, said naively: every task has the name "x".
//!
//! An operation is made of [`Step`]s. By itself it takes all of them at once; an interrupt may come between any two.
//! So the steps are the list of what an interrupt may see half done, and all of it: the rest is atomic.

use task_registry::State;

use Op::*;

/// The most operations, and so tasks, of a run. Tasks are numbered by the operation they come from.
pub(crate) const MOST: usize = 12;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Reserve,
    Replace,
    Detach,
    CancelName,
    Cancel(usize),
    Purge,
    Shutdown,
    /// Gives the ticket a future.
    Start(usize),
    /// Polls it; it is pending, if it is polled at all.
    Poll(usize),
    /// Polls it; it is ready, if it is polled at all.
    Finish(usize),
    /// Drops the ticket or the future.
    Drop(usize),
}

impl Op {
    /// The task whose ticket or future this needs for itself.
    pub(crate) fn owned(self) -> Option<usize> {
        match self {
            Start(task) | Poll(task) | Finish(task) | Drop(task) => Some(task),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Res {
    Done,
    Taken(usize),
    Full,
    Closed,
    Refused,
    Pending,
    Found(Option<usize>),
    Purged(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Out {
    Completed,
    Cancelled,
    Abandoned,
    Never,
}

/// What can be seen of a registry: whom the name leads to, whether that one lives, how many live, how each stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) named: Option<usize>,
    pub(crate) named_live: Option<usize>,
    pub(crate) live: usize,
    pub(crate) tasks: Vec<Option<(State, Option<Out>)>>,
}

/// What the driver has of a task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Body {
    None,
    Ticket,
    Run,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Task {
    body: Body,
    /// Whether it has the name.
    named: bool,
    started: bool,
    asked: bool,
    recorded: bool,
    end: Option<Out>,
    /// Whom it waits for.
    before: Option<usize>,
    place: usize,
    /// How many had ended before it.
    order: usize,
    /// How many operations under way refer to it.
    refs: usize,
}

impl Task {
    fn lives(&self) -> bool {
        self.end.is_none()
    }

    fn is_pinned(&self) -> bool {
        self.body != Body::None || self.refs > 0
    }

    fn state(&self) -> State {
        match self {
            Task { end: Some(_), .. } => State::Ended,
            Task { asked: true, .. } => State::Stopping,
            Task { started: true, .. } => State::Running,
            _ => State::Queued,
        }
    }
}

/// A part of an operation that nothing comes between.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A place, a name, and what had it asked to stop: all under one lock.
    Admit(Op, usize),
    /// Somebody is looked up, and from here on referred to ...
    Look(Op),
    LookAt(usize),
    /// ... asked to stop, whatever happened to them since ...
    Ask,
    /// ... and, if they have no future yet, ended by whoever asked first.
    EndUnborn,
    /// What was referred to may make room again: until here an admission can find the table full.
    LetGo,
    /// Each slot for itself.
    PurgeAt(usize),
    Close,
    /// A future comes to a ticket: first the gate is looked at, then the task claimed. Refused, the ticket is given up.
    Gate(usize),
    Claim(usize),
    GiveUp(usize),
    /// The wrapper is polled or dropped.
    Act(Op),
}

/// An operation that is under way.
#[derive(Clone, Copy)]
pub(crate) struct Doing {
    pub(crate) res: Res,
    hand: Option<usize>,
    unborn: bool,
}

impl Doing {
    pub(crate) const NEW: Self = Doing { res: Res::Done, hand: None, unborn: false };
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Model {
    capacity: usize,
    closed: bool,
    ends: usize,
    tasks: Vec<Option<Task>>,
}

impl Model {
    pub(crate) fn new(capacity: usize) -> Self {
        Model { capacity, closed: false, ends: 0, tasks: vec![None; MOST] }
    }

    pub(crate) fn steps(&self, op: Op, number: usize) -> Vec<Step> {
        const CANCEL: [Step; 3] = [Step::Ask, Step::EndUnborn, Step::LetGo];
        let places = 0..self.capacity;
        match op {
            Reserve | Replace | Detach => {
                vec![Step::Admit(op, number), Step::EndUnborn, Step::LetGo]
            }
            Cancel(_) | CancelName => [&[Step::Look(op)], &CANCEL[..]].concat(),
            Purge => places.map(Step::PurgeAt).collect(),
            Shutdown => {
                let each = places.flat_map(|place| [&[Step::LookAt(place)], &CANCEL[..]].concat());
                [Step::Close].into_iter().chain(each).collect()
            }
            Start(task) => {
                vec![Step::Gate(task), Step::Claim(task), Step::GiveUp(task), Step::LetGo]
            }
            Poll(_) | Finish(_) | Drop(_) => vec![Step::Act(op), Step::LetGo],
        }
    }

    pub(crate) fn apply(&mut self, op: Op, number: usize) -> Res {
        let mut doing = Doing::NEW;
        for step in self.steps(op, number) {
            self.step(step, &mut doing);
        }
        doing.res
    }

    pub(crate) fn step(&mut self, step: Step, doing: &mut Doing) {
        match step {
            Step::Admit(op, number) => doing.res = self.admit(op, number, doing),
            Step::Look(op) => {
                let found = match op {
                    Cancel(task) => self.task(task).recorded.then_some(task),
                    _ => self.named(),
                };
                doing.res = Res::Found(found);
                self.take(found, doing);
            }
            Step::LookAt(place) => {
                let found = self.find(|task| task.place == place && task.recorded);
                self.take(found, doing);
            }
            Step::Ask => self.ask(doing),
            Step::EndUnborn => {
                if let (true, Some(task)) = (doing.unborn, doing.hand) {
                    self.end(task, Out::Cancelled);
                }
                doing.unborn = false;
            }
            Step::LetGo => {
                if let Some(task) = doing.hand.take() {
                    self.task_mut(task).refs -= 1;
                }
            }
            Step::PurgeAt(place) => {
                let Res::Purged(before) = doing.res else {
                    doing.res = Res::Purged(0);
                    return self.step(step, doing);
                };
                let ended = |task: &Task| task.place == place && task.recorded && !task.lives();
                if let Some(task) = self.find(ended) {
                    self.task_mut(task).recorded = false;
                    doing.res = Res::Purged(before + 1);
                }
            }
            Step::Close => self.closed = true,
            Step::Gate(task) => {
                self.take(Some(task), doing);
                doing.res = if self.closed { Res::Closed } else { Res::Done };
            }
            Step::Claim(task) if doing.res == Res::Done => {
                let task = self.task_mut(task);
                if task.asked || !task.lives() {
                    doing.res = Res::Refused;
                } else {
                    task.body = Body::Run;
                }
            }
            Step::GiveUp(task) if doing.res != Res::Done => self.give_up(task),
            Step::Claim(_) | Step::GiveUp(_) => {}
            Step::Act(op) => {
                self.take(op.owned(), doing);
                doing.res = self.act(op);
            }
        }
    }

    fn task(&self, number: usize) -> &Task {
        self.tasks[number].as_ref().expect("it was admitted")
    }

    fn task_mut(&mut self, number: usize) -> &mut Task {
        self.tasks[number].as_mut().expect("it was admitted")
    }

    fn known(&self) -> impl DoubleEndedIterator<Item = (usize, &Task)> {
        self.tasks.iter().enumerate().filter_map(|(number, task)| Some((number, task.as_ref()?)))
    }

    fn find(&self, is: impl Fn(&Task) -> bool) -> Option<usize> {
        self.known().find(|(_, task)| is(task)).map(|(number, _)| number)
    }

    fn holder(&self) -> Option<usize> {
        self.find(|task| task.lives() && task.named)
    }

    fn named(&self) -> Option<usize> {
        let records = self.known().filter(|(_, task)| !task.lives() && task.recorded && task.named);
        let newest = records.max_by_key(|(_, task)| task.order);
        self.holder().or(newest.map(|(number, _)| number))
    }

    fn take(&mut self, task: Option<usize>, doing: &mut Doing) {
        doing.hand = task;
        if let Some(task) = task {
            self.task_mut(task).refs += 1;
        }
    }

    fn ask(&mut self, doing: &mut Doing) {
        let Some(task) = doing.hand.map(|task| self.task_mut(task)) else { return };
        if task.lives() && !task.asked {
            task.asked = true;
            doing.unborn = task.body == Body::Ticket;
        }
    }

    fn admit(&mut self, op: Op, number: usize, doing: &mut Doing) -> Res {
        if self.closed {
            return Res::Closed;
        }
        let holder = self.holder();
        if let (Some(holder), Reserve) = (holder, op) {
            return Res::Taken(holder);
        }
        let Some(place) = self.room() else { return Res::Full };
        let mut before = None;
        if let Some(holder) = holder {
            self.task_mut(holder).named = false;
            if op == Replace {
                before = Some(holder);
                self.take(before, doing);
                self.ask(doing);
            }
        }
        self.tasks[number] = Some(Task {
            body: Body::Ticket,
            named: true,
            started: false,
            asked: false,
            recorded: true,
            end: None,
            before,
            place,
            order: 0,
            refs: 0,
        });
        Res::Done
    }

    /// The first free place, or that of the oldest record that nobody holds.
    fn room(&mut self) -> Option<usize> {
        let is_used = |task: &Task| task.lives() || task.recorded || task.is_pinned();
        let is_free = |place: &usize| !self.known().any(|(_, t)| t.place == *place && is_used(t));
        if let Some(free) = (0..self.capacity).find(is_free) {
            return Some(free);
        }
        let records = self.known().filter(|(_, task)| !task.lives() && !task.is_pinned());
        let (oldest, _) = records.filter(|(_, t)| t.recorded).min_by_key(|(_, t)| t.order)?;
        self.task_mut(oldest).recorded = false;
        Some(self.task(oldest).place)
    }

    fn end(&mut self, number: usize, out: Out) {
        let ends = self.ends;
        let task = self.task_mut(number);
        if !task.lives() {
            return;
        }
        task.end = Some(out);
        task.order = ends;
        task.recorded = out != Out::Never;
        let (before, named) = (task.before.take(), task.named);
        self.ends += 1;
        if let Some(next) = self.find(|task| task.lives() && task.before == Some(number)) {
            self.task_mut(next).before = before;
        } else if let (Some(before), true) = (before, named) {
            self.task_mut(before).named = true;
        }
    }

    fn give_up(&mut self, number: usize) {
        let task = self.task_mut(number);
        let out = match (task.body, task.asked) {
            (_, true) => Out::Cancelled,
            (Body::Ticket, false) => Out::Never,
            _ => Out::Abandoned,
        };
        task.body = Body::None;
        self.end(number, out);
    }

    fn act(&mut self, op: Op) -> Res {
        let (Poll(number) | Finish(number) | Drop(number)) = op else { panic!("{op:?} is no act") };
        let task = self.task_mut(number);
        if matches!(op, Drop(_)) || task.asked {
            self.give_up(number);
            return Res::Done;
        }
        if task.before.is_some() {
            return Res::Pending;
        }
        task.started = true;
        if matches!(op, Poll(_)) {
            return Res::Pending;
        }
        task.body = Body::None;
        self.end(number, Out::Completed);
        Res::Done
    }

    /// All that can be done now.
    pub(crate) fn ops(&self) -> Vec<Op> {
        let mut ops = vec![Reserve, Replace, Detach, CancelName, Purge];
        if !self.closed {
            ops.push(Shutdown);
        }
        for (number, task) in self.known() {
            match task.body {
                Body::Ticket => ops.extend([Start(number), Drop(number)]),
                Body::Run => ops.extend([Poll(number), Finish(number), Drop(number)]),
                Body::None => {}
            }
            if task.lives() {
                ops.push(Cancel(number));
            }
        }
        ops
    }

    pub(crate) fn seen(&self) -> Seen {
        let of = |task: &Option<Task>| {
            let task = task.as_ref().filter(|task| task.recorded)?;
            Some((task.state(), task.end))
        };
        Seen {
            named: self.named(),
            named_live: self.holder(),
            live: self.known().filter(|(_, task)| task.lives()).count(),
            tasks: self.tasks.iter().map(of).collect(),
        }
    }

    /// The same for all models that go on alike: without what is forgotten, and numbered anew.
    pub(crate) fn shape(&self) -> impl Ord + use<> {
        let counts = |task: &Task| task.lives() || task.recorded || task.is_pinned();
        let known: Vec<_> = self.known().filter(|(_, task)| counts(task)).collect();
        let rank = |number| known.iter().position(|(other, _)| *other == number);
        let anew = |(_, task): &(usize, &Task)| {
            let order = known.iter().filter(|(_, other)| other.order < task.order).count();
            Task { before: task.before.and_then(rank), place: 0, order, ..(*task).clone() }
        };
        (self.closed, known.iter().map(anew).collect::<Vec<_>>())
    }
}
