//! The decision matrix as data: scenario -> remedies, best first. Which of them is possible is decided by what exists.

use crate::words::{ResourceKind, Scenario, closed_enum};

closed_enum! {
    /// A way to recover.
    Remedy {
        /// Force a Multi-AZ failover: no loss, a minute or two.
        ForceFailover = "force_failover",
        /// Restore to the latest restorable time.
        RestoreLatest = "restore_latest",
        /// Restore to the moment that was named, or to when the data was last known to be good.
        RestoreToTime = "restore_to_time",
        /// Restore the newest usable snapshot (at or before the named moment).
        RestoreSnapshot = "restore_snapshot",
        /// Grow the volume: nothing is lost, and it never shrinks again.
        GrowStorage = "grow_storage",
        /// Move clients back to the database that a recovery moved them from.
        SwapBack = "swap_back",
        /// A person follows guidance; restoring would not help.
        Guided = "guided",
        /// Promote a read replica of the same Region: it loses what was not replicated yet, and is never a replica again.
        PromoteReplica = "promote_replica",
        /// Make what follows another Region's resource here the one that clients write to: what was not replicated is lost.
        TakeOver = "take_over",
        /// Make an empty cache as its source was configured: it loses everything, and fills itself from where its clients have it.
        RebuildCold = "rebuild_cold",
        /// Clone an Aurora cluster as it is now, to look at and to try a repair on: it brings nothing back, and only a person asks for it.
        Clone = "clone",
    }
}

impl Remedy {
    /// Whether it is carried out only where a person names it: it recovers nothing, whatever else is impossible.
    pub const fn is_only_chosen(self) -> bool {
        matches!(self, Self::Clone)
    }
}

/// One row of the matrix.
#[derive(Debug, Clone, Copy)]
pub struct MatrixRow {
    /// What happened.
    pub scenario: Scenario,
    /// To what.
    pub kind: ResourceKind,
    /// The remedies, best first.
    pub remedies: &'static [Remedy],
    /// Whether a person must always approve.
    pub always_ask: bool,
}

const fn row(kind: ResourceKind, scenario: Scenario, remedies: &'static [Remedy], always_ask: bool) -> MatrixRow {
    MatrixRow { scenario, kind, remedies, always_ask }
}

/// The matrix (fact sheet 3.9).
pub const MATRIX: &[MatrixRow] = {
    use Remedy::{
        Clone, ForceFailover, GrowStorage, Guided, PromoteReplica, RebuildCold, RestoreLatest, RestoreSnapshot, RestoreToTime, SwapBack,
        TakeOver,
    };
    use ResourceKind::{DbCluster, DynamodbTable, RdsInstance, ReplicationGroup};
    &[
        row(RdsInstance, Scenario::AzOutage, &[ForceFailover, PromoteReplica, RestoreLatest, RestoreSnapshot], false),
        row(RdsInstance, Scenario::Hung, &[ForceFailover, PromoteReplica, RestoreLatest, RestoreSnapshot], false),
        row(RdsInstance, Scenario::InstanceFailure, &[PromoteReplica, RestoreLatest, RestoreSnapshot], false),
        row(RdsInstance, Scenario::Corruption, &[RestoreToTime, RestoreSnapshot], false),
        row(RdsInstance, Scenario::HumanError, &[RestoreToTime, RestoreSnapshot], false),
        row(RdsInstance, Scenario::Deletion, &[RestoreLatest, RestoreSnapshot], true),
        row(RdsInstance, Scenario::RegionOutage, &[Guided], true),
        row(RdsInstance, Scenario::StorageFull, &[GrowStorage, Guided], false),
        row(RdsInstance, Scenario::SecurityBreach, &[Guided], true),
        row(RdsInstance, Scenario::KeyInaccessible, &[Guided], true),
        row(RdsInstance, Scenario::ParameterFailure, &[Guided], true),
        row(RdsInstance, Scenario::NetworkFailure, &[Guided], true),
        row(RdsInstance, Scenario::Undo, &[SwapBack], false),
        // The readers of a cluster are its replicas: a failover promotes one, and its volume grows by itself.
        row(DbCluster, Scenario::AzOutage, &[ForceFailover, RestoreLatest, RestoreSnapshot], false),
        row(DbCluster, Scenario::Hung, &[ForceFailover, RestoreLatest, RestoreSnapshot], false),
        row(DbCluster, Scenario::InstanceFailure, &[ForceFailover, RestoreLatest, RestoreSnapshot], false),
        row(DbCluster, Scenario::Corruption, &[RestoreToTime, RestoreSnapshot, Clone], false),
        row(DbCluster, Scenario::HumanError, &[RestoreToTime, RestoreSnapshot, Clone], false),
        row(DbCluster, Scenario::Deletion, &[RestoreLatest, RestoreSnapshot], true),
        row(DbCluster, Scenario::RegionOutage, &[TakeOver, Guided], true),
        row(DbCluster, Scenario::StorageFull, &[Guided], true),
        row(DbCluster, Scenario::SecurityBreach, &[Guided], true),
        row(DbCluster, Scenario::KeyInaccessible, &[Guided], true),
        row(DbCluster, Scenario::ParameterFailure, &[Guided], true),
        row(DbCluster, Scenario::NetworkFailure, &[Guided], true),
        row(DbCluster, Scenario::Undo, &[SwapBack], false),
        // A deleted table is restored from the backup that DynamoDB makes of it; point-in-time recovery went with it.
        row(DynamodbTable, Scenario::Deletion, &[RestoreLatest, RestoreSnapshot], true),
        row(DynamodbTable, Scenario::Corruption, &[RestoreToTime, RestoreSnapshot], false),
        row(DynamodbTable, Scenario::HumanError, &[RestoreToTime, RestoreSnapshot], false),
        // Every replica of a global table takes writes: nothing is promoted, and clients are led to this one.
        row(DynamodbTable, Scenario::RegionOutage, &[TakeOver, Guided], true),
        row(DynamodbTable, Scenario::SecurityBreach, &[Guided], true),
        row(DynamodbTable, Scenario::KeyInaccessible, &[Guided], true),
        // A regional service without hosts, volumes and parameters of ours heals by itself.
        row(DynamodbTable, Scenario::AzOutage, &[Guided], true),
        row(DynamodbTable, Scenario::Hung, &[Guided], true),
        row(DynamodbTable, Scenario::InstanceFailure, &[Guided], true),
        row(DynamodbTable, Scenario::StorageFull, &[Guided], true),
        row(DynamodbTable, Scenario::ParameterFailure, &[Guided], true),
        row(DynamodbTable, Scenario::NetworkFailure, &[Guided], true),
        row(DynamodbTable, Scenario::Undo, &[SwapBack], false),
        // A cache has snapshots and no point-in-time recovery, no volume and no database parameter that it does not survive.
        row(ReplicationGroup, Scenario::AzOutage, &[ForceFailover, RestoreSnapshot, RebuildCold], false),
        row(ReplicationGroup, Scenario::Hung, &[ForceFailover, RestoreSnapshot, RebuildCold], false),
        row(ReplicationGroup, Scenario::InstanceFailure, &[ForceFailover, RestoreSnapshot, RebuildCold], false),
        row(ReplicationGroup, Scenario::Corruption, &[RestoreSnapshot, RebuildCold], false),
        row(ReplicationGroup, Scenario::HumanError, &[RestoreSnapshot, RebuildCold], false),
        row(ReplicationGroup, Scenario::Deletion, &[RestoreSnapshot, RebuildCold], true),
        row(ReplicationGroup, Scenario::RegionOutage, &[TakeOver, Guided], true),
        row(ReplicationGroup, Scenario::StorageFull, &[Guided], true),
        row(ReplicationGroup, Scenario::SecurityBreach, &[Guided], true),
        row(ReplicationGroup, Scenario::KeyInaccessible, &[Guided], true),
        row(ReplicationGroup, Scenario::ParameterFailure, &[Guided], true),
        row(ReplicationGroup, Scenario::NetworkFailure, &[Guided], true),
        row(ReplicationGroup, Scenario::Undo, &[SwapBack], false),
    ]
};

impl MatrixRow {
    /// The row of a scenario for a kind.
    pub fn of(kind: ResourceKind, scenario: Scenario) -> Option<&'static Self> {
        MATRIX.iter().find(|row| row.kind == kind && row.scenario == scenario)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_every_kind_has_exactly_one_row_with_a_remedy() {
        for kind in ResourceKind::ALL.iter().copied() {
            for scenario in Scenario::ALL {
                assert_eq!(MATRIX.iter().filter(|row| row.kind == kind && row.scenario == *scenario).count(), 1, "{kind} {scenario}");
                assert!(!MatrixRow::of(kind, *scenario).unwrap().remedies.is_empty());
            }
        }
    }

    #[test]
    fn nothing_takes_over_from_another_region_but_by_a_persons_word() {
        for row in MATRIX.iter().filter(|row| row.remedies.contains(&Remedy::TakeOver)) {
            assert!(row.always_ask && row.scenario == Scenario::RegionOutage && row.remedies.ends_with(&[Remedy::Guided]), "{}", row.kind);
        }
    }

    #[test]
    fn a_clone_comes_last_where_data_is_wrong_and_only_of_clusters() {
        for row in MATRIX.iter().filter(|row| row.remedies.contains(&Remedy::Clone)) {
            let last = row.remedies.ends_with(&[Remedy::Clone]) && row.remedies.len() > 1;
            assert!(last && row.scenario.is_about_data() && row.kind == ResourceKind::DbCluster, "{} {}", row.kind, row.scenario);
        }
    }

    #[test]
    fn a_replica_is_never_promoted_where_it_has_the_same_bad_data_or_a_person_must_decide() {
        let promotes = MATRIX.iter().filter(|row| row.remedies.contains(&Remedy::PromoteReplica));
        for row in promotes {
            assert!(!row.scenario.is_about_data() && !row.always_ask && row.scenario != Scenario::StorageFull, "{}", row.scenario);
        }
    }
}
