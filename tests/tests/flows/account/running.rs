//! Running the machines: the scheduler, EventBridge, and the World that the interpreter sees.

use super::{Account, How};
use chrono::Duration;
use lifeboat_domain::ports::ExecutionState;
use lifeboat_domain::{DrError, Timestamp};
use lifeboat_testing::memory::StartedExecution;
use lifeboat_tests::asl::{Ending, Machine, Outcome, TaskError, World, run};
use serde_json::{Value, json};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::LazyLock;

static RECOVERY: LazyLock<Machine> = LazyLock::new(|| machine("recovery"));
static BACKUP: LazyLock<Machine> = LazyLock::new(|| machine("backup"));
static SWEEP: LazyLock<Machine> = LazyLock::new(|| machine("sweep"));
static PAUSE: LazyLock<Machine> = LazyLock::new(|| machine("pause"));
static RELEASE: LazyLock<Machine> = LazyLock::new(|| machine("release"));
static FIND: LazyLock<Machine> = LazyLock::new(|| machine("find_moment"));
static BISECT: LazyLock<Machine> = LazyLock::new(|| machine("bisect"));
static SALVAGE: LazyLock<Machine> = LazyLock::new(|| machine("salvage"));
static APPROVAL: LazyLock<Machine> = LazyLock::new(|| machine("approval"));

/// Between two sweeps.
pub const BETWEEN_SWEEPS: Duration = Duration::minutes(2);

fn machine(name: &str) -> Machine {
    Machine::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../statemachines").join(format!("{name}.asl.json"))).unwrap()
}

/// All machines of the flows.
pub fn machines() -> [&'static Machine; 9] {
    [&RECOVERY, &BACKUP, &SWEEP, &PAUSE, &APPROVAL, &RELEASE, &FIND, &BISECT, &SALVAGE]
}

fn arn(machine: &str, name: &str) -> String {
    format!("arn:aws:states:us-east-1:123456789012:execution:lifeboat-{machine}:{name}")
}

/// How an execution ended, with what flows ask of it.
pub struct Ended(pub Ending);

impl Ended {
    /// Whether it succeeded.
    pub fn is_well(&self) -> bool {
        matches!(self.0.outcome, Outcome::Succeeded(_))
    }

    /// What it answered; null if it failed.
    pub fn output(&self) -> &Value {
        match &self.0.outcome {
            Outcome::Succeeded(output) => output,
            Outcome::Failed { .. } | Outcome::TimedOut | Outcome::Aborted(_) => &Value::Null,
        }
    }

    /// The name of the error that it failed with; empty if it did not.
    pub fn error(&self) -> &str {
        match &self.0.outcome {
            Outcome::Failed { error, .. } => error,
            Outcome::Succeeded(_) | Outcome::TimedOut | Outcome::Aborted(_) => "",
        }
    }

    /// Why it failed; empty if it did not.
    pub fn cause(&self) -> &str {
        match &self.0.outcome {
            Outcome::Failed { cause, .. } => cause.as_deref().unwrap_or_default(),
            Outcome::Succeeded(_) | Outcome::TimedOut | Outcome::Aborted(_) => "",
        }
    }
}

impl Account {
    /// Time passes, and EventBridge delivers what RDS publishes.
    pub async fn pass(&mut self, by: Duration) {
        self.advance(by);
        self.deliver().await;
    }

    /// Something else than RDS publishes an event.
    pub fn publish(&mut self, event: Value) {
        self.events.push_back(event);
    }

    /// EventBridge delivers; what `detect` cannot take now is delivered again later.
    pub async fn deliver(&mut self) {
        self.collect();
        for _ in 0..self.events.len() {
            let Some(event) = self.events.pop_front() else { return };
            if self.detect(event.clone()).await.is_err() {
                self.events.push_back(event);
            }
        }
    }

    /// Runs tonight's backup.
    pub async fn backup(&mut self) -> Ended {
        let name = format!("backup-{}", self.time().timestamp_millis());
        self.execute(&BACKUP, "backup", name.clone(), arn("backup", &name), json!({})).await
    }

    /// A person orders a pause, or its end, or the end of a cool-down.
    pub async fn order(&mut self, input: Value) -> Ended {
        let name = format!("order-{}", self.cloud.see().executions.len());
        self.execute_seen(&PAUSE, "pause", name, input).await
    }

    /// A person asks when the data went wrong.
    pub async fn find_moment(&mut self, input: Value) -> Ended {
        let name = format!("find-{}", self.time().timestamp_millis());
        self.execute(&FIND, "find_moment", name.clone(), arn("find_moment", &name), input).await
    }

    /// A person releases what a recovery kept.
    pub async fn release(&mut self, input: Value) -> Ended {
        let name = format!("release-{}", self.cloud.see().executions.len());
        self.execute_seen(&RELEASE, "release", name, input).await
    }

    /// A person answers a plan; what the answer starts is left for [`Self::recoveries`].
    pub async fn answer(&mut self, input: Value) -> Ended {
        let name = format!("answer-{}", self.cloud.see().executions.len());
        self.execute_seen(&APPROVAL, "approval", name, input).await
    }

    /// A person begins to bisect as it was planned.
    pub async fn bisect(&mut self, input: Value) -> Ended {
        let name = format!("bisect-{}", self.cloud.see().executions.len());
        self.execute_seen(&BISECT, "bisect", name, input).await
    }

    /// A person asks what could be written back into a table, or has it written.
    pub async fn salvage(&mut self, input: Value) -> Ended {
        let name = format!("salvage-{}", self.cloud.see().executions.len());
        self.execute_seen(&SALVAGE, "salvage", name, input).await
    }

    /// Runs an execution that a function asks Step Functions about while it runs.
    async fn execute_seen(&mut self, machine: &Machine, short: &'static str, name: String, input: Value) -> Ended {
        let arn = arn(short, &name);
        let place = self.cloud.see().executions.len();
        let (state, started) = (ExecutionState::Running, input.clone());
        self.cloud.touch().executions.push(StartedExecution { name: name.clone(), arn: arn.clone(), input: started, state });
        let ended = self.execute(machine, short, name, arn, input).await;
        self.cloud.touch().executions[place].state = if ended.is_well() { ExecutionState::Succeeded } else { ExecutionState::Ended };
        ended
    }

    /// Runs one sweep.
    pub async fn sweep(&mut self) -> Ended {
        self.next_sweep = self.time() + BETWEEN_SWEEPS;
        let name = format!("sweep-{}", self.time().timestamp_millis());
        self.execute(&SWEEP, "sweep", name.clone(), arn("sweep", &name), json!({})).await
    }

    /// Lets sweeps run, every two minutes.
    pub async fn sweeps(&mut self, times: usize) {
        for _ in 0..times {
            self.pass(BETWEEN_SWEEPS).await;
            self.sweep().await;
        }
    }

    async fn execute(&mut self, machine: &Machine, short: &'static str, name: String, arn: String, input: Value) -> Ended {
        self.running.push(short);
        self.dying = false;
        let ending = run(machine, &name, &arn, input, self).await;
        self.running.pop();
        Ended(ending)
    }

    /// A person starts `recovery`.
    pub async fn ask(&mut self, input: Value) -> Ended {
        let name = format!("by-hand-{}", self.cloud.see().executions.len());
        let place = self.cloud.see().executions.len();
        let arn = arn("recovery", &name);
        self.cloud.touch().executions.push(StartedExecution { name, arn, input, state: ExecutionState::Running });
        self.recover(place).await
    }

    /// Runs every recovery that was started and did not run yet.
    pub async fn recoveries(&mut self) -> Vec<Ended> {
        let mut endings = Vec::new();
        while let Some(place) = self.started().await {
            assert!(endings.len() < 20, "recoveries start each other for ever");
            endings.push(self.recover(place).await);
        }
        endings
    }

    /// Sweeps until a recovery is started, and runs only that one.
    pub async fn next_recovery(&mut self) -> Ended {
        for _ in 0..12 {
            if let Some(place) = self.started().await {
                return self.recover(place).await;
            }
            self.sweeps(1).await;
        }
        panic!("no recovery is started: {}", self.explain());
    }

    /// The first recovery that was started and did not run yet.
    async fn started(&mut self) -> Option<usize> {
        self.deliver().await;
        self.cloud.see().executions.iter().position(|execution| execution.state == ExecutionState::Running)
    }

    /// Sweeps and recovers until no recovery runs and none is to come.
    pub async fn settle(&mut self) -> Vec<Ended> {
        let mut endings = self.recoveries().await;
        for _ in 0..12 {
            if !self.incidents().iter().any(|incident| incident.state == lifeboat_domain::incident::IncidentState::Open) {
                return endings;
            }
            self.sweeps(1).await;
            endings.extend(self.recoveries().await);
        }
        endings
    }

    async fn recover(&mut self, place: usize) -> Ended {
        let execution = self.cloud.see().executions[place].clone();
        let ended = self.execute(&RECOVERY, "recovery", execution.name.clone(), execution.arn.clone(), execution.input.clone()).await;
        let state = if ended.is_well() { ExecutionState::Succeeded } else { ExecutionState::Ended };
        self.cloud.touch().executions[place].state = state;
        let status = match &ended.0.outcome {
            Outcome::Succeeded(_) => return ended,
            Outcome::Failed { .. } => "FAILED",
            Outcome::TimedOut => "TIMED_OUT",
            Outcome::Aborted(_) if self.dying => "FAILED",
            Outcome::Aborted(_) => "ABORTED",
        };
        let unheard = self.dying && self.disturbance.as_ref().is_some_and(|it| it.how() == How::ThenDiesUnheard);
        if !unheard {
            let event = self.execution_ended(&execution, status);
            self.events.push_back(event);
        }
        ended
    }

    /// What EventBridge says when an execution has ended otherwise than well.
    pub fn execution_ended(&self, execution: &StartedExecution, status: &str) -> Value {
        let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:lifeboat-recovery";
        let now = self.time();
        json!({
            "version": "0", "id": format!("ended-{}-{}", execution.name, now.timestamp_millis()), "source": "aws.states",
            "detail-type": "Step Functions Execution Status Change", "account": "123456789012", "region": "us-east-1",
            "time": lifeboat_domain::show_time(now), "resources": [execution.arn],
            "detail": {
                "executionArn": execution.arn, "stateMachineArn": machine, "name": execution.name, "status": status,
                "stopDate": now.timestamp_millis(), "input": execution.input.to_string(),
            },
        })
    }

    /// A sweep in the midst of a recovery; boxed, because a sweep is an execution within one.
    fn sweep_meanwhile<'a>(&'a mut self) -> Pin<Box<dyn Future<Output = Ended> + 'a>> {
        Box::pin(self.sweep())
    }
}

impl World for Account {
    async fn invoke(&mut self, function: &str, state: &str, payload: Value) -> Result<Value, TaskError> {
        let task = format!("{}/{state}", self.running.last().copied().unwrap_or_default());
        self.tasks.push(task.clone());
        let visit = self.tasks.iter().filter(|earlier| **earlier == task).count();
        if let Some(before) = self.before.remove(&(state.to_owned(), visit)) {
            before(&self.cloud);
        }
        if let Some(whenever) = &self.whenever {
            whenever(&self.cloud);
        }
        if self.sweeps_go_on && (self.running == ["recovery"] || self.running == ["bisect"]) && self.time() >= self.next_sweep {
            self.sweep_meanwhile().await;
        }
        self.deliver().await;
        let named = |error: DrError| TaskError::new(error.name().as_str(), error.message());
        if self.unavailable.contains(&state) {
            return Err(TaskError::new("Lambda.TooManyRequestsException", "Rate exceeded"));
        }
        let how = self.disturbance.as_mut().and_then(|disturbance| disturbance.strikes(&task));
        let answer = self.function(function, payload.clone()).await;
        match how {
            None => answer.map_err(named),
            Some(How::Twice) => self.function(function, payload).await.map_err(named),
            Some(How::ReplyLost) => Err(TaskError::new("Lambda.Unknown", "the reply was lost")),
            Some(How::TimesOut) => {
                self.advance(Duration::seconds(320)); // Longer than any Task's time-out.
                Err(TaskError::timeout())
            }
            Some(How::ThenDies | How::ThenDiesUnheard) => {
                self.dying = true;
                answer.map_err(named)
            }
        }
    }

    fn advance(&mut self, seconds: f64) {
        #[expect(clippy::cast_possible_truncation, reason = "a wait is far below 2^53 milliseconds")]
        Self::advance(self, Duration::milliseconds((seconds * 1000.0).round() as i64));
    }

    fn now(&self) -> Timestamp {
        self.time()
    }

    fn stops_before(&mut self, state: &str) -> bool {
        self.dying || self.stopped_before.take_if(|before| *before == state).is_some()
    }
}
