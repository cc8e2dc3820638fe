//! The model is told of what can be seen.

use task_registry::{Outcome, Registry, State};

use super::Tested;
use super::model::Number;
use super::probes::{News, On};
use super::world::World;

impl<M: Tested> World<M> {
    /// Lets the model know what can be seen: who was admitted, asked to stop, has ended.
    pub(crate) fn sync(&self) {
        let count = self.here().registries.len();
        for number in 0..count {
            if self.is_at_rest(number) {
                continue;
            }
            let Some(registry) = self.registry(number) else { continue };
            self.bind(number, &registry);
            for (task, outcome) in self.newly_ended(number, &registry) {
                self.ended(task, outcome);
            }
            let asks = self.here().asks.clone();
            // A call inside a call comes before what is left of the outer one.
            for (task, reason, urgency) in asks.into_iter().rev() {
                let Some(id) = self.here().model.tasks[task].id else { continue };
                let unasked = {
                    let here = self.here();
                    let task = &here.model.tasks[task];
                    task.registry == number && task.lives() && !task.asked
                };
                let stops = registry.by_id(id).is_some_and(|task| task.state() == State::Stopping);
                if unasked && stops {
                    self.here().model.ask(task, reason, urgency);
                }
            }
        }
        self.sync_blind();
    }

    /// Whether nothing can have been missed: as many live as the model has it, and all of them are known.
    pub(crate) fn is_at_rest(&self, number: usize) -> bool {
        let here = self.here();
        let Some(registry) = &here.registries[number] else { return true };
        let known = here.model.live(number).filter(|(_, task)| task.id.is_some()).count();
        here.asks.is_empty() && registry.live() == known && here.model.live(number).count() == known
    }

    /// Of registries that are gone nobody tells: what has no future ends when it is asked to, or given up.
    pub(crate) fn sync_blind(&self) {
        let seen: Vec<_> = {
            let here = self.here();
            let gone = |task: Number| here.registries[here.model.tasks[task].registry].is_none();
            let ended = here.refs.iter().filter(|(task, real)| gone(*task) && real.is_ended());
            ended.map(|(task, real)| (*task, real.outcome())).collect()
        };
        for (task, outcome) in seen {
            let lives = self.here().model.tasks[task].lives();
            if lives {
                self.ended(task, outcome);
            }
        }
        let mut here = self.here();
        for number in 0..here.model.tasks.len() {
            let task = &here.model.tasks[number];
            let over = task.over || task.withdrawn || (task.reserved && task.asked);
            let observed = here.model.registries[task.registry].observed;
            let told = !observed || (task.told & 1 << News::Ended as u8 != 0 && task.telling == 0);
            if here.registries[task.registry].is_none() && task.lives() && over && told {
                here.model.end(number);
            }
        }
    }

    pub(crate) fn bind(&self, number: usize, registry: &Registry<On, M>) {
        let unbound = {
            let here = self.here();
            here.model.live(number).find(|(_, task)| task.id.is_none()).map(|(task, _)| task)
        };
        let Some(unbound) = unbound else { return };
        for info in registry.snapshot() {
            let mut here = self.here();
            if here.model.by_id(info.id()).is_none() {
                here.model.tasks[unbound].id = Some(info.id());
                return;
            }
        }
    }

    pub(crate) fn newly_ended(
        &self,
        number: usize,
        registry: &Registry<On, M>,
    ) -> Vec<(Number, Option<Outcome>)> {
        let reader = self.here().readers[number].take();
        let mut ended = Vec::new();
        if let Some(mut reader) = reader {
            while let Some(end) = reader.try_next_ended() {
                let end = end.expect("never so many at once");
                match self.here().model.by_id(end.id()) {
                    Some(task) => ended.push((task, Some(end.outcome().clone()))),
                    None => ended.push((usize::MAX, None)),
                }
            }
            self.here().readers[number] = Some(reader);
            return ended;
        }
        let live: Vec<_> = {
            let here = self.here();
            here.model.live(number).filter_map(|(task, known)| Some((task, known.id?))).collect()
        };
        for (task, id) in live {
            match registry.by_id(id) {
                None => ended.push((task, None)),
                Some(found) if found.is_ended() => ended.push((task, found.outcome())),
                Some(_) => {}
            }
        }
        self.expect(ended.len() < 2, || format!("{ended:?} ended at once: in which order?"));
        ended
    }

    /// The end of a task is seen.
    pub(crate) fn ended(&self, number: Number, outcome: Option<Outcome>) {
        if number == usize::MAX {
            return self.fault("a task ended that nobody spawned".into());
        }
        let mut here = self.here();
        let asked = here.asks.iter().rfind(|(task, ..)| *task == number).cloned();
        let cancelled = matches!(outcome, None | Some(Outcome::Cancelled { .. }));
        if let (Some((_, reason, urgency)), true) = (asked, cancelled) {
            here.model.ask(number, reason, urgency);
        }
        let task = here.model.tasks[number].clone();
        let expected = task.decided.clone().unwrap_or_else(|| task.outcome());
        here.model.end(number);
        drop(here);
        self.log(|| format!("# {number} ended: {expected:?}, cleanup {:?}", task.cleanup));
        self.expect(task.lives(), || format!("law 3: {number} ended twice"));
        self.expect(task.may_end(), || {
            format!("law 2: {number} ended before it was gone: {task:?}")
        });
        self.expect(outcome.is_none_or(|outcome| outcome == expected), || {
            format!("law 3: {number} should have ended {expected}: {task:?}")
        });
    }

    /// Whether it is known of each task that ends now whether it was asked to stop before.
    pub(crate) fn is_clear(&self) -> bool {
        let here = self.here();
        here.asks.is_empty() || here.readers.iter().all(Option::is_some)
    }
}
