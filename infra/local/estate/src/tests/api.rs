use super::*;

#[tokio::test]
async fn a_created_instance_is_described_in_the_xml_of_aws() {
    let world = world();
    let form = format!("{CREATE}&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-app&Tags.Tag.1.Key=a&Tags.Tag.1.Value=b%20c&MultiAZ=true");
    let (status, xml) = text(&world, &form).await;
    assert_eq!(status, 200, "{xml}");
    assert!(xml.contains("<CreateDBInstanceResult><DBInstance>") && xml.contains("<MultiAZ>true</MultiAZ>"), "{xml}");
    pretend(&world);
    let (_, xml) = text(&world, "Action=DescribeDBInstances&DBInstanceIdentifier=orders").await;
    assert!(xml.contains("<DBInstances><DBInstance>") && xml.contains("<DBInstanceStatus>available</DBInstanceStatus>"), "{xml}");
    assert!(xml.contains("<Endpoint><Address>127.0.0.1</Address>") && xml.contains("<Port>4711</Port>"), "{xml}");
    assert!(xml.contains("<VpcSecurityGroupId>sg-app</VpcSecurityGroupId>") && xml.contains("<Status>active</Status>"), "{xml}");
    assert!(xml.contains("<Tag><Key>a</Key><Value>b c</Value></Tag>"), "{xml}");
    assert!(!xml.contains("correct-horse"));
}

#[tokio::test]
async fn a_refusal_has_the_code_and_the_status_of_aws() {
    let (status, xml) = text(&world(), "Action=DescribeDBInstances&DBInstanceIdentifier=none").await;
    assert_eq!(status, 404);
    assert!(xml.contains("<ErrorResponse") && xml.contains("<Error><Type>Sender</Type><Code>DBInstanceNotFound</Code>"), "{xml}");
}

#[tokio::test]
async fn a_missing_or_malformed_parameter_is_named() {
    let world = world();
    assert!(text(&world, "Action=RebootDBInstance").await.1.contains("must contain the parameter DBInstanceIdentifier"));
    let (status, xml) = text(&world, "Action=RebootDBInstance&DBInstanceIdentifier=a&ForceFailover=perhaps").await;
    assert_eq!(status, 400);
    assert!(xml.contains("ForceFailover must be true or false"), "{xml}");
}

#[tokio::test]
async fn what_the_model_does_not_know_needs_an_upstream() {
    let world = world();
    let (status, xml) = text(&world, "Action=DescribeDBProxies").await;
    assert!(status == 400 && xml.contains("<Code>InvalidAction</Code>"), "{xml}");
    let foreign = "Action=ListTagsForResource&ResourceName=arn:aws:rds:us-east-1:123456789012:proxy:p";
    assert!(text(&world, foreign).await.1.contains("InvalidAction"), "tags of a proxy are not ours");
}

#[tokio::test]
async fn what_the_model_does_not_know_goes_upstream_unchanged() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(crate::http::serve(listener, |request: Request<Bytes>| async move {
        let scope = request.headers().get("authorization").cloned().unwrap();
        let mut echo = crate::http::response(hyper::StatusCode::IM_A_TEAPOT, "text/xml", request.into_body());
        echo.headers_mut().insert("authorization", scope);
        Ok(echo)
    }));
    let api = Api { world: world(), upstream: Some(upstream.into()) };
    let body = Bytes::from("Action=CreateDBProxy&X=%20y");
    let request = Request::post("/").header("host", "rds").header("authorization", "scope").body(body.clone()).unwrap();
    let response = api.answer(request).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["authorization"].to_str().unwrap()), (418, "scope"));
    assert_eq!(response.body(), &body);
}

#[tokio::test]
async fn an_upstream_that_is_away_is_a_service_that_is_unavailable() {
    let api = Api { world: world(), upstream: Some("http://127.0.0.1:1".into()) };
    let response = api.answer(Request::post("/").body(Bytes::from("Action=CreateDBProxy")).unwrap()).await.unwrap();
    assert_eq!(response.status().as_u16(), 503);
}

#[tokio::test]
async fn a_lost_reply_ends_the_connection_after_the_effect() {
    let world = world();
    control(&world, "POST", "/faults", r#"{"action":"CreateDBInstance","when":{"times":1},"kind":"reply_lost"}"#).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://{}", listener.local_addr().unwrap());
    let api = Api { world: Arc::clone(&world), upstream: None };
    tokio::spawn(crate::http::serve(listener, move |request| api.clone().answer(request)));
    let send = || crate::http::send(&to, Request::post("/").header("host", "rds").body(Bytes::from(CREATE)).unwrap());
    assert!(send().await.is_err());
    assert!(String::from_utf8_lossy(send().await.unwrap().body()).contains("DBInstanceAlreadyExists"));
}

#[tokio::test]
async fn every_action_of_the_model_is_served() {
    let world = world();
    text(&world, &format!("{CREATE}&BackupRetentionPeriod=7")).await;
    pretend(&world);
    let arn = "arn%3Aaws%3Ards%3Aus-east-1%3A123456789012%3Adb%3Aorders";
    for form in [
        "CreateDBSnapshot&DBInstanceIdentifier=orders&DBSnapshotIdentifier=s1",
        "DescribeDBSnapshots&DBInstanceIdentifier=orders&IncludeShared=false&MaxRecords=20",
        "RestoreDBInstanceFromDBSnapshot&DBInstanceIdentifier=copy&DBSnapshotIdentifier=s1",
        "ModifyDBInstance&DBInstanceIdentifier=orders&ApplyImmediately=true&CloudwatchLogsExportConfiguration.EnableLogTypes.member.1=upgrade",
        "RebootDBInstance&DBInstanceIdentifier=orders",
        "StopDBInstance&DBInstanceIdentifier=orders",
        "StartDBInstance&DBInstanceIdentifier=orders",
        &format!("AddTagsToResource&ResourceName={arn}&Tags.Tag.1.Key=a&Tags.Tag.1.Value=b"),
        &format!("ListTagsForResource&ResourceName={arn}"),
        &format!("RemoveTagsFromResource&ResourceName={arn}&TagKeys.member.1=a"),
        "DescribeDBInstanceAutomatedBackups&DBInstanceIdentifier=orders",
        "DescribeAccountAttributes",
        "DeleteDBSnapshot&DBSnapshotIdentifier=s1",
        "DeleteDBInstance&DBInstanceIdentifier=orders&SkipFinalSnapshot=true&DeleteAutomatedBackups=false",
    ] {
        let (status, xml) = text(&world, &format!("Action={form}&Version=2014-10-31")).await;
        assert_eq!(status, 200, "{form}: {xml}");
        pretend(&world);
    }
    let restore = "Action=RestoreDBInstanceToPointInTime&SourceDBInstanceIdentifier=copy&TargetDBInstanceIdentifier=x&RestoreTime=2020-01-01T00:00:00Z";
    assert!(text(&world, restore).await.1.contains("InvalidDBInstanceState"), "nothing was archived here");
}
