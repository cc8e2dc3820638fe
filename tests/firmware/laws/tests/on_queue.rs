//! The laws of the fixed level on the host, on the same run queue that firmware has: each law is a test here.

use std::cell::Cell;
use std::thread;

use laws::{Lab, Tracking};
use queue::Queue;
use task_registry_core::{Refusal, Refused, Spawn, SpawnError, Spawner, mode};

type Executor = &'static Queue<Tracking, 8>;

thread_local! {
    /// This test's, and never freed: what an executor of firmware is.
    static EXECUTOR: Executor = Box::leak(Box::new(Queue::new()));
    static IS_INTERRUPT: Cell<bool> = const { Cell::new(false) };
}

struct OnQueue;

impl Spawner for OnQueue {
    type Handle = ();
    type Mode = mode::Unsync;
}

impl Spawn<Tracking> for OnQueue {
    fn spawn(&self, future: Tracking) -> Result<(), Refused<Tracking>> {
        let executor = EXECUTOR.with(|executor| *executor);
        executor.spawn(future).map_err(|future| Refused::new(future, Refusal::Full))
    }
}

const LAB: Lab = Lab {
    spawn: |ticket, body| match ticket.spawn_on(&OnQueue, body) {
        Ok(_) => Ok(()),
        Err(error) => Err(SpawnError::from(error)),
    },
    interrupt: |call| {
        thread::scope(|scope| {
            scope.spawn(|| {
                IS_INTERRUPT.set(true);
                call();
            });
        });
    },
    is_inside: || IS_INTERRUPT.get(),
};

fn drive(main: impl Future<Output = ()>, idle: impl FnMut()) {
    EXECUTOR.with(|executor| executor.drive(main, idle)).expect("nobody else drives it");
}

fn run(name: &str) {
    let law = laws::ALL.iter().find(|law| law.name == name).expect("it is one of them");
    drive((law.run)(LAB), || panic!("nothing is left that could wake it"));
}

macro_rules! tests {
    ($($module:ident: $($law:ident)+;)+) => {
        $($(
            #[test]
            fn $law() {
                run(stringify!($law));
            }
        )+)+
    };
}
laws::each_law!(tests);

#[test]
fn law_11_what_the_queue_lets_go_of_is_abandoned() {
    let clear = || EXECUTOR.with(|executor| executor.clear());
    drive(laws::gone_with(LAB, clear), || panic!("nothing is left that could wake it"));
}

#[test]
fn the_feed_is_paced_and_stopped_by_a_timer() {
    // Time passes when there is nothing else to do.
    drive(laws::feed::run(LAB), laws::feed::tick);
}
