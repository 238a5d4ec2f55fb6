use super::*;

fn fault(action: &str, when: When, kind: FaultKind) -> Fault {
    Fault { action: Some(action.to_owned()), resource: None, when, kind }
}

fn outcomes(cloud: &InMemory) -> Vec<&Outcome> {
    cloud.model.calls().iter().map(|call| &call.outcome).collect()
}

#[test]
fn a_lost_reply_means_that_the_call_took_effect() {
    let mut cloud = single();
    cloud.model.add_fault(fault("CreateDBSnapshot", When::Times(1), FaultKind::ReplyLost));
    let request = CreateDbSnapshot::of("orders", "s1");
    assert_eq!(cloud.call(&request).unwrap_err(), CallError::NoReply(Silence::ConnectionReset));
    assert_eq!(code(cloud.call(&request)), "DBSnapshotAlreadyExists");
    let effective: Vec<_> = cloud.model.effective_calls().map(|call| call.action).collect();
    assert_eq!(effective, ["CreateDBInstance", "CreateDBSnapshot"]);
}

#[test]
fn a_time_out_before_the_effect_means_that_nothing_happened() {
    let mut cloud = single();
    cloud.model.add_fault(fault("CreateDBSnapshot", When::Times(1), FaultKind::TimeoutBefore));
    let request = CreateDbSnapshot::of("orders", "s1");
    assert_eq!(cloud.call(&request).unwrap_err(), CallError::NoReply(Silence::TimedOut));
    assert!(cloud.call(&request).is_ok());
    assert_eq!(outcomes(&cloud), [&Outcome::Applied, &Outcome::NeverArrived, &Outcome::Applied]);
}

#[test]
fn aws_throttles_fails_and_refuses_without_effect() {
    let mut cloud = single();
    let refusal = FaultKind::Refused { code: "KMSKeyNotAccessibleFault".into(), message: "no".into() };
    for (kind, expected) in
        [(FaultKind::Throttle, "Throttling"), (FaultKind::ServiceError, "InternalFailure"), (refusal, "KMSKeyNotAccessibleFault")]
    {
        cloud.model.add_fault(fault("RebootDBInstance", When::Always, kind));
        assert_eq!(code(cloud.call(&reboot("orders", false))), expected);
        cloud.model.clear_faults();
    }
    assert_eq!(cloud.status("orders"), "available");
    assert_eq!(cloud.model.effective_calls().count(), 1);
}

#[test]
fn a_fault_strikes_the_nth_call_and_only_its_own_resource() {
    let mut cloud = single();
    cloud.call(&CreateDbInstance::example("other")).unwrap();
    let strike = Fault { resource: Some("orders".into()), ..fault("DescribeDBInstances", When::Nth(2), FaultKind::Throttle) };
    cloud.model.add_fault(strike);
    let mut ask = |name: &str| cloud.call(&DescribeDbInstances::of(name)).is_ok();
    assert_eq!([ask("orders"), ask("other"), ask("orders"), ask("orders")], [true, true, false, true]);
}

#[test]
fn random_faults_are_the_same_for_the_same_seed() {
    let run = |seed| {
        let mut model = Model::new(Settings::short().with(|settings| settings.seed = seed));
        model.add_fault(fault("DescribeDBInstances", When::PerMille(500), FaultKind::Throttle));
        (0..64).map(|_| model.call(&DescribeDbInstances::default(), start()).is_ok()).collect::<Vec<_>>()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
    assert!(run(7).contains(&true) && run(7).contains(&false));
}

#[test]
fn the_log_has_what_was_sent_and_never_a_password() {
    let mut cloud = empty();
    cloud.call(&CreateDbInstance::example("orders")).unwrap();
    let call = &cloud.model.calls()[0];
    assert_eq!(call.parameters["DBInstanceIdentifier"], "orders");
    assert_eq!(call.parameters["MasterUserPassword"], "****");
    assert!(call.parameters.get("MultiAZ").is_none(), "what was not sent is not there");
    assert!(!format!("{:?}", cloud.model).contains(PASSWORD));
}

#[test]
fn reading_calls_are_not_logged() {
    let mut cloud = single();
    cloud.show("orders");
    assert_eq!(cloud.model.calls().len(), 1);
}
