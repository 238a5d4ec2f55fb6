//! Every code of the fact sheet, codes that nobody knows, and answers that are none.

use super::*;
use crate::wire::{Wire, clients, error_json, error_xml};
use aws_smithy_http_client::test_util::NeverClient;
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::ports::{Ledger, ReadDatabases, RebootDatabases, TakeSnapshots};
use lifeboat_domain::words::ResourceKind;

fn orders() -> DatabaseId {
    DatabaseId::parse("orders-db").unwrap()
}

#[test]
fn every_code_of_the_fact_sheet_has_its_class() {
    let table: &[(CallClass, &[&str])] = &[
        (
            CallClass::AlreadyExists,
            &[
                "DBInstanceAlreadyExists",
                "DBSnapshotAlreadyExists",
                "DBClusterAlreadyExistsFault",
                "DBClusterSnapshotAlreadyExistsFault",
                "ExportTaskAlreadyExists",
                "ReplicationGroupAlreadyExists",
                "SnapshotAlreadyExistsFault",
                "TableAlreadyExistsException",
                "ExecutionAlreadyExists",
                "ResourceExistsException",
            ],
        ),
        (
            CallClass::NotFound,
            &[
                "DBInstanceNotFound",
                "DBSnapshotNotFound",
                "DBClusterNotFoundFault",
                "DBParameterGroupNotFound",
                "DBSubnetGroupNotFoundFault",
                "OptionGroupNotFoundFault",
                "DBInstanceAutomatedBackupNotFound",
                "CertificateNotFound",
                "ResourceNotFoundException",
                "NoSuchKey",
                "NoSuchBucket",
                "ExecutionDoesNotExist",
                "StateMachineDoesNotExist",
                "NotFound",
            ],
        ),
        (
            CallClass::WrongState,
            &[
                "InvalidDBInstanceState",
                "InvalidDBSnapshotState",
                "InvalidDBClusterStateFault",
                "InvalidDBClusterSnapshotStateFault",
                "InvalidGlobalClusterStateFault",
                "InvalidReplicationGroupState",
                "InvalidCacheClusterState",
                "InvalidSnapshotState",
                "BackupInUseException",
                "TableInUseException",
                "ResourceInUseException",
                "ExportConflictException",
            ],
        ),
        (
            CallClass::Throttled,
            &[
                "Throttling",
                "ThrottlingException",
                "ThrottledException",
                "Throttled",
                "RequestThrottled",
                "RequestThrottledException",
                "KMSThrottlingException",
                "EC2ThrottledException",
                "TooManyRequestsException",
                "RequestLimitExceeded",
                "BandwidthLimitExceeded",
                "APICallRateForCustomerExceeded",
                "ProvisionedThroughputExceededException",
                "SlowDown",
                "PriorRequestNotComplete",
            ],
        ),
        (
            CallClass::NoCapacity,
            &[
                "InsufficientDBInstanceCapacity",
                "InsufficientDBClusterCapacityFault",
                "InsufficientStorageClusterCapacity",
                "InsufficientCacheClusterCapacity",
                "ProvisionedIopsNotAvailableInAZFault",
                "StorageTypeNotSupported",
            ],
        ),
        (CallClass::Quota, &["InstanceQuotaExceeded", "StorageQuotaExceeded", "DBClusterQuotaExceededFault", "ExecutionLimitExceeded"]),
        (
            CallClass::Denied,
            &[
                "AccessDenied",
                "AccessDeniedException",
                "KMSAccessDeniedException",
                "UnrecognizedClientException",
                "ExpiredToken",
                "ExpiredTokenException",
                "InvalidClientTokenId",
                "SignatureDoesNotMatch",
                "KMSKeyNotAccessibleFault",
                "DecryptionFailure",
                "UnauthorizedOperation",
                "AuthorizationError",
            ],
        ),
        (
            CallClass::Invalid,
            &[
                "InvalidParameterValue",
                "InvalidParameterCombination",
                "InvalidParameter",
                "MissingParameter",
                "ValidationException",
                "InvalidRestoreFault",
                "InvalidSubnet",
                "InvalidVPCNetworkStateFault",
                "DBSubnetGroupDoesNotCoverEnoughAZs",
                "PointInTimeRestoreNotEnabled",
                "InvalidArn",
                "SomethingThatAwsInventedYesterday",
            ],
        ),
        (CallClass::Unknown, &["InternalFailure", "InternalServerError", "InternalError", "ServiceUnavailable", "RequestTimeout"]),
    ];
    for (class, codes) in table {
        for code in *codes {
            assert_eq!(class_of("rds:Any", code, "", 400), *class, "{code}");
        }
    }
}

#[test]
fn what_the_code_does_not_tell_the_message_the_action_or_the_status_tell() {
    let table = [
        ("rds:CopyDBSnapshot", "SnapshotQuotaExceeded", "Cannot create more than 100 manual snapshots", 400, CallClass::Quota),
        ("rds:CopyDBSnapshot", "SnapshotQuotaExceeded", "Cannot copy more than 20 snapshots across regions", 400, CallClass::WrongState),
        ("rds:CopyDBSnapshot", "SnapshotQuotaExceededFault", "There are 20 copies in flight", 400, CallClass::WrongState),
        ("rds:CreateDBSnapshot", "SnapshotQuotaExceeded", "", 400, CallClass::Quota),
        ("dynamodb:CreateBackup", "LimitExceededException", "", 400, CallClass::Throttled),
        ("secretsmanager:PutSecretValue", "LimitExceededException", "", 400, CallClass::Quota),
        ("s3:PutObject", "SlowDown", "", 503, CallClass::Throttled),
        ("rds:Any", "Throttling", "", 500, CallClass::Throttled),
        ("rds:Any", "NobodyKnows", "", 500, CallClass::Unknown),
        ("rds:Any", "NobodyKnows", "", 503, CallClass::Unknown),
        ("rds:Any", "NobodyKnows", "", 408, CallClass::Unknown),
        ("rds:Any", "NobodyKnows", "", 429, CallClass::Throttled),
        ("rds:Any", "NobodyKnows", "", 403, CallClass::Invalid),
        ("rds:Any", "InvalidDBInstanceState", "", 500, CallClass::Unknown),
        ("rds:Any", "InsufficientDBClusterCapacityFault", "", 403, CallClass::NoCapacity),
    ];
    for (action, code, message, status, class) in table {
        assert_eq!(class_of(action, code, message, status), class, "{action} {code} {message:?} {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_says_action_code_message_and_request() {
    let wire = Wire::answering(&[(400, &error_xml("InvalidDBInstanceState", "orders-db is not available"))]);
    let snapshot = lifeboat_domain::ids::SnapshotId::parse("lb-1").unwrap();
    let error = wire.clients().await.rds().create_snapshot(&orders(), &snapshot, &[].into()).await.unwrap_err();
    assert_eq!(error.class, CallClass::WrongState);
    assert_eq!(
        error.to_string(),
        "rds:CreateDBSnapshot answered InvalidDBInstanceState: orders-db is not available (request request-4711)"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unmodelled_code_is_an_invalid_call_and_was_sent_once() {
    let wire = Wire::answering(&[(400, &error_xml("BrandNewRefusal", "no"))]);
    let error = wire.clients().await.rds().databases(ResourceKind::ALL).await.whole().unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (CallClass::Invalid, "BrandNewRefusal"));
    assert_eq!(wire.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn answers_without_sense_may_have_acted() {
    let page = "<html>the proxy is unwell</html>";
    let bodies = [(503, ""), (503, page), (502, page), (500, "{"), (400, ""), (404, page), (200, "<DescribeDBInstances"), (200, "no xml")];
    for (status, body) in bodies {
        let wire = Wire::answering(&[(status, body); 3]);
        let error = wire.clients().await.rds().reboot(&orders(), true).await.err();
        // RebootDBInstance's answer holds nothing that we read; only what is no XML at all shows.
        let Some(error) = error else { panic!("HTTP {status} {body:?} must be an error") };
        assert_eq!(error.class, CallClass::Unknown, "HTTP {status} {body:?}: {error}");
        assert!(!error.message.contains("service error") && !error.message.is_empty(), "{error}");
        assert_eq!(wire.count(), 1, "HTTP {status}: at most once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_is_tried_three_times_and_a_reboot_once() {
    let overloaded = error_xml("ServiceUnavailable", "later");
    let wire = Wire::answering(&[(503, overloaded.as_str()); 3]);
    let error = wire.clients().await.rds().databases(ResourceKind::ALL).await.whole().unwrap_err();
    assert_eq!((error.class, wire.count()), (CallClass::Unknown, 3));

    let wire = Wire::answering(&[(503, overloaded.as_str()); 3]);
    let error = wire.clients().await.rds().reboot(&orders(), true).await.unwrap_err();
    assert_eq!((error.class, wire.count()), (CallClass::Unknown, 1));

    let throttled = error_xml("Throttling", "Rate exceeded");
    let wire = Wire::answering(&[(400, throttled.as_str()); 3]);
    let error = wire.clients().await.rds().reboot(&orders(), true).await.unwrap_err();
    assert_eq!((error.class, wire.count()), (CallClass::Throttled, 1));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_in_time() {
    let started = tokio::time::Instant::now();
    let silent = NeverClient::new();
    let error = clients(silent.clone()).await.rds().databases(ResourceKind::ALL).await.whole().unwrap_err();
    assert_eq!((error.class, error.code.as_str(), silent.num_calls()), (CallClass::Unknown, "timeout", 3));
    assert!(started.elapsed().as_secs() <= 20, "{:?}", started.elapsed());
    assert!(error.message.contains("may have acted"), "{error}");

    let started = tokio::time::Instant::now();
    let silent = NeverClient::new();
    let error = clients(silent.clone()).await.rds().reboot(&orders(), true).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str(), silent.num_calls()), (CallClass::Unknown, "timeout", 1));
    assert!(started.elapsed().as_secs() <= 5, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_may_have_acted() {
    let nobody = Wire::answering(&[]);
    let error = nobody.clients().await.rds().reboot(&orders(), true).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (CallClass::Unknown, "dispatch"));
}

#[tokio::test(start_paused = true)]
async fn json_services_are_classified_alike() {
    let key = lifeboat_domain::ports::Key { partition: "resource#orders".to_owned(), sort: "lease".to_owned() };
    for (status, code, class) in [
        (400, "AccessDeniedException", CallClass::Denied),
        (400, "ResourceNotFoundException", CallClass::Invalid),
        (400, "ProvisionedThroughputExceededException", CallClass::Throttled),
        (400, "ValidationException", CallClass::Invalid),
        (500, "InternalServerError", CallClass::Unknown),
    ] {
        let wire = Wire::answering(&[(status, error_json(code, "why").as_str()); 3]);
        let error = wire.clients().await.ledger("table", "eu-central-1").read(&key).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (class, code));
        assert_eq!(error.message, "why (request request-4711)");
    }
}
