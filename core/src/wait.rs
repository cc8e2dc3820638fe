//! Waiting for something to happen, without an allocation: each waiting future carries a node of the list.
//!
//! # Invariants
//!
//! 1. A node is linked in at most one list, the one its [`Place`] leads to, and only while its [`Waiter`] is pinned
//!    and not dropped: `Waiter::drop` unlinks it.
//! 2. Nodes and lists are touched only inside [`Place::with_list`], that is, under the list's lock.
//! 3. Wakers are cloned, dropped and woken outside that lock (law 9).
//!
//! # Why no wake-up is lost
//!
//! The waiter links its node and then looks once more at what it waits for; whoever makes it happen does so first
//! and then looks at the list. [`Word`](crate::mode::Word)s are in one order for all threads, so at least one sees
//! the other.
#![allow(
    unsafe_code,
    reason = "intrusive nodes; each block is argued against the invariants above"
)]

use core::cell::UnsafeCell;
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::ptr::NonNull;
use core::task::{Context, Poll, Waker};

use crate::mode::{Lock, Mode, Word};
use crate::unwind::contain;

/// How many wakers are taken out of a list under one lock.
const BATCH: usize = 16;

pub(crate) struct WaitList {
    head: Option<NonNull<Node>>,
    tail: Option<NonNull<Node>>,
    len: u32,
}

pub(crate) struct Node {
    inner: UnsafeCell<Inner>,
    _pinned: PhantomPinned,
}

struct Inner {
    /// `Some` exactly while the node is linked.
    waker: Option<Waker>,
    /// What it waits for, where a list serves several things: the hash of a name.
    key: u64,
    prev: Option<NonNull<Node>>,
    next: Option<NonNull<Node>>,
}

// SAFETY: a list or a node is read and written only under the list's lock (invariant 2), and what they hold, a
// `Waker`, may go to any thread. Futures whose table stays on one thread are kept there by their other fields.
unsafe impl Send for WaitList {}
// SAFETY: as above.
unsafe impl Send for Node {}
// SAFETY: as above.
unsafe impl core::marker::Sync for Node {}

impl WaitList {
    pub(crate) const fn new() -> Self {
        Self { head: None, tail: None, len: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Links `node` at the end, or gives a linked one another waker. `waker` is left with the one it replaces.
    ///
    /// # Safety
    ///
    /// `node` is pinned, belongs to this list only, and is unlinked before it is dropped.
    unsafe fn link(&mut self, node: &Node, key: u64, waker: &mut Option<Waker>) {
        // SAFETY: `&mut self` shows that the lock is held (invariant 2).
        let inner = unsafe { &mut *node.inner.get() };
        let linked = inner.waker.is_some();
        core::mem::swap(&mut inner.waker, waker);
        if linked {
            return;
        }
        let this = NonNull::from(node);
        inner.key = key;
        inner.next = None;
        inner.prev = self.tail.replace(this);
        match inner.prev {
            // SAFETY: a linked node is alive (invariant 1) and ours to write (invariant 2).
            Some(prev) => unsafe { (*prev.as_ref().inner.get()).next = Some(this) },
            None => self.head = Some(this),
        }
        self.len += 1;
    }

    /// Takes `node` out, if it is in.
    ///
    /// # Safety
    ///
    /// `node` belongs to this list only.
    unsafe fn unlink(&mut self, node: &Node) -> Option<Waker> {
        // SAFETY: `&mut self` shows that the lock is held (invariant 2).
        let inner = unsafe { &mut *node.inner.get() };
        let waker = inner.waker.take()?;
        let (prev, next) = (inner.prev.take(), inner.next.take());
        match prev {
            // SAFETY: a linked node is alive (invariant 1) and ours to write (invariant 2).
            Some(prev) => unsafe { (*prev.as_ref().inner.get()).next = next },
            None => self.head = next,
        }
        match next {
            // SAFETY: as above.
            Some(next) => unsafe { (*next.as_ref().inner.get()).prev = prev },
            None => self.tail = prev,
        }
        self.len -= 1;
        Some(waker)
    }

    /// Takes out the first node that waits for `key`, or the first of all.
    fn pop(&mut self, key: Option<u64>) -> Option<Waker> {
        let mut at = self.head;
        while let Some(node) = at {
            // SAFETY: a linked node is alive (invariant 1) and ours to read (invariant 2).
            let node = unsafe { node.as_ref() };
            // SAFETY: as above.
            let inner = unsafe { &*node.inner.get() };
            if key.is_none_or(|key| key == inner.key) {
                // SAFETY: it was found in this list.
                return unsafe { self.unlink(node) };
            }
            at = inner.next;
        }
        None
    }
}

/// Leads to the list that a waiter waits in.
///
/// # Safety
///
/// `with_list` always runs its argument on the same list, alone, and the list lives as long as the value.
pub(crate) unsafe trait Place {
    fn with_list<R>(&self, body: impl FnOnce(&mut WaitList) -> R) -> R;
}

/// One future's wish to be woken.
pub(crate) struct Waiter<P: Place> {
    pub(crate) place: P,
    key: u64,
    /// Whether the node was ever linked, so that most drops take no lock.
    used: bool,
    node: Node,
}

impl<P: Place> Waiter<P> {
    pub(crate) fn new(place: P, key: u64) -> Self {
        let inner = Inner { waker: None, key: 0, prev: None, next: None };
        let node = Node { inner: UnsafeCell::new(inner), _pinned: PhantomPinned };
        Self { place, key, used: false, node }
    }

    /// Ready as soon as `ready` says so; until then woken each time it may have changed its mind.
    pub(crate) fn poll_until<R>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        ready: impl Fn(&P) -> Option<R>,
    ) -> Poll<R> {
        if let Some(result) = ready(&self.place) {
            self.rest();
            return Poll::Ready(result);
        }
        self.as_mut().register(cx.waker());
        match ready(&self.place) {
            Some(result) => {
                self.rest();
                Poll::Ready(result)
            }
            None => Poll::Pending,
        }
    }

    fn register(self: Pin<&mut Self>, waker: &Waker) {
        let mut waker = Some(waker.clone());
        // SAFETY: nothing is moved out.
        let this = unsafe { self.get_unchecked_mut() };
        this.used = true;
        // SAFETY: the node is pinned with `self`, `place` always leads to the same list, and `drop` unlinks it.
        this.place.with_list(|list| unsafe { list.link(&this.node, this.key, &mut waker) });
        contain(|| drop(waker));
    }

    /// Takes the node out of its list: nobody has to wake it any more.
    fn rest(self: Pin<&mut Self>) {
        // SAFETY: nothing is moved out.
        unsafe { self.get_unchecked_mut() }.unlink();
    }

    fn unlink(&mut self) {
        if self.used {
            self.used = false;
            // SAFETY: the node was never in another list.
            let waker = self.place.with_list(|list| unsafe { list.unlink(&self.node) });
            contain(|| drop(waker));
        }
    }
}

impl<P: Place> Drop for Waiter<P> {
    fn drop(&mut self) {
        self.unlink();
    }
}

/// Wakes all who wait at `place` now, or those of them who wait for `key`. O(of those who wait there).
///
/// Who starts to wait meanwhile is not this call's business, so that it ends.
pub(crate) fn wake_all(place: &impl Place, key: Option<u64>) {
    let mut left = u32::MAX;
    loop {
        let mut batch = [const { None }; BATCH];
        place.with_list(|list| {
            left = left.min(list.len);
            for place in &mut batch {
                if left == 0 {
                    break;
                }
                *place = list.pop(key);
                left = if place.is_some() { left - 1 } else { 0 };
            }
        });
        for waker in batch.into_iter().flatten() {
            contain(|| waker.wake());
        }
        if left == 0 {
            return;
        }
    }
}

/// Something of the whole registry that can be waited for.
pub(crate) struct Event<M: Mode> {
    /// How many wait, readable without the lock.
    waiting: M::Word,
    /// Guards its list alone. Taken under no other lock, and no other is taken under it.
    list: M::Lock<WaitList>,
}

impl<M: Mode> Event<M> {
    pub(crate) fn new() -> Self {
        Self { waiting: M::Word::new(0), list: M::Lock::new(WaitList::new()) }
    }

    /// Whether anybody has to be told.
    #[inline]
    pub(crate) fn awaited(&self) -> bool {
        self.waiting.load() != 0
    }

    pub(crate) fn wake_all(&self, key: Option<u64>) {
        if self.awaited() {
            wake_all(&self, key);
        }
    }
}

// SAFETY: the list behind the lock of this event, always; the lock makes each call run alone.
unsafe impl<M: Mode> Place for &Event<M> {
    fn with_list<R>(&self, body: impl FnOnce(&mut WaitList) -> R) -> R {
        self.list.with(|list| {
            let before = list.len;
            let result = body(list);
            // Both directions are read-modify-writes: they take part in the one order that the module docs rely on.
            if list.len > before {
                self.waiting.add(list.len - before);
            } else if list.len < before {
                self.waiting.sub(before - list.len);
            }
            result
        })
    }
}
