use super::{Cleaned, Graced};
use crate::unwind::Contained;

/// Terms that a task may be restarted under: each incarnation is granted its own. Sealed: all but a timeout, which is a
/// future and cannot be had twice; the factory can put one around what it makes. What makes a grace or a cleanup has to be
/// `Clone`, as a closure is if what it captures is.
#[diagnostic::on_unimplemented(
    message = "these terms cannot be granted to a task again when it is restarted",
    note = "a `timeout` is one future: put it into the one that the factory makes",
    note = "what makes a grace or a cleanup has to be `Clone`"
)]
pub trait Renew: sealed::Renew {}

impl<X: sealed::Renew> Renew for X {}

pub(crate) mod sealed {
    pub trait Renew {
        /// What the terms are made from.
        type Recipe;

        fn recipe(&self) -> Self::Recipe;
        fn renew(recipe: &Self::Recipe) -> Self;
    }
}

impl sealed::Renew for () {
    type Recipe = ();
    fn recipe(&self) {}
    fn renew((): &()) {}
}

impl<X: sealed::Renew, G: Clone, D> sealed::Renew for Graced<X, G, D> {
    type Recipe = (X::Recipe, Contained<Option<G>>);
    fn recipe(&self) -> Self::Recipe {
        (self.rest.recipe(), Contained::new(self.make.clone()))
    }
    fn renew((rest, make): &Self::Recipe) -> Self {
        // What was cloned goes by itself, if the next clone panics.
        let make = Contained::new(make.get().clone());
        let rest = X::renew(rest);
        Self { rest, make: make.into_inner(), grace: None }
    }
}

impl<X: sealed::Renew, K: Clone, L: Clone, D> sealed::Renew for Cleaned<X, K, L, D> {
    type Recipe = (X::Recipe, Contained<Option<K>>, Contained<Option<L>>);
    fn recipe(&self) -> Self::Recipe {
        let make = Contained::new(self.make.clone());
        (self.rest.recipe(), make, Contained::new(self.make_deadline.clone()))
    }
    fn renew((rest, make, make_deadline): &Self::Recipe) -> Self {
        let make = Contained::new(make.get().clone());
        let make_deadline = Contained::new(make_deadline.get().clone());
        let rest = X::renew(rest);
        let (make, make_deadline) = (make.into_inner(), make_deadline.into_inner());
        Self { rest, make, make_deadline, deadline: None }
    }
}
