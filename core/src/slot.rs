//! One task's place in the table: its flags, what is known of it, who waits for it.
//!
//! A slot is used again and again. It belongs to the table while it is free; from admission to release its *flags* are a
//! word that anybody may read, and the *body* is behind the slot's own lock. This module and those in it are the one
//! state machine of all tables; what a growing table adds to it is in `table`, a fixed one in `fixed`, both by way of
//! [`Store`].
//!
//! # Who writes the flags
//!
//! | flag | set | cleared |
//! | --- | --- | --- |
//! | `STARTED` | by the task's wrapper, before the first poll, without the lock, but under it where there is an observer, a clock or an order: until it is seen others set flags by read-modify-writes | never |
//! | `CANCEL` | by a canceller, under the body's lock: the token fires | never |
//! | `STOP` | with `CANCEL`, or when a grace ends, under the body's lock: the wrapper drops the future | never |
//! | `SHIELD` | by a shield of the task's, under the body's lock: defers `STOP` | when the last shield goes |
//! | `GRACE` | at admission: the wrapper has a grace of its own | never |
//! | `GRACING` | by a canceller, under the body's lock: that grace has begun | never |
//! | `ENDING`, then `ENDED` | by whoever reports the end, under the body's lock | never |
//! | `GONE` | when the record leaves the registry: with `ENDED`, or under the lock of the ended list, in a fixed table under its own; see below | never |
//! | `UNLISTED` | with `ENDED`, when no record is kept: the last reference takes the slot out of the table | never |
//! | `RESERVED` | at admission | when a future is given, under the body's lock |
//! | `HANDLE` | at admission | when the typed handle goes, under the body's lock |
//! | `KEEP` | at admission | at the end, if no record is kept, under the body's lock |
//! | `OUTPUT` | with the output that is left to be taken, under the body's lock | by whoever takes it, whose it is then |
//! | `PANIC` | with what the task panicked with, if that is left to be taken, under the body's lock | by whoever takes it, whose it is then, so too |
//! | `READY` | when the task says that it is, by whoever it lets say so | never |
//! | `HELD` | at admission | when no predecessor is left, under the lock of the name's shard, or of the fixed table |
//! | `AROUND` | under the body's lock, before the future goes to an executor: the observer wants polls entered | never |
//! | `CHAINED` | at admission, or under the body's lock | never |
//! | `RECORD` | at admission, in a growing table: the slot is in use | never |
//! | `END` | with `ENDING`, in a growing table: three bits, how the task ended | never |
//! | `PLAIN` | with `ENDING`, in a growing table, of a task of which there is nothing else to say | never |
//! | `WAKER` | with the task's waker, in a growing table, under the body's lock | by whoever takes it, so too |
//! | `MORE` | in a growing table, with the first of what few tasks have in their body, under its lock | never |
//! | `LONG` | at admission, in a growing table: the name has to be dropped | never |
//! | `NAMELESS` | in a fixed table, under its lock: names do not lead here, since another took it | when the name comes back, so too |
//!
//! Under the lock most of these are a plain store (`set_alone`). A wrapper that a canceller wakes sees `STOP` all the same:
//! the store comes before the wake, and on every executor a wake comes before the poll that it leads to.
//!
//! Once a task has ended, flags are written only on behalf of somebody who had a reference before that, or who takes what it left
//! (`OUTPUT`, `PANIC`, `CHAINED`). So `GONE` is a plain store where there is neither: whoever finds the task meanwhile sees
//! that it has ended, and writes none.
//!
//! `ENDING` comes before the registry's books (counters, list of ended tasks) are changed and `ENDED` after: who
//! finds only the first waits for the lock and reads again, so that nobody sees one half of an end.

#![allow(unsafe_code, reason = "waiters in the list that a slot's lock guards")]

mod life;
mod reference;

use core::pin::Pin;
use core::task::Waker;

#[cfg(feature = "alloc")]
pub(crate) use life::Concluded;
pub(crate) use life::{Fate, Legacy, Words};
#[cfg(feature = "alloc")]
pub(crate) use reference::count;
pub(crate) use reference::{SATURATED, SlotRef};

use crate::State;
use crate::mode::{Init, Lock, Storage, Word};
use crate::unwind::let_go;
use crate::wait::{Place, WaitList, Waiter};

pub(crate) const STARTED: u32 = 1;
pub(crate) const CANCEL: u32 = 1 << 1;
pub(crate) const ENDING: u32 = 1 << 2;
pub(crate) const ENDED: u32 = 1 << 3;
pub(crate) const GONE: u32 = 1 << 4;
pub(crate) const RESERVED: u32 = 1 << 5;
#[cfg(feature = "alloc")]
pub(crate) const HANDLE: u32 = 1 << 6;
#[cfg(feature = "alloc")]
pub(crate) const KEEP: u32 = 1 << 7;
pub(crate) const HELD: u32 = 1 << 8;
pub(crate) const CHAINED: u32 = 1 << 9;
pub(crate) const STOP: u32 = 1 << 10;
pub(crate) const SHIELD: u32 = 1 << 11;
pub(crate) const GRACE: u32 = 1 << 12;
pub(crate) const GRACING: u32 = 1 << 13;
#[cfg(feature = "alloc")]
pub(crate) const READY: u32 = 1 << 14;
#[cfg(feature = "alloc")]
pub(crate) const AROUND: u32 = 1 << 15;
pub(crate) const UNLISTED: u32 = 1 << 16;
pub(crate) const NAMELESS: u32 = 1 << 17;
#[cfg(feature = "alloc")]
pub(crate) const OUTPUT: u32 = 1 << 18;
#[cfg(feature = "alloc")]
pub(crate) const PANIC: u32 = 1 << 19;

// In a fixed table these bits are of the name's hash.
#[cfg(feature = "alloc")]
pub(crate) const RECORD: u32 = 1 << 21;
#[cfg(feature = "alloc")]
pub(crate) const PLAIN: u32 = 1 << 22;
#[cfg(feature = "alloc")]
pub(crate) const WAKER: u32 = 1 << 23;
#[cfg(feature = "alloc")]
pub(crate) const MORE: u32 = 1 << 24;
#[cfg(feature = "alloc")]
pub(crate) const LONG: u32 = 1 << 25;
#[cfg(feature = "alloc")]
const END_AT: u32 = 26;
#[cfg(feature = "alloc")]
const END: u32 = 7 << END_AT;

/// What a waiter in a slot's list waits for.
pub(crate) const FOR_END: u32 = 0;
pub(crate) const FOR_CANCEL: u32 = 1;
#[cfg(feature = "alloc")]
pub(crate) const FOR_READY: u32 = 2;

// In this order: what every task needs at its end comes before what it needs at the beginning, or seldom.
#[repr(C)]
pub(crate) struct Slot<M: Storage> {
    flags: M::Word,
    /// How many `SlotRef`s there are; in a growing table one more while there is a record. Goes from nought under the lock of the
    /// table, or of its shard, alone; in a growing table it goes to nought there as well.
    pub(crate) refs: M::Word,
    pub(crate) home: M::Home,
    /// Guards its content alone. May be taken under a shard's lock; the lock of the ended list may be taken under it.
    body: M::Lock<Body<M>>,
    pub(crate) back: M::Back,
}

pub(crate) struct Body<M: Storage> {
    /// Wakes the task, so that it sees its flags.
    pub(crate) waker: M::Waker,
    /// Who waits for the end, or for a step before it.
    pub(crate) waiters: WaitList,
    pub(crate) how: M::How,
    pub(crate) why: M::Why,
    pub(crate) more: M::More,
}

impl<M: Storage> Init for Body<M> {
    const INIT: Self = Self {
        waker: Init::INIT,
        waiters: WaitList::new(),
        how: M::How::INIT,
        why: M::Why::INIT,
        more: M::More::INIT,
    };
}

/// `None` is nought, so that a table of fixed size is all noughts at first, and no part of a firmware's image.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum End {
    Completed = 1,
    Cancelled,
    Panicked,
    Failed,
    Abandoned,
    NeverStarted,
}

#[cfg(feature = "alloc")]
impl End {
    /// As flags.
    #[inline]
    pub(crate) fn bits(self) -> u32 {
        (self as u32) << END_AT
    }

    /// What flags say.
    #[inline]
    pub(crate) fn of(flags: u32) -> Option<Self> {
        let ends = [
            Self::Completed,
            Self::Cancelled,
            Self::Panicked,
            Self::Failed,
            Self::Abandoned,
            Self::NeverStarted,
        ];
        ends.into_iter().find(|end| end.bits() == flags & END)
    }
}

/// How urgently a task is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Its token fires; the canceller says when its grace is over.
    Graced,
    /// After its own grace, if it has one, else now.
    Own,
    /// Now, whatever grace it has.
    Now,
}

/// Which waker the slot of a fixed table holds, so that it is replaced only when it changed: its data and its functions, as
/// addresses that are only ever compared. Read and written by the task's wrapper alone.
///
/// As long as the slot holds the waker its data is not freed, so the same pair is the same waker. Who takes it out
/// has set a flag before, which makes the wrapper store it again: see `tracked`. The default is none's, whose functions are at 0.
#[derive(Default, PartialEq)]
pub(crate) struct Mark(usize, usize);

impl Mark {
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn of(waker: &Waker) -> Self {
        Mark(waker.data().addr(), core::ptr::from_ref(waker.vtable()).addr())
    }
}

/// What a request to stop leaves to be done once the locks are released.
pub(crate) struct Request<M: Storage> {
    /// Whether nobody but the canceller can report the end, because no future was given yet.
    unborn: bool,
    /// Whether somebody may wait for the token.
    awaited: bool,
    waker: Option<Waker>,
    asked: M::Asked,
}

impl<M: Storage> Slot<M> {
    /// A slot that was never used. `flags` are those of a free one.
    pub(crate) const fn new(home: M::Home, back: M::Back) -> Self {
        Self { flags: M::Word::INIT, refs: M::Word::INIT, home, body: Init::INIT, back }
    }

    /// Prepares the flags and the references of a slot that nobody knows yet.
    #[inline]
    pub(crate) fn reset(&self, flags: u32, refs: u32) {
        self.flags.store(flags);
        self.refs.store(refs);
    }

    #[inline]
    pub(crate) fn flags(&self) -> u32 {
        self.flags.load()
    }

    /// The flags, never from the middle of an end. Must not be called under the body's lock.
    #[inline]
    pub(crate) fn settled(&self) -> u32 {
        let flags = self.flags.load();
        if M::IN_STEPS && flags & (ENDING | ENDED) == ENDING {
            return self.body.with(|_| self.flags.load());
        }
        flags
    }

    #[inline]
    pub(crate) fn set(&self, flags: u32) -> u32 {
        self.flags.set(flags)
    }

    /// Sets flags without a read-modify-write, where nobody else writes any: under the body's lock once the task has started, or in
    /// the hands of whoever ends it, until it has ended; and `GONE` where nothing is left.
    #[inline]
    pub(crate) fn set_alone(&self, flags: u32) -> u32 {
        let before = self.flags.load();
        self.flags.store(before | flags);
        before
    }

    /// Starts the task, unless it was asked to stop: then it never was (law 4). Says whether it did.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn set_started(&self) -> bool {
        self.flags.update(|flags| (flags & CANCEL == 0).then_some(flags | STARTED))
    }

    /// Sets flags under the body's lock, at any time: without a read-modify-write where that will do, which is from the start to the
    /// end.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn set_locked(&self, flags: u32) {
        let before = self.flags.load();
        if before & (STARTED | ENDED) == STARTED {
            self.flags.store(before | flags);
        } else {
            self.flags.set(flags);
        }
    }

    /// Clears flags so.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn clear_locked(&self, flags: u32) {
        let before = self.flags.load();
        if before & (STARTED | ENDED) == STARTED {
            self.flags.store(before & !flags);
        } else {
            self.flags.clear(flags);
        }
    }

    #[inline]
    pub(crate) fn clear(&self, flags: u32) -> u32 {
        self.flags.clear(flags)
    }

    #[inline]
    pub(crate) fn with<R>(&self, body: impl FnOnce(&mut Body<M>) -> R) -> R {
        self.body.with(body)
    }

    #[inline]
    pub(crate) fn state(&self) -> State {
        State::of(self.settled())
    }

    /// Asks the task to stop. `body` is this slot's. Of several requests the most urgent one counts, and the first reason.
    pub(crate) fn request(
        &self,
        body: &mut Body<M>,
        reason: M::Reason,
        urgency: Urgency,
    ) -> Request<M> {
        let mut request =
            Request { unborn: false, awaited: false, waker: None, asked: M::Asked::default() };
        let before = self.flags.load();
        if before & (ENDING | STOP) != 0 || M::is_ending(body) {
            return request;
        }
        let asked = match urgency {
            Urgency::Graced => CANCEL,
            Urgency::Own if before & GRACE != 0 => CANCEL | GRACING,
            Urgency::Own | Urgency::Now => CANCEL | STOP,
        };
        if before & asked == asked {
            return request;
        }
        let first = before & CANCEL == 0;
        let before = match before & STARTED {
            // The wrapper may set `STARTED` at the same time: what counts is who comes first.
            0 => self.flags.set(asked),
            // From then on flags are written under this lock alone, until the end.
            _ if M::IN_STEPS => self.set_alone(asked),
            _ => self.flags.set(asked),
        };
        if first {
            request.asked = M::ask(self, body, reason, before & STARTED == 0);
        }
        request.unborn = before & RESERVED != 0;
        request.awaited = first && !body.waiters.is_empty();
        request.waker = M::take_waker(self, body);
        request
    }

    /// Nobody can reach the slot: no lock is needed.
    #[cfg(feature = "alloc")]
    pub(crate) fn body_mut(&mut self) -> &mut Body<M> {
        self.body.get_mut()
    }
}

impl State {
    pub(crate) fn of(flags: u32) -> State {
        if flags & ENDED != 0 {
            State::Ended
        } else if flags & CANCEL != 0 {
            State::Stopping
        } else if flags & STARTED != 0 {
            State::Running
        } else {
            State::Queued
        }
    }
}

impl<M: Storage> Waiter<SlotRef<M>> {
    /// How a task ended of which there is nothing else to say, and where this waiter was woken, or never waited: for that no lock
    /// has to be taken.
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn plain_end(self: Pin<&mut Self>) -> Option<M::Outcome> {
        let (task, node) = self.split();
        M::plain_end(task, &node).map(M::plain)
    }

    /// How the task ended. Nobody has to wake this waiter then.
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn outcome(self: Pin<&mut Self>) -> Option<M::Outcome> {
        let (task, mut node) = self.split();
        if M::IN_STEPS {
            let (end, waker) = task.with(|body| {
                let end = M::end(task, body).filter(|_| M::is_plain(body));
                // SAFETY: this is the list that the place of the waiter leads to.
                (end, unsafe { node.unlink(&mut body.waiters) })
            });
            let_go(waker);
            // An outcome is large, so one that needs nothing but its kind is made where it goes.
            return match end {
                Some(end) => Some(M::plain(end)),
                None => task.with(|body| M::outcome(task, body)),
            };
        }
        let (outcome, waker) = task.with(|body| {
            // SAFETY: as above.
            (M::outcome(task, body), unsafe { node.unlink(&mut body.waiters) })
        });
        let_go(waker);
        outcome
    }
}

// SAFETY: the list of the slot, behind the slot's lock; a reference keeps the slot for this task.
unsafe impl<M: Storage> Place for SlotRef<M> {
    fn with_list<R>(&self, body: impl FnOnce(&mut WaitList) -> R) -> R {
        self.with(|slot| body(&mut slot.waiters))
    }

    #[cfg_attr(feature = "alloc", inline)]
    fn linked(&self) {
        M::awaited(self);
    }
}
