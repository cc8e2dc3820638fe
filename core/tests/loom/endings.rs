//! Who follows the endings, and from when.

use loom::thread;
use task_registry_core::{Options, Retain, Tasks, mode::Sync};

use crate::harness::{Gone, Model, Reached, brief, model, with};

const OUTCOMES: [&str; 3] = ["alive", "between", "over"];

/// A task ends while somebody begins to follow; if it lived when he had begun, he is told of its end.
fn follow_while_it_ends(
    reached: &Reached,
    tasks: &Tasks<Sync>,
    end: impl FnOnce() + Send + 'static,
) {
    let ender = thread::spawn(end);
    let mut endings = tasks.endings();
    let lived = tasks.live() == 1;
    ender.join().unwrap();
    let told = endings.try_next_ended().is_some_and(|end| end.is_ok());
    assert!(endings.try_next_ended().is_none() && tasks.live() == 0);
    reached.that(match (lived, told) {
        (true, true) => "alive",
        (true, false) => panic!("it lived, and its end was not told"),
        (false, true) => "between",
        (false, false) => "over",
    });
}

fn of_a_task(model: Model, options: fn() -> Options) {
    model.reaches(&OUTCOMES, move |reached| {
        let tasks = with(options());
        let (owned, _) = Gone::new();
        drop(tasks.spawn("x", brief(owned)).unwrap());
        let mut task = tasks.spawner().take();
        task.poll();
        follow_while_it_ends(reached, &tasks, move || {
            task.go_on();
            task.finish();
        });
    });
}

#[test]
fn whoever_follows_while_a_task_lives_is_told_of_its_end() {
    of_a_task(model("end ∥ endings, live"), Options::new);
}

#[test]
fn whoever_follows_while_a_task_lives_that_leaves_no_record_is_told_of_its_end() {
    of_a_task(model("end ∥ endings, live (no records)"), || {
        Options::new().retain(Retain::Nothing)
    });
}

#[test]
fn whoever_follows_while_a_place_is_reserved_is_told_that_nothing_came() {
    model("drop ticket ∥ endings, live").reaches(&OUTCOMES, |reached| {
        let tasks = with(Options::new());
        let ticket = tasks.reserve("x").unwrap();
        follow_while_it_ends(reached, &tasks, move || drop(ticket));
    });
}
