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

macro_rules! of_the_laws {
    ($($module:ident = $path:literal)*) => {
        $(
            #[path = $path]
            #[allow(dead_code, reason = "not all of them are asked of a browser")]
            mod $module;
        )*
    };
}

of_the_laws! {
    cancel = "../laws/cancel.rs"
    closing = "../laws/closing.rs"
    ends = "../laws/ends.rs"
    events = "../laws/events.rs"
    generic = "../laws/generic.rs"
    gone = "../laws/gone.rs"
    identity = "../laws/identity.rs"
    names = "../laws/names.rs"
    outcomes = "../laws/outcomes.rs"
    records = "../laws/records.rs"
    reentry = "../laws/reentry.rs"
    replacing = "../laws/replacing.rs"
    texts = "../laws/texts.rs"
    threads = "../laws/threads.rs"
    tickets = "../laws/tickets.rs"
    waiters = "../laws/waiters.rs"
}

/// A panic ends the program here (law 14 is void), so laws that panic on purpose are left out.
macro_rules! test {
    (panics $law:ident) => {};
    (closing law_12_a_shutdown_reports_each_kind_of_end) => {};
    (ends law_02_a_waiter_is_woken_after_a_panicked_future_is_gone) => {};
    (outcomes law_03_a_panic_stands_against_a_cancel) => {};
    (outcomes law_03_cancelling_an_ended_task_is_no_error) => {};
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
