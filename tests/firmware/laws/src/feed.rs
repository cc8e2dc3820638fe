//! The feed in small: each sensor is a named task; a timer interrupt paces them, and stops one.
//!
//! [`run`] is the whole of it. Whoever runs it has [`tick`] called by a timer.

use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Poll, Waker};

use critical_section::Mutex;
use task_registry_core::{SpawnError, State, StaticOutcome, TaskId};

use crate::kit::{Count, Flag, OnDrop, poll_once};
use crate::{Lab, Registry, Task, Ticket, is_cancelled};

static SENSORS: Registry<6> = Registry::new();
static CLOCK: Clock = Clock::new();

/// What the timer's interrupt stops when its time has come.
static SUSPECT: Mutex<Cell<Option<(u32, TaskId)>>> = Mutex::new(Cell::new(None));

/// For the interrupt of a timer.
pub fn tick() {
    let now = CLOCK.advance();
    let suspect = critical_section::with(|cs| {
        let suspect = SUSPECT.borrow(cs).get().filter(|(due, _)| *due <= now);
        if suspect.is_some() {
            SUSPECT.borrow(cs).set(None);
        }
        suspect
    });
    if let Some((_, id)) = suspect {
        // Requested now: O(1), and whoever waits learns of it when the sensor is gone.
        drop(SENSORS.tasks().cancel_id(id));
    }
}

/// A sensor: what it read, and whether it has let go of its bus.
struct Sensor {
    readings: Count,
    released: Flag,
}

impl Sensor {
    const fn new() -> Self {
        Self { readings: Count::new(), released: Flag::new() }
    }

    async fn read(&'static self) {
        let _bus = OnDrop(|| self.released.set());
        loop {
            CLOCK.pass(1).await;
            self.readings.add();
        }
    }

    /// Waits until it has read so often. Not for so many ticks: on a slow emulator a sensor may sleep through some.
    async fn has_read(&'static self, times: u32) {
        while self.readings.get() < times {
            CLOCK.pass(1).await;
        }
    }
}

/// Runs it.
///
/// # Panics
///
/// If anything is not as it should be.
pub async fn run(lab: Lab) {
    static TEMPERATURE: Sensor = Sensor::new();
    static CALIBRATED: Sensor = Sensor::new();
    static HUMIDITY: Sensor = Sensor::new();
    static LIGHT: Sensor = Sensor::new();

    let tasks = SENSORS.tasks();
    let start = |name, sensor: &'static Sensor| -> Result<Task, SpawnError> {
        let ticket: Ticket = tasks.reserve(name)?;
        Ok(lab.run(ticket, sensor.read()))
    };
    let temperature = start("temperature", &TEMPERATURE).expect("the name is free");
    start("humidity", &HUMIDITY).expect("the name is free");
    let light = start("light", &LIGHT).expect("the name is free");
    assert!(start("light", &LIGHT).is_err(), "a live name is never silently taken");
    for sensor in [&TEMPERATURE, &HUMIDITY, &LIGHT] {
        sensor.has_read(2).await;
    }

    // One is cancelled from the timer's interrupt, and awaited here.
    let due = CLOCK.now() + 2;
    critical_section::with(|cs| SUSPECT.borrow(cs).set(Some((due, light.id()))));
    assert!(is_cancelled(&light.wait().await));
    assert!(CLOCK.now() >= due && LIGHT.released.is_set(), "it ended when it was gone");
    assert!(tasks.get("humidity").is_some_and(|task| task.state() == State::Running));

    // A replacement owns the name at once, and starts when its predecessor is gone.
    let ticket = tasks.reserve_replacing("temperature").expect("it replaces");
    let calibrated = lab.run(ticket, async {
        assert!(TEMPERATURE.released.is_set());
        CALIBRATED.read().await;
    });
    assert!(tasks.get("temperature").map(|task| task.id()) == Some(calibrated.id()));
    assert!(is_cancelled(&temperature.wait().await));
    CALIBRATED.has_read(2).await;
    assert!(calibrated.state() == State::Running);

    // What ended is listed until it is purged.
    assert!(tasks.len() == 4 && tasks.counts().ended == 2);
    assert!(tasks.purge() == 2);
    let mut names = [None; 3];
    let mut last = None;
    for name in &mut names {
        let task = tasks.next_after(last);
        last = task.as_ref().map(|task| task.id()).or(last);
        *name = task.and_then(|task| task.name().map(|name| name == "humidity"));
    }
    assert!(names == [Some(true), Some(false), None] || names == [Some(false), Some(true), None]);
    drop((temperature, light));

    // All of them are stopped; one does not stop, since nobody polls it, and a deadline passes.
    let ticket = tasks.reserve("stuck").expect("the name is free");
    let mut stuck = pin!(ticket.track(HUMIDITY.read()).expect("nobody cancelled it"));
    assert!(poll_once(&mut stuck).is_pending());
    let before = CLOCK.now();
    let report = tasks.shutdown(CLOCK.pass(3)).await;
    assert!(CLOCK.now() >= before + 3 && tasks.is_closed());
    assert!(report.cancelled == 2, "the other two are gone");
    assert!(CALIBRATED.released.is_set());
    let mut remaining = report.remaining_tasks();
    assert!(remaining.next().is_some_and(|task| task.name() == Some("stuck")));
    assert!(remaining.next().is_none());
    assert!(poll_once(&mut stuck).is_ready());
    tasks.wait_idle().await;
    assert!(tasks.live() == 0 && calibrated.outcome() != Some(StaticOutcome::Completed));
}

/// Time, in ticks.
struct Clock(Mutex<RefCell<Time>>);

struct Time {
    now: u32,
    waiting: [Option<Waker>; 8],
}

impl Clock {
    const fn new() -> Self {
        Self(Mutex::new(RefCell::new(Time { now: 0, waiting: [const { None }; 8] })))
    }

    fn now(&self) -> u32 {
        critical_section::with(|cs| self.0.borrow_ref(cs).now)
    }

    fn advance(&self) -> u32 {
        let (now, waiting) = critical_section::with(|cs| {
            let mut time = self.0.borrow_ref_mut(cs);
            time.now += 1;
            (time.now, core::mem::take(&mut time.waiting))
        });
        for waker in waiting.into_iter().flatten() {
            waker.wake();
        }
        now
    }

    /// Waits for that many ticks.
    fn pass(&self, ticks: u32) -> impl Future<Output = ()> {
        let due = self.now() + ticks;
        poll_fn(move |cx| {
            critical_section::with(|cs| {
                let mut time = self.0.borrow_ref_mut(cs);
                if time.now >= due {
                    return Poll::Ready(());
                }
                let mine = |waker: &Option<Waker>| {
                    waker.as_ref().is_none_or(|waker| waker.will_wake(cx.waker()))
                };
                let place = time.waiting.iter_mut().find(|waker| mine(waker));
                *place.expect("there are few sensors") = Some(cx.waker().clone());
                Poll::Pending
            })
        })
    }
}
