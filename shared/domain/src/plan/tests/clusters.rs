//! Plans for DB clusters.

use super::*;
use crate::ids::{Arn, DatabaseId};
use crate::observed::{ClusterConfiguration, Member, MemberConfiguration, Own, tags};
use crate::status::DatabaseStatus;

fn member(name: &str, is_writer: bool, tier: i32, status: &str) -> Member {
    Member {
        id: DatabaseId::parse(name).unwrap(),
        is_writer,
        status: DatabaseStatus::new(status),
        zone: Some("us-east-1a".into()),
        shard: None,
        parameter_status: Some("in-sync".into()),
        configuration: MemberConfiguration { promotion_tier: tier, class: "db.r6g.large".into(), ..MemberConfiguration::default() },
        tags: [(tags::POLICY.to_owned(), "p".to_owned())].into(),
    }
}

/// The cluster `orders-db`, hung or failed, with these members.
pub(super) fn world(scenario: Scenario, status: &str, members: Vec<Member>, yaml: &str) -> World {
    let mut world = World::new(scenario, status, yaml);
    let observed = world.observed.as_mut().unwrap();
    observed.id = DatabaseId::new(ResourceKind::DbCluster, "orders-db").unwrap();
    observed.arn = Arn::parse("arn:aws:rds:us-east-1:123456789012:cluster:orders-db").unwrap();
    observed.configuration.engine = "aurora-postgresql".into();
    observed.configuration.class = String::new();
    let described = members.iter().map(|member| member.configuration.clone()).collect();
    observed.configuration.own =
        Some(Own::Cluster(Box::new(ClusterConfiguration { members: described, ..ClusterConfiguration::default() })));
    observed.members = members;
    (world.incident.source.id, world.incident.source.arn) = (observed.id.clone(), observed.arn.clone());
    world.incident.kind = ResourceKind::DbCluster;
    world
}

pub(super) fn three() -> Vec<Member> {
    vec![member("one", true, 1, "available"), member("two", false, 2, "available"), member("three", false, 1, "available")]
}

fn failover(world: &World) -> (Option<String>, Option<String>) {
    let plan = world.plan().plan;
    match &plan.calls.first().expect("there is a call").act {
        Act::ForceFailover { to, from, .. } => (from.as_ref().map(ToString::to_string), to.as_ref().map(ToString::to_string)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failover_names_who_wrote_and_who_shall_write() {
    let mut hung = world(Scenario::Hung, "available", three(), AUTOMATIC);
    assert_eq!(failover(&hung), (Some("one".into()), Some("three".into())), "the least promotion tier");
    hung.observed.as_mut().unwrap().members[2].status = DatabaseStatus::new("rebooting");
    assert_eq!(failover(&hung), (Some("one".into()), Some("two".into())), "one that serves");
    hung.observed.as_mut().unwrap().configuration.engine = "mysql".into();
    assert_eq!(failover(&hung), (Some("one".into()), None), "RDS for MySQL takes no target");
}

#[test]
fn a_failover_goes_to_another_zone_first_and_names_nobody_where_only_the_dark_one_serves() {
    let mut members = three();
    members[1].zone = Some("us-east-1b".into());
    let mut hung = world(Scenario::Hung, "available", members, AUTOMATIC);
    assert_eq!(failover(&hung), (Some("one".into()), Some("two".into())), "`three` has the lesser tier, in the writer's own zone");
    let mut dark = world(Scenario::AzOutage, "available", three(), AUTOMATIC);
    assert_eq!(failover(&dark), (Some("one".into()), None), "all readers are in the zone that is dark: a status lags, and RDS knows");
    assert!(dark.plan().plan.reason.contains("RDS chooses"), "{}", dark.plan().plan.reason);
    for world in [&mut hung, &mut dark] {
        world.observed.as_mut().unwrap().members[1].zone = None;
    }
    assert_eq!(failover(&hung), (Some("one".into()), Some("three".into())), "an unknown zone is not known to be another");
    assert_eq!(failover(&dark), (Some("one".into()), None));
}

#[test]
fn a_failover_is_planned_once_in_an_incident_and_only_where_somebody_can_take_over() {
    let mut hung = world(Scenario::Hung, "available", three(), AUTOMATIC);
    hung.incident.setbacks.push(Setback::FailoverSent);
    assert_eq!(hung.plan().plan.remedy, Some(Remedy::RestoreLatest));
    let alone = world(Scenario::Hung, "available", vec![member("one", true, 1, "available")], AUTOMATIC);
    assert_eq!(alone.plan().plan.remedy, Some(Remedy::RestoreLatest));
}

#[test]
fn members_are_made_with_the_class_that_is_to_be_had_and_the_copy_is_expected_with_it() {
    let yaml = format!("{AUTOMATIC}\nfallback_classes: [db.r6g.xlarge]");
    let mut failed = world(Scenario::InstanceFailure, "failed", three(), &yaml);
    failed.incident.setbacks.push(Setback::NoCapacity { class: "db.r6g.large".into(), target: None });
    let plan = failed.plan().plan;
    let made: Vec<&str> = plan
        .calls
        .iter()
        .filter_map(|call| match &call.act {
            Act::MakeMember { settings, .. } => Some(settings.class.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(made, ["db.r6g.xlarge"; 3]);
    let told = &plan.restore_settings().unwrap().configuration;
    assert!(told.class.is_empty() && told.cluster().unwrap().members.iter().all(|member| member.class == "db.r6g.xlarge"));
}

#[test]
fn a_member_without_a_tag_of_lifeboat_is_a_named_risk_where_its_sessions_must_be_ended() {
    let mut members = vec![member("one", true, 1, "available")];
    let risks = |members: &[Member]| world(Scenario::Hung, "available", members.to_vec(), AUTOMATIC).plan().plan.risks.join("; ");
    assert!(!risks(&members).contains("does not carry"), "{}", risks(&members));
    members[0].tags.clear();
    assert!(risks(&members).contains("one of orders-db does not carry lifeboat:policy"), "{}", risks(&members));
}

#[test]
fn names_and_proxies_of_a_cluster_are_refused_by_name() {
    for (target, found, why) in [
        ("rename_swap", FoundTarget::Names(NameHolders::default()), "it is a cluster"),
        ("{rds_proxy: {proxy: orders}}", FoundTarget::Proxy(None), "the members of a DB cluster"),
    ] {
        let yaml = AUTOMATIC.replace("[secrets_manager]", &format!("[{target}]"));
        let mut failed = world(Scenario::InstanceFailure, "failed", three(), &yaml);
        failed.targets = vec![found];
        let plan = failed.plan().plan;
        assert!(plan.refusals.join("; ").contains(why), "{target}: {:?}", plan.refusals);
    }
}

#[test]
fn a_cluster_whose_members_nobody_knows_is_not_restored_to_one_without_any() {
    let bare = world(Scenario::InstanceFailure, "failed", Vec::new(), AUTOMATIC).plan().plan;
    assert!(bare.calls.is_empty(), "{:?}", bare.calls);
    assert!(format!("{bare:?}").contains("no manifest was kept that says which it had"), "{bare:?}");
}

#[test]
fn what_a_copy_comes_without_is_a_named_risk() {
    let mut failed = world(Scenario::InstanceFailure, "failed", three(), AUTOMATIC);
    failed.observed.as_mut().unwrap().configuration.left_behind = vec!["the role r for s3Import".to_owned()];
    let plan = failed.plan().plan;
    assert!(
        plan.risks.iter().any(|risk| risk.ends_with("comes without the role r for s3Import, until somebody sets it")),
        "{:?}",
        plan.risks
    );
}

#[test]
fn guidance_for_a_cluster_never_names_an_instance_of_its_name() {
    for scenario in
        [Scenario::ParameterFailure, Scenario::NetworkFailure, Scenario::KeyInaccessible, Scenario::SecurityBreach, Scenario::StorageFull]
    {
        let plan = world(scenario, "available", three(), AUTOMATIC).plan().plan;
        let commands: Vec<&String> = plan.guidance.iter().filter(|line| line.starts_with("aws ")).collect();
        assert!(
            !commands.is_empty() && commands.iter().all(|command| command.contains("--db-cluster-identifier orders-db")),
            "{scenario}: {commands:?}"
        );
    }
}
