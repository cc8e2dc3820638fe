//! What tasks are given beside the application's value: types, because what a callable receives depends on it.

use crate::mode::Mode;
use crate::{Spawner, Tasks};

/// Nothing: the application's value alone.
#[derive(Clone, Copy, Debug)]
pub struct AppAlone;

/// The registry, to spawn with: what [`WithContext::with_registry`](crate::WithContext::with_registry) says.
#[derive(Clone, Copy, Debug)]
pub struct AppAndRegistry;

/// [`AppAlone`] or [`AppAndRegistry`]. Sealed.
pub trait Given<S: Spawner, M: Mode, A>: sealed::Sealed {
    /// What a task finds in its [`Cx`](crate::Cx).
    type App;

    /// Made for each task anew, so that whoever keeps `app` to make more of them keeps no table with it.
    #[doc(hidden)]
    fn give(app: A, spawner: &S, tasks: &Tasks<M>) -> Self::App;
}

impl<S: Spawner, M: Mode, A> Given<S, M, A> for AppAlone {
    type App = A;
    fn give(app: A, _: &S, _: &Tasks<M>) -> A {
        app
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::AppAlone {}
    impl Sealed for super::AppAndRegistry {}
}
