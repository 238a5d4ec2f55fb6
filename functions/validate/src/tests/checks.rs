//! `checks`: what holds a cut-over, and what does not.

use super::world::{World, facts};
use lifeboat_domain::probe::ProbeOutcome;
use lifeboat_domain::words::Grade;
use lifeboat_domain::{CallClass, CallError, ErrorName};
use serde_json::json;

async fn validated(world: &mut World) -> (String, String) {
    let answer = world.run("checks").await.unwrap();
    (answer["grade"].as_str().unwrap().to_owned(), answer["proceed"].as_str().unwrap().to_owned())
}

fn says(grade: &str, proceed: &str) -> (String, String) {
    (grade.to_owned(), proceed.to_owned())
}

#[tokio::test]
async fn a_good_copy_passes_and_clients_may_be_moved() {
    let mut world = World::new();
    assert_eq!(validated(&mut world).await, says("PASS", "cut_over"), "{:#?}", world.kept("validation"));
    assert_eq!(world.kept("validation").unwrap()["newest_data"], "2026-01-15T10:18:00Z");
    assert!(world.check("freshness").text.contains("2 min before the restore point"), "{}", world.check("freshness").text);
    assert!(world.timeline()[0].starts_with("validate: validation PASS (9 PASS): clients may be moved"), "{:?}", world.timeline());
}

#[tokio::test]
async fn running_twice_is_harmless() {
    let mut world = World::new();
    let first = validated(&mut world).await;
    assert_eq!(validated(&mut world).await, first);
    assert_eq!(world.timeline().len(), 1);
}

#[tokio::test]
async fn a_copy_whose_plan_moves_nobody_stands_beside() {
    let mut world = World::new();
    world.plan["moves_clients"] = json!(false);
    assert_eq!(validated(&mut world).await, says("PASS", "beside"));
    world.incident["plan"] = json!(null);
    assert_eq!(validated(&mut world).await.1, "hold", "without a plan there is no baseline");
}

#[tokio::test]
async fn one_altered_row_of_an_append_only_table_fails_and_holds() {
    let mut world = World::new();
    world.copy.contents[0].hash = "altered".into();
    assert_eq!(validated(&mut world).await, says("FAIL", "hold"));
    assert!(
        world.check("data").text.contains("public.orders had 100 rows up to id 100 and has the same number, with other contents"),
        "{}",
        world.check("data").text
    );
    assert!(world.timeline()[0].contains("clients are not moved, because data FAIL"), "{:?}", world.timeline());
}

#[tokio::test]
async fn an_altered_row_of_another_table_warns_and_cuts_over_only_where_that_is_accepted_by_name() {
    let mut world = World::new();
    world.copy.contents[1] = facts("public.carts", 49);
    assert_eq!(validated(&mut world).await, says("WARN", "hold"));
    world.policies = world.policies.replace("accept_warnings: []", "accept_warnings: [freshness]");
    assert_eq!(validated(&mut world).await, says("WARN", "hold"));
    world.policies = world.policies.replace("accept_warnings: [freshness]", "accept_warnings: [data]");
    assert_eq!(validated(&mut world).await, says("WARN", "cut_over"));
}

#[tokio::test]
async fn a_missing_table_fails_and_is_named() {
    let mut world = World::new();
    world.copy.contents.remove(1);
    assert_eq!(validated(&mut world).await, says("FAIL", "hold"));
    assert!(world.check("tables").text.contains("1 of 2 tables of the fingerprint of 2026-01-15T10:00:00Z are missing: public.carts"));
    assert_eq!(world.check("data").grade, Grade::Fail);
}

#[tokio::test]
async fn without_a_baseline_the_data_is_a_warning_that_says_what_makes_one() {
    let mut world = World::new();
    world.plan["baseline"] = json!(null);
    assert_eq!(validated(&mut world).await, says("WARN", "hold"));
    assert!(world.check("data").text.contains("the first backup makes one"));
    assert_eq!(world.check("tables").grade, Grade::Pass);
}

#[tokio::test]
async fn a_baseline_that_cannot_be_read_is_unknown() {
    let mut world = World::new();
    world.memory.files.borrow_mut().clear();
    assert_eq!(validated(&mut world).await, says("UNKNOWN", "hold"));
    assert_eq!((world.check("tables").grade, world.check("data").grade), (Grade::Unknown, Grade::Unknown));
}

#[tokio::test]
async fn a_password_from_before_the_restore_time_fails_the_login_but_the_checks_go_on() {
    let mut world = World::new();
    world.secrets.passwords = vec!["old", "new"];
    world.copy.password = "old";
    assert_eq!(validated(&mut world).await, says("FAIL", "hold"));
    let login = world.check("login");
    assert!(login.text.contains("the restored engine holds the password of 2026-01-15T09:00:00Z; reset needed"), "{}", login.text);
    for name in ["reachability", "role", "tables", "data", "freshness", "slow_sum"] {
        assert_eq!(world.check(name).grade, Grade::Pass, "{name}");
    }
    world.copy.password = "new";
    assert_eq!(validated(&mut world).await, says("PASS", "cut_over"), "after the reset");
    assert!(world.check("login").text.contains("does not any more"));
}

#[tokio::test]
async fn no_login_at_all_fails_and_leaves_every_other_check_unknown() {
    let mut world = World::new();
    world.copy.password = "lost";
    assert_eq!(validated(&mut world).await, says("FAIL", "hold"));
    assert_eq!((world.check("reachability").grade, world.check("login").grade), (Grade::Pass, Grade::Fail));
    for name in ["role", "tables", "data", "freshness", "no_negative_total", "slow_sum"] {
        assert_eq!(world.check(name).grade, Grade::Unknown, "{name}");
    }
}

#[tokio::test]
async fn a_clone_is_asked_and_not_compared_and_wrong_data_do_not_hold_it() {
    let clone = || {
        let mut world = World::new();
        world.plan["remedy"] = json!("clone");
        (world.plan["moves_clients"], world.plan["restore_point"], world.plan["baseline"]) = (json!(false), json!(null), json!(null));
        world
    };
    let mut world = clone();
    world.copy.contents.clear();
    world.copy.checks.insert("no_negative_total", Grade::Fail);
    assert_eq!(validated(&mut world).await, says("FAIL", "beside"));
    let kept = world.kept("validation").unwrap();
    let names: Vec<&str> = kept["checks"].as_array().unwrap().iter().filter_map(|check| check["name"].as_str()).collect();
    assert_eq!(names, ["reachability", "login", "role", "no_negative_total", "slow_sum", "configuration"]);
    assert_eq!(kept["newest_data"], json!(null), "its age measures nothing");
    let mut world = clone();
    world.copy.outcome = ProbeOutcome::NoAnswer;
    assert_eq!(validated(&mut world).await.1, "hold", "what does not answer is of no use to anybody");
}

#[tokio::test]
async fn silence_fails_the_reachability_and_an_unreadable_secret_is_unknown() {
    let mut world = World::new();
    world.copy.outcome = ProbeOutcome::NoAnswer;
    assert_eq!(validated(&mut world).await, says("FAIL", "hold"));
    assert_eq!((world.check("reachability").grade, world.check("login").grade), (Grade::Fail, Grade::Unknown));

    let mut world = World::new();
    world.secrets.failure = Some(CallError::new(CallClass::Denied, "test", "AccessDenied", "the role may not"));
    assert_eq!(validated(&mut world).await, says("UNKNOWN", "hold"));
    assert_eq!(world.check("reachability").grade, Grade::Unknown);
}

#[tokio::test]
async fn what_cannot_be_read_just_now_is_read_again_before_anything_is_graded() {
    let mut world = World::new();
    world.secrets.failure = Some(super::world::unavailable());
    let error = world.run("checks").await.unwrap_err();
    assert_eq!(error.name(), ErrorName::TransientFailure, "{error}");
}

#[tokio::test]
async fn a_check_that_times_out_is_unknown_and_holds_even_where_warnings_are_accepted() {
    let mut world = World::new();
    world.policies = world.policies.replace("accept_warnings: []", "accept_warnings: [slow_sum, data, freshness, tables]");
    world.copy.checks.insert("slow_sum", Grade::Unknown);
    assert_eq!(validated(&mut world).await, says("UNKNOWN", "hold"));

    let mut world = World::new();
    world.copy.fingerprints = false;
    assert_eq!(validated(&mut world).await, says("UNKNOWN", "hold"));
    for name in ["tables", "data", "freshness"] {
        assert_eq!(world.check(name).grade, Grade::Unknown, "{name}");
    }
}

#[tokio::test]
async fn a_failed_check_of_the_owner_and_a_read_only_copy_hold() {
    let mut world = World::new();
    world.copy.checks.insert("no_negative_total", Grade::Fail);
    assert_eq!(validated(&mut world).await, says("FAIL", "hold"));

    let mut world = World::new();
    world.copy.writable = false;
    assert_eq!(validated(&mut world).await, says("FAIL", "hold"));
    assert_eq!(world.check("role").grade, Grade::Fail);
}

#[tokio::test]
async fn data_older_than_the_objective_warns_with_its_age() {
    let mut world = World::new();
    world.copy.newest = Some(super::world::at("2026-01-15T10:14:00Z"));
    assert_eq!(validated(&mut world).await, says("WARN", "hold"));
    let text = world.check("freshness").text;
    assert!(text.contains("6 min before the restore point (2026-01-15T10:20:00Z)") && text.contains("the objective of 5 min"), "{text}");
    world.copy.newest = None;
    assert_eq!(validated(&mut world).await.0, "WARN", "the policy asks for a time and there is none");
}

#[tokio::test]
async fn freshness_that_nobody_promised_to_be_measurable_is_left_out() {
    let mut world = World::new();
    world.policies = world.policies.replace("written_at: written_at, ", "");
    assert_eq!(validated(&mut world).await, says("PASS", "cut_over"));
    assert!(!world.kept("validation").unwrap().to_string().contains("freshness"));
    assert_eq!(world.kept("validation").unwrap()["newest_data"], json!(null));
}

#[tokio::test]
async fn a_weaker_configuration_fails_and_one_that_nobody_compared_is_unknown() {
    let mut world = World::new();
    world.put("configuration", &json!([{"setting": "deletion_protection", "source": "true", "restored": "false"}]));
    assert_eq!(validated(&mut world).await, says("FAIL", "hold"));
    assert!(world.check("configuration").text.contains("deletion_protection was true and is false (weaker)"));

    let mut world = World::new();
    world.memory.entries.borrow_mut().clear();
    assert_eq!(validated(&mut world).await, says("UNKNOWN", "hold"));
}

#[tokio::test]
async fn an_incident_without_a_restored_database_is_an_error() {
    let mut world = World::new();
    world.incident["restored"]["endpoint"] = json!(null);
    assert_eq!(world.run("checks").await.unwrap_err().name().as_str(), "Dr.Conflict");
    world.incident["restored"] = json!(null);
    assert_eq!(world.run("checks").await.unwrap_err().name().as_str(), "Dr.NotFound");
}
