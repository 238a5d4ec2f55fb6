//! Cluster mode: groups that are Redis Clusters of two shards with a replica each.

use lifeboat_testing::model::CacheShard;

use super::*;

const NODES: [&str; 4] = ["cache-1-c-0001-001", "cache-1-c-0001-002", "cache-1-c-0002-001", "cache-1-c-0002-002"];
const CLUSTER: &str = "cache-group-1-c";
const KEYS: u32 = 40;

/// The primaries are those at these places.
fn lead_shards(nodes: [&str; 4], primaries: [usize; 2], tls: bool, door: Door) -> Lead {
    let shard = |slots, place: usize, primary: usize| CacheShard {
        slots,
        primary: nodes[primary].to_owned(),
        members: vec![nodes[place].to_owned(), nodes[place + 1].to_owned()],
    };
    Lead {
        primary: nodes[primaries[0]].to_owned(),
        members: nodes.map(str::to_owned).to_vec(),
        shards: vec![shard((0, 8191), 0, primaries[0]), shard((8192, 16383), 2, primaries[1])],
        tls,
        door,
    }
}

fn replica_of(name: &str) -> Source {
    Source::Replica { of: name.to_owned() }
}

impl Estate {
    async fn sharded(tls: bool) -> Self {
        let (engine, dir) = Self::engine().await;
        let at = engine.caches.lead(CLUSTER, lead_shards(NODES, [0, 2], tls, Door::Open)).await.unwrap();
        let caches = &engine.caches;
        let (first, second, third, fourth) = tokio::join!(
            caches.provision(NODES[1], replica_of(NODES[0]), Door::Open),
            caches.provision(NODES[0], empty(), Door::Open),
            caches.provision(NODES[2], empty(), Door::Open),
            caches.provision(NODES[3], replica_of(NODES[2]), Door::Open),
        );
        for made in [first, second, third, fourth] {
            made.unwrap();
        }
        Self { engine, at, tls, _dir: dir }
    }

    fn at(&self, node: usize) -> SocketAddr {
        self.at.nodes[NODES[node]]
    }

    /// As a client that follows `MOVED`.
    fn follow(&self, at: SocketAddr, words: &[&str]) -> String {
        self.ask(at, TOKEN, &[&["-c"], words].concat())
    }

    fn fill(&self) {
        for key in 0..KEYS {
            assert_eq!(self.follow(self.at.primary, &["SET", &format!("key:{key}"), "v"]), "OK");
        }
    }

    /// How many of the keys a client that follows `MOVED` finds.
    fn found(&self, at: SocketAddr) -> usize {
        (0..KEYS).filter(|key| self.follow(at, &["GET", &format!("key:{key}")]) == "v").count()
    }

    fn size(&self, at: SocketAddr) -> u32 {
        self.ask(at, TOKEN, &["DBSIZE"]).parse().unwrap()
    }

    /// The first words of each range of slots: from, to, and the address of the primary.
    fn slots(&self, at: SocketAddr) -> Vec<(String, String, String)> {
        let told = self.ask(at, TOKEN, &["--json", "CLUSTER", "SLOTS"]);
        let ranges: Vec<serde_json::Value> = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"));
        let text = |range: &serde_json::Value| {
            let place = format!("{}:{}", range[2][0].as_str().unwrap_or_default(), range[2][1]);
            (range[0].to_string(), range[1].to_string(), place)
        };
        let mut ranges: Vec<_> = ranges.iter().map(text).collect();
        ranges.sort();
        ranges
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        for _ in 0..200 {
            if holds() {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("not so: {what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_spread_over_the_shards_and_clients_are_led_to_fronts_and_never_behind_them() {
    let estate = Estate::sharded(true).await;
    estate.fill();
    let sizes = [estate.size(estate.at(0)), estate.size(estate.at(2))];
    assert!(sizes.iter().all(|size| *size > 0) && sizes.iter().sum::<u32>() == KEYS, "{sizes:?}");
    assert_eq!(estate.found(estate.at.primary), KEYS as usize);
    for node in 0..4 {
        let place = |node: usize| estate.at(node).to_string();
        let wanted = [("0", "8191", place(0)), ("8192", "16383", place(2))].map(|(a, b, at)| (a.to_owned(), b.to_owned(), at));
        assert_eq!(estate.slots(estate.at(node)), wanted);
    }
    // The slot of `a` is 15495, that of `b` 3300.
    assert_eq!(estate.set(estate.at(0), "a"), format!("MOVED 15495 {}", estate.at(2)));
    assert_eq!(estate.set(estate.at(2), "b"), format!("MOVED 3300 {}", estate.at(0)));
    assert_eq!(estate.set(estate.at(1), "b"), format!("MOVED 3300 {}", estate.at(0)), "a replica sends writers to its primary");
    for forbidden in [&["CLUSTER", "FAILOVER", "TAKEOVER"][..], &["CLUSTER", "FORGET", "x"], &["CLUSTER", "DELSLOTS", "1"]] {
        assert!(estate.ask(estate.at(1), TOKEN, forbidden).contains("NOPERM"), "{forbidden:?}");
    }
    assert!(estate.ask(estate.at(0), "", &["GET", "b"]).contains("NOAUTH"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_whose_primary_is_lost_keeps_what_was_replicated_and_the_others_never_stop() {
    let estate = Estate::sharded(true).await;
    let caches = &estate.engine.caches;
    estate.fill();
    estate.until("the replica has all", || estate.size(estate.at(3)) == estate.size(estate.at(2))).await;

    caches.kill(NODES[2]).await;
    assert_eq!(estate.set(estate.at(0), "b"), "OK", "the other shard serves");
    assert!(estate.set(estate.at(2), "a").contains("refused"));
    caches.promote(NODES[3]).await.unwrap();
    caches.lead(CLUSTER, lead_shards(NODES, [0, 3], true, Door::Open)).await.unwrap();
    estate.until("the other shard knows", || estate.set(estate.at(0), "a") == format!("MOVED 15495 {}", estate.at(3))).await;
    assert_eq!(estate.found(estate.at.primary), KEYS as usize);
    assert_eq!(estate.set(estate.at(3), "a"), "OK");

    // The lost node comes back under its name, its address and its identity, as a replica.
    caches.delete(NODES[2]).await;
    assert_eq!(caches.provision(NODES[2], replica_of(NODES[3]), Door::Open).await.unwrap(), estate.at(2));
    assert_eq!(estate.size(estate.at(2)), estate.size(estate.at(3)));
    assert_eq!(estate.set(estate.at(2), "a"), format!("MOVED 15495 {}", estate.at(3)));
    assert_eq!(estate.slots(estate.at(2))[1], ("8192".to_owned(), "16383".to_owned(), estate.at(3).to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_images_of_all_shards_give_all_keys_back_with_their_slots() {
    let estate = Estate::sharded(false).await;
    let caches = &estate.engine.caches;
    estate.fill();
    caches.take_image(NODES[0], "snap:0001").await.unwrap();
    caches.take_image(NODES[3], "snap:0002").await.unwrap();
    let sizes = [estate.size(estate.at(0)), estate.size(estate.at(2))];

    let others = ["cache-2-r-0001-001", "cache-2-r-0001-002", "cache-2-r-0002-001", "cache-2-r-0002-002"];
    let at = caches.lead("cache-group-2-r", lead_shards(others, [0, 2], false, Door::Open)).await.unwrap();
    let image = |name: &str| Source::Image(name.to_owned());
    let (first, second, third, fourth) = tokio::join!(
        caches.provision(others[0], image("snap:0001"), Door::Open),
        caches.provision(others[1], replica_of(others[0]), Door::Open),
        caches.provision(others[2], image("snap:0002"), Door::Open),
        caches.provision(others[3], replica_of(others[2]), Door::Open),
    );
    for made in [first, second, third, fourth] {
        made.unwrap();
    }
    for primary in [others[0], others[2]] {
        caches.set_token(primary, TOKEN).await.unwrap();
    }
    assert_eq!(estate.found(at.primary), KEYS as usize);
    assert_eq!([estate.size(at.nodes[others[0]]), estate.size(at.nodes[others[3]])], sizes);
    let slots: Vec<_> = estate.slots(at.primary).into_iter().map(|(from, to, _)| (from, to)).collect();
    assert_eq!(slots, [("0", "8191"), ("8192", "16383")].map(|(from, to)| (from.to_owned(), to.to_owned())));
    assert_eq!(estate.found(estate.at.primary), KEYS as usize, "the source is what it was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_doors_shut_clients_out_of_every_node_and_leave_the_nodes_together() {
    let estate = Estate::sharded(false).await;
    let caches = &estate.engine.caches;
    estate.fill();
    caches.lead(CLUSTER, lead_shards(NODES, [0, 2], false, Door::Closed)).await.unwrap();
    for name in NODES {
        caches.set_door(name, Door::Closed).await;
    }
    for closed in [estate.at.primary, estate.at(0), estate.at(1), estate.at(2), estate.at(3)] {
        assert!(timeout(A_MOMENT, TcpStream::connect(closed)).await.is_err(), "{closed} answers");
    }
    // A replica that begins now gets everything, which is past all doors.
    caches.delete(NODES[3]).await;
    caches.provision(NODES[3], replica_of(NODES[2]), Door::Closed).await.unwrap();
    caches.lead(CLUSTER, lead_shards(NODES, [0, 2], false, Door::Open)).await.unwrap();
    for name in NODES {
        caches.set_door(name, Door::Open).await;
    }
    assert_eq!(estate.size(estate.at(3)), estate.size(estate.at(2)));
    assert_eq!(estate.found(estate.at.primary), KEYS as usize);

    // The configuration endpoint leads to a node that serves, whichever.
    caches.hang(NODES[0]).await;
    assert_eq!(estate.follow(estate.at.primary, &["SET", "a", "v"]), "OK");
    caches.resume(NODES[0]).await;
    assert_eq!(estate.set(estate.at(0), "b"), "OK");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_is_replaced_by_an_empty_one_keeps_its_slots_and_no_server_outlives_the_group() {
    let estate = Estate::sharded(true).await;
    let caches = &estate.engine.caches;
    estate.fill();
    let kept = estate.size(estate.at(2));
    caches.kill(NODES[0]).await;
    caches.delete(NODES[0]).await;
    caches.provision(NODES[0], empty(), Door::Open).await.unwrap();
    assert_eq!((estate.size(estate.at(0)), estate.size(estate.at(2))), (0, kept));
    assert_eq!(estate.set(estate.at(0), "b"), "OK");
    estate.until("its replica holds what it does", || estate.size(estate.at(1)) == 1).await;

    let directory = estate._dir.0.join("servers");
    caches.delete(CLUSTER).await;
    assert_eq!(fs::read_dir(directory).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(estate._dir.0.join("pids")).unwrap(), "");
    assert!(TcpStream::connect(estate.at.primary).await.is_err() && TcpStream::connect(estate.at(3)).await.is_err());
}
