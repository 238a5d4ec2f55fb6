//! The closed vocabularies of Lifeboat: what can go wrong, who may act, and how sure we are.

/// A point in time, always UTC; the one time type of the project.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Writes a timestamp the way every message and document shows it, for example `2026-01-15T10:25:00Z`.
pub fn show_time(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Reads what a person wrote in `field`: a date and a time with its zone.
pub fn parse_time(field: &str, text: &str) -> Result<Timestamp, crate::DrError> {
    chrono::DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .map_err(|_| crate::DrError::invalid(field, format!("{text:?}"), "a date and time with its zone, such as 2026-01-15T10:25:00Z"))
}

/// Declares a closed enum whose JSON spelling, `Display` and `ALL` list come from one place.
macro_rules! closed_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vmeta])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every value, in the order of its declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The spelling in JSON, policies and messages.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Finds the value spelled `text`.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }

            /// All spellings, comma separated: what an error says is accepted.
            pub fn accepted() -> String {
                Self::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>().join(", ")
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use closed_enum;

closed_enum! {
    /// What has happened to a database.
    Scenario {
        /// An Availability Zone, or the primary's host in it, is gone; a standby may exist.
        AzOutage = "az_outage",
        /// The whole Region is unreachable.
        RegionOutage = "region_outage",
        /// The data is wrong although the server is well.
        Corruption = "corruption",
        /// A person changed or deleted data by mistake.
        HumanError = "human_error",
        /// The instance is in a status that RDS cannot leave by itself.
        InstanceFailure = "instance_failure",
        /// The server no longer answers although RDS calls it available.
        Hung = "hung",
        /// Storage is exhausted.
        StorageFull = "storage_full",
        /// The resource was deleted, and not by Lifeboat.
        Deletion = "deletion",
        /// Somebody who should not have had access had it.
        SecurityBreach = "security_breach",
        /// The KMS key cannot be reached.
        KeyInaccessible = "key_inaccessible",
        /// A parameter group keeps the server from starting.
        ParameterFailure = "parameter_failure",
        /// Subnets or network interfaces keep the server unreachable.
        NetworkFailure = "network_failure",
        /// A person regrets a cut-over: clients are to go back to the database that they were moved from.
        Undo = "undo",
    }
}

impl Scenario {
    /// Whether the source serves on while its data is wrong, so that a copy is restored beside it by default.
    pub const fn is_about_data(self) -> bool {
        matches!(self, Self::Corruption | Self::HumanError)
    }

    /// Whether the source serves on, so that its answering is no sign of healing: of a lost Region it is the member in another one.
    pub const fn leaves_source_serving(self) -> bool {
        self.is_about_data() || matches!(self, Self::Undo | Self::RegionOutage)
    }
}

closed_enum! {
    /// What a protected resource is.
    ResourceKind {
        /// An RDS DB instance.
        RdsInstance = "rds_instance",
        /// An Aurora or Multi-AZ DB cluster.
        DbCluster = "db_cluster",
        /// A DynamoDB table.
        DynamodbTable = "dynamodb_table",
        /// An ElastiCache replication group.
        ReplicationGroup = "replication_group",
    }
}

impl ResourceKind {
    /// How long the name of a restored copy may be (fact sheet 3.7).
    pub const fn longest_name(self) -> usize {
        match self {
            Self::RdsInstance | Self::DbCluster => 63,
            Self::DynamodbTable => 255,
            Self::ReplicationGroup => 40,
        }
    }

    /// The service whose control plane speaks of it.
    pub const fn service(self) -> &'static str {
        match self {
            Self::RdsInstance | Self::DbCluster => "RDS",
            Self::DynamodbTable => "DynamoDB",
            Self::ReplicationGroup => "ElastiCache",
        }
    }

    /// Whether clients log in with a user and a password of a secret; AWS's own authorisation lets them into a table.
    pub const fn has_login(self) -> bool {
        !matches!(self, Self::DynamodbTable)
    }

    /// What people call it.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::RdsInstance => "instance",
            Self::DbCluster => "cluster",
            Self::DynamodbTable => "table",
            Self::ReplicationGroup => "replication group",
        }
    }

    /// How long a recovery point's name may be (fact sheet 3.7); for an instance less than RDS allows, as nobody reads more.
    pub const fn longest_snapshot_name(self) -> usize {
        match self {
            Self::RdsInstance => 200,
            Self::DbCluster => 63,
            Self::DynamodbTable => 255,
            Self::ReplicationGroup => 40,
        }
    }
}

closed_enum! {
    /// How far Lifeboat may go by itself.
    RecoveryMode {
        /// Only look and tell. The default.
        Observe = "observe",
        /// Plan, then ask a person.
        Approve = "approve",
        /// Act within the stated loss, while drills are young.
        Automatic = "automatic",
    }
}

closed_enum! {
    /// Where a piece of evidence comes from.
    Plane {
        /// RDS events and Describe calls.
        ControlPlane = "control_plane",
        /// A probe that opened the database.
        DataPlane = "data_plane",
        /// Engine metrics and alarms.
        Metrics = "metrics",
        /// A person who said so.
        Person = "person",
    }
}

closed_enum! {
    /// The outcome of one check, and of a whole validation (its worst check).
    Grade {
        /// As it should be.
        Pass = "PASS",
        /// Worth a look; cuts over only where the policy allows it.
        Warn = "WARN",
        /// Could not run; blocks like a failure.
        Unknown = "UNKNOWN",
        /// Not as it should be.
        Fail = "FAIL",
    }
}

closed_enum! {
    /// What a manual start asks for.
    Run {
        /// Plan and show; change nothing. The default.
        Plan = "plan",
        /// Plan and act.
        Execute = "execute",
    }
}

closed_enum! {
    /// How far something is that a state machine waits for.
    Progress {
        /// Look again.
        InProgress = "in_progress",
        /// Done.
        Done = "done",
        /// It will not succeed.
        Failed = "failed",
        /// The policy's `give_up_after` has passed.
        Expired = "expired",
    }
}
