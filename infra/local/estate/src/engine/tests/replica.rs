//! A read replica streams, refuses writes, and is promoted with all that it has received.

use super::*;

impl Estate {
    async fn follow(&self) -> SocketAddr {
        self.engine.provision("db-R", Source::Replica { of: "db-A".to_owned() }).await.unwrap()
    }
}

async fn until_it_has(client: &Client, wanted: &[i32]) {
    let found = async {
        while ids(client).await != wanted {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), found).await.unwrap();
}

#[tokio::test]
async fn a_replica_follows_refuses_writes_and_stays_a_replica_through_a_restart() {
    let estate = Estate::new().await;
    let source = estate.client().await;
    create(&source).await;
    insert(&source, 1).await.unwrap();
    let address = estate.follow().await;
    assert_ne!(address.ip(), estate.address.ip(), "an address of its own");
    let replica = estate.client_at(address).await;
    insert(&source, 2).await.unwrap();
    until_it_has(&replica, &[1, 2]).await;
    let refused = insert(&replica, 3).await.unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("25006"), "read only: {refused}");
    let streams = "SELECT sync_state FROM pg_stat_replication WHERE application_name = 'replica'";
    assert_eq!(source.query_one(streams, &[]).await.unwrap().get::<_, String>(0), "async", "no commit waits for it");

    estate.engine.restart("db-R").await.unwrap();
    insert(&source, 3).await.unwrap();
    let replica = estate.client_at(address).await;
    until_it_has(&replica, &[1, 2, 3]).await;
    assert!(insert(&replica, 4).await.is_err());
}

#[tokio::test]
async fn a_promoted_replica_has_what_it_received_takes_writes_and_can_be_restored_to_a_time() {
    let estate = Estate::new().await;
    let source = estate.client().await;
    create(&source).await;
    let address = estate.follow().await;
    let replica = estate.client_at(address).await;
    insert(&source, 1).await.unwrap();
    until_it_has(&replica, &[1]).await;
    estate.engine.kill("db-A").await;

    estate.engine.promote_replica("db-R").await.unwrap();
    assert!(replica.simple_query("SELECT 1").await.is_err(), "the promotion ends every connection");
    let promoted = estate.client_at(address).await;
    insert(&promoted, 2).await.unwrap();
    assert_eq!(ids(&promoted).await, [1, 2]);

    // A server like any other from now on.
    estate.engine.restart("db-R").await.unwrap();
    insert(&estate.client_at(address).await, 3).await.unwrap();
    let shipped = estate.engine.ship_log("db-R").await.unwrap();
    let of_replica = Source::PointInTime { server: "db-R".to_owned(), to: Some(shipped) };
    let restored = estate.engine.provision("db-T", of_replica).await.unwrap();
    let restored = estate.client_at(restored).await;
    assert_eq!(ids(&restored).await, [1, 2, 3]);
    insert(&restored, 4).await.unwrap();
}

#[tokio::test]
async fn a_replica_that_streams_no_more_lags_and_is_promoted_without_what_it_never_got() {
    let estate = Estate::new().await;
    let source = estate.client().await;
    create(&source).await;
    let address = estate.follow().await;
    let replica = estate.client_at(address).await;
    insert(&source, 1).await.unwrap();
    until_it_has(&replica, &[1]).await;
    estate.engine.stop_streaming("db-R").await.unwrap();
    let streams = "SELECT count(*) FROM pg_stat_replication";
    let gone = async { while source.query_one(streams, &[]).await.unwrap().get::<_, i64>(0) > 0 {} };
    timeout(Duration::from_secs(20), gone).await.unwrap();
    insert(&source, 2).await.unwrap();
    sleep(A_MOMENT).await;
    assert_eq!(ids(&replica).await, [1]);
    estate.engine.promote_replica("db-R").await.unwrap();
    assert_eq!(ids(&estate.client_at(address).await).await, [1]);
}
