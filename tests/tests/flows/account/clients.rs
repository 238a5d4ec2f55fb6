//! Clients: they read the secret, log in, and write.

use super::{Account, ORDERS, SECRET};
use chrono::{DateTime, Duration, Utc};
use lifeboat_testing::data::{Row, Session};
use lifeboat_testing::memory::Cloud;
use lifeboat_testing::model::{ModifyDbCluster, ModifyDbInstance, Secret};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// The table of the flows.
pub const ORDERS_TABLE: &str = "public.orders";

/// A client with a session that it keeps until it is cut, as pools do. It writes whenever time passes.
#[derive(Debug, Default)]
pub struct Client {
    /// Whether it writes.
    pub writes: bool,
    /// The rows that were acknowledged to it, with the server that did so.
    pub acknowledged: Vec<(i64, DateTime<Utc>, String)>,
    /// What must never happen: a row accepted by a side that clients were moved away from.
    pub split_brain: Vec<String>,
    session: Option<(String, Session)>,
    last_key: i64,
}

/// Host and password of today's secret.
pub fn secret(cloud: &Cloud) -> (String, String) {
    let world = cloud.see();
    let fields = &world.secrets[SECRET].last().unwrap().fields;
    (fields["host"].as_str().unwrap().to_owned(), fields["password"].as_str().unwrap().to_owned())
}

/// The server behind an instance, or the writer of a cluster.
pub fn server_of(cloud: &Cloud, database: &str) -> Option<String> {
    let world = cloud.see();
    if let Some(writer) = world.rds.model.writer_server(database) {
        return Some(writer);
    }
    if let Some(primary) = world.rds.model.cache_servers(database).into_iter().next() {
        return Some(primary);
    }
    let views = world.rds.model.instances(world.rds.now());
    let mut shown = views.into_iter().map(|view| view.instance);
    shown.find(|shown| shown.db_instance_identifier == database).map(|shown| shown.dbi_resource_id)
}

/// Opens a session with today's password.
fn login(cloud: &Cloud, server: &str) -> Option<Session> {
    let password = secret(cloud).1;
    cloud.touch().rds.data.login(server, "lifeboat", &password).ok()
}

/// Writes or deletes a row, on a server of one's own choice.
pub fn write_to(cloud: &Cloud, server: &str, key: i64, value: Option<&str>) -> bool {
    let Some(session) = login(cloud, server) else { return false };
    write_through(cloud, server, session, key, value)
}

fn write_through(cloud: &Cloud, server: &str, session: Session, key: i64, value: Option<&str>) -> bool {
    let mut world = cloud.touch();
    let now = world.rds.now();
    world.rds.data.write(server, session, (ORDERS_TABLE, &key.to_string()), value, now).is_ok()
}

/// Opens a session as one whom a quarantine lets in.
fn login_inside(cloud: &Cloud, server: &str) -> Option<Session> {
    let password = secret(cloud).1;
    cloud.touch().rds.data.probe(server, "lifeboat", &password).ok()
}

/// Writes or deletes a row in quarantine: what happens to a copy's data behind everybody's back.
pub fn write_inside(cloud: &Cloud, server: &str, key: i64, value: Option<&str>) -> bool {
    login_inside(cloud, server).is_some_and(|session| write_through(cloud, server, session, key, value))
}

/// All rows of a server in quarantine by key.
pub fn rows_inside(cloud: &Cloud, server: &str) -> Option<BTreeMap<i64, Row>> {
    rows_through(cloud, server, login_inside(cloud, server)?)
}

/// All rows of a server by key; none if nobody can log in.
pub fn rows_of(cloud: &Cloud, server: &str) -> Option<BTreeMap<i64, Row>> {
    rows_through(cloud, server, login(cloud, server)?)
}

fn rows_through(cloud: &Cloud, server: &str, session: Session) -> Option<BTreeMap<i64, Row>> {
    let rows = cloud.see().rds.data.read(server, session, ORDERS_TABLE).ok()?;
    Some(rows.into_iter().map(|row| (row.key.parse().unwrap(), row)).collect())
}

impl Account {
    /// The server that the secret leads to.
    pub fn serving(&self) -> Option<String> {
        self.cloud.server_at(&secret(&self.cloud).0)
    }

    /// The resource id of the database that the secret leads to.
    pub fn serving_database(&self) -> Option<String> {
        let server = self.serving()?;
        let model = &self.cloud.see().rds.model;
        model.cluster_of(&server).or_else(|| model.cache_of(&server)).or(Some(server))
    }

    /// A client writes rows through the secret; answers how many were accepted.
    pub fn write_rows(&mut self, keys: RangeInclusive<i64>) -> usize {
        self.client.last_key = self.client.last_key.max(*keys.end());
        let Some(server) = self.serving() else { return 0 };
        keys.filter(|key| write_to(&self.cloud, &server, *key, Some(&format!("{key}.00")))).count()
    }

    /// The master password is changed on the server, and in the secret.
    pub fn rotate_password(&mut self, password: &str) {
        let secret = Some(Secret::new(password));
        if self.cluster(ORDERS).is_null() {
            self.call(&ModifyDbInstance { master_user_password: secret, ..ModifyDbInstance::now(ORDERS) });
        } else {
            self.call(&ModifyDbCluster { master_user_password: secret, ..ModifyDbCluster::now(ORDERS) });
        }
        self.advance(Duration::minutes(1));
        let mut fields = self.cloud.see().secrets[SECRET].last().unwrap().fields.clone();
        fields["password"] = json!(password);
        self.cloud.touch().put_secret(SECRET, fields);
    }

    /// A client reads all rows through the secret.
    pub fn rows(&self) -> BTreeMap<i64, Row> {
        rows_of(&self.cloud, &self.serving().expect("the secret leads to a server")).expect("a client is let in")
    }

    /// Time passes; the client writes a row every minute and at its end.
    pub fn advance(&mut self, by: Duration) {
        let end = self.time() + by;
        while self.time() < end {
            let next = end.min(self.time() + Duration::minutes(1));
            self.cloud.touch().rds.advance_to(next);
            if self.client.writes {
                self.client_writes();
            }
            self.knock_everywhere();
        }
        self.collect();
    }

    /// Takes what RDS has published since the last time.
    pub fn collect(&mut self) {
        let events = self.cloud.touch().rds.take_events();
        self.events.extend(events.into_iter().map(|event| serde_json::to_value(event).unwrap()));
        let notices = self.cloud.touch().rds.model.take_notices();
        self.events.extend(notices.iter().enumerate().map(|(number, notice)| super::sns(notice, number)));
    }

    /// EventBridge loses what RDS has published.
    pub fn drop_events(&mut self) {
        self.events.clear();
    }

    /// A client that learns every address from Describe finds one door open at most: of the source, or of a copy. A read replica is
    /// open to its readers all the time.
    fn knock_everywhere(&mut self) {
        if self.policies.quarantine_groups.is_empty() {
            return;
        }
        let world = self.cloud.see();
        let sides = world.rds.model.instances(world.rds.now()).into_iter().map(|view| view.instance);
        let open = sides.filter(|it| world.rds.data.admits_clients(&it.dbi_resource_id));
        // The members of a cluster are one side.
        let open = open.map(|it| it.db_cluster_identifier.unwrap_or(it.db_instance_identifier));
        let is_open = |name: &String| world.rds.model.cache_servers(name).iter().any(|server| world.rds.data.admits_clients(server));
        let open = open.chain(world.rds.model.cache_names().into_iter().filter(is_open));
        let open: BTreeSet<String> = open.filter(|side| side == ORDERS || side.starts_with("orders-db-r")).collect();
        let now = world.rds.now();
        drop(world);
        if open.len() > 1 {
            self.client.split_brain.push(format!("{open:?} let clients in at {now}"));
        }
    }

    fn client_writes(&mut self) {
        let serving = self.serving();
        let client = &mut self.client;
        let key = client.last_key + 1;
        if let Some((server, session)) = client.session.clone() {
            if write_through(&self.cloud, &server, session, key, Some(&format!("{key}.00"))) {
                if serving.as_ref() != Some(&server) {
                    client.split_brain.push(format!("{server} accepted row {key}, but the secret leads to {serving:?}"));
                }
                client.last_key = key;
                return client.acknowledged.push((key, self.cloud.see().rds.now(), server));
            }
            client.session = None;
        }
        client.session = serving.and_then(|server| Some((server.clone(), login(&self.cloud, &server)?)));
    }
}
