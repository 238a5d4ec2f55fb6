//! `find` and `conclude`: when did it go wrong? What the ledger and the control plane know; then, with what `validate` saw in the
//! data, the moments to go back to. Nothing is changed.

use super::bisect;
use crate::{Deps, FindInput, SearchInput, history, resources};
use lifeboat_domain::DrError;
use lifeboat_domain::ids::{Arn, Identity};
use lifeboat_domain::ledger;
use lifeboat_domain::moments::{Conclusion, LONGEST, Looked, Search, USUAL, conclude as ranked, looked_key, search_id, search_key};
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::policy::{Policy, nearest};
use lifeboat_domain::ports::{Clock, Documents, Ledger, ReadDatabaseEvents, ReadDatabases, ReadTrail, Target};
use lifeboat_domain::register::{FleetMember, ResourceRecord};
use lifeboat_domain::words::{ResourceKind, Timestamp, parse_time, show_time};
use serde::{Deserialize, Serialize};

/// What a person writes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    resource: String,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    table: Option<String>,
    #[serde(default)]
    check: Option<String>,
    #[serde(default)]
    bisect: Option<bisect::Asked>,
}

/// What the state machine is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FindAnswer {
    search: String,
}

/// Begins a search; repeated, it is the same search.
pub(crate) async fn find<R, L, D, E, C>(deps: &Deps<R, L, D, E, C>, input: &FindInput) -> Result<FindAnswer, DrError>
where
    R: ReadDatabases + ReadDatabaseEvents + ReadTrail,
    L: Ledger,
    D: Documents,
    C: Clock,
{
    let question: Question = lifeboat_lambda::decode(input.request.clone())?;
    let (from, to) = window(&question, input.started_at)?;
    let record = known(deps, &question.resource).await?;
    if record.kind == ResourceKind::DynamodbTable {
        let accepted = "a database that is asked by SQL: of a table, compare a copy of a moment of your choice (scenario human_error)";
        return Err(DrError::invalid("resource", format!("{}, a DynamoDB table,", record.resource), accepted));
    }
    let policy = deps.policies.policy(&record.policy)?;
    let tables = tables(policy, question.table.as_deref())?;
    expect_check(policy, question.check.as_deref())?;
    let observed = resources::instance(&deps.databases, &record.id).await?;
    let observed = observed.filter(|observed| observed.resource_id == record.resource_id);
    let mut search = Search {
        resource: record.resource.clone(),
        policy: record.policy.clone(),
        asked_at: input.started_at,
        from,
        to,
        tables,
        check: question.check.clone(),
        checks_passed_at: record.checks_passed_at,
        target: observed.as_ref().map(|observed| target(&record, observed)),
        fingerprints: Vec::new(),
        findings: Vec::new(),
        notes: Vec::new(),
        bisect: None,
    };
    if let Some(asked) = &question.bisect {
        let wish = bisect::wish(asked, &search)?;
        // What is lacking now will be lacking after the search, too.
        bisect::plan(deps, &search, None, (&wish, &input.execution)).await?;
        search.bisect = Some(wish);
    }
    history::of_ledger(deps, &record, policy, &mut search).await?;
    history::of_control_plane(deps, &record, &mut search).await;
    let id = search_id(&input.execution);
    tracing::info!(execution = input.execution, resource = %record.resource, findings = search.findings.len(), "began a search");
    ledger::write(&deps.ledger, &search_key(&id), &search).await?;
    Ok(FindAnswer { search: id })
}

/// Ends a search: ranks what was found, and leaves it for `notify`.
pub(crate) async fn conclude<R: ReadDatabases, L: Ledger, D: Documents, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    input: &SearchInput,
) -> Result<Conclusion, DrError> {
    let search: Search = ledger::expect(&deps.ledger, &search_key(&input.search)).await?.value;
    let looked = ledger::read::<Looked>(&deps.ledger, &looked_key(&input.search)).await?.map(|kept| kept.value);
    let mut conclusion = ranked(&search, looked.as_ref());
    bisect::add_plan(deps, &search, looked.as_ref(), &input.execution, &mut conclusion).await?;
    tracing::info!(execution = input.execution, candidates = conclusion.candidates.len(), "{}", conclusion.reason);
    conclusion.news(&search).leave(&deps.ledger, search.asked_at).await?;
    Ok(conclusion)
}

/// The database as it is, with the secret that clients read.
fn target(record: &ResourceRecord, observed: &ObservedDatabase) -> Target {
    Target::of(&record.resource, observed)
}

/// When it happened, as far as the person knows.
fn window(question: &Question, asked_at: Timestamp) -> Result<(Timestamp, Timestamp), DrError> {
    let moment = |field: &str, text: &Option<String>| text.as_deref().map(|text| parse_time(field, text)).transpose();
    let to = moment("to", &question.to)?.unwrap_or(asked_at);
    let from = moment("from", &question.from)?.unwrap_or(to - USUAL.as_delta());
    if to > asked_at {
        return Err(DrError::invalid("to", show_time(to), format!("a moment in the past; it is {} now", show_time(asked_at))));
    }
    let earliest = asked_at - LONGEST.as_delta();
    if from >= to || from < earliest {
        let accepted = format!("a moment before `to` ({}), at most 35 days ago ({})", show_time(to), show_time(earliest));
        return Err(DrError::invalid("from", show_time(from), accepted));
    }
    Ok((from, to))
}

/// A resource that the ledger knows, alive or not.
pub(super) async fn known<R: ReadDatabases, L: Ledger, D, E, C>(deps: &Deps<R, L, D, E, C>, name: &str) -> Result<ResourceRecord, DrError> {
    let by_arn = Arn::parse(name).ok();
    let plain = by_arn.as_ref().map_or(name, Arn::name);
    if let Ok(identity) = Identity::parse(plain)
        && let Some(record) = resources::record(&deps.ledger, &identity).await?
    {
        return Ok(record);
    }
    let fleet = ledger::list::<FleetMember>(&deps.ledger, "fleet", "").await?;
    // After a cut-over the physical identifier is no longer the identity.
    for member in &fleet {
        let record = resources::record(&deps.ledger, &member.value.resource).await?;
        if let Some(record) = record.filter(|record| record.id.as_str() == plain || by_arn.as_ref() == Some(&record.arn)) {
            return Ok(record);
        }
    }
    let known: Vec<&str> = fleet.iter().map(|member| member.value.resource.as_str()).collect();
    let hint = nearest(name, &known).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
    Err(DrError::not_found(format!("resource: {name:?} is not known{hint} Known are: {}", known.join(", "))))
}

/// The tables to look at.
fn tables(policy: &Policy, named: Option<&str>) -> Result<Vec<String>, DrError> {
    let known: Vec<&str> = policy.fingerprint.iter().map(|table| table.table.as_str()).collect();
    match named {
        None => Ok(known.into_iter().map(str::to_owned).collect()),
        Some(named) if known.contains(&named) => Ok(vec![named.to_owned()]),
        Some(named) => Err(DrError::invalid("table", format!("{named:?}"), one_of(&known, "fingerprint"))),
    }
}

fn expect_check(policy: &Policy, named: Option<&str>) -> Result<(), DrError> {
    let known: Vec<&str> = policy.checks.iter().map(|check| check.name.as_str()).collect();
    match named {
        Some(named) if !known.contains(&named) => Err(DrError::invalid("check", format!("{named:?}"), one_of(&known, "checks"))),
        _ => Ok(()),
    }
}

fn one_of(known: &[&str], key: &str) -> String {
    if known.is_empty() {
        return format!("nothing, as the policy names none under {key}");
    }
    format!("one of {}", known.join(", "))
}
