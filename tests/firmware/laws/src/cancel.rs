//! Laws 1, 4 and 5: what a cancel does, and what it does not.

use core::future::pending;
use core::pin::pin;

use task_registry_core::{SpawnError, State};

use crate::kit::*;
use crate::*;

pub(crate) async fn law_01_the_request_stands_when_cancel_returns(lab: Lab) {
    static A: Probe = Probe::new();
    let tasks = registry!(2);
    let task = lab.hold(tasks, "a", &A).await;
    let end = tasks.cancel("a").expect("it lives");
    assert!(task.state() >= State::Stopping, "the state shows it at once");
    // `end` is never polled.
    assert!(is_cancelled(&task.wait().await));
    assert!(A.dropped.is_set());
    drop(end);
}

pub(crate) async fn law_01_dropping_the_future_of_a_cancel_undoes_nothing(lab: Lab) {
    static A: Probe = Probe::new();
    static WAKES: Count = Count::new();
    static WAKER: OnWake = OnWake(|| {
        WAKES.add();
    });
    let tasks = registry!(2);
    let task = lab.hold(tasks, "a", &A).await;
    drop(tasks.cancel("a"));
    assert!(is_cancelled(&task.wait().await));

    // The same after it was polled and had left its waker behind.
    let ticket = tasks.reserve("b").expect("it is free");
    let task = ticket.task().clone();
    let mut by_hand = pin!(ticket.track(pending::<()>()).expect("nobody cancelled it"));
    {
        let mut end = pin!(tasks.cancel("b").expect("it lives"));
        assert!(poll_with(&mut end, &WAKER.waker()).is_pending());
    }
    assert!(task.state() == State::Stopping);
    assert!(poll_once(&mut by_hand).is_ready());
    assert!(is_cancelled(&task.wait().await));
    assert!(WAKES.get() == 0, "a dropped waiter is not woken");
}

pub(crate) async fn law_01_every_canceller_learns_of_the_end(lab: Lab) {
    static A: Probe = Probe::new();
    let tasks = registry!(2);
    let _task = lab.hold(tasks, "a", &A).await;
    let ends = [(); 5].map(|()| tasks.cancel("a").expect("it is known"));
    for end in ends {
        assert!(is_cancelled(&end.await));
    }
    assert!(A.dropped.is_set());
}

pub(crate) async fn law_01_a_cancellers_own_cancellation_is_not_swallowed(lab: Lab) {
    static ASKED: Gate = Gate::new();
    static WENT_ON: Flag = Flag::new();
    let tasks = registry!(2);
    // "slow" is asked to stop and cannot: nobody polls it.
    let ticket = tasks.reserve("slow").expect("it is free");
    let slow_task = ticket.task().clone();
    let mut slow = pin!(ticket.track(pending::<()>()).expect("nobody cancelled it"));
    let canceller = lab.run(tasks.reserve("canceller").expect("it is free"), async move {
        let end = tasks.cancel("slow").expect("it lives");
        ASKED.open();
        end.await;
        WENT_ON.set();
    });
    ASKED.pass().await;
    assert!(is_cancelled(&canceller.cancel().await));
    assert!(!WENT_ON.is_set());
    assert!(slow_task.state() == State::Stopping, "the request to `slow` still stands");
    assert!(poll_once(&mut slow).is_ready());
    assert!(is_cancelled(&slow_task.wait().await));
}

pub(crate) async fn law_01_the_first_code_is_kept(lab: Lab) {
    static A: Probe = Probe::new();
    static B: Probe = Probe::new();
    let tasks = registry!(2);
    let a = lab.hold(tasks, "a", &A).await;
    let (first, second) = (a.cancel_with(7), a.cancel_with(9));
    for outcome in [first.await, second.await, a.wait().await] {
        assert!(outcome.code() == 7);
    }
    // A request without a code is the first one all the same.
    let b = lab.hold(tasks, "b", &B).await;
    drop(b.cancel());
    let late = b.cancel_with(3).await;
    assert!(is_cancelled(&late) && late.code() == 0);
}

pub(crate) async fn law_01_a_task_is_cancelled_by_name_id_or_handle(lab: Lab) {
    static PROBES: [Probe; 4] = [const { Probe::new() }; 4];
    let [a, b, c, d] = &PROBES;
    let tasks = registry!(4);
    let _a = lab.hold(tasks, "a", a).await;
    let b_id = lab.hold(tasks, "b", b).await.id();
    let c_task = lab.hold(tasks, "c", c).await;
    let d_task = lab.hold(tasks, "d", d).await;
    assert!(is_cancelled(&tasks.cancel("a").expect("it lives").await));
    assert!(is_cancelled(&tasks.cancel_id(b_id).expect("it lives").await));
    assert!(is_cancelled(&c_task.cancel().await));
    assert!(d_task.state() == State::Running, "nobody asked the fourth");
    assert!(tasks.cancel("nobody").is_none());
    assert!([a, b, c].iter().all(|probe| probe.dropped.is_set()) && !d.dropped.is_set());
    tasks.cancel_all();
    assert!(is_cancelled(&d_task.wait().await));
    assert!(d.dropped.is_set() && tasks.live() == 0);
}

pub(crate) async fn law_04_a_task_cancelled_before_its_first_poll_never_runs(_: Lab) {
    static DROPPED: Flag = Flag::new();
    static RAN: Flag = Flag::new();
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    let task = ticket.task().clone();
    let guard = DROPPED.on_drop();
    let body = async move {
        let _guard = guard;
        RAN.set();
    };
    let mut by_hand = pin!(ticket.track(body).expect("nobody cancelled it"));
    assert!(task.state() == State::Queued);
    drop(task.cancel());
    assert!(task.state() == State::Stopping);
    assert!(poll_once(&mut by_hand).is_ready());
    assert!(is_cancelled(&task.wait().await));
    assert!(DROPPED.is_set() && !RAN.is_set());
}

pub(crate) async fn law_04_a_ticket_cancelled_before_its_future_came_gives_it_back(_: Lab) {
    static RAN: Flag = Flag::new();
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    assert!(tasks.get("a").expect("a reserved name is found").state() == State::Queued);
    // It ends at once: there is nothing to wait for.
    assert!(is_cancelled(&tasks.cancel("a").expect("it is known").await));
    let Err(refused) = ticket.track(async { RAN.set() }) else { panic!("it was cancelled") };
    assert!(refused.kind == SpawnError::Cancelled && !RAN.is_set());
    refused.into_future().await;
    assert!(RAN.is_set(), "the future came back whole");
}

pub(crate) async fn law_04_a_queued_replacement_that_is_cancelled_never_runs(_: Lab) {
    static RAN: Flag = Flag::new();
    let tasks = registry!(2);
    let ticket = tasks.reserve("a").expect("it is free");
    let old_task = ticket.task().clone();
    let mut old = pin!(ticket.track(pending::<()>()).expect("nobody cancelled it"));
    assert!(poll_once(&mut old).is_pending());
    let ticket = tasks.reserve_replacing("a").expect("it replaces");
    let new_task = ticket.task().clone();
    let mut new = pin!(ticket.track(async { RAN.set() }).expect("nobody cancelled it"));
    assert!(poll_once(&mut new).is_pending(), "it is held until the other has ended");
    assert!(new_task.state() == State::Queued && old_task.state() == State::Stopping);
    drop(new_task.cancel());
    assert!(poll_once(&mut new).is_ready(), "it does not wait for the one before it");
    assert!(is_cancelled(&new_task.wait().await));
    assert!(old_task.state() == State::Stopping);
    assert!(poll_once(&mut old).is_ready());
    assert!(is_cancelled(&old_task.wait().await) && !RAN.is_set());
}

pub(crate) async fn law_05_a_task_may_cancel_itself_and_await_it(lab: Lab) {
    static WENT_ON: Flag = Flag::new();
    static DROPPED: Flag = Flag::new();
    let tasks = registry!(2);
    let guard = DROPPED.on_drop();
    let task = lab.run(tasks.reserve("a").expect("it is free"), async move {
        let _guard = guard;
        tasks.cancel("a").expect("this is it").await;
        WENT_ON.set();
    });
    assert!(is_cancelled(&task.wait().await));
    assert!(DROPPED.is_set() && !WENT_ON.is_set(), "it took effect at the next yield");
}

pub(crate) async fn law_05_two_tasks_may_cancel_each_other_and_await_it(_: Lab) {
    let tasks = registry!(2);
    let ticket = tasks.reserve("second").expect("it is free");
    let second_task = ticket.task().clone();
    let second = ticket.track(async move {
        tasks.cancel("first").expect("it lives").await;
        pending::<()>().await;
    });
    let mut second = pin!(second.expect("nobody cancelled it"));
    let ticket = tasks.reserve("first").expect("it is free");
    let first_task = ticket.task().clone();
    {
        // The second is polled inside a poll of the first, so that each has asked before either yields.
        let first = ticket.track(async {
            assert!(poll_once(&mut second).is_pending());
            tasks.cancel("second").expect("it lives").await;
            pending::<()>().await;
        });
        let mut first = pin!(first.expect("nobody cancelled it"));
        assert!(poll_once(&mut first).is_ready(), "it was asked to stop, and yields");
    }
    assert!(is_cancelled(&first_task.wait().await));
    assert!(poll_once(&mut second).is_ready());
    assert!(is_cancelled(&second_task.wait().await));
}
