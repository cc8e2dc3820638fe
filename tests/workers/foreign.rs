//! What workers are given panics when it goes: that harms nobody, and hides nothing (laws 3, 14).

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};

use futures_lite::future::block_on;
use task_registry::bound::AnyThread;
use task_registry::{
    Fallible, InTask, Outcome, Plan, Spawn, StartError, State, Tracked, WorkerCx, Workers, mode,
};

use crate::Tested;
use crate::kit::{Trace, blow_up};
use crate::setup::{Cx, shut_down, until, until_shutdown, workers};

#[derive(Clone)]
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        blow_up("in a destructor");
    }
}

/// Does that when it is polled, and panics when it is dropped.
struct Does<T>(fn() -> Poll<T>, Bomb);

impl<T> Future for Does<T> {
    type Output = T;
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        (self.0)()
    }
}

pub(crate) fn law_03_a_main_future_that_returned_completed_although_its_destructor_panics<
    R: Tested,
>() {
    let main = |_: Cx<R>| Does(|| Poll::Ready(()), Bomb);
    let running = block_on(workers::<R>(1).start(Trace::default(), main)).unwrap();
    assert_eq!(block_on(running.main(0).unwrap().wait()), Outcome::Completed);
    shut_down(&running);
    assert!(running.join().iter().all(Result::is_ok));
}

pub(crate) fn law_03_workers_start_although_the_destructor_of_what_came_before_them_panics<
    R: Tested,
>() {
    let before = Does(|| Poll::Ready(Ok::<_, io::Error>(())), Bomb);
    let workers = workers::<R>(1).before_workers(before);
    let running = block_on(workers.start(Trace::default(), until_shutdown::<R>)).unwrap();
    shut_down(&running);
}

pub(crate) fn law_14_a_main_future_that_panics_in_a_poll_and_in_its_destructor_panicked_with_the_former<
    R: Tested,
>() {
    let main = |_: Cx<R>| Does(|| blow_up("in poll"), Bomb);
    let running = block_on(workers::<R>(1).start(Trace::default(), main)).unwrap();
    let end = block_on(running.main(0).unwrap().wait());
    assert_eq!(end.to_string(), "panicked: in poll");
    shut_down(&running);
}

pub(crate) fn law_14_a_payload_that_nobody_joins_for_ends_no_program_by_its_destructor<
    R: Tested,
>() {
    thread_local! {
        /// Goes when the thread's result has gone.
        static LAST: RefCell<Option<mpsc::Sender<()>>> = const { RefCell::new(None) };
    }
    let (sender, last) = mpsc::channel();
    let main = move |_: Cx<R>| {
        LAST.set(Some(sender.clone()));
        async { resume_unwind(Box::new(Bomb)) }
    };
    let running = block_on(workers::<R>(1).start(Trace::default(), main)).unwrap();
    let handle = running.handle();
    drop(running);
    shut_down(&handle);
    assert!(last.recv().is_err(), "the thread is over");
}

pub(crate) fn an_error_before_the_workers_comes_out_although_what_did_not_run_panics_when_it_goes<
    R: Tested,
>() {
    let never = Does(|| Poll::<Result<(), io::Error>>::Pending, Bomb);
    let workers = workers::<R>(1).before_workers(async { Err("the error") }).before_workers(never);
    let error = block_on(workers.start(Trace::default(), until_shutdown::<R>)).unwrap_err();
    assert!(matches!(&error, StartError::BeforeWorkers(error) if error.to_string() == "the error"));
}

pub(crate) fn an_error_before_the_workers_comes_out_although_the_main_function_panics_when_it_goes<
    R: Tested,
>() {
    let workers = workers::<R>(1).before_workers(async { Err("the error") });
    let bomb = Bomb;
    let main = move |cx: Cx<R>| {
        let _ = &bomb;
        until_shutdown::<R>(cx)
    };
    let error = block_on(workers.start(Trace::default(), main)).unwrap_err();
    assert!(matches!(&error, StartError::BeforeWorkers(error) if error.to_string() == "the error"));
}

pub(crate) fn a_start_that_is_never_polled_lets_go_of_what_it_was_given_one_by_one<R: Tested>()
where
    R::Spawner: Spawn<Planned>,
{
    let bomb = Bomb;
    let main = move |cx: WorkerCx<Bomb, R::Spawner>| {
        let _ = &bomb;
        async move { cx.cancelled().await }
    };
    let start = Workers::new(1, R::new()).start(Bomb, main);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(start))).is_ok());
}

pub(crate) fn workers_that_never_start_let_go_of_each_future_before_them_by_itself<R: Tested>() {
    let never = || Does(|| Poll::<Result<(), io::Error>>::Pending, Bomb);
    let workers = workers::<R>(1).before_workers(never()).before_workers(never());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(workers))).is_ok());
}

type Planned = Tracked<InTask<Bomb, mode::Sync, AnyThread>, mode::Sync, Fallible<()>>;

pub(crate) fn an_app_that_panics_whenever_it_is_dropped_takes_no_worker_and_no_task_along<
    R: Tested,
>()
where
    R::Spawner: Spawn<Planned>,
{
    let mut plan = Plan::<Bomb, mode::Sync>::new();
    let beat = |cx: task_registry::Cx<Bomb, _>| async move { cx.cancelled().await };
    plan.task("beat", beat).unwrap();
    let main = |cx: WorkerCx<Bomb, R::Spawner>| async move { cx.cancelled().await };
    let workers = Workers::new(1, R::new()).plan(plan);
    let running = block_on(workers.start(Bomb, main)).unwrap();
    let beat = block_on(running.tasks(0).unwrap().wait_for("beat"));
    let main = running.main(0).unwrap();
    until(|| main.state() == State::Running || main.is_ended());
    assert_eq!((main.state(), beat.is_ended()), (State::Running, false));
    shut_down(&running);
}
