//! Gates: whether a plan may run now, and if not, what would lift the refusal.

use super::{FencePlan, Plan, Remedy};
use crate::approval::Question;
use crate::ids::PlanHash;
use crate::incident::Request;
use crate::pause::InForce;
use crate::policy::{Breaker, Policy};
use crate::span::Span;
use crate::words::{RecoveryMode, ResourceKind, Run, Scenario, Timestamp, closed_enum, show_time};
use serde::{Deserialize, Serialize};

closed_enum! {
    /// What the workflow does with a plan.
    Decision {
        /// Carry it out.
        Execute = "execute",
        /// Show it; that was all that was asked.
        Stop = "stop",
        /// Show it, refuse, and say what would lift the refusal.
        Ask = "ask",
        /// What is to be restored is not restorable yet; look again.
        Wait = "wait",
    }
}

/// A decision with its reason and what would lift it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The decision.
    pub decision: Decision,
    /// Why, as a sentence with its numbers.
    pub reason: String,
    /// What would lift a refusal.
    pub lift: Option<String>,
    /// How long to wait before planning again.
    pub look_again_in: Option<Span>,
}

/// What the gates look at, besides plan and policy.
#[derive(Debug, Clone, Copy)]
pub struct GateFacts<'a> {
    /// Now.
    pub now: Timestamp,
    /// What is recovered.
    pub kind: ResourceKind,
    /// What was asked.
    pub request: &'a Request,
    /// What became of the plan when a person was last asked about it.
    pub question: Option<&'a Question>,
    /// The promises.
    pub policy: &'a Policy,
    /// The breaker.
    pub breaker: &'a Breaker,
    /// Incidents opened within the breaker's time, this one included.
    pub recent_incidents: u32,
    /// The pause that covers the resource.
    pub pause: Option<&'a InForce>,
    /// When the last recovery of this resource ended, unless a person has acknowledged it since.
    pub last_recovery: Option<Timestamp>,
    /// When a drill of this resource last passed.
    pub last_drill: Option<Timestamp>,
    /// The newest restorable moment, if the plan must wait for a later one.
    pub wait_for: Option<(Timestamp, Option<Timestamp>)>,
}

impl Gate {
    fn ask(reason: String, lift: impl Into<String>) -> Self {
        Self { decision: Decision::Ask, reason, lift: Some(lift.into()), look_again_in: None }
    }
}

/// Decides. The order matters: what can't be done at all comes first, a person's approval lifts what only asks for one.
pub fn decide(plan: &Plan, facts: GateFacts<'_>) -> Gate {
    if facts.request.run == Run::Plan {
        return Gate { decision: Decision::Stop, reason: "only a plan was asked for".to_owned(), lift: None, look_again_in: None };
    }
    let Some(remedy) = plan.remedy.filter(|remedy| *remedy != Remedy::Guided) else {
        return Gate::ask(plan.reason.clone(), "nothing that Lifeboat can do by itself: follow the guidance in this message");
    };
    let mode = facts.policy.mode_for(plan.scenario);
    if mode == RecoveryMode::Observe {
        let reason = format!("the policy's mode for {} is observe: Lifeboat looks and tells, and changes nothing", plan.scenario);
        return Gate::ask(reason, format!("set modes.{} to approve or automatic in the policy and deploy it", plan.scenario));
    }
    if plan.fence == Some(FencePlan::Impossible) {
        let lift = match facts.kind {
            ResourceKind::ReplicationGroup => {
                "name a security group that admits only validate under quarantine_groups in the policies, for the VPC of the source"
            }
            _ => "name a security group that admits nobody under fence_groups in the policies, for the VPC of the source",
        };
        return Gate::ask(plan.risks.join("; "), lift);
    }
    if plan.moves_clients && !plan.refusals.is_empty() {
        let reason = format!("clients cannot be moved as the policy says: {}", plan.refusals.join("; "));
        return Gate::ask(reason, "mend the target, or what cut_over says of it in the policy, and start again");
    }
    if let Some(refusal) = approval(plan, facts) {
        return refusal;
    }
    let approved = facts.request.plan.is_some();
    if !approved && let Some(gate) = asks_for_person(plan, remedy, mode, facts) {
        return gate;
    }
    if let Some((wanted, newest)) = facts.wait_for {
        let newest = newest.map_or_else(|| "nothing".to_owned(), show_time);
        return Gate {
            decision: Decision::Wait,
            reason: format!("asked for {}, restorable so far is {newest}; it lags by about five minutes", show_time(wanted)),
            lift: None,
            look_again_in: Some(facts.policy.timing.poll),
        };
    }
    let reason = if approved {
        "a person approved exactly this plan".to_owned()
    } else {
        format!("the policy's mode for {} is {mode}", plan.scenario)
    };
    Gate { decision: Decision::Execute, reason, lift: None, look_again_in: None }
}

/// Whether a person's approval could make the plan run: not where nothing can be done, the policy observes, or both sides would be writable.
pub fn is_approvable(plan: &Plan, policy: &Policy) -> bool {
    plan.remedy.is_some_and(|remedy| remedy != Remedy::Guided)
        && policy.mode_for(plan.scenario) != RecoveryMode::Observe
        && plan.fence != Some(FencePlan::Impossible)
        && (!plan.moves_clients || plan.refusals.is_empty())
}

/// A named plan must be this plan, and the question about it must not be over.
fn approval(plan: &Plan, facts: GateFacts<'_>) -> Option<Gate> {
    let named: &PlanHash = facts.request.plan.as_ref()?;
    if *named != plan.hash {
        return Some(Gate::ask(
            format!("the world has moved on since plan {} was made: it would now be {}", short(named), short(&plan.hash)),
            "read the new plan, then approve that one",
        ));
    }
    let void = facts.question.and_then(|question| question.why_void(facts.now))?;
    Some(Gate::ask(format!("plan {} was named, but {void}", short(named)), LIFT))
}

/// As timelines name a plan: enough to tell two apart, and short enough for a subject.
fn short(hash: &PlanHash) -> &str {
    hash.as_str().get(..8).unwrap_or_default()
}

const LIFT: &str = "approve it: start `approval` with the input that its message shows";

fn asks_for_person(plan: &Plan, remedy: Remedy, mode: RecoveryMode, facts: GateFacts<'_>) -> Option<Gate> {
    let lift = LIFT;
    if plan.scenario == Scenario::Undo {
        // A person asks for it: what he must see first is what it would lose.
        return (plan.forecast().and_then(|forecast| forecast.loss) != Some(Span::seconds(0)))
            .then(|| Gate::ask(plan.reason.clone(), lift));
    }
    if facts.request.option.is_some() {
        return Some(Gate::ask(format!("a person chose {remedy}, and nobody has seen its calls yet"), lift));
    }
    if super::MatrixRow::of(facts.kind, plan.scenario).is_none_or(|row| row.always_ask) {
        return Some(Gate::ask(format!("{} is always for a person to decide", plan.scenario), lift));
    }
    if remedy == Remedy::RebuildCold {
        return Some(Gate::ask("it makes an empty cache: everything that is not kept elsewhere is lost".to_owned(), lift));
    }
    if plan.fence == Some(FencePlan::Unended) {
        return Some(Gate::ask(plan.risks.join("; "), lift));
    }
    if let Some(paused) = facts.pause {
        let lift = format!("{lift}; or end the pause: start `pause` with {}", paused.override_input());
        return Some(Gate::ask(format!("{}; by itself Lifeboat starts nothing until then", paused.describe()), lift));
    }
    if facts.recent_incidents > facts.breaker.incidents {
        let reason = format!(
            "{} incidents opened within {}, more than the breaker's {}: something larger is wrong",
            facts.recent_incidents, facts.breaker.within, facts.breaker.incidents
        );
        return Some(Gate::ask(reason, lift));
    }
    if let Some(last) = facts.last_recovery {
        let until = last + facts.policy.timing.cool_down.as_delta();
        if facts.now < until {
            let reason =
                format!("a recovery of it ended at {}; by itself Lifeboat starts no other one until {}", show_time(last), show_time(until));
            let order = serde_json::json!({"resource": plan.resource, "action": "acknowledge"});
            return Some(Gate::ask(
                reason,
                format!("{lift}; or, once you know why it failed again, end the cool-down: start `pause` with {order}"),
            ));
        }
    }
    if mode == RecoveryMode::Approve {
        return Some(Gate::ask(format!("the policy's mode for {} is approve", plan.scenario), lift));
    }
    if !plan.moves_clients && remedy != Remedy::ForceFailover {
        return None; // A copy beside production loses nothing.
    }
    if plan.scenario.is_about_data() {
        return Some(Gate::ask("moving clients to an earlier state drops every write after it".to_owned(), lift));
    }
    loss_gate(plan, facts, lift).or_else(|| drill_gate(facts, lift))
}

fn loss_gate(plan: &Plan, facts: GateFacts<'_>, lift: &str) -> Option<Gate> {
    let most = facts.policy.max_data_loss;
    match plan.forecast().and_then(|forecast| forecast.loss) {
        Some(loss) if loss <= most => None,
        Some(loss) => Some(Gate::ask(format!("expected to lose {loss} of writes, more than the policy's max_data_loss of {most}"), lift)),
        None => Some(Gate::ask(format!("how much it would lose is not known; the policy's max_data_loss is {most}"), lift)),
    }
}

fn drill_gate(facts: GateFacts<'_>, lift: &str) -> Option<Gate> {
    let rule = &facts.policy.drill;
    if rule.waived.is_some() {
        return None;
    }
    let lift = format!("{lift}; or waive the rule for every resource of the policy, with your reason: drill: {{waived: \"...\"}}");
    match facts.last_drill {
        Some(passed) if facts.now < passed + rule.max_age.as_delta() => None,
        Some(passed) => {
            Some(Gate::ask(format!("its last passed drill is of {}, older than the policy's {}", show_time(passed), rule.max_age), lift))
        }
        None => Some(Gate::ask("it has never passed a drill: that it can be recovered is a hope".to_owned(), lift)),
    }
}
