//! Every permission to change something of RDS, with what it hangs on.

pub(super) const ALWAYS: &str = "always";
/// What is named as a copy is.
pub(super) const COPIES: &str = "db:*-r????????";
/// What is named as a copy of a bisection is.
pub(super) const SEARCHED: &str = "db:*-s????????";
/// The same of clusters, and of the members of a restored one.
pub(super) const CLUSTER_COPIES: &str = "cluster:*-r????????";
pub(super) const CLUSTERS_SEARCHED: &str = "cluster:*-s????????";
pub(super) const MEMBERS: &str = "db:*-r????????-*";
pub(super) const RESTORES: &[&str] = &[
    "rds:RestoreDBInstanceFromDBSnapshot",
    "rds:RestoreDBInstanceToPointInTime",
    "rds:RestoreDBClusterFromSnapshot",
    "rds:RestoreDBClusterToPointInTime",
];
pub(super) const SEARCHES: &[&str] = &["rds:RestoreDBInstanceToPointInTime", "rds:RestoreDBClusterToPointInTime"];
pub(super) const MEMBER: &[&str] = &["rds:CreateDBInstance"];
pub(super) const RELEASES: &[&str] = &[
    "rds:CreateDBSnapshot",
    "rds:DeleteDBInstance",
    "rds:ModifyDBInstance",
    "rds:CreateDBClusterSnapshot",
    "rds:DeleteDBCluster",
    "rds:ModifyDBCluster",
];
/// An action on an instance is none on a cluster: what stands here beside it allows nothing more.
const BOTH: &[&str] = &["db:*", "cluster:*"];
const SNAPSHOTS: &[&str] = &["snapshot:lifeboat-*", "cluster-snapshot:lifeboat-*"];
pub(super) const TAG: &[&str] = &["rds:AddTagsToResource"];
pub(super) const UNTAG: &[&str] = &["rds:RemoveTagsFromResource"];
pub(super) const SNAPSHOT: &[&str] = &["rds:CreateDBSnapshot", "rds:CreateDBClusterSnapshot"];
pub(super) const SNAPSHOT_AND_TAG: &[&str] = &["rds:CreateDBSnapshot", "rds:CreateDBClusterSnapshot", "rds:AddTagsToResource"];
pub(super) const PROXY: &[&str] = &["rds:DeregisterDBProxyTargets", "rds:RegisterDBProxyTargets"];
pub(super) const MODIFY: &[&str] = &["rds:ModifyDBInstance", "rds:ModifyDBCluster"];

/// Some permissions that hang on the same.
pub(super) struct Change {
    pub(super) role: &'static str,
    pub(super) actions: &'static [&'static str],
    pub(super) resources: &'static [&'static str],
    pub(super) hangs_on: &'static str,
}

pub(super) const fn may(
    role: &'static str,
    actions: &'static [&'static str],
    resources: &'static [&'static str],
    hangs_on: &'static str,
) -> Change {
    Change { role, actions, resources, hangs_on }
}

/// Every permission to change something of RDS. Whatever else a role allows is too much.
pub(super) const CHANGES: &[Change] = &[
    may("Snapshot", SNAPSHOT, BOTH, "carries lifeboat:policy"),
    may("Snapshot", SNAPSHOT_AND_TAG, SNAPSHOTS, "gives lifeboat:backup"),
    may("Snapshot", TAG, SNAPSHOTS, "inherits"),
    may("RestoreAct", SNAPSHOT, BOTH, "carries lifeboat:incident"),
    may("RestoreAct", SNAPSHOT, BOTH, "carries lifeboat:policy, lacks lifeboat:retired"),
    may("RestoreAct", &["rds:CreateDBSnapshot"], &["db:*"], "carries lifeboat:promotable"),
    may("RestoreAct", SNAPSHOT_AND_TAG, SNAPSHOTS, "gives lifeboat:incident"),
    may("RestoreAct", TAG, SNAPSHOTS, "inherits"),
    may("RestoreAct", RESTORES, BOTH, "gives lifeboat:incident, omits lifeboat:policy, omits lifeboat:retired"),
    may("RestoreAct", TAG, &[COPIES, CLUSTER_COPIES, MEMBERS], "gives lifeboat:incident, omits lifeboat:policy, omits lifeboat:retired"),
    // A restore names its source and its copy, too.
    may(
        "RestoreAct",
        RESTORES,
        &["auto-backup:*", "og:*", "pg:*", "snapshot:*", "subgrp:*", "cluster-auto-backup:*", "cluster-pg:*", "cluster-snapshot:*"],
        ALWAYS,
    ),
    // A restored Aurora cluster gets its members.
    may("RestoreAct", MEMBER, &[MEMBERS], "gives lifeboat:incident, omits lifeboat:policy, omits lifeboat:retired"),
    may("RestoreAct", MEMBER, &[CLUSTER_COPIES], "carries lifeboat:incident, lacks lifeboat:policy, lacks lifeboat:retired"),
    may("RestoreAct", MEMBER, &["og:*", "pg:*", "subgrp:*"], ALWAYS),
    may(
        "RestoreAct",
        &["rds:FailoverDBCluster", "rds:PromoteReadReplicaDBCluster"],
        &["cluster:*"],
        "carries lifeboat:policy, lacks lifeboat:retired",
    ),
    may("RestoreAct", &["rds:RebootDBInstance"], &["db:*"], "carries lifeboat:policy, lacks lifeboat:retired"),
    // On the way back: the sessions of clients that were led to the copy.
    may("RestoreAct", &["rds:RebootDBInstance"], &["db:*"], "carries lifeboat:incident, lacks lifeboat:retired"),
    may("RestoreAct", PROXY, &["CutOverProxyArns"], ALWAYS),
    may("RestoreAct", PROXY, &["db:*"], "carries lifeboat:policy"),
    may("RestoreAct", PROXY, &["db:*"], "carries lifeboat:incident"),
    may("RestoreAct", PROXY, &["db:*"], "carries lifeboat:promotable, lacks lifeboat:retired"),
    may("RestoreAct", PROXY, &["db:*"], "carries lifeboat:retired"),
    may("RestoreAct", MODIFY, BOTH, "carries lifeboat:policy, lacks lifeboat:retired"),
    may(
        "RestoreAct",
        &["rds:ModifyDBInstance", "rds:ModifyDBCluster", "rds:EnableHttpEndpoint"],
        BOTH,
        "carries lifeboat:incident, lacks lifeboat:retired",
    ),
    // A replica is promoted, and then given its source's settings and identity, only where its owner has marked it.
    may("RestoreAct", &["rds:PromoteReadReplica"], &["db:*"], "carries lifeboat:promotable, lacks lifeboat:policy, lacks lifeboat:retired"),
    may("RestoreAct", &["rds:ModifyDBInstance", "rds:RebootDBInstance"], &["db:*"], "carries lifeboat:promotable, lacks lifeboat:retired"),
    may(
        "RestoreAct",
        TAG,
        &["db:*"],
        "carries lifeboat:promotable, lacks lifeboat:retired, names tags, only lifeboat:policy lifeboat:resource lifeboat:secret",
    ),
    // The instance is always named, too.
    may("RestoreAct", MODIFY, &["og:*", "pg:*", "subgrp:*", "cluster-pg:*"], ALWAYS),
    may("RestoreAct", TAG, BOTH, "carries lifeboat:policy, names tags, only lifeboat:retired"),
    may(
        "RestoreAct",
        TAG,
        BOTH,
        "carries lifeboat:incident, lacks lifeboat:retired, names tags, only lifeboat:policy lifeboat:resource lifeboat:secret",
    ),
    may("RestoreAct", UNTAG, BOTH, "carries lifeboat:policy, names tags, only lifeboat:policy"),
    // Sent again, as the first reply was lost.
    may("RestoreAct", UNTAG, BOTH, "carries lifeboat:retired, names tags, only lifeboat:policy"),
    // An undo opens the database that clients were moved from, and gives it the identity back.
    may("RestoreAct", &["rds:ModifyDBInstance", "rds:RebootDBInstance", "rds:ModifyDBCluster"], BOTH, "carries lifeboat:retired"),
    may("RestoreAct", TAG, BOTH, "carries lifeboat:retired, names tags, only lifeboat:policy lifeboat:resource lifeboat:secret"),
    may("RestoreAct", UNTAG, BOTH, "carries lifeboat:policy, names tags, only lifeboat:retired"),
    may("RestoreRelease", RELEASES, BOTH, "carries lifeboat:retired, lacks lifeboat:policy"),
    may("RestoreRelease", RELEASES, &[COPIES, CLUSTER_COPIES, MEMBERS], "carries lifeboat:incident, lacks lifeboat:policy"),
    may("RestoreRelease", RELEASES, &[SEARCHED, CLUSTERS_SEARCHED], "carries lifeboat:search, lacks lifeboat:policy"),
    may("RestoreRelease", SNAPSHOT, SNAPSHOTS, ALWAYS),
    may("RestoreRelease", TAG, SNAPSHOTS, "inherits"),
    // A search makes copies with its own mark; it can neither mark nor change anything else, and it deletes nothing.
    may("RestoreSearch", SEARCHES, BOTH, "gives lifeboat:search, omits lifeboat:incident, omits lifeboat:policy, omits lifeboat:retired"),
    may("RestoreSearch", SEARCHES, &["auto-backup:*", "og:*", "pg:*", "subgrp:*", "cluster-auto-backup:*", "cluster-pg:*"], ALWAYS),
    may(
        "RestoreSearch",
        TAG,
        &[SEARCHED, CLUSTERS_SEARCHED],
        "gives lifeboat:search, omits lifeboat:incident, omits lifeboat:policy, omits lifeboat:retired",
    ),
    may("RestoreSearch", MODIFY, &[SEARCHED, CLUSTERS_SEARCHED], "carries lifeboat:search, lacks lifeboat:policy"),
    may(
        "RestoreCleanUp",
        &["rds:DeleteDBInstance", "rds:DeleteDBCluster"],
        &[COPIES, CLUSTER_COPIES, MEMBERS],
        "carries lifeboat:incident, lacks lifeboat:policy, lacks lifeboat:retired",
    ),
];

/// What is named as a copy of a cache is.
pub(super) const CACHE_COPIES: &str = "replicationgroup:*-r????????";

/// The same of caches.
pub(super) const CACHE_CHANGES: &[Change] = &[
    may("Snapshot", &["elasticache:CreateSnapshot"], &["replicationgroup:*", "cluster:*"], "carries lifeboat:policy"),
    may("Snapshot", &["elasticache:CreateSnapshot", "elasticache:AddTagsToResource"], &["snapshot:lifeboat-*"], "gives lifeboat:backup"),
    may("RestoreAct", &["elasticache:CreateSnapshot"], &["replicationgroup:*", "cluster:*"], "carries lifeboat:incident"),
    may(
        "RestoreAct",
        &["elasticache:CreateSnapshot"],
        &["replicationgroup:*", "cluster:*"],
        "carries lifeboat:policy, lacks lifeboat:retired",
    ),
    may(
        "RestoreAct",
        &["elasticache:CreateSnapshot", "elasticache:AddTagsToResource"],
        &["snapshot:lifeboat-*"],
        "gives lifeboat:incident",
    ),
    may(
        "RestoreAct",
        &["elasticache:CreateReplicationGroup", "elasticache:AddTagsToResource"],
        &[CACHE_COPIES],
        "gives lifeboat:incident, omits lifeboat:policy, omits lifeboat:retired",
    ),
    may("RestoreAct", &["elasticache:CreateReplicationGroup"], &["snapshot:*", "parametergroup:*", "subnetgroup:*", "usergroup:*"], ALWAYS),
    may(
        "RestoreAct",
        &["elasticache:ModifyReplicationGroup", "elasticache:FailoverGlobalReplicationGroup"],
        &["replicationgroup:*"],
        "carries lifeboat:policy, lacks lifeboat:retired",
    ),
    // A global datastore is of no Region; the member that becomes its primary is always named, too.
    may("RestoreAct", &["elasticache:FailoverGlobalReplicationGroup"], &["globalreplicationgroup:*"], ALWAYS),
    may(
        "RestoreAct",
        &["elasticache:ModifyReplicationGroup"],
        &["replicationgroup:*"],
        "carries lifeboat:incident, lacks lifeboat:retired",
    ),
    may("RestoreAct", &["elasticache:ModifyReplicationGroup"], &["replicationgroup:*"], "carries lifeboat:retired"),
    may(
        "RestoreAct",
        &["elasticache:AddTagsToResource"],
        &["replicationgroup:*"],
        "carries lifeboat:policy, names tags, only lifeboat:retired",
    ),
    may(
        "RestoreAct",
        &["elasticache:AddTagsToResource"],
        &["replicationgroup:*"],
        "carries lifeboat:incident, lacks lifeboat:retired, names tags, only lifeboat:policy lifeboat:resource lifeboat:secret",
    ),
    may(
        "RestoreAct",
        &["elasticache:AddTagsToResource"],
        &["replicationgroup:*"],
        "carries lifeboat:retired, names tags, only lifeboat:policy lifeboat:resource lifeboat:secret",
    ),
    may(
        "RestoreAct",
        &["elasticache:RemoveTagsFromResource"],
        &["replicationgroup:*"],
        "carries lifeboat:policy, names tags, only lifeboat:policy",
    ),
    may(
        "RestoreAct",
        &["elasticache:RemoveTagsFromResource"],
        &["replicationgroup:*"],
        "carries lifeboat:retired, names tags, only lifeboat:policy",
    ),
    may(
        "RestoreAct",
        &["elasticache:RemoveTagsFromResource"],
        &["replicationgroup:*"],
        "carries lifeboat:policy, names tags, only lifeboat:retired",
    ),
    may(
        "RestoreCleanUp",
        &["elasticache:DeleteReplicationGroup"],
        &[CACHE_COPIES],
        "carries lifeboat:incident, lacks lifeboat:policy, lacks lifeboat:retired",
    ),
    may(
        "RestoreRelease",
        &["elasticache:DeleteReplicationGroup", "elasticache:CreateSnapshot"],
        &["replicationgroup:*"],
        "carries lifeboat:retired, lacks lifeboat:policy",
    ),
    may(
        "RestoreRelease",
        &["elasticache:DeleteReplicationGroup", "elasticache:CreateSnapshot"],
        &[CACHE_COPIES],
        "carries lifeboat:incident, lacks lifeboat:policy",
    ),
    may("RestoreRelease", &["elasticache:CreateSnapshot", "elasticache:DeleteReplicationGroup"], &["snapshot:lifeboat-*"], ALWAYS),
];
