use core::ops::Deref;

use super::CoreRef;
use crate::mode::Mode;
use crate::wait::{Event, Place, WaitList};

/// A place to wait for an event of something shared, the table unless said otherwise.
pub(crate) struct Watch<M: Mode, P: Deref = CoreRef<M>> {
    pub(crate) core: P,
    event: fn(&P::Target) -> &Event<M>,
}

impl<M: Mode, P: Deref> Watch<M, P> {
    /// `core` always leads to the same value, which it keeps.
    pub(crate) fn new(core: P, event: fn(&P::Target) -> &Event<M>) -> Self {
        Self { core, event }
    }
}

// SAFETY: always the same event of the same value, which `core` keeps: it is a counted pointer.
unsafe impl<M: Mode, P: Deref> Place for Watch<M, P> {
    fn with_list<R>(&self, body: impl FnOnce(&mut WaitList) -> R) -> R {
        (&(self.event)(&self.core)).with_list(body)
    }

    fn linked(&self) {
        (&(self.event)(&self.core)).linked();
    }

    fn unlinked(&self) {
        (&(self.event)(&self.core)).unlinked();
    }

    fn at_most(&self) -> u32 {
        (&(self.event)(&self.core)).at_most()
    }
}
