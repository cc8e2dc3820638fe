//! The laws of `tests/laws`, in a browser: those of `every` and `local` on its list, but for those that panic on purpose.
#![cfg(target_family = "wasm")]

#[macro_use]
#[path = "../laws/list.rs"]
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

#[path = "../laws"]
#[allow(dead_code, unused_imports, reason = "not all of them are asked of a browser")]
mod shared {
    pub(crate) mod cancel;
    pub(crate) mod closing;
    pub(crate) mod ends;
    pub(crate) mod events;
    pub(crate) mod generic;
    pub(crate) mod gone;
    pub(crate) mod identity;
    pub(crate) mod names;
    pub(crate) mod outcomes;
    pub(crate) mod records;
    pub(crate) mod reentry;
    pub(crate) mod replacing;
    pub(crate) mod texts;
    pub(crate) mod threads;
    pub(crate) mod tickets;
    pub(crate) mod waiters;
}
use shared::*;

/// A panic ends the program here (law 14 is void), so laws that panic on purpose are left out.
macro_rules! test {
    (panics $law:ident) => {};
    (closing law_12_a_shutdown_reports_each_kind_of_end) => {};
    (ends law_02_a_waiter_is_woken_after_a_panicked_future_is_gone) => {};
    (outcomes law_03_a_panic_stands_against_a_cancel) => {};
    (outcomes law_03_cancelling_a_task_that_panicked_raises_nothing) => {};
    (outcomes law_03_ready_stands_against_a_panicking_destructor) => {};
    (replacing law_06_replace_follows_a_panic_and_an_abandoned_task_too) => {};
    (tickets law_14_a_panic_of_a_future_run_in_place_is_its_result) => {};
    ($module:ident $law:ident) => {
        #[wasm_bindgen_test::wasm_bindgen_test]
        async fn $law() {
            crate::browser::run(stringify!($law), crate::$module::$law::<Executor>).await;
        }
    };
}

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

laws!(browser_page, crate::browser::Browser, local);
