//! The machines as they run, with functions that answer well except for one: whatever fails, the way out is the same.
//!
//! The functions here are only their answers. What real functions do is tested by the flows.

use crate::repo::{machines, none};
use lifeboat_domain::Timestamp;
use lifeboat_tests::asl::{Ending, Machine, Outcome, TaskError, World, run};
use serde_json::{Value, json};

/// What goes wrong: a function says so, or nobody knows because it did not answer (then there is no cause).
fn errors() -> [TaskError; 2] {
    [TaskError::new("Dr.Unrecoverable", "no permission"), TaskError::timeout()]
}

/// Tasks after whose failure a recovery goes on: messages, and what the next nightly run makes up for.
const GOES_ON: &[&str] = &[
    "TellOpened",
    "TellPlan",
    "ProbeReplicas",
    "WarmRestored",
    "RestartConsumers",
    "FlushCaches",
    "TakeFirstPoint",
    "AddStandby",
    "ReleaseLease",
];

/// Functions that answer as on a good day, but for one state.
struct Stage {
    now: Timestamp,
    remedy: &'static str,
    asked: Vec<(String, String)>,
    broken: Option<(String, TaskError)>,
}

impl Stage {
    fn new(remedy: &'static str, broken: Option<(String, TaskError)>) -> Self {
        Self { now: "2026-01-15T10:00:00Z".parse().unwrap(), remedy, asked: Vec::new(), broken }
    }

    fn was_asked(&self, step: &str) -> bool {
        self.asked.iter().any(|(_, asked)| asked == step)
    }

    fn answer(&self, step: &str) -> Value {
        let failed_over = self.was_asked("check_failover");
        let look = |progress: &str| json!({"progress": progress, "wait_seconds": 30, "reason": "as expected"});
        match step {
            "open" => json!({"incident": "inc-20260115t100000z-1a2b3c4d", "run": "execute"}),
            "judge" => json!({"verdict": if failed_over { "healthy" } else { "failed" }, "reason": "as expected", "wait_seconds": 10}),
            "plan" => json!({"decision": "execute", "remedy": self.remedy, "reason": "as expected", "wait_seconds": 30}),
            "start" | "fail_over" | "promote" => look("in_progress"),
            "check" | "check_failover" | "check_promotion" | "add_standby" | "warm_up" | "configure" | "fence" | "open_restored"
            | "cut_over" => look("done"),
            "checks" => json!({"proceed": "cut_over", "grade": "PASS"}),
            "prove_fence" => json!({"proven": true, "reason": "nothing accepts a login"}),
            "verify_client" => json!({"verified": true}),
            "discover" => json!({"run": "backups/run", "batches": [{"batch": "backups/1"}, {"batch": "backups/2"}]}),
            "finish" => json!({"complete": true}),
            "sweep_list" => json!({"list": "sweeps/list", "groups": ["vpc-1", "vpc-2"]}),
            "probe_group" => json!({"results": "sweeps/results"}),
            "sweep_judge" => json!({"news": true, "opened": 0}),
            _ => json!({}),
        }
    }
}

impl World for Stage {
    async fn invoke(&mut self, _function: &str, state: &str, payload: Value) -> Result<Value, TaskError> {
        let step = payload["step"].as_str().unwrap_or_default().to_owned();
        self.asked.push((state.to_owned(), step.clone()));
        match &self.broken {
            Some((broken, error)) if broken == state => Err(error.clone()),
            _ => Ok(self.answer(&step)),
        }
    }
    fn advance(&mut self, seconds: f64) {
        self.now += chrono::TimeDelta::milliseconds((seconds * 1000.0) as i64);
    }
    fn now(&self) -> Timestamp {
        self.now
    }
}

fn machine(name: &str) -> Machine {
    machines().into_iter().find(|machine| machine.name == name).unwrap()
}

async fn execute(machine: &Machine, stage: &mut Stage) -> Ending {
    run(machine, "orders-db-1", "arn:aws:states:eu-west-1:1:execution:x:orders-db-1", json!({}), stage).await
}

/// The states that a good day passes, and that invoke something.
async fn on_a_good_day(machine: &Machine, remedy: &'static str) -> Vec<String> {
    let mut stage = Stage::new(remedy, None);
    let ending = execute(machine, &mut stage).await;
    assert!(matches!(ending.outcome, Outcome::Succeeded(_)), "{}: {:?}", machine.name, ending.outcome);
    let mut states: Vec<String> = stage.asked.into_iter().map(|(state, _)| state).collect();
    states.sort();
    states.dedup();
    states
}

#[tokio::test]
async fn a_good_day_ends_well() {
    let recovery = machine("recovery");
    assert!(on_a_good_day(&recovery, "restore").await.contains(&"CloseRecovered".to_owned()));
    assert!(on_a_good_day(&recovery, "promote").await.contains(&"AddStandby".to_owned()));
    let took_over = on_a_good_day(&recovery, "take_over").await;
    assert!(took_over.contains(&"ValidateMember".to_owned()) && !took_over.contains(&"FenceSource".to_owned()), "{took_over:?}");
    assert!(on_a_good_day(&recovery, "fail_over").await.contains(&"CloseHealthy".to_owned()));
    on_a_good_day(&machine("backup"), "none").await;
    on_a_good_day(&machine("sweep"), "none").await;
}

#[tokio::test]
async fn whatever_fails_is_undone_told_and_the_lease_given_back() {
    let recovery = machine("recovery");
    let mut complaints = Vec::new();
    for remedy in ["restore", "fail_over", "promote", "take_over"] {
        for state in on_a_good_day(&recovery, remedy).await {
            for error in errors() {
                let mut stage = Stage::new(remedy, Some((state.clone(), error.clone())));
                let ending = execute(&recovery, &mut stage).await;
                complaints.extend(
                    after_a_failure(&state, &error, &stage, &ending).map(|what| format!("{remedy}: {state} fails with {error}: {what}")),
                );
            }
        }
    }
    none(complaints);
}

fn after_a_failure(state: &str, error: &TaskError, stage: &Stage, ending: &Ending) -> Option<String> {
    let is_closing = state.starts_with("Close");
    if !stage.was_asked("close") {
        return Some("nobody is told".to_owned());
    }
    if stage.was_asked("take_lease") && !stage.was_asked("release") {
        return Some("the lease is kept".to_owned());
    }
    if GOES_ON.contains(&state) {
        return (!matches!(ending.outcome, Outcome::Succeeded(_))).then(|| format!("it stops with {:?}", ending.outcome));
    }
    // A failover of unknown outcome is looked at and may turn out well.
    if state == "ForceFailover" && stage.was_asked("check_failover") {
        return None;
    }
    if ["PromoteReplica", "TakeOver"].contains(&state) && stage.was_asked("check_promotion") {
        return None;
    }
    if !is_closing && !stage.was_asked("compensate") && stage.was_asked("take_lease") {
        return Some("nothing is undone".to_owned());
    }
    match &ending.outcome {
        Outcome::Failed { error: shown, .. } if *shown == error.name => None,
        other => Some(format!("it ends with {other:?}")),
    }
}

#[tokio::test]
async fn a_failover_of_unknown_outcome_is_looked_at_and_never_repeated() {
    let mut stage = Stage::new("fail_over", Some(("ForceFailover".to_owned(), TaskError::timeout())));
    let ending = execute(&machine("recovery"), &mut stage).await;
    assert_eq!(stage.asked.iter().filter(|(_, step)| step == "fail_over").count(), 1, "asked for once");
    assert!(stage.was_asked("check_failover"), "it is undone without a look: {:?}", ending.outcome);
}

#[tokio::test]
async fn a_promotion_of_unknown_outcome_is_looked_at_and_never_repeated() {
    let mut stage = Stage::new("promote", Some(("PromoteReplica".to_owned(), TaskError::timeout())));
    let ending = execute(&machine("recovery"), &mut stage).await;
    assert_eq!(stage.asked.iter().filter(|(_, step)| step == "promote").count(), 1, "asked for once");
    assert!(stage.was_asked("check_promotion"), "it is undone without a look: {:?}", ending.outcome);
}

#[tokio::test]
async fn a_take_over_of_unknown_outcome_is_looked_at_and_never_repeated() {
    let mut stage = Stage::new("take_over", Some(("TakeOver".to_owned(), TaskError::timeout())));
    let ending = execute(&machine("recovery"), &mut stage).await;
    assert_eq!(stage.asked.iter().filter(|(_, step)| step == "promote").count(), 1, "asked for once");
    assert!(stage.was_asked("check_promotion"), "it is undone without a look: {:?}", ending.outcome);
}

#[tokio::test]
async fn nothing_is_promoted_and_nobody_is_moved_before_the_fence_is_proven() {
    let mut stage = Stage::new("promote", None);
    execute(&machine("recovery"), &mut stage).await;
    let steps: Vec<&str> = stage.asked.iter().map(|(_, step)| step.as_str()).collect();
    let at = |wanted: &str| steps.iter().position(|step| *step == wanted).unwrap();
    assert!(at("fence") < at("prove_fence") && at("prove_fence") < at("promote"), "{steps:?}");
    let again = steps.iter().rposition(|step| *step == "prove_fence").unwrap();
    assert!(at("checks") < again && again < at("cut_over"), "proven once more before clients are moved: {steps:?}");
}

#[tokio::test]
async fn a_copy_is_opened_between_the_proof_of_the_fence_and_the_move() {
    let mut stage = Stage::new("restore", None);
    execute(&machine("recovery"), &mut stage).await;
    let steps: Vec<&str> = stage.asked.iter().map(|(_, step)| step.as_str()).collect();
    let at = |wanted: &str| steps.iter().position(|step| *step == wanted).unwrap();
    assert!(at("checks") < at("fence") && at("prove_fence") < at("open_restored") && at("open_restored") < at("cut_over"), "{steps:?}");
    let mut stage = Stage::new("restore", Some(("ProveFence".to_owned(), TaskError::timeout())));
    execute(&machine("recovery"), &mut stage).await;
    assert!(!stage.was_asked("open_restored") && stage.was_asked("compensate"), "{:?}", stage.asked);
}

#[tokio::test]
async fn a_function_that_answers_an_unknown_word_starts_nothing() {
    for step in ["open", "judge", "plan"] {
        struct Odd(Stage, &'static str);
        impl World for Odd {
            async fn invoke(&mut self, function: &str, state: &str, payload: Value) -> Result<Value, TaskError> {
                let odd = payload["step"] == self.1;
                let mut answer = self.0.invoke(function, state, payload).await?;
                for word in ["run", "verdict", "decision"] {
                    if odd && answer.get(word).is_some() {
                        answer[word] = json!("perhaps");
                    }
                }
                Ok(answer)
            }
            fn advance(&mut self, seconds: f64) {
                self.0.advance(seconds);
            }
            fn now(&self) -> Timestamp {
                self.0.now
            }
        }
        let mut world = Odd(Stage::new("restore", None), step);
        let ending = run(&machine("recovery"), "x", "arn:x", json!({}), &mut world).await;
        assert!(matches!(&ending.outcome, Outcome::Failed { error, .. } if error == "Dr.Unrecoverable"), "{step}: {:?}", ending.outcome);
        assert!(!world.0.was_asked("start") && world.0.was_asked("close"), "{step}");
    }
}

#[tokio::test]
async fn one_failed_batch_or_group_does_not_keep_the_others() {
    for (name, state, last) in
        [("backup", "StartSnapshots", "finish"), ("backup", "FingerprintBatch", "finish"), ("sweep", "ProbeGroup", "sweep_judge")]
    {
        let mut stage = Stage::new("none", Some((state.to_owned(), TaskError::timeout())));
        let ending = execute(&machine(name), &mut stage).await;
        assert!(stage.was_asked(last), "{name}: {state} fails: {:?}", ending.outcome);
    }
}

#[tokio::test]
async fn backup_and_sweep_end_with_an_error_that_says_what_failed() {
    let mut complaints = Vec::new();
    for (name, states) in [("backup", ["DiscoverResources", "FinishBackup"]), ("sweep", ["ListResources", "JudgeSweep"])] {
        for state in states {
            for error in errors() {
                let mut stage = Stage::new("none", Some((state.to_owned(), error.clone())));
                let outcome = execute(&machine(name), &mut stage).await.outcome;
                let well = matches!(&outcome, Outcome::Failed { error: shown, .. } if *shown == error.name || shown == "Dr.Unrecoverable");
                complaints.extend((!well).then(|| format!("{name}: {state} fails with {error}: it ends with {outcome:?}")));
            }
        }
    }
    none(complaints);
}

#[tokio::test]
async fn nothing_on_a_good_day_is_near_the_limit_of_what_travels() {
    for (name, remedy) in
        [("recovery", "restore"), ("recovery", "fail_over"), ("recovery", "promote"), ("backup", "none"), ("sweep", "none")]
    {
        let ending = execute(&machine(name), &mut Stage::new(remedy, None)).await;
        let most = ending.trace.iter().map(|step| step.input_bytes.max(step.output_bytes)).max().unwrap_or_default();
        assert!(most < 2048, "{name}: {most} bytes travel");
    }
}
