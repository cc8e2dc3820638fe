//! The tests of `tests/lifecycle`, in a browser: those of `every` and `local` on its list, but for those that panic on
//! purpose.
#![cfg(target_family = "wasm")]

#[macro_use]
#[path = "../lifecycle/list.rs"]
#[allow(unused_macros, reason = "shared with executors that can do more")]
mod list;
#[macro_use]
mod browser;
#[path = "../laws/harness.rs"]
#[allow(dead_code, reason = "shared with executors that go away, and with threads")]
mod harness;
#[path = "../laws/kit.rs"]
#[allow(dead_code, reason = "shared with laws of threads and panics")]
mod kit;
#[path = "../lifecycle/setup.rs"]
mod setup;
#[path = "../laws/storm.rs"]
#[allow(dead_code, reason = "shared with threads")]
mod storm;

#[path = "../lifecycle"]
#[allow(dead_code, unused_imports, reason = "not all of them are asked of a browser")]
mod shared {
    pub(crate) mod cleanup;
    pub(crate) mod context;
    pub(crate) mod fallible;
    pub(crate) mod grace;
    pub(crate) mod observed;
    pub(crate) mod plan;
    pub(crate) mod ready;
    pub(crate) mod restart;
    pub(crate) mod scope;
    pub(crate) mod shield;
    pub(crate) mod staged;
    pub(crate) mod timeout;
}
use shared::*;

/// A panic ends the program here (law 14 is void), so tests that panic on purpose are left out.
macro_rules! test {
    (cleanup a_cleanup_runs_after_the_future_whatever_its_end) => {};
    (cleanup a_cleanup_that_panics_changes_no_outcome) => {};
    (cleanup law_11_an_executor_that_lets_go_skips_the_cleanup) => {};
    (context a_callable_that_panics_gives_the_place_back) => {};
    (context a_waker_is_woken_once_when_its_task_is_asked_to_stop) => {};
    (context the_builder_calls_nobody_where_there_is_no_place) => {};
    (fallible an_error_that_panics_when_displayed_is_a_failure) => {};
    (fallible an_ok_completes_and_a_panic_or_a_cancel_is_no_failure) => {};
    (grace a_grace_that_panics_harms_its_owner_only) => {};
    (grace a_grace_whose_destructor_panics_is_over_all_the_same) => {};
    (observed law_14_a_panic_without_a_handle_reaches_the_observer) => {};
    (plan a_planned_factory_that_panics_is_its_tasks_panic) => {};
    (plan a_planned_task_that_fails_says_so_and_is_made_again) => {};
    (ready a_task_that_ends_before_it_is_ready_tells_how_and_frees_its_name) => {};
    (restart a_restarted_factory_that_panics_can_be_restarted) => {};
    (scope a_task_leaves_its_scope_however_it_ends) => {};
    (shield a_panic_under_a_shield_is_the_outcome) => {};
    (timeout a_timeout_that_panics_is_the_tasks_panic) => {};
    (timeout a_timeout_whose_destructor_panics_holds_nothing_back) => {};
    ($module:ident $test:ident) => {
        #[wasm_bindgen_test::wasm_bindgen_test]
        async fn $test() {
            crate::browser::run(stringify!($test), crate::$module::$test::<Executor>).await;
        }
    };
}

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

lifecycle!(browser_page, crate::browser::Browser, local);
