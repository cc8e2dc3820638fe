//! What an observer is still to be told of a task, in order and one at a time.
//!
//! News arises on several threads: one asks a task to stop while another ends it. It is noted under the lock of the slot's
//! body, with the change that it is of, so the notes are in order. One thread at a time tells it, without a lock; who has
//! more news meanwhile leaves it to that one. The end is *decided* when it is noted, and seen once it was told: `conclude`
//! in `slot::life`.

use alloc::vec::Vec;
use core::any::Any;

use crate::arc::Arc;
use crate::mode::Mode;
use crate::slot::{AROUND, Body, Concluded, ENDING, End, SlotRef};
use crate::unwind::{Panic, catch, contain, discard, each, in_turn, into_any, let_go};
use crate::{AroundPoll, Observer, State, TaskInfo, Text};

const ADDED: u8 = 1;
pub(crate) const STARTED: u8 = 1 << 1;
pub(crate) const STOPPING: u8 = 1 << 2;
const ENDED: u8 = 1 << 3;

/// The news of one task.
#[derive(Default)]
pub(crate) struct News {
    due: u8,
    /// Whether a thread is telling it.
    telling: bool,
    /// How the task ended, until everybody may see it.
    ending: Option<End>,
    /// What it panicked with that nobody takes.
    unclaimed: Vec<Panic>,
    around: Option<Arc<dyn AroundPoll>>,
}

impl News {
    pub(crate) fn added() -> Self {
        Self { due: ADDED, ..Self::default() }
    }

    pub(crate) fn note(&mut self, what: u8) {
        self.due |= what;
    }

    pub(crate) fn end(&mut self, end: End, unclaimed: Option<Panic>) {
        self.due |= ENDED;
        self.ending = Some(end);
        self.unclaimed.extend(unclaimed);
    }

    pub(crate) fn ending(&self) -> Option<End> {
        self.ending
    }

    /// Drops it, each thing of foreign code's by itself.
    pub(super) fn let_go(self) {
        let Self { unclaimed, around, .. } = self;
        in_turn! {
            each(unclaimed, discard);
            let_go(around);
        }
    }

    /// What is to be told next. In the order of the flags, which is that of life.
    fn next(&mut self) -> u8 {
        let next = self.due & self.due.wrapping_neg();
        self.due &= !next;
        next
    }
}

enum Step<M: Mode> {
    Nothing,
    Added(TaskInfo),
    Started(TaskInfo),
    Stopping(TaskInfo, Option<Text>),
    Ended(TaskInfo),
    Unclaimed(TaskInfo, Panic),
    /// All was told, and everybody may see the end now.
    Conclude(Concluded<M>, Option<Arc<dyn AroundPoll>>),
}

impl<M: Mode> SlotRef<M> {
    /// Tells of a task that was just admitted, before its future goes anywhere.
    pub(super) fn announce(&self, observer: &dyn Observer) {
        let info = TaskInfo::at(self, State::Queued, self.with(|body| body.times()));
        let around = catch(|| observer.around_polls(&info));
        match around {
            Ok(Some(around)) => {
                // Where the task was asked to stop meanwhile, and has ended, nobody would let go of it before the record.
                let around = self.with(|body| match body.news() {
                    Some(news) if self.flags() & ENDING == 0 => {
                        self.set(AROUND);
                        news.around.replace(around)
                    }
                    _ => Some(around),
                });
                contain(|| drop(around));
            }
            Ok(None) => {}
            Err(panic) => discard(panic),
        }
        self.tell();
    }

    /// Tells the observer what is due, unless another call does already. To be called outside all locks.
    pub(crate) fn tell(&self) {
        let Some(observer) = self.core().options.observer.get() else { return };
        let mut teller = Teller { task: self, telling: false };
        loop {
            match self.with(|body| self.next_step(body, &mut teller.telling)) {
                Step::Nothing => return,
                Step::Added(task) => contain(|| observer.added(&task)),
                Step::Started(task) => contain(|| observer.started(&task)),
                Step::Stopping(task, reason) => {
                    contain(|| observer.stopping(&task, reason.as_deref()));
                }
                Step::Ended(task) => contain(|| {
                    if let Some(outcome) = task.outcome() {
                        observer.ended(&task, outcome);
                    }
                }),
                Step::Unclaimed(task, panic) => give(observer, &task, panic),
                Step::Conclude(concluded, around) => {
                    return in_turn! {
                        contain(|| drop(around));
                        self.clone().follow_up(concluded);
                    };
                }
            }
        }
    }

    /// `telling` says whether this caller is the one who tells.
    fn next_step(&self, body: &mut Body<M>, telling: &mut bool) -> Step<M> {
        let (times, reason) = (body.times(), body.reason());
        let Some(news) = body.news() else { return Step::Nothing };
        if news.telling && !*telling {
            return Step::Nothing;
        }
        (news.telling, *telling) = (true, true);
        let (next, ending) = (news.next(), news.ending);
        match (next, ending) {
            (ADDED, _) => return Step::Added(TaskInfo::at(self, State::Queued, times)),
            (STARTED, _) => return Step::Started(TaskInfo::at(self, State::Running, times)),
            (STOPPING, _) => {
                return Step::Stopping(TaskInfo::at(self, State::Stopping, times), reason);
            }
            (ENDED, Some(end)) => return Step::Ended(TaskInfo::ended(self, body, end)),
            _ => {}
        }
        if let Some(panic) = news.unclaimed.pop() {
            let info = match ending {
                Some(end) => TaskInfo::ended(self, body, end),
                None => TaskInfo::locked(self, body),
            };
            return Step::Unclaimed(info, panic);
        }
        (news.telling, *telling) = (false, false);
        match news.ending.take() {
            Some(end) => {
                let (around, mut concluded) = (news.around.take(), Concluded::nothing());
                self.conclude(body, end, &mut concluded);
                Step::Conclude(concluded, around)
            }
            None => Step::Nothing,
        }
    }

    /// A panic of the task's that nobody else takes: to the observer, if there is one.
    pub(crate) fn unclaimed(&self, panic: Panic) {
        let panic = self.with(|body| match body.news() {
            Some(news) => {
                news.unclaimed.push(panic);
                None
            }
            None => Some(panic),
        });
        match panic {
            Some(panic) => discard(panic),
            None => self.tell(),
        }
    }

    /// Enters what the observer wants entered while the task runs, until what this returns is dropped.
    #[inline]
    pub(crate) fn enter(&self) -> Option<Inside> {
        if self.flags() & AROUND == 0 { None } else { self.enter_around() }
    }

    #[cold]
    fn enter_around(&self) -> Option<Inside> {
        let around = self.with(|body| body.news()?.around.clone())?;
        contain(|| around.enter());
        Some(Inside(Some(around)))
    }
}

/// Gives the observer a panic that nobody else takes.
pub(super) fn give(observer: &dyn Observer, task: &TaskInfo, panic: Panic) {
    let payload: alloc::boxed::Box<dyn Any + Send> = into_any(panic);
    contain(|| drop(observer.unclaimed_panic(task, payload)));
}

/// Sees to it that a task ends although an observer's panic could not be caught.
struct Teller<'a, M: Mode> {
    task: &'a SlotRef<M>,
    telling: bool,
}

impl<M: Mode> Drop for Teller<'_, M> {
    fn drop(&mut self) {
        if !self.telling {
            return;
        }
        let concluded = self.task.with(|body| {
            let news = body.news()?;
            news.telling = false;
            let ending = news.ending.take()?;
            let around = news.around.take();
            let mut concluded = Concluded::nothing();
            self.task.conclude(body, ending, &mut concluded);
            Some((concluded, around))
        });
        if let Some((concluded, around)) = concluded {
            in_turn! {
                contain(|| drop(around));
                self.task.clone().follow_up(concluded);
            }
        }
    }
}

/// That a task's surroundings were entered.
pub(crate) struct Inside(Option<Arc<dyn AroundPoll>>);

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(around) = self.0.take() {
            contain(|| around.exit());
            contain(|| drop(around));
        }
    }
}
