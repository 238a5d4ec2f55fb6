//! The model with data in memory: a whole small cloud for tests, whose time the test moves.

use chrono::{DateTime, Duration, Utc};

use crate::data::{DataPlane, MemoryData};
use crate::model::{Action, CallError, Event, Model, Settings};

/// A [`Model`] whose effects a [`DataPlane`] carries out at once.
#[derive(Debug)]
pub struct InMemory<D = MemoryData> {
    /// The control plane.
    pub model: Model,
    /// The data plane.
    pub data: D,
    now: DateTime<Utc>,
}

impl InMemory {
    /// An empty account at this time.
    pub fn new(settings: Settings, now: DateTime<Utc>) -> Self {
        Self::with_data(settings, MemoryData::default(), now)
    }
}

impl<D: DataPlane> InMemory<D> {
    /// An empty account with data of another kind.
    pub fn with_data(settings: Settings, data: D, now: DateTime<Utc>) -> Self {
        Self { model: Model::new(settings), data, now }
    }

    /// What time it is there.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Makes a call now and carries out what it asks of the servers.
    ///
    /// # Errors
    /// AWS's refusal, or no answer at all.
    pub fn call<A: Action>(&mut self, action: &A) -> Result<A::Output, CallError> {
        self.settle();
        let result = self.model.call(action, self.now);
        self.settle();
        result
    }

    /// Lets something happen now, for example an accident, and carries out what it asks of the servers.
    pub fn happen<R>(&mut self, accident: impl FnOnce(&mut Model, DateTime<Utc>) -> R) -> R {
        self.settle();
        let result = accident(&mut self.model, self.now);
        self.settle();
        result
    }

    /// Lets time pass. Whatever happens in between happens at its own time.
    pub fn advance(&mut self, by: Duration) {
        self.advance_to(self.now + by);
    }

    /// Lets time pass until `then`; never backwards.
    pub fn advance_to(&mut self, then: DateTime<Utc>) {
        self.settle();
        while let Some(due) = self.model.next_due().filter(|due| *due <= then) {
            self.now = self.now.max(due);
            self.settle();
        }
        self.now = self.now.max(then);
        self.settle();
    }

    /// The events published since the last time.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.model.take_events()
    }

    fn settle(&mut self) {
        self.model.tick(self.now);
        loop {
            let effects = self.model.take_effects();
            if effects.is_empty() {
                return;
            }
            for (id, effect) in effects {
                let outcome = self.data.carry_out(self.now, &effect);
                self.model.effect_done(self.now, id, outcome);
            }
        }
    }
}
