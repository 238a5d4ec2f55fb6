//! Swapping names: what it costs, what the source is kept as, and whether it can be done.

use super::options::PlanFacts;
use super::{Act, Plan};
use crate::error::DrError;
use crate::ids::{Arn, DatabaseId, deterministic_name, short_digest};
use crate::incident::Incident;
use crate::observed::tags;
use crate::policy::CutOverTarget;
use crate::span::Span;
use crate::status::StatusMeaning;
use crate::words::{ResourceKind, Scenario};

/// How long RDS takes to rename one instance, which is unavailable meanwhile (fact sheet 3.4: about ten minutes).
pub const RENAME: Span = Span::minutes(10);

/// Who has the names of a swap today, by `DbiResourceId`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NameHolders {
    /// Who has the name that clients know.
    pub name: Option<String>,
    /// Who has the name under which the source would be kept.
    pub kept_as: Option<String>,
}

/// The name under which the source is kept: of the incident, so that a second look finds the first one's result.
pub fn kept_name(incident: &Incident) -> Result<DatabaseId, DrError> {
    let suffix = format!("old-{}", short_digest(&[incident.id.as_str()]));
    DatabaseId::parse(deterministic_name(incident.source.id.as_str(), &suffix, 63))
}

/// How many instances the policy's cut-over renames.
fn count(facts: PlanFacts<'_>) -> u64 {
    let swaps = facts.policy.cut_over.contains(&CutOverTarget::RenameSwap) && facts.incident.moves_clients();
    if swaps { 1 + u64::from(facts.observed.is_some()) } else { 0 }
}

/// How long the renames take together; none where nothing is renamed.
pub(super) fn cost(facts: PlanFacts<'_>) -> Option<Span> {
    let renames = count(facts);
    (renames > 0).then(|| Span::seconds(RENAME.as_secs() * renames))
}

/// What the forecast's evidence says besides.
pub(super) fn evidence(facts: PlanFacts<'_>) -> String {
    cost(facts).map(|cost| format!("; swapping the names takes about {cost} of it, {RENAME} a step")).unwrap_or_default()
}

/// The names that hold once clients were moved: of the old database and of the new one.
pub(super) struct After {
    pub(super) old_arn: Arn,
    pub(super) new: DatabaseId,
    pub(super) new_arn: Arn,
}

/// What each is called when its tags are moved and its first recovery point is taken.
pub(super) fn after(facts: PlanFacts<'_>, plan: &Plan, target: &DatabaseId) -> Result<After, DrError> {
    let source = &facts.incident.source;
    let swaps = plan.calls.iter().any(|call| matches!(call.act, Act::RenameInstance { .. }));
    let (old, new) = if swaps { (kept_name(facts.incident)?, source.id.clone()) } else { (source.id.clone(), target.clone()) };
    Ok(After { old_arn: source.arn.sibling(&old)?, new_arn: source.arn.sibling(&new)?, new })
}

/// The calls of a swap and its risk; or, as a sentence, why it cannot be made.
pub(super) fn moves(facts: PlanFacts<'_>, holders: &NameHolders, to: &DatabaseId) -> Result<Result<(Vec<Act>, String), String>, DrError> {
    let source = &facts.incident.source;
    let (name, kept_as) = (&source.id, kept_name(facts.incident)?);
    let refuse = |why: String| Ok(Err(format!("the name {name} cannot be given to a new database: {why}")));
    if name.kind() != ResourceKind::RdsInstance {
        let kind = name.kind().in_words();
        return refuse(format!(
            "rename_swap swaps the names of DB instances only, and it is a {kind}; move clients by another target of cut_over"
        ));
    }
    if let Some(other) = holders.name.as_ref().filter(|holder| **holder != source.resource_id) {
        return refuse(format!("another instance ({other}) has it now"));
    }
    let known = (facts.incident.scenario() == Some(Scenario::Undo)).then(|| facts.moved_from.map(|from| from.source.resource_id.clone()));
    let second = Act::RenameInstance { instance: to.clone(), resource_id: known.flatten(), to: name.clone() };
    let Some(observed) = facts.observed else {
        let risk = format!(
            "{to} is renamed to {name}: RDS takes about {RENAME}, in which it restarts and is not to be reached; resolvers may remember a little longer that there was no {name}"
        );
        return Ok(Ok((vec![second], risk)));
    };
    if let Some(why) = not_renamable(facts, observed.status.meaning(), observed.status.as_str()) {
        return refuse(format!("{name} would have to be renamed first, and {why}; move clients by another target of cut_over"));
    }
    // Else the name alone is its identity, and what keeps the policy under another name would be taken for another database.
    if !observed.tags.contains_key(tags::RESOURCE) {
        let (tag, identity) = (tags::RESOURCE, &facts.incident.resource);
        return refuse(format!("{name} does not carry the tag {tag}, by which it is known under another name; add {tag}={identity} to it"));
    }
    if let Some(other) = holders.kept_as.as_ref().filter(|holder| **holder != source.resource_id) {
        return refuse(format!("{kept_as}, under which {name} would be kept, is the name of another instance ({other})"));
    }
    let first = Act::RenameInstance { instance: name.clone(), resource_id: Some(source.resource_id.clone()), to: kept_as.clone() };
    let both = Span::seconds(RENAME.as_secs() * 2);
    let risk = format!(
        "names are swapped: {name} is kept as {kept_as}, and {to} becomes {name}; RDS takes about {RENAME} for each, {both} for both, in which nobody answers under {name}; the way back takes as long again"
    );
    Ok(Ok((vec![first, second], risk)))
}

/// Why RDS would not rename the source.
fn not_renamable(facts: PlanFacts<'_>, meaning: StatusMeaning, status: &str) -> Option<String> {
    match meaning {
        StatusMeaning::Serving | StatusMeaning::ServingBusy | StatusMeaning::Transitional | StatusMeaning::Unknown => {
            (facts.incident.scenario() == Some(Scenario::AzOutage))
                .then(|| "a rename restarts it, which never ends while its Availability Zone is dark".to_owned())
        }
        _ => Some(format!("RDS refuses changes in status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn the_kept_name_is_of_its_incident_and_never_too_long() {
        let mut incident = samples::incident();
        let name = kept_name(&incident).unwrap();
        assert!(name.as_str().starts_with(&format!("{}-old-", incident.source.id)), "{name}");
        assert_eq!(kept_name(&incident).unwrap(), name);
        incident.source.id = DatabaseId::parse(format!("a{}", "b".repeat(62))).unwrap();
        assert_eq!(kept_name(&incident).unwrap().as_str().len(), 63);
        incident.id = crate::ids::IncidentId::parse("inc-another").unwrap();
        assert_ne!(kept_name(&incident).unwrap(), name);
    }
}
