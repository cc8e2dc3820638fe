//! How a model is made: threads that poll by hand, wakers that only count, bodies whose end can be seen.
//!
//! A model's threads take no steps of loom's but those of the registry, of a body's [`Gone`] and of a [`Pulse`], so that all of what is
//! explored is the registry. Nobody blocks: a thread polls, and goes on while it was woken; when all threads
//! are through, whoever is still pending and was not woken is [`lost`](Driven::finish), and the model fails.
//!
//! # What loom does not see
//!
//! - Whoever changes a word by one instruction has its newest value, whatever the ordering: so `SeqCst` in place of `AcqRel`
//!   makes a difference only where the other side reads.
//! - `compare_exchange_weak` never fails without a reason.
//! - Who finds a lock taken sleeps until it is free: how long the latch spins, and that it ends, is not modelled.
//! - Strings, observers and factories are in std's `Arc`, which is given to the table when it is made or a task admitted, and
//!   never changed.
//! - Critical sections: `tests/fixed` tries an interrupt after each.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, Mutex, Once};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use loom::sync::atomic::{AtomicBool, AtomicU32};
use task_registry_core::{
    JoinHandle, Kept, Options, Outcome, Refusal, Refused, Registry, Spawn, Spawner, Tasks, mode,
    mode::modelled,
};

thread_local! {
    /// Loom's threads are all on the thread of the test.
    static PANICS: Cell<u32> = const { Cell::new(0) };
    /// How many of the spawner's handles were neither detached nor given.
    static HANDLES: Cell<u32> = const { Cell::new(0) };
}

/// Which outcomes of a race were reached.
#[derive(Default)]
pub(crate) struct Reached(Mutex<BTreeMap<&'static str, u64>>);

impl Reached {
    pub(crate) fn that(&self, outcome: &'static str) {
        *self.0.lock().unwrap().entry(outcome).or_default() += 1;
    }
}

/// How a model is explored.
pub(crate) struct Model {
    name: &'static str,
    preemptions: usize,
    large: bool,
    shard_bits: u32,
}

/// A model that is explored in every schedule in which threads are interrupted at most three times.
pub(crate) fn model(name: &'static str) -> Model {
    Model { name, preemptions: 3, large: false, shard_bits: 0 }
}

impl Model {
    /// In those in which they are interrupted at most so often.
    pub(crate) fn preemptions(self, most: usize) -> Self {
        Self { preemptions: most, ..self }
    }

    /// In fewer where `LOOM_QUICK` is set: there are a hundred thousand or so, which take a minute.
    pub(crate) fn large(self) -> Self {
        Self { large: true, ..self }
    }

    /// A table of so many shards, as a power of two.
    pub(crate) fn shard_bits(self, shard_bits: u32) -> Self {
        Self { shard_bits, ..self }
    }

    /// Explores the model, which has to reach each of these outcomes, and no other.
    pub(crate) fn reaches(
        self,
        outcomes: &[&'static str],
        model: impl Fn(&Reached) + Send + Sync + 'static,
    ) {
        count_panics();
        modelled::set_shard_bits(self.shard_bits);
        let (reached, schedules) = (Arc::new(Reached::default()), Arc::new(AtomicU64::new(0)));
        let mut builder = loom::model::Builder::new();
        let quick = self.large && std::env::var_os("LOOM_QUICK").is_some();
        let own = *builder.preemption_bound.get_or_insert(self.preemptions);
        builder.preemption_bound = Some(if quick { own.saturating_sub(1) } else { own });
        builder.max_branches = 20_000;
        let bound = builder.preemption_bound;
        let began = Instant::now();
        let (inside, counted) = (reached.clone(), schedules.clone());
        builder.check(move || {
            PANICS.set(0);
            HANDLES.set(0);
            model(&inside);
            assert_eq!(HANDLES.get(), 0, "a handle of the spawner's was lost, or detached twice");
            // The registry contains panics: also those of this model, and of loom itself.
            assert_eq!(PANICS.get(), 0, "a panic was contained");
            counted.fetch_add(1, Relaxed);
        });
        let reached = reached.0.lock().unwrap();
        let bound = bound.unwrap_or_default();
        let (name, count, time) =
            (self.name, schedules.load(Relaxed), began.elapsed().as_secs_f32());
        println!("{name}: {count} schedules ({bound} preemptions) in {time:.1} s: {reached:?}");
        let mut expected = outcomes.to_vec();
        expected.sort_unstable();
        assert!(reached.keys().eq(&expected), "to be reached were {expected:?}");
    }
}

fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            print(info);
        }));
    });
}

/// Counts how often it was woken. What comes before a wake-up comes before the poll that it leads to, as with every executor, and
/// nothing else is ordered by it.
#[derive(Default)]
pub(crate) struct Pulse(AtomicU32);

impl Pulse {
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

impl Wake for Pulse {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Release);
    }
}

/// A future that is polled by hand.
pub(crate) struct Driven<F: Future> {
    future: Option<Pin<Box<F>>>,
    pulse: Arc<Pulse>,
    output: Option<F::Output>,
}

impl<F: Future> Driven<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future: Some(Box::pin(future)), pulse: Arc::default(), output: None }
    }

    /// Polls it once, unless it is done.
    pub(crate) fn poll(&mut self) -> bool {
        if let (None, Some(future)) = (&self.output, &mut self.future) {
            let waker = Waker::from(self.pulse.clone());
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                self.output = Some(output);
            }
        }
        self.is_done()
    }

    /// Drops the future.
    pub(crate) fn abandon(&mut self) {
        self.future = None;
    }

    /// From now on woken by another waker.
    pub(crate) fn migrate(&mut self) {
        self.pulse = Arc::default();
    }

    /// Polls it, and again while it was woken.
    pub(crate) fn run(mut self) -> Self {
        self.poll();
        self.go_on();
        self
    }

    /// Polls it again while it was woken.
    pub(crate) fn go_on(&mut self) {
        while !self.is_done() && self.woken() {
            self.poll();
        }
    }

    /// Whether it was woken since this was last asked.
    pub(crate) fn woken(&self) -> bool {
        self.pulse.0.swap(0, Acquire) > 0
    }

    pub(crate) fn is_done(&self) -> bool {
        self.output.is_some()
    }

    /// Nothing else happens any more: it is done, or was woken, or else it is lost.
    pub(crate) fn finish(mut self) -> F::Output {
        self.go_on();
        self.output.expect("it is pending, and nobody woke it: a wake-up was lost")
    }
}

/// Whether something is gone, seen by whoever has to see it and maybe by nobody else.
#[derive(Clone)]
pub(crate) struct Gone(Arc<AtomicBool>);

/// What a body owns, or returns.
pub(crate) struct Owned(Gone);

impl Gone {
    pub(crate) fn new() -> (Owned, Gone) {
        let gone = Gone(Arc::new(AtomicBool::new(false)));
        (Owned(gone.clone()), gone)
    }

    /// No order but that of what this thread knows.
    pub(crate) fn is(&self) -> bool {
        self.0.load(Relaxed)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        assert!(!self.0.is(), "dropped twice");
        self.0.0.store(true, Relaxed);
    }
}

/// Pending once, having woken its task.
#[derive(Default)]
pub(crate) struct Yield(bool);

impl Future for Yield {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Owns something for ever.
pub(crate) async fn endless(_owned: Owned) {
    std::future::pending().await
}

/// Owns something for two polls.
pub(crate) async fn brief(_owned: Owned) {
    Yield::default().await;
}

type Spawned = Pin<Box<dyn Future<Output = ()> + Send>>;
pub(crate) type Task = Driven<Spawned>;

/// A spawner that keeps what it is given until somebody takes it: to poll it, on whatever thread.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<Vec<Spawned>>>, Arc<std::sync::atomic::AtomicBool>);

impl Shelf {
    pub(crate) fn take(&self) -> Task {
        Driven::new(self.0.lock().unwrap().pop().expect("something was spawned"))
    }

    pub(crate) fn take_all(&self) -> Vec<Task> {
        self.0.lock().unwrap().drain(..).map(Driven::new).collect()
    }

    /// From now on it takes nothing.
    pub(crate) fn refuse(&self) {
        self.1.store(true, Relaxed);
    }
}

/// The spawner's handle, which a task's keeps: in a box, so that it is something.
pub(crate) struct Shelved(#[expect(dead_code, reason = "it is to be dropped")] Box<u8>);

impl JoinHandle for Shelved {
    fn detach(self) {
        HANDLES.set(HANDLES.get().wrapping_sub(1));
    }

    fn keep(self) -> Kept {
        Kept::new(self)
    }
}

impl Spawner for Shelf {
    type Handle = Shelved;
    type Mode = mode::Sync;
}

impl<F: Future<Output = ()> + Send + 'static> Spawn<F> for Shelf {
    fn spawn(&self, future: F) -> Result<Shelved, Refused<F>> {
        if self.1.load(Relaxed) {
            return Err(Refused::new(future, Refusal::Full));
        }
        self.0.lock().unwrap().push(Box::pin(future));
        HANDLES.set(HANDLES.get() + 1);
        Ok(Shelved(Box::new(0)))
    }
}

pub(crate) fn registry() -> Registry<Shelf> {
    with(Options::new())
}

/// All that a table consists of was used once by the thread that made it: loom's words come to be with their first use.
///
/// With `LONG_WAY=1` every task has extras, so that none takes the short ways there are for tasks without.
pub(crate) fn with(options: Options) -> Registry<Shelf> {
    let options =
        if std::env::var_os("LONG_WAY").is_some() { options.newest_first() } else { options };
    let tasks = Registry::with_options(Shelf::default(), options);
    // One in each of at most two shards. Which one a name goes to differs from run to run, which loom must not see.
    for _ in 0..2 {
        drop(tasks.spawn_unnamed(async {}).unwrap());
        tasks.spawner().take().run().finish();
    }
    if modelled::is_one_shard() {
        drop(tasks.spawn("first", async {}).unwrap());
        tasks.spawner().take().run().finish();
    }
    assert!(Driven::new(tasks.wait_idle()).poll());
    let _ = (tasks.counts(), tasks.purge(), tasks.is_closed());
    tasks
}

/// The same table, and a shelf for another thread.
pub(crate) fn beside(tasks: &Registry<Shelf>) -> Registry<Shelf> {
    let tasks: &Tasks<mode::Sync> = tasks;
    Registry::with_tasks(Shelf::default(), tasks.clone())
}

/// Nothing lives any more, and the books say so.
pub(crate) fn assert_quiet(tasks: &Tasks<mode::Sync>) {
    let counts = tasks.counts();
    assert_eq!((counts.queued, counts.running, counts.stopping), (0, 0, 0));
    assert_eq!((tasks.live(), counts.ended), (0, tasks.records()));
    assert!(Driven::new(tasks.wait_idle()).poll());
}

pub(crate) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Cancelled { .. } => "cancelled",
        Outcome::Abandoned => "abandoned",
        Outcome::NeverStarted => "never started",
        Outcome::Panicked { .. } => "panicked",
        _ => "something else",
    }
}
