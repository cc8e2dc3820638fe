//! Critical sections at whose end an interrupt may come.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use critical_section::RawRestoreState;

struct Section;

critical_section::set_impl!(Section);

/// Whether some thread is in a section.
static TAKEN: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// How many sections of this thread are in each other.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// At the end of which outermost section of this thread, from 1 on, its interrupt comes. 0: there is none.
    static DUE: Cell<usize> = const { Cell::new(0) };
    /// How many outermost sections this thread has had.
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static INTERRUPT: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

// SAFETY: the outermost section of a thread begins when that thread has set `TAKEN`, which was clear, and clears it at its
// end, so no two threads are in one at the same time; acquire and release make what one did seen by the next. Within a thread
// sections end in the order in which they nest, and an interrupt runs when the outermost one is over.
unsafe impl critical_section::Impl for Section {
    unsafe fn acquire() -> RawRestoreState {
        if DEPTH.get() == 0 {
            while TAKEN.swap(true, Ordering::Acquire) {
                thread::yield_now();
            }
        }
        DEPTH.set(DEPTH.get() + 1);
    }

    unsafe fn release((): RawRestoreState) {
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() > 0 {
            return;
        }
        TAKEN.store(false, Ordering::Release);
        COUNT.set(COUNT.get() + 1);
        let due = DUE.get();
        DUE.set(due.saturating_sub(1));
        if due == 1 {
            let interrupt = INTERRUPT.take().expect("it is due once");
            interrupt();
        }
    }
}

/// How many sections `main` takes, those inside of others not counted.
pub(crate) fn sections(main: impl FnOnce()) -> usize {
    let before = COUNT.get();
    main();
    COUNT.get() - before
}

/// Whether this thread is in a section.
pub(crate) fn is_inside() -> bool {
    DEPTH.get() > 0
}

/// Runs `main`, and `interrupt` after its outermost section number `after`, from 0 on. `false` if it had not so many.
pub(crate) fn interrupted(
    after: usize,
    interrupt: impl FnOnce() + 'static,
    main: impl FnOnce(),
) -> bool {
    INTERRUPT.set(Some(Box::new(interrupt)));
    DUE.set(after + 1);
    main();
    DUE.set(0);
    INTERRUPT.take().is_none()
}

/// `run` for each place at which an interrupt can come, until it says that there was none.
pub(crate) fn everywhere(mut run: impl FnMut(usize) -> bool) {
    let mut after = 0;
    while run(after) {
        after += 1;
    }
    assert!(after > 0, "there is no section to interrupt");
}
