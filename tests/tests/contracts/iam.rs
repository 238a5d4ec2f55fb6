//! The roles hold exactly what the code needs: derived from the adapters, the functions' sources and the deployed steps, both ways.
//! What changes something hangs on Lifeboat's tags or on names, and every such permission is listed here.

use crate::repo::{files, none, read};
use crate::template::template;
use lifeboat_domain::ids::short_digest;
use lifeboat_domain::observed::tags;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

mod alarms;
mod exports;
mod implied;
mod known;
mod tables;
use implied::implied;
use known::{ALWAYS, CACHE_CHANGES, CACHE_COPIES, CHANGES, CLUSTER_COPIES, CLUSTERS_SEARCHED, COPIES, MEMBERS, SEARCHED};

/// The adapters, each with the IAM prefix of its service; the files of one adapter call each other.
const ADAPTERS: &[(&[&str], &str)] = &[
    (&["shared/aws/src/alarms.rs"], "cloudwatch"),
    (&["shared/aws/src/cloudtrail.rs"], "cloudtrail"),
    (&["shared/aws/src/rds/mod.rs", "shared/aws/src/rds/clusters.rs", "shared/aws/src/rds/cluster_calls.rs"], "rds"),
    (&["shared/aws/src/rds/proxies.rs"], "rds"),
    (&["shared/aws/src/caches/acts.rs", "shared/aws/src/caches/mod.rs"], "elasticache"),
    (&["shared/aws/src/route53.rs"], "route53"),
    (&["shared/aws/src/ssm.rs"], "ssm"),
    (&["shared/aws/src/ecs.rs"], "ecs"),
    (&["shared/aws/src/functions.rs"], "lambda"),
    (&["shared/aws/src/dynamodb.rs"], "dynamodb"),
    (&["shared/aws/src/s3.rs"], "s3"),
    (&["shared/aws/src/secrets.rs"], "secretsmanager"),
    (&["shared/aws/src/sfn.rs"], "states"),
    (&["shared/aws/src/sns.rs"], "sns"),
];

/// Where the ports are declared.
fn ports() -> String {
    ["ports.rs", "ports/alarms.rs", "ports/clusters.rs", "ports/caches.rs"]
        .iter()
        .map(|path| read(&format!("shared/domain/src/{path}")))
        .collect()
}

/// `describe_db_instances` of `rds` is `rds:DescribeDBInstances`.
fn action(service: &str, call: &str) -> String {
    let name: String = call
        .split('_')
        .map(|word| {
            if word == "db" {
                "DB".to_owned()
            } else {
                word.chars().take(1).map(|c| c.to_ascii_uppercase()).chain(word.chars().skip(1)).collect()
            }
        })
        .collect();
    format!("{service}:{name}")
}

/// The functions of a source, by name, with their bodies (up to the next function).
fn bodies(source: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for part in source.split("fn ").skip(1) {
        let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        found.entry(name).or_default().push_str(part);
    }
    found
}

/// What follows `mark` as an identifier, each time it stands in `text`.
fn names_after(text: &str, mark: &str) -> Vec<String> {
    text.split(mark).skip(1).map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()).collect()
}

fn calls_in(name: &str, all: &BTreeMap<String, String>, seen: &mut BTreeSet<String>) -> BTreeSet<String> {
    if !seen.insert(name.to_owned()) {
        return BTreeSet::new();
    }
    let Some(body) = all.get(name) else { return BTreeSet::new() };
    let mut calls: BTreeSet<String> = [".client.", ".at_most_once."].iter().flat_map(|mark| names_after(body, mark)).collect();
    // Only what the body names of its own file's functions is followed.
    let names = |other: &&String| {
        body.match_indices(&format!("{other}(")).any(|(at, _)| !body[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    };
    for other in all.keys().filter(names) {
        calls.extend(calls_in(other, all, seen));
    }
    calls
}

/// The actions of every port method, read off its adapter.
fn actions_by_method() -> BTreeMap<String, BTreeSet<String>> {
    let ports = bodies(&ports());
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (paths, service) in ADAPTERS {
        let source: String = paths.iter().map(|path| read(path)).collect();
        // A chain that is broken over lines is one chain.
        let all = bodies(&source.split('\n').map(str::trim).collect::<Vec<_>>().join(" ").replace(" .", "."));
        for method in all.keys().filter(|name| ports.contains_key(*name)) {
            let actions = calls_in(method, &all, &mut BTreeSet::new()).into_iter().map(|call| action(service, &call));
            // Where a request is built elsewhere, the adapter names its action for errors.
            let named = names_after(&all[method], &format!("\"{service}:"))
                .into_iter()
                .filter(|name| !name.is_empty())
                .map(|name| format!("{service}:{name}"));
            found
                .entry(method.clone())
                .or_default()
                .extend(actions.chain(named).chain(implied(method).iter().map(|action| (*action).to_owned())));
        }
    }
    // The ledger is used through functions of the domain; whoever has it reads, writes and lists.
    found
}

/// The sources that a step runs through: all of the function, or for `restore` its own module and what it calls.
fn sources(binary: &str, steps: &BTreeSet<String>) -> String {
    let all = |folder: &str| {
        files(folder, &[".rs"]).into_iter().filter(|path| !path.contains("tests")).map(|path| read(&path)).collect::<String>()
    };
    if binary == "validate" && steps.iter().all(|step| step == "write_items") {
        // It runs through its own module alone, and reads the plan through the domain.
        let of = |file: &str| read(&format!("functions/validate/src/steps/salvage/{file}.rs"));
        return ["mod", "turn", "write"].map(of).concat().replace("salvage::changes(", "documents.get_json(").replace('\n', " ");
    }
    if binary == "validate" && steps.len() == 1 {
        let text: String = steps.iter().map(|step| read(&format!("functions/validate/src/steps/{step}.rs"))).collect();
        let open = bodies(&read("functions/validate/src/open.rs"));
        let called: String = names_after(&text, "open::").iter().filter_map(|name| open.get(name).cloned()).collect();
        return format!("{text}{called}").replace('\n', " ");
    }
    if binary != "restore" {
        return all(&format!("functions/{binary}/src")).replace("\n", " ");
    }
    let handle = read("functions/restore/src/lib.rs");
    let mut text = read("functions/restore/src/case.rs");
    for step in steps {
        let variant: String = step.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        let line = handle
            .lines()
            .find(|line| line.contains(&format!("Step::{variant}(case)")))
            .unwrap_or_else(|| panic!("restore has no step {step}"));
        let path: Vec<String> = names_after(line, "steps::")
            .into_iter()
            .chain(names_after(line, "steps::").iter().flat_map(|module| names_after(line, &format!("{module}::"))))
            .collect();
        let module = read(&format!("functions/restore/src/steps/{}.rs", path[0]));
        if module.contains("make(") {
            text.push_str(&read("functions/restore/src/executor.rs"));
            text.push_str(&read("functions/restore/src/observe.rs"));
        }
        if module.contains("observe::") {
            text.push_str(" databases.database(");
        }
        if module.contains("steps::facts::") {
            text.push_str(&read("functions/restore/src/steps/facts.rs"));
        }
        text.push_str(&module);
    }
    // What is done for each kind of target stands beside the steps.
    let targets: BTreeSet<String> = names_after(&text, "targets::").into_iter().filter(|name| !name.is_empty()).collect();
    for target in targets {
        text.push_str(&read(&format!("functions/restore/src/targets/{target}.rs")));
    }
    // The lease asks after its owner through the domain.
    if text.contains("deps.executions") {
        text.push_str(" executions.execution(");
    }
    text
}

/// Every deployed function: its name in the machines, its binary, its steps.
fn deployed_functions() -> Vec<(String, String, BTreeSet<String>)> {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let functions = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    let found: Vec<_> = functions
        .map(|(id, resource)| {
            let properties = &resource["Properties"];
            let binary = properties["CodeUri"].as_str().unwrap().trim_end_matches('/').rsplit('/').next().unwrap().to_owned();
            let steps = properties["Environment"]["Variables"]["LIFEBOAT_STEPS"].as_str().unwrap();
            let steps = steps.split(',').map(|step| step.trim().to_owned()).collect();
            (id.trim_end_matches("Function").to_owned(), binary, steps)
        })
        .collect();
    assert!(found.len() >= 7, "detect, snapshot, restore three times, validate and notify are expected");
    found
}

/// What the policies `ports*` of a function's role allow.
fn role_actions(function: &str) -> BTreeSet<String> {
    let template = template();
    let policies = template["Resources"][format!("{function}Role")]["Properties"]["Policies"].as_array().unwrap().clone();
    // A policy that hangs on a parameter stands between its condition and nothing.
    let policies = policies.into_iter().flat_map(|policy| policy.as_array().cloned().unwrap_or_else(|| vec![policy]));
    let ports = policies.filter(|policy| policy["PolicyName"].as_str().is_some_and(|name| name.starts_with("ports")));
    let statements = ports.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap().clone());
    statements.filter(|statement| statement["Effect"] == "Allow").flat_map(|statement| texts(&statement["Action"])).collect()
}

/// One text, or each of several.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// One action that a role allows on one kind of resource, and what that hangs on.
struct Permission {
    role: String,
    action: String,
    resource: String,
    hangs_on: BTreeSet<String>,
}

impl Permission {
    fn hangs_on(&self, start: &str) -> bool {
        self.hangs_on.iter().any(|word| word.starts_with(start))
    }
}

impl Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.hangs_on.iter().map(String::as_str).collect();
        let hangs_on = if words.is_empty() { ALWAYS.to_owned() } else { words.join(", ") };
        f.write_str(&line(&self.role, &self.action, &self.resource, &hangs_on))
    }
}

fn line(role: &str, action: &str, resource: &str, hangs_on: &str) -> String {
    format!("{role} {action} {resource}: {hangs_on}")
}

/// What every role allows.
fn permissions() -> Vec<Permission> {
    let template = template();
    let mut found = Vec::new();
    for (id, resource) in template["Resources"].as_object().unwrap() {
        if resource["Type"] == "AWS::IAM::Role" {
            for statement in statements(&resource["Properties"]["Policies"]) {
                if statement["Effect"] == "Allow" {
                    found.extend(permissions_of(id.trim_end_matches("Role"), statement));
                }
            }
        }
    }
    found
}

/// Every statement in it, however deep.
fn statements(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(fields) if fields.contains_key("Effect") => vec![value],
        Value::Object(fields) => fields.values().flat_map(statements).collect(),
        Value::Array(items) => items.iter().flat_map(statements).collect(),
        _ => Vec::new(),
    }
}

fn permissions_of(role: &str, statement: &Value) -> Vec<Permission> {
    assert!(statement["NotAction"].is_null() && statement["NotResource"].is_null(), "{role} allows all but something: {statement}");
    let resources = texts(&statement["Resource"]);
    let mut hangs_on = BTreeSet::new();
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        hangs_on.extend(keys.as_object().unwrap().iter().map(|(key, values)| asks(operator, key, values)));
    }
    let mut found = Vec::new();
    for action in texts(&statement["Action"]) {
        for resource in &resources {
            let resource = resource.rsplit("${AWS::AccountId}:").next().unwrap_or_default().to_owned();
            found.push(Permission { role: role.to_owned(), action: action.clone(), resource, hangs_on: hangs_on.clone() });
        }
    }
    found
}

/// What a condition asks, in words: of the resource that it carries or lacks a tag, of the call that it gives or omits one.
fn asks(operator: &str, key: &str, values: &Value) -> String {
    let wanted = texts(values).join(" ");
    let (kind, tag) = key.split_once('/').unwrap_or((key, ""));
    match (operator, kind, wanted.as_str()) {
        ("Null", "aws:ResourceTag", "false") => format!("carries {tag}"),
        ("Null", "aws:ResourceTag", "true") => format!("lacks {tag}"),
        ("Null", "aws:RequestTag", "false") => format!("gives {tag}"),
        ("Null", "aws:RequestTag", "true") => format!("omits {tag}"),
        ("Null", "aws:TagKeys", "false") => "names tags".to_owned(),
        ("ForAllValues:StringEquals", "aws:TagKeys", only) => format!("only {only}"),
        ("Bool", "rds:TagsFromRequest", "false") => "inherits".to_owned(),
        _ => format!("{operator} {key} {wanted}"),
    }
}

/// What changes something of RDS.
fn changes() -> Vec<Permission> {
    let changes = |action: &str| {
        action == "*"
            || (action.starts_with("rds:") && !action.starts_with("rds:Describe"))
            || (action.starts_with("elasticache:")
                && !["Describe", "List"].iter().any(|read| action["elasticache:".len()..].starts_with(read)))
    };
    permissions().into_iter().filter(|permission| changes(&permission.action)).collect()
}

#[test]
fn every_role_allows_exactly_what_the_functions_steps_call() {
    let methods = actions_by_method();
    assert!(methods.len() > 20, "the adapters were read: {methods:?}");
    let ledger: BTreeSet<String> = ["read", "create", "replace", "list"].iter().flat_map(|method| methods[*method].clone()).collect();
    let complaints = deployed_functions().into_iter().flat_map(|(name, binary, steps)| {
        let text = sources(&binary, &steps);
        let mut needed = if text.contains("ledger") { ledger.clone() } else { BTreeSet::new() };
        for (method, actions) in &methods {
            if !["read", "create", "replace", "list"].contains(&method.as_str()) && text.contains(&format!(".{method}(")) {
                needed.extend(actions.clone());
            }
        }
        let allowed = role_actions(&name);
        let lacking =
            needed.difference(&allowed).map(|action| format!("{name} calls {action}, which its role does not allow")).collect::<Vec<_>>();
        let idle = allowed
            .difference(&needed)
            .map(|action| format!("the role of {name} allows {action}, which none of its steps calls"))
            .collect::<Vec<_>>();
        lacking.into_iter().chain(idle)
    });
    none(complaints);
}

#[test]
fn every_action_of_the_adapters_stands_in_the_documentation_of_its_port() {
    let documented = ports();
    let name = |action: &str| action.split(':').next_back().unwrap_or_default().to_owned();
    none(actions_by_method().into_iter().flat_map(|(method, actions)| {
        let documented = documented.clone();
        actions
            .into_iter()
            .filter(move |action| !documented.contains(&name(action)))
            .map(move |action| format!("{method} calls {action}, which ports.rs does not name"))
            .collect::<Vec<_>>()
    }));
}

#[test]
fn every_permission_to_change_something_of_rds_is_known_with_what_it_hangs_on() {
    let allowed: BTreeSet<String> = changes().iter().map(ToString::to_string).collect();
    let mut known = BTreeSet::new();
    for change in CHANGES.iter().chain(CACHE_CHANGES) {
        for action in change.actions {
            known.extend(change.resources.iter().map(|resource| line(change.role, action, resource, change.hangs_on)));
        }
    }
    let strange = allowed.difference(&known).map(|line| format!("allowed, but not known: {line}"));
    let lacking = known.difference(&allowed).map(|line| format!("known, but not allowed: {line}"));
    none(strange.chain(lacking));
}

/// Whether it only makes what carries a mark of Lifeboat from birth.
fn is_born(permission: &Permission) -> bool {
    permission.hangs_on(&format!("gives {}", tags::INCIDENT)) || permission.hangs_on(&format!("gives {}", tags::SEARCH))
}

#[test]
fn nothing_is_done_to_a_database_without_a_tag_of_lifeboat() {
    // Proxies and their target groups are named by whoever deploys. A global datastore takes no tags: its member, which the same call names,
    // must carry one.
    let others = [
        "auto-backup:",
        "og:",
        "pg:",
        "snapshot:",
        "subgrp:",
        "CutOverProxyArns",
        "parametergroup:",
        "subnetgroup:",
        "usergroup:",
        "globalreplicationgroup:",
    ];
    let others: Vec<String> = others.iter().flat_map(|kind| [(*kind).to_owned(), format!("cluster-{kind}")]).collect();
    let on_databases = changes().into_iter().filter(|permission| !others.iter().any(|kind| permission.resource.starts_with(kind.as_str())));
    let free = on_databases.filter(|permission| !permission.hangs_on("carries lifeboat:") && !is_born(permission));
    none(free.map(|permission| format!("needs no tag of Lifeboat: {permission}")));
}

#[test]
fn no_role_can_give_a_database_the_tag_that_its_own_permissions_hang_on() {
    let tagging = changes().into_iter().filter(|permission| permission.action.ends_with(":AddTagsToResource"));
    let is_snapshot = |resource: &str| ["snapshot:lifeboat-", "cluster-snapshot:lifeboat-"].iter().any(|start| resource.starts_with(start));
    let open = tagging.filter(|permission| !is_snapshot(&permission.resource)).filter(|permission| {
        let copies = [COPIES, SEARCHED, CLUSTER_COPIES, CLUSTERS_SEARCHED, MEMBERS, CACHE_COPIES];
        let is_born = copies.contains(&permission.resource.as_str()) && is_born(permission);
        let only = permission.hangs_on.iter().find_map(|word| word.strip_prefix("only "));
        let is_moved = permission.hangs_on("carries lifeboat:")
            && permission.hangs_on.contains("names tags")
            && only.is_some_and(|only| {
                only.split(' ').all(|tag| tag.starts_with("lifeboat:") && ![tags::INCIDENT, tags::PROMOTABLE, tags::SEARCH].contains(&tag))
            });
        !is_born && !is_moved
    });
    none(open.map(|permission| format!("too wide: {permission}")));
}

#[test]
fn the_roles_know_a_copy_by_the_name_that_a_plan_gives_it() {
    let naming = read("shared/domain/src/plan/options.rs");
    assert!(naming.contains("format!(\"r{}\", short_digest("), "a copy is named otherwise: the template's {COPIES} no longer fits");
    assert_eq!(COPIES, format!("db:*-r{}", "?".repeat(short_digest(&["any"]).len())));
    let naming = read("shared/domain/src/bisection/mod.rs");
    assert!(naming.contains("format!(\"s{}\", short_digest("), "a copy is named otherwise: the template's {SEARCHED} no longer fits");
    assert_eq!(SEARCHED, format!("db:*-s{}", "?".repeat(short_digest(&["any"]).len())));
    // A cluster is named as an instance is, and a member after its cluster, with a number.
    assert_eq!((CLUSTER_COPIES, MEMBERS), (COPIES.replace("db:", "cluster:").as_str(), format!("{COPIES}-*").as_str()));
    assert_eq!(CACHE_COPIES, COPIES.replace("db:", "replicationgroup:"));
    assert_eq!(CLUSTERS_SEARCHED, SEARCHED.replace("db:", "cluster:"));
}

#[test]
fn the_roles_ask_for_tags_that_the_code_writes() {
    let written = [tags::POLICY, tags::RESOURCE, tags::SECRET, tags::RETIRED, tags::INCIDENT, tags::BACKUP, tags::PROMOTABLE, tags::SEARCH];
    let words: BTreeSet<String> = changes().into_iter().flat_map(|permission| permission.hangs_on).collect();
    let asked = words.iter().flat_map(|words| words.split(' ')).filter(|word| word.contains("lifeboat"));
    none(asked.filter(|tag| !written.contains(tag)).map(|tag| format!("the roles ask for the tag {tag}, which the code does not know")));
}

#[test]
fn no_secret_is_within_reach_unless_whoever_deploys_has_named_it() {
    let template = template();
    let parameter = &template["Parameters"]["SecretNamePattern"];
    assert!(parameter.is_object() && parameter["Default"].is_null(), "SecretNamePattern must be given: {parameter}");
    let reached =
        permissions().into_iter().filter(|permission| permission.action == "*" || permission.action.starts_with("secretsmanager:"));
    let unnamed = reached.filter(|permission| permission.resource != "secret:${SecretNamePattern}");
    none(unnamed.map(|permission| format!("not within SecretNamePattern: {permission}")));
}

#[test]
fn no_target_and_no_consumer_is_within_reach_unless_whoever_deploys_has_named_it() {
    let template = template();
    let moved = ["CutOverZoneArns", "CutOverParameterArns", "CutOverProxyArns", "RestartServiceArns", "RestartFunctionArns"];
    for name in moved.iter().chain(&["ExportBucketArns", "ExportKeyArns"]) {
        assert_eq!(template["Parameters"][name]["Default"], "", "{name} is none unless it is given");
    }
    let writes = ["route53:Change", "ssm:Put", "ecs:Update", "lambda:UpdateFunctionConfiguration"];
    let reached = permissions().into_iter().filter(|permission| writes.iter().any(|write| permission.action.starts_with(write)));
    none(reached.filter(|permission| !moved.contains(&permission.resource.as_str())).map(|permission| format!("not named: {permission}")));
}
