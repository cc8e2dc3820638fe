//! What a slot of a growing table holds beside what every slot does.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr::NonNull;
use core::task::Waker;

use super::payload::Payload;
use super::{Core, Links, News, Shelf};
use crate::info::Times;
use crate::mode::{Init, Mode, UnsafeCell};
use crate::scope::Membership;
use crate::slot::{Body, End, LOOKING, Mark, OUTPUT, PANIC, SHIELD, STOP, Slot, SlotRef};
use crate::unwind::{Panic, contain};
use crate::{Cleanup, Outcome, Text};

/// Which table a slot belongs to, where it is in it, and what the table knows of it.
pub(crate) struct Home<M: Mode> {
    pub(super) core: NonNull<Core<M>>,
    pub(super) place: u32,
    /// Written by the table while there is no reference and no record; constant otherwise.
    pub(super) head: UnsafeCell<Head>,
    /// Guarded by the shard's lock.
    pub(super) shelf: UnsafeCell<Shelf>,
    /// The output, or what the task panicked with, a [`Panic`]. Guarded by the lock of the body; but an output is whose
    /// who clears `OUTPUT`, locked or not.
    payload: UnsafeCell<Option<Payload>>,
    /// The wrapper's alone.
    mark: UnsafeCell<Mark>,
    /// Guarded by the lock of the ended list.
    pub(super) links: UnsafeCell<Links<M>>,
}

impl<M: Mode> Home<M> {
    pub(super) fn new(core: NonNull<Core<M>>, place: u32, head: Head, shelf: Shelf) -> Self {
        let (head, shelf) = (UnsafeCell::new(head), UnsafeCell::new(shelf));
        Self {
            core,
            place,
            head,
            shelf,
            payload: UnsafeCell::new(None),
            mark: UnsafeCell::new(Mark::NONE),
            links: UnsafeCell::default(),
        }
    }
}

pub(crate) struct Head {
    pub(crate) name: Text,
    pub(crate) generation: u32,
    /// Of the name, where there is one: see [`Core::hash`].
    pub(super) hash: u32,
}

/// Behind the lock of the slot.
pub(crate) struct More<M: Mode> {
    /// Wakes who awaits the typed handle.
    pub(crate) joiner: Option<Waker>,
    /// What few tasks need.
    extras: Option<Box<Extras<M>>>,
}

impl<M: Mode> Init for More<M> {
    const INIT: Self = Self { joiner: None, extras: None };
}

pub(crate) struct Extras<M: Mode> {
    pub(crate) reason: Option<Text>,
    pub(crate) message: Option<Text>,
    pub(crate) cleanup: Option<Cleanup>,
    /// When an ordered shutdown comes to it.
    pub(crate) stage: i64,
    /// Where it is a member, and under which number.
    pub(crate) scope: Option<Membership<M>>,
    /// What an observer is to be told, where there is one.
    pub(crate) news: Option<Box<News>>,
    /// How many shields the task is under.
    pub(crate) shields: u32,
    /// Who else is told of the first request to stop.
    pub(crate) hooks: Vec<Waker>,
    pub(crate) times: Option<Times>,
    /// What makes the task anew. Written at admission only, so that who finds the task finds this too.
    pub(crate) again: Option<M::Again>,
    /// The task that has to end before this one may start. Guarded by the shard's lock as well.
    pub(crate) before: Option<SlotRef<M>>,
    /// The task that may start when this one, and what it waits for, has ended. Guarded by the shard's lock as well.
    pub(crate) after: Option<SlotRef<M>>,
}

impl<M: Mode> Default for Extras<M> {
    fn default() -> Self {
        Self {
            reason: None,
            message: None,
            cleanup: None,
            stage: 0,
            scope: None,
            news: None,
            shields: 0,
            hooks: Vec::new(),
            times: None,
            again: None,
            before: None,
            after: None,
        }
    }
}

impl<M: Mode> Body<M> {
    #[inline]
    pub(crate) fn extras(&mut self) -> &mut Extras<M> {
        self.more.extras.get_or_insert_default()
    }

    /// The extras, if any were needed.
    #[inline]
    pub(crate) fn some_extras(&mut self) -> Option<&mut Extras<M>> {
        self.more.extras.as_deref_mut()
    }

    #[inline]
    pub(super) fn has_no_extras(&self) -> bool {
        self.more.extras.is_none()
    }

    #[inline]
    pub(crate) fn news(&mut self) -> Option<&mut News> {
        self.more.extras.as_deref_mut()?.news.as_deref_mut()
    }

    /// Whether the end is decided, though nobody may see it until the observer was told.
    #[inline]
    pub(crate) fn is_ending(&self) -> bool {
        self.ending().is_some()
    }

    #[inline]
    fn ending(&self) -> Option<End> {
        self.more.extras.as_deref()?.news.as_deref()?.ending()
    }

    /// Whether the payload is what the task panicked with.
    pub(crate) fn has_panicked(&self) -> bool {
        self.end.or_else(|| self.ending()) == Some(End::Panicked)
    }

    /// When the task was spawned and started; when it ended is said by [`Body::last_words`].
    pub(crate) fn times(&self) -> Option<Times> {
        let times = self.more.extras.as_ref()?.times?;
        Some(Times { ended: None, ..times })
    }

    /// How the task ended, if its end is `end`, how its cleanup went, and when all that happened.
    pub(crate) fn last_words(&self, end: End) -> (Outcome, Option<Cleanup>, Option<Times>) {
        let outcome = self.outcome_of(end);
        match self.more.extras.as_deref() {
            Some(extras) => (outcome, extras.cleanup, extras.times),
            None => (outcome, None, None),
        }
    }

    #[inline]
    fn outcome_of(&self, end: End) -> Outcome {
        let extras = self.more.extras.as_deref();
        let reason = || extras.and_then(|extras| extras.reason.clone());
        let message = || extras.and_then(|extras| extras.message.clone());
        end.outcome(reason, message)
    }

    pub(crate) fn stage(&self) -> i64 {
        self.more.extras.as_ref().map_or(0, |extras| extras.stage)
    }

    pub(crate) fn reason(&self) -> Option<Text> {
        self.more.extras.as_ref()?.reason.clone()
    }

    #[inline]
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        Some(self.outcome_of(self.end?))
    }
}

impl End {
    #[inline]
    pub(crate) fn outcome(
        self,
        reason: impl FnOnce() -> Option<Text>,
        message: impl FnOnce() -> Option<Text>,
    ) -> Outcome {
        match self {
            End::Completed => Outcome::Completed,
            End::Cancelled => Outcome::Cancelled { reason: reason() },
            End::Panicked => Outcome::Panicked { message: message() },
            End::Failed => Outcome::Failed { message: message().unwrap_or(Text::EMPTY) },
            End::Abandoned => Outcome::Abandoned,
            End::NeverStarted => Outcome::NeverStarted,
        }
    }
}

impl<M: Mode> Slot<M> {
    /// For the task's wrapper, which there is one of, and which asks for this while nobody else can reach it.
    #[expect(clippy::mut_from_ref, reason = "the wrapper has it to itself")]
    #[inline]
    pub(super) fn mark(&self) -> &mut Mark {
        // SAFETY: the one wrapper calls this, one reference at a time (`Store::mark` borrows what is its own).
        unsafe { &mut *self.home.mark.get() }
    }
}

/// The payload.
impl<M: Mode> Slot<M> {
    /// Leaves an output, or a panic, to whoever comes for it. `_` is this slot's body.
    #[inline]
    pub(super) fn leave_payload(&self, _: &mut Body<M>, payload: Option<Payload>, output: bool) {
        // SAFETY: the body is locked, and `OUTPUT` is not set: there was none.
        unsafe { *self.home.payload.get() = payload }
        self.set_alone(if output { OUTPUT } else { PANIC });
    }

    /// Takes the output, if there is one and nobody else does.
    #[inline]
    pub(crate) fn take_output(&self) -> Option<Payload> {
        let taken = self.flags() & OUTPUT != 0 && self.clear(OUTPUT) & OUTPUT != 0;
        // SAFETY: of all who come for it one clears the flag, which was set after the payload was written.
        if taken { unsafe { (*self.home.payload.get()).take() } } else { None }
    }

    /// Whether there is an output and it is a `T`. `_` is this slot's body.
    pub(crate) fn output_is<T: 'static>(&self, _: &mut Body<M>) -> Option<bool> {
        let exchange = |from: u32, to: u32| {
            self.change(|flags| (flags & from != 0).then_some(flags & !from | to))
        };
        if !exchange(OUTPUT, LOOKING) {
            return None;
        }
        // SAFETY: the body is locked, and who comes for the output without the lock finds no `OUTPUT`.
        let output = unsafe { &*self.home.payload.get() };
        let is = output.as_ref().is_some_and(Payload::is::<T>);
        exchange(LOOKING, OUTPUT);
        Some(is)
    }

    /// Takes what the task panicked with. `body` is this slot's.
    pub(crate) fn take_panic(&self, body: &mut Body<M>) -> Option<Panic> {
        if !body.has_panicked() {
            return None;
        }
        // SAFETY: the body is locked, and what is there is no output.
        unsafe { (*self.home.payload.get()).take() }?.take().ok()
    }
}

impl<M: Mode> Slot<M> {
    /// Puts the task under one more shield, or takes one away; what is to be woken then.
    pub(crate) fn shield(&self, up: bool) -> Option<Waker> {
        self.with(|body| {
            let shields = &mut body.extras().shields;
            *shields = match (up, *shields) {
                (true, shields) => shields.saturating_add(1),
                // So many were leaked: the task stays under them.
                (false, u32::MAX) => u32::MAX,
                (false, shields) => shields.saturating_sub(1),
            };
            if *shields > 0 {
                self.set(SHIELD);
                return None;
            }
            // The wrapper may be waiting elsewhere for what the shield deferred.
            let before = self.clear(SHIELD);
            if before & STOP != 0 { body.waker.take() } else { None }
        })
    }

    /// Gives up all that the last task left here; what there is, mostly nothing, is to be dropped outside the locks.
    ///
    /// # Safety
    ///
    /// There is no reference and no record, and the shard's lock is held, or the table is being dropped.
    #[inline]
    pub(super) unsafe fn let_go(slot: NonNull<Self>, garbage: &mut Garbage<M>) {
        // SAFETY: nobody else can reach the slot.
        let slot = unsafe { &mut *slot.as_ptr() };
        let long_name = slot.home.head.get_mut().name.is_shared();
        let payload = slot.home.payload.get_mut().is_some();
        let Body { end, waker, more: More { joiner, extras }, .. } = slot.body_mut();
        *end = None;
        let some = waker.is_some() || joiner.is_some() || extras.is_some();
        if some || payload || long_name {
            slot.let_go_some(garbage);
        }
    }

    #[cold]
    fn let_go_some(&mut self, garbage: &mut Garbage<M>) {
        let name = core::mem::replace(&mut self.home.head.get_mut().name, Text::EMPTY);
        let payload = self.home.payload.get_mut().take();
        let body = self.body_mut();
        let wakers = (body.waker.take(), body.more.joiner.take());
        garbage.0 = Some((name, payload, wakers, body.more.extras.take()));
    }
}

type Wakers = (Option<Waker>, Option<Waker>);
type Left<M> = (Text, Option<Payload>, Wakers, Option<Box<Extras<M>>>);

/// What a task left in its slot. It is written only where there is something, and never moved.
pub(super) struct Garbage<M: Mode>(Option<Left<M>>);

impl<M: Mode> Garbage<M> {
    #[inline]
    pub(super) const fn none() -> Self {
        Self(None)
    }

    #[inline]
    pub(super) fn drop(self) {
        if let Self(Some(garbage)) = self {
            contain(|| drop(garbage));
        }
    }
}
