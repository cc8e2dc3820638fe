//! Many threads at once, or many tasks.

use futures_lite::future::block_on;
use task_registry::{Options, Outcome, RestartError, Retain};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;
use crate::storm::Incarnations;

fn incarnations<H: Restarts>(all: &Incarnations) -> Factory<H::Mode> {
    let all = all.clone();
    factory(move |cx| all.one(cx))
}

pub(crate) async fn law_06_a_thousand_restarts_from_threads_never_overlap<H: RestartsAcross>(
    tasks: Reg<H>,
) {
    let registry = another(&tasks, Options::new().retain(Retain::Newest(4)));
    let all = Incarnations::default();
    let first = registry.spawn_restartable("feed", incarnations::<H>(&all)).unwrap();
    let table = registry.tasks().clone();
    all.storm(move || {
        let new = table.restart("feed").expect("a live name is always restarted");
        assert_eq!(new.name(), Some("feed"));
    })
    .await;
    assert_eq!(first.wait().await.reason(), Some("replaced"));
    let last = registry.get_live("feed").expect("the last one stays");
    last.started().await.expect("nobody replaced it");
    last.cancel().await;
    registry.wait_idle().await;
    all.assert_never_two();
}

/// Also where no other thread may restart: eight tasks do, and whatever the executor runs meanwhile.
pub(crate) async fn law_06_a_thousand_restarts_from_tasks_never_overlap<H: Restarts>(
    tasks: Reg<H>,
) {
    let registry = another(&tasks, Options::new().retain(Retain::Newest(4)));
    let all = Incarnations::default();
    let first = registry.spawn_restartable("feed", incarnations::<H>(&all)).unwrap();
    let storm: Vec<_> = (0..8)
        .map(|_| {
            let (table, all) = (registry.tasks().clone(), all.clone());
            let restarts = body(async move {
                for _ in 0..125 {
                    let before = all.begun();
                    table.restart("feed").expect("a live name is always restarted");
                    // The last of those that wait for each other is replaced by nobody, and begins.
                    while all.begun() <= before {
                        yield_now().await;
                    }
                }
            });
            tasks.spawn_unnamed(restarts).unwrap()
        })
        .collect();
    for restarts in storm {
        restarts.await.unwrap();
    }
    assert_eq!(first.wait().await.reason(), Some("replaced"));
    assert!(all.begun() >= 125, "{} have begun", all.begun());
    let last = registry.get_live("feed").expect("the last one stays");
    last.started().await.expect("nobody replaced it");
    last.cancel().await;
    registry.wait_idle().await;
    all.assert_never_two();
}

pub(crate) async fn law_06_a_restart_never_stops_a_task_that_came_from_no_factory<
    H: RestartsAcross,
>(
    tasks: Reg<H>,
) {
    let registry = another(&tasks, Options::new().retain(Retain::Newest(2)));
    let all = Incarnations::default();
    let (inner, incarnated) = (registry.clone(), all.clone());
    let done = on_threads(4, move |number| {
        let mut restarted = 0;
        for step in 0..200 {
            let before = incarnated.begun();
            // A different mix on each thread, the same in each run.
            match (number + step * 7 + step / 5) % 5 {
                0 => drop(inner.spawn_restartable("feed", incarnations::<H>(&incarnated))),
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
                        // It is cancelled only once it has begun or was replaced itself, so that the last of those that
                        // wait for each other always begins.
                        let _begun_or_replaced = block_on(new.started());
                        incarnated.wait_past(before);
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
    all.assert_never_two();
    let most = done.iter().max().copied().unwrap_or_default();
    assert!(most > 0 && all.begun() >= most, "{} begun, restarted {done:?}", all.begun());
    assert!(registry.snapshot().iter().all(|task| task.outcome() != Some(&Outcome::NeverStarted)));
}
