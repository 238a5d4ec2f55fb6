//! The rules that the local cloud's tables keep, too: one list of them for both (`fixtures/table_rules.json`).

use super::*;
use lifeboat_domain::plan::TableSetting;
use serde::Deserialize;
use serde_json::json;

/// A rule: what was before, the call, and how it is refused; none is accepted.
#[derive(Debug, Deserialize)]
struct Rule {
    name: String,
    given: Vec<String>,
    call: String,
    refused: Option<String>,
}

const ORDERS: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/orders";

/// A table called orders, perhaps with a copy, and a clock.
struct Case {
    tables: Tables,
    now: DateTime<Utc>,
    moment: DateTime<Utc>,
    backup: String,
}

impl Case {
    fn new() -> Self {
        let start: DateTime<Utc> = "2026-01-15T10:00:00Z".parse().unwrap();
        let own = TableConfiguration {
            ttl: Some("ends_at".to_owned()),
            point_in_time_days: Some(35),
            stream: Some("NEW_IMAGE".to_owned()),
            ..TableConfiguration::default()
        };
        let mut tables = Tables::default();
        tables.put_table("orders", start, own, &[]);
        tables.existing("orders").unwrap().configuration.deletion_protection = false;
        let moment = start + Duration::minutes(1);
        tables.write("orders", "1", Some(json!({})), moment).unwrap();
        Self { tables, now: moment + Duration::minutes(30), moment, backup: "arn:none".to_owned() }
    }

    fn pass(&mut self, minutes: i64) {
        self.now += Duration::minutes(minutes);
    }

    fn restore(&mut self, at: Option<DateTime<Utc>>) -> Result<(), ApiError> {
        self.tables.restore_to_point_in_time(ORDERS, at, Restore { target: "copy", now: self.now })
    }

    fn set(&mut self, table: &str, setting: &TableSetting) -> Result<(), ApiError> {
        self.tables.set(table, setting, self.now)
    }

    fn export(&mut self, bucket: &str) -> Result<(), ApiError> {
        let (table, token, bucket, prefix) = (ORDERS.to_owned(), "token".to_owned(), bucket.to_owned(), "shop".to_owned());
        self.tables.export_table(ExportRequest { table, token, bucket, prefix, owner: None }, self.now).map(|_| ())
    }

    fn prepare(&mut self, step: &str) {
        match step {
            "exported" => self.call("export").unwrap(),
            "recovery_off" => self.tables.switch_recovery_off("orders").unwrap(),
            "recovery_on" => {
                self.call("set_recovery").unwrap();
                self.pass(30);
            }
            "gone" => {
                self.call("delete").unwrap();
                self.pass(1);
                self.tables.forget_deleted(self.now);
                let kept = self.tables.backups().first().map(|backup| backup.arn.clone());
                self.backup = kept.unwrap_or_else(|| self.backup.clone());
            }
            "copy_coming" => self.restore(None).unwrap(),
            "copy" => {
                self.restore(None).unwrap();
                self.pass(5);
            }
            "backup_coming" => {
                self.call("create_backup").unwrap();
                self.backup = self.tables.backups()[0].arn.clone();
            }
            "backup" => {
                self.prepare("backup_coming");
                self.pass(1);
            }
            "updating" => {
                let class = "STANDARD_INFREQUENT_ACCESS".to_owned();
                self.set("orders", &TableSetting::TableClass { class }).unwrap();
            }
            "protected" => {
                self.call("protect").unwrap();
                self.pass(1);
            }
            "fenced" => self.tables.deny_writes("orders", true, self.now).unwrap(),
            "opened" => self.tables.deny_writes("orders", false, self.now).unwrap(),
            other => panic!("the fixture has a step that is unknown here: {other}"),
        }
    }

    fn call(&mut self, word: &str) -> Result<(), ApiError> {
        let (now, day) = (self.now, Duration::days(1));
        let (stream, ttl) =
            (TableSetting::Stream { view: "NEW_IMAGE".to_owned() }, TableSetting::TimeToLive { attribute: "ends_at".to_owned() });
        let tags = [("owner".to_owned(), "x".to_owned())].into();
        match word {
            "restore_latest" => self.restore(None),
            "restore_within" => self.restore(Some(self.moment)),
            "restore_before" => self.restore(Some(self.moment - day)),
            "restore_after" => self.restore(Some(now)),
            "restore_backup" => self.tables.restore_from_backup(&self.backup, Restore { target: "copy", now }),
            "create_backup" => self.tables.create_backup("orders", "nightly", now),
            "set_stream" => self.set("orders", &stream),
            "set_stream_of_copy" => self.set("copy", &stream),
            "set_ttl" => self.set("orders", &ttl),
            "set_ttl_of_copy" => self.set("copy", &ttl),
            "set_recovery" => self.set("orders", &TableSetting::PointInTime { days: 35 }),
            "set_recovery_of_copy" => self.set("copy", &TableSetting::PointInTime { days: 35 }),
            "protect" => self.set("orders", &TableSetting::DeletionProtection),
            "tag" => self.tables.tag("orders", &tags, &[], now),
            "tag_copy" => self.tables.tag("copy", &tags, &[], now),
            "delete" => self.tables.delete_table("orders", now),
            "export" => self.export("exports"),
            "export_elsewhere" => self.export("elsewhere"),
            "write" => self.tables.write("orders", "2", Some(json!({})), now),
            "write_to_copy" => self.tables.write("copy", "2", Some(json!({})), now),
            other => panic!("the fixture has a call that is unknown here: {other}"),
        }
    }
}

#[test]
fn the_model_refuses_what_the_local_cloud_refuses() {
    let rules: Vec<Rule> = serde_json::from_str(include_str!("../../../fixtures/table_rules.json")).unwrap();
    assert!(rules.len() > 30, "{} rules", rules.len());
    let mut wrong = Vec::new();
    for rule in rules {
        let mut case = Case::new();
        for step in &rule.given {
            case.prepare(step);
        }
        let found = case.call(&rule.call).err().map(|error| error.code);
        if found != rule.refused {
            wrong.push(format!("{}: {} ended with {found:?}, expected {:?}", rule.name, rule.call, rule.refused));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
