//! What a slot of a growing table holds beside what every slot does.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::task::Waker;

use super::News;
use super::kept::Bits;
use super::payload::Payload;
use super::room::Room;
use super::shard::Shard;
use crate::info::Times;
use crate::mode::{Init, Mode, UnsafeCell};
use crate::scope::Membership;
use crate::slot::{Body, End, LONG, MORE, OUTPUT, PANIC, SHIELD, STOP, Slot, SlotRef, WAKER};
use crate::unwind::{contain, each, in_turn, let_go};
use crate::{Cleanup, Outcome, TaskId, Text};

/// Which table a slot belongs to, where it is in it, and what the table knows of it.
#[repr(C)]
pub(crate) struct Home<M: Mode> {
    /// The shard of the table that the slot is in.
    pub(super) shard: NonNull<Shard<M>>,
    pub(super) place: u32,
    /// From the end on the record's number in the list of the ended, guarded by that one's lock.
    pub(super) number: UnsafeCell<u32>,
    /// Written by the table while there is no reference; constant otherwise. As is the name, in `Slot::back`.
    pub(super) head: UnsafeCell<Head>,
    pub(super) room: UnsafeCell<Room>,
}

impl<M: Mode> Home<M> {
    pub(super) fn new(shard: &Shard<M>, place: u32, generation: u32) -> Self {
        Self {
            shard: NonNull::from(shard),
            place,
            number: UnsafeCell::new(0),
            head: UnsafeCell::new(Head { generation, hash: 0 }),
            room: UnsafeCell::new(Room::new()),
        }
    }
}

/// What is seldom read, in the slot's other line of cache.
pub(crate) struct Back {
    /// As `Head`.
    pub(super) name: UnsafeCell<Text>,
    /// See [`kept`](super::kept).
    pub(super) kept: UnsafeCell<Bits>,
}

impl Back {
    pub(super) fn new() -> Self {
        Self { name: UnsafeCell::new(Text::EMPTY), kept: UnsafeCell::new(Bits::uninit()) }
    }
}

pub(crate) struct Head {
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
    /// The task that this one is to be in place of after a restart, or else whom that one was: who has the name again if this one
    /// comes to nothing. Written under the shard's lock as well.
    pub(crate) follows: Option<TaskId>,
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
            follows: None,
            before: None,
            after: None,
        }
    }
}

impl<M: Mode> Extras<M> {
    /// Drops them, each thing of foreign code's by itself.
    #[cold]
    fn let_go(self) {
        let Self { hooks, news, again, .. } = self;
        in_turn! {
            each(hooks, |hook| contain(|| drop(hook)));
            let_go(again);
            if let Some(news) = news {
                news.let_go();
            };
        }
    }
}

impl<M: Mode> Slot<M> {
    /// The extras, made if need be. `body` is this slot's.
    pub(crate) fn extras<'a>(&self, body: &'a mut Body<M>) -> &'a mut Extras<M> {
        if body.more.extras.is_none() {
            self.needs_more();
        }
        body.more.extras.get_or_insert_default()
    }

    /// From now on the body has to be looked at. Under its lock.
    #[inline]
    pub(crate) fn needs_more(&self) {
        if self.flags() & MORE == 0 {
            self.set_locked(MORE);
        }
    }

    #[inline]
    pub(crate) fn outcome(&self, body: &Body<M>) -> Option<Outcome> {
        Some(body.outcome_of(End::of(self.flags())?))
    }
}

impl<M: Mode> Body<M> {
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
            let shields = &mut self.extras(body).shields;
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
            if before & STOP != 0 { self.take_waker(body) } else { None }
        })
    }

    /// Gives up all that the last task left here; what there is, mostly nothing, is to be dropped outside the locks.
    ///
    /// # Safety
    ///
    /// There is no reference, and the shard's lock is held.
    // As `Core::evict`.
    #[inline(always)]
    pub(super) unsafe fn let_go(slot: NonNull<Self>, garbage: &mut Garbage<M>) {
        // SAFETY: nobody else can reach the slot.
        let slot = unsafe { &mut *slot.as_ptr() };
        let flags = slot.flags();
        let left = flags & (LONG | WAKER | OUTPUT | PANIC);
        // Whether the body is not as new.
        if left != 0 || flags & MORE != 0 {
            let More { joiner, extras } = &slot.body_mut().more;
            if left != 0 || joiner.is_some() || extras.is_some() {
                slot.let_go_some(garbage);
            }
        }
        slot.reset(0, 0);
    }

    #[cold]
    fn let_go_some(&mut self, garbage: &mut Garbage<M>) {
        let name = core::mem::replace(self.back.name.get_mut(), Text::EMPTY);
        let (waker, payload) = self.empty();
        let More { joiner, extras } = &mut self.body_mut().more;
        *garbage.0 = Some((name, payload, (waker, joiner.take()), extras.take()));
    }
}

type Wakers = (Option<Waker>, Option<Waker>);
type Left<M> = (Text, Option<Payload>, Wakers, Option<Box<Extras<M>>>);

/// What a task left in its slot. Written only where there is something, never moved, and let go of by [`Garbage::drop`] alone: so who
/// has none, as most do, looks at one byte.
pub(super) struct Garbage<M: Mode>(ManuallyDrop<Option<Left<M>>>);

impl<M: Mode> Garbage<M> {
    #[inline]
    pub(super) const fn none() -> Self {
        Self(ManuallyDrop::new(None))
    }

    #[inline]
    pub(super) fn drop(&mut self) {
        if self.0.is_some() {
            self.drop_some();
        }
    }

    #[cold]
    fn drop_some(&mut self) {
        let Some((_, payload, (waker, joiner), extras)) = self.0.take() else { return };
        in_turn! {
            let_go(payload);
            let_go(waker);
            let_go(joiner);
            if let Some(extras) = extras {
                extras.let_go();
            };
        }
    }
}
