//! The control API: JSON for the demo and for tests. It is not AWS's and meets no fault.

use std::sync::Arc;

use hyper::body::Bytes;
use hyper::{Method, Request, Response, StatusCode};
use lifeboat_testing::model::{ApiError, Fault, Model};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::{self, NoAnswer};
use crate::world::World;

/// Something that breaks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accident {
    /// The identifier of the instance (of the snapshot for [`AccidentKind::SnapshotStatus`]).
    #[serde(default)]
    pub instance: Option<String>,
    /// The identifier of the DB cluster, where it happens to one.
    #[serde(default)]
    pub cluster: Option<String>,
    /// The identifier of the replication group, where it happens to one.
    #[serde(default)]
    pub cache: Option<String>,
    /// What happens to it.
    pub kind: AccidentKind,
    /// For `stuck`, `set_status` and `snapshot_status`.
    #[serde(default)]
    pub status: Option<String>,
    /// For `deletion`: whether its automated backups survive. AWS's default is that they do not.
    #[serde(default)]
    pub keep_backups: bool,
}

/// What happens.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccidentKind {
    /// AWS gives up on it: `failed`. The host of a cluster's writer, or of a cache's primary, is lost, and AWS fails over if it can.
    InstanceFailure,
    /// AWS gives up on a cluster and all its members, or on a cache and all its nodes.
    ClusterFailure,
    /// AWS replaces the primary of a cache by an empty one, at once and behind the same addresses; its replicas follow it.
    NodeReplaced,
    /// The host of a writer for which nobody took over is there again.
    WriterReturns,
    /// Its volume is full; RDS shuts it down until the volume has grown.
    StorageFull,
    /// Its zone goes dark, or that of a cluster's writer.
    AzOutage,
    /// Its zone is back.
    AzRestored,
    /// It accepts connections and never answers; of a cluster, its writer.
    #[serde(alias = "hang")]
    Hung,
    /// The end of `hung`.
    Resume,
    /// Somebody deletes it.
    Deletion,
    /// Its status stays as given.
    Stuck,
    /// The end of `stuck`.
    Unstick,
    /// Its status becomes as given.
    SetStatus,
    /// The status of a snapshot becomes as given.
    SnapshotStatus,
    /// A read replica gets nothing more from its source, and lags more and more.
    StopStreaming,
    /// The same, and RDS reports its replication as given.
    BreakReplication,
}

/// One or many.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Groups {
    groups: Vec<String>,
}

/// The control API over one world.
#[derive(Debug, Clone)]
pub struct Control {
    /// The world.
    pub world: Arc<World>,
}

impl Control {
    /// Answers one request.
    ///
    /// # Errors
    /// Never: everything is answered.
    pub async fn answer(self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let result = self.route(&request);
        Ok(match result {
            Ok(value) => respond(StatusCode::OK, &value),
            Err((status, sentence)) => respond(status, &json!({ "error": sentence })),
        })
    }

    fn route(&self, request: &Request<Bytes>) -> Result<Value, (StatusCode, String)> {
        let body = request.body();
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/healthz") => Ok(json!({ "status": "ok" })),
            (&Method::GET, "/instances") => self.world.with(|model, now| shown(&model.instances(now))),
            (&Method::GET, "/clusters") => self.world.with(|model, now| shown(&model.clusters(now))),
            (&Method::GET, "/caches") => self.world.with(|model, _| shown(&model.caches())),
            (&Method::GET, "/notices") => shown(&self.world.noticed()),
            (&Method::GET, "/events") => shown(&self.world.published()),
            (&Method::GET, "/calls") => {
                let effective = request.uri().query().is_some_and(|query| query.contains("effective=true"));
                self.world.with(|model, _| match effective {
                    true => shown(&model.effective_calls().collect::<Vec<_>>()),
                    false => shown(&model.calls()),
                })
            }
            (&Method::POST, "/accidents") => {
                let accident: Accident = read(body)?;
                self.world.with(|model, now| happen(model, &accident, now)).map_err(|error| {
                    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
                    (status, error.to_string())
                })?;
                tracing::info!(?accident, "an accident");
                Ok(json!({ "status": "ok" }))
            }
            (&Method::POST, "/faults") => {
                let faults = match read::<OneOrMany<Fault>>(body)? {
                    OneOrMany::One(fault) => vec![fault],
                    OneOrMany::Many(faults) => faults,
                };
                self.world.with(|model, _| faults.into_iter().for_each(|fault| model.add_fault(fault)));
                Ok(json!({ "status": "ok" }))
            }
            (&Method::DELETE, "/faults") => {
                self.world.with(|model, _| model.clear_faults());
                Ok(json!({ "status": "ok" }))
            }
            (&Method::POST, "/closed-groups") => {
                let Groups { groups } = read(body)?;
                self.world.with(|model, _| model.set_closed_groups(groups));
                Ok(json!({ "status": "ok" }))
            }
            (&Method::POST, "/prober-groups") => {
                let Groups { groups } = read(body)?;
                self.world.with(|model, _| model.set_prober_groups(groups));
                Ok(json!({ "status": "ok" }))
            }
            (method, path) => Err((StatusCode::NOT_FOUND, format!("the control API has no {method} {path}"))),
        }
    }
}

type Moment = chrono::DateTime<chrono::Utc>;

fn happen(model: &mut Model, accident: &Accident, now: Moment) -> Result<(), ApiError> {
    match (&accident.instance, &accident.cluster, &accident.cache) {
        (Some(instance), None, None) => happen_to_instance(model, instance, accident, now),
        (None, Some(cluster), None) => happen_to_cluster(model, cluster, accident, now),
        (None, None, Some(cache)) => happen_to_cache(model, cache, accident, now),
        _ => Err(ApiError::new("MissingParameter", "an accident happens either to an instance, to a cluster, or to a cache")),
    }
}

fn status(accident: &Accident) -> Result<&str, ApiError> {
    accident.status.as_deref().ok_or_else(|| ApiError::new("MissingParameter", "this accident needs a status"))
}

fn happen_to_cluster(model: &mut Model, name: &str, accident: &Accident, now: Moment) -> Result<(), ApiError> {
    match accident.kind {
        AccidentKind::InstanceFailure => model.lose_writer(name, now),
        AccidentKind::WriterReturns => model.writer_returns(name, now),
        AccidentKind::ClusterFailure => model.fail_cluster(name, accident.status.as_deref().unwrap_or("failed"), now),
        AccidentKind::AzOutage => model.writer_zone_outage(name, now),
        AccidentKind::AzRestored => {
            model.zones_restored(now);
            Ok(())
        }
        AccidentKind::Hung => model.hang_cluster(name, now),
        AccidentKind::Resume => model.wake_cluster(name, now),
        AccidentKind::Deletion => model.delete_cluster_behind_back(name, accident.keep_backups, now),
        AccidentKind::Stuck => model.stuck_cluster(name, status(accident)?, now),
        AccidentKind::Unstick => model.unstick_cluster(name, now),
        AccidentKind::NodeReplaced
        | AccidentKind::StorageFull
        | AccidentKind::SetStatus
        | AccidentKind::SnapshotStatus
        | AccidentKind::StopStreaming
        | AccidentKind::BreakReplication => Err(ApiError::new("InvalidParameterCombination", "this accident happens to instances only")),
    }
}

/// To the primary of its first shard, or to all of it.
fn happen_to_cache(model: &mut Model, name: &str, accident: &Accident, now: Moment) -> Result<(), ApiError> {
    match accident.kind {
        AccidentKind::InstanceFailure | AccidentKind::AzOutage => model.lose_primary(name, now),
        AccidentKind::ClusterFailure => model.fail_cache(name),
        AccidentKind::NodeReplaced => model.replace_primary(name, now),
        AccidentKind::Hung => model.hang_primary(name, now),
        AccidentKind::Resume => model.wake_cache(name),
        AccidentKind::Deletion => model.delete_cache_behind_back(name, now),
        other => Err(ApiError::new("InvalidParameterCombination", format!("{other:?} does not happen to a cache"))),
    }
}

fn happen_to_instance(model: &mut Model, name: &str, accident: &Accident, now: Moment) -> Result<(), ApiError> {
    let status = || status(accident);
    match accident.kind {
        AccidentKind::ClusterFailure | AccidentKind::WriterReturns => {
            Err(ApiError::new("InvalidParameterCombination", "this accident happens to clusters only"))
        }
        AccidentKind::NodeReplaced => Err(ApiError::new("InvalidParameterCombination", "this accident happens to caches only")),
        AccidentKind::InstanceFailure => model.fail_instance(name, now),
        AccidentKind::StorageFull => model.storage_full(name, now),
        AccidentKind::AzOutage => model.az_outage(name, now),
        AccidentKind::AzRestored => model.az_restored(name, now),
        AccidentKind::Hung => model.hang(name, now),
        AccidentKind::Resume => model.resume(name, now),
        AccidentKind::Deletion => model.delete_behind_back(name, accident.keep_backups, now),
        AccidentKind::Stuck => model.stuck(name, status()?, now),
        AccidentKind::Unstick => model.unstick(name, now),
        AccidentKind::SetStatus => model.set_status(name, status()?, now),
        AccidentKind::StopStreaming => model.stop_streaming(name, now),
        AccidentKind::BreakReplication => {
            model.stop_streaming(name, now)?;
            model.break_replication(name, status()?, now)
        }
        AccidentKind::SnapshotStatus => model.set_snapshot_status(name, status()?),
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

fn shown(value: &impl Serialize) -> Result<Value, (StatusCode, String)> {
    serde_json::to_value(value).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

fn respond(status: StatusCode, value: &Value) -> Response<Bytes> {
    http::response(status, "application/json", value.to_string())
}
