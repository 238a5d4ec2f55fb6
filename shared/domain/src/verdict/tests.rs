//! Evidence of every kind, and what it comes to.

use super::*;
use crate::incident::{Answered, Signal};
use crate::samples::{at, incident, instance, policy, probe};
use crate::words::Plane;

fn verdict(status: &str, outcome: ProbeOutcome, change: impl Fn(&mut Incident), now: i64) -> Judgement {
    let mut incident = incident();
    incident.scenario = None;
    change(&mut incident);
    let (observed, probe, policy) = (instance(status), probe(outcome), policy("mode: automatic"));
    judge(Evidence {
        now: at(now),
        observed: Some(&observed),
        mistaken: None,
        fenced: false,
        before_cut_over: false,
        probe: Some(&probe),
        incident: &incident,
        policy: &policy,
    })
}

#[test]
fn what_serves_and_answers_is_healthy_whatever_the_event_said() {
    assert_eq!(verdict("available", ProbeOutcome::Answers, |_| {}, 10).verdict, Verdict::Healthy);
    assert_eq!(verdict("storage-optimization", ProbeOutcome::Answers, |_| {}, 10).verdict, Verdict::Healthy);
}

#[test]
fn a_full_volume_that_autoscaling_may_grow_is_left_to_it_for_a_while() {
    let (policy, mut incident) = (policy("mode: automatic"), incident());
    incident.scenario = None;
    let full = |limit, now| {
        let mut observed = instance("storage-full");
        observed.configuration.allocated_storage = Some(100);
        observed.configuration.max_allocated_storage = limit;
        let (probe, incident, policy) = (probe(ProbeOutcome::NoAnswer), &incident, &policy);
        let (mistaken, fenced, before_cut_over) = (None, false, false);
        let observed = Some(&observed);
        judge(Evidence { now: at(now), observed, mistaken, fenced, before_cut_over, probe: Some(&probe), incident, policy }).verdict
    };
    assert_eq!(full(Some(1000), 60), Verdict::SelfHealing);
    assert_eq!(full(Some(1000), 15 * 60), Verdict::Failed, "it had its time");
    assert_eq!(full(Some(100), 60), Verdict::Failed, "its limit is reached");
    assert_eq!(full(None, 60), Verdict::Failed, "it is switched off");
}

#[test]
fn one_silent_probe_makes_a_suspect_and_three_leave_aws_its_grace() {
    let silent = |probes| {
        move |incident: &mut Incident| {
            incident.failed_probes = probes;
            incident.unreachable_since = Some(at(0));
        }
    };
    assert_eq!(verdict("available", ProbeOutcome::NoAnswer, silent(1), 10).verdict, Verdict::Suspect);
    assert_eq!(verdict("available", ProbeOutcome::NoAnswer, silent(3), 30).verdict, Verdict::SelfHealing);
    let failed = verdict("available", ProbeOutcome::NoAnswer, silent(3), 151);
    assert_eq!((failed.verdict, failed.scenario), (Verdict::Failed, Some(Scenario::Hung)));
}

#[test]
fn silence_after_an_announced_failover_is_an_az_outage() {
    let announced = |incident: &mut Incident| {
        incident.failed_probes = 9;
        incident.unreachable_since = Some(at(0));
        incident.signals.push(Signal {
            at: at(0),
            plane: Plane::ControlPlane,
            source: "RDS-EVENT-0013".into(),
            text: "failover started".into(),
        });
    };
    assert_eq!(verdict("available", ProbeOutcome::Unreachable, announced, 151).scenario, Some(Scenario::AzOutage));
}

#[test]
fn a_terminal_status_fails_at_once_unless_the_database_answers() {
    let failed = verdict("failed", ProbeOutcome::Unreachable, |_| {}, 10);
    assert_eq!((failed.verdict, failed.scenario), (Verdict::Failed, Some(Scenario::InstanceFailure)));
    assert_eq!(verdict("failed", ProbeOutcome::Answers, |_| {}, 10).verdict, Verdict::Unknown);
}

#[test]
fn ignorance_is_never_an_outage() {
    for outcome in [ProbeOutcome::LoginRefused, ProbeOutcome::TooManyConnections, ProbeOutcome::CouldNotRun] {
        let many = |incident: &mut Incident| incident.failed_probes = 99;
        assert_eq!(verdict("available", outcome, many, 100_000).verdict, Verdict::Unknown, "{outcome}");
    }
    assert_eq!(verdict("a-new-word-of-aws", ProbeOutcome::Unreachable, |_| {}, 100_000).verdict, Verdict::Unknown);
}

#[test]
fn no_status_ever_fails_a_database_that_answers_and_writes() {
    for status in ["available", "backing-up", "modifying", "rebooting", "failed", "stopped", "deleting", "what-is-this"] {
        assert_ne!(verdict(status, ProbeOutcome::Answers, |_| {}, 100_000).verdict, Verdict::Failed, "{status}");
    }
}

#[test]
fn a_stopped_database_is_planned_and_a_changing_one_is_left_to_rds() {
    assert_eq!(verdict("stopped", ProbeOutcome::Unreachable, |_| {}, 10).verdict, Verdict::Planned);
    assert_eq!(verdict("rebooting", ProbeOutcome::Unreachable, |_| {}, 10).verdict, Verdict::SelfHealing);
    assert_eq!(verdict("rebooting", ProbeOutcome::Unreachable, |_| {}, 100_000).verdict, Verdict::Unknown);
}

#[test]
fn a_person_who_names_an_outage_of_a_healthy_database_is_not_believed_but_may_see_the_plan() {
    let asks = |run| {
        move |incident: &mut Incident| {
            incident.request.by_person = true;
            incident.request.run = run;
            incident.request.scenario = Some(Scenario::InstanceFailure);
        }
    };
    assert_eq!(verdict("available", ProbeOutcome::Answers, asks(Run::Execute), 10).verdict, Verdict::Healthy);
    assert_eq!(verdict("available", ProbeOutcome::Answers, asks(Run::Plan), 10).verdict, Verdict::Failed);
}

#[test]
fn silence_of_what_no_probe_ever_reached_or_reached_another_way_is_unknown() {
    let silent = |answered: Option<Answered>| {
        move |incident: &mut Incident| {
            incident.failed_probes = 9;
            incident.answered.clone_from(&answered);
        }
    };
    let never = verdict("available", ProbeOutcome::NoAnswer, silent(None), 100_000);
    assert_eq!(never.verdict, Verdict::Unknown, "{}", never.reason);
    let otherwise = Answered { at: at(-60), security_groups: vec!["sg-other".to_owned()] };
    let otherwise = verdict("available", ProbeOutcome::NoAnswer, silent(Some(otherwise)), 100_000);
    assert_eq!(otherwise.verdict, Verdict::Unknown, "{}", otherwise.reason);
    assert!(otherwise.reason.contains("sg-other"), "{}", otherwise.reason);
}

#[test]
fn what_stays_read_only_goes_to_a_person_in_the_end() {
    let judged = |now| {
        let incident = Incident { scenario: None, ..incident() };
        let probe = Probe { writable: Some(false), ..probe(ProbeOutcome::Answers) };
        let (observed, policy) = (instance("available"), policy("mode: automatic"));
        let (mistaken, fenced, before_cut_over) = (None, false, false);
        let (observed, probe) = (Some(&observed), Some(&probe));
        judge(Evidence { now: at(now), observed, mistaken, fenced, before_cut_over, probe, incident: &incident, policy: &policy })
    };
    assert_eq!(judged(10).verdict, Verdict::SelfHealing);
    assert_eq!(judged(100_000).verdict, Verdict::Unknown);
}

#[test]
fn silence_before_a_failover_of_ours_ended_does_not_count() {
    let failed_over = |incident: &mut Incident| {
        incident.failed_probes = 3;
        incident.unreachable_since = Some(at(0));
        incident.counted_from = Some(at(200));
    };
    assert_eq!(verdict("available", ProbeOutcome::NoAnswer, failed_over, 230).verdict, Verdict::SelfHealing);
    assert_eq!(verdict("available", ProbeOutcome::NoAnswer, failed_over, 351).verdict, Verdict::Failed);
}

#[test]
fn every_reason_is_a_sentence_with_its_evidence() {
    let judgement = verdict("available", ProbeOutcome::NoAnswer, |incident| incident.failed_probes = 1, 10);
    assert!(judgement.reason.contains("1 of 3 failed probes"), "{}", judgement.reason);
}

#[test]
fn what_lifeboat_rebooted_behind_its_fence_and_stays_away_is_failed_and_nobody_elses_reboot_is() {
    let (policy, incident, observed) = (policy("mode: automatic"), incident(), instance("rebooting"));
    let judged = |fenced, outcome| {
        let probe = probe(outcome);
        let (observed, mistaken, before_cut_over) = (Some(&observed), None, true);
        let (probe, incident, policy) = (Some(&probe), &incident, &policy);
        judge(Evidence { now: at(3600), observed, mistaken, fenced, before_cut_over, probe, incident, policy }).verdict
    };
    assert_eq!(judged(true, ProbeOutcome::NoAnswer), Verdict::Failed);
    assert_eq!(judged(false, ProbeOutcome::NoAnswer), Verdict::Unknown);
    assert_eq!(judged(true, ProbeOutcome::CouldNotRun), Verdict::Unknown);
}
