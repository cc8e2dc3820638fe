//! Tasks that replace each other under one name (law 6).
//!
//! A newcomer is *held* until the task it replaces has ended, and whatever that one waited for. Each knows the other:
//! `after` leads from a task to the one it holds, `before` back. A task that ends is taken out of its chain: if nothing
//! stood before it, the next one goes on; if something did, the next one is put behind that; and if there is no next one,
//! the name goes back to what stood before, which still lives under it.
//!
//! All of this is under the lock of the name's shard. A task may have ended and not yet been taken out, because whoever
//! ended it is still on the way to that lock: who comes first does it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr::NonNull;
use core::task::Waker;

use super::shard::Inner;
use super::{Core, slot};
use crate::mode::{Lock, Mode};
use crate::slot::{CHAINED, ENDED, ENDING, End, HELD, Request, Slot, SlotRef, Urgency};
use crate::text::Key;
use crate::unwind::{contain, each, in_turn};

/// What is left over: dropped, or woken, outside the shard's lock. Mostly nothing.
///
/// Whoever gives a name back to a live task says so here too, since the others then find that done, and tell nobody.
#[must_use]
pub(super) struct Loose<M: Mode>(Option<Box<Ends<M>>>);

struct Ends<M: Mode> {
    refs: Vec<SlotRef<M>>,
    wakers: Vec<Waker>,
    request: Option<(SlotRef<M>, Request<M>)>,
    /// The hash of a name that leads to a live task again.
    named: Option<u32>,
}

impl<M: Mode> Loose<M> {
    #[inline]
    pub(super) const fn new() -> Self {
        Self(None)
    }

    fn ends(&mut self) -> &mut Ends<M> {
        self.0.get_or_insert_with(|| {
            Box::new(Ends { refs: Vec::new(), wakers: Vec::new(), request: None, named: None })
        })
    }

    #[inline]
    pub(super) fn tie_up(self, core: &Core<M>) {
        if let Some(ends) = self.0 {
            Ends::tie_up(*ends, core);
        }
    }
}

impl<M: Mode> Ends<M> {
    #[cold]
    fn tie_up(self, core: &Core<M>) {
        in_turn! {
            if let Some((replaced, request)) = self.request {
                replaced.after_request(request);
            };
            each(self.wakers, |waker| contain(|| waker.wake()));
            if self.named.is_some() {
                core.named.wake_all(self.named);
            };
            drop(self.refs);
        }
    }
}

fn has_ended<M: Mode>(task: &Slot<M>) -> bool {
    task.settled() & ENDED != 0
}

impl<M: Mode> Slot<M> {
    /// Whether another task stands behind this one. The name's shard is locked.
    pub(super) fn is_followed(&self) -> bool {
        self.with(|body| body.some_extras().is_some_and(|extras| extras.after.is_some()))
    }
}

impl<M: Mode> Inner<M> {
    /// The live task of this name.
    pub(super) fn holder(
        &mut self,
        hash: u32,
        name: &Key<'_>,
        loose: &mut Loose<M>,
    ) -> Option<NonNull<Slot<M>>> {
        loop {
            let found = self.known(hash, name)?;
            let flags = slot(&found).settled();
            if flags & ENDED == 0 {
                return Some(found);
            }
            if flags & CHAINED == 0 || !self.unchain(found, loose) {
                return None;
            }
        }
    }

    /// Asks `old`, which lives, to stop, and puts `new` behind it. `false` if it has ended meanwhile.
    pub(super) fn chain(
        &self,
        old: NonNull<Slot<M>>,
        new: NonNull<Slot<M>>,
        loose: &mut Loose<M>,
    ) -> bool {
        let request = slot(&old).with(|body| {
            if slot(&old).flags() & ENDING != 0 {
                return None;
            }
            // SAFETY: `admit_known` counts this reference.
            slot(&old).extras(body).after = Some(unsafe { SlotRef::from_counted(new, ()) });
            slot(&old).set(CHAINED);
            Some(slot(&old).request(body, Some("replaced".into()), Urgency::Own))
        });
        let Some(request) = request else { return false };
        let before = self.refer(old);
        slot(&new).with(|body| slot(&new).extras(body).before = Some(before));
        loose.ends().request = Some((self.refer(old), request));
        true
    }

    /// Takes a task that has ended out of its chain; says whether that gave its name back to a live one.
    pub(super) fn unchain(&mut self, ended: NonNull<Slot<M>>, loose: &mut Loose<M>) -> bool {
        // Those before it that have ended as well go first, the oldest first of all.
        loop {
            let mut oldest = ended;
            while let Some(before) = before(oldest).filter(|before| has_ended(slot(before))) {
                oldest = before;
            }
            let gave_back = self.unlink(oldest, loose);
            if oldest == ended {
                return gave_back;
            }
        }
    }

    fn unlink(&mut self, ended: NonNull<Slot<M>>, loose: &mut Loose<M>) -> bool {
        let (before, after, follows) = slot(&ended).with(|body| match body.some_extras() {
            Some(extras) => (extras.before.take(), extras.after.take(), extras.follows),
            None => (None, None, None),
        });
        let in_vain = End::of(slot(&ended).flags()) == Some(End::NeverStarted);
        let mut gave_back = false;
        if let Some(next) = &after {
            let (old, waker) = next.with(|body| {
                let extras = next.extras(body);
                if in_vain && extras.follows == Some(slot(&ended).id()) {
                    extras.follows = follows;
                }
                let old = core::mem::replace(&mut extras.before, before.clone());
                if before.is_some() {
                    return (old, None);
                }
                next.clear(HELD);
                (old, next.take_waker(body))
            });
            loose.ends().refs.extend(old);
            loose.ends().wakers.extend(waker);
        }
        if let Some(last) = &before {
            let old =
                last.with(|body| core::mem::replace(&mut last.extras(body).after, after.clone()));
            loose.ends().refs.extend(old);
            if after.is_none() {
                gave_back = self.rename(last.core(), ended, last.as_ptr());
                if gave_back {
                    loose.ends().named = Some(last.head().hash);
                }
            }
        }
        loose.ends().refs.extend(before.into_iter().chain(after));
        gave_back
    }
}

fn before<M: Mode>(task: NonNull<Slot<M>>) -> Option<NonNull<Slot<M>>> {
    slot(&task).with(|body| Some(body.some_extras()?.before.as_ref()?.as_ptr()))
}

impl<M: Mode> Core<M> {
    /// Takes a task that has ended out of its chain.
    pub(super) fn pass_on(&self, ended: &SlotRef<M>) {
        let mut loose = Loose::new();
        let lock = &self.shard(ended.head().hash).1.lock;
        lock.with(|inner| inner.unchain(ended.as_ptr(), &mut loose));
        loose.tie_up(self);
    }
}
