use super::*;

#[test]
fn a_snapshot_takes_its_time_and_keeps_the_instance_busy() {
    let mut cloud = single();
    cloud.write("orders", "a");
    cloud.call(&CreateDbSnapshot::of("orders", "s1")).unwrap();
    assert_eq!((cloud.show_snapshot("s1").status.as_str(), cloud.show_snapshot("s1").percent_progress), ("creating", 0));
    assert_eq!(cloud.statuses("orders", minutes(5)), ["available", "backing-up", "available"]);
    let done = cloud.show_snapshot("s1");
    assert_eq!((done.status.as_str(), done.percent_progress), ("available", 100));
    assert!(done.snapshot_database_time.unwrap() <= start() + minutes(31));
    assert_eq!(cloud.heard(), ["40 s1", "42 s1"]);
}

#[test]
fn one_snapshot_at_a_time() {
    let mut cloud = single();
    cloud.call(&CreateDbSnapshot::of("orders", "s1")).unwrap();
    assert_eq!(code(cloud.call(&CreateDbSnapshot::of("orders", "s2"))), "InvalidDBInstanceState");
    cloud.advance(minutes(5));
    assert!(cloud.call(&CreateDbSnapshot::of("orders", "s2")).is_ok());
}

#[test]
fn a_snapshot_name_is_given_once() {
    let mut cloud = single();
    cloud.call(&CreateDbSnapshot::of("orders", "s1")).unwrap();
    assert_eq!(code(cloud.call(&CreateDbSnapshot::of("orders", "S1"))), "DBSnapshotAlreadyExists");
}

#[test]
fn a_snapshot_is_possible_while_storage_is_optimized_and_not_while_anything_else_goes_on() {
    let mut cloud = single();
    cloud.happen(|model, now| model.set_status("orders", "storage-optimization", now)).unwrap();
    cloud.call(&CreateDbSnapshot::of("orders", "s1")).unwrap();
    for status in ["failed", "rebooting", "modifying", "backing-up", "stopped", "storage-full", "incompatible-network"] {
        cloud.happen(|model, now| model.set_status("orders", status, now)).unwrap();
        assert_eq!(code(cloud.call(&CreateDbSnapshot::of("orders", "s2"))), "InvalidDBInstanceState", "{status}");
    }
}

#[test]
fn manual_snapshots_have_a_quota_and_automated_ones_do_not_count() {
    let mut cloud = InMemory::new(Settings::short().with(|settings| settings.max_manual_snapshots = 1), start());
    cloud.call(&CreateDbInstance::example("orders")).unwrap();
    cloud.advance(minutes(1));
    cloud.call(&CreateDbSnapshot::of("orders", "s1")).unwrap();
    cloud.advance(minutes(1));
    let error = cloud.call(&CreateDbSnapshot::of("orders", "s2")).unwrap_err();
    assert_eq!(error.to_string(), "SnapshotQuotaExceeded: Cannot create more than 1 manual snapshots");
}

#[test]
fn the_quota_is_a_hundred() {
    assert_eq!(Settings::aws_like().max_manual_snapshots, 100);
}

#[test]
fn a_snapshot_of_a_server_that_dies_meanwhile_is_failed() {
    let mut cloud = single();
    cloud.data.break_effects("take_image", "it died");
    cloud.call(&CreateDbSnapshot::of("orders", "s1")).unwrap();
    cloud.happen(|model, now| model.fail_instance("orders", now)).unwrap();
    cloud.advance(minutes(5));
    assert_eq!(cloud.show_snapshot("s1").status, "failed");
    assert_eq!(cloud.status("orders"), "failed");
    assert_eq!(code(cloud.call(&from_snapshot("copy", "s1"))), "InvalidDBSnapshotState");
}

#[test]
fn snapshots_are_found_by_instance_type_and_resource() {
    let mut cloud = single();
    cloud.call(&CreateDbSnapshot::of("orders", "s1")).unwrap();
    let mut found = |change: &dyn Fn(&mut DescribeDbSnapshots)| {
        let mut request = DescribeDbSnapshots::default();
        change(&mut request);
        cloud.call(&request).map(|page| page.db_snapshots.into_iter().map(|it| it.db_snapshot_identifier).collect::<Vec<_>>())
    };
    let automated = "rds:orders-2026-09-27-20-05";
    assert_eq!(found(&|_| {}).unwrap(), [automated, "s1"]);
    assert_eq!(found(&|it| it.snapshot_type = Some("manual".into())).unwrap(), ["s1"]);
    assert_eq!(found(&|it| it.db_instance_identifier = Some("other".into())).unwrap(), Vec::<String>::new());
    assert_eq!(code(found(&|it| it.db_snapshot_identifier = Some("other".into()))), "DBSnapshotNotFound");
    // One automated snapshot by its id needs the type, too.
    assert_eq!(code(found(&|it| it.db_snapshot_identifier = Some(automated.into()))), "DBSnapshotNotFound");
    let with_type = |it: &mut DescribeDbSnapshots| {
        it.db_snapshot_identifier = Some(automated.into());
        it.snapshot_type = Some("automated".into());
    };
    assert_eq!(found(&with_type).unwrap(), [automated]);
}

#[test]
fn a_snapshot_has_its_own_tags_and_the_instances_only_if_they_are_to_be_copied() {
    for (copy, expected) in [(false, vec![Tag::new("mine", "1")]), (true, vec![Tag::new("mine", "1"), Tag::new("team", "blue")])] {
        let mut cloud = cloud(|config| {
            config.tags = Some(vec![Tag::new("team", "blue"), Tag::new("mine", "0")]);
            config.copy_tags_to_snapshot = Some(copy);
        });
        let request = CreateDbSnapshot { tags: Some(vec![Tag::new("mine", "1")]), ..CreateDbSnapshot::of("orders", "s1") };
        assert_eq!(cloud.call(&request).unwrap().tag_list, expected);
    }
}

#[test]
fn only_manual_snapshots_can_be_deleted() {
    let mut cloud = single();
    cloud.call(&CreateDbSnapshot::of("orders", "s1")).unwrap();
    let delete = |name: &str| DeleteDbSnapshot { db_snapshot_identifier: name.to_owned() };
    assert_eq!(code(cloud.call(&delete("s1"))), "InvalidDBSnapshotState");
    cloud.advance(minutes(5));
    cloud.call(&delete("s1")).unwrap();
    assert_eq!(code(cloud.call(&delete("s1"))), "DBSnapshotNotFound");
    assert_eq!(code(cloud.call(&delete("rds:orders-2026-09-27-20-05"))), "InvalidDBSnapshotState");
}
