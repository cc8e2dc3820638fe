//! Loads that take minutes, and what they have in common. `.ci/soak` runs them.
#![forbid(unsafe_code)]

pub mod process;

use std::error::Error;

/// What a load ends with: nothing, or what was not as it should be.
pub type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Reads a number from the environment.
///
/// # Errors
///
/// If it is set to something else.
pub fn number(variable: &str, default: u64) -> Result<u64> {
    match std::env::var(variable) {
        Ok(text) => text.parse().map_err(|_| format!("{variable}={text}: not a number").into()),
        Err(_) => Ok(default),
    }
}
