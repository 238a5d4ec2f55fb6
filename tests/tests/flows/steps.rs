//! Every step of every machine, disturbed: invoked twice, its reply lost, cut off, and taken up midway by a new execution.
//! The end is the same, and the calls that changed the cloud are as if nothing had happened.

use crate::account::{Disturbance, How, machines};
use crate::story::{Story, Summary, check_always};
use lifeboat_tests::asl::State;
use std::collections::{BTreeMap, BTreeSet};

/// A story as it goes undisturbed: its end, and how often each Task ran.
async fn undisturbed(story: Story) -> (Summary, BTreeMap<String, usize>) {
    let mut account = story.begin().await;
    let calls = account.last_call();
    story.play(&mut account).await;
    let mut visits: BTreeMap<String, usize> = BTreeMap::new();
    for task in &account.tasks {
        *visits.entry(task.clone()).or_default() += 1;
    }
    (story.summary(&account, calls), visits)
}

/// What must be the same even then.
fn unlike(one: &Summary, other: &Summary) -> Option<String> {
    let alike = Summary { incidents: other.incidents.clone(), messages: other.messages.clone(), ..one.clone() };
    alike.difference(other)
}

async fn disturbed(story: Story, how: How, task: &str, visit: usize, expected: &Summary) -> Option<String> {
    let mut account = story.begin().await;
    let calls = account.last_call();
    account.disturbance = Some(Disturbance::new(how, task, visit));
    story.play(&mut account).await;
    assert!(account.disturbance.as_ref().is_some_and(Disturbance::struck), "{story:?}: {task} was not visited {visit} times");
    let broken = check_always(&account).err();
    let end = story.summary(&account, calls);
    let differs =
        if how.kills() && story.other_ends().contains(&end.incidents) { unlike(expected, &end) } else { expected.difference(&end) };
    let found: Vec<String> = broken.into_iter().chain(differs).collect();
    (!found.is_empty()).then(|| format!("{how:?} {task} (visit {visit}): {}\n{}", found.join("; "), account.explain()))
}

/// Which visits to a Task are disturbed how: those that repeat it the first and the last time, those that end something once.
fn plan(story: Story, task: &str, count: usize) -> Vec<(How, usize)> {
    if !story.is_about(task) {
        return Vec::new();
    }
    let repeats = BTreeSet::from([1, count]).into_iter().flat_map(|visit| [(How::Twice, visit), (How::ReplyLost, visit)]);
    let ends = [(How::TimesOut, count), (How::ThenDies, 1), (How::ThenDiesUnheard, count)];
    repeats.chain(ends).filter(|(how, _)| !how.kills() || story.is_taken_up()).collect()
}

pub async fn every_step(story: Story) {
    let (expected, visits) = undisturbed(story).await;
    let mut table = Vec::new();
    for (task, count) in &visits {
        for (how, visit) in plan(story, task, *count) {
            table.extend(disturbed(story, how, task, visit, &expected).await);
        }
    }
    assert!(table.is_empty(), "{story:?}: {} of the disturbed runs differ\n{}", table.len(), table.join("\n"));
}

#[tokio::test]
async fn the_stories_visit_every_task_of_every_machine() {
    let mut seen = BTreeSet::new();
    for story in Story::ALL {
        seen.extend(undisturbed(story).await.1.into_keys());
    }
    // Nothing happens to a database there: its only Task is disturbed in the flows of releasing.
    seen.insert("release/ReleaseKept".to_owned());
    // What is known when a step fails for good is told in the flows of bisecting.
    seen.insert("bisect/ConcludeBrokenOff".to_owned());
    // Salvages are told, and disturbed, in the flows of tables.
    seen.extend(crate::tables::salvage::visits().await);
    let all = machines().into_iter().flat_map(|machine| {
        let tasks = machine.all_states().into_iter().filter(|(_, state)| matches!(state, State::Task(_)));
        tasks.map(|(name, _)| format!("{}/{name}", machine.name)).collect::<Vec<_>>()
    });
    let unseen: Vec<String> = all.filter(|task| !seen.contains(task)).collect();
    assert!(unseen.is_empty(), "no story visits {unseen:?}");
}

macro_rules! stories {
    ($($name:ident: $story:ident),+ $(,)?) => {
        $(#[tokio::test] async fn $name() { every_step(Story::$story).await; })+
    };
}

stories! {
    a_failed_instance_is_recovered_the_same_however_a_step_is_disturbed: InstanceFailure,
    a_hung_instance_is_recovered_the_same_however_a_step_is_disturbed: Hung,
    a_failover_is_asked_for_once_however_a_step_is_disturbed: HungMultiAz,
    an_outage_that_aws_heals_is_left_alone_however_a_step_is_disturbed: AzOutage,
    a_copy_beside_production_is_made_once_however_a_step_is_disturbed: HumanError,
    an_approved_cut_over_is_made_once_however_a_step_is_disturbed: HumanErrorCutOver,
    a_moment_not_restorable_yet_is_waited_for_however_a_step_is_disturbed: HumanErrorJustNow,
    corruption_is_answered_once_however_a_step_is_disturbed: Corruption,
    an_approved_recovery_of_a_deleted_instance_goes_the_same_however_a_step_is_disturbed: Deletion,
    a_plan_changes_nothing_however_a_step_is_disturbed: PlanOnly,
    wrong_input_changes_nothing_however_a_step_is_disturbed: WrongInput,
    observing_changes_nothing_however_a_step_is_disturbed: Observed,
    a_contradiction_goes_to_a_person_however_a_step_is_disturbed: Contradiction,
    a_wrong_copy_is_held_however_a_step_is_disturbed: CopyIsWrong,
    a_healed_source_is_kept_however_a_step_is_disturbed: SourceHealed,
    a_leaking_fence_is_opened_again_however_a_step_is_disturbed: FenceLeaks,
    a_refused_client_is_moved_back_however_a_step_is_disturbed: ClientRefused,
    a_failed_restore_is_followed_by_another_however_a_step_is_disturbed: RestoreFails,
    a_class_without_capacity_is_followed_by_another_however_a_step_is_disturbed: NoCapacity,
    a_backup_takes_each_snapshot_once_however_a_step_is_disturbed: Backup,
    a_backup_that_is_impossible_is_told_however_a_step_is_disturbed: BackupImpossible,
    news_are_told_once_however_a_step_is_disturbed: News,
    a_full_volume_is_grown_once_however_a_step_is_disturbed: StorageFull,
    a_cut_over_is_undone_once_however_a_step_is_disturbed: Undo,
    a_replica_is_promoted_once_however_a_step_is_disturbed: Promotion,
    a_hung_source_is_fenced_before_its_replica_is_promoted_however_a_step_is_disturbed: PromotionHung,
    a_refused_promotion_is_followed_by_a_restore_however_a_step_is_disturbed: PromotionRefused,
    a_wrong_promoted_replica_is_held_and_its_source_opened_however_a_step_is_disturbed: PromotedIsWrong,
    a_pause_is_ordered_once_however_a_step_is_disturbed: Pause,
    copies_are_made_once_and_asked_to_the_same_end_however_a_step_is_disturbed: Bisect,
    a_moment_is_found_and_told_once_however_a_step_is_disturbed: FindMoment,
}
