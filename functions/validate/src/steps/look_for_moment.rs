//! `look_for_moment`: what the data itself tells of the moment at which it went wrong; read-only, bounded, and honest about the rest.

use crate::budget::Budget;
use crate::sql::predicate;
use crate::{Deps, LookInput, open};
use lifeboat_domain::bisection::{Answered, Reply};
use lifeboat_domain::moments::prints::{Today, finding, today};
use lifeboat_domain::moments::{Finding, Looked, Origin, Search, Sureness, looked_key, search_key};
use lifeboat_domain::point::Fingerprint;
use lifeboat_domain::policy::{FingerprintTable, Policy, SqlCheck};
use lifeboat_domain::ports::{Clock, Credentials, Documents, Ledger, OpenDatabases, ReadSecrets, Target, VisitLimits};
use lifeboat_domain::words::{Grade, show_time};
use lifeboat_domain::{DrError, Timestamp, ledger};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the step answers.
#[derive(Debug, Serialize)]
pub(crate) struct LookedAnswer {
    findings: usize,
    notes: usize,
}

/// The database that is looked into.
struct Visit<'a> {
    target: &'a Target,
    credentials: &'a Credentials,
    limits: VisitLimits,
    now: Timestamp,
}

/// Looks; what cannot be looked at is a note and not an error. Repeated, it writes the same place again.
pub(crate) async fn look_for_moment<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, input: &LookInput) -> Result<LookedAnswer, DrError>
where
    L: Ledger,
    D: Documents,
    S: ReadSecrets,
    O: OpenDatabases,
    C: Clock,
{
    let budget = Budget::start();
    let search: Search = ledger::expect(&deps.ledger, &search_key(&input.search)).await?.value;
    let policy = deps.policies.policy(&search.policy)?;
    let mut looked = Looked::default();
    match &search.target {
        Some(target) => match open::today(&deps.secrets, target).await {
            Ok(credentials) => {
                let visit = Visit { target, credentials: &credentials, limits: open::limits(policy), now: deps.clock.now() };
                look(deps, &search, policy, &visit, &mut looked, budget).await;
            }
            Err(why) => looked.notes.push(format!("The data was not looked at: {why}")),
        },
        None => looked.notes.push(format!("The data was not looked at: {} does not exist any more", search.resource)),
    }
    tracing::info!(execution = input.execution, resource = %search.resource, findings = looked.findings.len(), "looked into the data");
    ledger::write(&deps.ledger, &looked_key(&input.search), &looked).await?;
    Ok(LookedAnswer { findings: looked.findings.len(), notes: looked.notes.len() })
}

/// The cheap questions first; whatever the time does not suffice for is said.
async fn look<L, D: Documents, S, O: OpenDatabases, C>(
    deps: &Deps<L, D, S, O, C>,
    search: &Search,
    policy: &Policy,
    visit: &Visit<'_>,
    looked: &mut Looked,
    budget: Budget,
) {
    let checked = budget.spend(checks(deps, search, policy, visit)).await.unwrap_or_else(|why| looked_late("the checks", &why));
    let tables: Vec<&FingerprintTable> = policy.fingerprint.iter().filter(|table| search.tables.contains(&table.table)).collect();
    let mut found = vec![checked];
    if let Some(wish) = &search.bisect {
        let asked = predicate::ask(&deps.databases, visit.target, visit.credentials, visit.limits, &wish.predicate);
        let (reply, text) = budget.spend(asked).await.unwrap_or_else(|why| (Reply::Unknown, why));
        looked.predicate = Some(Answered { reply, at: visit.now, text });
    }
    let prints = match budget.spend(prints(deps, search)).await {
        Ok(Ok(prints)) => prints,
        Ok(Err(why)) | Err(why) => {
            found.push(looked_late("the fingerprints", &why));
            Vec::new()
        }
    };
    for table in tables {
        let compared = budget.spend(compare(deps, table, &prints, visit)).await;
        found.push(compared.unwrap_or_else(|why| looked_late(&table.table, &why)));
        let window = (search.from, search.to);
        let asked = deps.databases.traces(visit.target, visit.credentials, visit.limits, table, window);
        found.push(match budget.spend(asked).await {
            Ok(traces) => {
                let (findings, notes) = traces.read(table, window, visit.now);
                Looked { findings, notes, predicate: None }
            }
            Err(why) => looked_late(&table.table, &why),
        });
    }
    for one in found {
        looked.findings.extend(one.findings);
        looked.notes.extend(one.notes);
    }
}

fn looked_late(what: &str, why: &str) -> Looked {
    Looked { findings: Vec::new(), notes: vec![format!("Of {what} not everything was looked at: {why}")], predicate: None }
}

/// The check that was named, or else the watched ones. What fails now was well when all of them last passed.
async fn checks<L, D, S, O: OpenDatabases, C>(deps: &Deps<L, D, S, O, C>, search: &Search, policy: &Policy, visit: &Visit<'_>) -> Looked {
    let is_meant = |check: &&SqlCheck| search.check.as_ref().map_or(check.watch, |named| check.name == *named);
    let meant: Vec<SqlCheck> = policy.checks.iter().filter(is_meant).cloned().collect();
    let mut looked = Looked::default();
    if meant.is_empty() {
        return looked;
    }
    let ran = deps.databases.run_checks(visit.target, visit.credentials, visit.limits, &meant).await;
    for (check, result) in meant.iter().zip(ran) {
        let name = &check.name;
        match (result.grade, search.checks_passed_at.filter(|_| check.watch)) {
            (Grade::Pass, _) => {
                looked.notes.push(format!("The check {name:?} passes now: it does not see what went wrong, or that is mended"));
            }
            (Grade::Fail, Some(passed)) => {
                let text = format!("every watched check passed at {}; now {name:?} fails: {}", show_time(passed), result.text);
                looked.findings.push(Finding::between(Origin::Checks, Sureness::Proven, (passed, visit.now), text));
            }
            (Grade::Fail, None) => looked.notes.push(format!(
                "The check {name:?} fails now ({}); when it last passed nobody knows: only checks with `watch: true` are run by every sweep",
                result.text
            )),
            (Grade::Warn | Grade::Unknown, _) => looked.notes.push(format!("The check {name:?} tells nothing: {}", result.text)),
        }
    }
    looked
}

/// The fingerprints of the search, oldest first.
async fn prints<L, D: Documents, S, O, C>(deps: &Deps<L, D, S, O, C>, search: &Search) -> Result<Vec<Fingerprint>, String> {
    let mut prints = Vec::new();
    for key in &search.fingerprints {
        prints.push(open::document(&deps.documents, "fingerprints", key).await.map_err(|error| error.to_string())?);
    }
    Ok(prints)
}

/// Goes back from fingerprint to fingerprint until one is met whose rows are not there any more as they were.
async fn compare<L, D, S, O: OpenDatabases, C>(
    deps: &Deps<L, D, S, O, C>,
    table: &FingerprintTable,
    prints: &[Fingerprint],
    visit: &Visit<'_>,
) -> Looked {
    let mut intact_since = None;
    let name = &table.table;
    for print in prints.iter().rev() {
        let Some(kept) = print.contents.iter().find(|content| content.table == *name) else { continue };
        let Some(watermark) = kept.watermark.clone() else { continue };
        let below = BTreeMap::from([(name.clone(), watermark.clone())]);
        let taken = deps.databases.fingerprint(visit.target, visit.credentials, visit.limits, std::slice::from_ref(table), &below).await;
        let now = match taken.map(|taken| taken.contents.into_iter().next()) {
            Ok(Some(now)) => now,
            Ok(None) => continue,
            Err(why) => return looked_late(name, &why.to_string()),
        };
        match today(table, kept, print.taken_at, &now) {
            Today::AsThen => intact_since = Some(print.taken_at),
            Today::Differs(what) => {
                let found = finding(table, &what, print.taken_at, visit.now, intact_since);
                return Looked { findings: vec![found], ..Looked::default() };
            }
        }
    }
    let untouched = |since: Timestamp| {
        format!("{name}: nothing that its fingerprint of {} can tell was removed or altered since then", show_time(since))
    };
    Looked { notes: intact_since.map(untouched).into_iter().collect(), ..Looked::default() }
}
