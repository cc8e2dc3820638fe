//! What a spawner owes to any future, without a registry: to poll it, to let go of it when it is ready, and no earlier.

use std::future::{pending, ready};

use task_registry_core::{JoinHandle, Spawn};

use crate::bench::{Bench, give, put_by};
use crate::fault::Verdict;
use crate::harness::Harness;
use crate::kit::{Gate, ensure, yield_now};
use crate::probe::{Inside, Watch};

/// `spawn` returns before the future is polled, unless another thread does that.
pub fn law_04_a_future_is_not_polled_inside_spawn<H: Harness>(bench: Bench<H>) -> Verdict {
    for _ in 0..8 {
        let watch = bench.put(ready(()))?;
        bench.wait("a future was never polled", watch.polled(1))?;
    }
    Ok(())
}

/// A future that is not ready stays on the executor as long as that lives, polled or not, and whoever has its waker: somebody,
/// nobody any more, or nobody ever.
pub fn law_11_a_future_is_not_dropped_before_it_is_ready<H: Harness>(bench: Bench<H>) -> Verdict {
    let mut watches = Vec::new();
    for _ in 0..8 {
        watches.push(bench.put(pending())?);
    }
    for watch in &watches {
        bench.wait("a future was never polled", watch.polled(1))?;
    }
    bench.settle()?;
    ensure!(bench, watches.iter().all(|watch| !watch.is_dropped()), "a pending future was dropped");
    // Nobody has a waker of theirs any more.
    watches.iter().for_each(Watch::keep_no_waker);
    bench.settle()?;
    // Nobody ever has one of these, but during the poll.
    for _ in 0..8 {
        let (deaf, watch) = bench.bare(pending());
        watch.keep_no_waker();
        put_by(&watch, || bench.spawner().spawn(deaf))?;
        bench.wait("a future was never polled", watch.polled(1))?;
    }
    // Whatever is dropped says so itself.
    bench.settle()
}

/// Letting go of the executor's handle, as a registry does after each spawn, lets the task run on: it neither cancels it at
/// once nor at its next turn.
pub fn law_08_detaching_a_handle_stops_nothing<H: Harness>(bench: Bench<H>) -> Verdict {
    let gate = Gate::default();
    let (kept, kept_watch) = bench.bare(gate.pass());
    let handle = give(&kept_watch, || bench.spawner().spawn(kept))?;
    let (detached, watch) = bench.bare(gate.pass());
    // What becomes of it is judged here.
    watch.let_go();
    let other = give(&watch, || bench.spawner().spawn(detached))?;
    watch.within(Inside::Detach, || other.detach());
    bench.wait("a future whose handle is kept was never polled", kept_watch.polled(1))?;
    bench.settle()?;
    ensure!(
        bench,
        !watch.is_dropped(),
        "the future was dropped because its handle was detached: one whose handle is kept lives on"
    );
    gate.open();
    let lost = "a future was not polled again after its handle had been detached";
    bench.wait(lost, watch.dropped())?;
    ensure!(bench, watch.polls() > 1, "the future was dropped because its handle was detached");
    handle.detach();
    Ok(())
}

/// A future that has returned `Ready` is never polled again: not on its own, and not for a wake that comes late.
pub fn law_02_a_future_is_not_polled_after_it_has_completed<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    for yields in [0, 1, 5] {
        let mut watches = Vec::new();
        for _ in 0..4 {
            watches.push(bench.put(async move {
                for _ in 0..yields {
                    yield_now().await;
                }
            })?);
        }
        for watch in &watches {
            bench.wait("a future was not polled to its end", watch.ready())?;
            for _ in 0..2 {
                watch.wake();
                bench.settle()?;
            }
        }
        bench.settle()?;
    }
    Ok(())
}

/// A future that has returned `Ready` is dropped then, and not when its executor is.
pub fn law_02_a_future_is_dropped_when_it_has_completed<H: Harness>(bench: Bench<H>) -> Verdict {
    for yields in [0, 1] {
        let watch = bench.put(async move {
            for _ in 0..yields {
                yield_now().await;
            }
        })?;
        bench.wait("a future was not polled to its end", watch.ready())?;
        let lost = "the future is leaked: it has completed and is never dropped";
        bench.wait(lost, watch.dropped())?;
    }
    Ok(())
}

/// Of many futures that are spawned at once each is polled, whatever its number.
pub fn law_11_no_future_of_many_is_forgotten<H: Harness>(bench: Bench<H>) -> Verdict {
    const MANY: usize = 500;
    let mut watches = Vec::new();
    for _ in 0..MANY {
        watches.push(bench.put(yield_now())?);
    }
    let all = async {
        for watch in &watches {
            watch.dropped().await;
        }
    };
    let waited = bench.wait("a future was forgotten", all);
    bench.log.verdict()?;
    let never = watches.iter().filter(|watch| watch.polls() == 0).count();
    let halfway = watches.iter().filter(|watch| !watch.is_dropped()).count() - never;
    ensure!(bench, never == 0, "{never} of {MANY} futures were forgotten: never polled");
    ensure!(bench, halfway == 0, "{halfway} of {MANY} futures were forgotten half-way");
    waited
}

/// A spawner and its clones lead to one executor, as all spawners of one harness do.
pub fn law_16_every_clone_of_a_spawner_is_the_same_executor<H: Harness>(
    bench: Bench<H>,
) -> Verdict {
    let first = bench.spawner();
    let mut watches: Vec<Watch> = Vec::new();
    for spawner in [first.clone(), bench.spawner(), first] {
        let (probe, watch) = bench.bare(yield_now());
        put_by(&watch, || spawner.clone().spawn(probe))?;
        drop(spawner);
        watches.push(watch);
    }
    for watch in watches {
        bench.wait("what a clone of the spawner spawned was lost", watch.dropped())?;
    }
    Ok(())
}
