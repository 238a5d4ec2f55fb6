//! Going back, and finishing what was begun: commands for a person, in the order in which nothing breaks on the way.

use crate::commands;
use crate::story::Story;
use lifeboat_domain::acting::{CutOverState, Names, TargetMove};
use lifeboat_domain::ids::{Arn, DatabaseId};
use lifeboat_domain::observed::tags;
use lifeboat_domain::plan::Act;
use lifeboat_domain::words::ResourceKind;
use std::collections::BTreeMap;

/// How to go back, each part under a comment that says what it is for.
///
/// The copy gives the identity up first and the source takes it last: at no moment do two databases carry it, and Lifeboat acts on
/// neither while a person is at work.
pub(crate) fn commands(story: &Story) -> Vec<String> {
    if story.source_is_gone() {
        return Vec::new();
    }
    // It is nowhere else: a way back leads to another Region, which no commands of this story reach.
    if story.takes_over() {
        return story
            .perhaps_moved()
            .filter(|_| story.verified().is_none())
            .map(|moved| commands::point_back(&story.incident.source.arn, moved))
            .unwrap_or_default();
    }
    let (source, arn) = source_then(story);
    let quarantine = story.plan().and_then(|plan| plan.quarantine()).map(|quarantine| quarantine.group);
    let group = quarantine.or(story.fence.as_ref().and_then(|fence| fence.group.as_deref()));
    let to_shut = story.incident.restored.as_ref().zip(group);
    let shut = to_shut.map(|(copy, group)| commands::shut(&copy.arn, &copy.id, copy.endpoint.as_ref(), group)).unwrap_or_default();
    // Both open to clients is what must never be: the opening asks whether the closing went through.
    let open = story.fenced().and_then(|fence| commands::open_fence(&source, &arn, fence));
    let fence = open.map(|open| to_shut.map_or(open.clone(), |(copy, _)| commands::only_if_closed(&open, &source, &copy.id)));
    let clients = story.perhaps_moved().map(|cut_over| commands::point_back(&arn, cut_over)).unwrap_or_default();
    // Names are given back by hand, one look after the other; any other target would lead clients to what stays closed.
    let clients = if to_shut.is_some() && swap(story).is_none() { commands::all_if_closed(clients) } else { clients };
    let left = story.incident.restored.as_ref().map_or("the copy", |restored| restored.id.as_str());
    let mut parts: [(String, Vec<String>); 6] = [
        (format!("{left} admits no client any more: go on only when this is through, or both could be written"), shut),
        (format!("{left} gives the identity up: from here to the end Lifeboat acts on neither database"), give_up(story)),
        (format!("{source} lets clients in again"), fence.into_iter().collect()),
        (format!("clients find {source} again; restart those that hold old connections"), clients),
        (format!("clients that were led to {left} hold sessions there: end them"), end_sessions(story)),
        (format!("{source} carries the identity again, and is protected again"), take_back(story)),
    ];
    // Names first: what follows is said of the names that hold then.
    if swap(story).is_some()
        && let Some(both) = parts.get_mut(2..4)
    {
        both.reverse();
    }
    let parts = parts.into_iter().filter(|(_, commands)| !commands.is_empty()).enumerate();
    parts.flat_map(|(place, (why, commands))| std::iter::once(format!("# {}. {why}", place + 1)).chain(commands)).collect()
}

/// What must be known before going back.
pub(crate) fn notes(story: &Story) -> Vec<String> {
    let source = &story.incident.source.id;
    if story.source_is_gone() {
        return vec![format!("There is no way back: {source} does not exist any more")];
    }
    if story.takes_over() {
        return vec![format!(
            "There is no way back by commands: {source} serves here now; a plan in the other Region leads clients there again"
        )];
    }
    let serving = story.incident.restored.as_ref().map_or("the new database", |restored| restored.id.as_str());
    let mut notes = vec![format!("Once a client has written to {serving}, going back loses those writes: then ask for a new plan instead")];
    notes.extend(repair_first(story));
    if story.identity_moved() {
        notes.push(format!(
            "The commands move {}, {} and {} back too: without the last of them {source} is not protected, and Lifeboat never looks at it again",
            tags::POLICY,
            tags::RESOURCE,
            tags::SECRET
        ));
    }
    notes
}

/// Why going back would lead to a database that does not serve.
pub(crate) fn repair_first(story: &Story) -> Option<String> {
    let source = &story.incident.source.id;
    story
        .source_is_terminal()
        .then(|| format!("{source} did not serve when clients were moved: going back to it makes sense only after it was repaired"))
}

/// Whether going back would lead to a database that does not serve.
pub(crate) fn leads_nowhere(story: &Story) -> bool {
    story.source_is_gone() || story.source_is_terminal()
}

/// Whether a target or the fence was left half-way.
pub(crate) fn is_half_done(story: &Story) -> bool {
    let half_moved = story.perhaps_moved().is_some_and(|cut_over| cut_over.state() != CutOverState::Verified);
    let left_quarantine = story.cut_over.as_ref().is_some_and(|cut_over| cut_over.opened_at.is_some());
    half_moved
        || (story.verified().is_none() && left_quarantine)
        || (story.verified().is_none() && story.fenced().is_some_and(|fence| fence.group.is_some()))
}

/// Ends the sessions on the copy, where the way back was taken and could not end them.
fn end_sessions(story: &Story) -> Vec<String> {
    let left = story.cut_over.as_ref().is_some_and(|cut_over| cut_over.left_sessions && cut_over.sessions_ended_at.is_none());
    let Some(restored) = story.incident.restored.as_ref().filter(|_| left) else { return Vec::new() };
    let was = swap(story).map_or(&restored.id, |names| &names.was);
    restored.arn.sibling(was).ok().and_then(|arn| commands::end_sessions(&arn, was, restored.endpoint.as_ref())).into_iter().collect()
}

fn give_up(story: &Story) -> Vec<String> {
    let Some(restored) = story.incident.restored.as_ref().filter(|_| story.identity_moved()) else { return Vec::new() };
    let members = members(story, |act| match act {
        Act::AddTags { arn, tags: given } if given.contains_key(tags::POLICY) => Some(arn),
        _ => None,
    });
    let identity = identity(story);
    std::iter::once(&restored.arn).chain(members).map(|arn| commands::remove_tags(arn, identity.keys())).collect()
}

fn take_back(story: &Story) -> Vec<String> {
    if !story.identity_moved() {
        return Vec::new();
    }
    let (_, arn) = source_then(story);
    let members = members(story, |act| match act {
        Act::RemoveTags { arn, keys } if keys.iter().any(|key| key == tags::POLICY) => Some(arn),
        _ => None,
    });
    let (identity, retired) = (identity(story), tags::RETIRED.to_owned());
    let back = |arn: &Arn| [commands::add_tags(arn, &identity), commands::remove_tags(arn, [&retired])];
    std::iter::once(&arn).chain(members).flat_map(back).collect()
}

/// The members of a cluster whose tags the plan moved: what Lifeboat may do to a member hangs on the member's own.
fn members<'a>(story: &'a Story, tagged: impl Fn(&'a Act) -> Option<&'a Arn>) -> Vec<&'a Arn> {
    let incident = &story.incident;
    let whole = [Some(&incident.source.arn), incident.restored.as_ref().map(|restored| &restored.arn)];
    let calls = story.plan().into_iter().flat_map(|plan| &plan.calls).filter(|_| incident.kind == ResourceKind::DbCluster);
    calls.filter_map(|call| tagged(&call.act)).filter(|arn| !whole.contains(&Some(*arn))).collect()
}

/// The swap of names that would be undone.
pub(crate) fn swap(story: &Story) -> Option<&Names> {
    story.perhaps_moved()?.targets.iter().find_map(|target| match &target.moves {
        TargetMove::Names(names) => Some(names),
        _ => None,
    })
}

/// What the source is called once clients find it again.
fn source_then(story: &Story) -> (DatabaseId, Arn) {
    let source = &story.incident.source;
    let swapped = swap(story).and_then(|names| Some((names.name.clone(), source.arn.sibling(&names.name).ok()?)));
    swapped.unwrap_or_else(|| (source.id.clone(), source.arn.clone()))
}

/// The tags that carry the identity, as the plan moves them.
fn identity(story: &Story) -> BTreeMap<String, String> {
    let incident = &story.incident;
    let restored = incident.restored.as_ref().map(|restored| &restored.arn);
    let planned = story.plan().into_iter().flat_map(|plan| &plan.calls).find_map(|call| match &call.act {
        Act::AddTags { arn, tags: given } if Some(arn) == restored && given.contains_key(tags::POLICY) => Some(given.clone()),
        _ => None,
    });
    planned.unwrap_or_else(|| {
        let secret = incident.source.secret.as_ref().map(|secret| (tags::SECRET.to_owned(), secret.clone()));
        let known = [(tags::POLICY.to_owned(), incident.policy.clone()), (tags::RESOURCE.to_owned(), incident.resource.to_string())];
        known.into_iter().chain(secret).collect()
    })
}

/// What is left to do by hand once clients are on the new database.
pub(crate) fn to_finish(story: &Story) -> Vec<String> {
    let arn = &story.incident.source.arn;
    story.unfinished().into_iter().filter_map(|call| commands::by_hand(arn, &call.act)).collect()
}
