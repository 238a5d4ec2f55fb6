use super::*;
use crate::policy::PolicyDocument;

fn refused(rule: &str) -> String {
    let yaml = format!("version: 1\npolicies:\n  gold:\n    warm_up: {rule}\n");
    PolicyDocument::from_yaml(&yaml).unwrap_err().to_string()
}

fn accepted(rule: &str) -> Option<WarmUpRule> {
    let yaml = format!("version: 1\npolicies:\n  gold:\n    warm_up: {rule}\n");
    PolicyDocument::from_yaml(&yaml).unwrap().policy("gold").unwrap().warm_up.clone()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn warm_up() -> WarmUp {
    let mut warm_up = WarmUp::begin(DatabaseId::parse("orders-db-r1").unwrap(), at("2026-01-15T10:00:00Z"));
    let rows = Part::new("public.orders", PartKind::Rows, "16384", 3 << 30);
    let index = Part::new("public.orders", PartKind::Index, "16390", 1 << 30);
    warm_up.list = Some(Parts { parts: vec![rows, index], notes: Vec::new() });
    warm_up
}

#[test]
fn a_policy_that_asks_for_no_warm_up_gets_none() {
    let document = PolicyDocument::from_yaml("version: 1\npolicies:\n  plain: {}\n").unwrap();
    assert_eq!(document.policy("plain").unwrap().warm_up, None);
    let rule = accepted("{relations: [public.orders, public.carts], largest: 10, at_most: 30m}").unwrap();
    assert_eq!((rule.relations.len(), rule.largest, rule.at_most), (2, 10, Span::minutes(30)));
}

#[test]
fn a_warm_up_that_cannot_be_meant_is_refused_by_field_with_what_is_accepted() {
    for (rule, field, accepted) in [
        ("{at_most: 10m}", "policies.gold.warm_up:", "relations, or largest above zero"),
        ("{largest: 51, at_most: 10m}", "policies.gold.warm_up.largest", "0 to 50"),
        ("{largest: 1, at_most: 0s}", "policies.gold.warm_up.at_most", "1s to 4 h"),
        ("{largest: 1, at_most: 5h}", "policies.gold.warm_up.at_most", "1s to 4 h"),
        ("{relations: [orders], at_most: 10m}", "policies.gold.warm_up.relations", "schema.table"),
        ("{relations: [a.b.c], at_most: 10m}", "policies.gold.warm_up.relations", "schema.table"),
        ("{relations: ['public.o;DROP'], at_most: 10m}", "policies.gold.warm_up.relations", "schema.table"),
        ("{relations: [a.b, a.b], at_most: 10m}", "policies.gold.warm_up.relations", "each relation once"),
    ] {
        let error = refused(rule);
        assert!(error.contains(field) && error.contains(accepted), "{rule}: {error}");
    }
    assert!(refused("{largest: 1}").contains("at_most"), "how long clients may wait, only the author knows");
    let error = refused("{largest: 1, at_least: 10m}");
    assert!(error.contains("at_least") && error.contains("line 4") && error.contains("at_most"), "{error}");
}

#[test]
fn a_part_never_says_that_more_was_read_than_there_is() {
    let mut part = Part::new("public.orders", PartKind::Rows, "16384", 100);
    part.tries = 3;
    part.advance("1", 60);
    assert_eq!((part.read, part.tries), (60, 0), "what goes on may time out again");
    part.advance("2", 60);
    assert_eq!((part.read, part.state), (100, PartState::Waiting), "the size is of before");
    part.finish();
    assert_eq!(part.state, PartState::Read);
}

#[test]
fn its_time_counts_from_its_beginning_and_then_it_is_over() {
    let warm_up = warm_up();
    assert_eq!(warm_up.left(Span::minutes(10), at("2026-01-15T10:04:00Z")), Some(Span::minutes(6)));
    assert_eq!(warm_up.left(Span::minutes(10), at("2026-01-15T10:10:00Z")), None);
    assert_eq!(warm_up.left(Span::minutes(10), at("2026-01-15T12:00:00Z")), None);
}

#[test]
fn it_ends_when_every_part_is_done_with_and_says_what_could_not_be_read() {
    let mut warm_up = warm_up();
    assert_eq!(WarmUp { list: None, ..warm_up.clone() }.all_done(), None, "nobody has looked what there is");
    assert_eq!(warm_up.all_done(), None);
    warm_up.list.as_mut().unwrap().parts[0].finish();
    assert_eq!(warm_up.all_done(), None);
    let end = at("2026-01-15T10:07:30Z");
    let mut skipped = warm_up.clone();
    skipped.list.as_mut().unwrap().parts[1].skip("permission denied");
    assert_eq!(skipped.all_done(), Some(WarmUpEnd::Partial));
    skipped.ended = Some((WarmUpEnd::Partial, end));
    assert_eq!(
        skipped.sentence(None),
        "the warm-up of orders-db-r1 read 3.0 GiB of 4.0 GiB, 1 of 2 parts of 1 relation to their end, in 7 min 30 s: the rest cannot be read: \
         the entries of an index of public.orders were not read to their end: permission denied"
    );
    warm_up.ended = Some((WarmUpEnd::TimeOver, end));
    assert!(
        warm_up.sentence(Some(Span::minutes(7))).contains("its time of 7 min was over"),
        "{}",
        warm_up.sentence(Some(Span::minutes(7)))
    );
    warm_up.list.as_mut().unwrap().parts[1].finish();
    assert_eq!(warm_up.all_done(), Some(WarmUpEnd::Complete));
}

#[test]
fn only_what_was_made_from_a_snapshot_is_lazy_and_aurora_is_not() {
    for remedy in Remedy::ALL {
        let restores = matches!(remedy, Remedy::RestoreLatest | Remedy::RestoreToTime | Remedy::RestoreSnapshot);
        assert_eq!(is_lazy(Some(*remedy), Some("postgres")), restores, "{remedy}");
        assert!(!is_lazy(Some(*remedy), Some("aurora-postgresql")), "{remedy}");
    }
    assert!(!is_lazy(None, Some("postgres")));
}

#[test]
fn sizes_read_as_people_write_them() {
    let sizes = [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (16 << 20, "16.0 MiB"), (3_650_722_201, "3.3 GiB"), (5 << 40, "5.0 TiB")];
    for (bytes, text) in sizes {
        assert_eq!(size(bytes), text);
    }
    assert_eq!(size(u64::MAX), "16777215.9 TiB");
}
