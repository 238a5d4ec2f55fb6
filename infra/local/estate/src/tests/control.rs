use super::*;

#[tokio::test]
async fn accidents_happen_on_request() {
    let world = world();
    text(&world, CREATE).await;
    pretend(&world);
    let (status, reply) = control(&world, "POST", "/accidents", r#"{"instance":"orders","kind":"instance_failure"}"#).await;
    assert_eq!(status, 200, "{reply}");
    let (_, instances) = control(&world, "GET", "/instances", "").await;
    assert_eq!(instances[0]["instance"]["DBInstanceStatus"], "failed");
    assert_eq!((&instances[0]["server"], &instances[0]["true_status"]), (&"down".into(), &"failed".into()));
}

#[tokio::test]
async fn a_wrong_request_is_explained() {
    let world = world();
    let (status, reply) = control(&world, "POST", "/accidents", r#"{"instance":"orders","kind":"hung"}"#).await;
    assert!(status == 404 && reply["error"].as_str().unwrap().contains("orders"), "{reply}");
    let (status, reply) = control(&world, "POST", "/accidents", r#"{"instance":"orders","kind":"flood"}"#).await;
    assert!(status == 400 && reply["error"].as_str().unwrap().contains("az_outage"), "{reply}");
    let (status, reply) = control(&world, "POST", "/accidents", r#"{"instance":"orders","kind":"stuck"}"#).await;
    assert!(status == 400 && reply["error"].as_str().unwrap().contains("status"), "{reply}");
    assert_eq!(control(&world, "GET", "/accidents", "").await.0, 404);
}

#[tokio::test]
async fn faults_are_added_singly_or_many_and_removed_together() {
    let world = world();
    let many = r#"[{"action":"DescribeDBInstances","when":"always","kind":"throttle"},{"when":{"nth":9},"kind":"service_error"}]"#;
    assert_eq!(control(&world, "POST", "/faults", many).await.0, 200);
    assert_eq!(text(&world, "Action=DescribeDBInstances").await.0, 400);
    assert_eq!(control(&world, "DELETE", "/faults", "").await.0, 200);
    assert_eq!(text(&world, "Action=DescribeDBInstances").await.0, 200);
    assert_eq!(control(&world, "POST", "/faults", r#"{"when":"never","kind":"throttle"}"#).await.0, 400);
}

#[tokio::test]
async fn the_log_of_calls_tells_which_took_effect() {
    let world = world();
    text(&world, CREATE).await;
    text(&world, CREATE).await;
    let (_, calls) = control(&world, "GET", "/calls", "").await;
    assert_eq!(
        (&calls[0]["outcome"], &calls[1]["outcome"], &calls[1]["code"]),
        (&"applied".into(), &"refused".into(), &"DBInstanceAlreadyExists".into())
    );
    assert_eq!(calls[0]["parameters"]["MasterUserPassword"], "****");
    let (_, effective) = control(&world, "GET", "/calls?effective=true", "").await;
    assert_eq!(effective.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn groups_are_closed_on_request() {
    let world = world();
    text(&world, CREATE).await;
    pretend(&world);
    assert_eq!(control(&world, "POST", "/closed-groups", r#"{"groups":["sg-default"]}"#).await.0, 200);
    assert_eq!(control(&world, "GET", "/instances", "").await.1[0]["port_open"], false);
    assert_eq!(control(&world, "GET", "/healthz", "").await.1["status"], "ok");
}
