//! An incident: one story of one resource, from the first signal to its closing.

use crate::ids::{Arn, DatabaseId, Identity, IncidentId, PlanHash};
use crate::observed::Endpoint;
use crate::words::{Plane, ResourceKind, Run, Scenario, Timestamp, closed_enum};
use serde::{Deserialize, Serialize};

closed_enum! {
    /// Where an incident stands.
    IncidentState {
        /// Being looked at or recovered by an execution.
        Open = "open",
        /// Waits for a person; nothing runs.
        WaitingForPerson = "waiting_for_person",
        /// Ended.
        Closed = "closed",
    }
}

closed_enum! {
    /// How an incident, or one execution of it, ended.
    Outcome {
        /// A new database took over, was validated, and clients were moved.
        Recovered = "recovered",
        /// The same database serves again after a failover that Lifeboat asked for.
        FailedOver = "failed_over",
        /// The same database serves again after its volume was grown.
        StorageGrown = "storage_grown",
        /// Clients are back on the database that an earlier recovery moved them from.
        SwappedBack = "swapped_back",
        /// What followed another Region's resource can be written, and clients of this Region were led to it where the policy says how.
        TookOver = "took_over",
        /// AWS brought it back; nothing was changed.
        SelfHealed = "self_healed",
        /// A validated copy stands beside production; nobody was moved.
        RestoredBeside = "restored_beside",
        /// A clone of today's data stands beside production; nothing was brought back, and nothing is proven by it.
        Cloned = "cloned",
        /// Only a plan was asked for.
        Planned = "planned",
        /// A safety rule, the mode or the policy said no.
        Refused = "refused",
        /// The restored copy did not pass; clients were not moved.
        HeldByValidation = "held_by_validation",
        /// The source answered again just before the cut-over.
        SourceHealed = "source_healed",
        /// It cannot be told what is wrong.
        NeedsPerson = "needs_person",
        /// A step failed.
        Failed = "failed",
        /// The execution ended without closing its incident.
        Interrupted = "interrupted",
    }
}

impl Outcome {
    /// Whether the story is over (else it waits for a person).
    pub const fn closes(self) -> bool {
        match self {
            Self::Recovered
            | Self::FailedOver
            | Self::StorageGrown
            | Self::SwappedBack
            | Self::TookOver
            | Self::SelfHealed
            | Self::RestoredBeside
            | Self::Cloned
            | Self::Planned => true,
            Self::Refused | Self::HeldByValidation | Self::SourceHealed | Self::NeedsPerson | Self::Failed | Self::Interrupted => false,
        }
    }
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// When it was true, by its own clock.
    pub at: Timestamp,
    /// Where it comes from.
    pub plane: Plane,
    /// What it is: an event id, an alarm's name, `probe`, `sweep`, `person`.
    pub source: String,
    /// What it says, as a sentence.
    pub text: String,
}

/// What a person asked for, or what detection asks for on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Plan only, or act.
    pub run: Run,
    /// The scenario that was named; detection leaves it open where the evidence does.
    pub scenario: Option<Scenario>,
    /// Restore to this moment instead of the latest.
    pub restore_to: Option<Timestamp>,
    /// Move clients although the scenario's default is to restore beside.
    pub cut_over: bool,
    /// The option that a person wants planned instead of the best one.
    #[serde(default)]
    pub option: Option<crate::plan::Remedy>,
    /// The plan that is approved, by hash.
    pub plan: Option<PlanHash>,
    /// Whether a person started it.
    pub by_person: bool,
}

/// What must be known of the source even when it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its identifier.
    pub id: DatabaseId,
    /// Its ARN.
    pub arn: Arn,
    /// Its `DbiResourceId`.
    pub resource_id: String,
    /// Its `Engine`, such as `postgres`; none if nobody has ever seen it.
    #[serde(default)]
    pub engine: Option<String>,
    /// Where clients connected.
    pub endpoint: Option<Endpoint>,
    /// The secret that clients read.
    pub secret: Option<String>,
    /// The database name in it.
    pub database: Option<String>,
}

/// The main document of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// Whose story it is.
    pub resource: Identity,
    /// What the resource is.
    pub kind: ResourceKind,
    /// The policy's name.
    pub policy: String,
    /// SHA-256 of the policy document in force.
    pub policy_hash: String,
    /// The source.
    pub source: Source,
    /// What was asked.
    pub request: Request,
    /// The scenario as judged; none until then.
    pub scenario: Option<Scenario>,
    /// Where it stands.
    pub state: IncidentState,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The time of the first signal: the RTO counts from here.
    pub first_signal_at: Timestamp,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// The execution that works on it.
    pub execution: Option<String>,
    /// Counts executions: the third is the last that starts by itself.
    pub attempt: u32,
    /// The plan in force.
    pub plan: Option<PlanHash>,
    /// The evidence, oldest first.
    pub signals: Vec<Signal>,
    /// When the probe first failed in this incident.
    pub unreachable_since: Option<Timestamp>,
    /// Failed probes in a row.
    pub failed_probes: u32,
    /// When the last probe that was judged ended: no probe is counted twice.
    #[serde(default)]
    pub last_probe_at: Option<Timestamp>,
    /// The last verdict.
    #[serde(default)]
    pub verdict: Option<crate::verdict::Verdict>,
    /// When it last answered a probe, and how it was reachable then; none if no probe has ever reached it.
    #[serde(default)]
    pub answered: Option<Answered>,
    /// Silence before this moment does not count: a failover that Lifeboat asked for ended then.
    #[serde(default)]
    pub counted_from: Option<Timestamp>,
    /// When the current wait began.
    pub waiting_since: Option<Timestamp>,
    /// When the first probe after an outage answered.
    pub healthy_at: Option<Timestamp>,
    /// The database that took over or stands beside.
    pub restored: Option<Restored>,
    /// What went wrong on the way: the next plan steers around it.
    #[serde(default)]
    pub setbacks: Vec<Setback>,
}

/// An answer to a probe, with what decides whether a probe gets through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// When.
    pub at: Timestamp,
    /// The security groups that it had.
    pub security_groups: Vec<String>,
}

/// Something that failed and must not be tried the same way again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "setback", rename_all = "snake_case")]
pub enum Setback {
    /// The class was not to be had.
    NoCapacity {
        /// The class.
        class: String,
        /// The copy that was made all the same, and will never run.
        #[serde(default)]
        target: Option<DatabaseId>,
    },
    /// The restored copy never became usable.
    RestoreFailed {
        /// The copy.
        target: DatabaseId,
        /// How it was restored.
        remedy: crate::plan::Remedy,
        /// The status that it ended in.
        text: String,
    },
    /// A failover was asked for; it is never asked for twice in one incident.
    FailoverSent,
    /// The source answered again after this copy was restored: it may have taken writes that the copy lacks.
    Outrun {
        /// The copy, which is kept.
        target: DatabaseId,
    },
    /// A promotion of this replica was asked for; it is never asked for twice in one incident.
    PromotionSent {
        /// The replica.
        target: DatabaseId,
    },
    /// The promotion was refused, failed, or nobody can tell what became of it.
    PromotionFailed {
        /// The replica, which is kept whatever became of it.
        target: DatabaseId,
        /// What is known, as a sentence.
        text: String,
    },
}

impl Setback {
    /// The copy that must not be used any more.
    pub const fn spoils(&self) -> Option<&DatabaseId> {
        match self {
            Self::RestoreFailed { target, .. } | Self::Outrun { target } | Self::PromotionFailed { target, .. } => Some(target),
            Self::NoCapacity { target, .. } => target.as_ref(),
            Self::FailoverSent | Self::PromotionSent { .. } => None,
        }
    }

    /// The copy that never became usable, and may be removed.
    pub const fn unusable(&self) -> Option<&DatabaseId> {
        match self {
            Self::Outrun { .. } | Self::PromotionSent { .. } | Self::PromotionFailed { .. } => None,
            Self::NoCapacity { .. } | Self::RestoreFailed { .. } | Self::FailoverSent => self.spoils(),
        }
    }
}

/// The database that a recovery made or promoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Its identifier.
    pub id: DatabaseId,
    /// Its ARN.
    pub arn: Arn,
    /// Where it listens, once known.
    pub endpoint: Option<Endpoint>,
    /// Its `DbiResourceId`, where its name is moved: then the name alone does not say which instance it is.
    #[serde(default)]
    pub resource_id: Option<String>,
}

impl Incident {
    /// The scenario, as judged or else as asked.
    pub fn scenario(&self) -> Option<Scenario> {
        self.scenario.or(self.request.scenario)
    }

    /// Whether clients are to be moved: explicitly, or because the source does not serve.
    pub fn moves_clients(&self) -> bool {
        self.request.cut_over || !self.scenario().is_some_and(Scenario::is_about_data)
    }

    /// The source serves again: the copy that was restored meanwhile, if any, may lack what was written since.
    pub fn outrun_copy(&mut self) {
        let Some(target) = self.restored.as_ref().map(|restored| restored.id.clone()) else { return };
        let setback = Setback::Outrun { target };
        if !self.setbacks.contains(&setback) {
            self.setbacks.push(setback);
        }
    }

    /// Since when it is silent, as far as that counts.
    pub fn silent_since(&self) -> Timestamp {
        let since = self.unreachable_since.unwrap_or(self.first_signal_at);
        self.counted_from.map_or(since, |from| since.max(from))
    }

    /// The last moment at which a client may have written to the source, if it is down.
    pub fn last_write(&self) -> Timestamp {
        let silent = self.unreachable_since.unwrap_or(self.first_signal_at);
        self.answered.as_ref().map_or(silent, |answered| silent.max(answered.at))
    }

    /// Adds a signal, once, in the order of time.
    pub fn add_signal(&mut self, signal: Signal) {
        if !self.signals.contains(&signal) {
            self.first_signal_at = self.first_signal_at.min(signal.at);
            self.signals.push(signal);
            self.signals.sort_by_key(|signal| signal.at);
        }
    }
}

closed_enum! {
    /// The phases that are timed against the RTO.
    Phase {
        /// From the first signal to the opened incident.
        Detect = "detect",
        /// Probing, judging, waiting for AWS to heal.
        Judge = "judge",
        /// Planning and gates.
        Plan = "plan",
        /// Restore or failover, until it is available.
        Act = "act",
        /// Replay of the configuration.
        Configure = "configure",
        /// Checks on the new side.
        Validate = "validate",
        /// What clients will need is read once, where the volume is loaded lazily.
        WarmUp = "warm_up",
        /// The source is cut from its clients.
        Fence = "fence",
        /// Clients are moved and the move is verified.
        CutOver = "cut_over",
        /// Identity, first recovery point, report.
        Close = "close",
    }
}

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// The phase that it belongs to.
    pub phase: Phase,
    /// What happened and why, as a sentence.
    pub text: String,
}

/// Makes the id of the incident that `first_signal` opens on `resource`: the same signal gives the same id.
pub fn incident_id(resource: &Identity, first_signal_at: Timestamp, seed: &str) -> Result<IncidentId, crate::DrError> {
    let stamp = first_signal_at.format("%Y%m%dt%H%M%Sz").to_string();
    IncidentId::parse(format!("inc-{stamp}-{}", crate::ids::short_digest(&[resource.as_str(), &stamp, seed])))
}

/// Makes the id of the incident that a person's request opens: the same request gives the same id, and with it the same plan,
/// until a recovery has changed something (`generation`).
pub fn requested_incident_id(resource: &Identity, request: &Request, generation: u32) -> Result<IncidentId, crate::DrError> {
    let scenario = request.scenario.map_or("", Scenario::as_str);
    let restore_to = request.restore_to.map(|at| at.to_rfc3339()).unwrap_or_default();
    let cut_over = if request.cut_over { "cut_over" } else { "default" };
    let option = request.option.map_or("", crate::plan::Remedy::as_str);
    let seed = crate::ids::short_digest(&[resource.as_str(), scenario, &restore_to, cut_over, option, &generation.to_string()]);
    IncidentId::parse(format!("inc-asked-{generation}-{seed}"))
}

/// The name of the execution that works on `incident` for the `attempt`-th time; at most 80 characters.
pub fn execution_name(resource: &Identity, incident: &IncidentId, attempt: u32) -> String {
    format!("{resource}-{}-{attempt}", incident.as_str().trim_start_matches("inc-"))
}
