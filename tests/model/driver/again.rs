//! Tasks that are made anew.

use task_registry::{RestartError, SpawnError, TaskRef};

use super::Tested;
use super::model::{Number, Policy, Task};
use super::world::World;

impl<M: Tested> World<M> {
    pub(crate) fn restart(&self) {
        let (at, name) = (self.pick_registry(), self.pick_name());
        let Some(registry) = self.registry(at) else { return };
        let old = self.here().model.named(at, name);
        let closed = self.here().model.registries[at].closed;
        let expected = match old.map(|old| self.here().model.tasks[old].clone()) {
            None => Err(RestartError::NotFound),
            Some(old) if !old.restartable && closed => Err(SpawnError::Closed.into()),
            Some(old) if !old.restartable => Err(RestartError::NotRestartable),
            Some(old) if old.scope.is_some_and(|s| self.here().model.scope_is_closed(s)) => {
                Err(SpawnError::Closed.into())
            }
            Some(old) => Ok(old),
        };
        self.log(|| format!("restart {name:?} of {at}"));
        let (number, predicted) = match &expected {
            Err(_) => (usize::MAX, Ok(())),
            Ok(old) => {
                let number = self.new_task(Task {
                    registry: at,
                    name: old.name.clone(),
                    reserved: true,
                    has_grace: old.has_grace,
                    has_cleanup: old.has_cleanup,
                    fallible: old.fallible,
                    restartable: true,
                    keep: old.keep_of_all,
                    keep_of_all: old.keep_of_all,
                    scope: old.scope,
                    own_stage: old.own_stage,
                    ..Task::default()
                });
                let mut here = self.here();
                let predicted = here.model.admit(number, Policy::Follow);
                if let (Ok(()), Some(stage)) = (&predicted, old.own_stage) {
                    here.model.tasks[number].stage = stage;
                }
                (number, predicted)
            }
        };
        self.here().spawning.push(number);
        let came = self.panicking(|| registry.restart(name));
        self.here().spawning.pop();
        let Some(came) = came else {
            self.sync();
            self.log(|| "-> restart: a panic".into());
            self.name_again(at, name, old.expect("it was found"));
            return self.expect_withdrawn(number);
        };
        self.log(|| format!("-> restart: {came:?}"));
        if let Err(expected) = expected {
            return self.expect(came.as_ref().err() == Some(&expected), || {
                format!("a restart of {name:?} comes to {came:?}, not {expected:?}")
            });
        }
        let id = came.as_ref().ok().map(TaskRef::id);
        if let (Some(id), Ok(())) = (id, &predicted) {
            self.here().model.tasks[number].id.get_or_insert(id);
        }
        self.sync();
        let expected = self.expected(number, &predicted);
        let right = match (&expected, &came) {
            (Ok(()) | Err(SpawnError::Cancelled), Ok(new)) => {
                self.here().model.tasks[number].id == Some(new.id())
            }
            (Err(expected), Err(RestartError::NotSpawned(error))) => {
                if predicted.is_ok() {
                    self.name_again(at, name, old.expect("it was found"));
                }
                *expected != SpawnError::Cancelled && expected == error
            }
            _ => false,
        };
        self.expect(right, || format!("a restart comes to {came:?}, not {expected:?}"));
        if let Ok(new) = came {
            if self.pick(2) == 1 {
                self.here().refs.push((number, new));
            }
        }
    }

    /// Of a restart that came to nothing the old record has the name.
    pub(crate) fn name_again(&self, at: usize, name: &str, old: Number) {
        let mut here = self.here();
        let listed = here.model.tasks[old].listed;
        if listed && here.model.named(at, name).is_none() {
            here.model.registries[at].names.insert(name.into(), old);
        }
    }
}
