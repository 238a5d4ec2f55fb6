//! What people are told of what took over from another Region, or was to.

use super::parts::{self, letter};
use super::{Advice, Letter, Severity};
use crate::commands;
use crate::ending::Ending;
use crate::story::Story;
use crate::text::one_line;
use lifeboat_domain::acting::{CallState, TargetEntry};
use lifeboat_domain::plan::{Act, take_over_by_hand};
use lifeboat_domain::show_time;
use lifeboat_domain::words::ResourceKind;

/// A member that followed another Region's resource serves in its place.
pub(crate) fn took_over(ending: &Ending<'_>) -> Letter {
    let story = ending.story;
    let incident = &story.incident;
    let id = &incident.source.id;
    let is_led = story.moved().is_some();
    let headline = format!("TOOK OVER: {id} serves {} from {}", incident.resource, incident.source.arn.region());
    let was_elsewhere = |target: &TargetEntry| target.moves.before() != target.moves.after();
    let were_here = story.moved().is_some_and(|cut_over| !cut_over.targets.iter().any(was_elsewhere));
    let hint = match (is_led, id.kind()) {
        (false, _) => "Lead clients to it by hand, now.",
        (true, ResourceKind::DynamodbTable) if were_here => "Clients were here already, and nobody was moved.",
        (true, _) if ending.measured.rpo.seconds == Some(0) => "Clients were led to it. Nothing is lost.",
        (true, ResourceKind::DynamodbTable) => "Clients were led to it. What was not replicated arrives when the other Region is back.",
        (true, _) => "Clients were led to it. What was not replicated is lost.",
    };
    let mut letter = letter(ending, Severity::Warning, headline, hint);
    letter.happened = parts::evidence(story);
    letter.happened.extend(parts::measured(ending));
    letter.happened.push(format!("Data: {}", one_line(&ending.measured.rpo.text)));
    letter.done = story.plan().map(|plan| one_line(&plan.reason)).into_iter().collect();
    letter.done.extend(parts::calls_made(ending));
    letter.done.extend(story.validation.as_ref().map(parts::checks).unwrap_or_default());
    letter.done.extend(parts::moves(story));
    if is_led {
        letter.to_do = parts::finish(story);
        letter.to_do.push(Advice::say("Restart consumers that still hold connections or addresses of the other Region".to_owned()));
    }
    letter.to_do.extend(story.plan().map(parts::guidance).unwrap_or_default());
    letter.to_do.extend(iac(story));
    letter
}

/// What infrastructure code still says of it.
fn iac(story: &Story) -> Option<Advice> {
    let id = &story.incident.source.id;
    let what = match id.kind() {
        ResourceKind::DbCluster => "replication_source_identifier; CloudFormation: ReplicationSourceIdentifier",
        ResourceKind::ReplicationGroup => "global_replication_group_id; CloudFormation: a GlobalReplicationGroup of ElastiCache",
        ResourceKind::RdsInstance | ResourceKind::DynamodbTable => return None,
    };
    Some(Advice::say(format!(
        "{id} follows nobody any more: where your infrastructure code says that it does (Terraform: {what}), mend that before its next run, or it may replace it"
    )))
}

/// Where clients were not led to it: whether it took over, and what it is now.
pub(crate) fn left_alone(story: &Story) -> Vec<Advice> {
    let found = story.calls.iter().rev().map(|(_, record)| record);
    let mut found = found.filter_map(|record| match &record.act {
        Act::TakeOver { instance, follows, region, .. } if record.state != CallState::Refused => {
            Some((record, take_over_by_hand(instance, follows, region)))
        }
        _ => None,
    });
    let Some((record, by_hand)) = found.next() else { return Vec::new() };
    let source = &story.incident.source;
    let look = commands::describe(&source.arn, &source.id);
    let at = show_time(record.sent_at);
    if record.state == CallState::Sent {
        let by_hand: Vec<String> = std::iter::once(look).chain(by_hand).collect();
        return vec![Advice::new(
            format!(
                "See whether {} follows the other Region still: it was asked to take over at {at}, and the reply was lost. If it does, and that Region stays down, ask once by hand",
                source.id
            ),
            by_hand,
        )];
    }
    vec![Advice::new(format!("{} took over at {at} and accepts writes; clients are not led to it", source.id), vec![look])]
}
