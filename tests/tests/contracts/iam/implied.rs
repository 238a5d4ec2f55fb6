//! What AWS asks beside the action that a call is named after.

/// Actions that a call needs although no client method is named after them.
pub(super) fn implied(method: &str) -> &'static [&'static str] {
    match method {
        // Tags are passed with the call.
        "create_snapshot" => &["rds:AddTagsToResource", "elasticache:AddTagsToResource"],
        "restore_from_snapshot" | "restore_to_point_in_time" | "clone_cluster" | "make_member" => &["rds:AddTagsToResource"],
        // AWS documents these for whoever makes a cache whose logs are delivered.
        "make_cache" => &[
            "elasticache:AddTagsToResource",
            "logs:CreateLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ],
        // Which caches are protected, and the tags of one that is busy.
        "databases" | "database" | "instance_by_resource_id" | "manual_snapshots" | "snapshots_of" | "remove_tags" => &["tag:GetResources"],
        // The final snapshot is made by the deletion.
        "delete_released" => {
            &["rds:AddTagsToResource", "rds:CreateDBSnapshot", "rds:CreateDBClusterSnapshot", "elasticache:CreateSnapshot"]
        }
        // Without it a missing key is "forbidden" and not "not found".
        "get_json" => &["s3:ListBucket"],
        _ => &[],
    }
}
