//! Ends the sessions of a cluster: its members are restarted, each by itself.
//!
//! AWS documents that for Aurora ("Rebooting a DB instance within an Aurora cluster"), and for the writer and the readers of a Multi-AZ DB
//! cluster ("Rebooting a Multi-AZ DB cluster and reader DB instances"); `RebootDBCluster` knows the latter only, and is not needed.

use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::ports::{Answer, ReadDatabases, RebootDatabases};
use lifeboat_domain::status::StatusMeaning;
use lifeboat_domain::{CallClass, CallError};

/// Asks for the restarts and says what became of each. The writer goes first: where it is refused nothing has happened, and the whole is
/// asked for again later without any member being restarted twice. What a reader answers holds nothing up, as its sessions cannot write
/// and clients are shut out already; those that keep theirs are named.
pub(crate) async fn end<R: ReadDatabases + RebootDatabases>(databases: &R, cluster: &DatabaseId) -> Answer<String> {
    let found = databases.database(cluster).await?;
    let mut members = found.map(|found| found.members).unwrap_or_default();
    if members.is_empty() {
        let text = format!("{cluster} has no members; nothing was sent");
        return Err(CallError::new(CallClass::Invalid, "rds:RebootDBInstance", "DBInstanceIdentifier", text));
    }
    members.sort_by_key(|member| !member.is_writer);
    let (mut asked, mut left, mut unknown) = (Vec::new(), Vec::new(), None);
    for member in members {
        let status = &member.status;
        // One that is given up, or is restarting, holds no sessions; of a writer that does something else nobody can say so.
        let is_over = status.meaning() == StatusMeaning::Terminal || status.is_rebooting();
        if member.is_writer && !status.is_serving() && !is_over {
            let text = format!("the writer {} is {status}; nothing was sent", member.id);
            return Err(CallError::new(CallClass::WrongState, "rds:RebootDBInstance", "InvalidDBInstanceState", text));
        }
        if !status.is_serving() {
            left.push(format!("{} is {}", member.id, member.status));
            continue;
        }
        match databases.reboot(&member.id, false).await {
            Ok(()) => asked.push(member.id.to_string()),
            Err(error) if member.is_writer && error.certainly_did_nothing() => return Err(error),
            // It may be restarting: the readers are not left out because of that.
            Err(error) if member.is_writer => unknown = Some(error),
            Err(error) => left.push(format!("{} answered {error}", member.id)),
        }
    }
    if let Some(error) = unknown {
        return Err(error);
    }
    let asked = if asked.is_empty() {
        "no member serves, and none was asked".to_owned()
    } else {
        format!("AWS accepted it for {}", asked.join(", "))
    };
    Ok(if left.is_empty() { asked } else { format!("{asked}; not restarted: {}", left.join("; ")) })
}
