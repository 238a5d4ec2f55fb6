//! Events of Aurora and Multi-AZ DB clusters.

#![allow(clippy::zero_prefixed_literal, reason = "ids are written as AWS writes them, so that a search finds them")]

table! {
    /// Events that mean the same for an instance and a cluster.
    INSTANCE_AND_CLUSTER [DbInstance Cluster] {
        0016 Record "the master password was reset";
    }

    /// Events of clusters alone.
    CLUSTER [Cluster] {
        // Failover within the cluster. A failed one leaves no new writer: a candidate for recovery.
        0069 Recover "the failover of the cluster failed" => Scenario AzOutage;
        0070 Watch "the previous primary is being promoted again" => Scenario AzOutage;
        0071 Confirm "the failover of the cluster is complete";
        0072 Watch "a failover within the zone started" => Scenario AzOutage;
        0073 Watch "a failover to another zone started" => Scenario AzOutage;

        // Global database: switchover (planned), failover (not planned). Somebody ordered it, so a failed one is a person's.
        0181 Watch "a global switchover started" => Planned Switchover;
        0182 Record "the old primary is shut down and the volumes are in step";
        0183 Watch "the global switchover waits for all members to catch up" => Planned Switchover;
        0423 Watch "the global switchover waits for its target to catch up" => Planned Switchover;
        0184 Watch "the new primary is promoted" => Planned Switchover;
        0185 Confirm "the global switchover is complete" => PlannedOver Switchover;
        0186 Alert "the global switchover was cancelled" => PlannedOver Switchover;
        0187 Alert "the global switchover failed: look for the writer" => PlannedOver Switchover;
        0238 Confirm "the global failover is complete";
        0239 Alert "the global failover failed";
        0240 Record "the other members are being rebuilt after the global failover" => HighAvailabilityLost;
        0241 Confirm "the other members are rebuilt after the global failover";
        0397 Confirm "the global writer endpoint points to the new writer";
        0519 Recover "the global failover is complete but the cluster has no instances" => Scenario InstanceFailure;

        // Created, deleted, renamed, stopped.
        0170 Record "the cluster was created";
        0171 Alert "the cluster was deleted" => Scenario Deletion;
        0172 Record "the cluster was renamed";
        0354 Record "the cluster cannot be created: resources do not fit together";
        0355 Record "the cluster cannot be created: resource limits are reached";
        0150 Alert "the cluster was stopped" => Planned Stop;
        0151 Confirm "the cluster was started" => PlannedOver Stop;
        0152 Alert "the cluster could not be stopped" => PlannedOver Stop;
        0153 Record "the cluster is being started: it was stopped for the longest time allowed" => PlannedOver Stop;

        // Volumes, exports, replication, migration.
        0512 Watch "the replacement of the volume started";
        0513 Confirm "the replacement of the volume is complete";
        0234 Alert "the export to S3 failed" => ExportOnly;
        0235 Record "the export to S3 was cancelled" => ExportOnly;
        0236 Fresh "the export to S3 is complete" => ExportOnly;
        0426 Alert "it cannot become a replication source: transactions run for too long";
        0083 Alert "the role for reading from S3 does not work, or the bucket is missing";
        0076 Record "the migration to Aurora failed";
        0077 Record "a table could not be converted to InnoDB during the migration";
        0179 Record "the activity stream was started";
        0180 Record "the activity stream was stopped";

        // Serverless v1.
        0141 Record "scaling started";
        0142 Record "scaling is complete";
        0143 Alert "scaling failed";
        0144 Record "the idle serverless cluster is about to pause";
        0145 Record "the idle serverless cluster is paused, which is healthy" => Planned Pause;
        0146 Record "the pause was called off" => PlannedOver Pause;
        0147 Record "the serverless cluster is waking up";
        0148 Record "the serverless cluster is awake" => PlannedOver Pause;
        0149 Record "scaling is complete but broke connections";

        // Maintenance and upgrades.
        0156 Record "a minor version is available";
        0363 Record "the checks before the upgrade started";
        0410 Record "the check before the upgrade started";
        0411 Record "the check before the upgrade finished";
        0412 Alert "the check before the upgrade failed or took too long";
        0413 Record "the work before the upgrade is in progress" => Planned Upgrade;
        0417 Record "the upgrade of the engine started" => Planned Upgrade;
        0177 Record "an upgrade is in progress" => Planned Upgrade;
        0286 Record "an upgrade of the engine started; the cluster stays online" => Planned Upgrade;
        0173 Record "the upgrade of the engine is complete" => PlannedOver Upgrade;
        0176 Record "the upgrade to the new major version is complete" => PlannedOver Upgrade;
        0290 Record "the cluster was patched" => PlannedOver Upgrade;
        0414 Record "the work after the upgrade is in progress";
        0085 Alert "it cannot be upgraded because of the state of one instance";
        0174 Alert "it cannot be upgraded in this state" => PlannedOver Upgrade;
        0424 Alert "its version is newer than that of the global cluster, which can break a failover";
        0287 Record "the operating system needs an upgrade";
        0288 Record "the upgrade of the operating system started" => Planned Maintenance;
        0289 Record "the upgrade of the operating system is complete" => PlannedOver Maintenance;
        0388 Record "offline patching of a part of the instances started" => Planned Maintenance;
        0386 Record "the instances were patched part by part and the cluster is online" => PlannedOver Maintenance;
        0387 Alert "the instances could not be split into parts for patching" => PlannedOver Maintenance;
        0389 Alert "the operating system could not be upgraded" => PlannedOver Maintenance;
    }
}
