//! Laws 10 and 16: who polls, and who may ask.

use std::cell::Cell;
use std::rc::Rc;
use std::thread::ThreadId;

use task_registry::{Options, Outcome, State};

use crate::harness::*;
use crate::kit::*;

fn here() -> ThreadId {
    std::thread::current().id()
}

/// A `!Send` future that checks at each poll and in its destructor that it is at home.
struct Homebody {
    home: ThreadId,
    polls: Rc<Cell<u32>>,
    strayed: Flag,
    gone: Flag,
    finish: Passing,
}

impl Homebody {
    fn check(&self) {
        if here() != self.home {
            self.strayed.set();
        }
    }
}

impl Future for Homebody {
    type Output = Rc<Cell<u32>>;
    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        self.check();
        self.polls.set(self.polls.get() + 1);
        std::pin::Pin::new(&mut self.finish).poll(cx).map(|()| self.polls.clone())
    }
}

impl Drop for Homebody {
    fn drop(&mut self) {
        self.check();
        self.gone.set();
    }
}

pub(crate) async fn law_10_a_local_future_stays_on_its_thread_while_others_cancel_it<
    H: Local + Across,
>(
    tasks: Reg<H>,
) {
    for cancelled in [true, false] {
        let (finish, strayed, gone) = (Gate::default(), Flag::default(), Flag::default());
        let polls = Rc::new(Cell::new(0));
        let future = Homebody {
            home: here(),
            polls: polls.clone(),
            strayed: strayed.clone(),
            gone: gone.clone(),
            finish: finish.pass(),
        };
        let task = tasks.spawn_local("home", future).unwrap();
        while polls.get() == 0 {
            yield_now().await;
        }
        let asked = Gate::default();
        let thread = on_thread({
            let (tasks, asked) = (tasks.tasks().clone(), asked.clone());
            move || {
                let seen = tasks.snapshot().iter().any(|task| task.name() == Some("home"));
                if cancelled {
                    drop(tasks.cancel("home"));
                } else {
                    finish.open();
                }
                let home = tasks.get("home").expect("its record is still there");
                asked.open();
                let outcome = home.wait_blocking();
                (seen, outcome)
            }
        });
        asked.pass().await;
        task.wait().await;
        let (seen, outcome) = thread.join();
        assert!(seen);
        assert_eq!(outcome.is_cancelled(), cancelled);
        assert!(gone.is_set() && !strayed.is_set());
        match task.await {
            Ok(output) => assert!(Rc::ptr_eq(&output, &polls), "the result is the very same `Rc`"),
            Err(error) => assert!(error.is_cancelled() && cancelled),
        }
    }
}

pub(crate) async fn law_10_a_local_future_that_was_never_polled_is_dropped_at_home<
    H: Local + Across,
>(
    tasks: Reg<H>,
) {
    let (strayed, gone, asked) = (Flag::default(), Flag::default(), Gate::default());
    let polls = Rc::new(Cell::new(0));
    let future = Homebody {
        home: here(),
        polls: polls.clone(),
        strayed: strayed.clone(),
        gone: gone.clone(),
        finish: Gate::default().pass(),
    };
    let task = tasks.spawn_local("home", future).unwrap();
    let thread = on_thread({
        let (tasks, asked, gone) = (tasks.tasks().clone(), asked.clone(), gone.clone());
        move || {
            drop(tasks.cancel("home"));
            let waits_for_home = !gone.is_set();
            tasks.purge();
            asked.open();
            waits_for_home
        }
    });
    // The thread does its work while this one polls nothing.
    asked.pass_blocking();
    assert!(thread.join(), "only its own thread may drop it");
    assert!(task.wait().await.is_cancelled());
    assert!(gone.is_set() && !strayed.is_set());
    assert_eq!(polls.get(), 0);
}

pub(crate) async fn law_10_a_task_without_send_yields_a_result_without_send<H: Local>(
    tasks: Reg<H>,
) {
    let shared = Rc::new(Cell::new(1));
    let inner = shared.clone();
    let task = tasks
        .spawn_local("rc", async move {
            inner.set(2);
            inner
        })
        .unwrap();
    let back = task.await.unwrap();
    assert!(Rc::ptr_eq(&back, &shared) && back.get() == 2);
    // Dropped unseen, it goes on this thread as well.
    let inner = shared.clone();
    let task = tasks.spawn_local("dropped", async move { inner }).unwrap();
    let by_ref = task.task().clone();
    drop(task);
    by_ref.wait().await;
    drop(back);
    assert_eq!(Rc::strong_count(&shared), 1, "nothing keeps it");
}

pub(crate) async fn law_16_every_clone_is_the_same_registry<H: Harness>(tasks: Reg<H>) {
    let clone = tasks.clone();
    let only_tasks = tasks.tasks().clone();
    let held = hold(&clone, "a").await;
    assert_eq!(tasks.get("a").unwrap().id(), held.task.id());
    assert!(only_tasks.cancel("a").unwrap().await.is_cancelled());
    assert_eq!(clone.purge(), 1);
    assert!(tasks.is_empty() && only_tasks.is_empty());
    drop(only_tasks.shutdown(std::future::ready(())));
    assert!(tasks.is_closed() && clone.is_closed());
}

pub(crate) async fn law_16_threads_may_ask_for_everything_at_once<H: Across>(tasks: Reg<H>) {
    let held = hold(&tasks, "held").await;
    let inner = tasks.tasks().clone();
    on_threads(3, move |number| {
        for round in 0..200 {
            let name = format!("{number}:{round}");
            let ticket = inner.reserve(&name).expect("a free name");
            let id = ticket.id();
            assert_eq!(inner.get(&name).expect("it is there").id(), id);
            assert!(inner.snapshot().iter().any(|task| task.id() == id));
            drop(inner.cancel_prefix(&format!("{number}:")));
            drop(ticket);
            inner.purge();
            assert!(inner.get_live("held").is_some());
            assert!(inner.counts().running >= 1);
        }
    })
    .await;
    assert_eq!(held.task.state(), State::Running);
    tasks.purge();
    assert_eq!((tasks.len(), tasks.live()), (1, 1));
    held.finish.open();
    held.task.await.unwrap();
}

pub(crate) async fn law_16_many_threads_spawn_wait_and_cancel<H: Sends>(tasks: Reg<H>) {
    let registry = another(&tasks, Options::new().retain(task_registry::Retain::Newest(10)));
    let inner = registry.clone();
    on_threads(4, move |number| {
        for round in 0..100 {
            let sum = body(async move { u32::try_from(number + round).expect("it is small") });
            let sum = inner.spawn_unnamed(sum).expect("spawn").wait_blocking().expect("a sum");
            assert_eq!(sum as usize, number + round);
            let name = number.to_string();
            let future = body(std::future::pending::<()>());
            let pending = inner.spawn(&name, future).expect("a free name");
            let outcome = match round % 3 {
                0 => inner.cancel(&name).expect("it lives").wait_blocking(),
                1 => pending.cancel().wait_blocking(),
                _ => {
                    drop(pending.drop_guard());
                    pending.task().wait_blocking()
                }
            };
            assert!(outcome.is_cancelled());
        }
    })
    .await;
    assert_eq!(registry.live(), 0);
    assert_eq!(registry.records(), 10);
}

pub(crate) async fn law_16_a_cancel_races_an_end_and_one_of_them_wins<H: Across>(tasks: Reg<H>) {
    for _ in 0..200 {
        let held = hold(&tasks, "a").await;
        let asked = Gate::default();
        let thread = on_thread({
            let (task, asked) = (held.task.task().clone(), asked.clone());
            move || {
                let outcome = task.cancel().wait_blocking();
                asked.open();
                outcome
            }
        });
        held.finish.open();
        asked.pass().await;
        let outcome = thread.join();
        assert!(outcome == Outcome::Completed || outcome.is_cancelled(), "{outcome}");
        assert_eq!(held.task.outcome(), Some(outcome.clone()));
        assert_eq!(held.task.await.is_ok(), outcome.is_completed());
        assert!(held.dropped.is_set());
    }
}
