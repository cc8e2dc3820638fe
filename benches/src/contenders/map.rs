//! What maps of tasks differ in: how they hash, and what their keys are.

use std::borrow::Borrow;
use std::collections::hash_map;
use std::fmt::Debug;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast;

use crate::name::Name;

/// A hasher, and what maps with it are called in tables.
pub trait Hashing: BuildHasher + Clone + Default + Debug + Send + Sync + 'static {
    /// A map behind a lock.
    const LOCKED: &'static str;

    /// A map in a cell.
    const IN_CELL: &'static str;

    /// A map in shards.
    const SHARDED: &'static str;
}

/// `SipHash`, which maps have unless told otherwise.
pub type Sip = hash_map::RandomState;

impl Hashing for Sip {
    const LOCKED: &'static str = "Mutex<HashMap>";
    const IN_CELL: &'static str = "RefCell<HashMap>";
    const SHARDED: &'static str = "DashMap";
}

/// The hasher that our index has, too.
pub type Fold = fast::RandomState;

impl Hashing for Fold {
    const LOCKED: &'static str = "Mutex<HashMap> foldhash";
    const IN_CELL: &'static str = "RefCell<HashMap> foldhash";
    const SHARDED: &'static str = "DashMap foldhash";
}

/// A name as a map keeps it.
pub trait Key: Borrow<str> + Hash + Eq + Clone + Debug + Send + Sync + 'static {
    /// Makes one's own of a name.
    fn of(name: &Name) -> Self;
}

impl Key for String {
    #[inline]
    fn of(name: &Name) -> Self {
        name.to_owned()
    }
}

/// One that the map shares with the task that takes its record away in the end.
pub type SharedName = Arc<str>;

impl Key for SharedName {
    #[inline]
    fn of(name: &Name) -> Self {
        name.as_str().into()
    }
}
