//! Events: whatever `detect` is tested with is an event as the AWS runtime's own types read it.

use crate::repo::{files, none, read};
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use serde_json::Value;

#[test]
fn every_fixture_is_an_event_bridge_event_as_the_runtimes_own_type_reads_it() {
    let whole = |path: &String| !path.contains("malformed");
    let fixtures: Vec<String> = files("tests/fixtures/events", &[".json"]).into_iter().filter(whole).collect();
    assert!(fixtures.len() > 50, "only {} fixtures", fixtures.len());
    none(fixtures.into_iter().filter_map(|path| differs(&read(&path)).map(|why| format!("{path}: {why}"))));
}

fn differs(text: &str) -> Option<String> {
    let raw: Value = serde_json::from_str(text).unwrap();
    raw.get("detail-type")?; // Else it is the input of a machine: the domain's own tests say what becomes of it.
    let event: EventBridgeEvent<Value> = match serde_json::from_str(text) {
        Ok(event) => event,
        Err(error) => return Some(error.to_string()),
    };
    let read = (event.id.as_deref(), event.source.as_str(), event.detail_type.as_str(), &event.detail);
    let wrote = (raw["id"].as_str(), raw["source"].as_str()?, raw["detail-type"].as_str()?, &raw["detail"]);
    (read != wrote).then(|| format!("read as {read:?}"))
}
