//! Events of everything that is neither an instance nor a cluster.

#![allow(clippy::zero_prefixed_literal, reason = "ids are written as AWS writes them, so that a search finds them")]

table! {
    /// Snapshots of instances.
    SNAPSHOT [Snapshot] {
        0040 Record "a manual snapshot was started";
        0042 Fresh "a manual snapshot is complete";
        0090 Record "an automated snapshot was started";
        0091 Fresh "an automated snapshot is complete";
        0041 Alert "a manual snapshot was deleted";
        0043 Confirm "an instance is restored from the snapshot";
        0059 Record "a copy from another Region was started";
        0060 Fresh "the copy from another Region is complete";
        0061 Alert "the copy from another Region was cancelled";
        0196 Record "a copy within the Region was started";
        0197 Fresh "the copy within the Region is complete";
        0190 Alert "the copy within the Region was cancelled";
        0159 Alert "the export to S3 failed" => ExportOnly;
        0160 Record "the export to S3 was cancelled" => ExportOnly;
        0161 Fresh "the export to S3 is complete" => ExportOnly;
        0484 Alert "the export to S3 left out a table" => ExportOnly;
        0486 Record "the export to S3 handles a table in the slow way" => ExportOnly;
        0487 Record "the export to S3 is still at one table" => ExportOnly;
        0488 Record "the export to S3 reached another stage" => ExportOnly;
    }

    /// Snapshots of clusters.
    CLUSTER_SNAPSHOT [ClusterSnapshot] {
        0074 Record "a manual snapshot was started";
        0075 Fresh "a manual snapshot is complete";
        0168 Record "an automated snapshot was started";
        0169 Fresh "an automated snapshot is complete";
        0162 Alert "the export to S3 failed" => ExportOnly;
        0163 Record "the export to S3 was cancelled" => ExportOnly;
        0164 Fresh "the export to S3 is complete" => ExportOnly;
        0489 Alert "the export to S3 left out a table" => ExportOnly;
        0491 Record "the export to S3 handles a table in the slow way" => ExportOnly;
        0492 Record "the export to S3 is still at one table" => ExportOnly;
        0493 Record "the export to S3 reached another stage" => ExportOnly;
    }

    /// Parameter groups.
    PARAMETER_GROUP [ParameterGroup] {
        0037 Record "a parameter was changed";
    }

    /// Security groups of EC2-Classic, which no longer exists.
    SECURITY_GROUP [SecurityGroup] {
        0038 Ignore "a change was applied to a security group of EC2-Classic";
        0039 Ignore "an authorisation in a security group of EC2-Classic was revoked";
    }

    /// RDS Proxy.
    PROXY [Proxy] {
        0203 Record "the proxy was created";
        0204 Record "the proxy was changed";
        0205 Record "the proxy was deleted";
        0206 Record "an endpoint of the proxy was created";
        0207 Record "an endpoint of the proxy was changed";
        0208 Record "an endpoint of the proxy was deleted";
        0213 Record "a new instance was added to the proxy's targets";
        0214 Record "a deleted instance was removed from the proxy's targets";
        0215 Record "a deleted cluster was removed from the proxy's targets";
        0243 Alert "the proxy got no capacity: the subnets have too few free addresses";
        0275 Alert "the proxy throttled connections: clients open too many at once";
    }

    /// Blue/green deployments. While a switchover is open, instances are renamed: no recovery.
    BLUE_GREEN [BlueGreen] {
        0244 Record "the blue/green deployment is ready";
        0245 Record "creation of the blue/green deployment failed";
        0246 Record "the blue/green deployment was deleted";
        0247 Record "a blue/green switchover started" => Planned Switchover;
        0248 Record "the blue/green switchover is complete" => PlannedOver Switchover;
        0249 Record "the blue/green switchover was cancelled" => PlannedOver Switchover;
        0250 Record "the switchover of one instance to green started" => Planned Switchover;
        0251 Record "the switchover of one instance to green is complete; both were renamed" => PlannedOver Switchover;
        0252 Record "the switchover of one instance to green was cancelled" => PlannedOver Switchover;
        0259 Record "the switchover of a cluster to green started" => Planned Switchover;
        0260 Record "the switchover of a cluster to green is complete; both were renamed" => PlannedOver Switchover;
        0261 Record "the switchover of a cluster to green was cancelled" => PlannedOver Switchover;
        0307 Record "the sequences are being brought into step; this may lengthen the downtime";
        0308 Record "the sequences are in step";
        0310 Record "the sequences could not be brought into step and the switchover was cancelled" => PlannedOver Switchover;
        0405 Record "the volumes of the green side are being filled";
        0406 Record "the volumes of the green side are filled";
        0409 Record "a message about the blue/green deployment";
    }

    /// Custom engine versions of RDS Custom.
    CUSTOM_ENGINE_VERSION [CustomEngineVersion] {
        0198 Ignore "creation of a custom engine version failed";
        0277 Ignore "deletion of a custom engine version failed";
        0316 Ignore "creation of a custom engine version is being prepared";
        0317 Ignore "a custom engine version is being created";
        0318 Ignore "a custom engine version is being checked";
        0319 Ignore "a custom engine version is ready";
        0320 Ignore "a custom engine version could not be created because of an internal problem";
    }
}
