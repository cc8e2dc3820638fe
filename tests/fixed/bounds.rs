//! How many critical sections a call takes, and that nobody else's code runs inside of one. What is done in a section is looks at
//! slots: "How long interrupts wait", at `StaticTasks`.

use std::future::{Future, pending, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use task_registry::mode::Interrupt;
use task_registry::{ResultCell, StaticTasks};

use crate::section::{is_inside, sections};
use crate::{for_ever, poll, registry};

type Runs = Vec<Pin<Box<dyn Future<Output = ()>>>>;

/// A registry that is full of tasks which have begun. Names of one length, as they are slowest to tell apart.
fn full<const N: usize>() -> (StaticTasks<Interrupt>, Runs) {
    let tasks = registry::<Interrupt, N>();
    let begin = |number| -> Pin<Box<dyn Future<Output = ()>>> {
        let ticket = tasks.reserve(for_ever(format!("task {number:02}"))).unwrap();
        let mut run = Box::pin(ticket.track(pending::<()>()).unwrap());
        assert!(poll(run.as_mut()).is_pending());
        run
    };
    (tasks, (0..N).map(begin).collect())
}

/// How many sections a call takes in full registries of 4 and of 64 slots.
fn in_both(mut call: impl FnMut(StaticTasks<Interrupt>, &mut Runs)) -> [usize; 2] {
    [full::<4>(), full::<64>()].map(|(tasks, mut runs)| sections(|| call(tasks, &mut runs)))
}

#[test]
fn cancelling_by_id_or_handle_takes_as_many_sections_whatever_the_capacity() {
    let cancel = |by_id: bool, capacity: usize, (tasks, _runs): (StaticTasks<Interrupt>, Runs)| {
        let task = tasks.iter().nth(capacity / 2).unwrap();
        let id = task.id();
        let waker = Waker::noop();
        let mut wait = pin!(task.wait());
        assert!(wait.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
        match by_id {
            true => sections(|| drop(tasks.cancel_id(id))),
            false => sections(|| drop(task.cancel())),
        }
    };
    for by_id in [false, true] {
        let few = cancel(by_id, 4, full::<4>());
        assert_eq!(few, cancel(by_id, 64, full::<64>()));
        assert!(few <= 6, "{few} sections to cancel a task");
    }
}

#[test]
fn a_poll_takes_no_section_once_the_waker_is_known() {
    // Not the waker that does nothing, whose clones may differ from it.
    struct Deaf;
    impl Wake for Deaf {
        fn wake(self: Arc<Self>) {}
    }
    let waker = Waker::from(Arc::new(Deaf));
    let again = |runs: &mut Runs| {
        assert!(runs[2].as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    };
    assert_eq!(in_both(|_, runs| again(runs)), [1, 1], "it is kept");
    let twice = in_both(|_, runs| {
        again(runs);
        again(runs);
    });
    assert_eq!(twice, [1, 1]);
}

#[test]
fn what_goes_by_name_takes_as_many_sections_whatever_the_capacity() {
    let [few, many] = in_both(|tasks, _| assert!(tasks.get("task 03").is_some()));
    assert_eq!(few, many);
    let [few, many] = in_both(|tasks, _| assert!(tasks.reserve("another").is_err()));
    assert_eq!(few, many);
    let [few, many] = in_both(|tasks, _| drop(tasks.cancel("task 03")));
    assert_eq!(few, many);
}

/// No loop is without a bound: each of these looks at every slot a few times at most, and ends a task in a few sections.
#[test]
fn what_is_done_to_all_takes_a_few_sections_for_each_slot() {
    let all = |what: &str, [few, many]: [usize; 2]| {
        assert!(few <= 8 + 12 * 4 && many <= 8 + 12 * 64, "{what}: {few}, {many} sections");
    };
    all("list", in_both(|tasks, _| assert!(tasks.iter().count() > 3)));
    all("counts", in_both(|tasks, _| assert!(tasks.counts().running > 3)));
    all("cancel all", in_both(|tasks, _| tasks.cancel_all()));
    all("shutdown", in_both(|tasks, _| drop(tasks.shutdown(pending::<()>()))));
    all(
        "drop and purge",
        in_both(|tasks, runs| {
            runs.clear();
            assert!(tasks.purge() > 3);
        }),
    );
    all(
        "replace one another",
        in_both(|tasks, runs| {
            runs.truncate(1);
            tasks.purge();
            let chain: Vec<_> = (1..tasks.capacity())
                .map(|_| tasks.reserve_replacing("task 00").expect("there is room"))
                .collect();
            drop(chain);
        }),
    );
}

/// In the mode `Interrupt` one who called back inside a section would not hang: sections nest.
#[test]
fn law_09_nobody_elses_code_runs_inside_a_section() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    struct Outside;
    impl Outside {
        fn look() {
            assert!(!is_inside(), "inside a critical section");
            CALLS.fetch_add(1, Ordering::SeqCst);
        }
    }
    impl Wake for Outside {
        fn wake(self: Arc<Self>) {
            Outside::look();
        }
    }
    impl Drop for Outside {
        fn drop(&mut self) {
            Outside::look();
        }
    }
    let waker = Waker::from(Arc::new(Outside));
    let mut cx = Context::from_waker(&waker);
    let tasks = registry::<Interrupt, 4>();
    let cell = ResultCell::<Interrupt, Outside>::new();
    let calls = || CALLS.swap(0, Ordering::SeqCst);

    // A task that is cancelled and waited for, its token, and what is idle then.
    let ticket = tasks.reserve("a").unwrap();
    let mut wait = pin!(ticket.task().wait());
    let mut token = pin!(ticket.task().cancelled());
    let mut idle = pin!(tasks.wait_idle());
    let owned = Outside;
    let mut run = pin!(
        ticket
            .track(async move {
                let _owned = owned;
                pending::<()>().await;
            })
            .unwrap()
    );
    assert!(run.as_mut().poll(&mut cx).is_pending() && wait.as_mut().poll(&mut cx).is_pending());
    assert!(token.as_mut().poll(&mut cx).is_pending() && idle.as_mut().poll(&mut cx).is_pending());
    drop(tasks.cancel("a"));
    assert_eq!(calls(), 2, "the task and who has its token");
    assert!(run.as_mut().poll(&mut cx).is_ready());
    assert_eq!(calls(), 3, "its future is dropped, and two are told of the end");

    // A replacement that is let go on.
    let first = tasks.reserve("b").unwrap();
    let mut second = pin!(tasks.reserve_replacing("b").unwrap().track(pending::<()>()).unwrap());
    assert!(second.as_mut().poll(&mut cx).is_pending());
    drop(first);
    let woken = calls();
    drop(tasks.cancel("b"));
    assert_eq!(woken + calls(), 1 + usize::from(woken > 0), "it goes on, and is cancelled");
    assert!(second.as_mut().poll(&mut cx).is_ready());

    // Outputs that nobody took, and a shutdown that is waited for.
    for _ in 0..2 {
        let run = tasks.reserve("c").unwrap().run_into(&cell, ready(Outside)).unwrap();
        assert!(poll(pin!(run)).is_ready());
    }
    assert_eq!(calls(), 1, "the output before");
    let mut last = pin!(tasks.reserve("d").unwrap().track(pending::<()>()).unwrap());
    assert!(last.as_mut().poll(&mut cx).is_pending());
    let mut shutdown = pin!(tasks.shutdown(pending::<()>()));
    assert!(shutdown.as_mut().poll(&mut cx).is_pending());
    assert!(last.as_mut().poll(&mut cx).is_ready());
    assert!(calls() >= 2, "the task, and who shuts down");
}
