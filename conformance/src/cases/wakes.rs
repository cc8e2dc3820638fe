//! What an executor owes to those who wake.

use std::future::{pending, poll_fn};
use std::task::{Poll, Waker};
use std::thread;

use crate::bench::Bench;
use crate::fault::{Fault, Verdict};
use crate::harness::Harness;
use crate::kit::{Count, ensure, owning, yield_now};
use crate::probe::{Inside, Watch};

/// Puts so many futures on the executor that never are ready, and waits until each was polled.
fn pend<H: Harness>(bench: &Bench<H>, many: usize) -> Result<Vec<Watch>, Fault> {
    let mut watches = Vec::new();
    for _ in 0..many {
        watches.push(bench.put(pending())?);
    }
    for watch in &watches {
        bench.wait("a future was never polled", watch.polled(1))?;
    }
    bench.settle()?;
    Ok(watches)
}

/// Has another thread wake it, and sees to it that it is not polled there by that very call.
fn wake_elsewhere<H: Harness>(bench: &Bench<H>, watch: &Watch) -> Verdict {
    let there = watch.clone();
    let woken = thread::spawn(move || {
        there.within(Inside::Wake, || there.waker().map(Waker::wake));
    });
    ensure!(bench, woken.join().is_ok(), "a wake by another thread panicked");
    bench.log.verdict()?;
    if watch.leave().0 {
        let why =
            "the future was polled inside `wake`, on the stack of another thread that woke it";
        return Err(Fault::new(9, why));
    }
    Ok(())
}

/// Of many tasks that wait, the one whose waker is called is polled.
pub fn law_01_the_task_that_is_woken_is_the_one_that_is_polled<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let watches = pend(&bench, 8)?;
    for number in [3, 0, 7, 7, 1, 6, 2, 5, 4, 0] {
        let before: Vec<_> = watches.iter().map(Watch::polls).collect();
        watches[number].wake();
        let polled = watches[number].polled(before[number] + 1);
        if let Err(fault) = bench.wait("a task was woken and not polled", polled) {
            bench.log.verdict()?;
            let others = watches.iter().map(Watch::polls);
            let other = others.zip(before).any(|(now, before)| now > before);
            ensure!(
                bench,
                !other,
                "the wrong task was woken: not the one whose waker was called was polled, but another"
            );
            return Err(fault);
        }
    }
    Ok(())
}

/// A wake that comes while its task is being polled is followed by another poll.
pub fn law_05_a_wake_during_a_poll_is_followed_by_another_poll<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let watch = bench.put(async {
        for _ in 0..100 {
            yield_now().await;
        }
    })?;
    bench.wait("a future was never polled", watch.polled(1))?;
    let lost = "a wake that came during a poll was lost: the future was not polled again";
    bench.wait(lost, watch.ready())
}

/// What a waker is put to, and in what words.
type Way = (&'static str, fn(Waker));

/// `wake`, `wake_by_ref`, a clone's wake, two wakes at once: each has the task polled.
pub fn law_01_every_way_to_wake_counts<H: Harness>(bench: Bench<H>) -> Verdict {
    let watch = pend(&bench, 1)?.remove(0);
    let waker = |watch: &Watch| watch.waker().expect("it was polled");
    let ways: [Way; 5] = [
        ("`wake`", |waker| waker.wake()),
        ("`wake_by_ref`", |waker| waker.wake_by_ref()),
        ("the wake of a clone", |waker| {
            let clone = waker.clone();
            drop(waker);
            clone.wake();
        }),
        ("the wake of a clone whose clone was dropped", |waker| {
            drop(waker.clone());
            waker.wake();
        }),
        ("the second of two wakes", |waker| {
            waker.wake_by_ref();
            waker.wake();
        }),
    ];
    for (way, wake) in ways {
        let (polls, waker) = (watch.polls(), waker(&watch));
        wake(waker);
        let lost = format!("{way} was lost: the task was not polled again");
        bench.wait(&lost, watch.polled(polls + 1))?;
    }
    Ok(())
}

/// A wake by another thread arrives, also while the executor has nothing to do.
pub fn law_01_a_wake_by_another_thread_is_not_lost<H: Harness>(bench: Bench<H>) -> Verdict {
    let watches = pend(&bench, 4)?;
    for round in 0..20 {
        let watch = &watches[round % watches.len()];
        let polls = watch.polls();
        wake_elsewhere(&bench, watch)?;
        let lost = "a wake by another thread was lost: the task was not polled again";
        bench.wait(lost, watch.polled(polls + 1))?;
    }
    Ok(())
}

/// A poll comes of its own, and never inside `wake`, on the stack of somebody who may hold a lock, whichever thread that is.
pub fn law_09_a_task_is_not_polled_inside_wake<H: Harness>(bench: Bench<H>) -> Verdict {
    let watches = pend(&bench, 2)?;
    for watch in &watches {
        let polls = watch.polls();
        watch.wake();
        bench.log.verdict()?;
        bench.wait("a task was woken and not polled", watch.polled(polls + 1))?;
        // Who knows its own thread may still be wrong on others.
        let polls = watch.polls();
        wake_elsewhere(&bench, watch)?;
        let lost = "a task was woken by another thread and not polled";
        bench.wait(lost, watch.polled(polls + 1))?;
    }
    // The same in the middle of its own poll, and of another's.
    let other = watches[0].clone();
    let watch = bench.put({
        let mut polls = 0;
        poll_fn(move |cx| {
            polls += 1;
            other.wake();
            cx.waker().wake_by_ref();
            if polls == 10 { Poll::Ready(()) } else { Poll::Pending }
        })
    })?;
    bench.wait("a task that wakes another in its poll was lost", watch.dropped())?;
    bench.settle()
}

/// A task that is woken in the middle of its poll is polled again after that, and not at the same time by another thread.
pub fn law_10_a_future_is_polled_by_one_thread_at_a_time<H: Harness>(bench: Bench<H>) -> Verdict {
    let watch = bench.put({
        let mut polls = 0;
        poll_fn(move |cx| {
            polls += 1;
            let waker = cx.waker().clone();
            let _ = thread::spawn(move || waker.wake()).join();
            // Whoever was tempted has a chance to come in.
            for _ in 0..16 {
                thread::yield_now();
            }
            if polls == 20 { Poll::Ready(()) } else { Poll::Pending }
        })
    })?;
    bench.wait("a wake that another thread gave during a poll was lost", watch.ready())
}

/// The waker of a task that has ended may be called, and dropped, at any time: nothing is polled that is not there any more, and
/// whoever came into its place goes on.
pub fn law_07_the_waker_of_an_ended_task_does_no_harm<H: Harness>(bench: Bench<H>) -> Verdict {
    let mut stale = Vec::new();
    for _ in 0..8 {
        let watch = bench.put(yield_now())?;
        bench.wait("a future that woke itself was not polled to its end", watch.dropped())?;
        stale.extend(watch.waker());
    }
    let watches = pend(&bench, 8)?;
    for waker in &stale {
        waker.wake_by_ref();
    }
    bench.settle()?;
    let woken = thread::spawn(move || stale.into_iter().for_each(Waker::wake)).join();
    ensure!(bench, woken.is_ok(), "the waker of a task that had ended panicked");
    bench.settle()?;
    for watch in &watches {
        let polls = watch.polls();
        watch.wake();
        let lost = "after wakers of ended tasks were called, another task was woken and not polled";
        bench.wait(lost, watch.polled(polls + 1))?;
    }
    Ok(())
}

/// A task may wake another in its poll, and when it is dropped.
pub fn law_09_a_task_may_wake_others_in_its_poll_and_destructor<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let watches = pend(&bench, 2)?;
    let before: Vec<_> = watches.iter().map(Watch::polls).collect();
    let woke = Count::default();
    let waking = bench.put({
        let (in_poll, in_drop, woke) = (watches[0].clone(), watches[1].clone(), woke.clone());
        let guard = crate::probe::Guard::new(move || {
            in_drop.wake();
            woke.add();
        });
        owning(guard, move || {
            in_poll.wake();
            Poll::Ready(())
        })
    })?;
    bench.wait("a task that wakes others was lost", waking.dropped())?;
    ensure!(bench, woke.happened(), "the destructor of what a future owned was not run");
    for (watch, before) in watches.iter().zip(before) {
        let lost = "a wake that came from another task's poll or destructor was lost";
        bench.wait(lost, watch.polled(before + 1))?;
    }
    Ok(())
}
