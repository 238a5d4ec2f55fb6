//! What is kept although it does not serve: why, what it costs, and how to release it.

use super::Kept;
use crate::commands;
use crate::message::cloned;
use crate::story::Story;
use lifeboat_domain::acting::CutOver;
use lifeboat_domain::incident::Restored;
use lifeboat_domain::show_time;
use lifeboat_domain::words::ResourceKind;

/// What this story keeps, and what earlier ones may have left.
pub(super) fn kept(story: &Story, execution: &str, closed: bool) -> Vec<Kept> {
    let Some(restored) = &story.incident.restored else { return Vec::new() };
    let own = match story.moved() {
        _ if story.takes_over() => None,
        Some(_) if story.source_is_gone() => None,
        Some(cut_over) => Some(source(story, cut_over)),
        // What was to take over stands where it stood: it is the database, and no copy of it.
        None if restored.id == story.incident.source.id => None,
        None => Some(copy(story, restored)),
    };
    let mut kept: Vec<Kept> = own.into_iter().chain(leftovers(story)).collect();
    for one in kept.iter_mut().filter(|_| closed) {
        if let Some(release) = commands::release(execution, &story.incident.resource, &one.id) {
            let by_hand = std::mem::take(&mut one.release_commands);
            let alone = "# Only where Lifeboat is gone, by hand; nobody then looks whether it is needed:".to_owned();
            one.release_commands = [release, alone].into_iter().chain(by_hand.into_iter().map(commented)).collect();
        }
    }
    kept
}

/// A command that is not meant to be run with the others.
fn commented(line: String) -> String {
    if line.starts_with('#') { line } else { format!("# {line}") }
}

fn source(story: &Story, cut_over: &CutOver) -> Kept {
    let source = &story.incident.source;
    let point = story
        .plan()
        .and_then(|plan| plan.restore_point)
        .map_or_else(String::new, |at| format!("; it may hold writes after {} that the new one lacks", show_time(at)));
    let (release_commands, release_note) = if story.source_is_terminal() {
        (
            commands::release_terminal(&source.arn, &source.id, story.is_protected()),
            ", without a final snapshot, as RDS takes none of an instance in the status that it is in and refuses most changes of it; its automated backups and its recovery points stay",
        )
    } else {
        (
            commands::release_source(&source.arn, &source.id, story.is_protected()),
            " (RDS takes the final snapshot only of an instance that is available)",
        )
    };
    // A table or a cache cannot be stopped, and RDS's rules are not theirs.
    let is_of_rds = matches!(source.id.kind(), ResourceKind::RdsInstance | ResourceKind::DbCluster);
    let billed = if is_of_rds {
        " for its storage and backups, and for its instance hours unless it is stopped (RDS starts a stopped one again after 7 days)"
    } else {
        ""
    };
    Kept {
        id: source.id.clone(),
        is_certain: true,
        why: format!("it was the database until {}, and Lifeboat never deletes a source{point}", show_time(cut_over.at())),
        cost: format!("{} is billed like before{billed}; so for now you pay for two databases", source.id),
        release_commands,
        release_note: if is_of_rds { release_note.to_owned() } else { String::new() },
    }
}

fn copy(story: &Story, restored: &Restored) -> Kept {
    let source = &story.incident.source.id;
    if story.is_clone() {
        let cost = story.plan().and_then(|plan| plan.forecast()).map_or("an instance", |forecast| forecast.cost.as_str());
        return Kept {
            id: restored.id.clone(),
            is_certain: true,
            why: format!("it is {}; {source} still is the database", cloned::WHAT),
            cost: format!("{} is billed: {cost}", restored.id),
            release_commands: commands::delete_copy(&restored.arn, &restored.id, story.is_copy_protected(&restored.id)),
            release_note: format!("; either of the two may be deleted, and the other keeps its data, {source} too"),
        };
    }
    let lacks = if story.is_spoilt(&restored.id) { ", and it is not used any more: it may lack writes, or never ran" } else { "" };
    Kept {
        id: restored.id.clone(),
        is_certain: true,
        why: format!("it is the restored copy; {source} still is the database{lacks}"),
        cost: format!("{} is billed like a second database of the same size until it is deleted", restored.id),
        release_commands: commands::delete_copy(&restored.arn, &restored.id, story.is_copy_protected(&restored.id)),
        release_note: String::new(),
    }
}

/// The ledger does not know what a person deleted since, nor in what status these are.
fn leftovers(story: &Story) -> impl Iterator<Item = Kept> {
    story.leftovers.iter().map(|leftover| Kept {
        id: leftover.id.clone(),
        is_certain: false,
        why: leftover.why.clone(),
        cost: format!("{} is billed like another database of the same size while it exists", leftover.id),
        release_commands: commands::delete_copy(&leftover.arn, &leftover.id, None),
        release_note: ", without a final snapshot; its automated backups stay".to_owned(),
    })
}
