//! Many threads at once.

use task_registry::{Options, Outcome, RestartError, Retain};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

/// A factory whose tasks count themselves while they live, and how often they were not alone.
fn counting<H: Restarts>(alive: &Count, overlaps: &Count) -> Factory<H::Mode> {
    let (alive, overlaps) = (alive.clone(), overlaps.clone());
    factory(move |_| {
        let (alive, overlaps) = (alive.clone(), overlaps.clone());
        body(async move {
            if alive.add() != 1 {
                overlaps.add();
            }
            let _leaves = OnDrop::new(move || {
                alive.take_one();
            });
            yield_now().await;
            std::future::pending::<()>().await;
        })
    })
}

pub(crate) async fn law_06_a_thousand_restarts_from_threads_never_overlap<H: RestartsAcross>(
    tasks: Reg<H>,
) {
    let registry = another(&tasks, Options::new().retain(Retain::Newest(4)));
    let (alive, overlaps) = (Count::default(), Count::default());
    let make = counting::<H>(&alive, &overlaps);
    let first = registry.spawn_restartable("feed", make).unwrap();
    let table = registry.tasks().clone();
    on_threads(8, move |_| {
        for _ in 0..125 {
            let new = table.restart("feed").expect("a live name is always restarted");
            assert_eq!(new.name(), Some("feed"));
        }
    })
    .await;
    assert_eq!(first.wait().await.reason(), Some("replaced"));
    let last = registry.get_live("feed").expect("the last one stays");
    while alive.get() == 0 {
        yield_now().await;
    }
    last.cancel().await;
    registry.wait_idle().await;
    assert_eq!((overlaps.get(), alive.get()), (0, 0), "two incarnations at once");
}

pub(crate) async fn law_06_a_restart_never_stops_a_task_that_came_from_no_factory<
    H: RestartsAcross,
>(
    tasks: Reg<H>,
) {
    let registry = another(&tasks, Options::new().retain(Retain::Newest(2)));
    let (alive, overlaps) = (Count::default(), Count::default());
    let (inner, running, two) = (registry.clone(), alive.clone(), overlaps.clone());
    let done = on_threads(4, move |number| {
        let mut restarted = 0;
        for step in 0..200 {
            // A different mix on each thread, the same in each run.
            match (number + step * 7 + step / 5) % 5 {
                0 => drop(inner.spawn_restartable("feed", counting::<H>(&running, &two))),
                1 => {
                    if let Ok(plain) = inner.spawn("feed", body(async { yield_now().await })) {
                        assert_eq!(plain.wait_blocking().ok(), Some(()), "nobody touched it");
                    }
                }
                2 => {
                    inner.get("feed").map(|task| task.purge());
                }
                _ => match inner.restart("feed") {
                    Ok(new) => {
                        restarted += 1;
                        drop(new.cancel());
                    }
                    Err(RestartError::NotFound | RestartError::NotRestartable) => {}
                    Err(error) => panic!("{error}"),
                },
            }
        }
        restarted
    })
    .await;
    registry.cancel_all().await;
    registry.wait_idle().await;
    assert_eq!((overlaps.get(), alive.get()), (0, 0));
    assert!(done.iter().sum::<usize>() > 0, "some were restarted: {done:?}");
    assert!(registry.snapshot().iter().all(|task| task.outcome() != Some(&Outcome::NeverStarted)));
}
