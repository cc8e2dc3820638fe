//! Tasks that are made anew from the factory they were spawned from. What can be asked of every executor is written once
//! and run on all; what is about the terms a task is restarted under, or about executors that are gone, runs on one.
//!
//! As in the laws, orders are forced by gates, never by time; the watchdog is the only clock.

#[allow(dead_code, unreachable_pub, reason = "shared with the laws, which use the rest")]
#[path = "../laws/executors.rs"]
mod executors;
#[allow(dead_code, reason = "shared with the laws, which use the rest")]
#[path = "../laws/harness.rs"]
mod harness;
#[allow(dead_code, reason = "shared with the laws, which use the rest")]
#[path = "../laws/kit.rs"]
mod kit;
#[path = "../laws/storm.rs"]
mod storm;
#[path = "../common/watchdog.rs"]
mod watchdog;

mod carried;
mod failing;
mod foreign;
mod order;
mod setup;
mod storms;

macro_rules! tests {
    ($($module:ident { $($test:ident)* })*) => {
        $($(
            #[test]
            fn $test() {
                use crate::harness::Harness as _;
                let name = concat!(module_path!(), "::", stringify!($test));
                let _watchdog = crate::watchdog::Watchdog::over(name);
                Executor::run(crate::$module::$test::<Executor>);
            }
        )*)*
    };
}

/// On every executor whose spawner a table can remember.
macro_rules! every {
    () => {
        tests! {
            order {
                law_06_a_live_task_is_restarted_once_it_has_ended
                an_ended_task_is_restarted_from_its_record
                a_task_restarts_itself
                of_restarts_in_a_row_the_last_one_runs
                a_task_that_has_not_started_is_restarted
                a_restarted_task_is_cancelled_and_shut_down_as_any
            }
            failing {
                what_is_unknown_or_came_from_no_factory_is_not_restarted
                law_12_a_shutdown_is_no_time_for_a_restart
                a_full_registry_leaves_the_old_task_alone
                law_14_a_factory_that_panics_at_the_first_spawn_gives_the_place_back
                law_14_a_factory_that_panics_gives_the_name_back_to_the_live_task
                law_14_a_factory_that_panics_leaves_the_record_restartable
                a_task_cancelled_by_its_own_factory_has_ended_when_it_comes
            }
            foreign {
                law_09_a_factory_may_call_the_registry
                law_09_a_factorys_destructor_may_call_the_registry
                law_14_a_factory_whose_destructor_panics_harms_nobody
                law_08_a_record_of_a_restartable_task_keeps_no_registry_alive
                law_15_the_factory_goes_with_the_last_record
            }
            storms {
                law_06_a_thousand_restarts_from_tasks_never_overlap
            }
        }
    };
}

/// Where other threads may use the registry.
macro_rules! sends {
    () => {
        tests! {
            storms {
                law_06_a_thousand_restarts_from_threads_never_overlap
                law_06_a_restart_never_stops_a_task_that_came_from_no_factory
            }
        }
    };
}

macro_rules! restarts {
    ($name:ident, $executor:ty, $($kind:ident)*) => {
        mod $name {
            type Executor = $executor;
            every!();
            $($kind!();)*
        }
    };
}

// An executor of one thread under a table for several is not among them: that its spawner cannot be remembered there is
// `carried`'s to show.
#[cfg(feature = "tokio")]
restarts!(tokio_multi_thread, crate::executors::TokioMultiThread, sends);
#[cfg(feature = "tokio")]
restarts!(tokio_current_thread, crate::executors::TokioCurrentThread, sends);
#[cfg(feature = "tokio")]
restarts!(tokio_local, crate::executors::TokioOnLocalSet,);
#[cfg(feature = "smol")]
restarts!(smol_global, crate::executors::SmolGlobal, sends);
#[cfg(feature = "smol")]
restarts!(executor_by_reference, crate::executors::ExecutorByReference, sends);
#[cfg(feature = "smol")]
restarts!(executor_held_weakly, crate::executors::ExecutorHeldWeakly, sends);
restarts!(local_executor, crate::executors::LocalByReference,);
restarts!(local_executor_held_weakly, crate::setup::LocalHeldWeakly,);
restarts!(custom_executor, crate::executors::CustomExecutor, sends);
