//! Phrases that several letters and the report share: what was found, how the fence stands, where clients are.

use crate::text::one_line;
use lifeboat_domain::acting::{CutOver, CutOverState, Fence, FenceState};
use lifeboat_domain::ids::{DbInstanceId, Identity};
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
pub(crate) fn fence(source: &DbInstanceId, fence: &Fence) -> String {
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

/// How far the cut-over is.
pub(crate) fn cut_over(cut_over: &CutOver) -> String {
    let (secret, at) = (&cut_over.secret, show_time(cut_over.at));
    let (before, after) = (&cut_over.endpoint_before, &cut_over.endpoint_after);
    match cut_over.state {
        CutOverState::Moving => {
            format!("Secret {secret} was about to be moved at {at}, from {}:{} to {}:{}", before.host, before.port, after.host, after.port)
        }
        CutOverState::Moved => {
            format!("Secret {secret} was moved at {at}, from {}:{} to {}:{}", before.host, before.port, after.host, after.port)
        }
        CutOverState::Verified => format!(
            "Secret {secret} was moved from {}:{} to {}:{}, which was verified from a client's side at {at}",
            before.host, before.port, after.host, after.port
        ),
        CutOverState::Undone => format!("Secret {secret} was moved back to {}:{} at {at}", before.host, before.port),
    }
}

/// Where clients are, as far as the ledger knows.
pub(crate) fn clients(source: &DbInstanceId, cut_over: Option<&CutOver>) -> String {
    let Some(cut_over) = cut_over else { return format!("Clients go where they always went: {source}") };
    let (secret, before, after) = (&cut_over.secret, &cut_over.endpoint_before, &cut_over.endpoint_after);
    match cut_over.state {
        CutOverState::Verified => format!("Clients read {secret} and find {}:{}", after.host, after.port),
        CutOverState::Moved => {
            format!("Clients read {secret} and find {}:{}, which was not verified from a client's side", after.host, after.port)
        }
        CutOverState::Moving => {
            format!("Clients read {secret}, which may name {}:{} still or {}:{} already", before.host, before.port, after.host, after.port)
        }
        CutOverState::Undone => format!("Clients were moved back: they read {secret} and find {}:{}", before.host, before.port),
    }
}

/// A line of evidence on record after a phrase; nothing where the record says nothing more.
pub(crate) fn on_record(text: &str) -> Option<String> {
    let text = one_line(text);
    (!text.is_empty()).then(|| format!("On record: {text}"))
}
