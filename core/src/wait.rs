//! Waiting for something to happen, without an allocation: each waiting future carries a node of the list.
//!
//! # Invariants
//!
//! 1. A node is linked in at most one list, the one its [`Place`] leads to, and only while its [`Waiter`] is pinned
//!    and not dropped: `Waiter::drop` unlinks it.
//! 2. Nodes and lists are touched only inside [`Place::with_list`], that is, under the list's lock; but the flag `linked` of a node
//!    is read by its waiter without it. It is an atomic, written under the lock; where it is clear, nobody else knows the node.
//! 3. Wakers are cloned, dropped and woken outside that lock (law 9).
//!
//! # Why no wake-up is lost
//!
//! The waiter links its node and then looks once more at what it waits for; whoever makes it happen does so first
//! and then looks at the list. Both look at the list under its lock, and a slot's flags are written under that; for an event,
//! the count of waiters and what is counted are read-modify-writes in one order for all threads, or what is looked at is
//! behind a lock that both take. So at least one sees the other.
#![allow(
    unsafe_code,
    reason = "intrusive nodes; each block is argued against the invariants above"
)]

use core::marker::PhantomPinned;
use core::pin::Pin;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::task::{Context, Poll, Waker};

use crate::mode::{Flag, Init, Lock, Locks, UnsafeCell, Word};
use crate::unwind::{contain, guarded, let_go};

/// A ring of nodes: the last one is before the first.
pub(crate) struct WaitList {
    first: Option<NonNull<Node>>,
}

pub(crate) struct Node {
    inner: UnsafeCell<Inner>,
    /// What it waits for, where a list serves several things: the hash of a name.
    key: u32,
    /// Whether it is in its list. Changed under the list's lock; cleared last of all, so that a waiter who finds it clear has the
    /// node to himself and needs no lock.
    linked: Flag,
    _pinned: PhantomPinned,
}

struct Inner {
    /// `Some` exactly while the node is linked.
    waker: Option<Waker>,
    /// Dangling unless it is linked.
    prev: NonNull<Node>,
    next: NonNull<Node>,
}

// SAFETY: a list or a node is read and written only under the list's lock, but for an atomic flag (invariant 2), and what
// they hold, a `Waker`, may go to any thread. Futures whose table stays on one thread are kept there by their other fields.
unsafe impl Send for WaitList {}
// SAFETY: as above.
unsafe impl Send for Node {}
// SAFETY: as above.
unsafe impl core::marker::Sync for Node {}

impl Init for WaitList {
    const INIT: Self = Self::new();
}

/// A linked node's waker and neighbours.
///
/// # Safety
///
/// The list's lock is held, and the node is linked, or about to be: so it is alive (invariant 1) and nobody else reads
/// or writes it (invariant 2). One at a time.
unsafe fn inner<'a>(node: NonNull<Node>) -> &'a mut Inner {
    // SAFETY: the caller says so.
    unsafe { &mut *node.as_ref().inner.get() }
}

impl WaitList {
    pub(crate) const fn new() -> Self {
        Self { first: None }
    }

    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Links `node` at the end, or gives a linked one another waker, and returns the one it had.
    ///
    /// # Safety
    ///
    /// `node` is pinned, belongs to this list only, and is unlinked before it is dropped.
    #[cfg_attr(feature = "alloc", inline)]
    unsafe fn link(&mut self, node: &Node, waker: Waker) -> Option<Waker> {
        let this = NonNull::from(node);
        // SAFETY: `&mut self` shows that the lock is held; all in the list are linked.
        unsafe {
            let old = inner(this).waker.replace(waker);
            if old.is_some() {
                return old;
            }
            node.linked.store(true, Relaxed);
            let first = *self.first.get_or_insert(this);
            let last = if first == this { this } else { inner(first).prev };
            inner(this).next = first;
            inner(this).prev = last;
            inner(last).next = this;
            inner(first).prev = this;
        }
        None
    }

    /// Takes `node` out, if it is in.
    ///
    /// # Safety
    ///
    /// `node` belongs to this list only.
    unsafe fn unlink(&mut self, node: NonNull<Node>) -> Option<Waker> {
        // SAFETY: `&mut self` shows that the lock is held; the neighbours of a linked node are linked.
        unsafe {
            let waker = inner(node).waker.take()?;
            let (prev, next) = (inner(node).prev, inner(node).next);
            inner(prev).next = next;
            inner(next).prev = prev;
            if self.first == Some(node) {
                self.first = (next != node).then_some(next);
            }
            node.as_ref().linked.store(false, Release);
            Some(waker)
        }
    }

    /// Takes out the first node of all.
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn pop_first(&mut self) -> Option<Waker> {
        // SAFETY: all in the list are linked.
        unsafe { self.unlink(self.first?) }
    }

    /// Takes out nodes that wait for `key`, or any, as many as there is room for; says how many. If there may be more, and `turn`, those
    /// that were passed over are the last then: so who takes out all, a room at a time, passes nobody more than twice.
    fn pop_some(&mut self, key: Option<u32>, room: &mut [Option<Waker>], turn: bool) -> usize {
        let Some(first) = self.first else { return 0 };
        // SAFETY: `&mut self` shows that the lock is held, and all in the list are linked.
        let (mut at, last) = (first, unsafe { inner(first) }.prev);
        let mut popped = 0;
        loop {
            step();
            // SAFETY: as above; only nodes before this one were taken out.
            let (waits_for, next) = unsafe { (at.as_ref().key, inner(at).next) };
            if key.is_none_or(|key| key == waits_for) {
                // SAFETY: as above.
                room[popped] = unsafe { self.unlink(at) };
                popped += 1;
            }
            if at == last {
                return popped;
            }
            if popped == room.len() {
                if turn {
                    self.first = Some(next);
                }
                return popped;
            }
            at = next;
        }
    }
}

/// Leads to the list that a waiter waits in.
///
/// # Safety
///
/// `with_list` always runs its argument on the same list, alone, and the list lives as long as the value.
pub(crate) unsafe trait Place {
    fn with_list<R>(&self, body: impl FnOnce(&mut WaitList) -> R) -> R;

    /// A node was linked: called inside `with_list`.
    fn linked(&self) {}

    /// A node was taken out: called inside `with_list`.
    fn unlinked(&self) {}

    /// At most how many wait, where it matters that waking them all ends although they may come back.
    fn at_most(&self) -> u32 {
        u32::MAX
    }
}

/// One future's wish to be woken.
pub(crate) struct Waiter<P: Place> {
    pub(crate) place: P,
    node: Node,
}

impl<P: Place> Waiter<P> {
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn new(place: P, key: u32) -> Self {
        let inner = Inner { waker: None, prev: NonNull::dangling(), next: NonNull::dangling() };
        let (inner, linked) = (UnsafeCell::new(inner), Flag::new(false));
        Self { place, node: Node { inner, key, linked, _pinned: PhantomPinned } }
    }

    /// Ready as soon as `ready` says so; until then woken each time it may have changed its mind.
    #[cfg_attr(feature = "alloc", inline)]
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

    /// Links the node, or gives a linked one this waker. Whoever calls this looks then whether he still has to wait.
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn register(self: Pin<&mut Self>, waker: &Waker) {
        let waker = waker.clone();
        // SAFETY: nothing is moved out.
        let this = unsafe { self.get_unchecked_mut() };
        let place = &this.place;
        let old = place.with_list(|list| {
            // SAFETY: the node is pinned with `self`, `place` always leads to the same list, and `drop` unlinks it.
            let old = unsafe { list.link(&this.node, waker) };
            if old.is_none() {
                place.linked();
            }
            old
        });
        let_go(old);
    }

    /// Takes the node out of its list: nobody has to wake it any more.
    #[cfg_attr(feature = "alloc", inline)]
    fn rest(self: Pin<&mut Self>) {
        // SAFETY: nothing is moved out.
        unsafe { self.get_unchecked_mut() }.unlink();
    }

    #[cfg_attr(feature = "alloc", inline)]
    fn unlink(&mut self) {
        if self.node.linked.load(Acquire) {
            self.unlink_linked();
        }
    }

    // Not compiled into whoever waited to the end.
    #[cfg_attr(feature = "alloc", inline(never))]
    fn unlink_linked(&mut self) {
        let waker = self.place.with_list(|list| {
            // SAFETY: the node was never in another list.
            let waker = unsafe { list.unlink(NonNull::from(&self.node)) };
            if waker.is_some() {
                self.place.unlinked();
            }
            waker
        });
        let_go(waker);
    }
}

impl<P: Place> Waiter<P> {
    /// The place, and the waiter's node, for who takes it out under a lock that is held anyway.
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn split(self: Pin<&mut Self>) -> (&P, Linked<'_>) {
        // SAFETY: nothing is moved out.
        let this = unsafe { self.get_unchecked_mut() };
        (&this.place, Linked { node: &this.node })
    }
}

/// A node that may be in its list.
pub(crate) struct Linked<'a> {
    node: &'a Node,
}

impl Linked<'_> {
    /// Whether it is. If not, nobody else knows it any more.
    #[inline]
    pub(crate) fn is_linked(&self) -> bool {
        self.node.linked.load(Acquire)
    }

    /// Takes the node out of its list. The waker is to be dropped outside the lock.
    ///
    /// # Safety
    ///
    /// `list` is the list of the waiter's place, and is locked.
    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) unsafe fn unlink(&mut self, list: &mut WaitList) -> Option<Waker> {
        if !self.is_linked() {
            return None;
        }
        // SAFETY: the node was never in another list.
        unsafe { list.unlink(NonNull::from(self.node)) }
    }
}

impl<P: Place> Drop for Waiter<P> {
    #[cfg_attr(feature = "alloc", inline)]
    fn drop(&mut self) {
        self.unlink();
    }
}

/// Wakes all who wait at `place` now, or those of them who wait for `key`. O(of those who wait there); at an event that is awaited by
/// key, of which there is one, the names', those who wait for other keys are passed once for each 16 who are woken.
///
/// Who starts to wait meanwhile is not this call's business, so that it ends: where they may come back, `at_most` says how
/// many there were. Nobody comes back to a task: what its waiters wait for stays so.
#[cfg_attr(feature = "alloc", inline)]
pub(crate) fn wake_all(place: &impl Place, key: Option<u32>) {
    /// How many are taken out under one lock. Without std the panic of one would pass, and the others not be woken: who is
    /// still in the list then is woken while it does.
    const BATCH: usize = if cfg!(feature = "std") { 16 } else { 1 };
    let mut left = place.at_most() as usize;
    // Where only so many are woken, those who waited first have to stay before those who come meanwhile.
    let turn = place.at_most() == u32::MAX;
    while left > 0 {
        let mut wakers = [const { None }; BATCH];
        let most = left.min(BATCH);
        let more = place.with_list(|list| {
            let popped = list.pop_some(key, &mut wakers[..most], turn);
            (0..popped).for_each(|_| place.unlinked());
            popped == most && !list.is_empty()
        });
        for waker in wakers.into_iter().flatten() {
            guarded(|| contain(|| waker.wake()), || wake_all(place, key));
        }
        if !more {
            return;
        }
        left -= most;
    }
}

/// Takes out the first who waits.
pub(crate) fn pop_first(place: &impl Place) -> Option<Waker> {
    place.with_list(|list| {
        let waker = list.pop_first();
        if waker.is_some() {
            place.unlinked();
        }
        waker
    })
}

/// Counted by the test that shows that nobody is passed over again and again.
#[inline(always)]
fn step() {
    #[cfg(all(test, feature = "alloc"))]
    crate::tests::step();
}

/// Something of the whole registry that can be waited for.
pub(crate) struct Event<M: Locks> {
    /// How many wait, readable without the lock; written under it.
    waiting: M::Word,
    /// Guards its list alone. Taken under no other lock, and no other is taken under it.
    list: M::Lock<WaitList>,
}

impl<M: Locks> Init for Event<M> {
    const INIT: Self = Self { waiting: Init::INIT, list: Init::INIT };
}

impl<M: Locks> Event<M> {
    /// Whether anybody has to be told.
    #[inline]
    pub(crate) fn awaited(&self) -> bool {
        self.waiting.load() != 0
    }

    #[cfg_attr(feature = "alloc", inline)]
    pub(crate) fn wake_all(&self, key: Option<u32>) {
        if self.awaited() {
            self.wake_waiting(key);
        }
    }

    #[cfg_attr(feature = "alloc", cold)]
    fn wake_waiting(&self, key: Option<u32>) {
        wake_all(&self, key);
    }
}

// SAFETY: the list behind the lock of this event, always; the lock makes each call run alone.
unsafe impl<M: Locks> Place for &Event<M> {
    fn with_list<R>(&self, body: impl FnOnce(&mut WaitList) -> R) -> R {
        self.list.with(body)
    }

    // Both are read-modify-writes: they take part in the one order that the module docs rely on.
    fn linked(&self) {
        self.waiting.add(1);
    }

    fn unlinked(&self) {
        self.waiting.sub(1);
    }

    fn at_most(&self) -> u32 {
        self.waiting.load()
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::boxed::Box;
    use alloc::rc::Rc;
    use alloc::sync::Arc;
    use alloc::task::Wake;
    use alloc::vec::Vec;
    use core::cell::RefCell;
    use core::pin::Pin;
    use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use core::task::Waker;

    use super::{Event, Init, Waiter};
    use crate::mode::Unsync;
    use crate::table::Watch;

    std::thread_local! {
        /// What comes between the first who are woken and the next.
        static MEANWHILE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
    }

    struct Bell(AtomicBool);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
            if let Some(meanwhile) = MEANWHILE.take() {
                meanwhile();
            }
        }
    }

    type Waiting = Pin<Box<Waiter<Watch<Unsync, Rc<Event<Unsync>>>>>>;

    fn wait(event: &Rc<Event<Unsync>>, key: u32) -> (Waiting, Arc<Bell>) {
        let bell = Arc::new(Bell(AtomicBool::new(false)));
        let mut waiter = Box::pin(Waiter::new(Watch::new(event.clone(), |event| event), key));
        waiter.as_mut().register(&Waker::from(bell.clone()));
        (waiter, bell)
    }

    #[test]
    fn who_has_waited_for_an_event_is_woken_though_others_come_and_go_meanwhile() {
        let event = Rc::new(Event::<Unsync>::INIT);
        // One more of each key than are taken out at once.
        let own: Vec<_> = (0..17).map(|_| wait(&event, 1)).collect();
        let others: Vec<_> = (0..17).map(|_| wait(&event, 2)).collect();
        let later = Rc::new(RefCell::new(Vec::new()));
        let (come, same) = (later.clone(), event.clone());
        MEANWHILE.set(Some(Box::new(move || {
            come.borrow_mut().extend((0..40).map(|_| wait(&same, 1)));
            same.wake_all(Some(2));
        })));
        event.wake_all(Some(1));
        let woken = |(_, bell): &(Waiting, Arc<Bell>)| bell.0.load(Relaxed);
        assert!(own.iter().all(woken) && others.iter().all(woken));
        assert_eq!(later.borrow().len(), 40);
    }
}
