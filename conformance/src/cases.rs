//! The cases: what each does is said with it, and its name begins with the law it is about.
//!
//! [`check`](crate::check) runs them and [`conformance!`](crate::conformance) makes a test of each; they are of no use by
//! themselves.

mod cancel;
mod closing;
mod contract;
mod ends;
mod gone;
mod load;
mod local;
mod names;
mod own;
mod panics;
mod restart;
mod wakes;

pub use cancel::*;
pub use closing::*;
pub use contract::*;
pub use ends::*;
pub use gone::*;
pub use load::*;
pub use local::*;
pub use names::*;
pub use own::*;
pub use panics::*;
pub use restart::*;
pub use wakes::*;

/// The lists of all cases, each under what it asks of a spawner. The only place where they are listed.
#[doc(hidden)]
#[macro_export]
macro_rules! __cases {
    // Of every spawner.
    (any $then:ident $args:tt) => {
        $crate::$then! { $args
            law_01_a_cancel_by_another_thread_reaches_its_task
            law_01_a_cancel_reaches_a_task_that_nothing_else_would_wake
            law_01_a_wake_by_another_thread_is_not_lost
            law_01_every_way_to_wake_counts
            law_01_the_task_that_is_woken_is_the_one_that_is_polled
            law_02_a_future_is_dropped_when_it_has_completed
            law_02_a_future_is_not_polled_after_it_has_completed
            law_02_a_waiter_is_woken_after_the_future_is_gone
            law_02_what_a_future_owns_goes_with_it_once
            law_03_each_way_to_end_has_its_outcome
            law_04_a_future_is_not_polled_inside_spawn
            law_04_a_task_cancelled_before_its_first_poll_never_runs
            law_05_a_task_may_cancel_itself_and_wait_for_it
            law_05_a_wake_during_a_poll_is_followed_by_another_poll
            law_05_two_tasks_may_cancel_each_other_and_wait
            law_06_a_live_name_is_refused_and_the_future_comes_back
            law_06_a_replacement_starts_when_its_predecessor_has_ended
            law_06_every_third_spawn_refused_loses_nothing
            law_07_a_stale_id_reaches_nobody
            law_07_the_waker_of_an_ended_task_does_no_harm
            law_08_detaching_a_handle_stops_nothing
            law_08_dropping_handles_and_registries_stops_nothing
            law_09_a_task_is_not_polled_inside_wake
            law_09_a_task_may_wake_others_in_its_poll_and_destructor
            law_10_a_future_is_polled_by_one_thread_at_a_time
            law_11_a_future_is_not_dropped_before_it_is_ready
            law_11_no_future_of_many_is_forgotten
            law_12_a_shutdown_ends_every_task_and_closes
            law_12_a_task_may_shut_its_registry_down
            law_13_a_shutdown_reports_what_will_not_stop
            law_14_a_panic_in_a_cleanup_leaves_the_outcome
            law_14_a_panic_in_a_factory_goes_to_who_spawns
            law_14_a_panic_in_a_futures_destructor_goes_to_the_handle
            law_14_a_panic_in_a_poll_goes_to_the_handle
            law_14_a_panic_in_a_waker_harms_no_other_waiter
            law_14_a_panic_in_an_observer_harms_nobody
            law_14_a_panic_in_an_outputs_destructor_harms_nobody
            law_15_an_output_that_nobody_can_take_is_dropped
            law_15_records_are_bounded_and_futures_do_not_pile_up
            law_16_every_clone_of_a_spawner_is_the_same_executor
            law_17_a_result_is_taken_once
            smoke_thousands_of_named_tasks_half_of_them_cancelled
        }
    };
    // Of an executor that can go away under its tasks.
    (mortal $then:ident $args:tt) => {
        $crate::$then! { $args
            law_09_a_destructor_may_use_the_registry_while_the_executor_goes
            law_11_a_spawn_on_an_executor_that_is_gone_keeps_nothing
            law_11_a_waker_may_be_called_when_its_executor_is_gone
            law_11_the_executor_goes_before_the_first_poll
            law_11_the_executor_goes_in_the_middle_of_a_cleanup
            law_11_the_executor_goes_in_the_middle_of_a_grace
            law_11_the_executor_goes_under_a_shield
            law_11_the_executor_goes_under_a_thousand_tasks
            law_11_the_executor_goes_when_a_task_has_ended
            law_11_the_executor_goes_when_a_task_was_cancelled
            law_11_the_executor_goes_when_a_task_was_woken
            law_11_the_executor_goes_while_a_task_waits
        }
    };
    // Of a spawner that other threads, and tasks, may have.
    (send $then:ident $args:tt) => {
        $crate::$then! { $args
            law_09_a_future_may_spawn_in_its_destructor
            law_09_a_future_may_spawn_in_its_poll
            law_14_a_factory_may_panic_at_a_restart
            smoke_threads_spawn_and_cancel_while_the_executor_runs
        }
    };
    (mortal_send $then:ident $args:tt) => {
        $crate::$then! { $args
            law_09_a_future_may_spawn_while_its_executor_goes
            law_11_a_task_that_owns_its_registry_keeps_no_executor
        }
    };
    // Of a spawner that takes futures which are not `Send`.
    (local $then:ident $args:tt) => {
        $crate::$then! { $args
            law_09_a_local_future_may_spawn_in_its_destructor
            law_09_a_local_future_may_spawn_in_its_poll
            law_10_a_local_future_stays_on_its_thread
            law_10_other_threads_cancel_a_local_task_and_it_is_dropped_at_home
            law_17_a_local_result_is_handed_over_as_it_is
        }
    };
    (mortal_local $then:ident $args:tt) => {
        $crate::$then! { $args
            law_09_a_local_future_may_spawn_while_its_executor_goes
            law_11_a_local_task_that_owns_its_registry_keeps_no_executor
        }
    };
}
