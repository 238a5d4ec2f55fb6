//! What a salvage came to, for people and for whoever reads the execution's output.

use super::{Counts, Mode, Outcome, Salvage};
use crate::error::DrError;
use crate::register::News;
use crate::words::{Timestamp, show_time};
use serde::Serialize;
use serde_json::{Value, json};

/// What it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Concluded {
    /// In one word.
    pub outcome: Outcome,
    /// In one sentence.
    pub reason: String,
    /// What the comparison found.
    #[serde(flatten)]
    pub counts: Counts,
    /// Items of the plan that are as in the copy again; none of a preview.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salvaged: Option<u64>,
    /// Items of the plan that others have changed since the preview, and that were kept; none of a preview.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_since: Option<u64>,
    /// Items of the plan that DynamoDB did not take; none where there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<u64>,
    /// The plan's hash; none where there is nothing to write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The input of `salvage` that goes on from here; none where nothing is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// Until when that input is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// `1 item`, `7 items`.
fn items(count: u64) -> String {
    if count == 1 { "1 item".to_owned() } else { format!("{count} items") }
}

/// Concludes a salvage that has ended.
pub fn conclude(salvage: &Salvage) -> Result<Concluded, DrError> {
    let early = salvage.ended.as_ref().and_then(|ended| ended.early.as_deref());
    let concluded = match (salvage.mode(), early) {
        (Mode::Preview, None) if salvage.changes() > 0 => Concluded {
            plan: Some(salvage.plan()?.to_string()),
            input: Some(json!({"resource": salvage.resource, "plan": salvage.plan()?})),
            expires_at: salvage.expires_at().map(show_time),
            ..plain(salvage, Outcome::Previewed, previewed(salvage))
        },
        (Mode::Preview, None) => plain(salvage, Outcome::NothingToDo, previewed(salvage)),
        (Mode::Preview, Some(why)) => {
            let reason = format!("{}: the comparison with {} has ended early, because {why}", salvage.resource, salvage.copy);
            Concluded { input: Some(again(salvage)), ..plain(salvage, Outcome::EndedEarly, reason) }
        }
        (Mode::Write, None) => {
            let refused = salvage.writing.as_ref().is_some_and(|writing| writing.refused > 0);
            Concluded { input: refused.then(|| again(salvage)), ..plain(salvage, Outcome::Written, written(salvage)) }
        }
        (Mode::Write, Some(why)) => {
            let reason = format!("{}; it has ended early, because {why}", written(salvage));
            Concluded { input: Some(again(salvage)), ..plain(salvage, Outcome::EndedEarly, reason) }
        }
    };
    Ok(concluded)
}

fn plain(salvage: &Salvage, outcome: Outcome, reason: String) -> Concluded {
    Concluded {
        outcome,
        reason,
        counts: salvage.counts,
        salvaged: salvage.writing.as_ref().map(|writing| writing.salvaged),
        changed_since: salvage.writing.as_ref().map(|writing| writing.changed_since),
        refused: salvage.writing.as_ref().map(|writing| writing.refused).filter(|refused| *refused > 0),
        plan: salvage.writing.as_ref().map(|writing| writing.plan.to_string()),
        input: None,
        expires_at: None,
    }
}

/// The same input once more: what is back already is the same on both sides.
fn again(salvage: &Salvage) -> Value {
    match &salvage.writing {
        Some(writing) => json!({"resource": salvage.resource, "plan": writing.plan}),
        None => match &salvage.written_at {
            Some(name) => json!({"resource": salvage.resource, "copy": salvage.copy.as_str(), "written_at": name}),
            None => json!({"resource": salvage.resource, "copy": salvage.copy.as_str()}),
        },
    }
}

fn previewed(salvage: &Salvage) -> String {
    let Counts { missing, damaged, .. } = salvage.counts;
    let (table, copy) = (&salvage.table, &salvage.copy);
    format!(
        "{}: of {copy}, {} could be written back into {table}: {missing} missing there, {damaged} damaged",
        salvage.resource,
        items(missing + damaged)
    )
}

fn written(salvage: &Salvage) -> String {
    let (salvaged, changed) = salvage.writing.as_ref().map_or((0, 0), |writing| (writing.salvaged, writing.changed_since));
    let known = items(salvage.changes());
    let mut told = format!(
        "{}: of the {known} of the plan {salvaged} are in {} again as in {}, and {changed} were changed by others since the preview and kept",
        salvage.resource, salvage.table, salvage.copy
    );
    if let Some((refused, Some(why))) = salvage.writing.as_ref().map(|writing| (writing.refused, &writing.refusal)) {
        told.push_str(&format!("; {} not taken by DynamoDB, first: {why}", was(refused)));
    }
    told
}

impl Concluded {
    /// What people are told; `filed_at` is the same however often the step runs.
    pub fn news(&self, salvage: &Salvage, filed_at: Timestamp) -> News {
        let mut parts = vec![format!("{}.", self.reason)];
        let Counts { same, kept_newer, kept_undated, kept_too_wide, expired, .. } = self.counts;
        if salvage.mode() == Mode::Preview {
            let point = salvage.point.map_or_else(|| "an unknown moment".to_owned(), show_time);
            parts.push(format!("{} shows {}. {} the same on both sides.", salvage.copy, point, is(same)));
            parts.extend((kept_newer > 0).then(|| format!("{} written later than that, and would be kept.", was(kept_newer))));
            parts.extend((kept_undated > 0).then(|| undated(salvage, kept_undated)));
            parts.extend((kept_too_wide > 0).then(|| too_wide(kept_too_wide)));
            parts.extend((expired > 0).then(|| format!("{} expired by the table's time to live, and would be left out.", has(expired))));
        }
        let until = self.expires_at.as_ref().map_or_else(String::new, |until| format!(" until {until}"));
        parts.extend(self.input.as_ref().map(shown).map(|input| match self.outcome {
            Outcome::Previewed => format!(
                "To write exactly these back{until}, each only if it is still as it was seen, start the state machine whose name ends in `-salvage` with: {input}"
            ),
            Outcome::Written => format!(
                "To write what was not taken once the reason is gone, start the state machine whose name ends in `-salvage` again with: {input}"
            ),
            _ => format!("To go on, start the state machine whose name ends in `-salvage` again with: {input}"),
        }));
        if salvage.mode() == Mode::Preview {
            parts.push("Nothing was written.".to_owned());
        }
        parts.extend(salvage.claimed_by.as_ref().map(|who| format!("{who} says to have asked for it.")));
        News {
            at: filed_at,
            resource: Some(salvage.resource.clone()),
            incident: None,
            title: self.title(salvage),
            text: parts.join("\n"),
            told_at: None,
        }
    }

    fn title(&self, salvage: &Salvage) -> String {
        let resource = &salvage.resource;
        match (self.outcome, salvage.mode()) {
            (Outcome::Previewed, _) => format!("{resource}: {} can be salvaged", items(self.counts.changes())),
            (Outcome::NothingToDo, _) => format!("{resource}: nothing is to be salvaged"),
            (Outcome::Written, _) => {
                let refused = self.refused.map(|refused| format!(", {refused} not taken by DynamoDB")).unwrap_or_default();
                format!("{resource}: {} salvaged{refused}", items(self.salvaged.unwrap_or_default()))
            }
            (Outcome::EndedEarly, Mode::Preview) => format!("{resource}: the preview of a salvage has ended early"),
            (Outcome::EndedEarly, Mode::Write) => format!("{resource}: the salvage has ended early"),
        }
    }
}

fn is(count: u64) -> String {
    format!("{} {}", items(count), if count == 1 { "is" } else { "are" })
}

fn was(count: u64) -> String {
    format!("{} {}", items(count), if count == 1 { "was" } else { "were" })
}

/// An input as a person would write it, on one line; its fields are texts.
fn shown(input: &Value) -> String {
    let fields = input.as_object().into_iter().flatten().map(|(name, value)| format!("{}: {value}", Value::from(name.as_str())));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
}

fn has(count: u64) -> String {
    format!("{} {}", items(count), if count == 1 { "has" } else { "have" })
}

fn undated(salvage: &Salvage, count: u64) -> String {
    let differ = if count == 1 { "differs" } else { "differ" };
    let why = salvage.written_at.as_ref().map_or_else(
        || "no `written_at` was given, the attribute that says when an item was last written".to_owned(),
        |name| format!("no time can be read in the attribute {name}"),
    );
    format!("{} {differ}, and would be kept, as nobody knows when they were written: {why}.", items(count))
}

fn too_wide(count: u64) -> String {
    format!(
        "{} damaged, and would be kept: one condition compares {} attributes at most, and they have more. Write them back by hand.",
        is(count),
        super::MOST_COMPARED
    )
}
