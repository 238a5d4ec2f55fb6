//! Where the data of a new PostgreSQL server comes from, if not from one that runs.

use std::path::Path;

use super::config::Role;
use super::error::EngineError;
use super::host::Host;
use super::node::Node;
use super::{Source, check_name, setup};

/// What RDS calls the engines that are PostgreSQL.
const POSTGRES: [&str; 2] = ["postgres", "aurora-postgresql"];

/// Gives a node its data and starts it; in the end it is a primary without a standby.
pub(super) async fn start_from(host: &Host, node: &Node, source: Source) -> Result<(), EngineError> {
    let alone = Role::Primary { synchronous: false };
    match source {
        Source::Replica { of } => Err(EngineError::Missing(format!("data of {of}, which a replica streams"))),
        Source::Empty { engine, .. } if !POSTGRES.contains(&engine.as_str()) => {
            Err(EngineError::Missing(format!("engine {engine} here; postgres, aurora-postgresql and mariadb are")))
        }
        Source::Empty { master_user, password, db_name, .. } => {
            host.copy(&host.template_dir(), node.data()).await?;
            node.start(&alone).await?;
            setup::create_master(node, &master_user, &password, &db_name).await
        }
        Source::Image(image) => {
            check_name(&image)?;
            copy_existing(host, &host.image_dir(&image), node.data(), || format!("image {image}")).await?;
            node.start(&alone).await
        }
        Source::PointInTime { server: origin, to } => {
            check_name(&origin)?;
            let from = host.archive_dir(&origin);
            copy_existing(host, &from.join("base"), node.data(), || format!("base backup of {origin}")).await?;
            node.start(&Role::Recovery { wal: from.join("wal"), to }).await
        }
    }
}

async fn copy_existing(host: &Host, from: &Path, to: &Path, name: impl Fn() -> String) -> Result<(), EngineError> {
    if !from.exists() {
        return Err(EngineError::Missing(name()));
    }
    host.copy(from, to).await
}
