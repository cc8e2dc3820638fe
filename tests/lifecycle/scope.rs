//! Scopes: tasks that are cancelled and awaited together.

mod cancel;
mod members;

pub(crate) use self::{cancel::*, members::*};

use task_registry::mode::Mode;
use task_registry::{Registry, Scope, TaskRef};

use crate::harness::*;
use crate::kit::*;

/// As `hold`, within a scope.
async fn hold_in<S: Runs<M>, M: Mode>(
    registry: &Registry<S, M>,
    scope: &Scope<M>,
    name: &'static str,
) -> Held<M> {
    let (started, finish, dropped) = (Gate::default(), Gate::default(), Flag::default());
    let future = body({
        let (started, finish, guard) = (started.clone(), finish.clone(), dropped.on_drop());
        async move {
            let _guard = guard;
            started.open();
            finish.pass().await;
        }
    });
    let task = registry.task(name).within(scope).spawn(future).expect("the name is free");
    started.pass().await;
    Held { task, finish, dropped }
}

fn names<M: Mode>(tasks: &[TaskRef<M>]) -> Vec<String> {
    let mut names: Vec<_> =
        tasks.iter().map(|task| task.name().unwrap_or("(unnamed)").to_owned()).collect();
    names.sort();
    names
}
