//! When the restored database was available, and when it was usable: not the same where its volume is loaded lazily.

use crate::ending::Ending;
use crate::story::Story;
use crate::text::took;
use lifeboat_domain::incident::{Outcome, Phase};
use lifeboat_domain::plan::Remedy;
use lifeboat_domain::warm_up::{Part, PartState, WarmUp, size};
use lifeboat_domain::{Span, Timestamp, show_time};
use serde::{Deserialize, Serialize};

/// A moment of the recovery, counted from the first signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reached {
    pub(crate) at: Timestamp,
    pub(crate) seconds: u64,
    /// What was reached, and since when it is counted.
    pub(crate) text: String,
}

impl Reached {
    fn new(story: &Story, at: Timestamp, what: &str) -> Self {
        let first = story.incident.first_signal_at;
        let since = if story.began_with_request() { "request" } else { "first signal" };
        let span = Span::between(first, at);
        let text = format!("{} from the {since}: {what} at {}", took(span), show_time(at));
        Self { at, seconds: span.as_secs(), text }
    }

    /// `7 min 40 s`.
    pub(crate) fn took(&self) -> String {
        took(Span::seconds(self.seconds))
    }
}

/// What was read of one relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Warmed {
    pub(crate) relation: String,
    pub(crate) bytes: u64,
    pub(crate) read: u64,
    /// Whether all its parts were read to their ends.
    pub(crate) whole: bool,
}

/// What was read before clients came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WarmUpFacts {
    pub(crate) began_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) text: String,
    pub(crate) relations: Vec<Warmed>,
    /// What could not be read, and why.
    pub(crate) unread: Vec<String>,
}

/// Whether a copy was made, and not only something that exists brought back.
fn was_restored(story: &Story) -> bool {
    let remedy = story.plan().and_then(|plan| plan.remedy);
    story.incident.restored.is_some() && matches!(remedy, Some(Remedy::RestoreLatest | Remedy::RestoreToTime | Remedy::RestoreSnapshot))
}

/// When RDS had made the copy, and it was configured as its source.
pub(crate) fn available(story: &Story) -> Option<Reached> {
    let line = story.last_of(&[Phase::Configure]).filter(|_| was_restored(story))?;
    Some(Reached::new(story, line.at, "the restored database was available and configured"))
}

/// When it had passed its checks, and was warm as far as the policy asks for.
pub(crate) fn usable(ending: &Ending<'_>) -> Option<Reached> {
    let story = ending.story;
    let validated = story.validation.as_ref().filter(|_| was_restored(story) && ending.outcome != Outcome::HeldByValidation)?.at;
    let warm = story.warm_up.as_ref().filter(|warm_up| is_of_the_copy(story, warm_up));
    match warm.map(|warm_up| warm_up.ended) {
        // What a story that broke off did not end, did not make usable.
        Some(None) => None,
        Some(Some((_, at))) => Some(Reached::new(story, at.max(validated), "it was validated and its warm-up had ended")),
        None => Some(Reached::new(story, validated, "it was validated")),
    }
}

fn is_of_the_copy(story: &Story, warm_up: &WarmUp) -> bool {
    story.incident.restored.as_ref().is_some_and(|restored| restored.id == warm_up.target)
}

/// What was read; none where nothing was to be.
pub(crate) fn warm_up(story: &Story) -> Option<WarmUpFacts> {
    let warm_up = story.warm_up.as_ref().filter(|warm_up| is_of_the_copy(story, warm_up))?;
    let mut relations: Vec<Warmed> = Vec::new();
    for part in warm_up.list.iter().flat_map(|list| &list.parts) {
        add(&mut relations, part);
    }
    Some(WarmUpFacts {
        began_at: warm_up.began_at,
        ended_at: warm_up.ended.map(|(_, at)| at),
        text: capitalised(&warm_up.sentence(None)),
        relations,
        unread: warm_up.unread(),
    })
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn add(relations: &mut Vec<Warmed>, part: &Part) {
    let whole = part.state == PartState::Read;
    match relations.iter_mut().find(|warmed| warmed.relation == part.relation) {
        Some(warmed) => {
            warmed.bytes = warmed.bytes.saturating_add(part.bytes);
            warmed.read = warmed.read.saturating_add(part.read);
            warmed.whole &= whole;
        }
        None => relations.push(Warmed { relation: part.relation.clone(), bytes: part.bytes, read: part.read, whole }),
    }
}

impl Warmed {
    /// Its size, and how much of it was read.
    pub(crate) fn sizes(&self) -> [String; 2] {
        [size(self.bytes), size(self.read)]
    }
}
