//! `DBInstanceStatus` and the `Status` of a cluster: AWS's words, parsed once into what they mean for a recovery.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a status means, whatever its wording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusMeaning {
    /// Serving; a snapshot may be taken.
    Serving,
    /// Serving, but most calls are refused for the moment.
    ServingBusy,
    /// On its way to another status.
    Transitional,
    /// Stopped or stopping, usually on purpose.
    Off,
    /// Storage exhausted.
    StorageFull,
    /// The parameter or option group keeps it down.
    BadParameters,
    /// Subnets or interfaces keep it down.
    BadNetwork,
    /// The KMS key is unreachable; comes back within 7 days if the key does.
    KeyLost,
    /// RDS cannot recover it.
    Terminal,
    /// A creation or restore that failed.
    FailedCreation,
    /// Being deleted.
    Deleting,
    /// Not a status that we know.
    Unknown,
}

/// A cluster whose volume is there and which nobody can connect to: a word of ours, as RDS calls such a cluster `available`. It stays so
/// until somebody gives it an instance; of a copy that is us.
const WITHOUT_INSTANCES: &str = "without-instances";

/// Every status of the RDS user guide, and of a DynamoDB table, with its meaning.
const STATUSES: &[(&str, StatusMeaning)] = &[
    ("available", StatusMeaning::Serving),
    ("storage-optimization", StatusMeaning::Serving),
    ("backing-up", StatusMeaning::ServingBusy),
    ("configuring-enhanced-monitoring", StatusMeaning::ServingBusy),
    ("configuring-iam-database-auth", StatusMeaning::ServingBusy),
    ("configuring-log-exports", StatusMeaning::ServingBusy),
    ("creating", StatusMeaning::Transitional),
    ("modifying", StatusMeaning::Transitional),
    ("rebooting", StatusMeaning::Transitional),
    ("renaming", StatusMeaning::Transitional),
    ("resetting-master-credentials", StatusMeaning::Transitional),
    ("starting", StatusMeaning::Transitional),
    ("upgrading", StatusMeaning::Transitional),
    ("maintenance", StatusMeaning::Transitional),
    ("converting-to-vpc", StatusMeaning::Transitional),
    ("moving-to-vpc", StatusMeaning::Transitional),
    ("storage-config-upgrade", StatusMeaning::Transitional),
    ("storage-initialization", StatusMeaning::Transitional),
    ("backtracking", StatusMeaning::Transitional),
    ("stopping", StatusMeaning::Off),
    ("stopped", StatusMeaning::Off),
    ("delete-precheck", StatusMeaning::Deleting),
    ("deleting", StatusMeaning::Deleting),
    ("storage-full", StatusMeaning::StorageFull),
    ("incompatible-parameters", StatusMeaning::BadParameters),
    ("incompatible-option-group", StatusMeaning::BadParameters),
    ("incompatible-network", StatusMeaning::BadNetwork),
    ("inaccessible-encryption-credentials-recoverable", StatusMeaning::KeyLost),
    ("inaccessible-encryption-credentials", StatusMeaning::Terminal),
    ("failed", StatusMeaning::Terminal),
    ("insufficient-capacity", StatusMeaning::FailedCreation),
    ("incompatible-create", StatusMeaning::FailedCreation),
    ("incompatible-restore", StatusMeaning::FailedCreation),
    ("restore-error", StatusMeaning::FailedCreation),
    // Of clusters only.
    ("failing-over", StatusMeaning::Transitional),
    (WITHOUT_INSTANCES, StatusMeaning::Transitional),
    ("migrating", StatusMeaning::Transitional),
    ("promoting", StatusMeaning::Transitional),
    ("update-iam-db-auth", StatusMeaning::ServingBusy),
    ("cloning-failed", StatusMeaning::FailedCreation),
    ("migration-failed", StatusMeaning::FailedCreation),
    // TableStatus of DynamoDB (fact sheet 2.4). A table whose key is lost for seven days is archived: it comes back from its backup only.
    ("ACTIVE", StatusMeaning::Serving),
    ("UPDATING", StatusMeaning::ServingBusy),
    ("REPLICATION_NOT_AUTHORIZED", StatusMeaning::ServingBusy),
    ("CREATING", StatusMeaning::Transitional),
    ("DELETING", StatusMeaning::Deleting),
    ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", StatusMeaning::KeyLost),
    ("ARCHIVING", StatusMeaning::Terminal),
    ("ARCHIVED", StatusMeaning::Terminal),
    // Of replication groups and their nodes only.
    ("snapshotting", StatusMeaning::ServingBusy),
    ("rebooting cluster nodes", StatusMeaning::Transitional),
    ("create-failed", StatusMeaning::FailedCreation),
    ("restore-failed", StatusMeaning::FailedCreation),
    ("deleted", StatusMeaning::Deleting),
];

/// A status as AWS wrote it, with its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct DatabaseStatus(String);

impl DatabaseStatus {
    /// Takes AWS's word.
    pub fn new(word: impl Into<String>) -> Self {
        Self(word.into())
    }

    /// What it means.
    pub fn meaning(&self) -> StatusMeaning {
        STATUSES.iter().find(|(word, _)| *word == self.0).map_or(StatusMeaning::Unknown, |(_, meaning)| *meaning)
    }

    /// Whether RDS says that it serves (which does not prove that it answers).
    pub fn is_serving(&self) -> bool {
        matches!(self.meaning(), StatusMeaning::Serving | StatusMeaning::ServingBusy)
    }

    /// Whether `ModifyDBInstance`, a reboot or a snapshot is accepted now.
    pub fn accepts_calls(&self) -> bool {
        self.meaning() == StatusMeaning::Serving
    }

    /// Of a cluster that RDS calls available, and that has nobody to serve.
    pub fn of_no_instances() -> Self {
        Self::new(WITHOUT_INSTANCES)
    }

    /// Whether it is a cluster that has nobody to serve.
    pub fn lacks_instances(&self) -> bool {
        self.0 == WITHOUT_INSTANCES
    }

    /// Whether it is being rebooted at this moment.
    pub fn is_rebooting(&self) -> bool {
        self.0 == "rebooting"
    }

    /// Whether its master password is being set at this moment.
    pub fn is_resetting_password(&self) -> bool {
        self.0 == "resetting-master-credentials"
    }

    /// Whether it was made, but will never run, because its class was not to be had.
    pub fn lacks_capacity(&self) -> bool {
        self.0 == "insufficient-capacity"
    }

    /// Whether it is lost with its key.
    pub fn is_lost_with_its_key(&self) -> bool {
        matches!(self.0.as_str(), "inaccessible-encryption-credentials" | "ARCHIVING" | "ARCHIVED")
    }

    /// AWS's word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for DatabaseStatus {
    fn from(word: String) -> Self {
        Self(word)
    }
}

impl From<DatabaseStatus> for String {
    fn from(status: DatabaseStatus) -> Self {
        status.0
    }
}

impl fmt::Display for DatabaseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
