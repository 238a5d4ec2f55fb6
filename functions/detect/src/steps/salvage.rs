//! Salvage: begun by a person who names a copy, to see what could be written back, or the plan of such a preview, to write it; and
//! concluded.

use super::find::known;
use crate::{ApproveInput, Deps, SalvageEndInput, resources};
use lifeboat_domain::DrError;
use lifeboat_domain::cause::plain;
use lifeboat_domain::events::ExecutionEnded;
use lifeboat_domain::ids::{Arn, DatabaseId, IncidentId, PlanHash};
use lifeboat_domain::incident::Incident;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::observed::{ObservedDatabase, tags};
use lifeboat_domain::ports::{Clock, Ledger, ReadDatabases, ReadExecutions};
use lifeboat_domain::proof::prove;
use lifeboat_domain::register::ResourceRecord;
use lifeboat_domain::salvage::{self, Concluded, Counts, Mode, Plan, Salvage, Writing, salvage_id};
use lifeboat_domain::words::{ResourceKind, show_time};
use serde::{Deserialize, Serialize};

/// What a person writes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    resource: String,
    #[serde(default)]
    copy: Option<String>,
    #[serde(default)]
    written_at: Option<String>,
    #[serde(default)]
    plan: Option<PlanHash>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    claimed_by: Option<String>,
}

/// What the state machine is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BeginAnswer {
    salvage: String,
    mode: Mode,
}

/// What is wanted, as far as it can be checked before anything is read.
enum Wanted {
    Preview { copy: DatabaseId, written_at: Option<String> },
    Write(PlanHash),
}

impl Order {
    fn wanted(&self) -> Result<Wanted, DrError> {
        match (&self.copy, &self.plan) {
            (Some(_), Some(plan)) => Err(DrError::invalid("plan", plan, "either `copy`, to preview, or `plan`, to write a preview")),
            (None, None) => {
                Err(DrError::missing("copy", "the name of a restored copy, to preview; or `plan`, the hash of a preview, to write it"))
            }
            (None, Some(plan)) => match &self.written_at {
                Some(name) => Err(DrError::invalid("written_at", format!("{name:?}"), "nothing beside `plan`, which knows it")),
                None => Ok(Wanted::Write(plan.clone())),
            },
            (Some(copy), None) => {
                let name = Arn::parse(copy).map_or_else(|_| copy.clone(), |arn| arn.name().to_owned());
                let accepted =
                    "the name or ARN of a table that Lifeboat has restored: 3 to 255 letters, digits, underscores, hyphens and dots";
                let id = DatabaseId::new(ResourceKind::DynamodbTable, name);
                let copy = id.map_err(|_| DrError::invalid("copy", format!("{copy:?}"), accepted))?;
                let is_name = |name: &String| (1..=255).contains(&name.chars().count()) && !name.chars().any(char::is_control);
                match self.written_at.as_ref().filter(|name| !is_name(name)) {
                    Some(name) => Err(DrError::invalid("written_at", format!("{name:?}"), "an attribute's name of 1 to 255 characters")),
                    None => Ok(Wanted::Preview { copy, written_at: self.written_at.clone() }),
                }
            }
        }
    }
}

/// Begins a preview, or the writing of its plan, by an execution of `salvage` that was started with this very input. Repeated, it is
/// the same.
pub(crate) async fn begin<R: ReadDatabases, L: Ledger, D, E: ReadExecutions, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    input: &ApproveInput,
) -> Result<BeginAnswer, DrError> {
    let order: Order = lifeboat_lambda::decode(input.request.clone())?;
    let wanted = order.wanted()?;
    prove(&deps.executions, &input.execution, "salvage", &input.request).await?;
    let record = known(deps, &order.resource).await?;
    if record.kind != ResourceKind::DynamodbTable {
        let accepted = "a DynamoDB table: rows of other databases are brought back by SQL, as the message of the copy says";
        return Err(DrError::invalid("resource", record.resource, accepted));
    }
    let begun = match wanted {
        Wanted::Preview { copy, written_at } => preview(deps, &record, copy, written_at).await?,
        Wanted::Write(plan) => write(deps, &record, plan).await?,
    };
    let begun = Salvage {
        id: salvage_id(&input.execution),
        execution: input.execution.clone(),
        started_at: input.started_at,
        claimed_by: order.claimed_by,
        reason: order.reason,
        ..begun
    };
    ledger::create(&deps.ledger, &keys::salvage(&begun.id), &begun).await?;
    tracing::info!(execution = input.execution, salvage = begun.id, resource = %record.resource, "a salvage begins");
    Ok(BeginAnswer { mode: begun.mode(), salvage: begun.id })
}

/// A preview of what a copy has, if it is one that Lifeboat made of this table.
async fn preview<R: ReadDatabases, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    copy: DatabaseId,
    written_at: Option<String>,
) -> Result<Salvage, DrError> {
    let table = resources::instance(&deps.databases, &record.id).await?.filter(|found| found.resource_id == record.resource_id);
    let table =
        table.ok_or_else(|| DrError::refused(format!("resource: {} is gone: items are written into a table that serves", record.id)))?;
    let found = resources::instance(&deps.databases, &copy).await?;
    let found = found.ok_or_else(|| DrError::not_found(format!("copy: there is no table {copy}")))?;
    expect_copy(deps, record, &found).await?;
    for one in [&table, &found] {
        if !one.status.is_serving() {
            return Err(DrError::refused(format!("copy: {} is {}: both tables must be ACTIVE", one.id, one.status.as_str())));
        }
    }
    let key = |table: &ObservedDatabase| table.configuration.table().map(|own| own.key.clone()).unwrap_or_default();
    if key(&table) != key(&found) {
        return Err(DrError::invalid("copy", &copy, format!("a copy with the key of {}", table.id)));
    }
    Ok(Salvage {
        id: String::new(),
        execution: String::new(),
        started_at: deps.clock.now(),
        claimed_by: None,
        reason: None,
        resource: record.resource.clone(),
        key: key(&table).into_iter().map(|part| part.name).collect(),
        ends_at: table.configuration.table().and_then(|own| own.ttl.clone()),
        table: table.id,
        table_id: table.resource_id,
        copy,
        copy_id: found.resource_id,
        written_at,
        point: None,
        segments: 0,
        compared: 0,
        counts: Counts::default(),
        leaves: Vec::new(),
        writing: None,
        stalls: 0,
        ended: None,
    })
}

/// The copy must carry the incident that made it, which must be one of this table, and must never have served.
async fn expect_copy<R, L: Ledger, D, E, C>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    copy: &ObservedDatabase,
) -> Result<(), DrError> {
    let (id, resource) = (&copy.id, &record.resource);
    let refused = |why: String| Err(DrError::invalid("copy", id, format!("a copy that Lifeboat has restored beside {resource}: {why}")));
    if copy.id == record.id || copy.tags.contains_key(tags::POLICY) || copy.tags.contains_key(tags::RETIRED) {
        return refused(format!("{id} serves, or has served"));
    }
    let Some(Ok(mark)) = copy.tags.get(tags::INCIDENT).map(|mark| IncidentId::parse(mark.clone())) else {
        return refused(format!("{id} has no tag {}", tags::INCIDENT));
    };
    let incident = ledger::read::<Incident>(&deps.ledger, &keys::incident(&mark)).await?.map(|kept| kept.value);
    match incident {
        None => refused(format!("the ledger knows no incident {mark}, which {id} is marked with")),
        Some(incident) if incident.resource != *resource => refused(format!("{id} is a copy of {}", incident.resource)),
        Some(_) => Ok(()),
    }
}

/// The writing of a plan, if it is in time and of this table.
async fn write<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    record: &ResourceRecord,
    hash: PlanHash,
) -> Result<Salvage, DrError> {
    let plan = ledger::read::<Plan>(&deps.ledger, &keys::salvage_plan(&hash)).await?;
    let plan = plan.ok_or_else(|| DrError::not_found(format!("plan: no preview of a salvage has the hash {hash}")))?.value;
    let shown = ledger::expect::<Salvage>(&deps.ledger, &keys::salvage(&plan.salvage)).await?.value;
    if shown.resource != record.resource {
        return Err(DrError::invalid("resource", &record.resource, format!("{}, which the plan is for", shown.resource)));
    }
    if deps.clock.now() > plan.expires_at {
        return Err(DrError::refused(format!("plan {hash} expired at {}: preview again", show_time(plan.expires_at))));
    }
    if shown.plan()? != hash {
        return Err(DrError::refused(format!("plan {hash} is not what its preview has shown: preview again")));
    }
    if record.resource_id != shown.table_id {
        return Err(DrError::refused(format!("plan: {} is another table than when this was previewed: preview again", record.resource)));
    }
    let writing = Writing::new(hash);
    Ok(Salvage { writing: Some(writing), stalls: 0, ended: None, ..shown })
}

/// Ends it, however it came to this, and leaves what came of it for `notify`.
pub(crate) async fn conclude<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    input: &SalvageEndInput,
) -> Result<Concluded, DrError> {
    salvage::expect(&deps.ledger, &input.salvage, &input.execution).await?;
    let now = deps.clock.now();
    let why =
        input.trouble.as_deref().map_or_else(|| "it was ended".to_owned(), |trouble| format!("it was broken off: {}", plain(trouble)));
    let ended = ledger::update::<Salvage, _>(&deps.ledger, &keys::salvage(&input.salvage), |salvage| {
        salvage.end(now, Some(why.clone()));
        Ok(())
    })
    .await?;
    let concluded = salvage::conclude(&ended)?;
    if let (Some(hash), Mode::Preview, Some(expires_at)) = (&concluded.plan, ended.mode(), ended.expires_at()) {
        let plan = Plan { salvage: ended.id.clone(), expires_at };
        ledger::create(&deps.ledger, &keys::salvage_plan(&PlanHash::parse(hash.clone())?), &plan).await?;
    }
    tracing::info!(execution = input.execution, outcome = %concluded.outcome, "{}", concluded.reason);
    let at = ended.ended.as_ref().map_or(now, |ended| ended.at);
    concluded.news(&ended, at).leave(&deps.ledger, at).await?;
    Ok(concluded)
}

/// An execution that was stopped or timed out concludes nothing itself: people are told how far it came.
pub(super) async fn interrupted<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    ended: &ExecutionEnded,
) -> Result<Option<String>, DrError> {
    let id = salvage_id(&ended.execution_arn);
    if ledger::read::<Salvage>(&deps.ledger, &keys::salvage(&id)).await?.is_none() {
        return Ok(None);
    }
    let trouble = Some(format!("its execution ended as {}", ended.status.as_str()));
    let concluded = conclude(deps, &SalvageEndInput { salvage: id, execution: ended.execution_arn.clone(), trouble }).await?;
    Ok(Some(concluded.reason))
}
