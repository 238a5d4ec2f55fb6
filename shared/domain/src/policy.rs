//! Policies: what a resource is promised, as one YAML document.

mod timing;

pub use crate::caches::{AfterRestore, FilledCache};
pub use crate::exports::ExportRule;
pub use crate::items::ItemsRule;
pub use crate::targets::{Consumer, CutOverTarget, ParameterHolds, is_region};
pub use crate::warm_up::WarmUpRule;
pub use timing::Timing;

use crate::error::{DrError, ErrorName};
use crate::ids::{DatabaseId, Identity};
use crate::prices::Prices;
use crate::span::Span;
use crate::words::{RecoveryMode, ResourceKind, Scenario};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The whole policy document, as shipped beside `bootstrap`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// The format of the document; 1.
    pub version: u32,
    /// Policies by the name that the tag `lifeboat:policy` carries.
    pub policies: BTreeMap<String, Policy>,
    /// More than so many incidents within the window make every further one plan only.
    #[serde(default)]
    pub breaker: Breaker,
    /// The security group that admits nobody, by VPC: where a fenced source is moved.
    #[serde(default)]
    pub fence_groups: BTreeMap<String, String>,
    /// The security group that admits `validate` and nobody else, by VPC: where a restored copy is until its cut-over.
    #[serde(default)]
    pub quarantine_groups: BTreeMap<String, String>,
    /// What databases cost, for the reminder of what recoveries keep.
    #[serde(default)]
    pub prices: Prices,
    /// SHA-256 of the document's text.
    #[serde(skip)]
    pub hash: String,
}

/// When too many databases fail at once, something larger is wrong: plan only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// How many incidents may still be acted on.
    pub incidents: u32,
    /// Within which time.
    pub within: Span,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { incidents: 3, within: Span::minutes(15) }
    }
}

/// What one resource is promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Objectives by scenario; what is absent takes the default.
    #[serde(default)]
    pub objectives: BTreeMap<Scenario, Objective>,
    /// The objective of scenarios that have none of their own.
    #[serde(default)]
    pub objective: Objective,
    /// Recovery modes by scenario; what is absent takes `mode`.
    #[serde(default)]
    pub modes: BTreeMap<Scenario, RecoveryMode>,
    /// The mode of scenarios that have none of their own; `observe` unless stated.
    #[serde(default = "observe")]
    pub mode: RecoveryMode,
    /// `automatic` is honoured only while the expected loss is at most this.
    #[serde(default = "default_max_data_loss")]
    pub max_data_loss: Span,
    /// What `automatic` asks of drills.
    #[serde(default)]
    pub drill: DrillRule,
    /// How far a full volume may grow.
    #[serde(default)]
    pub storage: StorageRule,
    /// Intervals, graces and limits.
    #[serde(default)]
    pub timing: Timing,
    /// Where clients find the database; moved in this order. Empty: restored beside, nobody is moved.
    #[serde(default)]
    pub cut_over: Vec<CutOverTarget>,
    /// Who is told to look again after a verified cut-over; told in this order.
    #[serde(default)]
    pub restart: Vec<Consumer>,
    /// Caches that are filled from the database: after a restore they hold what is gone from it.
    #[serde(default)]
    pub caches: Vec<FilledCache>,
    /// Other instance classes to try, in order, where capacity lacks.
    #[serde(default)]
    pub fallback_classes: Vec<String>,
    /// Tables to fingerprint with each recovery point.
    #[serde(default)]
    pub fingerprint: Vec<FingerprintTable>,
    /// SQL checks of the owner.
    #[serde(default)]
    pub checks: Vec<SqlCheck>,
    /// Names of checks whose WARN does not hold a cut-over.
    #[serde(default)]
    pub accept_warnings: Vec<String>,
    /// What is looked at in the items of a DynamoDB table; for other kinds it has no meaning.
    #[serde(default)]
    pub items: ItemsRule,
    /// Where a DynamoDB table is exported to, and how often; for other kinds it has no meaning.
    #[serde(default)]
    pub export: Option<ExportRule>,
    /// What of a restored copy is read before clients come; none leaves them to fetch it.
    #[serde(default)]
    pub warm_up: Option<WarmUpRule>,
}

const fn observe() -> RecoveryMode {
    RecoveryMode::Observe
}

const fn default_max_data_loss() -> Span {
    Span::minutes(5)
}

/// An RTO and an RPO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// The longest acceptable outage.
    pub rto: Span,
    /// The longest acceptable loss.
    pub rpo: Span,
}

impl Default for Objective {
    /// The runbooks' 15 minutes; point-in-time backups lag by about 5.
    fn default() -> Self {
        Self { rto: Span::minutes(15), rpo: Span::minutes(5) }
    }
}

/// Whether `automatic` needs a recent passed drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrillRule {
    /// A passed drill must be younger than this.
    pub max_age: Span,
    /// Waives the rule; says who waived it and why.
    pub waived: Option<String>,
}

impl Default for DrillRule {
    fn default() -> Self {
        Self { max_age: Span::hours(35 * 24), waived: None }
    }
}

/// How far a full volume may grow: it never shrinks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StorageRule {
    /// By how much it grows at once, in per cent; RDS wants at least 10.
    pub grow_percent: u8,
    /// The most that it may hold, in GiB; none is no limit but RDS's.
    pub most_gib: Option<i32>,
}

impl Default for StorageRule {
    fn default() -> Self {
        Self { grow_percent: 20, most_gib: None }
    }
}

impl StorageRule {
    /// The size after one growth, within the policy's limit and that of storage autoscaling (`MaxAllocatedStorage`); none if they
    /// leave less than the tenth that RDS wants.
    pub fn after(&self, gib: i32, autoscaling: Option<i32>) -> Option<i32> {
        let least = gib.checked_add(gib / 10)?.checked_add(1)?;
        let wanted = gib.checked_add(i32::try_from(i64::from(gib) * i64::from(self.grow_percent) / 100).ok()?)?;
        let most = [self.most_gib, autoscaling].into_iter().flatten().min().unwrap_or(i32::MAX);
        let grown = wanted.max(least).min(most);
        (grown >= least).then_some(grown)
    }
}

/// A table whose rows are counted and hashed with each recovery point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FingerprintTable {
    /// `schema.table`.
    pub table: String,
    /// A column that only grows, such as the primary key: the watermark.
    pub key: String,
    /// A timestamp column set when a row is written: the freshness.
    #[serde(default)]
    pub written_at: Option<String>,
    /// Rows at or below the watermark never change: then any difference is a failure, else a warning.
    #[serde(default)]
    pub append_only: bool,
    /// How items of a DynamoDB table are sampled; never written in a policy here, but under `items`.
    #[serde(skip)]
    pub items: Option<ItemsRule>,
}

/// A read-only query that returns one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlCheck {
    /// Its name in reports.
    pub name: String,
    /// One SELECT of one value.
    pub sql: String,
    /// The text that the value must equal.
    pub expect: String,
    /// Also run by every sweep; a failure there is a signal of corruption.
    #[serde(default)]
    pub watch: bool,
}

impl Policy {
    /// The objective of `scenario`.
    pub fn objective_for(&self, scenario: Scenario) -> Objective {
        self.objectives.get(&scenario).copied().unwrap_or(self.objective)
    }

    /// What is fingerprinted and compared of a resource: the tables that the policy names; of a DynamoDB table a sample of its items.
    pub fn tables_of(&self, instance: &DatabaseId, resource: &Identity) -> Vec<FingerprintTable> {
        match instance.kind() {
            ResourceKind::DynamodbTable => vec![self.items.as_table(resource.as_str())],
            ResourceKind::RdsInstance | ResourceKind::DbCluster | ResourceKind::ReplicationGroup => self.fingerprint.clone(),
        }
    }

    /// The mode of `scenario`.
    pub fn mode_for(&self, scenario: Scenario) -> RecoveryMode {
        self.modes.get(&scenario).copied().unwrap_or(self.mode)
    }
}

impl PolicyDocument {
    /// Reads and checks the YAML text; an error names the line, the key and what is accepted.
    pub fn from_yaml(text: &str) -> Result<Self, DrError> {
        let mut document: Self = serde_saphyr::from_str(text)
            .map_err(|error| DrError::new(ErrorName::InvalidInput, format!("policies: {}", explain(&error.to_string()))))?;
        document.hash = crate::ids::digest(&[text]);
        document.check()?;
        Ok(document)
    }

    /// The policy called `name`.
    pub fn policy(&self, name: &str) -> Result<&Policy, DrError> {
        self.policies.get(name).ok_or_else(|| {
            let known = self.policies.keys().map(String::as_str).collect::<Vec<_>>();
            let hint = nearest(name, &known).map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
            DrError::invalid(crate::observed::tags::POLICY, format!("{name:?}{hint}"), known.join(", "))
        })
    }

    fn check(&self) -> Result<(), DrError> {
        if self.version != 1 {
            return Err(DrError::invalid("version", self.version, "1"));
        }
        self.prices.check()?;
        if let Some((vpc, group)) = self.quarantine_groups.iter().find(|(_, group)| self.fence_groups.values().any(|fence| fence == *group))
        {
            let accepts = "another group than those of fence_groups, which keep validate out, too";
            return Err(DrError::invalid(&format!("quarantine_groups.{vpc}"), group, accepts));
        }
        for (name, policy) in &self.policies {
            policy.check(name)?;
        }
        Ok(())
    }
}

impl Policy {
    fn check(&self, name: &str) -> Result<(), DrError> {
        let field = |key: &str| format!("policies.{name}.{key}");
        for table in &self.fingerprint {
            let identifiers: Vec<&str> = table.table.split('.').chain([table.key.as_str()]).chain(table.written_at.as_deref()).collect();
            let parts = table.table.split('.').count();
            if parts != 2 || !identifiers.iter().all(|identifier| is_sql_identifier(identifier)) {
                return Err(DrError::invalid(
                    &field("fingerprint"),
                    format!("{:?} with key {:?}", table.table, table.key),
                    "schema.table and columns of letters, digits and underscores",
                ));
            }
        }
        for check in &self.checks {
            let word = check.sql.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            if !matches!(word.as_str(), "select" | "with") || check.sql.trim_end().trim_end_matches(';').contains(';') {
                return Err(DrError::invalid(&field("checks"), format!("{:?}", check.name), "one SELECT statement that returns one value"));
            }
        }
        self.check_moves(name)?;
        self.items.check(&field("items"))?;
        self.warm_up.as_ref().map_or(Ok(()), |rule| rule.check(&field("warm_up")))?;
        self.export.as_ref().map_or(Ok(()), |rule| rule.check(&field("export")))?;
        if !(10..=100).contains(&self.storage.grow_percent) {
            return Err(DrError::invalid(&field("storage.grow_percent"), self.storage.grow_percent, "10 to 100"));
        }
        if self.timing.suspect_probes == 0 || self.timing.poll.as_secs() == 0 || self.timing.probe_every.as_secs() == 0 {
            return Err(DrError::invalid(&field("timing"), "0", "poll, probe_every and suspect_probes above zero"));
        }
        if self.timing.lease.as_secs() <= self.timing.poll.as_secs().max(self.timing.probe_every.as_secs()) {
            return Err(DrError::invalid(&field("timing.lease"), self.timing.lease, "longer than poll and probe_every, which renew it"));
        }
        if self.drill.waived.as_deref().is_some_and(|reason| reason.trim().is_empty()) {
            return Err(DrError::invalid(&field("drill.waived"), "\"\"", "who waived it and why"));
        }
        Ok(())
    }
}

impl Policy {
    /// Targets and consumers, each in itself and all together.
    fn check_moves(&self, name: &str) -> Result<(), DrError> {
        let field = |key: &str| format!("policies.{name}.{key}");
        for (place, target) in self.cut_over.iter().enumerate() {
            target.check(&field("cut_over"))?;
            if self.cut_over.iter().take(place).any(|earlier| earlier == target) {
                return Err(DrError::invalid(&field("cut_over"), format!("{target:?} twice"), "each target once"));
            }
        }
        // After a swap the new database has the old one's host: what holds that host leads there by itself, and must not be moved.
        if self.cut_over.contains(&CutOverTarget::RenameSwap) && self.cut_over.len() > 1 {
            let accepted = "rename_swap alone: whatever names the source's host leads to the new database after it, without being moved";
            return Err(DrError::invalid(&field("cut_over"), "rename_swap beside other targets", accepted));
        }
        for consumer in &self.restart {
            consumer.check(&field("restart"))?;
        }
        if !self.restart.is_empty() && self.cut_over.is_empty() {
            return Err(DrError::invalid(&field("restart"), "consumers without cut_over", "consumers only where cut_over moves clients"));
        }
        crate::caches::check(&self.caches, !self.cut_over.is_empty(), &field("caches"))
    }
}

/// Identifiers that go into SQL are letters, digits and underscores only, never formatted raw.
pub fn is_sql_identifier(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The nearest of `known`, if it is near enough to be a typing slip.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Adds "did you mean" to serde's "unknown field `x`, expected one of a, b" and keeps its first line, which names the place.
fn explain(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let word = line.split('`').nth(1);
    let known = line.split_once("expected ").map(|(_, known)| known.trim_start_matches("one of "));
    match (word, known) {
        (Some(word), Some(known)) if line.contains("unknown") => {
            let known: Vec<&str> = known.split(", ").map(|name| name.trim_matches('`')).collect();
            nearest(word, &known).map_or_else(|| line.to_owned(), |near| format!("{line} (did you mean `{near}`?)"))
        }
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_grows_by_the_policys_share_and_never_past_its_limit_nor_by_less_than_rds_takes() {
        let rule = |grow_percent, most_gib| StorageRule { grow_percent, most_gib };
        assert_eq!(rule(20, None).after(100, None), Some(120));
        assert_eq!(rule(20, None).after(100, Some(115)), Some(115), "storage autoscaling's limit binds, too");
        assert_eq!(rule(20, None).after(100, Some(100)), None);
        assert_eq!(rule(10, None).after(20, None), Some(23), "RDS wants more than a tenth");
        assert_eq!(rule(50, Some(120)).after(100, None), Some(120));
        assert_eq!(rule(20, Some(105)).after(100, None), None);
        assert_eq!(rule(20, None).after(i32::MAX, None), None);
    }

    #[test]
    fn a_policy_that_says_nothing_only_observes() {
        let document = PolicyDocument::from_yaml("version: 1\npolicies:\n  plain: {}\n").unwrap();
        let policy = document.policy("plain").unwrap();
        for scenario in Scenario::ALL {
            assert_eq!(policy.mode_for(*scenario), RecoveryMode::Observe);
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_a_suggestion() {
        let error = PolicyDocument::from_yaml("version: 1\npolicies:\n  gold:\n    max_data_los: 5m\n").unwrap_err().to_string();
        assert!(error.contains("max_data_los"), "{error}");
        assert!(error.contains("line 4"), "{error}");
        assert!(error.contains("did you mean `max_data_loss`"), "{error}");
    }

    #[test]
    fn an_unknown_policy_name_lists_what_is_known() {
        let document = PolicyDocument::from_yaml("version: 1\npolicies:\n  gold: {}\n").unwrap();
        let error = document.policy("golf").unwrap_err().to_string();
        assert!(error.contains("did you mean \"gold\""), "{error}");
    }

    #[test]
    fn a_check_that_is_not_one_select_is_refused() {
        for sql in ["DELETE FROM t", "SELECT 1; DROP TABLE t", ""] {
            let yaml = format!("version: 1\npolicies:\n  p:\n    checks:\n      - {{name: c, sql: \"{sql}\", expect: \"1\"}}\n");
            assert!(PolicyDocument::from_yaml(&yaml).unwrap_err().to_string().contains("one SELECT"), "{sql}");
        }
    }

    #[test]
    fn a_lease_shorter_than_the_poll_that_renews_it_is_refused() {
        let yaml = "version: 1\npolicies:\n  p:\n    timing: {lease: 10s, poll: 30s}\n";
        assert!(PolicyDocument::from_yaml(yaml).unwrap_err().to_string().contains("timing.lease"));
    }
}
