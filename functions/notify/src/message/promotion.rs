//! What a person must know of a replica that was promoted, or perhaps was, and of the replicas that were not.

use super::Advice;
use super::parts;
use crate::commands;
use crate::story::Story;
use lifeboat_domain::acting::{CallRecord, CallState};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::plan::{Act, Remedy};
use lifeboat_domain::show_time;

/// The promotion that is on record, certain or not.
fn promotion(story: &Story) -> Option<(&CallRecord, &DatabaseId)> {
    story.calls.iter().rev().find_map(|(_, record)| match &record.act {
        Act::PromoteReplica { instance, .. } if record.state != CallState::Refused => Some((record, instance)),
        _ => None,
    })
}

/// Where clients were not moved: what the promoted replica is now, and whether it was promoted at all.
pub(crate) fn left_alone(story: &Story) -> Vec<Advice> {
    let Some((record, replica)) = promotion(story) else { return Vec::new() };
    let source = &story.incident.source;
    let Ok(arn) = source.arn.sibling(replica) else { return Vec::new() };
    let (region, sent) = (arn.region(), show_time(record.sent_at));
    let look = commands::replication(&arn, replica);
    if record.state == CallState::Sent {
        return vec![
            Advice::new(
                format!("See whether {replica} is a replica still: its promotion was asked for at {sent}, and the reply was lost"),
                vec![look],
            ),
            Advice::new(
                format!(
                    "If it is one, and {source} stays down, promote it by hand, once, after {source} is kept from its clients: it can be written as soon as it is promoted, and is never a replica again",
                    source = source.id
                ),
                vec![format!(
                    "aws rds promote-read-replica --region {region} --db-instance-identifier {replica} --backup-retention-period 7"
                )],
            ),
            Advice::say(format!(
                "If it is none, it is a database of its own that no client knows: what {} takes, it does not get",
                source.id
            )),
        ];
    }
    vec![Advice::new(
        format!(
            "{replica} was promoted and is kept: it is no replica any more, accepts writes, and no client is led to it. What {} takes from now on, it does not get; once you need it no more, make a new replica in its place",
            source.id
        ),
        vec![
            look,
            format!(
                "aws rds create-db-instance-read-replica --region {region} --db-instance-identifier {replica}-2 --source-db-instance-identifier {} --tags Key=made-by,Value=hand",
                source.id
            ),
        ],
    )]
}

/// After clients were moved to a promoted replica: what its infrastructure code still says of it, and the replicas that follow the old
/// source for good.
pub(crate) fn afterwards(story: &Story) -> Vec<Advice> {
    let Some(plan) = story.plan().filter(|plan| plan.remedy == Some(Remedy::PromoteReplica)) else { return Vec::new() };
    let replica = plan.target.as_ref().map_or_else(String::new, ToString::to_string);
    let say = format!(
        "{replica} is no replica any more: where your infrastructure code describes it as one (Terraform: replicate_source_db; CloudFormation: SourceDBInstanceIdentifier), take that off before its next run, or it may replace the database"
    );
    std::iter::once(Advice::say(say)).chain(parts::guidance(plan)).collect()
}
