//! Fallible tasks: an `Err` is an outcome of its own, and the handle gives it whole.

use std::fmt;

use task_registry::mode::{Carry, Mode};
use task_registry::{Outcome, TakeError, TaskHandle, Tasks};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

type Output = Result<u32, Failure>;

fn fails(failure: Failure) -> Body<Output> {
    body(async { Err(failure) })
}

fn message(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed { message } => message.as_str(),
        other => panic!("expected a failure, but it {other}"),
    }
}

pub(crate) async fn an_err_is_a_failure_with_its_message<H: Lives>(tasks: Reg<H>) {
    let failure = Failure::Says("no route to host".into());
    let mut endings = tasks.endings();
    let task = tasks.spawn_fallible("a", fails(failure.clone())).unwrap();
    let outcome = task.wait().await;
    assert!(outcome.is_failed() && !outcome.is_completed() && !outcome.is_panicked());
    assert_eq!(message(&outcome), "no route to host");
    assert_eq!(outcome.to_string(), "failed: no route to host");
    // Whoever looks sees it.
    let info = tasks.snapshot()[0].clone();
    assert_eq!(info.outcome(), Some(&outcome));
    assert!(info.to_string().contains("failed: no route to host"));
    assert_eq!(*endings.next_ended().await.unwrap().unwrap().outcome(), outcome);
    assert_eq!(tasks.cancel_with("a", "late").unwrap().await, outcome);
    // The handle gives the whole of it.
    assert_eq!(task.await.unwrap(), Err(failure));
}

pub(crate) async fn an_ok_completes_and_a_panic_or_a_cancel_is_no_failure<H: Lives>(tasks: Reg<H>) {
    let fine = tasks.spawn_fallible("fine", body(async { Output::Ok(7) })).unwrap();
    assert_eq!(fine.wait().await, Outcome::Completed);
    assert_eq!(fine.await.unwrap(), Ok(7));
    let panics: Body<Output> = body(async { blow_up("in poll") });
    assert!(tasks.spawn_fallible("bad", panics).unwrap().wait().await.is_panicked());
    let hangs: Body<Output> = body(std::future::pending());
    let asked = tasks.task("slow").fallible().spawn(hangs).unwrap();
    assert_eq!(asked.cancel_with("bye").await.reason(), Some("bye"));
    // Without the word an `Err` is an output like any other.
    let plain = in_hand(&tasks);
    let task = plain.spawn("plain", async { Output::Err(Failure::Panics) }).unwrap();
    assert!(step(&mut take(&plain)));
    assert_eq!(task.outcome(), Some(Outcome::Completed));
}

pub(crate) async fn a_message_is_cut_to_256_bytes_between_characters<H: Lives>(tasks: Reg<H>) {
    let kept = async |failure: Failure| {
        let task = tasks.spawn_fallible("a", fails(failure.clone())).unwrap();
        let kept = message(&task.wait().await).to_owned();
        assert_eq!(task.await.unwrap(), Err(failure), "the handle's is whole");
        kept
    };
    let says = |text: &str| Failure::Says(text.to_owned());
    assert_eq!(kept(says("")).await, "");
    assert_eq!(kept(says(&"x".repeat(256))).await, "x".repeat(256));
    assert_eq!(kept(says(&"x".repeat(257))).await, "x".repeat(256));
    assert_eq!(kept(says(&format!("x{}", "é".repeat(200)))).await, format!("x{}", "é".repeat(127)));
    assert_eq!(kept(says(&"🦀".repeat(65))).await, "🦀".repeat(64));
    assert_eq!(
        kept(says(&format!("abc{}", "🦀".repeat(64)))).await,
        format!("abc{}", "🦀".repeat(63))
    );
    // One that would write for ever is stopped.
    assert_eq!(kept(Failure::Endless("ab")).await, "ab".repeat(128));
    assert_eq!(kept(Failure::Endless("日本")).await, format!("{}日", "日本".repeat(42)));
    // And one line it stays (law 20).
    let task = tasks.spawn_fallible("a", fails(says("two\nlines\u{202e}"))).unwrap();
    assert!(!task.wait().await.to_string().contains(['\n', '\u{202e}']));
}

pub(crate) async fn an_error_that_panics_when_displayed_is_a_failure<H: Lives>(tasks: Reg<H>) {
    let task = tasks.spawn_fallible("a", fails(Failure::Panics)).unwrap();
    assert!(!message(&task.wait().await).is_empty());
    assert_eq!(task.await.unwrap(), Err(Failure::Panics));
    assert_eq!(tasks.live(), 0);
}

pub(crate) async fn law_09_an_errors_display_may_call_the_registry<H: Lives>(tasks: Reg<H>) {
    struct Calls<M: Mode>(Tasks<M>);
    impl<M: Mode> fmt::Display for Calls<M> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let state = self.0.get("a").expect("it has not ended").state();
            drop(self.0.cancel_with("a", "from Display"));
            self.0.purge();
            write!(f, "{state}, {}", self.0.snapshot().len())
        }
    }
    let hand = in_hand(&tasks);
    let inner = tasks.tasks().clone();
    let task: TaskHandle<Result<u32, Calls<H::Mode>>, _> =
        hand.spawn_fallible("a", async { Err(Calls(inner)) }).unwrap();
    assert!(step(&mut take(&hand)));
    assert_eq!(message(&task.outcome().unwrap()), "running, 1");
    assert!(task.await.unwrap().is_err());
}

pub(crate) async fn law_02_an_error_nobody_wants_is_gone_before_waiters_are_woken<H: Lives>(
    tasks: Reg<H>,
) {
    struct Heavy(#[expect(dead_code, reason = "for its destructor")] OnDrop);
    impl fmt::Display for Heavy {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("heavy")
        }
    }
    let hand = in_hand(&tasks);
    let trace = Trace::default();
    let error = Heavy(note_the_drop(&trace, "error"));
    let task: TaskHandle<Result<u32, Heavy>, _> =
        hand.spawn_fallible("a", async { Err(error) }).unwrap();
    let waits = task.task().clone();
    drop(task);
    let _wait = note_the_wake(&waits, &trace);
    assert!(step(&mut take(&hand)));
    assert_eq!(trace.read(), ["error", "woken"]);
    assert_eq!(message(&waits.outcome().unwrap()), "heavy");
}

pub(crate) async fn a_failures_result_is_taken_by_name_and_type<H: Lives>(tasks: Reg<H>)
where
    H::Mode: Carry<Output> + Carry<u32>,
{
    let hand = in_hand(&tasks);
    let failure = Failure::Says("no".into());
    let inner = failure.clone();
    let kept = hand.task("a").fallible().keep_result();
    let task = kept.spawn(async { Output::Err(inner) }).unwrap();
    assert!(matches!(tasks.take_result::<Output>("a"), Err(TakeError::NotEnded)));
    assert!(step(&mut take(&hand)));
    drop(task);
    assert!(matches!(tasks.take_result::<u32>("a"), Err(TakeError::WrongType)));
    assert_eq!(tasks.take_result::<Output>("a").unwrap(), Err(failure));
    assert!(matches!(tasks.take_result::<Output>("a"), Err(TakeError::NoResult)));
    assert!(tasks.get("a").unwrap().outcome().unwrap().is_failed());
}

pub(crate) async fn a_shutdown_reports_a_failure<H: Lives>(tasks: Reg<H>) {
    let (over, shut) = (Gate::default(), Gate::default());
    let terms = tasks.task("a").grace(until(&shut)).timeout(body(over.pass()));
    let task = terms.cleanup(make_of_end(|_| std::future::ready(())), never()).fallible();
    let started = Gate::default();
    let open = started.clone();
    let task = task.spawn_with((), move |cx| {
        body(async move {
            open.open();
            cx.cancelled().await;
            Output::Err(Failure::Says("not saved".into()))
        })
    });
    started.pass().await;
    let report = tasks.shutdown(std::future::pending::<()>()).await;
    assert!(task.unwrap().await.unwrap().is_err());
    assert_eq!(report.failed(), 1);
    assert_eq!((report.completed(), report.cancelled(), report.panicked()), (0, 0, 0));
    assert_eq!(message(report.ended()[0].outcome().unwrap()), "not saved");
    assert!(report.to_string().contains("1 failed"), "{report}");
}
