use super::{Init, Locks, Vocabulary};
use crate::slot::{Body, End, Fate, Slot, SlotRef};
use crate::unwind::Panic;
use crate::{Cleanup, TaskId, Text};

/// Where a table keeps its slots, and what it does beside the steps that every task takes: the growing tables' part is in
/// `table`, that of fixed ones in `fixed`. The steps themselves are in `slot`, once for both.
pub(crate) trait Store: Locks + Vocabulary {
    /// Whether an end is first announced, then entered in books that several slots share, then seen. Announcing is a load and a store, so where it is
    /// done no flag that matters after the end is set outside the body's lock.
    const IN_STEPS: bool;

    /// What a slot holds for its table, outside its lock.
    type Home;
    /// What a slot holds behind its lock, beside what every slot does.
    type More: Init;
    /// What is known of a reason beside that. On its own, so that it may share a word with what is next to it.
    type Why: Init;
    /// What leads to the table, where the slot itself does not.
    type Table: Copy;
    /// An output on its way to whoever takes it.
    type Output;
    /// What holds until it is dropped, while the task's own code runs.
    type Inside;
    /// What a first request to stop leaves to be done.
    type Asked: Default;
    /// All that is known of an end before it is decided.
    type Last;
    /// What is known of an end when it is.
    type Ending;
    /// What an end leaves to be done.
    type Left;
    /// What whoever ran the task is told of its end.
    type Seen: Default;

    fn id(task: &SlotRef<Self>) -> TaskId;
    fn name(task: &SlotRef<Self>) -> Option<&str>;
    /// Whether the gate is shut (law 12).
    fn is_closed(task: &SlotRef<Self>) -> bool;
    /// Gives up a reference, maybe the last: the slot is not to be touched afterwards.
    fn release(task: &mut SlotRef<Self>);

    /// Notes a first request to stop, under the lock of the body.
    fn ask(
        task: &Slot<Self>,
        body: &mut Body<Self>,
        reason: Self::Reason,
        was_queued: bool,
    ) -> Self::Asked;
    /// Tells whom it concerns, outside the locks.
    fn asked(task: &SlotRef<Self>, asked: Self::Asked);
    /// The reason of a task whose time is over.
    fn timed_out() -> Self::Reason;

    /// Sets `STARTED`. `false` if a request to stop came before it (law 4).
    fn start(task: &SlotRef<Self>) -> bool;
    /// The task's own code is about to run.
    fn enter(task: &SlotRef<Self>) -> Self::Inside;
    /// A panic that is nobody's outcome.
    fn unclaimed(task: &SlotRef<Self>, panic: Panic);
    /// Why the task was asked to stop, for its cleanup.
    fn reason(task: &SlotRef<Self>) -> Option<Text>;

    /// Keeps an output if anybody may take it; otherwise it is given back, to be dropped.
    fn keep<T: 'static>(task: &SlotRef<Self>, output: T) -> Result<Self::Output, T>;
    /// Collects what there is to say of an end, outside the locks. No `End`: it depends on whether the task was asked.
    fn last(
        task: &SlotRef<Self>,
        fate: Fate,
        output: Option<Self::Output>,
        cleanup: Option<Cleanup>,
    ) -> (Option<End>, Self::Last);
    /// The output, if nobody can take it any more: to be dropped before the end is decided. Under the lock of the body.
    fn unwanted(task: &SlotRef<Self>, end: End, last: &mut Self::Last) -> Option<Self::Output>;
    /// Whether the end is decided, though nobody may see it yet.
    fn is_ending(body: &Body<Self>) -> bool;
    /// Decides the end, under the lock of the body. `None`: it is seen only once an observer was told.
    fn decide(
        task: &SlotRef<Self>,
        body: &mut Body<Self>,
        end: End,
        last: &mut Self::Last,
    ) -> Option<Self::Ending>;
    /// Lets go of what was not taken, and tells the observer, outside the locks and before anybody is woken.
    fn decided(task: &SlotRef<Self>, last: Self::Last);
    /// Enters the end in the table's books, under the lock of the body. Says whether a record is kept.
    fn book(
        task: &SlotRef<Self>,
        body: &mut Body<Self>,
        flags: u32,
        ending: Self::Ending,
    ) -> (bool, Self::Left);
    /// Does what follows for other tasks and for the typed handle, outside the locks.
    fn settle(task: &SlotRef<Self>, flags: u32, left: Self::Left);
    /// Wakes who waits at the task, if anybody does, and who waits for the table: last of all.
    fn wake(task: SlotRef<Self>, awaited: bool);
    /// What whoever ran the task is told of its end, under the lock of the body.
    fn seen(body: &Body<Self>) -> Self::Seen;

    fn outcome(body: &Body<Self>) -> Option<Self::Outcome>;
}
