//! Every law, by the executors that it can be asked of.

/// Runs the laws on one executor.
macro_rules! laws {
    ($name:ident, $executor:ty, $($kind:ident)*) => {
        mod $name {
            type Executor = $executor;
            every!();
            $($kind!();)*
        }
    };
}

macro_rules! tests {
    ($($module:ident { $($law:ident)* })*) => {
        $($(
            #[test]
            fn $law() {
                use crate::harness::Harness as _;
                let name = concat!(module_path!(), "::", stringify!($law));
                let _watchdog = crate::watchdog::Watchdog::over(name);
                Executor::run(crate::$module::$law::<Executor>);
            }
        )*)*
    };
}

/// On every executor.
macro_rules! every {
    () => {
        tests! {
            cancel {
                law_01_the_request_stands_when_cancel_returns
                law_01_dropping_the_future_of_a_cancel_undoes_nothing
                law_01_every_canceller_learns_of_the_end
                law_01_a_cancellers_own_cancellation_is_not_swallowed
                law_01_a_cancel_reaches_a_task_that_nothing_else_would_wake
                law_01_the_first_reason_is_kept
                law_01_a_task_is_cancelled_by_name_id_or_handle
                law_01_tasks_are_cancelled_by_prefix_predicate_or_all
                law_04_a_task_cancelled_before_its_first_poll_never_runs
                law_04_a_tracked_future_cancelled_before_its_first_poll_never_runs
                law_04_a_ticket_cancelled_before_its_future_came_gives_it_back
                law_04_a_queued_replacement_that_is_cancelled_never_runs
            }
            ends {
                law_02_a_waiter_is_woken_after_a_completed_future_is_gone
                law_02_a_waiter_is_woken_after_a_cancelled_future_is_gone
                law_02_a_waiter_is_woken_after_a_panicked_future_is_gone
                law_02_inside_its_destructors_a_task_has_not_ended
                law_02_the_future_goes_although_its_executor_keeps_the_wrapper
                law_02_a_wrapper_dropped_unfinished_reports_after_its_future_is_gone
                law_02_a_name_is_free_when_its_end_is_known
                law_02_a_handle_that_was_awaited_late_still_yields_its_result
            }
            names {
                law_06_a_live_name_is_an_error_that_names_its_holder
                law_06_unnamed_tasks_never_conflict
                law_06_an_ended_record_yields_its_name
                law_06_a_reserved_name_is_taken_until_its_ticket_goes
                law_06_keep_returns_the_one_that_lives
                law_06_detach_takes_the_name_from_one_that_will_not_stop
                law_06_an_old_owners_end_does_not_free_a_detached_name
                law_06_replacing_an_ended_or_absent_task_starts_at_once
            }
            identity {
                law_07_a_stale_id_never_touches_another_task
                law_07_a_stale_id_stays_stale_through_many_generations
                law_07_an_old_waiter_does_not_wait_for_the_next_tenant
                law_07_ids_of_another_registry_are_strangers
                law_08_dropping_a_handle_stops_nothing
                law_08_dropping_a_handle_before_the_first_poll_stops_nothing
                law_08_dropping_a_polled_wait_stops_nothing
                law_08_a_guard_stops_on_drop
                law_08_a_guard_can_be_waited_for_or_disarmed
                law_08_a_guard_in_a_task_stops_the_other_when_the_task_is_cancelled
                law_08_dropping_the_last_clone_of_a_registry_detaches
                law_08_a_handle_outlives_its_registry
                law_08_a_guard_of_all_tasks_stops_them_on_drop
            }
            reentry {
                law_09_a_futures_destructor_may_call_the_registry
                law_09_an_outputs_destructor_may_call_the_registry
                law_09_a_kept_outputs_destructor_may_call_the_registry
                law_09_a_waker_may_call_the_registry
                law_09_a_destructor_or_a_waker_may_shut_the_registry_down
                law_09_a_tasks_own_waker_may_call_the_registry
                law_09_a_predicate_or_a_name_may_call_the_registry
                law_09_a_deadline_may_call_the_registry
                law_09_a_spawner_may_call_the_registry
                law_09_a_refused_futures_destructor_may_call_the_registry
            }
            threads {
                law_16_every_clone_is_the_same_registry
            }
            gone {
                law_11_a_tracked_future_that_is_dropped_is_abandoned
            }
            closing {
                law_12_after_shutdown_every_spawn_gets_closed
                law_12_a_shutdown_cancels_what_lives_and_says_so
                law_12_a_shutdown_reports_each_kind_of_end
                law_12_several_callers_join_one_shutdown
                law_12_dropping_a_shutdown_does_not_open_the_gate_again
                law_12_a_task_may_shut_its_registry_down
                law_12_a_task_that_ends_may_not_be_followed
                law_13_a_shutdown_ends_at_its_deadline_and_names_what_remains
                law_13_a_deadline_that_has_passed_still_asks_everyone
                law_13_a_shutdown_of_nothing_is_ready_at_once
                law_18_a_blocked_thread_is_named_and_not_waited_for
                law_13_a_waiting_shutdown_never_spins
                law_13_a_deadline_may_be_any_future
            }
            panics {
                law_14_a_panic_in_poll_goes_to_the_handle
                law_14_a_payload_comes_back_as_it_was_thrown
                law_14_a_panic_after_a_yield_and_at_once_are_the_same
                law_14_a_panic_in_the_futures_destructor_is_the_outcome
                law_14_a_panic_while_an_unfinished_future_is_dropped_is_contained
                law_14_a_panic_in_an_outputs_destructor_harms_nobody
                law_14_whoever_purges_or_spawns_never_sees_a_kept_outputs_panic
                law_14_a_panicking_waker_harms_no_other_waiter
                law_14_whatever_is_woken_by_an_end_may_panic
                law_14_a_panicking_waker_of_the_task_is_not_the_cancellers
                law_14_a_waker_that_panics_when_cloned_or_dropped_harms_nobody
                law_14_a_payload_that_panics_when_dropped_is_contained
                law_14_a_panicking_deadline_or_predicate_poisons_nothing
                law_14_a_thousand_panics_leave_nothing_behind
            }
            records {
                law_15_the_newest_records_are_kept_and_the_oldest_go
                law_15_the_default_keeps_1024_records
                law_15_retention_may_keep_nothing_or_everything
                law_15_purge_forgets_ended_tasks_only
                law_15_purge_and_eviction_take_nothing_from_a_holder
                law_15_an_output_without_a_handle_is_dropped_before_waiters_wake
                law_15_an_output_lives_as_long_as_its_handle
                law_15_a_kept_result_waits_in_its_record
                law_17_a_result_is_taken_once
                law_17_a_wrong_type_is_an_error_and_takes_nothing
                law_17_a_result_by_name_says_why_there_is_none
                law_17_a_handle_polled_after_its_result_was_taken_does_not_panic
            }
            texts {
                law_20_an_empty_name_is_an_error
                law_20_any_text_is_a_name_and_prints_on_one_line
                law_20_names_that_look_alike_are_different
                law_20_a_name_may_come_in_any_form
                law_20_a_reason_may_be_anything
                law_20_a_full_registry_is_an_error_that_gives_the_future_back
                law_20_a_thousand_tasks_of_one_prefix_are_told_apart
                law_20_what_prints_names_each_task_on_a_line_of_its_own
            }
            events {
                law_02_endings_come_in_the_order_of_ending
                law_02_each_reader_sees_each_end_once
                law_02_a_waiting_reader_is_woken_by_an_end
                law_15_a_reader_that_lags_is_told_how_much_it_missed
                law_12_endings_are_over_when_a_closed_registry_is_idle_and_drained
                law_02_wait_idle_waits_for_the_last_one
                law_06_wait_for_returns_the_task_of_a_name_when_it_appears
                law_16_counts_follow_each_step_of_a_life
                law_16_a_snapshot_is_a_copy_that_locks_nothing
                law_16_a_clock_is_read_where_one_was_given
                law_02_endings_are_a_stream_as_well
            }
            tickets {
                law_06_an_unused_ticket_frees_its_place_and_leaves_no_record
                law_06_a_ticket_is_spawned_under_its_name_and_id
                law_02_a_tracked_future_runs_wherever_it_is_polled
                law_02_a_ticket_can_be_run_in_place
                law_14_a_panic_of_a_future_run_in_place_is_its_result
                law_11_a_run_that_is_dropped_is_abandoned
                law_12_a_ticket_does_not_pass_a_closed_gate
                law_13_an_idle_ticket_does_not_hold_a_shutdown_up
            }
            waiters {
                law_02_a_crowd_of_waiters_is_woken_each_once
                law_02_the_last_waker_is_the_one_that_is_woken
                law_09_a_waker_may_drop_other_waiters
                law_09_a_waker_may_drop_the_last_handles
                law_02_a_wait_that_is_over_stays_over
                law_06_a_queued_task_is_woken_when_its_turn_comes
                law_06_a_queued_task_is_woken_by_a_cancel
                law_06_a_task_that_was_queued_is_still_woken_by_a_cancel
                law_06_a_replacement_that_finds_no_place_stops_nobody
                law_06_a_detached_tasks_record_is_not_its_old_names
            }
            outcomes {
                law_03_cancelling_an_ended_task_is_no_error
                law_03_cancelling_a_task_that_panicked_raises_nothing
                law_03_ready_stands_against_a_cancel_in_the_very_same_poll
                law_03_ready_stands_against_a_panicking_destructor
                law_03_a_panic_stands_against_a_cancel
                law_03_the_outcome_never_changes
                law_05_a_task_may_cancel_itself_and_await_it
                law_05_a_self_cancel_takes_effect_at_the_next_yield
                law_05_a_task_that_waits_for_itself_can_be_cancelled
                law_05_two_tasks_that_cancel_and_await_each_other_both_end
                law_05_two_tasks_that_cancel_each_other_on_two_threads_both_end
                law_05_a_task_that_wakes_itself_for_ever_can_be_cancelled
            }
            replacing {
                law_06_replace_starts_after_its_predecessor_has_ended
                law_06_replace_waits_for_the_predecessors_of_its_predecessor
                law_06_a_long_chain_of_replacements_runs_first_and_last_only
                law_06_a_newcomer_that_ends_early_gives_the_name_back
                law_06_who_waits_for_a_name_sees_it_come_back
                law_06_a_task_may_replace_itself
                law_06_a_reserved_ticket_can_be_replaced
                law_06_replace_follows_a_panic_and_an_abandoned_task_too
            }
        }
    };
}

/// Where the executor can be dropped under its tasks: these make and drop it themselves.
macro_rules! gone {
    () => {
        tests_of_the_lost! {
            law_11_every_waiter_resolves_when_the_executor_goes
            law_11_handles_and_cancels_of_lost_tasks_resolve
            law_11_names_of_lost_tasks_are_free_and_their_records_can_be_purged
            law_09_destructors_may_call_the_registry_while_the_executor_goes
        }
    };
}

macro_rules! tests_of_the_lost {
    ($($law:ident)*) => {
        $(
            #[test]
            fn $law() {
                let name = concat!(module_path!(), "::", stringify!($law));
                let _watchdog = crate::watchdog::Watchdog::over(name);
                crate::gone::$law::<Executor>();
            }
        )*
    };
}

/// Where other threads may use the table.
macro_rules! across {
    () => {
        tests! {
            ends {
                law_02_a_thread_that_waits_finds_the_future_gone
                law_02_a_thread_may_wait_for_a_result_or_a_cancel
            }
            threads {
                law_16_threads_may_ask_for_everything_at_once
                law_16_a_cancel_races_an_end_and_one_of_them_wins
            }
            races {
                law_02_waiting_threads_miss_nothing
                law_02_a_thread_that_waits_for_quiet_is_woken_by_it
            }
        }
    };
}

/// Where other threads may spawn as well.
macro_rules! send {
    () => {
        tests! {
            threads {
                law_16_many_threads_spawn_wait_and_cancel
            }
            closing {
                law_12_no_spawn_slips_in_between
            }
            generic {
                law_16_code_generic_over_send_runtimes_spawns_async_blocks
            }
            races {
                law_06_of_many_threads_one_gets_the_name
                law_06_of_many_threads_that_keep_one_starts
                law_20_a_capacity_holds_against_threads
                law_12_no_ticket_slips_through_a_closing_gate
                law_17_of_two_takers_one_gets_the_result
                law_15_an_output_is_dropped_once_whoever_lets_go_first
                law_07_ids_stay_true_while_places_are_reused
                law_06_a_thousand_replaces_from_threads_never_overlap
                law_06_no_mix_of_requests_from_threads_makes_two_of_one_name
                law_16_counts_are_never_absurd_and_exact_when_it_is_quiet
            }
        }
    };
}

/// Where futures need not be `Send`.
macro_rules! local {
    () => {
        tests! {
            threads {
                law_10_a_task_without_send_yields_a_result_without_send
            }
            generic {
                law_16_code_generic_over_local_runtimes_spawns_async_blocks
            }
        }
    };
}

/// Where futures need not be `Send`, and other threads may list and cancel them all the same.
macro_rules! local_across {
    () => {
        tests! {
            threads {
                law_10_a_local_future_stays_on_its_thread_while_others_cancel_it
                law_10_a_local_future_that_was_never_polled_is_dropped_at_home
            }
        }
    };
}
