//! The laws of the fixed level, and the feed in small. Written once: firmware runs them on each executor and chip,
//! `cargo test` here runs them on the host.
//!
//! A law is an async function. It runs where it may wait for others, has a registry of its own in a static, and puts
//! tasks on the executor under test by means of its [`Lab`].
#![no_std]

use task_registry_core::mode::{self, Fixed};
use task_registry_core::{
    SpawnError, StaticOutcome, StaticRegistry, StaticTask, StaticTasks, StaticTicket, Tracked,
};

pub mod erased;
pub mod feed;
pub mod kit;

use kit::{Body, Probe};

#[cfg(not(feature = "sync"))]
pub type Mode = mode::Interrupt;
#[cfg(feature = "sync")]
pub type Mode = mode::Sync;

pub type Registry<const N: usize> = StaticRegistry<Mode, N>;
pub type Tasks = StaticTasks<Mode>;
pub type Task = StaticTask<Mode>;
pub type Ticket = StaticTicket<Mode>;
/// What an executor of its own places runs.
pub type Tracking = Tracked<Body, Fixed<Mode>>;

/// What a law needs of the world.
#[derive(Clone, Copy)]
pub struct Lab {
    /// Has the future run on the executor under test, as the ticket's task.
    pub spawn: fn(Ticket, Body) -> Result<(), SpawnError>,
    /// Has an interrupt call this, and returns when it did. On the host: another thread.
    pub interrupt: fn(&mut (dyn FnMut() + Send)),
    /// Whether an interrupt calls.
    pub is_inside: fn() -> bool,
}

impl Lab {
    /// A task that has begun and waits before its probe's gate.
    pub async fn hold(self, tasks: Tasks, name: &'static str, probe: &'static Probe) -> Task {
        let ticket = tasks.reserve(name).expect("the name is free");
        let task = self.run(ticket, probe.body());
        probe.started.pass().await;
        task
    }

    /// Has it run.
    pub fn run(self, ticket: Ticket, future: impl Future<Output = ()> + Send + 'static) -> Task {
        let task = ticket.task().clone();
        (self.spawn)(ticket, Body::new(future)).expect("the executor has room");
        task
    }
}

/// A law, ready to run.
pub type LawFuture = erased::Erased<56>;

/// One of them.
pub struct Law {
    pub name: &'static str,
    pub run: fn(Lab) -> LawFuture,
}

/// A registry of a law's own.
macro_rules! registry {
    ($capacity:literal) => {{
        static REGISTRY: $crate::Registry<$capacity> = $crate::Registry::new();
        REGISTRY.tasks()
    }};
}

/// Hands a macro all laws there are.
#[macro_export]
macro_rules! each_law {
    ($callback:ident) => {
        $callback! {
            cancel:
                law_01_the_request_stands_when_cancel_returns
                law_01_dropping_the_future_of_a_cancel_undoes_nothing
                law_01_every_canceller_learns_of_the_end
                law_01_a_cancellers_own_cancellation_is_not_swallowed
                law_01_the_first_code_is_kept
                law_01_a_task_is_cancelled_by_name_id_or_handle
                law_04_a_task_cancelled_before_its_first_poll_never_runs
                law_04_a_ticket_cancelled_before_its_future_came_gives_it_back
                law_04_a_queued_replacement_that_is_cancelled_never_runs
                law_05_a_task_may_cancel_itself_and_await_it
                law_05_two_tasks_may_cancel_each_other_and_await_it;
            ends:
                law_02_a_waiter_is_woken_after_a_cancelled_future_is_gone
                law_02_a_waiter_is_woken_after_a_completed_future_is_gone
                law_02_the_future_goes_although_its_executor_keeps_the_wrapper
                law_02_a_ticket_can_be_run_in_place
                law_02_a_future_that_stays_in_its_place_is_dropped_there
                law_02_inside_its_destructors_a_task_has_not_ended
                law_02_an_output_is_in_its_cell_when_the_end_is_known
                law_03_what_returned_ready_is_completed_although_it_was_cancelled
                law_03_cancelling_an_ended_task_changes_nothing;
            names:
                law_06_a_live_name_is_an_error_that_names_its_holder
                law_06_an_ended_record_yields_its_name
                law_06_a_reserved_name_is_taken_until_its_ticket_goes
                law_06_a_replacement_starts_after_all_before_it_have_ended
                law_06_detach_takes_the_name_from_one_that_will_not_stop
                law_06_unnamed_tasks_never_conflict;
            identity:
                law_07_a_stale_id_never_touches_another_task
                law_07_ids_of_another_registry_are_strangers
                law_07_a_handle_keeps_its_record_from_the_next_tenant
                law_07_an_id_stays_stale_through_more_generations_than_16_bits_count
                law_08_dropping_a_handle_stops_nothing
                law_08_a_guard_stops_on_drop
                law_08_a_guard_can_be_waited_for;
            reentry:
                law_09_a_futures_destructor_may_call_the_registry
                law_09_a_waiters_waker_may_call_the_registry
                law_09_a_tasks_own_waker_may_call_the_registry
                law_10_a_future_is_dropped_where_it_is_polled_although_an_interrupt_cancels_it
                law_16_an_interrupt_may_ask_for_everything
                law_16_an_interrupt_may_end_a_wait;
            gone:
                law_11_a_tracked_future_that_is_dropped_is_abandoned
                law_11_every_waiter_resolves_when_a_task_is_lost
                law_11_a_run_that_is_dropped_is_abandoned
                law_11_an_unused_ticket_frees_its_place;
            closing:
                law_12_after_shutdown_every_reservation_gets_closed
                law_12_a_shutdown_cancels_what_lives_and_counts_it
                law_12_several_callers_join_one_shutdown
                law_12_a_task_may_shut_its_registry_down
                law_13_a_shutdown_ends_at_its_deadline_and_lists_what_remains
                law_13_a_shutdown_of_nothing_is_ready_at_once
                law_13_a_waiting_shutdown_never_spins;
            input:
                law_20_an_empty_name_is_an_error
                law_20_any_text_is_a_name
                law_20_a_full_registry_is_an_error
                law_20_an_executor_without_room_gives_the_place_back
                law_20_an_ended_record_makes_room_unless_it_is_held
                law_20_a_listing_goes_on_from_any_id;
        }
    };
}

pub use gone::gone_with;

macro_rules! declare {
    ($($module:ident: $($law:ident)+;)+) => {
        $(mod $module;)+

        /// All of them.
        pub const ALL: &[Law] = &[$($(Law {
            name: stringify!($law),
            run: |lab| LawFuture::new($module::$law(lab)),
        }),+),+];
    };
}
each_law!(declare);

/// Whether it ended by being cancelled.
fn is_cancelled(outcome: &StaticOutcome) -> bool {
    matches!(outcome, StaticOutcome::Cancelled { .. })
}
