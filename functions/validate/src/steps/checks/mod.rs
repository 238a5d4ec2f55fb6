//! `checks`: validates the restored database, and says what that allows.

mod configuration;
mod data;
mod keyspace;
pub(crate) mod login;

use crate::budget::Budget;
use crate::{Case, Deps, open};
use data::Moment;
use lifeboat_domain::acting::CutOver;
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::plan::{Plan, Remedy};
use lifeboat_domain::point::{Difference, Fingerprint};
use lifeboat_domain::policy::{FingerprintTable, Policy};
use lifeboat_domain::ports::{Clock, Credentials, Documents, Ledger, OpenDatabases, ReadSecretVersions, ReadSecrets, Target};
use lifeboat_domain::validation::{Check, Validation};
use lifeboat_domain::words::{Grade, ResourceKind, Scenario};
use lifeboat_domain::{DrError, Span, Timestamp};
use login::Login;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the validation allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Proceed {
    /// Clients may be moved.
    CutOver,
    /// The copy stands beside production, as was asked for.
    Beside,
    /// A check holds the recovery; a person decides.
    Hold,
}

/// What the step answers.
#[derive(Debug, Serialize)]
pub(crate) struct Validated {
    grade: Grade,
    proceed: Proceed,
}

/// Validates, writes the report and a line of the timeline. A rerun looks again and writes a newer report.
pub(crate) async fn checks<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, case: &Case) -> Result<Validated, DrError>
where
    L: Ledger,
    D: Documents,
    S: ReadSecrets + ReadSecretVersions,
    O: OpenDatabases,
    C: Clock,
{
    open::keep_lease(deps, case).await?;
    let budget = Budget::start();
    let incident = ledger::incident(&deps.ledger, &case.incident).await?;
    let policy = deps.policies.policy(&incident.policy)?;
    let target = open::restored(&incident)?;
    let plan = open::plan(&deps.ledger, &incident).await?;
    let differences = ledger::read::<Vec<Difference>>(&deps.ledger, &keys::configuration(&incident.id)).await?.map(|kept| kept.value);

    let restore_point = plan.as_ref().and_then(|plan| plan.restore_point);
    let baseline = baseline(&deps.documents, plan.as_ref()).await?;
    let login = login::try_logins(deps, &target, open::limits(policy), restore_point).await?;
    let was_opened = ledger::read::<CutOver>(&deps.ledger, &keys::cut_over(&incident.id)).await?.is_some();
    let mut checks = vec![login.reachability(), login.login(), role(&login)];
    let (mut newest_data, mut write_mark) = (None, None);
    match &login.works {
        Some(credentials) => {
            write_mark = deps.databases.write_mark(&target, credentials, open::limits(policy)).await;
            let visit = Visit {
                deps,
                budget,
                policy,
                incident: &incident,
                plan: plan.as_ref(),
                is_clone: is_clone(plan.as_ref()),
                target: &target,
                credentials,
                baseline,
                was_opened,
            };
            newest_data = visit.look_inside(&mut checks).await;
        }
        None => checks.extend(not_run(policy, &login.why_not(), is_clone(plan.as_ref()))),
    }
    // What it follows lies in another Region, which is not asked how it is configured.
    if !takes_over(plan.as_ref()) {
        checks.push(configuration::configuration(differences.as_deref()));
    }

    let validation = Validation { at: deps.clock.now(), checks, newest_data, write_mark };
    ledger::write(&deps.ledger, &keys::validation(&incident.id), &validation).await?;
    let proceed = proceed(&validation, policy, plan.as_ref());
    let text = sentence(&validation, policy, proceed);
    tracing::info!(execution = case.execution, incident = %incident.id, grade = %validation.grade(), "{text}");
    ledger::tell(&deps.ledger, &incident.id, validation.at, Phase::Validate, text).await?;
    Ok(Validated { grade: validation.grade(), proceed })
}

/// Whether it is a member that took over from another Region: nothing was restored.
fn takes_over(plan: Option<&Plan>) -> bool {
    plan.is_some_and(|plan| plan.remedy == Some(Remedy::TakeOver))
}

/// Whether it is a clone of today's data: no state of before is expected of it, and nothing of it is compared or measured.
pub(crate) fn is_clone(plan: Option<&Plan>) -> bool {
    plan.is_some_and(|plan| plan.remedy == Some(Remedy::Clone))
}

fn role(login: &Login) -> Check {
    let probe = login.best();
    let (grade, text) = match probe.writable {
        Some(true) => (Grade::Pass, "it is not in recovery and accepts writes"),
        Some(false) => (Grade::Fail, "it is in recovery or read-only: clients could not write"),
        None => (Grade::Unknown, "could not be asked: no login works"),
    };
    Check::new("role", grade, text)
}

/// The checks that need a login, where there is none.
fn not_run(policy: &Policy, why: &str, is_clone: bool) -> Vec<Check> {
    let built_in = if is_clone { &[][..] } else { &["tables", "data", "freshness"] };
    let names = built_in.iter().copied().chain(policy.checks.iter().map(|check| check.name.as_str()));
    names.map(|name| unknown(name, format_args!("no login works ({why})"))).collect()
}

fn unknown(name: &str, why: impl std::fmt::Display) -> Check {
    Check::new(name, Grade::Unknown, format!("could not run: {why}"))
}

/// What the checks inside the database have in common.
struct Visit<'a, L, D, S, O, C> {
    deps: &'a Deps<L, D, S, O, C>,
    budget: Budget,
    policy: &'a Policy,
    incident: &'a Incident,
    plan: Option<&'a Plan>,
    is_clone: bool,
    target: &'a Target,
    credentials: &'a Credentials,
    baseline: Result<Option<Fingerprint>, String>,
    /// Whether clients may have been on it, before an earlier attempt led them back.
    was_opened: bool,
}

/// The fingerprint that the plan names; none if it names none. One that cannot be read *now* is an error, for the step to be
/// repeated: it says nothing of the database.
async fn baseline(documents: &impl Documents, plan: Option<&Plan>) -> Result<Result<Option<Fingerprint>, String>, DrError> {
    let Some(key) = plan.and_then(|plan| plan.baseline.as_ref()) else { return Ok(Ok(None)) };
    match open::document(documents, "baseline", key).await {
        Ok(fingerprint) => Ok(Ok(Some(fingerprint))),
        Err(error) if error.name().is_retryable() => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

impl<L, D, S, O: OpenDatabases, C: Clock> Visit<'_, L, D, S, O, C> {
    /// Runs them; answers the newest data's time.
    async fn look_inside(&self, checks: &mut Vec<Check>) -> Option<Timestamp> {
        let newest_data = if self.is_clone { None } else { self.look_at_data(checks).await };
        if !self.policy.checks.is_empty() {
            let running = self.deps.databases.run_checks(self.target, self.credentials, open::limits(self.policy), &self.policy.checks);
            match self.budget.spend(running).await {
                Ok(ran) => checks.extend(ran),
                Err(late) => checks.extend(self.policy.checks.iter().map(|check| unknown(&check.name, &late))),
            }
        }
        newest_data
    }

    /// What it holds against the fingerprint, and how new that is.
    async fn look_at_data(&self, checks: &mut Vec<Check>) -> Option<Timestamp> {
        match self.fingerprint(&self.to_list(), &BTreeMap::new()).await {
            Ok(Fingerprint { keyspace: Some(found), .. }) => {
                checks.push(keyspace::check(&self.baseline, &found, self.plan, self.was_opened));
                None
            }
            Ok(found) => {
                self.compare(&found.tables, checks).await;
                self.measure(&found.tables, checks).await
            }
            Err(error) => {
                checks.extend(["tables", "data", "freshness"].map(|name| unknown(name, &error)));
                None
            }
        }
    }

    /// What is fingerprinted to learn which tables there are: of a database its catalogue tells, a table is its own.
    fn to_list(&self) -> Vec<FingerprintTable> {
        match self.target.instance.kind() {
            ResourceKind::DynamodbTable => self.policy.tables_of(&self.target.instance, &self.incident.resource),
            _ => Vec::new(),
        }
    }

    /// Compares with the baseline, at its watermarks, as far as tables and watermarks exist.
    async fn compare(&self, found: &[String], checks: &mut Vec<Check>) {
        let baseline = match &self.baseline {
            Ok(baseline) => baseline.as_ref(),
            Err(error) => return checks.extend(["tables", "data"].map(|name| unknown(name, error))),
        };
        let policy = self.policy.tables_of(&self.target.instance, &self.incident.resource);
        // Nobody here knows what it should hold: the policy's own checks tell, and the person who has approved it.
        if baseline.is_none() && takes_over(self.plan) {
            checks.extend((!policy.is_empty()).then(|| data::tables(None, &policy, found)));
            return;
        }
        checks.push(data::tables(baseline, &policy, found));
        let watermarks = baseline.map(data::watermarks).unwrap_or_default();
        let comparable = |table: &&FingerprintTable| found.contains(&table.table) && watermarks.contains_key(&table.table);
        let tables: Vec<FingerprintTable> = policy.iter().filter(comparable).cloned().collect();
        let started = self.deps.clock.now();
        let restored =
            if tables.is_empty() { Ok(Vec::new()) } else { self.fingerprint(&tables, &watermarks).await.map(|taken| taken.contents) };
        let check = match restored {
            Ok(restored) => data::data(baseline, &policy, &restored),
            Err(error) => unknown("data", &error),
        };
        checks.push(Check { millis: self.millis_since(started), ..check });
    }

    /// Measures how new the data is.
    async fn measure(&self, found: &[String], checks: &mut Vec<Check>) -> Option<Timestamp> {
        let tables = self.policy.tables_of(&self.target.instance, &self.incident.resource);
        let timed: Vec<FingerprintTable> = tables.into_iter().filter(|table| table.written_at.is_some()).collect();
        let there: Vec<FingerprintTable> = timed.iter().filter(|table| found.contains(&table.table)).cloned().collect();
        let started = self.deps.clock.now();
        let taken =
            if there.is_empty() { Ok(Vec::new()) } else { self.fingerprint(&there, &BTreeMap::new()).await.map(|taken| taken.contents) };
        let newest = match taken {
            Ok(contents) => contents.iter().filter_map(|facts| facts.newest).max(),
            Err(error) => {
                checks.push(unknown("freshness", &error));
                return None;
            }
        };
        let is_sampled = timed.iter().any(|table| table.items.is_some());
        let check = match newest.filter(|_| is_sampled) {
            Some(newest) => Some(data::sampled_freshness(newest, &self.wanted())),
            None if takes_over(self.plan) => newest.map(data::replicated_until),
            None => data::freshness(newest, !timed.is_empty(), &self.wanted(), self.rpo()),
        };
        checks.extend(check.map(|check| Check { millis: self.millis_since(started), ..check }));
        // Of a sample the newest is not the newest of all: it measures no loss.
        newest.filter(|_| !is_sampled)
    }

    fn millis_since(&self, started: Timestamp) -> u64 {
        u64::try_from((self.deps.clock.now() - started).num_milliseconds()).unwrap_or(0)
    }

    async fn fingerprint(&self, tables: &[FingerprintTable], watermarks: &BTreeMap<String, String>) -> Result<Fingerprint, String> {
        let taking = self.deps.databases.fingerprint(self.target, self.credentials, open::limits(self.policy), tables, watermarks);
        self.budget.spend(taking).await?.map_err(|error| error.to_string())
    }

    /// The moment that the data should reach.
    fn wanted(&self) -> Moment {
        let Some(at) = self.plan.and_then(|plan| plan.restore_point) else {
            return Moment { at: self.incident.first_signal_at, what: "the first signal" };
        };
        // The volume of a cluster goes on being archived while its writer hangs, and nothing is written that could be new.
        let last_write = self.incident.last_write();
        let serves = self.incident.scenario().is_none_or(Scenario::leaves_source_serving);
        if last_write < at && !serves {
            return Moment { at: last_write, what: "the source was last seen to take writes" };
        }
        Moment { at, what: "the restore point" }
    }

    fn rpo(&self) -> Span {
        self.incident.scenario().map_or(self.policy.objective, |scenario| self.policy.objective_for(scenario)).rpo
    }
}

/// The checks that say whether a database can be used, whatever it holds.
const OF_THE_SERVER: [&str; 3] = ["reachability", "login", "role"];

/// What the plan says is followed: it knows whether there is anything to move clients by.
fn proceed(validation: &Validation, policy: &Policy, plan: Option<&Plan>) -> Proceed {
    if is_clone(plan) {
        // Its data are as production's: what the policy's checks find in them is what it was made for.
        let answers = |check: &Check| check.grade == Grade::Pass || !OF_THE_SERVER.contains(&check.name.as_str());
        return if validation.checks.iter().all(answers) { Proceed::Beside } else { Proceed::Hold };
    }
    if !validation.holding(&policy.accept_warnings).is_empty() {
        Proceed::Hold
    } else if plan.is_some_and(|plan| plan.moves_clients) {
        Proceed::CutOver
    } else {
        Proceed::Beside
    }
}

fn sentence(validation: &Validation, policy: &Policy, proceed: Proceed) -> String {
    let counts: Vec<String> = Grade::ALL
        .iter()
        .map(|grade| (validation.checks.iter().filter(|check| check.grade == *grade).count(), grade))
        .filter(|(count, _)| *count > 0)
        .map(|(count, grade)| format!("{count} {grade}"))
        .collect();
    let holding: Vec<String> =
        validation.holding(&policy.accept_warnings).iter().map(|check| format!("{} {}: {}", check.name, check.grade, check.text)).collect();
    let decision = match proceed {
        Proceed::CutOver => "clients may be moved".to_owned(),
        Proceed::Beside => "the copy stands beside production".to_owned(),
        Proceed::Hold => format!("clients are not moved, because {}", holding.join("; ")),
    };
    format!("validation {} ({}): {decision}", validation.grade(), counts.join(", "))
}
