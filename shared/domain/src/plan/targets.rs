//! The calls that move clients, one or two for each target of the policy, and those that make consumers look again.

use super::options::PlanFacts;
use super::{Act, NameHolders, Plan, PlannedCall, cache, global_table, renames, table, take_over};
use crate::error::DrError;
use crate::global_table::other_regions;
use crate::ids::DatabaseId;
use crate::incident::{Phase, Source};
use crate::observed::{DnsRecord, Parameter, ProxyGroup, tags};
use crate::point::Manifest;
use crate::policy::{Consumer, CutOverTarget, ParameterHolds, is_region};
use crate::words::{ResourceKind, Scenario};

/// A TTL up to which nobody need be told how long clients may stay away, in seconds.
const QUIET_TTL: u32 = 60;
/// The type of a parameter that can be moved: the address of a database is no secret, and writing a SecureString anew would
/// encrypt it with another key unless that is named.
const PLAIN: &str = "String";

/// What a target leads to that is not the database which is recovered.
const NOT_THE_SOURCE: &str = "which is not the address of the source: look whose it is";

/// The same where clients come from another Region.
const NOT_ITS_OWN: &str = "which is to be the address in the other Region: look whose it is";

/// What was found of a target when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundTarget {
    /// The service that owns and rotates the secret, if it is not the user's own.
    Secret(Option<String>),
    /// All records of this name.
    Record(Vec<DnsRecord>),
    /// The parameter, if it exists.
    Parameter(Option<Parameter>),
    /// The proxy with its target group, if both exist.
    Proxy(Option<ProxyGroup>),
    /// Who has the names of a swap.
    Names(NameHolders),
    /// It may not be read: why.
    Unreadable(String),
}

/// What one target comes to.
struct Moves {
    acts: Vec<Act>,
    risks: Vec<String>,
}

impl Moves {
    fn of(act: Act) -> Self {
        Self { acts: vec![act], risks: Vec::new() }
    }
}

/// Adds the calls of every target, its risks, and what keeps it from being moved.
pub(super) fn add_target_calls(facts: PlanFacts<'_>, plan: &mut Plan, manifest: &Manifest, to: &DatabaseId) -> Result<(), DrError> {
    for (place, target) in facts.policy.cut_over.iter().enumerate().filter(|(_, target)| global_table::applies(facts, target)) {
        if let Some(refusal) = table::refusal(target, &facts.incident.source.id)
            .or_else(|| cache::refused_target(facts, target))
            .or_else(|| take_over::refused_target(facts, target))
        {
            plan.refusals.push(refusal);
            continue;
        }
        match moves(facts, target, facts.targets.get(place), manifest, to)? {
            Ok(moves) => {
                let why = if target.holds_region() {
                    "clients go to the Region that it names"
                } else {
                    "clients find the new database through it"
                };
                let calls = moves.acts.into_iter().map(|act| PlannedCall { phase: Phase::CutOver, act, why: why.to_owned() });
                plan.calls.extend(calls);
                plan.risks.extend(moves.risks);
            }
            Err(refusal) => plan.refusals.push(refusal),
        }
    }
    Ok(())
}

/// Adds the calls that make consumers look again: after the move, in the policy's order, before the identity moves.
pub(super) fn add_consumer_calls(facts: PlanFacts<'_>, plan: &mut Plan) {
    for consumer in &facts.policy.restart {
        let act = match consumer {
            Consumer::EcsService { cluster, service } => Act::RestartService { cluster: cluster.clone(), service: service.clone() },
            Consumer::LambdaFunction { name } => Act::TouchFunction { function: name.clone() },
            Consumer::Webhook { name, url, secret } => Act::CallWebhook { name: name.clone(), url: url.clone(), secret: secret.clone() },
        };
        let why = "open connections and remembered addresses survive the move".to_owned();
        plan.calls.push(PlannedCall { phase: Phase::Close, act, why });
    }
}

/// The inner result is a refusal, as a sentence that names the target.
fn moves(
    facts: PlanFacts<'_>,
    target: &CutOverTarget,
    found: Option<&FoundTarget>,
    manifest: &Manifest,
    to: &DatabaseId,
) -> Result<Result<Moves, String>, DrError> {
    let source = &facts.incident.source;
    let old_host = source.endpoint.as_ref().map(|endpoint| endpoint.host.as_str());
    // What follows another Region's is moved to where it stands: clients come from an address that is not known here.
    let strange = if facts.incident.scenario() == Some(Scenario::RegionOutage) { NOT_ITS_OWN } else { NOT_THE_SOURCE };
    Ok(match (target, found) {
        (CutOverTarget::SecretsManager, found) => {
            let secret = manifest.secret().ok_or_else(|| {
                DrError::missing(
                    tags::SECRET,
                    format!("the secret that clients of {} read, as the policy cuts over by secrets_manager", source.id),
                )
            })?;
            of_secret(secret, found, to)
        }
        (CutOverTarget::Route53 { zone, record }, Some(FoundTarget::Record(found))) => {
            of_record((zone, record), found, (old_host, strange), to)
        }
        (CutOverTarget::SsmParameter { name, holds: ParameterHolds::Region }, Some(FoundTarget::Parameter(found))) => {
            of_region(facts, name, found.as_ref(), to)
        }
        (CutOverTarget::SsmParameter { name, holds }, Some(FoundTarget::Parameter(found))) => {
            of_parameter((name, *holds), found.as_ref(), (source, strange), to)
        }
        (CutOverTarget::RdsProxy { proxy, .. }, _) if source.id.kind() == ResourceKind::DbCluster => Err(format!(
            "proxy {proxy}: its target group would follow the members of a DB cluster, which Lifeboat does not move; move clients by another target of cut_over"
        )),
        (CutOverTarget::RdsProxy { proxy, group }, Some(FoundTarget::Proxy(found))) => {
            of_proxy((proxy, group), found.as_ref(), &source.id, to)
        }
        (CutOverTarget::RenameSwap, Some(FoundTarget::Names(holders))) => {
            renames::moves(facts, holders, to)?.map(|(acts, risk)| Moves { acts, risks: vec![risk] })
        }
        (target, Some(FoundTarget::Unreadable(why))) => Err(format!("{} cannot be read: {why}", target.name())),
        (target, _) => Err(format!("{} was not read", target.name())),
    })
}

fn of_secret(secret: &str, found: Option<&FoundTarget>, to: &DatabaseId) -> Result<Moves, String> {
    match found {
        Some(FoundTarget::Secret(Some(owner))) => Err(format!(
            "secret {secret} is managed by {owner} and cannot be edited: move clients by another target, or give them a secret of your own"
        )),
        Some(FoundTarget::Unreadable(why)) => Err(format!("secret {secret} cannot be looked at: {why}")),
        _ => Ok(Moves::of(Act::PointSecret { secret: secret.to_owned(), instance: to.clone() })),
    }
}

fn of_record(
    (zone, record): (&str, &str),
    found: &[DnsRecord],
    (old_host, strange): (Option<&str>, &str),
    to: &DatabaseId,
) -> Result<Moves, String> {
    let place = format!("record {record} in zone {zone}");
    let only = match found {
        [] => return Err(format!("there is no {place}")),
        [only] => only,
        several => return Err(format!("{place} stands there {} times: only a simple CNAME can be moved", several.len())),
    };
    if only.is_alias {
        return Err(format!("{place} is an alias of {}: only a simple CNAME can be moved", only.values.join(", ")));
    }
    if only.is_routed {
        return Err(format!("{place} has a routing policy (weighted, latency, ...): only a simple CNAME can be moved"));
    }
    let (true, Some(ttl), [value]) = (only.kind == "CNAME", only.ttl, only.values.as_slice()) else {
        return Err(format!("{place} is of type {}: only a CNAME can be moved", only.kind));
    };
    let mut moves = Moves::of(Act::PointRecord { zone: zone.to_owned(), record: record.to_owned(), ttl, instance: to.clone() });
    if ttl > QUIET_TTL {
        moves.risks.push(format!("clients may stay away for up to {ttl} s after the move: that is the TTL of {record}"));
    }
    // Where its address is not known, nothing can be told of whose this one is.
    if old_host.is_some_and(|host| !value.eq_ignore_ascii_case(host)) {
        moves.risks.push(format!("record {record} leads to {value}, {strange}"));
    }
    Ok(moves)
}

fn plain_parameter<'a>(name: &str, found: Option<&'a Parameter>) -> Result<&'a Parameter, String> {
    let Some(found) = found else { return Err(format!("there is no parameter {name}")) };
    if found.kind != PLAIN {
        return Err(format!("parameter {name} is a {}: an address that Lifeboat moves must be of type {PLAIN}", found.kind));
    }
    Ok(found)
}

/// The Region of clients, of which only one is known to be theirs that has a replica of their table.
fn of_region(facts: PlanFacts<'_>, name: &str, found: Option<&Parameter>, to: &DatabaseId) -> Result<Moves, String> {
    let found = plain_parameter(name, found)?;
    let own = facts.incident.source.arn.region();
    let others = facts.observed.map(other_regions).unwrap_or_default();
    if found.value != own && !others.contains(&found.value) {
        // What is no Region's name may be anything.
        let held = if is_region(&found.value) { found.value.as_str() } else { "something" };
        return Err(format!(
            "parameter {name} holds {held}, which is no Region of the replicas of {to} ({own}, {}): Lifeboat would write over something else",
            others.join(", ")
        ));
    }
    let region = Some(own.to_owned());
    let mut moves =
        Moves::of(Act::PointParameter { parameter: name.to_owned(), holds: ParameterHolds::Region, instance: to.clone(), region });
    if found.value == own {
        moves.risks.push(format!("parameter {name} holds {own} already: nobody who follows it is moved"));
    }
    Ok(moves)
}

fn of_parameter(
    (name, holds): (&str, ParameterHolds),
    found: Option<&Parameter>,
    (source, strange): (&Source, &str),
    to: &DatabaseId,
) -> Result<Moves, String> {
    let found = plain_parameter(name, found)?;
    let port = source.endpoint.as_ref().map_or(0, |endpoint| endpoint.port);
    // Its value is never shown: it may be a connection string with a password.
    let Some(leads_to) = holds.endpoint_in(&found.value, port) else {
        return Err(format!("parameter {name} does not hold a {holds}: Lifeboat would write over something else"));
    };
    let mut moves = Moves::of(Act::PointParameter { parameter: name.to_owned(), holds, instance: to.clone(), region: None });
    if source.endpoint.as_ref().is_some_and(|endpoint| !endpoint.is_same(&leads_to)) {
        moves.risks.push(format!("parameter {name} leads to {}, {strange}", leads_to.host));
    }
    Ok(moves)
}

fn of_proxy((proxy, group): (&str, &str), found: Option<&ProxyGroup>, source: &DatabaseId, to: &DatabaseId) -> Result<Moves, String> {
    let Some(found) = found else { return Err(format!("there is no proxy {proxy} with a target group {group}")) };
    let (proxy, group) = (proxy.to_owned(), group.to_owned());
    let add = Act::AddProxyTarget { proxy: proxy.clone(), group: group.clone(), instance: to.clone() };
    let acts = match found.targets.as_slice() {
        [] => vec![add],
        [only] if only.instance == source.as_str() => vec![Act::RemoveProxyTarget { proxy, group, instance: source.clone() }, add],
        others => {
            let names: Vec<&str> = others.iter().map(|target| target.instance.as_str()).collect();
            return Err(format!("target group {group} of proxy {proxy} leads to {}, which is not the source", names.join(", ")));
        }
    };
    Ok(Moves { acts, risks: Vec::new() })
}
