//! How a task comes into the table.

use alloc::boxed::Box;
use core::ptr::NonNull;
use core::time::Duration;

use super::chain::Loose;
use super::memory::Memory;
use super::shard::Inner;
use super::{Core, CoreRef, News, slot};
use crate::mode::{Lock, Mode, Word};
use crate::slot::{CHAINED, ENDED, End, HELD, LONG, MORE, RECORD, Slot, SlotRef};
use crate::unwind::guarded;
use crate::{SpawnError, TaskId, Text, Times};

/// What to do when a live task has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Fail,
    Replace,
    Keep,
    Detach,
    /// As `Replace`, but of this task alone: if another has the name by now, or has ended with it, that is an error.
    Follow(TaskId),
}

pub(crate) enum NotAdmitted<M: Mode> {
    Error(SpawnError),
    Existing(SlotRef<M>),
}

impl<M: Mode> NotAdmitted<M> {
    /// For who has no use for the one that exists.
    pub(crate) fn into_error(self) -> SpawnError {
        match self {
            NotAdmitted::Error(error) => error,
            NotAdmitted::Existing(holder) => SpawnError::NameTaken { holder: holder.id() },
        }
    }
}

/// What few tasks have, and have before anybody can find them.
pub(crate) struct Brought<'a, M: Mode> {
    /// When an ordered shutdown comes to it, if that was said.
    pub(crate) stage: Option<i64>,
    /// What makes it anew. The caller's own hold on that outlives the call, so that nothing foreign is dropped under the lock.
    pub(crate) again: Option<&'a M::Again>,
}

/// A task that asks for a place.
struct Newcomer<'a, M: Mode> {
    /// Moved to its slot, and nowhere before.
    name: Text,
    /// Of the name, where there is one.
    hash: u32,
    flags: u32,
    spawned: Option<Duration>,
    brought: Option<&'a Brought<'a, M>>,
    /// Whom it is to be in place of after a restart.
    old: Option<TaskId>,
}

/// Ends a task that was just furnished and whose place nobody gets, since a panic passes.
#[cold]
fn give_up<M: Mode>(new: NonNull<Slot<M>>) {
    // SAFETY: `furnish` counted these two.
    let refs = unsafe { (SlotRef::from_counted(new, ()), SlotRef::from_counted(new, ())) };
    refs.0.withdraw();
}

impl<M: Mode> CoreRef<M> {
    /// Gives a new task its place: two references to it, for its wrapper and for its handle. Leaves no name where it was.
    #[inline]
    pub(crate) fn admit(
        &self,
        name: &mut Text,
        policy: Policy,
        flags: u32,
        stage: Option<i64>,
    ) -> Result<(SlotRef<M>, SlotRef<M>), NotAdmitted<M>> {
        let brought = stage.is_some().then_some(Brought { stage, again: None });
        let simple = brought.is_none() && !name.is_empty();
        if simple && !matches!(policy, Policy::Follow(_)) {
            if let Some(refs) = self.admit_new(name, flags) {
                return Ok(refs);
            }
        }
        self.admit_with(core::mem::replace(name, Text::EMPTY), policy, flags, brought.as_ref())
    }

    /// The same for a task that has nothing but a name, which is new here or that of a record, if it is as simple as that.
    // Once for each mode, not for each future; what it returns fits in two registers.
    #[inline(never)]
    fn admit_new(&self, name: &mut Text, flags: u32) -> Option<(SlotRef<M>, SlotRef<M>)> {
        if self.notes {
            return None;
        }
        let hash = self.hash(&name.key());
        let new = self.place_new(name, hash, flags)?;
        guarded(|| self.named.wake_all(Some(hash)), || give_up(new));
        // SAFETY: `furnish` counted these two.
        Some(unsafe { (SlotRef::from_counted(new, ()), SlotRef::from_counted(new, ())) })
    }

    /// Finds a place for such a task.
    #[inline]
    fn place_new(&self, name: &mut Text, hash: u32, flags: u32) -> Option<NonNull<Slot<M>>> {
        let (index, shard) = self.shard(hash);
        shard.lock.with(|inner| {
            let (at, known) = inner.names.entry(hash)?;
            if known.is_some_and(|known| !inner.yields(known, name)) {
                return None;
            }
            if inner.closed || self.take_place().is_err() {
                return None;
            }
            let (new, place) = inner.memory.allocate(self, index);
            self.furnish(new, name, hash, flags);
            inner.names.fill(at, hash, place);
            shard.spawned.bump();
            Some(new)
        })
    }

    /// As `admit`, for any task.
    #[cold]
    pub(crate) fn admit_with(
        &self,
        name: Text,
        policy: Policy,
        flags: u32,
        brought: Option<&Brought<'_, M>>,
    ) -> Result<(SlotRef<M>, SlotRef<M>), NotAdmitted<M>> {
        let named = !name.is_empty();
        // Those without a name go round the shards.
        let hash = match named {
            true => self.hash(&name.key()),
            false => self.unnamed.add(1).reverse_bits(),
        };
        let old = match policy {
            Policy::Follow(old) => Some(old),
            _ => None,
        };
        let mut newcomer = Newcomer { name, hash, flags, spawned: self.now(), brought, old };
        let new = self.place(&mut newcomer, named, policy)?;
        if named {
            guarded(|| self.named.wake_all(Some(hash)), || give_up(new));
        }
        // SAFETY: `furnish` counted these two.
        let refs = unsafe { (SlotRef::from_counted(new, ()), SlotRef::from_counted(new, ())) };
        if let Some(observer) = self.options.observer.get() {
            guarded(|| refs.0.announce(observer), || refs.0.clone().withdraw());
        }
        Ok(refs)
    }

    fn place(
        &self,
        newcomer: &mut Newcomer<'_, M>,
        named: bool,
        policy: Policy,
    ) -> Result<NonNull<Slot<M>>, NotAdmitted<M>> {
        let (index, shard) = self.shard(newcomer.hash);
        let mut loose = Loose::new();
        let admitted = shard.lock.with(|inner| {
            if inner.closed {
                return Err(NotAdmitted::Error(SpawnError::Closed));
            }
            let new = if named && inner.knows(newcomer.hash, &newcomer.name) {
                self.admit_known(inner, index, policy, newcomer, &mut loose)?
            } else {
                // It lives on without its name: one that follows it would not be held.
                if let Policy::Follow(old) = policy {
                    self.no_longer_lives(&inner.memory, old)?;
                }
                self.take_place().map_err(NotAdmitted::Error)?;
                let (new, place) = inner.memory.allocate(self, index);
                self.furnish_all(&inner.memory, new, newcomer);
                if named {
                    inner.names.insert(newcomer.hash, place, self.spare_slots());
                }
                new
            };
            shard.spawned.bump();
            Ok(new)
        });
        guarded(|| loose.tie_up(self), || admitted.iter().copied().for_each(give_up));
        admitted
    }

    /// Whether the task of this id lives, which is of this shard.
    fn lives(&self, memory: &Memory<M>, id: TaskId) -> bool {
        let (_, place) = self.split(id.place);
        memory.task(place, id.generation).is_some_and(|at| slot(&at).settled() & ENDED == 0)
    }

    /// An error if a task lives, without the name, that one which is to be in place of `old` would run beside.
    fn no_longer_lives(&self, memory: &Memory<M>, old: TaskId) -> Result<(), NotAdmitted<M>> {
        let mut those = [Some(old), self.stands_for(memory, old)].into_iter().flatten();
        match those.find(|id| self.lives(memory, *id)) {
            Some(holder) => Err(NotAdmitted::Error(SpawnError::NameTaken { holder })),
            None => Ok(()),
        }
    }

    /// Who has the name again if a task that is to be in place of `old` comes to nothing: `old`, or whom that one was to be in place of, if
    /// it has come to nothing itself.
    fn stands_for(&self, memory: &Memory<M>, old: TaskId) -> Option<TaskId> {
        let (_, place) = self.split(old.place);
        let known = memory.at(place).filter(|at| slot(at).generation() == old.generation);
        match known.map(|at| (at, End::of(slot(&at).settled()))) {
            Some((at, Some(End::NeverStarted))) => {
                slot(&at).with(|body| body.some_extras()?.follows)
            }
            _ => Some(old),
        }
    }

    /// Admits a task of whose name there is one already, live or ended.
    #[inline(never)]
    fn admit_known(
        &self,
        inner: &mut Inner<M>,
        index: u32,
        policy: Policy,
        newcomer: &mut Newcomer<'_, M>,
        loose: &mut Loose<M>,
    ) -> Result<NonNull<Slot<M>>, NotAdmitted<M>> {
        let (name, hash) = (newcomer.name.key(), newcomer.hash);
        let holder = inner.holder(hash, &name, loose);
        if let Policy::Follow(expected) = policy {
            let known = holder.or_else(|| inner.named(hash, &name));
            let known = known.map(|known| slot(&known).id());
            match known {
                Some(holder) if holder != expected => {
                    return Err(NotAdmitted::Error(SpawnError::NameTaken { holder }));
                }
                Some(_) => {}
                None => self.no_longer_lives(&inner.memory, expected)?,
            }
        }
        match (holder, policy) {
            (Some(holder), Policy::Fail) => {
                let holder = slot(&holder).id();
                return Err(NotAdmitted::Error(SpawnError::NameTaken { holder }));
            }
            (Some(holder), Policy::Keep) => {
                return Err(NotAdmitted::Existing(inner.refer(holder)));
            }
            _ => self.take_place().map_err(NotAdmitted::Error)?,
        }
        let (new, _) = inner.memory.allocate(self, index);
        let replaces = matches!(policy, Policy::Replace | Policy::Follow(_));
        let mut replaced = holder.filter(|_| replaces);
        let mut chained = false;
        while let Some(old) = replaced {
            chained = inner.chain(old, new, loose);
            if chained {
                break;
            }
            // It ended meanwhile; there may be one that it was to replace itself.
            replaced = inner.holder(hash, &name, loose);
        }
        if chained {
            // It has extras by now, which whoever empties the slot has to find.
            newcomer.flags |= HELD | CHAINED | MORE;
        }
        self.furnish_all(&inner.memory, new, newcomer);
        if chained {
            slot(&new).count();
        }
        inner.name(self, new);
        Ok(new)
    }

    /// Makes a free slot a task's, with a reference for its record and two for the caller. The shard is locked.
    #[inline]
    fn furnish(&self, new: NonNull<Slot<M>>, name: &mut Text, hash: u32, flags: u32) {
        let long = if name.is_shared() { LONG } else { 0 };
        // SAFETY: `new` was free until now (invariant 1); only a task that it is to replace leads to it, under this lock. A
        // free slot's name has nothing to be dropped.
        unsafe {
            slot(&new).back.name.get().write(core::mem::replace(name, Text::EMPTY));
            (*slot(&new).home.head.get()).hash = hash;
        }
        slot(&new).reset(flags | RECORD | long, 3);
    }

    fn furnish_all(
        &self,
        memory: &Memory<M>,
        new: NonNull<Slot<M>>,
        newcomer: &mut Newcomer<'_, M>,
    ) {
        self.furnish(new, &mut newcomer.name, newcomer.hash, newcomer.flags);
        if newcomer.brought.is_some() || self.notes {
            let follows = newcomer.old.and_then(|old| self.stands_for(memory, old));
            self.furnish_extras(slot(&new), newcomer, follows);
        }
    }

    #[cold]
    fn furnish_extras(&self, new: &Slot<M>, newcomer: &Newcomer<'_, M>, follows: Option<TaskId>) {
        let &Newcomer { spawned, brought, .. } = newcomer;
        let newest = self.options.newest_first.then(|| {
            self.order.with(|order| {
                *order += 1;
                *order
            })
        });
        let stage = brought.and_then(|brought| brought.stage).or(newest);
        let observed = self.options.observer.get().is_some();
        new.with(|body| {
            let extras = new.extras(body);
            extras.again = brought.and_then(|brought| brought.again).cloned();
            extras.follows = follows;
            extras.times = spawned.map(Times::at);
            extras.stage = stage.unwrap_or(0);
            extras.news = observed.then(|| Box::new(News::added()));
        });
    }
}

impl<M: Mode> Core<M> {
    #[inline]
    fn take_place(&self) -> Result<(), SpawnError> {
        match self.options.capacity {
            Some(capacity) if !self.admitted.update(|n| (n < capacity).then_some(n + 1)) => {
                Err(SpawnError::Full { capacity: capacity as usize })
            }
            _ => Ok(()),
        }
    }
}
