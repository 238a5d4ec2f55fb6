//! The execution of a machine.

use super::expression::{NoValue, evaluate, evaluate_fields, evaluate_text};
use super::machine::{Choice, Fail, Fields, Flow, Machine, Map, State, Task, Wait};
use super::task::{Retries, catcher};
use super::variables::Variables;
use super::world::{TaskError, World};
use lifeboat_domain::Timestamp;
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;

/// What may travel: plans, manifests and evidence go by reference (AWS itself allows 262,144 bytes).
pub const MAX_BYTES: usize = 32 * 1024;

/// How long a history may get: past it, AWS fails the execution.
pub const MAX_HISTORY_EVENTS: u32 = 25_000;

/// How an execution ended, and what it did on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// How it ended.
    pub outcome: Outcome,
    /// Every state that was left, in order; those of a Map before the Map itself.
    pub trace: Vec<Step>,
    /// How many history events it took, reckoned as AWS counts them.
    pub history_events: u32,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Well, with this output.
    Succeeded(Value),
    /// With an error: of a Fail state, or one that nothing caught.
    Failed {
        /// Its name.
        error: String,
        /// Why, if anything said so.
        cause: Option<String>,
    },
    /// The machine's own `TimeoutSeconds` passed: no Catch sees that.
    TimedOut,
    /// Somebody stopped it just before this state.
    Aborted(String),
}

/// One visit to a state.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its name.
    pub state: String,
    /// When it was entered.
    pub entered: Timestamp,
    /// Its input, as bytes of JSON.
    pub input_bytes: usize,
    /// Its output, as bytes of JSON.
    pub output_bytes: usize,
    /// How often it was tried again.
    pub retries: u32,
    /// The error that a Catch took, if one did.
    pub caught: Option<String>,
    /// The state after it; none at the end of a flow.
    pub next: Option<String>,
}

/// Runs `machine` to its end. `name` and `execution_arn` are what the context object shows.
pub async fn run(machine: &Machine, name: &str, execution_arn: &str, input: Value, world: &mut impl World) -> Ending {
    let started = world.now();
    let context = json!({
        "Execution": {"Id": execution_arn, "Name": name, "StartTime": show(started), "Input": input},
        "StateMachine": {"Name": machine.name},
    });
    let mut execution =
        Execution { world, context, started, timeout: machine.timeout_seconds.map(seconds), trace: Vec::new(), history_events: 2 };
    let outcome = match execution.flow(machine.flow(), Variables::default(), input).await {
        Ok(output) => Outcome::Succeeded(output),
        Err(Halt::Failed(failure)) => Outcome::Failed { error: failure.name, cause: failure.message },
        Err(Halt::TimedOut) => Outcome::TimedOut,
        Err(Halt::Aborted(state)) => Outcome::Aborted(state),
    };
    Ending { outcome, trace: execution.trace, history_events: execution.history_events }
}

/// Why a flow does not go on. In `Failed`, the message is the cause exactly as a Catch would see it.
enum Halt {
    Failed(TaskError),
    TimedOut,
    Aborted(String),
}

/// Whether an error of a state may be retried and caught, or ends the execution in any case.
enum Trouble {
    Catchable(TaskError),
    Final(Halt),
}

/// What a state does next.
struct Leaving<'a> {
    variables: Variables,
    output: Value,
    next: Option<&'a str>,
    retries: u32,
    caught: Option<String>,
}

struct Execution<'w, W> {
    world: &'w mut W,
    context: Value,
    started: Timestamp,
    timeout: Option<f64>,
    trace: Vec<Step>,
    history_events: u32,
}

/// An execution's flow, boxed because a Map's flow is within one.
type Running<'x> = Pin<Box<dyn Future<Output = Result<Value, Halt>> + 'x>>;

impl<W: World> Execution<'_, W> {
    fn flow<'x>(&'x mut self, flow: Flow<'x>, mut variables: Variables, mut input: Value) -> Running<'x> {
        Box::pin(async move {
            let mut name = flow.start_at;
            loop {
                let state = flow.states.get(name).ok_or_else(|| runtime(format!("there is no state {name}")))?;
                self.enter(name, &input)?;
                let (entered, input_bytes) = (self.world.now(), bytes(&input));
                let leaving = self.state(name, state, &variables, input).await?;
                self.check_size(name, "output", bytes(&leaving.output))?;
                self.check_size(name, "set of variables", leaving.variables.bytes())?;
                self.trace.push(Step {
                    state: name.to_owned(),
                    entered,
                    input_bytes,
                    output_bytes: bytes(&leaving.output),
                    retries: leaving.retries,
                    caught: leaving.caught,
                    next: leaving.next.map(str::to_owned),
                });
                (variables, input) = (leaving.variables, leaving.output);
                match leaving.next {
                    Some(next) => name = next,
                    None => return Ok(input),
                }
            }
        })
    }

    fn enter(&mut self, name: &str, input: &Value) -> Result<(), Halt> {
        self.check_clock()?;
        if self.world.stops_before(name) {
            return Err(Halt::Aborted(name.to_owned()));
        }
        self.count(2)?;
        self.check_size(name, "input", bytes(input))
    }

    async fn state<'s>(&mut self, name: &str, state: &'s State, variables: &Variables, input: Value) -> Result<Leaving<'s>, Halt> {
        let states = json!({"input": input, "context": self.context_in(name, 0)});
        match state {
            State::Pass(pass) => {
                let (variables, output) = settle(&pass.assign, &pass.output, &states, variables, input).map_err(undefined)?;
                Ok(Leaving::plain(variables, output, pass.next.as_deref()))
            }
            State::Choice(choice) => {
                let next = choose(choice, &states, variables)?;
                Ok(Leaving::plain(variables.clone(), input, Some(next)))
            }
            State::Wait(wait) => {
                self.pause(wait_seconds(wait, &states, variables).map_err(undefined)?)?;
                Ok(Leaving::plain(variables.clone(), input, wait.next.as_deref()))
            }
            State::Succeed(succeed) => {
                let (variables, output) = settle(&None, &succeed.output, &states, variables, input).map_err(undefined)?;
                Ok(Leaving::plain(variables, output, None))
            }
            State::Fail(fail) => Err(Halt::Failed(failure(fail, &states, variables).map_err(undefined)?)),
            State::Task(task) => self.task(name, task, variables, input).await,
            State::Map(map) => self.map(name, map, variables, input).await,
        }
    }

    async fn task<'s>(&mut self, name: &str, task: &'s Task, variables: &Variables, input: Value) -> Result<Leaving<'s>, Halt> {
        let mut retries = Retries::new(&task.retry);
        loop {
            match self.attempt(name, task, variables, &input, retries.total()).await {
                Ok((variables, output)) => {
                    return Ok(Leaving { retries: retries.total(), ..Leaving::plain(variables, output, task.next.as_deref()) });
                }
                Err(Trouble::Final(halt)) => return Err(halt),
                Err(Trouble::Catchable(error)) => match retries.after(&error.name) {
                    Some(seconds) => self.pause(seconds)?,
                    None => return self.caught(name, &task.catch, error, retries.total(), variables, input),
                },
            }
        }
    }

    /// One attempt: the arguments, the invocation against its time-out, what follows from the answer.
    async fn attempt(
        &mut self,
        name: &str,
        task: &Task,
        variables: &Variables,
        input: &Value,
        retries: u32,
    ) -> Result<(Variables, Value), Trouble> {
        self.count(3).map_err(Trouble::Final)?;
        let context = self.context_in(name, retries);
        let states = json!({"input": input, "context": context});
        let payload = evaluate(&task.arguments.payload, &states, variables).map_err(unevaluated)?;
        self.check_size(name, "payload", bytes(&payload)).map_err(Trouble::Final)?;
        let function = task.function().unwrap_or(&task.arguments.function_name);
        let before = self.world.now();
        let answer = self.world.invoke(function, name, payload).await;
        self.check_clock().map_err(Trouble::Final)?;
        if task.timeout_seconds.is_some_and(|longest| since(before, self.world.now()) > seconds(longest)) {
            return Err(Trouble::Catchable(TaskError::timeout()));
        }
        let payload = answer.map_err(|error| Trouble::Catchable(TaskError { message: error.cause(), name: error.name }))?;
        let result = json!({"Payload": payload, "StatusCode": 200, "ExecutedVersion": "$LATEST"});
        let states = json!({"input": input, "context": context, "result": result});
        settle(&task.assign, &task.output, &states, variables, result).map_err(unevaluated)
    }

    async fn map<'s>(&mut self, name: &str, map: &'s Map, variables: &Variables, input: Value) -> Result<Leaving<'s>, Halt> {
        let mut retries = Retries::new(&map.retry);
        loop {
            match self.items(name, map, variables, &input, retries.total()).await {
                Ok((variables, output)) => {
                    return Ok(Leaving { retries: retries.total(), ..Leaving::plain(variables, output, map.next.as_deref()) });
                }
                Err(Trouble::Final(halt)) => return Err(halt),
                Err(Trouble::Catchable(error)) => match retries.after(&error.name) {
                    Some(seconds) => self.pause(seconds)?,
                    None => return self.caught(name, &map.catch, error, retries.total(), variables, input),
                },
            }
        }
    }

    /// Runs the flow for one item after the other.
    async fn items(
        &mut self,
        name: &str,
        map: &Map,
        variables: &Variables,
        input: &Value,
        retries: u32,
    ) -> Result<(Variables, Value), Trouble> {
        self.count(1).map_err(Trouble::Final)?;
        let states = json!({"input": input, "context": self.context_in(name, retries)});
        let Value::Array(items) = evaluate(&map.items, &states, variables).map_err(unevaluated)? else {
            return Err(unevaluated(format!("{} yields no list", map.items)));
        };
        let mut results = Vec::new();
        for item in items {
            self.count(2).map_err(Trouble::Final)?;
            let result = self.flow(map.flow(), variables.within(), item).await.map_err(|halt| match halt {
                Halt::Failed(error) => Trouble::Catchable(error),
                ended => Trouble::Final(ended),
            })?;
            results.push(result);
        }
        let states = json!({"input": input, "context": self.context_in(name, retries), "result": results});
        settle(&map.assign, &map.output, &states, variables, Value::Array(results)).map_err(unevaluated)
    }

    fn caught<'s>(
        &self,
        name: &str,
        catchers: &'s [super::Catcher],
        error: TaskError,
        retries: u32,
        variables: &Variables,
        input: Value,
    ) -> Result<Leaving<'s>, Halt> {
        let Some(catcher) = catcher(catchers, &error.name) else { return Err(Halt::Failed(error)) };
        let mut error_output = json!({"Error": error.name});
        if let (Some(fields), Some(cause)) = (error_output.as_object_mut(), error.message) {
            fields.insert("Cause".to_owned(), Value::String(cause));
        }
        let states = json!({"input": input, "context": self.context_in(name, retries), "errorOutput": error_output});
        let (variables, output) = settle(&catcher.assign, &catcher.output, &states, variables, error_output).map_err(undefined)?;
        Ok(Leaving { retries, caught: Some(error.name), ..Leaving::plain(variables, output, Some(&catcher.next)) })
    }

    fn context_in(&self, name: &str, retries: u32) -> Value {
        let mut context = self.context.clone();
        if let Some(fields) = context.as_object_mut() {
            let state = json!({"Name": name, "EnteredTime": show(self.world.now()), "RetryCount": retries});
            fields.insert("State".to_owned(), state);
        }
        context
    }

    /// Lets time pass, but no further than to the machine's time-out.
    fn pause(&mut self, pause: f64) -> Result<(), Halt> {
        let left = self.timeout.map_or(f64::INFINITY, |timeout| timeout - since(self.started, self.world.now()));
        self.world.advance(pause.min(left.max(0.0)));
        if pause > left { Err(Halt::TimedOut) } else { Ok(()) }
    }

    fn check_clock(&self) -> Result<(), Halt> {
        let late = self.timeout.is_some_and(|timeout| since(self.started, self.world.now()) > timeout);
        if late { Err(Halt::TimedOut) } else { Ok(()) }
    }

    fn count(&mut self, events: u32) -> Result<(), Halt> {
        self.history_events += events;
        if self.history_events > MAX_HISTORY_EVENTS {
            return Err(runtime(format!("the history holds more than {MAX_HISTORY_EVENTS} events: a loop without an end?")));
        }
        Ok(())
    }

    fn check_size(&self, name: &str, what: &str, bytes: usize) -> Result<(), Halt> {
        if bytes > MAX_BYTES {
            let cause = format!("the {what} of {name} is {bytes} bytes; at most {MAX_BYTES} may travel, the rest goes by reference");
            return Err(Halt::Failed(TaskError::new("States.DataLimitExceeded", cause)));
        }
        Ok(())
    }
}

impl<'a> Leaving<'a> {
    fn plain(variables: Variables, output: Value, next: Option<&'a str>) -> Self {
        Self { variables, output, next, retries: 0, caught: None }
    }
}

/// Evaluates what a state assigns and hands on: both see the variables as they were before it.
fn settle(
    assign: &Option<Fields>,
    output: &Option<Value>,
    states: &Value,
    variables: &Variables,
    otherwise: Value,
) -> Result<(Variables, Value), NoValue> {
    let output = output.as_ref().map_or(Ok(otherwise), |output| evaluate(output, states, variables))?;
    let assigned = assign.as_ref().map(|assign| evaluate_fields(assign, states, variables)).transpose()?;
    Ok((variables.with(assigned.unwrap_or_default())?, output))
}

fn choose<'s>(choice: &'s Choice, states: &Value, variables: &Variables) -> Result<&'s str, Halt> {
    for rule in &choice.choices {
        match evaluate(&Value::String(rule.condition.clone()), states, variables).map_err(undefined)? {
            Value::Bool(true) => return Ok(&rule.next),
            Value::Bool(false) => {}
            other => return Err(undefined(format!("{} yields {other}, which is neither true nor false", rule.condition))),
        }
    }
    let unmatched = || Halt::Failed(TaskError::new("States.NoChoiceMatched", "no branch fits and there is no Default"));
    choice.default.as_deref().ok_or_else(unmatched)
}

fn wait_seconds(wait: &Wait, states: &Value, variables: &Variables) -> Result<f64, NoValue> {
    let value = evaluate(&wait.seconds, states, variables)?;
    let whole = value.as_u64().filter(|seconds| *seconds <= 99_999_999);
    whole.map(seconds).ok_or_else(|| format!("{} yields {value}; Seconds is a whole number up to 99,999,999", wait.seconds))
}

fn failure(fail: &Fail, states: &Value, variables: &Variables) -> Result<TaskError, NoValue> {
    let text = |text: &Option<String>| text.as_deref().map(|text| evaluate_text(text, states, variables)).transpose();
    Ok(TaskError { name: text(&fail.error)?.unwrap_or_default(), message: text(&fail.cause)? })
}

fn unevaluated(why: NoValue) -> Trouble {
    Trouble::Catchable(TaskError::new("States.QueryEvaluationError", why))
}

fn undefined(why: NoValue) -> Halt {
    Halt::Failed(TaskError::new("States.QueryEvaluationError", why))
}

fn runtime(why: String) -> Halt {
    Halt::Failed(TaskError::new("States.Runtime", why))
}

fn bytes(value: &Value) -> usize {
    serde_json::to_string(value).map_or(usize::MAX, |text| text.len())
}

#[expect(clippy::cast_precision_loss, reason = "seconds stay far below 2^52")]
fn seconds(whole: u64) -> f64 {
    whole as f64
}

fn since(from: Timestamp, to: Timestamp) -> f64 {
    to.signed_duration_since(from).as_seconds_f64()
}

/// As the context object writes a time: with milliseconds.
fn show(at: Timestamp) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
