//! What a person must know of a copy that is in quarantine, and the way in.

use super::Advice;
use crate::commands;
use crate::story::Story;
use lifeboat_domain::incident::Restored;
use lifeboat_domain::plan::Quarantine;

/// The copy and its quarantine, as long as it is known to be in there.
fn in_there(story: &Story) -> Option<(&Restored, Quarantine<'_>)> {
    let restored = story.incident.restored.as_ref().filter(|restored| restored.endpoint.is_some())?;
    let quarantine = story.plan()?.quarantine()?;
    let has_left = story.cut_over.as_ref().is_some_and(|cut_over| cut_over.opened_at.is_some());
    (!has_left).then_some((restored, quarantine))
}

/// That no client reaches it.
pub(crate) fn line(story: &Story) -> Option<String> {
    let (restored, Quarantine { group, .. }) = in_there(story)?;
    Some(format!("{} is in quarantine: {group} is its only security group, which lets in validate and no client", restored.id))
}

/// How a person gets in.
pub(crate) fn way_in(story: &Story) -> Option<Advice> {
    let (restored, Quarantine { group, opens_to }) = in_there(story)?;
    let (id, own) = (&restored.id, [group.to_owned(), "SG".to_owned()]);
    Some(Advice::new(
        format!("To look into {id} yourself, let yourself in: it is in quarantine, and no client reaches it"),
        vec![
            "# with a group of your own in place of SG, which lets in you and no client".to_owned(),
            commands::set_groups(&restored.arn, id, &own),
            "# or with its source's groups: then every client that learns its address can write to it".to_owned(),
            format!("# {}", commands::set_groups(&restored.arn, id, opens_to)),
        ],
    ))
}
