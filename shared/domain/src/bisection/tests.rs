use super::*;
use crate::moments::{Finding, Looked, Origin, Search, Sureness};
use crate::observed::RestoreWindow;
use crate::point::Manifest;
use crate::policy::Policy;
use crate::prices::Prices;
use crate::samples::{at, instance, policy};

/// A day before and a day of a mistake, planned at 10:25 on the second.
fn search() -> Search {
    Search {
        resource: Identity::parse("orders-db").unwrap(),
        policy: "p".into(),
        asked_at: at(0),
        from: at(-86_400),
        to: at(0),
        tables: Vec::new(),
        check: None,
        checks_passed_at: None,
        target: None,
        fingerprints: Vec::new(),
        findings: Vec::new(),
        notes: Vec::new(),
        bisect: None,
    }
}

fn wish() -> Wish {
    let (copies_at_most, cost_at_most) = (12, Money::parse("cost", "100").unwrap());
    Wish { predicate: "SELECT true".into(), good_at: None, bad_at: None, within: Span::minutes(5), copies_at_most, cost_at_most }
}

fn prices() -> Prices {
    let hours = [("db.m6g.large", "0.158"), ("db.t4g.large", "0.065")];
    Prices {
        currency: None,
        instance_hour: hours.map(|(class, price)| (class.to_owned(), price.to_owned())).into(),
        storage_gib_month: [("gp3".to_owned(), "0.115".to_owned())].into(),
    }
}

fn manifest() -> Manifest {
    let mut manifest = Manifest::of(&instance("available"), at(0));
    (manifest.configuration.storage_type, manifest.configuration.allocated_storage) = (Some("gp3".into()), Some(100));
    manifest
}

/// Asks for a plan after the facts were changed.
fn planned(change: impl FnOnce(&mut Search, &mut Wish, &mut Manifest, &mut Looked, &mut Policy)) -> Result<Plan, DrError> {
    let (mut search, mut wish, mut manifest, mut looked) = (search(), wish(), manifest(), Looked::default());
    looked.predicate = Some(Answered { reply: Reply::Bad, at: at(1), text: "the predicate is false".into() });
    let mut policy = policy("fallback_classes: [db.t4g.large, db.x2g.large]");
    change(&mut search, &mut wish, &mut manifest, &mut looked, &mut policy);
    make(Facts {
        execution: "an execution",
        search: &search,
        looked: Some(&looked),
        wish: &wish,
        manifest: &manifest,
        window: Some(RestoreWindow { earliest: at(-600_000), latest: at(-300) }),
        policy: &policy,
        prices: &prices(),
        recovery_times: &[],
        groups: &groups(&manifest.configuration, &BTreeMap::new()),
    })
}

fn plan() -> Plan {
    planned(|_, _, _, _, _| ()).unwrap()
}

/// Plays a search in which a copy says what `says` of its moment; answers it and how it ended.
fn played(plan: Plan, says: impl Fn(Timestamp) -> Reply) -> (Bisection, String) {
    let mut bisection = Bisection::of(plan);
    for copies in 0..100 {
        let now = at(i64::from(copies) * 600);
        match next(&bisection, now) {
            Move::Over(why) => return (bisection, why),
            Move::Copy(moment, class) => {
                bisection.add_copy(moment, class, now).unwrap();
                let copy = bisection.copies.last_mut().unwrap();
                (copy.exists, copy.ready_at) = (true, Some(now + chrono::TimeDelta::minutes(9)));
                copy.answer = Some(Answered { reply: says(moment), at: now, text: "so it said".into() });
            }
        }
    }
    panic!("it goes on for ever: {:?}", Known::of(&bisection));
}

#[test]
fn every_moment_of_a_day_is_found_within_the_planned_number_of_copies() {
    let plan = plan();
    assert_eq!(plan.copies_needed(), 10, "a day in five minutes is nine halvings, and one for the end that nobody has seen");
    for second in (-86_399..0).step_by(1_733) {
        let mistake = at(second);
        let (bisection, why) = played(plan.clone(), |moment| if moment < mistake { Reply::Good } else { Reply::Bad });
        let known = Known::of(&bisection);
        assert!(known.good.at < mistake && mistake <= known.bad.at && known.width() <= plan.within, "{mistake}: {known:?} {why}");
        assert!(known.good.seen && known.bad.seen, "{known:?}");
        assert!(bisection.copies.len() <= 10, "{mistake}: {}", bisection.copies.len());
        let concluded = conclude(&bisection, at(7200));
        assert_eq!((concluded.outcome, concluded.input.unwrap().restore_to), (Outcome::Found, Some(known.good.at)));
        let names: std::collections::BTreeSet<&str> = bisection.copies.iter().map(|copy| copy.instance.as_str()).collect();
        assert_eq!(names.len(), bisection.copies.len(), "every copy has a name of its own");
    }
}

#[test]
fn the_cheapest_class_that_has_a_price_is_taken_and_one_that_has_none_is_not() {
    let classes = plan().classes;
    let names: Vec<&str> = classes.iter().map(|priced| priced.class.as_str()).collect();
    assert_eq!(names, ["db.t4g.large", "db.m6g.large"]);
    let lacking = planned(|_, _, manifest, _, policy| {
        manifest.configuration.class = "db.r7g.large".into();
        policy.fallback_classes.clear();
    });
    assert!(lacking.unwrap_err().to_string().contains("prices.instance_hour.db.r7g.large"));
    let provisioned = planned(|_, _, manifest, _, _| {
        (manifest.configuration.storage_type, manifest.configuration.iops) = (Some("io2".into()), Some(3000));
    });
    assert!(provisioned.unwrap_err().to_string().contains("provisioned IOPS"));
}

#[test]
fn a_copy_is_small_closed_and_never_looks_protected() {
    let plan = plan();
    let settings = plan.settings(&plan.classes[0]);
    let it = &settings.configuration;
    assert!(!it.multi_az && !it.publicly_accessible && !it.deletion_protection && it.backup_retention_days == 0);
    assert_eq!(settings.tags.keys().map(String::as_str).collect::<Vec<_>>(), ["lifeboat:search", "team"]);
    assert_eq!(settings.tags["lifeboat:search"], plan.hash.to_string());
}

#[test]
fn the_hash_covers_everything_that_is_done_and_no_two_plans_have_one() {
    let hashes: std::collections::BTreeSet<String> = [
        plan(),
        planned(|_, wish, _, _, _| wish.predicate = "SELECT false".into()).unwrap(),
        planned(|_, wish, _, _, _| wish.copies_at_most = 11).unwrap(),
        planned(|_, wish, _, _, _| wish.cost_at_most = Money::parse("cost", "99").unwrap()).unwrap(),
        planned(|_, wish, _, _, _| wish.good_at = Some(at(-4000))).unwrap(),
        planned(|_, wish, _, _, _| wish.within = Span::minutes(4)).unwrap(),
        planned(|_, _, manifest, _, _| manifest.resource_id = "db-OTHER".into()).unwrap(),
        planned(|search, _, _, _, _| search.asked_at = at(1)).unwrap(),
    ]
    .map(|plan| plan.hash.to_string())
    .into();
    assert_eq!(hashes.len(), 8);
    assert_eq!(plan().hash, plan().hash);
}

#[test]
fn what_is_proven_narrows_the_beginning() {
    let found = |from, to| Finding::between(Origin::Fingerprints, Sureness::Proven, (at(from), at(to)), "rows are gone");
    let plan = planned(|search, _, _, looked, _| {
        search.findings = vec![found(-50_000, -1_000)];
        looked.findings = vec![found(-20_000, -10_000)];
    })
    .unwrap();
    assert_eq!((plan.good.at, plan.bad.at), (at(-20_000), at(-10_000)));
    assert_eq!(plan.good.by, "as measured");
}

#[test]
fn money_is_counted_from_each_copys_beginning_and_what_stands_goes_on_costing() {
    let mut plan = plan();
    plan.classes.truncate(1);
    plan.classes[0].hour = Money::parse("hour", "1").unwrap();
    plan.cost_at_most = Money::parse("cost", "3").unwrap();
    assert_eq!(plan.cost_of(3, &plan.classes[0]).to_string(), "6.00", "one for an hour, one for two, one for three");
    let mut bisection = Bisection::of(plan);
    assert_eq!(why_not_now(&bisection, at(0)), None);
    for _ in 0..2 {
        bisection.add_copy(at(-500), bisection.plan.classes[0].clone(), at(0)).unwrap();
    }
    assert_eq!(bisection.spent(at(1800)).to_string(), "1.00");
    assert!(why_not_now(&bisection, at(0)).is_none(), "three more hours are three more coins");
    let why = why_not_now(&bisection, at(60)).unwrap();
    assert!(why.contains("beyond cost_at_most, which is 3.00"), "{why}");
}

#[test]
fn what_cannot_be_asked_is_gone_round_and_three_of_it_end_the_search() {
    let hole = at(-43_200);
    let mistake = at(-30_000);
    let says = |moment: Timestamp| match () {
        () if moment == hole => Reply::Unknown,
        () if moment < mistake => Reply::Good,
        () => Reply::Bad,
    };
    let (bisection, _) = played(plan(), says);
    assert_eq!(bisection.copies[0].moment, hole);
    let known = Known::of(&bisection);
    assert!(known.good.at < mistake && mistake <= known.bad.at && known.width() <= Span::minutes(5), "{known:?}");
    let (bisection, why) = played(plan(), |_| Reply::Unknown);
    assert!(why.contains("3 copies could not be asked") && bisection.copies.len() == 3, "{why}");
}

#[test]
fn ends_that_are_not_what_they_were_said_to_be_are_a_contradiction() {
    let (bisection, why) = played(plan(), |_| Reply::Bad);
    assert!(why.contains("is bad at 2026-01-14T10:25:00Z already"), "{why}");
    assert_eq!(conclude(&bisection, at(0)).outcome, Outcome::Contradicted);
    let (bisection, why) = played(planned(|_, wish, _, _, _| wish.bad_at = Some(at(-100))).unwrap(), |_| Reply::Good);
    assert!(why.contains("is still good at 2026-01-15T10:23:20Z"), "{why}");
    assert!(conclude(&bisection, at(0)).input.is_none());
}

#[test]
fn the_most_that_a_plan_may_cost_is_told_with_the_dearest_class_that_may_be_taken() {
    let mut plan = plan();
    for (priced, hour) in plan.classes.iter_mut().zip(["1", "4"]) {
        priced.hour = Money::parse("hour", hour).unwrap();
    }
    plan.copies_at_most = 3;
    let (least, most) = plan.costs(3);
    assert_eq!((least.to_string().as_str(), most.to_string().as_str()), ("6.00", "24.00"));
    let told = plan.describe();
    assert!(told[1].contains("a copy is a db.t4g.large") && told[1].contains("3 of them about 6.00 USD"), "{}", told[1]);
    assert!(told[2].contains("of db.m6g.large, the dearest (4.00 USD an hour), 3 copies would cost about 24.00 USD"), "{}", told[2]);
    (plan.copies_at_most, plan.cost_at_most) = (12, plan.costs(plan.copies_needed()).0);
    assert!(plan.describe().iter().any(|it| it.starts_with("If dearer classes are taken, these caps may end it")), "{:?}", plan.describe());
    plan.classes.truncate(1);
    assert!(!plan.describe().iter().any(|it| it.contains("dearer") || it.contains("dearest")), "{:?}", plan.describe());
}

fn begun() -> Bisection {
    let begun = Begun { execution: "an execution".into(), at: at(0), claimed_by: None, reason: None };
    Bisection { begun: Some(begun), ..Bisection::of(plan()) }
}

#[test]
fn however_short_the_poll_a_days_turns_leave_much_of_the_history_to_repeated_steps() {
    const EVENTS_OF_A_TURN: u64 = 9;
    for poll in [1, 5, 30, 240] {
        let bisection = begun();
        let (mut second, mut turns) = (0, 0);
        while bisection.why_too_long(at(second)).is_none() {
            let wait = bisection.look_again_in(Span::seconds(poll), at(second)).as_secs();
            assert!((poll..=poll.max(432)).contains(&wait), "{wait}");
            (second, turns) = (second + i64::try_from(wait).unwrap(), turns + 1);
        }
        assert!(turns * EVENTS_OF_A_TURN < 14_000, "{poll}: {turns}");
        assert!(second < 25 * 3600, "its last look lies well before the machine's own time-out of 26 h: {second}");
    }
    assert_eq!(begun().look_again_in(Span::seconds(30), at(3600)), Span::seconds(30), "an hour's search looks as often as the policy says");
}

#[test]
fn a_shorter_hold_takes_nothing_from_a_longer_one_and_what_has_ended_is_not_held() {
    let mut bisection = begun();
    bisection.hold(at(900));
    bisection.hold(at(300));
    assert!(bisection.is_running(at(899)) && !bisection.is_running(at(900)));
    bisection.end(at(10), "enough");
    bisection.held_until = None;
    bisection.hold(at(900));
    assert_eq!(bisection.held_until, None);
}
