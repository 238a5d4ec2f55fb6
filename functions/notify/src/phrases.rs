//! Phrases that several letters and the report share: what was found, how the fence stands, where clients are.

use crate::text::one_line;
use lifeboat_domain::acting::{CutOver, CutOverState, Fence, FenceState, TargetEntry, TargetMove};
use lifeboat_domain::ids::{DatabaseId, Identity};
use lifeboat_domain::show_time;
use lifeboat_domain::words::Scenario;

/// What Lifeboat found, as the end of `Lifeboat found ...`.
pub(crate) fn found(scenario: Scenario, resource: &Identity) -> String {
    match scenario {
        Scenario::AzOutage => format!("the Availability Zone of {resource} gone"),
        Scenario::RegionOutage => format!("the Region of {resource} dark"),
        Scenario::Corruption => format!("wrong data in {resource}"),
        Scenario::HumanError => format!("a mistake in the data of {resource}"),
        Scenario::InstanceFailure => format!("{resource} failed"),
        Scenario::Hung => format!("{resource} hung"),
        Scenario::StorageFull => format!("the storage of {resource} full"),
        Scenario::Deletion => format!("{resource} deleted"),
        Scenario::SecurityBreach => format!("a breach of {resource}"),
        Scenario::KeyInaccessible => format!("the key of {resource} out of reach"),
        Scenario::ParameterFailure => format!("{resource} kept down by its parameters"),
        Scenario::NetworkFailure => format!("{resource} cut off by its network"),
        Scenario::Undo => format!("the cut-over of {resource} regretted"),
    }
}

/// How the fence around `source` stands.
pub(crate) fn fence(source: &DatabaseId, fence: &Fence) -> String {
    let at = show_time(fence.at);
    let alone = fence.group.is_none();
    match fence.state {
        FenceState::SessionsEnded if alone => format!("{source} needs no fence, as it was found at {at}"),
        FenceState::Proven if alone => format!("{source} needs no fence, and a new login was seen to fail at {at}"),
        FenceState::Closing => format!("The fence around {source} was being closed at {at}"),
        FenceState::Closed => format!("The fence around {source} is closed to new connections since {at}; old sessions may live"),
        FenceState::SessionsEnded => format!("The fence around {source} is closed: its sessions were ended at {at}"),
        FenceState::Proven => format!("The fence around {source} is closed, and a new login was seen to fail at {at}"),
        FenceState::Opened => format!("The fence around {source} is open again since {at}"),
    }
}

/// How far one target of the cut-over is.
pub(crate) fn target(target: &TargetEntry) -> String {
    let (name, at) = (capital(&target.moves.name()), show_time(target.at));
    let (before, after) = (target.moves.before(), target.moves.after());
    match target.state {
        CutOverState::Noted => format!("{name} was not moved: it leads to {before}"),
        CutOverState::Moving => format!("{name} was about to be moved at {at}, from {before} to {after}"),
        CutOverState::Moved => format!("{name} was moved at {at}, from {before} to {after}"),
        CutOverState::Verified if before == after => {
            format!("{name} led to {after} already, which was verified from a client's side at {at}")
        }
        CutOverState::Verified => {
            format!("{name} was moved from {before} to {after}, which was verified from a client's side at {at}")
        }
        CutOverState::Undone => format!("{name} was moved back to {before} at {at}"),
    }
}

/// Where every target leads, such as `secret orders names a:5432; parameter /orders leads to a`.
pub(crate) fn leads(cut_over: &CutOver) -> String {
    let leads = |target: &TargetEntry| {
        let verb = if matches!(target.moves, TargetMove::Secret { .. }) { "names" } else { "leads to" };
        format!("{} {verb} {}", target.moves.name(), target.moves.after())
    };
    cut_over.targets.iter().map(leads).collect::<Vec<_>>().join("; ")
}

/// Where clients are, as far as the ledger knows.
pub(crate) fn clients(source: &DatabaseId, cut_over: Option<&CutOver>) -> String {
    let Some(cut_over) = cut_over.filter(|cut_over| cut_over.state() != CutOverState::Noted) else {
        return format!("Clients go where they always went: {source}");
    };
    let each: Vec<String> = cut_over.targets.iter().map(through).collect();
    let each = each.join("; ");
    match cut_over.state() {
        CutOverState::Undone => format!("Clients were moved back: they {each}"),
        _ => format!("Clients {each}"),
    }
}

/// What clients that go through one target find.
fn through(target: &TargetEntry) -> String {
    let (before, after) = (target.moves.before(), target.moves.after());
    let (read, may) = match &target.moves {
        TargetMove::Secret { secret, .. } => (format!("read {secret}"), "name"),
        TargetMove::Parameter { parameter, .. } => (format!("read parameter {parameter}"), "hold"),
        TargetMove::Record { record, .. } => (format!("resolve {record}"), "lead to"),
        TargetMove::Proxy { proxy, .. } => (format!("go through proxy {proxy}"), "lead to"),
        TargetMove::Names(names) => (format!("use the name {}", names.name), "lead to"),
    };
    match target.state {
        CutOverState::Verified => format!("{read} and find {after}"),
        CutOverState::Moved => format!("{read} and find {after}, which was not verified from a client's side"),
        CutOverState::Moving => format!("{read}, which may {may} {before} still or {after} already"),
        CutOverState::Undone | CutOverState::Noted => format!("{read} and find {before}"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A line of evidence on record after a phrase; nothing where the record says nothing more.
pub(crate) fn on_record(text: &str) -> Option<String> {
    let text = one_line(text);
    (!text.is_empty()).then(|| format!("On record: {text}"))
}
