//! `write_items`: writes back what a plan knows, each item under a condition of its own.

use super::turn::{Reader, rules, tables};
use super::{Halt, TurnAnswer, why_not_now};
use crate::{Deps, SalvageInput};
use lifeboat_domain::items::canonical;
use lifeboat_domain::ledger::{self, keys};
use lifeboat_domain::ports::{Clock, Documents, Ledger};
use lifeboat_domain::salvage::{
    self, CompareItems, Condition, Finding, MOST_REFUSED, Mode, Pair, Put, Rules, Salvage, Segment, TURN_PAGES, TURN_WRITES, WriteItems,
    Writing, condition,
};
use lifeboat_domain::{DrError, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;

/// How often an item is given back that was written over by an ill chance.
const TRIES: usize = 3;

/// How far one turn came.
#[derive(Debug, Clone)]
struct Done {
    from: (usize, usize),
    writing: Writing,
    writes: u64,
}

/// One turn of the writing of a plan.
pub(crate) async fn write_items<L, D, S, O, C>(deps: &Deps<L, D, S, O, C>, input: &SalvageInput) -> Result<TurnAnswer, DrError>
where
    L: Ledger,
    D: Documents,
    O: CompareItems + WriteItems,
    C: Clock,
{
    let now = deps.clock.now();
    let salvage = salvage::expect(&deps.ledger, &input.salvage, &input.execution).await?;
    let Some(writing) = salvage.writing.clone().filter(|_| salvage.mode() == Mode::Write) else {
        return Err(DrError::refused(format!("salvage {} only previews, and writes nothing", salvage.id)));
    };
    if salvage.ended.is_some() {
        return Ok(TurnAnswer::of(&salvage, (0, 0), now));
    }
    let mut done = Done { from: (writing.leaves, writing.segments), writing, writes: 0 };
    let (pages, halt) = match work(deps, &salvage, &mut done, now).await {
        Ok(pages) => (pages, None),
        Err((pages, halt)) => (pages, Some(halt)),
    };
    let at = deps.clock.now();
    // What was written is written down also where the step fails.
    let kept = keep(deps, &salvage, &done, halt.as_ref(), at).await?;
    if let Some(Halt::Failed(error)) = halt {
        return Err(error);
    }
    tracing::info!(salvage = kept.id, leaves = done.writing.leaves, writes = done.writes, pages, "wrote a part of {}", kept.copy);
    Ok(TurnAnswer::of(&kept, (pages, done.writes), at))
}

/// Writes segments of the plan, as many as a turn takes; answers the pages that were read, also where something halts it.
async fn work<L: Ledger, D: Documents, S, O: CompareItems + WriteItems, C: Clock>(
    deps: &Deps<L, D, S, O, C>,
    salvage: &Salvage,
    done: &mut Done,
    now: Timestamp,
) -> Result<u64, (u64, Halt)> {
    let at_once = |halt: Halt| (0, halt);
    if let Some(why) = why_not_now(deps, salvage, now).await.map_err(|error| at_once(error.into()))? {
        return Err(at_once(Halt::Over(why)));
    }
    let both = tables(&deps.databases, salvage).await.map_err(at_once)?;
    if salvage.point != Some(both.point) {
        return Err(at_once(Halt::Over(format!("{} shows another moment than when it was previewed", salvage.copy))));
    }
    let writer = Writer { items: &deps.databases, salvage, rules: rules(salvage, both.point) };
    let mut reader = Reader::new(&deps.databases, &deps.clock, salvage, now);
    while let Some(leaf) = salvage.leaves.get(done.writing.leaves) {
        let changes = salvage::changes(&deps.documents, leaf).await.map_err(|error| (reader.pages, error.into()))?;
        for (number, planned) in changes.iter().skip(done.writing.segments) {
            if reader.pages >= TURN_PAGES || done.writes >= TURN_WRITES || reader.is_late() {
                return Ok(reader.pages);
            }
            let segment = Segment { number: *number, total: salvage.segments };
            let wrote = writer.segment(&mut reader, segment, planned, &mut done.writes).await;
            let wrote = wrote.map_err(|halt| (reader.pages, halt))?;
            done.writing.segments += 1;
            done.writing.salvaged += wrote.salvaged;
            done.writing.changed_since += planned.len() as u64 - wrote.salvaged - wrote.refused;
            done.writing.refused += wrote.refused;
            done.writing.refusal = done.writing.refusal.take().or(wrote.refusal);
        }
        (done.writing.leaves, done.writing.segments) = (done.writing.leaves + 1, 0);
    }
    Ok(reader.pages)
}

/// What became of the plan's items of one segment; the rest of them was changed by others.
#[derive(Default)]
struct Wrote {
    /// As in the copy now.
    salvaged: u64,
    /// Not taken by DynamoDB.
    refused: u64,
    /// Why the first was not.
    refusal: Option<String>,
}

/// What became of one item.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Became {
    /// The table has the copy's.
    Salvaged,
    /// Somebody else changed it, and theirs is kept.
    Theirs,
    /// DynamoDB does not take it: why.
    Refused(String),
}

/// Writes single items.
pub(super) struct Writer<'a, O> {
    /// Both tables.
    pub items: &'a O,
    /// What is written.
    pub salvage: &'a Salvage,
    /// How an item is judged again.
    pub rules: Rules<'a>,
}

impl<O: CompareItems + WriteItems> Writer<'_, O> {
    /// Writes what is planned of one segment. One that was halted is done again: what is back already is counted then.
    async fn segment<C: Clock>(
        &self,
        reader: &mut Reader<'_, O, C>,
        segment: Segment,
        planned: &BTreeMap<String, String>,
        writes: &mut u64,
    ) -> Result<Wrote, Halt> {
        let (mut wrote, mut from) = (Wrote::default(), None);
        loop {
            let (pairs, next) = reader.page(segment, from.as_ref()).await?;
            for pair in pairs {
                let change = pair.change(&self.salvage.key);
                let Some(over) = planned.get(&change.item) else { continue };
                if pair.is_same() {
                    wrote.salvaged += 1;
                    continue;
                }
                let is_due = matches!(self.rules.judge(&pair, reader.now()), Finding::Missing | Finding::Damaged);
                if *over != change.over || !is_due {
                    continue;
                }
                if *writes >= TURN_WRITES || reader.is_late() {
                    return Err(Halt::Pause(None));
                }
                match self.one(&pair).await? {
                    Became::Salvaged => (*writes, wrote.salvaged) = (*writes + 1, wrote.salvaged + 1),
                    Became::Theirs => {}
                    Became::Refused(why) => {
                        (*writes, wrote.refused) = (*writes + 1, wrote.refused + 1);
                        if wrote.refused >= MOST_REFUSED {
                            return Err(Halt::Over(format!("DynamoDB does not take what the copy holds: {why}")));
                        }
                        wrote.refusal.get_or_insert(why);
                    }
                }
            }
            match next {
                None => return Ok(wrote),
                Some(_) if reader.is_late() => return Err(Halt::Pause(None)),
                next => from = next,
            }
        }
    }

    /// Writes one item.
    pub(super) async fn one(&self, pair: &Pair) -> Result<Became, Halt> {
        let Some(condition) = condition(pair.seen.as_ref(), &pair.copy, &self.salvage.key) else { return Ok(Became::Theirs) };
        match self.put(&pair.copy, &condition).await? {
            Put::Written(over) => {
                let is_as_seen = over.as_ref().map(canonical) == pair.seen.as_ref().map(canonical);
                match over.filter(|_| !is_as_seen) {
                    None => Ok(Became::Salvaged),
                    Some(over) => self.give_back(&over, &pair.copy).await.map(|()| Became::Theirs),
                }
            }
            // An attempt of our own, whose reply was lost, may have been the quicker one.
            Put::Kept => {
                let key = Pair::key_of(&pair.copy, &self.salvage.key);
                let there = self.items.items_under(&self.salvage.table, &[key]).await;
                let there = there.map_err(|error| Halt::of(error, "looking at who was quicker"))?;
                let is_ours = Pair { copy: pair.copy.clone(), seen: there.into_iter().next() }.is_same();
                Ok(if is_ours { Became::Salvaged } else { Became::Theirs })
            }
            Put::Refused(why) => Ok(Became::Refused(why)),
            Put::Fenced => Err(Halt::Over(format!("{} is fenced: its resource policy denies every write", self.salvage.table))),
        }
    }

    async fn put(&self, item: &Value, condition: &Condition) -> Result<Put, Halt> {
        let put = self.items.put_if(&self.salvage.table, item, condition).await;
        put.map_err(|error| Halt::of(error, "writing an item back"))
    }

    /// Somebody gave the item an attribute in the very moment in which it was written, and touched nothing that the condition names: theirs is newer,
    /// and comes back unless they have written again.
    async fn give_back(&self, theirs: &Value, ours: &Value) -> Result<(), Halt> {
        let condition = condition(Some(ours), theirs, &self.salvage.key);
        let mut why = "it has too many attributes".to_owned();
        for _ in 0..TRIES {
            let Some(condition) = &condition else { break };
            match self.items.put_if(&self.salvage.table, theirs, condition).await {
                Ok(Put::Written(_) | Put::Kept) => return Ok(()),
                Ok(Put::Fenced) => "the table is fenced".clone_into(&mut why),
                Ok(Put::Refused(because)) => why = because,
                Err(error) => why = error.to_string(),
            }
        }
        let hash = Pair { copy: ours.clone(), seen: Some(theirs.clone()) }.change(&self.salvage.key).over;
        let table = &self.salvage.table;
        let text = format!(
            "an item of {table} (hash {hash}) got an attribute in the moment in which it was written back, and could not be given back: {why}; the stream of {table}, or a restore to this moment, has it"
        );
        Err(DrError::unrecoverable(text).into())
    }
}

/// Writes down how far it came. A turn that was repeated meanwhile was written down by whoever was first.
async fn keep<L: Ledger, D, S, O, C>(
    deps: &Deps<L, D, S, O, C>,
    salvage: &Salvage,
    done: &Done,
    halt: Option<&Halt>,
    now: Timestamp,
) -> Result<Salvage, DrError> {
    ledger::update::<Salvage, _>(&deps.ledger, &keys::salvage(&salvage.id), |kept| {
        let Some(writing) = kept.writing.as_mut().filter(|it| (it.leaves, it.segments) == done.from) else { return Ok(()) };
        if kept.ended.is_some() {
            return Ok(());
        }
        let came_on = done.writes > 0 || (done.writing.leaves, done.writing.segments) != done.from;
        writing.clone_from(&done.writing);
        let is_whole = writing.leaves == kept.leaves.len();
        if came_on {
            kept.stalls = 0;
        }
        match halt {
            Some(Halt::Over(why)) => kept.end(now, Some(why.clone())),
            Some(Halt::Pause(why)) if !came_on => kept.stall(now, why.as_deref().unwrap_or("it took too long")),
            None if is_whole => kept.end(now, None),
            _ => {}
        }
        Ok(())
    })
    .await
}
