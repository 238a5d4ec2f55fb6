use super::*;

fn backups(cloud: &mut InMemory) -> Vec<DbInstanceAutomatedBackup> {
    cloud.call(&DescribeDbInstanceAutomatedBackups::default()).unwrap().db_instance_automated_backups
}

fn delete(keep_backups: Option<bool>) -> DeleteDbInstance {
    DeleteDbInstance {
        db_instance_identifier: "orders".into(),
        skip_final_snapshot: Some(true),
        delete_automated_backups: keep_backups.map(|keep| !keep),
        ..DeleteDbInstance::default()
    }
}

#[test]
fn the_window_begins_with_the_first_backup_and_ends_where_the_log_is_archived() {
    let mut cloud = single();
    let backup = backups(&mut cloud).remove(0);
    let window = backup.restore_window.unwrap();
    assert_eq!(backup.status, "active");
    assert_eq!(window.earliest_time, Some(start() + minutes(7)));
    assert_eq!(window.latest_time, cloud.show("orders").latest_restorable_time);
}

#[test]
fn nothing_can_be_restored_before_the_first_backup() {
    let mut cloud = empty();
    cloud.call(&CreateDbInstance::example("orders")).unwrap();
    cloud.advance(minutes(6));
    assert_eq!(backups(&mut cloud)[0].status, "creating");
    assert_eq!(code(cloud.call(&latest("copy"))), "InvalidDBInstanceState");
}

#[test]
fn the_latest_restorable_time_is_never_older_than_six_minutes_while_the_server_lives() {
    let mut cloud = single();
    for _ in 0..120 {
        cloud.advance(seconds(10));
        let lag = cloud.now() - cloud.show("orders").latest_restorable_time.unwrap();
        assert!(lag >= minutes(1) && lag < minutes(6), "{lag}");
    }
}

#[test]
fn the_latest_restorable_time_stands_still_when_the_server_is_dead_hung_or_stopped() {
    type Break = fn(&mut InMemory);
    let breaks: [Break; 4] = [
        |cloud| cloud.happen(|model, now| model.fail_instance("orders", now)).unwrap(),
        |cloud| cloud.happen(|model, now| model.hang("orders", now)).unwrap(),
        |cloud| cloud.happen(|model, now| model.az_outage("orders", now)).unwrap(),
        |cloud| drop(cloud.call(&StopDbInstance { db_instance_identifier: "orders".into() }).unwrap()),
    ];
    for break_it in breaks {
        let mut cloud = single();
        break_it(&mut cloud);
        cloud.advance(minutes(10));
        let at_rest = cloud.show("orders").latest_restorable_time;
        cloud.advance(minutes(60));
        assert_eq!(cloud.show("orders").latest_restorable_time, at_rest);
        assert!(at_rest.unwrap() < start() + minutes(36));
    }
}

#[test]
fn it_moves_on_when_the_server_is_back() {
    let mut cloud = single();
    cloud.happen(|model, now| model.hang("orders", now)).unwrap();
    cloud.advance(minutes(30));
    cloud.happen(|model, now| model.resume("orders", now)).unwrap();
    cloud.advance(minutes(10));
    assert!(cloud.now() - cloud.show("orders").latest_restorable_time.unwrap() < minutes(6));
}

#[test]
fn deleting_an_instance_destroys_point_in_time_recovery_unless_told_otherwise() {
    let mut cloud = single();
    cloud.call(&delete(None)).unwrap();
    cloud.advance(minutes(5));
    assert_eq!(backups(&mut cloud), []);
    assert_eq!(cloud.call(&DescribeDbSnapshots::default()).unwrap().db_snapshots, []);
}

#[test]
fn kept_backups_can_be_restored_after_the_instance_is_gone() {
    let mut cloud = single();
    cloud.write("orders", "precious");
    cloud.advance(minutes(10));
    let id = cloud.show("orders").dbi_resource_id;
    cloud.call(&delete(Some(true))).unwrap();
    cloud.advance(minutes(10));
    let backup = backups(&mut cloud).remove(0);
    assert_eq!((backup.status.as_str(), backup.dbi_resource_id.as_str()), ("retained", id.as_str()));
    assert_eq!(code(cloud.call(&latest("orders"))), "DBInstanceNotFound", "its name leads nowhere");
    let by_id =
        RestoreDbInstanceToPointInTime { source_db_instance_identifier: None, source_dbi_resource_id: Some(id), ..latest("orders") };
    cloud.call(&by_id).unwrap();
    let arn = backup.db_instance_automated_backups_arn;
    let by_arn = RestoreDbInstanceToPointInTime {
        source_db_instance_identifier: None,
        source_db_instance_automated_backups_arn: Some(arn),
        ..latest("second")
    };
    cloud.call(&by_arn).unwrap();
    cloud.advance(minutes(30));
    assert_eq!(cloud.keys("orders"), ["precious"]);
    assert_eq!(cloud.keys("second"), ["precious"]);
}

#[test]
fn turning_backups_off_ends_the_window_and_turning_them_on_begins_a_new_one() {
    let mut cloud = single();
    cloud.call(&ModifyDbInstance { backup_retention_period: Some(0), ..ModifyDbInstance::now("orders") }).unwrap();
    cloud.advance(minutes(5));
    assert_eq!(backups(&mut cloud), []);
    assert_eq!(code(cloud.call(&latest("copy"))), "PointInTimeRestoreNotEnabled");
    cloud.call(&ModifyDbInstance { backup_retention_period: Some(3), ..ModifyDbInstance::now("orders") }).unwrap();
    cloud.advance(minutes(20));
    assert!(backups(&mut cloud)[0].restore_window.as_ref().unwrap().earliest_time.unwrap() > start() + minutes(30));
    let heard = cloud.heard();
    assert!(heard.contains(&"28 orders".to_owned()) && heard.contains(&"32 orders".to_owned()), "{heard:?}");
}

#[test]
fn an_unknown_resource_id_has_no_automated_backup() {
    let mut cloud = single();
    let wanted = DescribeDbInstanceAutomatedBackups { dbi_resource_id: Some("db-NONE".into()), ..Default::default() };
    assert_eq!(code(cloud.call(&wanted)), "DBInstanceAutomatedBackupNotFound");
}

/// Counts how often the log is asked for.
#[derive(Default)]
struct Counting(crate::data::MemoryData, usize);

impl crate::data::DataPlane for Counting {
    fn carry_out(&mut self, now: DateTime<Utc>, effect: &Effect) -> EffectOutcome {
        self.1 += usize::from(effect.name() == "ship_log");
        self.0.carry_out(now, effect)
    }
}

#[test]
fn a_server_that_does_not_answer_is_not_asked_for_its_log() {
    let mut cloud = InMemory::with_data(Settings::aws_like(), Counting::default(), start());
    cloud.call(&CreateDbInstance::example("orders")).unwrap();
    cloud.advance(minutes(30));
    cloud.happen(|model, now| model.hang("orders", now)).unwrap();
    let asked = cloud.data.1;
    assert!(asked > 3);
    cloud.advance(minutes(60));
    assert_eq!(cloud.data.1, asked);
}
