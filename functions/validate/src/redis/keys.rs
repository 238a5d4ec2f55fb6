//! The fingerprint of a node's keys: counted by the node, sampled by hash; names and values stay there.

use super::session::Session;
use crate::sql::trouble::Trouble;
use lifeboat_domain::ids::digest;
use lifeboat_domain::keyspace::{KeyCount, KeySample, Keyspace};
use std::collections::BTreeMap;

/// Up to so many keys of a node are looked at; of more, only their number is compared.
const MOST_SCANNED: u64 = 100_000;
/// Keys of one step of a scan.
const STEP: u32 = 1000;
/// Longer strings are compared by their length.
const LONGEST_VALUE: u64 = 64 * 1024;

/// What one node holds.
pub(super) async fn keyspace(session: &mut Session) -> Result<Keyspace, Trouble> {
    let mut keyspace = Keyspace { is_whole: true, ..Keyspace::default() };
    for (name, counts) in session.info("keyspace").await? {
        let Some(database) = name.strip_prefix("db").and_then(|number| number.parse().ok()) else { continue };
        let count = |wanted: &str| {
            let found = counts.split(',').find_map(|part| part.split_once('=').filter(|(name, _)| *name == wanted));
            found.and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
        };
        keyspace.databases.push(KeyCount { database, keys: count("keys"), expiring: count("expires") });
    }
    if keyspace.keys() > MOST_SCANNED {
        return Ok(Keyspace { is_whole: false, ..keyspace });
    }
    for database in keyspace.databases.iter().map(|it| it.database).collect::<Vec<_>>() {
        // With cluster mode there is database 0 only, and no SELECT of another.
        if database > 0 {
            let _: () = session.ask(redis::cmd("SELECT").arg(database)).await?;
        }
        scan(session, database, &mut keyspace).await?;
    }
    Ok(keyspace)
}

async fn scan(session: &mut Session, database: u32, keyspace: &mut Keyspace) -> Result<(), Trouble> {
    let (mut cursor, mut seen) = (0_u64, 0_u64);
    loop {
        let (next, names): (u64, Vec<Vec<u8>>) = session.ask(redis::cmd("SCAN").arg(cursor).arg("COUNT").arg(STEP)).await?;
        for name in names {
            seen += 1;
            let key = digest(&[&database.to_string(), &String::from_utf8_lossy(&name)]);
            if keyspace.may_take(&key)
                && let Some(value) = lasting(session, &name).await?
            {
                keyspace.take(KeySample { key, value });
            }
        }
        if next == 0 {
            return Ok(());
        }
        if seen > 2 * MOST_SCANNED {
            keyspace.is_whole = false;
            return Ok(());
        }
        cursor = next;
    }
}

/// The hash of a key's type and value, or of how much it holds; none of one that ends by itself, or has ended.
async fn lasting(session: &mut Session, name: &[u8]) -> Result<Option<String>, Trouble> {
    let ends: i64 = session.ask(redis::cmd("PTTL").arg(name)).await?;
    if ends != -1 {
        return Ok(None);
    }
    let kind: String = session.ask(redis::cmd("TYPE").arg(name)).await?;
    let length = match kind.as_str() {
        "string" => "STRLEN",
        "list" => "LLEN",
        "hash" => "HLEN",
        "set" => "SCARD",
        "zset" => "ZCARD",
        "stream" => "XLEN",
        // Deleted since, or a type of a module.
        _ => return Ok((kind != "none").then(|| digest(&[&kind]))),
    };
    let length: u64 = session.ask(redis::cmd(length).arg(name)).await?;
    if kind != "string" || length > LONGEST_VALUE {
        return Ok(Some(digest(&[&kind, &length.to_string()])));
    }
    let value: Vec<u8> = session.ask(redis::cmd("GET").arg(name)).await?;
    Ok(Some(digest(&[&kind, &String::from_utf8_lossy(&value)])))
}

/// What all shards hold together.
pub(super) fn joined(nodes: Vec<Keyspace>) -> Keyspace {
    let mut counts: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    let mut all = Keyspace { is_whole: nodes.iter().all(|node| node.is_whole), ..Keyspace::default() };
    for node in nodes {
        for count in node.databases {
            let sum = counts.entry(count.database).or_default();
            *sum = (sum.0 + count.keys, sum.1 + count.expiring);
        }
        node.sample.into_iter().for_each(|key| all.take(key));
    }
    all.databases = counts.into_iter().map(|(database, (keys, expiring))| KeyCount { database, keys, expiring }).collect();
    all
}
