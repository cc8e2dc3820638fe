//! Several threads at once: whatever the order, the laws hold. Each repeats until every order has had its chance.

use futures_lite::future::block_on;
use task_registry::mode::Carry;
use task_registry::{Options, Outcome, Retain, SpawnError, Spawned, TakeError, conflict};

use crate::harness::*;
use crate::kit::*;
use crate::storm::Incarnations;

pub(crate) async fn law_06_of_many_threads_one_gets_the_name<H: Sends>(tasks: Reg<H>) {
    for _ in 0..20 {
        let go = Gate::default();
        let registry = tasks.clone();
        let inner = go.clone();
        let got = on_threads(4, move |_| {
            let go = inner.clone();
            registry.spawn("x", body(async move { go.pass().await }))
        })
        .await;
        let winner = got.iter().find_map(|task| task.as_ref().ok()).expect("one got it").id();
        for task in &got {
            match task {
                Ok(task) => assert_eq!(task.id(), winner, "two have it"),
                Err(error) => assert_eq!(*error, SpawnError::NameTaken { holder: winner }),
            }
        }
        go.open();
        tasks.wait_idle().await;
    }
}

pub(crate) async fn law_06_of_many_threads_that_keep_one_starts<H: Sends>(tasks: Reg<H>) {
    for _ in 0..20 {
        let (go, runs) = (Gate::default(), Count::default());
        let (registry, inner, count) = (tasks.clone(), go.clone(), runs.clone());
        let got = on_threads(4, move |_| {
            let (go, runs) = (inner.clone(), count.clone());
            let future = body(async move {
                runs.add();
                go.pass().await;
            });
            registry.task("x").on_conflict(conflict::Keep).spawn(future).expect("either is fine")
        })
        .await;
        assert_eq!(got.iter().filter(|spawned| spawned.is_new()).count(), 1);
        assert!(got.iter().all(|spawned| spawned.task() == got[0].task()));
        go.open();
        tasks.wait_idle().await;
        assert_eq!(runs.get(), 1);
        drop(got.into_iter().filter(|spawned| matches!(spawned, Spawned::Existing(_))));
    }
}

pub(crate) async fn law_20_a_capacity_holds_against_threads<H: Sends>(tasks: Reg<H>) {
    let small = another(&tasks, Options::new().capacity(3).retain(Retain::Nothing));
    let (alive, most) = (Count::default(), Count::default());
    let (registry, inner_alive, inner_most) = (small.clone(), alive.clone(), most.clone());
    on_threads(4, move |_| {
        for _ in 0..200 {
            let (alive, most) = (inner_alive.clone(), inner_most.clone());
            let future = body(async move {
                if alive.add() > 3 {
                    most.add();
                }
                let _leaves = OnDrop::new(move || {
                    alive.take_one();
                });
                yield_now().await;
            });
            match registry.spawn_unnamed(future) {
                Ok(task) => task.wait_blocking().unwrap(),
                Err(error) => assert_eq!(error, SpawnError::Full { capacity: 3 }),
            }
        }
    })
    .await;
    assert_eq!(most.get(), 0, "more lived at once than the capacity allows");
    // A handle is told of the end before the place is given back to nobody: none is lost.
    let again: Vec<_> =
        (0..3).map(|_| small.spawn_unnamed(body(std::future::pending::<()>())).unwrap()).collect();
    small.cancel_all().await;
    assert!(again.iter().all(|task| task.is_ended()));
}

pub(crate) async fn law_12_no_ticket_slips_through_a_closing_gate<H: Sends>(tasks: Reg<H>) {
    for _ in 0..20 {
        let registry = another(&tasks, Options::new().retain(Retain::Everything));
        let begun = Gate::default();
        let (inner, started) = (registry.clone(), begun.clone());
        let mut threads = Box::pin(on_threads(3, move |number| {
            let mut accepted = Vec::new();
            for round in 0.. {
                if round == 5 {
                    started.open();
                }
                let future = body(std::future::pending::<()>());
                let spawned = match inner.reserve(format_args!("{number}:{round}")) {
                    Ok(ticket) => ticket.spawn_on(inner.spawner(), future).map_err(|e| e.kind),
                    Err(error) => Err(error),
                };
                match spawned {
                    Ok(task) => accepted.push(task),
                    Err(SpawnError::Closed | SpawnError::Cancelled) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            accepted
        }));
        // Started by its first poll.
        assert_pending(poll_once(&mut threads.as_mut()).map(drop));
        begun.pass().await;
        let report = registry.shutdown(std::future::pending::<()>()).await;
        assert!(report.is_clean());
        for task in threads.await.into_iter().flatten() {
            assert!(task.is_ended(), "the report came before the end of {task}");
            assert!(report.ended().iter().any(|ended| ended.id() == task.id()));
        }
        assert_eq!(registry.live(), 0);
    }
}

pub(crate) async fn law_17_of_two_takers_one_gets_the_result<H: Sends>(tasks: Reg<H>)
where
    H::Mode: Carry<OnDrop>,
{
    for _ in 0..100 {
        let drops = Count::default();
        let counted = drops.clone();
        let task =
            tasks.task("x").keep_result().spawn(body(async move { counted.on_drop() })).unwrap();
        task.wait().await;
        let registry = tasks.clone();
        let task = std::sync::Arc::new(std::sync::Mutex::new(Some(task)));
        let taken: usize = on_threads(2, move |number| match number {
            0 => {
                let task = lock(&task).take().expect("only this thread takes it");
                usize::from(task.wait_blocking().is_ok())
            }
            _ => match registry.take_result::<OnDrop>("x") {
                Ok(_) => 1,
                Err(TakeError::NoResult) => 0,
                Err(error) => panic!("{error}"),
            },
        })
        .await
        .into_iter()
        .sum();
        assert_eq!(taken, 1);
        assert_eq!(drops.get(), 1, "an output is dropped once");
    }
}

pub(crate) async fn law_15_an_output_is_dropped_once_whoever_lets_go_first<H: Sends>(
    tasks: Reg<H>,
) {
    for _ in 0..200 {
        let (go, drops) = (Gate::default(), Count::default());
        let (inner, counted) = (go.clone(), drops.clone());
        let task = tasks
            .spawn_unnamed(body(async move {
                inner.pass().await;
                counted.on_drop()
            }))
            .unwrap();
        let by_ref = task.task().clone();
        let task = std::sync::Arc::new(std::sync::Mutex::new(Some(task)));
        let registry = tasks.clone();
        on_threads(3, move |number| match number {
            0 => go.open(),
            1 => drop(lock(&task).take()),
            _ => {
                registry.purge();
            }
        })
        .await;
        assert_eq!(by_ref.wait().await, Outcome::Completed);
        assert_eq!(drops.get(), 1);
    }
}

pub(crate) async fn law_02_waiting_threads_miss_nothing<H: Across>(tasks: Reg<H>) {
    const ROUNDS: u64 = 200;
    let tasks = another(&tasks, Options::new().retain(Retain::Newest(2)));
    let inner = tasks.tasks().clone();
    let reader = tasks.tasks().clone();
    let mut endings = reader.endings();
    let mut waiting = Box::pin(on_threads(2, move |number| {
        for round in 0..ROUNDS {
            let task = block_on(inner.wait_for(format!("{number}:{round}")));
            drop(task.cancel());
            assert!(task.wait_blocking().is_cancelled());
        }
    }));
    assert_pending(poll_once(&mut waiting.as_mut()).map(drop));
    let reading = on_thread(move || {
        let mut seen = Vec::new();
        while let Some(end) = block_on(endings.next_ended()) {
            seen.push(end.expect("it keeps up").id());
        }
        seen
    });
    let mut ids = Vec::new();
    for round in 0..ROUNDS {
        for number in 0..2 {
            let name = format!("{number}:{round}");
            let task = tasks.spawn(name, body(std::future::pending::<()>())).unwrap();
            assert!(task.wait().await.is_cancelled());
            ids.push(task.id());
        }
    }
    waiting.await;
    assert!(tasks.shutdown(std::future::pending::<()>()).await.is_clean());
    assert_eq!(reading.join(), ids, "each end is read, in order");
}

pub(crate) async fn law_02_a_thread_that_waits_for_quiet_is_woken_by_it<H: Across>(tasks: Reg<H>) {
    for _ in 0..100 {
        let held = hold(&tasks, "a").await;
        let (idle, resolved) = (tasks.wait_idle(), Gate::default());
        let opened = resolved.clone();
        let thread = on_thread(move || {
            block_on(idle);
            opened.open();
        });
        held.finish.open();
        resolved.pass().await;
        thread.join();
        assert!(held.task.is_ended());
    }
}

pub(crate) async fn law_07_ids_stay_true_while_places_are_reused<H: Sends>(tasks: Reg<H>) {
    let tasks = another(&tasks, Options::new().retain(Retain::Newest(4)));
    let registry = tasks.clone();
    on_threads(3, move |number| {
        let mut old = Vec::new();
        for round in 0..300 {
            let name = format!("{number}:{round}");
            let task = registry.spawn(&name, body(std::future::pending::<()>())).unwrap();
            assert_eq!(registry.by_id(task.id()).expect("it lives").name(), Some(name.as_str()));
            for id in &old {
                // Evicted or still a record, it is never one that lives.
                if let Some(task) = registry.by_id(*id) {
                    assert!(task.is_ended(), "a stale id led to {task}");
                    drop(task.cancel());
                }
            }
            assert!(!task.is_ended());
            assert!(task.cancel().wait_blocking().is_cancelled());
            old.push(task.id());
            if old.len() > 20 {
                old.remove(0);
            }
        }
    })
    .await;
    assert_eq!(tasks.live(), 0);
}

pub(crate) async fn law_06_a_thousand_replaces_from_threads_never_overlap<H: Sends>(tasks: Reg<H>) {
    let registry = another(&tasks, Options::new().retain(Retain::Nothing));
    let all = Incarnations::default();
    let (inner, made) = (registry.clone(), all.clone());
    all.storm(move || {
        let newcomer = inner.task("x").on_conflict(conflict::Replace);
        // Another thread may be so soon that this one's place is taken before its task is in it.
        let refused = newcomer.spawn_with((), |cx| made.one(cx)).err();
        assert!(matches!(refused, None | Some(SpawnError::Cancelled)), "{refused:?}");
    })
    .await;
    let last = registry.get_live("x").expect("the last one stays");
    last.started().await.expect("nobody replaced it");
    registry.cancel_all().await;
    registry.wait_idle().await;
    all.assert_never_two();
}

pub(crate) async fn law_06_no_mix_of_requests_from_threads_makes_two_of_one_name<H: Sends>(
    tasks: Reg<H>,
) {
    for round in 0..10 {
        let registry = another(&tasks, Options::new().retain(Retain::Newest(round % 3)));
        let all = Incarnations::default();
        let (inner, made) = (registry.clone(), all.clone());
        on_threads(4, move |number| {
            for step in 0..60 {
                // A different mix on each thread, the same in each run.
                match (number + step * 7 + step / 5) % 6 {
                    0..=2 => {
                        let task = inner.task("x");
                        let spawned = match number % 2 {
                            0 => task
                                .on_conflict(conflict::Replace)
                                .spawn_with((), |cx| made.one(cx)),
                            _ => task.spawn_with((), |cx| made.one(cx)),
                        };
                        if let Ok(task) = spawned {
                            // Until it has begun or is gone; every other goes on at once.
                            if step % 2 == 0 {
                                let _begun_or_gone = block_on(task.started());
                            }
                        }
                    }
                    3 => drop(inner.cancel("x")),
                    4 => {
                        inner.get("x").map(|task| task.purge());
                    }
                    _ => {
                        inner.purge();
                    }
                }
            }
        })
        .await;
        registry.cancel_all().await;
        registry.wait_idle().await;
        all.assert_never_two();
    }
}

pub(crate) async fn law_16_counts_are_never_absurd_and_exact_when_it_is_quiet<H: Sends>(
    tasks: Reg<H>,
) {
    const THREADS: usize = 3;
    const ROUNDS: usize = 300;
    let registry = another(&tasks, Options::new().retain(Retain::Nothing));
    let over = Flag::default();
    let (reader, done) = (registry.tasks().clone(), over.clone());
    let reading = on_thread(move || {
        while !done.is_set() {
            // A reader that is held up between two counters may count one twice, but no task that never was.
            let counts = reader.counts();
            let all = [counts.queued, counts.running, counts.stopping, reader.live()];
            assert!(all.iter().all(|count| *count <= THREADS * ROUNDS), "{counts}");
            assert_eq!(counts.ended, 0);
        }
    });
    let inner = registry.clone();
    on_threads(THREADS, move |_| {
        for _ in 0..ROUNDS {
            let task = inner.spawn_unnamed(body(std::future::pending::<()>())).unwrap();
            assert!(task.cancel().wait_blocking().is_cancelled());
        }
    })
    .await;
    over.set();
    reading.join();
    let counts = registry.counts();
    assert_eq!([counts.queued, counts.running, counts.stopping, registry.live()], [0; 4]);
}
