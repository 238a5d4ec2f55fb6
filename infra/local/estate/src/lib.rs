//! The estate: real database servers behind AWS's RDS and ElastiCache APIs, for tests and the demo only.
//!
//! ```text
//! estate --port 0 --control-port 0 --root DIR --ready-file FILE [--upstream URL] [--events URL] [--config FILE.json]
//! ```
//!
//! | part | does |
//! |---|---|
//! | [`api`] | speaks the Query protocol of RDS and ElastiCache (form in, XML out) for the actions that the model knows; hands the rest to `--upstream` (moto) unchanged |
//! | [`control`] | JSON for the demo and for tests: accidents, faults, the log of calls |
//! | [`driver`] | lets time pass in the model, carries out its effects on real servers, publishes its events to `--events` (ministack), and what ElastiCache tells topics |
//! | [`engine`] | PostgreSQL, MariaDB and Redis servers |
//!
//! How AWS behaves is not here: that is `lifeboat_testing::model`. The estate listens on 127.0.0.1 only, and never outlives its parent.
//!
//! # The control API
//!
//! | request | body | |
//! |---|---|---|
//! | `GET /healthz` | | `{"status":"ok"}` |
//! | `POST /accidents` | `{"instance":"orders-db","kind":"instance_failure"}` | [`control::Accident`]; `"cluster"` or `"cache"` instead of `"instance"` where it happens to a DB cluster or a replication group |
//! | `POST /faults` | one [`lifeboat_testing::model::Fault`] or a list | adds to those there are |
//! | `DELETE /faults` | | removes all |
//! | `POST /closed-groups` | `{"groups":["sg-fence"]}` | which security groups let nobody in |
//! | `POST /prober-groups` | `{"groups":["sg-quarantine"]}` | which let in only `validate` |
//! | `GET /calls` | | every mutating call; with `?effective=true` those that changed the world |
//! | `GET /instances` | | every instance as it truly is, members of DB clusters too |
//! | `GET /clusters` | | every DB cluster as it truly is |
//! | `GET /caches` | | every replication group as it truly is |
//! | `GET /notices` | | all that ElastiCache told topics so far |
//! | `GET /events` | | every event published so far |

//!
//! # The configuration
//!
//! `--config` names a JSON file with whatever differs from the preset; all that it may say is [`lifeboat_testing::model::Settings`].
//! Durations are seconds. `"faults"` is a list of [`lifeboat_testing::model::Fault`]s.
//!
//! ```json
//! {
//!   "preset": "short",
//!   "region": "us-east-1",
//!   "durations": { "restoring": 8, "failover": 4.5 },
//!   "closed_groups": ["sg-lifeboat-fence"],
//!   "prober_groups": ["sg-lifeboat-quarantine"],
//!   "subnet_groups": { "orders-private": { "vpc_id": "vpc-orders", "subnets": ["subnet-a", "subnet-b"] } },
//!   "faults": [{ "action": "CreateDBSnapshot", "when": { "nth": 1 }, "kind": "reply_lost" }]
//! }
//! ```

pub mod api;
pub mod control;
pub mod driver;
pub mod engine;
pub mod http;
pub mod options;
mod publish;
#[cfg(test)]
mod tests;
pub mod world;
