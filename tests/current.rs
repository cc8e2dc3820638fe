//! `current()`: which task this code runs in.

use std::future::{pending, poll_fn};
use std::task::Poll;

use async_executor::LocalExecutor;
use futures_lite::future::{block_on, yield_now};
use task_registry::local::OnLocalExecutor;
use task_registry::{Options, Registry, TrackCurrent, current};

fn name() -> Option<String> {
    current()?.name().map(String::from)
}

#[test]
fn each_of_two_interleaved_tasks_finds_itself_at_every_poll_and_nobody_is_there_between() {
    let executor = LocalExecutor::new();
    let tasks =
        Registry::with_options(OnLocalExecutor(&executor), Options::new().observer(TrackCurrent));
    let look = || async {
        let first = name();
        yield_now().await;
        (first, name())
    };
    let (a, b) = (tasks.spawn("a", look()).unwrap(), tasks.spawn("b", look()).unwrap());
    let id = a.id();
    let own_id = tasks.spawn("id", async { current().unwrap().id() }).unwrap();
    block_on(executor.run(async {
        assert_eq!(a.await.unwrap(), (Some("a".into()), Some("a".into())));
        assert_eq!(current(), None);
        assert_eq!(b.await.unwrap(), (Some("b".into()), Some("b".into())));
        assert_ne!(own_id.id(), id);
        let expected = own_id.id();
        assert_eq!(own_id.await.unwrap(), expected);
    }));
    assert_eq!(current(), None);
}

#[test]
fn a_registry_that_was_not_asked_to_tracks_nothing() {
    let executor = LocalExecutor::new();
    let tasks = Registry::new(OnLocalExecutor(&executor));
    let found = tasks.spawn("a", async { name() }).unwrap();
    assert_eq!(block_on(executor.run(found)).unwrap(), None);
}

#[test]
fn a_task_polled_inside_another_is_the_current_one_until_it_returns_also_by_a_panic() {
    let executor = LocalExecutor::new();
    let options = Options::new().observer(TrackCurrent);
    let tasks = Registry::with_options(OnLocalExecutor(&executor), options);
    let (inner, inner_task) = tasks
        .reserve("inner")
        .unwrap()
        .track(async {
            assert_eq!(name().as_deref(), Some("inner"));
            yield_now().await;
            std::panic::resume_unwind(Box::new("on purpose"));
        })
        .unwrap();
    let outer = tasks.spawn("outer", async {
        let mut inner = Box::pin(inner);
        poll_fn(|cx| {
            let polled = inner.as_mut().poll(cx);
            assert_eq!(name().as_deref(), Some("outer"));
            polled
        })
        .await;
    });
    block_on(executor.run(async {
        outer.unwrap().await.unwrap();
        assert!(inner_task.await.unwrap_err().is_panic());
    }));
    assert_eq!(current(), None);
}

#[test]
fn the_destructor_of_a_cancelled_task_still_runs_in_it() {
    struct Look(std::rc::Rc<std::cell::RefCell<Option<String>>>);
    impl Drop for Look {
        fn drop(&mut self) {
            *self.0.borrow_mut() = name();
        }
    }
    let executor = LocalExecutor::new();
    let options = Options::new().observer(TrackCurrent);
    let tasks = Registry::with_options(OnLocalExecutor(&executor), options);
    let seen = std::rc::Rc::new(std::cell::RefCell::new(None));
    let look = Look(seen.clone());
    let task = tasks.spawn("a", async move {
        let _look = look;
        pending::<()>().await;
    });
    let mut task = task.unwrap();
    block_on(executor.run(async {
        poll_fn(|cx| {
            assert!(std::pin::Pin::new(&mut task).poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        yield_now().await;
        task.cancel().await;
    }));
    assert_eq!(seen.borrow().as_deref(), Some("a"));
}
