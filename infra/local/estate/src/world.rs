//! What the listeners and the driver share: the model, and the only clock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SubsecRound, Utc};
use lifeboat_testing::model::{CacheNotice, Event, Model};
use tokio::sync::Notify;

/// The model of the estate, with what was published so far.
#[derive(Debug)]
pub struct World {
    model: Mutex<Model>,
    published: Mutex<Vec<Event>>,
    noticed: Mutex<Vec<CacheNotice>>,
    /// Wakes the driver before its time.
    pub changed: Notify,
}

impl World {
    /// A world around this model.
    pub fn new(model: Model) -> Self {
        Self { model: Mutex::new(model), published: Mutex::default(), noticed: Mutex::default(), changed: Notify::new() }
    }

    /// Does something with the model now, and wakes the driver.
    pub fn with<R>(&self, act: impl FnOnce(&mut Model, DateTime<Utc>) -> R) -> R {
        let result = act(&mut lock(&self.model), now());
        self.changed.notify_one();
        result
    }

    /// The same without waking the driver: for the driver.
    pub(crate) fn quietly<R>(&self, act: impl FnOnce(&mut Model, DateTime<Utc>) -> R) -> R {
        act(&mut lock(&self.model), now())
    }

    pub(crate) fn remember(&self, events: &[Event]) {
        lock(&self.published).extend_from_slice(events);
    }

    pub(crate) fn remember_notices(&self, notices: &[CacheNotice]) {
        lock(&self.noticed).extend_from_slice(notices);
    }

    /// What topics were told so far.
    pub fn noticed(&self) -> Vec<CacheNotice> {
        lock(&self.noticed).clone()
    }

    /// The events published so far.
    pub fn published(&self) -> Vec<Event> {
        lock(&self.published).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time, to the millisecond as AWS tells it.
pub fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "the estate is an edge, and its clock is the real one")]
    Utc::now().trunc_subsecs(3)
}
