//! What goes, with all that depends on it.

use super::Tested;
use super::held::Kind;
use super::world::World;

impl<M: Tested> World<M> {
    pub(crate) fn drop_some_job(&self) {
        let jobs = self.here().jobs.len();
        if jobs > 0 && self.pick(3) == 1 {
            let at = self.pick(jobs);
            self.drop_job(at);
        }
    }

    pub(crate) fn drop_executor(&self) {
        let executors = self.here().executors.len();
        let executor = self.pick(executors);
        self.close_executor(executor);
    }

    pub(crate) fn close_executor(&self, executor: usize) {
        self.log(|| format!("executor {executor} is gone"));
        self.here().executors[executor] = false;
        let tasks: Vec<_> = {
            let here = self.here();
            let jobs = here.jobs.iter().filter(|job| job.executor == executor);
            jobs.map(|job| job.task).collect()
        };
        for task in tasks {
            let at = self.here().jobs.iter().position(|job| job.task == task);
            if let Some(at) = at {
                self.drop_job(at);
            }
        }
    }

    pub(crate) fn drop_registry(&self) {
        let at = self.pick_registry();
        self.close_registry(at);
    }

    pub(crate) fn close_registry(&self, at: usize) {
        // A shutdown in stages asks tasks whenever it is polled, and nobody could tell which.
        let staged = |kind: &Kind| matches!(kind, Kind::Staged(registry, ..) if *registry == at);
        loop {
            let found = self.here().held.iter().position(|held| staged(&held.kind));
            let Some(found) = found else { break };
            if !self.is_tellable(at) {
                return;
            }
            self.drop_held(found);
        }
        self.sync();
        self.log(|| format!("registry {at} is dropped"));
        let gone = {
            let mut here = self.here();
            let mine = |scope: &usize| here.model.scopes[*scope].registry == at;
            let scopes: Vec<_> = (0..here.scopes.len()).filter(mine).collect();
            let scopes: Vec<_> = scopes.into_iter().map(|s| here.scopes[s].take()).collect();
            (here.registries[at].take(), here.readers[at].take(), scopes)
        };
        drop(gone);
    }
}
