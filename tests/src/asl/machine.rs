//! The definition of a machine, read strictly: an unknown field is an error, so nothing is silently ignored.

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// One state machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Machine {
    /// What it is for.
    pub comment: Option<String>,
    /// Always `JSONata`.
    pub query_language: String,
    /// How long an execution may take.
    pub timeout_seconds: Option<u64>,
    /// The first state.
    pub start_at: String,
    /// All states.
    pub states: States,
    /// The file's name without `.asl.json`.
    #[serde(skip)]
    pub name: String,
}

/// States in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct States(Vec<(String, State)>);

/// Where to start, and among which states: a machine's or a Map's.
#[derive(Debug, Clone, Copy)]
pub struct Flow<'a> {
    /// The first state.
    pub start_at: &'a str,
    /// All states.
    pub states: &'a States,
}

/// One state.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "Type")]
pub enum State {
    /// Only assigns.
    Pass(Pass),
    /// Invokes a function.
    Task(Box<Task>),
    /// Branches.
    Choice(Choice),
    /// Waits.
    Wait(Wait),
    /// Runs a flow for each item.
    Map(Box<Map>),
    /// Ends well.
    Succeed(Succeed),
    /// Ends with an error.
    Fail(Fail),
}

/// Fields by name; each value is JSON with `{% expressions %}` in it.
pub type Fields = serde_json::Map<String, Value>;

macro_rules! fields {
    ($($(#[$meta:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident: $type:ty),* $(,)? })+) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "PascalCase")]
        pub struct $name { $($(#[$fmeta])* pub $field: $type),* })+
    };
}

fields! {
    /// A Pass state.
    Pass {
        /// For the reader.
        comment: Option<String>,
        /// Variables that it sets.
        assign: Option<Fields>,
        /// What it hands on, else its input.
        #[serde(default, deserialize_with = "present")]
        output: Option<Value>,
        /// The state after it.
        next: Option<String>,
        /// Whether it ends its flow.
        #[serde(default)]
        end: bool,
    }
    /// A Task that invokes a Lambda.
    Task {
        /// For the reader.
        comment: Option<String>,
        /// Always `arn:aws:states:::lambda:invoke`.
        resource: String,
        /// What is invoked, with what.
        arguments: Arguments,
        /// How long one attempt may take.
        timeout_seconds: Option<u64>,
        /// When it is tried again.
        #[serde(default)]
        retry: Vec<Retrier>,
        /// Where an error leads.
        #[serde(default)]
        catch: Vec<Catcher>,
        /// Variables that it sets when it ends well.
        assign: Option<Fields>,
        /// What it hands on, else the whole answer of the Lambda service.
        #[serde(default, deserialize_with = "present")]
        output: Option<Value>,
        /// The state after it.
        next: Option<String>,
        /// Whether it ends its flow.
        #[serde(default)]
        end: bool,
    }
    /// The arguments of `lambda:invoke`.
    Arguments {
        /// A placeholder such as `${RestoreActFunctionArn}`.
        function_name: String,
        /// What the function gets.
        payload: Value,
    }
    /// When a failed attempt is repeated.
    Retrier {
        /// The errors that it is for.
        error_equals: Vec<String>,
        /// Seconds before the first repetition.
        interval_seconds: Option<u64>,
        /// How often at most.
        max_attempts: Option<u32>,
        /// What each pause is multiplied by.
        backoff_rate: Option<f64>,
        /// The longest pause.
        max_delay_seconds: Option<u64>,
        /// `FULL` or `NONE`.
        jitter_strategy: Option<String>,
    }
    /// Where an error leads.
    Catcher {
        /// The errors that it is for.
        error_equals: Vec<String>,
        /// For the reader.
        comment: Option<String>,
        /// Variables that it sets.
        assign: Option<Fields>,
        /// What it hands on, else the error.
        #[serde(default, deserialize_with = "present")]
        output: Option<Value>,
        /// The state after it.
        next: String,
    }
    /// A Choice state.
    Choice {
        /// For the reader.
        comment: Option<String>,
        /// The branches, tried in order.
        choices: Vec<Rule>,
        /// Where it goes when no branch fits.
        default: Option<String>,
    }
    /// One branch of a Choice.
    Rule {
        /// For the reader.
        comment: Option<String>,
        /// An expression that must yield true or false.
        condition: String,
        /// The state after it.
        next: String,
    }
    /// A Wait state.
    Wait {
        /// For the reader.
        comment: Option<String>,
        /// How long, as a whole number or an expression.
        seconds: Value,
        /// The state after it.
        next: Option<String>,
        /// Whether it ends its flow.
        #[serde(default)]
        end: bool,
    }
    /// A Succeed state.
    Succeed {
        /// For the reader.
        comment: Option<String>,
        /// The result of the flow, else its input.
        #[serde(default, deserialize_with = "present")]
        output: Option<Value>,
    }
    /// A Fail state.
    Fail {
        /// For the reader.
        comment: Option<String>,
        /// The name that the execution fails with.
        error: Option<String>,
        /// Why.
        cause: Option<String>,
    }
}

/// An inline Map.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Map {
    /// For the reader.
    pub comment: Option<String>,
    /// The items.
    pub items: Value,
    /// How many at a time. Here they run one after the other.
    pub max_concurrency: Option<u64>,
    /// What is done with each item.
    pub item_processor: ItemProcessor,
    /// When it is tried again.
    #[serde(default)]
    pub retry: Vec<Retrier>,
    /// Where an error leads.
    #[serde(default)]
    pub catch: Vec<Catcher>,
    /// Variables that it sets when it ends well.
    pub assign: Option<Fields>,
    /// What it hands on, else the list of results.
    #[serde(default, deserialize_with = "present")]
    pub output: Option<Value>,
    /// The state after it.
    pub next: Option<String>,
    /// Whether it ends its flow.
    #[serde(default)]
    pub end: bool,
}

/// The flow inside a Map.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct ItemProcessor {
    /// Always inline.
    pub processor_config: ProcessorConfig,
    /// The first state.
    pub start_at: String,
    /// All states.
    pub states: States,
}

/// How a Map runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessorConfig {
    /// The only mode that we use.
    #[serde(rename = "Mode")]
    pub mode: Mode,
}

/// The mode of a Map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Mode {
    /// Within the same history.
    #[serde(rename = "INLINE")]
    Inline,
}

/// Keeps an explicit `null` apart from a missing field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Machine {
    /// Reads `<name>.asl.json`.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Self::parse(file.trim_end_matches(".asl.json"), &text)
    }

    /// Reads a definition and checks that it can be run at all.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut machine: Self = serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        machine.name = name.to_owned();
        if machine.query_language != "JSONata" {
            return Err(format!("{name}: QueryLanguage is {:?}; only JSONata is supported", machine.query_language));
        }
        let mut names = BTreeSet::new();
        check(machine.flow(), &mut names).map_err(|error| format!("{name}: {error}"))?;
        Ok(machine)
    }

    /// The outermost flow.
    pub fn flow(&self) -> Flow<'_> {
        Flow { start_at: &self.start_at, states: &self.states }
    }

    /// Every flow: the outermost and that of each Map.
    pub fn flows(&self) -> Vec<Flow<'_>> {
        let mut found = vec![self.flow()];
        let mut next = 0;
        while let Some(flow) = found.get(next).copied() {
            found.extend(flow.states.iter().filter_map(|(_, state)| match state {
                State::Map(map) => Some(map.flow()),
                _ => None,
            }));
            next += 1;
        }
        found
    }

    /// Every state by name, those within a Map included.
    pub fn all_states(&self) -> BTreeMap<&str, &State> {
        self.flows().into_iter().flat_map(|flow| flow.states.iter()).collect()
    }
}

/// What AWS checks when a machine is created: names unique in the whole machine, one way out of each state.
fn check<'a>(flow: Flow<'a>, names: &mut BTreeSet<&'a str>) -> Result<(), String> {
    for (name, state) in flow.states.iter() {
        if !names.insert(name) {
            return Err(format!("two states are called {name}"));
        }
        let (next, end) = match state {
            State::Pass(Pass { next, end, .. }) | State::Wait(Wait { next, end, .. }) => (next, *end),
            State::Task(task) => (&task.next, task.end),
            State::Map(map) => (&map.next, map.end),
            State::Choice(_) | State::Succeed(_) | State::Fail(_) => continue,
        };
        if next.is_some() == end {
            return Err(format!("{name} needs either Next or End"));
        }
        if let State::Task(task) = state
            && task.resource != "arn:aws:states:::lambda:invoke"
        {
            return Err(format!("{name}: {} is not supported; only arn:aws:states:::lambda:invoke is", task.resource));
        }
        if let State::Map(map) = state {
            check(map.flow(), names)?;
        }
    }
    Ok(())
}

impl Map {
    /// The flow that each item takes.
    pub fn flow(&self) -> Flow<'_> {
        Flow { start_at: &self.item_processor.start_at, states: &self.item_processor.states }
    }
}

impl Task {
    /// `RestoreAct` for `${RestoreActFunctionArn}`.
    pub fn function(&self) -> Option<&str> {
        self.arguments.function_name.strip_prefix("${")?.strip_suffix("FunctionArn}")
    }

    /// The step that the payload names.
    pub fn step(&self) -> Option<&str> {
        self.arguments.payload.get("step")?.as_str()
    }
}

impl States {
    /// The state of that name.
    pub fn get(&self, name: &str) -> Option<&State> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, state)| state)
    }

    /// In the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &State)> {
        self.0.iter().map(|(name, state)| (name.as_str(), state))
    }
}

impl<'de> Deserialize<'de> for States {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = States;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("states by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<States, A::Error> {
                let mut states = States::default();
                while let Some(name) = map.next_key::<String>()? {
                    let state = map.next_value().map_err(|error| A::Error::custom(format!("state {name}: {error}")))?;
                    states.0.push((name, state));
                }
                Ok(states)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
