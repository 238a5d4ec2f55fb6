//! The drawn report among strangers: nothing that others wrote has an effect on the page.

use super::fixture::{EXECUTION, INCIDENT, World, incident_id, recovered, resource, time};
use super::stories::moved_back_in_time;
use lifeboat_domain::acting::{CutOver, Fence, TargetMove};
use lifeboat_domain::incident::{Incident, Phase};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::Plan;
use lifeboat_domain::point::Difference;
use lifeboat_domain::validation::{Check, KeyRanges, SideDifference, TableDifference, Validation};
use lifeboat_domain::words::Grade;
use serde_json::json;

const HOSTILE: &str =
    "</title></svg></pre><script>alert('1')</script><img src=x onerror=\"alert(1)\"> [go](javascript:alert(1)) ]]> &lt;b&gt; **x** `y`";

/// Tags that the page is made of.
const TAGS: &str = "!doctype html head meta title style body a header main footer nav section h1 h2 h3 p span strong code time pre \
    ul ol li dl dt dd div figure figcaption svg desc line text rect circle table thead tbody tr th td";
const ATTRIBUTES: &str = "html lang charset name content http-equiv class href rel id role scope datetime data-label aria-hidden aria-label \
    aria-labelledby width height x y x1 x2 y1 y2 cx cy r rx dx text-anchor";

/// The names of a tag's attributes; what stands in quotes is none.
fn attributes(inside: &str) -> Vec<String> {
    let unquoted: String = inside.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    unquoted.split_whitespace().skip(1).map(|name| name.trim_end_matches(['=', '/']).to_owned()).filter(|name| !name.is_empty()).collect()
}

fn is_in(names: &str, name: &str) -> bool {
    names.split_whitespace().any(|known| known == name)
}

/// Every `<` begins a tag of ours, with attributes of ours, and every tag ends.
fn is_ours(page: &str) {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    for part in [before, after] {
        for tag in part.split('<').skip(1) {
            let (inside, text) = tag.split_once('>').unwrap_or_else(|| panic!("no end of <{tag}"));
            let name = inside.trim_start_matches('/').split([' ', '/']).next().unwrap();
            assert!(is_in(TAGS, name), "<{inside}>");
            assert!(!text.contains('>'), "{text}");
            assert_eq!(inside.matches('"').count() % 2, 0, "<{inside}>");
            for attribute in attributes(inside) {
                assert!(is_in(ATTRIBUTES, &attribute), "{attribute} in <{inside}>");
            }
        }
    }
    let targets = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for target in targets {
        assert!(target.starts_with('#') || target.starts_with("https://eu-central-1.console.aws.amazon.com/"), "{target}");
    }
}

fn differing(hostile: &str) -> SideDifference {
    let keys = || KeyRanges { count: 2, ranges: vec![(hostile.to_owned(), hostile.to_owned())] };
    let table = TableDifference {
        table: hostile.to_owned(),
        source_rows: 1,
        restored_rows: 2,
        only_restored: keys(),
        only_source: keys(),
        changed: keys(),
        sampled: false,
    };
    SideDifference { at: time("10:38:20"), tables: vec![table] }
}

/// Others' words wherever others' words can stand.
fn spoil(world: &World, hostile: &str) {
    let id = incident_id();
    let said = || hostile.to_owned();
    world.change_incident(|incident: &mut Incident| {
        incident.policy = said();
        incident.source.secret = Some(said());
        incident.source.database = Some(said());
        for signal in &mut incident.signals {
            signal.source = said();
            signal.text = said();
        }
    });
    for (second, phase) in ["31", "32", "33", "34"].iter().zip([Phase::Judge, Phase::Act, Phase::Fence, Phase::Close]) {
        world.tell(&format!("10:30:{second}"), phase, hostile);
    }
    let checks = Grade::ALL.iter().map(|grade| Check::new(hostile, *grade, hostile)).collect();
    world.put(keys::validation(&id), &Validation { at: time("10:38:15"), checks, newest_data: None, write_mark: None });
    world.put(keys::difference(&id), &differing(hostile));
    world.put(keys::configuration(&id), &[Difference { setting: said(), source: said(), restored: said() }]);
    world.change(keys::fence(&id), |fence: &mut Fence| {
        fence.text = said();
        fence.group = Some(said());
        fence.groups_before = vec![said()];
    });
    world.change(keys::cut_over(&id), |cut_over: &mut CutOver| {
        for target in &mut cut_over.targets {
            target.text = said();
            if let TargetMove::Secret { secret, before, after, .. } = &mut target.moves {
                (*secret, before.host, after.host) = (said(), said(), said());
            }
        }
    });
    let hash = world.incident().plan.unwrap();
    world.change(keys::plan(&id, &hash), |plan: &mut Plan| {
        plan.reason = said();
        plan.risks = vec![said()];
        plan.guidance = vec![said()];
        for call in &mut plan.calls {
            call.why = said();
        }
        for option in &mut plan.options {
            option.reason = said();
            option.forecast.risk = said();
            option.forecast.cost = said();
            option.forecast.rto_evidence = said();
        }
    });
}

#[tokio::test]
async fn what_others_wrote_stays_text_wherever_it_stands() {
    for world in [recovered(), moved_back_in_time()] {
        spoil(&world, HOSTILE);
        let failure = json!({"error": HOSTILE, "cause": HOSTILE, "state": HOSTILE});
        world
            .step(json!({"step": "close", "incident": INCIDENT, "execution": EXECUTION, "outcome": "recovered", "failure": failure, "reason": HOSTILE}))
            .await
            .unwrap();
        let page = world.object(&format!("reports/{}/{INCIDENT}/recovered-1.html", resource()));
        is_ours(&page);
        assert!(page.matches("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;").count() > 30, "{page}");
        assert!(page.contains("&amp;lt;b&amp;gt;"), "an entity stays what was written");
    }
}

#[tokio::test]
async fn every_grade_is_a_word_and_not_only_a_colour() {
    let world = recovered();
    spoil(&world, "plain");
    world.close("recovered", json!(null)).await.unwrap();
    let page = world.object(&format!("reports/orders-db/{INCIDENT}/recovered-1.html"));
    for grade in Grade::ALL {
        assert!(page.contains(&format!("</span>{grade}</span>")), "{grade}");
    }
}

#[tokio::test]
async fn the_page_is_alone_and_tells_the_browser_so() {
    let world = recovered();
    world.close("recovered", json!(null)).await.unwrap();
    let page = world.object(&format!("reports/orders-db/{INCIDENT}/recovered-1.html"));
    is_ours(&page);
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"), "{page}");
    assert!(page.contains("default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;"), "{page}");
    assert!(!page.contains("url(") && !page.contains("@import"), "{page}");
    let order =
        ["In short", "Next steps", "Timeline", "Checks", "Plan against calls", "Difference of the two sides", "Tell your IaC", "Evidence"];
    let places: Vec<Option<usize>> = order.iter().map(|title| page.find(&format!(">{title}</h"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
}
