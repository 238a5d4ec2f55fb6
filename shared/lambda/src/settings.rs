//! Settings: the environment, read once, with everything that is missing told at once.

use crate::steps::Steps;
use lifeboat_domain::policy::PolicyDocument;
use lifeboat_domain::{DrError, ErrorName};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A setting that a function may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variable {
    /// `LIFEBOAT_TABLE`: the ledger's table.
    Table,
    /// `LIFEBOAT_BUCKET`: the bucket for what is large.
    Bucket,
    /// `LIFEBOAT_TOPIC`: the ARN of the topic for messages.
    Topic,
    /// `LIFEBOAT_RECOVERY_MACHINE`: the ARN of the state machine `recovery`.
    RecoveryMachine,
    /// `LIFEBOAT_STEPS`: the steps that this deployed function takes, comma separated; `step@function` names another's.
    Steps,
    /// `LIFEBOAT_POLICIES`: the policy document; default `policies.yaml` beside the binary.
    Policies,
    /// `LIFEBOAT_TLS_ROOTS`: the databases' certificate authorities (PEM); default `rds-ca.pem` beside the binary.
    TlsRoots,
    /// `LIFEBOAT_HOME_REGION`: the Region whose databases these are; default `AWS_REGION`.
    HomeRegion,
}

impl Variable {
    /// The name in the environment.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "LIFEBOAT_TABLE",
            Self::Bucket => "LIFEBOAT_BUCKET",
            Self::Topic => "LIFEBOAT_TOPIC",
            Self::RecoveryMachine => "LIFEBOAT_RECOVERY_MACHINE",
            Self::Steps => "LIFEBOAT_STEPS",
            Self::Policies => "LIFEBOAT_POLICIES",
            Self::TlsRoots => "LIFEBOAT_TLS_ROOTS",
            Self::HomeRegion => "LIFEBOAT_HOME_REGION",
        }
    }

    /// What it is, for the one who must set it.
    const fn meaning(self) -> &'static str {
        match self {
            Self::Table => "the ledger's DynamoDB table",
            Self::Bucket => "the S3 bucket for reports and fingerprints",
            Self::Topic => "the ARN of the SNS topic",
            Self::RecoveryMachine => "the ARN of the state machine recovery",
            Self::Steps => "the steps that this function takes, comma separated",
            Self::Policies => "the path of the policy document",
            Self::TlsRoots => "the path of the databases' certificate authorities",
            Self::HomeRegion => "the Region of the databases (or AWS_REGION)",
        }
    }

    /// What stands in for it where it is absent.
    fn default(self, environment: &impl Fn(&str) -> Option<String>) -> Option<String> {
        match self {
            Self::Policies => Some(beside_the_binary("policies.yaml", environment)),
            Self::TlsRoots => Some(beside_the_binary("rds-ca.pem", environment)),
            Self::HomeRegion => environment("AWS_REGION").or_else(|| environment("AWS_DEFAULT_REGION")),
            Self::Table | Self::Bucket | Self::Topic | Self::RecoveryMachine | Self::Steps => None,
        }
    }
}

/// A file shipped in the zip.
fn beside_the_binary(file: &str, environment: &impl Fn(&str) -> Option<String>) -> String {
    let task_root = environment("LAMBDA_TASK_ROOT").map(PathBuf::from);
    let directory = task_root.or_else(|| std::env::current_exe().ok()?.parent().map(Path::to_path_buf)).unwrap_or_default();
    directory.join(file).to_string_lossy().into_owned()
}

/// What a function was configured with.
#[derive(Debug, Clone)]
pub struct Settings {
    values: BTreeMap<Variable, String>,
    steps: Steps,
    function: String,
}

impl Settings {
    /// Reads what the function needs; one error names everything that is missing.
    pub fn from_env(needs: &[Variable]) -> Result<Self, DrError> {
        Self::from_lookup(needs, |name| std::env::var(name).ok())
    }

    /// Reads from any source, for tests.
    pub fn from_lookup(needs: &[Variable], lookup: impl Fn(&str) -> Option<String>) -> Result<Self, DrError> {
        let environment = |name: &str| lookup(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for &variable in needs {
            match environment(variable.name()).or_else(|| variable.default(&environment)) {
                Some(text) => {
                    values.insert(variable, text);
                }
                None => missing.push(format!("{} ({})", variable.name(), variable.meaning())),
            }
        }
        if !missing.is_empty() {
            return Err(DrError::new(ErrorName::InvalidInput, format!("these settings are missing: {}", missing.join(", "))));
        }
        let steps = Steps::parse(values.get(&Variable::Steps).map_or("", String::as_str));
        let function = environment("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "this function".to_owned());
        Ok(Self { values, steps, function })
    }

    /// Whether this function takes `step`; if not, a refusal that names who does.
    pub fn allow_step(&self, step: &str) -> Result<(), DrError> {
        self.steps.allow(&self.function, step)
    }

    /// Passes `input` on if its `step` may be taken here; what has no step is an event, which needs the step `event`.
    pub fn allowed(&self, input: serde_json::Value) -> Result<serde_json::Value, DrError> {
        let step = input.get("step").map_or("event", |step| step.as_str().unwrap_or_default());
        self.allow_step(step)?;
        Ok(input)
    }

    /// The name of the deployed function.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// The ledger's table.
    pub fn table(&self) -> Result<&str, DrError> {
        self.get(Variable::Table)
    }

    /// The bucket.
    pub fn bucket(&self) -> Result<&str, DrError> {
        self.get(Variable::Bucket)
    }

    /// The topic's ARN.
    pub fn topic(&self) -> Result<&str, DrError> {
        self.get(Variable::Topic)
    }

    /// The ARN of the state machine `recovery`.
    pub fn recovery_machine(&self) -> Result<&str, DrError> {
        self.get(Variable::RecoveryMachine)
    }

    /// The Region of the databases.
    pub fn home_region(&self) -> Result<&str, DrError> {
        self.get(Variable::HomeRegion)
    }

    /// The certificate authorities of the databases.
    pub fn tls_roots(&self) -> Result<PathBuf, DrError> {
        self.get(Variable::TlsRoots).map(PathBuf::from)
    }

    /// The policy document, read and checked.
    pub fn policies(&self) -> Result<PolicyDocument, DrError> {
        load_policies(Path::new(self.get(Variable::Policies)?))
    }

    /// A setting that this function said it needs.
    fn get(&self, variable: Variable) -> Result<&str, DrError> {
        self.values
            .get(&variable)
            .map(String::as_str)
            .ok_or_else(|| DrError::unrecoverable(format!("{} is used, but main.rs does not list it among what it needs", variable.name())))
    }
}

/// Reads and checks the policy document at `path`.
pub fn load_policies(path: &Path) -> Result<PolicyDocument, DrError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let name = Variable::Policies.name();
        DrError::invalid(name, format!("{} ({})", path.display(), error.kind()), "the path of a readable policy document").because(error)
    })?;
    PolicyDocument::from_yaml(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Variable; 8] = [
        Variable::Table,
        Variable::Bucket,
        Variable::Topic,
        Variable::RecoveryMachine,
        Variable::Steps,
        Variable::Policies,
        Variable::TlsRoots,
        Variable::HomeRegion,
    ];

    #[test]
    fn everything_missing_is_told_at_once() {
        let error = Settings::from_lookup(&ALL, |name| (name == "LIFEBOAT_BUCKET").then(|| " ".to_owned())).unwrap_err();
        assert_eq!(error.name(), ErrorName::InvalidInput);
        for name in [
            "LIFEBOAT_TABLE",
            "LIFEBOAT_BUCKET",
            "LIFEBOAT_TOPIC",
            "LIFEBOAT_RECOVERY_MACHINE",
            "LIFEBOAT_STEPS",
            "LIFEBOAT_HOME_REGION",
            "AWS_REGION",
        ] {
            assert!(error.message().contains(name), "{name} in {error}");
        }
        assert!(!error.message().contains("LIFEBOAT_POLICIES"), "has a default: {error}");
    }

    #[test]
    fn defaults_stand_in() {
        let lookup = |name: &str| match name {
            "AWS_REGION" => Some("eu-central-1".to_owned()),
            "LAMBDA_TASK_ROOT" => Some("/var/task".to_owned()),
            "AWS_LAMBDA_FUNCTION_NAME" => Some("lifeboat-validate".to_owned()),
            _ => None,
        };
        let settings = Settings::from_lookup(&[Variable::HomeRegion, Variable::TlsRoots, Variable::Policies], lookup).unwrap();
        assert_eq!(settings.home_region().unwrap(), "eu-central-1");
        assert_eq!(settings.tls_roots().unwrap(), PathBuf::from("/var/task/rds-ca.pem"));
        assert_eq!(settings.function(), "lifeboat-validate");
        let error = settings.policies().unwrap_err();
        assert_eq!(error.name(), ErrorName::InvalidInput);
        assert!(error.message().contains("/var/task/policies.yaml"), "{error}");
    }

    #[test]
    fn what_was_not_declared_is_a_bug_with_a_name() {
        let settings = Settings::from_lookup(&[], |_| None).unwrap();
        assert_eq!(settings.table().unwrap_err().name(), ErrorName::Unrecoverable);
        assert_eq!(settings.allow_step("plan").unwrap_err().name(), ErrorName::Refused);
    }

    #[test]
    fn policies_come_from_their_path() {
        let path = std::env::temp_dir().join(format!("lifeboat-policies-{}.yaml", std::process::id()));
        std::fs::write(&path, "version: 1\npolicies:\n  gold: {}\n").unwrap();
        let shown = path.to_string_lossy().into_owned();
        let settings = Settings::from_lookup(&[Variable::Policies], |name| (name == "LIFEBOAT_POLICIES").then(|| shown.clone())).unwrap();
        let document = settings.policies();
        std::fs::remove_file(&path).unwrap();
        assert!(document.unwrap().policies.contains_key("gold"));
    }
}
