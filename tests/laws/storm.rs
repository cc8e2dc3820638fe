//! Storms: threads that put one task after another under one name, and incarnations that tell whether they were alone.
//!
//! A storm in which each newcomer is replaced before it starts shows nothing. So a thread that has brought one waits
//! until some incarnation has begun since, each lives through several polls, and some go on after they were asked to
//! stop: a newcomer that did not wait for its predecessor would be polled while that one lives.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use task_registry::Cx;
use task_registry::mode::Mode;

use crate::kit::*;

/// How many threads a storm has.
const THREADS: usize = 8;
/// How many incarnations each of them brings.
const TIMES: usize = 125;
/// How many polls a stubborn incarnation takes after it was asked to stop.
const STUBBORN: usize = 4;
/// How often a slow destructor lets other threads run.
const SLOW: usize = 8;

/// What the incarnations of one name tell.
#[derive(Clone, Default)]
pub(crate) struct Incarnations {
    /// Those between their first poll and the end of their destructor.
    alive: Count,
    /// How often one came or went that was not alone.
    overlaps: Count,
    begun: Arc<(Mutex<usize>, Condvar)>,
}

impl Incarnations {
    /// One that lives until it is asked to stop.
    ///
    /// In the order in which they begin, one is dropped at its next poll, one goes on for a few polls under a shield, one has a
    /// destructor that takes its time.
    pub(crate) fn one<A: 'static, M: Mode>(&self, cx: Cx<A, M>) -> Body<()> {
        let all = self.clone();
        body(async move {
            let number = all.begin();
            let leaving = all.clone();
            let _leaves = OnDrop::new(move || leaving.leave(number % 3 == 2));
            cx.ready();
            yield_now().await;
            if number % 3 == 1 {
                let asked = cx.cancelled();
                cx.shield(async move {
                    asked.await;
                    for _ in 0..STUBBORN {
                        yield_now().await;
                    }
                })
                .await;
            }
            yield_now().await;
            std::future::pending::<()>().await;
        })
    }

    /// Counts one in, and gives its number.
    fn begin(&self) -> usize {
        if self.alive.add() != 1 {
            self.overlaps.add();
        }
        let mut begun = lock(&self.begun.0);
        *begun += 1;
        self.begun.1.notify_all();
        *begun - 1
    }

    fn leave(&self, slowly: bool) {
        for _ in 0..if slowly { SLOW } else { 0 } {
            std::thread::yield_now();
        }
        if self.alive.take_one() != 0 {
            self.overlaps.add();
            let _begun = lock(&self.begun.0);
            self.begun.1.notify_all();
        }
    }

    /// How many have begun.
    pub(crate) fn begun(&self) -> usize {
        *lock(&self.begun.0)
    }

    /// Blocks this thread until more than `before` have begun, or two overlapped: then nothing more can be counted on.
    pub(crate) fn wait_past(&self, before: usize) {
        let mut begun = lock(&self.begun.0);
        while *begun <= before && self.overlaps.get() == 0 {
            begun = self.begun.1.wait(begun).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has `bring` called a thousand times, by eight threads, while the executor runs what it brings.
    ///
    /// `bring` puts a new incarnation under the name, whatever is there. The last of those that wait for each other is
    /// replaced by nobody and begins, so each thread gets past its wait; and as it then has seen one more begin each time,
    /// at least as many begin as one thread brings, however the threads are scheduled.
    pub(crate) async fn storm(&self, bring: impl Fn() + Clone + Send + 'static) {
        let (all, earlier) = (self.clone(), self.begun());
        on_threads(THREADS, move |_| {
            for _ in 0..TIMES {
                let before = all.begun();
                bring();
                all.wait_past(before);
            }
        })
        .await;
        self.assert_no_overlap();
        let begun = self.begun() - earlier;
        assert!((TIMES..=THREADS * TIMES).contains(&begun), "{begun} have begun");
    }

    fn assert_no_overlap(&self) {
        assert_eq!(self.overlaps.get(), 0, "two incarnations at once, of {}", self.begun());
    }

    /// After all of them: all are gone, and each was alone.
    pub(crate) fn assert_never_two(&self) {
        self.assert_no_overlap();
        assert_eq!(self.alive.get(), 0, "one is left");
    }
}
