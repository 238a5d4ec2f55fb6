//! A replica cluster that takes over from another Region.

use super::{clusters, ledger, ledger_xml, member_xml};
use crate::rds::tests::{answer, page};
use crate::wire::{Wire, error_xml, form};
use lifeboat_domain::CallClass;
use lifeboat_domain::ports::{ReadDatabases, TakeOver};

const HOME: &str = "arn:aws:rds:eu-west-1:123456789012:cluster:ledger-home";

#[tokio::test(start_paused = true)]
async fn a_replica_cluster_shows_whom_it_follows_and_a_member_of_a_global_database_its_name() {
    for (element, follows, global) in [
        (format!("<ReplicationSourceIdentifier>{HOME}</ReplicationSourceIdentifier>"), Some(HOME), None),
        ("<ReplicationSourceIdentifier></ReplicationSourceIdentifier>".to_owned(), None, None),
        ("<GlobalClusterIdentifier>ledger-world</GlobalClusterIdentifier>".to_owned(), None, Some("ledger-world")),
    ] {
        let shown = clusters(&[ledger_xml().replacen("<DBClusterIdentifier>", &format!("{element}<DBClusterIdentifier>"), 1)], None);
        let members = page(&[member_xml("ledger-1", "eu-central-1a")], None);
        let wire = Wire::answering(&[(200, &shown), (200, &members)]);
        let found = wire.clients().await.rds().database(&ledger()).await.unwrap().unwrap();
        assert_eq!((found.replica_of.as_deref(), found.global.as_deref()), (follows, global), "{element}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_cluster_is_promoted_by_its_name_and_once_whatever_the_answer() {
    let ok = answer("PromoteReadReplicaDBCluster");
    let wire = Wire::answering(&[(200, &ok)]);
    wire.clients().await.rds().take_over(&ledger(), HOME, "eu-central-1").await.unwrap();
    assert_eq!(wire.forms(), [form(&[("Action", "PromoteReadReplicaDBCluster"), ("DBClusterIdentifier", "ledger")])]);
    let failures = [
        (503, error_xml("ServiceUnavailable", "later"), CallClass::Unknown),
        (400, error_xml("Throttling", "Rate exceeded"), CallClass::Throttled),
        (400, error_xml("InvalidDBClusterStateFault", "no replica"), CallClass::WrongState),
    ];
    for (status, body, class) in failures {
        let wire = Wire::answering(&[(status, &body), (200, &ok)]);
        let error = wire.clients().await.rds().take_over(&ledger(), HOME, "eu-central-1").await.unwrap_err();
        assert_eq!((error.class, wire.count()), (class, 1), "there is no way back: {error}");
    }
}
