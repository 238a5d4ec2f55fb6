//! What a server is before it has any data.

use std::fs::{self, File};
use std::process::Stdio;

use super::config::ADMIN;
use super::error::EngineError;
use super::host::Host;
use super::node::Node;

/// Initialising takes a second, copying a moment: done once per root.
pub(super) async fn prepare_template(host: &Host) -> Result<(), EngineError> {
    let done = host.template_dir();
    if done.exists() {
        return Ok(());
    }
    let part = done.with_extension("part");
    host.remove(&part).await;
    host.make_dir(&part)?;
    let mut init = host.postgres_tool("initdb");
    init.args(["-U", ADMIN, "--auth=trust", "--no-locale", "--encoding=UTF8", "--no-sync"]);
    // Small segments: they are archived often.
    init.args(["--wal-segsize=1", "-D"]).arg(&part);
    host.run(init).await?;
    let script = host.run_dir().join("template.sql");
    host.write(&script, &format!("CREATE DATABASE {ADMIN};\n"), 0o600)?;
    let mut single = host.postgres_tool("postgres");
    single.args(["--single", "-F", "-D"]).arg(&part).arg("postgres");
    single.stdin(Stdio::from(File::open(&script).map_err(EngineError::io("open the template's script"))?));
    host.run(single).await?;
    fs::rename(&part, &done).map_err(EngineError::io("name the finished template"))
}

/// What RDS's master user is: no superuser, but nearly.
pub(super) async fn create_master(node: &Node, user: &str, password: &str, database: &str) -> Result<(), EngineError> {
    let create = "CREATE ROLE %I LOGIN CREATEROLE CREATEDB PASSWORD %L";
    node.execute("create the master user", create, &[user, password]).await?;
    let grant = "GRANT pg_signal_backend, pg_read_all_stats, pg_monitor TO %I";
    node.execute("grant the master user's roles", grant, &[user]).await?;
    node.execute("give away database postgres", "ALTER DATABASE postgres OWNER TO %I", &[user]).await?;
    if !database.is_empty() && database != "postgres" {
        node.execute("create the database", "CREATE DATABASE %I OWNER %I", &[database, user]).await?;
    }
    Ok(())
}
