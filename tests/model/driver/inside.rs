//! What a task has of itself, and what guards it: shields, its context, guards.

use std::future::Future;

use super::Tested;
use super::held::Kind;
use super::model::Urgency;
use super::ops::ended;
use super::world::{Raised, World};

impl<M: Tested> World<M> {
    pub(crate) fn shield(&self) {
        let raised = self.here().shields.len();
        if raised > 0 && self.pick(2) == 1 {
            let at = self.pick(raised);
            let mut shield = self.here().shields.swap_remove(at);
            if self.pick(2) == 1 && shield.up {
                let open = self.here().gates[shield.gate].open;
                let (_, waker) = self.alarm();
                if open {
                    self.lower(&mut shield);
                }
                let mut cx = std::task::Context::from_waker(&waker);
                let polled = shield.shield.as_mut().poll(&mut cx);
                self.expect(polled.is_ready() == open, || "law 5: a shield".into());
                if !open {
                    self.here().shields.push(shield);
                }
                return;
            }
            self.lower(&mut shield);
            drop(shield);
            return;
        }
        let with: Vec<_> = self.here().contexts.keys().copied().collect();
        if with.is_empty() {
            return;
        }
        let task = with[self.pick(with.len())];
        let gate = self.gate(None);
        let number = gate.number;
        let shield = self.here().contexts[&task].shield(gate);
        let mut shield = Raised { task, up: true, gate: number, shield: Box::pin(shield) };
        self.log(|| format!("shield over {task}"));
        self.here().model.tasks[task].shields += 1;
        let (_, waker) = self.alarm();
        let polled = shield.shield.as_mut().poll(&mut std::task::Context::from_waker(&waker));
        self.expect(polled.is_pending(), || "its gate is shut".into());
        self.here().shields.push(shield);
    }

    pub(crate) fn lower(&self, shield: &mut Raised<M>) {
        if std::mem::take(&mut shield.up) {
            self.log(|| format!("no shield over {}", shield.task));
            self.here().model.tasks[shield.task].shields -= 1;
        }
    }

    pub(crate) fn context(&self) {
        let with: Vec<_> = self.here().contexts.keys().copied().collect();
        if with.is_empty() {
            return;
        }
        let number = with[self.pick(with.len())];
        let cx = self.here().contexts[&number].clone();
        if self.pick(2) == 1 {
            let task = self.here().model.tasks[number].clone();
            let (asked, reason) = (task.asked, task.reason);
            let seen = (cx.is_cancelled(), cx.cancel_reason().map(|text| text.to_string()));
            return self.expect(seen == (asked, reason), || format!("{seen:?} of {number}"));
        }
        if self.pick(3) == 1 {
            self.log(|| format!("{number} is to wake somebody when it is asked to stop"));
            let (alarm, waker) = self.alarm();
            self.here().hooks.push((number, alarm));
            return cx.wake_on_cancel(waker);
        }
        {
            let mut here = self.here();
            let task = &mut here.model.tasks[number];
            task.ready = task.ready || !task.is_decided();
        }
        self.log(|| format!("{number} is ready"));
        cx.ready();
    }

    pub(crate) fn guard(&self) {
        let guards = self.here().guards.len();
        if guards > 0 && self.pick(2) == 1 {
            let at = self.pick(guards);
            let (number, guard) = self.here().guards.swap_remove(at);
            match self.pick(3) {
                0 => {
                    self.log(|| format!("guard of {number} is dropped"));
                    self.here().model.ask(number, None, Urgency::Own);
                    drop(guard);
                }
                1 => {
                    self.here().model.ask(number, Some("one".into()), Urgency::Own);
                    let stopping = guard.stop_with("one");
                    self.hold(Kind::End(number), ended(stopping));
                }
                _ => drop(guard.disarm()),
            }
            return;
        }
        let Some((number, task)) = self.pick_task() else { return };
        self.here().guards.push((number, task.drop_guard()));
    }
}
