//! What the sweep says of global tables: what they lack for the day on which a Region is lost, once for each change.

use crate::{Deps, by_hand};
use lifeboat_domain::DrError;
use lifeboat_domain::global_table::{Reading, lacks, other_regions, tell};
use lifeboat_domain::ids::Identity;
use lifeboat_domain::observed::ObservedDatabase;
use lifeboat_domain::ports::{Clock, Ledger};
use lifeboat_domain::words::ResourceKind;

/// Tells people of what a table lacks; of one that lacks nothing, and of another kind, nothing.
pub(crate) async fn look<R, L: Ledger, D, E, C: Clock>(
    deps: &Deps<R, L, D, E, C>,
    resource: &Identity,
    policy: &str,
    observed: &ObservedDatabase,
) -> Result<(), DrError> {
    if observed.id.kind() != ResourceKind::DynamodbTable {
        return Ok(());
    }
    let lacks = lacks(observed, deps.policies.policy(policy)?, Reading::Sweep);
    let text = text(observed, &lacks);
    tell(&deps.ledger, resource, lacks, text, deps.clock.now()).await
}

fn text(observed: &ObservedDatabase, lacks: &[String]) -> String {
    let (id, own) = (&observed.id, observed.arn.region());
    let others = other_regions(observed).join(", ");
    let what = if others.is_empty() { format!("{id} lies in {own} alone") } else { format!("{id} has replicas in {others} beside {own}") };
    let lacks: Vec<String> = lacks.iter().map(|lack| format!("It {lack}.")).collect();
    format!(
        "{what}, and is not ready for the loss of one of them. {} What only another Region shows is judged by the Lifeboat there.\nSee how its replicas stand\n{}",
        lacks.join(" "),
        by_hand::replicas_of(&observed.arn, id)
    )
}
