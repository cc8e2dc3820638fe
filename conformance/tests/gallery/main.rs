//! Spawners that are wrong in one way each, and what the kit says of them; and one that is right.

mod local;
mod odd;
mod queue;
mod spawner;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use task_registry_conformance::{
    CaseReport, Fault, Harness, Report, check, check_local, check_send, conformance,
};

use queue::{Flaw, Queue};
use spawner::OnQueue;

/// The kit has found the fault, and says so in these words.
#[track_caller]
fn assert_caught(report: &Report, law: u8, words: &str) {
    let caught =
        |(_, fault): (_, &Fault)| fault.law() == Some(law) && fault.to_string().contains(words);
    assert!(report.failures().any(caught), "nothing says \"law {law}: … {words}\":\n{report}");
    assert!(!report.is_ok());
    assert!(report.to_string().contains(words), "{report}");
}

// Where the limit is set it is short, so that the test is, and long enough for every case that holds under a sanitizer: one that
// only seems to hang would have the rest skipped.
macro_rules! gallery {
    ($($flaw:ident $test:ident $law:literal $words:literal $(within $millis:literal ms)?
        $(with $constant:ident = $value:literal)?;)*) => {$(
        #[test]
        fn $test() {
            struct Flawed(Arc<Queue>);
            impl Harness for Flawed {
                type Spawner = OnQueue;
                $(const LIMIT: Duration = Duration::from_millis($millis);)?
                $(const $constant: bool = $value;)?
                fn new() -> Self {
                    Flawed(Queue::new(Flaw::$flaw))
                }
                fn spawner(&self) -> OnQueue {
                    OnQueue::new(&self.0, Flaw::$flaw)
                }
                fn drive(&self) {
                    self.0.run();
                }
            }
            assert_caught(&check_send::<Flawed>(), $law, $words);
        }
    )*};
}

gallery! {
    DropsAtOnce one_that_drops_the_future_at_once_is_caught
        11 "the future was dropped inside `spawn`";
    DropsWhenIdle one_that_drops_what_waits_is_caught
        11 "the future was dropped before it had completed, although its executor lives";
    DropsWithTheHandle one_that_cancels_when_the_handle_is_detached_is_caught
        8 "the future was dropped when its handle was detached";
    DropsWithTheHandleLater one_that_cancels_a_detached_task_at_its_next_turn_is_caught
        8 "the future was dropped because its handle was detached";
    RunsInline one_that_runs_the_future_inside_spawn_is_caught
        4 "the future was polled inside `spawn`";
    PollsAfterCompletion one_that_polls_after_completion_is_caught
        2 "the future was polled after it had completed";
    PollsAfterCompletionWhenWoken one_that_polls_what_has_completed_when_it_is_woken_is_caught
        2 "the future was polled after it had completed";
    LeaksWhatCompletes one_that_leaks_what_has_completed_is_caught
        2 "the future is leaked: it has completed and is never dropped";
    KeepsWhatCompletes one_that_keeps_what_has_completed_is_caught
        2 "the future is leaked: it has completed and is never dropped";
    LeaksWhatIsLeft one_that_leaks_what_is_left_when_it_goes_is_caught
        11 "the future is leaked: its task never ended, and its executor is gone";
    WakersOwnTasks one_whose_tasks_belong_to_their_wakers_is_caught
        11 "the future is leaked: it waits for a waker that somebody else has";
    WakersOwnTasks one_that_is_never_gone_and_whose_tasks_belong_to_their_wakers_is_caught
        11 "the future was dropped when nobody had its waker, although its executor lives"
        with MORTAL = false;
    DropsWhatNobodyCanWake one_that_drops_what_nobody_can_wake_is_caught
        11 "the future was dropped when nobody had its waker, although its executor lives";
    WakesTheNeighbour one_that_wakes_the_wrong_task_is_caught
        1 "the wrong task was woken";
    WakesNobody one_that_ignores_wakes_is_caught
        1 "the task was asked to stop and not polled again, so it never ended, and its executor is idle";
    LosesWakesDuringPolls one_that_loses_wakes_during_polls_is_caught
        5 "a wake that came during a poll was lost";
    LosesWakesOfThreads one_that_loses_wakes_of_other_threads_is_caught
        1 "a wake by another thread was lost";
    LosesSecondWakes one_that_takes_two_wakes_for_none_is_caught
        1 "the second of two wakes was lost";
    PollsInsideWake one_that_polls_inside_wake_is_caught
        9 "the future was polled inside `wake`, on the stack of whoever woke it";
    PollsInsideWakesOfThreads one_that_polls_inside_the_wakes_of_other_threads_is_caught
        9 "the future was polled inside `wake`, on the stack of another thread that woke it";
    ForgetsEverySeventh one_that_forgets_every_seventh_is_caught
        11 "71 of 500 futures were forgotten: never polled";
    BorrowsWhilePolling one_that_holds_a_borrow_while_it_polls_is_caught
        9 "`spawn` panics inside a poll";
    LocksWhilePolling one_that_holds_a_lock_while_it_polls_is_caught
        9 "it hangs" within 2000 ms;
    LocksWhileDropping one_that_holds_a_lock_while_it_drops_is_caught
        9 "it hangs" within 2000 ms;
    TakesWhenGone one_that_takes_futures_when_it_is_gone_is_caught
        11 "`spawn` took a future although the executor is gone, and keeps it";
    PanicsWhenGone one_that_panics_when_it_is_gone_is_caught
        11 "`spawn` panics when the executor is gone";
    OwnsItself one_whose_spawner_owns_it_is_caught
        11 "a task that owns its registry keeps its executor alive";
    RefusesNowAndThen one_that_refuses_while_it_lives_is_caught
        11 "`spawn` refused a future, although its executor lives: the executor has no room";
}

macro_rules! local_gallery {
    ($($flaw:ident $test:ident $law:literal $words:literal;)*) => {$(
        #[test]
        fn $test() {
            struct Flawed(Rc<local::Queue>);
            impl Harness for Flawed {
                type Spawner = local::OnQueue;
                fn new() -> Self {
                    Flawed(local::Queue::new(local::Flaw::$flaw))
                }
                fn spawner(&self) -> local::OnQueue {
                    local::OnQueue::new(&self.0, local::Flaw::$flaw)
                }
                fn drive(&self) {
                    self.0.run();
                }
            }
            assert_caught(&check_local::<Flawed>(), $law, $words);
        }
    )*};
}

local_gallery! {
    BorrowsWhilePolling a_local_one_that_holds_a_borrow_while_it_polls_is_caught
        9 "`spawn` panics inside a poll";
    BorrowsWhileDropping a_local_one_that_holds_a_borrow_while_it_drops_is_caught
        9 "`spawn` panics inside a destructor";
    IgnoresWakes a_local_one_that_ignores_wakes_is_caught
        17 "a task did not complete, and its executor is idle";
    LosesWakesOfThreads a_local_one_that_loses_wakes_of_other_threads_is_caught
        10 "a wake by another thread was lost";
    PanicsWhenGone a_local_one_that_panics_when_it_is_gone_is_caught
        9 "`spawn` panics in a destructor while the executor goes";
    OwnsItself a_local_one_whose_spawner_owns_it_is_caught
        11 "a task that owns its registry keeps its executor alive";
}

#[test]
fn one_that_polls_on_two_threads_at_once_is_caught() {
    assert_caught(
        &check::<odd::OnTwoThreads>(),
        10,
        "the future was polled on two threads at once",
    );
}

#[test]
fn one_that_refuses_what_it_has_run_is_caught() {
    assert_caught(
        &check::<odd::RunsWhatItRefuses>(),
        4,
        "`spawn` refused a future that it had polled",
    );
}

#[test]
fn one_that_is_said_to_stay_on_its_thread_and_does_not_is_caught() {
    assert_caught(
        &check::<odd::Strays>(),
        10,
        "a future of a single-threaded executor was polled on another thread",
    );
}

/// How many cases there are for a spawner that is right.
fn all_cases() -> usize {
    check_send::<right::Right>().cases().len()
}

#[test]
fn one_with_a_thread_that_polls_once_is_caught() {
    let report = check_send::<odd::PollsOnce>();
    assert_caught(&report, 5, "a wake that came during a poll was lost");
    assert!(report.to_string().contains("nothing came in 1s"), "{report}");
}

#[test]
fn after_three_cases_that_waited_in_vain_the_rest_is_skipped() {
    let report = check_send::<odd::Counted<odd::PollsOnce>>();
    let run = report.cases().len();
    assert_eq!(odd::MADE.load(Ordering::SeqCst), run, "a case was run that is not told of");
    let in_vain = |fault: &Fault| fault.why().ends_with("nothing came in 1s");
    assert_eq!(report.failures().filter(|(_, fault)| in_vain(fault)).count(), 3, "{report}");
    assert!(report.cases().last().and_then(CaseReport::fault).is_some_and(in_vain), "{report}");
    let all = all_cases();
    let skipped = format!(
        "skipped: {} of {all} cases, which may hold or not: 3 cases have waited 1s each for what never came",
        all - run
    );
    assert!(report.to_string().contains(&skipped), "{report}");
    assert!(!report.is_ok());
}

#[test]
fn after_a_case_that_hangs_the_rest_is_skipped() {
    let report = check_send::<odd::NeverIdle>();
    assert_eq!(report.cases().len(), 1, "{report}");
    let case = report.cases()[0].name();
    assert_caught(&report, 1, &format!("it hangs: {case} has not come back in 200ms"));
    let all = all_cases();
    let skipped =
        format!("skipped: {} of {all} cases, which may hold or not: {case} hangs", all - 1);
    assert!(report.to_string().contains(&skipped), "{report}");
}

/// The run queue without a flaw.
mod right {
    use super::*;

    pub(crate) struct Right(Arc<Queue>);

    impl Harness for Right {
        type Spawner = OnQueue;
        fn new() -> Self {
            Right(Queue::new(Flaw::None))
        }
        fn spawner(&self) -> OnQueue {
            OnQueue::new(&self.0, Flaw::None)
        }
        fn drive(&self) {
            self.0.run();
        }
    }

    conformance!(Right, send);
}

/// The same with a second thread, which is always the quicker one.
mod right_and_quick {
    use super::*;

    pub(crate) struct Right(Arc<Queue>);

    impl Harness for Right {
        type Spawner = OnQueue;
        fn new() -> Self {
            Right(Queue::new(Flaw::NoneAndQuick))
        }
        fn spawner(&self) -> OnQueue {
            OnQueue::new(&self.0, Flaw::NoneAndQuick)
        }
        fn drive(&self) {
            self.0.run();
        }
    }
}

#[test]
fn one_that_is_right_passes_however_quick_its_other_threads_are() {
    let report = check_send::<right_and_quick::Right>();
    assert!(report.is_ok(), "{report}");
}

/// The other one.
mod right_and_local {
    use super::*;

    pub(crate) struct Right(Rc<local::Queue>);

    impl Harness for Right {
        type Spawner = local::OnQueue;
        fn new() -> Self {
            Right(local::Queue::new(local::Flaw::None))
        }
        fn spawner(&self) -> local::OnQueue {
            local::OnQueue::new(&self.0, local::Flaw::None)
        }
        fn drive(&self) {
            self.0.run();
        }
    }

    conformance!(Right, local);
}

#[test]
fn a_local_one_that_is_right_passes() {
    let report = check_local::<right_and_local::Right>();
    assert!(report.is_ok(), "{report}");
}

#[test]
fn one_that_is_right_passes() {
    let report = check_send::<right::Right>();
    assert!(report.is_ok(), "{report}");
    assert!(report.cases().len() > 50, "{report}");
    assert!(report.to_string().contains(&format!("{0} of {0} cases hold", report.cases().len())));
}
