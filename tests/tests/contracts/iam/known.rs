//! Every permission to change something of RDS, with what it hangs on.

pub(super) const ALWAYS: &str = "always";
/// What is named as a copy is.
pub(super) const COPIES: &str = "db:*-r????????";
/// What is named as a copy of a bisection is.
pub(super) const SEARCHED: &str = "db:*-s????????";
pub(super) const RESTORES: &[&str] = &["rds:RestoreDBInstanceFromDBSnapshot", "rds:RestoreDBInstanceToPointInTime"];
pub(super) const TAG: &[&str] = &["rds:AddTagsToResource"];
pub(super) const UNTAG: &[&str] = &["rds:RemoveTagsFromResource"];
pub(super) const SNAPSHOT: &[&str] = &["rds:CreateDBSnapshot"];
pub(super) const SNAPSHOT_AND_TAG: &[&str] = &["rds:CreateDBSnapshot", "rds:AddTagsToResource"];
pub(super) const PROXY: &[&str] = &["rds:DeregisterDBProxyTargets", "rds:RegisterDBProxyTargets"];
pub(super) const MODIFY: &[&str] = &["rds:ModifyDBInstance"];

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
    may("Snapshot", SNAPSHOT, &["db:*"], "carries lifeboat:policy"),
    may("Snapshot", SNAPSHOT_AND_TAG, &["snapshot:lifeboat-*"], "gives lifeboat:backup"),
    may("Snapshot", TAG, &["snapshot:lifeboat-*"], "inherits"),
    may("RestoreAct", SNAPSHOT, &["db:*"], "carries lifeboat:incident"),
    may("RestoreAct", SNAPSHOT, &["db:*"], "carries lifeboat:policy, lacks lifeboat:retired"),
    may("RestoreAct", SNAPSHOT, &["db:*"], "carries lifeboat:promotable"),
    may("RestoreAct", SNAPSHOT_AND_TAG, &["snapshot:lifeboat-*"], "gives lifeboat:incident"),
    may("RestoreAct", TAG, &["snapshot:lifeboat-*"], "inherits"),
    may("RestoreAct", RESTORES, &["db:*"], "gives lifeboat:incident, omits lifeboat:policy, omits lifeboat:retired"),
    may("RestoreAct", TAG, &[COPIES], "gives lifeboat:incident, omits lifeboat:policy, omits lifeboat:retired"),
    // A restore names its source and its copy, too.
    may("RestoreAct", RESTORES, &["auto-backup:*", "og:*", "pg:*", "snapshot:*", "subgrp:*"], ALWAYS),
    may("RestoreAct", &["rds:RebootDBInstance"], &["db:*"], "carries lifeboat:policy, lacks lifeboat:retired"),
    // On the way back: the sessions of clients that were led to the copy.
    may("RestoreAct", &["rds:RebootDBInstance"], &["db:*"], "carries lifeboat:incident, lacks lifeboat:retired"),
    may("RestoreAct", PROXY, &["CutOverProxyArns"], ALWAYS),
    may("RestoreAct", PROXY, &["db:*"], "carries lifeboat:policy"),
    may("RestoreAct", PROXY, &["db:*"], "carries lifeboat:incident"),
    may("RestoreAct", PROXY, &["db:*"], "carries lifeboat:promotable, lacks lifeboat:retired"),
    may("RestoreAct", PROXY, &["db:*"], "carries lifeboat:retired"),
    may("RestoreAct", MODIFY, &["db:*"], "carries lifeboat:policy, lacks lifeboat:retired"),
    may("RestoreAct", MODIFY, &["db:*"], "carries lifeboat:incident, lacks lifeboat:retired"),
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
    may("RestoreAct", MODIFY, &["og:*", "pg:*", "subgrp:*"], ALWAYS),
    may("RestoreAct", TAG, &["db:*"], "carries lifeboat:policy, names tags, only lifeboat:retired"),
    may(
        "RestoreAct",
        TAG,
        &["db:*"],
        "carries lifeboat:incident, lacks lifeboat:retired, names tags, only lifeboat:policy lifeboat:resource lifeboat:secret",
    ),
    may("RestoreAct", UNTAG, &["db:*"], "carries lifeboat:policy, names tags, only lifeboat:policy"),
    // Sent again, as the first reply was lost.
    may("RestoreAct", UNTAG, &["db:*"], "carries lifeboat:retired, names tags, only lifeboat:policy"),
    // An undo opens the database that clients were moved from, and gives it the identity back.
    may("RestoreAct", &["rds:ModifyDBInstance", "rds:RebootDBInstance"], &["db:*"], "carries lifeboat:retired"),
    may("RestoreAct", TAG, &["db:*"], "carries lifeboat:retired, names tags, only lifeboat:policy lifeboat:resource lifeboat:secret"),
    may("RestoreAct", UNTAG, &["db:*"], "carries lifeboat:policy, names tags, only lifeboat:retired"),
    may(
        "RestoreRelease",
        &["rds:CreateDBSnapshot", "rds:DeleteDBInstance", "rds:ModifyDBInstance"],
        &["db:*"],
        "carries lifeboat:retired, lacks lifeboat:policy",
    ),
    may(
        "RestoreRelease",
        &["rds:CreateDBSnapshot", "rds:DeleteDBInstance", "rds:ModifyDBInstance"],
        &[COPIES],
        "carries lifeboat:incident, lacks lifeboat:policy",
    ),
    may(
        "RestoreRelease",
        &["rds:CreateDBSnapshot", "rds:DeleteDBInstance", "rds:ModifyDBInstance"],
        &[SEARCHED],
        "carries lifeboat:search, lacks lifeboat:policy",
    ),
    may("RestoreRelease", &["rds:CreateDBSnapshot"], &["snapshot:lifeboat-*"], ALWAYS),
    may("RestoreRelease", TAG, &["snapshot:lifeboat-*"], "inherits"),
    // A search makes copies with its own mark; it can neither mark nor change anything else, and it deletes nothing.
    may(
        "RestoreSearch",
        &["rds:RestoreDBInstanceToPointInTime"],
        &["db:*"],
        "gives lifeboat:search, omits lifeboat:incident, omits lifeboat:policy, omits lifeboat:retired",
    ),
    may("RestoreSearch", &["rds:RestoreDBInstanceToPointInTime"], &["auto-backup:*", "og:*", "pg:*", "subgrp:*"], ALWAYS),
    may("RestoreSearch", TAG, &[SEARCHED], "gives lifeboat:search, omits lifeboat:incident, omits lifeboat:policy, omits lifeboat:retired"),
    may("RestoreSearch", MODIFY, &[SEARCHED], "carries lifeboat:search, lacks lifeboat:policy"),
    may("RestoreCleanUp", &["rds:DeleteDBInstance"], &[COPIES], "carries lifeboat:incident, lacks lifeboat:policy, lacks lifeboat:retired"),
];
