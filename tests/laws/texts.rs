//! Law 20: no input panics the registry.

use task_registry::{Cancel, Options, SpawnError};

use crate::harness::*;
use crate::kit::*;

pub(crate) async fn law_20_an_empty_name_is_an_error<H: Harness>(tasks: Reg<H>) {
    let ran = Flag::default();
    let run = || {
        let ran = ran.clone();
        body(async move { ran.set() })
    };
    assert_eq!(tasks.spawn("", run()).unwrap_err(), SpawnError::EmptyName);
    assert_eq!(tasks.spawn(String::new(), run()).unwrap_err(), SpawnError::EmptyName);
    assert_eq!(tasks.spawn(format_args!(""), run()).unwrap_err(), SpawnError::EmptyName);
    assert_eq!(tasks.task("").spawn(run()).unwrap_err(), SpawnError::EmptyName);
    assert_eq!(tasks.reserve("").unwrap_err(), SpawnError::EmptyName);
    let refused = tasks.try_spawn("", run()).unwrap_err();
    assert_eq!(refused.kind, SpawnError::EmptyName);
    assert!(!ran.is_set());
    refused.into_future().await;
    assert!(tasks.is_empty());
    assert!(tasks.get("").is_none() && tasks.cancel("").is_none());
    // An unnamed task does not have the empty name.
    let unnamed = tasks.spawn_unnamed(body(async {})).unwrap();
    assert!(tasks.get("").is_none() && unnamed.name().is_none());
    unnamed.await.unwrap();
}

pub(crate) async fn law_20_any_text_is_a_name_and_prints_on_one_line<H: Harness>(tasks: Reg<H>) {
    let long = "n".repeat(1 << 20);
    let accents = format!("e{}", "\u{301}".repeat(10_000));
    let names = [
        " ",
        "\0",
        "a\0b",
        "line\nbreak",
        "\r\n",
        "tab\t",
        "\u{1b}[31mred",
        "\u{202e}desrever",
        "\u{2066}isolate\u{2069}",
        "e\u{301}",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{feff}",
        "日本語",
        "🦀",
        "'quoted\"",
        "{}",
        "%s",
        "a/b",
        long.as_str(),
        accents.as_str(),
        // At and around what fits in place.
        "12345678901234567890123",
        "123456789012345678901234",
        "éééééééééééé",
    ];
    let mut held = Vec::new();
    for name in names {
        let gate = Gate::default();
        let task = tasks
            .spawn(
                name.to_owned(),
                body({
                    let gate = gate.clone();
                    async move { gate.pass().await }
                }),
            )
            .unwrap();
        assert_eq!(task.name(), Some(name), "a name is kept as it was given");
        held.push((task, gate));
    }
    for name in names {
        let found = tasks.get(name).expect("it is found by the same text");
        assert_eq!(found.name(), Some(name));
        for line in [found.to_string(), found.info().to_string(), format!("{:>80}", found.info())] {
            assert!(line.chars().all(|char| !char.is_control()), "{line:?}");
            assert!(
                !line.contains(['\u{202e}', '\u{2066}', '\u{2028}', '\u{2029}', '\u{85}']),
                "{line:?}"
            );
            assert!(line.len() < 4096, "{} bytes", line.len());
        }
        let _ = (format!("{found:?}").len(), format!("{found:#?}").len());
    }
    let list = tasks.snapshot();
    assert_eq!(list.len(), names.len());
    let table = list.to_string();
    let lines = table.trim_end().lines().count();
    assert!(
        (names.len()..=names.len() + 3).contains(&lines),
        "one line per task, and a head: {lines}\n{table}"
    );
    assert!(table.chars().all(|char| char == '\n' || !char.is_control()));
    let _ = format!("{list:#?}");
    for name in names {
        assert!(tasks.cancel(name).unwrap().await.is_cancelled());
    }
    for (task, _) in held {
        let error = task.await.unwrap_err();
        assert!(!error.to_string().contains('\n'));
    }
}

pub(crate) async fn law_20_names_that_look_alike_are_different<H: Harness>(tasks: Reg<H>) {
    // Composed and decomposed, case, trailing blanks and NULs.
    for name in ["é", "e\u{301}", "É", "a", "A", "a ", " a", "a\0", "a\u{200b}"] {
        hold(&tasks, name).await;
    }
    assert_eq!(tasks.live(), 9);
    assert_eq!(tasks.cancel_prefix("a").len(), 4);
    tasks.cancel_all().await;
    tasks.wait_idle().await;
}

pub(crate) async fn law_20_a_name_may_come_in_any_form<H: Harness>(tasks: Reg<H>) {
    let spawn = |name: task_registry::Text| {
        tasks.spawn(name, body(std::future::pending::<()>())).expect("a free name")
    };
    let boxed: Box<str> = "boxed".into();
    let shared: std::sync::Arc<str> = "a shared one that is longer than what fits in place".into();
    let cow = std::borrow::Cow::Borrowed("cow");
    spawn("static".into());
    spawn(String::from("owned").into());
    spawn(boxed.into());
    spawn(shared.clone().into());
    spawn(cow.into());
    spawn(42u64.into());
    spawn(format_args!("receiver:{}", 7).into());
    for name in ["static", "owned", "boxed", &shared, "cow", "42", "receiver:7"] {
        assert_eq!(tasks.get(name).expect("found").name(), Some(name));
    }
    tasks.cancel_all().await;
}

pub(crate) async fn law_20_a_reason_may_be_anything<H: Harness>(tasks: Reg<H>) {
    for reason in ["", "\0", "two\nlines", "\u{202e}x", &"r".repeat(1 << 20)] {
        let held = hold(&tasks, "a").await;
        let end = tasks.cancel_with("a", Cancel::new().reason(reason.to_owned())).unwrap().await;
        assert_eq!(end.reason(), Some(reason));
        assert!(!end.to_string().contains('\n'), "{end}");
        assert!(end.to_string().len() < 4096);
        let error = held.task.await.unwrap_err();
        assert!(!error.to_string().contains(['\n', '\u{202e}']), "{error}");
        assert!(!tasks.get("a").unwrap().info().to_string().contains('\n'));
    }
}

pub(crate) async fn law_20_a_full_registry_is_an_error_that_gives_the_future_back<H: Harness>(
    tasks: Reg<H>,
) {
    let small = another(&tasks, Options::new().capacity(2));
    let a = hold(&small, "a").await;
    let ticket = small.reserve("b").unwrap();
    let polled = Flag::default();
    let run = || {
        let polled = polled.clone();
        body(async move { polled.set() })
    };
    let full = SpawnError::Full { capacity: 2 };
    assert_eq!(small.spawn("c", run()).unwrap_err(), full);
    assert_eq!(small.spawn_unnamed(run()).unwrap_err(), full);
    assert_eq!(small.reserve("c").unwrap_err(), full);
    let refused = small.try_spawn("c", run()).unwrap_err();
    assert_eq!(refused.kind, full);
    assert!(!polled.is_set());
    drop(ticket);
    small.spawn("c", refused.into_future()).unwrap().await.unwrap();
    assert!(polled.is_set());
    // Records take no place.
    for _ in 0..10 {
        small.spawn("c", run()).unwrap().await.unwrap();
    }
    a.finish.open();
    a.task.await.unwrap();

    let none = another(&tasks, Options::new().capacity(0));
    assert_eq!(none.spawn("a", run()).unwrap_err(), SpawnError::Full { capacity: 0 });
}

pub(crate) async fn law_20_a_thousand_tasks_of_one_prefix_are_told_apart<H: Harness>(
    tasks: Reg<H>,
) {
    let all: Vec<_> = (0..1000u32)
        .map(|number| {
            tasks.spawn(format_args!("task:{number}"), body(std::future::pending::<()>())).unwrap()
        })
        .collect();
    assert_eq!(tasks.live(), 1000);
    for number in (0..1000).step_by(7) {
        let found = tasks.get(&format!("task:{number}")).unwrap();
        assert_eq!(found.id(), all[number].id());
    }
    assert_eq!(tasks.cancel_prefix("task:99").len(), 11);
    let ends = tasks.cancel_all().await;
    assert!(ends.iter().all(|end| end.outcome().is_cancelled()));
    tasks.wait_idle().await;
    assert_eq!(tasks.live(), 0);
}

pub(crate) async fn law_20_what_prints_names_each_task_on_a_line_of_its_own<H: Harness>(
    tasks: Reg<H>,
) {
    let held = hold(&tasks, "stuck one").await;
    tasks.spawn("done", body(async {})).unwrap().await.unwrap();
    let unnamed = tasks.spawn_unnamed(body(std::future::pending::<()>())).unwrap();
    let table = tasks.snapshot().to_string();
    assert_eq!(table.lines().count(), 3, "{table}");
    let line = |text: &str, word: &str| {
        let found = text.lines().find(|line| line.contains(word));
        found.unwrap_or_else(|| panic!("no {word} in {text}")).to_owned()
    };
    assert!(line(&table, "stuck one").contains("running"), "{table}");
    assert!(line(&table, "done").contains("completed"), "{table}");
    assert!(line(&table, &unnamed.id().to_string()).contains("unnamed"), "{table}");
    for debug in [format!("{:#?}", *tasks), format!("{tasks:#?}")] {
        assert!(line(&debug, "stuck one").contains("running"), "{debug}");
        assert!(line(&debug, "done").contains("completed"), "{debug}");
    }
    assert_eq!(held.task.task().to_string().lines().count(), 1);
    assert!(format!("{:?}", held.task).contains("stuck one"));
    tasks.cancel_all_with("printed").await;
    assert!(line(&tasks.snapshot().to_string(), "stuck one").contains("cancelled: printed"));
}
