/// The counted pointer between threads: that of `alloc`, or that of `portable-atomic-util` on targets that cannot swap
/// pointers atomically.
#[cfg(target_has_atomic = "ptr")]
pub use alloc::sync::Arc;
#[cfg(not(target_has_atomic = "ptr"))]
pub use portable_atomic_util::Arc;
