//! Messages: for a person at 3 a.m. first, and the same facts as JSON for machines.
//!
//! A [`Letter`] says, in this order: what happened, with numbers; what was done; what to do now, with ready commands;
//! where to look. [`Letter::into_message`] turns it into what SNS carries to each protocol.

pub(crate) mod asks;
pub(crate) mod beside;
pub(crate) mod broken;
pub(crate) mod cloned;
pub(crate) mod ends;
pub(crate) mod parts;
pub(crate) mod progress;
pub(crate) mod promotion;
mod quarantine;
pub(crate) mod take_over;
pub(crate) mod without;

use crate::commands::{Execution, RecoveryInput};
use crate::text::{self, MOST_SHORT, MOST_SUBJECT};
use lifeboat_domain::ids::{Identity, IncidentId, PlanHash};
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::ports::Message;
use lifeboat_domain::words::Scenario;
use lifeboat_domain::{DrError, Timestamp, ledger};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Lines of a paragraph, at most; and their characters.
const MOST_LINES: usize = 25;
const LINE: usize = 1000;
const SHORT_LINE: usize = 200;
/// More text than this, and the lines are cut shorter.
const MOST_TEXT: usize = 16_000;

/// How loudly to tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// Good to know.
    Info,
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

impl Severity {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One thing to do, with the commands that do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Advice {
    pub(crate) say: String,
    pub(crate) commands: Vec<String>,
    /// The heading of the report's section that says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) see: Option<String>,
}

impl Advice {
    pub(crate) fn new(say: impl Into<String>, commands: Vec<String>) -> Self {
        Self { say: say.into(), commands, see: None }
    }

    pub(crate) fn say(say: impl Into<String>) -> Self {
        Self::new(say, Vec::new())
    }

    /// With the section of the report that says more.
    pub(crate) fn see(self, section: &str) -> Self {
        Self { see: Some(section.to_owned()), ..self }
    }

    /// For an email, where the report is elsewhere.
    fn in_words(&self) -> String {
        match &self.see {
            Some(section) => format!("{}; see \"{section}\" in the report", self.say),
            None => self.say.clone(),
        }
    }
}

/// Numbers for machines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbers {
    pub(crate) rto_seconds: Option<u64>,
    pub(crate) rto_objective_seconds: Option<u64>,
    pub(crate) rpo_seconds: Option<u64>,
    pub(crate) rpo_objective_seconds: Option<u64>,
    pub(crate) rows_only_on_source: Option<i64>,
    pub(crate) rows_only_on_restored: Option<i64>,
    pub(crate) calls_equal_plan: Option<bool>,
}

/// Whom and what a letter is about; every field may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) resource: Option<Identity>,
    pub(crate) incident: Option<IncidentId>,
    pub(crate) scenario: Option<Scenario>,
    pub(crate) execution: Option<String>,
    pub(crate) plan: Option<PlanHash>,
    pub(crate) report: Option<String>,
}

impl About {
    /// Where the report lies as a page of HTML: beside the Markdown.
    fn drawn(&self) -> Option<String> {
        self.report.as_ref().and_then(|report| report.strip_suffix(".md")).map(|report| format!("{report}.html"))
    }
}

/// A message before it is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    /// `outcome`, or what is told on the way: `opened`, `plan`, `news`, `backup`, ...
    pub(crate) what: String,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) severity: Severity,
    /// One line that starts with a word in capitals.
    pub(crate) headline: String,
    /// What the person with only a phone must know besides.
    pub(crate) hint: String,
    pub(crate) happened: Vec<String>,
    pub(crate) done: Vec<String>,
    pub(crate) to_do: Vec<Advice>,
    /// What a person pastes to approve, where that is what is asked.
    pub(crate) approve_with: Option<RecoveryInput>,
    pub(crate) numbers: Numbers,
    pub(crate) about: About,
}

/// The JSON body; fields are only ever added.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) format: u32,
    pub(crate) what: String,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) severity: Severity,
    pub(crate) at: Timestamp,
    pub(crate) headline: String,
    pub(crate) resource: Option<Identity>,
    pub(crate) incident: Option<IncidentId>,
    pub(crate) scenario: Option<Scenario>,
    pub(crate) plan: Option<PlanHash>,
    pub(crate) execution: Option<String>,
    pub(crate) console: Option<String>,
    pub(crate) report: Option<String>,
    /// The same report, drawn as a page.
    #[serde(default)]
    pub(crate) report_html: Option<String>,
    pub(crate) what_happened: Vec<String>,
    pub(crate) what_was_done: Vec<String>,
    pub(crate) what_to_do: Vec<Advice>,
    pub(crate) approve_with: Option<RecoveryInput>,
    #[serde(flatten)]
    pub(crate) numbers: Numbers,
}

impl Letter {
    /// Renders it for every protocol.
    pub(crate) fn into_message(mut self, at: Timestamp) -> Result<Message, DrError> {
        self.fit();
        let subject = text::shorten(&text::ascii(&self.headline), MOST_SUBJECT);
        let short = self.short();
        let text = self.text();
        let attributes = self.attributes();
        let console = self.about.execution.as_deref().and_then(Execution::parse).map(|execution| execution.console());
        let report_html = self.about.drawn();
        let body = Body {
            format: 1,
            what: self.what,
            outcome: self.outcome,
            severity: self.severity,
            at,
            headline: text::one_line(&self.headline),
            resource: self.about.resource,
            incident: self.about.incident,
            scenario: self.about.scenario,
            plan: self.about.plan,
            execution: self.about.execution,
            console,
            report: self.about.report,
            report_html,
            what_happened: self.happened,
            what_was_done: self.done,
            what_to_do: self.to_do,
            approve_with: self.approve_with,
            numbers: self.numbers,
        };
        let json = ledger::encode(&body)?.to_string();
        Ok(Message { subject, text, short, json, attributes })
    }

    /// The SMS: the hint is kept whole, as it says what to do; the headline gives way.
    fn short(&self) -> String {
        let hint = text::ascii(&self.hint);
        let room = MOST_SHORT.saturating_sub(hint.chars().count() + 2).max(MOST_SHORT / 2);
        let headline = text::shorten(&text::ascii(&self.headline), room);
        let stop = if headline.ends_with('.') { "" } else { "." };
        text::shorten(&format!("{headline}{stop} {hint}"), MOST_SHORT)
    }

    /// SNS carries 256 KB with all bodies together: what is longer is cut where nothing breaks; the report has it whole.
    fn fit(&mut self) {
        fit(&mut self.happened, LINE);
        fit(&mut self.done, LINE);
        if self.happened.iter().chain(&self.done).map(String::len).sum::<usize>() > MOST_TEXT {
            fit(&mut self.happened, SHORT_LINE);
            fit(&mut self.done, SHORT_LINE);
        }
        for advice in &mut self.to_do {
            advice.say = text::clip(&advice.say, LINE);
            advice.commands.truncate(MOST_LINES);
        }
        self.to_do.truncate(MOST_LINES);
    }

    /// SNS refuses empty attributes: what is not known is left out.
    fn attributes(&self) -> BTreeMap<String, String> {
        let mut attributes =
            BTreeMap::from([("severity".to_owned(), self.severity.as_str().to_owned()), ("what".to_owned(), self.what.clone())]);
        let about = &self.about;
        attributes.extend(about.resource.as_ref().map(|resource| ("resource".to_owned(), resource.to_string())));
        attributes.extend(about.scenario.map(|scenario| ("scenario".to_owned(), scenario.to_string())));
        attributes.extend(self.outcome.map(|outcome| ("outcome".to_owned(), outcome.to_string())));
        attributes
    }

    /// The email.
    fn text(&self) -> String {
        let mut text = text::one_line(&self.headline);
        text.push('\n');
        bullets(&mut text, "WHAT HAPPENED", &self.happened);
        bullets(&mut text, "WHAT WAS DONE", &self.done);
        if !self.to_do.is_empty() {
            text.push_str("\nWHAT TO DO NOW\n");
            for (index, advice) in self.to_do.iter().enumerate() {
                text.push_str(&format!("{}. {}\n", index + 1, text::sentence(&advice.in_words())));
                for command in &advice.commands {
                    text.push_str(&format!("     {command}\n"));
                }
            }
        }
        let places = self.places();
        if !places.is_empty() {
            text.push_str("\nWHERE TO LOOK\n");
            for (name, place) in places {
                text.push_str(&format!("{name:<10} {place}\n"));
            }
        }
        text
    }

    fn places(&self) -> Vec<(&'static str, String)> {
        let about = &self.about;
        let console =
            about.execution.as_deref().map(|arn| Execution::parse(arn).map_or_else(|| arn.to_owned(), |execution| execution.console()));
        [
            ("Report", about.report.clone()),
            ("Drawn", about.drawn()),
            ("Execution", console),
            ("Incident", about.incident.as_ref().map(ToString::to_string)),
            ("Plan", about.plan.as_ref().map(ToString::to_string)),
        ]
        .into_iter()
        .filter_map(|(name, place)| place.map(|place| (name, place)))
        .collect()
    }
}

fn fit(lines: &mut Vec<String>, longest: usize) {
    let hidden = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    for line in lines.iter_mut() {
        *line = text::clip(line, longest);
    }
    if hidden > 0 {
        lines.push(format!("{} more: see the report", text::count(hidden, "line")));
    }
}

fn bullets(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    text.push_str(&format!("\n{title}\n"));
    for line in lines {
        text.push_str(&format!("- {}\n", text::sentence(line)));
    }
}
