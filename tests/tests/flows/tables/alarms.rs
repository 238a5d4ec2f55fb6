//! The alarms of a table: copies watch the new one once its clients are on it, the old ones stand, and none of it stops a recovery.

use super::*;
use lifeboat_domain::alarms::{Alarm, MetricAlarm, OtherAlarm};
use lifeboat_testing::model::{FaultKind, When};

const THROTTLES: &str = "orders-throttles";

fn throttles(name: &str, table: &str) -> MetricAlarm {
    MetricAlarm {
        name: name.to_owned(),
        namespace: "AWS/DynamoDB".to_owned(),
        metric: "WriteThrottleEvents".to_owned(),
        dimensions: [("TableName".to_owned(), table.to_owned())].into(),
        statistic: Some("Sum".to_owned()),
        period: 60,
        evaluation_periods: 3,
        threshold: "10".to_owned(),
        comparison: "GreaterThanThreshold".to_owned(),
        actions_enabled: true,
        alarm_actions: vec!["arn:aws:sns:us-east-1:123456789012:on-call".to_owned()],
        ..MetricAlarm::default()
    }
}

/// One that can be copied, one that hangs on it, one that auto scaling makes, and one on another table.
pub(super) fn on_the_table() -> Vec<Alarm> {
    let metric = |name: &str, table: &str| Alarm::Metric(Box::new(throttles(name, table)));
    let composite = OtherAlarm {
        name: "orders-page".to_owned(),
        dimensions: Vec::new(),
        rule: Some(format!("ALARM(\"{THROTTLES}\")")),
        why: "it is composite".to_owned(),
    };
    vec![
        metric(THROTTLES, TABLE),
        Alarm::Other(composite),
        metric("TargetTracking-table/orders-AlarmHigh-1", TABLE),
        metric("customers-throttles", "customers"),
    ]
}

/// The alarms that stand beside those of the beginning.
fn new_alarms(account: &Account) -> Vec<Alarm> {
    let before = on_the_table();
    let world = account.cloud.see();
    for alarm in &before {
        assert_eq!(world.alarms.get(alarm.name()), Some(alarm), "what stood is not touched");
    }
    world.alarms.values().filter(|alarm| before.iter().all(|old| old.name() != alarm.name())).cloned().collect()
}

fn copy_of_throttles(account: &Account) -> MetricAlarm {
    let table = copy(account);
    MetricAlarm {
        description: Some(format!("(Lifeboat's copy of {THROTTLES})")),
        ..throttles(&format!("lifeboat-copy-{table}-{THROTTLES}"), &table)
    }
}

#[tokio::test]
async fn after_a_cut_over_a_copy_watches_the_new_table_and_the_report_names_it_and_what_was_left() {
    let (account, _) = told(Story::CutOver, Outcome::Recovered).await;
    let expected = copy_of_throttles(&account);
    assert_eq!(new_alarms(&account), [Alarm::Metric(Box::new(expected.clone()))]);
    let plan = plan(&account);
    assert!(plan.risks.iter().any(|risk| risk.starts_with("alarm orders-page goes on watching orders only")), "{:?}", plan.risks);
    let world = account.cloud.see();
    let report = world.documents.values().find(|document| document.to_string().contains("did_not_move")).unwrap().to_string();
    assert!(report.contains(&expected.name), "{report}");
}

#[tokio::test]
async fn of_a_deleted_table_whose_alarms_went_with_it_the_copies_are_those_of_its_last_backup() {
    let mut account = account().await;
    account.cloud.touch().alarms.remove(THROTTLES);
    account.cloud.touch().alarms.remove("orders-page");
    account.cloud.touch().alarms.remove("TargetTracking-table/orders-AlarmHigh-1");
    Story::Deletion.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    let expected = copy_of_throttles(&account);
    assert_eq!(account.cloud.see().alarms.get(&expected.name), Some(&Alarm::Metric(Box::new(expected))));
}

#[tokio::test]
async fn a_copy_beside_production_is_watched_by_nothing_and_pages_nobody() {
    let (account, calls) = told(Story::HumanError, Outcome::RestoredBeside).await;
    assert_eq!(new_alarms(&account), []);
    assert!(calls.iter().all(|call| !call.contains("Alarm")), "{calls:?}");
}

#[tokio::test]
async fn an_alarm_of_somebody_under_the_name_of_a_copy_stands_and_the_cut_over_too() {
    let (first, _) = told(Story::CutOver, Outcome::Recovered).await;
    let name = copy_of_throttles(&first).name;
    let mut account = account().await;
    // The same moments make the same names.
    let stranger = Alarm::Metric(Box::new(throttles(&name, "customers")));
    account.cloud.touch().alarms.insert(name.clone(), stranger.clone());
    Story::CutOver.play(&mut account).await;
    assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
    assert_eq!(copy_of_throttles(&account).name, name);
    assert_eq!(account.cloud.see().alarms.get(&name), Some(&stranger), "it is not written over");
    assert!(account.last_text().contains("not every alarm watches"), "{}", account.last_text());
}

#[tokio::test]
async fn copies_that_are_refused_and_alarms_that_cannot_be_read_stop_no_recovery_and_are_told() {
    let denied = FaultKind::Refused { code: "AccessDeniedException".to_owned(), message: "the role may not".to_owned() };
    for (action, told) in [
        ("cloudwatch:PutMetricAlarm", "aws cloudwatch put-metric-alarm --region us-east-1"),
        ("cloudwatch:DescribeAlarms", "not every alarm watches"),
    ] {
        let mut account = account().await;
        account.fault(action, When::Always, denied.clone());
        Story::CutOver.play(&mut account).await;
        assert_eq!(account.incident().outcome, Some(Outcome::Recovered), "{}", account.explain());
        assert_eq!(new_alarms(&account), []);
        assert!(account.last_text().contains(told), "{action}: {}", account.last_text());
    }
}

#[tokio::test]
async fn a_copy_whose_threshold_somebody_changed_meanwhile_keeps_it_when_the_step_runs_again() {
    let (first, _) = told(Story::CutOver, Outcome::Recovered).await;
    let expected = copy_of_throttles(&first);
    let mut account = account().await;
    let tuned = Alarm::Metric(Box::new(MetricAlarm { threshold: "99".to_owned(), ..expected.clone() }));
    account.cloud.touch().alarms.insert(expected.name.clone(), tuned.clone());
    Story::CutOver.play(&mut account).await;
    assert_eq!(account.cloud.see().alarms.get(&expected.name), Some(&tuned));
}
