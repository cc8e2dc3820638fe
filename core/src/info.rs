use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;
use core::time::Duration;

use crate::mode::Mode;
use crate::slot::{Body, End, Slot};
use crate::{Cleanup, Outcome, State, TaskId, Text};

/// What is known of a task at one instant: its id, name, state and outcome, and its times where the registry was given
/// a clock. Plain data, which holds on to nothing.
///
/// `Display` is one line, whatever the name contains: `receiver:42  running  #1.7.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskInfo {
    id: TaskId,
    name: Text,
    state: State,
    outcome: Option<Outcome>,
    cleanup: Option<Cleanup>,
    times: Option<Times>,
}

/// When a task was spawned, started and ended, by the clock of [`Options::clock`](crate::Options::clock).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When its place was taken.
    pub spawned: Duration,
    /// When its body was first polled.
    pub started: Option<Duration>,
    /// When its future was gone, and its cleanup over if it had one.
    pub ended: Option<Duration>,
}

impl Times {
    pub(crate) fn at(spawned: Duration) -> Self {
        Self { spawned, started: None, ended: None }
    }

    pub(crate) fn start(&mut self, now: Duration) {
        self.started = Some(now);
    }

    pub(crate) fn end(&mut self, now: Duration) {
        self.ended = Some(now);
    }
}

impl TaskInfo {
    pub(crate) fn of<M: Mode>(task: &Slot<M>) -> Self {
        task.with(|body| Self::locked(task, body))
    }

    /// The same, under the lock of the body.
    pub(crate) fn locked<M: Mode>(task: &Slot<M>, body: &Body<M>) -> Self {
        match End::of(task.flags()) {
            Some(end) => Self::ended(task, body, end),
            None => Self::at(task, task.state(), body.times()),
        }
    }

    /// Of a task that has not ended.
    pub(crate) fn at<M: Mode>(task: &Slot<M>, state: State, times: Option<Times>) -> Self {
        let name = task.text().clone();
        Self { id: task.id(), name, state, outcome: None, cleanup: None, times }
    }

    /// Of a task that ended so, though maybe nobody may see it yet.
    pub(crate) fn ended<M: Mode>(task: &Slot<M>, body: &Body<M>, end: End) -> Self {
        let (outcome, cleanup, times) = body.last_words(end);
        Self { outcome: Some(outcome), cleanup, ..Self::at(task, State::Ended, times) }
    }

    /// The task.
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Its name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        (!self.name.is_empty()).then(|| self.name.as_str())
    }

    #[cfg(feature = "std")]
    pub(crate) fn text(&self) -> &Text {
        &self.name
    }

    /// Where it is in its life.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// How its cleanup went, if it had one and has ended.
    #[must_use]
    pub fn cleanup(&self) -> Option<Cleanup> {
        self.cleanup
    }

    /// When what happened, if the registry has a clock.
    #[must_use]
    pub fn times(&self) -> Option<Times> {
        self.times
    }
}

impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A width given for the whole line is the name's, so that lists can align what follows.
        let width = f.width().unwrap_or(0);
        match self.name() {
            Some(_) => write!(f, "{:<width$}", self.name)?,
            None => write!(f, "{:<width$}", "(unnamed)")?,
        }
        match &self.outcome {
            Some(outcome) => write!(f, "  {outcome}")?,
            None => write!(f, "  {}", self.state)?,
        }
        if let Some(cleanup) = self.cleanup {
            write!(f, ", {cleanup}")?;
        }
        write!(f, "  #{}", self.id)?;
        if let Some(times) = &self.times {
            write!(f, "  spawned {:.3?}", times.spawned)?;
            if let Some(started) = times.started {
                write!(f, ", started {started:.3?}")?;
            }
            if let Some(ended) = times.ended {
                write!(f, ", ended {ended:.3?}")?;
            }
        }
        Ok(())
    }
}

/// All tasks a registry knew of when [`Tasks::snapshot`](crate::Tasks::snapshot) was called, live ones first, then by
/// name. `Display` prints a line for each, with the names aligned.
#[derive(Clone, Debug, Default)]
pub struct Snapshot(Vec<TaskInfo>);

impl Snapshot {
    pub(crate) fn new(mut tasks: Vec<TaskInfo>) -> Self {
        tasks.sort_unstable_by(|a, b| {
            let key = |task: &TaskInfo| task.state == State::Ended;
            key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name)).then(a.id.cmp(&b.id))
        });
        Self(tasks)
    }

    /// The live ones, and those that ended.
    pub(crate) fn split(self) -> (Vec<TaskInfo>, Vec<TaskInfo>) {
        let Self(mut live) = self;
        let ended = live.split_off(live.partition_point(|task| task.state != State::Ended));
        live.shrink_to_fit();
        (live, ended)
    }
}

impl Deref for Snapshot {
    type Target = [TaskInfo];
    fn deref(&self) -> &[TaskInfo] {
        &self.0
    }
}

impl IntoIterator for Snapshot {
    type Item = TaskInfo;
    type IntoIter = alloc::vec::IntoIter<TaskInfo>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Snapshot {
    type Item = &'a TaskInfo;
    type IntoIter = core::slice::Iter<'a, TaskInfo>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.0)
    }
}

/// A line for each task, the names aligned as long as they are not too long for that.
pub(crate) fn write_lines(f: &mut fmt::Formatter<'_>, tasks: &[TaskInfo]) -> fmt::Result {
    let length = |task: &TaskInfo| task.name().map_or(9, |name| name.chars().take(41).count());
    let width = tasks.iter().map(length).filter(|length| *length <= 40).max().unwrap_or(0);
    for (index, task) in tasks.iter().enumerate() {
        if index > 0 {
            f.write_str("\n")?;
        }
        write!(f, "{task:width$}")?;
    }
    Ok(())
}
