//! Which replica is promoted, and which option goes before which.

use super::*;
use crate::observed::{Configuration, Replication, tags};
use crate::probe::{ProbeOutcome, ReplicaLook};
use crate::replica::Replica;

/// A replica that follows, whose newest transaction is of so many seconds after 10:25:00.
fn replica(name: &str, newest: Option<i64>) -> Replica {
    let mut observed = instance("available");
    observed.id = DatabaseId::parse(name).unwrap();
    observed.resource_id = format!("db-{}", name.to_uppercase());
    observed.replica_of = Some("orders-db".into());
    observed.replication = Some(Replication { status: "replicating".into(), normal: true, message: None });
    observed.configuration = Configuration { multi_az: false, backup_retention_days: 0, ..observed.configuration };
    observed.tags = [(tags::PROMOTABLE.to_owned(), "orders-db".to_owned())].into();
    let look = ReplicaLook {
        at: at(30),
        outcome: ProbeOutcome::Answers,
        text: "answers".into(),
        in_recovery: Some(true),
        newest: newest.map(at),
        backlog_bytes: Some(0),
    };
    Replica { observed, look: Some(look) }
}

/// The source failed at 10:25:00, and has these replicas.
fn failed(replicas: Vec<Replica>) -> World {
    let mut world = World::new(Scenario::InstanceFailure, "failed", AUTOMATIC);
    let names = replicas.iter().map(|replica| replica.observed.id.to_string()).collect();
    world.observed = world.observed.map(|observed| ObservedDatabase { replicas: names, ..observed });
    world.replicas = replicas;
    world
}

fn option(plan: &Plan, remedy: Remedy) -> &RankedOption {
    plan.options.iter().find(|option| option.remedy == remedy).unwrap()
}

#[test]
fn a_replica_is_promoted_behind_the_fence_with_backups_and_gets_its_standby_last() {
    let mut world = failed(vec![replica("orders-db-b", Some(-2))]);
    world.incident.scenario = Some(Scenario::Hung);
    world.incident.setbacks.push(Setback::FailoverSent);
    world.observed = Some(ObservedDatabase { status: crate::status::DatabaseStatus::new("available"), ..world.observed.unwrap() });
    let plan = world.plan().plan;
    assert_eq!((plan.remedy, plan.fence, plan.moves_clients), (Some(Remedy::PromoteReplica), Some(FencePlan::Group), true));
    assert_eq!(
        actions(&plan),
        [
            "fence rds:ModifyDBInstance",
            "fence rds:RebootDBInstance",
            "act rds:PromoteReadReplica",
            "cut_over secretsmanager:PutSecretValue",
            "close rds:AddTagsToResource",
            "close rds:AddTagsToResource",
            "close rds:RemoveTagsFromResource",
            "close rds:CreateDBSnapshot",
            "close rds:ModifyDBInstance",
        ]
    );
    let Act::PromoteReplica { backup_days, expected, .. } = &plan.calls[2].act else { panic!("{:?}", plan.calls[2]) };
    assert_eq!((*backup_days, expected.backup_retention_days), (1, 1), "a database without backups cannot be restored");
    assert_eq!(plan.calls[2].act.repeat(), Repeat::AtMostOnce);
    assert_eq!(plan.restore_point, Some(at(-2)), "what the replica holds");
}

#[test]
fn loss_is_counted_to_the_last_possible_write_and_not_to_now() {
    let mut world = failed(vec![replica("orders-db-b", Some(-2))]);
    assert_eq!(option(&world.plan().plan, Remedy::PromoteReplica).forecast.loss, Some(crate::Span::seconds(2)));
    world.incident.answered = Some(crate::incident::Answered { at: at(20), security_groups: Vec::new() });
    assert_eq!(option(&world.plan().plan, Remedy::PromoteReplica).forecast.loss, Some(crate::Span::seconds(22)));
}

#[test]
fn least_loss_goes_first_and_what_is_not_known_goes_last() {
    // Point-in-time recovery reaches 240 s before the failure.
    for (newest, first) in [
        (Some(-239), Remedy::PromoteReplica),
        (Some(-240), Remedy::PromoteReplica),
        (Some(-241), Remedy::RestoreLatest),
        (None, Remedy::RestoreLatest),
    ] {
        let plan = failed(vec![replica("orders-db-b", newest)]).plan().plan;
        assert_eq!((plan.remedy, plan.options[0].remedy), (Some(first), first), "{newest:?}");
    }
    let mut world = failed(vec![replica("orders-db-b", None)]);
    world.window = None;
    assert_eq!(world.plan().plan.remedy, Some(Remedy::PromoteReplica), "a snapshot is not there either");
    let gate = world.gate();
    assert!(gate.decision == Decision::Ask && gate.reason.contains("how much it would lose is not known"), "{}", gate.reason);
}

#[test]
fn too_much_lag_asks_a_person() {
    let mut world = failed(vec![replica("orders-db-b", Some(-601))]);
    world.window = None;
    assert_eq!(world.gate().decision, Decision::Ask);
    world.replicas = vec![replica("orders-db-b", Some(-600))];
    assert_eq!(world.gate().decision, Decision::Execute, "{}", world.gate().reason);
}

#[test]
fn a_replica_that_cannot_be_promoted_says_why() {
    type Change = fn(&mut Replica);
    let table: [(Change, &str); 8] = [
        (|it| it.observed.tags.clear(), "it does not carry the tag lifeboat:promotable=orders-db"),
        (|it| drop(it.observed.tags.insert(tags::PROMOTABLE.into(), "users-db".into())), "it does not carry the tag"),
        (|it| it.observed.status = crate::status::DatabaseStatus::new("backing-up"), "RDS reports backing-up"),
        (|it| it.observed.configuration.vpc = Some("vpc-2".into()), "another VPC"),
        (|it| it.observed.replication = None, "RDS does not say"),
        (
            |it| it.observed.replication = Some(Replication { status: "terminated".into(), normal: false, message: None }),
            "its replication as terminated",
        ),
        (|it| it.look.as_mut().unwrap().outcome = ProbeOutcome::Unreachable, "it gives no answer"),
        (|it| it.look.as_mut().unwrap().in_recovery = Some(false), "somebody has promoted it already"),
    ];
    for (change, why) in table {
        let mut spoilt = replica("orders-db-b", Some(-2));
        change(&mut spoilt);
        let plan = failed(vec![spoilt]).plan().plan;
        let option = option(&plan, Remedy::PromoteReplica);
        assert!(!option.possible && option.reason.contains(why), "{why}: {}", option.reason);
        assert_eq!(plan.remedy, Some(Remedy::RestoreLatest), "{why}");
    }
}

#[test]
fn a_broken_replication_counts_only_where_it_broke_before_the_source_did() {
    let broken = |newest| {
        let mut it = replica("orders-db-b", newest);
        it.observed.replication = Some(Replication { status: "error".into(), normal: false, message: Some("no connection".into()) });
        failed(vec![it]).plan().plan
    };
    assert_eq!(broken(Some(-2)).remedy, Some(Remedy::PromoteReplica));
    for newest in [Some(-3600), None] {
        let plan = broken(newest);
        assert_eq!(plan.remedy, Some(Remedy::RestoreLatest));
        assert!(option(&plan, Remedy::PromoteReplica).reason.contains("error (no connection)"));
    }
}

#[test]
fn the_replica_that_lost_least_is_taken_and_every_other_one_is_named_with_its_command() {
    let plan = failed(vec![replica("orders-db-a", Some(-60)), replica("orders-db-b", Some(-2)), replica("orders-db-c", None)]).plan().plan;
    assert_eq!(plan.target.as_ref().map(DatabaseId::as_str), Some("orders-db-b"));
    assert!(plan.reason.contains("orders-db-a is passed over: it would lose 1 min"), "{}", plan.reason);
    assert!(plan.reason.contains("orders-db-c is passed over: how much it lacks is not known"), "{}", plan.reason);
    assert_eq!(plan.guidance.len(), 3, "{:?}", plan.guidance);
    assert!(plan.guidance[1].contains("--db-instance-identifier orders-db-a-2 --source-db-instance-identifier orders-db-b"));
}

#[test]
fn a_promotion_is_asked_for_once_in_an_incident() {
    let target = DatabaseId::parse("orders-db-b").unwrap();
    let setbacks = [Setback::PromotionSent { target: target.clone() }, Setback::PromotionFailed { target, text: "it was refused".into() }];
    for setback in setbacks {
        let mut world = failed(vec![replica("orders-db-b", Some(-2))]);
        assert_eq!(setback.unusable(), None, "a replica is never deleted");
        world.incident.setbacks.push(setback);
        assert_eq!(world.plan().plan.remedy, Some(Remedy::RestoreLatest));
    }
}

#[test]
fn what_stays_otherwise_than_on_the_source_is_a_risk_by_name() {
    let mut small = replica("orders-db-b", Some(-2));
    small.observed.configuration.class = "db.t4g.small".into();
    small.observed.configuration.parameter_group = Some("replicas".into());
    let mut world = failed(vec![small]);
    world.observed.as_mut().unwrap().configuration.parameter_group = Some("orders".into());
    let plan = world.plan().plan;
    let risks = plan.risks.join("; ");
    for risk in ["class is \"db.t4g.small\"", "static parameters", "has no standby until", "never be a replica again"] {
        assert!(risks.contains(risk), "{risk}: {risks}");
    }
    assert!(actions(&plan).contains(&"configure rds:ModifyDBInstance".to_owned()));
}

#[test]
fn nothing_is_promoted_where_no_client_could_be_moved_or_a_moment_was_named() {
    let mut nowhere = failed(vec![replica("orders-db-b", Some(-2))]);
    nowhere.policy = policy("mode: automatic\ndrill: {waived: \"by the test\"}");
    let mut earlier = failed(vec![replica("orders-db-b", Some(-2))]);
    earlier.incident.request.restore_to = Some(at(-3600));
    for world in [nowhere, earlier] {
        assert_eq!(world.plan().plan.remedy, Some(Remedy::RestoreLatest));
    }
}
