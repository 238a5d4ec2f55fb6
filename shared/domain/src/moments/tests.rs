use super::prints::{Today, between, finding, today};
use super::traces::{Change, Counters, Gap, Traces};
use super::trail::{Action, Trail, findings};
use super::*;
use crate::point::{Fingerprint, TableFingerprint};
use crate::policy::FingerprintTable;
use crate::samples::at;
use serde_json::json;

fn table(append_only: bool) -> FingerprintTable {
    FingerprintTable { table: "public.orders".into(), key: "id".into(), written_at: Some("written_at".into()), append_only, items: None }
}

fn content(watermark: &str, rows: i64, hash: &str) -> TableFingerprint {
    TableFingerprint {
        table: "public.orders".into(),
        watermark: Some(watermark.into()),
        rows,
        hash: hash.into(),
        newest: None,
        sample: Vec::new(),
    }
}

fn print(seconds: i64, content: TableFingerprint) -> Fingerprint {
    Fingerprint { taken_at: at(seconds), tables: vec!["public.orders".into()], contents: vec![content], keyspace: None }
}

fn search(findings: Vec<Finding>) -> Search {
    Search {
        resource: Identity::parse("orders-db").unwrap(),
        policy: "p".into(),
        asked_at: at(7200),
        from: at(0),
        to: at(7200),
        tables: vec!["public.orders".into()],
        check: None,
        checks_passed_at: None,
        target: None,
        fingerprints: Vec::new(),
        findings,
        notes: Vec::new(),
        bisect: None,
    }
}

fn moments(conclusion: &Conclusion) -> Vec<Timestamp> {
    conclusion.candidates.iter().filter_map(|candidate| candidate.input.restore_to).collect()
}

#[test]
fn what_is_proven_comes_first_then_what_is_narrow() {
    let found = |sureness, from, to, text: &str| Finding::between(Origin::Rows, sureness, (at(from), at(to)), text);
    let conclusion = conclude(
        &search(vec![
            found(Sureness::Possible, 50, 51, "elsewhere"),
            found(Sureness::Proven, 100, 4000, "wide"),
            found(Sureness::Likely, 900, 901, "likely"),
            found(Sureness::Possible, 300, 900, "possible within what is proven"),
            found(Sureness::Proven, 200, 1000, "narrow"),
        ]),
        Some(&Looked::default()),
    );
    let texts: Vec<&str> = conclusion.candidates.iter().map(|candidate| candidate.text.as_str()).collect();
    assert_eq!(texts, ["narrow", "wide", "likely", "possible within what is proven", "elsewhere"]);
    let expected =
        "is 2026-01-15T10:28:20Z (proven, by rows); later, but only likely, by rows, is 2026-01-15T10:40:00Z; 5 moments are told";
    assert!(conclusion.reason.ends_with(expected), "{}", conclusion.reason);
}

#[test]
fn a_moment_that_is_known_is_gone_back_to_one_second_before_and_never_after_it() {
    let exact = at(100) + TimeDelta::milliseconds(200);
    let seen = Finding::at(Origin::CommitTimes, Sureness::Likely, exact, "seen");
    let conclusion = conclude(&search(vec![seen]), Some(&Looked::default()));
    assert_eq!(moments(&conclusion), [at(99)]);
    let input = conclusion.candidates[0].input.paste();
    assert_eq!(
        input,
        "{\"resource\": \"orders-db\", \"scenario\": \"human_error\", \"restore_to\": \"2026-01-15T10:26:39Z\", \"run\": \"plan\"}"
    );
    assert!(conclusion.news(&search(Vec::new())).text.contains(&input), "the message has the input to paste");
}

#[test]
fn what_lies_outside_the_window_is_no_candidate_and_one_moment_is_told_once() {
    let at_second = |seconds, text: &str| Finding::at(Origin::CloudTrail, Sureness::Possible, at(seconds), text);
    let conclusion =
        conclude(&search(vec![at_second(-5, "before"), at_second(7300, "after"), at_second(10, "one"), at_second(10, "two")]), None);
    assert_eq!(moments(&conclusion), [at(9)]);
    assert_eq!(conclusion.candidates[0].text, "one; two");
    assert!(conclusion.notes[0].contains("was not looked at"), "{:?}", conclusion.notes);
}

#[test]
fn no_candidate_is_a_sentence_too() {
    let conclusion = conclude(&search(Vec::new()), Some(&Looked::default()));
    assert!(conclusion.reason.contains("nothing shows when"), "{}", conclusion.reason);
    let news = conclusion.news(&search(Vec::new()));
    assert!(news.title.contains("nothing shows") && news.text.contains("Nothing was changed"), "{news:?}");
}

#[test]
fn however_much_is_found_little_travels() {
    let long = "x".repeat(4000);
    let found = (0..200).map(|second| Finding::at(Origin::Rows, Sureness::Possible, at(second * 3), format!("{long}{second}"))).collect();
    let looked = Looked { findings: Vec::new(), notes: vec![long; 100], predicate: None };
    let conclusion = conclude(&search(found), Some(&looked));
    let bytes = serde_json::to_vec(&conclusion).unwrap().len();
    assert!(bytes < 32 * 1024, "{bytes} bytes");
}

#[test]
fn two_fingerprints_tell_that_rows_were_lost_or_altered_between_them() {
    let (first, kept) = (print(0, content("100", 100, "a")), print(600, content("100", 95, "b")));
    let lost = between(&[table(true)], &[first.clone(), kept]);
    assert_eq!((lost[0].sureness, lost[0].good_at, lost[0].bad_at), (Sureness::Proven, at(0), at(600)));
    assert!(lost[0].text.contains("100 rows") && lost[0].text.contains("95"), "{}", lost[0].text);
    let altered = print(600, content("100", 100, "b"));
    assert_eq!(between(&[table(true)], &[first.clone(), altered.clone()]).len(), 1);
    assert!(between(&[table(false)], &[first.clone(), altered]).is_empty(), "rows change there as a matter of course");
    assert!(between(&[table(true)], &[first.clone(), print(600, content("120", 120, "b"))]).is_empty(), "it grew");
    let dropped = Fingerprint { taken_at: at(600), tables: Vec::new(), contents: Vec::new(), keyspace: None };
    assert!(between(&[table(false)], &[first, dropped])[0].text.contains("was gone"));
}

#[test]
fn rows_that_are_gone_today_were_lost_after_the_fingerprint_that_had_them() {
    let kept = content("100", 100, "a");
    assert_eq!(today(&table(true), &kept, at(0), &kept), Today::AsThen);
    assert_eq!(today(&table(false), &kept, at(0), &content("100", 100, "b")), Today::AsThen);
    let Today::Differs(what) = today(&table(true), &kept, at(0), &content("100", 95, "b")) else { panic!("it differs") };
    let found = finding(&table(true), &what, at(0), at(7200), Some(at(600)));
    assert_eq!((found.good_at, found.bad_at, found.sureness), (at(0), at(600), Sureness::Proven));
    assert_eq!(finding(&table(false), &what, at(0), at(7200), None).sureness, Sureness::Possible);
}

#[test]
fn old_rows_that_one_transaction_changed_are_likely_where_nothing_ever_changes() {
    let traces = |older| Traces {
        changes: Ok(vec![Change { at: at(500), rows: 37, keys: ("3".into(), "90".into()), known_to_be_older: older }]),
        gaps: Ok(vec![Gap { between: ("4".into(), "10".into()), missing: 5, written_before: at(40), written_behind: at(100) }]),
        counters: Ok(Counters { deleted: 5, updated: 37, since: "2026-01-01".into() }),
    };
    let (found, notes) = traces(true).read(&table(true), (at(0), at(1000)), at(1000));
    assert_eq!((found[0].sureness, found[0].good_at), (Sureness::Likely, at(499)));
    assert_eq!((found[1].sureness, found[1].good_at), (Sureness::Possible, at(40)), "before that, nothing was there to be deleted");
    assert!(notes[0].contains("5 deleted and 37 changed"), "{notes:?}");
    assert_eq!(traces(false).read(&table(true), (at(0), at(1000)), at(1000)).0[0].sureness, Sureness::Possible);
    assert_eq!(traces(true).read(&table(false), (at(0), at(1000)), at(1000)).0[0].sureness, Sureness::Possible);
    assert!(traces(true).read(&table(true), (at(600), at(1000)), at(1000)).0.is_empty());
    let (found, notes) = Traces::cannot_be_told("a mariadb").read(&table(true), (at(0), at(1)), at(1));
    assert!(found.is_empty() && notes.len() == 3, "{notes:?}");
}

#[test]
fn people_are_told_from_programs_and_looking_from_doing() {
    let record = |name: &str, read_only: bool, identity: serde_json::Value| {
        Action::of(&json!({
            "eventTime": "2026-01-15T10:25:30Z", "eventSource": "rds.amazonaws.com", "eventName": name, "readOnly": read_only,
            "userIdentity": identity,
        }))
        .unwrap()
    };
    let ann = json!({"type": "IAMUser", "userName": "ann"});
    let role = |name: &str, arn: &str, mfa: &str| {
        json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::1:assumed-role/{name}/{arn}"),
            "sessionContext": {"sessionIssuer": {"userName": name}, "attributes": {"mfaAuthenticated": mfa}}})
    };
    let by_person = |identity| record("ModifyDBInstance", false, identity).by_person;
    assert!(by_person(ann.clone()) && by_person(json!({"type": "Root"})));
    assert!(by_person(role("AWSReservedSSO_Admin_1", "x", "false")) && by_person(role("Ops", "x", "true")));
    assert!(by_person(role("Ops", "ann@example.com", "false")));
    assert!(!by_person(role("lifeboat-restore", "lifeboat-restore-act", "false")));
    assert!(!by_person(json!({"type": "AWSService", "invokedBy": "rds.amazonaws.com"})));

    let trail = Trail {
        actions: vec![
            record("ModifyDBInstance", false, ann.clone()),
            record("DescribeDBInstances", true, ann.clone()),
            record("GetSecretValue", true, ann),
            record("ModifyDBInstance", false, role("lifeboat", "x", "false")),
        ],
        is_complete: true,
    };
    let texts: Vec<String> = findings(&trail).into_iter().map(|finding| finding.text).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert_eq!(texts[0], "ann called rds:ModifyDBInstance at 2026-01-15T10:25:30Z");
    assert!(Action::of(&json!({"eventName": "x"})).is_none());
}
