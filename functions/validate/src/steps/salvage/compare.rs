//! `compare_items`: reads a part of the copy and the same keys of the table, and keeps what could be written back, as hashes.

use super::turn::{Reader, rules, tables};
use super::{Halt, TurnAnswer, why_not_now};
use crate::{Deps, SalvageInput};
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::ports::{Clock, Documents, Ledger};
use lifeboat_domain::salvage::{
    self, Changes, CompareItems, Counts, Finding, MOST_CHANGES, Mode, Salvage, Segment, TURN_PAGES, segments_for,
};
use lifeboat_domain::{DrError, Timestamp};
use std::collections::BTreeMap;

/// What one turn found.
#[derive(Default)]
struct Found {
    segments: u32,
    counts: Counts,
    changes: Changes,
}

/// One turn of a preview.
pub(crate) async fn compare_items<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, input: &SalvageInput) -> Result<TurnAnswer, DrError>
where
    L: Ledger,
    D: Documents,
    O: CompareItems,
    C: Clock,
{
    let now = deps.clock.now();
    let mut salvage = salvage::expect(&deps.ledger, &input.salvage, &input.execution).await?;
    if salvage.mode() != Mode::Preview {
        return Err(DrError::refused(format!("salvage {} writes a plan, and previews nothing", salvage.id)));
    }
    if salvage.ended.is_some() {
        return Ok(TurnAnswer::of(&salvage, (0, 0), now));
    }
    let mut found = Found::default();
    let (pages, halt) = match look(deps, &mut salvage, &mut found, now).await {
        Ok(pages) => (pages, None),
        // Nothing was looked at yet: what a person named is not what it must be.
        Err((_, Halt::Over(why))) if salvage.segments == 0 => return Err(DrError::refused(format!("copy: {why}"))),
        Err((_, Halt::Failed(error))) => return Err(error),
        Err((pages, halt)) => (pages, Some(halt)),
    };
    let at = deps.clock.now();
    let kept = keep(deps, &salvage, found, halt, at).await?;
    tracing::info!(salvage = kept.id, compared = kept.compared, segments = kept.segments, pages, "compared a part of {}", kept.copy);
    Ok(TurnAnswer::of(&kept, (pages, 0), at))
}

/// Compares whole segments, as many as a turn takes; answers the pages that were read, also where something halts it.
async fn look<L: Ledger, D, S, O: CompareItems, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    salvage: &mut Salvage,
    found: &mut Found,
    now: Timestamp,
) -> Result<u64, (u64, Halt)> {
    let at_once = |halt: Halt| (0, halt);
    if let Some(why) = why_not_now(deps, salvage, now).await.map_err(|error| at_once(error.into()))? {
        return Err(at_once(Halt::Over(why)));
    }
    let both = tables(&deps.databases, salvage).await.map_err(at_once)?;
    salvage.point = Some(both.point);
    if salvage.segments == 0 {
        salvage.segments = segments_for(both.items);
    }
    let mut reader = Reader::new(&deps.databases, &deps.clock, salvage, now);
    while salvage.compared + found.segments < salvage.segments && reader.pages < TURN_PAGES && !reader.is_late() {
        let number = salvage.compared + found.segments;
        match segment(&mut reader, salvage, both.point, number).await {
            Ok((counts, changes)) => {
                found.segments += 1;
                found.counts = found.counts.plus(counts);
                if !changes.is_empty() {
                    found.changes.insert(number, changes);
                }
            }
            Err(Halt::TooLarge) if found.segments > 0 => break,
            Err(halt) => return Err((reader.pages, halt)),
        }
    }
    Ok(reader.pages)
}

/// Compares one segment.
async fn segment<O: CompareItems, C: Clock>(
    reader: &mut Reader<'_, O, C>,
    salvage: &Salvage,
    point: Timestamp,
    number: u32,
) -> Result<(Counts, BTreeMap<String, String>), Halt> {
    let (segment, rules) = (Segment { number, total: salvage.segments }, rules(salvage, point));
    let (mut counts, mut changes, mut from) = (Counts::default(), BTreeMap::new(), None);
    loop {
        let (pairs, next) = reader.page(segment, from.as_ref()).await?;
        for pair in pairs {
            let finding = rules.judge(&pair, reader.now());
            counts.add(finding);
            if matches!(finding, Finding::Missing | Finding::Damaged) {
                let change = pair.change(&salvage.key);
                changes.insert(change.item, change.over);
            }
        }
        match next {
            None => return Ok((counts, changes)),
            Some(_) if reader.is_late() => return Err(Halt::TooLarge),
            next => from = next,
        }
    }
}

/// Writes down what was found. A turn that was repeated meanwhile was written down by whoever was first.
async fn keep<L: Ledger, D: Documents, S, O, C>(
    deps: &Deps<L, D, S, O, C>,
    salvage: &Salvage,
    found: Found,
    halt: Option<Halt>,
    now: Timestamp,
) -> Result<Salvage, DrError> {
    let mut leaf = None;
    if !found.changes.is_empty() {
        let new = salvage.leaf(&found.changes)?;
        let place = deps.documents.location(&new.key);
        let written = deps.documents.put_json(&new.key, &ledger::encode(&found.changes)?).await;
        written.map_err(|error| error.while_doing(format!("writing {place}")))?;
        leaf = Some(new);
    }
    ledger::update::<Salvage, _>(&deps.ledger, &keys::salvage(&salvage.id), |kept| {
        if kept.ended.is_some() || kept.compared != salvage.compared || ![0, salvage.segments].contains(&kept.segments) {
            return Ok(());
        }
        (kept.point, kept.segments) = (salvage.point, salvage.segments);
        kept.compared += found.segments;
        kept.counts = kept.counts.plus(found.counts);
        kept.leaves.extend(leaf.clone());
        if found.segments > 0 {
            kept.stalls = 0;
        }
        match &halt {
            Some(Halt::Over(why)) => kept.end(now, Some(why.clone())),
            Some(Halt::TooLarge) => kept.divide(now),
            Some(Halt::Pause(why)) if found.segments == 0 => kept.stall(now, why.as_deref().unwrap_or("it took too long")),
            _ => {}
        }
        if kept.counts.changes() > MOST_CHANGES {
            let why = format!("more than {MOST_CHANGES} items differ: that is no damage to single items; plan to cut over instead");
            kept.end(now, Some(why));
        } else if kept.compared == kept.segments && kept.segments > 0 {
            kept.end(now, None);
        }
        Ok(())
    })
    .await
}
