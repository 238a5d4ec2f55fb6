//! Exports of tables to S3, beside their backups. Nothing of it ever fails, or holds up, a backup: what goes wrong is told by itself, and the
//! next night tries again. The end of an export, which may last hours, is seen by whichever look comes after it.

use crate::{Batch, Deps, Item, TableItem};
use lifeboat_domain::error::CallClass;
use lifeboat_domain::exports::{AskedExport, ExportRecord, Next, ObservedExport, Trouble, Wish};
use lifeboat_domain::ids::Identity;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::ports::{Answer, Clock, ExportTables, Ledger};
use lifeboat_domain::{CallError, DrError, Span, Timestamp};

/// How long one look at a batch lasts, at most: the backups' own steps have a minute and more. What is not reached is looked at next time.
const LONGEST: Span = Span::seconds(20);
/// Tables in a row that go unanswered before the service is taken to be away: one table's trouble is not all tables'.
const MOST_UNANSWERED: u32 = 3;
/// How far AWS's clock may lie behind ours.
const CLOCKS: Span = Span::minutes(10);

/// Which look of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Another one follows: what may pass by then is not told.
    First,
    /// The run has no other one.
    Last,
}

/// Whether the next table is looked after in this turn, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    /// The service is throttled or silent: waiting for it with many tables would use up the time of the step.
    Stop,
}

/// Where a run begins in its batch: elsewhere in each, so that no table stands behind the same others every night.
fn first_of(batch: &Batch) -> usize {
    let sum: usize = batch.run.bytes().map(usize::from).sum();
    sum.checked_rem(batch.items.len()).unwrap_or_default()
}

/// One look at one table.
struct Look<'a> {
    turn: Turn,
    started_at: Timestamp,
    resource: &'a Identity,
    now: Timestamp,
}

/// Looks after the exports of a batch's tables.
pub(crate) async fn tend<R: ExportTables, L: Ledger, D, C: Clock>(deps: &Deps<R, L, D, C>, batch: &Batch, turn: Turn) {
    let (began, mut unanswered) = (deps.clock.now(), 0);
    let (behind, ahead) = batch.items.split_at(first_of(batch));
    for item in ahead.iter().chain(behind) {
        let Some(table) = &item.table else { continue };
        if unanswered >= MOST_UNANSWERED || Span::between(began, deps.clock.now()) >= LONGEST {
            tracing::warn!(run = batch.run, from = %item.target.resource, "no time is left for the exports of this look");
            return;
        }
        let look = Look { turn, started_at: batch.started_at, resource: &item.target.resource, now: deps.clock.now() };
        match tend_one(deps, batch, item, table, &look).await {
            Ok(Then::GoOn) => unanswered = 0,
            Ok(Then::Stop) => unanswered += 1,
            // What cannot be written down is not asked for.
            Err(error) => {
                tracing::warn!(resource = %look.resource, "its exports were not looked after: {error}");
                if error.name().is_retryable() {
                    return;
                }
            }
        }
    }
}

async fn tend_one<R: ExportTables, L: Ledger, D, C>(
    deps: &Deps<R, L, D, C>,
    batch: &Batch,
    item: &Item,
    table: &TableItem,
    look: &Look<'_>,
) -> Result<Then, DrError> {
    let policy = deps.policies.policy(&item.policy).ok();
    let wish = Wish {
        rule: policy.and_then(|policy| policy.export.as_ref()),
        resource: look.resource,
        table: &table.arn,
        table_id: &item.resource_id,
        is_recoverable: table.is_recoverable,
        run: &batch.run,
    };
    // At most the end of the last one, and then a new one.
    for _ in 0..2 {
        let kept = ledger::read::<ExportRecord>(&deps.ledger, &keys::exports(look.resource)).await?;
        let record = kept.map_or_else(|| ExportRecord::new(look.resource.clone()), |kept| kept.value);
        let (asked, answer) = match record.next(&wish, look.now) {
            Next::Nothing => return Ok(Then::GoOn),
            Next::RecoveryOff => {
                let place = wish.rule.map(|rule| rule.place(look.resource));
                let trouble = place.map(|place| Trouble::RecoveryOff { table: table.arn.clone(), place });
                return tell(deps, look, trouble.as_ref()).await.map(|()| Then::GoOn);
            }
            Next::Ask(asked) => return ask(deps, look, &asked).await,
            Next::SendAgain(asked) => {
                let answer = deps.databases.export_table(&asked.table, &asked.place, &asked.token).await;
                (asked, answer.map(Some))
            }
            Next::Search(asked) => {
                let found = deps.databases.export_by_token(&asked.table, &asked.token, asked.asked_at - CLOCKS.as_delta()).await;
                (asked, found)
            }
            Next::Look(asked, arn) => {
                let shown = deps.databases.described_export(&arn).await;
                (asked, shown)
            }
        };
        if let Some(then) = settle(deps, look, &record, &asked, answer).await? {
            return Ok(then);
        }
    }
    Ok(Then::GoOn)
}

/// Writes the intention down, then sends the call.
async fn ask<R: ExportTables, L: Ledger, D, C>(deps: &Deps<R, L, D, C>, look: &Look<'_>, asked: &AskedExport) -> Result<Then, DrError> {
    let mut is_ours = false;
    change(deps, look, |record| is_ours = record.intend(asked)).await?;
    if !is_ours {
        return Ok(Then::GoOn);
    }
    match deps.databases.export_table(&asked.table, &asked.place, &asked.token).await {
        Ok(seen) => take_down(deps, look, asked, &seen).await.map(|()| Then::GoOn),
        Err(error) => {
            if error.certainly_did_nothing() {
                change(deps, look, |record| record.forget(&asked.token)).await?;
            }
            refused(deps, look, asked, error).await
        }
    }
}

/// What an answer about the open export means; none if it is over, and another one may be due.
async fn settle<R, L: Ledger, D, C>(
    deps: &Deps<R, L, D, C>,
    look: &Look<'_>,
    record: &ExportRecord,
    asked: &AskedExport,
    answer: Answer<Option<ObservedExport>>,
) -> Result<Option<Then>, DrError> {
    match answer {
        Ok(Some(seen)) => {
            take_down(deps, look, asked, &seen).await?;
            if !seen.is_under_way() {
                return Ok(None);
            }
            let lasts = record.lasts(look.now).then(|| Trouble::Lasts { asked: asked.clone() });
            tell(deps, look, lasts.as_ref()).await.map(|()| Some(Then::GoOn))
        }
        // What was answered a short while ago is not forgotten: DynamoDB does not show it yet.
        Ok(None) if asked.arn.is_some() && !record.lasts(look.now) => Ok(Some(Then::GoOn)),
        // It was never begun, or DynamoDB has forgotten it: nothing will come of it.
        Ok(None) => close(deps, look, asked).await.map(|()| None),
        // The table is gone.
        Err(error) if error.class == CallClass::NotFound && !asked.may_be_sent_again(look.now) => {
            close(deps, look, asked).await.map(|()| None)
        }
        // A refusal now says nothing of the call before: it stays open.
        Err(error) => refused(deps, look, asked, error).await.map(Some),
    }
}

async fn close<R, L: Ledger, D, C>(deps: &Deps<R, L, D, C>, look: &Look<'_>, asked: &AskedExport) -> Result<(), DrError> {
    tracing::warn!(resource = %look.resource, run = asked.run, "nothing is known of the export that it asked for");
    change(deps, look, |record| record.close(&asked.token)).await
}

/// Writes down how far an export is, and tells why it failed before that is forgotten.
async fn take_down<R, L: Ledger, D, C>(
    deps: &Deps<R, L, D, C>,
    look: &Look<'_>,
    asked: &AskedExport,
    seen: &ObservedExport,
) -> Result<(), DrError> {
    let trouble = seen.failure(asked);
    tell(deps, look, trouble.as_ref()).await?;
    change(deps, look, |record| record.observe(&asked.token, seen)).await
}

/// A call was refused, or not answered: what may pass is told only if no other look follows.
async fn refused<R, L: Ledger, D, C>(
    deps: &Deps<R, L, D, C>,
    look: &Look<'_>,
    asked: &AskedExport,
    error: CallError,
) -> Result<Then, DrError> {
    tracing::warn!(resource = %look.resource, "its export: {error}");
    let then = if matches!(error.class, CallClass::Throttled | CallClass::Unknown) { Then::Stop } else { Then::GoOn };
    let may_pass = then == Then::Stop || error.class == CallClass::WrongState;
    if look.turn == Turn::First && may_pass {
        return Ok(then);
    }
    let trouble = Trouble::Answered { table: asked.table.clone(), place: asked.place.clone(), error };
    tell(deps, look, Some(&trouble)).await.map(|()| then)
}

/// Leaves news of a trouble, unless people know.
async fn tell<R, L: Ledger, D, C>(deps: &Deps<R, L, D, C>, look: &Look<'_>, trouble: Option<&Trouble>) -> Result<(), DrError> {
    let Some(trouble) = trouble else { return Ok(()) };
    let kept = ledger::read::<ExportRecord>(&deps.ledger, &keys::exports(look.resource)).await?;
    if kept.is_some_and(|kept| !kept.value.is_news(trouble, look.now)) {
        return Ok(());
    }
    trouble.news(look.resource, look.now).leave(&deps.ledger, look.started_at).await?;
    change(deps, look, |record| record.tell(trouble, look.now)).await
}

/// Changes the record, which may not be there yet.
async fn change<R, L: Ledger, D, C>(
    deps: &Deps<R, L, D, C>,
    look: &Look<'_>,
    mut change: impl FnMut(&mut ExportRecord),
) -> Result<(), DrError> {
    let key = keys::exports(look.resource);
    ledger::create(&deps.ledger, &key, &ExportRecord::new(look.resource.clone())).await?;
    let changed = |record: &mut ExportRecord| {
        change(record);
        Ok(())
    };
    ledger::update::<ExportRecord, _>(&deps.ledger, &key, changed).await.map(|_| ())
}
