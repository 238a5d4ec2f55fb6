//! The catalogue against a second transcription of the fact sheet.

use super::*;
use std::collections::BTreeSet;

/// The ids of the sheet's section 1.4, in the sheet's order and notation.
const SHEET: &[(SourceType, &str)] = &[
    (
        SourceType::DbInstance,
        "0001 0002 0086 0004 0006 0022 0221 0222 0330 0331 0396 0419 0418 0420 0013 0015 0049 0034 0050 0051 0065 0031 0035 0036 0315 \
         0278 0353 0254 0219 0220 0237 0223 0224 0306 0058 0079 0080 0081 0082 0165 0188 0279-0285 0421 0328 0329 0356 0195 0007 0089 \
         0227 0020 0021 0052 0053 0361 0362 0066 0023 0166 0019 0045 0046 0057 0062 0063 0202 0233 0357 0358 0359 0360 0415 0416 0003 \
         0005 0028 0032 0024 0025 0030 0029 0016 0067 0009-0012 0014 0017 0018 0033 0078 0092 0217 0218 0295 0296 0332-0335 0383 0026 \
         0027 0047 0155 0178 0264 0265 0398 0399 0422 0501 0502 0266-0270 0425 0429 0044 0087 0088 0154 0084 0157 0158 0189 0225 0231 \
         0403 0404 0327 0385 0390 0391 0370-0374 0131 0132 0048 0054-0056 0064 0068 0167 0191-0194 0230 0253 0297 0298 0365",
    ),
    (
        SourceType::Cluster,
        "0069 0072 0073 0071 0070 0354 0355 0083 0143 0387 0181 0182 0183 0423 0184 0185-0187 0238 0239 0240 0241 0397 0519 0170 0171 \
         0172 0150-0153 0076 0077 0085 0174 0389 0412 0424 0512 0513 0234-0236 0426 0016 0141 0142 0144-0149 0156 0173 0176 0177 0179 \
         0180 0286-0290 0363 0386 0388 0410 0411 0413 0414 0417",
    ),
    (SourceType::Snapshot, "0040 0042 0090 0091 0041 0059-0061 0196 0197 0190 0159-0161 0484 0486-0488 0043"),
    (SourceType::ClusterSnapshot, "0074 0075 0168 0169 0162-0164 0489 0491-0493"),
    (SourceType::ParameterGroup, "0037"),
    (SourceType::SecurityGroup, "0038 0039"),
    (SourceType::Proxy, "0243 0275 0203-0208 0213-0215"),
    (SourceType::BlueGreen, "0244-0252 0259-0261 0307 0308 0310 0405 0406 0409"),
    (SourceType::CustomEngineVersion, "0198 0277 0316-0320"),
];

fn ids(list: &str) -> BTreeSet<u16> {
    let number = |text: &str| text.parse::<u16>().expect("an id");
    list.split_whitespace()
        .flat_map(|item| match item.split_once('-') {
            Some((first, last)) => number(first)..=number(last),
            None => number(item)..=number(item),
        })
        .collect()
}

fn of_class(class: EventClass) -> Vec<(SourceType, u16)> {
    let entries = CATALOGUE.iter().filter(|entry| entry.class == class);
    entries.flat_map(|entry| entry.sources.iter().map(|source| (*source, entry.id))).collect()
}

fn class_of(source: SourceType, id: u16) -> EventClass {
    look_up(source, id).unwrap_or_else(|| panic!("{source} {id} is not in the catalogue")).class
}

#[test]
fn the_catalogue_holds_exactly_the_ids_of_the_sheet() {
    assert_eq!(SHEET.len(), SourceType::ALL.len());
    for (source, list) in SHEET {
        let ours: BTreeSet<u16> = CATALOGUE.iter().filter(|entry| entry.sources.contains(source)).map(|entry| entry.id).collect();
        assert_eq!(ours, ids(list), "{source}");
    }
}

#[test]
fn the_catalogue_is_sorted_and_names_each_id_once_for_each_source() {
    assert!(CATALOGUE.is_sorted_by_key(|entry| entry.id));
    let mut seen = BTreeSet::new();
    for entry in CATALOGUE {
        assert!(!entry.sources.is_empty(), "{} has no source", entry.id);
        for source in entry.sources {
            assert!(seen.insert((entry.id, *source)), "{source} {} stands twice", entry.id);
        }
    }
}

#[test]
fn every_entry_is_found_by_its_source_and_only_by_that() {
    for entry in CATALOGUE {
        for source in SourceType::ALL {
            let found = look_up(*source, entry.id);
            if entry.sources.contains(source) {
                assert_eq!(found, Some(entry));
            } else {
                assert_ne!(found, Some(entry));
            }
        }
    }
    assert_eq!(look_up(SourceType::DbInstance, 9999), None);
    assert_eq!(look_up(SourceType::Cluster, 31), None, "0031 is an event of instances");
}

#[test]
fn only_a_short_list_of_events_may_start_a_recovery() {
    let (instance, cluster) = (SourceType::DbInstance, SourceType::Cluster);
    assert_eq!(
        of_class(EventClass::Recover),
        [(instance, 7), (instance, 22), (instance, 31), (instance, 35), (cluster, 69), (instance, 221), (instance, 419), (cluster, 519)]
    );
}

#[test]
fn every_candidate_for_recovery_names_its_scenario() {
    for entry in CATALOGUE.iter().filter(|entry| entry.class == EventClass::Recover) {
        assert!(matches!(entry.hint, Hint::Scenario(_)), "{}", entry.id);
    }
}

#[test]
fn the_key_being_reachable_again_confirms_and_never_recovers() {
    assert_eq!(class_of(SourceType::DbInstance, 420), EventClass::Confirm);
    assert_eq!(class_of(SourceType::DbInstance, 418), EventClass::Alert);
    assert_eq!(class_of(SourceType::DbInstance, 419), EventClass::Recover);
}

#[test]
fn an_unknown_event_never_recovers_whatever_its_categories() {
    let categories = [
        "availability",
        "backtrack",
        "backup",
        "configuration change",
        "creation",
        "deletion",
        "failover",
        "failure",
        "global-failover",
        "low storage",
        "maintenance",
        "migration",
        "notification",
        "read replica",
        "recovery",
        "restoration",
        "security",
        "security patching",
        "serverless",
    ];
    for category in categories {
        let expected = if ["availability", "failure", "low storage"].contains(&category) { EventClass::Alert } else { EventClass::Record };
        assert_eq!(classify_unknown(&[category.to_owned()]), expected, "{category}");
    }
    assert_eq!(classify_unknown(&[]), EventClass::Record);
    assert_eq!(classify_unknown(&["Low-Storage".to_owned()]), EventClass::Alert);
    assert_eq!(classify_unknown(&["notification, failure".to_owned()]), EventClass::Alert);
    assert_eq!(classify_unknown(&["notification".to_owned(), "low_storage".to_owned()]), EventClass::Alert);
}

#[test]
fn what_somebody_else_deletes_or_stops_is_told_to_a_person() {
    for (source, id) in [(SourceType::DbInstance, 3), (SourceType::Cluster, 171)] {
        assert_eq!(
            look_up(source, id).map(|entry| (entry.class, entry.hint)),
            Some((EventClass::Alert, Hint::Scenario(Scenario::Deletion)))
        );
    }
    for (source, id) in [(SourceType::DbInstance, 87), (SourceType::Cluster, 150)] {
        assert_eq!(look_up(source, id).map(|entry| (entry.class, entry.hint)), Some((EventClass::Alert, Hint::Planned(Planned::Stop))));
    }
    assert_eq!(class_of(SourceType::Snapshot, 41), EventClass::Alert);
}

#[test]
fn every_kind_of_planned_absence_has_an_end() {
    for planned in Planned::ALL {
        let says = |hint: Hint| CATALOGUE.iter().any(|entry| entry.hint == hint);
        assert!(says(Hint::Planned(*planned)), "{planned} never starts");
        assert!(says(Hint::PlannedOver(*planned)), "{planned} never ends");
    }
}

#[test]
fn freshness_comes_from_snapshots_backups_copies_and_exports_alone() {
    use SourceType::{Cluster, ClusterSnapshot, DbInstance, Snapshot};
    let expected = [
        (DbInstance, 2),
        (Snapshot, 42),
        (Snapshot, 60),
        (ClusterSnapshot, 75),
        (Snapshot, 91),
        (Snapshot, 161),
        (ClusterSnapshot, 164),
        (ClusterSnapshot, 169),
        (Snapshot, 197),
        (Cluster, 236),
    ];
    assert_eq!(of_class(EventClass::Fresh), expected);
    for (source, id) in expected {
        let is_export = matches!(id, 161 | 164 | 236);
        assert_eq!(look_up(source, id).map(|entry| entry.hint == Hint::ExportOnly), Some(is_export), "{id}");
    }
}

#[test]
fn each_meaning_is_one_short_fragment() {
    for CatalogueEntry { id, meaning, .. } in CATALOGUE {
        assert!((10..=100).contains(&meaning.len()), "{id}: {meaning}");
        assert!(!meaning.ends_with('.') && meaning.trim() == *meaning, "{id}: {meaning}");
    }
}

#[test]
fn source_types_are_read_in_every_spelling_of_aws() {
    for source in SourceType::ALL {
        assert_eq!(SourceType::from_aws(source.wire()), Some(*source));
        assert_eq!(SourceType::from_aws(source.describe_events()), Some(*source));
        assert_eq!(SourceType::from_aws(&source.wire().to_lowercase()), Some(*source));
    }
    assert_eq!(SourceType::from_aws("SHARD_GROUP"), None);
}
