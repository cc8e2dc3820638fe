//! One task's place in the table: its flags, what is known of it, who waits for it.
//!
//! A slot is used again and again. It belongs to the table while it is free; from admission to release its
//! *name and generation* do not change, its *flags* are a word that anybody may read, and the rest, the *body*, is
//! behind the slot's own lock.
//!
//! # Who writes the flags
//!
//! | flag | set | cleared |
//! | --- | --- | --- |
//! | `STARTED` | by the task's wrapper, before the first poll | never |
//! | `CANCEL` | by a canceller, under the body's lock: the token fires | never |
//! | `STOP` | with `CANCEL`, or when a grace ends, under the body's lock: the wrapper drops the future | never |
//! | `SHIELD` | by a shield of the task's, under the body's lock: defers `STOP` | when the last shield goes |
//! | `GRACE` | at admission: the wrapper has a grace of its own | never |
//! | `GRACING` | by a canceller, under the body's lock: that grace has begun | never |
//! | `ENDING`, then `ENDED` | by whoever reports the end, under the body's lock | never |
//! | `GONE` | when the record leaves the registry: with `ENDED`, or under the lock of the ended list | never |
//! | `UNLISTED` | with `ENDED`, when no record is kept: the last reference takes the slot out of the table | never |
//! | `RESERVED` | at admission | when a future is given, under the body's lock |
//! | `HANDLE` | at admission | when the typed handle goes, under the body's lock |
//! | `KEEP` | at admission | at the end, if no record is kept, under the body's lock |
//! | `READY` | when the task says that it is, by whoever it lets say so | never |
//! | `HELD` | at admission | when no predecessor is left, under the lock of the name's shard |
//! | `AROUND` | under the body's lock, before the future goes to an executor: the observer wants polls entered | never |
//! | `CHAINED` | under the body's lock | never |
//!
//! `ENDING` comes before the registry's books (counters, list of ended tasks) are changed and `ENDED` after: who
//! finds only the first waits for the lock and reads again, so that nobody sees one half of an end.
#![allow(unsafe_code, reason = "cells that other locks guard; each block says which")]

mod payload;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::mem::take;
use core::ptr::NonNull;
use core::task::Waker;

pub(crate) use payload::Payload;

use crate::info::Times;
use crate::mode::{Lock, Mode, Word};
use crate::scope::Membership;
use crate::table::{Ending, Home, Links, News, STOPPING, Shelf, SlotRef};
use crate::unwind::Panic;
use crate::wait::{Place, WaitList};
use crate::{Cleanup, Outcome, State, Text};

pub(crate) const STARTED: u32 = 1;
pub(crate) const CANCEL: u32 = 1 << 1;
pub(crate) const ENDING: u32 = 1 << 2;
pub(crate) const ENDED: u32 = 1 << 3;
pub(crate) const GONE: u32 = 1 << 4;
pub(crate) const RESERVED: u32 = 1 << 5;
pub(crate) const HANDLE: u32 = 1 << 6;
pub(crate) const KEEP: u32 = 1 << 7;
pub(crate) const HELD: u32 = 1 << 8;
pub(crate) const CHAINED: u32 = 1 << 9;
pub(crate) const STOP: u32 = 1 << 10;
pub(crate) const SHIELD: u32 = 1 << 11;
pub(crate) const GRACE: u32 = 1 << 12;
pub(crate) const GRACING: u32 = 1 << 13;
pub(crate) const READY: u32 = 1 << 14;
pub(crate) const AROUND: u32 = 1 << 15;
pub(crate) const UNLISTED: u32 = 1 << 16;

/// What a waiter in a slot's list waits for.
pub(crate) const FOR_END: u64 = 0;
pub(crate) const FOR_CANCEL: u64 = 1;
pub(crate) const FOR_READY: u64 = 2;

pub(crate) struct Slot<M: Mode> {
    flags: M::Word,
    /// How many `SlotRef`s there are. Goes from and to nought only under the shard's lock.
    pub(crate) refs: M::Word,
    pub(crate) home: Home<M>,
    /// Written by the table while there is no reference and no record; constant otherwise.
    pub(crate) head: UnsafeCell<Head>,
    /// Guarded by the shard's lock.
    pub(crate) shelf: UnsafeCell<Shelf>,
    /// Guarded by the lock of the ended list.
    pub(crate) links: UnsafeCell<Links<M>>,
    /// Guards its content alone. May be taken under a shard's lock; the lock of the ended list may be taken under it.
    body: M::Lock<Body<M>>,
}

pub(crate) struct Head {
    pub(crate) name: Text,
    pub(crate) generation: u32,
}

pub(crate) struct Body<M: Mode> {
    /// Wakes the task, so that it sees its flags.
    pub(crate) waker: Option<Waker>,
    /// Wakes who awaits the typed handle.
    pub(crate) joiner: Option<Waker>,
    /// Who waits for the end through other handles.
    pub(crate) waiters: WaitList,
    pub(crate) end: Option<End>,
    /// The output, or what the task panicked with, a [`Panic`].
    pub(crate) payload: Option<Payload>,
    /// What few tasks need.
    extras: Option<Box<Extras<M>>>,
}

#[derive(Clone, Copy)]
pub(crate) enum End {
    Completed,
    Cancelled,
    Panicked,
    Failed,
    Abandoned,
    NeverStarted,
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
    fn new() -> Self {
        Self {
            waker: None,
            joiner: None,
            waiters: WaitList::new(),
            end: None,
            payload: None,
            extras: None,
        }
    }

    pub(crate) fn extras(&mut self) -> &mut Extras<M> {
        self.extras.get_or_insert_default()
    }

    /// The extras, if any were needed.
    pub(crate) fn some_extras(&mut self) -> Option<&mut Extras<M>> {
        self.extras.as_deref_mut()
    }

    pub(crate) fn news(&mut self) -> Option<&mut News> {
        self.extras.as_deref_mut()?.news.as_deref_mut()
    }

    /// Whether the end is decided, though nobody may see it until the observer was told.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending().is_some()
    }

    fn ending(&self) -> Option<&Ending> {
        self.extras.as_deref()?.news.as_deref()?.ending()
    }

    /// Whether the payload is what the task panicked with.
    pub(crate) fn has_panicked(&self) -> bool {
        let end = self.end.or_else(|| Some(self.ending()?.end));
        matches!(end, Some(End::Panicked))
    }

    pub(crate) fn times(&self) -> Option<Times> {
        self.extras.as_ref()?.times
    }

    pub(crate) fn cleanup(&self) -> Option<Cleanup> {
        self.extras.as_ref()?.cleanup
    }

    pub(crate) fn stage(&self) -> i64 {
        self.extras.as_ref().map_or(0, |extras| extras.stage)
    }

    pub(crate) fn reason(&self) -> Option<Text> {
        self.extras.as_ref()?.reason.clone()
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        let extras = self.extras.as_deref();
        let message = || extras.and_then(|extras| extras.message.clone());
        Some(self.end?.outcome(|| extras.and_then(|extras| extras.reason.clone()), message))
    }

    /// What the task panicked with.
    pub(crate) fn take_panic(&mut self) -> Option<Panic> {
        match self.end? {
            End::Panicked => self.payload.take()?.take::<Panic>().ok(),
            _ => None,
        }
    }
}

impl End {
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

/// What a request to stop leaves to be done once the locks are released.
pub(crate) struct Request {
    /// Whether nobody but the canceller can report the end, because no future was given yet.
    pub(crate) unborn: bool,
    /// Whether somebody may wait for the token.
    pub(crate) awaited: bool,
    /// Whether an observer is to be told.
    pub(crate) news: bool,
    pub(crate) hooks: Vec<Waker>,
    pub(crate) waker: Option<Waker>,
}

impl<M: Mode> Slot<M> {
    pub(crate) fn new(home: Home<M>, generation: u32, shelf: Shelf) -> Self {
        Self {
            flags: M::Word::new(0),
            refs: M::Word::new(0),
            home,
            head: UnsafeCell::new(Head { name: Text::EMPTY, generation }),
            shelf: UnsafeCell::new(shelf),
            links: UnsafeCell::new(Links::default()),
            body: M::Lock::new(Body::new()),
        }
    }

    /// Prepares the flags and the references of a slot that nobody knows yet.
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
        if flags & (ENDING | ENDED) == ENDING {
            return self.body.with(|_| self.flags.load());
        }
        flags
    }

    #[inline]
    pub(crate) fn set(&self, flags: u32) -> u32 {
        self.flags.set(flags)
    }

    #[inline]
    pub(crate) fn clear(&self, flags: u32) -> u32 {
        self.flags.clear(flags)
    }

    /// Announces the end. For the wrapper, under the body's lock: nobody else writes flags then, but for those that
    /// come with a later state.
    pub(crate) fn set_ending(&self) -> u32 {
        let flags = self.flags.load();
        self.flags.store(flags | ENDING);
        flags
    }

    #[inline]
    pub(crate) fn with<R>(&self, body: impl FnOnce(&mut Body<M>) -> R) -> R {
        self.body.with(body)
    }

    pub(crate) fn state(&self) -> State {
        State::of(self.settled())
    }

    /// Asks the task to stop. `body` is this slot's. Of several requests the most urgent one counts, and the first reason.
    pub(crate) fn request(
        &self,
        body: &mut Body<M>,
        reason: Option<Text>,
        urgency: Urgency,
    ) -> Request {
        let mut request =
            Request { unborn: false, awaited: false, news: false, hooks: Vec::new(), waker: None };
        let before = self.flags.load();
        if before & (ENDING | STOP) != 0 || body.is_ending() {
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
        if first && reason.is_some() {
            body.extras().reason = reason;
        }
        // The wrapper may set `STARTED` at the same time: what counts is who comes first.
        let before = self.flags.set(asked);
        if first {
            let extras = body.some_extras();
            request.hooks = extras.map(|extras| take(&mut extras.hooks)).unwrap_or_default();
            self.count_request(before & STARTED == 0);
            if let Some(news) = body.news() {
                news.note(STOPPING);
                request.news = true;
            }
        }
        request.unborn = before & RESERVED != 0;
        request.awaited = first && !body.waiters.is_empty();
        request.waker = body.waker.take();
        request
    }

    /// Puts the task under one more shield, or takes one away; what is to be woken then.
    pub(crate) fn shield(&self, up: bool) -> Option<Waker> {
        self.body.with(|body| {
            let shields = &mut body.extras().shields;
            *shields = match (up, *shields) {
                (true, shields) => shields.saturating_add(1),
                // So many were leaked: the task stays under them.
                (false, u32::MAX) => u32::MAX,
                (false, shields) => shields.saturating_sub(1),
            };
            if *shields > 0 {
                self.flags.set(SHIELD);
                return None;
            }
            // The wrapper may be waiting elsewhere for what the shield deferred.
            let before = self.flags.clear(SHIELD);
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
        let body = unsafe { &mut (*slot.as_ptr()).body }.get_mut();
        body.end = None;
        (body.waker.take(), body.joiner.take(), body.payload.take(), body.extras.take())
    }
}

impl State {
    fn of(flags: u32) -> State {
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

// SAFETY: the list of the slot, behind the slot's lock; a reference keeps the slot for this task.
unsafe impl<M: Mode> Place for SlotRef<M> {
    fn with_list<R>(&self, body: impl FnOnce(&mut WaitList) -> R) -> R {
        self.with(|slot| body(&mut slot.waiters))
    }
}
