//! Approval: a plan that waits for a person's answer, and the answer. Bound to one plan by its hash, for a while, and answered once.

use crate::ids::{Identity, IncidentId, PlanHash};
use crate::plan::Remedy;
use crate::recovery_input::RecoveryInput;
use crate::words::{Timestamp, closed_enum, show_time};
use serde::{Deserialize, Serialize};

closed_enum! {
    /// What a person answers.
    Reply {
        /// Carry out exactly this plan.
        Approve = "approve",
        /// Do not.
        Deny = "deny",
        /// Plan another of its options, and ask again: nobody has seen its calls yet.
        Choose = "choose",
    }
}

/// The input of `approval`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerInput {
    /// The database, by identity, identifier or ARN: a hash that was mixed up fits no other one.
    pub resource: String,
    /// The plan that is answered.
    pub plan: PlanHash,
    /// The answer.
    pub decision: Reply,
    /// With `choose`: what to plan instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<Remedy>,
    /// Why, for whoever reads the timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A name for the timeline; who it was, CloudTrail knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<String>,
}

impl AnswerInput {
    /// Answers `question`.
    pub fn to(question: &Question, decision: Reply, option: Option<Remedy>) -> Self {
        let (resource, plan) = (question.resource.to_string(), question.plan.clone());
        Self { resource, plan, decision, option, reason: None, claimed_by: None }
    }

    /// The JSON on one line, with spaces, as a person would write it.
    pub fn paste(&self) -> String {
        let mut fields =
            vec![("resource", self.resource.clone()), ("plan", self.plan.to_string()), ("decision", self.decision.to_string())];
        fields.extend(self.option.map(|option| ("option", option.to_string())));
        let fields: Vec<String> = fields.into_iter().map(|(name, value)| format!("\"{name}\": \"{value}\"")).collect();
        format!("{{{}}}", fields.join(", "))
    }
}

/// A plan that somebody was asked to approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Whose.
    pub resource: Identity,
    /// In which incident.
    pub incident: IncidentId,
    /// The plan.
    pub plan: PlanHash,
    /// When it was last asked.
    pub asked_at: Timestamp,
    /// After this moment no answer counts: it has to be asked anew.
    pub expires_at: Timestamp,
    /// The input of `recovery` that carries the plan out.
    pub input: RecoveryInput,
    /// The answer, if there is one.
    pub answer: Option<GivenAnswer>,
}

/// An answer, and who gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenAnswer {
    /// What was answered.
    pub reply: Reply,
    /// The option that was chosen instead.
    pub option: Option<Remedy>,
    /// When.
    pub at: Timestamp,
    /// The execution of `approval` that gave it: CloudTrail knows who started it.
    pub execution: String,
    /// Who they say they are.
    pub claimed_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl GivenAnswer {
    /// What was answered, when, by which execution, as a sentence.
    pub fn describe(&self) -> String {
        let who = self.claimed_by.as_deref().map(|name| format!(" (claims to be {name})")).unwrap_or_default();
        let option = self.option.map(|option| format!(" {option}")).unwrap_or_default();
        let reason = self.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{}{option} at {} by {}{who}{reason}", self.reply, show_time(self.at), self.execution)
    }
}

impl Question {
    /// Why an answer by `execution` does not count now; none if it does. Repeated by the same execution it counts as before.
    pub fn why_closed(&self, execution: &str, now: Timestamp) -> Option<String> {
        if let Some(answer) = &self.answer {
            return (answer.execution != execution).then(|| format!("it was answered already: {}", answer.describe()));
        }
        self.is_over(now).then(|| format!("it expired at {}", show_time(self.expires_at)))
    }

    /// Whether it is too late to answer.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now > self.expires_at
    }

    /// Why naming the plan's hash approves nothing any more; none if it does.
    pub fn why_void(&self, now: Timestamp) -> Option<String> {
        if let Some(answer) = self.answer.as_ref().filter(|answer| answer.reply == Reply::Deny) {
            return Some(format!("it was denied: {}", answer.describe()));
        }
        self.is_over(now).then(|| format!("its approval expired at {}", show_time(self.expires_at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, incident};

    fn question(answer: Option<Reply>) -> Question {
        let incident = incident();
        let plan = PlanHash::parse("a".repeat(64)).unwrap();
        let given = |reply| GivenAnswer { reply, option: None, at: at(10), execution: "first".into(), claimed_by: None, reason: None };
        Question {
            resource: incident.resource.clone(),
            input: RecoveryInput::to_plan(&incident),
            incident: incident.id,
            plan,
            asked_at: at(0),
            expires_at: at(100),
            answer: answer.map(given),
        }
    }

    #[test]
    fn a_question_is_answered_once_and_in_time() {
        assert_eq!(question(None).why_closed("first", at(100)), None);
        assert!(question(None).why_closed("first", at(101)).unwrap().contains("expired"));
        let approved = question(Some(Reply::Approve));
        assert_eq!(approved.why_closed("first", at(101)), None, "the same execution goes on with what it began");
        assert!(approved.why_closed("second", at(20)).unwrap().contains("answered already: approve"));
    }

    #[test]
    fn a_denied_or_late_hash_approves_nothing() {
        assert_eq!(question(None).why_void(at(50)), None);
        assert_eq!(question(Some(Reply::Approve)).why_void(at(50)), None);
        assert!(question(Some(Reply::Deny)).why_void(at(50)).unwrap().contains("denied"));
        assert!(question(None).why_void(at(101)).unwrap().contains("expired"));
    }
}
