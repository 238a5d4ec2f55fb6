//! The permissions on DynamoDB's tables: all of them, with what each hangs on, and none that the adapters do not use.

use super::{ALWAYS, files, none, permissions, read};
use std::collections::BTreeSet;

/// What is named as a copy is.
const COPIES: &str = "table/*-r????????";

/// Some permissions of a role that hang on the same.
struct May(&'static str, &'static [&'static str], &'static [&'static str], &'static str);

const SETTINGS: &[&str] = &[
    "dynamodb:EnableKinesisStreamingDestination",
    "dynamodb:PutResourcePolicy",
    "dynamodb:UpdateContinuousBackups",
    "dynamodb:UpdateContributorInsights",
    "dynamodb:UpdateTable",
    "dynamodb:UpdateTimeToLive",
];
const DOOR: &[&str] = &["dynamodb:DeleteResourcePolicy", "dynamodb:PutResourcePolicy"];
const TAG: &[&str] = &["dynamodb:TagResource"];
const UNTAG: &[&str] = &["dynamodb:UntagResource"];
const LOOK: &[&str] = &["dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Scan"];
const FILL: &[&str] = &[
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
];
const IDENTITY: &str = "names tags, only lifeboat:policy lifeboat:resource lifeboat:secret";

/// Everything that a role may do to a table or to its items. There is no deletion of a table or of a backup.
fn known() -> BTreeSet<String> {
    let restores: &[&str] = &["dynamodb:RestoreTableFromBackup", "dynamodb:RestoreTableToPointInTime"];
    let scales: &[&str] = &["application-autoscaling:PutScalingPolicy", "application-autoscaling:RegisterScalableTarget"];
    let rows = [
        May("Snapshot", &["dynamodb:CreateBackup", "dynamodb:ExportTableToPointInTime"], &["table/*"], "carries lifeboat:policy"),
        May("RestoreAct", restores, &[COPIES, "table/*"], ALWAYS),
        May("RestoreAct", FILL, &[COPIES], ALWAYS),
        May(
            "RestoreAct",
            TAG,
            &[COPIES],
            "gives lifeboat:incident, lacks lifeboat:policy, lacks lifeboat:retired, omits lifeboat:policy, omits lifeboat:retired",
        ),
        May("RestoreAct", SETTINGS, &[COPIES, "table/*-r????????/index/*"], "carries lifeboat:incident, lacks lifeboat:retired"),
        May("RestoreAct", scales, &["*"], "StringEquals application-autoscaling:service-namespace dynamodb"),
        May("RestoreAct", DOOR, &["table/*"], "carries lifeboat:policy, lacks lifeboat:retired"),
        May("RestoreAct", DOOR, &[COPIES], "carries lifeboat:incident, lacks lifeboat:retired"),
        May("RestoreAct", DOOR, &["table/*"], "carries lifeboat:retired"),
        May("RestoreAct", TAG, &["table/*"], "carries lifeboat:policy, names tags, only lifeboat:retired"),
        May("RestoreAct", TAG, &["table/*"], "carries lifeboat:incident, lacks lifeboat:retired, IDENTITY"),
        May("RestoreAct", TAG, &["table/*"], "carries lifeboat:retired, IDENTITY"),
        May("RestoreAct", UNTAG, &["table/*"], "carries lifeboat:policy, names tags, only lifeboat:policy"),
        May("RestoreAct", UNTAG, &["table/*"], "carries lifeboat:retired, names tags, only lifeboat:policy"),
        May("RestoreAct", UNTAG, &["table/*"], "carries lifeboat:policy, names tags, only lifeboat:retired"),
        May("RestoreAct", &["dynamodb:CreateBackup"], &["table/*"], "carries lifeboat:policy, lacks lifeboat:retired"),
        May("Validate", LOOK, &["table/*"], "carries lifeboat:policy"),
        May("Validate", LOOK, &["table/*"], "carries lifeboat:incident"),
        // What an undo leads clients back to.
        May("Validate", LOOK, &["table/*"], "carries lifeboat:retired"),
        // Items are written only into what serves, and copies are read that have never served.
        May("Salvage", &["dynamodb:BatchGetItem", "dynamodb:PutItem"], &["table/*"], "carries lifeboat:policy, lacks lifeboat:retired"),
        May("Salvage", &["dynamodb:Scan"], &[COPIES], "carries lifeboat:incident, lacks lifeboat:policy, lacks lifeboat:retired"),
    ];
    let mut known = BTreeSet::new();
    for May(role, actions, resources, hangs_on) in rows {
        let hangs_on = hangs_on.replace("IDENTITY", IDENTITY);
        for action in actions {
            known.extend(resources.iter().map(|resource| format!("{role} {action} {resource}: {hangs_on}")));
        }
    }
    known
}

fn is_of_tables(action: &str) -> bool {
    ["dynamodb:", "application-autoscaling:", "tag:"].iter().any(|service| action.starts_with(service))
}

fn only_reads(action: &str) -> bool {
    ["dynamodb:Describe", "dynamodb:List", "dynamodb:GetResourcePolicy", "application-autoscaling:Describe", "tag:Get"]
        .iter()
        .any(|start| action.starts_with(start))
}

#[test]
fn every_permission_on_a_table_is_known_with_what_it_hangs_on_and_none_deletes_one() {
    let allowed = permissions().into_iter().filter(|permission| is_of_tables(&permission.action) && permission.resource != "Ledger.Arn");
    let allowed: BTreeSet<String> = allowed.filter(|permission| !only_reads(&permission.action)).map(|it| it.to_string()).collect();
    let known = known();
    let strange = allowed.difference(&known).map(|line| format!("allowed, but not known: {line}"));
    let lacking = known.difference(&allowed).map(|line| format!("known, but not allowed: {line}"));
    none(strange.chain(lacking));
    assert!(!allowed.iter().any(|line| line.contains("DeleteTable") || line.contains("DeleteBackup")), "{allowed:#?}");
}

#[test]
fn the_roles_allow_what_the_adapters_of_tables_call_and_nothing_that_they_do_not() {
    let sources = files("shared/aws/src/tables", &[".rs"]).into_iter().filter(|path| !path.contains("tests"));
    let text: String =
        sources.map(|path| read(&path)).chain([read("shared/aws/src/tagging.rs"), read("shared/domain/src/plan/table.rs")]).collect();
    let named: BTreeSet<String> = text
        .split('"')
        // `dynamodb:table` is how the tagging API spells a table.
        .filter(|word| {
            *word != "dynamodb:table"
                && is_of_tables(word)
                && word.split_once(':').is_some_and(|(_, name)| name.chars().all(|c| c.is_ascii_alphanumeric()))
        })
        .map(str::to_owned)
        .collect();
    assert!(named.len() > 20, "the adapters were read: {named:?}");
    let allowed = permissions().into_iter().filter(|it| is_of_tables(&it.action) && it.resource != "Ledger.Arn").map(|it| it.action);
    let allowed: BTreeSet<String> = allowed.collect();
    // Item writes that only DynamoDB makes, while it fills a copy; and those that the fence denies.
    let by_dynamodb = |action: &str| FILL.contains(&action) || action.starts_with("dynamodb:PartiQL");
    let lacking = named.difference(&allowed).filter(|action| !by_dynamodb(action)).map(|action| format!("no role allows {action}"));
    let idle = allowed.difference(&named).filter(|action| !by_dynamodb(action)).map(|action| format!("no adapter calls {action}"));
    none(lacking.chain(idle));
}

#[test]
fn what_acts_on_tables_is_expressly_kept_from_deleting_them() {
    let text = read("infra/template.yaml");
    let denied = text.split("Sid: NeverDeleteTables").nth(1).unwrap_or_default().split("- Sid").next().unwrap_or_default().to_owned();
    for action in ["dynamodb:DeleteTable", "dynamodb:DeleteBackup"] {
        assert!(denied.contains("Effect: Deny") && denied.contains(action), "{action}: {denied}");
    }
}

#[test]
fn validate_may_try_to_delete_only_the_items_that_nobody_has() {
    let template = super::template();
    let role = super::statements(&template["Resources"]["ValidateRole"]["Properties"]["Policies"]);
    let mut denials = role.into_iter().filter(|statement| statement["Effect"] == "Deny" && statement["Action"][0] == "dynamodb:DeleteItem");
    let denial = denials.next().expect("there is one");
    assert_eq!(denial["Resource"], "*");
    let keys = super::texts(&denial["Condition"]["ForAnyValue:StringNotLike"]["dynamodb:LeadingKeys"]);
    let source = read("shared/aws/src/tables/items.rs");
    for key in &keys {
        let start = key.strip_suffix('*').expect("what follows is random");
        assert!(source.contains(&format!("\"{start}\"")), "no key of a trial begins with {start}");
    }
    assert_eq!(keys.len(), 2, "{keys:?}");
}

#[test]
fn salvage_is_expressly_kept_from_every_write_but_a_put() {
    let template = super::template();
    let role = super::statements(&template["Resources"]["SalvageRole"]["Properties"]["Policies"]);
    let denied: Vec<String> =
        role.iter().filter(|statement| statement["Effect"] == "Deny").flat_map(|it| super::texts(&it["Action"])).collect();
    for action in ["BatchWriteItem", "DeleteItem", "DeleteTable", "PartiQLUpdate", "UpdateItem", "UpdateTable"] {
        let covers = |denied: &String| format!("dynamodb:{action}").starts_with(denied.trim_end_matches('*'));
        assert!(denied.iter().any(covers), "{action} is not denied: {denied:?}");
    }
}
