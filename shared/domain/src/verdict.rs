//! Judging: what the evidence says of a source. Pure; it never acts.

use crate::events::announces_failover_begun;
use crate::incident::Incident;
use crate::observed::ObservedDatabase;
use crate::plan::{MatrixRow, Remedy};
use crate::policy::Policy;
use crate::probe::{Probe, ProbeOutcome};
use crate::span::Span;
use crate::status::StatusMeaning;
use crate::words::{ResourceKind, Run, Scenario, Timestamp, closed_enum, show_time};
use serde::{Deserialize, Serialize};

closed_enum! {
    /// What detection concludes.
    Verdict {
        /// It serves.
        Healthy = "healthy",
        /// AWS is bringing it back; keep hands off and look again.
        SelfHealing = "self_healing",
        /// Not enough evidence yet; look again.
        Suspect = "suspect",
        /// It does not serve and will not by itself.
        Failed = "failed",
        /// Down on purpose.
        Planned = "planned",
        /// It cannot be told.
        Unknown = "unknown",
    }
}

/// A verdict with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// What is concluded.
    pub verdict: Verdict,
    /// What has happened, where it failed.
    pub scenario: Option<Scenario>,
    /// Why, as a sentence with its numbers.
    pub reason: String,
    /// How long to wait before looking again.
    pub look_again_in: Option<Span>,
}

/// What is known when judging.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The moment of judging.
    pub now: Timestamp,
    /// What Describe showed; none if it does not exist.
    pub observed: Option<&'a ObservedDatabase>,
    /// Why what Describe showed is not the source: another instance has its name, or it has another name now.
    pub mistaken: Option<&'a str>,
    /// Whether Lifeboat itself keeps clients, and perhaps probes, away from the source.
    pub fenced: bool,
    /// Whether clients are about to be moved: then no doubt is allowed.
    pub before_cut_over: bool,
    /// What the probe showed; none if there was nothing to probe.
    pub probe: Option<&'a Probe>,
    /// The story so far.
    pub incident: &'a Incident,
    /// The promises.
    pub policy: &'a Policy,
}

impl Judgement {
    fn of(verdict: Verdict, reason: String) -> Self {
        Self { verdict, scenario: None, reason, look_again_in: None }
    }

    fn failed(scenario: Scenario, reason: String) -> Self {
        Self { scenario: Some(scenario), ..Self::of(Verdict::Failed, reason) }
    }

    fn again(verdict: Verdict, after: Span, reason: String) -> Self {
        Self { look_again_in: Some(after), ..Self::of(verdict, reason) }
    }
}

/// Judges the source of an incident.
pub fn judge(evidence: Evidence<'_>) -> Judgement {
    if let Some(mistaken) = evidence.mistaken {
        return Judgement::of(Verdict::Unknown, format!("{mistaken}: somebody is at work there, and Lifeboat keeps off"));
    }
    if let Some(judgement) = by_request(evidence) {
        return judgement;
    }
    let Some(observed) = evidence.observed else {
        return Judgement::failed(
            Scenario::Deletion,
            format!("{} does not exist any more, and Lifeboat did not delete it", evidence.incident.source.id),
        );
    };
    let (status, service) = (&observed.status, observed.id.kind().service());
    match observed.meaning() {
        StatusMeaning::Serving | StatusMeaning::ServingBusy => judge_serving(evidence, observed),
        StatusMeaning::Terminal => judge_terminal(evidence, observed),
        StatusMeaning::StorageFull => judge_full(evidence, observed),
        StatusMeaning::BadParameters => Judgement::failed(
            Scenario::ParameterFailure,
            format!("{service} reports {status}: a parameter or option group keeps it from starting"),
        ),
        StatusMeaning::BadNetwork => {
            Judgement::failed(Scenario::NetworkFailure, format!("{service} reports {status}: its subnets or addresses cannot be used"))
        }
        StatusMeaning::KeyLost => Judgement::failed(
            Scenario::KeyInaccessible,
            format!("{service} reports {status}: the KMS key is unreachable; it must be back within 7 days"),
        ),
        StatusMeaning::Off => {
            Judgement::of(Verdict::Planned, format!("{service} reports {status}: somebody stopped it; stopping is not a failure"))
        }
        StatusMeaning::Transitional => judge_transitional(evidence, observed),
        StatusMeaning::Deleting if is_going(evidence, observed) => {
            let every = evidence.policy.timing.probe_every;
            Judgement::again(Verdict::Suspect, every, format!("{service} reports {status}: it can be restored once it is gone"))
        }
        StatusMeaning::Deleting => {
            Judgement::of(Verdict::Unknown, format!("{service} reports {status}: it is being deleted; is that meant?"))
        }
        StatusMeaning::FailedCreation => Judgement::of(Verdict::Unknown, format!("{service} reports {status}: it was never usable")),
        StatusMeaning::Unknown => {
            Judgement::of(Verdict::Unknown, format!("{service} reports {status}, a status that Lifeboat does not know"))
        }
    }
}

/// Whether a table is being deleted, which lasts seconds: nothing can be restored of it before it is gone.
fn is_going(evidence: Evidence<'_>, observed: &ObservedDatabase) -> bool {
    observed.id.kind() == ResourceKind::DynamodbTable && waited(evidence) < evidence.policy.timing.host_recovery_grace
}

/// What a person said needs no second plane: they are one; and a watched check is judged by its own result.
fn by_request(evidence: Evidence<'_>) -> Option<Judgement> {
    let request = &evidence.incident.request;
    let scenario = evidence.incident.scenario()?;
    if scenario == Scenario::Corruption && !request.by_person && request.restore_to.is_none() {
        return judge_corruption(evidence);
    }
    if scenario.is_about_data() {
        return Some(Judgement::failed(
            scenario,
            format!("{scenario} was named in the request; the server itself need not be down for that"),
        ));
    }
    if scenario == Scenario::Undo {
        return Some(Judgement::failed(
            scenario,
            "a person asks for clients to go back; the server itself need not be down for that".to_owned(),
        ));
    }
    if request.by_person && scenario == Scenario::RegionOutage {
        return Some(Judgement::failed(
            scenario,
            "a person says that another Region is lost; nothing in this Region proves or disproves that".to_owned(),
        ));
    }
    let only_guided = MatrixRow::of(evidence.incident.kind, scenario).is_some_and(|row| row.remedies == [Remedy::Guided]);
    if request.by_person && only_guided {
        return Some(Judgement::failed(
            scenario,
            format!("{scenario} was named in the request; Lifeboat can only guide a person through it"),
        ));
    }
    if request.by_person && request.run == Run::Plan {
        let seen = evidence.probe.map_or("no probe was possible", |probe| probe.text.as_str());
        return Some(Judgement::failed(
            scenario,
            format!("planned as if {scenario} had happened, because a plan was asked for; in fact: {seen}"),
        ));
    }
    None
}

fn judge_corruption(evidence: Evidence<'_>) -> Option<Judgement> {
    let probe = evidence.probe?;
    if !probe.failed_checks.is_empty() {
        return Some(Judgement::failed(Scenario::Corruption, format!("a check of the policy fails: {}", probe.failed_checks.join("; "))));
    }
    (probe.outcome == ProbeOutcome::Answers && probe.checks_passed)
        .then(|| Judgement::of(Verdict::Healthy, "every watched check of the policy passes again".to_owned()))
}

fn judge_serving(evidence: Evidence<'_>, observed: &ObservedDatabase) -> Judgement {
    let (status, service) = (&observed.status, observed.id.kind().service());
    let timing = &evidence.policy.timing;
    let Some(probe) = evidence.probe else {
        return Judgement::of(Verdict::Unknown, format!("{service} reports {status}, but nothing could be probed"));
    };
    match probe.outcome {
        ProbeOutcome::Answers if probe.writable == Some(false) => judge_read_only(evidence, observed, probe),
        ProbeOutcome::Answers => Judgement::of(Verdict::Healthy, format!("{service} reports {status} and it answers: {}", probe.text)),
        ProbeOutcome::CouldNotRun if !evidence.before_cut_over && waited(evidence) < timing.failover_grace => Judgement::again(
            Verdict::Suspect,
            timing.probe_every,
            format!("{service} reports {status}; the probe could not run: {}", probe.text),
        ),
        ProbeOutcome::LoginRefused | ProbeOutcome::TooManyConnections | ProbeOutcome::WriteDenied | ProbeOutcome::CouldNotRun => {
            Judgement::of(Verdict::Unknown, format!("{service} reports {status}, and the probe proves no outage: {}", probe.text))
        }
        ProbeOutcome::StartingUp if evidence.before_cut_over => {
            Judgement::of(Verdict::Unknown, format!("its engine is starting up, and may be back in a moment: {}", probe.text))
        }
        ProbeOutcome::StartingUp => within_grace(evidence, observed, timing.host_recovery_grace, "the engine is starting up"),
        ProbeOutcome::Unreachable | ProbeOutcome::NoAnswer => judge_silent(evidence, observed, probe),
    }
}

/// How long the story lasts.
fn waited(evidence: Evidence<'_>) -> Span {
    Span::between(evidence.incident.first_signal_at, evidence.now)
}

/// A failover ends read-only; what stays read-only was made so, and is no outage that a restore would heal.
fn judge_read_only(evidence: Evidence<'_>, observed: &ObservedDatabase, probe: &Probe) -> Judgement {
    let timing = &evidence.policy.timing;
    let grace = if observed.has_standby() { timing.failover_grace } else { timing.host_recovery_grace };
    let waited = waited(evidence);
    let reason = format!("it answers but is read-only ({waited} of {grace}): {}", probe.text);
    if waited < grace {
        return Judgement::again(Verdict::SelfHealing, timing.probe_every, reason);
    }
    Judgement::of(Verdict::Unknown, format!("{reason}; a person must look why"))
}

/// Silence proves an outage only where probes got through before, by the same way.
fn why_silence_proves_nothing(evidence: Evidence<'_>, observed: &ObservedDatabase) -> Option<String> {
    if evidence.fenced {
        return None;
    }
    let Some(answered) = &evidence.incident.answered else {
        return Some("no probe of Lifeboat has ever reached it: do validate's subnets and security group lead to it?".to_owned());
    };
    let groups = &observed.configuration.security_groups;
    (answered.security_groups != *groups).then(|| {
        let (then, now) = (answered.security_groups.join(", "), groups.join(", "));
        format!("its security groups were {then} when it last answered, at {}, and are {now} now", show_time(answered.at))
    })
}

/// RDS says "serving", the probe says "silent": two planes disagree, so count, then give AWS its time.
fn judge_silent(evidence: Evidence<'_>, observed: &ObservedDatabase, probe: &Probe) -> Judgement {
    let timing = &evidence.policy.timing;
    let (seen, needed) = (evidence.incident.failed_probes, timing.suspect_probes);
    if seen < needed {
        let reason = format!("{} ({seen} of {needed} failed probes in a row)", probe.text);
        return Judgement::again(Verdict::Suspect, timing.probe_every, reason);
    }
    let (grace, by_whom) = if observed.has_standby() {
        (timing.failover_grace, standby_heals(evidence.incident.kind))
    } else {
        (timing.host_recovery_grace, heals_by_itself(observed.id.kind()))
    };
    within_grace(evidence, observed, grace, &format!("{}; {by_whom}", probe.text))
}

const fn heals_by_itself(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::DynamodbTable => "DynamoDB is a regional service and heals by itself",
        ResourceKind::ReplicationGroup => "ElastiCache replaces a lost host by itself",
        ResourceKind::RdsInstance | ResourceKind::DbCluster => "RDS replaces a lost host by itself",
    }
}

const fn standby_heals(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::ReplicationGroup => "automatic failover promotes a replica by itself",
        ResourceKind::RdsInstance | ResourceKind::DbCluster | ResourceKind::DynamodbTable => "Multi-AZ fails over by itself",
    }
}

/// Self-healing until the grace has passed, then failed, if silence proves that.
fn within_grace(evidence: Evidence<'_>, observed: &ObservedDatabase, grace: Span, what: &str) -> Judgement {
    let since = evidence.incident.silent_since();
    let waited = Span::between(since, evidence.now);
    if waited < grace {
        let reason = format!("{what}; silent for {waited} of the {grace} that AWS is given");
        return Judgement::again(Verdict::SelfHealing, evidence.policy.timing.probe_every, reason);
    }
    if let Some(why) = why_silence_proves_nothing(evidence, observed) {
        return Judgement::of(Verdict::Unknown, format!("{what}, but that proves no outage: {why}"));
    }
    let scenario = if evidence.incident.signals.iter().any(announces_failover_begun) { Scenario::AzOutage } else { Scenario::Hung };
    let (status, service) = (&observed.status, observed.id.kind().service());
    Judgement::failed(
        scenario,
        format!("{what}; silent since {} ({waited}; AWS was given {grace}); {service} reports {status}", show_time(since)),
    )
}

fn judge_terminal(evidence: Evidence<'_>, observed: &ObservedDatabase) -> Judgement {
    let (status, service) = (&observed.status, observed.id.kind().service());
    if let Some(probe) = evidence.probe.filter(|probe| probe.outcome == ProbeOutcome::Answers) {
        return Judgement::of(
            Verdict::Unknown,
            format!("{service} reports {status}, yet the database answers ({}): the two disagree, a person must look", probe.text),
        );
    }
    let seen = evidence.probe.map_or("nothing could be probed", |probe| probe.text.as_str());
    let scenario = if status.is_lost_with_its_key() { Scenario::KeyInaccessible } else { Scenario::InstanceFailure };
    Judgement::failed(scenario, format!("{service} reports {status}, which it does not leave by itself, and the probe agrees: {seen}"))
}

/// A full volume grows by itself where storage autoscaling has room left; a volume never shrinks, so AWS goes first.
fn judge_full(evidence: Evidence<'_>, observed: &ObservedDatabase) -> Judgement {
    let service = evidence.incident.kind.service();
    let (status, configuration) = (&observed.status, &observed.configuration);
    let (waited, grace) = (waited(evidence), evidence.policy.timing.host_recovery_grace);
    if let (Some(size), Some(limit)) = (configuration.allocated_storage, configuration.max_allocated_storage)
        && size < limit
        && waited < grace
    {
        let reason =
            format!("{service} reports {status}, and storage autoscaling may grow it from {size} to {limit} GiB ({waited} of {grace})");
        return Judgement::again(Verdict::SelfHealing, evidence.policy.timing.probe_every, reason);
    }
    Judgement::failed(Scenario::StorageFull, format!("{service} reports {status}: it has no room to write"))
}

fn judge_transitional(evidence: Evidence<'_>, observed: &ObservedDatabase) -> Judgement {
    let (status, service) = (&observed.status, observed.id.kind().service());
    if let Some(probe) = evidence.probe.filter(|probe| probe.outcome == ProbeOutcome::Answers && probe.writable != Some(false)) {
        return Judgement::of(Verdict::Healthy, format!("{service} reports {status}, and it answers: {}", probe.text));
    }
    let down = evidence.probe.filter(|probe| evidence.fenced && status.is_rebooting() && probe.outcome.is_down());
    if let (Some(probe), Some(scenario)) = (down, evidence.incident.scenario()) {
        let reason = format!("Lifeboat rebooted it behind its fence, and {service} reports {status} still: {}", probe.text);
        return Judgement::failed(scenario, reason);
    }
    let waited = waited(evidence);
    let grace = evidence.policy.timing.host_recovery_grace;
    if status.lacks_instances() {
        return judge_without_instances(evidence, observed, (waited, grace));
    }
    if waited < grace {
        return Judgement::again(
            Verdict::SelfHealing,
            evidence.policy.timing.probe_every,
            format!("{service} is at it: it reports {status} ({waited} of {grace})"),
        );
    }
    Judgement::of(
        Verdict::Unknown,
        format!("{service} has reported {status} for {waited}, longer than {grace}; Lifeboat does not interrupt {service}'s own work"),
    )
}

/// Instances are replaced by deleting them, too. If none comes, a person knows whether that is meant; a restore would lose what the
/// volume, which is whole, still has.
fn judge_without_instances(evidence: Evidence<'_>, observed: &ObservedDatabase, (waited, grace): (Span, Span)) -> Judgement {
    let (id, engine) = (&observed.id, &observed.configuration.engine);
    let reason = format!("cluster {id} has no instance that serves: nobody can connect, and its volume, with the data, is whole");
    if waited < grace {
        return Judgement::again(Verdict::SelfHealing, evidence.policy.timing.probe_every, format!("{reason} ({waited} of {grace})"));
    }
    let command = format!(
        "aws rds create-db-instance --region {} --db-cluster-identifier {id} --db-instance-identifier {id}-1 --engine {engine} --db-instance-class <the class that it had>",
        observed.arn.region()
    );
    Judgement::of(
        Verdict::Unknown,
        format!("{reason}. RDS gives it none by itself; if its instances were not meant to go, make one: {command}"),
    )
}

#[cfg(test)]
mod tests;
