//! How a story ends: what must always hold, and names without what time makes of them.

use crate::account::{Account, ORDERS, SECRET, rows_of, server_of};
use lifeboat_domain::plan::FencePlan;
use std::collections::{BTreeMap, BTreeSet};

/// Names that come from a moment, such as an incident's id, with what stands for them.
pub(super) struct Names(Vec<(String, String)>);

impl Names {
    pub(super) fn of(account: &Account, since: usize) -> Self {
        let mut names: Vec<(String, String)> = Vec::new();
        let mut add = |name: String, kind: &str| {
            if !names.iter().any(|(known, _)| *known == name) {
                names.push((name, format!("<{kind} {}>", names.len())));
            }
        };
        let world = account.cloud.see();
        for call in world.rds.model.calls().iter().filter(|call| call.number > since) {
            let text = |field: &str| call.parameters[field].as_str().map(str::to_owned);
            let backup = call.parameters["Tags"].as_array().into_iter().flatten().find(|tag| tag["Key"] == "lifeboat:backup");
            text("TargetDBInstanceIdentifier").into_iter().for_each(|name| add(name, "copy"));
            let restored = call.action.starts_with("RestoreDBCluster").then(|| text("DBClusterIdentifier")).flatten();
            restored.into_iter().for_each(|name| add(name, "copy"));
            let made = (call.action == "CreateReplicationGroup").then(|| text("ReplicationGroupId")).flatten();
            made.into_iter().for_each(|name| add(name, "copy"));
            text("SnapshotName").filter(|_| call.action == "CreateSnapshot").into_iter().for_each(|name| add(name, "snapshot"));
            text("DBSnapshotIdentifier").into_iter().for_each(|name| add(name, "snapshot"));
            text("DBClusterSnapshotIdentifier").into_iter().for_each(|name| add(name, "snapshot"));
            backup.and_then(|tag| tag["Value"].as_str()).into_iter().for_each(|name| add(name.to_owned(), "run"));
        }
        account.incidents().into_iter().for_each(|incident| add(incident.id.to_string(), "incident"));
        Self(names)
    }

    pub(super) fn replace(&self, text: String) -> String {
        self.0.iter().fold(text, |text, (name, stands)| text.replace(name, stands))
    }

    /// A subject without what time makes of it; news of a passed RTO are of time only.
    pub(super) fn timeless(&self, subject: String) -> Option<String> {
        let text = self.replace(subject);
        let text = text.split(" in ").next()?.split(" after ").next()?.to_owned();
        (!text.contains("is past its RTO")).then(|| text.chars().filter(|c| !c.is_ascii_digit()).collect())
    }
}

/// What must hold at the end of every story, however it went.
pub fn check_always(account: &Account) -> Result<(), String> {
    let calls: Vec<String> = account.calls_since(0);
    let failovers = calls.iter().filter(|call| call.contains("\"ForceFailover\":true") || call.starts_with("FailoverDBCluster")).count();
    if failovers > 1 {
        return Err(format!("{failovers} failovers were asked for"));
    }
    let promotions = calls.iter().filter(|call| call.starts_with("PromoteReadReplica")).count();
    if promotions > 1 {
        return Err(format!("{promotions} promotions were asked for"));
    }
    if let Some(wiped) = calls.iter().find(|call| call.starts_with("RebootCacheCluster") || call.starts_with("TestFailover")) {
        return Err(format!("a cache is never rebooted, nor failed over for a test: {wiped}"));
    }
    let failed_over = calls.iter().filter(|call| call.starts_with("FailoverGlobalReplicationGroup")).count();
    if failed_over > 1 {
        return Err(format!("{failed_over} failovers of a global datastore were asked for"));
    }
    let primaries = calls.iter().filter(|call| call.contains("\"PrimaryClusterId\"")).count();
    if primaries > 1 {
        return Err(format!("{primaries} promotions of a replica were asked for"));
    }
    if !account.client.split_brain.is_empty() {
        return Err(format!("split brain: {:?}", account.client.split_brain));
    }
    let of_source = ["\"orders-db\"", "\"orders-db-1\"", "\"orders-db-2\"", "\"orders-db-3\"", "\"orders-db-instance-"];
    let deletes = |call: &&String| call.starts_with("DeleteDB") && of_source.iter().any(|name| call.contains(name));
    let of_cache = |call: &&String| call.starts_with("DeleteReplicationGroup") && call.contains("\"orders-db\"");
    if let Some(deletion) = calls.iter().find(deletes).or_else(|| calls.iter().find(of_cache)) {
        return Err(format!("the source was deleted: {deletion}"));
    }
    one_door(account)?;
    // Of what lies in another Region nobody here knows who lets whom in.
    if account.plans().into_iter().any(|plan| plan.fence == Some(FencePlan::Elsewhere)) {
        return Ok(());
    }
    both_sides(account)
}

/// By the calls alone: nothing is opened while another side is open, and a copy is born in quarantine. A source that is terminal or
/// gone is no side, and a read replica serves its readers all the time.
fn one_door(account: &Account) -> Result<(), String> {
    if account.policies.quarantine_groups.is_empty() {
        return Ok(());
    }
    let harmless = account.plans().into_iter().any(|plan| matches!(plan.fence, Some(FencePlan::Terminal | FencePlan::Gone)));
    // By the names that they had first: a swap of names moves no side.
    let mut open: BTreeSet<String> = [ORDERS.to_owned()].into();
    let mut called: BTreeMap<String, String> = [(ORDERS.to_owned(), ORDERS.to_owned())].into();
    let world = account.cloud.see();
    for call in world.rds.model.effective_calls() {
        let name = |field: &str| call.parameters[field].as_str().map(str::to_owned);
        let is_cache = !call.parameters["ReplicationGroupId"].is_null();
        let groups = call.parameters[if is_cache { "SecurityGroupIds" } else { "VpcSecurityGroupIds" }].to_string();
        let born = (call.action == "CreateReplicationGroup" && call.parameters["ReplicationGroupId"] != ORDERS)
            || call.action.starts_with("RestoreDBInstance")
            || call.action.starts_with("RestoreDBCluster");
        let side = name("TargetDBInstanceIdentifier").filter(|_| born);
        let side =
            side.or_else(|| name("ReplicationGroupId")).or_else(|| name("DBInstanceIdentifier")).or_else(|| name("DBClusterIdentifier"));
        if let Some(copy) = side.as_ref().filter(|side| born && side.starts_with("orders-db-r")) {
            called.insert(copy.clone(), copy.clone());
        }
        let Some(side) = side.and_then(|side| Some((called.get(&side)?.clone(), side))) else { continue };
        if let Some(name) = name("NewDBInstanceIdentifier") {
            called.remove(&side.1);
            called.insert(name, side.0.clone());
        }
        let side = side.0;
        match () {
            () if born && groups != "[\"sg-quarantine\"]" => return Err(format!("{side} is born with {groups}")),
            () if !["ModifyDBInstance", "ModifyDBCluster", "ModifyReplicationGroup"].contains(&call.action) || groups == "null" => {}
            () if groups.contains("sg-fence") || groups.contains("sg-quarantine") => drop(open.remove(&side)),
            () => drop(open.insert(side)),
        }
        if open.len() > 1 && !harmless {
            return Err(format!("{open:?} are open at once, since {} {} at {}", call.action, call.parameters, call.at));
        }
    }
    Ok(())
}

/// Clients were moved away from each earlier host: nobody may be let in there any more.
fn both_sides(account: &Account) -> Result<(), String> {
    let serving = account.serving();
    let source = server_of(&account.cloud, ORDERS).filter(|source| serving.as_ref() != Some(source));
    match source.and_then(|source| rows_of(&account.cloud, &source)) {
        Some(_) => Err(format!("clients are served by {serving:?}, and {ORDERS} still lets them in ({SECRET} has moved)")),
        None => Ok(()),
    }
}
