//! Events of DB instances, in the order of their story and not of their ids.

#![allow(clippy::zero_prefixed_literal, reason = "ids are written as AWS writes them, so that a search finds them")]

table! {
    /// Events of DB instances alone.
    INSTANCE [DbInstance] {
        // Backups.
        0001 Record "an automated backup started";
        0002 Fresh "an automated backup finished";
        0086 Alert "the option group could not be attached";
        0023 Record "a manual snapshot was asked for while another is being taken; ask again later";
        0028 Alert "automated backups were switched off: no point-in-time recovery any more";
        0032 Record "automated backups were switched on";
        0131 Alert "backtrack reaches back less far than asked for";
        0132 Record "backtrack reaches back as far as asked for";

        // Going down and coming back.
        0004 Watch "the instance was shut down; also normal in a reboot, a stop or a failover";
        0006 Confirm "the instance was restarted";
        0022 Recover "the database server did not restart" => Scenario InstanceFailure;
        0020 Watch "recovery of the instance started on AWS's side" => Scenario AzOutage;
        0021 Confirm "recovery of the instance is complete";
        0396 Record "a reboot of the replica is scheduled for the next maintenance window";

        // Storage.
        0007 Recover "the storage is used up" => Scenario StorageFull;
        0221 Recover "the storage is full and the database was shut down" => Scenario StorageFull;
        0222 Alert "little storage is left; the database is shut down if it shrinks further" => Scenario StorageFull;
        0089 Alert "more than 90 % of the storage is used" => Scenario StorageFull;
        0227 Alert "the Aurora volume is nearly full";
        0330 Alert "the dedicated log volume is nearly full; the database is shut down if it fills further";
        0331 Alert "the dedicated log volume is nearly full";
        0217 Record "storage autoscaling started to grow the storage";
        0218 Record "storage autoscaling finished growing the storage";
        0219 Record "storage autoscaling cannot act in this state and tries again later";
        0220 Record "storage autoscaling waits at least 6 hours after the last growth";
        0237 Record "storage autoscaling waits for a storage type that the zone lacks now";
        0223 Alert "storage autoscaling cannot grow the storage";
        0224 Alert "the next growth reaches the maximum of storage autoscaling";
        0225 Alert "the storage is near the maximum of storage autoscaling";
        0231 Record "a change of the storage met an internal error and is tried again later";
        0254 Alert "the account's storage quota is used up";
        0189 Alert "the gp2 burst credits are low: slow, not failed";
        0295 Record "an upgrade of the storage layout started";
        0296 Record "the upgrade of the storage layout is complete";
        0306 Alert "the upgrade of the storage layout failed";
        0297 Ignore "the storage layout allows at most 16 TiB";
        0298 Ignore "the storage layout allows tables of at most 2 TiB";
        0253 Ignore "optimised writes do not work with this storage layout";
        0332 Record "the dedicated log volume is off";
        0333 Record "the dedicated log volume is being switched off";
        0334 Record "the dedicated log volume is being switched on";
        0335 Record "the dedicated log volume is on";

        // The encryption key.
        0418 Alert "the KMS key cannot be reached; if that lasts, the database becomes inaccessible" => Scenario KeyInaccessible;
        0419 Recover "the KMS key cannot be reached and the database becomes inaccessible" => Scenario KeyInaccessible;
        0420 Confirm "the KMS key can be reached again";

        // Multi-AZ.
        0013 Watch "a failover to the standby started" => Scenario AzOutage;
        0015 Confirm "the failover to the standby is complete; DNS may lag by minutes";
        0049 Confirm "the failover to the standby is complete";
        0034 Record "a requested failover was dropped because one happened shortly before";
        0050 Watch "activation in the same zone started after a recovery" => Scenario AzOutage;
        0051 Confirm "activation in the same zone is complete";
        0065 Confirm "it recovered from a partial failover";
        0052 Watch "recovery of a Multi-AZ instance started" => Scenario AzOutage;
        0053 Watch "recovery of a Multi-AZ instance is complete; failover or activation is still to come" => Scenario AzOutage;
        0361 Record "the standby is being rebuilt" => HighAvailabilityLost;
        0362 Confirm "the standby is rebuilt";
        0066 Watch "the SQL Server mirror is being set up again" => HighAvailabilityLost;
        0024 Record "conversion to Multi-AZ started";
        0025 Record "conversion to Multi-AZ is complete";
        0030 Alert "conversion to Single-AZ started: the standby goes away" => HighAvailabilityLost;
        0029 Alert "conversion to Single-AZ is complete: there is no standby" => HighAvailabilityLost;
        0084 Alert "it could not be converted to Multi-AZ";

        // Failures of the instance itself.
        0031 Recover "the instance is in a failed or incompatible state; RDS recommends a restore" => Scenario InstanceFailure;
        0035 Recover "parameters keep the database from starting" => Scenario ParameterFailure;
        0036 Alert "the network is incompatible: subnets are invalid or gone" => Scenario NetworkFailure;
        0315 Alert "it cannot leave the incompatible network" => Scenario NetworkFailure;
        0278 Record "creation of the instance failed";
        0353 Record "the instance cannot be created: resource limits are reached";

        // Side features that failed.
        0058 Ignore "Oracle Statspack could not be installed";
        0079 Record "enhanced monitoring is off: its role is missing";
        0080 Record "enhanced monitoring is off: it could not be set up";
        0081 Alert "the role for SQL Server backups in S3 does not work";
        0082 Alert "the role for reading from S3 into Aurora does not work";
        0327 Alert "a secret was not found";
        0328 Alert "the host could not join the domain";
        0329 Alert "the host could not join the domain; Windows gave an error code";
        0356 Alert "Kerberos could not be set up in the domain";

        // RDS Custom.
        0165 Alert "the RDS Custom instance left the support perimeter";
        0166 Confirm "the RDS Custom instance is back in the support perimeter";
        0167 Record "the support perimeter of RDS Custom changed";
        0279 Alert "promotion of the RDS Custom replica failed";
        0280 Alert "RDS Custom could not upgrade: the check before it failed";
        0281 Alert "RDS Custom could not modify: the check before it failed";
        0282 Alert "RDS Custom could not modify: permission for the Elastic IP is missing";
        0283 Alert "RDS Custom could not modify: the limit of Elastic IPs is reached";
        0284 Alert "RDS Custom could not convert to high availability: the check before it failed";
        0285 Alert "RDS Custom could not take the final snapshot";
        0421 Alert "RDS Custom could not convert to Multi-AZ; it stays Single-AZ";

        // Created, deleted, restored, stopped.
        0005 Record "the instance was created";
        0003 Alert "the instance was deleted" => Scenario Deletion;
        0019 Confirm "a point-in-time restore is done";
        0087 Alert "the instance was stopped" => Planned Stop;
        0088 Confirm "the instance was started" => PlannedOver Stop;
        0154 Record "the instance is being started: it was stopped for the longest time allowed" => PlannedOver Stop;

        // Replicas.
        0045 Alert "replication stopped with an error" => ReplicationStopped;
        0046 Confirm "replication runs";
        0057 Alert "replication streaming was ended" => ReplicationStopped;
        0062 Alert "replication was stopped by hand" => ReplicationStopped;
        0063 Alert "replication from outside RDS was reset" => ReplicationStopped;
        0202 Alert "creation of the read replica failed";
        0233 Watch "a switchover to the replica started" => Planned Switchover;
        0357 Record "a replication channel started";
        0358 Alert "a replication channel stopped" => ReplicationStopped;
        0359 Record "a replication channel was stopped by hand" => ReplicationStopped;
        0360 Record "a replication channel was reset" => ReplicationStopped;
        0415 Record "the upgrade resumed replication";
        0416 Record "the upgrade stopped replication" => ReplicationStopped;

        // Configuration.
        0009 Record "it was added to a security group";
        0010 Record "it was removed from a security group";
        0011 Record "it uses another parameter group";
        0012 Record "a change of the instance class started";
        0014 Record "the change of the instance class is complete";
        0017 Record "the change of the storage is complete";
        0018 Record "a change of the storage started";
        0033 Record "several users bear the master name; only one password was reset";
        0067 Alert "the master password could not be reset";
        0078 Record "the interval of enhanced monitoring changed";
        0092 Record "the update of the parameter group is complete";
        0157 Alert "the instance class could not be changed";
        0383 Record "the memcached plugin goes away with the upgrade";

        // Maintenance and upgrades.
        0026 Watch "offline patching started: it is unavailable until that ends" => Planned Maintenance;
        0027 Confirm "offline patching is complete" => PlannedOver Maintenance;
        0047 Record "the instance was patched";
        0155 Record "a minor version is available";
        0178 Record "an upgrade is in progress";
        0264 Record "the check before the upgrade started";
        0265 Record "the check before the upgrade finished";
        0266 Watch "the downtime of the upgrade started" => Planned Upgrade;
        0267 Watch "the upgrade of the engine started" => Planned Upgrade;
        0268 Confirm "the upgrade of the engine is complete" => PlannedOver Upgrade;
        0269 Record "the work after the upgrade is in progress";
        0270 Alert "the upgrade failed and was rolled back" => PlannedOver Upgrade;
        0158 Alert "it cannot be upgraded in this state";
        0188 Alert "it could not be upgraded and was rolled back" => PlannedOver Upgrade;
        0398 Record "the replica waits for the upgrade of its source";
        0399 Record "the source waits for the upgrade of its replicas";
        0422 Record "the host is going to be replaced";
        0425 Alert "the operating system cannot be upgraded: the subnets have no free addresses";
        0429 Alert "the operating system cannot be upgraded: no capacity of this class in the zone";
        0501 Record "the server certificate must be rotated";
        0502 Record "a rotation of the server certificate with a reboot is scheduled";
        0048 Record "patching waits for the replicas to be upgraded first";
        0230 Ignore "an update of the operating system is available";
        0191 Ignore "a new time zone file is available";
        0192 Record "the update of the time zone file started";
        0193 Ignore "the time zone file is the newest";
        0194 Record "the update of the time zone file is complete";
        0195 Record "the update of the Oracle time zone file failed";
        0365 Record "time zone files were updated; a restart makes them count";

        // Notices.
        0044 Alert "a message from an AWS operator";
        0054 Ignore "a table engine other than InnoDB is in use";
        0055 Ignore "more tables than recommended";
        0056 Ignore "more databases than recommended";
        0064 Record "the TDE key was rotated";
        0068 Ignore "the password of the HSM partition is being decrypted for an update";
        0403 Alert "memory ran critically low and the buffer pool was shrunk";
        0404 Alert "memory ran critically low and shared_buffers was shrunk";
        0385 Record "the topology of the cluster changed: look at its members again";

        // Global database and serverless.
        0390 Record "writes to the old primary are blocked";
        0391 Alert "writes to the old primary could not be blocked in time: two writers are possible";
        0370 Record "the idle serverless instance is about to pause";
        0371 Record "the pause was called off" => PlannedOver Pause;
        0372 Record "the idle serverless instance is paused, which is healthy" => Planned Pause;
        0373 Record "the serverless instance is waking up";
        0374 Record "the serverless instance is awake" => PlannedOver Pause;
    }
}
