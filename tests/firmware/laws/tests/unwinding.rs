//! Panics without std (law 14), on a host where they unwind: they pass on to whoever did what they interrupt, and everybody
//! else hears of it all the same. In firmware a panic is the end of the program.
#![cfg(not(feature = "sync"))]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

/// Panics when it is woken.
struct Bang;

impl Wake for Bang {
    fn wake(self: Arc<Self>) {
        panic!("a waker's panic");
    }
}

/// Notes that it was woken.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

/// Those who wait for something, of whom one panics when he is woken.
struct Waiting {
    bang: usize,
    bells: Vec<Arc<Bell>>,
    futures: Vec<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Waiting {
    fn new(bang: usize) -> Self {
        Self { bang, bells: Vec::new(), futures: Vec::new() }
    }

    /// The waker of whoever comes next.
    fn waker(&mut self) -> Waker {
        let bell = Arc::new(Bell::default());
        self.bells.push(bell.clone());
        if self.bells.len() - 1 == self.bang {
            Waker::from(Arc::new(Bang))
        } else {
            Waker::from(bell)
        }
    }

    /// One more waits.
    fn add<R>(&mut self, future: impl Future<Output = R> + 'static) {
        let mut future = Box::pin(async { drop(future.await) });
        let waker = self.waker();
        assert!(poll(&mut future, &waker).is_pending());
        self.futures.push(future);
    }

    /// All were woken, and are ready.
    fn were_woken(self) {
        let Self { bang, bells, futures } = self;
        for (place, bell) in bells.iter().enumerate() {
            assert!(
                place == bang || bell.0.load(Relaxed),
                "{place} was not woken, of {}; {bang} panicked",
                bells.len()
            );
        }
        for mut future in futures {
            assert!(poll(&mut future, Waker::noop()).is_ready());
        }
    }
}

fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>, waker: &Waker) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(waker))
}

/// Returns, and panics when it goes.
struct Late;

impl Future for Late {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        panic!("a destructor's panic");
    }
}

/// The panic passes.
#[track_caller]
fn panics(what: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(what)).is_err());
}

mod fixed {
    use super::*;
    use laws::Registry;
    use task_registry_core::StaticOutcome;

    #[test]
    fn of_those_who_wait_for_an_end_one_may_panic() {
        for bang in 0..4 {
            let tasks = Box::leak(Box::new(Registry::<2>::new())).tasks();
            let ticket = tasks.reserve("a").unwrap();
            let task = ticket.task().clone();
            let mut body = Box::pin(ticket.track(async {}).unwrap());
            let mut waiting = Waiting::new(bang);
            (0..3).for_each(|_| waiting.add(task.wait()));
            waiting.add(tasks.wait_idle());
            panics(|| assert!(poll(&mut body, Waker::noop()).is_ready()));
            assert_eq!(task.outcome(), Some(StaticOutcome::Completed));
            waiting.were_woken();
        }
    }

    #[test]
    fn a_task_that_has_returned_has_completed_although_its_future_panics_when_it_goes() {
        let tasks = Box::leak(Box::new(Registry::<2>::new())).tasks();
        let ticket = tasks.reserve("a").unwrap();
        let task = ticket.task().clone();
        let mut body = Box::pin(ticket.track(Late).unwrap());
        panics(|| assert!(poll(&mut body, Waker::noop()).is_ready()));
        assert_eq!(task.outcome(), Some(StaticOutcome::Completed));
    }

    #[test]
    fn of_those_who_are_told_of_a_request_one_may_panic() {
        for bang in 0..3 {
            let tasks = Box::leak(Box::new(Registry::<2>::new())).tasks();
            let ticket = tasks.reserve("a").unwrap();
            let task = ticket.task().clone();
            let mut body = Box::pin(ticket.track(std::future::pending::<()>()).unwrap());
            let mut waiting = Waiting::new(bang);
            assert!(poll(&mut body, &waiting.waker()).is_pending());
            (0..2).for_each(|_| waiting.add(task.cancelled()));
            panics(|| drop(task.cancel()));
            waiting.were_woken();
            assert!(poll(&mut body, Waker::noop()).is_ready() && task.is_ended());
        }
    }
}

#[cfg(feature = "alloc")]
mod growing {
    use std::cell::{Cell, RefCell};
    use std::future::pending;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;
    use task_registry_core::conflict::Replace;
    use task_registry_core::mode::Unsync;
    use task_registry_core::{
        AroundPoll, Cx, Observer, Options, Outcome, Refused, Registry, Retain, Spawn, SpawnError,
        Spawner, State, TaskInfo,
    };

    type Spawned = Pin<Box<dyn Future<Output = ()>>>;

    /// Keeps what is spawned until somebody takes it.
    #[derive(Clone, Default)]
    struct Shelf(Rc<RefCell<Vec<Spawned>>>);

    impl Shelf {
        fn take(&self) -> Spawned {
            self.0.borrow_mut().pop().expect("something was spawned")
        }
    }

    impl Spawner for Shelf {
        type Handle = ();
        type Mode = Unsync;
    }

    impl<F: Future<Output = ()> + 'static> Spawn<F> for Shelf {
        fn spawn(&self, future: F) -> Result<(), Refused<F>> {
            self.0.borrow_mut().push(Box::pin(future));
            Ok(())
        }
    }

    fn registry(options: Options) -> Registry<Shelf> {
        Registry::with_options(Shelf::default(), options)
    }

    /// An output whose destructor panics.
    struct Heavy;

    impl Drop for Heavy {
        fn drop(&mut self) {
            panic!("a destructor's panic");
        }
    }

    #[test]
    fn an_output_that_nobody_can_take_may_panic() {
        let tasks = registry(Options::new().retain(Retain::Nothing));
        let handle = tasks.task("a").keep_result().spawn(async { Heavy }).unwrap();
        let task = handle.task().clone();
        drop(handle);
        let mut body = tasks.spawner().take();
        let mut waiting = Waiting::new(usize::MAX);
        waiting.add(task.wait());
        waiting.add(tasks.wait_idle());
        panics(|| assert!(poll(&mut body, Waker::noop()).is_ready()));
        assert_eq!((task.outcome(), tasks.live()), (Some(Outcome::Completed), 0));
        waiting.were_woken();
        drop(tasks.reserve("a").unwrap());
    }

    #[test]
    fn what_goes_with_an_evicted_record_may_panic() {
        let tasks = registry(Options::new().retain(Retain::Newest(1)));
        drop(tasks.task("a").keep_result().spawn(async { Heavy }).unwrap());
        assert!(poll(&mut tasks.spawner().take(), Waker::noop()).is_ready());
        let scope = tasks.child("s");
        let handle = tasks.task("b").within(&scope).spawn(async {}).unwrap();
        let task = handle.task().clone();
        let mut body = tasks.spawner().take();
        let mut waiting = Waiting::new(usize::MAX);
        waiting.add(handle);
        waiting.add(task.wait());
        waiting.add(scope.wait_idle());
        waiting.add(tasks.wait_idle());
        panics(|| assert!(poll(&mut body, Waker::noop()).is_ready()));
        assert_eq!(
            (task.outcome(), tasks.live(), tasks.records()),
            (Some(Outcome::Completed), 0, 1)
        );
        assert!(tasks.get("a").is_none() && scope.live() == 0);
        waiting.were_woken();
    }

    #[test]
    fn what_goes_with_the_last_reference_may_panic_and_the_table_goes_all_the_same() {
        /// Goes with its table.
        struct Silent(#[expect(dead_code, reason = "for its count")] Arc<()>);
        impl Observer for Silent {}
        let told = Arc::new(());
        let tasks = registry(Options::new().observer(Silent(told.clone())));
        let heavy = Heavy;
        let make = move |_| {
            let _ = &heavy;
            async {}
        };
        let task = tasks.spawn_restartable("a", make).unwrap().task().clone();
        assert!(poll(&mut tasks.spawner().take(), Waker::noop()).is_ready());
        drop(tasks);
        assert_eq!((task.outcome(), Arc::strong_count(&told)), (Some(Outcome::Completed), 2));
        panics(|| drop(task));
        assert_eq!(Arc::strong_count(&told), 1);
    }

    #[test]
    fn of_all_who_hear_of_an_end_one_may_panic() {
        for bang in 0..9 {
            let tasks = registry(Options::new());
            let (outer, mut endings) = (tasks.child("o"), tasks.endings());
            let inner = outer.child("i");
            let handle = tasks.task("a").within(&inner).spawn(pending::<()>()).unwrap();
            let task = handle.task().clone();
            let mut body = tasks.spawner().take();
            assert!(poll(&mut body, Waker::noop()).is_pending());
            let next = tasks.task("o/i/a").on_conflict(Replace).spawn(async {}).unwrap();
            let mut newcomer = tasks.spawner().take();
            let mut waiting = Waiting::new(bang);
            assert!(poll(&mut newcomer, &waiting.waker()).is_pending());
            waiting.add(inner.wait_idle());
            waiting.add(outer.wait_idle());
            waiting.add(handle);
            (0..3).for_each(|_| waiting.add(task.wait()));
            waiting.add(task.started());
            waiting.add(async move { endings.next_ended().await.is_some() });
            panics(|| assert!(poll(&mut body, Waker::noop()).is_ready()));
            assert!(task.is_ended() && tasks.live() == 1 && inner.live() == 0 && outer.live() == 0);
            waiting.were_woken();
            assert!(poll(&mut newcomer, Waker::noop()).is_ready());
            assert_eq!(next.outcome(), Some(Outcome::Completed));
        }
    }

    #[test]
    fn a_task_s_own_waker_may_panic_when_it_is_dropped() {
        struct Grave;
        impl Wake for Grave {
            fn wake(self: Arc<Self>) {}
        }
        impl Drop for Grave {
            fn drop(&mut self) {
                panic!("a destructor's panic");
            }
        }
        let tasks = registry(Options::new());
        let task = tasks.spawn("a", pending::<()>()).unwrap().task().clone();
        let mut body = tasks.spawner().take();
        let waker = Waker::from(Arc::new(Grave));
        assert!(poll(&mut body, &waker).is_pending());
        drop(waker);
        let mut waiting = Waiting::new(usize::MAX);
        waiting.add(task.wait());
        waiting.add(tasks.wait_idle());
        panics(|| drop(body));
        assert_eq!(task.outcome(), Some(Outcome::Abandoned));
        waiting.were_woken();
    }

    #[test]
    fn of_all_who_hear_of_a_request_one_may_panic() {
        for bang in 0..5 {
            let tasks = registry(Options::new());
            let shared = Rc::new(RefCell::new(None::<Cx<(), Unsync>>));
            let given = shared.clone();
            let body = move |cx: Cx<(), Unsync>| async move {
                given.replace(Some(cx));
                pending::<()>().await;
            };
            let handle = tasks.with_context(()).spawn_with("a", body).unwrap();
            let mut body = tasks.spawner().take();
            let mut waiting = Waiting::new(bang);
            assert!(poll(&mut body, &waiting.waker()).is_pending());
            (0..2).for_each(|_| waiting.add(handle.cancelled()));
            let cx = shared.take().unwrap();
            (0..2).for_each(|_| cx.wake_on_cancel(waiting.waker()));
            panics(|| drop(handle.cancel()));
            assert_eq!(handle.state(), State::Stopping);
            waiting.were_woken();
            assert!(poll(&mut body, Waker::noop()).is_ready() && handle.is_ended());
        }
    }

    #[test]
    fn a_place_whose_coming_panics_is_given_up() {
        let tasks = registry(Options::new());
        let mut waiting = Waiting::new(0);
        waiting.add(tasks.wait_for("a"));
        panics(|| drop(tasks.reserve("a")));
        assert!(tasks.get_live("a").is_none() && tasks.live() == 0);

        let old = tasks.spawn("a", pending::<()>()).unwrap();
        let mut body = tasks.spawner().take();
        assert!(poll(&mut body, &Waker::from(Arc::new(Bang))).is_pending());
        panics(|| drop(tasks.task("a").on_conflict(Replace).spawn(async {})));
        assert_eq!((old.state(), tasks.live()), (State::Stopping, 1));
        assert_eq!(tasks.get_live("a").map(|task| task.id()), Some(old.id()));
        assert!(matches!(tasks.reserve("a"), Err(SpawnError::NameTaken { .. })));
        assert!(poll(&mut body, Waker::noop()).is_ready() && tasks.live() == 0);
    }

    #[test]
    fn a_clock_may_panic() {
        thread_local! {
            static IS_BROKEN: Cell<bool> = const { Cell::new(false) };
        }
        let clock = || {
            assert!(!IS_BROKEN.get());
            Duration::ZERO
        };
        let tasks = registry(Options::new().clock(clock));
        let task = tasks.spawn("a", async {}).unwrap().task().clone();
        let mut body = tasks.spawner().take();
        let mut waiting = Waiting::new(usize::MAX);
        waiting.add(task.wait());
        drop(task.cancel());
        IS_BROKEN.set(true);
        panics(|| assert!(poll(&mut body, Waker::noop()).is_ready()));
        assert_eq!((task.outcome(), tasks.live()), (Some(Outcome::Cancelled { reason: None }), 0));
        waiting.were_woken();
    }

    #[test]
    fn a_task_that_has_returned_has_completed_although_its_future_panics_when_it_goes() {
        let tasks = registry(Options::new());
        let task = tasks.spawn("a", Late).unwrap();
        let mut body = tasks.spawner().take();
        panics(|| assert!(poll(&mut body, Waker::noop()).is_ready()));
        assert_eq!(task.outcome(), Some(Outcome::Completed));
    }

    #[test]
    fn a_task_that_has_returned_an_error_has_failed_although_its_future_panics_when_it_goes() {
        struct Fails(Late);
        impl Future for Fails {
            type Output = Result<(), &'static str>;
            fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
                Poll::Ready(Err("an error"))
            }
        }
        let tasks = registry(Options::new());
        let task = tasks.spawn_fallible("a", Fails(Late)).unwrap();
        let mut body = tasks.spawner().take();
        panics(|| assert!(poll(&mut body, Waker::noop()).is_ready()));
        assert!(matches!(task.outcome(), Some(Outcome::Failed { .. })), "{:?}", task.outcome());
    }

    #[test]
    fn an_observer_may_panic() {
        struct Bad;
        impl Observer for Bad {
            fn around_polls(&self, task: &TaskInfo) -> Option<Arc<dyn AroundPoll>> {
                (task.name() == Some("b")).then(|| Arc::new(Ground) as _)
            }
            fn ended(&self, task: &TaskInfo, _: &Outcome) {
                assert_ne!(task.name(), Some("a"));
            }
        }
        struct Ground;
        impl AroundPoll for Ground {
            fn enter(&self) {}
            fn exit(&self) {}
        }
        impl Drop for Ground {
            fn drop(&mut self) {
                panic!("a destructor's panic");
            }
        }
        for name in ["a", "b"] {
            let tasks = registry(Options::new().observer(Bad));
            let task = tasks.spawn(name, async {}).unwrap().task().clone();
            let mut body = tasks.spawner().take();
            let mut waiting = Waiting::new(usize::MAX);
            waiting.add(task.wait());
            waiting.add(tasks.wait_idle());
            panics(|| assert!(poll(&mut body, Waker::noop()).is_ready()));
            assert_eq!((task.outcome(), tasks.live()), (Some(Outcome::Completed), 0));
            waiting.were_woken();
        }
    }
}
