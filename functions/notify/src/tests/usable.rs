//! Available, and usable: two times, where a volume is loaded lazily.

use super::fixture::{INCIDENT, World, incident_id, mistake, recovered, restored, time};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::incident::Phase;
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::{Plan, Remedy};
use lifeboat_domain::warm_up::{Part, PartKind, Parts, WarmUp, WarmUpEnd};
use serde_json::Value;

/// Rows to their end, an index to its half, a table that there is not.
fn warm_up(ended: Option<(WarmUpEnd, &str)>) -> WarmUp {
    let mut rows = Part::new("public.orders", PartKind::Rows, "16384", 3 << 30);
    rows.finish();
    let mut index = Part::new("public.orders", PartKind::Index, "16390", 1 << 30);
    index.advance("65536", 1 << 29);
    let mut carts = Part::new("public.carts", PartKind::Rows, "16400", 1 << 20);
    carts.finish();
    let mut warm_up = WarmUp::begin(restored().id, time("10:38:20"));
    let notes = vec!["orders-db-r7c21d0aa:5432 has no relation public.nothing".to_owned()];
    warm_up.list = Some(Parts { parts: vec![rows, index, carts], notes });
    warm_up.ended = ended.map(|(end, at)| (end, time(at)));
    warm_up
}

/// The report as JSON, Markdown and HTML.
async fn report(world: &World, outcome: &str) -> (Value, String, String) {
    world.close(outcome, Value::Null).await.unwrap();
    let page = |ending: &str| world.object(&format!("reports/orders-db/{INCIDENT}/{outcome}-1.{ending}"));
    (world.report(outcome), page("md"), page("html"))
}

#[tokio::test]
async fn both_times_stand_beside_each_other_and_the_warm_up_counts_to_the_second() {
    let world = recovered();
    world.put(keys::warm_up(&incident_id()), &warm_up(Some((WarmUpEnd::TimeOver, "10:38:28"))));
    world.tell("10:38:28", Phase::WarmUp, "the warm-up of orders-db-r7c21d0aa ended");
    let (facts, markdown, html) = report(&world, "recovered").await;
    assert_eq!((facts["available"]["seconds"].as_u64(), facts["usable"]["seconds"].as_u64()), (Some(460), Some(508)), "{facts:#}");
    for page in [&markdown, &html] {
        assert!(page.contains("Time to available") && page.contains("7 min 40 s from the first signal"), "{page}");
        assert!(page.contains("Time to usable") && page.contains("8 min 28 s from the first signal"), "{page}");
        assert!(page.contains("public.orders") && page.contains("4.0 GiB") && page.contains("3.5 GiB"), "{page}");
        assert!(page.contains("has no relation public.nothing"), "what was not read is named: {page}");
        assert!(page.contains("its time was over"), "{page}");
    }
    assert!(markdown.contains("(available after 7 min 40 s, usable after 8 min 28 s)"), "{markdown}");
    let phases: Vec<&str> = facts["phases"].as_array().unwrap().iter().filter_map(|phase| phase["phase"].as_str()).collect();
    assert!(phases.contains(&"warm_up"), "timed apart: {phases:?}");
}

#[tokio::test]
async fn without_a_warm_up_it_is_usable_when_it_was_validated() {
    let (facts, markdown, _) = report(&recovered(), "recovered").await;
    assert_eq!(facts["usable"]["seconds"].as_u64(), Some(495), "{facts:#}");
    assert!(facts["warm_up"].is_null() && !markdown.contains("Warm-up"));
    let (facts, ..) = report(&mistake(), "restored_beside").await;
    assert_eq!((facts["available"]["seconds"].as_u64(), facts["usable"]["seconds"].as_u64()), (Some(460), Some(495)), "beside, too");
}

#[tokio::test]
async fn what_broke_off_while_it_was_read_or_did_not_pass_is_not_called_usable() {
    let world = recovered();
    world.put(keys::warm_up(&incident_id()), &warm_up(None));
    let (facts, markdown, _) = report(&world, "interrupted").await;
    assert!(facts["usable"].is_null(), "{facts:#}");
    assert!(markdown.contains("did not end"), "{markdown}");
    let (facts, ..) = report(&recovered(), "held_by_validation").await;
    assert!(facts["usable"].is_null() && facts["available"]["seconds"].is_number(), "{facts:#}");
}

#[tokio::test]
async fn another_copys_warm_up_and_a_promoted_replica_have_no_part_in_it() {
    let world = recovered();
    let of_another = WarmUp { target: DatabaseId::parse("orders-db-rother").unwrap(), ..warm_up(None) };
    world.put(keys::warm_up(&incident_id()), &of_another);
    let (facts, ..) = report(&world, "recovered").await;
    assert_eq!(facts["usable"]["seconds"].as_u64(), Some(495), "{facts:#}");
    let promoted = recovered();
    let hash = promoted.incident().plan.unwrap();
    promoted.change(keys::plan(&incident_id(), &hash), |plan: &mut Plan| plan.remedy = Some(Remedy::PromoteReplica));
    let (facts, markdown, _) = report(&promoted, "recovered").await;
    assert!(facts["available"].is_null() && !markdown.contains("Time to available"), "{facts:#}");
}
