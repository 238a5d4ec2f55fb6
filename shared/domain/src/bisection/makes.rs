//! Making the plan: the ends, the classes with their prices, and what the copies are told to be.

use super::{End, Plan, PricedClass, Reply, USUAL_RESTORE, Wish};
use crate::error::DrError;
use crate::ids::PlanHash;
use crate::moments::{Finding, Looked, Search, Sureness};
use crate::observed::{Configuration, RestoreWindow};
use crate::plan::p90;
use crate::point::Manifest;
use crate::policy::Policy;
use crate::prices::{Money, Prices};
use crate::span::Span;
use crate::words::{ResourceKind, Timestamp, show_time};
use chrono::SubsecRound;
use std::collections::BTreeMap;

/// What is included in the price of a gp3 volume of 400 GiB and more: 12,000 IOPS and 500 MiB/s.
const GP3_INCLUDED: (i32, i32) = (12_000, 500);

/// Everything that a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The execution that plans.
    pub execution: &'a str,
    /// The search that it belongs to.
    pub search: &'a Search,
    /// What the data told, and the predicate on production.
    pub looked: Option<&'a Looked>,
    /// What is asked for.
    pub wish: &'a Wish,
    /// The source's configuration, of today or as it was kept.
    pub manifest: &'a Manifest,
    /// What can be restored.
    pub window: Option<RestoreWindow>,
    /// The promises.
    pub policy: &'a Policy,
    /// The prices.
    pub prices: &'a Prices,
    /// How long past recoveries took.
    pub recovery_times: &'a [Span],
    /// The groups that admit a copy's only visitor.
    pub groups: &'a [String],
}

/// Makes the plan; a refusal names what is lacking.
pub fn make(facts: Facts<'_>) -> Result<Plan, DrError> {
    let Facts { search, wish, manifest, policy, .. } = facts;
    if manifest.id.kind() != ResourceKind::RdsInstance {
        return Err(DrError::refused(format!(
            "{}: copies to be asked are made of DB instances only, and it is a {}: look for the moment without `bisect`, or restore one beside production (scenario human_error)",
            search.resource,
            manifest.id.kind().in_words()
        )));
    }
    let Some(window) = facts.window else {
        return Err(DrError::refused(format!("{}: automated backups are off or gone: no earlier moment can be restored", search.resource)));
    };
    let configuration = of_copies(&manifest.configuration, facts.groups);
    let classes = classes(facts, &configuration)?;
    let (good, bad) = ends(facts, window)?;
    let mut tags = manifest.tags.clone();
    tags.retain(|key, _| !key.starts_with("aws:") && !key.starts_with("rds:") && !key.starts_with("lifeboat:"));
    let mut plan = Plan {
        hash: PlanHash::parse("0".repeat(64))?,
        planned_by: facts.execution.to_owned(),
        resource: search.resource.clone(),
        policy: search.policy.clone(),
        planned_at: search.asked_at,
        expires_at: search.asked_at + policy.timing.approval.as_delta(),
        source: manifest.resource_id.clone(),
        secret: manifest.secret().map(str::to_owned),
        predicate: wish.predicate.clone(),
        good,
        bad,
        within: wish.within,
        copies_at_most: wish.copies_at_most,
        cost_at_most: wish.cost_at_most,
        currency: facts.prices.currency().to_owned(),
        classes,
        restore_takes: p90(facts.recovery_times).unwrap_or(USUAL_RESTORE),
        configuration,
        tags,
    };
    plan.hash = plan.hash_of()?;
    Ok(plan)
}

/// A copy serves nobody: one zone, no backups of its own, closed to the internet, and nothing that costs besides.
fn of_copies(source: &Configuration, groups: &[String]) -> Configuration {
    Configuration {
        multi_az: false,
        publicly_accessible: false,
        deletion_protection: false,
        backup_retention_days: 0,
        backup_window: None,
        log_exports: Vec::new(),
        max_allocated_storage: None,
        monitoring_interval: 0,
        monitoring_role: None,
        performance_insights: false,
        performance_insights_key: None,
        performance_insights_retention_days: None,
        dedicated_log_volume: false,
        security_groups: groups.to_vec(),
        ..source.clone()
    }
}

/// The source's class and those that the policy knows to be good enough for it, the cheapest first.
fn classes(facts: Facts<'_>, configuration: &Configuration) -> Result<Vec<PricedClass>, DrError> {
    let over = |value: Option<i32>, included| value.is_some_and(|value| value > included);
    let provisioned = match configuration.storage_type.as_deref() {
        Some("gp3") => {
            over(configuration.provisioned_iops(), GP3_INCLUDED.0) || over(configuration.provisioned_throughput(), GP3_INCLUDED.1)
        }
        _ => configuration.provisioned_iops().is_some(),
    };
    if provisioned {
        let kind = configuration.storage_type.as_deref().unwrap_or_default();
        let text = format!(
            "cost_at_most: {} has provisioned IOPS on {kind}, for which the policies know no price: a cap could not be kept",
            facts.search.resource
        );
        return Err(DrError::refused(text));
    }
    let names = std::iter::once(&configuration.class).chain(&facts.policy.fallback_classes);
    let mut lacking = Vec::new();
    let mut classes: Vec<PricedClass> = Vec::new();
    for class in names {
        match facts.prices.hour(&Configuration { class: class.clone(), ..configuration.clone() }) {
            Ok(hour) if classes.iter().all(|known| known.class != *class) => classes.push(PricedClass { class: class.clone(), hour }),
            Ok(_) => {}
            Err(name) => lacking.push(name),
        }
    }
    classes.sort_by_key(|priced| priced.hour);
    if classes.is_empty() {
        lacking.dedup();
        let text = format!("cost_at_most: the policies do not say {}: without a price no cap can be kept", lacking.join(" or "));
        return Err(DrError::refused(text));
    }
    Ok(classes)
}

/// As given, or as the narrowest proven time says, or the window of the search.
fn ends(facts: Facts<'_>, window: RestoreWindow) -> Result<(End, End), DrError> {
    let Facts { search, looked, wish, .. } = facts;
    let proven = narrowest(search, looked);
    let end = |given: Option<Timestamp>, hint: Option<Timestamp>, else_at: Timestamp, by: [&str; 3]| {
        let (at, by) = match (given, hint) {
            (Some(at), _) => (at, by[0]),
            (None, Some(at)) => (at, by[1]),
            (None, None) => (else_at, by[2]),
        };
        End { at: at.trunc_subsecs(0), seen: false, by: by.to_owned() }
    };
    let (hint_good, hint_bad) = proven.map(|finding| (finding.good_at, finding.bad_at)).unzip();
    let earliest = window.earliest.max(search.from);
    let good = end(
        wish.good_at,
        hint_good.filter(|at| *at >= window.earliest),
        earliest,
        ["as given", "as measured", "the beginning of the window"],
    );
    let mut bad = end(wish.bad_at, hint_bad.filter(|at| *at > good.at), search.to, ["as given", "as measured", "the end of the window"]);
    if good.at < window.earliest {
        let accepted = format!("a moment from {} on: nothing older can be restored", show_time(window.earliest));
        return Err(DrError::invalid("bisect.good_at", show_time(good.at), accepted));
    }
    if good.at >= bad.at {
        let accepted = format!("a moment before the bad one ({}, {})", show_time(bad.at), bad.by);
        return Err(DrError::invalid("bisect.good_at", show_time(good.at), accepted));
    }
    match looked.and_then(|looked| looked.predicate.as_ref()) {
        Some(said) if said.reply == Reply::Bad && bad.at >= search.asked_at.trunc_subsecs(0) => {
            bad = End { seen: true, by: format!("production, asked at {}", show_time(said.at)), ..bad };
        }
        Some(said) if said.reply == Reply::Good && wish.bad_at.is_none() => {
            return Err(DrError::refused(format!(
                "the predicate is true in production ({}): it does not see what went wrong, or that is mended; then give `bisect.bad_at`",
                said.text
            )));
        }
        Some(said) if said.reply == Reply::Unknown => {
            return Err(DrError::refused(format!(
                "the predicate could not be asked in production, and copies would say no more: {}",
                said.text
            )));
        }
        _ => {}
    }
    Ok((good, bad))
}

/// The narrowest time in which the data is proven to have gone wrong.
fn narrowest<'a>(search: &'a Search, looked: Option<&'a Looked>) -> Option<&'a Finding> {
    let found = search.findings.iter().chain(looked.into_iter().flat_map(|looked| &looked.findings));
    found
        .filter(|finding| finding.sureness == Sureness::Proven && search.from <= finding.bad_at && finding.good_at < search.to)
        .min_by_key(|finding| finding.bad_at - finding.good_at)
}

impl Plan {
    /// How many copies it takes if every one of them answers: halving, and one for the end that nothing but the beginning says.
    pub fn copies_needed(&self) -> u32 {
        let (mut width, within) = (Span::between(self.good.at, self.bad.at).as_secs(), self.within.as_secs().max(1));
        let mut halvings = 0;
        while width > within {
            width = width.div_ceil(2);
            halvings += 1;
        }
        let unseen = u32::from(!self.good.seen) + u32::from(!self.bad.seen);
        halvings + if halvings == 0 { unseen } else { unseen.min(1) }
    }

    /// What so many copies of one class cost until the last of them has answered, each standing from its beginning.
    pub fn cost_of(&self, copies: u32, class: &PricedClass) -> Money {
        let stands = |place: u32| class.hour.hourly_for(Span::seconds(self.restore_takes.as_secs().saturating_mul(u64::from(place))));
        (1..=copies).map(stands).fold(Money::default(), Money::plus)
    }

    /// What so many copies cost, at least and at most: all of the cheapest class, as long as RDS has it, or all of the dearest that may
    /// be taken in its place.
    pub fn costs(&self, copies: u32) -> (Money, Money) {
        let of = |class: Option<&PricedClass>| class.map_or_else(Money::default, |class| self.cost_of(copies, class));
        (of(self.classes.first()), of(self.classes.last()))
    }

    /// The plan for a person, as sentences.
    pub fn describe(&self) -> Vec<String> {
        let needed = self.copies_needed();
        let copies = needed.min(self.copies_at_most);
        let first = self.classes.first();
        let class = first.map_or("", |priced| priced.class.as_str());
        let hour = first.map(|priced| priced.hour).unwrap_or_default();
        let takes = Span::seconds(self.restore_takes.as_secs().saturating_mul(u64::from(copies)));
        let (least, most) = self.costs(copies);
        let mut told = vec![
            format!(
                "Bisecting would ask copies of {} between {} ({}) and {} ({}) whether the data was good by `{}`, until the moment is known to {}",
                self.resource,
                show_time(self.good.at),
                self.good.by,
                show_time(self.bad.at),
                self.bad.by,
                self.predicate.trim(),
                self.within
            ),
            format!(
                "It takes {needed} copies if each of them answers, one after the other, about {} each, {takes} in all; a copy is a {class} in one zone, costs {hour} {} an hour, and {copies} of them about {} {} until the last has answered",
                self.restore_takes,
                self.currency,
                least,
                self.currency
            ),
            format!(
                "It ends at {} copies or before a copy that would lead beyond {} {}, with what is known by then",
                self.copies_at_most, self.cost_at_most, self.currency
            ),
            "The copies stand and cost until you release each of them with `release`; the cap does not hold what stands afterwards. Production is not changed, and a recovery of it has the right of way".to_owned(),
            "If the predicate was true and false more than once in this time, one change of it is found, and not always the first".to_owned(),
        ];
        let (least_needed, most_needed) = self.costs(needed);
        if needed > self.copies_at_most || least_needed > self.cost_at_most {
            told.insert(3, "These caps are likely to end it before the moment is as narrow as you asked for".to_owned());
        } else if most_needed > self.cost_at_most {
            told.insert(3, "If dearer classes are taken, these caps may end it before the moment is as narrow as you asked for".to_owned());
        }
        if let Some(dearest) = self.classes.last().filter(|dearest| dearest.class != class) {
            let (dearest, hour, currency) = (&dearest.class, dearest.hour, &self.currency);
            let text = format!(
                "If RDS has no {class}, the next dearer class is taken: of {dearest}, the dearest ({hour} {currency} an hour), {copies} copies would cost about {most} {currency}"
            );
            told.insert(2, text);
        }
        told.push(format!(
            "To begin it, once and until {}, start the state machine whose name ends in `-bisect` with: {}",
            show_time(self.expires_at),
            self.paste()
        ));
        told
    }
}

/// The groups of a copy: the quarantine of its VPC, which admits `validate` alone, else those of its source.
pub fn groups(source: &Configuration, quarantine_groups: &BTreeMap<String, String>) -> Vec<String> {
    let quarantine = source.vpc.as_ref().and_then(|vpc| quarantine_groups.get(vpc));
    quarantine.map_or_else(|| source.security_groups.clone(), |group| vec![group.clone()])
}
