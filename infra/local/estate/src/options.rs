//! The command line and the configuration file.

use std::path::PathBuf;

use lifeboat_testing::model::{Fault, Settings};
use serde_json::Value;

/// How the estate is used.
pub const USAGE: &str = "\
The estate: AWS's RDS and ElastiCache APIs with real PostgreSQL, MariaDB and Redis servers behind them, on this machine only.

  estate --root DIR --ready-file FILE [options]

  --root DIR           where the servers live; made if need be, emptied of them at the end
  --ready-file FILE    written when the estate is up: {\"port\":..,\"control_port\":..,\"ca\":..,\"pid\":..}
  --port N             where both APIs listen on 127.0.0.1 (default 0: any free port)
  --control-port N     where the control API listens on 127.0.0.1 (default 0: any free port)
  --upstream URL       who answers what the estate does not know (moto), for example http://127.0.0.1:5000
  --events URL         who is told what AWS would publish (ministack), for example http://127.0.0.1:4566
  --config FILE        JSON: the settings of the model that differ from the preset; \"preset\" is \"short\" (default) or \"aws\"
  --keep               leave the servers' files at the end
  --help               this

Log: ESTATE_LOG=debug. Control API and configuration: infra/local/estate/src/lib.rs.
";

/// The command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `--root`.
    pub root: PathBuf,
    /// `--ready-file`.
    pub ready_file: PathBuf,
    /// `--port`.
    pub port: u16,
    /// `--control-port`.
    pub control_port: u16,
    /// `--upstream`.
    pub upstream: Option<String>,
    /// `--events`.
    pub events: Option<String>,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--keep`.
    pub keep: bool,
}

impl Options {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let (mut root, mut ready_file, mut config) = (None, None, None);
        let (mut port, mut control_port, mut upstream, mut events, mut keep) = (0, 0, None, None, false);
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if argument == "--keep" {
                keep = true;
                continue;
            }
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            let number = |text: String| text.parse().map_err(|_| format!("{argument} needs a port number, not {text}"));
            match argument.as_str() {
                "--root" => root = Some(PathBuf::from(value()?)),
                "--ready-file" => ready_file = Some(PathBuf::from(value()?)),
                "--config" => config = Some(PathBuf::from(value()?)),
                "--port" => port = number(value()?)?,
                "--control-port" => control_port = number(value()?)?,
                "--upstream" => upstream = Some(value()?),
                "--events" => events = Some(value()?),
                other => return Err(format!("unknown argument {other}")),
            }
        }
        let root = root.ok_or("--root is missing")?;
        let ready_file = ready_file.ok_or("--ready-file is missing")?;
        Ok(Self { root, ready_file, port, control_port, upstream, events, config, keep })
    }
}

/// What the configuration file says.
#[derive(Debug, Clone)]
pub struct Config {
    /// How the modelled account behaves.
    pub settings: Settings,
    /// The faults that wait from the start.
    pub faults: Vec<Fault>,
}

impl Config {
    /// Lays the file's settings over the preset's. `fresh_seed` is used unless the file has a seed.
    ///
    /// # Errors
    /// A sentence.
    pub fn read(text: &str, fresh_seed: u64) -> Result<Self, String> {
        let mut file: Value = serde_json::from_str(text).map_err(|error| format!("the configuration is no JSON: {error}"))?;
        let entries = file.as_object_mut().ok_or("the configuration is no JSON object")?;
        let preset = match entries.remove("preset") {
            None => Settings::short(),
            Some(name) if name == "short" => Settings::short(),
            Some(name) if name == "aws" => Settings::aws_like(),
            Some(other) => return Err(format!("the preset is \"short\" or \"aws\", not {other}")),
        };
        let faults = entries.remove("faults").map_or_else(|| Ok(Vec::new()), serde_json::from_value);
        let faults = faults.map_err(|error| format!("faults: {error}"))?;
        let region = entries.get("region").and_then(Value::as_str).unwrap_or(&preset.region).to_owned();
        let preset = preset.with(|settings| settings.seed = fresh_seed).in_region(&region);
        let mut merged = serde_json::to_value(preset).map_err(|error| error.to_string())?;
        overlay(&mut merged, file);
        let settings = serde_json::from_value(merged).map_err(|error| format!("the configuration: {error}"))?;
        Ok(Self { settings, faults })
    }
}

fn overlay(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                overlay(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_ports_are_free_ones_unless_they_are_given() {
        let options = parse("--root /tmp/x --ready-file /tmp/r --port 4000").unwrap();
        assert_eq!((options.port, options.control_port), (4000, 0));
    }

    #[test]
    fn a_wrong_command_line_is_explained() {
        assert_eq!(parse("--root").unwrap_err(), "--root needs a value");
        assert_eq!(parse("--root x --ready-file y --port high").unwrap_err(), "--port needs a port number, not high");
        assert_eq!(parse("--rot x").unwrap_err(), "unknown argument --rot");
        assert_eq!(parse("--root x").unwrap_err(), "--ready-file is missing");
    }

    #[test]
    fn a_configuration_changes_only_what_it_names() {
        let config = Config::read(r#"{"durations":{"creating":7.5},"closed_groups":["sg-fence"]}"#, 9).unwrap();
        let durations = &config.settings.durations;
        assert_eq!(durations.creating, chrono::Duration::milliseconds(7500));
        assert_eq!(durations.restoring, Settings::short().durations.restoring);
        assert!(config.settings.closed_groups.contains("sg-fence"));
        assert_eq!(config.settings.seed, 9);
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        let error = Config::read(r#"{"durations":{"restoreing":1}}"#, 9).unwrap_err();
        assert!(error.contains("restoreing"), "{error}");
    }

    #[test]
    fn a_configuration_may_bring_faults() {
        let text = r#"{"preset":"aws","faults":[{"action":"RebootDBInstance","when":{"nth":1},"kind":"reply_lost"}]}"#;
        let config = Config::read(text, 9).unwrap();
        assert_eq!(config.faults.len(), 1);
        assert_eq!(config.settings.durations, Settings::aws_like().durations);
    }
}
