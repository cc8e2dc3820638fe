//! Supervised tasks, whatever the executor. What `supervise` does by itself is tested in `tests/supervise.rs`.

use std::future::{pending, ready};
use std::time::Duration;

use task_registry::supervise::{ConstantBuilder, Supervisor, supervise};
use task_registry::{Cancel, Cx, Outcome};

use crate::harness::*;
use crate::kit::*;
use crate::setup::*;

type Attempt = Result<u32, Failure>;

fn times(attempts: usize) -> ConstantBuilder {
    ConstantBuilder::new().with_delay(Duration::from_secs(3600)).with_max_times(attempts)
}

/// A sleep that is over when it begins: no time passes in these tests.
fn no_time(_: Duration) -> std::future::Ready<()> {
    ready(())
}

fn fails(message: &str) -> Attempt {
    Err(Failure::Says(message.to_owned()))
}

pub(crate) async fn a_supervised_task_keeps_one_name_and_id_and_gives_its_output<H: Lives>(
    tasks: Reg<H>,
) {
    let (made, seen) = (Count::default(), Trace::default());
    let (table, ids) = (tasks.tasks().clone(), seen.clone());
    let feed = supervise(times(3), no_time, move || {
        let attempt = made.add();
        ids.note(table.get_live("feed").unwrap().id().to_string());
        async move {
            yield_now().await;
            match attempt {
                1 => fails("not yet"),
                2 => blow_up("nor now"),
                _ => Ok(7),
            }
        }
    });
    let task = tasks.spawn_fallible("feed", body(feed)).unwrap();
    let id = task.id().to_string();
    assert_eq!(task.wait().await, Outcome::Completed);
    assert_eq!(task.await.unwrap(), Ok(7));
    assert_eq!(seen.read(), [id.as_str(); 3]);
}

pub(crate) async fn a_supervised_task_without_further_attempts_ends_as_the_last_one_did<
    H: Lives,
>(
    tasks: Reg<H>,
) {
    let made = Count::default();
    let feed = supervise(times(1), no_time, move || {
        let attempt = made.add();
        async move { if attempt == 1 { blow_up("first") } else { fails("second") } }
    });
    let failed = tasks.spawn_fallible("failed", body(feed)).unwrap();
    assert_eq!(failed.wait().await, Outcome::Failed { message: "second".into() });
    assert_eq!(failed.await.unwrap(), fails("second"));
    let made = Count::default();
    let feed = supervise(times(1), no_time, move || {
        let attempt = made.add();
        async move { if attempt == 1 { fails("first") } else { blow_up("second") } }
    });
    let panicked = tasks.spawn_fallible("panicked", body(feed)).unwrap();
    let payload = panicked.await.unwrap_err().into_panic().unwrap();
    assert_eq!(*payload.downcast::<&'static str>().unwrap(), "second");
}

pub(crate) async fn a_cancel_ends_the_delay_of_a_supervised_task_and_nothing_is_made_again<
    H: Lives,
>(
    tasks: Reg<H>,
) {
    let (made, asleep, dropped) = (Count::default(), Gate::default(), Flag::default());
    let (count, sleeps, gone) = (made.clone(), asleep.clone(), dropped.clone());
    let sleep = move |_| {
        sleeps.open();
        noted_pending(gone.on_drop())
    };
    let feed = supervise(times(9), sleep, move || {
        count.add();
        ready(fails("again"))
    });
    let task = tasks.spawn_fallible("feed", body(feed)).unwrap();
    asleep.pass().await;
    assert_eq!(task.cancel_with("enough").await.reason(), Some("enough"));
    assert!(dropped.is_set(), "law 2");
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(made.get(), 1);
}

pub(crate) async fn a_shutdown_ends_the_attempt_of_a_supervised_task_and_is_no_failure<H: Lives>(
    tasks: Reg<H>,
) {
    let (made, under_way, dropped) = (Count::default(), Gate::default(), Flag::default());
    let (count, begun, gone) = (made.clone(), under_way.clone(), dropped.clone());
    let feed = supervise(times(9), no_time, move || {
        count.add();
        let (begun, guard) = (begun.clone(), gone.on_drop());
        async move {
            let _guard = guard;
            begun.open();
            pending::<Attempt>().await
        }
    });
    drop(tasks.spawn_fallible("feed", body(feed)).unwrap());
    under_way.pass().await;
    let report = tasks.shutdown(pending::<()>()).await;
    assert_eq!((report.cancelled(), report.failed(), made.get()), (1, 0, 1));
    assert!(dropped.is_set());
}

pub(crate) async fn once_asked_to_stop_a_supervised_task_makes_no_further_attempt_in_its_grace<
    H: Lives,
>(
    tasks: Reg<H>,
) {
    let (made, under_way) = (Count::default(), Gate::default());
    let (count, begun) = (made.clone(), under_way.clone());
    // An attempt that ends on its token, with an error, as a connection does that is closed.
    let feed = tasks.task("feed").grace(never()).spawn_with((), move |cx: Cx<(), _>| {
        let feed = Supervisor::new(times(9), no_time).until(cx.cancelled()).run(move || {
            count.add();
            let (token, begun) = (cx.cancelled(), begun.clone());
            async move {
                begun.open();
                token.await;
                Err::<(), _>(7)
            }
        });
        body(async move { feed.await.unwrap_err() })
    });
    let feed = feed.unwrap();
    under_way.pass().await;
    assert_eq!(feed.cancel().await, Outcome::Completed, "within its grace");
    assert_eq!((feed.await.unwrap(), made.get()), (7, 1));
}

pub(crate) async fn a_cancel_with_a_grace_ends_the_delay_of_a_supervised_task_and_its_last_failure_stands<
    H: Lives,
>(
    tasks: Reg<H>,
) {
    for panics in [false, true] {
        let (made, asleep, dropped) = (Count::default(), Gate::default(), Flag::default());
        let (count, sleeps, gone) = (made.clone(), asleep.clone(), dropped.clone());
        let sleep = move |_| {
            sleeps.open();
            noted_pending(gone.on_drop())
        };
        let table = tasks.tasks().clone();
        let feed = body(async move {
            let token = table.get_live("feed").unwrap().cancelled();
            let feed = Supervisor::new(times(9), sleep).until(token).run(move || {
                count.add();
                async move { if panics { blow_up("no route") } else { fails("no route") } }
            });
            feed.await
        });
        let task = tasks.spawn_fallible("feed", feed).unwrap();
        asleep.pass().await;
        let end = task.cancel_with(Cancel::new().grace(pending::<()>())).await;
        let expected = if panics {
            Outcome::Panicked { message: Some("no route".into()) }
        } else {
            Outcome::Failed { message: "no route".into() }
        };
        assert_eq!((end, made.get()), (expected, 1));
        assert!(dropped.is_set(), "the delay is over");
    }
}

pub(crate) async fn each_failure_of_a_supervised_task_is_told_before_it_is_made_anew<H: Lives>(
    tasks: Reg<H>,
) {
    let (made, seen) = (Count::default(), Trace::default());
    let told = seen.clone();
    let feed = Supervisor::new(times(3), no_time)
        .notify(move |why, delay| told.note(format!("{why}, again in {delay:?}")))
        .run(move || {
            let attempt = made.add();
            async move {
                match attempt {
                    1 => fails("not yet"),
                    2 => blow_up("nor now"),
                    _ => Ok(7),
                }
            }
        });
    let task = tasks.spawn_fallible("feed", body(feed)).unwrap();
    assert_eq!(task.await.unwrap(), Ok(7));
    assert_eq!(seen.read(), ["not yet, again in 3600s", "panicked: nor now, again in 3600s"]);
}

pub(crate) async fn a_cancel_reaches_a_supervised_task_that_fails_at_once_again_and_again<
    H: Lives,
>(
    tasks: Reg<H>,
) {
    let always = || ConstantBuilder::new().with_delay(Duration::ZERO).with_max_times(usize::MAX);
    let (hand, made, slept) = (in_hand(&tasks), Count::default(), Count::default());
    let count = made.clone();
    let sleep = move |_| {
        if slept.add() > 100 {
            blow_up("nobody else has the thread");
        }
        ready(())
    };
    let feed = supervise(always(), sleep, move || {
        count.add();
        ready(fails("again"))
    });
    let task = hand.spawn("feed", feed).unwrap();
    let mut wrapper = take(&hand);
    for _ in 0..10 {
        assert!(!step(&mut wrapper));
    }
    drop(tasks.cancel("feed"));
    let before = made.get();
    assert!(step(&mut wrapper));
    assert!(task.outcome().unwrap().is_cancelled());
    assert_eq!(made.get(), before);
    // And on the executor itself, which has to be told that there is more to do.
    let (made, many) = (Count::default(), Gate::default());
    let reached = many.clone();
    let feed = supervise(always(), no_time, move || {
        if made.add() == 100 {
            reached.open();
        }
        ready(fails("again"))
    });
    let task = tasks.spawn_fallible("feed", body(feed)).unwrap();
    many.pass().await;
    drop(tasks.cancel("feed"));
    assert!(task.wait().await.is_cancelled());
}
