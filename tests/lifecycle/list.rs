//! Every test, by the executors that it can be asked of.

/// Runs the tests on one executor.
macro_rules! lifecycle {
    ($name:ident, $executor:ty, $($kind:ident)*) => {
        mod $name {
            type Executor = $executor;
            every!();
            #[cfg(feature = "supervise")]
            supervised!();
            #[cfg(feature = "tokio")]
            tokens!();
            $($kind!();)*
        }
    };
}

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

macro_rules! tests_that_run_it {
    ($($module:ident { $($test:ident)* })*) => {
        $($(
            #[test]
            fn $test() {
                let name = concat!(module_path!(), "::", stringify!($test));
                let _watchdog = crate::watchdog::Watchdog::over(name);
                crate::$module::$test::<Executor>();
            }
        )*)*
    };
}

/// On every executor.
macro_rules! every {
    () => {
        tests! {
            context {
                a_task_is_given_the_app_the_tasks_and_itself
                a_context_outlives_its_task_and_knows_its_own_only
                the_callable_is_called_once_there_is_a_place
                a_callable_that_panics_gives_the_place_back
                a_callable_may_cancel_its_task_or_close_the_registry
                the_token_wakes_who_waits_for_it
                the_token_fires_for_many_and_leaves_waiters_for_the_end_asleep
                a_wait_for_the_token_is_over_when_the_task_ends_unasked
                a_context_is_given_up_with_its_task
                what_the_builder_spawns_is_given_a_context_as_well
                the_builder_calls_nobody_where_there_is_no_place
                a_context_refuses_to_wait_for_its_own_task
                a_waker_is_woken_once_when_its_task_is_asked_to_stop
                a_waker_of_a_task_that_was_not_asked_is_dropped_at_its_end
            }
            grace {
                a_grace_fires_the_token_at_once_and_drops_the_future_at_its_end
                a_task_that_ends_within_its_grace_has_completed
                a_grace_that_is_ready_at_once_is_none
                a_canceller_dropped_in_the_middle_of_a_grace_ends_it
                of_two_graces_the_one_that_ends_first_counts
                a_plain_cancel_starts_the_tasks_own_grace
                an_own_grace_wakes_a_task_that_sleeps
                an_own_grace_that_is_ready_at_once_is_none
                a_cancellers_grace_goes_before_the_tasks_own
                a_plain_cancel_during_a_cancellers_grace_leaves_the_task_its_own
                now_cuts_both_graces
                a_task_that_ignores_its_token_goes_when_its_grace_does
                a_task_cancelled_with_a_grace_before_its_first_poll_never_runs
                a_replaced_task_has_its_grace_and_the_newcomer_waits_for_it
                a_shutdown_grants_tasks_their_own_grace
                a_shutdown_cuts_the_grace_of_a_canceller
                one_grace_serves_all_that_are_cancelled_together
                a_grace_that_panics_harms_its_owner_only
                a_grace_whose_destructor_panics_is_over_all_the_same
                a_grace_is_gone_before_waiters_are_woken
            }
            shield {
                a_shield_defers_the_drop_and_not_the_token
                a_shield_defers_the_end_of_a_grace_and_now
                a_shield_defers_the_drop_of_a_task_whose_time_is_over
                a_task_that_returns_after_its_shield_has_completed
                a_shield_that_hangs_is_named_by_a_shutdown_and_stays_stopping
                concurrent_shields_defer_until_the_last_is_over
                nested_shields_defer_until_the_outer_one_is_over
                a_shield_dropped_half_way_shields_no_more
                a_shield_that_was_not_polled_shields_nothing
                a_shield_that_is_over_is_no_shield_when_it_is_dropped_later
                a_shield_held_elsewhere_wakes_the_task_when_it_goes
                a_panic_under_a_shield_is_the_outcome
                a_shielded_task_keeps_a_newcomer_waiting
                a_shield_that_waits_for_its_own_task_stays_visible
            }
            timeout {
                a_timeout_stops_the_task_and_is_the_reason
                a_task_that_is_ready_before_its_timeout_completes
                a_timeout_grants_the_task_its_own_grace
                a_timeout_is_polled_from_the_first_poll_to_the_end_only
                a_reason_given_before_the_timeout_stands
                a_timeout_before_the_first_poll_lets_the_body_run_once
                a_timeout_that_panics_is_the_tasks_panic
                a_timeout_is_gone_before_waiters_are_woken
                a_timeout_whose_destructor_panics_holds_nothing_back
            }
            cleanup {
                a_cleanup_runs_after_the_future_whatever_its_end
                law_02_a_waiter_is_woken_after_the_cleanup_and_all_that_it_owned
                a_request_to_stop_does_not_reach_the_cleanup
                a_cleanup_that_hangs_is_dropped_at_its_deadline
                a_cleanup_that_needs_no_time_runs_although_its_deadline_has_passed
                a_cleanup_that_panics_changes_no_outcome
                a_cleanup_may_spawn
                a_cleanup_may_cancel_its_own_task
                law_05_a_cleanup_that_awaits_its_own_task_hangs_no_longer_than_its_deadline
                a_cleanup_may_shut_its_registry_down
                a_shutdown_names_a_cleanup_that_hangs
                a_task_cancelled_before_its_first_poll_is_cleaned_up
                law_11_an_executor_that_lets_go_skips_the_cleanup
                an_output_is_kept_over_the_cleanup
                law_15_an_output_let_go_of_during_the_cleanup_goes_before_the_end_is_seen
                a_newcomer_waits_for_its_predecessors_cleanup
                a_task_that_never_came_to_be_has_no_cleanup
                all_terms_go_together
            }
            fallible {
                an_err_is_a_failure_with_its_message
                an_ok_completes_and_a_panic_or_a_cancel_is_no_failure
                a_message_is_cut_to_256_bytes_between_characters
                an_error_that_panics_when_displayed_is_a_failure
                law_09_an_errors_display_may_call_the_registry
                law_02_an_error_nobody_wants_is_gone_before_waiters_are_woken
                a_failures_result_is_taken_by_name_and_type
                a_shutdown_reports_a_failure
            }
            observed {
                an_observer_is_told_of_every_step_before_who_waits_goes_on
                law_14_a_panic_without_a_handle_reaches_the_observer
                current_is_the_task_that_runs_at_every_poll_and_in_its_cleanup
            }
            plan {
                a_plan_starts_its_tasks_in_order_and_gives_a_handle_for_each
                a_once_may_be_unnamed_or_a_future_that_is_there_already
                a_planned_task_that_fails_says_so_and_is_made_again
                a_duplicate_or_empty_name_is_an_error_where_it_is_written
                a_plan_started_twice_makes_fresh_tasks_and_once_is_once
                what_finds_its_name_taken_never_started_and_the_others_do
                a_once_that_found_no_place_waits_for_the_next_start
                a_once_that_an_executor_refused_waits_for_the_next_start
                a_planned_factory_that_panics_is_its_tasks_panic
                a_plan_started_after_a_shutdown_starts_nothing
                a_planned_task_cancelled_before_its_first_poll_is_never_made
                planned_tasks_have_a_token_and_are_shut_down
            }
            ready {
                who_waits_for_a_start_goes_on_once_the_task_says_that_it_is_ready
                who_asks_afterwards_need_not_wait
                a_task_that_ends_before_it_is_ready_tells_how_and_frees_its_name
                a_place_that_is_never_used_never_starts
                to_be_ready_twice_changes_nothing
                being_ready_wakes_nobody_who_waits_for_the_end_or_the_token
                a_context_that_outlives_its_task_cannot_say_that_it_is_ready
                a_planned_task_says_when_it_is_ready
            }
            restart {
                the_new_one_starts_once_the_old_one_has_ended
                one_that_does_not_run_is_started
                a_restart_touches_no_other_task_and_brings_its_own_app
                a_once_is_not_made_anew_and_stays_to_be_made
                a_name_that_was_not_planned_is_none
                the_empty_name_does_not_mean_a_task_without_one
                a_restart_after_a_shutdown_says_closed
                a_restarted_factory_that_panics_can_be_restarted
                one_restarted_while_it_waits_is_never_made
            }
            scope {
                a_cancelled_scope_takes_its_own_tasks_and_leaves_the_neighbours
                law_01_a_cancelled_scope_needs_nobody_who_waits
                a_nested_scope_is_cancelled_and_awaited_with_its_parent
                the_parents_end_waits_for_the_tasks_of_its_children
                a_child_cancelled_alone_leaves_its_parent
                names_are_relative_within_and_paths_outside
                two_scopes_of_one_path_share_names_and_no_members
                a_closed_scope_gives_the_future_back
                a_scope_that_closes_while_a_task_is_admitted_refuses_it_and_keeps_nothing
                law_06_a_closed_scope_replaces_nobody
                a_task_leaves_its_scope_however_it_ends
                ten_thousand_that_came_and_went_leave_nothing_in_a_scope
                tasks_without_a_name_belong_to_a_scope_too
                a_ticket_in_a_scope_that_is_cancelled_refuses_its_future
                a_newcomer_in_a_scope_waits_for_the_one_it_replaces
                a_scope_takes_the_queued_newcomer_along
                who_waits_for_an_idle_scope_is_woken_by_its_last_task
                a_scope_grants_one_grace_to_all_of_its_tasks
                a_dropped_scope_stops_nobody
                a_shutdown_ends_what_is_in_scopes_and_shuts_them
                a_task_may_cancel_the_scope_it_belongs_to
                law_09_a_destructor_may_use_its_scope
            }
            staged {
                stages_end_one_after_the_other_the_highest_first
                a_stage_is_asked_only_once_all_of_the_one_before_have_ended
                it_is_woken_by_each_stages_end_and_by_the_last_task
                the_gate_is_shut_and_the_first_stage_asked_by_the_call_itself
                a_task_that_hangs_costs_its_stage_its_budget_and_the_others_nothing
                one_hung_task_does_not_eat_the_budget_of_the_others
                one_that_hung_and_ends_later_is_in_the_report
                a_deadline_in_the_middle_asks_all_that_is_left
                a_deadline_that_is_ready_at_once_asks_everybody_at_the_first_poll
                newest_first_ends_them_in_the_reverse_order_of_spawning
                a_stage_that_is_said_goes_before_the_order_of_spawning
                a_thousand_spawned_by_one_end_in_the_reverse_order
                budgets_that_are_ready_ask_everybody_in_order_at_once
                without_tasks_it_is_over_at_once
                a_second_call_joins_the_first_and_reports_what_lived_by_then
                a_plain_shutdown_beside_it_asks_all_stages
                a_stage_reaches_tickets_and_what_waits_for_its_predecessor
                a_stage_waits_for_the_cleanup_of_its_tasks
            }
        }
    };
}

/// On every executor, with `supervise`.
#[cfg(feature = "supervise")]
macro_rules! supervised {
    () => {
        tests! {
            supervised {
                a_supervised_task_keeps_one_name_and_id_and_gives_its_output
                a_supervised_task_without_further_attempts_ends_as_the_last_one_did
                a_cancel_ends_the_delay_of_a_supervised_task_and_nothing_is_made_again
                a_shutdown_ends_the_attempt_of_a_supervised_task_and_is_no_failure
                once_asked_to_stop_a_supervised_task_makes_no_further_attempt_in_its_grace
                a_cancel_with_a_grace_ends_the_delay_of_a_supervised_task_and_its_last_failure_stands
                each_failure_of_a_supervised_task_is_told_before_it_is_made_anew
                a_cancel_reaches_a_supervised_task_that_fails_at_once_again_and_again
            }
        }
    };
}

/// On every executor, with tokio's tokens.
#[cfg(feature = "tokio")]
macro_rules! tokens {
    () => {
        tests! {
            tokens {
                a_token_is_cancelled_when_its_task_is_asked_to_stop
                a_token_made_after_the_request_is_cancelled_from_the_first
                a_token_held_elsewhere_is_cancelled_without_a_grace_as_well
                a_token_is_not_cancelled_by_an_end_of_another_kind
                a_token_that_is_cancelled_does_nothing_to_its_task
                a_shutdown_on_a_token_comes_when_that_is_cancelled_and_not_before
                a_shutdown_on_a_token_ends_at_its_deadline_and_names_who_remains
                a_shutdown_on_a_token_that_is_dropped_did_nothing_before_and_stands_after
            }
        }
    };
}

/// Where the executor is gone after a run: these run it themselves.
macro_rules! dies {
    () => {
        tests_that_run_it! {
            context {
                law_11_a_context_keeps_neither_registry_nor_executor_alive
            }
            cleanup {
                law_11_a_cleanup_goes_with_its_executor
                a_gone_executor_refuses_a_task_with_its_cleanup
            }
            plan {
                law_11_planned_tasks_go_with_their_executor
            }
            scope {
                law_11_an_abandoned_task_leaves_its_scope
            }
        }
    };
}

/// Where other threads may use the table.
macro_rules! across {
    () => {
        tests! {
            cleanup {
                a_thread_that_waits_finds_the_cleanup_over
            }
            plan {
                of_many_threads_that_start_a_plan_one_makes_the_once
            }
            scope {
                law_12_no_task_slips_into_a_scope_that_closes
            }
        }
    };
}

/// Where other threads may spawn.
macro_rules! sends {
    () => {
        tests! {
            restart {
                a_task_may_restart_itself
                a_thousand_restarts_from_eight_threads_never_run_two_at_once
            }
        }
    };
}

/// Where futures need not be `Send`.
macro_rules! local {
    () => {
        tests! {
            cleanup {
                law_10_a_cleanup_without_send_stays_at_home
            }
            plan {
                a_plan_for_one_thread_takes_what_is_not_send
            }
        }
    };
}

/// Where futures need not be `Send`, and other threads may list and cancel them all the same.
macro_rules! local_across {
    () => {
        tests! {
            cleanup {
                law_10_a_cleanup_stays_at_home_while_others_cancel
            }
        }
    };
}
