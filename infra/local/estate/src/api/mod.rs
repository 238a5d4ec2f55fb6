//! The Query APIs of RDS and ElastiCache: `POST /` with a form, XML back.

mod caches;
mod clusters;
mod decode;
mod form;
mod xml;

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{CONNECTION, TRANSFER_ENCODING};
use hyper::{Request, Response, StatusCode};
use lifeboat_testing::model::{
    Action, AddTagsToResource, ApiError, CallError, CreateDbCluster, CreateDbClusterMember, CreateDbClusterSnapshot, CreateDbInstance,
    CreateDbInstanceReadReplica, CreateDbSnapshot, DeleteDbCluster, DeleteDbClusterSnapshot, DeleteDbInstance, DeleteDbSnapshot,
    DescribeAccountAttributes, DescribeDbClusterAutomatedBackups, DescribeDbClusterSnapshots, DescribeDbClusters,
    DescribeDbInstanceAutomatedBackups, DescribeDbInstances, DescribeDbSnapshots, EnableHttpEndpoint, FailoverDbCluster,
    ListTagsForResource, ModifyDbCluster, ModifyDbInstance, PromoteReadReplica, RebootDbInstance, RemoveTagsFromResource,
    RestoreDbClusterFromSnapshot, RestoreDbClusterToPointInTime, RestoreDbInstanceFromDbSnapshot, RestoreDbInstanceToPointInTime, Silence,
    StartDbInstance, StopDbInstance,
};

use crate::http::{self, NoAnswer};
use crate::world::World;
use decode::Decode;
use form::Form;

/// How long a call that is never answered is kept waiting; its caller gives up long before.
const SILENCE: Duration = Duration::from_secs(300);

/// The RDS API over one world.
#[derive(Debug, Clone)]
pub struct Api {
    /// The world.
    pub world: Arc<World>,
    /// Who answers what the model does not know.
    pub upstream: Option<Arc<str>>,
}

impl Api {
    /// Answers one request.
    ///
    /// # Errors
    /// No answer, as a fault wants it.
    pub async fn answer(self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let form = Form::parse(request.body(), request.uri().query());
        let action = form.action().to_owned();
        match self.dispatch(&action, form) {
            Reply::Answer(response) => Ok(response),
            Reply::NotOurs => Ok(self.forward(&action, request).await),
            Reply::Nothing(Silence::ConnectionReset) => Err(NoAnswer),
            Reply::Nothing(Silence::TimedOut) => {
                tokio::time::sleep(SILENCE).await;
                Err(NoAnswer)
            }
        }
    }

    fn dispatch(&self, action: &str, form: Form) -> Reply {
        if caches::is_ours(&form) {
            return caches::dispatch(self, action, form);
        }
        if form.names_foreign_resource() {
            return Reply::NotOurs;
        }
        match action {
            CreateDbClusterMember::NAME if form.has(clusters::CLUSTER) => self.call::<CreateDbClusterMember>(form),
            CreateDbCluster::NAME => self.call::<CreateDbCluster>(form),
            DescribeDbClusters::NAME => self.call::<DescribeDbClusters>(form),
            ModifyDbCluster::NAME => self.call::<ModifyDbCluster>(form),
            FailoverDbCluster::NAME => self.call::<FailoverDbCluster>(form),
            EnableHttpEndpoint::NAME => self.call::<EnableHttpEndpoint>(form),
            DeleteDbCluster::NAME => self.call::<DeleteDbCluster>(form),
            CreateDbClusterSnapshot::NAME => self.call::<CreateDbClusterSnapshot>(form),
            DescribeDbClusterSnapshots::NAME => self.call::<DescribeDbClusterSnapshots>(form),
            DeleteDbClusterSnapshot::NAME => self.call::<DeleteDbClusterSnapshot>(form),
            RestoreDbClusterFromSnapshot::NAME => self.call::<RestoreDbClusterFromSnapshot>(form),
            RestoreDbClusterToPointInTime::NAME => self.call::<RestoreDbClusterToPointInTime>(form),
            DescribeDbClusterAutomatedBackups::NAME => self.call::<DescribeDbClusterAutomatedBackups>(form),
            CreateDbInstance::NAME => self.call::<CreateDbInstance>(form),
            DescribeDbInstances::NAME => self.call::<DescribeDbInstances>(form),
            ModifyDbInstance::NAME => self.call::<ModifyDbInstance>(form),
            RebootDbInstance::NAME => self.call::<RebootDbInstance>(form),
            DeleteDbInstance::NAME => self.call::<DeleteDbInstance>(form),
            CreateDbInstanceReadReplica::NAME => self.call::<CreateDbInstanceReadReplica>(form),
            PromoteReadReplica::NAME => self.call::<PromoteReadReplica>(form),
            StartDbInstance::NAME => self.call::<StartDbInstance>(form),
            StopDbInstance::NAME => self.call::<StopDbInstance>(form),
            CreateDbSnapshot::NAME => self.call::<CreateDbSnapshot>(form),
            DescribeDbSnapshots::NAME => self.call::<DescribeDbSnapshots>(form),
            DeleteDbSnapshot::NAME => self.call::<DeleteDbSnapshot>(form),
            RestoreDbInstanceFromDbSnapshot::NAME => self.call::<RestoreDbInstanceFromDbSnapshot>(form),
            RestoreDbInstanceToPointInTime::NAME => self.call::<RestoreDbInstanceToPointInTime>(form),
            DescribeDbInstanceAutomatedBackups::NAME => self.call::<DescribeDbInstanceAutomatedBackups>(form),
            DescribeAccountAttributes::NAME => self.call::<DescribeAccountAttributes>(form),
            AddTagsToResource::NAME => self.call::<AddTagsToResource>(form),
            RemoveTagsFromResource::NAME => self.call::<RemoveTagsFromResource>(form),
            ListTagsForResource::NAME => self.call::<ListTagsForResource>(form),
            _ => Reply::NotOurs,
        }
    }

    fn call<A: Action + Decode>(&self, mut form: Form) -> Reply {
        let request = match A::decode(&mut form).and_then(|request| form.finish().map(|()| request)) {
            Ok(request) => request,
            Err(error) => return Reply::Answer(refusal(&error)),
        };
        let of_caches = caches::is_ours(&form);
        match self.world.with(|model, now| model.call(&request, now)) {
            Ok(output) if of_caches => {
                let text = xml::result(caches::NAMESPACE, A::NAME, A::RESULT, &caches::shaped(&output));
                Reply::Answer(http::response(StatusCode::OK, "text/xml", text))
            }
            Ok(output) => Reply::Answer(http::response(StatusCode::OK, "text/xml", xml::result(xml::RDS, A::NAME, A::RESULT, &output))),
            Err(CallError::Refused(error)) => Reply::Answer(refusal(&error)),
            Err(CallError::NoReply(silence)) => Reply::Nothing(silence),
        }
    }

    async fn forward(&self, action: &str, mut request: Request<Bytes>) -> Response<Bytes> {
        let Some(upstream) = &self.upstream else {
            return refusal(&ApiError::new("InvalidAction", format!("The estate does not know the action {action} and has no upstream.")));
        };
        request.headers_mut().remove(CONNECTION);
        match http::send(upstream, request).await {
            Ok(mut response) => {
                response.headers_mut().remove(CONNECTION);
                // The body is whole now.
                response.headers_mut().remove(TRANSFER_ENCODING);
                response
            }
            Err(error) => {
                tracing::warn!(%error, action, "upstream does not answer");
                let message = format!("upstream does not answer {action}: {error}");
                refusal(&ApiError { code: "ServiceUnavailable".to_owned(), message, status: 503 })
            }
        }
    }
}

enum Reply {
    Answer(Response<Bytes>),
    Nothing(Silence),
    NotOurs,
}

fn refusal(error: &ApiError) -> Response<Bytes> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    http::response(status, "text/xml", xml::error(error))
}
