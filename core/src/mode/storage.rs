use core::task::Waker;

use super::{Init, Locks, Vocabulary};
use crate::slot::{Body, End, Legacy, Slot, SlotRef, Words};
use crate::unwind::Panic;
use crate::wait::Linked;
use crate::{TaskId, Text};

/// Where a table keeps its slots, and what it does beside the steps that every task takes: the growing tables' part is in
/// `table`, that of fixed ones in `fixed`. The steps themselves are in `slot`, once for both.
pub(crate) trait Store: Locks + Vocabulary {
    /// Whether an end is first announced, then entered in books that several slots share, then seen. That is done by plain
    /// stores, so no flag is written without the body's lock from the announcement until `ENDED`.
    const IN_STEPS: bool;

    /// What a slot holds for its table, outside its lock.
    type Home;
    /// What else it holds so, and needs less often.
    type Back;
    /// Where a slot has the task's waker behind its lock, if it is there.
    type Waker: Init;
    /// What a slot holds behind its lock, beside what every slot does.
    type More: Init;
    /// How the task ended, if the flags do not say it.
    type How: Init;
    /// What is known of a reason beside that. On its own, so that it may share a word with what is next to it.
    type Why: Init;
    /// What leads to the table, where the slot itself does not.
    type Table: Copy;
    /// An output on its way to whoever takes it.
    type Output: Send;
    /// The room that a wrapper itself has for the mark of its waker, where the slot's own cannot be compared with.
    type Mark: Default;
    /// What holds until it is dropped, while the task's own code runs.
    type Inside;
    /// What a first request to stop leaves to be done.
    type Asked: Default;
    /// What an end leaves to be done.
    type Left: Default;
    /// What whoever ran the task is told of its end.
    type Seen: Default;

    fn id(task: &SlotRef<Self>) -> TaskId;
    fn name(task: &SlotRef<Self>) -> Option<&str>;
    /// Whether the gate is shut (law 12).
    fn is_closed(task: &SlotRef<Self>) -> bool;
    /// Gives up a reference, maybe the last: the slot is not to be touched afterwards.
    fn release(task: &mut SlotRef<Self>);

    /// Whether a clock or an observer looks at the table's tasks, or they are in an order.
    fn is_watched(task: &SlotRef<Self>) -> bool;
    /// Asks the task to stop, without a reason.
    fn stop(task: &SlotRef<Self>);
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
    /// Whether the slot holds this waker of the task's. For the task's wrapper alone, whose mark `own` is, and without the lock.
    fn has_waker(task: &SlotRef<Self>, own: &Self::Mark, waker: &Waker) -> bool;
    /// Leaves the task's waker, and returns the one that was there. For the task's wrapper alone.
    fn put_waker(task: &SlotRef<Self>, own: &mut Self::Mark, waker: Waker) -> Option<Waker>;
    /// Takes the task's waker, under the lock of the body.
    fn take_waker(task: &Slot<Self>, body: &mut Body<Self>) -> Option<Waker>;
    /// Somebody waits in the slot's list from now on: under the lock of the body.
    fn awaited(task: &SlotRef<Self>);
    /// The task's own code is about to run.
    fn enter(task: &SlotRef<Self>) -> Self::Inside;
    /// A panic that is nobody's outcome.
    fn unclaimed(task: &SlotRef<Self>, panic: Panic);
    /// Why the task was asked to stop, for its cleanup.
    fn reason(task: &SlotRef<Self>) -> Option<Text>;

    /// Keeps an output if anybody may take it; otherwise it is given back, to be dropped.
    fn keep<T: 'static>(task: &SlotRef<Self>, output: T) -> Result<Self::Output, T>;
    /// Notes what there is to say of an end that comes, outside the locks; what a panic carried becomes the output.
    fn last(task: &SlotRef<Self>, output: &mut Option<Self::Output>, words: &mut Words);
    /// Ends a task that completed and has nothing else to say, its output going straight to its place: `SlotRef::end` in one
    /// go, of a table whose ends come in steps. Where it is not as simple as that, it changes nothing and gives both back.
    fn complete<T: 'static>(
        task: SlotRef<Self>,
        output: T,
    ) -> Result<Self::Seen, (SlotRef<Self>, T)>;
    /// The same of a task that was asked to stop and whose future is gone.
    fn stopped(task: SlotRef<Self>) -> Result<Self::Seen, SlotRef<Self>>;
    /// Says how the task ended, under the lock of the body; announces the end, if that comes in steps. Returns the flags before.
    fn decide(task: &Slot<Self>, body: &mut Body<Self>, end: End) -> u32;
    /// Whether the end is decided, though nobody may see it yet.
    fn is_ending(body: &Body<Self>) -> bool;
    /// Leaves the output to whoever may take it, under the lock of the body. Decides the end, unless the output is unwanted.
    fn bequeath(
        task: &SlotRef<Self>,
        body: &mut Body<Self>,
        end: End,
        output: &mut Option<Self::Output>,
    ) -> Legacy;
    /// Tells the observer of an end that is decided, and lets everybody see it, outside the locks.
    fn tell(task: &SlotRef<Self>);
    /// Enters the end in the table's books and sets `ENDED`, under the lock of the body.
    fn book(
        task: &SlotRef<Self>,
        body: &mut Body<Self>,
        flags: u32,
        end: End,
        left: &mut Self::Left,
    );
    /// Does what follows for other tasks and for the typed handle, outside the locks.
    fn settle(task: &SlotRef<Self>, flags: u32, left: Self::Left);
    /// Wakes who waits at the task, if anybody does, and who waits for the table: last of all.
    fn wake(task: SlotRef<Self>, awaited: bool);
    /// What whoever ran the task is told of its end, under the lock of the body.
    fn seen(task: &SlotRef<Self>, body: &Body<Self>) -> Self::Seen;

    /// How the task ended, under the lock of the body.
    fn end(task: &Slot<Self>, body: &Body<Self>) -> Option<End>;
    fn outcome(task: &Slot<Self>, body: &Body<Self>) -> Option<Self::Outcome>;
    /// Whether the outcome of a task that ends comes to what it is called, without a reason or a message.
    fn is_plain(body: &Body<Self>) -> bool;
    /// How a task that has ended did, if that is known without the lock, in which case the node is not in the list either.
    fn plain_end(task: &Slot<Self>, node: &Linked<'_>) -> Option<End>;
    /// That outcome.
    fn plain(end: End) -> Self::Outcome;
}
