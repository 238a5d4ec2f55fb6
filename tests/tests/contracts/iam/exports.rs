//! Exports of tables: who may write where, and that nobody may unless whoever deploys has named a bucket.

use super::{permissions, template};
use std::collections::BTreeSet;

/// By AWS's page on requesting an export.
const WRITES: [&str; 3] = ["s3:AbortMultipartUpload", "s3:PutObject", "s3:PutObjectAcl"];

#[test]
fn only_snapshot_may_write_outside_of_lifeboats_own_bucket_and_only_what_an_export_needs_where_the_stack_was_told() {
    let outside = permissions().into_iter().filter(|it| it.action.starts_with("s3:") && !it.resource.contains("Documents.Arn"));
    let outside: BTreeSet<String> = outside.map(|it| it.to_string()).collect();
    let known = WRITES.map(|action| format!("Snapshot {action} ExportBucketArns: always"));
    assert_eq!(outside, BTreeSet::from(known));
}

#[test]
fn only_snapshot_may_use_a_key_that_is_not_lifeboats_own_and_only_one_that_the_stack_names_through_s3() {
    let keys = permissions().into_iter().filter(|it| it.action.starts_with("kms:") && it.resource.contains("Export"));
    let found: BTreeSet<String> = keys.map(|it| it.to_string()).collect();
    let only = |action: &str| found.iter().filter(|it| it.starts_with(&format!("Snapshot {action} ExportKeyArns: "))).count() == 1;
    assert!(found.len() == 2 && only("kms:Decrypt") && only("kms:GenerateDataKey"), "{found:?}");
    assert!(found.iter().all(|it| it.contains("kms:ViaService")), "{found:?}");
}

#[test]
fn without_a_bucket_the_role_has_nothing_of_exports() {
    let template = template();
    let of_exports = |policy: &&serde_json::Value| policy.to_string().contains("Export");
    let policies = template["Resources"]["SnapshotRole"]["Properties"]["Policies"].as_array().unwrap();
    let found: Vec<_> = policies.iter().filter(of_exports).collect();
    let [policy] = found.as_slice() else { panic!("one policy is about exports: {found:?}") };
    assert_eq!((&policy[0], &policy[2]), (&"ExportsTables".into(), &"AWS::NoValue".into()), "{policy}");
    assert_eq!(template["Parameters"]["ExportBucketArns"]["Default"], "", "none is named unless whoever deploys does");
    let condition = template["Conditions"]["ExportsTables"].to_string();
    assert!(condition.contains("ExportBucketArns"), "{condition}");
}
