//! The end of a task, from when its future is gone until it is told.

use core::mem::take;

use crate::mode::Storage;
use crate::slot::{Fate, SlotRef, Words};
use crate::terms::Held;
use crate::unwind::{Panic, catch, message};
use crate::{Outcome, Text};

/// Reports the end when it is dropped, so that a destructor's panic which nobody catches is reported as well.
pub(super) struct Report<M: Storage> {
    pub(super) slot: Option<SlotRef<M>>,
    pub(super) fate: Fate,
    pub(super) output: Option<M::Output>,
    pub(super) words: Words,
}

impl<M: Storage> Report<M> {
    /// The future is dropped unfinished.
    #[cfg_attr(feature = "alloc", inline)]
    pub(super) fn dropping(&mut self, drop_future: impl FnOnce()) {
        let fate = core::mem::replace(&mut self.fate, Fate::Panicked);
        match self.run(drop_future) {
            Err(panic) if fate == Fate::Dropped => self.words.panic = Some(panic),
            // What was decided before stands (law 3).
            Err(panic) => {
                self.fate = fate;
                self.lose(panic);
            }
            Ok(()) => self.fate = fate,
        }
    }

    /// The future panicked, and was dropped.
    pub(super) fn panicked(&mut self, panic: Panic) {
        self.fate = Fate::Panicked;
        self.words.panic = Some(panic);
    }

    /// Runs what is the task's.
    #[cfg_attr(feature = "alloc", inline)]
    pub(super) fn run<R>(&self, foreign: impl FnOnce() -> R) -> Result<R, Panic> {
        let _inside = self.slot.as_ref().map(M::enter);
        catch(foreign)
    }

    /// The same, when it is decided how the task ended.
    #[cfg_attr(feature = "alloc", inline)]
    pub(super) fn run_last(&self, foreign: impl FnOnce()) {
        if let Err(panic) = self.run(foreign) {
            self.lose(panic);
        }
    }

    /// Drops what the task ran under.
    #[cfg_attr(feature = "alloc", inline)]
    pub(super) fn clear(&self, terms: impl FnOnce()) {
        if let Err(panic) = catch(terms) {
            self.lose(panic);
        }
    }

    /// A panic that is not the task's outcome.
    pub(super) fn lose(&self, panic: Panic) {
        match &self.slot {
            Some(slot) => M::unclaimed(slot, panic),
            None => crate::unwind::discard(panic),
        }
    }

    /// Keeps the output if anybody may take it; otherwise it is dropped here.
    #[cfg_attr(feature = "alloc", inline)]
    pub(super) fn keep<T: 'static>(&mut self, output: T) {
        match self.slot.as_ref().map(|slot| M::keep(slot, output)) {
            Some(Ok(kept)) => self.output = Some(kept),
            // It has returned `Ready`: a panic of what nobody wants is not its outcome.
            unwanted => self.clear(|| drop(unwanted)),
        }
    }

    /// Reports the end now. Nothing is left to be reported later.
    #[inline]
    pub(super) fn give(&mut self) -> M::Seen {
        let Some(slot) = self.slot.take() else { return M::Seen::default() };
        slot.end(self.fate, &mut self.output, &mut self.words)
    }

    pub(super) fn hold(&mut self, held: Held<M::Output>) {
        (self.fate, self.output, self.words) = (held.fate, held.output, held.words);
    }

    /// Lets the cleanup run first.
    pub(super) fn postpone(mut self) -> (Option<SlotRef<M>>, Held<M::Output>) {
        let (output, words) = (self.output.take(), take(&mut self.words));
        (self.slot.take(), Held { fate: self.fate, output, words })
    }

    /// How the task will have ended.
    pub(super) fn outcome(&self) -> Outcome {
        match self.fate {
            Fate::Completed => Outcome::Completed,
            Fate::Failed => {
                Outcome::Failed { message: self.words.message.clone().unwrap_or(Text::EMPTY) }
            }
            Fate::Panicked => {
                Outcome::Panicked { message: self.words.panic.as_ref().and_then(message) }
            }
            Fate::Dropped | Fate::NeverStarted => {
                Outcome::Cancelled { reason: self.slot.as_ref().and_then(M::reason) }
            }
        }
    }
}

impl<M: Storage> Drop for Report<M> {
    #[inline]
    fn drop(&mut self) {
        self.give();
    }
}
