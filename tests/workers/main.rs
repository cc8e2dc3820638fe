//! Workers, on both of their runtimes. Orders are forced by gates and by polling by hand, never by time.
#![cfg(any(feature = "tokio", feature = "local"))]

#[allow(dead_code, reason = "the laws use more of it")]
#[path = "../laws/kit.rs"]
mod kit;
#[path = "../common/watchdog.rs"]
mod watchdog;

mod before;
#[cfg(feature = "tokio")]
mod blocking;
#[cfg(feature = "local")]
mod driven;
mod edges;
mod foreign;
mod mains;
mod reach;
mod setup;
mod shutdown;
mod start;

use std::future::Future;
use std::io;

use task_registry::bound::{AnyThread, OneThread};
use task_registry::{Runtime, Spawn};

use setup::Planned;

trait Tested: Runtime<Spawner: Spawn<Planned<AnyThread>> + Spawn<Planned<OneThread>>> + Sized {
    fn new() -> Self;
}

#[cfg(feature = "tokio")]
impl Tested for task_registry::tokio::CurrentThread {
    fn new() -> Self {
        Self::new()
    }
}

#[cfg(feature = "local")]
impl Tested for task_registry::local::LocalThread {
    fn new() -> Self {
        Self::new()
    }
}

/// smol's reactor polled by each worker.
#[cfg(feature = "local")]
struct Smol(task_registry::local::LocalThread);

#[cfg(feature = "local")]
impl Runtime for Smol {
    type Spawner = <task_registry::local::LocalThread as Runtime>::Spawner;
    fn run<F: Future>(&self, body: impl FnOnce(Self::Spawner) -> F) -> io::Result<F::Output> {
        self.0.run(body)
    }
}

#[cfg(feature = "local")]
impl Tested for Smol {
    fn new() -> Self {
        Self(task_registry::local::LocalThread::driven_by(|future| smol::block_on(future)))
    }
}

macro_rules! on {
    ($name:ident, $runtime:ty; $($module:ident { $($test:ident)* })*) => {
        mod $name {
            $($(
                #[test]
                fn $test() {
                    let name = concat!(stringify!($name), "::", stringify!($test));
                    let _watchdog = crate::watchdog::Watchdog::over(name);
                    crate::$module::$test::<$runtime>();
                }
            )*)*
        }
    };
}

macro_rules! on_every_runtime {
    ($($tests:tt)*) => {
        #[cfg(feature = "tokio")]
        on!(on_tokio, task_registry::tokio::CurrentThread; $($tests)*);
        #[cfg(feature = "local")]
        on!(on_local, task_registry::local::LocalThread; $($tests)*);
        #[cfg(feature = "local")]
        on!(on_smol, crate::Smol; $($tests)*);
    };
}

on_every_runtime! {
    before {
        workers_start_only_after_all_futures_before_them_completed_in_order
        an_error_before_the_workers_comes_out_and_no_worker_starts
        a_panic_before_the_workers_comes_out_with_its_payload_and_no_worker_starts
        a_shutdown_before_the_start_lets_no_worker_start
        a_shutdown_amid_the_futures_before_the_workers_drops_them_and_lets_no_worker_start
        dropping_the_start_drops_the_futures_before_the_workers_and_lets_no_worker_start
        workers_dropped_unstarted_can_still_be_shut_down
    }
    start {
        every_worker_starts_the_plan_and_its_main_on_a_thread_of_its_own
        each_worker_makes_its_own_app_and_a_planned_task_spawns_with_its_registry
        a_worker_whose_app_panics_in_the_making_takes_nobody_along
        a_plan_that_panics_when_it_is_dropped_takes_no_worker_along
        a_plan_that_panics_when_it_is_dropped_hides_no_panic_of_the_apps
        a_once_task_is_made_by_exactly_one_worker
        a_plan_started_twice_gives_fresh_tasks_to_both
        a_planned_task_that_panics_harms_nobody_else
        sixty_four_workers_run_at_the_same_time
        no_workers_at_all_start_and_shut_down
        a_worker_without_an_executor_keeps_all_from_starting
        a_worker_whose_executor_panics_in_the_making_keeps_all_from_starting
    }
    reach {
        any_thread_lists_all_tasks_by_worker_and_name
        any_thread_gets_tasks_by_name_from_all_workers
        cancel_by_name_reaches_all_workers_or_the_one_that_is_meant
        dropping_the_running_workers_stops_nothing
    }
    shutdown {
        one_shutdown_ends_all_and_reports_by_worker_and_name
        the_merged_counts_add_up_whatever_tasks_end_as
        a_shutdown_has_one_deadline_and_names_what_would_not_stop
        after_the_deadline_executors_are_dropped_with_what_is_left_on_them
        a_blocked_worker_is_reported_and_keeps_no_other_from_stopping
        after_a_shutdown_nothing_is_spawned_on_any_worker
        workers_without_a_worker_are_closed_by_a_shutdown_and_not_before
        workers_whose_registries_were_each_shut_down_are_not_closed
        a_shutdown_is_joined_by_several_callers
        a_task_that_owns_its_registry_does_not_keep_its_worker
    }
    edges {
        one_grace_serves_the_tasks_of_a_name_on_all_workers
        a_planned_task_is_made_anew_by_name_on_its_worker_alone
        a_cleanup_that_outlives_the_deadline_is_named_and_skipped
        a_task_of_a_worker_may_shut_all_of_them_down
    }
    foreign {
        law_03_a_main_future_that_returned_completed_although_its_destructor_panics
        law_03_workers_start_although_the_destructor_of_what_came_before_them_panics
        law_14_a_main_future_that_panics_in_a_poll_and_in_its_destructor_panicked_with_the_former
        law_14_a_payload_that_nobody_joins_for_ends_no_program_by_its_destructor
        an_error_before_the_workers_comes_out_although_what_did_not_run_panics_when_it_goes
        an_error_before_the_workers_comes_out_although_the_main_function_panics_when_it_goes
        a_start_that_is_never_polled_lets_go_of_what_it_was_given_one_by_one
        workers_that_never_start_let_go_of_each_future_before_them_by_itself
        an_app_that_panics_whenever_it_is_dropped_takes_no_worker_and_no_task_along
    }
    mains {
        a_main_future_finishes_in_its_own_time_once_its_token_fired
        a_main_future_that_ignores_its_token_is_dropped_at_the_deadline
        dropping_a_shutdown_ends_the_time_of_the_main_futures
        a_main_future_that_panics_is_reported_and_takes_nobody_along
        a_main_future_that_ended_leaves_its_worker_running
        a_main_future_is_cancelled_alone
    }
}

// The other runtime has no threads for that.
#[cfg(feature = "tokio")]
on!(blocks_on_tokio, task_registry::tokio::CurrentThread; blocking {
    a_worker_has_threads_for_what_blocks_and_its_shutdown_waits_for_them
});
