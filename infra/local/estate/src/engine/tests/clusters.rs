//! A DB cluster: a writer, its readers, two endpoints, and a volume that outlives them all.

use super::*;
use crate::engine::Volume;

/// A cluster `cluster-V` of the writer `db-1` and, if asked for, the reader `db-2`.
struct Cluster {
    engine: Engine,
    volume: Arc<Volume>,
    writer: SocketAddr,
    reader: SocketAddr,
    _dir: Dir,
}

impl Cluster {
    async fn new(members: u32) -> Self {
        let dir = Dir::new();
        let engine = Engine::new(dir.0.clone()).await.unwrap();
        let Source::Empty { master_user, password, db_name, .. } = empty() else { unreachable!() };
        let aurora = Source::Empty { engine: "aurora-postgresql".to_owned(), master_user, password, db_name };
        let (writer, reader) = engine.clusters.make_volume("cluster-V", aurora).await.unwrap();
        let volume = engine.clusters.find("cluster-V").await.unwrap();
        let cluster = Self { engine, volume, writer, reader, _dir: dir };
        for number in 1..=members {
            cluster.join("cluster-V", &format!("db-{number}"), number == 1).await;
        }
        cluster
    }

    async fn join(&self, volume: &str, name: &str, writes: bool) -> SocketAddr {
        self.engine.clusters.add_member(volume, name, writes, Door::Open).await.unwrap()
    }

    /// A client tries again, as one does where an endpoint has just moved: the door that is hung anew lets go of who stood in it.
    async fn client_at(&self, address: SocketAddr) -> Client {
        for _ in 0..50 {
            if let Ok(client) = connect(&self.engine.ca_pem_path(), address, PASSWORD).await {
                return client;
            }
            sleep(Duration::from_millis(100)).await;
        }
        connect(&self.engine.ca_pem_path(), address, PASSWORD).await.unwrap()
    }

    async fn refuses(&self, address: SocketAddr) -> bool {
        connect(&self.engine.ca_pem_path(), address, PASSWORD).await.is_err()
    }
}

async fn in_recovery(client: &Client) -> bool {
    client.query_one("SELECT pg_is_in_recovery()", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn endpoints_follow_the_writer_and_no_acknowledged_commit_is_lost_by_a_failover_there_and_back() {
    let cluster = Cluster::new(2).await;
    let client = cluster.client_at(cluster.writer).await;
    create(&client).await;
    assert!(in_recovery(&cluster.client_at(cluster.reader).await).await, "the reader endpoint leads to a reader");
    let writing = writer(client);
    sleep(A_MOMENT).await;

    cluster.volume.kill("db-1").await;
    let acknowledged = writing.await.unwrap();
    assert!(acknowledged > 10, "{acknowledged}");
    assert!(cluster.refuses(cluster.writer).await, "nobody writes before the promotion");
    cluster.volume.set_role("db-2", true).await.unwrap();
    cluster.volume.set_role("db-1", false).await.unwrap();
    let client = cluster.client_at(cluster.writer).await;
    let kept = ids(&client).await;
    assert!(kept.len() >= usize::try_from(acknowledged).unwrap(), "{acknowledged} were acknowledged, {} are there", kept.len());
    assert!(!in_recovery(&cluster.client_at(cluster.reader).await).await, "without a reader it leads to the writer");

    cluster.volume.restart("db-1").await.unwrap();
    insert(&client, 1_000_000).await.unwrap();
    assert!(in_recovery(&cluster.client_at(cluster.reader).await).await, "the old writer is the reader of the new one");
    cluster.volume.kill("db-2").await;
    cluster.volume.set_role("db-1", true).await.unwrap();
    let client = cluster.client_at(cluster.writer).await;
    assert_eq!(ids(&client).await.last(), Some(&1_000_000));
    insert(&client, 1_000_001).await.unwrap();
}

#[tokio::test]
async fn a_hung_writer_is_replaced_and_a_dead_reader_holds_up_no_commit() {
    let cluster = Cluster::new(2).await;
    let client = cluster.client_at(cluster.writer).await;
    create(&client).await;
    cluster.volume.kill("db-2").await;
    timeout(Duration::from_secs(10), insert(&client, 1)).await.unwrap().unwrap();
    cluster.volume.restart("db-2").await.unwrap();
    insert(&client, 2).await.unwrap();

    cluster.volume.hang("db-1").await;
    assert!(timeout(A_MOMENT, insert(&client, 3)).await.is_err(), "it never answers");
    cluster.volume.kill("db-1").await;
    cluster.volume.set_role("db-2", true).await.unwrap();
    let found = ids(&cluster.client_at(cluster.writer).await).await;
    assert!(found.starts_with(&[1, 2]), "{found:?}");
}

#[tokio::test]
async fn a_volume_without_members_keeps_its_data_and_gives_images() {
    let cluster = Cluster::new(1).await;
    let client = cluster.client_at(cluster.writer).await;
    create(&client).await;
    insert(&client, 1).await.unwrap();
    cluster.engine.clusters.delete("db-1").await;
    assert!(cluster.refuses(cluster.writer).await && cluster.refuses(cluster.reader).await);
    assert_eq!(cluster.volume.ship_log().await, None);
    cluster.volume.take_image("cold").await.unwrap();

    cluster.join("cluster-V", "db-3", true).await;
    let client = cluster.client_at(cluster.writer).await;
    insert(&client, 2).await.unwrap();
    assert_eq!(ids(&client).await, [1, 2]);
    cluster.volume.take_image("hot").await.unwrap();

    for (image, wanted) in [("cold", vec![1]), ("hot", vec![1, 2])] {
        let volume = format!("cluster-{image}");
        let (endpoint, _) = cluster.engine.clusters.make_volume(&volume, Source::Image(image.to_owned())).await.unwrap();
        assert!(cluster.refuses(endpoint).await, "a restored cluster has no instance");
        cluster.join(&volume, &format!("db-{image}"), true).await;
        assert_eq!(ids(&cluster.client_at(endpoint).await).await, wanted);
    }
    assert!(matches!(cluster.volume.take_image("hot").await, Err(EngineError::Taken(_))));
}

#[tokio::test]
async fn a_clone_has_what_its_source_held_and_is_written_alone_and_outlives_it() {
    let cluster = Cluster::new(2).await;
    let client = cluster.client_at(cluster.writer).await;
    create(&client).await;
    insert(&client, 1).await.unwrap();
    let (endpoint, _) = cluster.engine.clusters.clone_volume("cluster-C", "cluster-V").await.unwrap();
    insert(&client, 2).await.unwrap();
    cluster.join("cluster-C", "db-7", true).await;
    let twin = cluster.client_at(endpoint).await;
    insert(&twin, 3).await.unwrap();
    assert_eq!((ids(&client).await, ids(&twin).await), (vec![1, 2], vec![1, 3]));
    cluster.engine.clusters.delete("cluster-V").await;
    assert_eq!(ids(&twin).await, [1, 3]);
    assert!(matches!(cluster.engine.clusters.clone_volume("cluster-D", "cluster-X").await, Err(EngineError::Missing(_))));
}

#[tokio::test]
async fn a_cluster_is_restored_to_a_time_from_its_archive_across_a_failover_and_after_its_deletion() {
    let cluster = Cluster::new(2).await;
    let client = cluster.client_at(cluster.writer).await;
    create(&client).await;
    insert(&client, 1).await.unwrap();
    cluster.volume.ship_log().await.unwrap();
    cluster.volume.kill("db-1").await;
    cluster.volume.set_role("db-2", true).await.unwrap();
    let client = cluster.client_at(cluster.writer).await;
    insert(&client, 2).await.unwrap();
    let to = cluster.volume.ship_log().await.unwrap();
    insert(&client, 3).await.unwrap();
    cluster.volume.ship_log().await.unwrap();
    cluster.engine.clusters.delete("cluster-V").await;
    assert!(cluster.refuses(cluster.writer).await);
    assert!(cluster.engine.clusters.find("db-2").await.is_none());

    let source = Source::PointInTime { server: "cluster-V".to_owned(), to: Some(to) };
    let (endpoint, reader) = cluster.engine.clusters.make_volume("cluster-W", source).await.unwrap();
    let own = cluster.join("cluster-W", "db-8", true).await;
    cluster.join("cluster-W", "db-9", false).await;
    let client = cluster.client_at(endpoint).await;
    assert_eq!(ids(&client).await, [1, 2]);
    insert(&client, 4).await.unwrap();
    assert_eq!(ids(&cluster.client_at(own).await).await, [1, 2, 4]);
    assert!(in_recovery(&cluster.client_at(reader).await).await);
}

#[tokio::test]
async fn the_doors_of_the_endpoints_are_those_of_the_members_behind() {
    let cluster = Cluster::new(2).await;
    for member in ["db-1", "db-2"] {
        cluster.volume.set_door(member, Door::Closed).await;
    }
    for address in [cluster.writer, cluster.reader] {
        let silence = timeout(A_MOMENT, TcpStream::connect(address)).await;
        assert!(silence.is_err(), "a closed group answers nothing");
    }
    cluster.volume.set_door("db-1", Door::Open).await;
    assert!(!in_recovery(&cluster.client_at(cluster.writer).await).await);
}
