//! What a slot of a growing table holds beside what every slot does.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr::NonNull;
use core::task::Waker;

use super::payload::Payload;
use super::{Core, Ending, Links, News, Shelf};
use crate::info::Times;
use crate::mode::{Init, Mode, UnsafeCell};
use crate::scope::Membership;
use crate::slot::{Body, End, SHIELD, STOP, Slot, SlotRef};
use crate::unwind::Panic;
use crate::{Cleanup, Outcome, Text};

/// Which table a slot belongs to, where it is in it, and what the table knows of it.
pub(crate) struct Home<M: Mode> {
    pub(super) core: NonNull<Core<M>>,
    pub(super) place: u32,
    /// Written by the table while there is no reference and no record; constant otherwise.
    pub(super) head: UnsafeCell<Head>,
    /// Guarded by the shard's lock.
    pub(super) shelf: UnsafeCell<Shelf>,
    /// Guarded by the lock of the ended list.
    pub(super) links: UnsafeCell<Links<M>>,
}

pub(crate) struct Head {
    pub(crate) name: Text,
    pub(crate) generation: u32,
    /// Of the name, where there is one: see [`Core::hash`].
    pub(super) hash: u32,
}

impl Head {
    #[inline]
    pub(super) fn hash(&self) -> u64 {
        spread(self.hash)
    }
}

/// A hash of 64 bits, of which the table of names looks at both ends, made of the 32 that slots have room for.
#[inline]
pub(super) fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Behind the lock of the slot.
pub(crate) struct More<M: Mode> {
    /// Wakes who awaits the typed handle.
    pub(crate) joiner: Option<Waker>,
    /// The output, or what the task panicked with, a [`Panic`].
    pub(crate) payload: Option<Payload>,
    /// What few tasks need.
    extras: Option<Box<Extras<M>>>,
}

impl<M: Mode> Init for More<M> {
    const INIT: Self = Self { joiner: None, payload: None, extras: None };
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
    pub(crate) fn news(&mut self) -> Option<&mut News> {
        self.more.extras.as_deref_mut()?.news.as_deref_mut()
    }

    /// Whether the end is decided, though nobody may see it until the observer was told.
    #[inline]
    pub(crate) fn is_ending(&self) -> bool {
        self.ending().is_some()
    }

    #[inline]
    fn ending(&self) -> Option<&Ending> {
        self.more.extras.as_deref()?.news.as_deref()?.ending()
    }

    /// Whether the payload is what the task panicked with.
    pub(crate) fn has_panicked(&self) -> bool {
        let end = self.end.or_else(|| Some(self.ending()?.end));
        matches!(end, Some(End::Panicked))
    }

    pub(crate) fn times(&self) -> Option<Times> {
        self.more.extras.as_ref()?.times
    }

    pub(crate) fn cleanup(&self) -> Option<Cleanup> {
        self.more.extras.as_ref()?.cleanup
    }

    pub(crate) fn stage(&self) -> i64 {
        self.more.extras.as_ref().map_or(0, |extras| extras.stage)
    }

    pub(crate) fn reason(&self) -> Option<Text> {
        self.more.extras.as_ref()?.reason.clone()
    }

    #[inline]
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        let extras = self.more.extras.as_deref();
        let message = || extras.and_then(|extras| extras.message.clone());
        Some(self.end?.outcome(|| extras.and_then(|extras| extras.reason.clone()), message))
    }

    /// What the task panicked with.
    pub(crate) fn take_panic(&mut self) -> Option<Panic> {
        match self.end? {
            End::Panicked => self.more.payload.take()?.take::<Panic>().ok(),
            _ => None,
        }
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

    /// Gives up all that the last task left here; what it returns is dropped outside the locks.
    ///
    /// # Safety
    ///
    /// There is no reference and no record, and the shard's lock is held, or the table is being dropped.
    pub(crate) unsafe fn let_go(slot: NonNull<Self>) -> impl Sized + use<M> {
        // SAFETY: nobody else can reach the slot.
        let body = unsafe { &mut *slot.as_ptr() }.body_mut();
        body.end = None;
        let more = core::mem::replace(&mut body.more, More::INIT);
        (body.waker.take(), more)
    }
}
