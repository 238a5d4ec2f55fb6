//! More stories: clients moved back in time by a person, and recoveries that broke off.

use super::fixture::{World, arn, endpoint, id, incident_id, mistake, plan, recovered, restored_beside, time};
use lifeboat_domain::acting::{CallState, CutOver, CutOverState, Fence, FenceState, TargetEntry, TargetMove};
use lifeboat_domain::incident::{Outcome, Phase};
use lifeboat_domain::ledger::keys;
use lifeboat_domain::plan::{Act, FencePlan, Plan, PlannedCall, Remedy};
use lifeboat_domain::register::ResourceRecord;
use lifeboat_domain::words::Scenario;

const FENCE: &str = "sg-0fe9ce0fe9ce0fe9c";

fn fence_calls() -> Vec<PlannedCall> {
    let acts = [
        (Act::SetSecurityGroups { instance: id("orders-db"), groups: vec![FENCE.to_owned()] }, "no new connection reaches the old one"),
        (Act::EndSessions { instance: id("orders-db") }, "a changed group does not cut tracked connections"),
    ];
    acts.map(|(act, why)| PlannedCall { phase: Phase::Fence, act, why: why.to_owned() }).into()
}

/// Clients go back to the second before a mistake; the source is fenced by its group.
pub(crate) fn cut_over_plan() -> Plan {
    let mut plan = plan(Scenario::HumanError, Remedy::RestoreToTime, true);
    plan.reason = "point-in-time recovery reaches 2026-01-15T10:25:00Z".to_owned();
    plan.calls.splice(1..1, fence_calls());
    plan.fence = Some(FencePlan::Group);
    plan.risks = vec!["sessions on orders-db are cut when it is fenced".to_owned()];
    plan.hash = plan.hash_of().unwrap();
    plan
}

pub(crate) fn fence(world: &World, state: FenceState, at: &str) {
    let fence = Fence {
        state,
        groups_before: vec!["sg-0a1b2c3d4e5f60718".to_owned()],
        group: Some(FENCE.to_owned()),
        text: "orders-db admits nobody, and its sessions were ended".to_owned(),
        at: time(at),
    };
    world.put(keys::fence(&incident_id()), &fence);
}

pub(crate) fn cut_over(world: &World, state: CutOverState, at: &str) {
    let cut_over = CutOver {
        targets: vec![TargetEntry {
            moves: TargetMove::Secret {
                secret: "prod/orders-db".to_owned(),
                before: endpoint("orders-db"),
                after: endpoint("orders-db-r7c21d0aa"),
                token: String::new(),
            },
            state,
            text: "secret prod/orders-db names orders-db-r7c21d0aa".to_owned(),
            at: time(at),
        }],
        began_at: time(at),
        opened_at: None,
        left_sessions: false,
        sessions_ended_at: None,
        closed: None,
        back_since: None,
        back_refused: 0,
    };
    world.put(keys::cut_over(&incident_id()), &cut_over);
}

/// A person moved the clients to the second before a mistake; an earlier copy still stands beside.
pub(crate) fn moved_back_in_time() -> World {
    let plan = cut_over_plan();
    let world = mistake();
    let earlier = world.incident();
    world.put(keys::plan(&incident_id(), &plan.hash), &plan);
    world.remove(&keys::call(&incident_id(), earlier.plan.as_ref().unwrap(), 0));
    world.change_incident(|incident| {
        incident.plan = Some(plan.hash.clone());
        incident.request.cut_over = true;
    });
    let calls = [(1, "10:38:22"), (2, "10:38:25"), (3, "10:38:40"), (4, "10:38:50"), (5, "10:38:52"), (6, "10:38:53"), (7, "10:38:55")];
    for (index, at) in [(0, "10:30:18")].into_iter().chain(calls) {
        world.made(&plan, index, CallState::Done, at, Some(at), "AWS accepted it");
    }
    fence(&world, FenceState::SessionsEnded, "10:38:30");
    cut_over(&world, CutOverState::Verified, "10:38:44");
    world.tell("10:38:44", Phase::CutOver, "a client that reads prod/orders-db reaches orders-db-r7c21d0aa and may write");
    world.tell("10:38:55", Phase::Close, "orders-db is now orders-db-r7c21d0aa");
    let other = lifeboat_domain::ids::IncidentId::parse("inc-asked-4-0a1b2c3d").unwrap();
    let mut earlier = lifeboat_domain::incident::Incident { id: other.clone(), outcome: Some(Outcome::RestoredBeside), ..earlier };
    earlier.closed_at = Some(time("10:20:00"));
    earlier.restored.iter_mut().for_each(|restored| {
        restored.id = id("orders-db-r0ddc0de1");
        restored.arn = arn("orders-db-r0ddc0de1");
    });
    world.put(keys::opened(time("10:10:00"), &other), &earlier.resource);
    world.put(keys::incident(&other), &earlier);
    world.change(keys::record(&earlier.resource), |record: &mut ResourceRecord| {
        record.id = id("orders-db-r7c21d0aa");
        record.resource_id = "db-NEW0EXAMPLE".to_owned();
    });
    world
}

/// Fenced, and clients were about to be moved, when everything ended.
pub(crate) fn half_moved(state: CutOverState) -> World {
    let mut plan = plan(Scenario::Hung, Remedy::RestoreLatest, true);
    plan.calls.splice(1..1, fence_calls());
    plan.fence = Some(FencePlan::Group);
    plan.risks = vec!["sessions on orders-db are cut when it is fenced".to_owned()];
    plan.hash = plan.hash_of().unwrap();
    let world = restored_beside(&plan);
    for (index, at) in [(1, "10:38:22"), (2, "10:38:25")] {
        world.made(&plan, index, CallState::Done, at, Some(at), "AWS accepted it");
    }
    fence(&world, FenceState::Proven, "10:38:30");
    cut_over(&world, state, "10:38:40");
    world
}

/// Clients were verified on the new database; then tags were added to the source, and everything ended.
pub(crate) fn half_finished() -> World {
    let world = recovered();
    let hash = world.incident().plan.unwrap();
    for index in [3, 4, 5] {
        world.remove(&keys::call(&incident_id(), &hash, index));
    }
    world.change(keys::record(&world.incident().resource), |record: &mut ResourceRecord| record.id = id("orders-db"));
    world
}
