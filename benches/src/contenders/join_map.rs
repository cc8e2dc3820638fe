//! tokio-util's `JoinMap`.

use tokio::runtime::Handle;
use tokio_util::task::JoinMap;

use crate::contender::Contender;
use crate::name::Name;
use crate::work::Work;

/// A `JoinMap` that has one owner.
#[derive(Debug)]
pub struct Map(JoinMap<String, u64>);

impl Contender for Map {
    const NAME: &'static str = "JoinMap";
    type Place = &'static Handle;
    type Held = ();

    fn new(_: &'static Handle) -> Self {
        Self(JoinMap::new())
    }

    #[inline]
    async fn spawn(&mut self, name: &Name, work: impl Work) {
        self.0.spawn(name.to_owned(), work.start());
    }

    #[inline]
    async fn join(&mut self, _: u64, _: &mut Name, (): ()) -> u64 {
        self.0.join_next().await.expect("one is left").1.expect("it ends")
    }

    #[inline]
    async fn cancel(&mut self, name: &Name, (): ()) {
        assert!(self.0.abort(name.as_str()));
        let (ended, end) = self.0.join_next().await.expect("one is left");
        assert!(ended == name.as_str() && end.is_err_and(|error| error.is_cancelled()));
    }

    fn purge(&mut self) {
        while self.0.try_join_next().is_some() {}
    }

    fn known(&self) -> usize {
        self.0.len()
    }
}
