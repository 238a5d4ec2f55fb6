//! How much a server has written, by its own count.

use super::session::Session;
use crate::sql::trouble::Trouble;
use lifeboat_domain::validation::WriteMark;

/// Rows written to the tables of users in this database. A crash makes the server forget its counts, which the reset time of its
/// shared counts tells; of other databases' tables a session sees nothing.
const COUNT: &str = "
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::int8,
       (SELECT concat_ws(' ', b.stats_reset, d.stats_reset) FROM pg_stat_bgwriter b, pg_stat_database d WHERE d.datname = current_database()),
       (SELECT count(*) FROM pg_database
        WHERE datallowconn AND NOT datistemplate AND datname NOT IN (current_database(), 'postgres', 'rdsadmin'))
FROM pg_stat_user_tables";

/// Reads the count; none where other databases of the server could be written unseen.
pub(super) async fn read(session: &Session) -> Result<Option<WriteMark>, Trouble> {
    let row = session.row(COUNT, &[]).await?;
    let (rows, others): (i64, i64) = (session.get(&row, 0)?, session.get(&row, 2)?);
    let counted_since: String = session.get(&row, 1)?;
    Ok((others == 0).then(|| WriteMark { rows: u64::try_from(rows).unwrap_or_default(), counted_since }))
}
