//! Faults of the services beside RDS: the model's own kinds, on calls named as IAM names them.

use super::{Cloud, World, mapping};
use crate::model::{ApiError, CallError as Failure, Fault, FaultKind, Silence, When};
use lifeboat_domain::CallError;
use lifeboat_domain::ports::Answer;
use lifeboat_domain::words::ResourceKind;

impl World {
    /// Adds a fault: of RDS by its plain action (`RebootDBInstance`), of another service by IAM's (`dynamodb:GetItem`).
    pub fn add_fault(&mut self, fault: Fault) {
        if fault.action.as_deref().is_some_and(|action| action.contains(':')) {
            self.faults.add(fault);
        } else {
            self.rds.model.add_fault(fault);
        }
    }

    /// Nothing that is asked about all databases of a kind is answered any more.
    pub fn stop_listing(&mut self, kind: ResourceKind) {
        let actions: &[&str] = match kind {
            ResourceKind::RdsInstance => &["DescribeDBInstances", "DescribeDBSnapshots"],
            ResourceKind::DbCluster => &["DescribeDBClusters", "DescribeDBClusterSnapshots"],
            ResourceKind::DynamodbTable => &["GetResources", "ListBackups", "DescribeTable"],
            ResourceKind::ReplicationGroup => &["DescribeReplicationGroups", "DescribeSnapshots"],
        };
        for action in actions {
            let fault = Fault { action: Some((*action).to_owned()), resource: None, when: When::Always, kind: FaultKind::TimeoutBefore };
            self.rds.model.add_fault(fault);
        }
    }

    /// Removes every fault.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
        self.rds.model.clear_faults();
    }
}

impl Cloud {
    /// Carries out one call to a service, unless a fault strikes it first; or carries it out and loses its reply.
    pub(super) fn serve<T>(&self, action: &str, resource: &str, act: impl FnOnce(&mut World) -> Answer<T>) -> Answer<T> {
        let mut world = self.touch();
        let failed = |failure: &Failure| mapping::call_error(action, failure);
        let struck = world.faults.strike(action, resource);
        match struck {
            None => act(&mut world),
            Some(FaultKind::TimeoutBefore) => Err(failed(&Failure::NoReply(Silence::TimedOut))),
            Some(FaultKind::ReplyLost) => act(&mut world).and(Err(failed(&Failure::NoReply(Silence::ConnectionReset)))),
            Some(FaultKind::Throttle) => Err(failed(&Failure::Refused(ApiError::new("ThrottlingException", "Rate exceeded")))),
            Some(FaultKind::ServiceError) => {
                Err(failed(&Failure::Refused(ApiError::new("InternalServerError", "An internal error occurred"))))
            }
            Some(FaultKind::Refused { code, message }) => Err(failed(&Failure::Refused(ApiError::new(&code, message)))),
        }
    }
}

/// A refusal that the service itself would answer.
pub(super) fn refusal(action: &str, code: &str, message: impl Into<String>) -> CallError {
    mapping::call_error(action, &Failure::Refused(ApiError::new(code, message)))
}
