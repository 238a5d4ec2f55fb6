//! Reading a restored database once, in pieces: what engines have in common.

use super::trouble::Trouble;
use lifeboat_domain::warm_up::{Part, PartState};
use tokio::time::Instant;

/// Time-outs in a row after which a part is left to the clients. What a piece has read before its time-out is there when it is
/// read again, so that most of them go on.
const MOST_TRIES: u32 = 10;

/// The most parts that are listed: the list is one document of the ledger.
pub(crate) const MOST_PARTS: usize = 1000;

/// A session that can read the next piece of a part.
pub(crate) trait Warmer {
    /// Reads it, and writes into the part how far that is.
    async fn piece(&mut self, part: &mut Part) -> Result<(), Trouble>;
}

/// Reads pieces until `ends`; an error is one of the visit, and what is wrong with one part stands in it.
pub(crate) async fn read(warmer: &mut impl Warmer, parts: &mut [Part], ends: Instant) -> Result<(), Trouble> {
    for part in parts {
        while part.state == PartState::Waiting {
            if Instant::now() >= ends {
                return Ok(());
            }
            match warmer.piece(part).await {
                Ok(()) => {}
                Err(trouble) if trouble.ends_the_visit() => return Err(trouble),
                Err(trouble) if trouble.is_time_out() => timed_out(part, &trouble),
                Err(trouble) => part.skip(trouble.text),
            }
        }
    }
    Ok(())
}

fn timed_out(part: &mut Part, trouble: &Trouble) {
    part.tries += 1;
    if part.tries >= MOST_TRIES {
        part.skip(format!("{MOST_TRIES} time-outs in a row; the last: {}", trouble.text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_domain::probe::ProbeOutcome;
    use lifeboat_domain::warm_up::PartKind;
    use std::collections::VecDeque;
    use std::time::Duration;

    /// Answers from a list, then reads to the end.
    struct Script(VecDeque<Result<(), Trouble>>);

    impl Warmer for Script {
        async fn piece(&mut self, part: &mut Part) -> Result<(), Trouble> {
            match self.0.pop_front() {
                Some(Ok(())) => part.advance("half", part.bytes / 2),
                Some(Err(trouble)) => return Err(trouble),
                None => part.finish(),
            }
            Ok(())
        }
    }

    fn parts() -> [Part; 2] {
        ["public.orders", "public.carts"].map(|name| Part::new(name, PartKind::Rows, "1", 1000))
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn time_out() -> Trouble {
        Trouble::could_not("57014", "canceling statement due to statement timeout")
    }

    #[tokio::test]
    async fn all_parts_are_read_one_after_the_other_and_a_time_out_is_tried_again() {
        let mut parts = parts();
        let mut script = Script([Ok(()), Err(time_out()), Ok(())].into());
        read(&mut script, &mut parts, later()).await.unwrap();
        assert!(parts.iter().all(|part| part.state == PartState::Read && part.tries == 0), "{parts:?}");
    }

    #[tokio::test]
    async fn what_is_wrong_with_one_part_leaves_the_others() {
        let mut parts = parts();
        let mut script = Script([Err(Trouble::new(ProbeOutcome::LoginRefused, "42501", "permission denied"))].into());
        read(&mut script, &mut parts, later()).await.unwrap();
        assert_eq!((parts[0].state, parts[0].text.as_deref()), (PartState::Skipped, Some("permission denied")));
        assert_eq!(parts[1].state, PartState::Read);
    }

    #[tokio::test]
    async fn a_part_that_only_times_out_is_left_to_the_clients() {
        let mut parts = parts();
        let mut script = Script(std::iter::repeat_with(|| Err(time_out())).take(10).collect());
        read(&mut script, &mut parts, later()).await.unwrap();
        assert!(parts[0].text.as_deref().is_some_and(|text| text.contains("10 time-outs")), "{parts:?}");
        assert_eq!(parts[1].state, PartState::Read);
    }

    #[tokio::test]
    async fn a_broken_connection_ends_the_visit_and_what_was_read_is_known() {
        let mut parts = parts();
        let mut script = Script([Ok(()), Err(Trouble::new(ProbeOutcome::NoAnswer, "closed", "gone"))].into());
        assert_eq!(read(&mut script, &mut parts, later()).await.unwrap_err().code, "closed");
        assert_eq!((parts[0].read, parts[0].state), (500, PartState::Waiting));
    }

    #[tokio::test]
    async fn nothing_is_begun_when_the_time_is_over() {
        let mut parts = parts();
        read(&mut Script(VecDeque::new()), &mut parts, Instant::now()).await.unwrap();
        assert!(parts.iter().all(|part| part.state == PartState::Waiting));
    }
}
