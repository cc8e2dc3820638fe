use std::sync::{Mutex, PoisonError};

/// Keeps what a test borrows for ever reachable, so that leak checkers are content.
pub(crate) fn for_ever<T>(value: T) -> &'static T {
    static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let kept: &'static T = Box::leak(Box::new(value));
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(std::ptr::from_ref(kept).expose_provenance());
    kept
}
